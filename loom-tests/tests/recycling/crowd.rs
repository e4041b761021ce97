//! More shells are held than the pool has places: two writers, and the bag that takes what finds none. Whoever finds the bag
//! taken out, or another one in its place, loses nothing that was in it (I13).
//!
//! Legal outcomes, all reached, at most five preemptions: turns lost and the sequence at the end.
//!
//! | turns lost | sequence | how |
//! |---|---|---|
//! | 0 | 6 | one after the other |
//! | 1 | 6 | one lost its candidate |

use std::sync::Arc;

use posbook_loom::{Bound, explore_within, thread};

use super::pool::{Both, booked, look, write};

#[test]
pub fn two_writers_and_a_full_pool() {
    let both = Arc::new(Both::new());
    let seen = Arc::clone(&both);
    explore_within(
        "recycling: two writers and a full pool",
        Bound::Preemptions(5),
        &[(0, 6), (1, 6)],
        move || {
            let (book, id) = booked();
            // Each on a root of its own: as many as there are places, those of the parking included.
            let crowd: Vec<_> = ["x", "y", "z"]
                .map(|what| {
                    let mut reader = book.reader();
                    look(&mut reader, &mut 0);
                    write(&book, id, what);
                    reader
                })
                .into_iter()
                .collect();
            let other = {
                let book = book.clone();
                thread::spawn(move || write(&book, id, "b"))
            };
            write(&book, id, "a");
            other.join().unwrap();
            drop(crowd);
            let lost = book.health().lost_turns;
            both.account(&book, 6 + lost);
            (lost, book.snapshot().sequence().0)
        },
    );
    seen.seen();
}
