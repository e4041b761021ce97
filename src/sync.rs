//! THE SEAM: the only file that names `arc_swap`, `loom`, an atomic, a lock or a clock.
//!
//! Everything that threads share goes through here, in two versions with the same signatures: the real one, and one
//! for the model checker (`--cfg posbook_loom`). Validation, transition, retry and feed are one and the same source in
//! both builds; only what is in this file differs.
//!
//! # The root cell
//!
//! [`RootCell`] holds the one published root. In production it is an `ArcSwap`, and what is compared is the pointer,
//! while the caller holds the expected root, so an address cannot have been reused meanwhile. A lost
//! compare-and-set hands the candidate back with what was found: the retry never loads again, and the candidate's
//! shell can return to its pool (arc-swap would free it, and a published shell must never be freed while its book
//! lives; see `book/root.rs`).
//!
//! In the model it is an index into an append-only arena, read with `fetch_add(0)`. A plain atomic load would let loom
//! explore a single schedule for a load-then-compare loop, and a bare `ArcSwap` is invisible to it altogether: a
//! model over either passes whatever the code does.
//!
//! # What is not proved here
//!
//! arc-swap itself. It relies on SeqCst, which loom treats as AcqRel. The real cell is exercised by stress, and by
//! `cargo foreign-root`, which looks for the fault that two `ArcSwap`s in one process can hand out each other's
//! objects.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)] // This is the file the ban points to.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

pub(crate) use std::sync::Arc;

use crate::model::Timestamp;

/// Whether this build is a broken twin with this fault: never in a build that anybody runs, where it is a constant.
/// `cargo faults` builds the crate with `--cfg posbook_faults` and names one fault in the environment.
#[cfg(not(posbook_faults))]
pub(crate) const fn fault(_name: &str) -> bool {
    false
}

/// As above.
#[cfg(posbook_faults)]
pub(crate) fn fault(name: &str) -> bool {
    static CHOSEN: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    CHOSEN.get_or_init(|| std::env::var("POSBOOK_FAULT").unwrap_or_default()) == name
}

pub(crate) use imp::{AtomicU64, Mutex, RootCell, WakeUp};

/// A compare-and-set that lost: another root was there.
pub(crate) struct Lost<T> {
    /// The root that was there.
    pub found: Arc<T>,
    /// The root that was to be published, handed back.
    pub candidate: Arc<T>,
}

#[cfg(not(posbook_loom))]
mod imp {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::time::Duration;

    use arc_swap::ArcSwap;
    use arc_swap::cache::Cache;
    use event_listener::{Event, EventListener, Listener};

    use super::Lost;

    pub(crate) use std::sync::atomic::AtomicU64;

    /// The one cell that every publication goes through.
    pub(crate) struct RootCell<T>(Arc<ArcSwap<T>>);

    impl<T> RootCell<T> {
        pub(crate) fn new(root: Arc<T>) -> Self {
            Self(Arc::new(ArcSwap::new(root)))
        }

        /// An owned root.
        pub(crate) fn load(&self) -> Arc<T> {
            self.0.load_full()
        }

        /// Reads something small of the current root. The guard never leaves this function.
        pub(crate) fn with<R>(&self, read: impl FnOnce(&T) -> R) -> R {
            read(&self.0.load())
        }

        /// Publishes `candidate` if the root is still `expected`, by identity.
        pub(crate) fn compare_and_set(&self, expected: &Arc<T>, candidate: Arc<T>) -> Result<(), Lost<T>> {
            let found = self.0.compare_and_swap(expected, Arc::clone(&candidate));
            if Arc::ptr_eq(&found, expected) {
                Ok(())
            } else {
                Err(Lost { found: arc_swap::Guard::into_inner(found), candidate })
            }
        }

        /// A view for one thread that asks only whether anything changed.
        pub(crate) fn cached(&self) -> CachedRoot<T> {
            CachedRoot(Cache::new(Arc::clone(&self.0)))
        }
    }

    /// One thread's view of a [`RootCell`].
    pub(crate) struct CachedRoot<T>(Cache<Arc<ArcSwap<T>>, Arc<T>>);

    impl<T> CachedRoot<T> {
        /// The current root.
        pub(crate) fn get(&mut self) -> &Arc<T> {
            self.0.load()
        }
    }

    /// Wakes whoever waits for the next publication. Takes a lock, a short one, only if someone sleeps.
    pub(crate) struct WakeUp(Event);

    /// Somebody who waits.
    pub(crate) struct Waiting(Pin<Box<EventListener>>);

    impl WakeUp {
        pub(crate) fn new() -> Self {
            Self(Event::new())
        }

        pub(crate) fn notify(&self) {
            self.0.notify(usize::MAX);
        }

        /// Registers before the condition is checked again, so that no wake-up falls between.
        pub(crate) fn listen(&self) -> Waiting {
            Waiting(Box::pin(self.0.listen()))
        }
    }

    impl Waiting {
        pub(crate) fn wait(self) {
            Pin::into_inner(self.0).wait();
        }

        pub(crate) fn wait_for(self, longest: Duration) {
            Pin::into_inner(self.0).wait_timeout(longest);
        }

        pub(crate) fn as_future(&mut self) -> Pin<&mut EventListener> {
            self.0.as_mut()
        }
    }

    /// For the paper venue and the manager's memory between passes. Never on the path of a read, a tick or a write of
    /// the book.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(std::sync::Mutex::new(value))
        }

        /// A panic of another holder does not spread: what it left is used.
        pub(crate) fn lock(&self) -> std::sync::MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }
    }
}

