//! I4 and I11: two threads record fills of one position. Every fill is in the sum, and every publication has a sequence
//! of its own. A lost update is a position that the bot does not know it has.

use std::collections::BTreeSet;

use posbook::{Book, Decimal, Fill, FillOutcome, InstrumentId, OrderSide, Sequence, Timestamp};

use crate::{in_rounds, one_symbol};

/// Fills a thread records in a round: a round's 120 stay in the slot's ring, so that no fill is older than what it forgot.
const FILLS: usize = 60;

fn record(book: &Book, id: InstrumentId, who: &str, round: usize) -> Vec<Option<Sequence>> {
    let time = Timestamp::from_millis(i64::try_from(round).unwrap());
    let one = |n| {
        let trade = format!("{who}{round}-{n}").parse().unwrap();
        let fill =
            Fill::trade(id, trade, OrderSide::Buy, "0.001".parse().unwrap(), "100".parse().unwrap()).at(time);
        let recorded = book.record(fill).unwrap();
        assert!(matches!(recorded.outcome, FillOutcome::Booked { .. }), "{:?}", recorded.outcome);
        recorded.sequence
    };
    (0..FILLS).map(one).collect()
}

#[test]
fn i04_no_update_is_lost() {
    let (book, id) = one_symbol(Book::builder());
    let mut taken = BTreeSet::new();
    let rounds = in_rounds(
        "I4",
        &book,
        |round| record(&book, id, "a", round),
        |round| record(&book, id, "b", round),
        |mine, theirs| taken.extend(mine.into_iter().chain(theirs)),
    );
    let fills = 2 * FILLS * rounds;
    assert_eq!(taken.len(), fills, "every fill was published under a sequence of its own (I4)");
    let view = book.snapshot();
    assert_eq!(view.sequence(), Sequence(fills as u64 + 1), "and the root carries the last (I4)");
    let sum = Decimal::new(1, 3) * Decimal::from(fills);
    assert_eq!(view.get(id).unwrap().quantity.get(), sum, "the position is the sum of its fills (I11)");
}
