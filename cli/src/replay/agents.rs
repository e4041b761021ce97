//! The threads of a replay, and the market that drives them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use posbook::venue::{OrderEnd, OrderReport, Venue, VenueFill};
use posbook::{Command, Instrument, Price, Rejection, Timestamp};
use rust_decimal::{Decimal, RoundingStrategy};

use super::latency::Latency;
use super::pace::Pace;
use super::remember::acknowledge;
use super::setup::Setup;
use super::strategy::{Strategy, Wish};
use super::watch::{Until, Watch, Witness};
use super::{Options, Speed};
use crate::Failure;
use crate::market::{Tape, Tick, TickKind};

/// Periods of the other threads, in nanoseconds of market time.
const FILLS_EVERY: i64 = 20_000_000;
const EXITS_EVERY: i64 = 100_000_000;
const DASHBOARD_EVERY: i64 = 250_000_000;
const RECONCILE_EVERY: i64 = 5_000_000_000;

/// What the threads counted together.
#[derive(Default)]
pub struct Counts {
    pub snapshots: AtomicU64,
    pub orders: AtomicU64,
    pub rejections: AtomicU64,
    pub exits: AtomicU64,
    /// Batches of two orders.
    pub pairs: AtomicU64,
    pub retargets: AtomicU64,
    /// Stops that followed the market.
    pub trailed: AtomicU64,
    /// Extremes of unrealised profits that were noted by a change of their own.
    pub reached: AtomicU64,
    pub reconciles: AtomicU64,
    /// Repairs that a reconciliation made: none are due on a healthy venue.
    pub repairs: AtomicU64,
    /// Faults of the venue, orders left in doubt, anything a healthy run has none of.
    pub faults: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

/// What is left when everything has come to rest.
pub struct Ended {
    pub counts: Counts,
    pub latency: Latency,
    pub witness: Witness,
}

/// An agent's place in the market; given up however the thread ends, so that a panic holds nobody up.
struct Seat<'a> {
    pace: &'a Pace,
    agent: usize,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.pace.leave(self.agent);
    }
}

impl Seat<'_> {
    fn my_turn(&self, time: i64) -> bool {
        self.pace.my_turn(self.agent, time)
    }

    fn away<R>(&self, work: impl FnOnce() -> R) -> R {
        self.pace.away(self.agent, work)
    }
}

/// What a thread does.
type Work<'a> = Box<dyn FnOnce() -> Latency + Send + 'a>;

fn no_thread(wrong: &std::io::Error) -> Failure {
    Failure::Environment(format!("the system gave no thread: {wrong}; try fewer --strategies"))
}

/// Replays the tape and comes to rest.
pub fn run(options: &Options, tape: &Tape, setup: &Setup, bar: &ProgressBar) -> Result<Ended, Failure> {
    let strategies = options.strategies as usize;
    // Of a run that goes on: where the venue's memory ends.
    let begins = tape.ticks.get(setup.venue.ticks()).or(tape.ticks.last()).map_or(0, |tick| tick.time);
    let pace = Pace::new(begins, strategies + 4);
    let counts = Counts::default();
    let until = Until::default();
    let watch = Watch::new(&setup.begins, &setup.book);
    // Another opening, other choices.
    let epoch = setup.journal.as_ref().map_or(1, |journal| journal.restored().epoch);
    let panicked =
        || Failure::Environment("a thread of the replay panicked; this is a fault of posbook".to_owned());

    thread::scope(|scope| {
        let seat = |agent| Seat { pace: &pace, agent };
        let (counts, seed) = (&counts, options.seed.wrapping_add(u64::from(epoch - 1) << 32));
        let mut work: Vec<Work<'_>> = Vec::new();
        for number in 0..strategies {
            let seat = seat(number);
            work.push(Box::new(move || trade(seat, setup, counts, seed, number)));
        }
        let (fills, exits) = (seat(strategies), seat(strategies + 1));
        let (dashboard, reconcile) = (seat(strategies + 2), seat(strategies + 3));
        work.push(Box::new(move || book_fills(fills, setup, begins)));
        work.push(Box::new(move || watch_exits(exits, setup, counts, begins)));
        work.push(Box::new(move || look(dashboard, setup, counts, begins)));
        work.push(Box::new(move || reconcile_now_and_then(reconcile, setup, counts, begins)));

        let spawned = thread::Builder::new().spawn_scoped(scope, || watch.run(&until));
        let witness = spawned.map_err(|wrong| no_thread(&wrong))?;
        let acknowledged = options.remember.acknowledged.as_ref().filter(|_| setup.journal.is_some());
        let acknowledging = acknowledged
            .map(|file| {
                let (book, begins, until) = (&setup.book, setup.begins.sequence(), &until);
                thread::Builder::new().spawn_scoped(scope, move || acknowledge(book, begins, file, until))
            })
            .transpose()
            .map_err(|wrong| no_thread(&wrong))?;
        let mut threads = Vec::new();
        for work in work {
            match thread::Builder::new().spawn_scoped(scope, work) {
                Ok(thread) => threads.push(thread),
                Err(wrong) => {
                    // Those that have begun leave; the others' seats are given up with their work.
                    pace.market_is_over();
                    setup.venue.finish();
                    until.reach(0);
                    return Err(no_thread(&wrong));
                }
            }
        }

        let mut latency = play(options.speed, tape, setup, &pace, bar);
        // Nothing moves any more: what is pending at the venue executes now, and whoever waits for it wakes.
        setup.venue.finish();
        pace.market_is_over();
        let mut whole = true;
        for thread in threads {
            match thread.join() {
                Ok(theirs) => latency.merge(theirs),
                Err(_) => whole = false,
            }
        }
        come_to_rest(setup, counts);
        until.reach(setup.book.snapshot().sequence().0);
        let witness = witness.join().map_err(|_| panicked())?;
        if let Some(acknowledging) = acknowledging {
            acknowledging.join().map_err(|_| panicked())??;
        }
        if whole { Ok((latency, witness)) } else { Err(panicked()) }
    })
    .map(|(latency, witness)| Ended { counts, latency, witness })
}

