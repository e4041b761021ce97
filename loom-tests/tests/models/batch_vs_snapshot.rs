//! A batch of two opens against a thread that looks twice: it never sees half a pair, and never goes back (I8, R14).
//!
//! Legal outcomes, all reached: the orders seen at the first and at the second look.
//!
//! | first look | second look | how |
//! |---|---|---|
//! | 0 | 0 | both before |
//! | 0 | 2 | one before, one after |
//! | 2 | 2 | both after |

use posbook_loom::{Act, Row, Said, Stage, open, race};

#[test]
pub fn never_half() {
    let left = "flat, open 1; flat, open 1";
    let table: [Row; 3] = [
        (&["both", "0, 0"], 0..=0, left),
        (&["both", "0, 2"], 0..=0, left),
        (&["both", "2, 2"], 0..=0, left),
    ];
    let acts: &[Act] = &[
        |stage| stage.submit([open(stage.one, "1"), open(stage.two, "1")]),
        |stage| {
            let look = || stage.book.snapshot().orders().count();
            let first = look();
            Said::word(format!("{first}, {}", look()))
        },
    ];
    race("a batch against two snapshots", Stage::flat, &table, acts);
}
