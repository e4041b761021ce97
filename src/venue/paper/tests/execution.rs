//! One order at a time: execution, latency, parts, refusals, endings, futures.

use std::pin::pin;
use std::task::{Context, Wake, Waker};

use rust_decimal::Decimal;

use super::*;
use crate::model::Shape;

#[test]
fn an_order_fills_at_once_at_the_mark() {
    let venue = builder().build();
    tick(&venue, BTC, "50000", 7);
    let answer = block_on(venue.submit(order(1, OrderSide::Buy, "2"))).unwrap();
    assert_eq!(answer.status, is("2", Outcome::Filled));
    let VenueFill { symbol, fill } = &answer.fills[0];
    assert_eq!((symbol.as_str(), fill.instrument), (BTC, crate::venue::api::UNRESOLVED));
    assert_eq!((fill.order.clone(), fill.leg), (OrderRef::Ours(id(1)), Some(Leg::Net)));
    assert_eq!((fill.side, fill.quantity, fill.price), (OrderSide::Buy, qty("2"), "50000".parse().unwrap()));
    assert_eq!(fill.venue_time, Some(Timestamp::from_millis(7)));
    assert_eq!(fill.fees.of(&"USDT".parse().unwrap()), d("40"));
    assert_eq!(all_fills(&venue), answer.fills);
    let row = &report(&venue)[0];
    assert_eq!((row.side, row.quantity, row.entry), (Side::Long, qty("2"), "50000".parse().unwrap()));
}

#[test]
fn what_cannot_be_traded_is_rejected_and_moves_nothing() {
    let venue = builder().build();
    assert!(rejected(&send(&venue, order(1, OrderSide::Buy, "1")), "no price"));
    tick(&venue, BTC, "50000", 1);
    tick(&venue, ETH, "2000", 1);
    let elsewhere = OrderRequest { symbol: sym("DOGE/USDT:USDT"), ..order(2, OrderSide::Buy, "1") };
    assert!(rejected(&send(&venue, elsewhere), "unknown symbol"));
    assert!(rejected(&send(&venue, order(3, OrderSide::Buy, "0.0015")), "step"));
    assert!(rejected(&send(&venue, order(4, OrderSide::Buy, "0")), "positive"));
    assert!(rejected(&send(&venue, on_leg(Leg::Net, order(5, OrderSide::Buy, "1"))), "leg"));
    let strict =
        InstrumentSpec { minimum: qty("0.01"), ..InstrumentSpec::linear(BTC, "0.1", "0.001").unwrap() };
    venue.list(Instrument::new(strict).unwrap()).unwrap();
    assert!(rejected(&send(&venue, order(6, OrderSide::Buy, "0.009")), "minimum"));
    let chance = builder().reject(100).build();
    tick(&chance, BTC, "50000", 1);
    assert!(rejected(&send(&chance, order(1, OrderSide::Buy, "1")), "chance"));
    assert!(venue.ledger().is_empty() && all_fills(&venue).is_empty() && chance.ledger().is_empty());
    assert_eq!((venue.stats().orders, venue.stats().rejected, venue.stats().accepted), (6, 6, 0));
    // The exact value has more digits than there are: the order ends unfilled, and no ledger line is made.
    let digits = InstrumentSpec::linear(BTC, "0.1", "0.000000000000000001").unwrap();
    venue.list(Instrument::new(digits).unwrap()).unwrap();
    tick(&venue, BTC, "1234567.123456789", 2);
    assert_eq!(send(&venue, order(7, OrderSide::Buy, "1.000000000000000001")), is("0", Outcome::Cancelled));
    assert!(venue.ledger().is_empty());
}

