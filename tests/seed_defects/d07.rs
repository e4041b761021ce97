//! D7: a position that was closed after the venue's list had been fetched was imported again: a ghost, whose stop later
//! sold what nobody held. Here a report adopts nothing where the book changed since it was asked for.

use posbook::Side;

use crate::help_race::{Stamp, both_sides, in_agreement, reconcile_with_an_old_list};
use crate::stage::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d07_a_position_closed_after_the_list_was_fetched_does_not_come_back() {
    for stamp in [Stamp::Read, Stamp::Answered] {
        let world = world();
        world.open(BTC, Side::Long, "1");
        world.open(ETH, Side::Short, "2");
        let report = reconcile_with_an_old_list(&world, stamp, |world| {
            pollster::block_on(world.manager.close_position(BTC, "out")).unwrap();
        })
        .await;
        assert_eq!(report.resolved(), 0, "D7: an older list brought a ghost ({stamp:?}): {report}");
        both_sides(&world, BTC, "flat", "0");
        in_agreement(&world).await;
        // Nothing is there whose stop could sell.
        let sent = world.sent(BTC);
        world.price(BTC, "40000");
        assert!(world.quiet_pass().closed.is_empty());
        assert_eq!((world.sent(BTC), world.venue_has(BTC).as_str()), (sent, "0"));
    }
}
