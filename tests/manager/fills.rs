//! Fills on every path and in any order: with the answer, by the account's list, twice, late.

use posbook::venue::{Answer, FillCursor, FillPage, OrderEnd, VenueFill};
use posbook::{OrderSide, OrderState, Side, TroubleKind};

use crate::stage::*;

fn page(
    fills: Vec<VenueFill>,
    next: u64,
) -> impl FnOnce(FillCursor) -> Result<FillPage, posbook::venue::VenueError> {
    move |_| Ok(FillPage { fills, next: FillCursor(next) })
}

#[tokio::test]
async fn r02_a_final_answer_awaits_its_fills() {
    let world = world();
    world.venue.on_submit(|_| says(filled("1")));
    let report = world.try_open(BTC, Side::Long, "1").unwrap();
    assert_eq!((report.end, report.filled), (OrderEnd::AwaitingFills, Some(q("0"))));
    // A requested quantity never becomes a position.
    assert_eq!((world.stands(BTC).as_str(), world.unresolved()), ("flat", 1));
    assert_eq!(world.book().reservations()[0].state, OrderState::Settling(q("1")));

    let order = world.venue.sent()[0].clone();
    world.venue.on_fills(page(vec![world.fill(&order, "t1", "0.4", "50000")], 1));
    world.manager.pull_fills().await.unwrap();
    assert_eq!((world.stands(BTC).as_str(), world.unresolved()), ("long 0.4", 1));
    world.venue.on_fills(page(vec![world.fill(&order, "t2", "0.6", "50000")], 2));
    world.manager.pull_fills().await.unwrap();
    assert_eq!((world.stands(BTC).as_str(), world.unresolved()), ("long 1", 0));
    assert_eq!(world.manager.get_position(BTC).unwrap().stop_loss(), Some(p("47500")));
}

#[test]
fn r02_fills_that_are_late_by_one_question_are_asked_for_once() {
    let world = world();
    let copy = world.clone();
    world.venue.on_submit(move |order| {
        let late = copy.fill(&order, "t1", "1", "50000");
        copy.venue.on_fills(page(vec![late], 1));
        says(filled("1"))
    });
    let report = world.try_open(BTC, Side::Long, "1").unwrap();
    assert_eq!((report.end, report.filled, world.unresolved()), (OrderEnd::Done, Some(q("1")), 0));
}

#[tokio::test]
async fn i11_fills_twice_and_out_of_order_make_one_position() {
    let world = world();
    let copy = world.clone();
    world.venue.on_submit(move |order| {
        let fills = ["t1", "t2", "t3"].map(|trade| copy.fill(&order, trade, "0.2", "50000"));
        let [first, second, third] = fills;
        // The list has the third before the second, and all of them again.
        copy.venue.on_fills(page(vec![third.clone(), first.clone(), second.clone(), third], 4));
        Ok(Answer { status: filled("0.6"), fills: vec![second, first.clone(), first] })
    });
    let report = world.try_open(BTC, Side::Long, "0.6").unwrap();
    assert_eq!((report.end, report.filled), (OrderEnd::Done, Some(q("0.6"))));
    let digest = world.book().snapshot().digest();

    // And once more, on every path.
    let order = world.venue.sent()[0].clone();
    let again = ["t3", "t1", "t2"].map(|trade| world.fill(&order, trade, "0.2", "50000")).to_vec();
    world.venue.on_fills(page(again, 9));
    assert_eq!(world.manager.pull_fills().await.unwrap(), 0);
    assert_eq!((world.stands(BTC).as_str(), world.book().snapshot().digest()), ("long 0.6", digest));
    assert_eq!(world.key(BTC).ledger.fills, 3);
}

#[tokio::test]
async fn r02_a_fill_before_the_answer_is_booked_once() {
    let world = world();
    let opening = world.opening(BTC, Side::Long, "1");
    let order = opening.called.clone();
    let early = world.fill(&order, "t1", "1", "50000");
    world.venue.on_fills(page(vec![early.clone()], 1));
    assert_eq!(world.manager.pull_fills().await.unwrap(), 1);
    assert_eq!((world.stands(BTC).as_str(), world.unresolved()), ("long 1", 1));
    assert_eq!(opening.answer(Ok(Answer { status: filled("1"), fills: vec![early] })).end, OrderEnd::Done);
    assert_eq!((world.stands(BTC).as_str(), world.unresolved()), ("long 1", 0));
}

