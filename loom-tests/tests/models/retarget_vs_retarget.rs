//! Moves of one stop at the same moment: the one nearest to the market wins, whatever the order (I3, D18, R16).
//!
//! Legal outcomes of 97 and 98 on a stop at 95 of a long, all reached:
//!
//! | 97 | 98 | turns lost | how |
//! |---|---|---|---|
//! | done | done | 0 or 1 | 97 came first |
//! | looser | done | 0 or 1 | 98 came first: 97 would loosen it |
//!
//! Of three (96, 97 and 98), each is done unless one nearer to the market stands already:
//!
//! | 96 | 97 | 98 | turns lost | in the order of |
//! |---|---|---|---|---|
//! | done | done | done | 0 to 3 | 96, 97, 98 |
//! | done | looser | done | 0 to 3 | 96, 98; 97 loses at most twice before it is refused |
//! | looser | done | done | 0 to 2 | 97, 98; 96 loses at most once, because it is refused on either |
//! | looser | looser | done | 0 to 2 | 98 |

use posbook_loom::{Act, Row, Stage, race, stop};

const LEFT: &str = "long 1 stop 98";
const TO_96: Act = |stage| stage.apply(stop(stage.one, "96"));
const TO_97: Act = |stage| stage.apply(stop(stage.one, "97"));
const TO_98: Act = |stage| stage.apply(stop(stage.one, "98"));

#[test]
pub fn the_tighter_stop_wins() {
    let table: [Row; 2] = [(&["done", "done"], 0..=1, LEFT), (&["looser", "done"], 0..=1, LEFT)];
    race("retarget against retarget, two threads", Stage::long, &table, &[TO_97, TO_98]);
}

#[test]
pub fn the_tightest_of_three_wins() {
    let table: [Row; 4] = [
        (&["done", "done", "done"], 0..=3, LEFT),
        (&["done", "looser", "done"], 0..=3, LEFT),
        (&["looser", "done", "done"], 0..=2, LEFT),
        (&["looser", "looser", "done"], 0..=2, LEFT),
    ];
    race("retarget against retarget, three threads", Stage::long, &table, &[TO_96, TO_97, TO_98]);
}
