//! What is measured, and in what order: cases, in rounds in which contenders take turns.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::contend::{
    Can, Contender, CopyAll, DashMap, Nothing, PapayaMap, ParkingLotMutex, ParkingLotRwLock, PlainCas,
    Posbook, PosbookCopying, SccMap, SortedSlice, StdMutex, StdMutexRecorded, StdRwLock, Typical,
};
use crate::measure::{Distribution, Figures, Latency, Plan, measure};
use crate::median;
use crate::mix::Kind;
use crate::workload::Workload;

/// A contender as the suite knows it.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// What it can do.
    pub can: Can,
    measure: fn(&Workload, &Plan) -> Figures,
}

fn entry<C: Contender>() -> Entry {
    Entry { name: C::NAME, can: C::CAN, measure: measure::<C> }
}

/// Every contender, posbook first.
pub fn contenders() -> Vec<Entry> {
    vec![
        entry::<Posbook>(),
        entry::<PosbookCopying>(),
        entry::<StdMutex>(),
        entry::<StdMutexRecorded>(),
        entry::<StdRwLock>(),
        entry::<ParkingLotMutex>(),
        entry::<ParkingLotRwLock>(),
        entry::<Typical>(),
        entry::<DashMap>(),
        entry::<PapayaMap>(),
        entry::<SccMap>(),
        entry::<CopyAll>(),
        entry::<SortedSlice>(),
        entry::<PlainCas>(),
    ]
}

/// One line of a suite: a workload, how many positions, who takes part.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// What threads do.
    pub workload: Workload,
    /// Open positions.
    pub positions: usize,
    /// Fills booked before.
    pub history: usize,
    /// Operations a second that each thread begins. `None`: each begins when the one before is done.
    pub rate: Option<f64>,
    /// Names of contenders; empty: all.
    pub who: &'static [&'static str],
}

/// How a suite is run.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// How long one measurement takes.
    pub time: Duration,
    /// Rounds.
    pub rounds: usize,
    /// Fixes what is drawn.
    pub seed: u64,
    /// How keys are chosen.
    pub distribution: Distribution,
}

pub(crate) const POSBOOK: &str = "posbook";
pub(crate) const MUTEX: &str = "std Mutex";
pub(crate) const RECORDED: &str = "std Mutex + record";
pub(crate) const RWLOCK: &str = "std RwLock";
pub(crate) const PARKING: &str = "parking_lot RwLock";
pub(crate) const DASHMAP: &str = "dashmap";
pub(crate) const PAPAYA: &str = "papaya";
pub(crate) const PLAIN: &str = "plain CAS loop";
const COPYING: &str = "posbook, copying";
const TYPICAL: &str = "typical bot";

/// So many past fills are compared with the fewest.
pub(crate) const PAST: [usize; 2] = [100, 1_000_000];
/// What each thread begins a second, in the open loop of the full suite.
const RATE: f64 = 100_000.0;

fn case(name: &str, positions: usize, who: &'static [&'static str]) -> Option<Case> {
    Some(Case { workload: Workload::named(name).ok()?, positions, history: 0, rate: None, who })
}

/// About a minute: what the targets ask.
pub fn quick() -> Vec<Case> {
    let mut cases: Vec<Option<Case>> =
        [10, 100, 1_000, 10_000].map(|positions| case("snapshot", positions, &[POSBOOK, RWLOCK])).into();
    cases.extend([
        case("read", 100, &[POSBOOK, MUTEX, DASHMAP]),
        case("get", 100, &[POSBOOK, MUTEX]),
        case("read-2", 100, &[POSBOOK, MUTEX, RWLOCK, PARKING, DASHMAP, PAPAYA]),
        case("read-beside-writer", 100, &[POSBOOK, MUTEX, DASHMAP, PLAIN]),
        case("get-beside-writer", 100, &[POSBOOK]),
        case("tick", 100, &[POSBOOK, MUTEX]),
        case("tick-2", 100, &[POSBOOK, MUTEX, DASHMAP]),
        case("fill", 100, &[POSBOOK, COPYING, MUTEX, RECORDED, PAPAYA, TYPICAL]),
        case("fill", 1_000, &[POSBOOK, COPYING, MUTEX, RECORDED, PAPAYA]),
        case("batch", 100, &[POSBOOK, MUTEX, RECORDED]),
        case("churn", 100, &[POSBOOK, MUTEX, RECORDED]),
        case("fill-2-one-key", 100, &[POSBOOK, MUTEX, PLAIN]),
        case("fill-2-two-keys", 100, &[POSBOOK, MUTEX, PLAIN]),
        case("mixed-2", 100, &[POSBOOK, MUTEX, DASHMAP, PLAIN]),
        case("mixed-8", 100, &[POSBOOK, MUTEX, PARKING, DASHMAP]),
        case("sweep-beside-ticks", 1_000, &[POSBOOK, MUTEX]),
    ]);
    cases.extend(PAST.map(|history| Some(Case { history, ..case("fill", 100, &[POSBOOK])? })));
    cases.into_iter().flatten().collect()
}

