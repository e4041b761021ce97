//! A report that says what the one before said costs the book what has changed in it, and finds what a look at everything finds.

use std::time::Duration;

use posbook::reconcile::{Driver, Plan, Policies, Policy, compare};
use posbook::venue::{Confirmations, PaperVenue, PositionManager, Scope, Venue};
use posbook::{Book, Clock, Fill, Instrument, InstrumentId, OrderSide, Sequence, Timestamp};

use pollster::block_on;

const INSTRUMENTS: u32 = 200;

fn name(n: u32) -> String {
    format!("C{n}/USDT:USDT")
}

/// A book and a venue, both long 1 of every instrument.
fn many() -> (PositionManager<PaperVenue>, Clock) {
    let clock = Clock::manual(Timestamp::from_millis(1_000));
    let instruments: Vec<_> =
        (0..INSTRUMENTS).map(|n| Instrument::linear(&name(n), "0.1", "0.001").unwrap()).collect();
    let venue = PaperVenue::builder().instruments(instruments).build();
    let book = Book::builder().clock(clock.clone()).build().unwrap();
    let manager = block_on(PositionManager::connect(book, venue)).unwrap();
    for n in 0..INSTRUMENTS {
        let symbol = name(n).parse().unwrap();
        manager.venue().tick(&symbol, "100".parse().unwrap(), clock.now()).unwrap();
        traded(&manager, n, "1");
    }
    later(&manager, &clock);
    block_on(manager.pull_fills()).unwrap();
    (manager, clock)
}

fn traded(manager: &PositionManager<PaperVenue>, n: u32, quantity: &str) {
    let symbol = name(n).parse().unwrap();
    manager
        .venue()
        .place_foreign(&symbol, posbook::Leg::Net, OrderSide::Buy, quantity.parse().unwrap())
        .unwrap();
}

/// The venue's clock moves on, so that its reports are newer than its fills.
fn later(manager: &PositionManager<PaperVenue>, clock: &Clock) {
    clock.set(clock.now().plus(Duration::from_secs(1)));
    for n in 0..INSTRUMENTS {
        let symbol = name(n).parse().unwrap();
        manager.venue().tick(&symbol, "100".parse().unwrap(), clock.now()).unwrap();
    }
}

/// A plan, which must say what a look at everything says.
fn plan(manager: &PositionManager<PaperVenue>, clock: &Clock) -> Plan {
    later(manager, clock);
    let plan = block_on(manager.plan_reconciliation(Policy::default())).unwrap();
    let report = block_on(manager.venue().positions(Scope::All));
    let (view, mut earlier) = (manager.book().snapshot(), Confirmations::default());
    let whole = compare(&view, &report, plan.asked, &Policies::default(), &[], &mut earlier);
    assert_eq!(plan.items, whole.items);
    assert!(whole.compared >= INSTRUMENTS as usize);
    plan
}

#[test]
fn an_unchanged_report_is_compared_with_what_changed_in_the_book() {
    let (manager, clock) = many();
    assert_eq!(plan(&manager, &clock).compared, INSTRUMENTS as usize, "the first looks at everything");
    assert_eq!(plan(&manager, &clock).compared, 0, "nothing has happened");

    // Both sides hear of a fill.
    traded(&manager, 7, "1");
    let after = plan(&manager, &clock);
    assert_eq!((after.compared, after.items.len()), (1, 0));
    assert_eq!(plan(&manager, &clock).compared, 0);

    // The book alone changes.
    let fill = Fill::trade(
        InstrumentId(9),
        "odd".parse().unwrap(),
        OrderSide::Buy,
        "1".parse().unwrap(),
        "100".parse().unwrap(),
    );
    manager.book().record(fill.at(clock.now())).unwrap();
    for _ in 0..3 {
        // What is not settled is looked at again, and nothing else.
        let found = plan(&manager, &clock);
        assert_eq!((found.compared, found.items.len()), (1, 1), "{found}");
    }

    // Another policy looks at everything.
    let other = Policy { skips: 3, ..Policy::default() };
    assert_eq!(block_on(manager.plan_reconciliation(other)).unwrap().compared, INSTRUMENTS as usize);
}

#[test]
fn a_feed_that_does_not_reach_back_looks_at_everything() {
    let (manager, clock) = many();
    plan(&manager, &clock);
    // More than the window holds.
    for n in 0..2_000 {
        let wish = posbook::Command::scale_out(InstrumentId(n % 3), "1".parse().unwrap());
        let reserved = manager.book().reserve(wish);
        drop(reserved.unwrap());
    }
    assert_eq!(plan(&manager, &clock).compared, INSTRUMENTS as usize);
    assert_eq!(plan(&manager, &clock).compared, 0);
    assert!(manager.book().snapshot().sequence() > Sequence(4_000));
}

#[test]
fn a_driver_runs_when_it_is_due_and_when_it_is_asked() {
    let (manager, clock) = many();
    let mut driver = Driver::new(manager, Policy::default(), Duration::from_secs(60));
    let mut ran = 0;
    for _ in 0..240 {
        ran += u32::from(block_on(driver.tick()).is_some_and(|done| done.is_ok()));
        clock.set(clock.now().plus(Duration::from_secs(1)));
    }
    assert_eq!((ran, driver.due_in()), (4, Duration::ZERO));
    block_on(driver.run()).unwrap();
    assert_eq!(driver.due_in(), Duration::from_secs(60));
    // A clock that goes back keeps nobody from running.
    clock.set(Timestamp::from_millis(1));
    assert_eq!(driver.due_in(), Duration::ZERO);
    // A policy that it is given counts from the next run on.
    driver.set_policies(Policy { skips: 1, ..Policy::default() });
    assert!(block_on(driver.tick()).unwrap().is_ok());
    assert_eq!(driver.manager().get_open_positions_count(), INSTRUMENTS as usize);
}
