//! Reports against what happened since they were asked for, and what absence does and does not prove.

use std::time::Duration;

use posbook::reconcile::{Outcome, Policy, Repair};
use posbook::venue::{Completeness, FillCursor, FillPage, OrderEnd, Scope, VenueReport};
use posbook::{Decimal, Error, Field, FillNote, OrderSide, Reason, Side, TargetRule, TroubleKind};

use crate::stage::*;

#[test]
fn d06_a_report_from_before_an_open_does_not_delete_it() {
    let world = world();
    let running = world.reconciling(consent());
    world.open(BTC, Side::Long, "1");
    // What it was asked for: flat.
    assert_eq!(running.go().unwrap().resolved(), 0);
    assert_eq!(world.stands(BTC), "long 1");
}

#[test]
fn d06_nautilus_3476_a_report_that_contains_the_fill_of_an_open_order_books_it_once() {
    let world = world();
    let opening = world.opening(BTC, Side::Long, "1");
    let running = world.reconciling(consent());
    // Executed at the venue, answer under way; the report shows it and the book does not have it yet.
    let report = world.report_at(Some(world.clock.now()), vec![row(BTC, Side::Long, "1", "50000")]);
    assert_eq!(running.answer(report).unwrap().to_string(), "in agreement");
    assert_eq!(opening.go().end, OrderEnd::Done);
    // Not adopted beside its own fill.
    assert_eq!(world.stands(BTC), "long 1");
}

#[tokio::test]
async fn d07_a_report_from_before_a_close_does_not_import_it_again() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "50000");
    let running = world.reconciling(Policy::default());
    world.manager.close_position(BTC, "out").await.unwrap();
    assert_eq!(running.go().unwrap().resolved(), 0);
    assert_eq!(world.stands(BTC), "flat");
}

#[test]
fn d08_a_report_does_not_overwrite_a_newer_position_or_its_targets() {
    let world = world();
    let running = world.reconciling(Policy::default());
    world.open(BTC, Side::Short, "2");
    world.manager.modify_position_targets(BTC, Field::Set(p("51000")), Field::Keep).unwrap();
    let before = world.book().snapshot().digest();
    let report = world.report_at(Some(world.clock.now()), vec![row(BTC, Side::Long, "1", "49000")]);
    assert_eq!(running.answer(report).unwrap().resolved(), 0);
    assert_eq!(world.book().snapshot().digest(), before);
}

#[tokio::test]
async fn d08_a_plan_that_was_made_before_a_change_is_refused_where_it_lands() {
    let world = world();
    world.report(vec![row(BTC, Side::Long, "1", "49000"), row(ETH, Side::Long, "1", "3000")]);
    let plan = world.manager.plan_reconciliation(Policy::default()).await.unwrap();
    assert_eq!((plan.items.len(), world.manager.get_open_positions_count()), (2, 0));
    world.open(BTC, Side::Short, "2");
    let done = world.manager.apply_plan(plan);
    // A refused repair never stops the others (D14).
    assert_eq!((done.resolved(), done.unresolved()), (1, 1));
    let stale =
        |o: &Outcome| matches!(o, Outcome::Refused(r) if matches!(r.reason(), Reason::StaleReport { .. }));
    assert_eq!(done.done.iter().filter(|(_, outcome)| stale(outcome)).count(), 1);
    assert_eq!((world.stands(BTC).as_str(), world.stands(ETH).as_str()), ("short 2", "long 1"));
}

#[tokio::test]
async fn d13_alpaca_trading_agent_44_a_failed_report_changes_nothing_and_is_an_error() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "50000");
    let before = world.book().snapshot().digest();
    for _ in 0..3 {
        world.venue.on_report(VenueReport::failed(Scope::All, "503"));
        let failed = world.manager.reconcile_with(consent()).await;
        assert!(matches!(failed, Err(Error::Report { .. })), "{failed:?}");
    }
    assert_eq!(world.book().snapshot().digest(), before);
}

