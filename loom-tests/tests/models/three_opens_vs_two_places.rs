//! Three opens of different instruments when the limit has room for two: they never exceed it together (D11, R13).
//!
//! Legal outcomes, all reached: any two are granted, the third is over the limit, with 0 to 3 turns lost (the second
//! granted one loses at most once, the refused one at most twice).
//!
//! The same at the edge of the book's notional: 200 is the limit, each open is worth 100.

use posbook::{Instrument, Limits};
use posbook_loom::{Act, Row, Stage, open, race};

const OVER: &str = "over the limit";
const ROWS: [Row; 3] = [
    (&["1", "1", OVER], 0..=3, "flat, open 1; flat, open 1"),
    (&["1", OVER, "1"], 0..=3, "flat, open 1; flat, open 1"),
    (&[OVER, "1", "1"], 0..=3, "flat, open 1; flat, open 1"),
];
const OPENS: &[Act] = &[
    |stage| stage.reserve(open(stage.one, "1")),
    |stage| stage.reserve(open(stage.two, "1")),
    |stage| stage.reserve(open(posbook::InstrumentId(2), "1")),
];

fn three_instruments(limits: Limits) -> Stage {
    let stage = Stage::with(|builder| builder.instruments(3).limits(limits));
    stage.book.register(Instrument::linear("C2/USDT:USDT", "0.1", "0.001").unwrap()).unwrap();
    stage
}

#[test]
pub fn two_places() {
    let stage = || three_instruments(Limits { positions: 2, ..Limits::default() });
    race("three opens, two places", stage, &ROWS, OPENS);
}

#[test]
pub fn twice_the_notional() {
    let stage = || three_instruments(Limits { book_notional: 200.into(), ..Limits::default() });
    race("three opens, notional for two", stage, &ROWS, OPENS);
}
