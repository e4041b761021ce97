//! A writer of two changes against snapshots whose load is in flight: the load pins the shell for a moment, the snapshot
//! holds the body. What it shows never changes (I8).
//!
//! Legal outcomes, all reached: the sequences of two snapshots, the second never older: 11, 12, 13, 22, 23, 33.

use std::sync::Arc;

use posbook_loom::{explore, thread};

use super::pool::{Both, booked, write};

#[test]
pub fn a_load_in_flight() {
    let both = Arc::new(Both::new());
    let seen = Arc::clone(&both);
    let table = [(1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (3, 3)];
    explore("recycling: writer against snapshots", &table, move || {
        let (book, id) = booked();
        let writer = {
            let book = book.clone();
            thread::spawn(move || {
                write(&book, id, "a");
                write(&book, id, "b");
            })
        };
        let views = [0; 2].map(|_| {
            let view = book.snapshot();
            let digest = view.digest();
            (view, digest)
        });
        writer.join().unwrap();
        for (view, digest) in &views {
            assert_eq!(view.digest(), *digest, "a snapshot changed while it was held (I8)");
        }
        both.account(&book, 3);
        let [first, second] = views.map(|(view, _)| view.sequence().0);
        (first, second)
    });
    seen.seen();
}
