//! Faults of orders: what is lost on the way, what comes late, what rests, and cancels that come too late.

use std::pin::{Pin, pin};
use std::task::{Context, Waker};

use super::*;

type Awaited = Result<Answer, VenueError>;

fn poll(future: Pin<&mut (impl Future<Output = Awaited> + ?Sized)>) -> Option<Awaited> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

/// Ticks every ten milliseconds until an answer is there, and says when.
fn answer_after(venue: &PaperVenue, mut future: Pin<&mut impl Future<Output = Awaited>>) -> (Awaited, i64) {
    let begun = venue.now().0 / 1_000_000;
    for time in begun..begun + 30_000 {
        if let Some(answer) = poll(future.as_mut()) {
            return (answer, venue.now().0 / 1_000_000 - begun);
        }
        if time % 10 == 0 {
            tick(venue, BTC, "50000", time);
        }
    }
    panic!("no answer in 30 s")
}

#[test]
fn a_lost_answer_is_an_error_in_market_time_and_the_order_executes_all_the_same() {
    let venue = certain(Fault::LostAnswer);
    for n in 1..=20 {
        let mut sent = pin!(venue.submit(order(n, OrderSide::Buy, "1")));
        assert_eq!(status(&venue, n), is("1", Outcome::Filled), "at once, as always");
        assert!(poll(sent.as_mut()).is_none(), "the answer is awaited in vain for a while");
        let (answer, after) = answer_after(&venue, sent);
        assert!(answer.is_err() && (200..=1_000).contains(&after), "{answer:?} after {after} ms");
    }
    assert_eq!((venue.stats().faults[&Fault::LostAnswer], venue.stats().accepted), (20, 20));
    assert_eq!(all_fills(&venue).len(), 20);

    let last = venue.submit(order(21, OrderSide::Buy, "1"));
    venue.finish();
    assert!(block_on(last).is_err(), "finish leaves nobody waiting");
    assert!(block_on(venue.submit(order(22, OrderSide::Buy, "1"))).is_ok(), "and ends the faults");
}

#[test]
fn whoever_awaits_a_lost_answer_is_woken_by_the_market() {
    let venue = certain(Fault::LostAnswer);
    let sent = venue.submit(order(1, OrderSide::Buy, "1"));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| block_on(sent));
        let mut time = 1;
        while !waiting.is_finished() {
            time += 100;
            tick(&venue, BTC, "50000", time);
        }
        assert!(waiting.join().unwrap().is_err());
    });
}

#[test]
fn a_lost_order_never_arrives_and_nothing_counts_it() {
    let venue = certain(Fault::LostOrder);
    let sent = pin!(venue.submit(order(1, OrderSide::Buy, "1")));
    let (answer, after) = answer_after(&venue, sent);
    assert!(answer.is_err() && (200..=1_000).contains(&after));
    let second = venue.submit(order(2, OrderSide::Buy, "1"));
    assert_eq!(status(&venue, 1), OrderStatus::Unknown);
    assert_eq!(block_on(venue.cancel(id(1))).unwrap(), OrderStatus::Unknown);
    assert!(venue.open_orders().is_empty());
    venue.finish();
    assert!(block_on(second).is_err());
    assert_eq!(status(&venue, 1), OrderStatus::Unknown);
    let faults = [(Fault::LostOrder, 2)].into_iter().collect();
    assert_eq!(venue.stats(), PaperStats { faults, ..PaperStats::default() });
    assert!(venue.ledger().is_empty() && all_fills(&venue).is_empty());
}

#[test]
fn a_late_order_is_unknown_until_it_arrives() {
    let venue = certain(Fault::LateExecution);
    let begun = venue.now();
    let mut sent = pin!(venue.submit(order(1, OrderSide::Buy, "1")));
    let mut error = None;
    while venue.stats().accepted == 0 {
        assert_eq!(status(&venue, 1), OrderStatus::Unknown);
        assert!(report(&venue).is_empty() && all_fills(&venue).is_empty());
        assert_eq!(venue.open_orders(), [id(1)]);
        error = error.or_else(|| poll(sent.as_mut()).map(|answer| (answer.is_err(), venue.now())));
        tick(&venue, BTC, "50000", venue.now().0 / 1_000_000 + 10);
    }
    let late = venue.now().0 - begun.0;
    assert!((500_000_000..=4_010_000_000).contains(&late), "{late}");
    assert_eq!(status(&venue, 1), is("1", Outcome::Filled));
    assert_eq!(all_fills(&venue)[0].fill.venue_time, Some(venue.now()));
    assert!(error.is_none_or(|(err, _)| err));
    assert_eq!(venue.stats().faults, [(Fault::LateExecution, 1)].into_iter().collect());
}

#[test]
fn nothing_is_taken_on_later_than_it_was_valid() {
    let valid = |n, until| OrderRequest {
        valid_until: Timestamp::from_millis(until),
        ..order(n, OrderSide::Buy, "1")
    };
    // Late by half a second and more: this one is valid for less.
    let venue = certain(Fault::LateExecution);
    let early = venue.submit(valid(1, 400));
    let arrives = (2..20).map(|n| venue.submit(valid(n, 4_000))).collect::<Vec<_>>();
    assert!(!venue.open_orders().contains(&id(1)), "it will never arrive");
    // All at once: what is later than 4 s is past it.
    tick(&venue, BTC, "50000", 4_001);
    venue.finish();
    assert!(block_on(early).is_err() && arrives.into_iter().all(|sent| block_on(sent).is_err()));
    assert_eq!(
        (venue.stats().accepted, venue.stats().orders, status(&venue, 1)),
        (0, 0, OrderStatus::Unknown)
    );
    assert_eq!(venue.stats().faults[&Fault::LostOrder], 19);

    // The venue heard of this one in time, and refuses it when it arrives.
    let venue = builder().latency(ms(100)..ms(100)).build();
    tick(&venue, BTC, "50000", 1);
    drop(venue.submit(valid(1, 101)));
    drop(venue.submit(valid(2, 100)));
    venue.finish();
    assert_eq!(status(&venue, 1), is("1", Outcome::Filled), "to the last moment");
    assert!(
        rejected(&status(&venue, 2), "later than it was valid"),
        "the end of the market does not save it"
    );
}

