//! What was found and what became of it, as a table and as one JSON object.

use posbook::reconcile::{Discrepancy, Item, Outcome, Plan, ReconcileReport, Repair};
use posbook::{KeyState, Owner, Sequence, Snapshot, TroubleKind};
use serde::Serialize;

use crate::Failure;
use crate::output;

/// The answer of the verb.
#[derive(Debug, Serialize)]
pub struct Found {
    dry_run: bool,
    /// The book's last change before the venue was asked.
    asked: u64,
    /// The book's last change now.
    sequence: u64,
    /// Why the report does not cover everything.
    partial: Option<String>,
    items: Vec<Line>,
    resolved: usize,
    released: usize,
    /// What differs still.
    remaining: usize,
    /// Symbols of open positions without targets, now: no stop watches over them, and nothing is opened on their keys (R5).
    unprotected: Vec<String>,
}

/// One discrepancy. What does not apply is null.
#[derive(Debug, Serialize)]
struct Line {
    symbol: String,
    leg: Option<String>,
    owner: Option<u32>,
    /// The field that differs; `row` of a row that cannot be read, `agreement` of a key that is released.
    field: String,
    book: Option<String>,
    venue: Option<String>,
    says: String,
    repair: &'static str,
    why: String,
    /// `planned`, `applied`, `waits`, `named` or `refused`.
    outcome: &'static str,
    refused: Option<String>,
}

impl Found {
    /// What would be done.
    pub fn planned(plan: Plan, view: &Snapshot) -> Self {
        let items: Vec<(Item, Option<Outcome>)> = plan.items.into_iter().map(|item| (item, None)).collect();
        Self::of(true, plan.asked, view, plan.partial, &items, (0, 0))
    }

    /// What was done.
    pub fn done(done: ReconcileReport, asked: Sequence, view: &Snapshot) -> Self {
        let counts = (done.resolved(), done.released());
        let items: Vec<_> = done.done.into_iter().map(|(item, outcome)| (item, Some(outcome))).collect();
        Self::of(false, asked, view, done.partial, &items, counts)
    }

    fn of(
        dry_run: bool,
        asked: Sequence,
        view: &Snapshot,
        partial: Option<String>,
        items: &[(Item, Option<Outcome>)],
        (resolved, released): (usize, usize),
    ) -> Self {
        let settled = |item: &Item, outcome: &Option<Outcome>| {
            let repaired = matches!(item.repair, Repair::Adopt(_) | Repair::Drop(_) | Repair::Correct(_));
            !item.discrepancy.is_difference() || repaired && *outcome == Some(Outcome::Applied)
        };
        let remaining = items.iter().filter(|(item, outcome)| !settled(item, outcome)).count();
        let lines = items.iter().map(|(item, outcome)| Line::of(item, outcome.as_ref())).collect();
        let (asked, sequence) = (asked.0, view.sequence().0);
        let bare = |key: &&KeyState| key.troubles.iter().any(|it| it.kind == TroubleKind::Unprotected);
        let symbol = |key: &KeyState| view.instrument(key.key.instrument).map(|of| of.symbol().to_string());
        let unprotected = view.keys().filter(bare).filter_map(symbol).collect();
        Self { dry_run, asked, sequence, partial, items: lines, resolved, released, remaining, unprotected }
    }

    /// Whether something differs still, or may: what a partial report does not cover.
    pub fn remains(&self) -> bool {
        self.remaining > 0 || self.partial.is_some()
    }

    pub fn json(&self) -> Result<String, Failure> {
        let line = serde_json::to_string(self).map_err(|wrong| Failure::Environment(wrong.to_string()))?;
        Ok(line + "\n")
    }

