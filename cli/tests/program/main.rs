//! `posbook` as a user runs it, a verb a file: what it prints, its exit codes, wrong input and wrong usage refused in a line.
//! `top` and the crash test are binaries of their own: the one asks how soon something is shown, the other kills.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod bench;
mod fold;
mod import;
mod journal;
mod reconcile;
mod replay;
mod report;
mod stress;

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Runs it to its end.
fn posbook(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_posbook")).args(arguments).output().expect("the binary runs")
}

/// Runs it with a text on stdin.
fn fed(arguments: &[&str], text: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_posbook"));
    let command = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary runs");
    // One that refuses its arguments does not read.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    child.wait_with_output().unwrap()
}

/// The object on the last line, whatever the verdict.
fn json(output: &Output) -> Value {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    serde_json::from_str(text.lines().last().expect("a last line")).expect("one object on the last line")
}

/// The object on the last line of a run that ended with 0.
fn yes(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    json(output)
}
