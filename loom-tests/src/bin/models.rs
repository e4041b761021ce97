//! `cargo loom` and `cargo shuttle`: build the models for a checker and run all of them, and the controls over the broken
//! twins; print a line as each ends, and a table of all at the end.
//!
//! ```text
//! cargo loom [--format json] [filter...]
//! ```
//!
//! A filter is a part of a test's path, `open_vs_open`. Whatever it does not name is not run, and not missed either; one that
//! names nothing is.
//!
//! It fails, with 1, if anything is red; and because a model that did not run is green too, also if a test binary ran no test,
//! no model was explored, or a scene of `tests/models` did not report how many schedules it had. What it is told and does not
//! understand, in the environment too, it refuses with 2: quietly taken for the default it would be another run than was asked
//! for.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "this program starts others and measures how long they take"
)]

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use posbook_loom::workshop::{self, Checker, Workshop};

fn main() -> ExitCode {
    workshop::wrapped().unwrap_or_else(run).unwrap_or_else(|fault| {
        eprintln!("models: {fault}");
        if fault.is::<Usage>() { ExitCode::from(2) } else { ExitCode::FAILURE }
    })
}

/// What was asked for is not understood.
#[derive(Debug)]
struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nusage: cargo loom|shuttle [--format json|table] [filter...]", self.0)
    }
}

impl Error for Usage {}

/// What is to be run, and how it is told.
struct Asked {
    checker: Checker,
    json: bool,
    filter: Vec<String>,
}

impl Asked {
    fn new(mut words: impl Iterator<Item = String>) -> Result<Self, Usage> {
        let checker = match words.next().as_deref() {
            Some("loom") => Checker::Loom,
            Some("shuttle") => Checker::Shuttle,
            _ => return Err(Usage("which checker?".to_owned())),
        };
        let (mut json, mut filter) = (false, Vec::new());
        while let Some(word) = words.next() {
            match word.as_str() {
                "--format" => {
                    json = match words.next().as_deref() {
                        Some("json") => true,
                        Some("table") => false,
                        other => {
                            return Err(Usage(format!("--format is json or table, not {other:?}")));
                        }
                    }
                }
                option if option.starts_with('-') => {
                    return Err(Usage(format!("there is no option {option}")));
                }
                _ => filter.push(word),
            }
        }
        let environment = |name| std::env::var(name).ok();
        if let Some(scale) = environment("POSBOOK_SCALE").filter(|scale| scale != "ci" && scale != "hand") {
            return Err(Usage(format!("POSBOOK_SCALE is ci or hand, not {scale:?}")));
        }
        if let Some(seed) = environment("POSBOOK_SEED").filter(|seed| seed.parse::<u32>().is_err()) {
            return Err(Usage(format!("POSBOOK_SEED is a number of 32 bits, not {seed:?}")));
        }
        if environment("POSBOOK_SCHEDULE").is_some() && filter.is_empty() {
            return Err(Usage("POSBOOK_SCHEDULE is of one scene: name it".to_owned()));
        }
        Ok(Self { checker, json, filter })
    }
}

/// What is built together, and what of it is run.
struct Stage {
    what: &'static str,
    /// Flags besides the checker's.
    flags: &'static [&'static str],
    binaries: Vec<String>,
    /// What of the binaries is run; empty: everything.
    only: &'static [&'static str],
}

const RECYCLING: &str = "recycling";
const CONTROLS: &str = "controls";
/// Long random programs: a search of every schedule would never end.
const RANDOM: &str = "random";

/// A binary of tests is what stands in `tests/`: the pool's and the controls' have builds of their own.
fn stages(checker: Checker, package: &Path) -> Result<Vec<Stage>, Box<dyn Error>> {
    let mut models = names(&package.join("tests"))?;
    models.retain(|name| name != RECYCLING && name != CONTROLS);
    models.retain(|name| checker == Checker::Shuttle || name != RANDOM);
    let stage =
        |what, flags, binary: &str, only| Stage { what, flags, binaries: vec![binary.to_owned()], only };
    let mut stages = vec![Stage { what: "the models", flags: &[], binaries: models, only: &[] }];
    stages.push(stage("the controls", &["posbook_faults"], CONTROLS, &["bots::", "twins::"]));
    if checker == Checker::Loom {
        stages.push(stage("the models of the pool", &["posbook_recycling"], RECYCLING, &[]));
        let flags = &["posbook_recycling", "posbook_faults"];
        stages.push(stage("the controls of the pool", flags, RECYCLING, &["twins::"]));
    }
    Ok(stages)
}

