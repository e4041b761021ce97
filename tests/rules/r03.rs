//! R3: one fill is booked once, however often and wherever it is delivered. Without it: after a flip the stream
//! reconnects and delivers the opening fill again, it is booked a second time, and every exit has the wrong size.

use posbook::venue::{FillCursor, FillPage};
use posbook::{
    Book, Clock, Fill, FillOutcome, Instrument, InstrumentSpec, Leg, OrderSide, OrderState, PositionMode,
    Settlement, Side, Timestamp, TroubleKind,
};

use crate::help::{Alone, START, alone, ms, trade};
use crate::stage::*;

fn booked(outcome: &FillOutcome) -> bool {
    matches!(outcome, FillOutcome::Booked { .. })
}

/// Fills that leave nothing behind, one a millisecond from `time` on, until the ring has forgotten what was before.
fn flood(alone: &Alone, time: i64) {
    for n in 0..160 {
        let side = if n % 2 == 0 { OrderSide::Buy } else { OrderSide::Sell };
        let fill = trade(alone.btc, &format!("flood-{time}-{n}"), side, "0.001", "50000").at(ms(time + n));
        assert!(booked(&alone.record(fill)));
    }
}

#[tokio::test]
async fn after_a_flip_and_a_reconnect_every_fill_is_booked_once() {
    let world = world();
    let symbol = BTC.parse().unwrap();
    for (side, quantity) in [(OrderSide::Buy, "1"), (OrderSide::Sell, "3"), (OrderSide::Buy, "1")] {
        world.price(BTC, "50000");
        world.venue.paper().place_foreign(&symbol, Leg::Net, side, q(quantity)).unwrap();
        world.manager.pull_fills().await.unwrap();
    }
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("short 1", "-1"));
    // The stream reconnects and delivers everything from the beginning, twice.
    use posbook::venue::Venue;
    for _ in 0..2 {
        let page = world.venue.paper().fills_since(FillCursor(0)).await.unwrap();
        world.venue.on_fills(move |_| Ok(FillPage { next: FillCursor(99), ..page }));
        let again = world.manager.pull_fills().await.unwrap();
        assert_eq!(again, 0, "R3: a fill that came again was booked");
    }
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("short 1", "-1"));
    // An exit has the right size.
    world.manager.close_position(BTC, "out").await.unwrap();
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
}

#[test]
fn one_trade_of_two_orders_of_ours_is_two_fills() {
    let alone = alone();
    let maker = trade(alone.btc, "77", OrderSide::Sell, "1", "50000").foreign_order("a".parse().unwrap());
    let taker = trade(alone.btc, "77", OrderSide::Buy, "1", "50000").foreign_order("b".parse().unwrap());
    for fill in [&maker, &taker] {
        assert!(booked(&alone.record(fill.clone())));
    }
    for fill in [maker, taker] {
        assert_eq!(alone.record(fill), FillOutcome::Duplicate);
    }
    assert_eq!((alone.key(alone.btc).ledger.fills, alone.stands(alone.btc).as_str()), (2, "flat"));
}

#[test]
fn the_same_fill_finds_the_same_key_however_it_is_delivered() {
    let clock = Clock::manual(START);
    let book = Book::builder().clock(clock).build().unwrap();
    let spec =
        InstrumentSpec { mode: PositionMode::Hedge, ..InstrumentSpec::linear(SOL, "0.01", "0.1").unwrap() };
    let sol = book.register(Instrument::new(spec).unwrap()).unwrap();
    let key = posbook::PositionKey { leg: Leg::Long, ..posbook::PositionKey::net(sol) };
    let order = book.reserve(posbook::Command::open(key, Side::Long, q("2")).at(p("100"))).unwrap();
    let order = order.sent().unwrap();
    // With its leg, without one, and with a wrong one: the order says where it belongs.
    let fill = trade(sol, "1", OrderSide::Buy, "2", "100").order(order.client_id());
    assert!(booked(&book.record(fill.clone().leg(Leg::Long)).unwrap().outcome));
    assert_eq!(book.record(fill.clone()).unwrap().outcome, FillOutcome::Duplicate);
    assert_eq!(book.record(fill.leg(Leg::Short)).unwrap().outcome, FillOutcome::Duplicate);
    let view = book.snapshot();
    assert_eq!((view.len(), view.get(key).unwrap().quantity), (1, q("2")));
}

