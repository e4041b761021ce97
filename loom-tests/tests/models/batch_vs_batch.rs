//! Two batches over the same two keys, in opposite order: one has both legs, the other none. Nobody waits for anybody, so
//! there is no order of keys to be kept (R14, I8).
//!
//! Legal outcomes, all reached:
//!
//! | first | second | turns lost | how |
//! |---|---|---|---|
//! | both | reserved | 0 or 1 | the first published first |
//! | reserved | both | 0 or 1 | the other way round |

use posbook_loom::{Act, Row, Stage, open, race};

#[test]
pub fn one_has_both() {
    let left = "flat, open 1; flat, open 1";
    let table: [Row; 2] = [(&["both", "reserved"], 0..=1, left), (&["reserved", "both"], 0..=1, left)];
    let acts: &[Act] = &[
        |stage| stage.submit([open(stage.one, "1"), open(stage.two, "1")]),
        |stage| stage.submit([open(stage.two, "1"), open(stage.one, "1")]),
    ];
    race("a batch against a batch, opposite order of keys", Stage::flat, &table, acts);
}