#[tokio::test]
async fn r10_an_empty_report_without_consent_quarantines_what_it_covers() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.open(ETH, Side::Long, "1");
    world.price(BTC, "50000");
    world.report(vec![]);
    let found = world.manager.reconcile_positions().await.unwrap();
    assert_eq!((found.resolved(), found.unresolved()), (0, 2));
    for symbol in [BTC, ETH] {
        assert_eq!(world.stands(symbol), "long 1");
        assert!(world.key(symbol).troubles.iter().any(|t| t.kind == TroubleKind::Quarantined));
        assert!(world.refused_increase(symbol).contains("without consent"));
    }
    // Again: nothing new is published.
    let before = world.book().snapshot().sequence();
    world.report(vec![]);
    world.manager.reconcile_positions().await.unwrap();
    assert_eq!(world.book().snapshot().sequence(), before);
    // A person takes it as it stands.
    let key = world.id(BTC).into();
    world.book().apply(posbook::Command::Accept { key, reason: "looked".into() }).unwrap();
    world.manager.scale_in_position(BTC, q("1")).await.unwrap();
}

#[tokio::test]
async fn r10_an_empty_report_with_consent_drops_and_keeps_the_gap() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "50000");
    world.report(vec![]);
    assert_eq!(world.manager.reconcile_with(consent()).await.unwrap().resolved(), 1);
    assert_eq!(world.stands(BTC), "flat");
    let ledger = world.key(BTC).ledger;
    assert_eq!((ledger.cash, ledger.realised), (Decimal::from(-50_000), Decimal::ZERO));
    assert_eq!(ledger.unexplained, Decimal::from(-50_000));
}

#[tokio::test]
async fn r10_a_partial_report_never_means_flat() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "50000");
    let before = world.book().snapshot().digest();
    for _ in 0..3 {
        world.pass(Duration::from_millis(1));
        let rows = vec![];
        let completeness = Completeness::Partial("page 2 failed".into());
        let report = world.report_at(Some(world.clock.now()), rows);
        world.venue.on_report(VenueReport { completeness, ..report });
        let found = world.manager.reconcile_with(consent()).await.unwrap();
        assert_eq!((found.resolved(), found.partial.as_deref()), (0, Some("page 2 failed")));
    }
    assert_eq!(world.book().snapshot().digest(), before);
}

#[tokio::test]
async fn r10_a_row_that_cannot_be_read_makes_the_report_partial() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "50000");
    world.open(ETH, Side::Long, "1");
    world.price(BTC, "50000");
    let before = world.book().snapshot().digest();
    // One row is garbage, so what else is missing may be missing for the same reason.
    let garbage =
        posbook::venue::VenuePosition { leg: posbook::Leg::Short, ..row(ETH, Side::Short, "1", "3000") };
    world.report(vec![garbage]);
    let found = world.manager.reconcile_with(consent()).await.unwrap();
    assert_eq!(found.resolved(), 0);
    assert!(found.partial.is_some());
    assert_eq!(world.book().snapshot().digest(), before);
}

#[tokio::test]
async fn r10_lean_alpaca_66_a_report_says_nothing_about_what_it_does_not_cover() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "50000");
    let report = world.report_at(Some(world.clock.now()), vec![row(ETH, Side::Long, "1", "3000")]);
    world.venue.on_report(VenueReport { scope: Scope::Only(vec![ETH.parse().unwrap()]), ..report });
    assert_eq!(world.manager.reconcile_positions().await.unwrap().resolved(), 1);
    assert_eq!((world.stands(BTC).as_str(), world.stands(ETH).as_str()), ("long 1", "long 1"));
}

#[tokio::test]
async fn r10_hummingbot_3105_a_row_of_zero_contracts_is_flat() {
    let world = world();
    world.open(ETH, Side::Long, "1");
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "50000");
    world.report(vec![row(BTC, Side::Long, "1", "50000"), row(ETH, Side::Long, "0", "3000")]);
    assert_eq!(world.manager.reconcile_positions().await.unwrap().resolved(), 1);
    assert_eq!((world.stands(BTC).as_str(), world.stands(ETH).as_str()), ("long 1", "flat"));
    // A report of nothing but zeros is as empty as one without rows.
    world.price(BTC, "50000");
    world.report(vec![row(BTC, Side::Long, "0", "50000")]);
    assert_eq!(world.manager.reconcile_positions().await.unwrap().resolved(), 0);
    assert_eq!(world.stands(BTC), "long 1");
}

