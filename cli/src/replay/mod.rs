//! `posbook replay`: the main job. One market thread, several strategies, an exit thread, a reconcile thread, a fill
//! thread and a dashboard share one book and trade against a paper venue; at the end three independent accounts of the
//! same money are compared.
//!
//! The seed fixes the market, the venue's behaviour per order and every strategy's choices. It does not fix how the
//! threads interleave: that is the point of the exercise.

mod agents;
mod faults;
mod latency;
mod pace;
mod remember;
mod report;
mod setup;
mod strategy;
mod truth;
mod verdict;
mod watch;

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use crate::market::{BadRows, Tape};
use crate::output::{Format, progress, write};
use crate::{Failure, Verdict};

/// Options of `posbook replay`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// A tick file: CSV or CSV.gz with a header (trades: recv_ns, symbol, price, qty ...; quotes: recv_ns, symbol, bid,
    /// ask ...), or a public daily dump of Binance (.zip, .csv). Give it several times; files are merged by receive
    /// time. Without any, a market of eight instruments is generated and labelled synthetic.
    #[arg(long = "ticks", value_name = "FILE")]
    ticks: Vec<PathBuf>,

    /// What the symbols are: a TOML file with kind, contract size and steps for each. A symbol it does not name is
    /// taken as linear, size 1, with the finest steps seen, and the output says "assumed".
    #[arg(long, value_name = "FILE")]
    instruments: Option<PathBuf>,

    /// How many strategy threads trade.
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    strategies: u32,

    /// Fixes the market, the venue and the strategies' choices. Not the interleaving of the threads: two runs of one
    /// seed trade the same market, and not the same orders.
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// How fast market time passes: `max`, or so many times real time, such as `1x` or `50x`.
    #[arg(long, default_value = "max", value_parser = speed)]
    speed: Speed,

    /// A table for people, or one JSON object on the last line of stdout.
    #[arg(long, default_value = "table")]
    format: Format,

    /// Count rows that cannot be read and go on, instead of refusing the file. Truncated or unreadable files are refused
    /// all the same.
    #[arg(long)]
    skip_bad_rows: bool,

    #[command(flatten)]
    faults: faults::FaultOptions,

    #[command(flatten)]
    remember: remember::JournalOptions,
}

/// How fast market time passes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Speed {
    /// As fast as the strategies can decide.
    Max,
    /// So many times real time.
    Times(u32),
}

fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    let times = text.strip_suffix('x').and_then(|n| n.parse().ok()).filter(|n| *n > 0);
    times
        .map(Speed::Times)
        .ok_or_else(|| format!("{text:?} is neither `max` nor a whole number of times such as `50x`"))
}

/// Ticks of the generated market.
const SYNTHETIC_TICKS: usize = 200_000;
/// Instruments of the generated market.
const SYNTHETIC_INSTRUMENTS: usize = 8;

/// Runs the replay and prints its result.
pub fn run(options: &Options) -> Result<Verdict, Failure> {
    let options = &match &options.remember.resume {
        Some(folder) => remember::resumed(folder, options)?,
        None => {
            remember::begin(options)?;
            options.clone()
        }
    };
    let tape = load(options)?;
    let setup = setup::Setup::new(options, &tape)?;
    let bar = progress(tape.ticks.len() as u64, "replaying");
    let began = Instant::now();
    let ended = agents::run(options, &tape, &setup, &bar)?;
    let took = began.elapsed();
    bar.finish_and_clear();
    let findings = verdict::judge(&setup, &ended)?;
    let report = report::Report::new(options, &tape, &setup, &ended, findings, took);
    let text = match options.format {
        Format::Table => report.table(),
        Format::Json => report.json()? + "\n",
    };
    write(&text)?;
    Ok(if report.all_yes() { Verdict::Yes } else { Verdict::No })
}

/// Reads everything before anything is traded.
fn load(options: &Options) -> Result<Tape, Failure> {
    if options.ticks.is_empty() {
        return Ok(Tape::generated(options.seed, SYNTHETIC_INSTRUMENTS, SYNTHETIC_TICKS));
    }
    let bar = progress(0, "reading");
    let rows = if options.skip_bad_rows { BadRows::Skip } else { BadRows::Refuse };
    let tape = Tape::load(&options.ticks, rows, &mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let tape = tape.map_err(|wrong| Failure::Input(wrong.to_string()))?;
    if tape.ticks.is_empty() {
        let names: Vec<_> = options.ticks.iter().map(|p| p.display().to_string()).collect();
        return Err(Failure::Input(format!(
            "{}: no usable tick in it; expected at least one row",
            names.join(", ")
        )));
    }
    Ok(tape)
}
