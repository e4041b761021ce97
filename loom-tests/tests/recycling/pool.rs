//! What the models of the pool share: a book of one instrument, and the account of its shells at the end.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use posbook::{Book, Command, InstrumentId, Reader};
use posbook_loom::{instrument, small};

/// Whether, over all schedules of a model, a shell was used again and one was found held.
pub struct Both {
    reused: AtomicBool,
    held: AtomicBool,
}

impl Both {
    pub const fn new() -> Self {
        Self { reused: AtomicBool::new(false), held: AtomicBool::new(false) }
    }

    /// At the end of a schedule, when only the root and the pool hold shells: none is gone, none was leaked.
    pub fn account(&self, book: &Book, candidates: u64) {
        let health = book.health();
        assert_eq!(health.shells_leaked, 0, "the pool has room for all of them");
        assert_eq!(health.shells_made, book.shells_idle() + 1, "a shell left its book (I13)");
        assert_eq!(health.foreign_loads, 0, "a shell of another book (I13)");
        // The first root has a shell; each candidate after it one that was made for it, or one that was used again.
        self.reused.fetch_or(health.shells_made < candidates + 1, Relaxed);
        self.held.fetch_or(health.shells_pinned > 0, Relaxed);
    }

    /// Over all schedules.
    pub fn seen(&self) {
        assert!(self.reused.load(Relaxed), "no shell was ever used again: the model sees nothing");
        assert!(self.held.load(Relaxed), "no shell was ever found held: the model sees nothing");
    }
}

/// A book whose first change registered an instrument.
pub fn booked() -> (Book, InstrumentId) {
    let book = small(1).build().unwrap();
    let id = instrument(&book, 0);
    (book, id)
}

/// Publishes one change, without a fill's arithmetic.
pub fn write(book: &Book, id: InstrumentId, what: &str) {
    let quarantine = Command::Quarantine { key: id.into(), why: what.to_owned(), asked: None };
    book.apply(quarantine).unwrap();
}

/// What a reader shows now. While it is held it does not change; the next look never goes back (I8, I13).
pub fn look(reader: &mut Reader, last: &mut u64) {
    let view = reader.view();
    let (sequence, digest) = (view.sequence().0, view.digest());
    assert!(sequence >= *last, "a reader went back from {last} to {sequence} (I13)");
    let troubles: usize = view.keys().map(|key| key.troubles.len()).sum();
    assert_eq!(troubles as u64 + 1, sequence, "a view of one sequence and another content (I4)");
    assert_eq!((view.sequence().0, view.digest()), (sequence, digest), "a held view changed (I8)");
    *last = sequence;
}
