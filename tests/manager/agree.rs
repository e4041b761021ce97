//! How a doubt about quantity ends: by reports that agree, exactly, with nothing in flight (R10).

use std::time::Duration;

use posbook::reconcile::{Consent, Discrepancy, Outcome, Policy, ReconcileReport, Repair};
use posbook::venue::{Completeness, FillPage, Scope, VenueFill, VenuePosition, VenueReport};
use posbook::{Command, OrderSide, Reason, Side, TroubleKind};

use crate::stage::*;

fn freeze(world: &World, symbol: &str) {
    let key = world.id(symbol).into();
    world.book().apply(Command::Quarantine { key, why: "by hand".into(), asked: None }).unwrap();
}

fn troubles(world: &World, symbol: &str) -> Vec<TroubleKind> {
    world.key(symbol).troubles.iter().map(|t| t.kind).collect()
}

fn long(quantity: &str) -> Vec<VenuePosition> {
    vec![row(BTC, Side::Long, quantity, "50000")]
}

/// A run on a report whose time proves it newer than everything booked.
async fn newer(world: &World, rows: Vec<VenuePosition>) -> ReconcileReport {
    world.pass(Duration::from_millis(1));
    world.report(rows);
    world.manager.reconcile_positions().await.unwrap()
}

async fn untimed(world: &World, rows: Vec<VenuePosition>) -> ReconcileReport {
    world.venue.on_report(world.report_at(None, rows));
    world.manager.reconcile_positions().await.unwrap()
}

fn with_fill(world: &World, fill: VenueFill) {
    world.venue.on_fills(move |cursor| Ok(FillPage { fills: vec![fill], next: cursor }));
    pollster::block_on(world.manager.pull_fills()).unwrap();
}

#[tokio::test]
async fn r10_one_report_that_is_proved_newer_and_agrees_ends_a_quarantine() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "50000");
    assert_eq!(newer(&world, long("2")).await.unresolved(), 1);
    assert_eq!(troubles(&world, BTC), [TroubleKind::Quarantined]);
    let ledger = world.key(BTC).ledger;
    let found = newer(&world, long("1")).await;
    // It is listed, and is no adoption and no drop: the predecessor's integer does not count it.
    assert_eq!((found.resolved(), found.released(), found.unresolved()), (0, 1, 0));
    assert!(!found.done[0].0.discrepancy.is_difference());
    assert!(troubles(&world, BTC).is_empty());
    assert_eq!(world.key(BTC).ledger, ledger);
    world.manager.scale_in_position(BTC, q("1")).await.unwrap();
    // And never again: a second run finds nothing.
    assert_eq!(newer(&world, long("2")).await.to_string(), "in agreement");
}

#[tokio::test]
async fn r10_reports_without_a_venue_time_must_agree_as_often_as_the_policy_says() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    freeze(&world, BTC);
    let two = Policy { confirmations: 3, ..Policy::default() };
    for (rows, released) in
        [("1", 0), ("1", 0), ("2", 0), ("1", 0), ("1", 0), ("1", 1)].map(|(n, released)| (long(n), released))
    {
        world.venue.on_report(world.report_at(None, rows));
        let found = world.manager.reconcile_with(two).await.unwrap();
        assert_eq!(found.released(), released, "{found}");
    }
    assert!(troubles(&world, BTC).is_empty());
}

#[tokio::test]
async fn r10_overlapping_reports_release_nothing_together() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    freeze(&world, BTC);
    let (mut first, mut second) = (world.venue.hold_report(), world.venue.hold_report());
    let (one, two) = (world.manager.clone(), world.manager.clone());
    let one = tokio::spawn(async move { one.reconcile_positions().await });
    first.called().await;
    let two = tokio::spawn(async move { two.reconcile_positions().await });
    second.called().await;
    for (held, run) in [(second, two), (first, one)] {
        held.answer(world.report_at(None, long("1")));
        assert_eq!(run.await.unwrap().unwrap().released(), 0);
    }
    assert_eq!(untimed(&world, long("1")).await.released(), 1);
}

#[tokio::test]
async fn r10_a_flat_key_that_agrees_with_flat_is_released_too() {
    let world = world();
    freeze(&world, BTC);
    assert_eq!(newer(&world, vec![]).await.released(), 1);
    assert!(troubles(&world, BTC).is_empty());
    world.open(BTC, Side::Long, "1");
}

#[tokio::test]
async fn r10_every_doubt_about_quantity_ends_and_a_missing_protection_does_not() {
    let world = world();
    // Nobody's order and no default rule: unprotected.
    world.price(BTC, "50000");
    let first = world.foreign(BTC, "t", OrderSide::Buy, "1", "50000");
    with_fill(&world, first.clone());
    with_fill(&world, world.foreign(BTC, "t", OrderSide::Buy, "3", "50000"));
    with_fill(&world, world.foreign(BTC, "u", OrderSide::Buy, "1", "0"));
    freeze(&world, BTC);
    use TroubleKind::{FillConflict, Quarantined, Unbooked, Unprotected};
    assert_eq!(troubles(&world, BTC), [Unprotected, FillConflict, Unbooked, Quarantined]);
    assert_eq!(newer(&world, long("1")).await.released(), 1);
    assert_eq!(troubles(&world, BTC), [Unprotected]);
    // Reports have nothing more to say about it.
    assert_eq!(newer(&world, long("1")).await.to_string(), "in agreement");
}

