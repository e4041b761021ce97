//! D1: two threads both found the symbol free, and both ordered: the venue had 2 and the book 1, or with opposite sides
//! the book was long and the venue flat. Here finding it free promises nothing: one order leaves, the other is refused.

use posbook::{Reason, Side};

use crate::help_race::{beside, both_sides, called, filled_in_full, refused};
use crate::stage::*;

async fn two_opens(second: Side) {
    let world = world();
    let mut first_at_venue = world.venue.hold_submit();
    // Both have looked, and both found it free.
    for _ in 0..2 {
        world.manager.validate_position_parameters(BTC, q("1"), 10, f("0.05")).unwrap();
    }
    let first =
        beside(&world, |m| async move { m.open_position(BTC, Side::Long, q("1"), 10, f("0.05")).await });
    let order = called(&mut first_at_venue).await;

    // The first order is at the venue and unanswered: neither side has anything yet.
    let late = world.manager.open_position(BTC, second, q("1"), 10, f("0.05")).await;
    let reason = refused(late, "D1: a second open of the symbol left as well");
    assert!(matches!(reason, Reason::AlreadyReserved { by, .. } if by == order.client_id), "{reason}");
    let also = world.manager.validate_position_parameters(BTC, q("1"), 10, f("0.05"));
    assert!(also.is_err(), "and whoever looks now is told");
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));

    first_at_venue.go();
    filled_in_full(first.await.unwrap(), "1");
    both_sides(&world, BTC, "long 1", "1");
    assert_eq!(world.sent(BTC), 1);
    // The stop is on a position that is there.
    assert_eq!(world.stop(BTC), "47500");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d01_two_opens_of_one_side_leave_one_position() {
    two_opens(Side::Long).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d01_two_opens_of_opposite_sides_do_not_cancel_out() {
    two_opens(Side::Short).await;
}
