//! How far each position was above and below its entry, noted by the passes: every extreme worked out by hand.

use std::time::Duration;

use posbook::{Command, Excursion, ExitPlan, Field, Fill, Kind, OrderSide, Sequence, Side};

use crate::stage::*;

fn noted(world: &World, symbol: &str) -> Option<[String; 2]> {
    let excursion = world.manager.get_position(symbol).unwrap().excursion;
    excursion.map(|noted| [noted.favourable().to_string(), noted.adverse().to_string()])
}

/// The price comes, a pass is made, and these are the extremes then.
fn after(world: &World, symbol: &str, price: &str) -> [String; 2] {
    world.price(symbol, price);
    let before = noted(world, symbol);
    let pass = world.quiet_pass();
    let now = noted(world, symbol);
    let moved = pass.reached.len() + pass.trailed.len();
    assert_eq!(moved > 0, now != before, "a pass says what it noted, and notes nothing else");
    now.unwrap()
}

/// What happened after a change.
fn since(world: &World, sequence: Sequence) -> Vec<Kind> {
    let mut changes = world.book().changes_after(sequence);
    let units = std::iter::from_fn(|| changes.try_next());
    units.flat_map(|unit| unit.unwrap().iter().map(posbook::Change::kind).collect::<Vec<_>>()).collect()
}

#[test]
fn a_pass_notes_the_best_and_the_worst_of_a_long() {
    let world = world();
    world.open(BTC, Side::Long, "2");
    assert_eq!(noted(&world, BTC), None, "nobody has looked yet");
    // At a cost of 100,000 an extreme has to move by 10.
    for (price, best, worst) in [
        ("50000", "0", "0"),
        ("50004.9", "0", "0"),
        ("50005", "10", "0"),
        ("51000", "2000", "0"),
        ("50500", "2000", "0"),
        ("49000", "2000", "-2000"),
        ("48995.1", "2000", "-2000"),
        ("48990", "2000", "-2020"),
        ("51004.9", "2000", "-2020"),
        ("52000", "4000", "-2020"),
    ] {
        assert_eq!(after(&world, BTC, price), [best, worst], "at {price}");
    }
}

#[test]
fn a_short_is_mirrored_and_a_life_begins_at_zero() {
    let world = world();
    world.open(ETH, Side::Short, "10");
    // The first mark is noted wherever it is.
    assert_eq!(after(&world, ETH, "3000.1"), ["0", "-1"]);
    assert_eq!(after(&world, ETH, "2900"), ["1000", "-1"]);
    assert_eq!(after(&world, ETH, "3100"), ["1000", "-1000"]);
}

#[test]
fn a_price_that_changes_nothing_publishes_nothing() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    after(&world, BTC, "51000");
    after(&world, BTC, "49000");
    let quiet = world.book().snapshot().sequence();
    for price in ["50000", "50999", "49000", "51004.9", "48995.1"] {
        world.price(BTC, price);
        assert!(world.quiet_pass().reached.is_empty(), "at {price}");
    }
    assert_eq!(world.book().snapshot().sequence(), quiet);
}

#[test]
fn a_stop_that_follows_notes_the_extreme_with_it() {
    let world = world();
    world.open_planned(BTC, Side::Long, "1", ExitPlan::default().trailing(f("0"), f("0.02")));
    let opened = world.book().snapshot().sequence();
    assert_eq!(after(&world, BTC, "51000"), ["1000", "0"]);
    // A stop says nothing of where a life was unless somebody notes that: the first mark takes a change of its own.
    assert_eq!(since(&world, opened), [Kind::Trailed, Kind::Reached]);
    let first = world.book().snapshot().sequence();
    assert_eq!(after(&world, BTC, "52000"), ["2000", "0"]);
    assert_eq!(since(&world, first), [Kind::Trailed], "one change for both");
    let trailed = world.book().snapshot().sequence();
    assert_eq!(after(&world, BTC, "51500"), ["2000", "0"]);
    assert_eq!(since(&world, trailed), []);
    // A new extreme by less than the grain moves the stop alone.
    world.price(BTC, "52000.1");
    assert_eq!(world.quiet_pass().trailed.len(), 1);
    assert_eq!(noted(&world, BTC), Some(["2000".into(), "0".into()]));
}

