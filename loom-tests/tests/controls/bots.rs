//! Controls: models that must find something. If one of these is green without its disaster, the models see nothing.
//!
//! Two kinds. Here the *bot* is broken and the book is the shipped one: the predecessor's protocol, which asks whether
//! the symbol is free and then orders without a reservation (D1), or a limit that is checked outside (D11). Both go
//! through the real root cell, so these also show that loom explores what lies between two of its loads.
//!
//! The other kind, a broken *book*, is in `twins`: the crate is compiled with its faults, and the scenes of
//! `tests/models` turn red over each.
//!
//! Orders that leave when two threads ask first and order then:
//!
//! | orders | position | how |
//! |---|---|---|
//! | 1 | 1 | one asked after the other's fill was booked |
//! | 2 | 2 | both asked before: **the disaster**, and it must be reached |

use posbook::{Book, InstrumentId, OrderSide};
use posbook_loom::{explore, fill, instrument, small, thread};

/// What the predecessor did: look, then order. The fill is what the venue answers.
fn ask_then_order(book: &Book, id: InstrumentId, trade: &str) -> u32 {
    if book.snapshot().contains(id) {
        return 0;
    }
    book.record(fill(id, trade, OrderSide::Buy, "1")).unwrap();
    1
}

#[test]
fn asking_first_lets_two_orders_leave() {
    let table = [(1, "1".to_owned()), (2, "2".to_owned())];
    explore("control: ask, then order (must find two orders)", &table, || {
        let book = small(1).build().unwrap();
        let id = instrument(&book, 0);
        let other = {
            let book = book.clone();
            thread::spawn(move || ask_then_order(&book, id, "b"))
        };
        let mine = ask_then_order(&book, id, "a");
        let orders = mine + other.join().unwrap();
        (orders, book.snapshot().get(id).unwrap().quantity.to_string())
    });
}

/// A limit that the bot checks itself, before it orders.
fn count_then_order(book: &Book, id: InstrumentId) {
    if book.snapshot().len() < 1 {
        book.record(fill(id, "t", OrderSide::Buy, "1")).unwrap();
    }
}

#[test]
fn a_limit_checked_outside_is_exceeded() {
    explore("control: count, then order (must exceed the limit)", &[1, 2], || {
        let book = small(2).build().unwrap();
        let (one, two) = (instrument(&book, 0), instrument(&book, 1));
        let other = {
            let book = book.clone();
            thread::spawn(move || count_then_order(&book, two))
        };
        count_then_order(&book, one);
        other.join().unwrap();
        book.snapshot().len()
    });
}
