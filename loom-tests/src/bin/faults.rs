//! `cargo faults`: builds the crate with each of its faults and requires that the tests which guard against it turn
//! red, for the expected reason; and that the same tests are green without it.
//!
//! A *twin* is the shipped crate with one thing broken on purpose, by `--cfg posbook_fault="..."` in its source. A test
//! that stays green over its twin does not test what its name says. So a twin that survives fails this program, and so
//! does a red test of the unmodified crate, a test that did not run, or one that failed for another reason.
//!
//! How it builds: cargo compiles everything with the same flags, and again from nothing when they change. Only the
//! members of this workspace need the fault, so this program also serves as cargo's `RUSTC_WORKSPACE_WRAPPER`: a copy
//! of it named for a fault adds that one flag to each call of rustc. Cargo files what a wrapper made under the wrapper's
//! path, so the copies, in `target/faults`, share the dependencies of `cargo test` and `cargo loom` and nothing else.
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
use std::time::{Duration, Instant};

/// A binary with tests in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Suite {
    /// `loom-tests/tests/<name>.rs`: every schedule.
    Model(&'static str),
    /// `tests/faults`: real threads, the public API.
    Real,
}

/// A test that must notice a fault, and the words by which it is known to have noticed this and nothing else.
struct Guard {
    suite: Suite,
    test: &'static str,
    says: &'static str,
}

struct Twin {
    fault: &'static str,
    /// What is broken.
    what: &'static str,
    guards: &'static [Guard],
}

const fn model(file: &'static str, test: &'static str, says: &'static str) -> Guard {
    Guard { suite: Suite::Model(file), test, says }
}

const fn real(test: &'static str, says: &'static str) -> Guard {
    Guard { suite: Suite::Real, test, says }
}

const UNLISTED: &str = "outcomes that are not in the table";
const ABA: &str = "went through (D5)";

/// Both break the one loop, and the same tests stand guard over it.
const THE_LOOP: &[Guard] = &[
    model("open_vs_open", "two_threads_one_order", UNLISTED),
    model("open_vs_open", "three_threads_one_order", UNLISTED),
    model("two_fills", "both_are_booked", "each publication takes the next sequence (I4)"),
    model("same_fill_twice", "booked_once", UNLISTED),
    model("limits_two_opens_one_place", "one_place", UNLISTED),
    model("close_vs_scale_out", "never_more_than_is_there", UNLISTED),
    real("d01_two_opens::d01_two_opens_one_order_leaves", "both opens were granted (D1)"),
    real("i04_lost_update::i04_no_update_is_lost", "under a sequence of its own (I4)"),
];

const TWINS: &[Twin] = &[
    Twin { fault: "stale_state", what: "the loop decides on the state it read first", guards: THE_LOOP },
    Twin { fault: "ignore_lost", what: "the loop ignores that its compare-and-set lost", guards: THE_LOOP },
    Twin {
        fault: "no_identity",
        what: "a position id or revision is not compared",
        guards: &[
            real("d05_aba::d05_a_late_scale_out_does_not_reduce_the_new_position", ABA),
            real("d05_aba::d05_a_late_scale_in_does_not_add_to_the_new_position", ABA),
            real("d05_aba::d05_a_late_stop_loss_does_not_close_the_new_position", ABA),
            real("d05_aba::d05_a_late_trailing_stop_does_not_move_the_new_position_s", ABA),
            real("d05_aba::d05_a_decision_against_an_older_revision_is_refused", ABA),
        ],
    },
];

/// Longer than the slowest test by far: a twin that hangs has not been noticed by a test.
const PATIENCE: Duration = Duration::from_secs(120);

/// The copies of this program that add a flag are named by this and their fault.
const WRAPPER: &str = "with-fault-";

fn main() -> ExitCode {
    let me = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let name = me.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let done = match name.strip_prefix(WRAPPER) {
        Some(fault) => compile_with(fault),
        None => run(),
    };
    done.unwrap_or_else(|fault| {
        eprintln!("cargo faults: {fault}");
        ExitCode::FAILURE
    })
}

