//! Two writers: the shell that one replaces, the candidate that the other loses with, and both looking into one pool.
//!
//! Legal outcomes, all reached: turns lost and the sequence at the end.
//!
//! | turns lost | sequence | how |
//! |---|---|---|
//! | 0 | 3 | one after the other |
//! | 1 | 3 | one lost its candidate, and took a shell for the next one |

use std::sync::Arc;

use posbook_loom::{explore, thread};

use super::pool::{Both, booked, write};

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
