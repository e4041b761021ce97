//! Stops that follow the mark: trailing and break-even, with every stop worked out by hand (R16).

use std::time::Duration;

use posbook::{
    Book, Command, ExitPlan, ExitRule, Field, Fill, Instrument, Kind, OrderSide, Reason, Sequence, Side,
    TargetOrigin, TroubleKind,
};

use crate::stage::*;

fn trailing(activation: &str, width: &str) -> ExitPlan {
    ExitPlan::default().trailing(f(activation), f(width))
}

/// The price comes, a pass is made, and this is where the stop stands then.
fn after(world: &World, symbol: &str, price: &str) -> String {
    world.price(symbol, price);
    let before = world.stop(symbol);
    let pass = world.quiet_pass();
    assert!(pass.closed.is_empty(), "{symbol} at {price}");
    let stop = world.stop(symbol);
    assert_eq!(!pass.trailed.is_empty(), stop != before, "a pass says what it moved, and moves nothing else");
    stop
}

/// Why something was last closed.
fn why(world: &World) -> String {
    let mut changes = world.book().changes_after(Sequence(0));
    let units = std::iter::from_fn(|| changes.try_next());
    let closes =
        units.flat_map(|unit| unit.unwrap().to_vec()).filter_map(|change| match &change.cause.command {
            Command::Close(close) => Some(close.reason.clone()),
            _ => None,
        });
    closes.last().unwrap()
}

#[test]
fn r16_a_long_s_stop_follows_new_extremes_only() {
    let world = world();
    world.open_planned(BTC, Side::Long, "1", trailing("0", "0.02"));
    // The best price starts at the entry: at it, and below it, nothing moves.
    for (price, stop) in [
        ("50000", "47500"),
        ("49000", "47500"),
        ("50000.1", "49000.1"), // 49000.098, towards the market
        ("51000", "49980"),
        ("50990", "49980"),
        ("51000", "49980"),
        ("51000.1", "49980.1"), // 49980.098
        ("50000", "49980.1"),
        ("54000", "52920"),
    ] {
        assert_eq!(after(&world, BTC, price), stop, "at {price}");
    }
    assert_eq!(world.manager.get_position(BTC).unwrap().best, Some(p("54000")));
    world.price(BTC, "52920");
    assert_eq!(world.quiet_pass().closed.len(), 1);
    assert_eq!((world.stands(BTC).as_str(), why(&world).as_str()), ("flat", "trailing stop"));
}

#[test]
fn r16_a_short_s_stop_follows_mirrored() {
    let world = world();
    world.open_planned(ETH, Side::Short, "2", trailing("0", "0.02"));
    for (price, stop) in [
        ("3000", "3150"),
        ("3100", "3150"),
        ("2900", "2958"),
        ("2950", "2958"),
        ("2899.9", "2957.8"), // 2957.898, towards the market
        ("2957.7", "2957.8"),
    ] {
        assert_eq!(after(&world, ETH, price), stop, "at {price}");
    }
    world.price(ETH, "2957.8");
    assert_eq!(world.quiet_pass().closed.len(), 1);
    assert_eq!(why(&world), "trailing stop");
}

#[test]
fn r16_a_stop_that_never_followed_is_called_a_stop_loss() {
    let world = world();
    world.open_planned(BTC, Side::Long, "1", trailing("0.02", "0.01"));
    world.price(BTC, "47500");
    assert_eq!(world.quiet_pass().closed.len(), 1);
    assert_eq!(why(&world), "stop loss");
}

#[test]
fn r16_trailing_begins_at_its_activation() {
    let world = world();
    world.open_planned(BTC, Side::Long, "1", trailing("0.02", "0.01"));
    world.open_planned(ETH, Side::Short, "1", trailing("0.02", "0.01"));
    for (price, stop) in [("50999.9", "47500"), ("51000", "50490"), ("50500", "50490"), ("51100", "50589")] {
        assert_eq!(after(&world, BTC, price), stop, "at {price}");
    }
    for (price, stop) in [("2940.1", "3150"), ("2940", "2969.4"), ("2960", "2969.4")] {
        assert_eq!(after(&world, ETH, price), stop, "at {price}");
    }
}