/// The market thread: marks, clock and venue, tick by tick.
fn play(speed: Speed, tape: &Tape, setup: &Setup, pace: &Pace, bar: &ProgressBar) -> Latency {
    let mut latency = Latency::default();
    let began = Instant::now();
    let seen = setup.venue.ticks();
    let first = tape.ticks.get(seen).map_or(0, |tick| tick.time);
    for (n, tick) in tape.ticks.iter().enumerate().skip(seen) {
        if let Speed::Times(times) = speed {
            let due = Duration::from_nanos(tick.time.saturating_sub(first).unsigned_abs() / u64::from(times));
            thread::sleep(due.saturating_sub(began.elapsed()));
        }
        pace.market_goes_to(tick.time);
        let market = setup.traded.get(tick.market as usize);
        let moved = market.and_then(|market| Some((market, mark_of(tick, &market.instrument)?)));
        let Some((market, price)) = moved else {
            setup.venue.tick(None);
            continue;
        };
        let time = Timestamp(tick.time);
        setup.clock.set(time);
        // Refused only for a price that no instrument can have; the tape was checked for those.
        let _ = latency.time("mark", || setup.book.mark_at(market.id, price, time));
        setup.venue.tick(Some((&market.symbol, price, time)));
        if n % 1_024 == 0 {
            bar.set_position(n as u64);
        }
    }
    latency
}

/// The mark that a tick makes: the price of a trade, or the middle of a quote on the price step.
pub fn mark_of(tick: &Tick, instrument: &Instrument) -> Option<Price> {
    match tick.kind {
        TickKind::Trade { price, .. } | TickKind::Mark { price } => Price::new(price).ok(),
        TickKind::Quote { bid, ask } => {
            let step = instrument.price_step().get();
            let steps = ((bid + ask) / Decimal::TWO).checked_div(step)?;
            let steps = steps.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven);
            Price::new(steps.checked_mul(step)?).ok().filter(|price| price.get() > Decimal::ZERO)
        }
    }
}

/// A strategy thread.
fn trade(seat: Seat<'_>, setup: &Setup, counts: &Counts, seed: u64, number: usize) -> Latency {
    let mut latency = Latency::default();
    let mut reader = setup.book.reader();
    let mut strategy = Strategy::new(seed, number as u64, setup.traded.len());
    let mut turn = seat.pace.now().saturating_add(strategy.pause());
    while seat.my_turn(turn) {
        let wish = latency.time("read and decide", || {
            strategy.decide(&mut reader, &setup.traded, |id| setup.book.fresh_mark(id).map(|mark| mark.price))
        });
        match wish {
            Wish::Order(command) => order(&seat, setup, counts, &mut latency, command),
            Wish::Pair(commands) => pair(&seat, setup, counts, &mut latency, commands),
            Wish::Tighten(id, to) => {
                let wish = Command::retarget(id).stop(to).because("half way to the market");
                match latency.time("retarget", || setup.book.apply(wish)) {
                    Ok(_) => count(&counts.retargets),
                    Err(_) => count(&counts.rejections),
                }
            }
            Wish::Nothing => {}
        }
        // Holds no old root while it sleeps.
        reader.release();
        turn = seat.pace.now().saturating_add(strategy.pause());
    }
    latency
}

/// Reserves, and sends what was granted.
fn order(seat: &Seat<'_>, setup: &Setup, counts: &Counts, latency: &mut Latency, command: Command) {
    let reserved = latency.time("reserve", || setup.book.reserve(command));
    let Ok(reservation) = reserved else { return count(&counts.rejections) };
    count(&counts.orders);
    came(counts, &seat.away(|| pollster::block_on(setup.manager.send(reservation))));
}