#[test]
fn a_retry_after_a_lost_answer_is_counted_whichever_order_arrives_first() {
    // The first order is late, and its retry is so in another run: whichever seed makes it later.
    let mut first_was_last = 0;
    for seed in 0..20 {
        let faults = Faults::off().set("late-execution", one()).unwrap();
        let venue = builder().seed(seed).faults(faults).build();
        tick(&venue, BTC, "50000", 1);
        drop(venue.submit(order(1, OrderSide::Buy, "1")));
        tick(&venue, BTC, "50000", 400);
        drop(venue.submit(order(2, OrderSide::Buy, "1")));
        let mut time = 400;
        while venue.stats().accepted == 0 {
            assert_eq!(venue.stats().duplicate_orders, 0);
            time += 10;
            tick(&venue, BTC, "50000", time);
        }
        first_was_last += u32::from(status(&venue, 1) == OrderStatus::Unknown);
        venue.finish();
        // Unless the first one was over before the second was sent, which half a second of delay rules out.
        assert_eq!((venue.stats().accepted, venue.stats().duplicate_orders), (2, 1), "seed {seed}");
    }
    assert!((1..20).contains(&first_was_last), "both ways: {first_was_last}");

    // A lost one is no earlier order, nor is one that is over.
    let venue = certain(Fault::LostOrder);
    drop(venue.submit(order(1, OrderSide::Buy, "1")));
    venue.finish();
    for n in 2..4 {
        send(&venue, order(n, OrderSide::Buy, "1"));
    }
    assert_eq!((venue.stats().accepted, venue.stats().duplicate_orders), (2, 0));
}

#[test]
fn a_resting_order_is_answered_early_and_seen_only_by_questions() {
    let venue = builder().seed(3).partial(100).faults(only(Fault::Resting)).build();
    tick(&venue, BTC, "50000", 1);
    let working = OrderStatus::Working { filled: Quantity::ZERO };
    let begun = venue.now().0;
    let first = venue.submit(order(1, OrderSide::Buy, "1"));
    let later = venue.submit(order(2, OrderSide::Buy, "1"));
    assert_eq!(block_on(first).unwrap(), Answer { status: working.clone(), fills: vec![] });
    let mut time = 1;
    while status(&venue, 1) == working {
        time += 10;
        tick(&venue, BTC, "50000", time);
    }
    let rested = venue.now().0 - begun;
    assert!((1_000_000_000..=10_010_000_000).contains(&rested), "{rested}");
    let OrderStatus::Working { filled } = status(&venue, 1) else { panic!("it fills in parts") };
    assert!(!filled.is_zero());
    for _ in 0..1_100 {
        time += 10;
        tick(&venue, BTC, "50000", time);
    }
    assert_eq!((status(&venue, 1), status(&venue, 2)), (is("1", Outcome::Filled), is("1", Outcome::Filled)));
    assert_eq!(block_on(later).unwrap().status, working, "the answer was given when it was accepted");
    assert_eq!(venue.stats().faults, [(Fault::Resting, 2)].into_iter().collect());

    // Refused is refused, and the end of the market waits for nobody.
    assert!(rejected(&send(&venue, order(3, OrderSide::Buy, "0.0001")), "step"));
    drop(venue.submit(order(4, OrderSide::Buy, "1")));
    assert_eq!(block_on(venue.cancel(id(4))).unwrap(), is("0", Outcome::Cancelled));
    drop(venue.submit(order(5, OrderSide::Buy, "1")));
    venue.finish();
    assert_eq!(
        (status(&venue, 4), status(&venue, 5)),
        (is("0", Outcome::Cancelled), is("1", Outcome::Filled))
    );
}

#[test]
fn a_cancel_loses_the_race_and_is_answered_half_of_the_time() {
    let faults = only(Fault::CancelRace);
    let venue = builder().seed(3).partial(100).faults(faults.clone()).build();
    let travelling = builder().seed(3).latency(ms(100)..ms(100)).faults(faults).build();
    let mut answered = 0;
    for venue in [&venue, &travelling] {
        tick(venue, BTC, "50000", 1);
        for n in 1..=50 {
            drop(venue.submit(order(n, OrderSide::Buy, "1")));
            assert_ne!(status(venue, n), is("1", Outcome::Filled), "something is left");
            if let Ok(status) = block_on(venue.cancel(id(n))) {
                assert_eq!(status, is("1", Outcome::Filled));
                answered += 1;
            }
            assert_eq!(status(venue, n), is("1", Outcome::Filled));
        }
        tick(venue, BTC, "50000", 500);
        assert_eq!((venue.stats().fills, venue.stats().cancelled), (all_fills(venue).len() as u64, 0));
        assert_eq!(report(venue)[0].quantity, qty("50"));
        assert_eq!(venue.stats().faults, [(Fault::CancelRace, 50)].into_iter().collect());
    }
    assert!((20..80).contains(&answered), "{answered} of 100");
}
