//! R1: evidence is about the order, never about the position. Without it: an order times out, the position report 50 ms
//! later is flat, the bot opens again, then the first order executes, and the account holds a double position.

use std::time::Duration;

use posbook::venue::{OrderEnd, OrderRequest, OrderStatus, Venue};
use posbook::{
    Command, Error, Heard, Kind, OrderSide, OrderState, Reason, Sequence, Side, Timestamp, TroubleKind,
};

use crate::help::{alone, since, trade};
use crate::stage::*;

const PATIENCE: Duration = Duration::from_secs(30);

/// An open of 1 BTC whose answer is lost.
async fn lost_open(world: &World) {
    world.venue.on_submit(|_| Err(lost()));
    let report = world.manager.open_position(BTC, Side::Long, q("1"), 10, f("0.05")).await.unwrap();
    assert!(matches!(report.end, OrderEnd::InDoubt(_)));
}

#[tokio::test]
async fn a_flat_report_50_ms_after_a_timeout_opens_nothing_twice() {
    let world = world();
    let mut held = world.venue.hold_submit();
    let open = || world.manager.open_position(BTC, Side::Long, q("1"), 10, f("0.05"));
    assert!(tokio::time::timeout(Duration::from_millis(1), open()).await.is_err());
    let order = held.called().await;
    world.pass(Duration::from_millis(50));
    // Complete, newer than anything booked, and flat: three times.
    for _ in 0..3 {
        world.report(vec![]);
        world.manager.reconcile_positions().await.unwrap();
        let Err(Error::Rejected(refused)) = open().await else { panic!("opened again") };
        assert!(matches!(refused.reason(), Reason::InDoubt { .. }), "{refused}");
    }
    // Now the first one executes.
    world.venue.paper().submit(order).await.unwrap();
    world.manager.update_positions().await;
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("long 1", "1"));
    assert_eq!((world.sent(BTC), world.unresolved()), (1, 0));
    assert_eq!(world.venue.paper().stats().duplicate_orders, 0);
}

#[tokio::test]
async fn unknown_before_the_orders_own_expiry_proves_nothing_however_often_it_is_said() {
    let world = world();
    lost_open(&world).await;
    // Up to the very nanosecond of the expiry.
    for part in [Duration::ZERO, PATIENCE / 2, PATIENCE / 2] {
        world.pass(part);
        let before = world.book().snapshot().sequence();
        for _ in 0..5 {
            world.manager.resolve_orders().await.unwrap();
        }
        assert_eq!((world.in_doubt(), since(world.book(), before)), (1, vec![]));
    }
    assert_eq!(world.book().reservations()[0].heard, Heard::NotYet);
    assert!(world.refused_increase(BTC).contains("in doubt"));
}

#[tokio::test]
async fn unknown_after_the_expiry_is_noted_once_and_ends_the_order_when_it_is_said_again() {
    let world = world();
    lost_open(&world).await;
    world.pass(PATIENCE + Duration::from_nanos(1));
    let before = world.book().snapshot().sequence();
    world.manager.resolve_orders().await.unwrap();
    assert_eq!(since(world.book(), before), [Kind::Unheard]);
    assert_eq!((world.in_doubt(), world.unresolved()), (1, 1));
    assert!(world.refused_increase(BTC).contains("in doubt"));
    // A venue that cannot be asked says nothing: neither a second time nor a first one again.
    world.venue.on_order(|_| Err(lost()));
    assert!(world.manager.resolve_orders().await.is_err());
    assert_eq!(world.in_doubt(), 1);
    world.manager.resolve_orders().await.unwrap();
    assert_eq!(since(world.book(), before), [Kind::Unheard, Kind::NeverArrived]);
    assert_eq!((world.in_doubt(), world.unresolved()), (0, 0));
    // The key is free, and what is opened now is all there is.
    world.price(BTC, "50000");
    world.open(BTC, Side::Long, "1");
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("long 1", "1"));
}

