//! Fills from before the report that a key was adopted or dropped by, delivered after it (R8): their money is booked,
//! the gap closes, no quantity moves.

use posbook::reconcile::{Consent, Policy};
use posbook::venue::{FillPage, VenueFill};
use posbook::{Decimal, FillNote, Ledger, OrderSide, Position, Side, TroubleKind};

use crate::stage::*;

/// The fills come now; what each of them left of the ledger. No quantity moves.
fn come(world: &World, fills: Vec<VenueFill>) -> Vec<Ledger> {
    let stands = world.stands(BTC);
    let each = fills.into_iter().map(|fill| {
        let booked = world.key(BTC).ledger.fills;
        let mut changes = world.book().changes();
        world.venue.on_fills(move |cursor| Ok(FillPage { fills: vec![fill], next: cursor }));
        pollster::block_on(world.manager.pull_fills()).unwrap();
        let published = changes.try_next().unwrap().unwrap();
        assert!(published[0].effect.notes().contains(&FillNote::Replaced));
        assert_eq!(world.stands(BTC), stands, "a fill that was in the report moved quantity");
        let key = world.key(BTC);
        assert_eq!(key.ledger.fills, booked + 1);
        conserved(&key.ledger, key.position.as_ref());
        key.ledger
    });
    each.collect()
}

/// R17: cash = realised - s x C + unexplained.
fn conserved(ledger: &Ledger, open: Option<&Position>) {
    let cost = open.map_or(Decimal::ZERO, |p| if p.side == Side::Long { p.cost } else { -p.cost });
    assert_eq!(ledger.cash, ledger.realised - cost + ledger.unexplained, "{ledger:?}");
}

fn drop_all(world: &World) {
    world.price(BTC, "50000");
    world.report(vec![]);
    let policy = Policy { consent: Consent::EmptyMeansFlat, ..Policy::default() };
    assert_eq!(pollster::block_on(world.manager.reconcile_with(policy)).unwrap().resolved(), 1);
    assert_eq!(world.stands(BTC), "flat");
}

fn adopt(world: &World, side: Side, quantity: &str, entry: &str) {
    world.price(BTC, "50000");
    world.report(vec![row(BTC, side, quantity, entry)]);
    assert_eq!(pollster::block_on(world.manager.reconcile_positions()).unwrap().resolved(), 1);
}

fn money(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn r08_freqtrade_7107_a_liquidation_whose_fill_is_late_leaves_no_ghost_and_no_gap() {
    for (side, exit, profit) in
        [(Side::Long, OrderSide::Sell, "-1000"), (Side::Short, OrderSide::Buy, "1000")]
    {
        let world = world();
        world.open(BTC, side, "1");
        let mut fill = world.foreign(BTC, "liquidation", exit, "1", "49000");
        fill.fill = fill.fill.fee("24.5", "USDT").unwrap();
        drop_all(&world);
        assert!(!world.key(BTC).ledger.unexplained.is_zero());
        let after = come(&world, vec![fill.clone()]).remove(0);
        assert_eq!(
            (after.unexplained, after.realised, after.cash),
            (Decimal::ZERO, money(profit), money(profit))
        );
        let fees = after.fees.of(&"USDT".parse().unwrap());
        assert!(fees >= money("24.5"), "{fees}");
        // Once is enough (R3).
        let before = world.book().snapshot().digest();
        world.venue.on_fills(move |cursor| Ok(FillPage { fills: vec![fill], next: cursor }));
        pollster::block_on(world.manager.pull_fills()).unwrap();
        assert_eq!(world.book().snapshot().digest(), before);
    }
}

#[test]
fn r08_a_drop_that_is_explained_in_parts_ends_at_exactly_zero() {
    let world = world();
    world.price(BTC, "33333.3");
    world.open(BTC, Side::Long, "0.007");
    let parts = [("0.002", "31111.1"), ("0.004", "32222.2"), ("0.001", "30000.7")];
    let fills: Vec<_> = parts.iter().map(|(q, at)| world.foreign(BTC, at, OrderSide::Sell, q, at)).collect();
    drop_all(&world);
    let gap = world.key(BTC).ledger.unexplained;
    let after = come(&world, fills);
    assert!(after[0].unexplained > gap && after[1].unexplained > after[0].unexplained);
    assert_eq!(after[2].unexplained, Decimal::ZERO);
    assert_eq!(after[2].cash, after[2].realised);
}

#[test]
fn r08_what_never_comes_stays_unexplained() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let half = world.foreign(BTC, "half", OrderSide::Sell, "0.5", "49000");
    drop_all(&world);
    let after = come(&world, vec![half]).remove(0);
    assert_eq!((after.unexplained, after.realised), (money("-25000"), money("-500")));
    // A fill from after the report is news, and explains nothing.
    world.price(BTC, "50000");
    let later = world.foreign(BTC, "later", OrderSide::Sell, "0.5", "49000");
    world.venue.on_fills(move |cursor| Ok(FillPage { fills: vec![later], next: cursor }));
    pollster::block_on(world.manager.pull_fills()).unwrap();
    assert_eq!(world.stands(BTC), "short 0.5");
    assert_eq!(world.key(BTC).ledger.unexplained, money("-25000"));
}

