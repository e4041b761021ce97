//! Deterministic simulation: whole bots, each from one seed, against a venue that lies (`posbook_proof::world`).
//!
//! `POSBOOK_WORLDS=first..last` runs other worlds than the default ones; `POSBOOK_SCALE=hand` runs 100,000 of them. A world
//! that fails is printed with the command that replays it; `POSBOOK_WORLD=...` in it is the world made smaller.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a test, which measures how long it took"
)]

use std::ops::Range;
use std::time::Instant;

use posbook_proof::world::{Ended, Options, Report, replay, run, simulate};

/// The seeds that `POSBOOK_WORLDS` names, or so many from 0 on.
fn seeds(otherwise: u64) -> Range<u64> {
    match std::env::var("POSBOOK_WORLDS") {
        Ok(text) => {
            let (first, last) = text.split_once("..").expect("POSBOOK_WORLDS=first..last");
            first.parse().expect("a seed")..last.parse().expect("a seed")
        }
        Err(_) => 0..otherwise,
    }
}

/// The world that `POSBOOK_WORLD` describes. `None`: each world is its seed's.
fn world() -> Option<Options> {
    std::env::var("POSBOOK_WORLD").ok().map(|text| text.parse().expect("as it was printed"))
}

fn scale() -> u64 {
    match std::env::var("POSBOOK_SCALE").as_deref() {
        Ok("hand") => 100_000,
        _ => 500,
    }
}

/// Two threads split the seeds: every world is on one of them from its beginning to its end.
fn split(seeds: Range<u64>) -> Report {
    let middle = seeds.start + (seeds.end - seeds.start) / 2;
    let (first, second) = (seeds.start..middle, middle..seeds.end);
    std::thread::scope(|scope| {
        let second = scope.spawn(|| simulate(second, world().as_ref(), told));
        let mut report = simulate(first, world().as_ref(), told);
        report.merge(second.join().expect("a panic outside of any world"));
        report
    })
}

/// Says what each world that fails has broken.
fn told(seed: u64, ended: &Ended) -> bool {
    if let Some(violation) = &ended.violation {
        println!("world {seed}: {violation}");
    }
    true
}

#[test]
fn worlds() {
    let seeds = seeds(scale());
    let began = Instant::now();
    let report = split(seeds.clone());
    println!("seeds {seeds:?} in {:.1} s: {}", began.elapsed().as_secs_f64(), report.words());
    if !report.seeds.is_empty() {
        println!("seeds that fail: {:?}", report.seeds);
    }
    if let Some(failed) = report.first {
        panic!("{failed}");
    }
    assert!(
        report.orders > report.worlds && report.fills > report.worlds,
        "nothing was traded in these worlds"
    );
}

/// As many worlds as it takes to find a broken twin; the sound crate breaks nothing in them. `POSBOOK_FINDS` says how many
/// at most.
#[test]
fn finds() {
    let most = std::env::var("POSBOOK_FINDS").map_or(300, |text| text.parse().expect("a number of worlds"));
    let broken = |seed| Some((seed, run(seed, &Options::of(seed), false).violation?));
    let first = (0..most).find_map(broken);
    if let Some((seed, violation)) = first {
        panic!("world {seed} of {most}: {violation}");
    }
}

/// One world with every event. Without `POSBOOK_WORLDS` it has nothing to show.
#[test]
fn replays() {
    if std::env::var_os("POSBOOK_WORLDS").is_none() {
        return;
    }
    for seed in seeds(0) {
        let options = world().unwrap_or_else(|| Options::of(seed));
        println!("world {seed}: {options}");
        let ended = replay(seed, &options);
        ended.trace.iter().for_each(|line| println!("{line}"));
        if let Some(violation) = ended.violation {
            panic!("world {seed}: {violation}");
        }
    }
}

#[test]
fn the_same_seed_is_the_same_world() {
    let digests: Vec<u64> = (0..20).map(|seed| run(seed, &Options::of(seed), false).digest).collect();
    for (seed, digest) in (0..).zip(&digests) {
        assert_eq!(run(seed, &Options::of(seed), true).digest, *digest, "world {seed} went another way");
    }
    let mut different = digests.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), digests.len(), "two seeds are one world");
}

#[test]
fn a_world_is_replayed_from_what_is_printed() {
    for seed in 0..200 {
        let options = Options::of(seed);
        assert_eq!(options.to_string().parse(), Ok(options), "seed {seed}");
    }
}
