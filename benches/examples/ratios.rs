//! `cargo ratios`: the speed targets that are ratios, all measured in one run, because only ratios inside one run mean
//! anything on a shared machine.
//!
//! Contenders take turns, round by round, and what is compared are the medians of the rounds. Each says `met` or `missed`;
//! the exit code is 0 either way, because a busy machine is no defect. Latencies are timed one operation at a time into a
//! histogram, so they contain the cost of asking the clock twice, which is printed.
//!
//! | target | what |
//! |---|---|
//! | 1 | a snapshot against cloning the map under an `RwLock`, at 100, 1,000 and 10,000 positions; flat in their number |
//! | 4 | p99.9 of a read beside a writer that writes flat out, against `std::sync::Mutex` |
//! | 5 | a mark tick against writing price and time under a mutex, and against a tick that also keeps the profit |
//! | 6 | a fill, one writer, against the same arithmetic under a mutex (told, and where a mutex wins) |
//!
//! The mutex guards the same positions under the same keys with a fast hasher. `--seed N` chooses prices and the order of
//! keys; `--rounds N` how many rounds; `--format json` prints one line of JSON last.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "an example that measures stops at what it did not expect"
)]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "it measures time, and the baselines are locks"
)]

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use posbook::{Decimal, InstrumentId, PositionKey, Timestamp};
use posbook_bench::{Arguments, Market, Random, clock_cost, fold, market, median, nanoseconds, prices};
use rustc_hash::FxBuildHasher;
use serde_json::json;

fn main() {
    let arguments = Arguments::read(&["--seed", "--rounds", "--format"]);
    let (seed, rounds): (u64, usize) = (arguments.get("--seed", 7), arguments.get("--rounds", 11));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let clock = clock_cost();
    println!(
        "seed {seed}, {rounds} rounds, {threads} hardware threads, asking the clock twice costs {clock:.0} ns"
    );
    println!("a position is {} bytes\n", size_of::<posbook::Position>());
    let mut rows = Vec::new();
    snapshots(rounds, &mut rows);
    tails(rounds, seed, &mut rows);
    ticks(rounds, seed, &mut rows);
    fills(rounds, &mut rows);

    println!("{:<3} {:<76} {:>12} {:>12}  {:<7} figures", "#", "target", "want", "got", "");
    for row in &rows {
        let met = if row.met() { "met" } else { "missed" };
        println!(
            "{:<3} {:<76} {:>12} {:>12}  {met:<7} {}",
            row.target,
            row.what,
            row.want.text(),
            format!("{:.2}", row.got),
            row.figures
        );
    }
    if arguments.json() {
        let rows: Vec<_> = rows
            .iter()
            .map(|r| json!({ "target": r.target, "what": r.what, "want": r.want.text(), "got": r.got, "met": r.met(), "figures": r.figures }))
            .collect();
        println!(
            "{}",
            json!({ "seed": seed, "rounds": rounds, "threads": threads, "clock_ns": clock, "rows": rows })
        );
    }
}

enum Want {
    AtLeast(f64),
    AtMost(f64),
}

impl Want {
    fn text(&self) -> String {
        match self {
            Want::AtLeast(least) => format!(">= {least}"),
            Want::AtMost(most) => format!("<= {most}"),
        }
    }
}

struct Row {
    target: u8,
    what: String,
    want: Want,
    got: f64,
    figures: String,
}

impl Row {
    fn met(&self) -> bool {
        match self.want {
            Want::AtLeast(least) => self.got >= least,
            Want::AtMost(most) => self.got <= most,
        }
    }
}

// ---- 1: snapshots

