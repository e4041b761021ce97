//! Nobody knows what became of an order: its key is in doubt, visibly, until the venue says what became of the *order*.

use std::time::Duration;

use posbook::venue::{Answer, FillCursor, FillPage, OrderEnd, OrderStatus};
use posbook::{Error, OrderState, Reason, Side};

use crate::stage::*;

#[tokio::test]
async fn r06_a_panic_in_the_venue_leaves_the_key_in_doubt_and_hangs_nothing() {
    let world = world();
    world.opening(BTC, Side::Long, "1").panic();
    assert_eq!(world.in_doubt(), 1);
    assert!(world.refused_increase(BTC).contains("in doubt"));
    // Everything else goes on: other keys, reads, passes, and this key once the venue says what became of the order.
    world.open(ETH, Side::Long, "1");
    assert_eq!(world.manager.get_open_positions_count(), 1);
    world.venue.on_order(|_| Ok(rejected()));
    assert!(world.manager.update_positions().await.faults.is_empty());
    assert_eq!((world.in_doubt(), world.unresolved()), (0, 0));
    world.open(BTC, Side::Long, "1");
}

#[tokio::test]
async fn r01_a_timeout_leaves_the_key_in_doubt_and_only_the_order_itself_clears_it() {
    let world = world();
    let mut held = world.venue.hold_submit();
    // A real timeout: it drops the future after the order left.
    let gave_up = tokio::time::timeout(
        Duration::from_millis(5),
        world.manager.open_position(BTC, Side::Long, q("1"), 10, f("0.05")),
    );
    assert!(gave_up.await.is_err());
    let order = held.called().await;
    assert_eq!(world.in_doubt(), 1);
    assert_eq!(world.book().reservations()[0].client_id, order.client_id);

    // The venue says flat, completely, as of now, and again: that says nothing about the order.
    for _ in 0..3 {
        world.price(BTC, "50000");
        let found = world.manager.reconcile_positions().await.unwrap();
        assert_eq!((found.resolved(), world.in_doubt()), (0, 1));
        assert!(world.refused_increase(BTC).contains("in doubt"));
    }
    // "Never heard of it" is no evidence either: it may still be on its way.
    world.manager.resolve_orders().await.unwrap();
    world.manager.resolve_orders().await.unwrap();
    assert_eq!(world.in_doubt(), 1);

    // It had been executed after all.
    world.execute(&order);
    world.manager.update_positions().await;
    assert_eq!((world.in_doubt(), world.unresolved(), world.stands(BTC).as_str()), (0, 0, "long 1"));
    // With the targets that were asked for, whichever path brought the fill (R5).
    assert_eq!(world.manager.get_position(BTC).unwrap().stop_loss(), Some(p("47500")));
    assert_eq!((world.sent(BTC), world.venue_has(BTC).as_str()), (1, "1"));
}

#[tokio::test]
async fn r01_a_final_figure_without_its_fills_does_not_end_a_doubt() {
    let world = world();
    world.venue.on_submit(|_| Err(lost()));
    let report = world.try_open(BTC, Side::Long, "1").unwrap();
    assert_eq!(report.end, OrderEnd::InDoubt("connection reset".into()));
    assert_eq!((world.in_doubt(), report.position), (1, None));

    // Final at 1, but no fill yet: the claim stands.
    world.venue.on_order(|_| Ok(filled("1")));
    world.manager.resolve_orders().await.unwrap();
    assert_eq!(world.book().reservations()[0].state, OrderState::Settling(q("1")));
    assert!(!world.refused_increase(BTC).is_empty());
    assert_eq!(world.stands(BTC), "flat");

    let order = world.venue.sent()[0].clone();
    let fill = world.fill(&order, "t1", "1", "50000");
    world.venue.on_fills(move |_| Ok(FillPage { fills: vec![fill], next: FillCursor(1) }));
    assert_eq!(world.manager.pull_fills().await.unwrap(), 1);
    assert_eq!((world.unresolved(), world.stands(BTC).as_str()), (0, "long 1"));
}

#[tokio::test]
async fn r01_a_lost_answer_of_an_executed_order_is_found_by_the_next_pass() {
    let world = world();
    let opening = world.opening(BTC, Side::Long, "1");
    assert!(matches!(opening.say(Say::GoBut(Err(lost()))).end, OrderEnd::InDoubt(_)));
    assert_eq!((world.venue_has(BTC).as_str(), world.in_doubt()), ("1", 1));
    // The bot tries again: nothing leaves (ambiguous submit plus retry doubles the position).
    let reason = refused(world.try_open(BTC, Side::Long, "1"));
    assert!(matches!(reason, Reason::InDoubt { .. }), "{reason}");
    world.manager.update_positions().await;
    assert_eq!((world.unresolved(), world.stands(BTC).as_str(), world.sent(BTC)), (0, "long 1", 1));
}

