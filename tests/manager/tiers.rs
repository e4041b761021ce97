//! Partial exits and exits by age: each fires once, on what stands, and is not lost when the venue refuses it (R16, D19).

use std::sync::Barrier;
use std::time::Duration;

use posbook::venue::{Answer, OrderEnd};
use posbook::{
    Amount, Command, ExitPlan, ExitRule, Fill, Instrument, InstrumentSpec, Intent, OrderSide, Reason, Side,
};

use crate::stage::*;

/// Half off at 2 %, half of the rest at 4 %.
fn tiers() -> ExitPlan {
    ExitPlan::default().tier(f("0.02"), f("0.5")).tier(f("0.04"), f("0.5"))
}

/// How many tiers the position has taken.
fn taken(world: &World) -> usize {
    world.manager.get_position(BTC).unwrap().taken.len()
}

#[test]
fn d19_each_tier_fires_once_under_many_passes() {
    for (side, prices) in [
        (Side::Long, ["50999.9", "51000", "51900", "52000", "51000", "53000"]),
        (Side::Short, ["49000.1", "49000", "48100", "48000", "49000", "47000"]),
    ] {
        let world = world();
        world.open_planned(BTC, side, "1", tiers());
        for (price, rest) in prices.into_iter().zip(["1", "0.5", "0.5", "0.25", "0.25", "0.25"]) {
            world.price(BTC, price);
            for _ in 0..5 {
                world.quiet_pass();
                assert_eq!(world.stands(BTC), format!("{side} {rest}"), "at {price}");
            }
        }
        assert_eq!((world.sent(BTC), taken(&world)), (3, 2));
        assert!(world.venue.sent()[1..].iter().all(|o| o.reduce_only && o.intent == Intent::ScaleOut));
        assert!(world.key(BTC).closing.is_none(), "a part closes nothing");
    }
}

#[test]
fn d19_one_tier_a_pass_and_the_lowest_first() {
    let world = world();
    world.open_planned(BTC, Side::Long, "1", tiers());
    world.price(BTC, "54000");
    for rest in ["0.5", "0.25", "0.25"] {
        world.quiet_pass();
        assert_eq!(world.stands(BTC), format!("long {rest}"));
    }
}

#[test]
fn d19_four_threads_at_once_send_each_tier_once() {
    for _ in 0..10 {
        let world = world();
        world.open_planned(BTC, Side::Long, "1", tiers());
        world.price(BTC, "52000");
        let start = Barrier::new(4);
        let sent: usize = std::thread::scope(|scope| {
            let pass = || {
                start.wait();
                (0..3)
                    .map(|_| pollster::block_on(world.manager.update_positions()).closed.len())
                    .sum::<usize>()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(pass)).collect();
            threads.into_iter().map(|t| t.join().unwrap()).sum()
        });
        assert_eq!((sent, world.sent(BTC)), (2, 3));
        assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("long 0.25", "0.25"));
    }
}

#[test]
fn r16_a_tier_whose_order_was_refused_fires_again() {
    let world = world();
    world.open_planned(BTC, Side::Long, "1", tiers());
    world.price(BTC, "51000");
    world.venue.on_submit(|_| says(rejected()));
    let pass = world.quiet_pass();
    assert!(matches!(&pass.closed[..], [(_, Ok(report))] if matches!(report.end, OrderEnd::Refused(_))));
    assert_eq!((world.stands(BTC).as_str(), taken(&world)), ("long 1", 0));
    world.quiet_pass();
    assert_eq!((world.stands(BTC).as_str(), taken(&world)), ("long 0.5", 1));
}

#[test]
fn r16_a_tier_that_filled_in_part_stays_taken() {
    let world = world();
    world.open_planned(BTC, Side::Long, "1", tiers());
    world.price(BTC, "51000");
    let told = world.clone();
    world.venue.on_submit(move |order| {
        Ok(Answer { status: cancelled("0.2"), fills: vec![told.fill(&order, "part", "0.2", "51000")] })
    });
    for _ in 0..3 {
        world.quiet_pass();
        assert_eq!((world.stands(BTC).as_str(), taken(&world), world.unresolved()), ("long 0.8", 1, 0));
    }
}

#[tokio::test]
async fn r16_a_tier_in_doubt_is_taken_until_the_venue_says_that_nothing_happened() {
    let world = world();
    world.open_planned(BTC, Side::Long, "1", tiers());
    world.price(BTC, "51000");
    let mut held = world.venue.hold_submit();
    let manager = world.manager.clone();
    let pass = tokio::spawn(async move { manager.update_positions().await });
    held.called().await;
    // Beside it, another pass.
    assert!(world.quiet_pass().closed.is_empty());
    held.answer(Err(lost()));
    pass.await.unwrap();
    for _ in 0..3 {
        assert!(world.quiet_pass().closed.is_empty());
    }
    assert_eq!((world.in_doubt(), taken(&world), world.sent(BTC)), (1, 1, 2));
    world.venue.on_order(|_| Ok(rejected()));
    world.quiet_pass();
    assert_eq!((world.in_doubt(), taken(&world)), (0, 0));
    world.quiet_pass();
    assert_eq!((world.stands(BTC).as_str(), world.sent(BTC)), ("long 0.5", 3));
}