#[test]
fn r08_a_position_that_was_in_neither_picture_is_realised_when_both_its_fills_are_late() {
    for entry_first in [true, false] {
        let world = world();
        world.open(BTC, Side::Long, "1");
        let mut fills = vec![
            world.foreign(BTC, "more", OrderSide::Buy, "2", "48000"),
            world.foreign(BTC, "out", OrderSide::Sell, "3", "51000"),
        ];
        drop_all(&world);
        if !entry_first {
            fills.reverse();
        }
        let after = come(&world, fills);
        // 1 at 50,000 and 2 at 48,000, sold at 51,000.
        assert_eq!((after[1].realised, after[1].cash), (money("7000"), money("7000")));
        assert_eq!(after[1].unexplained, Decimal::ZERO);
        assert_ne!(after[0].unexplained, Decimal::ZERO);
    }
}

#[test]
fn r08_a_late_fill_of_our_own_close_opens_nothing_after_the_drop() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "50000");
    // The venue says that it did nothing, and did it.
    world.venue.on_submit(|_| says(rejected()));
    pollster::block_on(world.manager.close_position(BTC, "out")).unwrap();
    let order = world.venue.sent().pop().unwrap();
    let fill = world.fill(&order, "out", "1", "50500");
    drop_all(&world);
    let after = come(&world, vec![fill]).remove(0);
    assert_eq!((after.unexplained, after.realised), (Decimal::ZERO, money("500")));
}

#[test]
fn r08_an_older_life_gives_back_what_it_took_of_an_adoption() {
    let world = world();
    let fills = vec![
        world.foreign(BTC, "1", OrderSide::Buy, "1", "40000"),
        world.foreign(BTC, "2", OrderSide::Sell, "1", "45000"),
        world.foreign(BTC, "3", OrderSide::Buy, "1", "49000"),
    ];
    adopt(&world, Side::Long, "1", "49500");
    let mut after = Vec::new();
    for (fill, entry) in fills.into_iter().zip(["40000", "49500", "49000"]) {
        after.extend(come(&world, vec![fill]));
        assert_eq!(world.manager.get_position(BTC).unwrap().entry_price(), money(entry));
    }
    assert_eq!(after[0].realised, Decimal::ZERO);
    assert_eq!((after[1].realised, after[1].unexplained), (money("5000"), Decimal::ZERO));
    assert_eq!((after[2].realised, after[2].cash), (money("5000"), money("-44000")));
}

