//! Two fills of one key at the same moment: both are booked, none is lost (I4, I11).
//!
//! Legal outcomes, all reached: the sequence each fill was published with, and the turns lost.
//!
//! | first | second | turns lost | how |
//! |---|---|---|---|
//! | 2 | 3 | 0 | one after the other |
//! | 2 | 3 | 1 | both looked before either had published; the second lost, and was decided again on the first's result |
//! | 3 | 2 | 0 | the other way round |
//! | 3 | 2 | 1 | the other way round |
//!
//! In every outcome the position is the sum.

use posbook::{OrderSide, Sequence};
use posbook_loom::{explore, fill, instrument, small, thread};

#[test]
pub fn both_are_booked() {
    let table = [(2, 3, 0), (2, 3, 1), (3, 2, 0), (3, 2, 1)];
    explore("two fills", &table, || {
        let book = small(1).build().unwrap();
        let id = instrument(&book, 0);
        let record = move |book: &posbook::Book, trade: &str, quantity: &str| {
            book.record(fill(id, trade, OrderSide::Buy, quantity)).unwrap().sequence.map_or(0, |s| s.0)
        };
        let other = {
            let book = book.clone();
            thread::spawn(move || record(&book, "t2", "2"))
        };
        let first = record(&book, "t1", "1");
        let second = other.join().unwrap();
        let view = book.snapshot();
        assert_eq!(view.sequence(), Sequence(3), "each publication takes the next sequence (I4)");
        assert_eq!(view.get(id).unwrap().quantity, "3".parse().unwrap(), "the sum of the fills (I11)");
        (first, second, book.health().lost_turns)
    });
}