    pub fn table(&self) -> String {
        let mut text = String::new();
        if let Some(why) = &self.partial {
            text += &format!("partial report ({why}): absence proves nothing\n\n");
        }
        if !self.items.is_empty() {
            let mut table = output::table(["symbol", "leg", "field", "book", "venue", "repair", "outcome"]);
            for line in &self.items {
                let leg = match (&line.leg, line.owner.filter(|owner| *owner != Owner::UNOWNED.0)) {
                    (Some(leg), Some(owner)) => format!("{leg} of {owner}"),
                    (Some(leg), None) => leg.clone(),
                    (None, _) => String::new(),
                };
                let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
                let repair = if line.why.is_empty() {
                    line.repair.to_owned()
                } else {
                    format!("{}: {}", line.repair, line.why)
                };
                let outcome = match &line.refused {
                    Some(why) => format!("{}: {why}", line.outcome),
                    None => line.outcome.to_owned(),
                };
                let (symbol, field) = (line.symbol.clone(), line.field.clone());
                table.add_row([
                    symbol,
                    leg,
                    field,
                    or_none(&line.book),
                    or_none(&line.venue),
                    repair,
                    outcome,
                ]);
            }
            text += &format!("{table}\n\n");
        }
        let verdict = match (self.remaining, self.dry_run) {
            _ if self.items.is_empty() && self.partial.is_none() => "in agreement".to_owned(),
            (_, true) => format!("{} to settle; nothing was changed", self.items.len()),
            (0, false) => "all of it is settled".to_owned(),
            (left, false) => format!("{left} left"),
        };
        let (resolved, released) = (self.resolved, self.released);
        text += &format!("{verdict} ({resolved} resolved, {released} released; change {})\n", self.sequence);
        if !self.unprotected.is_empty() {
            let bare = self.unprotected.join(", ");
            text += &format!(
                "UNPROTECTED: no stop watches over {bare}; with --mark SYMBOL=PRICE what is adopted gets its targets by rule\n"
            );
        }
        text
    }
}

impl Line {
    fn of(item: &Item, outcome: Option<&Outcome>) -> Self {
        let found = &item.discrepancy;
        let (book, venue) = sides(found);
        let key = found.key();
        let (repair, why) = match &item.repair {
            Repair::Adopt(_) => ("adopt", String::new()),
            Repair::Drop(gone) => ("drop", gone.reason.clone()),
            Repair::Correct(right) => ("correct", right.id()),
            Repair::Quarantine { why, .. } => ("quarantine", why.clone()),
            Repair::Release { why, .. } => ("release", why.clone()),
            Repair::Wait(why) => ("wait", why.clone()),
            Repair::Report => ("report", String::new()),
            other => ("other", other.to_string()),
        };
        let (outcome, refused) = match outcome {
            None => ("planned", None),
            Some(Outcome::Applied) => ("applied", None),
            Some(Outcome::Waited) => ("waits", None),
            Some(Outcome::Reported) => ("named", None),
            Some(Outcome::Refused(why)) => ("refused", Some(why.to_string())),
        };
        Self {
            symbol: found.symbol().to_string(),
            leg: key.map(|key| key.leg.to_string()),
            owner: key.map(|key| key.owner.0),
            field: match (found.aspect(), found) {
                (Some(aspect), _) => aspect.to_string(),
                (None, Discrepancy::Agrees { .. }) => "agreement".to_owned(),
                (None, _) => "row".to_owned(),
            },
            book,
            venue,
            says: found.to_string(),
            repair,
            why,
            outcome,
            refused,
        }
    }
}

/// What the two have.
fn sides(found: &Discrepancy) -> (Option<String>, Option<String>) {
    let text = |it: &dyn std::fmt::Display| Some(it.to_string());
    match found {
        Discrepancy::VenueOnly { side, quantity, entry, .. } => {
            (None, Some(format!("{side} {quantity} @ {entry}")))
        }
        Discrepancy::BookOnly { side, quantity, .. } => (Some(format!("{side} {quantity}")), None),
        Discrepancy::Differs { book, venue, .. } => (text(book), text(venue)),
        Discrepancy::EntryDiffers { book, venue, .. } => (text(book), text(venue)),
        Discrepancy::LeverageDiffers { book, venue, .. } => (book.map(|book| book.to_string()), text(venue)),
        Discrepancy::MarginModeDiffers { meant, venue, .. } => (text(meant), text(venue)),
        Discrepancy::LiquidatedFirst { stop, venue, .. } => (Some(format!("stop {stop}")), text(venue)),
        Discrepancy::Agrees { quantity, .. } => (text(quantity), text(quantity)),
        _ => (None, None),
    }
}
