//! D3: a scale-in or a scale-out was executed while a close removed the symbol. The method said "failed", and the venue
//! held a rest that nobody tracked. Here the method says what was executed, and the close lasts until both sides are flat.

use posbook::venue::OrderEnd;
use posbook::{OrderSide, Reason, Side};

use crate::help_race::{asked_for, beside, both_sides, called, filled_in_full, refused};
use crate::stage::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d03_a_scale_in_that_was_executed_before_the_close_heard_of_it_is_closed_too() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let mut at_venue = world.venue.hold_submit();
    let adding = beside(&world, |m| async move { m.scale_in_position(BTC, q("0.5")).await });
    let order = called(&mut at_venue).await;
    // Executed there; the answer is on its way.
    let answer = posbook::venue::Venue::submit(world.venue.paper(), order).await;
    assert_eq!(world.venue_has(BTC), "1.5");
    world.venue.on_fills(|cursor| Ok(posbook::venue::FillPage { fills: vec![], next: cursor }));
    filled_in_full(world.manager.close_position(BTC, "out").await, "1");
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0.5"));

    at_venue.answer(answer);
    filled_in_full(adding.await.unwrap(), "0.5");
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("long 0.5", "0.5"));
    assert_eq!(world.manager.update_positions().await.closed.len(), 1, "D3: the rest was not closed");
    both_sides(&world, BTC, "flat", "0");
}

/// A scale-out of 0.6 and a close, both at the venue at once; the venue executes them in either order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d03_a_scale_out_and_a_close_in_flight_together_end_flat_whichever_is_first() {
    for close_first in [false, true] {
        let world = world();
        world.open(BTC, Side::Long, "1");
        let (mut part_at_venue, mut rest_at_venue) = (world.venue.hold_submit(), world.venue.hold_submit());
        let reducing = beside(&world, |m| async move { m.scale_out_position(BTC, q("0.6"), "part").await });
        called(&mut part_at_venue).await;
        let closing = beside(&world, |m| async move { m.close_position(BTC, "out").await });
        called(&mut rest_at_venue).await;
        if close_first {
            rest_at_venue.go();
            filled_in_full(closing.await.unwrap(), "0.4");
            part_at_venue.go();
            filled_in_full(reducing.await.unwrap(), "0.6");
        } else {
            part_at_venue.go();
            filled_in_full(reducing.await.unwrap(), "0.6");
            rest_at_venue.go();
            filled_in_full(closing.await.unwrap(), "0.4");
        }
        both_sides(&world, BTC, "flat", "0");
        assert_eq!(asked_for(&world, BTC, OrderSide::Sell), "1");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d03_no_scale_in_leaves_between_a_refused_close_and_the_next_one() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let mut at_venue = world.venue.hold_submit();
    let closing = beside(&world, |m| async move { m.close_position(BTC, "out").await });
    called(&mut at_venue).await;
    let during = refused(world.manager.scale_in_position(BTC, q("0.5")).await, "D3: added beside a close");
    at_venue.answer(says(rejected()));
    assert!(matches!(closing.await.unwrap().unwrap().end, OrderEnd::Refused(_)));

    // No order is on its way any more, but what was to be closed is still to be closed.
    assert_eq!(world.unresolved(), 0);
    let after = world.manager.scale_in_position(BTC, q("0.5")).await;
    let after = refused(after, "D3: a scale-in left while the position was closing");
    for reason in [during, after] {
        assert!(matches!(reason, Reason::Closing { .. }), "{reason}");
    }
    assert_eq!(world.manager.update_positions().await.closed.len(), 1);
    both_sides(&world, BTC, "flat", "0");
}
