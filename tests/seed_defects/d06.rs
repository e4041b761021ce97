//! D6: a position that was opened after the venue's list had been fetched was not in the list, and was deleted: a live
//! position without a stop. Here a report removes nothing that changed since it was asked for.

use posbook::Side;

use crate::help_race::{Stamp, both_sides, in_agreement, reconcile_with_an_old_list};
use crate::stage::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d06_a_position_opened_after_the_list_was_fetched_stays() {
    for stamp in [Stamp::Read, Stamp::Answered] {
        let world = world();
        // So that the list is not empty, which would be suspect by itself.
        world.open(ETH, Side::Short, "2");
        let report = reconcile_with_an_old_list(&world, stamp, |world| {
            world.open(BTC, Side::Long, "1");
        })
        .await;
        assert_eq!(report.resolved(), 0, "D6: an older list removed a newer position ({stamp:?}): {report}");
        both_sides(&world, BTC, "long 1", "1");
        both_sides(&world, ETH, "short 2", "-2");
        assert_eq!(world.stop(BTC), "47500");
        in_agreement(&world).await;
        // It is watched: its stop fires.
        world.price(BTC, "47500");
        assert_eq!(world.quiet_pass().closed.len(), 1);
        both_sides(&world, BTC, "flat", "0");
    }
}
