//! The targets of speed, each a ratio inside one run, and whether it holds.

use crate::mix::Kind;
use crate::suite::{DASHMAP, MUTEX, PAPAYA, PARKING, PAST, PLAIN, POSBOOK, RECORDED, RWLOCK, Row};
use crate::time;

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
    /// What stands behind it.
    pub note: String,
    /// The command that measures it, where this one does not.
    pub by: Option<&'static str>,
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
    /// What was got, in as many digits as matter; a dash where nothing was.
    pub fn got_text(&self) -> String {
        match self.got {
            None => "-".to_owned(),
            Some(got) if got >= 100.0 => format!("{got:.0}"),
            Some(got) if got >= 10.0 => format!("{got:.1}"),
            Some(got) => format!("{got:.3}"),
        }
    }

    /// Whether it holds. `None`: not measured here.
    pub fn met(&self) -> Option<bool> {
        self.got.map(|got| match self.want {
            Want::AtLeast(least) => got >= least,
            Want::AtMost(most) => got <= most,
        })
    }
}

/// How a target, all its lines together, stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Every line that is measured here holds.
    Met,
    /// One does not.
    Missed,
    /// None is measured here.
    Elsewhere,
}

/// Every target once, in order, with how it stands and the commands that measure what is not measured here.
pub fn states(targets: &[Target]) -> Vec<(u8, State, Vec<&'static str>)> {
    let mut ids: Vec<u8> = targets.iter().map(|target| target.id).collect();
    ids.sort_unstable();
    ids.dedup();
    let state = |id: u8| {
        let of = || targets.iter().filter(move |target| target.id == id);
        let judged: Vec<bool> = of().filter_map(Target::met).collect();
        let state = match judged.as_slice() {
            [] => State::Elsewhere,
            all if all.iter().all(|met| *met) => State::Met,
            _ => State::Missed,
        };
        let mut commands: Vec<_> = of().filter_map(|target| target.by).collect();
        commands.dedup();
        (id, state, commands)
    };
    ids.into_iter().map(state).collect()
}

/// The same in a few lines for people.
pub fn summary(targets: &[Target]) -> String {
    let states = states(targets);
    let list = |wanted: State| {
        let of = states.iter().filter(|(_, state, _)| *state == wanted);
        let names: Vec<String> = of.map(|(id, _, _)| id.to_string()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    let mut text = format!("targets met: {}\ntargets missed: {}\n", list(State::Met), list(State::Missed));
    for (id, state, commands) in states.iter().filter(|(_, _, commands)| !commands.is_empty()) {
        let part = if *state == State::Elsewhere { "" } else { " in part" };
        text += &format!("not measured here{part}: {id}, by {}\n", commands.join(" and "));
    }
    text
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
        self.rows.iter().find(|row| plain(row, workload, positions, 0) && row.who == who)
    }

    fn cost(&self, workload: &str, positions: usize, who: &str) -> Option<f64> {
        Some(self.row(workload, positions, who)?.first_cost())
    }

    fn tail(&self, workload: &str, positions: usize, who: &str, kind: Kind) -> Option<f64> {
        self.row(workload, positions, who)?.latency.get(&kind).map(|at| at[2])
    }

    fn rate(&self, workload: &str, who: &str) -> Option<f64> {
        Some(self.row(workload, 100, who)?.all_rate())
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
        self.targets.push(Target { id, what, want, got, note, by: None });
    }

    fn elsewhere(&mut self, id: u8, what: &str, want: Want, by: &'static str) {
        let (what, note) = (what.to_owned(), format!("not measured here: {by}"));
        self.targets.push(Target { id, what, want, got: None, note, by: Some(by) });
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
        let get = self.cost("get", 100, POSBOOK);
        self.add(
            2,
            "a snapshot and a look-up against one under a mutex".into(),
            AtMost(1.6),
            get,
            locked,
            "ns",
        );
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
        let [few, many] = PAST.map(|history| {
            let find = |row: &&Row| plain(row, "fill", 100, history) && row.who == POSBOOK;
            self.rows.iter().find(find).map(Row::first_cost)
        });
        self.add(
            13,
            "a fill after 1,000,000 fills against one after 100".into(),
            AtMost(1.2),
            many,
            few,
            "ns",
        );
        self.elsewhere(13, "bytes kept under endless churn", AtMost(65_536.0), "cargo memory");
        for (what, most) in [("a tick", 80.0), ("a snapshot", 150.0), ("a fill", 3_000.0)] {
            self.elsewhere(14, &format!("instructions of {what}"), AtMost(most), ".ci/instructions");
        }
        for (what, most) in [("a tick, a read, a snapshot", 0.0), ("a fill", 3.0)] {
            let by = "cargo test --package posbook-bench --test allocations";
            self.elsewhere(14, &format!("allocations of {what}"), AtMost(most), by);
        }
        self.targets
    }
}

/// A row of the closed loop.
fn plain(row: &Row, workload: &str, positions: usize, history: usize) -> bool {
    let case = &row.case;
    case.rate.is_none()
        && (case.workload.name.as_str(), case.positions, case.history) == (workload, positions, history)
}
