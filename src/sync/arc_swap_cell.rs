//! The root cell that everybody runs: an `ArcSwap`. What is compared is the pointer, while the caller holds the expected
//! root, so an address cannot have been reused meanwhile.
//!
//! Under shuttle it is the same cell, with a scheduling point before each step. The steps themselves are then atomic, so
//! shuttle checks what we do with the cell, not the cell. In a broken twin a step may yield to the other threads
//! (`POSBOOK_FAULT=yield`), which is how real threads are made to overlap on few cores.

use arc_swap::ArcSwap;
use arc_swap::cache::Cache;

use super::{Arc, Lost, fault};

/// What holds a published root.
pub(crate) type RootArc<T> = Arc<T>;

/// Whether retired shells are used again.
pub(crate) const RECYCLING: bool = true;

/// Where another thread may come between two steps.
struct Point(#[cfg(posbook_shuttle)] shuttle::sync::atomic::AtomicU64);

impl Point {
    const fn new() -> Self {
        Self(
            #[cfg(posbook_shuttle)]
            shuttle::sync::atomic::AtomicU64::new(0),
        )
    }

    #[inline]
    fn pass(&self) {
        #[cfg(posbook_shuttle)]
        self.0.load(std::sync::atomic::Ordering::SeqCst);
        if fault("yield") {
            std::thread::yield_now();
        }
    }
}

/// The one cell that every publication goes through.
pub(crate) struct RootCell<T> {
    cell: Arc<ArcSwap<T>>,
    point: Arc<Point>,
}

impl<T> RootCell<T> {
    pub(crate) fn new(root: RootArc<T>) -> Self {
        Self { cell: Arc::new(ArcSwap::new(root)), point: Arc::new(Point::new()) }
    }

    /// An owned root.
    pub(crate) fn load(&self) -> RootArc<T> {
        self.point.pass();
        self.cell.load_full()
    }

    /// Reads something small of the current root. The guard never leaves this function.
    pub(crate) fn with<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        self.point.pass();
        read(&self.cell.load())
    }

    /// Publishes `candidate` if the root is still `expected`, by identity.
    pub(crate) fn compare_and_set(
        &self,
        expected: &RootArc<T>,
        candidate: RootArc<T>,
    ) -> Result<(), Lost<T>> {
        self.point.pass();
        let found = self.cell.compare_and_swap(expected, Arc::clone(&candidate));
        if Arc::ptr_eq(&found, expected) {
            Ok(())
        } else {
            Err(Lost { found: arc_swap::Guard::into_inner(found), candidate })
        }
    }

    /// Publishes `candidate` whatever is there: the loop of a broken twin.
    #[cfg(posbook_faults)]
    pub(crate) fn store(&self, candidate: RootArc<T>) {
        self.point.pass();
        self.cell.store(candidate);
    }

    /// A view for one thread that asks only whether anything changed.
    pub(crate) fn cached(&self) -> CachedRoot<T> {
        CachedRoot { cached: Cache::new(Arc::clone(&self.cell)), point: Arc::clone(&self.point) }
    }
}

/// One thread's view of a [`RootCell`].
pub(crate) struct CachedRoot<T> {
    cached: Cache<Arc<ArcSwap<T>>, Arc<T>>,
    point: Arc<Point>,
}

impl<T> CachedRoot<T> {
    /// The current root.
    pub(crate) fn get(&mut self) -> &RootArc<T> {
        self.point.pass();
        self.cached.load()
    }
}

/// A place where a retired shell waits. Swaps only: two threads never see the same shell.
pub(crate) struct AtomicCell<T> {
    cell: crossbeam_utils::atomic::AtomicCell<T>,
    point: Point,
}

impl<T> AtomicCell<Option<T>> {
    pub(crate) fn empty() -> Self {
        Self { cell: crossbeam_utils::atomic::AtomicCell::new(None), point: Point::new() }
    }

    pub(crate) fn swap(&self, value: Option<T>) -> Option<T> {
        self.point.pass();
        self.cell.swap(value)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_pool_is_lock_free() {
        type Place = crossbeam_utils::atomic::AtomicCell<Option<super::Arc<u64>>>;
        assert!(Place::is_lock_free());
    }
}
