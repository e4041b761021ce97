//! A move of the stop against a close that is reserved, sent, filled and completed meanwhile: the stop of what is gone is
//! nobody's, and no stop outlives its position (I3).
//!
//! Legal outcomes, all reached:
//!
//! | stop | close | how |
//! |---|---|---|
//! | done | 1 done | before the fill: the close goes on |
//! | no position | 1 done | after the fill |
//!
//! Against a close that is only reserved both are done, with 0 or 1 turns lost.

use posbook::Command;
use posbook_loom::{ANY, Act, Row, Stage, race, stop};

const MOVE: Act = |stage| stage.apply(stop(stage.one, "97"));

#[test]
pub fn a_stop_goes_with_its_position() {
    let table: [Row; 2] = [(&["done", "1 done"], ANY, "flat"), (&["no position", "1 done"], ANY, "flat")];
    let acts: &[Act] = &[MOVE, |stage| stage.execute(Command::close(stage.one))];
    race("retarget against a close that is filled", Stage::long, &table, acts);
}

#[test]
pub fn a_reserved_close_lets_the_stop_move() {
    let table: [Row; 1] = [(&["done", "1"], 0..=1, "long 1 stop 97, close 1, closing")];
    let acts: &[Act] = &[MOVE, |stage| stage.reserve(Command::close(stage.one))];
    race("retarget against close", Stage::long, &table, acts);
}
