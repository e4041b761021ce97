//! A thread that sleeps until something is published, against the publisher and the end of the book: no wake-up is lost
//! (I10). A lost one is a deadlock, and the checker reports it.
//!
//! Legal outcomes, all reached:
//!
//! | scene | the sleeper gets | how |
//! |---|---|---|
//! | one publication; the book lives on | 3 | it looked first, or slept first |
//! | one publication, then the last handle goes | 3, the end | what was published before the end is delivered before it |
//! | two publishers | 3, 4 | in the order of the sequences, each once |
//!
//! Two publishers are 1,761,771 schedules, by hand; in CI at most 2 preemptions.

use posbook::{Changes, Command, Sequence};
use posbook_loom::{Bound, Stage, explore, explore_within, thread};

/// The sequences of the next so many publications; 0 is the end.
fn next(changes: &mut Changes, count: usize) -> Vec<u64> {
    (0..count).map(|_| changes.next().map_or(0, |unit| unit.unwrap().last().0)).collect()
}

/// Something that is published, on either instrument.
fn publish(stage: &Stage, first: bool) {
    let key = if first { stage.one } else { stage.two };
    let why = "published".to_owned();
    assert_eq!(stage.apply(Command::Quarantine { key: key.into(), why, asked: None }).word, "done");
}

#[test]
pub fn one_publication() {
    explore("a sleeper against a publisher", &[vec![3]], || {
        let stage = Stage::flat();
        let mut changes = stage.book.changes();
        let sleeper = thread::spawn(move || next(&mut changes, 1));
        publish(&stage, true);
        // The handles stay until the sleeper is done: their end would wake it too.
        sleeper.join().unwrap()
    });
}

#[test]
pub fn the_last_handle_goes() {
    explore("a sleeper against the end of the book", &[vec![3, 0]], || {
        let stage = Stage::flat();
        let mut changes = stage.book.changes();
        let sleeper = thread::spawn(move || next(&mut changes, 2));
        publish(&stage, true);
        drop(stage);
        sleeper.join().unwrap()
    });
}

#[test]
pub fn two_publishers() {
    explore_within("a sleeper against two publishers", Bound::in_ci(2), &[vec![3, 4]], || {
        let stage = Stage::flat();
        let mut changes = stage.book.changes();
        let sleeper = thread::spawn(move || next(&mut changes, 2));
        let other = {
            let stage = stage.clone();
            thread::spawn(move || publish(&stage, false))
        };
        publish(&stage, true);
        other.join().unwrap();
        let told = sleeper.join().unwrap();
        assert_eq!(stage.book.snapshot().sequence(), Sequence(4));
        told
    });
}
