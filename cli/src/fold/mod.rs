//! `posbook fold`: fills from a file through a real book, and what they come to: positions, realised profit, fees.
//!
//! ```text
//! fold FILE               fills as JSON lines or CSV
//! fold --case FILE        accounting cases (`accounting-case/1`), one answer a step
//! ```

mod case;
mod rows;

use std::path::PathBuf;

use clap::Args;

use crate::output::Format;
use crate::{Failure, Verdict};

/// Options of `posbook fold`.
#[derive(Debug, Args)]
pub struct Options {
    /// Fills: JSON lines, or CSV with a header. Columns: symbol, side (buy, sell), quantity, price; and, if there are any, id,
    /// order, fee, fee_currency, time (milliseconds), leg (long, short). `-` is stdin.
    #[arg(value_name = "FILE", required_unless_present = "case", conflicts_with = "case")]
    file: Option<PathBuf>,

    /// A file of accounting cases; prints one object a step.
    #[arg(long, value_name = "FILE")]
    case: Option<PathBuf>,

    /// Only the case of this name.
    #[arg(long, requires = "case")]
    id: Option<String>,

    /// What one contract of a symbol is; 1 unless said.
    #[arg(long, value_name = "SYMBOL=SIZE", conflicts_with = "case", value_parser = size)]
    contract_size: Vec<(String, posbook::Quantity)>,

    /// A table for people; or JSON: of fills one object on the last line, of cases one a step.
    #[arg(long, default_value = "table")]
    format: Format,
}

fn size(text: &str) -> Result<(String, posbook::Quantity), String> {
    let (symbol, size) = text.rsplit_once('=').ok_or("is not SYMBOL=SIZE")?;
    let size: posbook::Quantity = size.parse().map_err(|wrong: posbook::Rejection| wrong.to_string())?;
    if size.is_zero() { Err("a contract has a size".to_owned()) } else { Ok((symbol.to_owned(), size)) }
}

pub fn run(options: &Options) -> Result<Verdict, Failure> {
    match (&options.case, &options.file) {
        (Some(cases), _) => case::run(cases, options.id.as_deref(), options.format),
        (None, Some(file)) => rows::run(file, &options.contract_size, options.format),
        (None, None) => {
            Err(Failure::Input("nothing to fold: name a file of fills, or --case FILE".to_owned()))
        }
    }
}

/// A number as it is printed: without zeros at its end.
fn text(number: posbook::Decimal) -> String {
    number.normalize().to_string()
}
