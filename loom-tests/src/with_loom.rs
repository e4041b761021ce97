//! Every schedule, by loom.

use tracing_subscriber::fmt::Subscriber;
use tracing_subscriber::util::SubscriberInitExt;

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
    // `loom::model` listens to what loom tells; a builder of one's own has nobody who does.
    let _listening = std::env::var_os("LOOM_LOG").map(|_| {
        let filter = tracing_subscriber::EnvFilter::from_env("LOOM_LOG");
        Subscriber::builder().with_env_filter(filter).with_test_writer().without_time().finish().set_default()
    });
    all.check(model);
}
