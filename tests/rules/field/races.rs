//! Reports on races: callbacks that come back in, retries of what nobody knows, reductions that turn a position round,
//! and states with no way out.

use std::time::Duration;

use posbook::venue::{Answer, OrderEnd, OrderStatus, Venue};
use posbook::{Command, Error, Kind, OrderSide, Reason, Sequence, Side};

use crate::help::{alone, both, desk, kinds, trade};
use crate::stage::*;

#[tokio::test]
async fn nautilus_3981_a_callback_may_read_and_write_the_book() {
    let world = world();
    world.open(ETH, Side::Long, "2");
    let copy = world.clone();
    world.venue.on_submit(move |order| {
        // From inside the venue's code: snapshots, batches, the feed, a pass, flattening everything.
        let view = copy.book().snapshot();
        assert_eq!((view.len(), copy.unresolved()), (1, 1));
        let sol =
            posbook::PositionKey { leg: posbook::Leg::Short, ..posbook::PositionKey::net(copy.id(SOL)) };
        let pair = copy.book().submit([
            Command::expect(copy.id(ETH), view.key(copy.id(ETH)).unwrap().revision),
            Command::open(sol, Side::Short, q("3")).into(),
        ]);
        let sent = pollster::block_on(copy.manager.send_all(pair.unwrap().reservations));
        assert!(sent[0].1.is_ok());
        let mut seen = copy.book().changes_after(Sequence(0));
        assert!(
            std::iter::from_fn(|| seen.try_next()).any(|unit| kinds(&unit.unwrap()).contains(&Kind::Opened))
        );
        pollster::block_on(copy.manager.update_positions());
        let flat = pollster::block_on(copy.manager.flatten("from a callback")).unwrap();
        assert_eq!(flat.closed.len(), 2);
        let fills = vec![copy.fill(&order, "t1", "1", "50000")];
        Ok(Answer { status: filled("1"), fills })
    });
    let report = world.manager.open_position(BTC, Side::Long, q("1"), 10, f("0.05")).await.unwrap();
    assert_eq!((report.end, report.filled), (OrderEnd::Done, Some(q("1"))));
    for symbol in [ETH, SOL] {
        assert_eq!(
            (world.stands(symbol).as_str(), world.venue_has(symbol).as_str()),
            ("flat", "0"),
            "{symbol}"
        );
    }
    // What was on its way while everything was flattened is to be closed too (R7).
    assert_eq!(world.key(BTC).closing.unwrap().cause, "from a callback");
}

#[tokio::test]
async fn trading_gpt_94_an_ambiguous_submit_and_its_retries_make_one_position() {
    let world = world();
    let mut held = world.venue.hold_submit();
    let manager = world.manager.clone();
    let first =
        tokio::spawn(async move { manager.open_position(BTC, Side::Long, q("1"), 10, f("0.05")).await });
    let order = held.called().await;
    // The name is published before anything leaves, and the venue got that name.
    assert_eq!(world.book().reservations()[0].client_id, order.client_id);
    held.say(Say::GoBut(Err(lost())));
    assert!(matches!(first.await.unwrap().unwrap().end, OrderEnd::InDoubt(_)));
    for _ in 0..5 {
        let retry = world.manager.open_position(BTC, Side::Long, q("1"), 10, f("0.05")).await;
        assert!(matches!(retry, Err(Error::Rejected(_))));
    }
    world.manager.update_positions().await;
    assert_eq!(
        (world.stands(BTC).as_str(), world.venue_has(BTC).as_str(), world.sent(BTC)),
        ("long 1", "1", 1)
    );
    assert_eq!(world.venue.paper().stats().duplicate_orders, 0);
}

#[tokio::test]
async fn nautilus_4424_a_reduction_never_opens_the_opposite_side() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let mut held = world.venue.hold_submit();
    let manager = world.manager.clone();
    let closing = tokio::spawn(async move { manager.close_position(BTC, "out").await });
    let order = held.called().await;
    assert!(order.reduce_only);
    // Somebody closes by hand before the close arrives.
    world
        .venue
        .paper()
        .place_foreign(&BTC.parse().unwrap(), posbook::Leg::Net, OrderSide::Sell, q("1"))
        .unwrap();
    held.go();
    closing.await.unwrap().unwrap();
    world.manager.update_positions().await;
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
    assert_eq!((world.unresolved(), world.key(BTC).closing), (0, None));
}

