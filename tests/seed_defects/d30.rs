//! D30: a stop was checked against the entry alone: one that locks profit in was refused, and one above the market of a
//! losing long was accepted and fired at once. Here the fresh mark decides, and the entry only where there is none (I3,
//! R16).

use std::time::Duration;

use posbook::{Field, Reason, Side};

use crate::help_money::*;
use crate::stage::*;

/// The stop is accepted, or refused because it stands on the wrong side of this price.
fn set(world: &World, symbol: &str, stop: &str, wrong_side_of: Option<&str>) {
    let before = world.stop(symbol);
    let result = world.manager.modify_position_targets(symbol, Field::Set(p(stop)), Field::Keep);
    match (wrong_side_of, result) {
        (None, Ok(targets)) => assert_eq!(targets.stop, Some(p(stop))),
        (Some(price), Err(refused)) => {
            let Reason::WrongSideTarget { reference, .. } = refused.reason() else { panic!("{refused}") };
            assert_eq!((*reference, world.stop(symbol)), (d(price), before));
        }
        (_, result) => panic!("a stop at {stop}: {result:?}"),
    }
}

#[test]
fn d30_a_stop_that_locks_profit_in_is_accepted_and_brings_it() {
    for (symbol, side, mark, beyond, stop, profit) in [
        (BTC, Side::Long, "52000", "52000.1", "51000", "1000"),
        (ETH, Side::Short, "2800", "2799.9", "2900", "100"),
    ] {
        let world = world();
        world.open(symbol, side, "1");
        world.price(symbol, mark);
        set(&world, symbol, mark, Some(mark)); // equality would fire at once
        set(&world, symbol, beyond, Some(mark));
        set(&world, symbol, stop, None);
        assert!(world.quiet_pass().closed.is_empty(), "it does not fire where it was set");

        world.price(symbol, stop);
        world.quiet_pass();
        assert_eq!((world.stands(symbol).as_str(), agreed(&world, symbol).as_str()), ("flat", "0"));
        assert_eq!(account(&world, symbol).cash, d(profit));
    }
}

#[test]
fn d30_a_stop_beyond_the_market_of_a_losing_position_is_refused() {
    for (symbol, side, mark, wrong, right) in
        [(BTC, Side::Long, "48000", "49000", "47900"), (ETH, Side::Short, "3100", "3050", "3110")]
    {
        let world = world();
        world.open(symbol, side, "1");
        world.price(symbol, mark);
        set(&world, symbol, wrong, Some(mark)); // between market and entry
        set(&world, symbol, right, None);
        assert!(world.quiet_pass().closed.is_empty());
        assert_eq!(agreed(&world, symbol), if side == Side::Long { "1" } else { "-1" });
    }
}

#[test]
fn d30_without_a_fresh_mark_the_entry_decides() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "52000");
    world.pass(Duration::from_secs(3_600));
    set(&world, BTC, "51000", Some("50000"));
    set(&world, BTC, "49000", None);
    assert_eq!(agreed(&world, BTC), "1");
}
