//! `posbook checkpoint DIR` and `posbook prune DIR`: the two that write.

use std::path::PathBuf;

use clap::Args;
use posbook::Sequence;
use posbook::journal::History;

use crate::output::{Format, write};
use crate::{Failure, Verdict};

/// Options of `posbook checkpoint`.
#[derive(Debug, Args)]
pub struct CheckpointOptions {
    /// The folder of the journal.
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// A line for people, or one JSON object on the last line of stdout.
    #[arg(long, default_value = "table")]
    format: Format,
}

/// Options of `posbook prune`.
#[derive(Debug, Args)]
pub struct PruneOptions {
    /// The folder of the journal.
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Everything before the newest checkpoint up to this change goes.
    #[arg(long, value_name = "SEQUENCE")]
    until: u64,

    /// A line for people, or one JSON object on the last line of stdout.
    #[arg(long, default_value = "table")]
    format: Format,
}

pub fn checkpoint(options: &CheckpointOptions) -> Result<Verdict, Failure> {
    let sequence = History::checkpoint(&options.folder)?.0;
    write(&match options.format {
        Format::Json => format!("{}\n", serde_json::json!({ "sequence": sequence })),
        Format::Table => format!("a restart begins with change {sequence}\n"),
    })?;
    Ok(Verdict::Yes)
}

pub fn prune(options: &PruneOptions) -> Result<Verdict, Failure> {
    let pruned = History::prune(&options.folder, Sequence(options.until))?;
    let (changes, checkpoints, from) = (pruned.changes, pruned.checkpoints, pruned.from.0);
    write(&match options.format {
        Format::Json => {
            let object = serde_json::json!({ "changes": changes, "checkpoints": checkpoints, "from": from });
            format!("{object}\n")
        }
        Format::Table => {
            format!(
                "{changes} changes and {checkpoints} checkpoints are gone; it begins with the checkpoint at {from}\n"
            )
        }
    })?;
    Ok(Verdict::Yes)
}
