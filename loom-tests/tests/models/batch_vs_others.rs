//! A batch (scale out 0.6 of one instrument, open 1 of another) against what may spoil one of its parts: both or none
//! (R14).
//!
//! Legal outcomes on a long of 1 of the first instrument, all reached, each with 0 or 1 turns lost:
//!
//! | against | batch | other | how |
//! |---|---|---|---|
//! | close of the first | both | 0.4 | the batch came first; the close takes the rest |
//! | | beyond what is free | 1 | the close came first |
//! | scale-in 1 of the first | both | 1 | in either order |
//! | scale-out 0.6 of the first | both | beyond what is free | the batch came first |
//! | | beyond what is free | 0.6 | the other way round |
//! | stop of the first to 97; the batch expects the revision that it was decided on | both | done | the batch came first |
//! | | another revision | done | the stop moved first |
//! | fill of the second | both | booked | the batch came first |
//! | | already open | booked | the fill came first |

use posbook::{Command, OrderSide};
use posbook_loom::{Act, Row, Stage, fill, open, race, scale_in, scale_out, stop};

const BATCH: Act = |stage| stage.submit([scale_out(stage.one, "0.6"), open(stage.two, "1")]);

#[test]
pub fn batch_vs_close() {
    let table: [Row; 2] = [
        (&["both", "0.4"], 0..=1, "long 1 stop 95, scale out 0.6, close 0.4, closing; flat, open 1"),
        (&["beyond what is free", "1"], 0..=1, "long 1 stop 95, close 1, closing"),
    ];
    race(
        "a batch against close",
        Stage::long,
        &table,
        &[BATCH, |stage| stage.reserve(Command::close(stage.one))],
    );
}

#[test]
pub fn batch_vs_scale_in() {
    let table: [Row; 2] = [
        (&["both", "1"], 0..=1, "long 1 stop 95, scale out 0.6, scale in 1; flat, open 1"),
        (&["both", "1"], 0..=1, "long 1 stop 95, scale in 1, scale out 0.6; flat, open 1"),
    ];
    race(
        "a batch against scale-in",
        Stage::long,
        &table,
        &[BATCH, |stage| stage.reserve(scale_in(stage.one, "1"))],
    );
}

#[test]
pub fn batch_vs_scale_out() {
    let table: [Row; 2] = [
        (&["both", "beyond what is free"], 0..=1, "long 1 stop 95, scale out 0.6; flat, open 1"),
        (&["beyond what is free", "0.6"], 0..=1, "long 1 stop 95, scale out 0.6"),
    ];
    let acts: &[Act] = &[BATCH, |stage| stage.reserve(scale_out(stage.one, "0.6"))];
    race("a batch against scale-out", Stage::long, &table, acts);
}

#[test]
pub fn batch_vs_retarget() {
    let table: [Row; 2] = [
        (&["both", "done"], 0..=1, "long 1 stop 97, scale out 0.6; flat, open 1"),
        (&["another revision", "done"], 0..=1, "long 1 stop 97"),
    ];
    let acts: &[Act] = &[
        |stage| {
            let expected = Command::expect(stage.one, stage.asked);
            stage.submit([expected, scale_out(stage.one, "0.6"), open(stage.two, "1")])
        },
        |stage| stage.apply(stop(stage.one, "97")),
    ];
    race("a batch against retarget", Stage::long, &table, acts);
}

#[test]
pub fn batch_vs_fill() {
    let table: [Row; 2] = [
        (&["both", "booked"], 0..=1, "long 1 stop 95, scale out 0.6; long 1 stop 95, open 1"),
        (&["already open", "booked"], 0..=1, "long 1 stop 95; long 1 stop 95"),
    ];
    let acts: &[Act] = &[BATCH, |stage| stage.record(fill(stage.two, "foreign", OrderSide::Buy, "1"))];
    race("a batch against a fill", Stage::long, &table, acts);
}
