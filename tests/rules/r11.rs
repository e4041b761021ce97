//! R11: a stale price fires nothing. Without it: the ticker stalls at 49,990 while the market is at 51,000, and the stop
//! at 50,000 fires on a price nobody trades at; or a close that needs a ticker cannot be made while there is none. Water
//! marks and age exits come later.

use std::time::Duration;

use posbook::{Book, Command, Field, Side};

use crate::help::{alone, alone_with};
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