fn snapshots(rounds: usize, rows: &mut Vec<Row>) {
    let sizes = [10, 100, 1_000, 10_000];
    let contenders: Vec<_> = sizes
        .iter()
        .map(|&positions| {
            let market = market(positions);
            let map = RwLock::new(market.map());
            (market, map)
        })
        .collect();
    let mut book = vec![Vec::new(); sizes.len()];
    let mut clone = vec![Vec::new(); sizes.len()];
    for _ in 0..rounds {
        for (at, (market, map)) in contenders.iter().enumerate() {
            let times = u32::try_from(200_000 / sizes[at]).unwrap_or(1);
            book[at].push(nanoseconds(200_000, |_| market.book.snapshot()));
            clone[at].push(nanoseconds(times, |_| map.read().unwrap().clone()));
        }
    }
    let medians = |of: Vec<Vec<f64>>| of.into_iter().map(median).collect::<Vec<_>>();
    let (book, clone) = (medians(book), medians(clone));
    for (at, least) in [(1, 40.0), (2, 700.0), (3, 5_000.0)] {
        rows.push(Row {
            target: 1,
            what: format!("snapshot of {} positions: an RwLock clone costs", sizes[at]),
            want: Want::AtLeast(least),
            got: clone[at] / book[at],
            figures: format!("{:.1} ns, clone {:.0} ns", book[at], clone[at]),
        });
    }
    rows.push(Row {
        target: 1,
        what: "snapshot of 10,000 positions: against one of 10".to_owned(),
        want: Want::AtMost(1.3),
        got: book[3] / book[0],
        figures: format!("{:.1} ns, {:.1} ns", book[3], book[0]),
    });
}

// ---- 4: reads beside a writer

const POSITIONS: u32 = 100;
const ROUND: Duration = Duration::from_millis(250);
/// More fills than a book records in a round.
const BEYOND: usize = 400_000;

