//! R10: a failed or partial report never means flat. Without it: the venue's API answers `[]` during maintenance, the
//! book drops every position, the stops go with them, and the market moves. That agreeing reports end a quarantine comes
//! later; `accept` ends it.

use posbook::reconcile::{Consent, Policy};
use posbook::venue::{Completeness, Scope, VenueReport};
use posbook::{Command, Decimal, Error, Side, TroubleKind};

use crate::stage::*;

#[tokio::test]
async fn a_stop_still_fires_after_the_venue_answered_nothing_during_maintenance() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.open(ETH, Side::Short, "2");
    for _ in 0..3 {
        world.price(BTC, "50000");
        world.price(ETH, "3000");
        world.report(vec![]);
        assert_eq!(world.manager.reconcile_positions().await.unwrap().resolved(), 0);
    }
    // Visible, and closed to new risk; not in limbo and not gone.
    for symbol in [BTC, ETH] {
        assert!(world.key(symbol).troubles.iter().any(|t| t.kind == TroubleKind::Quarantined));
        assert!(!world.refused_increase(symbol).is_empty());
    }
    world.price(BTC, "47500");
    world.price(ETH, "3150");
    world.manager.update_positions().await;
    for symbol in [BTC, ETH] {
        assert_eq!((world.stands(symbol).as_str(), world.venue_has(symbol).as_str()), ("flat", "0"));
    }
}

#[tokio::test]
async fn failed_and_partial_reports_drop_nothing_with_consent_and_a_hundred_times() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let policy = Policy { consent: Consent::EmptyMeansFlat, confirmations: 1, ..Policy::default() };
    let before = world.book().snapshot().digest();
    for _ in 0..100 {
        world.pass(std::time::Duration::from_millis(1));
        world.venue.on_report(VenueReport::failed(Scope::All, "maintenance"));
        assert!(matches!(world.manager.reconcile_with(policy).await, Err(Error::Report { .. })));
        let partial = VenueReport {
            completeness: Completeness::Partial("page 2 of 3".into()),
            ..world.report_at(Some(world.clock.now()), vec![])
        };
        world.venue.on_report(partial);
        let report = world.manager.reconcile_with(policy).await.unwrap();
        assert_eq!((report.resolved(), report.partial.is_some()), (0, true));
    }
    assert_eq!(world.book().snapshot().digest(), before);
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("long 1", "1"));
}

#[tokio::test]
async fn a_quarantine_ends_by_accept_which_is_a_change_with_its_reason() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "50000");
    world.report(vec![]);
    world.manager.reconcile_positions().await.unwrap();
    let key = world.id(BTC).into();
    let mut changes = world.book().changes();
    world.book().apply(Command::Accept { key, reason: "maintenance, seen on the web page".into() }).unwrap();
    let unit = changes.try_next().unwrap().unwrap();
    assert_eq!(unit[0].command().reason(), "maintenance, seen on the web page");
    assert!(world.book().check(Command::scale_in(world.id(BTC), q("1"))).is_ok());
}

#[tokio::test]
async fn what_a_dropped_position_cost_stays_unexplained_for_ever() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.open(ETH, Side::Long, "1");
    world.price(BTC, "50000");
    // The venue has ETH only: liquidated, or closed elsewhere.
    world.report(vec![row(ETH, Side::Long, "1", "3000")]);
    assert_eq!(world.manager.reconcile_positions().await.unwrap().resolved(), 1);
    assert_eq!(world.stands(BTC), "flat");
    let gap = || world.key(BTC).ledger.unexplained;
    assert_eq!(gap(), Decimal::from(-50_000));
    // A new life does not wash it off.
    world.book().apply(Command::Accept { key: world.id(BTC).into(), reason: "seen".into() }).unwrap();
    world.price(BTC, "50000");
    world.open(BTC, Side::Long, "1");
    world.manager.close_position(BTC, "out").await.unwrap();
    assert_eq!(gap(), Decimal::from(-50_000));
    let money = world.book().snapshot().totals().money(&"USDT".parse().unwrap());
    assert_eq!(money.unexplained, Decimal::from(-50_000));
}
