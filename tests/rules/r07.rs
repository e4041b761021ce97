//! R7: a close stands until the key is flat. Without it: a stop fires while a scale-in is unanswered, the close sells
//! what the book knows, the scale-in fills a moment later above the stop, and the rest runs on with nobody meaning to
//! hold it.

use posbook::venue::OrderEnd;
use posbook::{Closing, Command, Error, Intent, Kind, OrderSide, OrderState, Reason, Side};

use crate::help::{alone, both, desk, since, trade};
use crate::stage::*;

fn rejection<T: std::fmt::Debug>(result: Result<T, Error>) -> Reason {
    match result {
        Err(Error::Rejected(refused)) => refused.reason().clone(),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_scale_in_that_fills_after_the_stop_is_closed_although_the_price_came_back() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let mut held = world.venue.hold_submit();
    let manager = world.manager.clone();
    let adding = tokio::spawn(async move { manager.scale_in_position(BTC, q("0.5")).await });
    held.called().await;
    world.price(BTC, "47500");
    world.manager.update_positions().await;
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
    assert!(matches!(&world.key(BTC).closing, Some(Closing { cause, .. }) if cause == "stop loss"));
    // Far above the stop again, and the scale-in fills.
    world.price(BTC, "52000");
    held.go();
    assert_eq!(adding.await.unwrap().unwrap().end, OrderEnd::Done);
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("long 0.5", "0.5"));
    world.manager.update_positions().await;
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
    assert!(world.key(BTC).closing.is_none());
    assert!(world.venue.sent().iter().filter(|o| !o.intent.increases()).all(|o| o.reduce_only));
}

#[tokio::test]
async fn what_rests_on_a_closing_key_is_cancelled_and_everything_goes_out() {
    let desk = desk();
    desk.open(BTC, Side::Long, "1");
    // A take profit of 0.6 and a scale-in rest at the venue.
    desk.manager.scale_out_position(BTC, q("0.6"), "part").await.unwrap();
    desk.manager.scale_in_position(BTC, q("0.2")).await.unwrap();
    assert_eq!(desk.venue.paper().open_orders().len(), 2);
    let closed = desk.manager.close_position(BTC, "out").await.unwrap();
    assert_eq!(closed.end, OrderEnd::Working);
    // Both are gone; the close of what was free is on its way.
    assert_eq!(desk.venue.paper().open_orders(), [closed.client_id]);
    assert_eq!(desk.venue.sent().last().unwrap().quantity, q("0.4"));
    desk.arrive();
    desk.arrive();
    assert_eq!(desk.both(BTC), both("flat", "0"));
    assert_eq!((desk.unresolved(), desk.key(BTC).closing.is_none()), (0, true));
    assert!(desk.venue.sent()[1..].iter().all(|o| o.reduce_only == (o.intent != Intent::ScaleIn)));
}

#[tokio::test]
async fn a_close_of_what_other_orders_hold_whole_cancels_them_first() {
    let desk = desk();
    desk.open(BTC, Side::Long, "1");
    desk.manager.order(Command::scale_out(desk.id(BTC), q("1"))).await.unwrap();
    desk.manager.close_position(BTC, "out").await.unwrap();
    let last = desk.venue.sent().pop().unwrap();
    assert_eq!((last.intent, last.quantity, last.reduce_only), (Intent::Close, q("1"), true));
    desk.arrive();
    assert_eq!((desk.both(BTC), desk.unresolved()), (both("flat", "0"), 0));
}

#[tokio::test]
async fn a_stop_whose_position_is_held_by_resting_orders_cancels_them_and_closes() {
    let desk = desk();
    desk.open(BTC, Side::Long, "1");
    desk.manager.order(Command::scale_out(desk.id(BTC), q("1"))).await.unwrap();
    desk.price(BTC, "47500");
    let pass = desk.manager.update_positions().await;
    assert_eq!((pass.closed.len(), pass.refused.len()), (0, 1));
    assert!(desk.venue.paper().open_orders().is_empty(), "the resting reduction was not cancelled");
    desk.price(BTC, "50000");
    let pass = desk.manager.update_positions().await;
    assert_eq!(pass.closed.len(), 1);
    desk.arrive();
    assert_eq!((desk.both(BTC), desk.unresolved()), (both("flat", "0"), 0));
}

