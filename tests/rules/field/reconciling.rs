//! Reports on reconciliation, as far as they need no restart: what is adopted, what is left alone, what a second run does.

use std::time::Duration;

use posbook::reconcile::{Consent, Policy};
use posbook::venue::{Completeness, Scope, VenueReport};
use posbook::{Command, Side};

use crate::stage::*;

#[tokio::test]
async fn nautilus_pr_3443_a_repeated_check_makes_nothing_new() {
    let world = world();
    world.price(BTC, "50000");
    world.report(vec![row(BTC, Side::Long, "1", "49000")]);
    assert_eq!(world.manager.reconcile_positions().await.unwrap().resolved(), 1);
    let digest = world.book().snapshot().digest();
    for _ in 0..10 {
        world.price(BTC, "50000");
        world.report(vec![row(BTC, Side::Long, "1", "49000")]);
        assert!(world.manager.reconcile_positions().await.unwrap().done.is_empty());
    }
    // Nothing was published, nothing was sent.
    assert_eq!((world.book().snapshot().digest(), world.venue.sent().len()), (digest, 0));
}

#[tokio::test]
async fn bytex_30_a_mismatch_that_was_found_blocks_new_risk_and_not_the_way_out() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "50000");
    world.report(vec![row(BTC, Side::Long, "3", "50000")]);
    world.manager.reconcile_positions().await.unwrap();
    assert!(world.refused_increase(BTC).contains("the book has 1, the venue 3"));
    let batch = world.book().submit([Command::scale_in(world.id(BTC), q("1")).into()]);
    assert!(batch.is_err());
    world.manager.close_position(BTC, "out").await.unwrap();
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
}

#[tokio::test]
async fn alpaca_trading_agent_44_a_lookup_that_fails_is_not_flat() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let policy = Policy { consent: Consent::EmptyMeansFlat, confirmations: 1, ..Policy::default() };
    for _ in 0..3 {
        world.pass(Duration::from_millis(1));
        world.venue.on_report(VenueReport::failed(Scope::All, "502 bad gateway"));
        assert!(world.manager.reconcile_with(policy).await.is_err());
    }
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("long 1", "1"));
    // Its stop is where it was.
    assert_eq!(world.manager.get_position(BTC).unwrap().stop_loss(), Some(p("47500")));
}

#[tokio::test]
async fn lean_alpaca_66_a_report_zeroes_nothing_that_it_does_not_cover() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.open(ETH, Side::Long, "1");
    world.price(ETH, "3000");
    let only_eth = VenueReport {
        scope: Scope::Only(vec![ETH.parse().unwrap()]),
        completeness: Completeness::Complete,
        venue_time: Some(world.clock.now()),
        rows: vec![],
    };
    world.venue.on_report(only_eth);
    let policy = Policy { consent: Consent::EmptyMeansFlat, ..Policy::default() };
    assert_eq!(world.manager.reconcile_with(policy).await.unwrap().resolved(), 1);
    assert_eq!((world.stands(ETH).as_str(), world.stands(BTC).as_str()), ("flat", "long 1"));
    assert!(world.key(BTC).troubles.is_empty());
}

#[tokio::test]
async fn nautilus_3104_a_position_older_than_the_venues_history_is_adopted_and_protected() {
    let world = world();
    world.price(BTC, "51000");
    // No fill of it anywhere any more.
    world.report(vec![row(BTC, Side::Short, "2", "60000")]);
    world.manager.reconcile_positions().await.unwrap();
    let adopted = world.manager.get_position(BTC).unwrap();
    assert_eq!((adopted.side, adopted.quantity, adopted.entry_price()), (Side::Short, q("2"), 60_000.into()));
    // From the current price: a stop of 5 % and a take profit of 10 %.
    assert_eq!((adopted.stop_loss(), adopted.take_profit()), (Some(p("53550")), Some(p("45900"))));
    // It can be added to and closed like any other.
    assert!(world.book().check(Command::scale_in(world.id(BTC), q("1"))).is_ok());
}

#[tokio::test]
async fn hummingbot_3105_a_row_of_zero_and_no_row_at_all_are_the_same_and_need_consent() {
    for rows in [vec![], vec![row(BTC, Side::Long, "0", "50000")]] {
        let world = world();
        world.open(BTC, Side::Long, "1");
        world.price(BTC, "50000");
        world.report(rows);
        assert_eq!(world.manager.reconcile_positions().await.unwrap().resolved(), 0);
        assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("long 1", "1"));
        assert!(world.refused_increase(BTC).contains("without consent"));
    }
}

#[tokio::test]
async fn go_trader_185_one_venue_position_is_not_assigned_to_every_strategy() {
    use posbook::{Owner, PositionKey};
    let world = world();
    let of = |owner| PositionKey { owner: Owner(owner), ..PositionKey::net(world.id(BTC)) };
    for owner in [1, 2, 3] {
        world.manager.open_position(of(owner), Side::Long, q("1"), 10, f("0.05")).await.unwrap();
    }
    world.price(BTC, "50000");
    assert!(world.manager.reconcile_positions().await.unwrap().done.is_empty());
    let owned: Vec<_> =
        world.manager.get_all_positions().iter().map(|p| (p.key.owner.0, p.quantity)).collect();
    assert_eq!(owned, [(1, q("1")), (2, q("1")), (3, q("1"))]);
    assert_eq!(world.venue_has(BTC), "3");
}