#[test]
fn an_order_arrives_after_its_latency_and_fills_at_the_mark_of_then() {
    let venue = builder().latency(ms(100)..ms(100)).build();
    tick(&venue, BTC, "50000", 1_000);
    let mut pending = pin!(venue.submit(order(1, OrderSide::Buy, "1")));
    let mut context = Context::from_waker(Waker::noop());
    tick(&venue, BTC, "50100", 1_099);
    assert!(pending.as_mut().poll(&mut context).is_pending());
    assert_eq!(status(&venue, 1), OrderStatus::Working { filled: Quantity::ZERO });
    assert_eq!(venue.open_orders(), [id(1)]);
    tick(&venue, ETH, "2000", 1_050); // Late news of another symbol: time stands.
    assert_eq!(venue.now(), Timestamp::from_millis(1_099));
    tick(&venue, ETH, "2001", 1_100);
    let Poll::Ready(answer) = pending.as_mut().poll(&mut context) else { panic!("still pending") };
    let fill = answer.unwrap().fills.remove(0).fill;
    assert_eq!(
        (fill.price.to_string(), fill.venue_time),
        ("50100".into(), Some(Timestamp::from_millis(1_100)))
    );

    drop(venue.submit(order(2, OrderSide::Buy, "1")));
    venue.advance(Timestamp::from_millis(1_200));
    assert_eq!(status(&venue, 2), is("1", Outcome::Filled));
}

#[test]
fn parts_fill_one_a_tick_and_sum_exactly() {
    let venue = builder().seed(3).partial(100).build();
    tick(&venue, BTC, "50000", 1);
    drop(venue.submit(order(1, OrderSide::Sell, "0.010")));
    let mut time = 1;
    while !venue.open_orders().is_empty() {
        let before = all_fills(&venue).len();
        assert_eq!(before as i64, time);
        venue.advance(Timestamp::from_millis(time));
        tick(&venue, ETH, "2000", time);
        assert_eq!(all_fills(&venue).len(), before, "only its own symbol's ticks fill a resting part");
        time += 1;
        tick(&venue, BTC, "50010", time);
    }
    let fills = all_fills(&venue);
    assert!((2..=5).contains(&fills.len()));
    assert_eq!(fills.iter().map(|f| f.fill.quantity.get()).sum::<Decimal>(), d("0.01"));
    let mut ids: Vec<_> = fills.iter().map(|f| f.fill.shape.clone()).collect();
    ids.dedup();
    assert_eq!(ids.len(), fills.len());
    assert!(ids.iter().all(|shape| matches!(shape, Shape::Trade { .. })));
    assert_eq!(status(&venue, 1), is("0.01", Outcome::Filled));
    assert_eq!((venue.stats().partial_orders, venue.stats().fills), (1, fills.len() as u64));
}

#[test]
fn a_reduction_is_capped_at_what_is_open() {
    let venue = builder().build();
    tick(&venue, BTC, "50000", 1);
    assert_eq!(send(&venue, reduce(1, OrderSide::Sell, "1")), is("0", Outcome::Cancelled));
    send(&venue, order(2, OrderSide::Buy, "1"));
    assert_eq!(send(&venue, reduce(3, OrderSide::Buy, "1")), is("0", Outcome::Cancelled), "it would add");
    assert_eq!(
        send(&venue, reduce(4, OrderSide::Sell, "0.9995")),
        is("0.9995", Outcome::Filled),
        "off the step"
    );
    assert_eq!(send(&venue, reduce(5, OrderSide::Sell, "3")), is("0.0005", Outcome::Cancelled));
    assert!(report(&venue).is_empty());
    assert_eq!((venue.stats().cancelled, venue.stats().duplicate_orders), (3, 0));

    // Somebody else closes while a reduction rests between two parts.
    let venue = builder().seed(3).partial(100).build();
    tick(&venue, BTC, "50000", 1);
    venue.place_foreign(&sym(BTC), Leg::Net, OrderSide::Sell, qty("1")).unwrap();
    drop(venue.submit(reduce(1, OrderSide::Buy, "1")));
    let OrderStatus::Working { filled } = status(&venue, 1) else { panic!("not resting") };
    venue
        .place_foreign(&sym(BTC), Leg::Net, OrderSide::Buy, Quantity::new(d("1") - filled.get()).unwrap())
        .unwrap();
    tick(&venue, BTC, "50000", 2);
    assert_eq!(status(&venue, 1), OrderStatus::Final { filled, outcome: Outcome::Cancelled });

    // Less is open than its first part: it ends there, and waits for no further tick.
    venue.place_foreign(&sym(BTC), Leg::Net, OrderSide::Sell, qty("0.0005")).unwrap();
    assert_eq!(send(&venue, reduce(2, OrderSide::Buy, "1")), is("0.0005", Outcome::Cancelled));
}