#[tokio::test]
async fn r08_a_report_without_a_venue_time_needs_two() {
    let world = world();
    world.open(ETH, Side::Long, "1");
    let rows = vec![row(BTC, Side::Long, "1", "50000")];
    let before = world.book().snapshot().digest();
    world.venue.on_report(world.report_at(None, rows.clone()));
    let found = world.manager.reconcile_positions().await.unwrap();
    assert_eq!((found.resolved(), found.unresolved()), (0, 2));
    assert_eq!(world.book().snapshot().digest(), before);
    world.venue.on_report(world.report_at(None, rows));
    assert_eq!(world.manager.reconcile_positions().await.unwrap().resolved(), 2);
    assert_eq!((world.stands(BTC).as_str(), world.stands(ETH).as_str()), ("long 1", "flat"));
}

#[tokio::test]
async fn r08_where_a_report_without_a_time_changed_something_no_time_proves_anything() {
    let world = world();
    let old = Some(world.clock.now());
    world.pass(Duration::from_millis(1));
    let rows = || vec![row(BTC, Side::Long, "1", "50000")];
    for adopted in [0, 1] {
        world.venue.on_report(world.report_at(None, rows()));
        assert_eq!(world.manager.reconcile_positions().await.unwrap().resolved(), adopted);
    }
    // A cache from before: no fill was ever booked that it would have to be newer than.
    world.venue.on_report(world.report_at(old, vec![]));
    assert_eq!(world.manager.reconcile_with(consent()).await.unwrap().resolved(), 0);
    assert_eq!(world.stands(BTC), "long 1");
    // Nor does a time bring back what two reports without one have dropped.
    for rows in [rows(), vec![], vec![]] {
        assert_eq!(world.stands(BTC), "long 1");
        world.venue.on_report(world.report_at(None, rows));
        world.manager.reconcile_with(consent()).await.unwrap();
    }
    assert_eq!(world.stands(BTC), "flat");
    world.venue.on_report(world.report_at(old, rows()));
    assert_eq!(world.manager.reconcile_positions().await.unwrap().resolved(), 0);
    assert_eq!(world.stands(BTC), "flat");
}

#[tokio::test]
async fn r08_reports_that_differ_confirm_nothing() {
    let world = world();
    for quantity in ["1", "2", "1", "2"] {
        world.venue.on_report(world.report_at(None, vec![row(BTC, Side::Long, quantity, "50000")]));
        assert_eq!(world.manager.reconcile_positions().await.unwrap().resolved(), 0);
    }
    assert_eq!(world.stands(BTC), "flat");
}

#[tokio::test]
async fn r08_overlapping_reports_do_not_confirm_each_other() {
    let world = world();
    let rows = || vec![row(BTC, Side::Long, "1", "50000")];
    let first = world.reconciling(Policy::default());
    let second = world.reconciling(Policy::default());
    // Both were asked before either was answered: they may be one and the same stale picture.
    assert_eq!(first.answer(world.report_at(None, rows())).unwrap().resolved(), 0);
    assert_eq!(second.answer(world.report_at(None, rows())).unwrap().resolved(), 0);
    assert_eq!(world.stands(BTC), "flat");
    // One more, asked afterwards, does.
    world.venue.on_report(world.report_at(None, rows()));
    assert_eq!(world.manager.reconcile_positions().await.unwrap().resolved(), 1);
}

#[tokio::test]
async fn r08_what_was_told_before_the_book_changed_confirms_nothing() {
    let world = world();
    let rows = || vec![row(BTC, Side::Long, "1", "50000")];
    world.venue.on_report(world.report_at(None, rows()));
    world.manager.reconcile_positions().await.unwrap();
    // Opened and closed since; then the venue's cache repeats itself.
    world.open(BTC, Side::Long, "1");
    world.manager.close_position(BTC, "out").await.unwrap();
    world.venue.on_report(world.report_at(None, rows()));
    assert_eq!(world.manager.reconcile_positions().await.unwrap().resolved(), 0);
    assert_eq!(world.stands(BTC), "flat");
}

