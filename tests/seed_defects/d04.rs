//! D4: two scale-outs of 0.6 on 1.0 both passed the check, and book and venue ended at -0.2. Here what is on its way out
//! is taken off before the next one is asked about.

use posbook::{OrderSide, Reason, Side};

use crate::help_race::{asked_for, beside, both_sides, called, filled_in_full, refused};
use crate::stage::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d04_two_scale_outs_of_0_6_on_1_take_off_what_is_there() {
    for side in [Side::Long, Side::Short] {
        let world = world();
        world.open(BTC, side, "1");
        let mut first_at_venue = world.venue.hold_submit();
        let first = beside(&world, |m| async move { m.scale_out_position(BTC, q("0.6"), "first").await });
        called(&mut first_at_venue).await;

        let second = world.manager.scale_out_position(BTC, q("0.6"), "second").await;
        let reason = refused(second, "D4: a second scale-out of 0.6 left as well");
        assert!(matches!(reason, Reason::ReduceBeyond { free, .. } if free == q("0.4")), "{reason}");

        // What is left may go, beside the first; then nothing is.
        let mut rest_at_venue = world.venue.hold_submit();
        let rest = beside(&world, |m| async move { m.scale_out_position(BTC, q("0.4"), "rest").await });
        called(&mut rest_at_venue).await;
        let more = world.manager.scale_out_position(BTC, q("0.001"), "more").await;
        let reason = refused(more, "D4: more than everything left");
        assert!(matches!(reason, Reason::ReduceBeyond { free, .. } if free.is_zero()), "{reason}");

        rest_at_venue.go();
        filled_in_full(rest.await.unwrap(), "0.4");
        first_at_venue.go();
        filled_in_full(first.await.unwrap(), "0.6");
        both_sides(&world, BTC, "flat", "0");
        let out = if side == Side::Long { OrderSide::Sell } else { OrderSide::Buy };
        assert_eq!(asked_for(&world, BTC, out), "1");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d04_what_a_scale_out_did_not_fill_is_free_again() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let mut at_venue = world.venue.hold_submit();
    let first = beside(&world, |m| async move { m.scale_out_position(BTC, q("0.6"), "first").await });
    called(&mut at_venue).await;
    at_venue.answer(says(cancelled("0")));
    first.await.unwrap().unwrap();
    both_sides(&world, BTC, "long 1", "1");
    filled_in_full(world.manager.scale_out_position(BTC, q("0.6"), "again").await, "0.6");
    both_sides(&world, BTC, "long 0.4", "0.4");
}