#[test]
fn r16_a_tier_that_never_left_is_given_back() {
    let world = world();
    world.open_planned(BTC, Side::Long, "1", tiers());
    let position = world.manager.get_position(BTC).unwrap();
    let exit = world.due(&position, "51000").unwrap();
    let wish = || Command::exit(position.key, exit);
    let claim = world.book().reserve(wish()).unwrap();
    assert_eq!((taken(&world), claim.order().quantity, claim.order().exit), (1, q("0.5"), Some(exit)));
    let refused = world.book().reserve(wish()).unwrap_err();
    assert!(matches!(refused.reason(), Reason::ExitGone { what: "tier", .. }), "{refused}");
    claim.release();
    assert_eq!(taken(&world), 0);
    // Overdue before it was sent.
    let overdue = world.book().reserve(wish()).unwrap();
    world.pass(Duration::from_secs(31));
    world.book().expire();
    assert_eq!((taken(&world), world.unresolved()), (0, 0));
    drop(overdue);
    assert_eq!(taken(&world), 0);
    world.book().reserve(wish()).unwrap().release();
}

#[test]
fn d19_no_change_of_plan_lets_a_tier_fire_again() {
    let world = world();
    world.open_planned(BTC, Side::Long, "1", tiers());
    world.price(BTC, "51000");
    world.quiet_pass();
    assert_eq!(world.stands(BTC), "long 0.5");
    let plan = |plan| world.book().apply(Command::plan(world.id(BTC), plan)).unwrap();
    let quiet = |world: &World| {
        assert!(world.quiet_pass().closed.is_empty());
        assert_eq!(world.stands(BTC), "long 0.5");
    };
    // Another share, another place in the list, gone and back again: 2 % was taken.
    plan(ExitPlan::default().tier(f("0.02"), f("0.9")));
    quiet(&world);
    plan(ExitPlan::default());
    quiet(&world);
    plan(ExitPlan::default().tier(f("0.02"), f("0.5")).tier(f("0.03"), f("0.4")));
    quiet(&world);
    // What is new fires.
    world.price(BTC, "51500");
    world.quiet_pass();
    assert_eq!(world.stands(BTC), "long 0.3");
}

#[test]
fn d19_a_plan_changed_under_an_order_in_flight_gives_the_right_tier_back() {
    let world = world();
    world.open_planned(BTC, Side::Long, "1", tiers());
    let position = world.manager.get_position(BTC).unwrap();
    let first =
        world.book().reserve(Command::exit(position.key, world.due(&position, "52000").unwrap())).unwrap();
    let position = world.manager.get_position(BTC).unwrap();
    let second =
        world.book().reserve(Command::exit(position.key, world.due(&position, "52000").unwrap())).unwrap();
    assert_eq!(
        (first.order().quantity, second.order().quantity),
        (q("0.5"), q("0.25")),
        "half of what is free"
    );
    // In the new plan 4 % stands first.
    world.book().apply(Command::plan(world.id(BTC), ExitPlan::default().tier(f("0.04"), f("0.5")))).unwrap();
    first.release();
    let position = world.manager.get_position(BTC).unwrap();
    assert_eq!(position.taken, [f("0.04")]);
    assert!(world.due(&position, "52000").is_none());
}

#[test]
fn r16_a_tier_is_refused_where_its_value_no_longer_stands() {
    let world = world();
    world.open_planned(BTC, Side::Long, "1", tiers());
    let position = world.manager.get_position(BTC).unwrap();
    let exit = world.due(&position, "51000").unwrap();
    assert!(matches!(exit.rule, ExitRule::Tier { price, .. } if price == p("51000")));
    let refused = |words: &str| {
        let before = world.book().snapshot().digest();
        let refused = world.book().reserve(Command::exit(position.key, exit)).unwrap_err();
        assert!(refused.to_string().contains(words), "{refused}");
        assert_eq!(world.book().snapshot().digest(), before);
    };
    // Another share.
    world.book().apply(Command::plan(position.key, ExitPlan::default().tier(f("0.02"), f("0.1")))).unwrap();
    refused("the tier that fired no longer stands");
    world.book().apply(Command::plan(position.key, tiers())).unwrap();
    // What closes is closed whole.
    let cause = "out".to_owned();
    world
        .book()
        .apply(Command::StartClosing { key: position.key, position: Some(position.id), cause })
        .unwrap();
    refused("the tier that fired no longer stands");
    world.book().apply(Command::CancelClosing { key: position.key, reason: "kept".into() }).unwrap();
    // Another entry, another price.
    pollster::block_on(world.manager.scale_in_position(BTC, q("1"))).unwrap();
    world.price(BTC, "51000");
    pollster::block_on(world.manager.scale_in_position(BTC, q("1"))).unwrap();
    refused("the tier that fired no longer stands");
    // Another life.
    pollster::block_on(world.manager.close_position(BTC, "out")).unwrap();
    world.open_planned(BTC, Side::Long, "1", tiers());
    refused("decided against position");
}