#[test]
fn a_manager_that_is_told_not_to_notes_nothing() {
    let mut world = world();
    world.manager = world.manager.excursions(false);
    world.open_planned(BTC, Side::Long, "1", ExitPlan::default().trailing(f("0"), f("0.02")));
    world.open(ETH, Side::Short, "1");
    for price in ["51000", "52000", "51500"] {
        world.price(BTC, price);
        world.price(ETH, "3050");
        assert!(world.quiet_pass().reached.is_empty());
    }
    // Half of the marks would be a lie: a stop that followed has noted none of them either.
    assert_eq!((noted(&world, BTC), noted(&world, ETH)), (None, None));
    assert_eq!(world.stop(BTC), "50960");
    let clone = world.manager.clone();
    pollster::block_on(clone.update_positions());
    assert_eq!(noted(&world, ETH), None, "so do its clones");
}

#[test]
fn r11_a_stale_mark_is_not_noted() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    assert_eq!(after(&world, BTC, "50100"), ["100", "0"]);
    world.price(BTC, "52000");
    world.pass(Duration::from_secs(31));
    let pass = world.quiet_pass();
    assert_eq!((pass.reached.len(), pass.stale.len()), (0, 1));
    assert_eq!(noted(&world, BTC), Some(["100".into(), "0".into()]));
}

#[test]
fn a_key_that_closes_is_noted_until_it_is_flat() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let closing = world.book().reserve(Command::close(world.id(BTC))).unwrap();
    assert_eq!(after(&world, BTC, "52000"), ["2000", "0"]);
    pollster::block_on(world.manager.send(closing)).unwrap();
    assert_eq!(world.stands(BTC), "flat");
}

#[test]
fn a_life_keeps_its_extremes_through_additions_and_reductions_and_the_next_one_has_none() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    assert_eq!(after(&world, BTC, "51000"), ["1000", "0"]);
    let kept = noted(&world, BTC);
    pollster::block_on(world.manager.scale_in_position(BTC, q("1"))).unwrap();
    assert_eq!(noted(&world, BTC), kept);
    // 2 at 50,500: of what is open now.
    assert_eq!(after(&world, BTC, "50000"), ["1000", "-1000"]);
    pollster::block_on(world.manager.scale_out_position(BTC, q("1.5"), "part")).unwrap();
    assert_eq!(noted(&world, BTC), Some(["1000".into(), "-1000".into()]));
    assert_eq!(after(&world, BTC, "52000"), ["1000", "-1000"], "0.5 at 50,500 have 750");
    // Targets and plans leave them alone.
    world.manager.modify_position_targets(BTC, Field::Set(p("51000")), Field::Keep).unwrap();
    assert_eq!(noted(&world, BTC), Some(["1000".into(), "-1000".into()]));
    // A fill through zero: another life.
    let id = world.id(BTC);
    let through = Fill::trade(id, "through".parse().unwrap(), OrderSide::Sell, q("2"), p("52000"));
    world.book().record(through).unwrap();
    assert_eq!((world.stands(BTC).as_str(), noted(&world, BTC)), ("short 1.5", None));
    assert_eq!(after(&world, BTC, "53000"), ["0", "-1500"]);
}

#[test]
fn one_change_says_what_was_noted_and_by_which_mark() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "50700");
    let mut changes = world.book().changes();
    world.quiet_pass();
    let unit = changes.try_next().unwrap().unwrap();
    assert_eq!((unit.len(), unit[0].kind()), (1, Kind::Reached));
    assert_eq!((unit[0].kind().to_string(), unit[0].command().name()), ("reached".into(), "reach"));
    assert_eq!(unit[0].cause.observed.mark(world.id(BTC)), Some(p("50700")));
    let (before, after) = unit[0].positions();
    let wanted = Excursion::new("700".parse().unwrap(), "0".parse().unwrap()).unwrap();
    assert_eq!((before.unwrap().excursion, after.unwrap().excursion), (None, Some(wanted)));
    assert!(changes.try_next().is_none());
}
