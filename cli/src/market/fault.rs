//! What can be wrong with a tick file, said in one line: `FILE:LINE:COLUMN: what is wrong, and what was expected`.
//!
//! The line is the physical line, counted from 1 as an editor does; the column is named as in the header. What
//! concerns a whole file has no line. Text from the file is quoted, escaped and cut short, so that no content can
//! break the message over two lines.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use super::decimal::BadNumber;
use super::input::MAX_LINE;

/// A tick file that cannot be used, where it is wrong, and why.
#[derive(Debug, thiserror::Error)]
#[error("{}{}: {fault}", one_line(&.file.to_string_lossy()), Place(*.line, .column.as_deref()))]
pub struct TapeError {
    /// The file, as it was named to us.
    file: PathBuf,
    /// The physical line, from 1.
    line: Option<u64>,
    /// The column by its name in the header.
    column: Option<String>,
    /// What is wrong.
    fault: Fault,
}

impl TapeError {
    /// Something is wrong with the file as a whole.
    pub(super) fn file(file: &Path, fault: Fault) -> TapeError {
        TapeError { file: file.to_path_buf(), line: None, column: None, fault }
    }

    /// Something is wrong at this line.
    pub(super) fn line(file: &Path, line: u64, fault: Fault) -> TapeError {
        TapeError { line: Some(line), ..TapeError::file(file, fault) }
    }

    /// Something is wrong with one field of this line.
    pub(super) fn field(file: &Path, line: u64, column: &str, fault: Fault) -> TapeError {
        TapeError { column: Some(shortened(column)), ..TapeError::line(file, line, fault) }
    }
}

/// What is wrong, and what was expected instead.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// There is no such file.
    #[error("no such file; expected a tick file (.csv, .csv.gz, or a .zip of one CSV)")]
    Missing,
    /// The system would not let us read it.
    #[error("cannot be read: {0}; expected a readable file")]
    Unreadable(String),
    /// The same file was named before.
    #[error("is named twice; expected each file once, or its ticks would count double")]
    Twice,
    /// Nothing is in it.
    #[error("is empty; expected a header and rows of ticks")]
    Empty,
    /// The name promises gzip and the content is something else.
    #[error("is named .gz but holds no gzip data; expected gzip data, or a name that ends in .csv")]
    NotGzip,
    /// The name promises a zip and the content is something else.
    #[error("is named .zip but holds no zip archive; expected a zip, or a name that ends in .csv")]
    NotZip,
    /// The content is packed and the name does not say so.
    #[error("holds {0} data but is not named .{1}; expected plain text, or a name that ends in .{1}")]
    Packed(&'static str, &'static str),
    /// The packed data stop before their end.
    #[error("the {0} data are cut off here; expected a complete file (fetch it again)")]
    CutOff(&'static str),
    /// The packed data contradict their own checksum or format.
    #[error("the {0} data are damaged: {1}; expected a complete file (fetch it again)")]
    Damaged(&'static str, String),
    /// Not exactly one file in the zip.
    #[error("the zip holds {0} files; expected exactly one CSV")]
    Entries(usize),
    /// A header nobody knows.
    #[error(
        "the columns {0} are not known; expected recv_ns, symbol and either price and qty, or bid and ask, or \
         mark; or a trades or aggTrades file as Binance publishes it"
    )]
    Columns(String),
    /// A header that names a column twice.
    #[error("the column stands there twice; expected each column once")]
    ColumnTwice,
    /// A dump whose name does not say what is in it.
    #[error(
        "a Binance file whose name does not say what it holds; expected a name such as \
         BTCUSDT-trades-2024-08-08.zip or BTCUSDT-aggTrades-2024-08-08.csv"
    )]
    DumpName,
    /// A line too long to be a row.
    #[error("the line is longer than {MAX_LINE} bytes; expected one tick per line")]
    LongLine,
    /// Bytes that are not text.
    #[error("is not UTF-8 text; expected a plain CSV file")]
    NotText,
    /// A row with more or fewer fields than the header.
    #[error("the row has {found} fields; expected {expected}")]
    Fields {
        /// How many there are.
        found: usize,
        /// How many the header names.
        expected: usize,
    },
    /// A field that should be a number.
    #[error("{0} {1}")]
    Number(String, BadNumber),
    /// A number that must be above zero.
    #[error("{0} is zero; expected more than zero")]
    Zero(String),
    /// A field that should be a time.
    #[error("{0} is not a time; expected {1}")]
    Time(String, &'static str),
    /// A field that should be a symbol.
    #[error("{0} is not a symbol; expected 1 to 64 printable characters without spaces")]
    Symbol(String),
    /// More symbols than any venue lists.
    #[error("{0} is one symbol too many; expected at most {1} on one tape")]
    Symbols(String, u32),
    /// A bid above the ask.
    #[error("the bid {bid} is above the ask {ask}; expected a bid of at most the ask")]
    Crossed {
        /// The bid as written.
        bid: String,
        /// The ask as written.
        ask: String,
    },
}

/// `:LINE:COLUMN`, as far as they are known.
struct Place<'a>(Option<u64>, Option<&'a str>);

impl fmt::Display for Place<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.0 {
            write!(out, ":{line}")?;
        }
        if let Some(column) = self.1 {
            write!(out, ":{column}")?;
        }
        Ok(())
    }
}

/// The text of a file in quotes, escaped and cut short.
pub(super) fn shown(text: &str) -> String {
    format!("\"{}\"", shortened(text))
}

/// The start of a text, escaped so that it stays on one line.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST).and_then(|(end, _)| text.get(..end)) {
        Some(start) => format!("{}...", start.escape_debug()),
        None => text.escape_debug().to_string(),
    }
}

/// The whole text, with only what would leave the line escaped: for file names and for words of other libraries.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
            // Writing to a String cannot fail.
            let _ = write!(line, "{}", character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}
