//! Reports on fills and identity: what is delivered again, counted from an old baseline, or taken for another life.

use posbook::venue::{FillCursor, FillPage};
use posbook::{
    Book, Command, Decimal, Fill, FillOutcome, Leg, OrderSide, PositionKey, Reason, Side, TargetRule,
};

use crate::help::{alone, alone_with, ms, trade};
use crate::stage::*;

#[test]
fn bytex_16_a_fill_redelivered_after_a_flip_is_not_applied_again() {
    let alone = alone();
    let (open, flip) = (
        trade(alone.btc, "open", OrderSide::Buy, "1", "50000").at(ms(1)),
        trade(alone.btc, "flip", OrderSide::Sell, "2", "51000").at(ms(2)),
    );
    alone.record(open.clone());
    alone.record(flip.clone());
    assert_eq!(alone.stands(alone.btc), "short 1");
    for fill in [&open, &flip, &open] {
        assert_eq!(alone.record(fill.clone()), FillOutcome::Duplicate);
    }
    assert_eq!((alone.stands(alone.btc).as_str(), alone.key(alone.btc).ledger.fills), ("short 1", 2));
    // Flat in between, or another life: the memory is the instrument's, not the position's.
    alone.record(trade(alone.btc, "out", OrderSide::Buy, "1", "51000").at(ms(3)));
    assert_eq!(alone.record(open), FillOutcome::Duplicate);
    assert_eq!(alone.stands(alone.btc), "flat");
}

#[test]
fn quantdinger_231_cumulative_figures_continue_from_what_is_booked_not_from_a_baseline() {
    let alone = alone();
    let first = alone.sent_open(alone.btc, "1").detach();
    let so_far = |id, quantity: &str| {
        alone.record(Fill::cumulative(alone.btc, id, OrderSide::Buy, q(quantity), p("50000")))
    };
    so_far(first, "0.4");
    // The reader of the feed starts again and delivers the order's whole figure, not what is new of it.
    so_far(first, "0.4");
    so_far(first, "1");
    assert_eq!(alone.stands(alone.btc), "long 1");
    alone.book.reattach(first).unwrap().complete(q("1")).unwrap();
    // The next order begins at nothing.
    let second = alone.book.reserve(Command::scale_in(alone.btc, q("0.5"))).unwrap().sent().unwrap();
    so_far(second.client_id(), "0.2");
    assert_eq!(alone.stands(alone.btc), "long 1.2");
    // And beside it an order that is fed by trades.
    let third = alone.book.reserve(Command::scale_in(alone.btc, q("0.5"))).unwrap().sent().unwrap();
    alone.record(trade(alone.btc, "1", OrderSide::Buy, "0.3", "50000").order(third.client_id()));
    so_far(second.client_id(), "0.5");
    assert_eq!(alone.stands(alone.btc), "long 1.8");
    alone.folds();
}

#[tokio::test]
async fn nautilus_3476_a_report_that_contains_the_fill_of_an_open_order_books_it_once() {
    let world = world();
    let mut held = world.venue.hold_submit();
    let manager = world.manager.clone();
    let opening =
        tokio::spawn(async move { manager.open_position(BTC, Side::Long, q("1"), 10, f("0.05")).await });
    let order = held.called().await;
    // Executed at the venue; the fill is in the report and not in the fills yet.
    use posbook::venue::Venue;
    world.venue.paper().submit(order).await.unwrap();
    world.price(BTC, "50000");
    world.venue.on_fills(|cursor| Ok(FillPage { fills: vec![], next: cursor }));
    assert_eq!(world.manager.reconcile_positions().await.unwrap().resolved(), 0);
    assert_eq!(world.stands(BTC), "flat");
    held.go();
    opening.await.unwrap().unwrap();
    world.manager.update_positions().await;
    assert_eq!(
        (world.stands(BTC).as_str(), world.venue_has(BTC).as_str(), world.unresolved()),
        ("long 1", "1", 0)
    );
}

#[tokio::test]
async fn nautilus_4738_two_legs_of_one_symbol_are_two_positions() {
    let world = world();
    let leg = |leg| PositionKey { leg, ..PositionKey::net(world.id(SOL)) };
    world.open(SOL, Side::Long, "2");
    world.open(SOL, Side::Short, "3");
    let quantity = |key| world.manager.get_position(key).map(|p| (p.side, p.quantity));
    assert_eq!(quantity(leg(Leg::Long)), Some((Side::Long, q("2"))));
    assert_eq!(quantity(leg(Leg::Short)), Some((Side::Short, q("3"))));
    world.manager.close_position(leg(Leg::Long), "one leg").await.unwrap();
    assert_eq!((quantity(leg(Leg::Long)), quantity(leg(Leg::Short))), (None, Some((Side::Short, q("3")))));
    assert_eq!(world.venue_has(SOL), "-3");
}

