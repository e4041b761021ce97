//! D1: two opens of one symbol at the same moment. The predecessor let both orders leave; here one is reserved (I1).

use posbook::{Book, Command, InstrumentId, Reason, Reservation, Side};

use crate::{in_rounds, one_symbol};

fn open(book: &Book, id: InstrumentId, side: Side) -> Option<Reservation> {
    match book.reserve(Command::open(id, side, "1".parse().unwrap()).at("100".parse().unwrap())) {
        Ok(granted) => Some(granted),
        Err(refused) => {
            assert!(matches!(refused.reason(), Reason::AlreadyReserved { .. }), "{refused}");
            None
        }
    }
}

#[test]
fn d01_two_opens_one_order_leaves() {
    let (book, id) = one_symbol(Book::builder());
    let (mut both, mut neither, mut crowded) = (0, 0, 0);
    in_rounds(
        "D1",
        &book,
        |_| open(&book, id, Side::Long),
        |_| open(&book, id, Side::Short),
        |mine, theirs| {
            both += usize::from(mine.is_some() && theirs.is_some());
            neither += usize::from(mine.is_none() && theirs.is_none());
            crowded += usize::from(book.reservations().len() != 1);
            // Never sent: dropped here, and the key is free for the next round.
        },
    );
    assert_eq!(both, 0, "rounds in which both opens were granted (D1)");
    assert_eq!(neither, 0, "rounds in which nobody was granted a free key");
    assert_eq!(crowded, 0, "rounds that left another number of orders than one (I1)");
}