#[test]
fn at_least_128_fills_are_remembered_and_one_that_is_forgotten_is_not_booked_again() {
    let alone = alone();
    let fill = |n: i64| trade(alone.btc, &n.to_string(), OrderSide::Buy, "0.001", "50000").at(ms(n));
    for n in 1..=128 {
        assert!(booked(&alone.record(fill(n))));
    }
    for n in 1..=128 {
        assert_eq!(alone.record(fill(n)), FillOutcome::Duplicate, "{n}");
    }
    assert!(alone.troubles(alone.btc).iter().all(|t| *t == TroubleKind::Unprotected));
    for n in 129..=300 {
        alone.record(fill(n));
    }
    assert_eq!(alone.stands(alone.btc), "long 0.3");
    assert_eq!(alone.record(fill(1)), FillOutcome::TooOldToTell);
    assert_eq!(alone.record(fill(300)), FillOutcome::Duplicate);
    assert_eq!(alone.stands(alone.btc), "long 0.3");
    assert!(alone.troubles(alone.btc).contains(&TroubleKind::TooOldToTell));
    // Told again, it is one trouble.
    let before = alone.book.snapshot().digest();
    assert_eq!(alone.record(fill(1)), FillOutcome::TooOldToTell);
    assert_eq!(alone.book.snapshot().digest(), before);
    alone.folds();
}

#[test]
fn the_watermark_is_the_latest_time_forgotten_and_inclusive() {
    let after_400 = || {
        let alone = alone();
        for n in 1..=400 {
            alone.record(trade(alone.btc, &n.to_string(), OrderSide::Buy, "0.001", "50000").at(ms(n)));
        }
        alone
    };
    // Where a fill that nobody has seen starts to be news: one book each, for what is recorded moves the watermark.
    let is_news = |time: &i64| {
        let alone = after_400();
        booked(&alone.record(trade(alone.btc, "other", OrderSide::Buy, "0.001", "50000").at(ms(*time))))
    };
    let watermark = (400 - 160..=400 - 128).rev().find(|time| !is_news(time)).unwrap();
    assert!(is_news(&(watermark + 1)) && !is_news(&(watermark - 1)) && !is_news(&1));
    let alone = after_400();
    // The very time of the one that was forgotten last: nobody can say.
    let at = trade(alone.btc, &watermark.to_string(), OrderSide::Buy, "0.001", "50000").at(ms(watermark));
    assert_eq!(alone.record(at), FillOutcome::TooOldToTell);
}

#[test]
fn below_the_watermark_the_exact_rest_of_a_settling_order_is_booked_and_its_trouble_goes() {
    let alone = alone();
    let order = alone.sent_open(alone.btc, "1");
    let id = order.client_id();
    let of_order =
        |name: &str, quantity| trade(alone.btc, name, OrderSide::Buy, quantity, "50000").order(id).at(ms(5));
    assert!(booked(&alone.record(of_order("a", "0.4"))));
    flood(&alone, 10);
    // Working: whether 0.6 was booked before nobody can say; nothing is booked and nothing is dropped.
    assert_eq!(alone.record(of_order("b", "0.6")), FillOutcome::TooOldToTell);
    assert!(alone.troubles(alone.btc).contains(&TroubleKind::TooOldToTell));
    assert_eq!(alone.stands(alone.btc), "long 0.4");
    // The venue's figure says that 0.6 is missing; a part of it could still be another fill come again.
    assert_eq!(order.complete(q("1")).unwrap(), Settlement::AwaitingFills);
    assert_eq!(alone.record(of_order("c", "0.4")), FillOutcome::TooOldToTell);
    assert_eq!(alone.book.reservations()[0].state, OrderState::Settling(q("1")));
    assert!(booked(&alone.record(of_order("b", "0.6"))));
    assert_eq!((alone.stands(alone.btc).as_str(), alone.book.reservations().len()), ("long 1", 0));
    assert_eq!(alone.troubles(alone.btc), []);
    // It is over: everything old that still comes of it was in its figure.
    flood(&alone, 200);
    for name in ["a", "b", "c", "d"] {
        assert_eq!(alone.record(of_order(name, "0.4")), FillOutcome::Duplicate);
    }
    assert_eq!((alone.stands(alone.btc).as_str(), alone.troubles(alone.btc)), ("long 1", vec![]));
    alone.folds();
}

