//! `cargo faults`: builds the crate with each of its faults and requires that the tests which guard against it turn
//! red, for the expected reason; and that the same tests are green without it.
//!
//! A *twin* is the shipped crate with one thing broken on purpose: built with `--cfg posbook_faults`, the crate asks at
//! each such place whether `POSBOOK_FAULT` names it. One build holds all twins. A test that stays green over its twin
//! does not test what its name says. So a twin that survives fails this program, and so does a red test of the
//! unmodified crate, a test that did not run, or one that failed for another reason.
//!
//! `cargo faults NAME ...` takes these twins only. How it builds: `src/workshop.rs`.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "this program starts others and measures how long they take"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use posbook_loom::workshop::{self, Checker, REPORT, Workshop, executable};

mod twins;
use twins::{Guard, Suite, TWINS, Twin};

/// Longer than the slowest test by far: a twin that hangs has not been noticed by a test.
const PATIENCE: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    workshop::wrapped().unwrap_or_else(run).unwrap_or_else(|fault| {
        eprintln!("cargo faults: {fault}");
        ExitCode::FAILURE
    })
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let started = Instant::now();
    let workshop = Workshop::new()?;
    let mut failures = Vec::new();

    let asked: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = asked.iter().find(|name| TWINS.iter().all(|twin| twin.fault != **name)) {
        return Err(format!("there is no twin {unknown:?}").into());
    }
    let twins: Vec<&'static Twin> =
        TWINS.iter().filter(|twin| asked.is_empty() || asked.iter().any(|name| name == twin.fault)).collect();
    println!("The unmodified crate: every guard must be green.");
    let all = twins.iter().flat_map(|twin| twin.guards);
    let guards: BTreeMap<_, _> = all.map(|guard| ((guard.suite, guard.test), guard)).collect();
    let built = build(&workshop, Build::Sound, guards.values().map(|guard| guard.suite))?;
    let jobs: Vec<Job> = guards.values().map(|guard| Job { guard, fault: None }).collect();
    failures.extend(try_all(&workshop, &built, &jobs)?);

    let built = build(&workshop, Build::Twins, guards.values().map(|guard| guard.suite))?;
    println!("\nThe twins: every guard must notice.");
    for twin in &twins {
        println!("{:<16} {}", twin.fault, twin.what);
    }
    let of = |twin: &'static Twin| twin.guards.iter().map(|guard| Job { guard, fault: Some(twin.fault) });
    let jobs: Vec<Job> = twins.iter().copied().flat_map(of).collect();
    failures.extend(try_all(&workshop, &built, &jobs)?);

    println!("\n{} twins, {} guards, {:.0} s", twins.len(), guards.len(), started.elapsed().as_secs_f64());
    for failure in &failures {
        println!("WRONG: {failure}");
    }
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A guard, and the fault that it must notice. `None`: it must be green.
struct Job {
    guard: &'static Guard,
    fault: Option<&'static str>,
}

/// Tries every guard, two at a time where one needs no more than a core; says what became of each and returns what is wrong.
fn try_all(workshop: &Workshop, built: &Binaries, jobs: &[Job]) -> Result<Vec<String>, Box<dyn Error>> {
    // Who races real threads gets the machine for himself: beside others they would hardly ever overlap.
    let races = |job: &&Job| is_program(job.guard.suite) || job.guard.suite == Suite::Real("faults");
    let (alone, beside): (Vec<&Job>, Vec<&Job>) = jobs.iter().partition(races);
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<String>, String> {
        let mut failures = Vec::new();
        while let Some(job) = beside.get(next.fetch_add(1, Relaxed)) {
            failures.extend(try_one(workshop, built, job).map_err(|fault| fault.to_string())?);
        }
        Ok(failures)
    };
    let mut failures = thread::scope(|scope| -> Result<Vec<String>, String> {
        let other = scope.spawn(work);
        let mut failures = work()?;
        failures.extend(other.join().map_err(|_| "a thread panicked")??);
        Ok(failures)
    })?;
    for job in alone {
        failures.extend(try_one(workshop, built, job)?);
    }
    Ok(failures)
}

