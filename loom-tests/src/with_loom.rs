//! Every schedule, by loom.

use super::scene::Bound;

/// Whether what was not reached was looked for everywhere.
pub(crate) const EXHAUSTIVE: bool = true;

/// Runs `model` through every schedule within the bound.
pub(crate) fn check(_name: &str, bound: Bound, model: impl Fn() + Send + Sync + 'static) {
    let mut all = loom::model::Builder::new();
    // Said here, so that no LOOM_ variable of the environment quietly cuts the search short.
    (all.max_permutations, all.max_duration) = (None, None);
    all.preemption_bound = match bound {
        Bound::None => None,
        Bound::Preemptions(most) => Some(most),
    };
    all.checkpoint_file = None;
    all.check(model);
}