/// The modules or binaries of a folder: files and folders without their ending, `main.rs` apart.
fn names(folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_rust = path.is_dir() || path.extension().is_some_and(|ending| ending == "rs");
        if let Some(name) = path.file_stem().and_then(|name| name.to_str()).filter(|_| is_rust) {
            names.insert(name.to_owned());
        }
    }
    names.remove("main");
    Ok(names.into_iter().collect())
}

/// One line that a model or a control printed.
struct Told {
    name: String,
    /// Of a model: how many.
    schedules: Option<u64>,
    /// Outcomes, bound, seconds, as they were said.
    figures: Vec<String>,
}

/// `model open_vs_open::two_threads | open against open: 14 schedules, 4 outcomes of 4, no bound, 0.001 s`
fn model(line: &str) -> Option<Told> {
    let (name, figures) = line.strip_prefix("model ")?.rsplit_once(": ")?;
    let mut figures: Vec<String> = figures.split(", ").map(str::to_owned).collect();
    let place = figures.iter().position(|figure| figure.ends_with(" schedules"))?;
    let schedules = figures.remove(place).trim_end_matches(" schedules").parse().ok()?;
    Some(Told { name: name.to_owned(), schedules: Some(schedules), figures })
}

/// `control listen_late: red as it must be, "deadlock", 0.001 s`
fn control(line: &str) -> Option<Told> {
    let (name, figures) = line.strip_prefix("control ")?.split_once(": ")?;
    let figures = figures.split(", ").map(str::to_owned).collect();
    Some(Told { name: name.to_owned(), schedules: None, figures })
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let started = Instant::now();
    let asked = Asked::new(std::env::args().skip(1))?;
    let checker = asked.checker;
    let workshop = Workshop::new()?;
    let package = workshop.root.join("loom-tests");
    let (mut told, mut wrong) = (Vec::new(), Vec::new());
    let mut unnamed: BTreeSet<&str> = asked.filter.iter().map(String::as_str).collect();
    for stage in stages(checker, &package)? {
        if !asked.json {
            println!("{}, by {}", stage.what, checker.name());
        }
        play(&workshop, &stage, &asked, &mut unnamed, &mut told, &mut wrong)?;
    }
    wrong.extend(unnamed.iter().map(|word| format!("no test is named {word}")));
    let (models, controls): (Vec<Told>, Vec<Told>) =
        told.into_iter().partition(|line| line.schedules.is_some());
    if asked.filter.is_empty() {
        for module in names(&package.join("tests").join("models"))? {
            if !models.iter().any(|model| model.name.starts_with(&format!("{module}::"))) {
                wrong.push(format!("the scene {module} reported no model"));
            }
        }
        if controls.is_empty() {
            wrong.push("no control ran".to_owned());
        }
    }
    if models.is_empty() && (asked.filter.is_empty() || controls.is_empty()) {
        wrong.push("no model ran".to_owned());
    }
    report(&models, &controls, &wrong, started.elapsed().as_secs_f64(), asked.json);
    Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds a stage and runs its binaries; what they told, and what was wrong.
fn play(
    workshop: &Workshop,
    stage: &Stage,
    asked: &Asked,
    unnamed: &mut BTreeSet<&str>,
    told: &mut Vec<Told>,
    wrong: &mut Vec<String>,
) -> Result<(), Box<dyn Error>> {
    let checker = asked.checker;
    let mut cargo = workshop.cargo(stage.flags)?;
    workshop.for_checker(&mut cargo, checker);
    for binary in &stage.binaries {
        cargo.args(["--test", binary]);
    }
    let built = cargo.output()?;
    if !built.status.success() {
        return Err(
            format!("{} did not build:\n{}", stage.what, String::from_utf8_lossy(&built.stderr)).into()
        );
    }
    let said = String::from_utf8_lossy(&built.stdout);
    for name in &stage.binaries {
        let path = workshop::executable(&said, "test", name)
            .ok_or_else(|| format!("cargo named no binary for {name}"))?;
        let log = workshop.own(&format!("{}-{name}.log", checker.name()));
        let path = workshop.root.join(path);
        let mut test = Command::new(&path);
        test.args(chosen(&path, stage.only, &asked.filter, unnamed)?);
        test.current_dir(&workshop.root).env_remove("POSBOOK_FAULT").stdin(Stdio::null());
        let mut test = test.stdout(File::create(&log)?).stderr(Stdio::piped()).spawn()?;
        let lines = test.stderr.take().map(|stderr| BufReader::new(stderr).lines());
        let mut rest = Vec::new();
        for line in lines.into_iter().flatten() {
            let line = line?;
            let line_of = model(&line).or_else(|| control(&line));
            if !asked.json && line_of.is_some() {
                println!("  {line}");
            }
            match line_of {
                Some(known) => told.push(known),
                None => rest.push(line),
            }
        }
        let ended = test.wait()?;
        let output = fs::read_to_string(&log)?;
        if !ended.success() {
            wrong.push(format!("{name} is red:\n{}\n{output}", rest.join("\n")));
        } else if asked.filter.is_empty() && output.contains("test result: ok. 0 passed") {
            wrong.push(format!("{name} ran no test"));
        }
    }
    Ok(())
}

/// Of what a stage runs, what the filter names: the arguments for the test binary. `unnamed` keeps the words that name nothing.
fn chosen(
    path: &Path,
    only: &[&str],
    filter: &[String],
    unnamed: &mut BTreeSet<&str>,
) -> Result<Vec<String>, Box<dyn Error>> {
    if filter.is_empty() {
        return Ok(only.iter().map(|part| (*part).to_owned()).collect());
    }
    let listed = Command::new(path).arg("--list").stdin(Stdio::null()).output()?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let tests = listed.lines().filter_map(|line| line.strip_suffix(": test"));
    let tests = tests.filter(|test| only.is_empty() || only.iter().any(|part| test.starts_with(part)));
    let wanted = tests.filter(|test| filter.iter().any(|word| test.contains(word.as_str())));
    let wanted: Vec<String> = wanted.map(str::to_owned).collect();
    unnamed.retain(|word| !wanted.iter().any(|test| test.contains(word)));
    // A name that no test has runs none; no name would run all.
    let names = if wanted.is_empty() { vec!["none of this stage".to_owned()] } else { wanted };
    Ok(std::iter::once("--exact".to_owned()).chain(names).collect())
}

fn report(models: &[Told], controls: &[Told], wrong: &[String], seconds: f64, json: bool) {
    let schedules: u64 = models.iter().filter_map(|model| model.schedules).sum();
    if json {
        let models = models.iter().map(|m| {
            format!(
                "{{\"model\":{:?},\"schedules\":{},\"figures\":{:?}}}",
                m.name,
                m.schedules.unwrap_or(0),
                m.figures
            )
        });
        let models = models.collect::<Vec<_>>().join(",");
        let controls: Vec<&str> = controls.iter().map(|control| control.name.as_str()).collect();
        println!(
            "{{\"models\":[{models}],\"controls\":{controls:?},\"schedules\":{schedules},\"seconds\":{seconds:.1},\"wrong\":{}}}",
            wrong.len()
        );
    } else {
        println!("\n{:>10}  model", "schedules");
        for model in models {
            println!("{:>10}  {} ({})", model.schedules.unwrap_or(0), model.name, model.figures.join(", "));
        }
        println!(
            "{schedules:>10}  schedules of {} models; {} controls red as they must be; {seconds:.0} s",
            models.len(),
            controls.len()
        );
    }
    for fault in wrong {
        eprintln!("WRONG: {fault}");
    }
}