#[tokio::test]
async fn r01_a_doubt_turns_back_into_a_working_order() {
    let world = world();
    world.venue.on_submit(|_| Err(lost()));
    world.try_open(BTC, Side::Long, "1").unwrap();
    world.venue.on_order(|_| Ok(OrderStatus::Working { filled: q("0") }));
    world.manager.resolve_orders().await.unwrap();
    assert_eq!((world.in_doubt(), world.unresolved()), (0, 1));
    world.venue.on_order(|_| Ok(cancelled("0")));
    world.manager.resolve_orders().await.unwrap();
    assert_eq!(world.unresolved(), 0);
}

#[test]
fn r01_an_order_that_the_venue_took_and_does_not_know_is_in_doubt() {
    let world = world();
    world.venue.on_submit(|_| says(OrderStatus::Unknown));
    let report = world.try_open(BTC, Side::Long, "1").unwrap();
    assert!(matches!(report.end, OrderEnd::InDoubt(_)));
    assert_eq!(world.in_doubt(), 1);
}

#[tokio::test]
async fn r01_a_venue_that_cannot_be_asked_about_one_order_still_resolves_the_others() {
    let world = world();
    for symbol in [BTC, ETH] {
        world.venue.on_submit(|_| Err(lost()));
        world.try_open(symbol, Side::Long, "1").unwrap();
    }
    assert_eq!(world.in_doubt(), 2);
    world.venue.on_order(|_| Err(lost()));
    world.venue.on_order(|_| Ok(rejected()));
    assert!(matches!(world.manager.resolve_orders().await, Err(Error::Venue { .. })));
    assert_eq!(world.in_doubt(), 1);
}

#[test]
fn r06_an_overdue_order_is_in_doubt_and_its_holder_still_resolves_it() {
    let world = world();
    let opening = world.opening(BTC, Side::Long, "1");
    // It arrived in time; only its answer is late.
    world.execute(&opening.called);
    world.pass(Duration::from_secs(31));
    assert_eq!(world.book().expire(), 1);
    assert_eq!(world.in_doubt(), 1);
    assert_eq!(opening.go().end, OrderEnd::Done);
    assert_eq!((world.in_doubt(), world.unresolved(), world.stands(BTC).as_str()), (0, 0, "long 1"));
}

#[tokio::test]
async fn d15_an_order_that_a_pass_resolved_first_is_no_rejection_for_its_holder() {
    let world = world();
    let opening = world.opening(BTC, Side::Long, "1");
    // The answer is late; meanwhile a pass finds the order overdue, asks for it, and settles it.
    world.execute(&opening.called);
    world.pass(Duration::from_secs(31));
    world.manager.update_positions().await;
    assert_eq!((world.unresolved(), world.stands(BTC).as_str()), (0, "long 1"));
    // A rejection would mean that nothing happened.
    let report = opening.go();
    assert_eq!((report.end, report.filled), (OrderEnd::Done, Some(q("1"))));
    assert_eq!(world.venue_has(BTC), "1");
}

#[tokio::test]
async fn d15_a_lost_answer_of_an_order_that_a_pass_resolved_is_no_rejection_either() {
    let world = world();
    let opening = world.opening(BTC, Side::Long, "1");
    world.execute(&opening.called);
    world.pass(Duration::from_secs(31));
    world.manager.update_positions().await;
    let report = opening.answer(Err(lost()));
    assert_eq!((report.end, report.filled), (OrderEnd::Done, Some(q("1"))));
}

#[test]
fn d15_fills_that_cannot_be_asked_for_do_not_hide_an_executed_order() {
    let world = world();
    world.venue.on_submit(|_| says(filled("1")));
    world.venue.on_fills(|_| Err(lost()));
    let report = world.try_open(BTC, Side::Long, "1").unwrap();
    assert_eq!(report.end, OrderEnd::AwaitingFills);
    assert_eq!(world.unresolved(), 1);
}

#[test]
fn r02_a_figure_below_the_fills_is_a_doubt_and_no_rejection() {
    let world = world();
    let copy = world.clone();
    world.venue.on_submit(move |order| {
        let fills = vec![copy.fill(&order, "t1", "0.7", "50000")];
        Ok(Answer { status: cancelled("0.5"), fills })
    });
    let report = world.try_open(BTC, Side::Long, "1").unwrap();
    assert!(matches!(report.end, OrderEnd::InDoubt(_)), "{:?}", report.end);
    assert_eq!(
        (report.filled, world.in_doubt(), world.stands(BTC).as_str()),
        (Some(q("0.7")), 1, "long 0.7")
    );
}
