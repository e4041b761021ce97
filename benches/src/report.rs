//! A run as one object: what `report.json` holds, and what `--compare` reads again.

use serde_json::{Value, json};

use crate::compare::Comparison;
use crate::curves::{self, curves};
use crate::environment::Environment;
use crate::suite::{Row, Run};
use crate::targets::{State, Target, states};

/// All that a report tells.
#[derive(Debug)]
pub struct Report<'a> {
    /// What was measured.
    pub rows: &'a [Row],
    /// What the targets make of it; empty: it was no suite.
    pub targets: &'a [Target],
    /// How it was run.
    pub run: &'a Run,
    /// What asking the clock twice costs, nanoseconds.
    pub clock: f64,
    /// What the harness costs an operation, nanoseconds.
    pub harness: f64,
    /// Where it ran.
    pub environment: &'a Environment,
    /// The share of the machine that others used meanwhile. `None`: this system does not say.
    pub others: Option<f64>,
    /// Beside an older report.
    pub comparison: Option<&'a Comparison>,
}

impl Report<'_> {
    /// As one object.
    pub fn as_json(&self) -> Value {
        let mut object = json!({
            "seed": self.run.seed, "rounds": self.run.rounds, "seconds": self.run.time.as_secs_f64(),
            "clock_ns": self.clock, "harness_ns": self.harness, "environment": self.environment.as_json(), "others": self.others,
            "targets": self.targets.iter().map(target).collect::<Vec<_>>(),
            "states": states(self.targets).iter().map(state).collect::<Vec<_>>(),
            "rows": self.rows.iter().map(row).collect::<Vec<_>>(),
            "curves": curves::as_json(&curves(self.rows)),
        });
        if let Some(comparison) = self.comparison {
            object["compare"] = comparison.as_json();
        }
        object
    }
}

fn row(row: &Row) -> Value {
    let of = |at: &[f64; 4]| json!({ "p50": at[0], "p99": at[1], "p999": at[2], "max": at[3] });
    let latency: serde_json::Map<_, _> =
        row.latency.iter().map(|(kind, at)| (kind.name().to_owned(), of(at))).collect();
    let case = &row.case;
    json!({
        "workload": case.workload.name, "threads": case.workload.roles.len(), "positions": case.positions,
        "history": case.history, "rate_each": case.rate, "contender": row.who, "lacks": row.lacks(),
        "cost_ns": row.cost, "cost_ns_between": [row.cost_between.0, row.cost_between.1],
        "rate": row.rate, "kept": row.kept(), "fairness": row.fairness, "latency_ns": latency,
    })
}

fn target(target: &Target) -> Value {
    json!({
        "id": target.id, "what": target.what, "want": target.want.to_string(), "got": target.got,
        "met": target.met(), "note": target.note, "by": target.by,
    })
}

fn state((id, state, commands): &(u8, State, Vec<&str>)) -> Value {
    let word = match state {
        State::Met => "met",
        State::Missed => "missed",
        State::Elsewhere => "not measured here",
    };
    json!({ "id": id, "state": word, "elsewhere": commands })
}