/// Reserves both legs of a pair trade or none, and sends them side by side.
fn pair(seat: &Seat<'_>, setup: &Setup, counts: &Counts, latency: &mut Latency, commands: Vec<Command>) {
    let reserved = latency.time("submit a batch", || setup.book.submit(commands));
    let Ok(batch) = reserved else { return count(&counts.rejections) };
    count(&counts.pairs);
    counts.orders.fetch_add(batch.reservations.len() as u64, Relaxed);
    let sent = seat.away(|| pollster::block_on(setup.manager.send_all(batch.reservations)));
    sent.iter().for_each(|(_, report)| came(counts, report));
}

/// Counts what a healthy venue never does.
fn came(counts: &Counts, sent: &Result<OrderReport, posbook::Error>) {
    if sent.as_ref().map_or(true, |report| matches!(report.end, OrderEnd::InDoubt(_))) {
        count(&counts.faults);
    }
}

/// The fill thread: reads the account's fills as a second path beside the answers. The same fill comes twice, and is
/// booked once.
fn book_fills(seat: Seat<'_>, setup: &Setup, begins: i64) -> Latency {
    let mut latency = Latency::default();
    let mut cursor = setup.manager.fill_cursor();
    let mut turn = begins.saturating_add(FILLS_EVERY);
    while seat.my_turn(turn) {
        if let Ok(page) = pollster::block_on(setup.venue.fills_since(cursor)) {
            for VenueFill { symbol, mut fill } in page.fills {
                if let Some(market) = setup.traded.iter().find(|market| market.symbol == symbol) {
                    fill.instrument = market.id;
                    let _: Result<_, Rejection> = latency.time("record", || setup.book.record(fill));
                }
            }
            cursor = page.next.max(cursor);
        }
        turn = seat.pace.now().saturating_add(FILLS_EVERY);
    }
    latency
}

/// The exit thread: stops and takes.
fn watch_exits(seat: Seat<'_>, setup: &Setup, counts: &Counts, begins: i64) -> Latency {
    let mut turn = begins.saturating_add(EXITS_EVERY);
    while seat.my_turn(turn) {
        let pass = seat.away(|| pollster::block_on(setup.manager.update_positions()));
        counts.trailed.fetch_add(pass.trailed.len() as u64, Relaxed);
        counts.reached.fetch_add(pass.reached.len() as u64, Relaxed);
        counts.exits.fetch_add(pass.closed.len() as u64, Relaxed);
        counts.orders.fetch_add(pass.closed.len() as u64, Relaxed);
        counts.rejections.fetch_add(pass.refused.len() as u64, Relaxed);
        let failed = pass.closed.iter().filter(|(_, sent)| sent.is_err()).count() + pass.faults.len();
        counts.faults.fetch_add(failed as u64, Relaxed);
        turn = seat.pace.now().saturating_add(EXITS_EVERY);
    }
    Latency::default()
}

/// The dashboard thread: whole snapshots, and what they are worth.
fn look(seat: Seat<'_>, setup: &Setup, counts: &Counts, begins: i64) -> Latency {
    let mut latency = Latency::default();
    let mut turn = begins.saturating_add(DASHBOARD_EVERY);
    while seat.my_turn(turn) {
        let view = latency.time("snapshot", || setup.book.snapshot());
        count(&counts.snapshots);
        let _ = latency.time("equity", || setup.book.value(&view));
        turn = seat.pace.now().saturating_add(DASHBOARD_EVERY);
    }
    latency
}

/// The reconcile thread. On a healthy venue it finds nothing.
fn reconcile_now_and_then(seat: Seat<'_>, setup: &Setup, counts: &Counts, begins: i64) -> Latency {
    let mut turn = begins.saturating_add(RECONCILE_EVERY);
    while seat.my_turn(turn) {
        match seat.away(|| pollster::block_on(setup.manager.reconcile_positions())) {
            Ok(report) => {
                count(&counts.reconciles);
                counts.repairs.fetch_add(report.resolved() as u64, Relaxed);
            }
            Err(_) => count(&counts.faults),
        }
        turn = seat.pace.now().saturating_add(RECONCILE_EVERY);
    }
    Latency::default()
}

/// How often the venue is asked at the end. An order that never arrived is over when its patience is; a second of market
/// time passes between two questions.
const LAST_QUESTIONS: usize = 100;

/// Reads every fill and every order's final state until no order is unresolved, then true reports until none of what went
/// wrong on the way is left unconfirmed.
fn come_to_rest(setup: &Setup, counts: &Counts) {
    for _ in 0..LAST_QUESTIONS {
        let time = setup.clock.now().plus(Duration::from_secs(1));
        setup.clock.set(time);
        setup.venue.advance(time);
        setup.book.expire();
        let asked = pollster::block_on(setup.manager.pull_fills())
            .and(pollster::block_on(setup.manager.resolve_orders()));
        if asked.is_err() {
            count(&counts.faults);
        }
        let totals = setup.book.snapshot().totals().clone();
        if totals.orders > 0 {
            continue;
        }
        if totals.troubled == 0 {
            return;
        }
        if pollster::block_on(setup.manager.reconcile_positions()).is_ok() {
            count(&counts.reconciles);
        }
    }
}