/// Everything against everybody: every workload at 100 positions; the single operations from 10 to 10,000; 1 to 8 threads; 100 to
/// 1,000,000 past fills; and the open loop.
pub fn full() -> Vec<Case> {
    let mut cases: Vec<Option<Case>> = Workload::NAMES.map(|name| case(name, 100, &[])).into();
    for name in ["snapshot", "read", "get", "tick", "fill", "churn", "batch", "sweep"] {
        cases.extend([10, 1_000, 10_000].map(|positions| case(name, positions, &[])));
    }
    cases.push(case("sweep-beside-ticks", 1_000, &[]));
    for base in ["read", "tick", "fill", "mixed"] {
        cases.extend([2, 4, 8].map(|threads| case(&format!("{base}-{threads}"), 100, &[])));
    }
    for history in [PAST[0], 1_000, 10_000, 100_000, PAST[1]] {
        cases.push(case("fill", 100, &[POSBOOK, MUTEX, RECORDED]).map(|case| Case { history, ..case }));
    }
    for name in ["mixed-2", "mixed-8", "read-beside-writer"] {
        cases.push(case(name, 100, &[]).map(|case| Case { rate: Some(RATE), ..case }));
    }
    let mut once: Vec<Case> = Vec::new();
    for case in cases.into_iter().flatten() {
        if !once.contains(&case) {
            once.push(case);
        }
    }
    once
}

/// What was measured of one contender in one case: the median of the rounds, and how far they lay apart.
#[derive(Debug, Clone)]
pub struct Row {
    /// The case.
    pub case: Case,
    /// The contender.
    pub who: &'static str,
    /// What it can do.
    pub can: Can,
    /// Nanoseconds an operation takes its thread: the median over rounds, by role.
    pub cost: Vec<f64>,
    /// The least and the most of the first role's.
    pub cost_between: (f64, f64),
    /// Operations a second, by role.
    pub rate: Vec<f64>,
    /// The slowest thread's rate over the fastest's, for roles that are equal.
    pub fairness: f64,
    /// Median over rounds, by kind: p50, p99, p99.9, the longest, nanoseconds.
    pub latency: BTreeMap<Kind, [f64; 4]>,
}

impl Row {
    /// What an operation of the first role costs, nanoseconds.
    pub fn first_cost(&self) -> f64 {
        self.cost.first().copied().unwrap_or(f64::NAN)
    }

    /// Operations a second of all threads.
    pub fn all_rate(&self) -> f64 {
        self.rate.iter().sum()
    }

    /// The share of what was to begin that did, in the open loop. `None`: nothing was to begin at a time.
    pub fn kept(&self) -> Option<f64> {
        let offered = self.case.rate? * self.rate.len() as f64;
        Some(self.all_rate() / offered)
    }

    /// A case as people read it.
    pub fn title(&self) -> String {
        let Case { workload, positions, history, rate, .. } = &self.case;
        let mut title = format!("{}, {positions} positions", workload.name);
        if *history > 0 {
            title += &format!(", {history} fills before");
        }
        if let Some(rate) = rate {
            title += &format!(", {rate} a second");
        }
        title
    }

    /// What a picture or a batch of this contender lacks, where one is asked of it.
    pub fn lacks(&self) -> Option<&'static str> {
        let asked =
            |kind| self.case.workload.roles.iter().any(|role| role.mix.parts().any(|(part, _)| part == kind));
        if asked(Kind::Batch) && !self.can.batch {
            return Some("seen in parts");
        }
        ((asked(Kind::Take) || asked(Kind::Sweep)) && !self.can.picture).then_some("of no one moment")
    }
}

