//! `posbook bench`: posbook beside every lock and concurrent map that a bot's author would pick, on the work that a bot
//! does; each measurement is audited, and a violation fails the run, however fast it was.
//!
//! Contenders take turns in rounds, and what is printed are medians over rounds. Only ratios inside one run mean anything: a
//! missed target is no failure of the program, because a busy machine is no defect.

mod tables;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgGroup, Args, ValueEnum};
use posbook_bench::clock_cost;
use posbook_bench::compare::{Old, compare};
use posbook_bench::environment::{Clocked, Environment};
use posbook_bench::measure::Distribution;
use posbook_bench::mix::Mix;
use posbook_bench::page::page;
use posbook_bench::report::Report;
use posbook_bench::suite::{self, Case, Run};
use posbook_bench::targets::targets;
use posbook_bench::workload::{Workload, WorkloadError};

use crate::output::{Format, progress, write};
use crate::{ALLOCATOR, Failure, Verdict};

/// Options of `posbook bench`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("chosen").args(["only", "mix"]).multiple(true)))]
pub struct Options {
    /// What is measured: what the targets ask, in about a minute; or everything against everybody, in about ten
    /// minutes. The allocator is the program's: build it with `--features posbook-cli/mimalloc` for the other one, and compare.
    #[arg(long, default_value = "quick", conflicts_with = "chosen")]
    suite: Suite,

    /// Only these workloads, against everybody.
    #[arg(long, value_name = "WORKLOAD", value_delimiter = ',', value_parser = Workload::named)]
    only: Vec<Workload>,

    /// Threads that all do this, against everybody: shares of read, get, tick, fill, snapshot and sweep, as in
    /// read=70,tick=20,fill=8,snapshot=2.
    #[arg(long, value_name = "SHARES")]
    mix: Option<Mix>,

    /// Threads, for a mix (2 otherwise) and for workloads that take several; more than one number measures each.
    #[arg(long, value_name = "N", value_delimiter = ',', requires = "chosen", value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: Vec<u16>,

    /// Open positions, with `--only` or `--mix`; more than one number measures each.
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "100", requires = "chosen", value_parser = clap::value_parser!(u32).range(2..=10_000))]
    positions: Vec<u32>,

    /// Open loop: each thread begins so many operations a second, and an operation takes from when it was meant to begin until it
    /// is done, so that a stall shows. Otherwise each begins when the one before is done.
    #[arg(long, value_name = "PER_SECOND", requires = "chosen", value_parser = rate)]
    rate: Option<f64>,

    /// How keys are chosen.
    #[arg(long, default_value = "uniform")]
    dist: Dist,

    /// How long one measurement takes.
    #[arg(long, default_value_t = 0.1, value_name = "S", value_parser = seconds)]
    seconds: f64,

    /// Rounds; figures are their medians.
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    rounds: u16,

    /// Fixes keys and prices.
    #[arg(long, default_value_t = 7)]
    seed: u64,

    /// Writes `report.json` and a page, `index.html`, there; the folder is made if it is missing.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// A `report.json` of an older run: shows what became dearer or cheaper by more than the rounds differ.
    #[arg(long, value_name = "OLD.json")]
    compare: Option<PathBuf>,

    /// A table for people, or one JSON object on the last line of stdout.
    #[arg(long, default_value = "table")]
    format: Format,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Suite {
    Quick,
    Full,
}

/// How keys are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Dist {
    Uniform,
    Zipf,
}

fn number(text: &str, least: f64, most: f64, what: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("{what} from {least} to {most}")),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    number(text, 0.01, 3_600.0, "a number of seconds")
}

fn rate(text: &str) -> Result<f64, String> {
    number(text, 1.0, 10_000_000.0, "operations a second,")
}

