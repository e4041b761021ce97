//! D8: an import wrote over a newer position and its targets: a stop set by hand became a guess at 5 %. Here neither the
//! report nor a plan made from it touches what changed since the venue was asked.

use posbook::reconcile::{Outcome, Policy, Repair};
use posbook::venue::FillPage;
use posbook::{Field, Leg, OrderSide, Reason, Side};

use crate::help_race::{Stamp, both_sides, in_agreement, reconcile_with_an_old_list};
use crate::stage::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d08_an_older_row_leaves_a_newer_position_and_its_stop() {
    for stamp in [Stamp::Read, Stamp::Answered] {
        let world = world();
        world.open(BTC, Side::Long, "1");
        let mut newer = 0;
        let report = reconcile_with_an_old_list(&world, stamp, |world| {
            pollster::block_on(world.manager.close_position(BTC, "turn")).unwrap();
            world.open(BTC, Side::Short, "2");
            world.manager.modify_position_targets(BTC, Field::Set(p("50500")), Field::Keep).unwrap();
            newer = world.book().snapshot().digest();
        })
        .await;
        assert_eq!(
            world.book().snapshot().digest(),
            newer,
            "D8: an older row changed a newer position ({stamp:?}): {report}"
        );
        assert_eq!(world.stop(BTC), "50500");
        both_sides(&world, BTC, "short 2", "-2");
        in_agreement(&world).await;
    }
}

#[tokio::test]
async fn d08_a_plan_to_import_is_refused_once_the_position_is_there() {
    let world = world();
    // Opened by hand; the venue's list has it, its fills come a little later.
    world.venue.paper().place_foreign(&BTC.parse().unwrap(), Leg::Net, OrderSide::Buy, q("1")).unwrap();
    world.venue.on_fills(|cursor| Ok(FillPage { fills: vec![], next: cursor }));
    world.pass(std::time::Duration::from_millis(1));
    let plan = world.manager.plan_reconciliation(Policy::default()).await.unwrap();
    assert!(matches!(plan.items[0].repair, Repair::Adopt(_)), "{plan}");

    world.manager.pull_fills().await.unwrap();
    world.manager.modify_position_targets(BTC, Field::Set(p("49900")), Field::Set(p("60000"))).unwrap();
    let by_hand = world.book().snapshot().digest();
    let report = world.manager.apply_plan(plan);
    let Outcome::Refused(refused) = &report.done[0].1 else {
        panic!("D8: the import went through: {report}")
    };
    assert!(matches!(refused.reason(), Reason::StaleReport { .. }), "D8: refused by luck: {refused}");
    assert_eq!((world.book().snapshot().digest(), world.stop(BTC).as_str()), (by_hand, "49900"));
    both_sides(&world, BTC, "long 1", "1");
}