#[test]
fn d05_a_refused_tier_of_an_earlier_life_gives_the_new_one_nothing_back() {
    let world = world();
    world.open_planned(BTC, Side::Long, "1", tiers());
    let tier = |world: &World| {
        let position = world.manager.get_position(BTC).unwrap();
        Command::exit(position.key, world.due(&position, "51000").unwrap())
    };
    let first = world.book().reserve(tier(&world)).unwrap().sent().unwrap();
    let by_hand = |side, trade: &str| {
        let fill = Fill::trade(world.id(BTC), trade.parse().unwrap(), side, q("1"), p("50000"));
        world.book().record(fill).unwrap();
    };
    by_hand(OrderSide::Sell, "closed");
    by_hand(OrderSide::Buy, "opened");
    world.book().apply(Command::plan(world.id(BTC), tiers())).unwrap();
    assert_eq!(taken(&world), 0, "another life has taken nothing");
    let second = world.book().reserve(tier(&world)).unwrap().sent().unwrap();
    first.refused(q("0"), "too late").unwrap();
    assert_eq!(taken(&world), 1);
    second.refused(q("0"), "no").unwrap();
    assert_eq!(taken(&world), 0);
}

#[test]
fn r18_a_share_leaves_nothing_that_no_order_could_take_off() {
    let world = world();
    let spec = |minimum: &str| {
        let spec = InstrumentSpec::linear(BTC, "0.1", "0.001").unwrap();
        Instrument::new(InstrumentSpec { minimum: q(minimum), ..spec }).unwrap()
    };
    world.open(BTC, Side::Long, "1");
    for (minimum, share, part) in [
        ("0.001", "0.3337", "0.333"), // down, never up
        ("0.001", "1", "1"),
        ("0.001", "0.0001", "0.001"), // no less than the venue takes
        ("0.25", "0.1", "0.25"),
        ("0.25", "0.75", "0.75"),
        ("0.25", "0.751", "1"), // the rest would be dust
        ("0.6", "0.5", "1"),
        ("0.2505", "0.1", "0.251"), // a minimum that is off the step
    ] {
        world.book().register(spec(minimum)).unwrap();
        let mut wish = Command::scale_out(world.id(BTC), q("1"));
        wish.amount = Amount::Share(f(share));
        let claim = world.book().reserve(wish).unwrap();
        assert_eq!(claim.order().quantity, q(part), "{share} with a minimum of {minimum}");
    }
    // Nothing is no share, and more than all neither (D17: a fraction is not an amount).
    for share in ["0", "1.5"] {
        let mut wish = Command::scale_out(world.id(BTC), q("1"));
        wish.amount = Amount::Share(f(share));
        let refused = world.book().reserve(wish).unwrap_err().to_string();
        assert!(refused.contains(&format!("Invalid share: {share}")), "{refused}");
    }
}

#[test]
fn r18_dust_fires_no_exit_and_an_explicit_close_may_send_it() {
    let world = world();
    world.open_planned(
        BTC,
        Side::Long,
        "1",
        tiers().trailing(f("0"), f("0.02")).max_age(Duration::from_secs(5)),
    );
    let spec = InstrumentSpec::linear(BTC, "0.1", "0.001").unwrap();
    world.book().register(Instrument::new(InstrumentSpec { minimum: q("2"), ..spec }).unwrap()).unwrap();
    for price in ["51000", "40000", "60000"] {
        world.price(BTC, price);
        world.pass(Duration::from_secs(10));
        let pass = world.quiet_pass();
        assert!(pass.closed.is_empty() && pass.trailed.is_empty(), "{price}");
    }
    assert_eq!((world.sent(BTC), world.stop(BTC).as_str()), (1, "47500"));
    assert!(world.book().check(Command::close(world.id(BTC))).is_ok());
}

