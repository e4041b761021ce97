//! D13: a client error became an empty list: reconcile wiped the book and reported N resolved, and a network blip cancelled
//! a stop-loss close. Here what failed is an error and changes nothing, and a close that was lost is still due.

use std::time::Duration;

use posbook::reconcile::{Consent, Policy};
use posbook::venue::{OrderEnd, Scope, VenueReport};
use posbook::{Error, OrderSide, Side};

use crate::help_race::{asked_for, both_sides, executed_but_lost, in_agreement};
use crate::stage::*;

#[tokio::test]
async fn d13_a_failed_list_is_an_error_and_nobody_is_flat() {
    for consent in [Consent::Missing, Consent::EmptyMeansFlat] {
        let world = world();
        world.open(BTC, Side::Long, "1");
        world.open(ETH, Side::Short, "2");
        world.pass(Duration::from_millis(1));
        let before = world.book().snapshot().digest();
        // As often as the venue likes: repeating it makes it no truer.
        for _ in 0..3 {
            world.venue.on_report(VenueReport::failed(Scope::All, "502 Bad Gateway"));
            let failed = world.manager.reconcile_with(Policy { consent, ..Policy::default() }).await;
            let fault = failed.expect_err("D13: a failed list was taken for a list");
            assert!(matches!(fault, Error::Report { completeness: "failed", .. }), "{fault}");
            assert_eq!(world.book().snapshot().digest(), before, "D13: a failed list changed the book");
        }
        both_sides(&world, BTC, "long 1", "1");
        both_sides(&world, ETH, "short 2", "-2");
        in_agreement(&world).await;
    }
}

/// The stop fires while the connection is broken, and the price comes back. Nothing is known of the order, so nothing is
/// concluded, and nothing is sent a second time.
fn stop_fires_into_a_blip(world: &World) {
    for (price, orders) in [("47500", 1), ("50000", 0)] {
        world.price(BTC, price);
        world.venue.on_fills(|_| Err(lost()));
        world.venue.on_order(|_| Err(lost()));
        let pass = pollster::block_on(world.manager.update_positions());
        assert_eq!((pass.faults.len(), pass.closed.len()), (2, orders));
        for (_, sent) in pass.closed {
            let end = sent.expect("D13: a lost answer was told as if nothing had been sent").end;
            assert!(matches!(end, OrderEnd::InDoubt(_)), "{end:?}");
        }
        assert!(world.key(BTC).closing.is_some(), "D13: a blip cancelled the close");
        assert_eq!((world.stands(BTC).as_str(), world.in_doubt()), ("long 1", 1));
    }
}

#[test]
fn d13_a_stop_that_was_executed_during_a_blip_sold_once() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    executed_but_lost(&world);
    stop_fires_into_a_blip(&world);
    assert_eq!(world.venue_has(BTC), "0");
    world.quiet_pass();
    both_sides(&world, BTC, "flat", "0");
    assert_eq!(asked_for(&world, BTC, OrderSide::Sell), "1");
}

#[test]
fn d13_a_stop_that_was_lost_in_a_blip_is_sent_again_although_the_price_came_back() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.venue.on_submit(|_| Err(lost()));
    stop_fires_into_a_blip(&world);
    assert_eq!(world.venue_has(BTC), "1");
    // It never arrived: the venue says so, after it could not arrive any more, and says it again.
    world.pass(Duration::from_secs(31));
    world.price(BTC, "50000");
    for _ in 0..4 {
        world.quiet_pass();
    }
    both_sides(&world, BTC, "flat", "0");
    assert_eq!(world.sent(BTC), 3, "the open, the close that was lost, and one close more");
}
