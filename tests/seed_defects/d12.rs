//! D12: a fix took the non-reentrant lock twice and froze every accessor: a bot that neither trades nor exits. Here
//! nothing waits for anything, whoever calls whom from where.

use std::time::Duration;

use posbook::venue::OrderEnd;
use posbook::{Field, Side};
use tokio::sync::oneshot;

use crate::help_race::{beside, both_sides, called, filled_in_full};
use crate::stage::*;

/// Runs it on a thread of its own; one that never comes back fails the test instead of hanging it.
async fn not_frozen(run: impl FnOnce() + Send + 'static) {
    let (done, told) = oneshot::channel();
    let thread = std::thread::spawn(move || {
        run();
        let _ = done.send(());
    });
    let _ = tokio::time::timeout(Duration::from_secs(10), told).await.expect("D12: frozen for 10 s");
    thread.join().unwrap();
}

/// Every accessor of the predecessor, and everything that writes without an order.
fn touch_everything(world: &World) {
    let manager = &world.manager;
    assert_eq!(manager.get_open_positions_count(), manager.get_all_positions().len());
    for position in manager.get_all_positions().iter() {
        assert!(manager.has_position(position.key));
        assert_eq!(manager.get_position(position.key).as_ref(), Some(position));
        let _ = manager.modify_position_targets(position.key, Field::Keep, Field::Keep);
    }
    let _ = manager.validate_position_parameters(BTC, q("1"), 10, f("0.05"));
    world.book().mark(world.id(BTC), p("50000")).unwrap();
    world.book().expire();
}

#[tokio::test]
async fn d12_a_method_may_call_any_other_from_inside_a_venue_call() {
    not_frozen(|| {
        let world = world();
        world.open(ETH, Side::Short, "2");
        let inside = world.clone();
        world.venue.on_submit(move |_| {
            touch_everything(&inside);
            inside.manager.modify_position_targets(ETH, Field::Set(p("3100")), Field::Keep).unwrap();
            pollster::block_on(inside.manager.scale_in_position(ETH, q("1"))).unwrap();
            pollster::block_on(inside.manager.update_positions());
            says(rejected())
        });
        // Whoever iterates what is open may close it on the way.
        let refused = world.manager.open_position(BTC, Side::Long, q("1"), 10, f("0.05"));
        assert!(matches!(pollster::block_on(refused).unwrap().end, OrderEnd::Refused(_)));
        both_sides(&world, ETH, "short 3", "-3");
        assert_eq!(world.stop(ETH), "3100");
        for position in world.manager.get_all_positions().iter() {
            pollster::block_on(world.manager.close_position(position.key, "all")).unwrap();
            touch_everything(&world);
        }
        both_sides(&world, ETH, "flat", "0");
        both_sides(&world, BTC, "flat", "0");
    })
    .await;
}

#[tokio::test]
async fn d12_a_scale_out_of_everything_is_a_close_inside_a_scale_out() {
    not_frozen(|| {
        let world = world();
        world.open(BTC, Side::Long, "1");
        let all = world.manager.scale_out_position(BTC, q("1"), "all");
        filled_in_full(pollster::block_on(all), "1");
        both_sides(&world, BTC, "flat", "0");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d12_accessors_answer_while_the_venue_does_not() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let (mut order, mut list) = (world.venue.hold_submit(), world.venue.hold_report());
    let adding = beside(&world, |m| async move { m.scale_in_position(BTC, q("0.5")).await });
    called(&mut order).await;
    let reconciling = beside(&world, |m| async move { m.reconcile_positions().await });
    called(&mut list).await;
    let others = world.clone();
    not_frozen(move || touch_everything(&others)).await;
    order.go();
    filled_in_full(adding.await.unwrap(), "0.5");
    list.go();
    assert_eq!(reconciling.await.unwrap().unwrap().resolved(), 0);
    both_sides(&world, BTC, "long 1.5", "1.5");
}
