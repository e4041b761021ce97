//! R15: nothing is named twice. Without it: changes are lost with a power cut, the sequence is used again, and a new
//! order carries the client id of an old one: the venue answers "duplicate", and the bot books the old order's fill as
//! the new one's. The journal, durable reservations and the wait after a restart come later; here: the names.

use std::collections::HashSet;

use posbook::venue::{PositionManager, Venue};
use posbook::{Book, Clock, Command, OrderSide, Sequence, Side};

use crate::help::{alone, trade};
use crate::stage::*;

#[tokio::test]
async fn a_second_run_names_no_order_of_the_first_and_books_no_old_fill_as_its_own() {
    let first = world();
    first.open(BTC, Side::Long, "1");
    // The same account, another run that knows nothing.
    let clock = Clock::manual(first.clock.now());
    let book = Book::builder().clock(clock).build().unwrap();
    let second = PositionManager::connect(book, first.venue.clone()).await.unwrap();
    let btc = second.instrument(BTC).unwrap();
    second.book().mark(btc, p("50000")).unwrap();
    // It reads the account's history first: the old order is nobody's here, its fill is booked once.
    second.pull_fills().await.unwrap();
    second.book().apply(Command::Accept { key: btc.into(), reason: "a restart".into() }).unwrap();
    second.scale_in_position(BTC, q("0.5")).await.unwrap();
    let sent = first.venue.sent();
    assert_ne!(sent[0].client_id, sent[1].client_id);
    assert_eq!(first.venue.paper().stats().duplicate_ids, 0);
    assert_eq!(
        (second.get_position(BTC).unwrap().quantity, first.venue_has(BTC).as_str()),
        (q("1.5"), "1.5")
    );
}

#[tokio::test]
async fn an_order_that_is_sent_again_under_its_own_name_is_executed_once() {
    let world = world();
    let mut held = world.venue.hold_submit();
    let manager = world.manager.clone();
    let opening =
        tokio::spawn(async move { manager.open_position(BTC, Side::Long, q("1"), 10, f("0.05")).await });
    let order = held.called().await;
    // A proxy delivers it twice.
    for _ in 0..2 {
        world.venue.paper().submit(order.clone()).await.unwrap();
    }
    held.go();
    opening.await.unwrap().unwrap();
    assert_eq!(world.venue.paper().stats().duplicate_ids, 2);
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("long 1", "1"));
}

#[test]
fn two_books_built_at_once_and_two_runs_of_one_book_name_nothing_twice() {
    let mut names = HashSet::new();
    let (mut books, mut total) = (Vec::new(), 0);
    for epoch in 1..=2 {
        books.push(Book::builder().identity(7, epoch).build().unwrap());
    }
    for _ in 0..20 {
        books.push(Book::builder().build().unwrap());
    }
    for book in &books {
        let btc = book.register(posbook::Instrument::linear(BTC, "0.1", "0.001").unwrap()).unwrap();
        for _ in 0..20 {
            let claim = book.reserve(Command::open(btc, Side::Long, q("1")).at(p("50000"))).unwrap();
            assert!(names.insert(claim.client_id()), "named twice");
            total += 1;
        }
        // The orders of one batch too.
        let eth = book.register(posbook::Instrument::linear(ETH, "0.1", "0.001").unwrap()).unwrap();
        let pair = [btc, eth].map(|id| Command::open(id, Side::Long, q("1")).at(p("50000")).into());
        for claim in book.submit(pair).unwrap().reservations {
            assert!(names.insert(claim.client_id()), "named twice");
            total += 1;
        }
    }
    assert_eq!(names.len(), total);
}

#[test]
fn positions_are_named_by_the_change_that_opened_them() {
    let alone = alone();
    let mut ids = HashSet::new();
    for n in 0..50 {
        // Opened and closed, turned round and back: each life has a name of its own.
        let side = if n % 2 == 0 { OrderSide::Buy } else { OrderSide::Sell };
        alone.record(trade(alone.btc, &format!("{n}"), side, if n == 0 { "1" } else { "2" }, "50000"));
        let open = alone.key(alone.btc).position.unwrap();
        assert!(ids.insert(open.id));
        assert_eq!(open.id.sequence, alone.book.snapshot().sequence());
    }
    assert_ne!(alone.book.snapshot().sequence(), Sequence(0));
    alone.folds();
}
