//! What one thread of a measurement does: closed loop, each operation when the one before is done; or open loop, each at its
//! time, whether or not the ones before are done.
//!
//! What is done is drawn before. The closed loop has two halves. In the first, operations run flat out and are timed in blocks,
//! which gives what one costs. In the second each is timed by itself, which gives how long one may take; what asking the
//! clock costs is in that. In the open loop each is timed from when it was *meant* to begin: whoever waits behind one that
//! stalls has stalled too, and shows it.

use std::collections::{BTreeMap, VecDeque};
use std::hint::black_box;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use posbook::{Fill, OrderSide, Timestamp};

use crate::contend::{Seen, Worker};
use crate::draw::{Draw, Step};
use crate::measure::Plan;
use crate::mix::Kind;
use crate::workload::Role;

/// Operations that are drawn before, and done over and over.
const TAPE: usize = 1 << 14;
/// Operations in a block at most; the tape is a multiple.
const BLOCK: usize = 256;
/// Operations that are made ready at once where each is timed; the tape is a multiple.
const TIMED: usize = 64;
/// A block shorter than this is made longer, one much longer is made shorter.
const SHORT: Duration = Duration::from_micros(20);
/// Drawing a block takes no longer than this, unless the thread lost its core meanwhile.
const DRAWN: Duration = Duration::from_micros(200);

/// What one thread did.
pub(crate) struct Tally {
    /// Operations that were done flat out, or all of the open loop.
    pub(crate) done: u64,
    /// What they took the thread.
    pub(crate) busy: Duration,
    /// What passed meanwhile: waiting for a core or for the time to begin is in it, drawing what comes next is not.
    pub(crate) wall: Duration,
    pub(crate) histograms: BTreeMap<Kind, Histogram<u64>>,
    /// Booked fills and net contracts, by key.
    pub(crate) booked: Vec<(u64, i128)>,
    pub(crate) wrong: Option<String>,
}

/// Alone on its cache lines: what threads look at must not slow what they do.
#[repr(align(128))]
pub(crate) struct Alone<T>(pub(crate) T);

/// What threads of one measurement share.
pub(crate) struct Shared {
    /// The first half is over.
    pub(crate) half: Alone<AtomicBool>,
    /// All of it is over.
    pub(crate) stop: Alone<AtomicBool>,
    /// The venue's clock: fills are as young as they can be.
    pub(crate) venue: Alone<AtomicI64>,
    /// When the first thread began: for all of them, however late they come to a core.
    began: OnceLock<Instant>,
}

impl Shared {
    pub(crate) fn new() -> Self {
        let no = || Alone(AtomicBool::new(false));
        Self { half: no(), stop: no(), venue: Alone(AtomicI64::new(1_000)), began: OnceLock::new() }
    }

    pub(crate) fn venue_time(&self) -> Timestamp {
        Timestamp(self.venue.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// Up to a hundred seconds, three digits.
pub(crate) fn fresh() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 100_000_000_000, 3).expect("the bounds are sound")
}

pub(crate) fn signed(fill: &Fill) -> i128 {
    let contracts = fill.quantity.get().mantissa();
    if fill.side == OrderSide::Buy { contracts } else { -contracts }
}

pub(crate) fn count(booked: &mut [(u64, i128)], key: usize, signed: i128) {
    if let Some((fills, net)) = booked.get_mut(key) {
        *fills += 1;
        *net += signed;
    }
}

fn nanoseconds(of: Duration) -> u64 {
    u64::try_from(of.as_nanos()).unwrap_or(u64::MAX).max(1)
}

/// One thread, ready.
pub(crate) struct Hand<'a, W> {
    worker: W,
    shared: &'a Shared,
    draw: Draw,
    tape: Vec<Step>,
    /// Fills of the next block: making one is nobody's cost.
    fills: VecDeque<(usize, Fill)>,
    histograms: Vec<Histogram<u64>>,
    tally: Tally,
}

impl<'a, W: Worker> Hand<'a, W> {
    /// The `thread`-th of all: its trade ids are its own.
    pub(crate) fn new(worker: W, thread: usize, role: &Role, plan: &Plan, shared: &'a Shared) -> Self {
        let mut draw = Draw::new(plan, (thread as u64 + 2) << 40);
        let tape = (0..TAPE).map(|_| draw.step(role)).collect();
        let tally = Tally {
            done: 0,
            busy: Duration::ZERO,
            wall: Duration::ZERO,
            histograms: BTreeMap::new(),
            booked: vec![(0, 0); plan.positions],
            wrong: None,
        };
        let histograms = Kind::ALL.map(|_| fresh()).into();
        Self { worker, shared, draw, tape, fills: VecDeque::with_capacity(BLOCK), histograms, tally }
    }

    /// Its part of the measurement.
    pub(crate) fn work(mut self, rate: Option<f64>) -> Tally {
        match rate {
            None => {
                let at = self.flat_out();
                self.one_by_one(at);
            }
            Some(rate) => self.open(rate),
        }
        let timed = Kind::ALL.into_iter().zip(self.histograms).filter(|(_, histogram)| !histogram.is_empty());
        self.tally.histograms = timed.collect();
        self.tally
    }

