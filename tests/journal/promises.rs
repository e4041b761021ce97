//! What a journal promises: an increase waits for the disk, a reduction never; a journal that is behind or broken refuses new
//! risk and nothing else; nothing that it has not read leaves the root.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use posbook::journal::{Durability, History, Journal, JournalOptions};
use posbook::{Command, Error, OrderSide, Reason, Sequence, Side};
use rusqlite::Connection;

use crate::help::{Folder, btc, builder, eth, open, p, q, trade};

/// Keeps everybody else from writing, as a tool that holds the database does.
fn hold(folder: &Folder) -> Connection {
    let database = Connection::open(folder.path().join("journal.sqlite")).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    database
}

/// Whether a future would still wait.
fn waits<F: Future>(future: F) -> bool {
    matches!(pin!(future).poll(&mut Context::from_waker(Waker::noop())), Poll::Pending)
}

#[test]
fn freqtrade_7184_an_increase_leaves_only_when_it_is_on_the_disk_and_a_reduction_at_once() {
    let folder = Folder::new();
    let journal = folder.open();
    let book = journal.book().clone();
    let (btc, eth) = (btc(&book), eth(&book));
    open(&book, btc, "1", "50000");
    book.mark(eth, p("3000")).unwrap();
    book.wait_durable(book.snapshot().sequence()).unwrap();
    let held = hold(&folder);
    let increase = book.reserve(Command::open(eth, Side::Long, q("1"))).unwrap();
    assert!(waits(increase.durable()), "the database is locked: nothing is on the disk");
    assert!(waits(book.wait_durable_async(increase.client_id().sequence)));
    let reduction = book.reserve(Command::scale_out(btc, q("0.5"))).unwrap();
    assert!(!waits(reduction.durable()));
    let left = reduction.sent().unwrap();
    assert!(!left.not_durable(), "it will be");
    drop(held);
    let name = increase.sent().unwrap().detach();
    let history = History::open(folder.path()).unwrap();
    let mut reserved = false;
    history
        .lines(Sequence(0), None, |line| {
            reserved |= line.sequence == name.sequence.0 && line.kind == "reserved";
            true
        })
        .unwrap();
    assert!(reserved, "the order left before its reservation was on the disk");
    left.refused(q("0"), "cancelled").unwrap();
}

#[test]
fn a_journal_that_is_behind_refuses_increases_and_loses_nothing_i10() {
    let folder = Folder::new();
    let options = JournalOptions::default().durability(Durability::Buffered).max_journal_lag(50);
    // A window much shorter than what will have to wait.
    let journal = Journal::open(folder.path(), options, builder().window(16)).unwrap();
    let book = journal.book().clone();
    let id = btc(&book);
    open(&book, id, "1", "50000");
    book.wait_durable(book.snapshot().sequence()).unwrap();
    let held = hold(&folder);
    for n in 100..5_100 {
        let side = if n % 2 == 0 { OrderSide::Buy } else { OrderSide::Sell };
        book.record(trade(id, n, side, "0.1", "50000")).unwrap();
    }
    let refused = book.reserve(Command::scale_in(id, q("1"))).unwrap_err();
    assert!(matches!(refused.reason(), Reason::JournalBehind { limit: 50, .. }), "{refused}");
    assert!(refused.command().is_some());
    let reduction = book.reserve(Command::scale_out(id, q("0.5"))).unwrap();
    drop(reduction.sent().unwrap());
    assert!(book.health().journal.unwrap().lag > 5_000);
    drop(held);
    let last = book.snapshot();
    book.wait_durable(last.sequence()).unwrap();
    let health = book.health().journal.unwrap();
    assert_eq!((health.lag, health.failed), (0, None));
    let refused = book.reserve(Command::scale_in(id, q("1"))).unwrap_err();
    assert!(matches!(refused.reason(), Reason::InDoubt { .. }), "not the journal any more: {refused}");
    // I10: each change once, in order, and together they are the book.
    let history = journal.history().unwrap();
    let mut next = 1;
    history
        .lines(Sequence(0), None, |line| {
            assert_eq!(line.sequence, next);
            next += 1;
            true
        })
        .unwrap();
    assert_eq!(next, last.sequence().0 + 1);
    assert_eq!(history.state_at(last.sequence()).unwrap().digest(), last.digest());
}

#[test]
fn a_journal_that_is_closed_says_so_and_new_risk_is_refused() {
    let folder = Folder::new();
    let journal = folder.open();
    let book = journal.book().clone();
    let id = btc(&book);
    open(&book, id, "1", "50000");
    let last = journal.close().unwrap();
    assert_eq!(last, book.snapshot().sequence());
    book.wait_durable(last).unwrap();
    let refused = book.reserve(Command::scale_in(id, q("1"))).unwrap_err();
    assert!(matches!(refused.reason(), Reason::JournalFailed { .. }), "{refused}");
    // Out is always possible, and says what it is worth.
    let out = book.reserve(Command::close(id)).unwrap().sent().unwrap();
    assert!(out.not_durable());
    book.record(trade(id, 77, OrderSide::Sell, "1", "50000").order(out.client_id())).unwrap();
    out.complete(q("1")).unwrap();
    let never = book.wait_durable(book.snapshot().sequence()).unwrap_err();
    assert!(matches!(never, Error::NotDurable { .. }), "{never}");
    let health = book.health().journal.unwrap();
    assert_eq!((health.not_durable, health.failed.as_deref()), (1, Some("the journal is closed")));
    // What was closed over is what comes back; the venue's word brings the rest.
    assert_eq!(folder.open().restored().sequence, last);
}

#[test]
fn without_a_journal_nothing_is_promised() {
    let book = builder().build().unwrap();
    assert!(matches!(book.wait_durable(Sequence(1)), Err(Error::NotDurable { .. })));
    book.note("cursor", 7);
    assert_eq!(book.noted("cursor"), None);
}

#[test]
fn a_note_is_kept_with_what_was_published_before_it() {
    let folder = Folder::new();
    let journal = folder.open();
    let id = btc(journal.book());
    journal.book().note("cursor", 1);
    journal.book().record(trade(id, 1, OrderSide::Buy, "1", "100")).unwrap();
    journal.book().note("cursor", 2);
    journal.book().record(trade(id, 2, OrderSide::Buy, "1", "100")).unwrap();
    journal.close().unwrap();
    assert_eq!(folder.open().book().noted("cursor"), Some(2));
}
