//! Real threads run random programs, and both checkers and the count of fills find nothing wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "tests"
)]

use std::sync::Barrier;
use std::thread;

use posbook_proof::conservation::conserved;
use posbook_proof::history::{History, Recording};
use posbook_proof::program::{Dice, Stage, Trader, Trouble, Words, quiesce};
use posbook_proof::recorder::Recorder;
use posbook_proof::shrink::shrink;
use posbook_proof::witness::check;

/// Runs so many threads, so many steps each.
fn run(seed: u64, threads: u32, keys: usize, steps: usize, trouble: Trouble) -> (Stage, History) {
    let stage = Stage::new(keys, 1 << 20).unwrap();
    let recording = Recording::begin(&stage.book).unwrap();
    let start = Barrier::new(threads as usize);
    let mut recorders: Vec<Recorder> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|n| {
                let (stage, start, mut rec) = (&stage, &start, recording.recorder(n));
                scope.spawn(move || {
                    let mut trader = Trader::new(stage, Dice::new(seed, 0, n.into()), n, trouble, Words::All);
                    start.wait();
                    for _ in 0..steps {
                        trader.step(&stage.book, &mut rec);
                    }
                    trader.retire(&mut rec);
                    rec
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut last = recording.recorder(threads);
    quiesce(&stage.book, &stage.desk, &mut last).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
    recorders.push(last);
    let history = recording.end(&stage.book, recorders).unwrap();
    (stage, history)
}

#[test]
fn every_level_of_trouble_passes_the_witness_and_money_is_conserved() {
    for trouble in [Trouble::Off, Trouble::Normal, Trouble::Hostile] {
        for seed in 1..=4 {
            let began = std::time::Instant::now();
            let (stage, history) = run(seed, 4, 8, 2_000, trouble);
            let ran = began.elapsed();
            let began = std::time::Instant::now();
            let checked = check(&history).unwrap_or_else(|wrong| {
                let lines = shrink(&history).map_or_else(Vec::new, |shrunk| shrunk.lines);
                panic!("{trouble:?}, seed {seed}: {wrong}\n{}", lines.join("\n"));
            });
            let fills = conserved(&history, &stage.book.snapshot())
                .unwrap_or_else(|wrong| panic!("{trouble:?}, seed {seed}: {wrong}"));
            println!(
                "{trouble:?}, seed {seed}: {checked:?}, {fills} fills, overlap {} ppm, ran {ran:?}, checked {:?}",
                history.overlap_ppm(),
                began.elapsed()
            );
            let mut kinds = std::collections::BTreeMap::<String, usize>::new();
            for change in history.publications.iter().flat_map(|p| p.iter()) {
                *kinds.entry(change.kind().to_string()).or_default() += 1;
            }
            println!("{kinds:?}");
            assert_eq!(stage.book.health().foreign_loads, 0);
        }
    }
}
