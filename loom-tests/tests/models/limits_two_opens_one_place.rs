//! Two opens of different instruments when the limit has room for one: they never exceed it together (D11, R13).
//!
//! The keys are free, so nothing but the limit stands between the two, and it is checked inside the same
//! compare-and-set as the reservation. Legal outcomes, all reached:
//!
//! | first | second | turns lost | how |
//! |---|---|---|---|
//! | granted | over the limit | 0 or 1 | the first published first; the second saw it at once, or when it was asked again |
//! | over the limit | granted | 0 or 1 | the other way round |

use posbook::{Book, Command, InstrumentId, Limits, Reason, Rejection, Reservation, Side};
use posbook_loom::{explore, instrument, small, thread};

fn open(book: &Book, id: InstrumentId) -> Result<Reservation, Rejection> {
    book.reserve(Command::open(id, Side::Long, "1".parse().unwrap()).at("100".parse().unwrap()))
}

fn word(answer: &Result<Reservation, Rejection>) -> &'static str {
    match answer {
        Ok(_) => "granted",
        Err(refused) => {
            assert!(matches!(refused.reason(), Reason::Limit { which: "positions", .. }), "{refused}");
            "over the limit"
        }
    }
}

#[test]
pub fn one_place() {
    let table = [
        ("granted", "over the limit", 0),
        ("granted", "over the limit", 1),
        ("over the limit", "granted", 0),
        ("over the limit", "granted", 1),
    ];
    explore("limits: two opens, one place", &table, || {
        let book = small(2).limits(Limits { positions: 1, ..Limits::default() }).build().unwrap();
        let (one, two) = (instrument(&book, 0), instrument(&book, 1));
        let other = {
            let book = book.clone();
            thread::spawn(move || open(&book, two))
        };
        let first = open(&book, one);
        let second = other.join().unwrap();
        let totals = book.snapshot().totals().clone();
        assert!(totals.positions + totals.opening <= 1, "beyond the limit (D11): {totals:?}");
        (word(&first), word(&second), book.health().lost_turns)
    });
}