#[tokio::test]
async fn r10_a_fill_after_the_final_word_blocks_until_the_reports_agree() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.venue.on_submit(|_| says(rejected()));
    world.manager.scale_in_position(BTC, q("1")).await.unwrap();
    let order = world.venue.sent().pop().unwrap();
    world.price(BTC, "50000");
    with_fill(&world, world.fill(&order, "after", "1", "50000"));
    assert_eq!(troubles(&world, BTC), [TroubleKind::AfterFinal]);
    assert_eq!(newer(&world, long("1")).await.released(), 0);
    assert_eq!(newer(&world, long("2")).await.released(), 1);
    assert!(troubles(&world, BTC).is_empty());
}

#[tokio::test]
async fn r10_nothing_is_released_while_an_order_is_unresolved_though_the_sizes_are_equal() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let mut held = world.venue.hold_submit();
    let manager = world.manager.clone();
    let adding = tokio::spawn(async move { manager.scale_in_position(BTC, q("0.5")).await });
    held.called().await;
    freeze(&world, BTC);
    assert_eq!(newer(&world, long("1")).await.to_string(), "in agreement");
    assert_eq!(troubles(&world, BTC), [TroubleKind::Quarantined]);
    held.go();
    adding.await.unwrap().unwrap();
    assert_eq!(newer(&world, long("1.5")).await.released(), 1);
}

#[tokio::test]
async fn r10_a_release_that_was_planned_before_a_change_is_refused_where_it_lands() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    freeze(&world, BTC);
    world.pass(Duration::from_millis(1));
    world.report(long("1"));
    let plan = world.manager.plan_reconciliation(Policy::default()).await.unwrap();
    assert!(matches!(plan.items[0].repair, Repair::Release { .. }), "{plan}");
    assert!(matches!(plan.items[0].discrepancy, Discrepancy::Agrees { .. }));
    with_fill(&world, world.foreign(BTC, "by hand", OrderSide::Sell, "0.5", "50000"));
    let done = world.manager.apply_plan(plan);
    let Outcome::Refused(refused) = &done.done[0].1 else { panic!("{done}") };
    assert!(matches!(refused.reason(), Reason::StaleReport { .. }));
    assert_eq!((done.released(), done.unresolved()), (0, 1));
    assert!(!troubles(&world, BTC).is_empty());
}

#[tokio::test]
async fn r10_an_older_failed_or_partial_report_releases_nothing() {
    let world = world();
    let old = world.clock.now();
    world.price(BTC, "50000");
    world.open(BTC, Side::Long, "1");
    freeze(&world, BTC);
    world.pass(Duration::from_millis(1));
    let now = Some(world.clock.now());
    let partial = Completeness::Partial("page 2".into());
    for _ in 0..3 {
        for report in [
            world.report_at(Some(old), long("1")),
            VenueReport { completeness: partial.clone(), ..world.report_at(now, long("1")) },
            VenueReport::failed(Scope::All, "503"),
            VenueReport { scope: Scope::Only(vec![ETH.parse().unwrap()]), ..world.report_at(now, vec![]) },
        ] {
            world.venue.on_report(report);
            let found = world.manager.reconcile_positions().await;
            assert!(found.is_err() || found.is_ok_and(|found| found.released() == 0));
        }
    }
    assert_eq!(troubles(&world, BTC), [TroubleKind::Quarantined]);
}

#[tokio::test]
async fn r10_consent_an_empty_report_quarantines_and_agreeing_reports_release() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    freeze(&world, ETH); // and flat
    world.price(BTC, "50000");
    // Maintenance: an empty list freezes what is open, and is no word about what is flat.
    assert_eq!(newer(&world, vec![]).await.unresolved(), 1);
    for symbol in [BTC, ETH] {
        assert_eq!(troubles(&world, symbol), [TroubleKind::Quarantined]);
    }
    // Back again, from a venue that states no time: once, and twice.
    assert_eq!(untimed(&world, long("1")).await.released(), 0);
    assert_eq!(untimed(&world, long("1")).await.released(), 2);
    assert_eq!((world.stands(BTC).as_str(), world.book().snapshot().totals().troubled), ("long 1", 0));
}

#[tokio::test]
async fn r10_consent_given_drops_what_is_open_and_releases_what_is_flat() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    freeze(&world, ETH);
    world.price(BTC, "50000");
    let policy = Policy { consent: Consent::EmptyMeansFlat, ..Policy::default() };
    world.report(vec![]);
    let found = world.manager.reconcile_with(policy).await.unwrap();
    assert_eq!((found.resolved(), found.released()), (1, 1));
    assert_eq!((world.stands(BTC).as_str(), world.book().snapshot().totals().troubled), ("flat", 0));
    // The gap is no trouble and is not released: it waits for its fill.
    assert!(!world.key(BTC).ledger.unexplained.is_zero());
}
