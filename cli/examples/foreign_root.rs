//! `cargo foreign-root`: two `ArcSwap` cells in one process could hand out each other's objects. Is that so with the
//! version that is built here, and does it reach our books?
//!
//! **The off side** (`--off-seconds N`, by hand, up to 120) looks for the fault itself, in a process of its own: two
//! bare cells of one plain type, one writer doing `a.store; b.store; b.store`, four readers of `a`. Each object knows for
//! which cell it was made. Not finding it is reported, not failed: it depends on the version, the machine and luck. With
//! arc-swap 1.9.3 it took a third of a second (526 foreign objects in 1.9 thousand million loads, 60 s on two cores);
//! 1.9.5 says that it mends it (its issue 210), and none was found in 4.1 thousand million loads, 120 s.
//!
//! How it happened: a reader of `a` reads pointer P; the writer replaces P in `a`, its memory is freed, and the allocator
//! gives P to a new object that goes into `b`; the reader announces a debt on P; debts were matched by address alone, so
//! the writer pays it when it replaces P in `b`; the reader sees that `a` changed, finds its debt paid, and returns what
//! is now at P: an object of `b`. Since 1.9.5 a debt that is not confirmed names its cell too.
//!
//! **The on side** (`--on-seconds N`, default 20) churns several books, each with fills, marks and reservations, beside
//! foreign cells whose objects have the size of our shells, and checks every view: it is of its own book, its sequence
//! is no older than the last, its totals agree with its positions. At the end: no foreign load was even noticed, and the
//! shells made are few. Exit code 1 on any violation.
//!
//! `--format json` prints one line of JSON last.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "an example that checks stops at what it did not expect"
)]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "it puts bare cells beside our books on purpose"
)]

use std::process::{Command as Process, ExitCode};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use posbook::{
    Book, Command, Decimal, Fill, Instrument, InstrumentId, OrderSide, Quantity, Sequence, Snapshot,
    Timestamp,
};
use posbook_bench::{Arguments, price, quantity};
use serde_json::{Value, json};

