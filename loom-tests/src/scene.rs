//! A scene: what is explored, what must come out, and the small books it is played on.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    reason = "a model measures, and fails by a panic"
)]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use posbook::{Book, Builder, Clock, Fill, Instrument, InstrumentId, OrderSide, Timestamp};

use crate::checker;

/// How far loom looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Everywhere.
    None,
    /// At schedules in which threads are interrupted at most so often. It misses outcomes if it is too small; the scene
    /// says why it needs one.
    Preemptions(usize),
}

impl Bound {
    /// Everywhere by hand; with so many preemptions in CI.
    pub fn in_ci(most: usize) -> Self {
        if by_hand() { Bound::None } else { Bound::Preemptions(most) }
    }
}

/// Whether the long runs are wanted: `POSBOOK_SCALE=hand`.
pub fn by_hand() -> bool {
    std::env::var("POSBOOK_SCALE").is_ok_and(|scale| scale == "hand")
}

/// Runs `model` through every schedule and asserts that the outcomes reached are exactly those of `table`.
///
/// # Panics
/// They are not, or the model panicked in some schedule.
pub fn explore<O>(name: &str, table: &[O], model: impl Fn() -> O + Send + Sync + 'static)
where
    O: Ord + Clone + Debug + Send + 'static,
{
    explore_within(name, Bound::None, table, model);
}

/// As [`explore`], within a bound.
///
/// # Panics
/// As [`explore`].
pub fn explore_within<O>(name: &str, bound: Bound, table: &[O], model: impl Fn() -> O + Send + Sync + 'static)
where
    O: Ord + Clone + Debug + Send + 'static,
{
    let started = Instant::now();
    let reached: Arc<Mutex<BTreeMap<O, u64>>> = Arc::default();
    let into = Arc::clone(&reached);
    checker::check(name, bound, move || {
        let outcome = model();
        *into.lock().expect("no model panics while it holds this").entry(outcome).or_default() += 1;
    });
    let reached = reached.lock().expect("no model panics while it holds this");
    let schedules: u64 = reached.values().sum();
    let bound = match bound {
        _ if !checker::EXHAUSTIVE => "random".to_owned(),
        Bound::None => "no bound".to_owned(),
        Bound::Preemptions(most) => format!("at most {most} preemptions"),
    };
    // Straight to stderr: the test harness would keep what a passing test prints.
    let _ = writeln!(
        std::io::stderr(),
        "model {} | {name}: {schedules} schedules, {} outcomes of {}, {bound}, {:.3} s",
        std::thread::current().name().unwrap_or("main"), // the test's path
        reached.len(),
        table.len(),
        started.elapsed().as_secs_f64(),
    );
    let unlisted: Vec<_> = reached.keys().filter(|outcome| !table.contains(outcome)).collect();
    assert!(unlisted.is_empty(), "outcomes that are not in the table: {unlisted:#?}");
    if checker::EXHAUSTIVE {
        let missing: Vec<_> = table.iter().filter(|outcome| !reached.contains_key(outcome)).collect();
        assert!(missing.is_empty(), "outcomes of the table that were never reached: {missing:#?}");
    }
}

/// A control: the crate with this fault of its own must be found out by `model`, and for the reason that is in `says`.
/// Without the fault the same scene must be green, which the caller shows by [`explore`].
///
/// # Panics
/// The model is green, or red for another reason.
#[cfg(posbook_faults)]
pub fn must_fail(fault: &'static str, says: &str, model: impl FnOnce()) {
    let started = Instant::now();
    posbook::twins::choose(Some(fault));
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(model));
    posbook::twins::choose(None);
    let Err(why) = ended else { panic!("the twin {fault} was not noticed") };
    let words = why.downcast_ref::<String>().cloned();
    let words = words.or_else(|| why.downcast_ref::<&str>().map(|w| (*w).to_owned())).unwrap_or_default();
    assert!(words.contains(says), "the twin {fault} is red, but it does not say {says:?}: {words}");
    let _ = writeln!(
        std::io::stderr(),
        "control {fault}: red as it must be, {says:?}, {:.3} s",
        started.elapsed().as_secs_f64()
    );
}

/// A builder for a model: small, and with a clock that stands still, because every schedule must take the same
/// way when it is run again.
pub fn small(instruments: usize) -> Builder {
    let clock = Clock::manual(Timestamp::from_millis(1_000));
    Book::builder().instruments(instruments).window(1).clock(clock).identity(1, 1)
}

/// Registers the n-th instrument.
///
/// # Panics
/// The book is full.
pub fn instrument(book: &Book, n: usize) -> InstrumentId {
    let instrument =
        Instrument::linear(&format!("C{n}/USDT:USDT"), "0.1", "0.001").expect("it is well formed");
    book.register(instrument).expect("the book has room for it")
}

/// A fill at 100 that no order of ours explains.
///
/// # Panics
/// The texts are no numbers.
pub fn fill(id: InstrumentId, trade: &str, side: OrderSide, quantity: &str) -> Fill {
    let quantity = quantity.parse().expect("it is a quantity");
    let price = "100".parse().expect("it is a price");
    Fill::trade(id, trade.parse().expect("it is a reference"), side, quantity, price)
}
