//! One measurement: one contender, one workload, real threads, for some time; and its audit.
//!
//! Operations are drawn before they are timed, in blocks. Every other block is timed as a whole, which gives what an
//! operation costs; the others one by one into a histogram, which gives how long one may take. The latter contain what asking
//! the clock costs, which is printed beside them.
//!
//! What a thread did is counted, and held against what the contender says at the end. A measurement of something wrong has no
//! figure.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use posbook::{Fill, InstrumentId, OrderSide, Price, Quantity, Timestamp};

use crate::contend::{Contender, Seen, Start, Worker};
use crate::workload::{Keys, Kind, Role, Workload};
use crate::{Random, prices, quantity};

/// How keys are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    /// Each as often as the others.
    Uniform,
    /// The n-th with a share of 1/n: a few are hot.
    Zipf,
}

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
    /// Nanoseconds an operation takes its thread, by role.
    pub cost: Vec<f64>,
    /// Operations a second of wall time, by role.
    pub rate: Vec<f64>,
    /// Latencies by kind.
    pub latency: BTreeMap<Kind, Latency>,
    /// What the auditor objects to.
    pub wrong: Option<String>,
}

/// Operations in a block.
const BLOCK: usize = 64;

enum Op {
    Read(usize),
    Tick(usize, Price),
    Fill(usize, Fill),
    Take,
    Sweep,
    Batch(Price),
}

/// What one thread did.
struct Tally {
    operations: u64,
    untimed: u64,
    busy: Duration,
    wall: Duration,
    histograms: BTreeMap<Kind, Histogram<u64>>,
    /// Booked fills and net contracts, by key.
    booked: Vec<(u64, i128)>,
    wrong: Option<String>,
}

/// Measures a contender.
pub fn measure<C: Contender>(workload: &Workload, plan: &Plan) -> Figures {
    let contender = C::new(&Start::new(plan.positions));
    // The venue's clock: fills are as young as they can be.
    let venue = AtomicI64::new(1_000);
    let mut before = vec![(0, 0); plan.positions];
    {
        let mut worker = contender.worker();
        let mut making = Making::new(plan, 1 << 40);
        for n in 0..plan.history {
            let key = n % plan.positions;
            let fill = making.fill(key);
            let signed = signed(&fill);
            if worker.fill(key, fill.at(Timestamp(venue.fetch_add(1, Ordering::Relaxed)))) {
                count(&mut before, key, signed);
            }
        }
    }
    let (stop, start) = (AtomicBool::new(false), Barrier::new(workload.roles.len() + 1));
    let tallies: Vec<Tally> = thread::scope(|scope| {
        let threads: Vec<_> = workload
            .roles
            .iter()
            .enumerate()
            .map(|(n, role)| {
                let (contender, stop, start, venue) = (&contender, &stop, &start, &venue);
                scope.spawn(move || {
                    let mut worker = contender.worker();
                    start.wait();
                    work(&mut worker, n, role, plan, stop, venue)
                })
            })
            .collect();
        start.wait();
        thread::sleep(plan.time);
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().map(|thread| thread.join().expect("a worker does not panic")).collect()
    });
    let wrong = audit(&contender, &tallies, &before);
    figures(&tallies, wrong)
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
        cost: tallies.iter().map(|t| per(t.busy, t.untimed)).collect(),
        rate: tallies.iter().map(|t| t.operations as f64 / t.wall.as_secs_f64().max(1e-9)).collect(),
        latency: latency.collect(),
        wrong,
    }
}

/// Up to ten seconds, three digits.
fn fresh() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 10_000_000_000, 3).expect("the bounds are sound")
}

fn signed(fill: &Fill) -> i128 {
    let contracts = fill.quantity.get().mantissa();
    if fill.side == OrderSide::Buy { contracts } else { -contracts }
}

fn count(booked: &mut [(u64, i128)], key: usize, signed: i128) {
    if let Some((fills, net)) = booked.get_mut(key) {
        *fills += 1;
        *net += signed;
    }
}

/// Draws what is done.
struct Making {
    random: Random,
    prices: Vec<Price>,
    one: Quantity,
    positions: u64,
    distribution: Distribution,
    made: u64,
    stop: u64,
}

impl Making {
    fn new(plan: &Plan, from: u64) -> Self {
        Self {
            random: Random(plan.seed ^ from),
            prices: prices(plan.seed),
            one: quantity("1"),
            positions: plan.positions as u64,
            distribution: plan.distribution,
            made: from,
            stop: 0,
        }
    }

    fn key(&mut self, keys: Keys) -> usize {
        let at = match (keys, self.distribution) {
            (Keys::One(key), _) => return key.min(self.positions as usize - 1),
            (Keys::All, Distribution::Uniform) => self.random.below(self.positions),
            (Keys::All, Distribution::Zipf) => {
                // 1/n in the limit: uniform in the logarithm.
                let share = self.random.below(1 << 32) as f64 / (1_u64 << 32) as f64;
                ((self.positions as f64 + 1.0).powf(share) as u64 - 1).min(self.positions - 1)
            }
        };
        at as usize
    }

    fn price(&mut self) -> Price {
        let at = self.random.below(self.prices.len() as u64) as usize;
        self.prices[at]
    }

