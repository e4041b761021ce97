//! A plan: what differs, and what to do about it. Data: print it and nothing has happened.

use std::fmt;

use super::discrepancy::Discrepancy;
use crate::model::{Adoption, Command, Correction, DropPosition, PositionKey, Sequence};

/// What a plan does about a discrepancy.
///
/// ```
/// use posbook::reconcile::Repair;
///
/// assert_eq!(Repair::Wait("asked again next time".into()).to_string(), "wait: asked again next time");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Repair {
    /// Take the position over.
    Adopt(Adoption),
    /// Remove it from the book.
    Drop(DropPosition),
    /// Take the venue's word on its size or its leverage.
    Correct(Correction),
    /// Freeze its key for new risk until the reports agree or a person accepts it.
    Quarantine {
        /// Which key.
        key: PositionKey,
        /// Why.
        why: String,
        /// As [`Plan::asked`]: refused if the instrument changed since. `None`: too many runs decided nothing, and it
        /// stands whatever happened meanwhile (R9).
        asked: Option<Sequence>,
    },
    /// End its quarantine and whatever else was doubtful about its quantity: the reports agree (R10).
    Release {
        /// Which key.
        key: PositionKey,
        /// What agreed.
        why: String,
        /// As [`Plan::asked`]: refused if the instrument changed since.
        asked: Sequence,
    },
    /// Nothing yet.
    Wait(String),
    /// Nothing: it is named, as the policy says.
    Report,
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Repair::Adopt(_) => f.write_str("adopt"),
            Repair::Drop(_) => f.write_str("drop"),
            Repair::Correct(right) => write!(f, "correct: {}", right.id()),
            Repair::Report => f.write_str("report only"),
            Repair::Quarantine { why, .. } => write!(f, "quarantine: {why}"),
            Repair::Release { why, .. } => write!(f, "release: {why}"),
            Repair::Wait(why) => write!(f, "wait: {why}"),
        }
    }
}

/// A discrepancy and what to do about it.
///
/// ```
/// use posbook::reconcile::{Discrepancy, Item, Repair};
///
/// let discrepancy = Discrepancy::Unreadable { symbol: "BTC/USDT:USDT".parse()?, why: "no side".into() };
/// let item = Item { discrepancy, repair: Repair::Wait("a row that cannot be read changes nothing".into()) };
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What differs.
    pub discrepancy: Discrepancy,
    /// What to do.
    pub repair: Repair,
}

/// What to do about a report. Print it for a dry run; apply it with [`Plan::apply`], or with
/// [`PositionManager::apply_plan`](crate::venue::PositionManager::apply_plan).
///
/// ```
/// use posbook::{Book, Sequence, reconcile};
/// use posbook::venue::{Completeness, Confirmations, Scope, VenueReport};
///
/// let book = Book::builder().build()?;
/// let report =
///     VenueReport { scope: Scope::All, completeness: Completeness::Complete, venue_time: None, rows: vec![] };
/// let plan = reconcile::compare(
///     &book.snapshot(), &report, Sequence(0), &reconcile::Policies::default(), &[], &mut Confirmations::default(),
/// );
/// assert!(plan.items.is_empty());
/// # Ok::<(), posbook::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The book's sequence before the venue was asked: a repair is refused where the book changed since (R8).
    pub asked: Sequence,
    /// What differs, and what to do.
    pub items: Vec<Item>,
    /// The report did not cover everything: nothing that is missing in it was taken for flat. `None`: it was complete.
    pub partial: Option<String>,
    /// The venue could not be asked what became of some order: it is unresolved as before, and what it may still do is
    /// allowed for on its leg (R9). `None`: it answered for all of them.
    pub unasked: Option<String>,
    /// How many legs were compared: all of them, or those that anything happened to since the report before, which said the
    /// same of the others.
    pub compared: usize,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        remarks(f, self.partial.as_deref(), self.unasked.as_deref())?;
        if self.items.is_empty() {
            return f.write_str("in agreement");
        }
        for (n, item) in self.items.iter().enumerate() {
            let gap = if n == 0 { "" } else { "\n" };
            write!(f, "{gap}{} -> {}", item.discrepancy, item.repair)?;
        }
        Ok(())
    }
}

/// What a plan or a report of one says before its items.
pub(super) fn remarks(
    f: &mut fmt::Formatter<'_>,
    partial: Option<&str>,
    unasked: Option<&str>,
) -> fmt::Result {
    if let Some(why) = partial {
        writeln!(f, "partial report ({why}): absence proves nothing")?;
    }
    match unasked {
        Some(why) => {
            writeln!(f, "an order could not be asked about ({why}): its leg is compared with a band")
        }
        None => Ok(()),
    }
}

impl Repair {
    /// The command that does it. `None`: there is nothing to do.
    pub(crate) fn command(&self) -> Option<Command> {
        match self {
            Repair::Adopt(adoption) => Some(Command::Adopt(adoption.clone())),
            Repair::Drop(drop) => Some(Command::Drop(drop.clone())),
            Repair::Quarantine { key, why, asked } => {
                Some(Command::Quarantine { key: *key, why: why.clone(), asked: *asked })
            }
            Repair::Release { key, why, asked } => {
                Some(Command::Confirm { key: *key, why: why.clone(), asked: *asked })
            }
            Repair::Correct(right) => Some(Command::Correct(right.clone())),
            Repair::Wait(_) | Repair::Report => None,
        }
    }
}