impl Options {
    fn cases(&self) -> Result<Vec<Case>, WorkloadError> {
        let threads = || self.threads.iter().map(|threads| usize::from(*threads));
        let mut workloads = Vec::new();
        for workload in &self.only {
            match self.threads.is_empty() {
                true => workloads.push(workload.clone()),
                false => {
                    for threads in threads() {
                        workloads.push(workload.with_threads(threads)?);
                    }
                }
            }
        }
        if let Some(mix) = self.mix {
            let own = if self.threads.is_empty() { vec![2] } else { threads().collect() };
            for threads in own {
                workloads.push(Workload::of_mix(mix, threads)?);
            }
        }
        if workloads.is_empty() {
            return Ok(match self.suite {
                Suite::Quick => suite::quick(),
                Suite::Full => suite::full(),
            });
        }
        let mut cases: Vec<Case> = Vec::new();
        for workload in workloads {
            for positions in self.positions.iter().filter_map(|n| usize::try_from(*n).ok()) {
                let workload = workload.clone();
                let case = Case { workload, positions, history: 0, rate: self.rate, who: &[] };
                if !cases.contains(&case) {
                    cases.push(case);
                }
            }
        }
        Ok(cases)
    }

    fn older(&self) -> Result<Option<Old>, Failure> {
        let Some(file) = &self.compare else { return Ok(None) };
        let wrong = |why: String| Failure::Input(format!("--compare {}: {why}", file.display()));
        let text = std::fs::read_to_string(file).map_err(|why| {
            wrong(format!("{why}; name the report.json that an older run wrote with --out"))
        })?;
        Old::read(&text).map(Some).map_err(|why| wrong(why.to_string()))
    }
}

/// Runs the verb.
pub fn run(options: &Options) -> Result<Verdict, Failure> {
    let cases = options.cases().map_err(|wrong| Failure::Input(format!("--threads: {wrong}")))?;
    let older = options.older()?;
    let run = Run {
        time: Duration::from_secs_f64(options.seconds),
        rounds: options.rounds.into(),
        seed: options.seed,
        distribution: match options.dist {
            Dist::Uniform => Distribution::Uniform,
            Dist::Zipf => Distribution::Zipf,
        },
    };
    if let Some(out) = &options.out {
        std::fs::create_dir_all(out).map_err(|wrong| unwritten(out, &wrong))?;
    }
    let (environment, before) = (Environment::here(ALLOCATOR), Clocked::now());
    let (clock, harness) = (clock_cost(), suite::harness_cost(&run));
    let bar = progress(suite::measurements(&cases, run.rounds) as u64, "measuring");
    let measured = suite::run(&cases, &run, || bar.inc(1));
    bar.finish_and_clear();
    let rows = match measured {
        Ok(rows) => rows,
        Err(violation) => {
            write(&format!("VIOLATION: {violation}\n"))?;
            if options.format == Format::Json {
                let object = serde_json::json!({ "violation": violation.to_string(), "seed": run.seed });
                write(&format!("{object}\n"))?;
            }
            return Ok(Verdict::No);
        }
    };
    let suite = options.only.is_empty() && options.mix.is_none();
    let targets = if suite { targets(&rows) } else { Vec::new() };
    let comparison = older.map(|old| compare(&old, &rows, &environment));
    let report = Report {
        rows: &rows,
        targets: &targets,
        run: &run,
        clock,
        harness,
        environment: &environment,
        others: before.and_then(Clocked::others_since),
        comparison: comparison.as_ref(),
    };
    let object = report.as_json();
    if let Some(out) = &options.out {
        for (name, text) in [("report.json", format!("{object}\n")), ("index.html", page(&report))] {
            let file = out.join(name);
            std::fs::write(&file, text).map_err(|wrong| unwritten(&file, &wrong))?;
        }
    }
    match options.format {
        Format::Json => write(&format!("{object}\n"))?,
        Format::Table => write(&tables::all(&report))?,
    }
    Ok(Verdict::Yes)
}

fn unwritten(what: &Path, wrong: &std::io::Error) -> Failure {
    Failure::Environment(format!("{} cannot be written: {wrong}", what.display()))
}
