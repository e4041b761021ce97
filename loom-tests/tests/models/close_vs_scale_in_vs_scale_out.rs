//! A close, a scale-in of 1 and a scale-out of 0.6 on a long of 1, at the same moment: whatever the order, no more than is
//! there is on its way out (I2, D4), and nothing is added once it closes (D3).
//!
//! Legal outcomes, all reached; turns lost in brackets:
//!
//! | close | scale-in | scale-out | in the order of |
//! |---|---|---|---|
//! | 1 | closing | beyond what is free (0 to 2) | close; the others are refused |
//! | 1 | 1 | beyond what is free (0 to 3) | scale-in, close; nothing is left to scale out |
//! | 0.4 | closing | 0.6 (0 to 3) | scale-out, close; the close takes the rest |
//! | 0.4 | 1 | 0.6 (0 to 3) | scale-in, scale-out, close; or scale-out, scale-in, close |

use posbook::Command;
use posbook_loom::{Act, Row, Stage, race, scale_in, scale_out};

#[test]
pub fn every_order_of_three() {
    let table: [Row; 5] = [
        (&["1", "closing", "beyond what is free"], 0..=2, "long 1 stop 95, close 1, closing"),
        (&["1", "1", "beyond what is free"], 0..=3, "long 1 stop 95, scale in 1, close 1, closing"),
        (&["0.4", "closing", "0.6"], 0..=3, "long 1 stop 95, scale out 0.6, close 0.4, closing"),
        (&["0.4", "1", "0.6"], 0..=3, "long 1 stop 95, scale in 1, scale out 0.6, close 0.4, closing"),
        (&["0.4", "1", "0.6"], 0..=3, "long 1 stop 95, scale out 0.6, scale in 1, close 0.4, closing"),
    ];
    let acts: &[Act] = &[
        |stage| stage.reserve(Command::close(stage.one)),
        |stage| stage.reserve(scale_in(stage.one, "1")),
        |stage| stage.reserve(scale_out(stage.one, "0.6")),
    ];
    race("close, scale-in and scale-out", Stage::long, &table, acts);
}