#[test]
fn hedge_legs_stand_apart_and_never_turn() {
    let venue = builder().build();
    tick(&venue, ETH, "2000", 1);
    send(&venue, on_leg(Leg::Long, order(1, OrderSide::Buy, "5")));
    send(&venue, on_leg(Leg::Short, order(2, OrderSide::Sell, "3")));
    let rows = report(&venue);
    assert_eq!(
        rows.iter().map(|r| (r.leg, r.side)).collect::<Vec<_>>(),
        [(Leg::Long, Side::Long), (Leg::Short, Side::Short)]
    );
    // Selling the long leg takes off, asked to or not.
    assert_eq!(send(&venue, on_leg(Leg::Long, order(3, OrderSide::Sell, "9"))), is("5", Outcome::Cancelled));
    assert!(venue.place_foreign(&sym(ETH), Leg::Short, OrderSide::Buy, qty("4")).is_err());
    assert_eq!(report(&venue).len(), 1);
    // Contract size 0.01: 5 x 0.01 x 2000.
    assert_eq!(all_fills(&venue)[0].fill.fees.of(&"USDT".parse().unwrap()), d("0.04"));
}

#[test]
fn a_second_order_of_one_id_gets_the_first_ones_status_and_never_executes() {
    let venue = builder().latency(ms(100)..ms(100)).build();
    tick(&venue, BTC, "50000", 1);
    drop(venue.submit(order(1, OrderSide::Buy, "1")));
    assert_eq!(send(&venue, order(1, OrderSide::Buy, "7")), OrderStatus::Working { filled: Quantity::ZERO });
    venue.finish();
    let again = block_on(venue.submit(order(1, OrderSide::Buy, "7"))).unwrap();
    assert_eq!((again.status, again.fills), (is("1", Outcome::Filled), all_fills(&venue)));
    let stats = venue.stats();
    assert_eq!((stats.orders, stats.duplicate_ids, stats.duplicate_orders, stats.fills), (1, 2, 0, 1));
}

#[test]
fn a_retry_under_a_new_id_is_a_duplicate_order() {
    let venue = builder().latency(ms(100)..ms(100)).build();
    tick(&venue, BTC, "50000", 1);
    drop(venue.submit(order(1, OrderSide::Buy, "1")));
    drop(venue.submit(order(2, OrderSide::Buy, "1")));
    let other = PositionKey { owner: Owner(9), ..PositionKey::net(InstrumentId(0)) };
    drop(venue.submit(OrderRequest { key: other, ..order(3, OrderSide::Buy, "1") }));
    drop(venue.submit(reduce(4, OrderSide::Sell, "1")));
    assert_eq!(venue.stats().duplicate_orders, 0, "none has arrived");
    tick(&venue, BTC, "50000", 200);
    drop(venue.submit(order(5, OrderSide::Buy, "1")));
    venue.finish();
    assert_eq!(venue.stats().duplicate_orders, 1);
    assert_eq!(venue.stats().accepted, 5);
}

