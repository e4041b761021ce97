//! One measurement: one contender, one workload, real threads, for some time; and its audit.
//!
//! What a thread did is counted, and held against what the contender says at the end. A measurement of something wrong has no
//! figure.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::contend::{Contender, Seen, Start, Worker};
pub use crate::draw::Distribution;
use crate::draw::Draw;
use crate::mix::{Kind, Mix};
use crate::thread::{Hand, Shared, Tally, count, fresh, signed};
use crate::workload::{Keys, Role, Workload};

/// How a measurement is done.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Open positions.
    pub positions: usize,
    /// How keys are chosen.
    pub distribution: Distribution,
    /// How long.
    pub time: Duration,
    /// Fixes what is drawn.
    pub seed: u64,
    /// Fills that are booked before.
    pub history: usize,
    /// Operations a second that each thread begins, whether or not those before are done. `None`: each begins when the one
    /// before is done.
    pub rate: Option<f64>,
}

/// What was seen of one kind of operation, over all threads.
#[derive(Debug, Clone, PartialEq)]
pub struct Latency {
    /// Nanoseconds: median, 99 %, 99.9 %, the longest.
    pub p50: u64,
    #[allow(missing_docs)]
    pub p99: u64,
    #[allow(missing_docs)]
    pub p999: u64,
    #[allow(missing_docs)]
    pub max: u64,
    /// How many were timed.
    pub timed: u64,
}

/// What came of a measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Nanoseconds an operation takes its thread, by role. In the open loop the clock is in it.
    pub cost: Vec<f64>,
    /// Operations a second, by role: flat out, without the time for drawing what comes next.
    pub rate: Vec<f64>,
    /// Latencies by kind; in the open loop, from when an operation was meant to begin.
    pub latency: BTreeMap<Kind, Latency>,
    /// What the auditor objects to.
    pub wrong: Option<String>,
}

/// Measures a contender.
pub fn measure<C: Contender>(workload: &Workload, plan: &Plan) -> Figures {
    let contender = C::new(&Start::new(plan.positions));
    let shared = Shared::new();
    let before = history(&contender, plan, &shared);
    let start = Barrier::new(workload.roles.len() + 1);
    let tallies: Vec<Tally> = thread::scope(|scope| {
        let threads: Vec<_> = workload
            .roles
            .iter()
            .enumerate()
            .map(|(n, role)| {
                let (contender, start, shared) = (&contender, &start, &shared);
                scope.spawn(move || {
                    let hand = Hand::new(contender.worker(), n, role, plan, shared);
                    start.wait();
                    hand.work(plan.rate)
                })
            })
            .collect();
        start.wait();
        thread::sleep(plan.time / 2);
        shared.half.0.store(true, Ordering::Relaxed);
        thread::sleep(plan.time / 2);
        shared.stop.0.store(true, Ordering::Relaxed);
        threads.into_iter().map(|thread| thread.join().expect("a worker does not panic")).collect()
    });
    let wrong = audit(&contender, &tallies, &before);
    figures(&tallies, wrong)
}

/// Books what is to be past; fills and net contracts, by key.
fn history<C: Contender>(contender: &C, plan: &Plan, shared: &Shared) -> Vec<(u64, i128)> {
    let mut before = vec![(0, 0); plan.positions];
    let mut worker = contender.worker();
    let mut draw = Draw::new(plan, 1 << 40);
    let role = Role { mix: Mix::only(Kind::Fill), keys: Keys::All };
    for n in 0..plan.history {
        let key = n % plan.positions;
        let step = draw.step(&role).of(key);
        let fill = draw.fill(step);
        let signed = signed(&fill);
        if worker.fill(key, fill.at(shared.venue_time())) {
            count(&mut before, key, signed);
        }
    }
    before
}

