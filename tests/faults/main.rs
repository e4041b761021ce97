//! Tests with a broken twin: each is green here and must turn red when the crate is built with the fault it guards
//! against, which `cargo faults` checks.
//!
//! One module a defect, named for it:
//!
//! | module | guards | twin that it must notice |
//! |---|---|---|
//! | `d01_two_opens` | one order leaves (D1, I1) | `ignore_lost`, `stale_state` |
//! | `d05_aba` | a closed and reopened symbol is another position (D5, R5) | `no_identity` |
//! | `i04_lost_update` | each publication takes the next sequence, no fill is lost (I4, I11) | `ignore_lost`, `stale_state` |
//!
//! The two with real threads only mean something if the threads really met, so they go on until the book has counted
//! enough lost turns, or, on a machine where that does not happen, for a few seconds; they say which it was.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "tests start threads and watch the time"
)]

mod d01_two_opens;
mod d05_aba;
mod i04_lost_update;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use posbook::{Book, Instrument, InstrumentId};

/// A book with one instrument.
fn one_symbol(book: posbook::Builder) -> (Book, InstrumentId) {
    let book = book.build().unwrap();
    let id = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001").unwrap()).unwrap();
    (book, id)
}

/// How many lost turns are contention enough.
const ENOUGH: u64 = 100;
/// How long contention is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs `mine` and `theirs` at the same moment, round by round, until the two have met often enough. What they return
/// goes to `after`, which runs between two rounds, when nothing moves. Returns the number of rounds.
///
/// A panic on either side ends both.
fn in_rounds<A, B: Send>(
    test: &str,
    book: &Book,
    mut mine: impl FnMut(usize) -> A,
    mut theirs: impl FnMut(usize) -> B + Send,
    mut after: impl FnMut(A, B),
) -> usize {
    let started = Instant::now();
    let arrived = &AtomicUsize::new(0);
    // Both come here before each round, and spin, so that they leave at the same moment.
    let meet = move |round: usize| {
        arrived.fetch_add(1, Ordering::AcqRel);
        while arrived.load(Ordering::Acquire) < 2 * (round + 1) {
            std::hint::spin_loop();
        }
    };
    let rounds = thread::scope(|scope| {
        let (go, told) = channel();
        let (answer, answered) = channel();
        scope.spawn(move || {
            for round in told {
                meet(round);
                let _ = answer.send(theirs(round));
            }
        });
        let mut round = 0;
        while book.health().lost_turns < ENOUGH && started.elapsed() < PATIENCE {
            go.send(round).unwrap();
            meet(round);
            let one = mine(round);
            after(one, answered.recv().expect("the other thread panicked"));
            round += 1;
        }
        round
    });
    println!("{test}: {rounds} rounds, {} turns lost to the other thread", book.health().lost_turns);
    rounds
}