#[test]
fn a_figure_that_is_reached_clears_the_trouble_of_its_own_order_only() {
    let alone = alone();
    let order = alone.sent_open(alone.btc, "1");
    let id = order.client_id();
    let of_order = |name: &str| trade(alone.btc, name, OrderSide::Buy, "1", "50000").order(id).at(ms(5));
    alone.record(of_order("a"));
    flood(&alone, 10);
    // The same fill again, forgotten; and one of nobody's.
    assert_eq!(alone.record(of_order("a")), FillOutcome::TooOldToTell);
    let foreign = trade(alone.btc, "x", OrderSide::Buy, "1", "50000").at(ms(5));
    assert_eq!(alone.record(foreign), FillOutcome::TooOldToTell);
    assert_eq!(alone.troubles(alone.btc).len(), 2);
    order.complete(q("1")).unwrap();
    assert_eq!(alone.key(alone.btc).troubles.len(), 1);
    assert_eq!(alone.key(alone.btc).troubles[0].order, None);
    assert_eq!(alone.stands(alone.btc), "long 1");
}

#[test]
fn a_burst_in_one_millisecond_is_remembered_whole() {
    let alone = alone();
    let order = alone.sent_open(alone.btc, "1");
    let id = order.client_id();
    let part =
        |n: usize| trade(alone.btc, &n.to_string(), OrderSide::Buy, "0.002", "50000").order(id).at(ms(5));
    for n in 0..500 {
        assert!(booked(&alone.record(part(n))), "{n}");
    }
    for n in 0..500 {
        assert_eq!(alone.record(part(n)), FillOutcome::Duplicate, "{n}");
    }
    assert_eq!(order.complete(q("1")).unwrap(), Settlement::Settled);
    assert_eq!(alone.stands(alone.btc), "long 1");
}

#[test]
fn without_a_time_a_fill_is_booked_while_nothing_is_forgotten_and_then_only_if_its_order_has_room() {
    let alone = alone();
    let untimed = |name: &str| trade(alone.btc, name, OrderSide::Buy, "0.001", "50000");
    assert!(booked(&alone.record(untimed("early"))));
    flood(&alone, 10);
    assert_eq!(alone.record(untimed("late")), FillOutcome::TooOldToTell);
    assert_eq!(alone.stands(alone.btc), "long 0.001");
    alone.book.apply(posbook::Command::Accept { key: alone.btc.into(), reason: "seen".into() }).unwrap();
    let more = alone.book.reserve(posbook::Command::scale_in(alone.btc, q("0.5"))).unwrap().sent().unwrap();
    let of_order = |name: &str, quantity| {
        trade(alone.btc, name, OrderSide::Buy, quantity, "50000").order(more.client_id())
    };
    assert!(booked(&alone.record(of_order("1", "0.3"))));
    assert_eq!(alone.record(of_order("2", "0.3")), FillOutcome::TooOldToTell);
    assert!(booked(&alone.record(of_order("3", "0.2"))));
    assert_eq!(alone.stands(alone.btc), "long 0.501");
}

