//! Position reports: what they may change, and when (R8, R10). What a key's reports have assumed is kept for the verdict:
//! two known limits are about it.

use posbook::venue::Completeness;
use posbook::{Command, Kind, Owner, PositionKey, Sequence, Timestamp, TroubleKind};

use super::{Oracle, Step, Wrong};
use crate::world::executor::{Done, TaskId};

/// What reports have made of a key.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    /// Adoptions and drops.
    pub(super) repairs: u64,
    /// One came while what an earlier one had assumed was not explained whole.
    pub(super) over_another: bool,
    /// A position of an owner was dropped, which takes a person's word.
    pub(super) consented: bool,
    /// A fill came of which nobody can say whether a report without a time had it in its picture.
    pub(super) undated_fill: bool,
}

impl Oracle {
    pub(super) fn report(&mut self, step: &Step<'_>) -> Result<(), Wrong> {
        let Step { change, kind, before, after } = *step;
        let (asked, time) = match change.command() {
            Command::Adopt(adoption) => (Some(adoption.asked), adoption.report_time),
            Command::Drop(drop) => (Some(drop.asked), drop.report_time),
            Command::Confirm { asked, .. } => (Some(*asked), None),
            Command::Quarantine { asked, .. } => (*asked, None),
            _ => (None, None),
        };
        let history = self.histories.entry(after.key).or_default();
        if let Some(asked) = asked {
            let (changed, newest) = self.touched.get(&after.key.instrument).copied().unwrap_or_default();
            fresh(asked, changed, time, newest)?;
        }
        if matches!(kind, Kind::Adopted | Kind::Dropped) {
            if !before.orders.is_empty() {
                return Err("a report moved a key with orders in flight (R9)".to_owned());
            }
            let open = before.baseline.as_ref().is_some_and(|b| {
                b.gap.is_some() || b.adopted.as_ref().is_some_and(|adopted| !adopted.quantity.is_zero())
            });
            history.repairs += 1;
            history.over_another |= open;
            history.consented |= kind == Kind::Dropped && after.key.owner != Owner::UNOWNED;
        }
        let leg = |of: &PositionKey| (of.instrument, of.leg);
        if matches!(kind, Kind::Adopted | Kind::Dropped) && self.resting {
            let known = self
                .histories
                .iter()
                .any(|(of, h)| (h.consented || h.undated_fill) && leg(of) == leg(&after.key));
            if !known && !self.lost_a_claim(after.key) {
                return Err("every fill has come, and a true report still differs from the book".to_owned());
            }
        }
        let history = self.histories.entry(after.key).or_default();
        let told = |key: &posbook::KeyState| {
            key.troubles.iter().filter(|t| t.kind == TroubleKind::TooOldToTell).count()
        };
        let undated = before.baseline.as_ref().is_some_and(|b| b.time.is_none());
        if matches!(change.command(), Command::Record(_)) && undated && told(after) > told(before) {
            history.undated_fill = true;
        }
        Ok(())
    }

    /// A reconciliation that was given a failed report is an error, never a result (D13).
    pub(in crate::world) fn reconciled(&mut self, task: TaskId, done: Done) -> Result<(), Wrong> {
        let wire = self.wire.clone();
        let notes = wire.notes();
        let failed = notes
            .reported
            .iter()
            .any(|(whose, report)| *whose == task && matches!(report.completeness, Completeness::Failed(_)));
        if failed && done == (Done::Reconciled { error: false }) {
            return Err("a report that failed was taken for a list (D13)".to_owned());
        }
        self.reports = notes.reported.len();
        Ok(())
    }
}

/// Both conditions of R8.
fn fresh(
    asked: Sequence,
    changed: Sequence,
    time: Option<Timestamp>,
    newest: Option<Timestamp>,
) -> Result<(), Wrong> {
    if changed > asked {
        return Err(format!(
            "a report asked at {asked} changed an instrument that had changed at {changed} (R8)"
        ));
    }
    match (time, newest) {
        (Some(report), Some(fill)) if report <= fill => {
            Err(format!("a report of {report:?} changed what a fill of {fill:?} had left (R8)"))
        }
        _ => Ok(()),
    }
}

impl Oracle {
    /// How many adoptions and drops there were.
    pub(in crate::world) fn repairs(&self) -> u64 {
        self.histories.values().map(|history| history.repairs).sum()
    }
}
