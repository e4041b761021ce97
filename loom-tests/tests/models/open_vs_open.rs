//! Opens of one key at the same moment: one order leaves, whatever the schedule (D1, I1).
//!
//! Each thread reserves; nobody lets go before all are done. Legal outcomes of two threads, all reached:
//!
//! | first | second | turns lost | how |
//! |---|---|---|---|
//! | granted | refused | 0 | the second looked after the first had published |
//! | granted | refused | 1 | both looked at the empty book; the second lost its compare-and-set and was refused when asked again |
//! | refused | granted | 0 | the other way round |
//! | refused | granted | 1 | the other way round |
//!
//! Of three threads: any of them is granted and the other two are refused, with 0, 1 or 2 turns lost, 9 outcomes. A
//! thread never loses twice here: after one loss there is a reservation, and it is refused.
//!
//! In every outcome the book has one order, under the next sequence (I4), and the winner holds that order.

use posbook::{Book, Command, InstrumentId, OrderState, Reason, Reservation, Sequence, Side};
use posbook_loom::{explore, instrument, small, thread};

type Opened = Option<Reservation>;

/// One open; a refusal must be the right one.
fn open(book: &Book, id: InstrumentId, side: Side) -> Opened {
    let wish = Command::open(id, side, "1".parse().unwrap()).at("100".parse().unwrap());
    match book.reserve(wish) {
        Ok(granted) => Some(granted),
        Err(refused) => {
            assert!(matches!(refused.reason(), Reason::AlreadyReserved { .. }), "{refused}");
            None
        }
    }
}

/// What became of the opens, after the checks that hold for all of them.
fn outcome(book: &Book, opened: &[Opened]) -> (Vec<&'static str>, u64) {
    let words = opened.iter().map(|o| if o.is_some() { "granted" } else { "refused" }).collect();
    let view = book.snapshot();
    // The first change registered the instrument.
    assert_eq!(view.sequence(), Sequence(2), "each publication takes the next sequence (I4): {words:?}");
    let orders: Vec<_> = view.orders().map(|o| (o.client_id, o.state.clone())).collect();
    let held: Vec<_> = opened.iter().flatten().map(|o| (o.client_id(), OrderState::Reserved)).collect();
    // Two holders of one name is what the twins produce: let the table say it.
    if held.len() == 1 {
        assert_eq!(orders, held, "the winner's order is the book's");
    }
    (words, book.health().lost_turns)
}

#[test]
pub fn two_threads_one_order() {
    let table = [
        (vec!["granted", "refused"], 0),
        (vec!["granted", "refused"], 1),
        (vec!["refused", "granted"], 0),
        (vec!["refused", "granted"], 1),
    ];
    explore("open against open, two threads", &table, || {
        let book = small(1).build().unwrap();
        let id = instrument(&book, 0);
        let other = {
            let book = book.clone();
            thread::spawn(move || open(&book, id, Side::Short))
        };
        let mine = open(&book, id, Side::Long);
        let opened = [mine, other.join().unwrap()];
        let outcome = outcome(&book, &opened);
        // Never sent: given back, and the key is free again.
        drop(opened);
        assert_eq!(book.snapshot().totals().orders, 0);
        outcome
    });
}

#[test]
pub fn three_threads_one_order() {
    let mut table = Vec::new();
    for winner in 0..3 {
        for lost in 0..3 {
            let mut words = vec!["refused"; 3];
            words[winner] = "granted";
            table.push((words, lost));
        }
    }
    explore("open against open, three threads", &table, || {
        let book = small(1).build().unwrap();
        let id = instrument(&book, 0);
        let others = [Side::Short, Side::Long].map(|side| {
            let book = book.clone();
            thread::spawn(move || open(&book, id, side))
        });
        let mine = open(&book, id, Side::Long);
        let mut opened = vec![mine];
        opened.extend(others.into_iter().map(|other| other.join().unwrap()));
        outcome(&book, &opened)
    });
}
