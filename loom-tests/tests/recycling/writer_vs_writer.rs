//! Two writers: the shell that one replaces, the candidate that the other loses with, and both looking into one pool. At the
//! end the book is the fold of its changes, whichever body was used again for it.
//!
//! Legal outcomes, all reached: turns lost and the sequence at the end.
//!
//! | scene | turns lost | sequence | how |
//! |---|---|---|---|
//! | one key, two keys | 0 | 3, 4 | one after the other |
//! | one key, two keys | 1 | 3, 4 | one lost its candidate, and took shell and body for the next one; on two keys what the lost body holds of the one is not history |
//! | overtaken, at most three preemptions | 0 to 2 | 6 | three writes beside one: a body that the one may find idle holds what it has not seen |

use std::sync::Arc;

use posbook_loom::{Bound, explore, explore_within, thread};

use super::pool::{Both, booked, booked_two, write};

#[test]
pub fn every_shell_comes_back() {
    let both = Arc::new(Both::new());
    let seen = Arc::clone(&both);
    explore("recycling: writer against writer", &[(0, 3), (1, 3)], move || {
        let (book, id) = booked();
        let other = {
            let book = book.clone();
            thread::spawn(move || write(&book, id, "b"))
        };
        write(&book, id, "a");
        other.join().unwrap();
        let lost = book.health().lost_turns;
        both.account(&book, 3 + lost);
        (lost, book.snapshot().sequence().0)
    });
    seen.seen();
}

#[test]
pub fn on_two_keys() {
    let both = Arc::new(Both::new());
    let seen = Arc::clone(&both);
    explore("recycling: writer against writer, two keys", &[(0, 4), (1, 4)], move || {
        let (book, [here, there]) = booked_two();
        let other = {
            let book = book.clone();
            thread::spawn(move || write(&book, there, "b"))
        };
        write(&book, here, "a");
        other.join().unwrap();
        let lost = book.health().lost_turns;
        both.account(&book, 4 + lost);
        (lost, book.snapshot().sequence().0)
    });
    seen.seen();
}

#[test]
pub fn overtaken() {
    let both = Arc::new(Both::new());
    let seen = Arc::clone(&both);
    let table = [(0, 6), (1, 6), (2, 6)];
    explore_within("recycling: one write against three", Bound::Preemptions(3), &table, move || {
        let (book, [here, there]) = booked_two();
        let other = {
            let book = book.clone();
            thread::spawn(move || {
                // What waits in the end holds the first of these as history, and the one key's writer has not seen it.
                [(here, "b"), (there, "c"), (there, "d")]
                    .iter()
                    .for_each(|(id, what)| write(&book, *id, what));
            })
        };
        write(&book, here, "a");
        other.join().unwrap();
        let lost = book.health().lost_turns;
        both.account(&book, 6 + lost);
        (lost, book.snapshot().sequence().0)
    });
    seen.seen();
}