fn main() -> ExitCode {
    let arguments = Arguments::read(&["--off-seconds", "--on-seconds", "--off-side", "--format"]);
    let child: u64 = arguments.get("--off-side", 0);
    if child > 0 {
        println!("{}", off(Duration::from_secs(child)));
        return ExitCode::SUCCESS;
    }
    let mut report = json!({ "off": null, "on": null });
    let off_seconds: u64 = arguments.get("--off-seconds", 0).min(120);
    if off_seconds > 0 {
        println!("off: two bare cells, {off_seconds} s");
        let found = off_in_a_child(off_seconds);
        println!(
            "off: {} loads, {} foreign objects, the first after {}",
            found["loads"],
            found["foreign"],
            found["first_after_s"].as_f64().map_or("-".to_owned(), |s| format!("{s:.1} s")),
        );
        if found["foreign"] == 0 {
            println!("off: not reproduced this time");
        }
        report["off"] = found;
    }
    let on_seconds: u64 = arguments.get("--on-seconds", 20);
    let mut ok = true;
    if on_seconds > 0 {
        println!(
            "on: {BOOKS} books, {WRITERS} writers, {READERS} readers, foreign cells beside them, {on_seconds} s"
        );
        let (found, violations) = on(Duration::from_secs(on_seconds));
        for violation in &violations {
            println!("on: WRONG: {violation}");
        }
        ok = violations.is_empty();
        println!("on: {found}");
        println!("on: {}", if ok { "ok" } else { "WRONG" });
        report["on"] = found;
        report["violations"] = json!(violations);
    }
    report["ok"] = json!(ok);
    if arguments.json() {
        println!("{report}");
    }
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

// ---- off

/// A fault there is a fault of memory: it stays out of this process.
fn off_in_a_child(seconds: u64) -> Value {
    let me = std::env::current_exe().unwrap();
    let child = Process::new(me).args(["--off-side", &seconds.to_string()]).output().unwrap();
    let said = String::from_utf8_lossy(&child.stdout).into_owned();
    said.lines()
        .last()
        .and_then(|line| serde_json::from_str(line).ok())
        .unwrap_or_else(|| json!({ "died": child.status.to_string(), "loads": null, "foreign": null }))
}

struct Plain {
    made_for: char,
    number: u64,
}

fn off(lasting: Duration) -> Value {
    let plain = |made_for, number| Arc::new(Plain { made_for, number });
    let (a, b) = (ArcSwap::new(plain('a', 0)), ArcSwap::new(plain('b', 0)));
    let started = Instant::now();
    let stop = AtomicBool::new(false);
    let (loads, foreign, first) = (AtomicU64::new(0), AtomicU64::new(0), Mutex::new(None));
    let mut stores = 0_u64;
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    for _ in 0..1_000 {
                        let object = a.load_full();
                        if object.made_for != 'a' {
                            foreign.fetch_add(1, Ordering::Relaxed);
                            first.lock().unwrap().get_or_insert((started.elapsed(), object.number));
                        }
                    }
                    loads.fetch_add(1_000, Ordering::Relaxed);
                }
            });
        }
        while started.elapsed() < lasting {
            for _ in 0..1_000 {
                stores += 3;
                a.store(plain('a', stores));
                b.store(plain('b', stores));
                b.store(plain('b', stores + 1));
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    let first = *first.lock().unwrap();
    json!({
        "seconds": lasting.as_secs(),
        "loads": loads.into_inner(),
        "stores": stores,
        "foreign": foreign.into_inner(),
        "first_after_s": first.map(|(time, _): (Duration, u64)| time.as_secs_f64()),
    })
}

// ---- on

const BOOKS: usize = 3;
const WRITERS: usize = 2;
const READERS: usize = 4;
/// Made with each book.
const IN_ADVANCE: u64 = 16;
/// Shells of writes in flight, beyond one a thread and one a reader.
const A_FEW: u64 = 8;
/// A position has this much for each of its fills.
const EACH: &str = "0.001";

/// 40 bytes with its counts, as a shell of ours.
type Foreign = [u64; 3];

/// One book, whose instruments carry its number; writer w writes to instrument w only.
struct Own {
    number: usize,
    book: Book,
    ids: Vec<InstrumentId>,
}

impl Own {
    fn new(number: usize) -> Self {
        let book = Book::builder().instruments(WRITERS).window(64).build().unwrap();
        let ids = (0..WRITERS)
            .map(|w| book.register(Instrument::linear(&name(number, w), "0.1", EACH).unwrap()).unwrap())
            .collect();
        Self { number, book, ids }
    }

    /// What is wrong with a view that a load of this book returned.
    fn wrong(&self, view: &Snapshot, last: &mut Sequence) -> Option<String> {
        let number = self.number;
        if view.sequence() < *last {
            return Some(format!("book {number}: sequence {} after {last}", view.sequence()));
        }
        *last = view.sequence();
        let (mut fills, mut orders, mut open) = (0, 0, 0);
        for (w, (_, instrument)) in view.instruments().enumerate() {
            if instrument.symbol().as_str() != name(number, w) {
                return Some(format!("book {number} showed {}", instrument.symbol()));
            }
        }
        for key in view.keys() {
            fills += key.ledger.fills;
            orders += key.orders.len();
            if let Some(position) = &key.position {
                open += 1;
                let sum = Decimal::new(1, 3) * Decimal::from(key.ledger.fills);
                if position.quantity.get() != sum {
                    return Some(format!(
                        "book {number}: {} contracts of {} fills",
                        position.quantity, key.ledger.fills
                    ));
                }
            }
        }
        let totals = view.totals();
        let (told, counted) = ((totals.fills, totals.orders, totals.positions), (fills, orders, open));
        (told != counted).then(|| format!("book {number}: totals {told:?}, counted {counted:?}"))
    }
}

fn name(book: usize, instrument: usize) -> String {
    format!("BOOK{book}I{instrument}/USDT:USDT")
}

/// One write to one book.
fn write(own: &Own, writer: usize, n: u64, each: Quantity, at: posbook::Price) {
    let (book, id) = (&own.book, own.ids[writer]);
    match n % 4 {
        0 | 1 => {
            let trade = n.to_string().parse().unwrap();
            let fill = Fill::trade(id, trade, OrderSide::Buy, each, at);
            book.record(fill.at(Timestamp::from_millis(n.cast_signed()))).unwrap();
        }
        2 => drop(book.reserve(Command::scale_out(id, each)).unwrap()),
        _ => book.mark_at(id, at, Timestamp::from_millis(n.cast_signed())).unwrap(),
    }
}

fn on(lasting: Duration) -> (Value, Vec<String>) {
    let books: Vec<Own> = (0..BOOKS).map(Own::new).collect();
    let cells: Vec<ArcSwap<Foreign>> = (0..2).map(|n| ArcSwap::from_pointee([n; 3])).collect();
    let stop = AtomicBool::new(false);
    let (loads, writes, foreign_seen) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let violations = Mutex::new(Vec::new());
    let wrong = |what: String| {
        let mut violations = violations.lock().unwrap();
        if violations.len() < 20 {
            violations.push(what);
        }
    };
    let started = Instant::now();
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (books, stop, writes) = (&books, &stop, &writes);
            scope.spawn(move || {
                let (each, at) = (quantity(EACH), price("50000"));
                for n in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    for own in books {
                        write(own, writer, n, each, at);
                    }
                    writes.fetch_add(BOOKS as u64, Ordering::Relaxed);
                }
            });
        }
        for n in 0..READERS {
            let (books, stop, loads, wrong) = (&books, &stop, &loads, &wrong);
            scope.spawn(move || {
                let mut readers: Vec<_> = books.iter().map(|own| own.book.reader()).collect();
                let mut last = [Sequence(0); BOOKS];
                let mut seen = [Sequence(0); BOOKS];
                while !stop.load(Ordering::Relaxed) {
                    for round in 0..256 {
                        let which = (round + n) % BOOKS;
                        let own = &books[which];
                        // The cheap check each time, which is what the fault would break; the whole one now and then.
                        let view = own.book.snapshot();
                        if round % 16 == 0 {
                            own.wrong(&view, &mut last[which]).into_iter().for_each(wrong);
                        } else if view.sequence() < last[which] {
                            wrong(format!(
                                "book {which}: sequence {} after {}",
                                view.sequence(),
                                last[which]
                            ));
                        } else {
                            last[which] = view.sequence();
                        }
                        let cached = readers[which].view();
                        if cached.sequence() < seen[which] {
                            wrong(format!(
                                "a reader of book {which}: {} after {}",
                                cached.sequence(),
                                seen[which]
                            ));
                        }
                        seen[which] = cached.sequence();
                    }
                    loads.fetch_add(512, Ordering::Relaxed);
                }
            });
        }
        // Foreign cells: one thread churns them, one reads them. What they hand out of each other is their business.
        scope.spawn(|| {
            for n in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                cells[0].store(Arc::new([0, n, n]));
                cells[1].store(Arc::new([1, n, n]));
                cells[1].store(Arc::new([1, n, n]));
            }
        });
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for _ in 0..256 {
                    foreign_seen.fetch_add(u64::from(cells[0].load_full()[0] != 0), Ordering::Relaxed);
                }
            }
        });
        while started.elapsed() < lasting && violations.lock().unwrap().is_empty() {
            thread::sleep(Duration::from_millis(100));
        }
        stop.store(true, Ordering::Relaxed);
    });
    // Each reader thread has one reader a book; every thread may have a load in flight.
    let threads = (WRITERS + READERS) as u64;
    let most = IN_ADVANCE + READERS as u64 + threads + A_FEW;
    let mut told = Vec::new();
    for own in &books {
        let health = own.book.health();
        own.wrong(&own.book.snapshot(), &mut Sequence(0)).into_iter().for_each(wrong);
        if health.foreign_loads != 0 {
            wrong(format!("book {}: {} foreign loads", own.number, health.foreign_loads));
        }
        if health.shells_made > most {
            wrong(format!(
                "book {}: {} shells made; at most {most} belong there",
                own.number, health.shells_made
            ));
        }
        told.push(json!({
            "changes": own.book.snapshot().sequence().0,
            "lost_turns": health.lost_turns,
            "foreign_loads": health.foreign_loads,
            "shells_made": health.shells_made,
        }));
    }
    let found = json!({
        "seconds": started.elapsed().as_secs(),
        "loads": loads.into_inner(),
        "writes": writes.into_inner(),
        "foreign_between_the_foreign_cells": foreign_seen.into_inner(),
        "books": told,
        "shells_at_most": most,
    });
    (found, violations.into_inner().unwrap())
}
