//! A fill that nobody ordered against what is being decided on the position: the fill is always booked (R5), the decision
//! is one on the newest position.
//!
//! Legal outcomes on a long of 1, all reached, each with 0 or 1 turns lost:
//!
//! | fill | against | told if it came before the fill | told after the fill |
//! |---|---|---|---|
//! | buy 1 | close | 1 | 2 |
//! | sell 1 | scale-in 1 | 1 | no position |
//! | sell 1 | scale-out 0.6 | 0.6 | no position |
//! | sell 1 | stop to 97 | done | no position |

use posbook::{Command, OrderSide};
use posbook_loom::{Act, Row, Stage, fill, race, scale_in, scale_out, stop};

const BOUGHT: Act = |stage| stage.record(fill(stage.one, "foreign", OrderSide::Buy, "1"));
const SOLD: Act = |stage| stage.record(fill(stage.one, "foreign", OrderSide::Sell, "1"));

#[test]
pub fn fill_vs_close() {
    let table: [Row; 2] = [
        (&["booked", "1"], 0..=1, "long 2 stop 95, close 1, closing"),
        (&["booked", "2"], 0..=1, "long 2 stop 95, close 2, closing"),
    ];
    let acts: &[Act] = &[BOUGHT, |stage| stage.reserve(Command::close(stage.one))];
    race("a fill against close", Stage::long, &table, acts);
}

#[test]
pub fn fill_vs_scale_in() {
    let table: [Row; 2] = [
        (&["booked", "1"], 0..=1, "flat, scale in 1 of another life"),
        (&["booked", "no position"], 0..=1, "flat"),
    ];
    let acts: &[Act] = &[SOLD, |stage| stage.reserve(scale_in(stage.one, "1"))];
    race("a fill against scale-in", Stage::long, &table, acts);
}

#[test]
pub fn fill_vs_scale_out() {
    let table: [Row; 2] = [
        (&["booked", "0.6"], 0..=1, "flat, scale out 0.6 of another life"),
        (&["booked", "no position"], 0..=1, "flat"),
    ];
    let acts: &[Act] = &[SOLD, |stage| stage.reserve(scale_out(stage.one, "0.6"))];
    race("a fill against scale-out", Stage::long, &table, acts);
}

#[test]
pub fn fill_vs_retarget() {
    let table: [Row; 2] = [(&["booked", "done"], 0..=1, "flat"), (&["booked", "no position"], 0..=1, "flat")];
    let acts: &[Act] = &[SOLD, |stage| stage.apply(stop(stage.one, "97"))];
    race("a fill against retarget", Stage::long, &table, acts);
}
