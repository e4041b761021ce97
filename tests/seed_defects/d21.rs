//! D21: a position that was closed from outside vanished without result, cause or history. Here a foreign fill is booked
//! with its result, a drop is a change with its cause, and money that nobody can explain stays flagged (R10, R14).

use pollster::block_on;
use posbook::{Command, Decimal, Kind, Leg, OrderRef, OrderSide, Side};

use crate::help_money::*;
use crate::stage::*;

#[test]
fn d21_a_trade_by_hand_and_a_liquidation_leave_result_cause_and_history() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "49000");
    foreign(&world, BTC, Leg::Net, OrderSide::Sell, "0.4"); // by hand
    world.price(BTC, "48000");
    foreign(&world, BTC, Leg::Net, OrderSide::Sell, "0.6"); // liquidated
    world.quiet_pass();

    assert_eq!((world.stands(BTC).as_str(), agreed(&world, BTC).as_str()), ("flat", "0"));
    assert_eq!(world.key(BTC).ledger.realised, d("-1600"), "0.4 x -1,000 and 0.6 x -2,000");
    for (kind, before, after) in [(Kind::ScaledOut, "1", Some("0.6")), (Kind::Closed, "0.6", None)] {
        let change = last(&world, BTC, kind);
        let (was, is) = change.positions();
        assert_eq!((was.map(|p| p.quantity), is.map(|p| p.quantity)), (Some(q(before)), after.map(q)));
        let Command::Record(fill) = change.command() else { panic!("{kind} not by a fill") };
        assert!(matches!(fill.order, OrderRef::Foreign(_)), "{:?}", fill.order);
    }
    assert!(world.quiet_pass().closed.is_empty(), "nothing is left to be closed");
}

#[test]
fn d21_a_drop_by_reconcile_says_why_and_keeps_the_gap_until_its_fill_explains_it() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.open(ETH, Side::Long, "1");
    world.price(BTC, "48000");
    foreign(&world, BTC, Leg::Net, OrderSide::Sell, "1");
    world.price(ETH, "3000");

    hide_fills(&world);
    assert_eq!(block_on(world.manager.reconcile_positions()).unwrap().resolved(), 1);
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
    let change = last(&world, BTC, Kind::Dropped);
    assert_eq!(change.command().reason(), "the venue does not have it");
    assert_eq!(change.positions().0.map(|p| (p.side, p.quantity)), Some((Side::Long, q("1"))));
    let ledger = world.key(BTC).ledger;
    assert_eq!((ledger.realised, ledger.unexplained), (Decimal::ZERO, d("-50000")), "no result is made up");

    // The fill comes after all: it is the result, and opens nothing.
    world.quiet_pass();
    let ledger = world.key(BTC).ledger;
    assert_eq!((ledger.realised, ledger.unexplained), (d("-2000"), Decimal::ZERO));
    assert_eq!((world.stands(BTC).as_str(), agreed(&world, BTC).as_str()), ("flat", "0"));
    assert_eq!(world.stands(ETH), "long 1");
}
