//! Hedge mode: both legs of one symbol, each a position of its own; and rows that do not fit the mode.

use std::time::Duration;

use posbook::venue::VenuePosition;
use posbook::{Command, Decimal, Field, Leg, OrderSide, Owner, PositionKey, Side};

use crate::stage::*;

fn leg(world: &World, leg: Leg) -> PositionKey {
    PositionKey { leg, ..PositionKey::net(world.id(SOL)) }
}

fn hedged(leg: Leg, quantity: &str) -> VenuePosition {
    let side = leg.only_side().unwrap();
    VenuePosition { leg, ..row(SOL, side, quantity, "100") }
}

#[tokio::test]
async fn d27_both_legs_of_one_symbol_with_targets_of_their_own() {
    let world = world();
    world.open(SOL, Side::Long, "1");
    world.open(SOL, Side::Short, "2");
    assert_eq!(world.manager.get_open_positions_count(), 2);
    let (long, short) = (leg(&world, Leg::Long), leg(&world, Leg::Short));
    let stop = |key| world.manager.get_position(key).unwrap().stop_loss();
    assert_eq!((stop(long), stop(short)), (Some(p("95")), Some(p("105"))));
    world.manager.modify_position_targets(long, Field::Set(p("97")), Field::Keep).unwrap();
    assert_eq!((stop(long), stop(short)), (Some(p("97")), Some(p("105"))));

    // The long's stop takes the long leg off and leaves the short.
    world.price(SOL, "97");
    let pass = world.manager.update_positions().await;
    assert_eq!(pass.closed.len(), 1);
    assert!(!world.manager.has_position(long) && world.manager.has_position(short));
    // Now the symbol names one leg again.
    assert_eq!(world.stands(SOL), "short 2");
    world.manager.close_position(SOL, "out").await.unwrap();
    assert_eq!(world.manager.get_open_positions_count(), 0);
    assert!(world.venue.paper().ledger().iter().all(|account| account.quantity.is_zero()));
}

#[tokio::test]
async fn d27_a_symbol_that_names_two_legs_is_refused() {
    let world = world();
    world.open(SOL, Side::Long, "1");
    world.open(SOL, Side::Short, "1");
    let refused = world.manager.close_position(SOL, "which?").await.unwrap_err();
    assert!(refused.to_string().contains("PositionKey"), "{refused}");
    assert!(world.manager.modify_position_targets(SOL, Field::Set(p("96")), Field::Keep).is_err());
    assert_eq!(world.manager.get_open_positions_count(), 2);
    world.manager.close_position(leg(&world, Leg::Short), "that one").await.unwrap();
    assert_eq!(world.stands(SOL), "long 1");
}

#[tokio::test]
async fn d27_the_same_leg_twice_is_refused_and_the_other_is_not() {
    let world = world();
    world.open(SOL, Side::Long, "1");
    let again = world.try_open(SOL, Side::Long, "1");
    assert!(again.unwrap_err().to_string().contains("already exists"));
    let wrong = world.manager.open_position(leg(&world, Leg::Long), Side::Short, q("1"), 10, f("0.05")).await;
    assert!(wrong.is_err());
    world.open(SOL, Side::Short, "1");
    assert_eq!(world.sent(SOL), 2);
}

#[tokio::test]
async fn d27_both_legs_are_adopted_and_compared_on_their_own() {
    let world = world();
    world.report(vec![hedged(Leg::Long, "1"), hedged(Leg::Short, "2")]);
    assert_eq!(world.manager.reconcile_positions().await.unwrap().resolved(), 2);
    let (long, short) = (leg(&world, Leg::Long), leg(&world, Leg::Short));
    let stop = |key| world.manager.get_position(key).unwrap().stop_loss();
    assert_eq!((stop(long), stop(short)), (Some(p("95")), Some(p("105"))));
    world.price(SOL, "100");
    world.report(vec![hedged(Leg::Short, "2")]);
    assert_eq!(world.manager.reconcile_positions().await.unwrap().resolved(), 1);
    assert!(!world.manager.has_position(long) && world.manager.has_position(short));
}

#[tokio::test]
async fn a_row_of_a_leg_that_the_mode_lacks_changes_nothing() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "50000");
    world.report(vec![
        VenuePosition { leg: Leg::Short, ..row(BTC, Side::Short, "1", "50000") },
        row(SOL, Side::Long, "1", "100"),
        VenuePosition { leg: Leg::Long, ..row(SOL, Side::Short, "1", "100") },
    ]);
    let before = world.book().snapshot().digest();
    let found = world.manager.reconcile_positions().await.unwrap();
    assert_eq!((found.resolved(), found.unresolved()), (0, 3));
    assert_eq!(world.book().snapshot().digest(), before);
}

