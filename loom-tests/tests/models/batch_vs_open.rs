//! A batch over two keys against an open of one of them: both legs are reserved, or none (R14). Half a pair trade never
//! exists, for nobody.
//!
//! Legal outcomes, all reached:
//!
//! | batch | open | turns lost | how |
//! |---|---|---|---|
//! | both legs | reserved by another | 0 or 1 | the batch published first |
//! | no leg | granted | 0 or 1 | the open published first; the batch is refused whole |
//!
//! A third party reads once at any moment, and counts orders: never one of the pair alone.

use posbook::{Command, InstrumentId, Reason, Side};
use posbook_loom::{explore, instrument, small, thread};

fn open(id: InstrumentId) -> Command {
    Command::open(id, Side::Long, "1".parse().unwrap()).at("100".parse().unwrap()).into()
}

#[test]
pub fn both_legs_or_none() {
    let table =
        [("both", "refused", 0), ("both", "refused", 1), ("none", "granted", 0), ("none", "granted", 1)];
    explore("a batch of two against an open", &table, || {
        let book = small(2).build().unwrap();
        let (one, two) = (instrument(&book, 0), instrument(&book, 1));
        let other = {
            let book = book.clone();
            thread::spawn(move || {
                let granted = book.reserve(open(two));
                // What this thread sees of the pair now, whatever the other is doing.
                let view = book.snapshot();
                let standing = |id| view.key(id).is_some_and(|key| !key.orders.is_empty());
                assert!(!standing(one) || standing(two), "half a pair");
                granted
            })
        };
        let batch = book.submit([open(one), open(two)]);
        let single = other.join().unwrap();
        let word = |refused: &posbook::Rejection| {
            assert!(matches!(refused.reason(), Reason::AlreadyReserved { .. }), "{refused}");
        };
        let pair = match &batch {
            Ok(batch) => {
                assert_eq!(batch.reservations.len(), 2);
                "both"
            }
            Err(refused) => {
                word(refused);
                "none"
            }
        };
        let alone = match &single {
            Ok(_) => "granted",
            Err(refused) => {
                word(refused);
                "refused"
            }
        };
        let expected = if pair == "both" { 2 } else { 1 };
        assert_eq!(book.reservations().len(), expected, "half a pair trade (R14)");
        (pair, alone, book.health().lost_turns)
    });
}
