//! `cargo loom` and `cargo shuttle`: build the models for a checker and run all of them, and the controls over the broken
//! twins; print a line as each ends, and a table of all at the end.
//!
//! ```text
//! cargo loom [--format json] [filter...]
//! ```
//!
//! A filter is a part of a test's path, `open_vs_open`. Whatever it does not name is not run, and not missed either.
//!
//! It fails if anything is red; and because a model that did not run is green too, also if a test binary ran no test, no
//! model was explored, or a scene of `tests/models` did not report how many schedules it had.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "this program starts others and measures how long they take"
)]

use std::collections::BTreeSet;
use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use posbook_loom::workshop::{self, Checker, Workshop};

fn main() -> ExitCode {
    workshop::wrapped().unwrap_or_else(run).unwrap_or_else(|fault| {
        eprintln!("models: {fault}");
        ExitCode::FAILURE
    })
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
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let checker = match words.first().map(String::as_str) {
        Some("loom") => Checker::Loom,
        Some("shuttle") => Checker::Shuttle,
        _ => return Err("which checker? Run `cargo loom` or `cargo shuttle`".into()),
    };
    words.remove(0);
    let json = words.iter().position(|word| word == "--format");
    if let Some(place) = json {
        let _ = words.drain(place..words.len().min(place + 2));
    }
    let workshop = Workshop::new()?;
    let package = workshop.root.join("loom-tests");
    let (mut told, mut wrong) = (Vec::new(), Vec::new());
    for stage in stages(checker, &package)? {
        if json.is_none() {
            println!("{}, by {}", stage.what, checker.name());
        }
        play(&workshop, &stage, checker, &words, json.is_none(), &mut told, &mut wrong)?;
    }
    let (models, controls): (Vec<Told>, Vec<Told>) =
        told.into_iter().partition(|line| line.schedules.is_some());
    if words.is_empty() {
        for module in names(&package.join("tests").join("models"))? {
            if !models.iter().any(|model| model.name.starts_with(&format!("{module}::"))) {
                wrong.push(format!("the scene {module} reported no model"));
            }
        }
        if controls.is_empty() {
            wrong.push("no control ran".to_owned());
        }
    }
    if models.is_empty() && (words.is_empty() || controls.is_empty()) {
        wrong.push("no model ran".to_owned());
    }
    report(&models, &controls, &wrong, started.elapsed().as_secs_f64(), json.is_some());
    Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds a stage and runs its binaries; what they told, and what was wrong.
fn play(
    workshop: &Workshop,
    stage: &Stage,
    checker: Checker,
    filter: &[String],
    aloud: bool,
    told: &mut Vec<Told>,
    wrong: &mut Vec<String>,
) -> Result<(), Box<dyn Error>> {
    let mut cargo = workshop.cargo(stage.flags)?;
    workshop.for_checker(&mut cargo, checker);
    for binary in &stage.binaries {
        cargo.args(["--test", binary]);
    }
    let built = cargo.output()?;
    let said = String::from_utf8_lossy(&built.stderr);
    if !built.status.success() {
        return Err(format!("{} did not build:\n{said}", stage.what).into());
    }
    for name in &stage.binaries {
        let path =
            workshop::executable(&said, name).ok_or_else(|| format!("cargo named no binary for {name}"))?;
        let log = workshop.own(&format!("{}-{name}.log", checker.name()));
        let path = workshop.root.join(path);
        let mut test = Command::new(&path);
        test.args(chosen(&path, stage.only, filter)?);
        test.current_dir(&workshop.root).env_remove("POSBOOK_FAULT").stdin(Stdio::null());
        let mut test = test.stdout(File::create(&log)?).stderr(Stdio::piped()).spawn()?;
        let lines = test.stderr.take().map(|stderr| BufReader::new(stderr).lines());
        let mut rest = Vec::new();
        for line in lines.into_iter().flatten() {
            let line = line?;
            let line_of = model(&line).or_else(|| control(&line));
            if aloud && line_of.is_some() {
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
        } else if filter.is_empty() && output.contains("test result: ok. 0 passed") {
            wrong.push(format!("{name} ran no test"));
        }
    }
    Ok(())
}

/// Of what a stage runs, what the filter names: the arguments for the test binary.
fn chosen(path: &Path, only: &[&str], filter: &[String]) -> Result<Vec<String>, Box<dyn Error>> {
    if only.is_empty() || filter.is_empty() {
        return Ok(only.iter().map(|part| (*part).to_owned()).chain(filter.iter().cloned()).collect());
    }
    let listed = Command::new(path).arg("--list").stdin(Stdio::null()).output()?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let tests = listed.lines().filter_map(|line| line.strip_suffix(": test"));
    let wanted = tests.filter(|test| {
        only.iter().any(|part| test.starts_with(part))
            && filter.iter().any(|word| test.contains(word.as_str()))
    });
    // A name that no test has runs none; no name would run all.
    let wanted: Vec<String> = wanted.map(str::to_owned).collect();
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
