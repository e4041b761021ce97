//! Random programs of 3 to 8 threads under shuttle, over the root cell and the pool that everybody runs: every history is
//! checked whole, by the witness and by a count of the fills.
//!
//! A program is fixed by its seed, a schedule by shuttle's walk. What fails prints both; `POSBOOK_SEED=<seed>
//! POSBOOK_SCHEDULE=<text> cargo shuttle <name>` runs that schedule again.
#![cfg(posbook_shuttle)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a model measures, and fails by a panic"
)]

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use posbook_loom::{by_hand, run, seed, thread};
use posbook_proof::conservation::conserved;
use posbook_proof::history::Recording;
use posbook_proof::program::{Dice, Stage, Trader, Trouble, Words, quiesce};
use posbook_proof::shrink::shrink;
use posbook_proof::witness::check;

/// How many threads, how much each does, on how many keys, and how many programs there are of it.
#[derive(Debug, Clone, Copy)]
struct Shape {
    threads: u32,
    steps: usize,
    keys: usize,
    trouble: Trouble,
    /// Programs, each from a seed of its own.
    programs: u64,
    /// Schedules of one program.
    schedules: usize,
}

/// Plays one program once and checks what came of it; returns how many operations were checked.
fn play(shape: Shape, program: u64) -> u64 {
    let stage = Arc::new(Stage::new(shape.keys, 1 << 16).unwrap());
    let recording = Recording::begin(&stage.book).unwrap();
    let threads: Vec<_> = (0..shape.threads)
        .map(|n| {
            let (stage, mut rec) = (Arc::clone(&stage), recording.recorder(n));
            thread::spawn(move || {
                let dice = Dice::new(program, 0, n.into());
                let mut trader = Trader::new(&stage, dice, n, shape.trouble, Words::All);
                for _ in 0..shape.steps {
                    trader.step(&stage.book, &mut rec);
                }
                trader.retire(&mut rec);
                rec
            })
        })
        .collect();
    let mut recorders: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let mut last = recording.recorder(shape.threads);
    quiesce(&stage.book, &stage.desk, &mut last).unwrap_or_else(|wrong| panic!("program {program}: {wrong}"));
    recorders.push(last);
    let history = recording.end(&stage.book, recorders).unwrap();
    if let Err(wrong) = check(&history) {
        let lines = shrink(&history).map_or_else(Vec::new, |shrunk| shrunk.lines);
        let guilty: Vec<_> = wrong.events().into_iter().map(ToString::to_string).collect();
        panic!("program {program}: {wrong}\n{}\n{}", guilty.join("\n"), lines.join("\n"));
    }
    conserved(&history, &stage.book.snapshot()).unwrap_or_else(|wrong| panic!("program {program}: {wrong}"));
    assert_eq!(stage.book.health().foreign_loads, 0, "program {program}");
    history.events.len() as u64
}

fn explore(name: &str, ci: Shape, hand: u64) {
    let (began, checked) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let programs = if by_hand() { ci.programs * hand } else { ci.programs };
    let mut schedules = 0;
    for program in seed()..seed() + programs {
        let checked = Arc::clone(&checked);
        schedules += run(name, program, ci.schedules, move || {
            checked.fetch_add(play(ci, program), Relaxed);
        });
    }
    let _ = writeln!(
        std::io::stderr(),
        "model {name}: {schedules} schedules, {} operations checked, {programs} programs, random, {:.3} s",
        checked.load(Relaxed),
        began.elapsed().as_secs_f64(),
    );
}

#[test]
fn three_threads_short_programs() {
    let trouble = Trouble::Hostile;
    let shape = Shape { threads: 3, steps: 3, keys: 1, trouble, programs: 20, schedules: 500 };
    explore("random: 3 threads, 1 key", shape, 100);
}

#[test]
fn four_threads_on_two_keys() {
    let shape =
        Shape { threads: 4, steps: 25, keys: 2, trouble: Trouble::Normal, programs: 40, schedules: 100 };
    explore("random: 4 threads, 2 keys", shape, 10);
}

#[test]
fn eight_threads_long_programs() {
    let trouble = Trouble::Hostile;
    let shape = Shape { threads: 8, steps: 120, keys: 4, trouble, programs: 18, schedules: 50 };
    explore("random: 8 threads, 4 keys", shape, 10);
}
