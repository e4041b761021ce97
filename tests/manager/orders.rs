//! Orders on their way: one leaves where two were asked for, and whatever happens around it lands on the right life.

use posbook::venue::{Answer, OrderEnd};
use posbook::{FillNote, Intent, OrderState, Reason, Side};

use crate::stage::*;

#[test]
fn d01_two_opens_of_one_symbol_send_one_order() {
    for second in [Side::Long, Side::Short] {
        let world = world();
        let first = world.opening(BTC, Side::Long, "1");
        let reason = refused(world.try_open(BTC, second, "1"));
        assert!(matches!(reason, Reason::AlreadyReserved { .. }), "{reason}");
        assert_eq!(first.go().end, OrderEnd::Done);
        assert_eq!((world.sent(BTC), world.stands(BTC).as_str()), (1, "long 1"));
        assert_eq!(world.venue_has(BTC), "1");
    }
}

#[test]
fn d01_four_threads_open_one_symbol_and_one_order_leaves() {
    let world = world();
    let start = std::sync::Barrier::new(4);
    let opened = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    let order = world.manager.open_position(BTC, Side::Long, q("1"), 10, f("0.05"));
                    pollster::block_on(order).is_ok()
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).filter(|opened| *opened).count()
    });
    assert_eq!((opened, world.sent(BTC), world.venue_has(BTC).as_str()), (1, 1, "1"));
}

#[tokio::test]
async fn d02_two_closes_send_one_order() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let first = world.closing(BTC);
    let reason = refused(world.manager.close_position(BTC, "second").await);
    assert!(matches!(reason, Reason::AlreadyReserved { .. }), "{reason}");
    assert_eq!(first.go().end, OrderEnd::Done);
    assert_eq!((world.sent(BTC), world.stands(BTC).as_str()), (2, "flat"));
    assert_eq!(world.venue_has(BTC), "0");
}

#[tokio::test]
async fn d03_a_scale_out_racing_a_close_ends_flat() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let reducing = world.reducing(BTC, "0.6");
    // The close takes what is not on its way out already.
    let closed = world.manager.close_position(BTC, "all").await.unwrap();
    assert_eq!((closed.filled, world.stands(BTC).as_str()), (Some(q("0.4")), "long 0.6"));
    assert_eq!(reducing.go().end, OrderEnd::Done);
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
    assert!(world.key(BTC).closing.is_none() && world.unresolved() == 0);
}

#[tokio::test]
async fn d03_a_scale_out_that_fails_beside_a_close_is_closed_by_the_next_pass() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let reducing = world.reducing(BTC, "0.6");
    world.manager.close_position(BTC, "all").await.unwrap();
    assert!(matches!(reducing.answer(says(rejected())).end, OrderEnd::Refused(_)));
    assert_eq!(world.stands(BTC), "long 0.6");
    // R7: the close was for everything, at whatever price.
    let pass = world.manager.update_positions().await;
    assert_eq!(pass.closed.len(), 1);
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
}

#[tokio::test]
async fn d04_two_scale_outs_never_reduce_more_than_is_there() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let first = world.reducing(BTC, "0.6");
    let reason = refused(world.manager.scale_out_position(BTC, q("0.6"), "second").await);
    assert!(matches!(reason, Reason::ReduceBeyond { free, .. } if free == q("0.4")), "{reason}");
    first.go();
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("long 0.4", "0.4"));
}

#[tokio::test]
async fn d04_a_scale_out_after_a_close_has_nothing_left_to_reduce() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let closing = world.closing(BTC);
    let reason = refused(world.manager.scale_out_position(BTC, q("0.5"), "more").await);
    assert!(matches!(reason, Reason::ReduceBeyond { .. }), "{reason}");
    closing.go();
    assert_eq!(world.venue_has(BTC), "0");
}

