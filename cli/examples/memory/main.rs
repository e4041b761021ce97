//! `cargo memory`: what a held snapshot, a thousand snapshots and the pool of shells cost in memory. Exit code 1 if one
//! costs more than it may.
//!
//! What must hold, each measured as the bytes that are allocated and not freed, by a counting allocator that is in this
//! binary only:
//!
//! - One snapshot held over 2,000,000 fills costs less than 10 MB: it pins the state it shows and nothing that came
//!   after, because the feed is a window inside the root and not a chain.
//! - 1,000 snapshots taken, held while 10,000 fills happen, and dropped leave memory where it was.
//! - A reader that was overtaken many times leaves nothing behind but the few bodies that wait to be used again.
//! - Shells of the root cell are used again: there are never more than those made in advance, one a reader, one a thread
//!   and a few.
//! - Endless churn, positions opened and closed over all keys, leaves memory where it was, beside a subscriber that reads and
//!   one that does not.
//!
//! And what a position costs in each of the contenders of `posbook bench`: target 12, which is told and fails nothing.
//!
//! `POSBOOK_SCALE=ci` does a tenth of the fills of the first, and a fiftieth of the churn.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "an example that measures stops at what it did not expect"
)]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "it starts threads and measures time"
)]

mod churn;
mod position;

use std::alloc::System;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use posbook::Book;
use posbook_bench::{Arguments, Fills, Market, market};
use serde_json::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes allocated and not freed.
fn live() -> i64 {
    // What a reallocation added or gave back is in these two already.
    let stats = COUNTING.stats();
    stats.bytes_allocated.cast_signed() as i64 - stats.bytes_deallocated.cast_signed() as i64
}

/// Made when a book is made.
const IN_ADVANCE: u64 = 16;
/// Beyond one a reader and one a thread: what is in flight between the two steps of a write.
const A_FEW: u64 = 8;

fn main() -> ExitCode {
    let arguments = Arguments::read(&["--format"]);
    let ci = std::env::var("POSBOOK_SCALE").is_ok_and(|scale| scale == "ci");
    let fills = if ci { 200_000 } else { 2_000_000 };
    let checks = [
        held(25, fills),
        held(100, fills),
        thousand(),
        pool(),
        passed_over(),
        crowd(),
        quiet(fills / 2),
        churn::flat(if ci { 200_000 } else { 10_000_000 }),
    ];
    for check in &checks {
        println!("{:<5} {}: {}", if check.ok { "ok" } else { "WRONG" }, check.what, check.got);
    }
    let position = position::all();
    println!("\n{position}");
    let ok = checks.iter().all(|check| check.ok);
    if arguments.json() {
        let rows: Vec<_> = checks
            .iter()
            .map(|c| json!({ "what": c.what, "got": c.got, "bytes": c.figure, "ok": c.ok }))
            .collect();
        let scale = if ci { "ci" } else { "hand" };
        println!("{}", json!({ "scale": scale, "checks": rows, "position": position.as_json(), "ok": ok }));
    }
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Check {
    what: String,
    got: String,
    figure: i64,
    ok: bool,
}

/// So many fills, one instrument after the other.
fn record(book: &Book, ids: &[posbook::InstrumentId], fills: &mut Fills, count: usize) {
    for n in 0..count {
        let fill = fills.next(ids[n % ids.len()]);
        book.record(fill).unwrap();
    }
}

/// A market whose memory is full: every ring, every window.
fn seasoned(positions: usize) -> Market {
    let mut market = market(positions);
    record(&market.book, &market.ids, &mut market.fills, positions * 400);
    market
}

fn held(positions: usize, count: usize) -> Check {
    let mut market = seasoned(positions);
    let before = live();
    let snapshot = market.book.snapshot();
    let started = Instant::now();
    record(&market.book, &market.ids, &mut market.fills, count);
    let seconds = started.elapsed().as_secs_f64();
    let with = live();
    let shown = snapshot.len();
    drop(snapshot);
    let without = live();
    let cost = with - without.min(before);
    Check {
        what: format!("one snapshot of {positions} positions held over {count} fills costs less than 10 MB"),
        got: format!(
            "{:.2} MB ({:.2} MB freed by dropping it; {shown} positions in it; the whole market {:.2} MB; {seconds:.1} s)",
            megabytes(cost),
            megabytes(with - without),
            megabytes(without),
        ),
        figure: cost,
        ok: cost < 10_000_000 && shown == positions,
    }
}

fn thousand() -> Check {
    // 10,000 fills are 400 an instrument, so that each ring ends where it began.
    let mut market = seasoned(25);
    let mut snapshots = Vec::with_capacity(1_000);
    let before = live();
    for _ in 0..1_000 {
        snapshots.push(market.book.snapshot());
        record(&market.book, &market.ids, &mut market.fills, 10);
    }
    let with = live();
    snapshots.clear();
    let left = live() - before;
    Check {
        what: "1,000 snapshots taken and held during 10,000 fills, dropped, leave memory where it was"
            .to_owned(),
        got: format!("{left} bytes more than before (while held: {:.2} MB more)", megabytes(with - before)),
        figure: left,
        // Trade ids get longer by a digit now and then; a leaked snapshot is hundreds of kilobytes.
        ok: left.abs() <= 65_536,
    }
}

fn pool() -> Check {
    let (readers, writers) = (8_u64, 3_u64);
    let market = seasoned(25);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..readers {
            scope.spawn(|| {
                let mut reader = market.book.reader();
                while !stop.load(Ordering::Relaxed) {
                    let cached = reader.view().sequence();
                    assert!(market.book.snapshot().sequence() >= cached);
                    thread::yield_now();
                }
            });
        }
        let writing: Vec<_> = (0..writers)
            .map(|n| {
                let (book, ids) = (&market.book, &market.ids[n as usize * 8..][..8]);
                let mut fills = market.fills.clone();
                scope.spawn(move || record(book, ids, &mut fills, 100_000))
            })
            .collect();
        for writer in writing {
            writer.join().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    });
    let health = market.book.health();
    let most = IN_ADVANCE + readers + (readers + writers) + A_FEW;
    Check {
        what: format!("{readers} readers and {writers} writers, 300,000 fills: at most {most} shells"),
        got: format!(
            "{} shells made, {} turns lost, {} foreign loads",
            health.shells_made, health.lost_turns, health.foreign_loads
        ),
        figure: i64::try_from(health.shells_made).unwrap(),
        ok: health.shells_made <= most && health.foreign_loads == 0,
    }
}