#[tokio::test]
async fn an_order_that_is_being_sent_cannot_be_cancelled_and_the_close_says_that_it_comes_later() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let mut held = world.venue.hold_submit();
    let (manager, id) = (world.manager.clone(), world.id(BTC));
    let reducing = tokio::spawn(async move { manager.order(Command::scale_out(id, q("1"))).await });
    held.called().await;
    let later = rejection(world.manager.close_position(BTC, "out").await);
    assert!(matches!(later, Reason::ClosesLater { .. }), "{later}");
    assert!(matches!(&world.key(BTC).closing, Some(Closing { cause, .. }) if cause == "out"));
    assert!(world.refused_increase(BTC).contains("closing"));
    // Refused by the venue: free again, and the next pass closes it.
    held.answer(says(rejected()));
    reducing.await.unwrap().unwrap();
    world.manager.update_positions().await;
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
}

#[tokio::test]
async fn an_increase_is_refused_while_a_key_is_closing_by_every_way_in() {
    let desk = desk();
    desk.open(BTC, Side::Long, "1");
    desk.manager.close_position(BTC, "out").await.unwrap();
    let id = desk.id(BTC);
    let added = rejection(desk.manager.scale_in_position(BTC, q("1")).await);
    assert!(matches!(added, Reason::Closing { .. }), "R7: a key that closes took an increase: {added}");
    let batch = desk.book().submit([Command::scale_in(id, q("1")).into()]).unwrap_err();
    assert!(matches!(batch.reason(), Reason::Closing { .. }), "{batch}");
    let turned = rejection(desk.manager.open_position(BTC, Side::Short, q("1"), 10, f("0.05")).await);
    assert!(matches!(turned, Reason::AlreadyOpen { .. } | Reason::Closing { .. }), "{turned}");
    desk.arrive();
    assert_eq!(desk.both(BTC), both("flat", "0"));
    // A deliberate flip is a close, then an open.
    desk.open(BTC, Side::Short, "1");
    assert_eq!(desk.both(BTC), both("short 1", "-1"));
}

#[test]
fn a_flat_key_with_an_open_on_its_way_can_be_made_closing_and_one_with_nothing_cannot() {
    let alone = alone();
    let closing = |position| Command::StartClosing { key: alone.btc.into(), position, cause: "out".into() };
    assert!(matches!(alone.book.apply(closing(None)).unwrap_err().reason(), Reason::NoPosition { .. }));
    let order = alone.sent_open(alone.btc, "1");
    let id = order.client_id();
    alone.book.apply(closing(None)).unwrap();
    assert!(alone.book.apply(closing(None)).unwrap().publication.is_none(), "once");
    alone.record(trade(alone.btc, "1", OrderSide::Buy, "1", "50000").order(id));
    order.complete(q("1")).unwrap();
    // It filled, and is to be closed whatever it was opened for.
    assert!(matches!(alone.refused(alone.btc), Reason::Closing { .. }));
    let position = alone.key(alone.btc).position.unwrap().id;
    assert!(alone.book.apply(closing(None)).is_err(), "decided when it was flat");
    let close = alone.book.reserve(Command::close(alone.btc)).unwrap().sent().unwrap();
    alone.record(trade(alone.btc, "2", OrderSide::Sell, "1", "50000").order(close.client_id()));
    close.complete(q("1")).unwrap();
    assert!(alone.key(alone.btc).closing.is_none());
    let other = alone.book.apply(closing(Some(position))).unwrap_err();
    assert!(matches!(other.reason(), Reason::OtherPosition { .. }), "{other}");
    alone.folds();
}

