//! Two ticks against a thread that looks at the mark: whoever sees a time sees a price at least that new (R11). This one is
//! about the orderings of two atomics, which only loom looks at; shuttle sees the order of the steps.
//!
//! The market was 100 at 1, then 101 at 2, then 102 at 3. Legal outcomes of a look, all reached:
//!
//! | time | price | how |
//! |---|---|---|
//! | 1 | 100, 101 or 102 | as new as it says, or newer: it looks stale once |
//! | 2 | 101 or 102 | |
//! | 3 | 102 | |
//!
//! An old price with a new time is none of them: a stop would fire on it.

use posbook::{Book, InstrumentId, Timestamp};
use posbook_loom::{Stage, explore, price, thread};

fn tick(book: &Book, id: InstrumentId, at: &str, time: i64) {
    book.mark_at(id, price(at), Timestamp(time)).unwrap();
}

#[test]
pub fn never_older_than_it_says() {
    let table = [(1, "100"), (1, "101"), (1, "102"), (2, "101"), (2, "102"), (3, "102")];
    let table = table.map(|(time, price)| (time, price.to_owned()));
    explore("two ticks against a reader", &table, || {
        let Stage { book, one, .. } = Stage::flat();
        tick(&book, one, "100", 1);
        let market = {
            let book = book.clone();
            thread::spawn(move || {
                tick(&book, one, "101", 2);
                tick(&book, one, "102", 3);
            })
        };
        let Some(seen) = book.latest(one) else { panic!("it was marked before") };
        market.join().unwrap();
        (seen.time.0, seen.price.to_string())
    });
}