fn figures(tallies: &[Tally], wrong: Option<String>) -> Figures {
    let mut merged: BTreeMap<Kind, Histogram<u64>> = BTreeMap::new();
    for (kind, histogram) in tallies.iter().flat_map(|tally| &tally.histograms) {
        merged.entry(*kind).or_insert_with(fresh).add(histogram).expect("all have the same bounds");
    }
    let latency = merged.into_iter().map(|(kind, h)| {
        let at = |quantile| h.value_at_quantile(quantile);
        (kind, Latency { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: h.max(), timed: h.len() })
    });
    let per = |time: Duration, operations: u64| time.as_secs_f64() * 1e9 / (operations.max(1) as f64);
    Figures {
        cost: tallies.iter().map(|t| per(t.busy, t.done)).collect(),
        rate: tallies.iter().map(|t| t.done as f64 / t.wall.as_secs_f64().max(1e-9)).collect(),
        latency: latency.collect(),
        wrong,
    }
}

/// Holds what the contender says at the end against what the threads did: no lost update, no gap in the record.
fn audit<C: Contender>(contender: &C, tallies: &[Tally], before: &[(u64, i128)]) -> Option<String> {
    if let Some(wrong) = tallies.iter().find_map(|tally| tally.wrong.clone()) {
        return Some(wrong);
    }
    let mut worker = contender.worker();
    for (key, (fills, net)) in before.iter().enumerate() {
        let mut want = Seen { quantity: 10_000 + net, fills: 1 + fills };
        for (fills, net) in tallies.iter().filter_map(|tally| tally.booked.get(key)) {
            want.fills += fills;
            want.quantity += net;
        }
        let got = worker.read(key);
        if got != want {
            return Some(format!("an update of key {key} was lost: {got:?}, and {want:?} was done"));
        }
    }
    let picture = worker.sweep();
    if picture.counted.is_some_and(|counted| counted != picture.summed) {
        return Some(format!("the count does not match the positions: {picture:?}"));
    }
    let kept = contender.sequences();
    let gap = kept.iter().zip(kept.iter().skip(1)).find(|(a, b)| **a + 1 != **b);
    gap.map(|(a, b)| format!("a gap in the record of changes, from {a} to {b}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contend::{
        CopyAll, DashMap, LostUpdate, PapayaMap, PlainCas, Posbook, PosbookCopying, SccMap, SortedSlice,
        StdMutex, StdMutexRecorded, Typical,
    };

    fn plan() -> Plan {
        let time = Duration::from_millis(40);
        Plan { positions: 7, distribution: Distribution::Zipf, time, seed: 3, history: 20, rate: None }
    }

    fn sound<C: Contender>() {
        for name in Workload::NAMES {
            // What closes a position closes 10,000 contracts: no past fills beside it.
            let plan = if name == "churn" { Plan { history: 0, ..plan() } } else { plan() };
            let figures = measure::<C>(&Workload::named(name).unwrap(), &plan);
            assert_eq!(figures.wrong, None, "{} in {name}", C::NAME);
            // On a busy machine a thread may never have had its turn.
            assert!(figures.rate.iter().sum::<f64>() > 0.0, "{} in {name}", C::NAME);
        }
    }

    #[test]
    fn every_contender_passes_the_audit_in_every_workload() {
        sound::<Posbook>();
        sound::<PosbookCopying>();
        sound::<StdMutex>();
        sound::<StdMutexRecorded>();
        sound::<Typical>();
        sound::<DashMap>();
        sound::<PapayaMap>();
        sound::<SccMap>();
        sound::<CopyAll>();
        sound::<SortedSlice>();
        sound::<PlainCas>();
    }

    #[test]
    fn what_begins_at_its_time_is_audited_too_and_keeps_to_its_rate() {
        let workload = Workload::of_mix("read=70,tick=20,fill=8,snapshot=2".parse().unwrap(), 2).unwrap();
        let figures = measure::<Posbook>(&workload, &Plan { rate: Some(5_000.0), ..plan() });
        assert_eq!(figures.wrong, None);
        for rate in &figures.rate {
            assert!((0.0..=5_000.1).contains(rate), "{figures:?}");
        }
        assert!(figures.latency.contains_key(&Kind::Read), "{figures:?}");
    }

    #[test]
    fn the_auditor_notices_a_lost_update() {
        let workload = Workload::named("fill-2-one-key").unwrap();
        let wrong = measure::<LostUpdate>(&workload, &plan()).wrong.unwrap();
        assert!(wrong.contains("was lost"), "{wrong}");
    }
}
