//! `posbook verify DIR`: every question asked again.

use std::path::PathBuf;

use clap::Args;
use posbook::journal::History;

use crate::output::{Format, progress, write};
use crate::{Failure, Verdict};

/// Options of `posbook verify`.
#[derive(Debug, Args)]
pub struct Options {
    /// The folder of the journal.
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Lines for people, or one JSON object on the last line of stdout.
    #[arg(long, default_value = "table")]
    format: Format,
}

pub fn run(options: &Options) -> Result<Verdict, Failure> {
    let history = History::open(&options.folder)?;
    let bar = progress(0, "verifying");
    let verified = history.verify(|done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let verified = verified?;
    let text = match options.format {
        Format::Json => {
            serde_json::to_string(&verified).map_err(|wrong| Failure::Environment(wrong.to_string()))? + "\n"
        }
        Format::Table => {
            let verdict = match &verified.first_difference {
                None => format!("whole: digest {}", verified.digest),
                Some(difference) => format!("NOT WHOLE: {difference}"),
            };
            format!(
                "{} changes asked again, after {} up to {}; {} checkpoints compared\n{verdict}\n",
                verified.changes, verified.from, verified.to, verified.checkpoints
            )
        }
    };
    write(&text)?;
    Ok(if verified.is_whole() { Verdict::Yes } else { Verdict::No })
}
