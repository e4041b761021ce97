//! Keys with orders in flight: the band they are compared with, and how often a comparison may decide nothing (R9).

use std::time::Duration;

use posbook::reconcile::{Policy, ReconcileReport};
use posbook::venue::{FillPage, OrderEnd, OrderStatus, VenuePosition};
use posbook::{OrderSide, Side, TroubleKind};

use crate::stage::*;

fn thrice() -> Policy {
    Policy { skips: 3, ..Policy::default() }
}

fn btc(side: Side, quantity: &str) -> Vec<VenuePosition> {
    vec![row(BTC, side, quantity, "50000")]
}

async fn run(world: &World, rows: Vec<VenuePosition>) -> ReconcileReport {
    world.pass(Duration::from_millis(1));
    world.report(rows);
    world.manager.reconcile_with(thrice()).await.unwrap()
}

fn frozen(world: &World) -> bool {
    world.key(BTC).troubles.iter().any(|t| t.kind == TroubleKind::Quarantined)
}

/// Long 1 and an order that the venue works on, unfilled.
fn with_resting(world: &World, close: bool, quantity: &str) {
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "50000");
    rest(world, close, quantity);
}

fn rest(world: &World, close: bool, quantity: &str) {
    let resting = || says(OrderStatus::Working { filled: q("0") });
    world.venue.on_submit(move |_| resting());
    let report = match close {
        true => pollster::block_on(world.manager.scale_out_position(BTC, q(quantity), "out")),
        false => pollster::block_on(world.manager.scale_in_position(BTC, q(quantity))),
    };
    assert_eq!(report.unwrap().end, OrderEnd::Working);
    for _ in 0..20 {
        world.venue.on_order(|_| Ok(OrderStatus::Working { filled: q("0") }));
    }
}

#[tokio::test]
async fn r09_a_busy_key_outside_its_band_for_too_many_runs_blocks_new_risk() {
    let world = world();
    with_resting(&world, true, "0.4");
    for n in 1..=4 {
        let found = run(&world, btc(Side::Long, "3")).await;
        assert_eq!((found.done.len(), found.resolved()), (1, 0));
        assert_eq!(frozen(&world), n >= 3, "run {n}: {found}");
    }
    assert_eq!(world.key(BTC).troubles.len(), 1, "said once");
    assert!(world.refused_increase(BTC).contains("3 runs"));
    assert_eq!(world.stands(BTC), "long 1");
}

#[tokio::test]
async fn r09_agreement_starts_the_count_anew() {
    let world = world();
    with_resting(&world, true, "0.4");
    for (n, venue) in ["3", "2", "0.7", "3", "3", "1", "3", "3"].into_iter().enumerate() {
        run(&world, btc(Side::Long, venue)).await;
        assert!(!frozen(&world), "run {n}");
    }
    run(&world, btc(Side::Long, "3")).await;
    assert!(frozen(&world));
}

#[tokio::test]
async fn r09_a_key_that_changes_while_the_venue_is_asked_is_counted_and_frozen_all_the_same() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    for n in 1..=3 {
        world.pass(Duration::from_millis(1));
        let mut held = world.venue.hold_report();
        let manager = world.manager.clone();
        let running = tokio::spawn(async move { manager.reconcile_with(thrice()).await });
        held.called().await;
        let fill = world.foreign(BTC, &format!("{n}"), OrderSide::Buy, "0.1", "50000");
        world.venue.on_fills(move |cursor| Ok(FillPage { fills: vec![fill], next: cursor }));
        world.manager.pull_fills().await.unwrap();
        held.answer(world.report_at(Some(world.clock.now()), btc(Side::Long, "5")));
        let found = running.await.unwrap().unwrap();
        assert_eq!(found.unresolved(), 1);
        // Three runs: the quarantine is published though the instrument changed since the question.
        assert_eq!(frozen(&world), n == 3, "{found}");
    }
    assert_eq!(world.stands(BTC), "long 1.3");
}

#[tokio::test]
async fn r09_reports_that_are_not_newer_count_and_a_partial_one_forgets_nothing_it_does_not_say() {
    let world = world();
    let old = Some(world.clock.now());
    world.price(BTC, "50000");
    world.open(BTC, Side::Long, "1");
    for n in 1..=3 {
        world.venue.on_report(world.report_at(old, vec![row(ETH, Side::Long, "0", "3000")]));
        world.manager.reconcile_with(thrice()).await.unwrap();
        assert_eq!(frozen(&world), n == 3);
        let mut partial = world.report_at(Some(world.clock.now()), vec![]);
        partial.completeness = posbook::venue::Completeness::Partial("page 1 of 2".into());
        world.venue.on_report(partial);
        world.manager.reconcile_with(thrice()).await.unwrap();
    }
}

