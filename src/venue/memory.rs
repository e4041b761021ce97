//! What reconciliation remembers between its runs. It lives beside the manager; [`crate::reconcile`] fills it.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// How often complete reports, each asked after the answer before, have said the same (R8, R10).
///
/// ```
/// let nothing_yet = posbook::venue::Confirmations::default();
/// # let _ = nothing_yet;
/// ```
#[derive(Debug, Clone, Default)]
pub struct Confirmations(HashMap<u64, u32>);

impl Confirmations {
    /// One more report says this; how many that makes.
    pub(crate) fn count(&mut self, what: &impl Hash) -> u32 {
        let told = self.0.entry(fingerprint(what)).or_default();
        *told = told.saturating_add(1);
        *told
    }

    /// Forgets what the last report did not say again.
    pub(crate) fn keep_only(&mut self, said: &[impl Hash]) {
        let said: Vec<u64> = said.iter().map(fingerprint).collect();
        self.0.retain(|what, _| said.contains(what));
    }
}

fn fingerprint(what: &impl Hash) -> u64 {
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
}
