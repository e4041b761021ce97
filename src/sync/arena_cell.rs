//! The root cell of loom's tables of outcomes: an index into an arena that only grows, and no recycling.
//!
//! It is read with `fetch_add(0)`. A plain atomic load would let loom explore a single schedule for a load-then-compare
//! loop, and a bare `ArcSwap` is invisible to it altogether: a model over either passes whatever the code does.
//!
//! The arena's lock is std's and not part of the model: it only makes the memory available; the order of events is the
//! index's. No step of the model is taken while it is held.
#![allow(clippy::expect_used, clippy::indexing_slicing)] // A model that breaks these has found something: it may panic.

use std::sync::atomic::Ordering::AcqRel;

use loom::sync::atomic::AtomicUsize;

use super::{Arc, Lost};

pub(crate) type RootArc<T> = Arc<T>;

/// Every root stays in the arena, so none is ever uniquely owned.
pub(crate) const RECYCLING: bool = false;

pub(crate) struct RootCell<T>(Arc<Cell<T>>);

struct Cell<T> {
    current: AtomicUsize,
    arena: std::sync::Mutex<Vec<Arc<T>>>,
}

impl<T> Cell<T> {
    fn at(&self, index: usize) -> Arc<T> {
        Arc::clone(&self.arena.lock().expect("the arena's lock is never poisoned")[index])
    }

    fn load(&self) -> Arc<T> {
        // A read-modify-write: it sees the newest value and makes loom explore every order against the others.
        self.at(self.current.fetch_add(0, AcqRel))
    }

    fn add(&self, root: Arc<T>) -> usize {
        let mut arena = self.arena.lock().expect("the arena's lock is never poisoned");
        arena.push(root);
        arena.len() - 1
    }
}

impl<T> RootCell<T> {
    pub(crate) fn new(root: RootArc<T>) -> Self {
        Self(Arc::new(Cell { current: AtomicUsize::new(0), arena: std::sync::Mutex::new(vec![root]) }))
    }

    pub(crate) fn load(&self) -> RootArc<T> {
        self.0.load()
    }

    pub(crate) fn with<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        read(&self.load())
    }

    pub(crate) fn compare_and_set(
        &self,
        expected: &RootArc<T>,
        candidate: RootArc<T>,
    ) -> Result<(), Lost<T>> {
        let old = {
            let arena = self.0.arena.lock().expect("the arena's lock is never poisoned");
            // Roots are unique here, because recycling is off: one place has the expected one.
            arena
                .iter()
                .rposition(|root| Arc::ptr_eq(root, expected))
                .expect("the expected root was published")
        };
        let new = self.0.add(Arc::clone(&candidate));
        match self.0.current.compare_exchange(old, new, AcqRel, AcqRel) {
            Ok(_) => Ok(()),
            Err(found) => Err(Lost { found: self.0.at(found), candidate }),
        }
    }

    /// Publishes `candidate` whatever is there: the loop of a broken twin.
    #[cfg(posbook_faults)]
    pub(crate) fn store(&self, candidate: RootArc<T>) {
        let new = self.0.add(candidate);
        self.0.current.swap(new, AcqRel);
    }

    pub(crate) fn cached(&self) -> CachedRoot<T> {
        CachedRoot { cell: Arc::clone(&self.0), seen: self.load() }
    }
}

/// One thread's view of a [`RootCell`].
pub(crate) struct CachedRoot<T> {
    cell: Arc<Cell<T>>,
    seen: Arc<T>,
}

impl<T> CachedRoot<T> {
    pub(crate) fn get(&mut self) -> &RootArc<T> {
        self.seen = self.cell.load();
        &self.seen
    }
}

/// A place of a pool that is not used here.
pub(crate) struct AtomicCell<T>(std::sync::Mutex<T>);

impl<T> AtomicCell<Option<T>> {
    pub(crate) fn empty() -> Self {
        Self(std::sync::Mutex::new(None))
    }

    pub(crate) fn swap(&self, value: Option<T>) -> Option<T> {
        std::mem::replace(&mut *self.0.lock().expect("nobody panics while it holds this"), value)
    }
}