    /// Buys and sells take turns, so that positions stay open and numbers stay short.
    fn fill(&mut self, key: usize) -> Fill {
        self.made += 1;
        let side = if self.made.is_multiple_of(2) { OrderSide::Buy } else { OrderSide::Sell };
        let name = self.made.to_string().parse().expect("digits are a name");
        let id = InstrumentId(u32::try_from(key).unwrap_or(u32::MAX));
        let price = self.price();
        Fill::trade(id, name, side, self.one, price)
    }

    fn operation(&mut self, role: &Role) -> Op {
        match role.mix.draw(&mut self.random) {
            Kind::Read => Op::Read(self.key(role.keys)),
            Kind::Tick => {
                let key = self.key(role.keys);
                Op::Tick(key, self.price())
            }
            Kind::Fill => {
                let key = self.key(role.keys);
                Op::Fill(key, self.fill(key))
            }
            Kind::Take => Op::Take,
            Kind::Sweep => Op::Sweep,
            Kind::Batch => {
                // Every stop moves up a step each time, far below the entry.
                self.stop += 1;
                let price = posbook::Decimal::new(10_000 + (self.stop % 400_000).cast_signed(), 1);
                Op::Batch(Price::new(price).expect("it is a price"))
            }
        }
    }
}

/// Nothing before, one thread's part of the names after.
fn work<W: Worker>(
    worker: &mut W,
    thread: usize,
    role: &Role,
    plan: &Plan,
    stop: &AtomicBool,
    venue: &AtomicI64,
) -> Tally {
    let mut making = Making::new(plan, (thread as u64 + 2) << 40);
    let mut tally = Tally {
        operations: 0,
        untimed: 0,
        busy: Duration::ZERO,
        wall: Duration::ZERO,
        histograms: BTreeMap::new(),
        booked: vec![(0, 0); plan.positions],
        wrong: None,
    };
    let mut histograms = Kind::ALL.map(|_| fresh());
    let mut block = Vec::with_capacity(BLOCK);
    let began = Instant::now();
    let mut one_by_one = false;
    while !stop.load(Ordering::Relaxed) {
        block.extend((0..BLOCK).map(|_| making.operation(role)));
        tally.operations += BLOCK as u64;
        if one_by_one {
            for op in block.drain(..) {
                let started = Instant::now();
                let kind = act(worker, op, venue, &mut tally);
                let took = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
                histograms[kind as usize].saturating_record(took.max(1));
            }
        } else {
            let started = Instant::now();
            for op in block.drain(..) {
                act(worker, op, venue, &mut tally);
            }
            tally.busy += started.elapsed();
            tally.untimed += BLOCK as u64;
        }
        one_by_one = !one_by_one;
    }
    tally.wall = began.elapsed();
    let timed = Kind::ALL.into_iter().zip(histograms).filter(|(_, histogram)| !histogram.is_empty());
    tally.histograms = timed.collect();
    tally
}

#[inline]
fn act<W: Worker>(worker: &mut W, op: Op, venue: &AtomicI64, tally: &mut Tally) -> Kind {
    match op {
        Op::Read(key) => {
            let seen = black_box(worker.read(black_box(key)));
            if !whole(seen) {
                object(tally, format!("a torn read of key {key}: {seen:?}"));
            }
            Kind::Read
        }
        Op::Tick(key, price) => {
            worker.tick(black_box(key), price, Timestamp(venue.load(Ordering::Relaxed)));
            Kind::Tick
        }
        Op::Fill(key, fill) => {
            let signed = signed(&fill);
            if worker.fill(black_box(key), fill.at(Timestamp(venue.fetch_add(1, Ordering::Relaxed)))) {
                count(&mut tally.booked, key, signed);
            }
            Kind::Fill
        }
        Op::Take => {
            worker.take();
            Kind::Take
        }
        Op::Sweep => {
            let picture = black_box(worker.sweep());
            if picture.counted.is_some_and(|counted| counted != picture.summed) {
                object(tally, format!("a picture of more than one moment: {picture:?}"));
            }
            Kind::Sweep
        }
        Op::Batch(stop) => {
            if !worker.batch(stop) {
                object(tally, format!("a batch of stops at {stop} was refused"));
            }
            Kind::Batch
        }
    }
}

/// Each fill moves one contract: quantity and count change together.
fn whole(seen: Seen) -> bool {
    let moved = i128::from(seen.fills) - 1;
    (seen.quantity - 10_000 - moved) % 2 == 0
}

#[cold]
fn object(tally: &mut Tally, what: String) {
    tally.wrong.get_or_insert(what);
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
        Plan { positions: 7, distribution: Distribution::Zipf, time, seed: 3, history: 20 }
    }

    fn sound<C: Contender>() {
        for name in Workload::NAMES {
            let figures = measure::<C>(&Workload::named(name).unwrap(), &plan());
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
    fn the_auditor_notices_a_lost_update() {
        let workload = Workload::named("fill-2-one-key").unwrap();
        let wrong = measure::<LostUpdate>(&workload, &plan()).wrong.unwrap();
        assert!(wrong.contains("was lost"), "{wrong}");
    }
}
