//! The same random programs on two books, one that uses its bodies again and one that copies the path of every write: no
//! difference, not in one change and not in what the books hold.
//!
//! Three traders take turns on one thread, so both books are asked the same in the same order, and old pictures, readers and
//! the feed hold bodies back in every way that a program can. What threads do to a body that lost, or was overtaken, is for
//! the models of the pool and for stress, whose witness replays every publication.

use posbook::{Publication, Sequence};
use posbook_proof::history::Recording;
use posbook_proof::program::{Dice, Stage, Trader, Trouble, Words};

use crate::scale::{brief, by_hand};

/// Steps of one round; then both begin anew, with as many instruments as the seed says.
const ROUND: u64 = 5_000;

#[test]
fn a_book_that_uses_its_bodies_again_differs_in_nothing_from_one_that_copies() {
    let steps: u64 = match () {
        () if by_hand() => number("POSBOOK_STEPS", 10_000_000),
        () if std::env::var("POSBOOK_SCALE").is_ok_and(|scale| scale == "ci") => 1_000_000,
        () if brief() => 5_000,
        () => 20_000,
    };
    let first = number("POSBOOK_SEED", 1);
    let (mut changes, mut copied, mut writes) = (0, 0, 0);
    for seed in first..first + steps.div_ceil(ROUND) {
        let round = round(seed);
        changes += round.0;
        writes += round.1;
        copied += round.2;
    }
    // Where nearly every write copied there was nothing to compare.
    assert!(copied * 2 < writes, "{copied} of {writes} writes copied: bodies were not used again");
    println!(
        "{steps} steps from seed {first}: {changes} changes, {copied} of {writes} writes copied, no difference"
    );
}

/// How many changes there were, how many writes, and how many of those copied.
fn round(seed: u64) -> (u64, u64, u64) {
    let instruments = [1, 3, 40][usize::try_from(seed % 3).unwrap()];
    let stages = [true, false].map(|reuse| Stage::with_reuse(instruments, 256, reuse).unwrap());
    let mut sides = stages.map(|stage| {
        let recording = Recording::begin(&stage.book).unwrap();
        let traders: Vec<_> = (0..3_u32)
            .map(|thread| {
                let dice = Dice::new(seed, 0, thread.into());
                let recorder = recording.recorder(thread).digest_every(u64::MAX);
                (Trader::new(&stage, dice, thread, Trouble::Normal, Words::All), recorder)
            })
            .collect();
        let feed = stage.book.changes();
        (stage, traders, feed)
    });
    let (mut writes, mut last) = (0, Sequence(0));
    for n in 0..ROUND {
        let [mine, theirs] = sides.each_mut().map(|(stage, traders, feed)| {
            let turn = usize::try_from(n).unwrap() % traders.len();
            let (trader, recorder) = &mut traders[turn];
            trader.step(&stage.book, recorder);
            std::iter::from_fn(|| feed.try_next()).map(Result::unwrap).collect::<Vec<Publication>>()
        });
        assert_eq!(mine, theirs, "seed {seed}, step {n}: the books decided differently");
        writes += mine.len() as u64;
        last = mine.last().map_or(last, Publication::last);
        if n % 500 == 0 {
            equal(&sides, seed, n);
        }
    }
    equal(&sides, seed, ROUND);
    let copied = sides[0].0.book.health().bodies_copied;
    (last.0, writes, copied)
}

type Side = (Stage, Vec<(Trader, posbook_proof::recorder::Recorder)>, posbook::Changes);

fn equal(sides: &[Side; 2], seed: u64, n: u64) {
    let [mine, theirs] = sides.each_ref().map(|(stage, ..)| stage.book.snapshot().digest());
    assert_eq!(mine, theirs, "seed {seed}, step {n}: the books hold different things");
}

/// A number of the environment.
fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")),
        Err(_) => default,
    }
}
