//! Two opens of different instruments when the limit has room for one: they never exceed it together (D11, R13).
//!
//! The keys are free, so nothing but the limit stands between the two, and it is checked inside the same
//! compare-and-set as the reservation. Legal outcomes, all reached:
//!
//! | first | second | turns lost | how |
//! |---|---|---|---|
//! | granted | over the limit | 0 or 1 | the first published first; the second saw it at once, or when it was asked again |
//! | over the limit | granted | 0 or 1 | the other way round |
//!
//! The same of a group that both belong to by their tag, in a book that has room for both.

use posbook::{
    Book, Builder, Command, GroupLimit, InstrumentId, Limits, Reason, Rejection, Reservation, Selection, Side,
};
use posbook_loom::{explore, instrument, small, thread};

fn open(book: &Book, id: InstrumentId) -> Result<Reservation, Rejection> {
    let wish = Command::open(id, Side::Long, "1".parse().unwrap()).at("100".parse().unwrap());
    book.reserve(wish.tag("grid").unwrap())
}

fn word(answer: &Result<Reservation, Rejection>) -> &'static str {
    match answer {
        Ok(_) => "granted",
        Err(refused) => {
            let full = matches!(
                refused.reason(),
                Reason::Limit { which: "positions", .. } | Reason::GroupLimit { which: "positions", .. }
            );
            assert!(full, "{refused}");
            "over the limit"
        }
    }
}

fn two_opens(name: &str, limited: fn(Builder) -> Builder) {
    let table = [
        ("granted", "over the limit", 0),
        ("granted", "over the limit", 1),
        ("over the limit", "granted", 0),
        ("over the limit", "granted", 1),
    ];
    explore(name, &table, move || {
        let book = limited(small(2)).build().unwrap();
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

#[test]
pub fn one_place() {
    two_opens("limits: two opens, one place", |book| {
        book.limits(Limits { positions: 1, ..Limits::default() })
    });
}

#[test]
pub fn one_place_of_a_group() {
    two_opens("limits: two opens, one place of a group", |book| {
        let grid = Selection::everything().tag("grid".parse().unwrap());
        let groups = vec![GroupLimit::new("grid".parse().unwrap(), grid).positions(1)];
        book.limits(Limits { groups, ..Limits::default() })
    });
}