#[test]
fn r08_a_late_fill_beyond_the_adopted_quantity_keeps_its_money_visible() {
    let world = world();
    let fills = vec![
        world.foreign(BTC, "1", OrderSide::Sell, "1.5", "50000"),
        world.foreign(BTC, "2", OrderSide::Buy, "0.5", "48000"),
    ];
    adopt(&world, Side::Short, "1", "49000");
    let after = come(&world, fills);
    assert_eq!(world.manager.get_position(BTC).unwrap().entry_price(), money("50000"));
    // Half a contract was sold beyond what is open, and bought back before.
    assert_eq!(after[0].unexplained, money("25000"));
    assert_eq!((after[1].unexplained, after[1].realised), (Decimal::ZERO, money("1000")));
}

#[test]
fn r08_an_adoption_that_was_dropped_is_explained_by_both_of_its_fills() {
    for exit_first in [false, true] {
        let world = world();
        let mut fills = vec![world.foreign(BTC, "in", OrderSide::Buy, "1", "49000")];
        adopt(&world, Side::Long, "1", "50000");
        world.price(BTC, "50000");
        fills.push(world.foreign(BTC, "out", OrderSide::Sell, "1", "51000"));
        drop_all(&world);
        if exit_first {
            fills.reverse();
        }
        let after = come(&world, fills).pop().unwrap();
        assert_eq!((after.cash, after.realised), (money("2000"), money("2000")));
        assert_eq!(after.unexplained, Decimal::ZERO);
    }
}

#[test]
fn r08_nautilus_3104_a_position_older_than_the_venues_history_is_adopted_from_the_report_alone() {
    let world = world();
    adopt(&world, Side::Short, "2", "47000");
    let position = world.manager.get_position(BTC).unwrap();
    assert_eq!(
        (position.side, position.quantity, position.entry_price()),
        (Side::Short, q("2"), money("47000"))
    );
    conserved(&world.key(BTC).ledger, Some(&position));
}

#[test]
fn r08_a_gap_outlives_the_next_adoption_and_is_closed_by_its_own_exit() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let exit = world.foreign(BTC, "out", OrderSide::Sell, "1", "50200");
    drop_all(&world);
    world.pass(std::time::Duration::from_millis(1));
    let entry = world.foreign(BTC, "in", OrderSide::Buy, "2", "50300");
    adopt(&world, Side::Long, "2", "50100");
    let after = come(&world, vec![entry, exit]);
    assert_eq!(after[0].unexplained, money("-50000"));
    assert_eq!((after[1].unexplained, after[1].realised), (Decimal::ZERO, money("200")));
    assert_eq!(world.manager.get_position(BTC).unwrap().entry_price(), money("50300"));
}

/// Dropped first by a report of a known time, adopted, and then dropped by reports without one: whether a fill from between
/// the two was in the last picture nobody can say, and the first one's time says nothing about it.
#[test]
fn r08_a_repair_without_a_time_does_not_take_an_older_one_s() {
    let world = world();
    adopt(&world, Side::Long, "1", "50000");
    world.price(BTC, "50000");
    let mut fill = world.foreign(BTC, "by-hand-1", OrderSide::Sell, "1", "50000");
    fill.fill.venue_time = Some(world.clock.now());
    world.price(BTC, "50000");
    let policy = Policy { consent: Consent::EmptyMeansFlat, ..Policy::default() };
    for resolved in [0, 1] {
        world.venue.on_report(world.report_at(None, vec![]));
        let found = pollster::block_on(world.manager.reconcile_with(policy)).unwrap();
        assert_eq!(found.resolved(), resolved, "{found}");
    }
    assert_eq!(world.stands(BTC), "flat");

    world.venue.on_fills(move |cursor| Ok(FillPage { fills: vec![fill], next: cursor }));
    pollster::block_on(world.manager.pull_fills()).unwrap();
    // It closed what was dropped. Booked, it would open a position that nobody has.
    assert_eq!(world.stands(BTC), "flat");
    assert_eq!(world.key(BTC).troubles[0].kind, TroubleKind::TooOldToTell);
}