#[test]
fn a_closing_on_a_flat_key_ends_when_the_open_is_over() {
    let alone = alone();
    let order = alone.sent_open(alone.btc, "1");
    alone
        .book
        .apply(Command::StartClosing { key: alone.btc.into(), position: None, cause: "out".into() })
        .unwrap();
    order.refused(q("0"), "cancelled").unwrap();
    assert!(alone.key(alone.btc).closing.is_none());
    assert!(alone.book.check(Command::open(alone.btc, Side::Long, q("1"))).is_ok());
}

#[test]
fn a_closing_stands_through_refusals_and_ends_by_its_own_command_only() {
    let alone = alone();
    alone.long(alone.btc, "1");
    for _ in 0..3 {
        let close = alone.book.reserve(Command::close(alone.btc).because("out")).unwrap().sent().unwrap();
        close.refused(q("0"), "rate limit").unwrap();
        assert!(matches!(alone.refused(alone.btc), Reason::Closing { .. }));
    }
    // Accepting troubles, moving targets, filling a part: none of it calls the close off.
    let key = alone.btc.into();
    alone.book.apply(Command::Accept { key, reason: "seen".into() }).unwrap();
    alone.book.apply(Command::retarget(alone.btc).stop(p("45000"))).unwrap();
    alone.record(trade(alone.btc, "by-hand", OrderSide::Sell, "0.4", "50000"));
    assert!(matches!(alone.refused(alone.btc), Reason::Closing { .. }));
    let before = alone.book.snapshot().sequence();
    alone.book.apply(Command::CancelClosing { key, reason: "changed my mind".into() }).unwrap();
    assert_eq!(since(&alone.book, before), [Kind::ClosingCancelled]);
    assert!(alone.book.check(Command::scale_in(alone.btc, q("1"))).is_ok());
    alone.folds();
}

#[test]
fn a_close_that_was_never_sent_is_no_closing_but_one_that_stood_before_stays() {
    let alone = alone();
    alone.long(alone.btc, "1");
    drop(alone.book.reserve(Command::close(alone.btc)).unwrap());
    assert!(alone.key(alone.btc).closing.is_none());
    let close = alone.book.reserve(Command::close(alone.btc).because("out")).unwrap().sent().unwrap();
    close.refused(q("0"), "no").unwrap();
    drop(alone.book.reserve(Command::close(alone.btc)).unwrap());
    assert_eq!(alone.key(alone.btc).closing.unwrap().cause, "out");
}

#[tokio::test]
async fn flatten_closes_everything_that_stands_rests_or_is_on_its_way() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.open(SOL, Side::Short, "5");
    // One leg is opening, its order held by the venue; one key has a part in flight.
    let mut opening = world.venue.hold_submit();
    let manager = world.manager.clone();
    let open =
        tokio::spawn(async move { manager.open_position(ETH, Side::Long, q("2"), 10, f("0.05")).await });
    opening.called().await;
    let mut reducing = world.venue.hold_submit();
    let manager = world.manager.clone();
    let reduce = tokio::spawn(async move { manager.scale_out_position(BTC, q("0.6"), "part").await });
    reducing.called().await;

    let before = world.book().snapshot().sequence();
    let pass = world.manager.flatten("shutting down").await.unwrap();
    // One unit: what is free of BTC, the opening ETH, SOL whole.
    let unit = world.book().changes_after(before).try_next().unwrap().unwrap();
    assert_eq!(unit.len(), 3);
    assert!(unit.iter().any(|c| c.kind() == Kind::Closing && c.key() == Some(world.id(ETH).into())));
    assert_eq!(pass.closed.len(), 2);
    assert!(pass.closed.iter().all(|(_, report)| report.as_ref().unwrap().end == OrderEnd::Done));
    assert_eq!((world.stands(BTC).as_str(), world.stands(SOL).as_str()), ("long 0.6", "flat"));
    // Called again it has nothing more to say: everything left is in flight or closing.
    assert!(world.manager.flatten("again").await.unwrap().closed.is_empty());
    for symbol in [BTC, ETH] {
        assert_eq!(world.key(symbol).closing.unwrap().cause, "shutting down");
    }
    // The open fills, the part is refused: the passes close both.
    opening.go();
    open.await.unwrap().unwrap();
    reducing.answer(says(rejected()));
    reduce.await.unwrap().unwrap();
    world.manager.update_positions().await;
    for symbol in [BTC, ETH, SOL] {
        assert_eq!(
            (world.stands(symbol).as_str(), world.venue_has(symbol).as_str()),
            ("flat", "0"),
            "{symbol}"
        );
    }
    assert_eq!((world.unresolved(), world.book().snapshot().totals().troubled), (0, 0));
}