#[test]
fn r16_an_activation_is_noted_once_though_the_stop_stays() {
    let mut world = world();
    // How far it went would be noted too.
    world.manager = world.manager.excursions(false);
    // 10 % behind: looser than the stop that stands.
    world.open_planned(BTC, Side::Long, "1", trailing("0.01", "0.1"));
    world.price(BTC, "50400");
    let quiet = world.book().snapshot().sequence();
    assert!(world.quiet_pass().trailed.is_empty());
    assert_eq!(world.book().snapshot().sequence(), quiet);
    world.price(BTC, "50500");
    assert_eq!(world.quiet_pass().trailed.len(), 1);
    let position = world.manager.get_position(BTC).unwrap();
    assert_eq!((position.best, world.stop(BTC).as_str()), (Some(p("50500")), "47500"));
    assert!(matches!(position.targets_from, TargetOrigin::Order(_)), "nothing moved the stop");
    let noted = world.book().snapshot().sequence();
    for price in ["50500", "50200", "50600", "52000"] {
        world.price(BTC, price);
        assert!(world.quiet_pass().trailed.is_empty(), "at {price}");
    }
    assert_eq!(world.book().snapshot().sequence(), noted, "a quiet feed");
    assert_eq!(after(&world, BTC, "53000"), "47700");
}

#[test]
fn r11_a_stale_mark_moves_no_stop() {
    let world = world();
    world.open_planned(BTC, Side::Long, "1", trailing("0", "0.02"));
    world.price(BTC, "52000");
    world.pass(Duration::from_secs(31));
    let pass = world.quiet_pass();
    assert_eq!((pass.trailed.len(), pass.stale.len(), world.stop(BTC).as_str()), (0, 1, "47500"));
    let position = world.manager.get_position(BTC).unwrap();
    let wish = Command::Trail { key: position.key, position: position.id };
    let refused = world.book().apply(wish).unwrap_err();
    assert!(matches!(refused.reason(), Reason::NoMark { .. }), "{refused}");
    // The market came back meanwhile: what nobody saw moves nothing.
    assert_eq!(after(&world, BTC, "50500"), "49490");
}

#[test]
fn d09_a_hand_set_tighter_stop_survives_a_trailing_decided_before_it() {
    let world = world();
    world.open_planned(BTC, Side::Long, "1", trailing("0", "0.02"));
    let view = world.book().snapshot();
    let (old, instrument) = (view.get(world.id(BTC)).unwrap(), view.instrument(world.id(BTC)).unwrap());
    world.price(BTC, "51000");
    let wish = posbook::exits::trail(old, instrument, p("51000")).unwrap();
    world.manager.modify_position_targets(BTC, Field::Set(p("50500")), Field::Keep).unwrap();
    assert!(world.book().apply(wish).unwrap().publication.is_none());
    assert_eq!(world.stop(BTC), "50500");
    assert_eq!(after(&world, BTC, "51500"), "50500");
    // From where its own stop is closer, it follows again.
    assert_eq!(after(&world, BTC, "52000"), "50960");
}

#[test]
fn r16_a_stop_loosened_by_hand_stays_until_the_next_extreme() {
    let world = world();
    world.open_planned(BTC, Side::Long, "1", trailing("0", "0.02"));
    assert_eq!(after(&world, BTC, "52000"), "50960");
    world.book().apply(Command::retarget(world.id(BTC)).loosen_stop(Field::Set(p("49000")))).unwrap();
    assert_eq!(after(&world, BTC, "51999"), "49000");
    assert_eq!(after(&world, BTC, "52100"), "51058");
    // A take profit that moves does not make it a hand-set stop.
    world.manager.modify_position_targets(BTC, Field::Keep, Field::Set(p("56000"))).unwrap();
    let position = world.manager.get_position(BTC).unwrap();
    assert_eq!(world.due(&position, "51058").unwrap().rule, ExitRule::TrailingStop(p("51058")));
}