#[tokio::test]
async fn two_questions_beside_one_another_count_once() {
    let world = world();
    lost_open(&world).await;
    world.pass(PATIENCE * 2);
    let (mut first, mut second) = (world.venue.hold_order(), world.venue.hold_order());
    let asked = |manager: posbook::venue::PositionManager<Staged>| {
        tokio::spawn(async move { manager.resolve_orders().await.unwrap() })
    };
    let one = asked(world.manager.clone());
    first.called().await;
    let other = asked(world.manager.clone());
    second.called().await;
    first.answer(Ok(OrderStatus::Unknown));
    one.await.unwrap();
    // The second question was asked before the first answer came.
    second.answer(Ok(OrderStatus::Unknown));
    other.await.unwrap();
    assert_eq!((world.in_doubt(), world.unresolved()), (1, 1));
    world.manager.resolve_orders().await.unwrap();
    assert_eq!(world.unresolved(), 0);
}

#[tokio::test]
async fn an_order_that_the_venue_has_worked_on_is_never_declared_unheard_of() {
    for noted_before in [false, true] {
        let world = world();
        lost_open(&world).await;
        world.pass(PATIENCE * 2);
        if noted_before {
            world.manager.resolve_orders().await.unwrap();
        }
        world.venue.on_order(|_| Ok(OrderStatus::Working { filled: q("0") }));
        world.manager.resolve_orders().await.unwrap();
        // The replica that answers now lags behind, for ever.
        for _ in 0..5 {
            world.pass(PATIENCE * 2);
            world.manager.update_positions().await;
        }
        assert_eq!((world.unresolved(), world.in_doubt()), (1, 1));
        world.venue.on_order(|_| Ok(cancelled("0")));
        world.manager.resolve_orders().await.unwrap();
        assert_eq!(world.unresolved(), 0);
    }
}

#[test]
fn an_order_that_has_filled_or_settles_is_never_declared_unheard_of() {
    for settling in [false, true] {
        let alone = alone();
        let id = alone.sent_open(alone.btc, "1").detach();
        if settling {
            alone.book.reattach(id).unwrap().complete(q("1")).unwrap();
        } else {
            alone.record(trade(alone.btc, "1", OrderSide::Buy, "0.4", "50000").order(id));
        }
        alone.pass(PATIENCE * 2);
        for _ in 0..4 {
            let (asked, time) = (alone.book.snapshot().sequence(), alone.book.now());
            alone.book.reattach(id).unwrap().unknown(asked, time).unwrap();
        }
        let order = alone.book.reservations().remove(0);
        assert_eq!((order.heard, order.in_doubt()), (Heard::Known, false));
        assert!(alone.book.check(Command::open(alone.btc, Side::Long, q("1"))).is_err());
    }
}

#[test]
fn a_question_from_before_the_expiry_proves_nothing_when_its_answer_comes_after() {
    let alone = alone();
    let id = alone.sent_open(alone.btc, "1").detach();
    let (asked, time) = (alone.book.snapshot().sequence(), alone.book.now().plus(PATIENCE));
    alone.pass(PATIENCE * 2);
    for _ in 0..3 {
        alone.book.reattach(id).unwrap().unknown(asked, time).unwrap();
    }
    assert_eq!(alone.book.reservations()[0].heard, Heard::NotYet);
}

#[tokio::test]
async fn the_expiry_runs_from_sending_and_the_venue_is_told_half_of_it() {
    let world = world();
    let wish = Command::open(world.id(BTC), Side::Long, q("1")).patience(Duration::from_secs(10));
    let claim = world.book().reserve(wish).unwrap();
    // The claim waits for eight seconds before it is sent.
    world.pass(Duration::from_secs(8));
    let left = world.clock.now();
    world.venue.on_submit(|_| Err(lost()));
    world.manager.send(claim).await.unwrap();
    assert_eq!(world.venue.sent()[0].valid_until, left.plus(Duration::from_secs(5)));
    assert_eq!(world.book().reservations()[0].expires, left.plus(Duration::from_secs(10)));
    world.pass(Duration::from_secs(9));
    world.manager.resolve_orders().await.unwrap();
    world.manager.resolve_orders().await.unwrap();
    assert_eq!(world.unresolved(), 1);
    world.pass(Duration::from_secs(2));
    world.manager.resolve_orders().await.unwrap();
    world.manager.resolve_orders().await.unwrap();
    assert_eq!(world.unresolved(), 0);
}

#[tokio::test]
async fn an_order_that_never_expires_is_valid_for_ever() {
    let world = world();
    let wish = Command::open(world.id(BTC), Side::Long, q("1")).patience(Duration::MAX);
    world.manager.order(wish).await.unwrap();
    assert_eq!(world.venue.sent()[0].valid_until, posbook::Timestamp(i64::MAX));
}