#[tokio::test]
async fn r02_a_fill_after_the_end_is_booked_and_flagged() {
    let world = world();
    world.venue.on_submit(|_| says(cancelled("0")));
    world.try_open(BTC, Side::Long, "1").unwrap();
    assert_eq!(world.unresolved(), 0);
    let order = world.venue.sent()[0].clone();
    world.venue.on_fills(page(vec![world.fill(&order, "t1", "0.5", "50000")], 1));
    world.manager.pull_fills().await.unwrap();
    assert_eq!(world.stands(BTC), "long 0.5");
    assert!(world.key(BTC).troubles.iter().any(|t| t.kind == TroubleKind::AfterFinal));
    assert!(!world.refused_increase(BTC).is_empty());
}

#[tokio::test]
async fn r04_a_page_is_booked_whatever_its_cursor_says() {
    let world = world();
    // A venue whose cursor is the time of the last trade: the page does not move it.
    world.venue.on_fills(page(vec![world.foreign(BTC, "a", OrderSide::Buy, "1", "50000")], 0));
    assert_eq!(world.manager.pull_fills().await.unwrap(), 1);
    assert_eq!(world.stands(BTC), "long 1");
}

#[tokio::test]
async fn r04_an_empty_page_moves_the_cursor() {
    let world = world();
    world.venue.on_fills(page(vec![], 700));
    world.manager.pull_fills().await.unwrap();
    let asked = std::sync::Arc::new(std::sync::Mutex::new(None));
    let told = std::sync::Arc::clone(&asked);
    world.venue.on_fills(move |cursor| {
        *told.lock().unwrap() = Some(cursor);
        Ok(FillPage { fills: vec![], next: cursor })
    });
    world.manager.pull_fills().await.unwrap();
    assert_eq!(*asked.lock().unwrap(), Some(FillCursor(700)));
}

#[tokio::test]
async fn r04_a_fill_of_an_unknown_symbol_is_kept() {
    let world = world();
    world.venue.on_fills(page(vec![world.foreign("NEW/USDT:USDT", "a", OrderSide::Buy, "1", "5")], 1));
    world.manager.pull_fills().await.unwrap();
    assert_eq!(world.book().snapshot().totals().strays, 1);
    assert_eq!(world.manager.get_open_positions_count(), 0);
}

#[tokio::test]
async fn r05_a_trade_by_hand_is_booked_and_has_no_targets_of_ours() {
    let world = world();
    world.by_hand(BTC, OrderSide::Sell, "2");
    assert_eq!(world.manager.pull_fills().await.unwrap(), 1);
    assert_eq!(world.stands(BTC), "short 2");
    assert!(world.refused_increase(BTC).contains("no rule for its targets"));
    // It can still be closed.
    world.manager.close_position(BTC, "not ours").await.unwrap();
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
}

#[test]
fn i11_four_threads_pull_the_same_fills() {
    let world = world();
    for n in 1..=20 {
        world.price(BTC, "50000");
        let side = if n % 3 == 0 { OrderSide::Sell } else { OrderSide::Buy };
        world.by_hand(BTC, side, "1");
    }
    let start = std::sync::Barrier::new(4);
    let booked: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    pollster::block_on(world.manager.pull_fills()).unwrap()
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).sum()
    });
    // Fills one after the other in the list move the position to the same end whoever books them.
    assert_eq!((booked, world.key(BTC).ledger.fills), (20, 20));
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("long 8", "8"));
}

#[tokio::test]
async fn r03_more_trades_in_one_millisecond_than_are_remembered_are_never_doubled_or_silently_lost() {
    let world = world();
    let copy = world.clone();
    world.venue.on_submit(move |order| {
        let fills: Vec<_> = (0..200).map(|n| copy.fill(&order, &format!("t{n}"), "0.001", "50000")).collect();
        // And all of them again by the list.
        copy.venue.on_fills(page(fills.clone(), 200));
        Ok(Answer { status: filled("0.2"), fills })
    });
    let report = world.try_open(BTC, Side::Long, "0.2").unwrap();
    world.manager.update_positions().await;
    let open = world.manager.get_position(BTC).unwrap().quantity;
    assert!(open <= q("0.2"), "{open} of 0.2");
    if open < q("0.2") {
        assert_eq!((report.end, world.unresolved()), (OrderEnd::AwaitingFills, 1));
        assert!(world.key(BTC).troubles.iter().any(|t| t.kind == TroubleKind::TooOldToTell));
        assert!(!world.refused_increase(BTC).is_empty());
    }
}