#[test]
fn r16_break_even_keeps_the_fees_and_comes_once() {
    let world = world();
    world.open_planned(BTC, Side::Long, "1", ExitPlan::default().break_even(f("0.01"), f("0.001")));
    world.open_planned(ETH, Side::Short, "1", ExitPlan::default().break_even(f("0.01"), f("0.001")));
    for (price, stop) in [("50499.9", "47500"), ("50500", "50050"), ("54000", "50050")] {
        assert_eq!(after(&world, BTC, price), stop, "at {price}");
    }
    for (price, stop) in [("2970.1", "3150"), ("2970", "2997"), ("2800", "2997")] {
        assert_eq!(after(&world, ETH, price), stop, "at {price}");
    }
}

#[test]
fn d18_break_even_never_loosens_a_trailing_stop() {
    let world = world();
    let plan = trailing("0", "0.004").break_even(f("0.01"), f("0.001"));
    world.open_planned(BTC, Side::Long, "1", plan);
    assert_eq!(after(&world, BTC, "50400"), "50198.4");
    // Break-even is reached, and stands at 50,050.
    assert_eq!(after(&world, BTC, "50500"), "50298");

    let world = self::world();
    let plan = trailing("0", "0.03").break_even(f("0.01"), f("0.001"));
    world.open_planned(BTC, Side::Long, "1", plan);
    assert_eq!(after(&world, BTC, "50400"), "48888");
    assert_eq!(after(&world, BTC, "50500"), "50050", "the tighter of the two");
    assert_eq!(after(&world, BTC, "51000"), "50050", "49,470 would loosen it");
    assert_eq!(after(&world, BTC, "52000"), "50440");
}

#[test]
fn r16_a_position_without_a_stop_gets_one_from_the_first_fresh_mark() {
    for (mark, stop) in [("50000", "49000"), ("49500", "49000"), ("48000", "47040")] {
        let world = world();
        let fill = Fill::trade(world.id(BTC), "1".parse().unwrap(), OrderSide::Buy, q("1"), p("50000"));
        world.book().record(fill).unwrap();
        assert_eq!(world.key(BTC).troubles[0].kind, TroubleKind::Unprotected);
        world.book().apply(Command::plan(world.id(BTC), trailing("0", "0.02"))).unwrap();
        // Where the price has passed it already, it starts from there: never on the wrong side of the market (I3).
        assert_eq!(after(&world, BTC, mark), stop, "at {mark}");
        assert!(world.key(BTC).troubles.is_empty(), "it is protected now");
    }
}

#[test]
fn i03_a_step_as_coarse_as_the_width_puts_no_stop_on_the_market() {
    let book = Book::builder().build().unwrap();
    let coarse = book.register(Instrument::linear("X/USDT", "10", "1").unwrap()).unwrap();
    book.record(Fill::trade(coarse, "1".parse().unwrap(), OrderSide::Buy, q("1"), p("100"))).unwrap();
    book.apply(Command::plan(coarse, trailing("0", "0.01"))).unwrap();
    book.mark(coarse, p("110")).unwrap();
    let position = book.snapshot().get(coarse).unwrap().id;
    book.apply(Command::Trail { key: coarse.into(), position }).unwrap();
    // 108.9: rounded towards the market it would be the market.
    assert_eq!(book.snapshot().get(coarse).unwrap().stop_loss(), Some(p("100")));
}

#[test]
fn r16_the_completion_of_the_order_moves_no_trailed_stop() {
    let world = world();
    let wish = Command::open(world.id(BTC), Side::Long, q("1")).stop("0.05").unwrap();
    let order = world.book().reserve(wish.exits(trailing("0", "0.02"))).unwrap().sent().unwrap();
    let fill = |trade: &str, price| {
        let trade = trade.parse().unwrap();
        let fill = Fill::trade(world.id(BTC), trade, OrderSide::Buy, q("0.5"), p(price));
        world.book().record(fill.order(order.client_id())).unwrap();
    };
    fill("a", "50000");
    assert_eq!(after(&world, BTC, "52000"), "50960");
    fill("b", "52000");
    order.complete(q("1")).unwrap();
    assert_eq!(world.stop(BTC), "50960", "5 % below the average would be 48,450");
}

