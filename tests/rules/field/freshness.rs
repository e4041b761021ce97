//! Reports on freshness: pictures that are older than they look, that finish out of order, or that agree by chance.

use std::time::Duration;

use posbook::reconcile::{Consent, Policy};
use posbook::venue::{FillCursor, FillPage};
use posbook::{Leg, OrderSide, Side};

use crate::stage::*;

fn consent() -> Policy {
    Policy { consent: Consent::EmptyMeansFlat, ..Policy::default() }
}

#[tokio::test]
async fn shioaji_232_a_snapshot_beside_a_stream_counts_no_fill_twice_and_loses_none() {
    for listed_first in [false, true] {
        let world = world();
        let symbol = BTC.parse().unwrap();
        world.pass(Duration::from_millis(1));
        world.venue.paper().place_foreign(&symbol, Leg::Net, OrderSide::Buy, q("1")).unwrap();
        if listed_first {
            // The report has the fill, the stream has not delivered it yet.
            world.venue.on_fills(|cursor| Ok(FillPage { fills: vec![], next: cursor }));
        }
        world.pass(Duration::from_millis(1));
        world.manager.reconcile_positions().await.unwrap();
        assert_eq!(world.stands(BTC), "long 1");
        // Two more, after the picture; the stream delivers them together with the first.
        for quantity in ["0.5", "0.25"] {
            world.pass(Duration::from_millis(1));
            world.venue.paper().place_foreign(&symbol, Leg::Net, OrderSide::Buy, q(quantity)).unwrap();
        }
        world.manager.pull_fills().await.unwrap();
        assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("long 1.75", "1.75"));
    }
}

#[tokio::test]
async fn lumibot_1171_refreshes_that_finish_out_of_order_apply_nothing_old() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.pass(Duration::from_millis(1));
    // The first refresh is asked while the position stands.
    let mut slow = world.venue.hold_report();
    let manager = world.manager.clone();
    let first = tokio::spawn(async move { manager.reconcile_with(consent()).await });
    slow.called().await;
    world.pass(Duration::from_millis(1));
    world.manager.close_position(BTC, "out").await.unwrap();
    world.pass(Duration::from_millis(1));
    // The second one is asked later and finishes earlier: flat, in agreement.
    assert!(world.manager.reconcile_with(consent()).await.unwrap().done.is_empty());
    slow.go();
    assert_eq!(first.await.unwrap().unwrap().resolved(), 0);
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
}

#[tokio::test]
async fn passivbot_1296_equal_size_and_price_is_no_proof_of_freshness() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let first = world.manager.get_position(BTC).unwrap();
    world.pass(Duration::from_millis(1));
    let mut held = world.venue.hold_report();
    let manager = world.manager.clone();
    let run = tokio::spawn(async move { manager.reconcile_with(consent()).await });
    held.called().await;
    // Closed and opened again, the same size at the same price; the list that is held is of the first one.
    world.price(BTC, "50000");
    world.manager.close_position(BTC, "out").await.unwrap();
    world.price(BTC, "50000");
    world.open(BTC, Side::Long, "1");
    let second = world.manager.get_position(BTC).unwrap();
    assert_ne!(first.id, second.id);
    // Then sold by hand: the old list still looks right, and the fill is what counts.
    world.price(BTC, "50000");
    world.venue.paper().place_foreign(&BTC.parse().unwrap(), Leg::Net, OrderSide::Sell, q("1")).unwrap();
    held.go();
    assert_eq!(run.await.unwrap().unwrap().resolved(), 0);
    world.manager.pull_fills().await.unwrap();
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
    world.price(BTC, "50000");
    assert!(world.manager.reconcile_with(consent()).await.unwrap().done.is_empty());
}

#[tokio::test]
async fn lean_tradestation_95_a_stream_that_drops_fills_while_it_lives_is_found_by_comparing() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.pass(Duration::from_millis(1));
    world.venue.paper().place_foreign(&BTC.parse().unwrap(), Leg::Net, OrderSide::Sell, q("0.4")).unwrap();
    // The stream answers, page after page, without the fill, and its cursor moves past it.
    world.venue.on_fills(|_| Ok(FillPage { fills: vec![], next: FillCursor(1_000) }));
    world.manager.update_positions().await;
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("long 1", "0.6"));
    world.price(BTC, "50000");
    let report = world.manager.reconcile_positions().await.unwrap();
    assert_eq!((report.done.len(), report.resolved()), (1, 0));
    assert!(world.refused_increase(BTC).contains("the book has 1, the venue 0.6"));
    // Out is still possible, and reduce-only takes what is there and no more.
    world.manager.close_position(BTC, "out").await.unwrap();
    assert_eq!(world.venue_has(BTC), "0");
}

#[tokio::test]
async fn ibx_128_an_answer_from_an_empty_cache_right_after_connecting_wipes_nothing() {
    let world = world();
    // The fills came in, the position list is still being loaded: empty, complete, as of now.
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "50000");
    world.report(vec![]);
    world.manager.reconcile_positions().await.unwrap();
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("long 1", "1"));
    assert!(world.refused_increase(BTC).contains("quarantined"));
}
