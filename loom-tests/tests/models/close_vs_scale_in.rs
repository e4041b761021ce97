//! A close against a scale-in of 1 on a long of 1: what was begun before may stand, nothing new is added to a key that
//! closes, and what has not left by then does not leave any more (D3, R5, R7).
//!
//! Legal outcomes when both only reserve, all reached:
//!
//! | close | scale-in | turns lost | how |
//! |---|---|---|---|
//! | 1 | closing | 0 or 1 | the close came first |
//! | 1 | 1 | 0 or 1 | the scale-in came first; it stands, and the close takes what is open |
//!
//! When the scale-in goes on to `sent`, a close that came between keeps it from leaving, and its claim is given back:
//!
//! | close | scale-in | how |
//! |---|---|---|
//! | 1 | closing | the close came first |
//! | 1 | not sent: closing | the close came between the claim and `sent` |
//! | 1 | 1 sent | the close came last |

use posbook::Command;
use posbook_loom::{ANY, Act, Row, Stage, race, scale_in};

const CLOSED: &str = "long 1 stop 95, close 1, closing";
const CLOSE: Act = |stage| stage.reserve(Command::close(stage.one));

#[test]
pub fn nothing_new_on_a_key_that_closes() {
    let table: [Row; 2] = [
        (&["1", "closing"], 0..=1, CLOSED),
        (&["1", "1"], 0..=1, "long 1 stop 95, scale in 1, close 1, closing"),
    ];
    let acts: &[Act] = &[CLOSE, |stage| stage.reserve(scale_in(stage.one, "1"))];
    race("close against scale-in", Stage::long, &table, acts);
}

#[test]
pub fn asked_once_more_before_it_leaves() {
    let table: [Row; 3] = [
        (&["1", "closing"], ANY, CLOSED),
        (&["1", "not sent: closing"], ANY, CLOSED),
        (&["1", "1 sent"], ANY, "long 1 stop 95, scale in 1, close 1, closing"),
    ];
    let acts: &[Act] = &[CLOSE, |stage| stage.send(scale_in(stage.one, "1"))];
    race("close against a scale-in that is sent", Stage::long, &table, acts);
}