#[test]
fn r16_a_key_that_closes_is_trailed_no_more_and_a_trail_of_an_earlier_life_is_refused() {
    let world = world();
    world.open_planned(BTC, Side::Long, "1", trailing("0", "0.02"));
    let first = world.manager.get_position(BTC).unwrap();
    let wish = Command::Trail { key: first.key, position: first.id };
    let closing = world.book().reserve(Command::close(first.key)).unwrap();
    world.price(BTC, "52000");
    assert!(world.book().apply(wish.clone()).unwrap().publication.is_none());
    assert!(world.quiet_pass().trailed.is_empty());
    pollster::block_on(world.manager.send(closing)).unwrap();
    world.open_planned(BTC, Side::Long, "1", trailing("0", "0.02"));
    world.price(BTC, "53000");
    let refused = world.book().apply(wish).unwrap_err();
    assert!(matches!(refused.reason(), Reason::OtherPosition { .. }), "{refused}");
    // Best price and taken tiers went with the life they belong to.
    assert_eq!(world.manager.get_position(BTC).unwrap().best, None);
}

#[test]
fn r05_the_default_plan_is_the_plan_of_whatever_brings_none() {
    let clock = posbook::Clock::manual(posbook::Timestamp::from_millis(1));
    let book = Book::builder().clock(clock).default_exits(trailing("0", "0.02")).build().unwrap();
    let id = book.register(Instrument::linear("X/USDT", "0.1", "1").unwrap()).unwrap();
    let plan = |book: &Book| book.snapshot().get(id).unwrap().exits.as_deref().cloned();
    book.record(Fill::trade(id, "1".parse().unwrap(), OrderSide::Buy, q("1"), p("100"))).unwrap();
    assert_eq!(plan(&book), Some(trailing("0", "0.02")), "nobody's order");
    book.record(Fill::trade(id, "2".parse().unwrap(), OrderSide::Sell, q("3"), p("100"))).unwrap();
    assert_eq!(plan(&book), Some(trailing("0", "0.02")), "a flip");
    book.apply(Command::plan(id, ExitPlan::default())).unwrap();
    assert_eq!(plan(&book), None, "taken away");
    book.record(Fill::trade(id, "3".parse().unwrap(), OrderSide::Buy, q("2"), p("100"))).unwrap();
    book.apply(Command::Accept { key: id.into(), reason: "looked".into() }).unwrap();
    for (name, own) in [("own", Some(trailing("0", "0.05"))), ("default", None)] {
        let mut wish = Command::open(id, Side::Long, q("1")).at(p("100"));
        wish.exits = own.clone().map(Into::into);
        let order = book.reserve(wish).unwrap().sent().unwrap();
        let fill = |side, trade: &str| Fill::trade(id, trade.parse().unwrap(), side, q("1"), p("100"));
        // The same plan whichever path brings the fill (R5).
        book.record(fill(OrderSide::Buy, name).order(order.client_id())).unwrap();
        assert_eq!(plan(&book), Some(own.unwrap_or_else(|| trailing("0", "0.02"))));
        order.complete(q("1")).unwrap();
        book.record(fill(OrderSide::Sell, &format!("{name} out"))).unwrap();
    }
    let wrong = Book::builder().default_exits(trailing("0", "1")).build().unwrap_err().to_string();
    assert!(wrong.contains("Invalid trailing width: 1"), "{wrong}");
}

#[test]
fn r16_what_a_trail_did_is_one_change_with_what_was_seen() {
    let mut world = world();
    world.manager = world.manager.excursions(false);
    world.open_planned(BTC, Side::Long, "1", trailing("0", "0.02"));
    world.price(BTC, "51000");
    let mut changes = world.book().changes();
    world.quiet_pass();
    let unit = changes.try_next().unwrap().unwrap();
    assert_eq!((unit.len(), unit[0].kind()), (1, Kind::Trailed));
    assert_eq!(unit[0].cause.observed.mark(world.id(BTC)), Some(p("51000")));
    let (before, after) = unit[0].positions();
    let (before, after) = (before.unwrap(), after.unwrap());
    assert_eq!((before.stop_loss(), after.stop_loss()), (Some(p("47500")), Some(p("49980"))));
    assert_eq!((before.best, after.best), (None, Some(p("51000"))));
    assert!(changes.try_next().is_none());
}
