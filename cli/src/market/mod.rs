//! Market data: what a replay reads before it trades.
//!
//! Everything here ends in one value, the [`Tape`]: the ticks of any number of files, merged by the time at which
//! they were received, with the markets they belong to. A tape is read whole before anything is handed out, so a
//! file that is cut off in the middle is found before the first order, not after half a day of simulated trading.
//!
//! Three sources feed it, each explained in its own file:
//!
//! * `ticks`: recorder files, with a receive time in nanoseconds and a header that names the columns;
//! * `binance`: the public daily dumps of data.binance.vision, as downloaded;
//! * `generate`: a market made from a seed, for when there is no file at all.
//!
//! The first two only say where in a row things stand (a `Layout`); one reader reads the rows, and one
//! reader (`input`) unpacks the files. Numbers are decimals from the first byte on (`decimal`): no price is ever a
//! float. What is wrong with a file is said in one line that names the file, the line and the column (`fault`).
//!
//! A tick says nothing about contract sizes or price steps. Those are declared by the user or assumed from what
//! was seen, in [`instruments`].

pub mod instruments;

mod binance;
mod decimal;
mod fault;
mod generate;
mod input;
mod layout;
mod load;
mod ticks;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use rust_decimal::Decimal;

pub use fault::TapeError;

/// One thing that a market said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tick {
    /// When it was received, in nanoseconds since 1970. For a dump without a receive time: the exchange's time.
    pub time: i64,
    /// Whose it is: an index into [`Tape::markets`].
    pub market: u32,
    /// What was said.
    pub kind: TickKind,
}

/// What a tick says. Every price is above zero, without trailing zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TickKind {
    /// Someone traded.
    Trade {
        /// The price of the trade.
        price: Decimal,
        /// Its size in contracts, as the file gives it; above zero.
        quantity: Decimal,
    },
    /// The best bid and the best ask changed. The bid is never above the ask.
    Quote {
        /// The best price someone buys at.
        bid: Decimal,
        /// The best price someone sells at.
        ask: Decimal,
    },
    /// The exchange published its mark price: a price like that of a trade, but nobody traded.
    Mark {
        /// The mark price.
        price: Decimal,
    },
}

/// One symbol of a tape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Market {
    /// The name, as the file spells it. Files that spell a symbol alike share one market, so the spot and the futures
    /// file of `BTCUSDT` do not belong on one tape: `files` shows who contributed.
    pub symbol: String,
    /// The finest number of decimals that a price had, after trailing zeros are stripped.
    pub price_scale: u32,
    /// The same of quantities, those of quotes included; 0 when no quantity was seen.
    pub quantity_scale: u32,
    /// Which inputs it was found in: indexes into the list of files, ascending. Empty for a generated market.
    pub files: Vec<usize>,
}

/// Where a tape came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// It was made up from this seed.
    Synthetic {
        /// The seed: the same one gives the same tape, on every machine.
        seed: u64,
    },
    /// It was read from these files.
    Files(Vec<PathBuf>),
}

/// What to do with a row that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadRows {
    /// Refuse the tape and say where the row is.
    Refuse,
    /// Leave the row out and count it. What is wrong with a whole file is refused all the same.
    Skip,
}

/// The ticks of a replay, complete and in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tape {
    /// The symbols, in the order in which they were first met.
    pub markets: Vec<Market>,
    /// The ticks by time; ticks of equal time in the order of the files, then of the rows.
    pub ticks: Vec<Tick>,
    /// How many unreadable rows were left out; always 0 under [`BadRows::Refuse`].
    pub skipped_rows: u64,
    /// Where the ticks came from.
    pub source: Source,
}

impl Tape {
    /// Reads `files` to their ends and merges them by receive time.
    ///
    /// `progress(done, total)` is called now and then with bytes on disk, and at the end with `done == total`.
    /// A file with a header and no rows is a quiet market, not an error; a file named twice is one.
    ///
    /// # Errors
    /// The first thing that is wrong with any file; under [`BadRows::Skip`], with a file as a whole.
    pub fn load(
        files: &[PathBuf],
        rows: BadRows,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Tape, TapeError> {
        load::load(files, rows, progress)
    }

    /// A market of `instruments` symbols and `ticks` ticks over about half an hour, made from `seed` alone.
    #[must_use]
    pub fn generated(seed: u64, instruments: usize, ticks: usize) -> Tape {
        generate::generate(seed, instruments, ticks)
    }

    /// The time from the first tick to the last, in nanoseconds; 0 for a tape of fewer than two ticks.
    #[must_use]
    pub fn span_ns(&self) -> i64 {
        match (self.ticks.first(), self.ticks.last()) {
            (Some(first), Some(last)) => last.time.saturating_sub(first.time),
            _ => 0,
        }
    }
}
