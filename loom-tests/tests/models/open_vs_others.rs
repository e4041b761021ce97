//! An open against everything that needs its position, and against a fill that comes before it.
//!
//! The open is reserved, sent, filled and completed by one thread; the other asks once, at any moment. All reached; the
//! turns lost are 0, or 0 or 1 where both publish:
//!
//! | against | told before the fill | told after it |
//! |---|---|---|
//! | close | no position | 1: also while the open has not settled |
//! | scale-in 1 | no position | 1 |
//! | scale-out 0.6 | no position | 0.6 |
//! | stop to 97 | no position | done, and the end of the order leaves what was moved by hand (R16) |
//!
//! A close against an open of the key that is being closed (R7, I1): refused while the position stands, and until the
//! close has settled; then it is another life.
//!
//! | open | close | how |
//! |---|---|---|
//! | already open | 1 done | before the fill |
//! | reserved | 1 done | filled, not settled |
//! | 1 | 1 done | settled |
//!
//! A fill nobody ordered against an open that is about to leave (R5):
//!
//! | open | fill | how |
//! |---|---|---|
//! | already open | booked | the fill came first |
//! | not sent: already open | booked | the fill came between the claim and `sent`: the order does not leave |
//! | 1 sent | booked | the order had left; both stand |

use posbook::{Command, OrderSide};
use posbook_loom::{ANY, Act, Row, Stage, fill, open, race, scale_in, scale_out, stop};

const OPEN: Act = |stage| stage.execute(open(stage.one, "1"));

/// The position of an open is there with its fill and not before: one row of words for each, and how it stands then.
fn before_and_after(name: &str, word: &'static str, left: &'static str, acts: &'static [Act]) {
    let before: &[&str] = &["1 done", "no position"];
    let after: &[&str] = Box::leak(Box::new(["1 done", word]));
    race(name, Stage::flat, &[(before, 0..=0, "long 1 stop 95"), (after, 0..=1, left)], acts);
}

#[test]
pub fn open_vs_close() {
    let acts: &[Act] = &[OPEN, |stage| stage.reserve(Command::close(stage.one))];
    before_and_after("open against close", "1", "long 1 stop 95, close 1, closing", acts);
}

#[test]
pub fn open_vs_scale_in() {
    let acts: &[Act] = &[OPEN, |stage| stage.reserve(scale_in(stage.one, "1"))];
    before_and_after("open against scale-in", "1", "long 1 stop 95, scale in 1", acts);
}

#[test]
pub fn open_vs_scale_out() {
    let acts: &[Act] = &[OPEN, |stage| stage.reserve(scale_out(stage.one, "0.6"))];
    before_and_after("open against scale-out", "0.6", "long 1 stop 95, scale out 0.6", acts);
}

#[test]
pub fn open_vs_retarget() {
    let acts: &[Act] = &[OPEN, |stage| stage.apply(stop(stage.one, "97"))];
    before_and_after("open against retarget", "done", "long 1 stop 97", acts);
}

#[test]
pub fn close_then_open() {
    let table: [Row; 3] = [
        (&["already open", "1 done"], 0..=0, "flat"),
        (&["reserved", "1 done"], 0..=0, "flat"),
        (&["1", "1 done"], 0..=0, "flat, open 1"),
    ];
    let acts: &[Act] =
        &[|stage| stage.reserve(open(stage.one, "1")), |stage| stage.execute(Command::close(stage.one))];
    race("open against a close that is filled", Stage::long, &table, acts);
}

#[test]
pub fn open_vs_fill() {
    let table: [Row; 3] = [
        (&["already open", "booked"], ANY, "long 1 stop 95"),
        (&["not sent: already open", "booked"], ANY, "long 1 stop 95"),
        (&["1 sent", "booked"], ANY, "long 1 stop 95, open 1"),
    ];
    let acts: &[Act] = &[
        |stage| stage.send(open(stage.one, "1")),
        |stage| stage.record(fill(stage.one, "foreign", OrderSide::Buy, "1")),
    ];
    race("open against a fill", Stage::flat, &table, acts);
}
