//! Passes: every exit is sent once, none waits for another, and none fires on a price that is not fresh.

use std::time::Duration;

use posbook::venue::OrderEnd;
use posbook::{Closing, Field, Intent, OrderSide, Side};

use crate::stage::*;

#[test]
fn r16_four_threads_at_once_send_each_exit_once() {
    for _ in 0..10 {
        let world = world();
        world.open(BTC, Side::Long, "1");
        world.open(ETH, Side::Short, "2");
        world.price(BTC, "47000");
        world.price(ETH, "3200");
        let start = std::sync::Barrier::new(4);
        let closed: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        pollster::block_on(world.manager.update_positions()).closed.len()
                    })
                })
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).sum()
        });
        assert_eq!(closed, 2);
        assert_eq!((world.sent(BTC), world.sent(ETH)), (2, 2));
        assert_eq!((world.venue_has(BTC).as_str(), world.venue_has(ETH).as_str()), ("0", "0"));
        assert_eq!((world.stands(BTC).as_str(), world.stands(ETH).as_str()), ("flat", "flat"));
    }
}

#[tokio::test]
async fn r16_a_venue_call_that_hangs_delays_no_other_exit() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.open(ETH, Side::Long, "1");
    world.price(BTC, "47000");
    world.price(ETH, "2800");
    // The first exit's call never returns; the second's is told through this one.
    let mut hangs = world.venue.hold_submit();
    let mut other = world.venue.hold_submit();
    let manager = world.manager.clone();
    let pass = tokio::spawn(async move { manager.update_positions().await });
    assert_eq!(hangs.called().await.symbol.as_str(), BTC);
    assert_eq!(other.called().await.symbol.as_str(), ETH);
    other.go();
    // Seen in the feed, not awaited by time.
    let mut flat = world.manager.clone().book().changes_after(posbook::Sequence(0));
    let eth = world.id(ETH);
    let closed = tokio::task::spawn_blocking(move || {
        flat.any(|unit| {
            unit.unwrap().iter().any(|c| c.kind() == posbook::Kind::Closed && c.key() == Some(eth.into()))
        })
    });
    assert!(closed.await.unwrap());
    // Another pass does not send the hanging one again.
    let second = world.manager.update_positions().await;
    assert!(second.closed.is_empty());
    assert_eq!((world.stands(BTC).as_str(), world.sent(BTC)), ("long 1", 2));
    hangs.go();
    assert_eq!(pass.await.unwrap().closed.len(), 2);
    assert_eq!(world.stands(BTC), "flat");
}

#[tokio::test]
async fn r11_a_stale_mark_fires_nothing_and_is_reported() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "40000");
    world.pass(Duration::from_secs(31));
    let pass = world.manager.update_positions().await;
    assert!(pass.closed.is_empty());
    assert_eq!(pass.stale, [world.id(BTC).into()]);
    assert_eq!(world.sent(BTC), 1);
    // Back again, and at once.
    world.price(BTC, "40000");
    let pass = world.manager.update_positions().await;
    assert_eq!((pass.closed.len(), pass.stale.len(), world.stands(BTC).as_str()), (1, 0, "flat"));
}

#[tokio::test]
async fn r07_a_refused_close_is_sent_again_by_the_next_pass() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.venue.on_submit(|_| says(rejected()));
    let refused = world.manager.close_position(BTC, "out").await.unwrap();
    assert!(matches!(refused.end, OrderEnd::Refused(_)));
    assert!(matches!(&world.key(BTC).closing, Some(Closing { cause, .. }) if cause == "out"));

    // The price is fine and the mark is stale: neither matters to a close that was asked for.
    world.pass(Duration::from_secs(31));
    world.venue.on_submit(|_| says(rejected()));
    let pass = world.manager.update_positions().await;
    assert!(matches!(&pass.closed[..], [(_, Ok(report))] if matches!(report.end, OrderEnd::Refused(_))));
    let pass = world.manager.update_positions().await;
    assert!(matches!(&pass.closed[..], [(_, Ok(report))] if report.end == OrderEnd::Done));
    assert_eq!((world.stands(BTC).as_str(), world.sent(BTC)), ("flat", 4));
    assert!(world.key(BTC).closing.is_none());
    assert!(world.venue.sent()[1..].iter().all(|o| o.reduce_only && o.intent == Intent::Close));
}

