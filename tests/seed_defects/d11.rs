//! D11: the number of positions was compared before the order and outside the lock, so N threads exceeded the limit
//! together. Here a place is taken by the reservation: orders that are still on their way count.

use std::time::Duration;

use posbook::venue::PositionManager;
use posbook::{Book, Instrument, Limits, Reason, Side};
use tokio::task::JoinSet;

use crate::help_race::{called, filled_in_full, refused};
use crate::stage::*;

const PLACES: usize = 3;
const SYMBOLS: [&str; 7] = ["A/USDT", "B/USDT", "C/USDT", "D/USDT", "E/USDT", "F/USDT", "G/USDT"];

/// A book with three places, and seven symbols to fill them with.
fn three_places() -> World {
    let World { venue, clock, .. } = world();
    for symbol in SYMBOLS {
        venue.paper().list(Instrument::linear(symbol, "0.1", "0.001").unwrap()).unwrap();
    }
    let limits = Limits { positions: PLACES, ..Limits::default() };
    let book = Book::builder().limits(limits).clock(clock.clone()).build().unwrap();
    let manager = pollster::block_on(PositionManager::connect(book, venue.clone())).unwrap();
    let world = World { manager, venue, clock };
    SYMBOLS.iter().for_each(|symbol| world.price(symbol, "100"));
    world
}

fn open_at_venue(world: &World) -> usize {
    SYMBOLS.iter().filter(|symbol| world.venue_has(symbol) != "0").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn d11_seven_threads_fill_three_places_while_nothing_is_answered() {
    let world = three_places();
    // Whoever gets a place is held at the venue; a fourth order would go through.
    let mut held: Vec<_> = (0..PLACES).map(|_| world.venue.hold_submit()).collect();
    let mut threads = JoinSet::new();
    for symbol in SYMBOLS {
        let manager = world.manager.clone();
        threads.spawn(async move { manager.open_position(symbol, Side::Long, q("1"), 10, f("0.05")).await });
    }
    for at_venue in &mut held {
        called(at_venue).await;
    }
    for _ in PLACES..SYMBOLS.len() {
        let next = tokio::time::timeout(Duration::from_secs(10), threads.join_next()).await;
        let late = next.expect("D11: an order beyond the limit is at the venue").unwrap().unwrap();
        let reason = refused(late, "D11: an order left beyond the limit on positions");
        assert!(matches!(reason, Reason::Limit { which: "positions", .. }), "{reason}");
    }
    assert_eq!((world.manager.get_open_positions_count(), open_at_venue(&world)), (0, 0));

    held.into_iter().for_each(Held::go);
    while let Some(opened) = threads.join_next().await {
        filled_in_full(opened.unwrap(), "1");
    }
    assert_eq!((world.manager.get_open_positions_count(), open_at_venue(&world)), (PLACES, PLACES));
    assert_eq!((world.venue.sent().len(), world.unresolved()), (PLACES, 0));

    // A place that was given back can be taken again.
    let (taken, free): (Vec<&str>, Vec<&str>) =
        SYMBOLS.iter().partition(|symbol| world.manager.has_position(**symbol));
    let full = world.manager.open_position(free[0], Side::Short, q("1"), 10, f("0.05")).await;
    refused(full, "D11: a fourth position was opened");
    world.manager.close_position(taken[0], "out").await.unwrap();
    world.open(free[0], Side::Short, "1");
    assert_eq!((world.manager.get_open_positions_count(), open_at_venue(&world)), (PLACES, PLACES));
}