#[cfg(posbook_loom)]
#[allow(clippy::expect_used, clippy::indexing_slicing)] // A model that breaks these has found something: it may panic.
mod imp {
    use std::sync::Arc;
    use std::time::Duration;

    use super::Lost;
    use loom::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering::AcqRel;

    pub(crate) use loom::sync::atomic::AtomicU64;

    /// An index into an arena that only grows. The arena's lock is std's and not part of the model: it only makes the
    /// memory available; the order of events is the index's. No step of the model is taken while it is held.
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
    }

    impl<T> RootCell<T> {
        pub(crate) fn new(root: Arc<T>) -> Self {
            Self(Arc::new(Cell { current: AtomicUsize::new(0), arena: std::sync::Mutex::new(vec![root]) }))
        }

        pub(crate) fn load(&self) -> Arc<T> {
            self.0.load()
        }

        pub(crate) fn with<R>(&self, read: impl FnOnce(&T) -> R) -> R {
            read(&self.load())
        }

        pub(crate) fn compare_and_set(&self, expected: &Arc<T>, candidate: Arc<T>) -> Result<(), Lost<T>> {
            let (old, new) = {
                let mut arena = self.0.arena.lock().expect("the arena's lock is never poisoned");
                // Roots are unique here, because recycling is off: one place has the expected one.
                let old = arena.iter().rposition(|root| Arc::ptr_eq(root, expected));
                arena.push(Arc::clone(&candidate));
                (old.expect("the expected root was published"), arena.len() - 1)
            };
            match self.0.current.compare_exchange(old, new, AcqRel, AcqRel) {
                Ok(_) => Ok(()),
                Err(found) => Err(Lost { found: self.0.at(found), candidate }),
            }
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
        pub(crate) fn get(&mut self) -> &Arc<T> {
            self.seen = self.cell.load();
            &self.seen
        }
    }

    /// Nobody sleeps in these models.
    pub(crate) struct WakeUp;

    pub(crate) struct Waiting;

    impl WakeUp {
        pub(crate) fn new() -> Self {
            Self
        }

        pub(crate) fn notify(&self) {}

        pub(crate) fn listen(&self) -> Waiting {
            Waiting
        }
    }

    impl Waiting {
        pub(crate) fn wait(self) {
            loom::thread::yield_now();
        }

        pub(crate) fn wait_for(self, _longest: Duration) {
            loom::thread::yield_now();
        }
    }

    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(std::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> std::sync::MutexGuard<'_, T> {
            self.0.lock().expect("no model poisons this lock")
        }
    }
}

pub(crate) use imp::CachedRoot;
#[cfg(not(posbook_loom))]
pub(crate) use imp::Waiting;

/// Counts for the health report. Std's in the model too: no decision depends on it, and as a part of the model it would
/// multiply the schedules.
pub(crate) use std::sync::atomic::AtomicU64 as Counter;

/// Padded to a cache line of its own, so that two instruments' ticks do not disturb each other.
pub(crate) use crossbeam_utils::CachePadded;

/// Where retired shells wait. Swaps only: two threads never see the same shell.
#[cfg(not(posbook_loom))]
pub(crate) use crossbeam_utils::atomic::AtomicCell;

/// Where a book takes the time from. Times are data, never order.
///
/// ```
/// use posbook::{Book, Clock, Timestamp};
///
/// let clock = Clock::manual(Timestamp::from_millis(1_000));
/// let book = Book::builder().clock(clock.clone()).build()?;
/// clock.set(Timestamp::from_millis(2_000));
/// assert_eq!(book.now(), Timestamp::from_millis(2_000));
/// # Ok::<(), posbook::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Clock(ClockKind);

#[derive(Debug, Clone)]
enum ClockKind {
    System,
    Manual(Arc<std::sync::atomic::AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(ClockKind::System)
    }

    /// A clock that stands where it is put: market time in a replay, any time in a test. Clones share it.
    pub fn manual(now: Timestamp) -> Self {
        Self(ClockKind::Manual(Arc::new(std::sync::atomic::AtomicI64::new(now.0))))
    }

    /// Puts a manual clock to `now`, backwards too. The machine's clock cannot be set.
    pub fn set(&self, now: Timestamp) {
        if let ClockKind::Manual(time) = &self.0 {
            time.store(now.0, Ordering::Release); // pairs with the load in `now`
        }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            ClockKind::Manual(time) => Timestamp(time.load(Ordering::Acquire)), // pairs with the store in `set`
            ClockKind::System => Timestamp(
                SystemTime::now()
                    .duration_since(SystemTime::UNIX_EPOCH)
                    .map_or(0, |d| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX)),
            ),
        }
    }
}

/// A tag that no other book of this process has (I13).
pub(crate) fn next_tag() -> u32 {
    // Not part of any model: it only has to be unique.
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A number that another process, or another run, does not have: for books nobody named.
pub(crate) fn random_u32() -> u32 {
    use std::hash::{BuildHasher, Hasher};
    let seed = std::collections::hash_map::RandomState::new().build_hasher().finish();
    u32::try_from(seed >> 32).unwrap_or_default()
}

/// A pause between turns of a loop that lost: short, and never a sleep.
///
/// In the model it is nothing: to yield there would tell loom to let the others go first, and the schedules in which
/// the loser goes on at once would never be explored.
pub(crate) fn pause(turn: u32) {
    #[cfg(posbook_loom)]
    let _ = turn;
    #[cfg(not(posbook_loom))]
    if turn < 6 {
        for _ in 0..(1_u32 << turn) {
            std::hint::spin_loop();
        }
    } else {
        std::thread::yield_now();
    }
}

/// How long nothing is waited for at most, by default.
pub(crate) const DEFAULT_PATIENCE: Duration = Duration::from_secs(30);