#[test]
fn other_content_under_one_identity_blocks_and_moves_nothing() {
    let alone = alone();
    alone.long(alone.btc, "1");
    let fill = trade(alone.btc, "9", OrderSide::Sell, "0.5", "50000");
    alone.record(fill.clone());
    for other in [
        Fill { quantity: q("0.4"), ..fill.clone() },
        Fill { price: p("50001"), ..fill.clone() },
        Fill { side: OrderSide::Buy, ..fill.clone() },
        fill.clone().fee("1", "USDT").unwrap(),
    ] {
        assert_eq!(alone.record(other), FillOutcome::Conflict);
    }
    // The time is no content: a venue may stamp a redelivery anew.
    assert_eq!(alone.record(fill.at(Timestamp::from_millis(77))), FillOutcome::Duplicate);
    assert_eq!(alone.stands(alone.btc), "long 0.5");
    assert_eq!(alone.troubles(alone.btc), [TroubleKind::FillConflict; 4]);
    assert!(matches!(alone.refused(alone.btc), posbook::Reason::Blocked { .. }));
}

#[test]
fn the_keys_of_the_last_64_finished_orders_are_remembered() {
    let alone = alone();
    let mut ids = Vec::new();
    for _ in 0..64 {
        let order = alone.sent_open(alone.btc, "1");
        ids.push(order.client_id());
        order.refused(q("0"), "cancelled").unwrap();
    }
    // The oldest still finds its key, and is flagged as late, not as nobody's.
    let late = alone.record(trade(alone.btc, "1", OrderSide::Buy, "1", "50000").order(ids[0]));
    let FillOutcome::Booked { notes } = late else { panic!("{late:?}") };
    assert!(notes.contains(&posbook::FillNote::AfterFinal) && !notes.contains(&posbook::FillNote::Unordered));
}

#[test]
fn a_fill_of_an_order_that_is_forgotten_too_was_booked_and_one_of_an_order_never_made_is_not_known() {
    let alone = alone();
    let order = alone.sent_open(alone.btc, "1");
    let fill = trade(alone.btc, "a", OrderSide::Buy, "1", "50000").order(order.client_id()).at(ms(5));
    assert!(booked(&alone.record(fill.clone())));
    let first = order.client_id();
    order.complete(q("1")).unwrap();
    flood(&alone, 10);
    // More orders are finished than are remembered.
    for _ in 0..100 {
        alone.sent_open(alone.eth, "0.001").complete(q("0")).unwrap();
        let wish = posbook::Command::scale_in(alone.btc, q("0.001")).at(p("50000"));
        alone.book.reserve(wish).unwrap().sent().unwrap().complete(q("0")).unwrap();
    }
    let before = alone.book.snapshot().digest();
    assert_eq!(
        alone.record(fill.clone()),
        FillOutcome::Duplicate,
        "its order is over: what it came to was booked"
    );
    assert_eq!(alone.book.snapshot().digest(), before);
    // An order that this run has not made yet, one of another run, one of another book: nobody can say.
    let next = posbook::ClientOrderId { sequence: posbook::Sequence(1_000_000), ..first };
    let run = posbook::ClientOrderId { epoch: first.epoch + 1, ..first };
    let book = posbook::ClientOrderId { book: first.book.wrapping_add(1), ..first };
    for other in [next, run, book] {
        assert_eq!(alone.record(fill.clone().order(other)), FillOutcome::TooOldToTell, "{other}");
    }
    assert_eq!(alone.stands(alone.btc), "long 1");
    alone.folds();
}

#[test]
fn below_the_watermark_a_cumulative_figure_is_compared_with_its_own_order() {
    let alone = alone();
    let order = alone.sent_open(alone.btc, "1");
    flood(&alone, 10);
    let so_far = |quantity| {
        Fill::cumulative(alone.btc, order.client_id(), OrderSide::Buy, q(quantity), p("50000")).at(ms(5))
    };
    for (figure, outcome, stands) in [
        ("0.4", true, "long 0.4"),
        ("0.4", false, "long 0.4"),
        ("0.7", true, "long 0.7"),
        ("0.4", false, "long 0.7"),
    ] {
        let came = alone.record(so_far(figure));
        assert!(if outcome { booked(&came) } else { came == FillOutcome::Duplicate }, "{figure}: {came:?}");
        assert_eq!(alone.stands(alone.btc), stands);
    }
    assert!(!alone.troubles(alone.btc).contains(&TroubleKind::TooOldToTell));
    order.complete(q("0.7")).unwrap();
    alone.folds();
}