#[tokio::test]
async fn a_fill_of_an_order_that_never_arrived_is_booked_and_flagged() {
    let world = world();
    lost_open(&world).await;
    // It was in the network after all, and this venue does not look at how long it is valid.
    let order = OrderRequest { valid_until: Timestamp(i64::MAX), ..world.venue.sent()[0].clone() };
    world.pass(PATIENCE * 2);
    world.manager.resolve_orders().await.unwrap();
    world.manager.resolve_orders().await.unwrap();
    assert_eq!(world.unresolved(), 0);
    world.venue.paper().submit(order).await.unwrap();
    world.manager.update_positions().await;
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("long 1", "1"));
    assert!(world.key(BTC).troubles.iter().any(|t| t.kind == TroubleKind::AfterFinal));
    assert!(!world.refused_increase(BTC).is_empty());
    // Out is always possible, and what was wrong can be accepted.
    world.price(BTC, "50000");
    world.manager.close_position(BTC, "not wanted any more").await.unwrap();
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
    world.book().apply(Command::Accept { key: world.id(BTC).into(), reason: "seen".into() }).unwrap();
    world.open(BTC, Side::Long, "1");
}

#[tokio::test]
async fn a_close_that_never_arrived_goes_out_again_and_never_turns_the_position_round() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.venue.on_submit(|_| Err(lost()));
    world.manager.close_position(BTC, "out").await.unwrap();
    let first = world.venue.sent()[1].clone();
    world.pass(PATIENCE * 2);
    for _ in 0..3 {
        world.manager.update_positions().await;
    }
    assert_eq!((world.stands(BTC).as_str(), world.sent(BTC), world.unresolved()), ("flat", 3, 0));
    // The first one arrives at last: reduce-only, so it finds nothing.
    world.venue.paper().submit(first).await.unwrap();
    world.manager.update_positions().await;
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
}

#[test]
fn unknown_from_the_holder_leaves_the_order_as_it_was() {
    let alone = alone();
    let sent = alone.sent_open(alone.btc, "1");
    let (asked, time) = (alone.book.snapshot().sequence(), alone.book.now());
    sent.unknown(asked, time).unwrap();
    assert_eq!(alone.book.reservations()[0].state, OrderState::Sent);
    assert!(matches!(alone.refused(alone.btc), Reason::AlreadyReserved { .. }));
    // Nobody holds it any more; its deadline still finds it.
    alone.pass(PATIENCE * 2);
    assert_eq!(alone.book.expire(), 1);
    assert!(matches!(alone.refused(alone.btc), Reason::InDoubt { .. }));
}

#[test]
fn a_doubt_ends_when_the_final_figure_and_the_fills_agree_in_either_order() {
    for fills_first in [false, true] {
        let alone = alone();
        let id = alone.sent_open(alone.btc, "1").client_id();
        let fill = || alone.record(trade(alone.btc, "1", OrderSide::Buy, "1", "50000").order(id));
        let word = || alone.book.reattach(id).unwrap().complete(q("1")).unwrap();
        assert_eq!(alone.book.snapshot().totals().in_doubt, 1);
        if fills_first {
            fill();
            assert!(matches!(alone.refused(alone.btc), Reason::InDoubt { .. }));
            word();
        } else {
            word();
            assert_eq!(alone.book.reservations().len(), 1);
            fill();
        }
        assert_eq!((alone.stands(alone.btc).as_str(), alone.book.reservations().len()), ("long 1", 0));
        assert_eq!(alone.book.snapshot().totals().in_doubt, 0);
    }
}

#[test]
fn every_step_of_a_doubt_folds() {
    let alone = alone();
    let id = alone.sent_open(alone.btc, "1").client_id();
    alone.pass(PATIENCE * 2);
    for _ in 0..2 {
        let (asked, time) = (alone.book.snapshot().sequence(), alone.book.now());
        alone.book.reattach(id).unwrap().unknown(asked, time).unwrap();
    }
    assert!(matches!(alone.book.reattach(id).unwrap_err().reason(), Reason::UnknownOrder { .. }));
    assert!(since(&alone.book, Sequence(0)).ends_with(&[Kind::Unheard, Kind::NeverArrived]));
    alone.folds();
}