#[tokio::test]
async fn d05_a_scale_in_that_fills_after_the_close_is_closed_too() {
    let world = world();
    let first = world.open(BTC, Side::Long, "1").position.unwrap().id;
    let adding = world.adding(BTC, "0.5");
    world.manager.close_position(BTC, "out").await.unwrap();
    assert_eq!(world.stands(BTC), "flat");
    // The increase is still on its way: the key stays closing, and nothing new is opened beside it.
    let reason = refused(world.try_open(BTC, Side::Long, "1"));
    assert!(matches!(reason, Reason::Closing { .. } | Reason::AlreadyReserved { .. }), "{reason}");

    let before = world.book().snapshot().sequence();
    assert_eq!(adding.go().end, OrderEnd::Done);
    // The money moved, so it is booked: as another life, flagged, never on the dead one.
    let late = world.manager.get_position(BTC).unwrap();
    assert_eq!(late.quantity, q("0.5"));
    assert_ne!(late.id, first);
    let notes =
        |unit: &posbook::Publication| unit.iter().any(|c| c.effect.notes().contains(&FillNote::OtherLife));
    assert!(world.since(before).iter().any(notes));
    let pass = world.manager.update_positions().await;
    assert_eq!(pass.closed.len(), 1);
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
    // And now it can be opened again.
    world.open(BTC, Side::Short, "1");
}

#[tokio::test]
async fn d05_a_reopen_is_possible_once_the_scale_in_is_refused() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let adding = world.adding(BTC, "0.5");
    world.manager.close_position(BTC, "out").await.unwrap();
    assert!(matches!(adding.answer(says(rejected())).end, OrderEnd::Refused(_)));
    let reopened = world.open(BTC, Side::Short, "2").position.unwrap();
    assert_eq!((reopened.side, reopened.quantity), (Side::Short, q("2")));
    assert_eq!(world.venue_has(BTC), "-2");
}

#[test]
fn r02_a_refused_order_leaves_nothing_behind() {
    let world = world();
    world.venue.on_submit(|_| says(rejected()));
    let report = world.try_open(BTC, Side::Long, "1").unwrap();
    assert_eq!(report.end, OrderEnd::Refused("insufficient margin".into()));
    assert_eq!((report.filled, report.average, report.position), (Some(q("0")), None, None));
    assert_eq!((world.unresolved(), world.in_doubt()), (0, 0));
    world.open(BTC, Side::Long, "1");
}

#[test]
fn r02_a_part_that_filled_before_the_cancel_is_the_position() {
    let world = world();
    let copy = world.clone();
    world.venue.on_submit(move |order| {
        let fills = vec![copy.fill(&order, "t1", "0.3", "50010")];
        Ok(Answer { status: cancelled("0.3"), fills })
    });
    let report = world.try_open(BTC, Side::Long, "1").unwrap();
    assert_eq!(report.end, OrderEnd::Refused("cancelled".into()));
    // What filled, not what was asked (D22).
    assert_eq!((report.filled, world.stands(BTC).as_str()), (Some(q("0.3")), "long 0.3"));
    assert_eq!(report.average, Some(posbook::Decimal::from(50_010)));
    assert_eq!(world.unresolved(), 0);
}