#[test]
fn cancel_ends_what_is_left_and_wakes_whoever_waits() {
    let venue = builder().seed(3).partial(100).build();
    tick(&venue, BTC, "50000", 1);
    let future = venue.submit(order(1, OrderSide::Buy, "1"));
    let OrderStatus::Working { filled } = status(&venue, 1) else { panic!("not resting") };
    assert!(!filled.is_zero());
    let expected = OrderStatus::Final { filled, outcome: Outcome::Cancelled };
    let got = std::thread::scope(|scope| {
        let waiting = scope.spawn(move || block_on(future).unwrap().status);
        assert_eq!(block_on(venue.cancel(id(1))).unwrap(), expected);
        waiting.join().unwrap()
    });
    assert_eq!(got, expected);
    tick(&venue, BTC, "50000", 2);
    assert_eq!(block_on(venue.cancel(id(1))).unwrap(), expected);
    assert_eq!(block_on(venue.cancel(id(2))).unwrap(), OrderStatus::Unknown);
    assert_eq!((all_fills(&venue).len(), venue.open_orders().len()), (1, 0));

    let travelling = builder().latency(ms(100)..ms(100)).build();
    tick(&travelling, BTC, "50000", 1);
    drop(travelling.submit(order(1, OrderSide::Buy, "1")));
    assert_eq!(block_on(travelling.cancel(id(1))).unwrap(), is("0", Outcome::Cancelled));
    tick(&travelling, BTC, "50000", 200);
    assert!(all_fills(&travelling).is_empty());
}

#[test]
fn a_dropped_future_changes_nothing() {
    let venue = builder().latency(ms(100)..ms(100)).build();
    tick(&venue, BTC, "50000", 1);
    drop(venue.submit(order(1, OrderSide::Buy, "1"))); // Never polled.
    {
        let mut polled = pin!(venue.submit(order(2, OrderSide::Sell, "3")));
        assert!(polled.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    tick(&venue, BTC, "50000", 200);
    assert_eq!((status(&venue, 1), status(&venue, 2)), (is("1", Outcome::Filled), is("3", Outcome::Filled)));
}

#[test]
fn finish_leaves_nothing_open_and_later_orders_do_not_wait() {
    let venue = builder().seed(3).partial(100).latency(ms(50)..ms(500)).build();
    for n in 1..=20 {
        drop(venue.submit(order(n, OrderSide::Buy, "1")));
    }
    drop(venue.submit(on_leg(Leg::Long, order(21, OrderSide::Buy, "10"))));
    tick(&venue, BTC, "50000", 100);
    venue.finish();
    assert!(venue.open_orders().is_empty());
    assert!((1..=20).all(|n| status(&venue, n) == is("1", Outcome::Filled)));
    assert!(rejected(&status(&venue, 21), "no price"));
    assert_eq!(send(&venue, order(22, OrderSide::Sell, "1")), is("1", Outcome::Filled));
    assert_eq!(report(&venue)[0].quantity, qty("19"));
}

/// Asks the venue something at the moment it is woken, and counts how often that is.
struct Nosy(PaperVenue, Mutex<u64>);

impl Wake for Nosy {
    fn wake(self: Arc<Self>) {
        assert_eq!(status(&self.0, 1), is("1", Outcome::Filled));
        *self.1.lock() += 1;
    }
}

#[test]
fn the_latest_waker_is_woken_once_and_outside_the_lock() {
    let venue = builder().latency(ms(100)..ms(100)).build();
    tick(&venue, BTC, "50000", 1);
    let nosy = Arc::new(Nosy(venue.clone(), Mutex::new(0)));
    let waker = Waker::from(Arc::clone(&nosy));
    let mut pending = pin!(venue.submit(order(1, OrderSide::Buy, "1")));
    assert!(pending.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert!(pending.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    tick(&venue, BTC, "50000", 100);
    assert_eq!(*nosy.1.lock(), 0);
    tick(&venue, BTC, "50000", 101);
    tick(&venue, BTC, "50000", 102);
    assert_eq!(*nosy.1.lock(), 1);
}
