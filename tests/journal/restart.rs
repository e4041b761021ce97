//! A restart: everything is there again, and nothing is named twice.

use posbook::{Command, FillOutcome, OrderSide, Sequence, Side};

use crate::help::{Folder, btc, eth, open, p, q, trade};

#[test]
fn i5_what_was_written_is_the_book_that_wrote_it() {
    let folder = Folder::new();
    let journal = folder.open();
    let book = journal.book().clone();
    let (btc, eth) = (btc(&book), eth(&book));
    open(&book, btc, "1", "50000");
    open(&book, eth, "2", "3000");
    book.record(trade(btc, 900, OrderSide::Sell, "3", "51000")).unwrap(); // a flip: two changes, one publication
    let last = book.snapshot();
    book.wait_durable(last.sequence()).unwrap();
    let seen = journal.state_at(last.sequence()).unwrap();
    assert_eq!((seen.sequence(), seen.digest()), (last.sequence(), last.digest()));
    journal.close().unwrap();
    let history = posbook::journal::History::open(folder.path()).unwrap();
    let verified = history.verify(|_, _| {}).unwrap();
    assert_eq!(verified.first_difference, None);
    assert_eq!(verified.digest, format!("{:032x}", last.digest()));
    let again = folder.open();
    assert_eq!(again.restored().sequence, last.sequence());
    let view = again.book().snapshot();
    assert_eq!(view.get(btc), last.get(btc));
    assert_eq!(view.key(eth), last.key(eth));
}

#[test]
fn nautilus_3046_replaying_the_same_fills_twice_changes_nothing() {
    let folder = Folder::new();
    let journal = folder.open();
    let id = btc(journal.book());
    let fills: Vec<_> = (1..60).map(|n| trade(id, n, OrderSide::Buy, "0.1", "50000")).collect();
    for fill in &fills {
        journal.book().record(fill.clone()).unwrap();
    }
    let before = journal.book().snapshot().key(id).cloned();
    journal.close().unwrap();
    let journal = folder.open();
    for fill in fills {
        assert_eq!(journal.book().record(fill).unwrap().outcome, FillOutcome::Duplicate);
    }
    assert_eq!(journal.book().snapshot().key(id).cloned(), before);
}

#[test]
fn r15_nothing_is_named_twice_and_unresolved_orders_come_back_in_doubt() {
    let folder = Folder::new();
    let journal = folder.open();
    let id = btc(journal.book());
    journal.book().mark(id, p("50000")).unwrap();
    let sent = journal.book().reserve(Command::open(id, Side::Long, q("1"))).unwrap().sent().unwrap();
    let name = sent.detach();
    journal.book().wait_durable(journal.book().snapshot().sequence()).unwrap();
    journal.close().unwrap();
    let journal = folder.open();
    let book = journal.book();
    assert_eq!(journal.restored().in_doubt, [name]);
    assert_eq!(journal.restored().epoch, 2);
    assert!(book.health().journal.unwrap().not_ready.is_some());
    // The venue's word ends it.
    book.record(trade(id, 5, OrderSide::Buy, "1", "50000").order(name)).unwrap();
    book.reattach(name).unwrap().complete(q("1")).unwrap();
    book.mark(id, p("50000")).unwrap();
    let refused = book.reserve(Command::scale_in(id, q("1"))).unwrap_err();
    assert!(refused.to_string().contains("not ready after a restart"), "{refused}");
    assert!(book.reserve(Command::scale_out(id, q("0.1"))).is_ok());
    book.reported(book.snapshot().sequence());
    let next = book.reserve(Command::scale_in(id, q("1"))).unwrap();
    assert_eq!((next.client_id().book, next.client_id().epoch), (name.book, 2));
    assert!(next.client_id().sequence > Sequence(1));
}
