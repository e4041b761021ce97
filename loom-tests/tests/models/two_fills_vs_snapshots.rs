//! Two fills, one after the other, against a thread that takes three snapshots and keeps them: it never goes back, and
//! what it holds never changes (I8).
//!
//! Legal outcomes: how many fills each of the three shows, never fewer than the one before. All 10 are reached:
//! 000, 001, 002, 011, 012, 022, 111, 112, 122, 222.
//!
//! With two writers of one fill each besides, whose turns are lost to each other, the same 10.

use posbook::OrderSide;
use posbook_loom::{ANY, Act, Row, Said, Stage, fill, race};

const LEFT: &str = "long 3 stop 95";
const ROWS: [&str; 10] = ["000", "001", "002", "011", "012", "022", "111", "112", "122", "222"];

/// Three snapshots, their digests when they were taken and after the last.
const LOOK: Act = |stage| {
    let views = [0; 3].map(|_| {
        let view = stage.book.snapshot();
        let digest = view.digest();
        (view, digest)
    });
    let fills = views.iter().map(|(view, digest)| {
        assert_eq!(view.digest(), *digest, "a snapshot changed while it was held (I8)");
        (view.totals().fills - 1).to_string()
    });
    Said::word(fills.collect::<String>())
};

#[test]
pub fn one_writer() {
    let said = ROWS.map(|seen| ["booked", seen]);
    let table: Vec<Row> = said.iter().map(|said| (&*said.to_vec().leak(), ANY, LEFT)).collect();
    let acts: &[Act] = &[
        |stage| {
            stage.record(fill(stage.one, "a", OrderSide::Buy, "1"));
            stage.record(fill(stage.one, "b", OrderSide::Buy, "1"))
        },
        LOOK,
    ];
    race("two fills against three snapshots", Stage::long, &table, acts);
}

#[test]
pub fn two_writers() {
    let said = ROWS.map(|seen| ["booked", "booked", seen]);
    let table: Vec<Row> = said.iter().map(|said| (&*said.to_vec().leak(), ANY, LEFT)).collect();
    let acts: &[Act] = &[
        |stage| stage.record(fill(stage.one, "a", OrderSide::Buy, "1")),
        |stage| stage.record(fill(stage.one, "b", OrderSide::Buy, "1")),
        LOOK,
    ];
    race("two writers against three snapshots", Stage::long, &table, acts);
}