#[tokio::test]
async fn r08_a_report_older_than_the_last_fill_changes_nothing() {
    let world = world();
    let old = world.clock.now();
    world.price(BTC, "50000");
    world.open(BTC, Side::Long, "1");
    let before = world.book().snapshot().digest();
    for time in [old, world.clock.now()] {
        for rows in
            [vec![], vec![row(BTC, Side::Long, "2", "50000")], vec![row(ETH, Side::Long, "1", "3000")]]
        {
            let other = rows.iter().any(|r| r.symbol.as_str() == ETH);
            if other {
                continue;
            }
            world.venue.on_report(world.report_at(Some(time), rows));
            let found = world.manager.reconcile_with(consent()).await.unwrap();
            assert!(found.done.iter().all(|(item, _)| matches!(item.repair, Repair::Wait(_))), "{found}");
        }
    }
    assert_eq!(world.book().snapshot().digest(), before);
}

#[tokio::test]
async fn r08_a_report_older_than_the_adoption_does_not_undo_it() {
    let world = world();
    let old = world.clock.now();
    world.price(BTC, "50000");
    world.report(vec![row(BTC, Side::Long, "1", "50000")]);
    assert_eq!(world.manager.reconcile_positions().await.unwrap().resolved(), 1);
    // An overlapping refresh that finished out of order, or a cache.
    world.venue.on_report(world.report_at(Some(old), vec![row(ETH, Side::Long, "1", "3000")]));
    world.manager.reconcile_with(consent()).await.unwrap();
    assert_eq!(world.stands(BTC), "long 1");
}

#[tokio::test]
async fn r08_an_earlier_fill_replaces_its_part_of_an_adoption() {
    let world = world();
    let earlier = world.foreign(BTC, "early", OrderSide::Buy, "0.4", "49000");
    world.price(BTC, "50000");
    world.report(vec![row(BTC, Side::Long, "1", "50000")]);
    assert_eq!(world.manager.reconcile_positions().await.unwrap().resolved(), 1);
    let adopted = world.manager.get_position(BTC).unwrap();

    let mut changes = world.book().changes();
    world.venue.on_fills(move |_| Ok(FillPage { fills: vec![earlier], next: FillCursor(1) }));
    world.manager.pull_fills().await.unwrap();
    let published = changes.try_next().unwrap().unwrap();
    assert!(published[0].effect.notes().contains(&FillNote::Replaced));
    // Its price counts, its quantity was in the report already.
    let position = world.manager.get_position(BTC).unwrap();
    assert_eq!((position.id, position.quantity), (adopted.id, q("1")));
    assert_eq!(position.cost, Decimal::from(49_600));
    assert_eq!(world.key(BTC).ledger.cash, Decimal::from(-49_600));

    // A later fill moves quantity as ever.
    world.price(BTC, "50000");
    let later = world.foreign(BTC, "later", OrderSide::Sell, "0.5", "50000");
    world.venue.on_fills(move |_| Ok(FillPage { fills: vec![later], next: FillCursor(2) }));
    world.manager.pull_fills().await.unwrap();
    assert_eq!(world.stands(BTC), "long 0.5");
}

#[tokio::test]
async fn r08_an_order_after_an_adoption_moves_quantity_within_the_same_millisecond() {
    let world = world();
    for close in [false, true] {
        world.venue.paper().tick(&BTC.parse().unwrap(), p("50000"), world.clock.now()).unwrap();
        if !close {
            // At the venue, too: its fill is in the list, but the bot starts from the report.
            world.report(vec![row(BTC, Side::Long, "1", "50000")]);
            assert_eq!(world.manager.reconcile_positions().await.unwrap().resolved(), 1);
            let added = world.manager.scale_in_position(BTC, q("0.5")).await.unwrap();
            assert_eq!((added.end, world.stands(BTC).as_str()), (OrderEnd::Done, "long 1.5"));
        } else {
            let copy = world.clone();
            world.venue.on_submit(move |order| {
                let fills = vec![copy.fill(&order, "out", "1.5", "50000")];
                Ok(posbook::venue::Answer { status: filled("1.5"), fills })
            });
            let closed = world.manager.close_position(BTC, "out").await.unwrap();
            assert_eq!((closed.end, world.stands(BTC).as_str()), (OrderEnd::Done, "flat"));
        }
        assert_eq!(world.unresolved(), 0);
    }
}

