//! `posbook stress`: real threads do everything at once to one book, round after round, and every call of every round is
//! put on trial: by the witness, by a count of the fills, by a subscriber while it runs, and short rounds by the search.
//!
//! A round has a fresh book, so what is kept is one round's history, and a violation is found seconds after it happened.
//! The seed fixes what the threads' programs choose. It does not fix how the machine interleaves them: the command that is
//! printed with a violation runs the same programs again, not the same interleaving. What was recorded is printed too.
//!
//! With `--simulate` there are no threads in each other's way but whole bots, each on one thread from one seed
//! (`simulate.rs`): slower to go wrong, and everything that goes wrong goes wrong again.

mod report;
mod round;
mod simulate;
mod until;
mod watch;

use std::time::Duration;

use clap::{Args, ValueEnum};
use posbook_proof::program::{Trouble, Words};

use crate::output::{Format, progress, write};
use crate::{Failure, Verdict};
use report::{Report, Tally};
use round::Round;
use until::Until;

/// Options of `posbook stress`.
#[derive(Debug, Args)]
pub struct Options {
    /// How long. The round that is under way then is cut short and checked: with many instruments that is some seconds more.
    #[arg(long, default_value_t = 30, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    seconds: u64,

    /// Stop as soon as this many calls are checked, however long that takes, instead of after a time.
    #[arg(long, value_name = "N", conflicts_with = "seconds", value_parser = clap::value_parser!(u64).range(1..))]
    operations: Option<u64>,

    /// How many threads share the book; of a simulation, how many worlds run beside one another. Default: as many as there
    /// are cores, and at least 2.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=64))]
    threads: Option<u32>,

    /// How many instruments they trade: the fewer, the more they are in each other's way.
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    positions: u32,

    /// Fixes what the programs choose. Not how the machine interleaves them. Of a simulation, the first world: its seed
    /// fixes everything.
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// What goes wrong at the programs' venue: nothing, what does on an ordinary day, or everything.
    #[arg(long, default_value = "normal", value_name = "PRESET")]
    faults: Preset,

    /// Whole bots instead, each on one thread from one seed, against a hostile venue: a seed after the other from `--seed`
    /// on. The seed decides what goes wrong.
    #[arg(long, conflicts_with_all = ["operations", "positions", "faults"])]
    simulate: bool,

    /// Stop after so many worlds instead of after a time.
    #[arg(long, value_name = "N", requires = "simulate", conflicts_with = "seconds", value_parser = clap::value_parser!(u64).range(1..))]
    worlds: Option<u64>,

    /// One world with every event of it: that of `--seed`, with these settings changed, as a failed world is printed. ''
    /// changes nothing.
    #[arg(long, value_name = "SETTINGS", requires = "simulate", conflicts_with_all = ["seconds", "worlds", "threads"])]
    world: Option<String>,

    /// A table for people, or one JSON object on the last line of stdout.
    #[arg(long, default_value = "table")]
    format: Format,
}

/// How often the programs' venue misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Preset {
    Off,
    Normal,
    Hostile,
}

impl Preset {
    const fn trouble(self) -> Trouble {
        match self {
            Preset::Off => Trouble::Off,
            Preset::Normal => Trouble::Normal,
            Preset::Hostile => Trouble::Hostile,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Preset::Off => "off",
            Preset::Normal => "normal",
            Preset::Hostile => "hostile",
        }
    }
}

/// Steps of all threads together in a round: about a call each, so that a history stays well below 100 MB.
const STEPS: usize = 50_000;
/// As above in a short round, whose history the search can take.
const FEW_STEPS: usize = 40;
/// Instruments of a short round: few, or nothing is in the way of anything.
const FEW_POSITIONS: usize = 3;
/// Short rounds after each long one.
const SHORT_ROUNDS: u64 = 20;
/// In a long round one picture in so many is fingerprinted: a pass over the whole book costs more than everything else a
/// call does. The place of every picture is checked all the same.
const DIGEST_EVERY: u64 = 16;

impl Options {
    fn threads(&self) -> u32 {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        self.threads.unwrap_or_else(|| u32::try_from(cores).unwrap_or(64).clamp(2, 64))
    }

    /// The command that runs these programs again.
    fn again(&self) -> String {
        let length = match self.operations {
            Some(operations) => format!("--operations {operations}"),
            None => format!("--seconds {}", self.seconds),
        };
        let (seed, threads, faults) = (self.seed, self.threads(), self.faults.name());
        let positions = self.positions;
        format!(
            "posbook stress --seed {seed} --threads {threads} --positions {positions} --faults {faults} {length}"
        )
    }
}

/// Runs rounds until the time is over, enough is checked, a violation is found or somebody interrupts it, and prints what came
/// of it.
pub fn run(options: &Options) -> Result<Verdict, Failure> {
    if options.simulate {
        return simulate::run(options);
    }
    let limit = options.operations.is_none().then(|| Duration::from_secs(options.seconds));
    let until = Until::new(limit)?;
    let bar = progress(options.operations.unwrap_or(options.seconds * 1_000), "stressing");
    let mut tally = Tally::default();
    let mut number = 0;
    let (finding, cut_short) = loop {
        if until.timed_out() || options.operations.is_some_and(|enough| tally.operations() >= enough) {
            break (None, false);
        }
        if until.interrupted() {
            break (None, true);
        }
        let found = rounds(options, number, &until, &mut tally)?;
        if found.is_some() {
            break (found, until.interrupted());
        }
        bar.set_position(match options.operations {
            Some(_) => tally.operations(),
            None => u64::try_from(until.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
        number += 1;
    };
    bar.finish_and_clear();
    let report = Report::new(options, &tally, finding, cut_short, until.elapsed());
    let text = match options.format {
        Format::Table => report.table(),
        Format::Json => report.json()? + "\n",
    };
    write(&text)?;
    until::verdict(report.sound(), cut_short)
}

/// One long round and the short ones after it.
fn rounds(
    options: &Options,
    number: u64,
    until: &Until,
    tally: &mut Tally,
) -> Result<Option<round::Finding>, Failure> {
    let threads = options.threads();
    let positions = usize::try_from(options.positions).unwrap_or(1);
    let long = Round {
        seed: options.seed,
        // Long rounds and short ones never share their dice.
        number: number * (SHORT_ROUNDS + 1),
        threads,
        positions,
        steps: STEPS,
        trouble: options.faults.trouble(),
        words: Words::All,
        digest_every: DIGEST_EVERY,
    };
    if let Some(finding) = long.run(until, tally)? {
        return Ok(Some(finding));
    }
    for short in 1..=SHORT_ROUNDS {
        if until.over() {
            break;
        }
        let short = Round {
            number: long.number + short,
            // More threads than that do nothing in so few steps.
            threads: threads.min(4),
            positions: FEW_POSITIONS,
            steps: FEW_STEPS,
            words: Words::Few,
            digest_every: 1,
            ..long
        };
        if let Some(finding) = short.run(until, tally)? {
            return Ok(Some(finding));
        }
    }
    Ok(None)
}
