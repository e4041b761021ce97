//! What has to be compared when a report comes that says what the one before said: what happened in the book since, by its feed;
//! what the two reports tell apart; and what was not settled. Everything else agreed, and neither side has touched it.
//!
//! So a run costs the book what has changed in it, not what it holds ([`Plan::compared`]). The report's rows are read all the
//! same. Where the feed does not reach back that far, or the policy, the scope or the completeness is another one, everything
//! is compared.

use std::collections::{BTreeSet, HashMap};

use super::plan::Plan;
use super::policy::Policies;
use crate::book::{Book, Snapshot};
use crate::model::{InstrumentId, Symbol};
use crate::venue::{Compared, Completeness, VenueReport, fingerprint};

/// The instruments to compare. `None`: all of them.
pub(super) fn since(
    last: &Compared,
    book: &Book,
    view: &Snapshot,
    report: &VenueReport,
    policies: &Policies,
) -> Option<BTreeSet<InstrumentId>> {
    let same = last.policies == fingerprint(policies) && last.scope == report.scope;
    if !same || report.completeness != Completeness::Complete {
        return None;
    }
    let mut these = last.open.clone();
    for published in book.changes_after(last.sequence).published_until(view.sequence()) {
        // A lag says no more than that much has happened.
        let published = published.ok()?;
        let happened = published.iter().filter(|change| !change.kind().only_notes());
        these.extend(happened.filter_map(crate::model::Change::instrument));
    }
    let now = rows(report);
    let told_apart = now.iter().filter(|(symbol, said)| last.rows.get(*symbol) != Some(*said));
    let gone = last.rows.iter().filter(|(symbol, _)| !now.contains_key(*symbol));
    these.extend(told_apart.chain(gone).filter_map(|(symbol, _)| view.id(symbol.as_str())));
    Some(these)
}

/// What to remember of a comparison. `None`: it was of a part only, and says nothing about what is missing in it.
pub(super) fn compared(
    view: &Snapshot,
    report: &VenueReport,
    policies: &Policies,
    plan: &Plan,
    open: BTreeSet<InstrumentId>,
) -> Option<Compared> {
    plan.partial.is_none().then(|| Compared {
        sequence: view.sequence(),
        scope: report.scope.clone(),
        policies: fingerprint(policies),
        rows: rows(report),
        open,
    })
}

/// What a report says of each symbol.
fn rows(report: &VenueReport) -> HashMap<Symbol, u64> {
    let mut said: HashMap<Symbol, u64> = HashMap::new();
    for row in &report.rows {
        let so_far = said.entry(row.symbol.clone()).or_default();
        *so_far = fingerprint(&(*so_far, row));
    }
    said
}
