//! A run beside an older one, row by row: how much dearer or cheaper an operation became, and whether that is more than the rounds
//! of either differ among themselves.
//!
//! Only ratios inside one run mean anything on a shared machine, so a ratio between two runs is a hint where to look. It is
//! called noise where the spans of the rounds, least to most, of both runs touch.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::environment::Environment;
use crate::suite::Row;

/// What is read of an older report.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Old {
    environment: OldEnvironment,
    rows: Vec<OldRow>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct OldEnvironment {
    cpu: String,
    compiler: String,
    commit: String,
    allocator: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct OldRow {
    workload: String,
    positions: usize,
    history: usize,
    /// Reports from before there was an open loop have none.
    #[serde(default)]
    rate_each: Option<f64>,
    contender: String,
    /// By role; a role that never had its turn has none.
    cost_ns: Vec<Option<f64>>,
    cost_ns_between: [Option<f64>; 2],
}

/// Why a file is no older report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OldError {
    /// It ended at a violation: it has no figures.
    #[error("that run ended at a violation and has no figures: {0}")]
    Violation(String),
    /// It is none.
    #[error("it is no report.json of posbook bench: {0}")]
    NoReport(String),
    /// It is one, of nothing.
    #[error("it has no rows to compare with")]
    Empty,
}

impl Old {
    /// Reads `report.json`.
    ///
    /// # Errors
    /// It is none, or has no figures.
    pub fn read(text: &str) -> Result<Self, OldError> {
        let no = |wrong: serde_json::Error| OldError::NoReport(wrong.to_string());
        let value: Value = serde_json::from_str(text).map_err(no)?;
        if let Some(violation) = value.get("violation").and_then(Value::as_str) {
            return Err(OldError::Violation(violation.to_owned()));
        }
        let old: Self = serde_json::from_value(value).map_err(no)?;
        if old.rows.is_empty() { Err(OldError::Empty) } else { Ok(old) }
    }
}

/// One row beside its older self.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The case.
    pub title: String,
    /// The contender.
    pub who: &'static str,
    /// Nanoseconds then: the median, the least, the most.
    pub old: [f64; 3],
    /// Now.
    pub new: [f64; 3],
}

impl Difference {
    /// New over old: above 1 it became dearer.
    pub fn ratio(&self) -> f64 {
        self.new[0] / self.old[0]
    }

    /// Whether the spans of both touch.
    pub fn noise(&self) -> bool {
        self.new[1] <= self.old[2] && self.old[1] <= self.new[2]
    }

    /// In words.
    pub fn word(&self) -> &'static str {
        match (self.noise(), self.ratio() > 1.0) {
            (true, _) => "within noise",
            (false, true) => "dearer",
            (false, false) => "cheaper",
        }
    }
}

/// Two runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Rows that both have.
    pub rows: Vec<Difference>,
    /// Rows of this run that the older one lacks.
    pub added: usize,
    /// Rows of the older run that this one lacks.
    pub gone: usize,
    /// What differs about where they ran: the name, then, now.
    pub environment: Vec<(&'static str, String, String)>,
}

/// Puts a run beside an older one.
pub fn compare(old: &Old, rows: &[Row], environment: &Environment) -> Comparison {
    let mut differences = Vec::new();
    let mut added = 0;
    for row in rows {
        let case = &row.case;
        let key =
            (case.workload.name.as_str(), case.positions, case.history, case.rate.map(f64::to_bits), row.who);
        let then = old.rows.iter().find(|then| {
            let rate = then.rate_each.map(f64::to_bits);
            (then.workload.as_str(), then.positions, then.history, rate, then.contender.as_str()) == key
        });
        let figures = then.and_then(|then| {
            let [least, most] = then.cost_ns_between;
            Some([then.cost_ns.first().copied().flatten()?, least?, most?])
        });
        let now = [row.first_cost(), row.cost_between.0, row.cost_between.1];
        match figures {
            Some(old) if old[0] > 0.0 && now.iter().all(|ns| ns.is_finite()) => {
                differences.push(Difference { title: row.title(), who: row.who, old, new: now });
            }
            _ => added += 1,
        }
    }
    let then = &old.environment;
    let pairs = [
        ("processor", &then.cpu, environment.cpu.as_str()),
        ("compiler", &then.compiler, environment.compiler),
        ("commit", &then.commit, environment.commit),
        ("allocator", &then.allocator, environment.allocator),
    ];
    let differing = pairs.into_iter().filter(|(_, then, now)| then.as_str() != *now);
    Comparison {
        gone: old.rows.len().saturating_sub(differences.len()),
        added,
        rows: differences,
        environment: differing.map(|(name, then, now)| (name, then.clone(), now.to_owned())).collect(),
    }
}

impl Comparison {
    /// As one object.
    pub fn as_json(&self) -> Value {
        let row = |row: &Difference| {
            json!({
                "case": row.title, "contender": row.who, "old_ns": row.old[0], "new_ns": row.new[0],
                "old_between": [row.old[1], row.old[2]], "new_between": [row.new[1], row.new[2]],
                "ratio": row.ratio(), "within_noise": row.noise(),
            })
        };
        let differs =
            |(name, then, now): &(&str, String, String)| json!({ "what": name, "old": then, "new": now });
        json!({
            "rows": self.rows.iter().map(row).collect::<Vec<_>>(), "not_in_old": self.added, "only_in_old": self.gone,
            "environment": self.environment.iter().map(differs).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(old: [f64; 3], new: [f64; 3]) -> Difference {
        Difference { title: String::new(), who: "posbook", old, new }
    }

    #[test]
    fn spans_that_touch_are_noise_however_far_the_medians_lie_apart() {
        let same = difference([10.0, 8.0, 30.0], [25.0, 24.0, 26.0]);
        assert_eq!((same.ratio(), same.word()), (2.5, "within noise"));
        let dearer = difference([10.0, 9.0, 11.0], [12.0, 11.5, 13.0]);
        assert_eq!((dearer.ratio(), dearer.word()), (1.2, "dearer"));
        let cheaper = difference([12.0, 11.5, 13.0], [10.0, 9.0, 11.0]);
        assert_eq!(cheaper.word(), "cheaper");
    }

    #[test]
    fn what_is_no_report_says_why() {
        let wrong = |text: &str| Old::read(text).unwrap_err().to_string();
        assert!(wrong("").contains("line 1"), "{}", wrong(""));
        assert!(wrong("[1, 2]").contains("no report.json"));
        assert!(
            wrong("{\"rows\": []}").contains("missing field `environment`"),
            "{}",
            wrong("{\"rows\": []}")
        );
        assert!(wrong("{\"violation\": \"a torn read\"}").contains("a torn read"));
        let environment =
            "\"environment\": {\"cpu\":\"\",\"compiler\":\"\",\"commit\":\"\",\"allocator\":\"\"}";
        assert_eq!(Old::read(&format!("{{{environment}, \"rows\": []}}")), Err(OldError::Empty));
        let row = "{\"workload\":\"read\",\"positions\":\"many\"}";
        let text = format!("{{{environment}, \"rows\": [{row}]}}");
        assert!(wrong(&text).contains("\"many\""), "{}", wrong(&text));
    }
}