/// p99.9, in nanoseconds, of `read` beside a thread that calls `write` without a pause; and the writer's operations.
fn tail(seed: u64, mut read: impl FnMut(PositionKey), write: impl FnMut() + Send) -> (f64, u64) {
    let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut taken = Histogram::<u64>::new_with_bounds(1, 10_000_000_000, 3).unwrap();
    thread::scope(|scope| {
        let (stop, written) = (&stop, &written);
        let mut write = write;
        scope.spawn(move || {
            let mut count = 0;
            while !stop.load(Ordering::Relaxed) {
                write();
                count += 1;
            }
            written.store(count, Ordering::Relaxed);
        });
        let mut random = Random(seed);
        let until = Instant::now() + ROUND;
        loop {
            let key =
                PositionKey::net(InstrumentId(u32::try_from(random.below(POSITIONS.into())).unwrap_or(0)));
            let began = Instant::now();
            read(black_box(key));
            let ended = Instant::now();
            taken.saturating_record(u64::try_from((ended - began).as_nanos()).unwrap_or(u64::MAX));
            if ended > until {
                break;
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    (taken.value_at_quantile(0.999) as f64, written.into_inner())
}

fn tails(rounds: usize, seed: u64, rows: &mut Vec<Row>) {
    let Market { book, ids, mut fills } = market(POSITIONS as usize);
    let map = Mutex::new(market(POSITIONS as usize).map());
    let mut turn = ids.into_iter().cycle();
    let mut next = || fills.next(turn.next().unwrap());
    // Made before, so that the writers do nothing but write. A mutex may fold the same fills again and again; the book
    // would call them duplicates, so it gets more than it can record in a round.
    let again: Vec<_> = (0..10_000).map(|_| next()).collect();
    let (mut reader, mut plain, mut mutex) = (Vec::new(), Vec::new(), Vec::new());
    let mut wrote = [0; 2];
    for round in 0..rounds {
        let seed = seed + round as u64;
        let mut cached = book.reader();
        let mut new: Vec<_> = (0..BEYOND).map(|_| next()).rev().collect();
        let (p999, count) = tail(
            seed,
            |key| {
                black_box(cached.view().get(key).map(|p| (p.quantity, p.cost)));
            },
            || drop(book.record(new.pop().unwrap()).unwrap()),
        );
        reader.push(p999);
        wrote[0] += count;
        let mut new: Vec<_> = (0..BEYOND).map(|_| next()).rev().collect();
        let (p999, _) = tail(
            seed,
            |key| {
                black_box(book.snapshot().get(key).map(|p| (p.quantity, p.cost)));
            },
            || drop(book.record(new.pop().unwrap()).unwrap()),
        );
        plain.push(p999);
        let mut old = again.iter().cycle();
        let (p999, count) = tail(
            seed,
            |key| {
                black_box(map.lock().unwrap().get(&key).map(|p| (p.quantity, p.cost)));
            },
            || {
                let fill = old.next().unwrap();
                fold(map.lock().unwrap().get_mut(&PositionKey::net(fill.instrument)).unwrap(), fill);
            },
        );
        mutex.push(p999);
        wrote[1] += count;
    }
    let [reader, plain, mutex] = [reader, plain, mutex].map(median);
    let (ours, theirs) = (rate(wrote[0], rounds), rate(wrote[1], rounds));
    for (what, got) in [("Reader", reader), ("snapshot().get", plain)] {
        rows.push(Row {
            target: 4,
            what: format!("p99.9 of {what} beside a writer: a mutex's is"),
            want: Want::AtLeast(50.0),
            got: mutex / got,
            figures: format!("{got:.0} ns, mutex {mutex:.0} ns; writers {ours:.2} and {theirs:.2} M fills/s"),
        });
    }
}

fn rate(count: u64, rounds: usize) -> f64 {
    count as f64 / (rounds as f64 * ROUND.as_secs_f64()) / 1e6
}

// ---- 5: ticks

fn ticks(rounds: usize, seed: u64, rows: &mut Vec<Row>) {
    let market = market(POSITIONS as usize);
    let prices = prices(seed);
    let start = (prices[0], Timestamp(0), Decimal::ZERO);
    let ticked: HashMap<_, _, FxBuildHasher> =
        market.map().into_iter().map(|(key, p)| (key, (p, start))).collect();
    let map = Mutex::new(ticked);
    let next = |n: u32| {
        (
            InstrumentId(n.wrapping_mul(7) % POSITIONS),
            prices[n as usize % prices.len()],
            Timestamp(i64::from(n)),
        )
    };
    let (mut book, mut plain, mut valued, mut empty) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        empty.push(nanoseconds(1_000_000, next));
        book.push(nanoseconds(1_000_000, |n| {
            let (id, price, time) = next(n);
            market.book.mark_at(id, price, time)
        }));
        plain.push(nanoseconds(1_000_000, |n| {
            let (id, price, time) = next(n);
            if let Some((_, mark)) = map.lock().unwrap().get_mut(&PositionKey::net(id)) {
                (mark.0, mark.1) = (price, time);
            }
        }));
        valued.push(nanoseconds(1_000_000, |n| {
            let (id, price, time) = next(n);
            if let Some((position, mark)) = map.lock().unwrap().get_mut(&PositionKey::net(id)) {
                *mark = (price, time, position.unrealised(price).unwrap());
            }
        }));
    }
    let [book, plain, valued, empty] = [book, plain, valued, empty].map(median);
    for (what, mutex) in [
        ("price and time under a mutex cost", plain),
        ("price, time and profit under a mutex, as a bot keeps it, cost", valued),
    ] {
        rows.push(Row {
            target: 5,
            what: format!("a mark tick: {what}"),
            want: Want::AtLeast(5.0),
            got: (mutex - empty) / (book - empty),
            figures: format!(
                "{:.1} ns, mutex {:.1} ns, less {empty:.1} ns for choosing what to mark",
                book - empty,
                mutex - empty
            ),
        });
    }
}

// ---- 6: fills

fn fills(rounds: usize, rows: &mut Vec<Row>) {
    const BATCH: u32 = 20_000;
    for positions in [100, 1_000] {
        let Market { book, ids, mut fills } = market(positions);
        let map = Mutex::new(market(positions).map());
        let mut turn = ids.into_iter().cycle();
        let (mut booked, mut folded) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            // Made before: how a fill is parsed is nobody's difference.
            let batch: Vec<_> = (0..BATCH).map(|_| fills.next(turn.next().unwrap())).collect();
            let mut again = batch.clone().into_iter();
            folded.push(nanoseconds(BATCH, |n| {
                let fill = &batch[n as usize];
                fold(map.lock().unwrap().get_mut(&PositionKey::net(fill.instrument)).unwrap(), fill);
            }));
            booked.push(nanoseconds(BATCH, |_| book.record(again.next().unwrap()).unwrap()));
        }
        let [booked, folded] = [booked, folded].map(median);
        rows.push(Row {
            target: 6,
            what: format!("a fill, one writer, {positions} positions: against a bare mutex"),
            want: Want::AtMost(4.0),
            got: booked / folded,
            figures: format!("{booked:.0} ns, mutex {folded:.0} ns"),
        });
    }
}
