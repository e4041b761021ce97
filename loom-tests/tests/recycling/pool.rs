//! What the models of the pool share: a book of one or two instruments, and the account of its shells and bodies at the end.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use posbook::{Book, Command, InstrumentId, Reader, Sequence};
use posbook_loom::{instrument, small};

/// Whether, over all schedules of a model, a shell was used again, one was found held, and a body was used again.
pub struct Both {
    reused: AtomicBool,
    held: AtomicBool,
    followed: AtomicBool,
}

impl Both {
    pub const fn new() -> Self {
        let [reused, held, followed] = [const { AtomicBool::new(false) }; 3];
        Self { reused, held, followed }
    }

    /// At the end of a schedule, when only the root and the pool hold shells: none is gone, and the bodies
    /// that were used again are what the changes come to.
    pub fn account(&self, book: &Book, candidates: u64) {
        let health = book.health();
        assert_eq!(health.shells_made, book.shells_idle() + 1, "a shell left its book (I13)");
        assert_eq!(health.foreign_loads, 0, "a shell of another book (I13)");
        // The first root has a shell; each candidate after it one that was made for it, or one that was used again.
        self.reused.fetch_or(health.shells_made < candidates + 1, Relaxed);
        self.held.fetch_or(health.shells_pinned > 0, Relaxed);
        self.followed.fetch_or(health.bodies_copied < candidates, Relaxed);
        let mut replica = book.replica();
        let mut changes = book.changes_after(Sequence(0));
        while let Some(unit) = changes.try_next() {
            unit.unwrap().iter().for_each(|change| replica.apply(change).unwrap());
        }
        assert_eq!(replica.digest(), book.snapshot().digest(), "the book is not its fold (I5)");
    }

    /// Over all schedules.
    pub fn seen(&self) {
        assert!(self.reused.load(Relaxed), "no shell was ever used again: the model sees nothing");
        assert!(self.held.load(Relaxed), "no shell was ever found held: the model sees nothing");
        assert!(self.followed.load(Relaxed), "no body was ever used again: the model sees nothing");
    }
}

/// A book whose first change registered an instrument.
pub fn booked() -> (Book, InstrumentId) {
    let book = small(1).build().unwrap();
    let id = instrument(&book, 0);
    (book, id)
}

/// A book of two instruments.
pub fn booked_two() -> (Book, [InstrumentId; 2]) {
    let book = small(2).build().unwrap();
    let ids = [0, 1].map(|n| instrument(&book, n));
    (book, ids)
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
