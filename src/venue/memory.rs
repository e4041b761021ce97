//! What reconciliation remembers between its runs. It lives beside the manager; [`crate::reconcile`] fills it.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeSet, HashMap};
use std::hash::{Hash, Hasher};

use super::api::Scope;
use crate::model::{InstrumentId, PositionKey, Sequence, Symbol, Timestamp};

/// What earlier reports said: how often complete reports, each asked after the answer before, have said the same (R8,
/// R10); for how many runs in a row a difference could not be decided (R9); and the newest venue time among them.
///
/// ```
/// let nothing_yet = posbook::venue::Confirmations::default();
/// # let _ = nothing_yet;
/// ```
#[derive(Debug, Clone, Default)]
pub struct Confirmations {
    told: HashMap<u64, u32>,
    undecided: HashMap<PositionKey, u32>,
    newest: Option<Timestamp>,
}

impl Confirmations {
    /// One more report says this; how many that makes.
    pub(crate) fn count(&mut self, what: &impl Hash) -> u32 {
        let told = self.told.entry(fingerprint(what)).or_default();
        *told = told.saturating_add(1);
        *told
    }

    /// Forgets what the last report did not say again.
    pub(crate) fn keep_only(&mut self, said: &[impl Hash]) {
        let said: Vec<u64> = said.iter().map(fingerprint).collect();
        self.told.retain(|what, _| said.contains(what));
    }

    /// One more run decided nothing about this key's difference; how many that makes.
    pub(crate) fn undecided(&mut self, key: PositionKey) -> u32 {
        let runs = self.undecided.entry(key).or_default();
        *runs = runs.saturating_add(1);
        *runs
    }

    /// Forgets the runs of the keys about which something was decided.
    pub(crate) fn decided(&mut self, which: impl Fn(PositionKey) -> bool) {
        self.undecided.retain(|key, _| !which(*key));
    }

    /// Whether a report of this time is no older than any before it; takes note of the time.
    pub(crate) fn dated(&mut self, time: Option<Timestamp>) -> bool {
        let newest = time >= self.newest;
        self.newest = self.newest.max(time);
        newest
    }

    /// For a report that was asked before another was answered: both may be one picture, so it confirms nothing and is
    /// confirmed by nothing (R8).
    pub(crate) fn overlapping(&mut self, time: Option<Timestamp>) -> Self {
        let apart = Self { told: HashMap::new(), ..self.clone() };
        self.dated(time);
        apart
    }
}

pub(crate) fn fingerprint(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// Between two runs.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Answers taken note of.
    pub(crate) round: u64,
    pub(crate) earlier: Confirmations,
    /// The last complete report and the state it was compared with. `None`: there is none to build on.
    pub(crate) last: Option<Compared>,
}

/// A comparison that a later one can build on: what it found in agreement stays so while neither side changes.
#[derive(Debug)]
pub(crate) struct Compared {
    /// The state of the book.
    pub(crate) sequence: Sequence,
    pub(crate) scope: Scope,
    /// A fingerprint of how repairs were chosen.
    pub(crate) policies: u64,
    /// What the report said of each symbol, as a fingerprint.
    pub(crate) rows: HashMap<Symbol, u64>,
    /// What was not settled.
    pub(crate) open: BTreeSet<InstrumentId>,
}