/// Shells that a reader held when they were replaced are emptied once it lets go: none keeps an old state.
fn passed_over() -> Check {
    let mut market = seasoned(25);
    let before = live();
    let mut reader = market.book.reader();
    for _ in 0..14 {
        reader.view();
        record(&market.book, &market.ids, &mut market.fills, 10_000);
    }
    drop(reader);
    record(&market.book, &market.ids, &mut market.fills, 10_000);
    let left = live() - before;
    Check {
        what: "a reader that moved on fourteen times and went keeps no old state".to_owned(),
        got: format!("{left} bytes more than before"),
        figure: left,
        // Up to four bodies wait to be used again, each with slots of its own; fourteen would be several times that.
        ok: left.abs() <= 400_000,
    }
}

/// More readers than the pool has places, each on another root, move on and go: what they held is let go too.
fn crowd() -> Check {
    let mut market = seasoned(25);
    let before = live();
    let mut readers: Vec<_> = (0..1_000).map(|_| market.book.reader()).collect();
    for _ in 0..5 {
        for reader in &mut readers {
            reader.view();
            record(&market.book, &market.ids, &mut market.fills, 1);
        }
    }
    drop(readers);
    record(&market.book, &market.ids, &mut market.fills, 20_000);
    let left = live() - before;
    Check {
        what: "a thousand readers that moved on in turn and went keep no old state".to_owned(),
        got: format!("{left} bytes more than before, {} shells", market.book.health().shells_made),
        figure: left,
        // Their shells stay, empty, and up to eight bodies: a thousand states would be a hundred times that.
        ok: left.abs() <= 1_000_000,
    }
}

/// Memory is flat under endless fills, with nobody holding anything.
fn quiet(count: usize) -> Check {
    let mut market = seasoned(25);
    let before = live();
    let count = count / 10_000 * 10_000;
    record(&market.book, &market.ids, &mut market.fills, count);
    let more = live() - before;
    Check {
        what: format!("{count} fills with nobody holding anything leave memory where it was"),
        got: format!("{more} bytes more than before"),
        figure: more,
        ok: more.abs() <= 65_536,
    }
}

fn megabytes(bytes: i64) -> f64 {
    bytes as f64 / 1e6
}
