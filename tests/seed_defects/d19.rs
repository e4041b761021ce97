//! D19: a partial exit fired again each cycle until nothing was left. Here a tier is taken in the change that reserves
//! its order: passes beside it, behind it, and after the price came back send nothing (R16).

use pollster::block_on;
use posbook::{ExitPlan, Side};

use crate::help_money::*;
use crate::stage::*;

#[tokio::test]
async fn d19_a_tier_sells_once_while_its_order_is_on_its_way_and_ever_after() {
    let world = world();
    world.open_planned(BTC, Side::Long, "1", ExitPlan::default().tier(f("0.02"), f("0.5")));
    world.price(BTC, "51000");

    let mut held = world.venue.hold_submit();
    let manager = world.manager.clone();
    let first = tokio::spawn(async move { manager.update_positions().await });
    called(&mut held).await;
    // The venue has the order and has not answered. Four threads go on with their cycles.
    let beside: usize = std::thread::scope(|scope| {
        let cycles =
            || (0..5).map(|_| block_on(world.manager.update_positions()).closed.len()).sum::<usize>();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(cycles)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!((beside, world.sent(BTC)), (0, 2), "the open and one tier");
    held.go();
    assert_eq!(first.await.unwrap().closed.len(), 1);

    // The price leaves the tier and comes back, again and again.
    for price in ["51000", "50100", "51000", "50999.9", "52000", "49000", "51500"] {
        world.price(BTC, price);
        assert!(world.quiet_pass().closed.is_empty(), "at {price}");
    }
    assert_eq!((world.stands(BTC).as_str(), agreed(&world, BTC).as_str()), ("long 0.5", "0.5"));
    assert_eq!(world.sent(BTC), 2);
    assert_eq!(world.key(BTC).ledger.realised, d("500"), "half of it, once, at 51,000");
}
