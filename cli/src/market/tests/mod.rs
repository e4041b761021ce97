//! The market data side, tested from files on disk to ticks in memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop"
)]

mod dumps;
mod generated;
mod instruments;
mod malformed;
mod numbers;
mod recorded;
mod rows;

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use rust_decimal::Decimal;
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{BadRows, Tape, TapeError, TickKind};

/// A folder of files that goes when the test is over.
struct Files(TempDir);

impl Files {
    fn new() -> Files {
        Files(TempDir::new().unwrap())
    }

    /// Writes a file and gives its path.
    fn put(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

fn gzip(content: impl AsRef<[u8]>) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(content.as_ref()).unwrap();
    packed.finish().unwrap()
}

fn zip(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut packed = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        packed.start_file(*name, SimpleFileOptions::default()).unwrap();
        packed.write_all(content.as_bytes()).unwrap();
    }
    packed.finish().unwrap().into_inner()
}

fn load(paths: &[PathBuf], rows: BadRows) -> Result<Tape, TapeError> {
    Tape::load(paths, rows, &mut |_, _| {})
}

/// Loads one file that must be right.
fn loaded(path: &Path) -> Tape {
    load(&[path.to_path_buf()], BadRows::Refuse).unwrap_or_else(|error| panic!("{error}"))
}

/// The message about one file that must be wrong, without the folder in front. It is one line.
fn refusal(path: &Path, rows: BadRows) -> String {
    let message = load(&[path.to_path_buf()], rows).map(|tape| tape.ticks.len()).unwrap_err().to_string();
    assert_eq!(message.lines().count(), 1, "not one line: {message}");
    message.strip_prefix(&format!("{}/", path.parent().unwrap().display())).unwrap().to_owned()
}

fn number(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn trade(price: &str, quantity: &str) -> TickKind {
    TickKind::Trade { price: number(price), quantity: number(quantity) }
}

fn quote(bid: &str, ask: &str) -> TickKind {
    TickKind::Quote { bid: number(bid), ask: number(ask) }
}
