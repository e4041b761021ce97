//! A scale-out against a move of the stop; an exit whose stop is moved away under it (R16).
//!
//! Legal outcomes on a long of 1 with a stop at 95, all reached, each with 0 or 1 turns lost:
//!
//! | order | stop | how |
//! |---|---|---|
//! | scale-out 0.6 | done | they do not concern each other, in either order |
//! | exit by the stop at 95: 1 | done | the exit came first |
//! | exit by the stop at 95: exit gone | done | the stop had moved: what fired does not stand any more |

use posbook::{Command, Exit, ExitRule};
use posbook_loom::{Act, Row, Stage, price, race, scale_out, stop};

const MOVE: Act = |stage| stage.apply(stop(stage.one, "97"));

#[test]
pub fn scale_out_vs_stop() {
    let table: [Row; 1] = [(&["0.6", "done"], 0..=1, "long 1 stop 97, scale out 0.6")];
    let acts: &[Act] = &[|stage| stage.reserve(scale_out(stage.one, "0.6")), MOVE];
    race("scale-out against retarget", Stage::long, &table, acts);
}

#[test]
pub fn an_exit_whose_stop_moves() {
    let table: [Row; 2] = [
        (&["1", "done"], 0..=1, "long 1 stop 97, close 1, closing"),
        (&["exit gone", "done"], 0..=1, "long 1 stop 97"),
    ];
    let acts: &[Act] = &[
        |stage| {
            let Some(position) = stage.book.snapshot().get(stage.one).map(|open| open.id) else {
                panic!("flat")
            };
            let exit = Exit { position, rule: ExitRule::StopLoss(price("95")), mark: Some(price("94")) };
            stage.reserve(Command::exit(stage.one, exit))
        },
        MOVE,
    ];
    race("an exit against retarget", Stage::long, &table, acts);
}
