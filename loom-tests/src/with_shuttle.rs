//! Random schedules, by shuttle. What fails is printed as a schedule; `POSBOOK_SCHEDULE=<that text>` runs it again.

use std::io::Write;

use shuttle::scheduler::{RandomScheduler, ReplayScheduler, Scheduler};
use shuttle::{Config, Runner};

use super::scene::{Bound, by_hand};

/// A random walk may miss what is rare.
pub(crate) const EXHAUSTIVE: bool = false;

/// Enough for any frame of the book in an unoptimised build.
const STACK: usize = 1 << 19;

/// Runs `model` through as many random schedules as the scale says.
pub(crate) fn check(name: &str, _bound: Bound, model: impl Fn() + Send + Sync + 'static) {
    let schedules = if by_hand() { 200_000 } else { 5_000 };
    run(name, seed(), schedules, model);
}

/// The seed of the walks: of the environment, or always the same.
pub fn seed() -> u64 {
    std::env::var("POSBOOK_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

/// Runs `model` through `schedules` random schedules; returns how many there were.
pub fn run(name: &str, seed: u64, schedules: usize, model: impl Fn() + Send + Sync + 'static) -> usize {
    if let Ok(schedule) = std::env::var("POSBOOK_SCHEDULE") {
        let _ = writeln!(std::io::stderr(), "model {name}: the schedule of POSBOOK_SCHEDULE");
        return go(ReplayScheduler::new_from_encoded(schedule.trim()), model);
    }
    // Said only by what fails: shuttle prints the schedule, this the walk it belongs to.
    let told = TellSeed(name, seed);
    let ran = go(RandomScheduler::new_from_seed(seed, schedules), model);
    std::mem::forget(told);
    ran
}

/// Names the walk when the model unwinds.
struct TellSeed<'a>(&'a str, u64);

impl Drop for TellSeed<'_> {
    fn drop(&mut self) {
        let _ = writeln!(std::io::stderr(), "model {}: failed in the walk of seed {}", self.0, self.1);
    }
}

fn go(scheduler: impl Scheduler + 'static, model: impl Fn() + Send + Sync + 'static) -> usize {
    let mut config = Config::new();
    config.stack_size = STACK;
    config.silence_warnings = true; // it takes every ordering for SeqCst; loom looks at those
    Runner::new(scheduler, config).run(model)
}