/// As cargo's wrapper: the compiler and its arguments follow.
fn compile_with(fault: &str) -> Result<ExitCode, Box<dyn Error>> {
    let mut call = std::env::args_os().skip(1);
    let rustc = call.next().ok_or("the compiler's path is missing")?;
    let status =
        Command::new(rustc).args(call).arg("--cfg").arg(format!("posbook_fault=\"{fault}\"")).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let started = Instant::now();
    let workshop = Workshop::new()?;
    let mut failures = Vec::new();
    let mut row = |twin: &str, guard: &Guard, verdict: Result<String, String>, took: Duration| {
        let (word, note) = match &verdict {
            Ok(note) => ("ok", note),
            Err(note) => ("WRONG", note),
        };
        println!("{twin:<12} {word:<6} {:<78} {note} ({:.1} s)", guard.name(), took.as_secs_f64());
        if verdict.is_err() {
            failures.push(format!("{twin}: {}: {note}", guard.name()));
        }
    };

    println!("The unmodified crate: every guard must be green.");
    let all = TWINS.iter().flat_map(|twin| twin.guards);
    let guards: BTreeMap<_, _> = all.map(|guard| ((guard.suite, guard.test), guard)).collect();
    let built = workshop.build(None, guards.values().map(|guard| guard.suite))?;
    for guard in guards.values() {
        let began = Instant::now();
        let verdict = match workshop.test(&built, guard)? {
            Outcome::Green => Ok("green".to_owned()),
            other => Err(format!("must be green, and {}", other.words())),
        };
        row("-", guard, verdict, began.elapsed());
    }

    for twin in TWINS {
        println!("\n{}: {}. Every guard must notice.", twin.fault, twin.what);
        let built = workshop.build(Some(twin.fault), twin.guards.iter().map(|guard| guard.suite))?;
        for guard in twin.guards {
            let began = Instant::now();
            let verdict = match workshop.test(&built, guard)? {
                Outcome::Red(output) if output.contains(guard.says) => {
                    Ok(format!("noticed: {:?}", guard.says))
                }
                Outcome::Red(_) => Err(format!("red, but it does not say {:?}", guard.says)),
                other => Err(format!("must notice, and {}", other.words())),
            };
            row(twin.fault, guard, verdict, began.elapsed());
        }
    }

    println!("\n{} twins, {} guards, {:.0} s", TWINS.len(), guards.len(), started.elapsed().as_secs_f64());
    for failure in &failures {
        println!("WRONG: {failure}");
    }
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Guard {
    fn name(&self) -> String {
        match self.suite {
            Suite::Model(file) => format!("{file} {}", self.test),
            Suite::Real => format!("faults {}", self.test),
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

/// Where the twins are built.
struct Workshop {
    root: PathBuf,
    /// The target folder of the unmodified crate.
    target: PathBuf,
}

type Binaries = BTreeMap<Suite, PathBuf>;

impl Workshop {
    fn new() -> Result<Self, Box<dyn Error>> {
        let package = std::env::var_os("CARGO_MANIFEST_DIR").ok_or("run it by `cargo faults`")?;
        let root = Path::new(&package).parent().ok_or("the package has no workspace")?.to_path_buf();
        let base = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        fs::create_dir_all(base.join("faults"))?;
        Ok(Self { root, target: fs::canonicalize(base)? })
    }

    /// For the wrappers and what the tests say.
    fn own(&self, file: &str) -> PathBuf {
        self.target.join("faults").join(file)
    }

    /// Builds some suites with a fault, or without; returns their binaries.
    fn build(
        &self,
        fault: Option<&str>,
        suites: impl Iterator<Item = Suite>,
    ) -> Result<Binaries, Box<dyn Error>> {
        let mut binaries = Binaries::new();
        let suites: std::collections::BTreeSet<_> = suites.collect();
        let (models, real): (Vec<Suite>, Vec<Suite>) =
            suites.into_iter().partition(|suite| matches!(suite, Suite::Model(_)));
        for part in [models, real].into_iter().filter(|part| !part.is_empty()) {
            let mut cargo = self.cargo(fault)?;
            cargo.args(["test", "--no-run"]);
            if part.iter().any(|suite| matches!(suite, Suite::Model(_))) {
                cargo.args(["--release", "--package", "posbook-loom"]);
                // As `cargo loom` has it.
                cargo.args(["--config", "build.rustflags=['--cfg','posbook_loom','-A','unused']"]);
                cargo.env("CARGO_TARGET_DIR", self.target.join("loom"));
            }
            for suite in &part {
                cargo.args(["--test", suite.target()]);
            }
            let output = cargo.stdin(Stdio::null()).output()?;
            let told = String::from_utf8_lossy(&output.stderr);
            if !output.status.success() {
                return Err(format!("the build with fault {fault:?} failed:\n{told}").into());
            }
            for suite in part {
                // Executable tests/open_vs_open.rs (target/.../open_vs_open-0123)
                let path = told
                    .lines()
                    .filter(|line| line.trim_start().starts_with("Executable"))
                    .filter_map(|line| line.rsplit_once('(')?.1.strip_suffix(')'))
                    .find(|path| {
                        Path::new(path).file_name().and_then(|name| name.to_str()).is_some_and(|name| {
                            name.rsplit_once('-').is_some_and(|(stem, _)| stem == suite.target())
                        })
                    });
                let path =
                    path.ok_or_else(|| format!("cargo named no binary for {}:\n{told}", suite.target()))?;
                binaries.insert(suite, self.root.join(path));
            }
        }
        Ok(binaries)
    }

    fn cargo(&self, fault: Option<&str>) -> Result<Command, Box<dyn Error>> {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(&self.root).arg("--color=never");
        cargo.env("CARGO_TARGET_DIR", &self.target);
        // These would be stronger than the model's flag, which comes by `--config`.
        for flags in
            ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "RUSTC_WORKSPACE_WRAPPER"]
        {
            cargo.env_remove(flags);
        }
        if let Some(fault) = fault {
            let wrapper = self.own(&format!("{WRAPPER}{fault}{}", std::env::consts::EXE_SUFFIX));
            fs::copy(std::env::current_exe()?, &wrapper)?;
            cargo.env("RUSTC_WORKSPACE_WRAPPER", wrapper);
        }
        Ok(cargo)
    }

    /// Runs one test of a binary.
    fn test(&self, built: &Binaries, guard: &Guard) -> Result<Outcome, Box<dyn Error>> {
        let binary = built.get(&guard.suite).ok_or("this suite was not built")?;
        let log = self.own("last-test.log");
        let written = File::create(&log)?;
        let mut test = Command::new(binary)
            .args(["--exact", guard.test])
            .current_dir(&self.root)
            .env("RUST_BACKTRACE", "0")
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
}

impl Suite {
    fn target(self) -> &'static str {
        match self {
            Suite::Model(file) => file,
            Suite::Real => "faults",
        }
    }
}
