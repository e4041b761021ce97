//! `posbook diff DIR A B`: which keys differ between two moments.

use std::path::PathBuf;

use clap::Args;
use posbook::journal::{At, History};

use super::moment;
use crate::output::{Format, write};
use crate::{Failure, Verdict};

/// Options of `posbook diff`.
#[derive(Debug, Args)]
pub struct Options {
    /// The folder of the journal.
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// The first moment: the number of a change, or a time.
    #[arg(value_name = "A", value_parser = moment)]
    a: At,

    /// The second moment.
    #[arg(value_name = "B", value_parser = moment)]
    b: At,

    /// Lines for people, or one JSON object on the last line of stdout.
    #[arg(long, default_value = "table")]
    format: Format,
}

pub fn run(options: &Options) -> Result<Verdict, Failure> {
    let differences = History::open(&options.folder)?.diff(options.a, options.b)?;
    let text = match options.format {
        Format::Json => {
            let object = serde_json::json!({ "differences": differences });
            format!("{object}\n")
        }
        Format::Table if differences.is_empty() => "no key differs\n".to_owned(),
        Format::Table => {
            differences.iter().map(|d| format!("{}\n  - {}\n  + {}\n", d.symbol, d.before, d.after)).collect()
        }
    };
    write(&text)?;
    Ok(Verdict::Yes)
}
