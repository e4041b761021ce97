//! A writer of two changes against a `Reader`, which holds the shell that it saw last: what it shows does not change while
//! it is held, though shells are used again beside it, and it never goes back (I8, I13).
//!
//! Legal outcomes, all reached: the sequences of the reader's looks. It is made before the writer starts.
//!
//! | scene | first look | second look |
//! |---|---|---|
//! | two looks | 1 | 1, 2 or 3 |
//! | | 2 | 2 or 3 |
//! | | 3 | 3 |
//! | look, release, look: the same; release holds the newest, and lets go of what it held |||

use std::sync::Arc;

use posbook_loom::{explore, thread};

use super::pool::{Both, booked, look, write};

const TABLE: [(u64, u64); 6] = [(1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (3, 3)];

/// Two looks, and what the reader does between them.
fn looks(name: &str, between: fn(&mut posbook::Reader)) {
    let both = Arc::new(Both::new());
    let seen = Arc::clone(&both);
    explore(name, &TABLE, move || {
        let (book, id) = booked();
        let mut reader = book.reader();
        let writer = {
            let book = book.clone();
            thread::spawn(move || {
                write(&book, id, "a");
                write(&book, id, "b");
            })
        };
        let mut last = 1;
        look(&mut reader, &mut last);
        let first = last;
        between(&mut reader);
        look(&mut reader, &mut last);
        writer.join().unwrap();
        // The end of the account is the reader's: it holds a shell that is in the pool too, or the root.
        drop(reader);
        both.account(&book, 3);
        (first, last)
    });
    seen.seen();
}

#[test]
pub fn a_held_shell_never_changes() {
    looks("recycling: writer against reader", |_| ());
}

#[test]
pub fn released_and_loaded_again() {
    looks("recycling: writer against a reader that releases", posbook::Reader::release);
}