#[tokio::test]
async fn r07_a_stop_that_fired_closes_although_the_price_came_back() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "47500");
    world.venue.on_submit(|_| says(rejected()));
    world.manager.update_positions().await;
    assert_eq!(world.stands(BTC), "long 1");
    world.price(BTC, "50000");
    assert_eq!(world.manager.update_positions().await.closed.len(), 1);
    assert_eq!(world.stands(BTC), "flat");
}

#[tokio::test]
async fn r07_a_closing_that_was_called_off_lives_on() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.venue.on_submit(|_| says(rejected()));
    world.manager.close_position(BTC, "out").await.unwrap();
    let key = world.id(BTC).into();
    world.book().apply(posbook::Command::CancelClosing { key, reason: "changed my mind".into() }).unwrap();
    assert!(world.manager.update_positions().await.closed.is_empty());
    assert_eq!(world.stands(BTC), "long 1");
}

#[tokio::test]
async fn r07_a_close_in_doubt_is_not_sent_twice() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.closing(BTC).answer(Err(lost()));
    world.price(BTC, "40000");
    for _ in 0..3 {
        world.manager.update_positions().await;
    }
    assert_eq!((world.sent(BTC), world.in_doubt()), (2, 1));
    // The venue says: it never happened. Then it goes out again.
    world.venue.on_order(|_| Ok(rejected()));
    world.manager.update_positions().await;
    let pass = world.manager.update_positions().await;
    assert_eq!(
        (pass.closed.len(), world.stands(BTC).as_str(), world.venue_has(BTC).as_str()),
        (1, "flat", "0")
    );
}

#[test]
fn r16_an_exit_whose_target_moved_is_not_sent() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "47500");
    // A stop is moved between the decision and the reservation: the decision is a value, checked where it lands.
    let position = world.manager.get_position(BTC).unwrap();
    let exit = world.due(&position, "47500").unwrap();
    world.price(BTC, "50000");
    world.manager.modify_position_targets(BTC, Field::Set(p("48000")), Field::Keep).unwrap();
    let refused = world.book().reserve(posbook::Command::close(world.id(BTC)).exit(exit)).unwrap_err();
    assert!(matches!(refused.reason(), posbook::Reason::ExitGone { .. }), "{refused}");
    assert_eq!(world.sent(BTC), 1);
}

#[tokio::test]
async fn r16_an_exit_of_an_earlier_life_is_not_sent() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let position = world.manager.get_position(BTC).unwrap();
    let exit = world.due(&position, "47500").unwrap();
    world.manager.close_position(BTC, "out").await.unwrap();
    world.open(BTC, Side::Long, "1");
    let refused = world.book().reserve(posbook::Command::close(world.id(BTC)).exit(exit)).unwrap_err();
    assert!(matches!(refused.reason(), posbook::Reason::OtherPosition { .. }), "{refused}");
}

#[tokio::test]
async fn d13_a_pass_that_cannot_ask_for_fills_still_sends_its_exits() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "47000");
    world.venue.on_fills(|_| Err(lost()));
    let pass = world.manager.update_positions().await;
    assert_eq!((pass.faults.len(), pass.closed.len(), world.stands(BTC).as_str()), (1, 1, "flat"));
}

#[tokio::test]
async fn r07_an_exit_that_the_venue_was_faster_with_opens_nothing() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "47000");
    // The venue's own stop: flat there, and the bot has not heard of it.
    world.by_hand(BTC, OrderSide::Sell, "1");
    for _ in 0..2 {
        world.manager.update_positions().await;
        assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
    }
    assert_eq!((world.unresolved(), world.key(BTC).closing.is_none()), (0, true));
    world.open(BTC, Side::Short, "1");
}

#[test]
fn r16_a_question_that_hangs_delays_no_exit() {
    let world = world();
    world.venue.on_submit(|_| Err(lost()));
    world.try_open(ETH, Side::Long, "1").unwrap();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "47000");
    // What became of the other order is asked, and never answered.
    let pass = world.passing(world.venue.hold_order());
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
    assert_eq!(pass.answer(Ok(rejected())).closed.len(), 1);
    assert_eq!(world.unresolved(), 0);
}
