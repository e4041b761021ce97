//! Applying a plan: every repair by compare-and-swap, and what became of each.

use std::collections::HashMap;
use std::fmt;

use super::plan::{Item, Plan, Repair, remarks};
use crate::book::Book;
use crate::error::Rejection;
use crate::model::{Command, InstrumentId, Sequence};

/// What a reconciliation found and did. "In agreement" and "could not be asked" are different: the second is an
/// [`Error`](crate::Error) (D14).
///
/// ```
/// # use posbook::{Book, venue::{PaperVenue, PositionManager}};
/// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, PaperVenue::builder().build()))?;
/// let report = pollster::block_on(manager.reconcile_positions())?;
/// assert_eq!(report.resolved(), 0);
/// assert_eq!(report.to_string(), "in agreement");
/// # Ok::<(), posbook::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ReconcileReport {
    /// Every item of the plan, with what became of it.
    pub done: Vec<(Item, Outcome)>,
    /// As [`Plan::partial`].
    pub partial: Option<String>,
    /// As [`Plan::unasked`].
    pub unasked: Option<String>,
}

/// What became of one repair.
///
/// ```
/// use posbook::reconcile::Outcome;
///
/// assert_ne!(Outcome::Applied, Outcome::Waited);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was published.
    Applied,
    /// There was nothing to do yet.
    Waited,
    /// There is nothing to do: the policy has it named only.
    Reported,
    /// The book had changed in the meantime; nothing was changed.
    Refused(Rejection),
}

impl ReconcileReport {
    /// The predecessor's integer: how many discrepancies were resolved, by adopting, dropping or correcting.
    pub fn resolved(&self) -> usize {
        self.applied(|repair| matches!(repair, Repair::Adopt(_) | Repair::Drop(_) | Repair::Correct(_)))
    }

    /// How many keys were released: the reports agree with the book, and nothing blocks new risk there any more (R10).
    pub fn released(&self) -> usize {
        self.applied(|repair| matches!(repair, Repair::Release { .. }))
    }

    /// How many are left: waiting, refused, only named, or frozen until reports agree or somebody looks.
    pub fn unresolved(&self) -> usize {
        self.done.len() - self.resolved() - self.released()
    }

    fn applied(&self, which: impl Fn(&Repair) -> bool) -> usize {
        self.done.iter().filter(|(item, done)| *done == Outcome::Applied && which(&item.repair)).count()
    }
}

impl fmt::Display for ReconcileReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        remarks(f, self.partial.as_deref(), self.unasked.as_deref())?;
        if self.done.is_empty() {
            return f.write_str("in agreement");
        }
        for (n, (item, outcome)) in self.done.iter().enumerate() {
            let gap = if n == 0 { "" } else { "\n" };
            write!(f, "{gap}{} -> {}", item.discrepancy, item.repair)?;
            if let Outcome::Refused(why) = outcome {
                write!(f, " (refused: {why})")?;
            }
        }
        Ok(())
    }
}

impl Plan {
    /// Applies it: every repair by compare-and-swap, refused where the book changed since the venue was asked. A refused or
    /// broken repair never stops the others (D14).
    ///
    /// ```
    /// use posbook::{Book, Sequence, reconcile};
    /// use posbook::venue::{Completeness, Confirmations, Scope, VenueReport};
    ///
    /// let book = Book::builder().build()?;
    /// let report =
    ///     VenueReport { scope: Scope::All, completeness: Completeness::Complete, venue_time: None, rows: vec![] };
    /// let mut earlier = Confirmations::default();
    /// let plan = reconcile::compare(
    ///     &book.snapshot(), &report, Sequence(0), &reconcile::Policies::default(), &[], &mut earlier,
    /// );
    /// assert_eq!(plan.apply(&book).to_string(), "in agreement");
    /// # Ok::<(), posbook::Error>(())
    /// ```
    pub fn apply(self, book: &Book) -> ReconcileReport {
        let Plan { items, partial, unasked, asked, .. } = self;
        // A repair of one leg is no news to the plan's repair of the other: what is asked there is whether anything
        // happened since the plan's own change.
        let mut own: HashMap<InstrumentId, Sequence> = HashMap::new();
        // What went to make room for what the venue has: without that the key must not look flat.
        let mut dropped = None;
        let done = items.into_iter().map(|item| {
            let Some(mut command) = item.repair.command() else {
                let named = item.repair == Repair::Report;
                return (item, if named { Outcome::Reported } else { Outcome::Waited });
            };
            let instrument = command.key().map(|key| key.instrument);
            let dated = !matches!(command, Command::Quarantine { asked: None, .. });
            if let Some(since) = instrument.and_then(|id| own.get(&id)) {
                asked_since(&mut command, *since);
            }
            let outcome = match book.apply(command) {
                Ok(published) => {
                    let last = published.publication.map(|publication| publication.last());
                    // What is frozen by count was not asked whether it is stale, so it vouches for nothing that follows.
                    own.extend(instrument.zip(last).filter(|_| dated));
                    Outcome::Applied
                }
                Err(refused) => {
                    if let (Repair::Adopt(adoption), Some(key)) = (&item.repair, dropped)
                        && adoption.key == key
                    {
                        let why = format!("dropped for what the venue has, which was refused: {refused}");
                        let _ = book.apply(Command::Quarantine { key, why, asked: None });
                    }
                    Outcome::Refused(refused)
                }
            };
            dropped = match &item.repair {
                Repair::Drop(gone) if outcome == Outcome::Applied => Some(gone.key),
                _ => None,
            };
            (item, outcome)
        });
        let done = done.collect();
        // After a restart this is what new risk waits for; that no doubt is left is asked with each increase (R15).
        if partial.is_none() {
            book.reported(asked);
        }
        ReconcileReport { done, partial, unasked }
    }
}

/// Moves the sequence since which a repair's instrument must not have changed.
fn asked_since(command: &mut Command, since: Sequence) {
    match command {
        Command::Adopt(adoption) => adoption.asked = since,
        Command::Drop(drop) => drop.asked = since,
        Command::Correct(right) => right.asked = since,
        Command::Confirm { asked, .. } | Command::Quarantine { asked: Some(asked), .. } => *asked = since,
        _ => {}
    }
}
