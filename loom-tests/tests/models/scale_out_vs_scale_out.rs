//! Scale-outs of one position at the same moment: together they never reduce more than is there (I2, D4).
//!
//! Legal outcomes of two times 0.6 on a long of 1, all reached:
//!
//! | first | second | turns lost | how |
//! |---|---|---|---|
//! | 0.6 | beyond what is free | 0 or 1 | the first published first; 0.4 is left |
//! | beyond what is free | 0.6 | 0 or 1 | the other way round |
//!
//! Of three times 0.4: any two are granted, the third is refused, with 0 to 3 turns lost (the second granted one loses at
//! most once, the refused one at most twice).

use posbook_loom::{Act, Row, Stage, race, scale_out};

const BEYOND: &str = "beyond what is free";

#[test]
pub fn never_more_than_is_there() {
    let left = "long 1 stop 95, scale out 0.6";
    let table: [Row; 2] = [(&["0.6", BEYOND], 0..=1, left), (&[BEYOND, "0.6"], 0..=1, left)];
    const OUT: Act = |stage| stage.reserve(scale_out(stage.one, "0.6"));
    race("scale-out against scale-out, two threads", Stage::long, &table, &[OUT, OUT]);
}

#[test]
pub fn never_more_than_is_there_of_three() {
    let left = "long 1 stop 95, scale out 0.4, scale out 0.4";
    let table: [Row; 3] = [
        (&["0.4", "0.4", BEYOND], 0..=3, left),
        (&["0.4", BEYOND, "0.4"], 0..=3, left),
        (&[BEYOND, "0.4", "0.4"], 0..=3, left),
    ];
    const OUT: Act = |stage| stage.reserve(scale_out(stage.one, "0.4"));
    race("scale-out against scale-out, three threads", Stage::long, &table, &[OUT, OUT, OUT]);
}