/// Rows of one case together, in their order.
pub fn groups(rows: &[Row]) -> Vec<Vec<&Row>> {
    let mut groups: Vec<Vec<&Row>> = Vec::new();
    for row in rows {
        let title = row.title();
        match groups.iter_mut().find(|group| group.first().is_some_and(|first| first.title() == title)) {
            Some(group) => group.push(row),
            None => groups.push(vec![row]),
        }
    }
    groups
}

/// Why a suite ended early: the auditor's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(pub String);

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Violation {}

/// Nanoseconds that choosing an operation and checking a read take by themselves: they are in every cost.
pub fn harness_cost(run: &Run) -> f64 {
    let Ok(workload) = Workload::named("read") else { return f64::NAN };
    let Run { time, seed, distribution, .. } = *run;
    let plan = Plan { positions: 100, distribution, time, seed, history: 0, rate: None };
    let costs = (0..run.rounds).filter_map(|_| measure::<Nothing>(&workload, &plan).cost.first().copied());
    median(costs.collect())
}

/// Measurements that a suite takes.
pub fn measurements(cases: &[Case], rounds: usize) -> usize {
    cases.iter().map(|case| taking_part(case).count()).sum::<usize>() * rounds
}

fn taking_part(case: &Case) -> impl Iterator<Item = Entry> + use<'_> {
    contenders().into_iter().filter(|entry| case.who.is_empty() || case.who.contains(&entry.name))
}

/// Runs cases in rounds; contenders take turns within each.
///
/// # Errors
/// The auditor's objection: what measured wrong has no figure, however fast.
pub fn run(cases: &[Case], run: &Run, mut done: impl FnMut()) -> Result<Vec<Row>, Violation> {
    // By case, by contender, in the order of both.
    let mut seen: Vec<Vec<(Entry, Vec<Figures>)>> =
        cases.iter().map(|case| taking_part(case).map(|entry| (entry, Vec::new())).collect()).collect();
    for round in 0..run.rounds {
        for (case, taking_part) in cases.iter().zip(&mut seen) {
            let plan = Plan {
                positions: case.positions,
                distribution: run.distribution,
                time: run.time,
                seed: run.seed.wrapping_add(round as u64),
                history: case.history,
                rate: case.rate,
            };
            for (entry, seen) in taking_part {
                let figures = (entry.measure)(&case.workload, &plan);
                done();
                if let Some(wrong) = &figures.wrong {
                    return Err(Violation(format!(
                        "{} in {} with {} positions, round {round}: {wrong}",
                        entry.name, case.workload.name, case.positions
                    )));
                }
                seen.push(figures);
            }
        }
    }
    let rows = cases
        .iter()
        .zip(&seen)
        .flat_map(|(case, seen)| seen.iter().map(move |(entry, rounds)| row(case, entry, rounds)));
    Ok(rows.collect())
}

fn row(case: &Case, entry: &Entry, rounds: &[Figures]) -> Row {
    let roles = rounds.first().map_or(0, |figures| figures.cost.len());
    let over = |of: &dyn Fn(&Figures) -> f64| median(rounds.iter().map(of).collect());
    let at = |values: &[f64], role: usize| values.get(role).copied().unwrap_or(f64::NAN);
    let first = rounds.iter().map(|figures| at(&figures.cost, 0));
    let kinds = Kind::ALL.into_iter().filter_map(|kind| {
        let latency: Vec<_> = rounds.iter().filter_map(|figures| figures.latency.get(&kind)).collect();
        let middle = |of: fn(&Latency) -> u64| median(latency.iter().map(|l| of(l) as f64).collect());
        (!latency.is_empty())
            .then(|| (kind, [middle(|l| l.p50), middle(|l| l.p99), middle(|l| l.p999), middle(|l| l.max)]))
    });
    let fairness = |figures: &Figures| {
        let most = figures.rate.iter().copied().fold(0.0, f64::max);
        figures.rate.iter().copied().fold(most, f64::min) / most
    };
    Row {
        case: case.clone(),
        who: entry.name,
        can: entry.can,
        cost: (0..roles).map(|role| over(&|figures| at(&figures.cost, role))).collect(),
        cost_between: (first.clone().fold(f64::INFINITY, f64::min), first.fold(0.0, f64::max)),
        rate: (0..roles).map(|role| over(&|figures| at(&figures.rate, role))).collect(),
        fairness: over(&fairness),
        latency: kinds.collect(),
    }
}
