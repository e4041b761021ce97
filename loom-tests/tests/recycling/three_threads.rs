//! Two writers and a reader over one pool, at most five preemptions: without a bound it does not finish.
//!
//! Legal outcomes, all reached: the turns lost, and the two looks of the reader: 11, 12, 13, 22, 23, 33, each with 0 or 1.

use std::sync::Arc;

use posbook_loom::{Bound, explore_within, thread};

use super::pool::{Both, booked, look, write};

#[test]
pub fn two_writers_and_a_reader() {
    let both = Arc::new(Both::new());
    let seen = Arc::clone(&both);
    let looks = [(1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (3, 3)];
    let table: Vec<_> = looks.iter().flat_map(|(a, b)| [(0, *a, *b), (1, *a, *b)]).collect();
    explore_within("recycling: two writers and a reader", Bound::Preemptions(5), &table, move || {
        let (book, id) = booked();
        let mut reader = book.reader();
        let writers = ["a", "b"].map(|what| {
            let book = book.clone();
            thread::spawn(move || write(&book, id, what))
        });
        let mut last = 1;
        look(&mut reader, &mut last);
        let first = last;
        look(&mut reader, &mut last);
        for writer in writers {
            writer.join().unwrap();
        }
        drop(reader);
        let lost = book.health().lost_turns;
        both.account(&book, 3 + lost);
        (lost, first, last)
    });
    seen.seen();
}