#[test]
fn r11_an_exit_by_age_needs_no_mark() {
    let world = world();
    world.open_planned(BTC, Side::Long, "1", ExitPlan::default().max_age(Duration::from_secs(60)));
    world.open(ETH, Side::Long, "1");
    let opened = world.manager.get_position(BTC).unwrap().opened_at;
    let left = opened.plus(Duration::from_secs(60)).since(world.clock.now());
    world.pass(left - Duration::from_nanos(1));
    assert!(world.quiet_pass().closed.is_empty());
    world.pass(Duration::from_nanos(1));
    let pass = world.quiet_pass();
    // The venue has a price; the bot has heard none for a minute.
    assert_eq!(pass.stale, [world.id(BTC).into(), world.id(ETH).into()]);
    assert_eq!((pass.closed.len(), world.stands(BTC).as_str()), (1, "flat"));
    assert_eq!(world.stands(ETH), "long 1");
}

#[test]
fn r16_an_age_that_was_changed_meanwhile_closes_nothing() {
    let world = world();
    let plan = |seconds| ExitPlan::default().max_age(Duration::from_secs(seconds));
    world.open_planned(BTC, Side::Long, "1", plan(60));
    world.pass(Duration::from_secs(60));
    let position = world.manager.get_position(BTC).unwrap();
    let exit = world.due(&position, "50000").unwrap();
    assert_eq!((exit.rule, exit.mark), (ExitRule::MaxAge(Duration::from_secs(60)), None));
    world.book().apply(Command::plan(position.key, plan(120))).unwrap();
    let refused = world.book().reserve(Command::exit(position.key, exit)).unwrap_err();
    assert!(matches!(refused.reason(), Reason::ExitGone { what: "maximum age", .. }), "{refused}");
    assert!(world.quiet_pass().closed.is_empty());
}

#[test]
fn r16_at_one_mark_the_stop_goes_first_then_age_then_the_take_profit_then_tiers() {
    let world = world();
    world.open_planned(BTC, Side::Long, "1", tiers().max_age(Duration::from_secs(60)));
    let position = world.manager.get_position(BTC).unwrap();
    let rule = |mark| world.due(&position, mark).map(|exit| exit.rule.to_string());
    assert_eq!(rule("52000").as_deref(), Some("tier"));
    assert_eq!(rule("55000").as_deref(), Some("take profit"));
    assert_eq!(rule("50000"), None);
    world.pass(Duration::from_secs(60));
    assert_eq!(rule("50000").as_deref(), Some("maximum age"));
    assert_eq!(rule("55000").as_deref(), Some("maximum age"));
    assert_eq!(rule("47500").as_deref(), Some("stop loss"));
}

#[test]
fn r07_a_key_that_closes_takes_no_tier() {
    let world = world();
    world.open_planned(BTC, Side::Long, "1", tiers());
    world.venue.on_submit(|_| says(rejected()));
    pollster::block_on(world.manager.close_position(BTC, "out")).unwrap();
    world.price(BTC, "52000");
    world.quiet_pass();
    assert_eq!(world.stands(BTC), "flat");
    assert_eq!(world.venue.sent().last().unwrap().intent, Intent::Close);
}

#[test]
fn r16_a_plan_that_makes_no_sense_is_refused_with_value_and_rule() {
    let world = world();
    let plan = ExitPlan::default;
    let many = (1..=17).fold(plan(), |plan, n| plan.tier(f(&format!("0.{n:02}")), f("0.1")));
    for (plan, words) in [
        (plan().trailing(f("0"), f("0")), "Invalid trailing width: 0 must be"),
        (plan().trailing(f("0"), f("1")), "Invalid trailing width: 1 must be"),
        (plan().break_even(f("0.01"), f("0.01")), "Invalid break-even offset: 0.01 must be below"),
        (plan().tier(f("0"), f("0.5")), "Invalid tier: 0 must be above 0"),
        (
            tiers().tier(f("0.04"), f("0.5")),
            "Invalid tier: 0.04 must be above 0 and above the tier before it",
        ),
        (plan().tier(f("0.1"), f("0")), "Invalid tier's share: 0 must be"),
        (plan().tier(f("0.1"), f("1.1")), "Invalid tier's share: 1.1 must be"),
        (many, "Invalid number of tiers: 17 must be at most 16"),
        (plan().max_age(Duration::ZERO), "Invalid maximum age: 0 must be positive"),
    ] {
        let wish = Command::open(world.id(BTC), Side::Long, q("1")).exits(plan.clone());
        let refused = world.book().check(wish).unwrap_err().to_string();
        assert!(refused.contains(words), "{refused}");
        let refused = world.book().check(Command::plan(world.id(BTC), plan)).unwrap_err().to_string();
        assert!(refused.contains(words), "{refused}");
    }
    let refused = world.book().check(Command::plan(world.id(BTC), tiers())).unwrap_err();
    assert!(matches!(refused.reason(), Reason::NoPosition { .. }));
}
