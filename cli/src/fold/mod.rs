//! `posbook fold`: fills from a file through a real book, and what they come to: positions, realised profit, fees.
//!
//! ```text
//! fold FILE               fills as JSON lines or CSV, or ccxt's unified trades as a JSON array
//! fold --case FILE        accounting cases (`accounting-case/1`), one answer a step
//! ```

mod case;
mod folding;
#[cfg(test)]
mod mutated;
mod read;
mod rows;
#[cfg(test)]
#[path = "../../../tests/fuzz/texts/fold.rs"]
mod texts;
mod trades;

use std::path::PathBuf;

use clap::Args;
use posbook::interop::ccxt::{Markets, Source};

use crate::output::Format;
use crate::{Failure, Verdict, input};

/// Options of `posbook fold`.
#[derive(Debug, Args)]
pub struct Options {
    /// Fills: JSON lines, or CSV with a header. Columns: symbol, side (buy, sell), quantity, price; and, if there are any, id,
    /// order, fee, fee_currency, time (milliseconds), leg (long, short). Or a JSON array of ccxt's unified trades
    /// (docs/ccxt.md). `-` is stdin. They are folded by time if every one has a time, else as they stand.
    #[arg(value_name = "FILE", required_unless_present = "case", conflicts_with = "case")]
    file: Option<PathBuf>,

    /// A file of accounting cases; prints one object a step.
    #[arg(long, value_name = "FILE")]
    case: Option<PathBuf>,

    /// Only the case of this name.
    #[arg(long, requires = "case")]
    id: Option<String>,

    /// What one contract of a symbol is; 1 unless said, or unless ccxt's trades prove it.
    #[arg(long, value_name = "SYMBOL=SIZE", conflicts_with = "case", value_parser = size)]
    contract_size: Vec<(String, posbook::Quantity)>,

    /// Of ccxt's trades: whose they are; named in problems.
    #[arg(long, value_name = "NAME", conflicts_with = "case")]
    exchange: Option<String>,

    /// Of ccxt's trades: ccxt's markets as JSON, for the contract sizes.
    #[arg(long, value_name = "FILE", conflicts_with = "case")]
    markets: Option<PathBuf>,

    /// A table for people; or JSON: of fills one object on the last line, of cases one a step.
    #[arg(long, default_value = "table")]
    format: Format,
}

fn size(text: &str) -> Result<(String, posbook::Quantity), String> {
    let (symbol, size) = text.rsplit_once('=').ok_or("is not SYMBOL=SIZE")?;
    let size: posbook::Quantity = size.parse().map_err(|wrong: posbook::Rejection| wrong.to_string())?;
    if size.is_zero() { Err("a contract has a size".to_owned()) } else { Ok((symbol.to_owned(), size)) }
}

impl Options {
    /// Where trades of ccxt come from, and what is known of the markets there.
    fn source(&self) -> Result<(Source, Markets), Failure> {
        let source = self.exchange.as_deref().map(Source::new).unwrap_or_default();
        let Some(path) = &self.markets else { return Ok((source, Markets::default())) };
        let markets = Markets::read(read::unmarked(&input::text(path)?))
            .map_err(|wrong| Failure::Input(format!("{}: {wrong}", path.display())))?;
        Ok((source.with_markets(markets.clone()), markets))
    }
}

pub fn run(options: &Options) -> Result<Verdict, Failure> {
    match (&options.case, &options.file) {
        (Some(cases), _) => case::run(cases, options.id.as_deref(), options.format),
        (None, Some(file)) => rows::run(file, options),
        (None, None) => {
            Err(Failure::Input("nothing to fold: name a file of fills, or --case FILE".to_owned()))
        }
    }
}
