//! `posbook bench`: posbook beside every lock and concurrent map that a bot's author would pick, on the work that a bot
//! does; each measurement is audited, and a violation fails the run, however fast it was.
//!
//! Contenders take turns in rounds, and what is printed are medians over rounds. Only ratios inside one run mean anything: a
//! missed target is no failure of the program, because a busy machine is no defect.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use comfy_table::Table;
use posbook_bench::clock_cost;
use posbook_bench::environment::{Clocked, Environment, QUIET};
use posbook_bench::measure::Distribution;
use posbook_bench::page::page;
use posbook_bench::suite::{self, Case, Row, Run, Target};
use posbook_bench::workload::Workload;

use crate::output::{Format, progress, write};
use crate::{Failure, Verdict};

/// Options of `posbook bench`.
#[derive(Debug, Args)]
pub struct Options {
    /// What is measured: what the targets ask, in about a minute; or everything against everybody, which takes an hour.
    #[arg(long, default_value = "quick")]
    suite: Suite,

    /// Only these workloads, against everybody.
    #[arg(long, value_name = "WORKLOAD", value_delimiter = ',', value_parser = workload)]
    only: Vec<&'static str>,

    /// Open positions, with `--only`.
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=10_000))]
    positions: u32,

    /// How keys are chosen.
    #[arg(long, default_value = "uniform")]
    dist: Dist,

    /// How long one measurement takes.
    #[arg(long, default_value_t = 0.12, value_name = "S", value_parser = seconds)]
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

fn workload(name: &str) -> Result<&'static str, String> {
    let known = Workload::NAMES.iter().find(|known| **known == name).copied();
    known.ok_or_else(|| format!("no workload of that name; there are {}", Workload::NAMES.join(", ")))
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.01..=3_600.0).contains(&seconds) => Ok(seconds),
        _ => Err("a number of seconds from 0.01 to 3600".to_owned()),
    }
}

impl Options {
    fn cases(&self) -> Vec<Case> {
        let positions = usize::try_from(self.positions).unwrap_or(100);
        match (self.only.is_empty(), self.suite) {
            (true, Suite::Quick) => suite::quick(),
            (true, Suite::Full) => suite::full(),
            (false, _) => {
                let case = |workload: &&'static str| Case { workload, positions, history: 0, who: &[] };
                self.only.iter().map(case).collect()
            }
        }
    }
}

/// Runs the verb.
pub fn run(options: &Options) -> Result<Verdict, Failure> {
    let cases = options.cases();
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
    let (environment, before) = (Environment::here(), Clocked::now());
    let clock = clock_cost();
    let bar = progress(suite::measurements(&cases, run.rounds) as u64, "measuring");
    let measured = suite::run(&cases, &run, |_| bar.inc(1));
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
    let targets = if options.only.is_empty() { suite::targets(&rows) } else { Vec::new() };
    let others = before.and_then(Clocked::others_since);
    let object = suite::as_json(&rows, &targets, &run, clock, &environment, others);
    if let Some(out) = &options.out {
        let page = page(&rows, &targets, &run, clock, &environment, others);
        for (name, text) in [("report.json", format!("{object}\n")), ("index.html", page)] {
            let file = out.join(name);
            std::fs::write(&file, text).map_err(|wrong| unwritten(&file, &wrong))?;
        }
    }
    match options.format {
        Format::Json => write(&format!("{object}\n"))?,
        Format::Table => {
            write(&tables(&rows, &targets, &run, clock))?;
            if let Some(others) = others.filter(|others| *others > QUIET) {
                write(&format!(
                    "\nHOST BUSY: others used {:.0} % of this machine meanwhile\n",
                    others * 100.0
                ))?;
            }
        }
    }
    Ok(Verdict::Yes)
}

fn unwritten(what: &std::path::Path, wrong: &std::io::Error) -> Failure {
    Failure::Environment(format!("{} cannot be written: {wrong}", what.display()))
}

fn tables(rows: &[Row], targets: &[Target], run: &Run, clock: f64) -> String {
    let mut text = String::new();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let _ = writeln!(
        text,
        "seed {}, {} rounds of {} s, {threads} hardware threads; asking the clock twice costs {clock:.0} ns, which every\nlatency contains; every measurement was audited: no lost update, no torn read, no gap in a record\n",
        run.seed,
        run.rounds,
        run.time.as_secs_f64()
    );
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_header([
        "workload",
        "positions",
        "contender",
        "ns each",
        "least",
        "most",
        "a second",
        "p50",
        "p99",
        "p99.9",
        "of",
    ]);
    for row in rows {
        let history = if row.history > 0 { format!(", {} before", row.history) } else { String::new() };
        let cost = row.cost.first().copied().unwrap_or(f64::NAN);
        let rate: f64 = row.rate.iter().sum();
        for (n, (kind, [p50, p99, p999, _])) in row.latency.iter().enumerate() {
            let first = |cell: String| if n == 0 { cell } else { String::new() };
            table.add_row([
                first(format!("{}{history}", row.workload)),
                first(row.positions.to_string()),
                first(row.who.to_owned()),
                first(format!("{cost:.1}")),
                first(format!("{:.1}", row.cost_between.0)),
                first(format!("{:.1}", row.cost_between.1)),
                first(format!("{:.2} M", rate / 1e6)),
                format!("{p50:.0}"),
                format!("{p99:.0}"),
                format!("{p999:.0}"),
                kind.name().to_owned(),
            ]);
        }
    }
    let _ = writeln!(text, "{table}\n");
    if targets.is_empty() {
        return text;
    }
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_header(["#", "target", "want", "got", "", ""]);
    for target in targets {
        let met = match target.met() {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "-",
        };
        let got = target.got.map_or_else(|| "-".to_owned(), |got| format!("{got:.3}"));
        table.add_row([
            target.id.to_string(),
            target.what.clone(),
            target.want.to_string(),
            got,
            met.to_owned(),
            target.note.clone(),
        ]);
    }
    let _ = writeln!(text, "{table}");
    text
}
