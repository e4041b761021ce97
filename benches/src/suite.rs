//! What is measured, in rounds in which contenders take turns, and what the targets make of it. Only ratios inside one run
//! mean anything, so every target is one.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::contend::{
    Can, Contender, CopyAll, DashMap, PapayaMap, ParkingLotMutex, ParkingLotRwLock, PlainCas, Posbook,
    PosbookCopying, SccMap, SortedSlice, StdMutex, StdMutexRecorded, StdRwLock, Typical,
};
use crate::environment::Environment;
use crate::measure::{Distribution, Figures, Plan, measure};
use crate::median;
use crate::workload::{Kind, Workload};

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
#[derive(Debug, Clone)]
pub struct Case {
    /// The workload's name.
    pub workload: &'static str,
    /// Open positions.
    pub positions: usize,
    /// Fills booked before.
    pub history: usize,
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

const POSBOOK: &str = "posbook";
const MUTEX: &str = "std Mutex";
const RECORDED: &str = "std Mutex + record";
const RWLOCK: &str = "std RwLock";
const PARKING: &str = "parking_lot RwLock";
const DASHMAP: &str = "dashmap";
const PAPAYA: &str = "papaya";
const PLAIN: &str = "plain CAS loop";

/// About a minute: what the targets ask.
pub fn quick() -> Vec<Case> {
    let case = |workload, positions, who| Case { workload, positions, history: 0, who };
    let mut cases: Vec<Case> =
        [10, 100, 1_000, 10_000].map(|positions| case("snapshot", positions, &[POSBOOK, RWLOCK])).into();
    cases.extend([
        case("read", 100, &[POSBOOK, MUTEX, DASHMAP]),
        case("read-2", 100, &[POSBOOK, MUTEX, RWLOCK, PARKING, DASHMAP, PAPAYA]),
        case("read-beside-writer", 100, &[POSBOOK, MUTEX, DASHMAP, PLAIN]),
        case("tick", 100, &[POSBOOK, MUTEX]),
        case("tick-2", 100, &[POSBOOK, MUTEX, DASHMAP]),
        case("fill", 100, &[POSBOOK, "posbook, copying", MUTEX, RECORDED, PAPAYA, "typical bot"]),
        case("fill", 1_000, &[POSBOOK, "posbook, copying", MUTEX, RECORDED, PAPAYA]),
        case("batch", 100, &[POSBOOK, MUTEX, RECORDED]),
        case("fill-2-one-key", 100, &[POSBOOK, MUTEX, PLAIN]),
        case("fill-2-two-keys", 100, &[POSBOOK, MUTEX, PLAIN]),
        case("mixed-2", 100, &[POSBOOK, MUTEX, DASHMAP, PLAIN]),
        case("mixed-8", 100, &[POSBOOK, MUTEX, PARKING, DASHMAP]),
        case("sweep-beside-ticks", 1_000, &[POSBOOK, MUTEX]),
    ]);
    for history in [100, 100_000] {
        cases.push(Case { history, ..case("fill", 100, &[POSBOOK]) });
    }
    cases
}

/// Everything against everybody: every workload, from 10 to 10,000 positions.
pub fn full() -> Vec<Case> {
    let mut cases = quick();
    for workload in Workload::NAMES {
        for positions in [10, 100, 1_000, 10_000] {
            cases.push(Case { workload, positions, history: 0, who: &[] });
        }
    }
    for history in [100, 1_000, 10_000, 100_000, 1_000_000] {
        cases.push(Case { workload: "fill", positions: 100, history, who: &[POSBOOK] });
    }
    cases
}

/// What was measured of one contender in one case: the median of the rounds, and how far they lay apart.
#[derive(Debug, Clone)]
pub struct Row {
    /// The case.
    pub workload: String,
    #[allow(missing_docs)]
    pub positions: usize,
    #[allow(missing_docs)]
    pub history: usize,
    /// The contender.
    pub who: &'static str,
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

/// A target and what was got.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its number.
    pub id: u8,
    /// What is compared.
    pub what: String,
    /// What is wanted.
    pub want: Want,
    /// What was got. `None`: this run does not measure it.
    pub got: Option<f64>,
    /// What stands behind it, or who measures it.
    pub note: String,
}

/// A bound.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)]
pub enum Want {
    AtLeast(f64),
    AtMost(f64),
}

impl std::fmt::Display for Want {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (sign, bound) = match self {
            Want::AtLeast(least) => (">=", least),
            Want::AtMost(most) => ("<=", most),
        };
        let digits = format!("{bound:.3}");
        write!(f, "{sign} {}", digits.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl Target {
    /// Whether it holds. `None`: not measured here.
    pub fn met(&self) -> Option<bool> {
        self.got.map(|got| match self.want {
            Want::AtLeast(least) => got >= least,
            Want::AtMost(most) => got <= most,
        })
    }
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
pub fn run(cases: &[Case], run: &Run, mut done: impl FnMut(&str)) -> Result<Vec<Row>, Violation> {
    let mut seen: BTreeMap<(usize, &'static str), Vec<Figures>> = BTreeMap::new();
    for round in 0..run.rounds {
        for (at, case) in cases.iter().enumerate() {
            let Some(workload) = Workload::named(case.workload) else { continue };
            let plan = Plan {
                positions: case.positions,
                distribution: run.distribution,
                time: run.time,
                seed: run.seed + round as u64,
                history: case.history,
            };
            for entry in taking_part(case) {
                done(&format!("{} {} {}", case.workload, case.positions, entry.name));
                let figures = (entry.measure)(&workload, &plan);
                if let Some(wrong) = &figures.wrong {
                    return Err(Violation(format!(
                        "{} in {} with {} positions, round {round}: {wrong}",
                        entry.name, case.workload, case.positions
                    )));
                }
                seen.entry((at, entry.name)).or_default().push(figures);
            }
        }
    }
    Ok(seen.into_iter().filter_map(|((at, who), rounds)| Some(row(cases.get(at)?, who, &rounds))).collect())
}

fn row(case: &Case, who: &'static str, rounds: &[Figures]) -> Row {
    let roles = rounds.first().map_or(0, |figures| figures.cost.len());
    let over = |of: &dyn Fn(&Figures) -> f64| median(rounds.iter().map(of).collect());
    let at = |values: &[f64], role: usize| values.get(role).copied().unwrap_or(f64::NAN);
    let first = rounds.iter().map(|figures| at(&figures.cost, 0));
    let kinds = Kind::ALL.into_iter().filter_map(|kind| {
        let latency: Vec<_> = rounds.iter().filter_map(|figures| figures.latency.get(&kind)).collect();
        let middle =
            |of: fn(&crate::measure::Latency) -> u64| median(latency.iter().map(|l| of(l) as f64).collect());
        (!latency.is_empty())
            .then(|| (kind, [middle(|l| l.p50), middle(|l| l.p99), middle(|l| l.p999), middle(|l| l.max)]))
    });
    let fairness = |figures: &Figures| {
        let most = figures.rate.iter().copied().fold(0.0, f64::max);
        figures.rate.iter().copied().fold(most, f64::min) / most
    };
    Row {
        workload: case.workload.to_owned(),
        positions: case.positions,
        history: case.history,
        who,
        cost: (0..roles).map(|role| over(&|figures| at(&figures.cost, role))).collect(),
        cost_between: (first.clone().fold(f64::INFINITY, f64::min), first.fold(0.0, f64::max)),
        rate: (0..roles).map(|role| over(&|figures| at(&figures.rate, role))).collect(),
        fairness: over(&fairness),
        latency: kinds.collect(),
    }
}

/// What the targets make of it.
pub fn targets(rows: &[Row]) -> Vec<Target> {
    Judge { rows, targets: Vec::new() }.all()
}

struct Judge<'a> {
    rows: &'a [Row],
    targets: Vec<Target>,
}

impl Judge<'_> {
    fn row(&self, workload: &str, positions: usize, who: &str) -> Option<&Row> {
        self.rows
            .iter()
            .find(|row| (row.workload.as_str(), row.positions, row.who) == (workload, positions, who))
    }

    fn cost(&self, workload: &str, positions: usize, who: &str) -> Option<f64> {
        self.row(workload, positions, who)?.cost.first().copied()
    }

    fn tail(&self, workload: &str, positions: usize, who: &str, kind: Kind) -> Option<f64> {
        self.row(workload, positions, who)?.latency.get(&kind).map(|at| at[2])
    }

    fn rate(&self, workload: &str, who: &str) -> Option<f64> {
        Some(self.row(workload, 100, who)?.rate.iter().sum())
    }

    fn add(&mut self, id: u8, what: String, want: Want, above: Option<f64>, below: Option<f64>, unit: &str) {
        let got = above.zip(below).map(|(above, below)| above / below);
        let note = match (above, below) {
            (Some(above), Some(below)) => match unit {
                "ns" => format!("{} against {}", time(above), time(below)),
                "a second" => format!("{:.2} M a second against {:.2} M", above / 1e6, below / 1e6),
                _ => String::new(),
            },
            _ => "not in this run".to_owned(),
        };
        self.targets.push(Target { id, what, want, got, note });
    }

    fn elsewhere(&mut self, id: u8, what: &str, want: Want, command: &str) {
        let (what, note) = (what.to_owned(), format!("measured by {command}"));
        self.targets.push(Target { id, what, want, got: None, note });
    }

    fn all(mut self) -> Vec<Target> {
        use Want::{AtLeast, AtMost};
        for (positions, least) in [(100, 40.0), (1_000, 700.0), (10_000, 5_000.0)] {
            let [clone, taken] = [RWLOCK, POSBOOK].map(|who| self.cost("snapshot", positions, who));
            let what = format!("a snapshot of {positions} positions: an RwLock clone costs so much more");
            self.add(1, what, AtLeast(least), clone, taken, "ns");
        }
        let [many, few] = [10_000, 10].map(|positions| self.cost("snapshot", positions, POSBOOK));
        self.add(1, "a snapshot of 10,000 positions against one of 10".into(), AtMost(1.3), many, few, "ns");

        let [read, locked] = [POSBOOK, MUTEX].map(|who| self.cost("read", 100, who));
        self.add(2, "a read by Reader against one under a mutex".into(), AtMost(0.75), read, locked, "ns");
        for (who, least) in [(MUTEX, 3.0), (RWLOCK, 2.0), (PARKING, 2.0), (DASHMAP, 2.0), (PAPAYA, 2.0)] {
            let (mine, theirs) = (self.rate("read-2", POSBOOK), self.rate("read-2", who));
            self.add(
                3,
                format!("two readers, reads a second against {who}"),
                AtLeast(least),
                mine,
                theirs,
                "a second",
            );
        }
        for (who, most) in [(MUTEX, 0.02), (DASHMAP, 1.0)] {
            let [mine, theirs] =
                [POSBOOK, who].map(|who| self.tail("read-beside-writer", 100, who, Kind::Read));
            self.add(
                4,
                format!("p99.9 of a read beside a writer against {who}"),
                AtMost(most),
                mine,
                theirs,
                "ns",
            );
        }
        let [mine, theirs] = [POSBOOK, MUTEX].map(|who| self.cost("tick", 100, who));
        self.add(5, "a tick under a mutex costs so much more".into(), AtLeast(5.0), theirs, mine, "ns");
        for (who, least) in [(MUTEX, 3.0), (DASHMAP, 1.5)] {
            let (mine, theirs) = (self.rate("tick-2", POSBOOK), self.rate("tick-2", who));
            self.add(
                5,
                format!("two tickers, ticks a second against {who}"),
                AtLeast(least),
                mine,
                theirs,
                "a second",
            );
        }
        for positions in [100, 1_000] {
            for (who, most) in [(MUTEX, 4.0), (RECORDED, 2.5), (PAPAYA, 1.5)] {
                let [mine, theirs] = [POSBOOK, who].map(|who| self.cost("fill", positions, who));
                let what = format!("a fill, one writer, {positions} positions, against {who}");
                self.add(6, what, AtMost(most), mine, theirs, "ns");
            }
        }
        let [mine, theirs] = [POSBOOK, MUTEX].map(|who| self.cost("batch", 100, who));
        self.add(7, "a batch over 100 positions against a mutex".into(), AtMost(3.5), mine, theirs, "ns");
        for workload in ["fill-2-one-key", "fill-2-two-keys"] {
            let fairness = self.row(workload, 100, POSBOOK).map(|row| row.fairness);
            self.add(8, format!("{workload}: fairness"), AtLeast(0.7), fairness, Some(1.0), "");
            let [mine, theirs] = [POSBOOK, PLAIN].map(|who| self.tail(workload, 100, who, Kind::Fill));
            self.add(8, format!("{workload}: p99.9 against the plain loop"), AtMost(0.2), mine, theirs, "ns");
        }
        for (who, least) in [(MUTEX, 2.5), (DASHMAP, 1.5)] {
            let (mine, theirs) = (self.rate("mixed-2", POSBOOK), self.rate("mixed-2", who));
            self.add(
                9,
                format!("mixed bot, two threads, against {who}"),
                AtLeast(least),
                mine,
                theirs,
                "a second",
            );
        }
        let [mine, theirs] = [POSBOOK, MUTEX].map(|who| self.tail("mixed-2", 100, who, Kind::Read));
        self.add(
            9,
            "mixed bot, p99.9 of a read against a mutex".into(),
            AtMost(1.0 / 3.0),
            mine,
            theirs,
            "ns",
        );
        for (who, most) in [(MUTEX, 1.0 / 3.0), (PARKING, 0.02)] {
            let [mine, theirs] = [POSBOOK, who].map(|who| self.tail("mixed-8", 100, who, Kind::Read));
            self.add(
                10,
                format!("8 threads, p99.9 of a read against {who}"),
                AtMost(most),
                mine,
                theirs,
                "ns",
            );
        }
        let [mine, theirs] =
            [POSBOOK, MUTEX].map(|who| self.tail("sweep-beside-ticks", 1_000, who, Kind::Tick));
        let what = "p99.9 of a tick beside sweeps of 1,000 positions against a mutex".to_owned();
        self.add(11, what, AtMost(0.02), mine, theirs, "ns");
        self.elsewhere(12, "memory a position against the mutex map", AtMost(0.8), "cargo memory");
        let [much, little] = [100_000, 100].map(|history| {
            let find =
                |row: &&Row| (row.workload.as_str(), row.history, row.who) == ("fill", history, POSBOOK);
            self.rows.iter().find(find).and_then(|row| row.cost.first().copied())
        });
        self.add(
            13,
            "a fill after 100,000 fills against one after 100".into(),
            AtMost(1.2),
            much,
            little,
            "ns",
        );
        self.elsewhere(14, "instructions of a fill", AtMost(3_000.0), ".ci/instructions");
        self.targets
    }
}

/// Three digits and a unit that people read, of nanoseconds.
pub fn time(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.1} ns"),
        ns if ns < 1e6 => format!("{:.2} µs", ns / 1e3),
        ns if ns < 1e9 => format!("{:.2} ms", ns / 1e6),
        ns => format!("{:.2} s", ns / 1e9),
    }
}

/// Everything as one object.
pub fn as_json(
    rows: &[Row],
    targets: &[Target],
    run: &Run,
    clock: f64,
    environment: &Environment,
    others: Option<f64>,
) -> Value {
    let latency = |row: &Row| {
        let of = |at: &[f64; 4]| json!({ "p50": at[0], "p99": at[1], "p999": at[2], "max": at[3] });
        row.latency
            .iter()
            .map(|(kind, at)| (kind.name().to_owned(), of(at)))
            .collect::<serde_json::Map<_, _>>()
    };
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({
                "workload": row.workload, "positions": row.positions, "history": row.history, "contender": row.who,
                "cost_ns": row.cost, "cost_ns_between": [row.cost_between.0, row.cost_between.1],
                "rate": row.rate, "fairness": row.fairness, "latency_ns": latency(row),
            })
        })
        .collect();
    let targets: Vec<_> = targets
        .iter()
        .map(|t| {
            json!({
                "id": t.id, "what": t.what, "want": t.want.to_string(), "got": t.got, "met": t.met(), "note": t.note,
            })
        })
        .collect();
    json!({
        "seed": run.seed, "rounds": run.rounds, "seconds": run.time.as_secs_f64(), "clock_ns": clock,
        "environment": environment.as_json(), "others": others,
        "targets": targets, "rows": rows,
    })
}
