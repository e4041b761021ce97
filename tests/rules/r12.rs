//! R12: the venue is compared per instrument and leg, never per owner. Without it: two strategies share one account, +3
//! and -2, each is shown the venue's net of 1 as its own, both repair their position, and the account ends where neither
//! wanted it. Orders beyond what the account's leg covers, and the quarantine of all owners after a reduction that
//! nobody ordered, come later.

use posbook::{Command, Leg, OrderSide, Owner, PositionKey, Side};

use crate::help::{alone, trade};
use crate::stage::*;

fn of(world: &World, owner: u32) -> PositionKey {
    PositionKey { owner: Owner(owner), ..PositionKey::net(world.id(BTC)) }
}

fn quantity(world: &World, owner: u32) -> String {
    world
        .manager
        .get_position(of(world, owner))
        .map_or("flat".into(), |p| format!("{} {}", p.side, p.quantity.get().normalize()))
}

async fn two_strategies() -> World {
    let world = world();
    for (owner, side, amount) in [(1, Side::Long, "3"), (2, Side::Short, "2")] {
        world.manager.open_position(of(&world, owner), side, q(amount), 10, f("0.05")).await.unwrap();
    }
    world
}

#[tokio::test]
async fn two_strategies_of_one_account_agree_with_its_net_and_repair_nothing() {
    let world = two_strategies().await;
    assert_eq!((quantity(&world, 1).as_str(), quantity(&world, 2).as_str()), ("long 3", "short 2"));
    assert_eq!(world.venue_has(BTC), "1");
    for _ in 0..3 {
        world.price(BTC, "50000");
        // The venue shows the net of both, as one row.
        world.report(vec![row(BTC, Side::Long, "1", "50000")]);
        assert!(world.manager.reconcile_positions().await.unwrap().done.is_empty());
    }
    assert_eq!((quantity(&world, 1).as_str(), quantity(&world, 2).as_str()), ("long 3", "short 2"));
    assert_eq!((world.venue_has(BTC).as_str(), world.venue.sent().len()), ("1", 2));
}

#[tokio::test]
async fn a_difference_from_the_sum_freezes_every_owner_and_no_other_instrument() {
    let world = two_strategies().await;
    world.open(ETH, Side::Long, "1");
    world.price(BTC, "50000");
    world.price(ETH, "3000");
    world.report(vec![row(BTC, Side::Long, "2", "50000"), row(ETH, Side::Long, "1", "3000")]);
    world.manager.reconcile_positions().await.unwrap();
    for owner in [1, 2] {
        let refused = world.book().check(Command::scale_in(of(&world, owner), q("1"))).unwrap_err();
        assert!(matches!(refused.reason(), posbook::Reason::Blocked { .. }), "{refused}");
    }
    assert!(world.book().check(Command::scale_in(world.id(ETH), q("1"))).is_ok());
}

#[tokio::test]
async fn an_owners_stop_reduces_its_own_part_of_the_account() {
    let world = two_strategies().await;
    // The short's stop: 52,500. The long is not touched.
    world.price(BTC, "47500");
    let pass = world.manager.update_positions().await;
    assert_eq!(pass.closed.len(), 1);
    let exit = world.venue.sent().pop().unwrap();
    assert_eq!(
        (exit.key, exit.side, exit.quantity, exit.reduce_only),
        (of(&world, 1), OrderSide::Sell, q("3"), true)
    );
    // The account's net covers 1 of the 3: the venue cancels the rest, the key stays closing, and both sides agree.
    assert_eq!((quantity(&world, 1).as_str(), quantity(&world, 2).as_str()), ("long 2", "short 2"));
    assert_eq!(world.venue_has(BTC), "0");
    assert!(world.book().snapshot().key(of(&world, 1)).unwrap().closing.is_some());
}

#[test]
fn owners_of_one_instrument_share_its_memory_of_fills_and_nothing_else() {
    let alone = alone();
    let key = |owner| PositionKey { owner: Owner(owner), ..PositionKey::net(alone.btc) };
    let mut orders = Vec::new();
    for (owner, side) in [(1, Side::Long), (2, Side::Short)] {
        let wish = Command::open(key(owner), side, q("1"));
        orders.push(alone.book.reserve(wish).unwrap().sent().unwrap());
    }
    // One's own long against one's own short: one trade, two orders, two owners.
    for (order, side) in orders.iter().zip([OrderSide::Buy, OrderSide::Sell]) {
        let fill = trade(alone.btc, "7", side, "1", "50000").order(order.client_id());
        alone.record(fill.clone());
        assert_eq!(alone.record(fill), posbook::FillOutcome::Duplicate);
    }
    for order in orders {
        order.complete(q("1")).unwrap();
    }
    let view = alone.book.snapshot();
    assert_eq!((view.get(key(1)).unwrap().side, view.get(key(2)).unwrap().side), (Side::Long, Side::Short));
    // A doubt or a closing of one is not the other's.
    drop(alone.book.reserve(Command::close(key(1))).unwrap().sent().unwrap());
    assert!(alone.book.check(Command::scale_in(key(1), q("1"))).is_err());
    assert!(alone.book.check(Command::scale_in(key(2), q("1"))).is_ok());
    // What nobody ordered belongs to nobody.
    alone.record(trade(alone.btc, "8", OrderSide::Buy, "5", "50000"));
    assert_eq!(alone.stands(alone.btc), "long 5");
    alone.folds();
}

#[test]
fn the_position_mode_changes_only_when_flat_and_unreserved() {
    use posbook::{Instrument, InstrumentSpec, PositionMode};
    let alone = alone();
    let hedge = || {
        let spec = InstrumentSpec {
            mode: PositionMode::Hedge,
            ..InstrumentSpec::linear(BTC, "0.1", "0.001").unwrap()
        };
        alone.book.register(Instrument::new(spec).unwrap())
    };
    let order = alone.sent_open(alone.btc, "1");
    let id = order.client_id();
    assert!(matches!(hedge().unwrap_err().reason(), posbook::Reason::ModeInUse { .. }));
    alone.record(trade(alone.btc, "1", OrderSide::Buy, "1", "50000").order(id));
    order.complete(q("1")).unwrap();
    assert!(hedge().is_err());
    alone.record(trade(alone.btc, "2", OrderSide::Sell, "1", "50000"));
    assert_eq!(hedge().unwrap(), alone.btc);
    // A fill on a leg that the mode lacks is booked, and quarantines.
    alone.record(trade(alone.btc, "3", OrderSide::Buy, "1", "50000").leg(Leg::Net));
    assert_eq!(alone.stands(alone.btc), "long 1");
    assert!(alone.troubles(alone.btc).contains(&posbook::TroubleKind::Quarantined));
    alone.folds();
}
