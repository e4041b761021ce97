//! Closes of one position at the same moment: one order leaves, for all of it (D2, I1, I2).
//!
//! Legal outcomes of two threads on a long of 1, all reached:
//!
//! | first | second | turns lost | how |
//! |---|---|---|---|
//! | 1 | reserved | 0 or 1 | the first published first; the second saw it at once, or when it was asked again |
//! | reserved | 1 | 0 or 1 | the other way round |
//!
//! Of three threads: any of them closes and the other two are refused, with 0, 1 or 2 turns lost.

use posbook::Command;
use posbook_loom::{Act, Row, Stage, race};

const LEFT: &str = "long 1 stop 95, close 1, closing";
const CLOSE: Act = |stage| stage.reserve(Command::close(stage.one));

#[test]
pub fn two_threads_one_order() {
    let table: [Row; 2] = [(&["1", "reserved"], 0..=1, LEFT), (&["reserved", "1"], 0..=1, LEFT)];
    race("close against close, two threads", Stage::long, &table, &[CLOSE, CLOSE]);
}

#[test]
pub fn three_threads_one_order() {
    let table: [Row; 3] = [
        (&["1", "reserved", "reserved"], 0..=2, LEFT),
        (&["reserved", "1", "reserved"], 0..=2, LEFT),
        (&["reserved", "reserved", "1"], 0..=2, LEFT),
    ];
    race("close against close, three threads", Stage::long, &table, &[CLOSE, CLOSE, CLOSE]);
}
