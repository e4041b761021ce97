//! The root: a small shell that never leaves its book, around a body that snapshots share.
//!
//! Below arc-swap 1.9.5 two cells in one process could hand out each other's objects (`cargo foreign-root`): a reader
//! announces a debt on an address, the address is freed and reused by an object of the other cell, and that cell's
//! writer pays the debt. The fault needs an address of ours to reappear elsewhere, so what the cell stores is a shell
//! that is **never freed while its book lives** (I13): every shell that was published goes back to the pool on every
//! path, replaced or lost, and is used again for a later root. What the array cannot hold is leaked, a few dozen bytes,
//! and counted.
//!
//! Reuse is sound because a shell is changed only while it is uniquely owned: the swap pays every debt on the old root
//! into its count before it drops its own, so a reader that still holds it, by an owned count or by a debt, makes
//! `get_mut` fail. Every load compares the shell's book all the same: that catches faults of ours.
#![allow(
    clippy::disallowed_types,
    reason = "named by the seam, which is where they come from; clippy sees through the re-export"
)]

use crate::error::Error;
use crate::model::{Publication, Sequence};
use crate::state::{Ring, State};
use crate::sync::{
    Arc, AtomicCell, Counter, Lost, POOL_PLACES, RECYCLING, RootArc, RootCell, SHELLS_IN_ADVANCE, fault,
    next_tag,
};
use std::sync::atomic::Ordering::Relaxed;

use super::snapshot::Snapshot;

/// What one publication leaves behind: the state, and the window of the feed that ends with it.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) state: State,
    pub(crate) window: Ring<Publication>,
}

/// What the root cell stores.
#[derive(Debug)]
pub(crate) struct Shell {
    tag: u32,
    pub(crate) sequence: Sequence,
    pub(crate) view: Snapshot,
}

/// How many foreign loads in a row are taken for more than bad luck.
const FOREIGN_LOADS: u32 = 8;

pub(crate) struct Root {
    cell: RootCell<Shell>,
    pool: Pool,
    tag: u32,
    /// Loads that returned another book's shell.
    foreign: Counter,
    /// Turns of the loop that lost.
    retries: Counter,
}

impl Root {
    pub(crate) fn new(body: Body) -> Self {
        let tag = next_tag();
        let empty = Snapshot::new(Arc::new(body));
        let pool = Pool::new(tag, &empty);
        let shell = pool.shell(empty);
        Self { cell: RootCell::new(shell), pool, tag, foreign: Counter::new(0), retries: Counter::new(0) }
    }

    /// An owned view of the newest body, if the load was of our own shell.
    fn peek(&self) -> Option<Snapshot> {
        let own = self.cell.with(|shell| self.owns(shell).then(|| shell.view.clone()));
        if own.is_none() {
            self.foreign.fetch_add(1, Relaxed);
        }
        own
    }

    /// The newest view. Our cell only ever holds our own shells, so a foreign load is a fault of that one load and the
    /// next one is independent of it: this ends.
    pub(crate) fn view(&self) -> Snapshot {
        loop {
            if let Some(view) = self.peek() {
                return view;
            }
        }
    }

    /// The newest view, or the fault by name.
    pub(crate) fn try_view(&self) -> Result<Snapshot, Error> {
        (0..FOREIGN_LOADS).find_map(|_| self.peek()).ok_or(Error::ForeignRoot { times: FOREIGN_LOADS })
    }

    /// Reads something small of the newest view.
    pub(crate) fn with<R>(&self, mut read: impl FnMut(&Snapshot) -> R) -> R {
        loop {
            if let Some(answer) = self.cell.with(|shell| self.owns(shell).then(|| read(&shell.view))) {
                return answer;
            }
            self.foreign.fetch_add(1, Relaxed);
        }
    }

    /// The newest shell, to be compared against.
    pub(crate) fn load(&self) -> RootArc<Shell> {
        self.own(self.cell.load())
    }

    /// A shell that a load returned, or another load if it is not ours.
    fn own(&self, mut shell: RootArc<Shell>) -> RootArc<Shell> {
        while !self.owns(&shell) {
            self.foreign.fetch_add(1, Relaxed);
            shell = self.cell.load();
        }
        shell
    }

    pub(crate) fn owns(&self, shell: &Shell) -> bool {
        shell.tag == self.tag
    }

    pub(crate) fn cell(&self) -> &RootCell<Shell> {
        &self.cell
    }

    /// Publishes a view if the root is still `expected`; else what was found.
    pub(crate) fn publish(&self, expected: RootArc<Shell>, view: Snapshot) -> Result<(), RootArc<Shell>> {
        let candidate = self.pool.shell(view);
        #[cfg(posbook_faults)]
        if fault("store") {
            self.cell.store(candidate);
            self.pool.retire(expected);
            return Ok(());
        }
        match self.cell.compare_and_set(&expected, candidate) {
            Ok(()) => {
                self.pool.retire(expected);
                Ok(())
            }
            Err(Lost { found, candidate }) => {
                self.retries.fetch_add(1, Relaxed);
                self.pool.retire(candidate);
                Err(self.own(found))
            }
        }
    }

