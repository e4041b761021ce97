//! One operation, so many times, for an instruction counter: `counted OPERATION TIMES [POSITIONS]`. What it costs to begin and
//! end cancels out when two runs are subtracted; `.ci/instructions` does that and holds the result against a budget.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a benchmark with bad input stops"
)]

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};

use posbook::Timestamp;
use posbook::analytics::{Keep, Performance};
use posbook::journal::{Durability, Journal, JournalOptions};
use posbook_bench::{Market, builder, market_of, market_with, price};

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| word != "--");
    let operation = words.next().unwrap_or_default();
    let mut number = |default| words.next().map_or(default, |word| word.parse().expect("it is a number"));
    let (times, positions): (usize, usize) = (number(1_000), number(100));
    if let Some(durability) = operation.strip_prefix("journal-") {
        return journaled(durability, times, positions);
    }
    let mut market = market_with(positions, operation != "copying");
    match operation.as_str() {
        "fill" | "copying" => fill(&mut market, times),
        "followed" => followed(&mut market, times),
        "tick" => {
            let price = price("50000.1");
            for n in 0..times {
                let id = market.ids[n % positions];
                market
                    .book
                    .mark_at(black_box(id), black_box(price), Timestamp(1_000_000))
                    .expect("it is a price");
            }
        }
        "snapshot" => {
            for _ in 0..times {
                black_box(market.book.snapshot());
            }
        }
        "get" => {
            for n in 0..times {
                black_box(
                    market.book.snapshot().get(black_box(market.ids[n % positions])).map(|p| p.quantity),
                );
            }
        }
        "reader" => {
            let mut reader = market.book.reader();
            for n in 0..times {
                black_box(reader.view().get(black_box(market.ids[n % positions])).map(|p| p.quantity));
            }
        }
        other => panic!(
            "{other}: not an operation; known are fill, copying, followed, tick, snapshot, get, reader, journal-none, journal-buffered, journal-synced"
        ),
    }
}

/// The same while another thread works out what was earned; whoever counts takes the figure of this thread.
fn followed(market: &mut Market, times: usize) {
    let (mut changes, done) = (market.book.changes(), AtomicBool::new(false));
    let mut performance = Performance::begin(&market.book.snapshot(), Keep::default());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                // Asked first: what is published before is read after.
                let last = done.load(Ordering::Acquire);
                while let Some(publication) = changes.try_next() {
                    performance.follow_all(&publication.expect("it keeps up")).expect("they come in order");
                }
                if last {
                    break;
                }
                std::thread::yield_now();
            }
            black_box(&performance);
        });
        fill(market, times);
        done.store(true, Ordering::Release);
    });
}

/// The same with a journal; whoever counts takes the figure of this thread.
fn journaled(durability: &str, times: usize, positions: usize) {
    let durability = match durability {
        "none" => Durability::None,
        "buffered" => Durability::Buffered,
        "synced" => Durability::Synced,
        other => panic!("{other}: not a durability"),
    };
    let folder = tempfile::tempdir().expect("a folder");
    let options = JournalOptions::default().durability(durability);
    let journal = Journal::open(folder.path(), options, builder(positions)).expect("it opens");
    let mut market = market_of(positions, journal.book().clone());
    fill(&mut market, times);
}

fn fill(market: &mut Market, times: usize) {
    // Made before: what making a fill costs is not the book's.
    let positions = market.ids.len();
    let ready: Vec<_> = (0..times).map(|n| market.fills.next(market.ids[n % positions])).collect();
    let mut spare = Vec::with_capacity(times);
    for fill in ready {
        spare.push(market.book.record(fill).expect("it is a fill").sequence);
    }
    black_box(spare);
}
