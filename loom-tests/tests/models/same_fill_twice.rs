//! One fill delivered on two connections at the same moment: booked once, whatever the schedule (I11, R3).
//!
//! Legal outcomes, all reached:
//!
//! | first | second | turns lost | how |
//! |---|---|---|---|
//! | booked | duplicate | 0 | the second looked after the first had published |
//! | booked | duplicate | 1 | both looked before; the second lost, asked again, and recognised it |
//! | duplicate | booked | 0 | the other way round |
//! | duplicate | booked | 1 | the other way round |
//!
//! In every outcome the position is the one fill, and one change was published.

use posbook::{Book, FillOutcome, InstrumentId, OrderSide, Sequence};
use posbook_loom::{explore, fill, instrument, small, thread};

fn deliver(book: &Book, id: InstrumentId) -> &'static str {
    match book.record(fill(id, "t1", OrderSide::Buy, "1")).unwrap().outcome {
        FillOutcome::Booked { .. } => "booked",
        FillOutcome::Duplicate => "duplicate",
        other => panic!("{other:?}"),
    }
}

#[test]
pub fn booked_once() {
    let table = [
        ("booked", "duplicate", 0),
        ("booked", "duplicate", 1),
        ("duplicate", "booked", 0),
        ("duplicate", "booked", 1),
    ];
    explore("the same fill twice", &table, || {
        let book = small(1).build().unwrap();
        let id = instrument(&book, 0);
        let other = {
            let book = book.clone();
            thread::spawn(move || deliver(&book, id))
        };
        let first = deliver(&book, id);
        let second = other.join().unwrap();
        let view = book.snapshot();
        assert_eq!(view.totals().fills, 1, "the same fill was booked twice (I11)");
        assert_eq!(view.sequence(), Sequence(2));
        assert_eq!(view.get(id).unwrap().quantity, "1".parse().unwrap());
        (first, second, book.health().lost_turns)
    });
}
