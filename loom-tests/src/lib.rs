//! What every model shares: a run through all schedules, and a comparison of what was reached with what is legal.
//!
//! A green model proves nothing by itself: it may have explored a single schedule, or never have reached the case it
//! is about. So a model returns an *outcome* for each schedule, its file's header lists the legal ones as a table, and
//! `explore` asserts that the set reached **equals** the table: an outcome too many is a bug of the book, an outcome
//! missing is a bug of the model. It prints how many schedules there were and how long they took; `.ci/run` fails if
//! no model printed anything.
//!
//! Without `--cfg posbook_loom` this package is empty, so that `cargo build`, clippy and `cargo doc` need no loom. Run it by
//! `cargo loom`.
//!
//! # What a model sees, and what not
//!
//! The root cell, which in this build is an index into an append-only arena (see the essay of `src/sync.rs`), the marks
//! and the end of the feed are loom's. The counters of the health report are std's: no decision depends on them. Shells
//! are not recycled here, because nothing in the arena is ever uniquely owned.
#![cfg_attr(
    posbook_loom,
    allow(
        clippy::disallowed_types,
        clippy::disallowed_methods,
        clippy::expect_used,
        clippy::panic,
        reason = "a model measures, and fails by a panic"
    )
)]

#[cfg(posbook_loom)]
pub use modelled::*;

#[cfg(posbook_loom)]
mod modelled {
    use std::collections::BTreeMap;
    use std::fmt::Debug;
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    use std::time::Instant;

    use posbook::{Book, Builder, Clock, Fill, Instrument, InstrumentId, OrderSide, Timestamp};

    /// Runs `model` through every schedule, without a bound, and asserts that the outcomes reached are exactly those
    /// of `table`.
    ///
    /// # Panics
    /// They are not, or the model panicked in some schedule.
    pub fn explore<O>(name: &str, table: &[O], model: impl Fn() -> O + Send + Sync + 'static)
    where
        O: Ord + Clone + Debug + Send + 'static,
    {
        let started = Instant::now();
        let reached: Arc<Mutex<BTreeMap<O, u64>>> = Arc::default();
        let mut all = loom::model::Builder::new();
        // Said here, so that no LOOM_ variable of the environment quietly cuts the search short.
        (all.preemption_bound, all.max_permutations, all.max_duration) = (None, None, None);
        all.checkpoint_file = None;
        let into = Arc::clone(&reached);
        all.check(move || {
            let outcome = model();
            *into.lock().expect("no model panics while it holds this").entry(outcome).or_default() += 1;
        });
        let reached = reached.lock().expect("no model panics while it holds this");
        let schedules: u64 = reached.values().sum();
        // Straight to stderr: the test harness would keep what a passing test prints.
        let _ = writeln!(
            std::io::stderr(),
            "model {name}: {schedules} schedules, {} outcomes of {}, no bound, {:.3} s",
            reached.len(),
            table.len(),
            started.elapsed().as_secs_f64(),
        );
        let unlisted: Vec<_> = reached.keys().filter(|outcome| !table.contains(outcome)).collect();
        assert!(unlisted.is_empty(), "outcomes that are not in the table: {unlisted:#?}");
        let missing: Vec<_> = table.iter().filter(|outcome| !reached.contains_key(outcome)).collect();
        assert!(missing.is_empty(), "outcomes of the table that were never reached: {missing:#?}");
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
}