/// Tries one guard and says what became of it. `Some`: what is wrong.
fn try_one(workshop: &Workshop, built: &Binaries, job: &Job) -> Result<Option<String>, Box<dyn Error>> {
    let (guard, began) = (job.guard, Instant::now());
    let verdict = match (test(workshop, built, guard, job.fault)?, job.fault) {
        (Outcome::Green, None) => Ok("green".to_owned()),
        (other, None) => Err(format!("must be green, and {}", other.words())),
        // A replay's finding is known by its name.
        (Outcome::Red(output), _) if guard.suite == Suite::Replay => Ok(format!("noticed: {output}")),
        (Outcome::Red(output), _) if output.contains(guard.says) => Ok(format!("noticed: {:?}", guard.says)),
        (Outcome::Red(_), _) => Err(format!("red, but it does not say {:?}", guard.says)),
        (other, _) => Err(format!("must notice, and {}", other.words())),
    };
    let (twin, name, took) = (job.fault.unwrap_or("-"), guard.name(), began.elapsed().as_secs_f64());
    let (word, note) = match &verdict {
        Ok(note) => ("ok", note),
        Err(note) => ("WRONG", note),
    };
    println!("{twin:<16} {word:<6} {name:<78} {note} ({took:.1} s)");
    Ok(verdict.err().map(|note| format!("{twin}: {name}: {note}")))
}

impl Guard {
    fn name(&self) -> String {
        match self.suite {
            Suite::Model(file) => format!("{file} {}", self.test),
            Suite::Real(file) => format!("{file} {}", self.test),
            Suite::Replay => format!("replay {}", self.test),
            Suite::Stress => format!("stress {}", self.test),
        }
    }
}

/// What became of one test.
enum Outcome {
    Green,
    Red(String),
    Hung,
    /// It was not in the binary, or something else than the test ended the process.
    NotRun(String),
}

impl Outcome {
    fn words(&self) -> String {
        match self {
            Outcome::Green => "is green".to_owned(),
            Outcome::Red(output) => format!("is red:\n{output}"),
            Outcome::Hung => format!("hung for {} s", PATIENCE.as_secs()),
            Outcome::NotRun(output) => format!("did not run:\n{output}"),
        }
    }
}

type Binaries = BTreeMap<Suite, PathBuf>;

/// Which crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Build {
    Sound,
    Twins,
}

impl Build {
    const fn flags(self) -> &'static [&'static str] {
        match self {
            Build::Sound => &[],
            Build::Twins => &["posbook_faults"],
        }
    }
}