#[tokio::test]
async fn nautilus_4737_every_order_of_a_close_all_has_a_quantity() {
    let desk = desk();
    desk.open(BTC, Side::Long, "1");
    desk.open(ETH, Side::Short, "2");
    desk.manager.order(Command::scale_out(desk.id(BTC), q("1"))).await.unwrap();
    desk.manager.flatten("close all").await.unwrap();
    desk.arrive();
    desk.arrive();
    desk.manager.flatten("close all").await.unwrap();
    assert!(desk.venue.sent().iter().all(|order| !order.quantity.is_zero()));
    assert_eq!((desk.both(BTC), desk.both(ETH)), (both("flat", "0"), both("flat", "0")));
    // In a command there is no such order.
    let nothing =
        desk.book().check(Command::open(desk.id(BTC), Side::Long, posbook::Quantity::ZERO)).unwrap_err();
    assert!(matches!(nothing.reason(), Reason::OutOfRange { .. }), "{nothing}");
}

#[tokio::test]
async fn freqtrade_8374_a_partial_exit_that_is_cancelled_leaves_the_right_amount() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let copy = world.clone();
    world.venue.on_submit(move |order| {
        // 0.3 of the 0.8 go at the venue, then it cancels.
        let part = posbook::venue::OrderRequest { quantity: q("0.3"), ..order };
        let Answer { fills, .. } = pollster::block_on(copy.venue.paper().submit(part)).unwrap();
        Ok(Answer { status: cancelled("0.3"), fills })
    });
    world.manager.scale_out_position(BTC, q("0.8"), "part").await.unwrap();
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("long 0.7", "0.7"));
    // The rest is free for the next exit, and only the rest.
    assert_eq!(world.key(BTC).free(), q("0.7"));
    world.price(BTC, "47500");
    world.manager.update_positions().await;
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
}

#[tokio::test]
async fn octobot_684_every_state_has_a_way_out() {
    let world = world();
    // In doubt: the venue's word, or its silence said twice after the expiry.
    world.venue.on_submit(|_| Err(lost()));
    world.manager.open_position(BTC, Side::Long, q("1"), 10, f("0.05")).await.unwrap();
    // Settling on a fill that never comes: a person finds it and says what it was.
    world.venue.on_submit(|_| says(filled("1")));
    world.manager.open_position(ETH, Side::Long, q("1"), 10, f("0.05")).await.unwrap();
    world.pass(Duration::from_secs(31));
    for _ in 0..2 {
        world.venue.on_order(|_| Ok(OrderStatus::Unknown));
        world.venue.on_order(|_| Ok(filled("1")));
        world.manager.update_positions().await;
    }
    assert_eq!((world.in_doubt(), world.unresolved()), (0, 1));
    let order = world.book().reservations()[0].clone();
    let by_hand = trade(world.id(ETH), "found-by-hand", OrderSide::Buy, "1", "3000").order(order.client_id);
    world.book().record(by_hand).unwrap();
    assert_eq!((world.unresolved(), world.stands(ETH).as_str()), (0, "long 1"));
    // Closing: called off. Quarantined: accepted.
    let key = world.id(ETH).into();
    world.venue.on_submit(|_| says(rejected()));
    world.manager.close_position(ETH, "out").await.unwrap();
    world.book().apply(Command::CancelClosing { key, reason: "no".into() }).unwrap();
    let asked = world.book().snapshot().sequence();
    world.book().apply(Command::Quarantine { key, why: "looked at".into(), asked: Some(asked) }).unwrap();
    world.book().apply(Command::Accept { key, reason: "seen".into() }).unwrap();
    world.price(ETH, "3000");
    assert!(world.book().check(Command::scale_in(world.id(ETH), q("1"))).is_ok());
}

#[test]
fn barter_135_every_change_shows_what_was_before_and_what_is_after() {
    let alone = alone();
    alone.long(alone.btc, "1");
    alone.record(trade(alone.btc, "part", OrderSide::Sell, "0.4", "51000"));
    alone.book.apply(Command::retarget(alone.btc).stop(p("49000"))).unwrap();
    let mut changes = alone.book.changes_after(Sequence(0));
    let mut last = None;
    while let Some(unit) = changes.try_next() {
        for change in unit.unwrap().iter().filter(|change| change.key() == Some(alone.btc.into())) {
            let posbook::Effect::Key { before, after, .. } = &change.effect else { panic!("{change:?}") };
            // Each starts where the one before it ended.
            assert_eq!(before.as_ref(), last.as_ref());
            last = Some(after.clone());
        }
    }
    assert_eq!(last.unwrap().position.as_ref().unwrap().stop_loss(), Some(p("49000")));
}