#[tokio::test]
async fn r06_a_working_order_is_followed_by_the_passes() {
    let world = world();
    world.venue.on_submit(|_| says(posbook::venue::OrderStatus::Working { filled: q("0") }));
    let report = world.try_open(BTC, Side::Long, "1").unwrap();
    assert_eq!((report.end, report.position), (OrderEnd::Working, None));
    assert_eq!(world.book().reservations()[0].state, OrderState::Working);

    // Nothing new.
    let working = |quantity| Ok(posbook::venue::OrderStatus::Working { filled: q(quantity) });
    world.venue.on_order(move |_| working("0"));
    world.manager.update_positions().await;
    assert_eq!(world.stands(BTC), "flat");

    // A part.
    let order = world.venue.sent()[0].clone();
    let part = world.fill(&order, "t1", "0.4", "50000");
    world.venue.on_fills(move |_| {
        Ok(posbook::venue::FillPage { fills: vec![part], next: posbook::venue::FillCursor(1) })
    });
    world.venue.on_order(move |_| working("0.4"));
    world.manager.update_positions().await;
    assert_eq!((world.stands(BTC).as_str(), world.unresolved()), ("long 0.4", 1));

    // The rest, and the end.
    let rest = world.fill(&order, "t2", "0.6", "50100");
    world.venue.on_fills(move |_| {
        Ok(posbook::venue::FillPage { fills: vec![rest], next: posbook::venue::FillCursor(2) })
    });
    world.venue.on_order(|_| Ok(filled("1")));
    let pass = world.manager.update_positions().await;
    assert!(pass.faults.is_empty() && pass.closed.is_empty());
    assert_eq!((world.stands(BTC).as_str(), world.unresolved()), ("long 1", 0));
    // Targets from the order's average, 50,060 (R16).
    let position = world.manager.get_position(BTC).unwrap();
    assert_eq!(position.stop_loss(), Some(p("47557")));
    assert_eq!(world.sent(BTC), 1);
}

#[tokio::test]
async fn r07_no_increase_leaves_while_a_key_is_closing() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let closing = world.closing(BTC);
    assert_eq!(closing.called.intent, Intent::Close);
    let reason = refused(world.manager.scale_in_position(BTC, q("1")).await);
    assert!(matches!(reason, Reason::Closing { .. }), "{reason}");
    closing.go();
    assert_eq!(world.venue_has(BTC), "0");
}

#[test]
fn a_venue_that_calls_back_into_the_book_and_the_manager_hangs_nothing() {
    let world = world();
    let copy = world.clone();
    world.venue.on_submit(move |order| {
        // Reads, writes, and the manager's own methods, from inside a venue call (d12, re-entrant callbacks).
        assert_eq!(copy.manager.get_open_positions_count(), 0);
        assert_eq!(copy.unresolved(), 1);
        copy.book().mark(copy.id(BTC), p("50001")).unwrap();
        copy.open(ETH, Side::Short, "1");
        let twice = copy.manager.open_position(BTC, Side::Long, q("1"), 10, f("0.05"));
        assert!(pollster::block_on(twice).is_err());
        let early = copy.fill(&order, "t1", "1", "50000");
        let posbook::venue::VenueFill { mut fill, .. } = early.clone();
        fill.instrument = copy.id(BTC);
        copy.book().record(fill).unwrap();
        pollster::block_on(copy.manager.pull_fills()).unwrap();
        copy.book().expire();
        pollster::block_on(copy.manager.reconcile_positions()).unwrap();
        // The fill comes once more with the answer.
        Ok(Answer { status: filled("1"), fills: vec![early] })
    });
    let report = world.try_open(BTC, Side::Long, "1").unwrap();
    assert_eq!((report.end, report.filled), (OrderEnd::Done, Some(q("1"))));
    assert_eq!((world.stands(BTC).as_str(), world.stands(ETH).as_str()), ("long 1", "short 1"));
    assert_eq!(world.unresolved(), 0);
}

#[test]
fn unknown_symbols_list_names_that_come_near() {
    let world = world();
    let refusals = [
        pollster::block_on(world.manager.open_position("BTC-USDT", Side::Long, q("1"), 10, f("0.05")))
            .unwrap_err(),
        pollster::block_on(world.manager.scale_in_position("btcusdt", q("1"))).unwrap_err(),
        pollster::block_on(world.manager.scale_out_position("BTC/USDT", q("1"), "")).unwrap_err(),
        pollster::block_on(world.manager.close_position("BTCUSDT", "")).unwrap_err(),
        world
            .manager
            .modify_position_targets("btc", posbook::Field::Keep, posbook::Field::Remove)
            .unwrap_err()
            .into(),
    ];
    for refused in refusals {
        assert!(refused.to_string().contains(BTC), "{refused}");
    }
    assert!(world.venue.sent().is_empty());
}