#[tokio::test]
async fn r09_a_size_inside_the_band_of_what_is_in_flight_is_agreement() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "50000");
    let adding = world.adding(BTC, "0.5");
    for (quantity, agrees) in [("1", true), ("1.2", true), ("1.5", true), ("1.6", false), ("0.9", false)] {
        world.report(vec![row(BTC, Side::Long, quantity, "50000")]);
        let found = world.manager.reconcile_positions().await.unwrap();
        assert_eq!(found.done.is_empty(), agrees, "{quantity}: {found}");
        // Outside it waits for the order, it changes nothing.
        assert!(world.key(BTC).troubles.is_empty());
    }
    adding.go();
    assert_eq!(world.stands(BTC), "long 1.5");
}

#[tokio::test]
async fn d32_bytex_30_sizes_and_sides_are_compared_and_a_difference_blocks_new_risk() {
    for venue in [row(BTC, Side::Long, "2", "50000"), row(BTC, Side::Short, "1", "50000")] {
        let world = world();
        world.open(BTC, Side::Long, "1");
        world.price(BTC, "50000");
        world.report(vec![venue]);
        let found = world.manager.reconcile_positions().await.unwrap();
        assert_eq!((found.resolved(), found.unresolved()), (0, 1));
        assert_eq!(world.stands(BTC), "long 1");
        assert!(world.refused_increase(BTC).contains("quarantined"), "{}", world.refused_increase(BTC));
        // Not what reduces it.
        world.manager.close_position(BTC, "out").await.unwrap();
    }
}

#[tokio::test]
async fn nautilus_3443_a_repeated_check_finds_nothing_new() {
    let world = world();
    world.report(vec![row(BTC, Side::Long, "1", "50000")]);
    assert_eq!(world.manager.reconcile_positions().await.unwrap().resolved(), 1);
    let before = world.book().snapshot().digest();
    for _ in 0..3 {
        world.price(ETH, "3000");
        world.report(vec![row(BTC, Side::Long, "1", "50000")]);
        assert_eq!(world.manager.reconcile_positions().await.unwrap().to_string(), "in agreement");
    }
    assert_eq!(world.book().snapshot().digest(), before);
}

#[tokio::test]
async fn r05_an_adoption_without_a_rule_or_a_mark_is_unprotected_and_blocks_new_risk() {
    let unprotected = |world: &World| {
        let key = world.key(BTC);
        key.position.as_ref().unwrap().stop_loss().is_none()
            && key.troubles.iter().any(|t| t.kind == TroubleKind::Unprotected)
    };
    let world = world();
    world.report(vec![row(BTC, Side::Long, "1", "50000")]);
    let policy = Policy { adopt_rule: None, ..Policy::default() };
    assert_eq!(world.manager.reconcile_with(policy).await.unwrap().resolved(), 1);
    assert!(unprotected(&world));

    let world = self::world();
    world.pass(Duration::from_secs(31));
    world.report(vec![row(BTC, Side::Long, "1", "50000")]);
    assert_eq!(world.manager.reconcile_positions().await.unwrap().resolved(), 1);
    assert!(unprotected(&world));
    // A stop ends it.
    world.price(BTC, "50000");
    world.manager.modify_position_targets(BTC, Field::Set(p("48000")), Field::Keep).unwrap();
    world.manager.scale_in_position(BTC, q("1")).await.unwrap();

    let world = self::world();
    let rule = TargetRule::stop_fraction(f("0.01"));
    world.report(vec![row(BTC, Side::Long, "1", "40000")]);
    let policy = Policy { adopt_rule: Some(rule), ..Policy::default() };
    world.manager.reconcile_with(policy).await.unwrap();
    assert_eq!(world.manager.get_position(BTC).unwrap().stop_loss(), Some(p("49500")));
}

#[tokio::test]
async fn d14_a_venue_that_cannot_be_asked_for_fills_is_an_error_and_changes_nothing() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let before = world.book().snapshot().digest();
    world.venue.on_fills(|_| Err(lost()));
    assert!(matches!(world.manager.reconcile_with(consent()).await, Err(Error::Venue { .. })));
    assert_eq!(world.book().snapshot().digest(), before);
}