/// Builds some suites; returns their binaries.
fn build(
    workshop: &Workshop,
    which: Build,
    suites: impl Iterator<Item = Suite>,
) -> Result<Binaries, Box<dyn Error>> {
    let mut binaries = Binaries::new();
    let suites: std::collections::BTreeSet<_> = suites.collect();
    let (models, others): (Vec<Suite>, Vec<Suite>) = suites.into_iter().partition(|suite| is_model(*suite));
    for part in [models, others].into_iter().filter(|part| !part.is_empty()) {
        let mut cargo = workshop.cargo(which.flags())?;
        if part.iter().all(|suite| is_model(*suite)) {
            workshop.for_checker(&mut cargo, Checker::Loom);
        } else {
            // As `cargo test` builds them, in one go: any other choice of packages would choose other features of what they
            // need, and everything would be built again.
            cargo.args(["test", "--no-run"]).args(REPORT);
        }
        // The program is built for its tests, of which `crash` is the smallest.
        for name in part.iter().map(|suite| suite.file().unwrap_or("crash")) {
            cargo.args(["--test", name]);
        }
        let output = cargo.stdin(Stdio::null()).output()?;
        let (told, artifacts) =
            (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
        if !output.status.success() {
            return Err(format!("the {which:?} build failed:\n{told}").into());
        }
        for suite in part {
            let path = match suite.file() {
                Some(file) => executable(&artifacts, "test", file),
                None => executable(&artifacts, "bin", "posbook"),
            };
            let path = path.ok_or_else(|| format!("cargo named no binary for {suite:?}:\n{told}"))?;
            binaries.insert(suite, workshop.root.join(path));
        }
    }
    // The program of the twins stands where the sound one is built: it is put aside.
    for (_, program) in binaries.iter_mut().filter(|(suite, _)| is_program(**suite)) {
        let aside = workshop.own(&format!("posbook-{which:?}{}", std::env::consts::EXE_SUFFIX));
        fs::copy(&*program, &aside)?;
        *program = aside;
    }
    Ok(binaries)
}

/// Runs one test of a binary, or replays until a finding comes out wrong.
fn test(
    workshop: &Workshop,
    built: &Binaries,
    guard: &Guard,
    fault: Option<&str>,
) -> Result<Outcome, Box<dyn Error>> {
    let binary = built.get(&guard.suite).ok_or("this suite was not built")?;
    if guard.suite == Suite::Replay {
        return replays(binary, guard, fault);
    }
    if guard.suite == Suite::Stress {
        return stresses(binary, guard, fault);
    }
    static LOGS: AtomicUsize = AtomicUsize::new(0);
    let log = workshop.own(&format!("test-{}.log", LOGS.fetch_add(1, Relaxed)));
    let written = File::create(&log)?;
    let mut test = Command::new(binary)
        .args(["--exact", guard.test])
        .current_dir(&workshop.root)
        .env("RUST_BACKTRACE", "0")
        .env("POSBOOK_FAULT", fault.unwrap_or_default())
        .stdin(Stdio::null())
        .stdout(written.try_clone()?)
        .stderr(written)
        .spawn()?;
    let began = Instant::now();
    let status = loop {
        if let Some(status) = test.try_wait()? {
            break status;
        }
        if began.elapsed() > PATIENCE {
            test.kill()?;
            test.wait()?;
            return Ok(Outcome::Hung);
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let output = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    let ran = |word: &str| {
        output.contains(&format!("{} passed; {} failed", u8::from(word == "ok"), u8::from(word != "ok")))
    };
    Ok(match status.success() {
        true if ran("ok") => Outcome::Green,
        false if ran("FAILED") => Outcome::Red(output),
        _ => Outcome::NotRun(output),
    })
}

/// One replay a seed. Sound: every one must be; a twin: one of them must be wrong.
fn replays(binary: &Path, guard: &Guard, fault: Option<&str>) -> Result<Outcome, Box<dyn Error>> {
    let sound = format!("\"{}\":{}", guard.test, guard.says);
    let seeds = if fault.is_some() { SEEDS } else { SOUND_SEEDS };
    for seed in 1..=seeds {
        let mut run = Command::new(binary);
        run.args(["replay", "--faults", "hostile", "--format", "json", "--seed", &seed.to_string()]);
        run.env("POSBOOK_FAULT", fault.unwrap_or_default()).stdin(Stdio::null()).stderr(Stdio::null());
        let output = run.output()?;
        let told = String::from_utf8_lossy(&output.stdout);
        let last = told.lines().last().unwrap_or_default();
        if !last.contains(&format!("\"{}\":", guard.test)) {
            return Ok(Outcome::NotRun(format!("seed {seed}: {last}")));
        }
        if !last.contains(&sound) {
            return Ok(Outcome::Red(format!("seed {seed}: not {sound}")));
        }
    }
    Ok(Outcome::Green)
}

/// One stress. Sound: it must be clean; a twin: it must find a violation. With each step of the root cell yielding to the
/// other threads, or on few cores they would hardly ever overlap; a build without faults knows no such step.
fn stresses(binary: &Path, guard: &Guard, fault: Option<&str>) -> Result<Outcome, Box<dyn Error>> {
    let mut run = Command::new(binary);
    run.args(["stress", "--threads", "4", "--operations", STRESS_CALLS, "--format", "json"]);
    let faults = fault.map_or_else(|| "yield".to_owned(), |fault| format!("{fault},yield"));
    run.env("POSBOOK_FAULT", faults).env("RUST_BACKTRACE", "0").stdin(Stdio::null()).stderr(Stdio::null());
    let output = run.output()?;
    let told = String::from_utf8_lossy(&output.stdout);
    let last = told.lines().last().unwrap_or_default();
    Ok(match output.status.code() {
        Some(0) if last.contains("\"violations\":0,") => Outcome::Green,
        // The sentence that says what is broken.
        Some(1) if last.contains("\"violations\":1,") => {
            let what = last.split_once("\"what\":\"").and_then(|(_, rest)| rest.split_once("\",\""));
            Outcome::Red(what.map_or_else(|| last.to_owned(), |(what, _)| what.to_owned()))
        }
        _ => Outcome::NotRun(format!("{}: {last}", guard.name())),
    })
}

/// So many calls are enough: both broken loops show themselves in the first thousands.
const STRESS_CALLS: &str = "200000";

/// In how many seeds a twin must show itself.
const SEEDS: u64 = 20;
/// How many replays of the unmodified crate must be right here; `.ci/replay-seeds` runs more.
const SOUND_SEEDS: u64 = 2;

fn is_model(suite: Suite) -> bool {
    matches!(suite, Suite::Model(_))
}

fn is_program(suite: Suite) -> bool {
    matches!(suite, Suite::Replay | Suite::Stress)
}

impl Suite {
    /// The file of tests. `None`: it is a program.
    fn file(self) -> Option<&'static str> {
        match self {
            Suite::Model(file) | Suite::Real(file) => Some(file),
            Suite::Replay | Suite::Stress => None,
        }
    }
}
