//! What other programs write, read by rules: every recorded row, each quirk of the data by its number, hostile input.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by a panic"
)]

mod entries;
mod hostile;
mod markets;
mod mutated;
mod others;
mod own;
mod quirks;
mod unseen;
mod unseen_trades;

use posbook::interop::ccxt::{self, Flat, Position, Row, Source};

/// The rows of a text, which is read.
fn rows(text: &str) -> Vec<Row> {
    ccxt::positions(text, &Source::new("venue")).unwrap().rows().to_vec()
}

/// The only row, open.
fn open(text: &str) -> Position {
    match rows(text).as_slice() {
        [Row::Position(position)] => position.clone(),
        other => panic!("not one position: {other:?}"),
    }
}

/// The only row, flat.
fn flat(text: &str) -> Flat {
    match rows(text).as_slice() {
        [Row::Flat(flat)] => flat.clone(),
        other => panic!("not one flat row: {other:?}"),
    }
}

/// What is wrong with the only row.
fn problem(text: &str) -> String {
    match rows(text).as_slice() {
        [Row::Problem(problem)] => problem.to_string(),
        other => panic!("not one problem: {other:?}"),
    }
}

/// Writing what was read and reading it again changes nothing.
fn fixed_point(rows: &[Row]) {
    let legible: Vec<Row> = rows.iter().filter(|row| !matches!(row, Row::Problem(_))).cloned().collect();
    let written = ccxt::export(rows);
    let again = ccxt::positions(&written, &Source::default()).unwrap();
    assert_eq!(again.rows(), legible, "{written}");
    assert_eq!(ccxt::export(again.rows()), written);
}
