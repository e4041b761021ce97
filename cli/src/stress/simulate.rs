//! `posbook stress --simulate`: whole bots, each from one seed on one thread, against a venue that lies. A world that
//! breaks a rule is made as small as it can be and printed with the command that replays it.

use std::collections::BTreeMap;
use std::io::Write;

use indicatif::ProgressBar;
use posbook::venue::Fault;
use posbook_proof::world::{Report, simulate};
use serde::Serialize;

use crate::{Failure, Verdict};

/// What is printed for programs: one object on one line.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    worlds: u64,
    violations: u64,
    /// The seed of the first world that broke a rule.
    first_violation: Option<u64>,
    /// What it broke.
    violation: Option<&'a str>,
    /// The command that replays it, made smaller.
    replay: Option<String>,
    steps: u64,
    changes: u64,
    orders: u64,
    fills: u64,
    faults_injected: &'a BTreeMap<Fault, u64>,
    in_doubt_seen: u64,
    cancelled_futures: u64,
    cancelled_with_an_order: u64,
    repairs: u64,
    exemptions: &'a BTreeMap<&'static str, u64>,
}

impl<'a> From<&'a Report> for Summary<'a> {
    fn from(report: &'a Report) -> Self {
        let first = report.first.as_ref();
        Self {
            worlds: report.worlds,
            violations: report.violations,
            first_violation: first.map(|failed| failed.seed),
            violation: first.map(|failed| failed.whole.as_str()),
            replay: first.map(posbook_proof::world::Failed::command),
            steps: report.steps,
            changes: report.changes,
            orders: report.orders,
            fills: report.fills,
            faults_injected: &report.faults,
            in_doubt_seen: report.in_doubt_seen,
            cancelled_futures: report.cancelled,
            cancelled_with_an_order: report.cancelled_in_doubt,
            repairs: report.repairs,
            exemptions: &report.exemptions,
        }
    }
}

/// Runs so many worlds from the first seed on, and prints what they came to: for people, or as JSON.
pub fn run(first: u64, worlds: u64, json: bool, bar: &ProgressBar) -> Result<Verdict, Failure> {
    bar.set_length(worlds);
    let report = simulate(first..first.saturating_add(worlds), None, |_, _| {
        bar.inc(1);
        true
    });
    bar.finish_and_clear();
    let text = if json {
        let line = serde_json::to_string(&Summary::from(&report));
        line.map_err(|wrong| Failure::Environment(wrong.to_string()))?
    } else {
        let failed = report.first.as_ref().map_or_else(String::new, |failed| format!("\n{failed}"));
        format!("{}{failed}", report.words())
    };
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(wrong) if wrong.kind() != std::io::ErrorKind::BrokenPipe => {
            return Err(Failure::Environment(format!("the result could not be written: {wrong}")));
        }
        _ => {}
    }
    Ok(if report.violations == 0 { Verdict::Yes } else { Verdict::No })
}