    /// How many shells wait in the pool, once nobody else touches it.
    #[cfg(posbook_recycling)]
    pub(crate) fn shells_idle(&self) -> u64 {
        let places = self.pool.places.iter();
        places.filter(|place| place.swap(None).is_some_and(|shell| place.swap(Some(shell)).is_none())).count()
            as u64
    }

    pub(crate) fn health(&self) -> Health {
        Health {
            foreign_loads: self.foreign.load(Relaxed),
            lost_turns: self.retries.load(Relaxed),
            shells_made: self.pool.made.load(Relaxed),
            shells_pinned: self.pool.pinned.load(Relaxed),
            shells_leaked: self.pool.leaked.load(Relaxed),
        }
    }
}

/// How a book's root cell is doing, since the book was made.
///
/// ```
/// use posbook::Book;
///
/// let book = Book::builder().build()?;
/// assert_eq!(book.health().foreign_loads, 0);
/// # Ok::<(), posbook::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Health {
    /// Loads that returned another book's object and were repeated (I13). Anything but 0 is worth a report.
    pub foreign_loads: u64,
    /// Turns of the write loop that found a newer root and asked again.
    pub lost_turns: u64,
    /// Shells allocated. Stays at about readers + threads + the few that were made in advance.
    pub shells_made: u64,
    /// Shells in the pool that could not be used again yet, because a load in flight or a reader still held them.
    pub shells_pinned: u64,
    /// Shells that found the pool full and were leaked, about 48 bytes each.
    pub shells_leaked: u64,
}

/// Where shells wait to be used again. Swaps only.
struct Pool {
    places: Box<[AtomicCell<Option<RootArc<Shell>>>]>,
    tag: u32,
    /// What an idle shell holds, so that it pins nothing.
    empty: Snapshot,
    /// The place that was emptied last: where a shell is looked for and put away first. A hint, no more.
    vacant: Counter,
    made: Counter,
    pinned: Counter,
    leaked: Counter,
}

impl Pool {
    fn new(tag: u32, empty: &Snapshot) -> Self {
        let places = (0..POOL_PLACES).map(|_| AtomicCell::empty()).collect();
        let [vacant, made, pinned, leaked] = [0; 4].map(Counter::new);
        let pool = Self { places, tag, empty: empty.clone(), vacant, made, pinned, leaked };
        let shells: Vec<_> = (0..SHELLS_IN_ADVANCE).map(|_| pool.fresh(empty.clone())).collect();
        shells.into_iter().for_each(|shell| pool.retire(shell));
        pool
    }

    fn fresh(&self, view: Snapshot) -> RootArc<Shell> {
        self.made.fetch_add(1, Relaxed);
        RootArc::new(Shell { tag: self.tag, sequence: view.sequence(), view })
    }

    /// A shell around this body: one that nobody else holds, or a new one.
    fn shell(&self, view: Snapshot) -> RootArc<Shell> {
        for (n, place) in self.places_by_vacancy() {
            let Some(mut idle) = place.swap(None) else { continue };
            if let Some(shell) = RootArc::get_mut(&mut idle) {
                self.vacant.store(n as u64, Relaxed);
                shell.sequence = view.sequence();
                shell.view = view;
                return idle;
            }
            // Still pinned by a load in flight or a reader.
            self.pinned.fetch_add(1, Relaxed);
            if fault("pinned_freed") {
                continue;
            }
            self.retire(idle);
        }
        self.fresh(view)
    }

    /// Every place once, from the one that was emptied last. None where shells are not recycled.
    fn places_by_vacancy(&self) -> impl Iterator<Item = (usize, &AtomicCell<Option<RootArc<Shell>>>)> {
        let first = usize::try_from(self.vacant.load(Relaxed)).unwrap_or_default();
        let (before, after) = self.places.split_at(first.min(self.places.len()));
        let all = if RECYCLING { usize::MAX } else { 0 };
        after
            .iter()
            .enumerate()
            .map(move |(n, place)| (first + n, place))
            .chain(before.iter().enumerate())
            .take(all)
    }

    /// Puts a shell away. It is never freed: what finds no place is leaked and counted.
    fn retire(&self, mut shell: RootArc<Shell>) {
        if !RECYCLING || fault("shell_freed") {
            return;
        }
        if let Some(unpinned) = RootArc::get_mut(&mut shell) {
            unpinned.view = self.empty.clone();
        }
        let mut homeless = shell;
        for (_, place) in self.places_by_vacancy() {
            match place.swap(Some(homeless)) {
                None => return,
                Some(other) => homeless = other,
            }
        }
        self.leaked.fetch_add(1, Relaxed);
        std::mem::forget(homeless);
    }
}
