//! Builds this workspace with flags of its own, for the programs that run the models and the broken twins.
//!
//! cargo compiles everything with the same flags, and again from nothing when they change. Only the members of this
//! workspace need most of ours, so a program that calls [`wrapped`] first also serves as cargo's
//! `RUSTC_WORKSPACE_WRAPPER`: a copy of it, named after the flags, adds those to each call of rustc. Cargo files what a
//! wrapper made under the wrapper's path, so such a build shares the dependencies of the others and nothing else.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "this module starts other programs")]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// How the copies are named: `with-`, then the flags.
const WRAPPER: &str = "with-";

/// Lets cargo report what it made, a line of JSON each; what is wrong stays for people.
pub const REPORT: [&str; 2] = ["--message-format", "json-render-diagnostics"];

/// Where things are built.
#[derive(Debug)]
pub struct Workshop {
    /// The workspace.
    pub root: PathBuf,
    /// The target folder of the unmodified crate.
    pub target: PathBuf,
}

/// The root cell's checker: its flag is every crate's, because it brings a dependency of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checker {
    /// Every schedule.
    Loom,
    /// Random schedules.
    Shuttle,
}

impl Checker {
    /// Its name, and that of its folder below the target folder.
    pub const fn name(self) -> &'static str {
        match self {
            Checker::Loom => "loom",
            Checker::Shuttle => "shuttle",
        }
    }
}

/// If this program was called as cargo's wrapper: the compiler with the flags of its name, and how it ended.
///
/// # Errors
/// The compiler could not be started.
pub fn wrapped() -> Option<Result<ExitCode, Box<dyn Error>>> {
    let me = std::env::args_os().next().map(PathBuf::from)?;
    let flags = me.file_stem()?.to_str()?.strip_prefix(WRAPPER)?;
    Some(compile(flags))
}

fn compile(flags: &str) -> Result<ExitCode, Box<dyn Error>> {
    let mut call = std::env::args_os().skip(1);
    let mut rustc = Command::new(call.next().ok_or("the compiler's path is missing")?);
    rustc.args(call);
    for flag in flags.split('+') {
        rustc.args(["--cfg", flag]);
    }
    Ok(if rustc.status()?.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Workshop {
    /// Of the workspace that cargo runs this program in.
    ///
    /// # Errors
    /// It was not started by cargo.
    pub fn new() -> Result<Self, Box<dyn Error>> {
        let package = std::env::var_os("CARGO_MANIFEST_DIR").ok_or("run it by its `cargo` alias")?;
        let root = Path::new(&package).parent().ok_or("the package has no workspace")?.to_path_buf();
        let base = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        fs::create_dir_all(base.join("faults"))?;
        Ok(Self { root, target: fs::canonicalize(base)? })
    }

    /// For the wrappers and what the tests say.
    pub fn own(&self, file: &str) -> PathBuf {
        self.target.join("faults").join(file)
    }

    /// A cargo that builds the members of the workspace with these flags besides.
    ///
    /// # Errors
    /// The wrapper could not be copied.
    pub fn cargo(&self, flags: &[&str]) -> Result<Command, Box<dyn Error>> {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(&self.root).arg("--color=never").stdin(Stdio::null());
        cargo.env("CARGO_TARGET_DIR", &self.target);
        // These would be stronger than the checker's flag, which comes by `--config`.
        for strong in
            ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "RUSTC_WORKSPACE_WRAPPER"]
        {
            cargo.env_remove(strong);
        }
        if !flags.is_empty() {
            let name = format!("{WRAPPER}{}{}", flags.join("+"), std::env::consts::EXE_SUFFIX);
            let wrapper = self.own(&name);
            fs::copy(std::env::current_exe()?, &wrapper)?;
            cargo.env("RUSTC_WORKSPACE_WRAPPER", wrapper);
        }
        Ok(cargo)
    }

    /// Lets a cargo build the models' tests for a checker.
    pub fn for_checker(&self, cargo: &mut Command, checker: Checker) {
        cargo.args(["test", "--no-run", "--release", "--package", "posbook-loom", "--config"]);
        cargo.arg(format!("build.rustflags=['--cfg','posbook_{}']", checker.name()));
        cargo.args(REPORT).env("CARGO_TARGET_DIR", self.target.join(checker.name()));
    }
}

/// The binary of a target of a kind (`test`, `bin`), from what cargo reports with [`REPORT`]:
/// `{"reason":"compiler-artifact",...,"target":{"kind":["test"],"crate_types":["bin"],"name":"models",...},...,
/// "executable":"/.../models-0123",...}`.
pub fn executable<'a>(told: &'a str, kind: &str, name: &str) -> Option<&'a str> {
    let name = format!("\"kind\":[\"{kind}\"],\"crate_types\":[\"bin\"],\"name\":\"{name}\"");
    let mut paths = told.lines().filter(|line| line.contains(&name)).filter_map(|line| {
        let (_, rest) = line.split_once("\"executable\":\"")?;
        rest.split_once('"').map(|(path, _)| path)
    });
    paths.next()
}