#[tokio::test]
async fn r09_reductions_end_at_flat_and_increases_do_not() {
    let world = world();
    with_resting(&world, true, "1");
    for (side, quantity, agrees) in [
        (Side::Long, "1", true),
        (Side::Long, "0.3", true),
        (Side::Long, "0", true),
        (Side::Short, "0.001", false),
        (Side::Long, "1.001", false),
    ] {
        let found = run(&world, btc(side, quantity)).await;
        assert_eq!(found.done.is_empty(), agrees, "{side} {quantity}: {found}");
    }
    // Somebody else took half of it: the close still asks for all, and can get half.
    let by_hand = world.foreign(BTC, "by hand", OrderSide::Sell, "0.5", "50000");
    world.venue.on_fills(move |cursor| Ok(FillPage { fills: vec![by_hand], next: cursor }));
    world.manager.pull_fills().await.unwrap();
    assert!(run(&world, btc(Side::Long, "0.2")).await.done.is_empty());
    assert_eq!(run(&world, btc(Side::Short, "0.5")).await.done.len(), 1);
}

#[tokio::test]
async fn r09_what_is_in_doubt_counts_in_full_and_what_settles_by_what_is_missing() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.venue.on_submit(|_| Err(lost()));
    world.manager.scale_in_position(BTC, q("1")).await.unwrap();
    assert_eq!(world.in_doubt(), 1);
    for (quantity, agrees) in [("1", true), ("1.7", true), ("2", true), ("2.001", false), ("0.9", false)] {
        world.venue.on_order(|_| Ok(OrderStatus::Unknown));
        let found = run(&world, btc(Side::Long, quantity)).await;
        assert_eq!(found.done.is_empty(), agrees, "{quantity}: {found}");
    }
    // The venue's final figure: 0.4, of which no fill has come.
    for (quantity, agrees) in [("1", true), ("1.4", true), ("1.5", false)] {
        world.venue.on_order(|_| Ok(cancelled("0.4")));
        let found = run(&world, btc(Side::Long, quantity)).await;
        assert_eq!(found.done.is_empty(), agrees, "{quantity}: {found}");
    }
    assert_eq!(world.in_doubt(), 0);
}

#[tokio::test]
async fn d14_an_order_that_cannot_be_asked_about_hides_no_other_key() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.venue.on_submit(|_| Err(lost()));
    world.manager.scale_in_position(BTC, q("1")).await.unwrap();
    world.venue.on_order(|_| Err(lost()));
    let rows = vec![row(BTC, Side::Long, "2", "50000"), row(ETH, Side::Long, "1", "3000")];
    let found = run(&world, rows).await;
    assert_eq!((found.resolved(), found.unresolved()), (1, 0));
    assert!(found.unasked.as_deref().is_some_and(|why| why.contains("connection reset")), "{found}");
    assert_eq!((world.stands(BTC).as_str(), world.stands(ETH).as_str()), ("long 1", "long 1"));
    assert_eq!(world.in_doubt(), 1, "a report clears no doubt (R1)");
}

#[tokio::test]
async fn r08_lumibot_1171_overlapping_refreshes_that_finish_out_of_order_change_nothing_wrong() {
    let world = world();
    let (mut first, mut second) = (world.venue.hold_report(), world.venue.hold_report());
    let early = Some(world.clock.now());
    let (one, two) = (world.manager.clone(), world.manager.clone());
    let one = tokio::spawn(async move { one.reconcile_positions().await });
    first.called().await;
    world.price(BTC, "50000");
    let late = Some(world.clock.now());
    let two = tokio::spawn(async move { two.reconcile_positions().await });
    second.called().await;
    // The later picture comes first: ETH was opened by hand since, BTC was closed by hand.
    second.answer(world.report_at(late, vec![row(ETH, Side::Long, "1", "3000")]));
    assert_eq!(two.await.unwrap().unwrap().resolved(), 1);
    // The older one shows the opposite. Nothing was ever booked on BTC that it would have to be newer than.
    first.answer(world.report_at(early, btc(Side::Long, "1")));
    assert_eq!(one.await.unwrap().unwrap().resolved(), 0);
    assert_eq!((world.stands(BTC).as_str(), world.stands(ETH).as_str()), ("flat", "long 1"));
    // Neither does the older picture out of a cache, asked for again.
    world.venue.on_report(world.report_at(early, btc(Side::Long, "1")));
    assert_eq!(world.manager.reconcile_positions().await.unwrap().resolved(), 0);
    assert_eq!(world.stands(BTC), "flat");
}
