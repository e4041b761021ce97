//! D2: a stop and a manual close both ordered the full size: the venue ended at -1, the book empty. Here one close is on
//! its way at a time, whoever asked for it.

use posbook::{OrderSide, Reason, Side};

use crate::help_race::{asked_for, beside, both_sides, called, filled_in_full, refused};
use crate::stage::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d02_a_stop_and_a_manual_close_sell_once() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "47500");
    let mut stop_at_venue = world.venue.hold_submit();
    let pass = beside(&world, |m| async move { m.update_positions().await });
    let order = called(&mut stop_at_venue).await;
    assert!(order.reduce_only);

    let by_hand = world.manager.close_position(BTC, "by hand").await;
    let reason = refused(by_hand, "D2: a second close of the position left as well");
    assert!(matches!(reason, Reason::AlreadyReserved { by, .. } if by == order.client_id), "{reason}");

    stop_at_venue.go();
    assert_eq!(pass.await.unwrap().closed.len(), 1);
    both_sides(&world, BTC, "flat", "0");
    assert_eq!(asked_for(&world, BTC, OrderSide::Sell), "1", "together they sold what was there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d02_a_stop_that_fires_during_a_manual_close_sells_nothing_more() {
    let world = world();
    world.open(BTC, Side::Short, "1");
    let mut at_venue = world.venue.hold_submit();
    let closing = beside(&world, |m| async move { m.close_position(BTC, "by hand").await });
    called(&mut at_venue).await;
    world.price(BTC, "52500");
    for _ in 0..3 {
        assert!(
            world.manager.update_positions().await.closed.is_empty(),
            "D2: the stop was sent beside the close"
        );
    }
    at_venue.go();
    filled_in_full(closing.await.unwrap(), "1");
    both_sides(&world, BTC, "flat", "0");
    assert_eq!(asked_for(&world, BTC, OrderSide::Buy), "1");
}
