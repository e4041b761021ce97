//! THE SEAM: the only place, with its folder, that names `arc_swap`, `loom`, `shuttle`, an atomic, a lock or a clock.
//!
//! Everything that threads share goes through here. Validation, transition, retry, recycling and feed are one and the
//! same source in every build; only what is here differs, and has the same signatures:
//!
//! | build | root cell | recycling | who it is for |
//! |---|---|---|---|
//! | the real one | `ArcSwap` (`arc_swap_cell.rs`) | on | everybody |
//! | `--cfg posbook_shuttle` | the same, with a scheduling point before each step | on | shuttle: long random schedules |
//! | `--cfg posbook_loom` | an index into an arena (`arena_cell.rs`) | off | loom: every schedule, tables of outcomes |
//! | `--cfg posbook_loom --cfg posbook_recycling` | a loom mutex (`mutex_cell.rs`) | on | loom: the shells and their pool |
//!
//! A lost compare-and-set hands the candidate back with what was found: the retry never loads again, and the
//! candidate's shell can return to its pool (arc-swap would free it, and a published shell must never be freed while its
//! book lives; see `book/root.rs`).
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

#[cfg(all(posbook_loom, not(posbook_recycling)))]
mod arena_cell;
#[cfg(all(posbook_loom, not(posbook_recycling)))]
pub(crate) use arena_cell::{AtomicCell, CachedRoot, RECYCLING, RootArc, RootCell};

#[cfg(all(posbook_loom, posbook_recycling))]
mod mutex_cell;
#[cfg(all(posbook_loom, posbook_recycling))]
pub(crate) use mutex_cell::{AtomicCell, CachedRoot, RECYCLING, RootArc, RootCell};

#[cfg(not(posbook_loom))]
mod arc_swap_cell;
#[cfg(not(posbook_loom))]
pub(crate) use arc_swap_cell::{AtomicCell, CachedRoot, RECYCLING, RootArc, RootCell};

#[cfg(not(any(posbook_loom, posbook_shuttle)))]
mod sleep;
#[cfg(not(any(posbook_loom, posbook_shuttle)))]
pub(crate) use sleep::{Waiting, WakeUp};

#[cfg(any(posbook_loom, posbook_shuttle))]
mod sleep_modelled;
#[cfg(any(posbook_loom, posbook_shuttle))]
pub(crate) use sleep_modelled::{Waiting, WakeUp};

#[cfg(posbook_loom)]
pub(crate) use loom::sync::atomic::AtomicU64;
#[cfg(posbook_shuttle)]
pub(crate) use shuttle::sync::atomic::AtomicU64;
#[cfg(not(any(posbook_loom, posbook_shuttle)))]
pub(crate) use std::sync::atomic::AtomicU64;

/// Whether this build is a broken twin with this fault: never in a build that anybody runs, where it is a constant.
/// `cargo faults` builds the crate with `--cfg posbook_faults` and names faults in the environment.
#[cfg(not(posbook_faults))]
pub(crate) const fn fault(_name: &str) -> bool {
    false
}

/// As above.
#[cfg(posbook_faults)]
pub(crate) fn fault(name: &str) -> bool {
    twins::chosen(name)
}

/// How a program or a test chooses the faults of a broken twin.
#[cfg(posbook_faults)]
pub mod twins {
    use std::cell::RefCell;
    use std::sync::OnceLock;

    thread_local! {
        /// What this thread chose; a model runs all of its threads on one.
        static HERE: RefCell<Option<&'static str>> = const { RefCell::new(None) };
    }

    /// Breaks the crate in this way for what this thread does from now on; `None` mends it. Without it the names in
    /// `POSBOOK_FAULT`, separated by commas, are broken for everybody.
    pub fn choose(fault: Option<&'static str>) {
        HERE.with(|here| *here.borrow_mut() = fault);
    }

    pub(super) fn chosen(name: &str) -> bool {
        static ENVIRONMENT: OnceLock<Vec<String>> = OnceLock::new();
        HERE.with(|here| *here.borrow() == Some(name))
            || ENVIRONMENT
                .get_or_init(|| {
                    let names = std::env::var("POSBOOK_FAULT").unwrap_or_default();
                    names.split(',').map(str::to_owned).collect()
                })
                .iter()
                .any(|chosen| chosen == name)
    }
}

/// A compare-and-set that lost: another root was there.
pub(crate) struct Lost<T> {
    /// The root that was there.
    pub found: RootArc<T>,
    /// The root that was to be published, handed back.
    pub candidate: RootArc<T>,
}

/// Places in the pool of shells; shells beyond that wait in its bag. They are pinned only by loads in flight and by readers.
/// Few in the models, so that the bag is used there.
pub(crate) const POOL_PLACES: usize = if cfg!(any(posbook_loom, posbook_shuttle)) { 2 } else { 256 };
/// Places of their own for shells that were held when they were put away.
pub(crate) const PARKING_PLACES: usize = if cfg!(posbook_loom) { 1 } else { 4 };
/// Bodies that wait to be used again. So many are never needed by two or three writers, and then none is freed, which costs
/// more than anything else a write does. Each keeps a whole book of its own, so one that is not needed goes
/// (`Pool::one_too_many`).
pub(crate) const BODY_PLACES: usize = if cfg!(posbook_loom) { 2 } else { 8 };
/// Shells made with a book, so that an address of ours is rarely a new one while other cells are busy.
pub(crate) const SHELLS_IN_ADVANCE: usize = if cfg!(posbook_loom) { 1 } else { 16 };

/// For the paper venue and the manager's memory between passes. Never on the path of a read, a tick or a write of the
/// book, and never held across one: so it is std's in the models too.
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

/// A thread that the library starts: only ever by a feature that says so.
#[cfg(feature = "journal")]
pub(crate) struct Thread(std::thread::JoinHandle<()>);

/// Starts a thread of this name.
#[cfg(feature = "journal")]
pub(crate) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<Thread> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map(Thread)
}

#[cfg(feature = "journal")]
impl Thread {
    /// Waits until it has ended. A panic of it has been printed, and does not spread.
    pub(crate) fn join(self) {
        let _ = self.0.join();
    }
}

/// Counts for the health report. Std's in the models too: no decision depends on it, and as a part of a model it would
/// multiply the schedules.
pub(crate) use std::sync::atomic::AtomicU64 as Counter;

/// Padded to a cache line of its own, so that two instruments' ticks do not disturb each other.
pub(crate) use crossbeam_utils::CachePadded;

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
/// In the models it is nothing: to yield there would tell the checker to let the others go first, and the schedules in
/// which the loser goes on at once would never be explored.
pub(crate) fn pause(turn: u32) {
    if cfg!(any(posbook_loom, posbook_shuttle)) {
        return;
    }
    if turn < 6 {
        for _ in 0..(1_u32 << turn) {
            std::hint::spin_loop();
        }
    } else {
        std::thread::yield_now();
    }
}

/// A moment between two looks at something that is about to change. In the models nothing, as [`pause`].
pub(crate) fn glance() {
    if !cfg!(any(posbook_loom, posbook_shuttle)) {
        std::hint::spin_loop();
    }
}

/// How long nothing is waited for at most, by default.
pub(crate) const DEFAULT_PATIENCE: Duration = Duration::from_secs(30);
