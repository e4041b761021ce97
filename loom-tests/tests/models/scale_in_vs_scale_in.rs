//! Scale-ins of one position at the same moment: both may stand, as far as the limits have room for both (R13).
//!
//! Legal outcomes of 1 and 2 on a long of 1, all reached; the orders stand in the order in which they were published:
//!
//! | first | second | orders | turns lost |
//! |---|---|---|---|
//! | 1 | 2 | 1, 2 | 0 or 1 |
//! | 1 | 2 | 2, 1 | 0 or 1 |
//!
//! Of three (1, 2 and 3): the six orders, with 0 to 3 turns lost.
//!
//! With a limit of 250 on the notional of a key, and 100 of it open, there is room for one more:
//!
//! | first | second | turns lost | how |
//! |---|---|---|---|
//! | 1 | over the limit | 0 or 1 | what is in flight counts, at once or when it was asked again |
//! | over the limit | 1 | 0 or 1 | the other way round |

use posbook::Limits;
use posbook_loom::{Act, Row, Stage, race, scale_in};

const ONE: Act = |stage| stage.reserve(scale_in(stage.one, "1"));
const TWO: Act = |stage| stage.reserve(scale_in(stage.one, "2"));
const THREE: Act = |stage| stage.reserve(scale_in(stage.one, "3"));

#[test]
pub fn both_stand() {
    let table: [Row; 2] = [
        (&["1", "2"], 0..=1, "long 1 stop 95, scale in 1, scale in 2"),
        (&["1", "2"], 0..=1, "long 1 stop 95, scale in 2, scale in 1"),
    ];
    race("scale-in against scale-in, two threads", Stage::long, &table, &[ONE, TWO]);
}

#[test]
pub fn all_three_stand() {
    let table: [Row; 6] = [
        (&["1", "2", "3"], 0..=3, "long 1 stop 95, scale in 1, scale in 2, scale in 3"),
        (&["1", "2", "3"], 0..=3, "long 1 stop 95, scale in 1, scale in 3, scale in 2"),
        (&["1", "2", "3"], 0..=3, "long 1 stop 95, scale in 2, scale in 1, scale in 3"),
        (&["1", "2", "3"], 0..=3, "long 1 stop 95, scale in 2, scale in 3, scale in 1"),
        (&["1", "2", "3"], 0..=3, "long 1 stop 95, scale in 3, scale in 1, scale in 2"),
        (&["1", "2", "3"], 0..=3, "long 1 stop 95, scale in 3, scale in 2, scale in 1"),
    ];
    race("scale-in against scale-in, three threads", Stage::long, &table, &[ONE, TWO, THREE]);
}

#[test]
pub fn the_limit_of_a_key() {
    let left = "long 1 stop 95, scale in 1";
    let table: [Row; 2] = [(&["1", "over the limit"], 0..=1, left), (&["over the limit", "1"], 0..=1, left)];
    let stage = || {
        let limits = Limits { key_notional: 250.into(), ..Limits::default() };
        Stage::with(|builder| builder.limits(limits)).holding()
    };
    race("scale-in against scale-in, room for one", stage, &table, &[ONE, ONE]);
}
