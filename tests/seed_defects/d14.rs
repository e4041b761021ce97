//! D14: reconcile returned 0 both for "in sync" and for "failed", and one bad row aborted the rest and hid what was done
//! already. Here in sync, failed and partial are three results, and each row has its own.

use posbook::reconcile::{Outcome, Policy};
use posbook::venue::{FillPage, Scope, VenueReport};
use posbook::{Error, Leg, OrderSide, Reason, Side};

use crate::help_race::both_sides;
use crate::stage::*;

/// Both symbols bought by hand at the venue; its list has them, its fills come later.
fn by_hand(world: &World, symbols: &[&str]) {
    for symbol in symbols {
        let symbol = symbol.parse().unwrap();
        world.venue.paper().place_foreign(&symbol, Leg::Net, OrderSide::Buy, q("1")).unwrap();
    }
    world.venue.on_fills(|cursor| Ok(FillPage { fills: vec![], next: cursor }));
    world.pass(std::time::Duration::from_millis(1));
}

#[tokio::test]
async fn d14_in_sync_failed_and_partial_are_three_results() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.pass(std::time::Duration::from_millis(1));
    let before = world.book().snapshot().digest();

    let in_sync = world.manager.reconcile_positions().await.unwrap();
    assert_eq!((in_sync.resolved(), in_sync.unresolved(), &in_sync.partial), (0, 0, &None));

    world.venue.on_report(VenueReport::failed(Scope::All, "maintenance"));
    let failed = world.manager.reconcile_positions().await;
    assert!(matches!(failed, Err(Error::Report { completeness: "failed", .. })), "D14: {failed:?}");

    world.report(vec![row("BTCUSDT", Side::Long, "1", "50000")]);
    let partial = world.manager.reconcile_positions().await.unwrap();
    assert!(partial.partial.is_some() && partial != in_sync, "D14: partial looks like in sync: {partial}");
    assert_eq!((partial.resolved(), partial.unresolved()), (0, 1));

    assert_eq!(world.book().snapshot().digest(), before);
    both_sides(&world, BTC, "long 1", "1");
}

#[tokio::test]
async fn d14_bad_rows_hide_no_good_one() {
    let world = world();
    world.open(ETH, Side::Short, "2");
    by_hand(&world, &[BTC]);
    // Before and after the good one; and the list lacks the short.
    world.report(vec![
        row("???", Side::Long, "3", "1"),
        row(SOL, Side::Long, "1", "100"), // a net row, where the account has two legs
        row(BTC, Side::Long, "1", "50000"),
        row("LUNA/USDT", Side::Short, "9", "1"),
    ]);
    let report = world.manager.reconcile_positions().await.unwrap();
    assert_eq!(report.resolved(), 1, "D14: a bad row hid a good one: {report}");
    assert_eq!((report.unresolved(), report.done.len()), (3, 4), "{report}");
    assert!(report.partial.is_some());
    for bad in ["???", SOL, "LUNA/USDT"] {
        let (_, outcome) =
            report.done.iter().find(|(item, _)| item.discrepancy.symbol().as_str() == bad).unwrap();
        assert_eq!(*outcome, Outcome::Waited);
    }
    // The fills that come later are the adopted position's own.
    world.manager.pull_fills().await.unwrap();
    both_sides(&world, BTC, "long 1", "1");
    both_sides(&world, ETH, "short 2", "-2");
}

#[tokio::test]
async fn d14_a_refused_repair_stops_no_other_and_hides_nothing() {
    let world = world();
    by_hand(&world, &[BTC, ETH]);
    let plan = world.manager.plan_reconciliation(Policy::default()).await.unwrap();
    assert_eq!(plan.items.len(), 2, "{plan}");
    // The first one's fill comes in between.
    let first = plan.items[0].discrepancy.symbol().clone();
    let mut fill = world.foreign(first.as_str(), "other", OrderSide::Buy, "0.001", "50000").fill;
    fill.instrument = world.id(first.as_str());
    world.book().record(fill).unwrap();
    let report = world.manager.apply_plan(plan);
    let stale =
        |o: &Outcome| matches!(o, Outcome::Refused(r) if matches!(r.reason(), Reason::StaleReport { .. }));
    assert!(stale(&report.done[0].1), "{report}");
    assert_eq!(report.done[1].1, Outcome::Applied, "D14: a refused repair stopped the next one: {report}");
    assert_eq!((report.resolved(), report.unresolved()), (1, 1));
    let second = if first.as_str() == BTC { ETH } else { BTC };
    both_sides(&world, second, "long 1", "1");
}
