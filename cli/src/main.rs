//! The `posbook` command. `posbook VERB [DIR] [options]`; progress goes to stderr, results to stdout.
//!
//! Exit codes: 0 ok, 1 the verdict is no, 2 bad input or usage, 3 the environment (a thread or a file that cannot be
//! had). Ctrl-C ends a verb by its signal; `stress` says what it found so far, and ends with 3. Where memory runs out there is none: Rust's allocator aborts the process (SIGABRT, 134 in a shell)
//! before anybody is asked.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the seam is the library's; a program has clocks and locks of its own"
)]

mod bench;
mod fold;
mod import;
mod input;
mod journal;
mod market;
mod output;
mod reconcile;
mod replay;
mod report;
mod stress;
mod top;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Who hands out memory: a write of the book asks for some.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static MIMALLOC: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Its name, for reports.
const ALLOCATOR: &str = match (cfg!(feature = "mimalloc"), cfg!(target_env = "gnu")) {
    (true, _) => "mimalloc",
    (false, true) => "glibc",
    (false, false) => "the system",
};

/// A lock-free position book: replay markets through it, let threads fight over it, measure it, or read its journal.
#[derive(Debug, Parser)]
#[command(
    name = "posbook",
    version,
    about,
    after_help = "Exit codes: 0 ok, 1 verdict no, 2 bad input or usage, 3 environment. Ctrl-C ends a verb by its signal (130), but for \
                  `stress`, which says what it found so far and ends with 3. Where memory runs out the process is aborted (134)."
)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Trade a market with several threads through one book against a paper venue, and check that the book, the venue's
    /// own ledger and a replay of every change agree.
    Replay(replay::Options),
    /// Let real threads do everything at once to one book, and check that it behaved like one map behind one lock:
    /// every call, refusals and looks included, against the one order that the book names, and short runs by a search
    /// that believes nothing. With `--faults` the venue of these programs misbehaves.
    Stress(stress::Options),
    /// Measure the book beside every lock and concurrent map that a bot would use, on the work that a bot does; every
    /// measurement is audited.
    Bench(bench::Options),
    /// Fold fills from a file into positions, realised profit and fees; or accounting cases, step by step.
    Fold(fold::Options),
    /// Read what another program wrote: positions of ccxt, row by row.
    Import(import::Options),
    /// What a journal holds at a moment: positions, unresolved orders, sums. Reads only.
    Inspect(journal::inspect::Options),
    /// The story of one key: who did what, why, and what stood before and after. Reads only.
    History(journal::lines::HistoryOptions),
    /// The last changes of a journal, and with `-f` those that come. Reads only.
    Tail(journal::lines::TailOptions),
    /// Which keys differ between two moments of a journal. Reads only.
    Diff(journal::diff::Options),
    /// Folds a whole journal again, asks every question again, and compares. Reads only.
    Verify(journal::verify::Options),
    /// What a journal says was earned, by whom, when it hurt, and why each position closed: one page, or JSON. Reads only.
    Report(report::Options),
    /// What a running bot has open, live from its journal: positions, sums, health, the last changes. Reads only.
    Top(top::Options),
    /// Every change of a journal as JSON lines or CSV. Reads only.
    Export(journal::lines::ExportOptions),
    /// Compare what a venue says is open with what a journal holds, field by field, and repair the journal: what differs and the
    /// plan are printed, and applied unless it is a dry run. Exit code 1: something differs still.
    Reconcile(reconcile::Options),
    /// Writes a checkpoint of the newest state into a journal: a restart begins there.
    Checkpoint(journal::upkeep::CheckpointOptions),
    /// Removes what is before a checkpoint from a journal.
    Prune(journal::upkeep::PruneOptions),
}

fn main() -> ExitCode {
    let Cli { verb } = Cli::parse();
    let ended = match verb {
        Verb::Replay(options) => replay::run(&options),
        Verb::Stress(options) => stress::run(&options),
        Verb::Bench(options) => bench::run(&options),
        Verb::Fold(options) => fold::run(&options),
        Verb::Import(options) => import::run(&options),
        Verb::Inspect(options) => journal::inspect::run(&options),
        Verb::History(options) => journal::lines::history(&options),
        Verb::Tail(options) => journal::lines::tail(&options),
        Verb::Diff(options) => journal::diff::run(&options),
        Verb::Verify(options) => journal::verify::run(&options),
        Verb::Report(options) => report::run(&options),
        Verb::Top(options) => top::run(&options),
        Verb::Export(options) => journal::lines::export(&options),
        Verb::Reconcile(options) => reconcile::run(&options),
        Verb::Checkpoint(options) => journal::upkeep::checkpoint(&options),
        Verb::Prune(options) => journal::upkeep::prune(&options),
    };
    match ended {
        Ok(Verdict::Yes) => ExitCode::SUCCESS,
        Ok(Verdict::No) => ExitCode::from(1),
        Err(failure) => {
            // Where nobody can be told, the exit code still says it.
            let _ = writeln!(std::io::stderr(), "posbook: {failure}");
            ExitCode::from(failure.code())
        }
    }
}

/// What a verb found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Yes,
    No,
}

/// Why a verb could not do its work.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// What was given cannot be used.
    #[error("{0}")]
    Input(String),
    /// The machine did not give what was needed.
    #[error("{0}")]
    Environment(String),
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            Failure::Input(_) => 2,
            Failure::Environment(_) => 3,
        }
    }
}
