//! D27: the key was the symbol alone, so hedge mode lost a leg, and a position that turned kept the old side's targets.
//! Here a leg is part of the key (R12), and targets vanish with the position they were set for (I3, R14).

use pollster::block_on;
use posbook::{Command, Leg, OrderSide, PositionKey, Reason, Side};

use crate::help_money::*;
use crate::stage::*;

/// Quantity and stop of a leg in the book, and its quantity at the venue.
fn stands(world: &World, leg: Leg) -> (String, String, String) {
    let key = PositionKey { leg, ..PositionKey::net(world.id(SOL)) };
    let open = world.manager.get_position(key).unwrap();
    let ledger = world.venue.paper().ledger();
    let there = ledger.iter().find(|a| a.symbol.as_str() == SOL && a.leg == leg).unwrap().quantity;
    (format!("{} {}", open.side, open.quantity), open.stop_loss().unwrap().to_string(), there.to_string())
}

fn is(world: &World, leg: Leg, quantity: &str, stop: &str, there: &str) {
    assert_eq!(stands(world, leg), (quantity.to_owned(), stop.to_owned(), there.to_owned()));
}

#[test]
fn d27_both_legs_of_a_hedged_symbol_are_there_however_they_came() {
    // By orders of the bot ...
    let world = world();
    world.open(SOL, Side::Long, "3");
    world.open(SOL, Side::Short, "2");
    is(&world, Leg::Long, "long 3", "95", "3");
    is(&world, Leg::Short, "short 2", "105", "-2");
    // ... one leg goes, the other does not notice ...
    let long = PositionKey { leg: Leg::Long, ..PositionKey::net(world.id(SOL)) };
    block_on(world.manager.close_position(long, "that one")).unwrap();
    is(&world, Leg::Short, "short 2", "105", "-2");
    assert!(!world.manager.has_position(long));

    // ... and from the venue, as after a restart: neither row overwrites the other.
    let world = crate::stage::world();
    foreign(&world, SOL, Leg::Short, OrderSide::Sell, "2");
    foreign(&world, SOL, Leg::Long, OrderSide::Buy, "3");
    world.price(SOL, "100");
    hide_fills(&world);
    assert_eq!(block_on(world.manager.reconcile_positions()).unwrap().resolved(), 2);
    is(&world, Leg::Long, "long 3", "95", "3");
    is(&world, Leg::Short, "short 2", "105", "-2");
}

#[test]
fn d27_a_position_that_turned_does_not_keep_the_old_side_s_targets() {
    let world = world();
    world.open(BTC, Side::Long, "1"); // stop 47,500, take 55,000
    let old = world.manager.get_position(BTC).unwrap();
    foreign(&world, BTC, Leg::Net, OrderSide::Sell, "3");
    world.quiet_pass();
    let new = world.manager.get_position(BTC).unwrap();
    assert_eq!((world.stands(BTC).as_str(), agreed(&world, BTC).as_str()), ("short 2", "-2"));
    assert_ne!(new.id, old.id, "a close and an open");
    assert_eq!((new.stop_loss(), new.take_profit(), new.entry_price()), (None, None, d("50000")));
    // It says that it has no protection, and takes no new risk until it does.
    assert!(world.refused_increase(BTC).contains("no rule for its targets"));

    // What was meant for the long does not land on the short.
    let meant = Command::retarget(old.key).stop(p("51000"));
    let refused = world.book().apply(meant.expect_position(old.id)).unwrap_err();
    assert!(matches!(refused.reason(), Reason::OtherPosition { .. }), "{refused}");
    // Neither of the long's targets takes the short off.
    for price in ["47500", "47000", "55000"] {
        world.price(BTC, price);
        assert!(world.quiet_pass().closed.is_empty(), "at {price}");
    }
    assert_eq!((world.stands(BTC).as_str(), agreed(&world, BTC).as_str()), ("short 2", "-2"));
}
