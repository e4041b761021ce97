//! D32: what both sides knew was never compared, so a missed fill stayed missed. Here side and size are compared: a
//! difference freezes the key for new risk and never changes the position by itself (R8, R10). Entry and leverage are compared
//! where the policy says so.

use pollster::block_on;
use posbook::reconcile::{Aspect, Discrepancy, Item, Outcome, Policy, ReconcileReport, Ways};
use posbook::venue::VenuePosition;
use posbook::{Leg, OrderSide, Side, TroubleKind};

use crate::help_money::*;
use crate::stage::*;

/// Somebody trades, the stream loses the fill, and the venue's own report is compared.
fn missed(world: &World, side: OrderSide, quantity: &str) -> ReconcileReport {
    foreign(world, BTC, Leg::Net, side, quantity);
    world.price(BTC, "50000");
    hide_fills(world);
    block_on(world.manager.reconcile_positions()).unwrap()
}

/// That one key differs, by these quantities, and was frozen for it.
fn differs(found: &ReconcileReport, has: &str, there: &str) {
    let [(Item { discrepancy: Discrepancy::Differs { book, venue, .. }, .. }, Outcome::Applied)] =
        &found.done[..]
    else {
        panic!("{found}")
    };
    assert_eq!((*book, *venue), (d(has), d(there)));
    assert_eq!((found.resolved(), found.unresolved()), (0, 1));
}

#[test]
fn d32_a_missed_fill_is_found_and_blocks_until_it_is_booked() {
    for (side, quantity, there, then) in [
        (OrderSide::Buy, "1", "2", "long 2"),        // more
        (OrderSide::Sell, "0.6", "0.4", "long 0.4"), // less
        (OrderSide::Sell, "3", "-2", "short 2"),     // the other side
    ] {
        let world = world();
        world.open(BTC, Side::Long, "1");
        differs(&missed(&world, side, quantity), "1", there);
        // Nobody knows who is right: the position stays, and no new risk is taken on it.
        assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("long 1", there));
        assert_eq!(world.stop(BTC), "47500");
        assert!(world.key(BTC).troubles.iter().any(|t| t.kind == TroubleKind::Quarantined));
        assert!(world.refused_increase(BTC).contains("the book has 1, the venue"));

        // The fill comes, and the next report agrees.
        world.quiet_pass();
        assert_eq!((world.stands(BTC).as_str(), agreed(&world, BTC).as_str()), (then, there));
        world.price(BTC, "50000");
        assert_eq!(block_on(world.manager.reconcile_positions()).unwrap().released(), 1);
        assert!(world.key(BTC).troubles.iter().all(|t| t.kind != TroubleKind::Quarantined));
    }
}

#[test]
fn d32_a_difference_does_not_keep_the_position_from_being_closed() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    differs(&missed(&world, OrderSide::Sell, "0.6"), "1", "0.4");
    // Reduce-only: of the 1 that the book would sell the venue sells the 0.4 it has.
    block_on(world.manager.close_position(BTC, "out")).unwrap();
    world.quiet_pass();
    assert_eq!((world.stands(BTC).as_str(), agreed(&world, BTC).as_str()), ("flat", "0"));
}

#[test]
fn d32_another_entry_and_another_leverage_are_found_and_change_nothing() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.pass(std::time::Duration::from_millis(1));
    let before = world.book().snapshot().digest();
    let said = VenuePosition { leverage: Some("3".parse().unwrap()), ..row(BTC, Side::Long, "1", "50500") };
    world.report(vec![said]);
    let thorough = Policy { ways: Ways::thorough(), ..Policy::default() };
    let found = block_on(world.manager.reconcile_with(thorough)).unwrap();
    let aspects: Vec<_> = found.done.iter().filter_map(|(item, _)| item.discrepancy.aspect()).collect();
    assert_eq!(aspects, [Aspect::Entry, Aspect::Leverage], "D32: {found}");
    assert_eq!(world.book().snapshot().digest(), before);
}
