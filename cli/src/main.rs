//! The `posbook` command. `posbook VERB [DIR] [options]`; progress goes to stderr, results to stdout.
//!
//! Exit codes: 0 ok, 1 the verdict is no, 2 bad input or usage, 3 the environment (a thread or a file that cannot be
//! had).
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the seam is the library's; a program has clocks and locks of its own"
)]

mod bench;
mod fold;
mod import;
mod market;
mod output;
mod replay;
mod stress;

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

/// A lock-free position book: replay markets through it, let threads fight over it, or measure it.
#[derive(Debug, Parser)]
#[command(
    name = "posbook",
    version,
    about,
    after_help = "Exit codes: 0 ok, 1 verdict no, 2 bad input or usage, 3 environment."
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
}

fn main() -> ExitCode {
    let Cli { verb } = Cli::parse();
    let ended = match verb {
        Verb::Replay(options) => replay::run(&options),
        Verb::Stress(options) => stress::run(&options),
        Verb::Bench(options) => bench::run(&options),
        Verb::Fold(options) => fold::run(&options),
        Verb::Import(options) => import::run(&options),
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
