//! A scale-in against a scale-out, and against a move of the stop.
//!
//! Legal outcomes of a scale-in of 1 on a long of 1, all reached, each with 0 or 1 turns lost:
//!
//! | against | scale-in | other | how |
//! |---|---|---|---|
//! | scale-out 0.6 | 1 | 0.6 | in either order: what is on its way in is not free to go out |
//! | stop to 97 | 1 | done | the scale-in came first |
//! | stop to 97 | another revision | done | it was decided on the key as it stood before: refused, because it says so |

use posbook_loom::{Act, Row, Stage, contracts, price, race, scale_in, scale_out, stop};

#[test]
pub fn scale_in_vs_scale_out() {
    let table: [Row; 2] = [
        (&["1", "0.6"], 0..=1, "long 1 stop 95, scale in 1, scale out 0.6"),
        (&["1", "0.6"], 0..=1, "long 1 stop 95, scale out 0.6, scale in 1"),
    ];
    let acts: &[Act] = &[
        |stage| stage.reserve(scale_in(stage.one, "1")),
        |stage| stage.reserve(scale_out(stage.one, "0.6")),
    ];
    race("scale-in against scale-out", Stage::long, &table, acts);
}

#[test]
pub fn scale_in_vs_retarget() {
    let table: [Row; 2] = [
        (&["1", "done"], 0..=1, "long 1 stop 97, scale in 1"),
        (&["another revision", "done"], 0..=1, "long 1 stop 97"),
    ];
    let acts: &[Act] = &[
        |stage| {
            let wish = posbook::Command::scale_in(stage.one, contracts("1")).at(price("100"));
            stage.reserve(wish.expect_revision(stage.asked))
        },
        |stage| stage.apply(stop(stage.one, "97")),
    ];
    race("scale-in against retarget", Stage::long, &table, acts);
}
