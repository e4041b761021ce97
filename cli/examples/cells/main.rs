//! `cargo cells`: what a root cell costs, the one that posbook has beside others: an owned load, a store, two threads that load,
//! a load beside a thread that stores flat out, and its tail.
//!
//! Every cell holds a small value behind an `Arc` (sdd: its own), and is asked for an owned one, because that is what a
//! snapshot is. Cells take turns in rounds, and figures are medians. Each measurement is audited: a value is whole, a reader
//! never goes back, and the last one stored is there at the end.
//!
//! posbook's is the first: a shell that is used again around what snapshots share (`src/book/root.rs`), rebuilt here from the
//! same parts, because the library's own is not for others. What the others cost does not say what they risk: see
//! `docs/performance.md`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "an example that measures stops at what it did not expect; it names cells, locks and clocks"
)]

mod cell;

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use cell::{Bare, Cell, Epochs, Haz, Shelled, Shift, Value};
use hdrhistogram::Histogram;
use posbook_bench::{Arguments, clock_cost, median};
use serde_json::json;

/// What is measured of a cell, nanoseconds.
const COLUMNS: [&str; 6] =
    ["load", "store", "load, of 2", "load beside stores", "its p99.9", "store beside loads"];
/// How long each of them takes.
const TIME: Duration = Duration::from_millis(60);
/// Operations that are timed as one.
const BLOCK: u64 = 64;

/// Measures one, or says what was wrong.
type Measure = fn() -> Result<[f64; 6], String>;

fn main() -> ExitCode {
    let arguments = Arguments::read(&["--rounds", "--format"]);
    let rounds: usize = arguments.get("--rounds", 5);
    let cells: [(&str, Measure); 8] = [
        (Shelled::NAME, figures::<Shelled>),
        (Bare::NAME, figures::<Bare>),
        (<Mutex<Arc<Value>> as Cell>::NAME, figures::<Mutex<Arc<Value>>>),
        (<RwLock<Arc<Value>> as Cell>::NAME, figures::<RwLock<Arc<Value>>>),
        (<parking_lot::RwLock<Arc<Value>> as Cell>::NAME, figures::<parking_lot::RwLock<Arc<Value>>>),
        (Shift::NAME, figures::<Shift>),
        (Haz::NAME, figures::<Haz>),
        (Epochs::NAME, figures::<Epochs>),
    ];
    let mut seen = vec![Vec::new(); cells.len()];
    for _ in 0..rounds.max(1) {
        for ((name, measure), seen) in cells.iter().zip(&mut seen) {
            match measure() {
                Ok(figures) => seen.push(figures),
                Err(wrong) => {
                    println!("VIOLATION: {name}: {wrong}");
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    let medians: Vec<[f64; 6]> = seen
        .iter()
        .map(|rounds| {
            std::array::from_fn(|column| median(rounds.iter().map(|round| round[column]).collect()))
        })
        .collect();
    let clock = clock_cost();
    println!("ns, medians of {rounds} rounds; p99.9 contains asking the clock twice, {clock:.0} ns\n");
    print!("{:<28}", "");
    COLUMNS.iter().for_each(|column| print!(" {column:>18}"));
    println!();
    for ((name, _), figures) in cells.iter().zip(&medians) {
        print!("{name:<28}");
        figures.iter().for_each(|figure| print!(" {figure:>18.1}"));
        println!();
    }
    if arguments.json() {
        let rows: Vec<_> = cells
            .iter()
            .zip(&medians)
            .map(|((name, _), figures)| {
                let all: serde_json::Map<_, _> = COLUMNS
                    .iter()
                    .zip(figures)
                    .map(|(column, ns)| ((*column).to_owned(), json!(ns)))
                    .collect();
                json!({ "cell": name, "ns": all })
            })
            .collect();
        println!("{}", json!({ "rounds": rounds, "clock_ns": clock, "rows": rows }));
    }
    ExitCode::SUCCESS
}

/// What one thread saw.
struct Seen {
    /// An operation, in blocks.
    cost: f64,
    /// One by one.
    p999: f64,
    wrong: Option<String>,
    stored: u64,
}

fn figures<C: Cell>() -> Result<[f64; 6], String> {
    let alone = run::<C>(1, false)?;
    let store = run::<C>(0, true)?;
    let two = run::<C>(2, false)?;
    let beside = run::<C>(1, true)?;
    Ok([alone[0].cost, store[0].cost, two[0].cost, beside[0].cost, beside[0].p999, beside[1].cost])
}

/// So many readers, and a writer or none, the writer last.
fn run<C: Cell>(readers: usize, writes: bool) -> Result<Vec<Seen>, String> {
    let cell = C::new(Value::new(0));
    let (stop, start) = (AtomicBool::new(false), Barrier::new(readers + usize::from(writes) + 1));
    let seen: Vec<Seen> = thread::scope(|scope| {
        let (cell, stop, start) = (&cell, &stop, &start);
        let mut threads: Vec<_> =
            (0..readers).map(|_| scope.spawn(move || load(cell, stop, start))).collect();
        threads.extend(writes.then(|| scope.spawn(move || store(cell, stop, start))));
        start.wait();
        thread::sleep(TIME);
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    if let Some(wrong) = seen.iter().find_map(|seen| seen.wrong.clone()) {
        return Err(wrong);
    }
    let stored = seen.last().map_or(0, |seen| seen.stored);
    let last = cell.reader()().number;
    if last == stored { Ok(seen) } else { Err(format!("{stored} was stored last, and {last} is there")) }
}

fn load<C: Cell>(cell: &C, stop: &AtomicBool, start: &Barrier) -> Seen {
    let mut load = cell.reader();
    let mut timed = Histogram::<u64>::new_with_bounds(1, 10_000_000_000, 3).unwrap();
    let (mut busy, mut count, mut newest, mut wrong) = (Duration::ZERO, 0, 0, None);
    start.wait();
    loop {
        let started = Instant::now();
        for _ in 0..BLOCK {
            let value = black_box(load());
            if value.twice != 2 * value.number || value.number < newest {
                wrong.get_or_insert_with(|| format!("{:?} after {newest}", *value));
            }
            newest = value.number;
        }
        busy += started.elapsed();
        count += BLOCK;
        for _ in 0..BLOCK {
            let started = Instant::now();
            drop(black_box(load()));
            timed.saturating_record(u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX));
        }
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    let cost = busy.as_secs_f64() * 1e9 / count as f64;
    Seen { cost, p999: timed.value_at_quantile(0.999) as f64, wrong, stored: 0 }
}

fn store<C: Cell>(cell: &C, stop: &AtomicBool, start: &Barrier) -> Seen {
    let mut store = cell.writer();
    let mut number = 0;
    start.wait();
    let began = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..BLOCK {
            number += 1;
            store(black_box(Value::new(number)));
        }
    }
    let cost = began.elapsed().as_secs_f64() * 1e9 / number.max(1) as f64;
    Seen { cost, p999: f64::NAN, wrong: None, stored: number }
}
