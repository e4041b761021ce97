//! Many worlds: their sums, the first that broke a rule, and the smallest world that still breaks it.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use posbook::venue::Fault;

use super::options::Options;
use super::run::{Ended, run};

/// What a number of worlds came to.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Worlds that were run.
    pub worlds: u64,
    /// Worlds that broke a rule.
    pub violations: u64,
    /// The first of them, made as small as it could be.
    pub first: Option<Failed>,
    /// Seeds of all of them.
    pub seeds: Vec<u64>,
    /// Turns of the scheduler.
    pub steps: u64,
    /// Changes published.
    pub changes: u64,
    /// Orders that venues heard of.
    pub orders: u64,
    /// Trades.
    pub fills: u64,
    /// What really went wrong at venues.
    pub faults: BTreeMap<Fault, u64>,
    /// Orders that were in doubt on the way.
    pub in_doubt_seen: u64,
    /// Tasks that were dropped in the middle.
    pub cancelled: u64,
    /// Of these: with an order on its way.
    pub cancelled_in_doubt: u64,
    /// Adoptions and drops.
    pub repairs: u64,
    /// How often a bot was killed and restarted.
    pub kills: u64,
    /// Reductions that had left and that a restart knew nothing of.
    pub forgotten: u64,
    /// Known limits that were met, by name.
    pub exemptions: BTreeMap<&'static str, u64>,
}

/// A world that breaks a rule.
#[derive(Debug, Clone)]
pub struct Failed {
    /// Its seed.
    pub seed: u64,
    /// The smallest options with which it still breaks one.
    pub options: Options,
    /// What it breaks then.
    pub violation: String,
    /// What the world of the seed itself broke.
    pub whole: String,
}

impl Failed {
    /// The command that replays it, with its trace.
    pub fn command(&self) -> String {
        format!(
            "POSBOOK_WORLDS={seed}..{} POSBOOK_WORLD='{}' cargo test --test simulation -- --exact replays --nocapture",
            self.seed.saturating_add(1),
            self.options,
            seed = self.seed,
        )
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { seed, violation, whole, .. } = self;
        write!(f, "world {seed}: {whole}\n  made smaller: {violation}\n  {}", self.command())
    }
}

/// A world; a panic in it is a violation.
fn guarded(seed: u64, options: &Options, tracing: bool) -> Ended {
    catch_unwind(AssertUnwindSafe(|| run(seed, options, tracing))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without words");
        Ended { violation: Some(format!("a panic: {text}")), ..Ended::default() }
    })
}

/// Runs the worlds of some seeds. `options`: of every world instead of its own. `progress` hears of each world that has
/// ended, and says whether to go on.
pub fn simulate(
    seeds: impl IntoIterator<Item = u64>,
    options: Option<&Options>,
    mut progress: impl FnMut(u64, &Ended) -> bool,
) -> Report {
    let mut report = Report::default();
    for seed in seeds {
        let of_seed = options.cloned().unwrap_or_else(|| Options::of(seed));
        let ended = guarded(seed, &of_seed, false);
        report.add(seed, &of_seed, &ended);
        if !progress(seed, &ended) {
            break;
        }
    }
    report
}

/// One world with its trace.
pub fn replay(seed: u64, options: &Options) -> Ended {
    guarded(seed, options, true)
}

/// How often a smaller world is tried at most.
const TRIES: usize = 2_000;

/// Makes a failing world smaller, as long as some smaller one still fails.
pub fn smallest(seed: u64, options: &Options, violation: String) -> (Options, String) {
    let (mut best, mut says, mut tries) = (options.clone(), violation, 0);
    'again: loop {
        for smaller in best.smaller() {
            tries += 1;
            if tries > TRIES {
                return (best, says);
            }
            if let Some(violation) = guarded(seed, &smaller, false).violation {
                (best, says) = (smaller, violation);
                continue 'again;
            }
        }
        return (best, says);
    }
}

impl Report {
    fn add(&mut self, seed: u64, options: &Options, ended: &Ended) {
        self.worlds += 1;
        self.steps += ended.steps;
        self.changes += ended.changes;
        self.orders += ended.orders;
        self.fills += ended.fills;
        self.in_doubt_seen += ended.in_doubt;
        self.cancelled += ended.cancelled;
        self.cancelled_in_doubt += ended.cancelled_in_doubt;
        self.repairs += ended.repairs;
        self.kills += ended.kills;
        self.forgotten += ended.forgotten;
        for (fault, times) in &ended.faults {
            *self.faults.entry(*fault).or_default() += times;
        }
        for (name, times) in &ended.exemptions {
            *self.exemptions.entry(name).or_default() += times;
        }
        let Some(whole) = &ended.violation else { return };
        self.violations += 1;
        self.seeds.push(seed);
        if self.first.is_none() {
            let (options, violation) = smallest(seed, options, whole.clone());
            self.first = Some(Failed { seed, options, violation, whole: whole.clone() });
        }
    }

    /// The sums of two parts of a run.
    pub fn merge(&mut self, other: Self) {
        self.worlds += other.worlds;
        self.violations += other.violations;
        self.seeds.extend(other.seeds);
        self.seeds.sort_unstable();
        self.steps += other.steps;
        self.changes += other.changes;
        self.orders += other.orders;
        self.fills += other.fills;
        self.in_doubt_seen += other.in_doubt_seen;
        self.cancelled += other.cancelled;
        self.cancelled_in_doubt += other.cancelled_in_doubt;
        self.repairs += other.repairs;
        self.kills += other.kills;
        self.forgotten += other.forgotten;
        for (fault, times) in other.faults {
            *self.faults.entry(fault).or_default() += times;
        }
        for (name, times) in other.exemptions {
            *self.exemptions.entry(name).or_default() += times;
        }
        self.first = self.first.take().into_iter().chain(other.first).min_by_key(|failed| failed.seed);
    }

    /// In a few lines, for people.
    pub fn words(&self) -> String {
        let faults: u64 = self.faults.values().sum();
        let mut words = format!(
            "{} worlds, {} violations; {} steps, {} changes, {} orders, {} fills, {faults} faults of {} kinds, {} orders in \
             doubt, {} tasks dropped ({} with an order on its way), {} adoptions and drops, {} kills ({} reductions forgotten)",
            self.worlds,
            self.violations,
            self.steps,
            self.changes,
            self.orders,
            self.fills,
            self.faults.len(),
            self.in_doubt_seen,
            self.cancelled,
            self.cancelled_in_doubt,
            self.repairs,
            self.kills,
            self.forgotten,
        );
        for (name, times) in &self.exemptions {
            words += &format!("\nexempt    {times} x {name}");
        }
        words
    }
}
