//! D24: a position stayed open at 1e-16, amounts drifted, and NaN, infinity and negative amounts passed validation; a NaN
//! stop never fired. Here numbers are decimals, parsed once and then always valid (I12), and sums are exact (R17).

use pollster::block_on;
use posbook::{Field, Fraction, Leg, OrderSide, Price, Quantity, Reason, Side, TroubleKind};

use crate::help_money::*;
use crate::stage::*;

#[test]
fn d24_ten_times_a_tenth_off_one_is_exactly_flat() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    for n in (0..10).rev() {
        block_on(world.manager.scale_out_position(BTC, q("0.1"), "a tenth")).unwrap();
        assert_eq!(agreed(&world, BTC).parse(), Ok(posbook::Decimal::new(n, 1)));
    }
    assert_eq!((world.stands(BTC).as_str(), world.manager.get_open_positions_count()), ("flat", 0));
    assert_eq!(world.venue_has(BTC), "0");
    // In ten steps up again: no drift either way.
    world.open(BTC, Side::Short, "0.1");
    for _ in 0..9 {
        block_on(world.manager.scale_in_position(BTC, q("0.1"))).unwrap();
    }
    assert_eq!((world.stands(BTC).as_str(), agreed(&world, BTC).as_str()), ("short 1", "-1"));
}

#[test]
fn d24_what_is_no_number_never_becomes_one() {
    for text in
        ["NaN", "nan", "inf", "Infinity", "-inf", "1e-16", "1E5", "", ".5", "+1", "1_000", "0x1", " 1"]
    {
        assert!(text.parse::<Quantity>().is_err(), "{text:?} as an amount");
        assert!(text.parse::<Price>().is_err(), "{text:?} as a price");
        assert!(text.parse::<Fraction>().is_err(), "{text:?} as a fraction");
        let stored = format!("{text:?}");
        assert!(serde_json::from_str::<Price>(&stored).is_err(), "{text:?} as a stored price");
    }
    for float in ["0.1", "1e-16", "null"] {
        assert!(serde_json::from_str::<Quantity>(float).is_err(), "{float} as a stored amount");
    }
    assert!("-1".parse::<Quantity>().is_err() && "-0.05".parse::<Fraction>().is_err());
}

#[test]
fn d24_amounts_and_stops_that_cannot_be_are_refused_and_change_nothing() {
    let world = world();
    world.open(ETH, Side::Long, "1");
    let before = world.book().snapshot().digest();
    for amount in ["0", "0.0000000000000001", "0.0005"] {
        let refused = block_on(world.manager.open_position(BTC, Side::Long, q(amount), 10, f("0.05")));
        assert!(refused.unwrap_err().to_string().contains("Invalid amount"), "{amount}");
        let refused = block_on(world.manager.scale_out_position(ETH, q(amount), "dust"));
        assert!(refused.unwrap_err().to_string().contains("Invalid amount"), "{amount}");
    }
    for stop in ["0", "-3000"] {
        let refused =
            world.manager.modify_position_targets(ETH, Field::Set(p(stop)), Field::Keep).unwrap_err();
        assert!(matches!(refused.reason(), Reason::OutOfRange { what: "stop loss", .. }), "{refused}");
    }
    assert_eq!((world.book().snapshot().digest(), world.sent(BTC), world.sent(ETH)), (before, 0, 1));
    assert_eq!((world.stop(ETH).as_str(), agreed(&world, ETH).as_str()), ("2850", "1"));
}

#[test]
fn d24_dust_is_told_exactly_and_sends_nothing() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    foreign(&world, BTC, Leg::Net, OrderSide::Sell, "0.99999999");
    world.quiet_pass();
    world.price(BTC, "47000"); // beyond the stop
    for _ in 0..3 {
        assert!(world.quiet_pass().closed.is_empty(), "an order that the venue would refuse, each cycle");
    }
    assert_eq!((agreed(&world, BTC).as_str(), world.sent(BTC)), ("0.00000001", 1));
    // It is in nobody's way: the next open takes it over.
    world.price(BTC, "50000");
    world.open(BTC, Side::Long, "1");
    assert_eq!(agreed(&world, BTC), "1.00000001");
}

#[test]
fn d24_a_fill_too_fine_to_be_accounted_for_is_flagged_and_not_rounded() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    foreign(&world, BTC, Leg::Net, OrderSide::Sell, "0.9999999999999999");
    world.quiet_pass();
    // The rest would have no cost at all: the book says that it does not know, and takes no new risk.
    assert_eq!(world.venue_has(BTC), "0.0000000000000001");
    assert_eq!(world.key(BTC).troubles.iter().map(|t| t.kind).collect::<Vec<_>>(), [TroubleKind::Unbooked]);
    assert!(world.refused_increase(BTC).contains("could not be booked"));
}
