//! R9: keys with orders in flight are compared too. Without it: a market maker always has an order in flight, its keys
//! are always "busy" and never compared, and a missed fill stays missed until the account is liquidated. How often a key
//! may be skipped is in `tests/manager/skips.rs`.

use posbook::reconcile::{Discrepancy, Outcome};
use posbook::venue::{OrderStatus, PositionManager};
use posbook::{Command, OrderSide, Side};

use crate::stage::*;

/// Long 2, with 0.5 on its way in and 0.7 on its way out.
async fn market_maker() -> World {
    let world = world();
    world.open(BTC, Side::Long, "2");
    let id = world.id(BTC);
    for wish in [Command::from(Command::scale_in(id, q("0.5"))), Command::scale_out(id, q("0.7")).into()] {
        world.venue.on_submit(|_| says(OrderStatus::Working { filled: q("0") }));
        world.manager.order(wish).await.unwrap();
    }
    world.price(BTC, "50000");
    world
}

/// What a run finds while the orders work on.
async fn found(world: &World, venue_has: &str) -> Vec<(Discrepancy, Outcome)> {
    for _ in 0..2 {
        world.venue.on_order(|_| Ok(OrderStatus::Working { filled: q("0") }));
    }
    world.report(vec![row(BTC, Side::Long, venue_has, "50000")]);
    let manager: &PositionManager<Staged> = &world.manager;
    let report = manager.reconcile_positions().await.unwrap();
    report.done.into_iter().map(|(item, outcome)| (item.discrepancy, outcome)).collect()
}

#[tokio::test]
async fn a_missed_fill_of_a_busy_key_is_found_and_nothing_is_guessed_from_it() {
    let world = market_maker().await;
    // By hand at the venue: 1 less than anything in flight explains, and its fill never comes.
    let symbol = BTC.parse().unwrap();
    world.venue.paper().place_foreign(&symbol, posbook::Leg::Net, OrderSide::Sell, q("1")).unwrap();
    world.venue.on_fills(|cursor| Ok(posbook::venue::FillPage { fills: vec![], next: cursor }));
    let items = found(&world, "1").await;
    assert!(matches!(&items[..], [(Discrepancy::Differs { .. }, Outcome::Waited)]), "{items:?}");
    // The fill is what moves the book, not the report.
    assert_eq!(world.stands(BTC), "long 2");
    world.manager.pull_fills().await.unwrap();
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("long 1", "1"));
    assert!(found(&world, "1").await.is_empty());
}

#[tokio::test]
async fn the_band_goes_from_what_may_have_been_reduced_to_what_may_have_been_added() {
    let world = market_maker().await;
    for (has, agrees) in [("1.299", false), ("1.3", true), ("2", true), ("2.5", true), ("2.501", false)] {
        assert_eq!(found(&world, has).await.is_empty(), agrees, "{has}");
    }
    assert_eq!((world.stands(BTC).as_str(), world.unresolved()), ("long 2", 2));
}

#[tokio::test]
async fn a_position_that_is_gone_is_found_although_the_key_is_busy() {
    let world = market_maker().await;
    for _ in 0..2 {
        world.venue.on_order(|_| Ok(OrderStatus::Working { filled: q("0") }));
    }
    world.report(vec![row(ETH, Side::Long, "1", "3000")]);
    let report = world.manager.reconcile_positions().await.unwrap();
    let gone = |d: &Discrepancy| matches!(d, Discrepancy::BookOnly { .. }) && d.symbol().as_str() == BTC;
    assert!(report.done.iter().any(|(item, outcome)| gone(&item.discrepancy) && *outcome == Outcome::Waited));
    // An order may still explain it: nothing is dropped under one.
    assert_eq!((world.stands(BTC).as_str(), world.unresolved()), ("long 2", 2));
}

#[tokio::test]
async fn when_the_orders_are_over_a_difference_blocks_new_risk() {
    let world = market_maker().await;
    for _ in 0..2 {
        world.venue.on_order(|_| Ok(cancelled("0")));
    }
    world.report(vec![row(BTC, Side::Long, "1", "50000")]);
    world.manager.reconcile_positions().await.unwrap();
    assert!(world.refused_increase(BTC).contains("the book has 2, the venue 1"));
}

#[tokio::test]
async fn a_difference_that_no_run_decides_blocks_new_risk_in_the_end() {
    let world = market_maker().await;
    for run in 1..=10 {
        assert!(world.book().check(Command::scale_in(world.id(BTC), q("0.1"))).is_ok(), "after {run} runs");
        assert_eq!(found(&world, "1").await.len(), 1);
    }
    let refused = world.book().check(Command::scale_in(world.id(BTC), q("0.1")));
    let refused = refused.expect_err("R9: a difference that ten runs have not decided blocks nothing");
    assert!(refused.to_string().contains("no report decided a difference in 10 runs"), "{refused}");
    // Nothing is guessed from it all the same.
    assert_eq!((world.stands(BTC).as_str(), world.unresolved()), ("long 2", 2));
}
