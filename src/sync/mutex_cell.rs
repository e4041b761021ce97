//! The root cell of loom's models of the pool: a loom mutex around loom's own `Arc`, so that unique ownership, and with
//! it the recycling of shells, is part of the model.
//!
//! `Arc::get_mut` of this `Arc` succeeds in some schedules and fails in others; each model over this cell asserts that
//! both were seen. It has more steps than the arena's index, so it is for these models only.
#![allow(clippy::expect_used)] // A model that breaks these has found something: it may panic.

use loom::sync::Mutex;

use super::{Arc, Lost};

pub(crate) type RootArc<T> = loom::sync::Arc<T>;

pub(crate) const RECYCLING: bool = true;

pub(crate) struct RootCell<T>(Arc<Mutex<RootArc<T>>>);

fn current<T>(cell: &Mutex<RootArc<T>>) -> RootArc<T> {
    RootArc::clone(&cell.lock().expect("no model panics while it holds this"))
}

impl<T> RootCell<T> {
    pub(crate) fn new(root: RootArc<T>) -> Self {
        Self(Arc::new(Mutex::new(root)))
    }

    pub(crate) fn load(&self) -> RootArc<T> {
        current(&self.0)
    }

    pub(crate) fn with<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        read(&self.load())
    }

    pub(crate) fn compare_and_set(
        &self,
        expected: &RootArc<T>,
        candidate: RootArc<T>,
    ) -> Result<(), Lost<T>> {
        let mut current = self.0.lock().expect("no model panics while it holds this");
        if !RootArc::ptr_eq(&current, expected) {
            return Err(Lost { found: RootArc::clone(&current), candidate });
        }
        let replaced = std::mem::replace(&mut *current, candidate);
        drop(current);
        drop(replaced);
        Ok(())
    }

    /// Publishes `candidate` whatever is there: the loop of a broken twin.
    #[cfg(posbook_faults)]
    pub(crate) fn store(&self, candidate: RootArc<T>) {
        let replaced =
            std::mem::replace(&mut *self.0.lock().expect("no model panics while it holds this"), candidate);
        drop(replaced);
    }

    pub(crate) fn cached(&self) -> CachedRoot<T> {
        CachedRoot { cell: Arc::clone(&self.0), seen: self.load() }
    }
}

/// One thread's view of a [`RootCell`]. It holds the root it saw last, as the real one does.
pub(crate) struct CachedRoot<T> {
    cell: Arc<Mutex<RootArc<T>>>,
    seen: RootArc<T>,
}

impl<T> CachedRoot<T> {
    pub(crate) fn get(&mut self) -> &RootArc<T> {
        let newest = current(&self.cell);
        if !RootArc::ptr_eq(&newest, &self.seen) {
            self.seen = newest;
        }
        &self.seen
    }
}

/// A place where a retired shell waits.
pub(crate) struct AtomicCell<T>(Mutex<T>);

impl<T> AtomicCell<Option<T>> {
    pub(crate) fn empty() -> Self {
        Self(Mutex::new(None))
    }

    pub(crate) fn swap(&self, value: Option<T>) -> Option<T> {
        std::mem::replace(&mut *self.0.lock().expect("no model panics while it holds this"), value)
    }
}
