//! R11: a stale price fires nothing. Without it: the ticker stalls at 49,990 while the market is at 51,000, and the stop
//! at 50,000 fires on a price nobody trades at; or a close that needs a ticker cannot be made while there is none.

use std::time::Duration;

use posbook::{Book, Command, Excursion, Field, OrderSide, Reason, Side};

use crate::help::{alone, alone_with, trade};
use crate::stage::*;

#[tokio::test]
async fn a_stalled_ticker_fires_no_stop_and_a_close_needs_no_ticker() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "51000");
    world.manager.modify_position_targets(BTC, Field::Set(p("50000")), Field::Keep).unwrap();
    // The last tick said 49,990; then the stream stalls, and the market goes on without us.
    world.book().mark(world.id(BTC), p("49990")).unwrap();
    world.pass(Duration::from_secs(30) + Duration::from_nanos(1));
    world.venue.paper().tick(&BTC.parse().unwrap(), p("51000"), world.clock.now()).unwrap();
    let pass = world.manager.update_positions().await;
    assert_eq!((pass.closed.len(), pass.stale.len()), (0, 1));
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("long 1", "1"));
    // By hand it can be closed all the same, at the market's price.
    let closed = world.manager.close_position(BTC, "no ticker").await.unwrap();
    assert_eq!((closed.average, closed.realised), (Some(51_000.into()), Some(1_000.into())));
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
}

#[test]
fn a_mark_is_fresh_up_to_its_very_age_and_no_longer() {
    for age in [Duration::from_secs(30), Duration::from_millis(5)] {
        let alone = alone_with(Book::builder().max_mark_age(age));
        alone.book.mark(alone.btc, p("50000")).unwrap();
        alone.pass(age);
        assert!(alone.book.fresh_mark(alone.btc).is_some());
        alone.pass(Duration::from_nanos(1));
        assert!(alone.book.fresh_mark(alone.btc).is_none() && alone.book.latest(alone.btc).is_some());
    }
}

#[test]
fn everything_a_decision_looked_at_is_in_its_change() {
    let alone = alone();
    alone.pass(Duration::from_secs(1));
    let wishes =
        [Command::from(Command::open(alone.btc, Side::Long, q("1"))), Command::expect_absent(alone.eth)];
    let batch = alone.book.submit(wishes).unwrap();
    let publication = batch.publication.unwrap();
    let cause = &publication[0].cause;
    assert_eq!(cause.observed.time, alone.book.now());
    assert_eq!(cause.observed.mark(alone.btc), Some(p("50000")));
    // The price that limits valued it at is in the order.
    assert_eq!(batch.reservations[0].order().reference, Some(p("50000")));
    // A tick afterwards changes nothing about it.
    alone.book.mark(alone.btc, p("60000")).unwrap();
    assert_eq!(alone.book.reservations()[0].reference, Some(p("50000")));
}

#[test]
fn a_stale_mark_values_no_order_and_a_price_that_is_given_does() {
    let alone = alone();
    alone.pass(Duration::from_secs(31));
    let open = || Command::open(alone.btc, Side::Long, q("1"));
    assert!(matches!(alone.book.check(open()).unwrap_err().reason(), posbook::Reason::NoMark { .. }));
    assert!(alone.book.check(open().at(p("50000"))).is_ok());
    alone.long(alone.btc, "1");
    // Out, and the other way round, need none.
    assert!(alone.book.check(Command::close(alone.btc)).is_ok());
    assert!(alone.book.check(Command::scale_out(alone.btc, q("0.5"))).is_ok());
}

#[test]
fn a_stale_mark_moves_no_extreme_and_one_of_another_life_is_refused() {
    let alone = alone();
    alone.long(alone.btc, "1");
    let first = alone.book.snapshot().get(alone.btc).unwrap().id;
    let reach = |position| Command::Reach { key: alone.btc.into(), position };
    alone.book.mark(alone.btc, p("51000")).unwrap();
    alone.book.apply(reach(first)).unwrap();
    let wanted = Excursion::new("1000".parse().unwrap(), "0".parse().unwrap()).unwrap();
    assert_eq!(alone.book.snapshot().get(alone.btc).unwrap().excursion, Some(wanted));
    // The market is at 60,000, then the stream stalls.
    alone.book.mark(alone.btc, p("60000")).unwrap();
    alone.pass(Duration::from_secs(30) + Duration::from_nanos(1));
    let before = alone.book.snapshot();
    let refused = alone.book.apply(reach(first)).unwrap_err();
    assert!(matches!(refused.reason(), Reason::NoMark { .. }), "{refused}");
    assert_eq!(alone.book.snapshot().digest(), before.digest());
    // The next life of the same key begins with nothing, and what was meant for the first one does not land there.
    alone.record(trade(alone.btc, "out", OrderSide::Sell, "1", "60000"));
    alone.long(alone.btc, "1");
    alone.book.mark(alone.btc, p("49000")).unwrap();
    let refused = alone.book.apply(reach(first)).unwrap_err();
    assert!(matches!(refused.reason(), Reason::OtherPosition { .. }), "{refused}");
    assert_eq!(alone.book.snapshot().get(alone.btc).unwrap().excursion, None);
    alone.folds();
}

#[test]
fn an_extreme_never_moves_back() {
    let alone = alone();
    alone.long(alone.btc, "1");
    let position = alone.book.snapshot().get(alone.btc).unwrap().id;
    let at = |price: &str| {
        alone.book.mark(alone.btc, p(price)).unwrap();
        alone.book.apply(Command::Reach { key: alone.btc.into(), position }).unwrap();
        alone.book.snapshot().get(alone.btc).unwrap().excursion.unwrap()
    };
    let mut stood = at("50000");
    for price in ["51000", "49000", "50500", "52000", "48000", "50000"] {
        let now = at(price);
        assert!(
            now.favourable() >= stood.favourable() && now.adverse() <= stood.adverse(),
            "R11: an extreme moved back: {stood:?} became {now:?}"
        );
        stood = now;
    }
    let ends = [stood.favourable(), stood.adverse()].map(|extreme| extreme.to_string());
    assert_eq!(ends, ["2000", "-2000"]);
}