#[tokio::test]
async fn flatten_cancels_what_rests() {
    let desk = desk();
    desk.open(BTC, Side::Long, "1");
    desk.manager.open_position(ETH, Side::Long, q("1"), 10, f("0.05")).await.unwrap();
    desk.manager.scale_out_position(BTC, q("0.6"), "part").await.unwrap();
    assert_eq!(desk.venue.paper().open_orders().len(), 2);
    let pass = desk.manager.flatten("out").await.unwrap();
    assert!(pass.faults.is_empty());
    assert_eq!(desk.venue.paper().open_orders().len(), 1, "the close alone");
    desk.arrive();
    desk.arrive();
    assert_eq!(
        (desk.both(BTC), desk.both(ETH), desk.unresolved()),
        (both("flat", "0"), both("flat", "0"), 0)
    );
    assert!(desk.book().snapshot().keys().all(|key| key.closing.is_none()));
}

#[tokio::test]
async fn flatten_of_a_flat_book_does_nothing() {
    let world = world();
    let before = world.book().snapshot().sequence();
    let pass = world.manager.flatten("out").await.unwrap();
    assert!(pass.closed.is_empty() && pass.faults.is_empty());
    assert_eq!((world.book().snapshot().sequence(), world.venue.sent().len()), (before, 0));
}

#[test]
fn flatten_ends_flat_while_other_threads_trade_other_keys_and_the_same_one() {
    for _ in 0..20 {
        let world = world();
        world.open(BTC, Side::Long, "1");
        world.open(ETH, Side::Short, "1");
        let start = std::sync::Barrier::new(3);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                for n in 0..20 {
                    let order = world.manager.scale_out_position(BTC, q("0.01"), format!("part {n}"));
                    let _ = pollster::block_on(order);
                }
            });
            scope.spawn(|| {
                start.wait();
                for _ in 0..20 {
                    let order = world.manager.open_position(SOL, Side::Long, q("1"), 10, f("0.05"));
                    let _ = pollster::block_on(order);
                    let _ = pollster::block_on(world.manager.close_position(SOL, "round"));
                }
            });
            start.wait();
            pollster::block_on(world.manager.flatten("out")).unwrap();
        });
        for _ in 0..3 {
            pollster::block_on(world.manager.update_positions());
            pollster::block_on(world.manager.flatten("out")).unwrap();
        }
        for symbol in [BTC, ETH, SOL] {
            assert_eq!((world.stands(symbol).as_str(), world.venue_has(symbol).as_str()), ("flat", "0"));
        }
        assert_eq!(world.unresolved(), 0);
    }
}

#[tokio::test]
async fn a_resting_order_in_doubt_on_a_closing_key_is_cancelled_too() {
    let desk = desk();
    desk.open(BTC, Side::Long, "1");
    let adding = desk.manager.scale_in_position(BTC, q("0.5")).await.unwrap();
    drop(desk.book().reattach(adding.client_id).unwrap());
    assert!(matches!(desk.book().snapshot().orders().next().unwrap().state, OrderState::InDoubt(_)));
    desk.manager.close_position(BTC, "out").await.unwrap();
    desk.arrive();
    assert_eq!((desk.both(BTC), desk.unresolved()), (both("flat", "0"), 0));
}
