//! How a figure grows: with threads, with positions, with past fills. Read off the rows of a run, wherever it has three or more
//! points of a line.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::suite::Row;

/// What stands on the horizontal axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Along {
    /// Threads; the figure is operations a second of all.
    Threads,
    /// Open positions; the figure is nanoseconds of the first role.
    Positions,
    /// Fills booked before; the figure is nanoseconds of the first role.
    History,
}

impl Along {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Threads, Self::Positions, Self::History];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Threads => "threads",
            Self::Positions => "positions",
            Self::History => "fills before",
        }
    }

    /// What is drawn over it.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Threads => "operations a second",
            Self::Positions | Self::History => "ns each",
        }
    }
}

/// The lines of one drawing.
#[derive(Debug, Clone, PartialEq)]
pub struct Curves {
    /// Over what.
    pub along: Along,
    /// Of which operation.
    pub workload: String,
    /// By contender, in the order of the suite: points from left to right.
    pub lines: Vec<(&'static str, Vec<(f64, f64)>)>,
}

/// All that these rows have three points for.
pub fn curves(rows: &[Row]) -> Vec<Curves> {
    let mut found: BTreeMap<(Along, String), Curves> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.case.rate.is_none()) {
        for along in Along::ALL {
            let Some((workload, at, figure)) = point(row, along) else { continue };
            let curves = found.entry((along, workload.clone())).or_insert_with(|| Curves {
                along,
                workload,
                lines: Vec::new(),
            });
            let line = curves.lines.iter_mut().find(|(who, _)| *who == row.who);
            match line {
                Some((_, points)) => points.push((at, figure)),
                None => curves.lines.push((row.who, vec![(at, figure)])),
            }
        }
    }
    for curves in found.values_mut() {
        for (_, points) in &mut curves.lines {
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            points.dedup_by(|a, b| a.0 == b.0);
        }
        curves.lines.retain(|(_, points)| points.len() >= 3);
    }
    found.into_values().filter(|curves| !curves.lines.is_empty()).collect()
}

/// The drawing that a row belongs to, and its point in it.
fn point(row: &Row, along: Along) -> Option<(String, f64, f64)> {
    let (case, threads) = (&row.case, row.case.workload.roles.len());
    let name = &case.workload.name;
    match along {
        Along::Threads => {
            // A name with its number of threads is the same work as the name alone.
            let base = name.strip_suffix(&format!("-{threads}")).unwrap_or(name);
            let alike = matches!(base, "read" | "get" | "tick" | "fill" | "mixed");
            let point = (format!("{base}, {} positions", case.positions), threads as f64, row.all_rate());
            (alike && case.history == 0).then_some(point)
        }
        Along::Positions => {
            let point = (name.clone(), case.positions as f64, row.first_cost());
            (case.history == 0).then_some(point)
        }
        Along::History => {
            let point =
                (format!("{name}, {} positions", case.positions), case.history as f64, row.first_cost());
            (case.history > 0).then_some(point)
        }
    }
}

/// As data.
pub fn as_json(curves: &[Curves]) -> Value {
    let line = |(who, points): &(&str, Vec<(f64, f64)>)| json!({ "contender": who, "points": points });
    let all = curves.iter().map(|curves| {
        json!({
            "along": curves.along.name(), "of": curves.workload, "unit": curves.along.unit(),
            "lines": curves.lines.iter().map(line).collect::<Vec<_>>(),
        })
    });
    Value::Array(all.collect())
}