#[test]
fn nautilus_719_nothing_leaks_from_one_life_into_the_next() {
    let rule = TargetRule::stop_fraction(f("0.05"));
    let alone = alone_with(Book::builder().default_rule(rule));
    alone.record(trade(alone.btc, "1", OrderSide::Buy, "2", "50000"));
    alone.record(trade(alone.btc, "2", OrderSide::Sell, "1", "51000"));
    let first = alone.key(alone.btc).position.unwrap();
    assert_eq!(first.realised, Decimal::from(1_000));
    alone.record(trade(alone.btc, "3", OrderSide::Sell, "1", "52000"));
    alone.record(trade(alone.btc, "4", OrderSide::Buy, "1", "40000"));
    let second = alone.key(alone.btc).position.unwrap();
    assert_eq!((second.realised, second.stop_loss()), (Decimal::ZERO, Some(p("38000"))));
    assert_ne!(first.id, second.id);
    // The key's own sum goes on.
    assert_eq!(alone.key(alone.btc).ledger.realised, Decimal::from(3_000));
}

#[test]
fn nautilus_963_and_1083_a_flip_realises_the_closed_part_only() {
    let alone = alone();
    alone.record(trade(alone.btc, "1", OrderSide::Buy, "1", "50000"));
    alone.record(trade(alone.btc, "2", OrderSide::Sell, "5", "51000"));
    let key = alone.key(alone.btc);
    assert_eq!(key.ledger.realised, Decimal::from(1_000));
    let turned = key.position.unwrap();
    assert_eq!(
        (turned.quantity, turned.entry_price(), turned.realised),
        (q("4"), 51_000.into(), Decimal::ZERO)
    );
}

#[test]
fn trading_signals_1096_targets_do_not_outlive_their_position() {
    let alone = alone();
    alone.long(alone.btc, "1");
    alone.book.apply(Command::retarget(alone.btc).stop(p("49000"))).unwrap();
    let old = alone.key(alone.btc).position.unwrap();
    alone.record(trade(alone.btc, "out", OrderSide::Sell, "1", "50000"));
    // Restored later, with nothing under it: refused, and nothing is kept for a position to come.
    let restored = Command::retarget(alone.btc).stop(p("49000")).expect_position(old.id);
    let refused = alone.book.apply(restored).unwrap_err();
    assert!(matches!(refused.reason(), Reason::OtherPosition { .. }), "{refused}");
    alone.long(alone.btc, "1");
    assert_eq!(alone.key(alone.btc).position.unwrap().stop_loss(), None);
}

#[tokio::test]
async fn freqtrade_7107_and_11570_a_liquidation_leaves_no_ghost() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let mut changes = world.book().changes();
    world.price(BTC, "45000");
    // The venue takes the position away: a trade of no order of ours.
    world.venue.paper().place_foreign(&BTC.parse().unwrap(), Leg::Net, OrderSide::Sell, q("1")).unwrap();
    world.manager.pull_fills().await.unwrap();
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
    // The loss is in the figures, and the change says that nobody here ordered it.
    assert_eq!(world.key(BTC).ledger.realised, Decimal::from(-5_000));
    let unit = changes.try_next().unwrap().unwrap();
    assert_eq!(unit[0].kind(), posbook::Kind::Closed);
    assert!(unit[0].effect.notes().contains(&posbook::FillNote::Unordered));
    // No stop fires on what is gone.
    world.manager.update_positions().await;
    assert_eq!(world.sent(BTC), 1);
}

#[test]
fn barter_232_a_fee_in_another_currency_touches_neither_quantity_nor_profit() {
    let alone = alone();
    alone.record(trade(alone.btc, "1", OrderSide::Buy, "1", "50000").fee("0.001", "BTC").unwrap());
    alone.record(trade(alone.btc, "2", OrderSide::Sell, "1", "51000").fee("-0.5", "USDT").unwrap());
    let key = alone.key(alone.btc);
    assert!(key.position.is_none());
    assert_eq!(key.ledger.realised, Decimal::from(1_000));
    let fee = |currency: &str| key.ledger.fees.of(&currency.parse().unwrap()).to_string();
    assert_eq!((fee("BTC"), fee("USDT")), ("0.001".into(), "-0.5".into()));
}

#[tokio::test]
async fn freqtrade_7586_a_rest_that_no_order_takes_is_not_sent_every_cycle() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    // A trade by hand leaves a rest below the step.
    let rest = vec![world.foreign(BTC, "odd", OrderSide::Sell, "0.9999", "50000")];
    world.venue.on_fills(move |_| Ok(FillPage { fills: rest, next: FillCursor(50) }));
    world.manager.pull_fills().await.unwrap();
    assert_eq!(world.stands(BTC), "long 0.0001");
    for _ in 0..5 {
        world.price(BTC, "50000");
        world.manager.update_positions().await;
    }
    assert_eq!(world.sent(BTC), 1);
    // Rounded down to the step it is nothing, never more than is there.
    let spec = world.book().snapshot().instrument(world.id(BTC)).unwrap().clone();
    assert!(spec.floor_to_step(q("0.0001")).is_zero());
}