    /// At least one block; where on the tape the next operation is.
    fn flat_out(&mut self) -> usize {
        let began = *self.shared.began.get_or_init(Instant::now);
        let (mut at, mut block) = (0, 1);
        let (mut drawing, mut last) = (Duration::ZERO, began);
        loop {
            let steps = at..at + block;
            self.prepare(steps.clone());
            let started = Instant::now();
            let drawn = started - last;
            drawing += if drawn < DRAWN { drawn } else { Duration::ZERO };
            for n in steps {
                self.act(self.tape[n]);
            }
            last = Instant::now();
            let took = last - started;
            self.tally.busy += took;
            self.tally.done += block as u64;
            at = (at + block) % TAPE;
            // Sizes are powers of two and only change where a larger block begins: none runs over the end.
            if took < SHORT && block < BLOCK && at.is_multiple_of(block * 2) {
                block *= 2;
            } else if took > SHORT * 10 && block > 1 {
                block /= 2;
            }
            if self.shared.half.0.load(Ordering::Relaxed) {
                self.tally.wall = (last - began).saturating_sub(drawing);
                return at;
            }
        }
    }

    /// At least one operation. Fills are made for several at once, so that whoever writes does little else.
    fn one_by_one(&mut self, at: usize) {
        let mut begins = at / TIMED * TIMED;
        let mut steps = at..begins + TIMED;
        loop {
            self.prepare(steps.clone());
            for n in steps {
                let step = self.tape[n];
                let started = Instant::now();
                self.act(step);
                let took = started.elapsed();
                self.histograms[step.kind as usize].saturating_record(nanoseconds(took));
                if self.shared.stop.0.load(Ordering::Relaxed) {
                    return;
                }
            }
            begins = (begins + TIMED) % TAPE;
            steps = begins..begins + TIMED;
        }
    }

    /// At least one operation.
    fn open(&mut self, rate: f64) {
        let began = Instant::now();
        let meant = |nth: u64| Duration::from_secs_f64(nth as f64 / rate);
        while let Some(started) = self.wait_until(began + meant(self.tally.done)) {
            let at = (self.tally.done % TAPE as u64) as usize;
            let step = self.tape[at];
            self.act(step);
            let ended = Instant::now();
            let late = ended - (began + meant(self.tally.done));
            self.histograms[step.kind as usize].saturating_record(nanoseconds(late));
            self.tally.busy += ended - started;
            self.tally.done += 1;
        }
        // Each operation has its share of the time, the last one too: nothing is faster than it was meant to be.
        self.tally.wall = began.elapsed().max(meant(self.tally.done));
    }

    /// Makes ready what comes next, and waits until it is meant to begin: the time at which it does. `None`: all of it is over.
    fn wait_until(&mut self, meant: Instant) -> Option<Instant> {
        if self.tally.done > 0 && self.shared.stop.0.load(Ordering::Relaxed) {
            return None;
        }
        let at = (self.tally.done % TAPE as u64) as usize;
        self.prepare(at..at + 1);
        loop {
            let now = Instant::now();
            if now >= meant {
                return Some(now);
            }
            if self.shared.stop.0.load(Ordering::Relaxed) {
                return None;
            }
            // Threads may be more than cores: whoever is early lets others run.
            std::thread::yield_now();
        }
    }

    fn prepare(&mut self, steps: std::ops::Range<usize>) {
        for n in steps {
            let step = self.tape[n];
            match step.kind {
                Kind::Fill => self.fills.push_back((step.key(), self.draw.fill(step))),
                Kind::Churn => self.fills.push_back(self.draw.churn(step)),
                _ => {}
            }
        }
    }

    #[inline]
    fn act(&mut self, step: Step) {
        let key = black_box(step.key());
        match step.kind {
            Kind::Read => {
                let seen = black_box(self.worker.read(key));
                self.look(key, seen);
            }
            Kind::Get => {
                let seen = black_box(self.worker.get(key));
                self.look(key, seen);
            }
            Kind::Tick => {
                self.worker.tick(key, self.draw.price(step), Timestamp(1_000_000));
            }
            Kind::Fill => {
                self.book();
            }
            Kind::Churn => {
                if !self.book() {
                    self.object("a fill that opens or closes a key was refused".to_owned());
                }
            }
            Kind::Take => self.worker.take(),
            Kind::Sweep => {
                let picture = black_box(self.worker.sweep());
                if picture.counted.is_some_and(|counted| counted != picture.summed) {
                    self.object(format!("a picture of more than one moment: {picture:?}"));
                }
            }
            Kind::Batch => {
                let stop = self.draw.stop();
                if !self.worker.batch(stop) {
                    self.object(format!("a batch of stops at {stop} was refused"));
                }
            }
        }
    }

    #[inline]
    fn book(&mut self) -> bool {
        let Some((key, fill)) = self.fills.pop_front() else { return false };
        let signed = signed(&fill);
        let booked = self.worker.fill(key, fill.at(self.shared.venue_time()));
        if booked {
            count(&mut self.tally.booked, key, signed);
        }
        booked
    }

    /// Each fill that is read beside moves one contract: quantity and count change together.
    #[inline]
    fn look(&mut self, key: usize, seen: Seen) {
        if (seen.quantity & 1 == 0) != (seen.fills & 1 == 1) {
            self.object(format!("a torn read of key {key}: {seen:?}"));
        }
    }

    #[cold]
    fn object(&mut self, what: String) {
        self.tally.wrong.get_or_insert(what);
    }
}