#[tokio::test]
async fn two_rows_of_one_symbol_in_one_way_mode_are_a_mismatch_and_change_nothing() {
    let world = world();
    world.report(vec![row(BTC, Side::Long, "1", "50000"), row(BTC, Side::Short, "2", "50000")]);
    let before = world.book().snapshot().digest();
    let found = world.manager.reconcile_positions().await.unwrap();
    assert_eq!(found.resolved(), 0);
    assert!(found.unresolved() > 0);
    assert!(found.to_string().contains("more than one row"), "{found}");
    assert_eq!((world.book().snapshot().digest(), world.manager.get_open_positions_count()), (before, 0));

    // With a position there, it is neither dropped nor changed.
    world.open(BTC, Side::Long, "3");
    world.price(BTC, "50000");
    world.report(vec![row(BTC, Side::Long, "1", "50000"), row(BTC, Side::Short, "2", "50000")]);
    assert_eq!(world.manager.reconcile_positions().await.unwrap().resolved(), 0);
    assert_eq!(world.stands(BTC), "long 3");
}

// ---- several owners on one leg

/// What an owner holds of BTC.
fn owned(world: &World, owner: u32) -> PositionKey {
    PositionKey { owner: Owner(owner), ..PositionKey::net(world.id(BTC)) }
}

async fn open_owned(world: &World, owner: u32, side: Side) {
    let wish = Command::open(owned(world, owner), side, q("1")).stop("0.05").unwrap();
    world.manager.order(wish).await.unwrap();
}

fn unexplained(world: &World) -> Vec<Decimal> {
    world.book().snapshot().keys().map(|key| key.ledger.unexplained).collect()
}

/// Somebody sells by hand what an owner holds, and the message is late. The fill will be nobody's, so the owner's position
/// is not dropped for it: that would leave its cost unexplained on both keys for ever.
#[tokio::test]
async fn r12_what_an_owner_holds_is_not_dropped_for_a_fill_that_will_be_nobody_s() {
    let world = world();
    open_owned(&world, 1, Side::Long).await;
    world.open(ETH, Side::Long, "1");
    world.price(BTC, "49000");
    world.by_hand(BTC, OrderSide::Sell, "1");
    world.pass(Duration::from_millis(1));
    world.hide_fills();
    let found = world.manager.reconcile_positions().await.unwrap();
    assert_eq!((found.resolved(), found.unresolved()), (0, 1), "{found}");
    let key = world.book().snapshot().key(owned(&world, 1)).cloned().unwrap();
    assert!(key.position.is_some() && !key.troubles.is_empty());

    // The message comes. On the leg the two cancel out, as they do at the venue, and all is explained.
    world.manager.reconcile_positions().await.unwrap();
    let view = world.book().snapshot();
    assert!(view.get(owned(&world, 1)).is_some() && view.get(owned(&world, 0)).is_some());
    assert!(view.key(owned(&world, 1)).unwrap().troubles.is_empty());
    assert_eq!(unexplained(&world), [Decimal::ZERO; 3]);
    assert_eq!(world.venue_has(BTC), "0");
}

/// Two owners hold the same against one another: the account has nothing there, and a report that is empty agrees.
#[tokio::test]
async fn r12_an_empty_report_agrees_with_owners_who_cancel_out() {
    let world = world();
    open_owned(&world, 1, Side::Long).await;
    open_owned(&world, 2, Side::Short).await;
    for owner in [1, 2] {
        let key = owned(&world, owner);
        world.book().apply(Command::Quarantine { key, why: "by hand".into(), asked: None }).unwrap();
    }
    world.pass(Duration::from_millis(1));
    let found = world.manager.reconcile_positions().await.unwrap();
    assert_eq!((found.released(), found.unresolved()), (2, 0), "{found}");

    // Where something is open that nothing cancels out, it is the report that is doubted.
    world.open(ETH, Side::Long, "1");
    let key = owned(&world, 2);
    world.book().apply(Command::Quarantine { key, why: "by hand".into(), asked: None }).unwrap();
    world.pass(Duration::from_millis(1));
    world.report(vec![]);
    let found = world.manager.reconcile_positions().await.unwrap();
    assert_eq!((found.resolved(), found.released()), (0, 0), "{found}");
}
