//! The values of a reconciliation: what differs, what to do about it, and how to choose.

use std::fmt;

use rust_decimal::Decimal;

use crate::model::{
    Adoption, Command, DropPosition, Leverage, PositionId, PositionKey, Price, Quantity, Sequence, Side,
    Symbol, TargetRule,
};

/// What a report shows on a key: one difference between the book and the venue, or that there is none any more.
///
/// ```
/// use posbook::reconcile::Discrepancy;
///
/// let found = Discrepancy::Unreadable { symbol: "BTC/USDT:USDT".parse()?, why: "two rows for one leg".into() };
/// assert!(found.to_string().contains("two rows"));
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Discrepancy {
    /// Only the venue has it.
    VenueOnly {
        /// What.
        symbol: Symbol,
        /// Where it belongs.
        key: PositionKey,
        /// Long or short.
        side: Side,
        /// Contracts.
        quantity: Quantity,
        /// Its average entry there.
        entry: Price,
        /// `None`: the venue does not say.
        leverage: Option<Leverage>,
    },
    /// Only the book has it.
    BookOnly {
        /// What.
        symbol: Symbol,
        /// Where.
        key: PositionKey,
        /// Which life.
        position: PositionId,
        /// Long or short.
        side: Side,
        /// Contracts.
        quantity: Quantity,
    },
    /// Both have it, with another side or size; signed, a short negative.
    Differs {
        /// What.
        symbol: Symbol,
        /// Where.
        key: PositionKey,
        /// In the book.
        book: Decimal,
        /// At the venue.
        venue: Decimal,
    },
    /// A row that cannot be taken for a position of this account.
    Unreadable {
        /// What.
        symbol: Symbol,
        /// Why not.
        why: String,
    },
    /// No difference: both have the same, and the key is still blocked for a doubt about its quantity (R10).
    Agrees {
        /// What.
        symbol: Symbol,
        /// Where.
        key: PositionKey,
        /// What both have on the leg, signed, a short negative.
        quantity: Decimal,
    },
}

impl Discrepancy {
    /// Whether the book and the venue differ.
    pub const fn is_difference(&self) -> bool {
        !matches!(self, Discrepancy::Agrees { .. })
    }

    /// The symbol concerned.
    pub fn symbol(&self) -> &Symbol {
        match self {
            Discrepancy::VenueOnly { symbol, .. }
            | Discrepancy::BookOnly { symbol, .. }
            | Discrepancy::Differs { symbol, .. }
            | Discrepancy::Unreadable { symbol, .. }
            | Discrepancy::Agrees { symbol, .. } => symbol,
        }
    }
}

impl fmt::Display for Discrepancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Discrepancy::VenueOnly { symbol, side, quantity, entry, .. } => {
                write!(f, "{symbol}: only the venue has {side} {quantity} @ {entry}")
            }
            Discrepancy::BookOnly { symbol, side, quantity, .. } => {
                write!(f, "{symbol}: only the book has {side} {quantity}")
            }
            Discrepancy::Differs { symbol, book, venue, .. } => {
                write!(f, "{symbol}: the book has {book}, the venue {venue}")
            }
            Discrepancy::Unreadable { symbol, why } => write!(f, "{symbol}: {why}"),
            Discrepancy::Agrees { symbol, quantity, .. } => {
                write!(f, "{symbol}: the book and the venue have {quantity}")
            }
        }
    }
}

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
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Repair::Adopt(_) => f.write_str("adopt"),
            Repair::Drop(_) => f.write_str("drop"),
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

/// What to do about a report. Data: print it for a dry run, apply it with
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
///     &book.snapshot(), &report, Sequence(0), &reconcile::Policy::default(), &[], &mut Confirmations::default(),
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

/// Whether an empty report may close a book that is not (R10).
///
/// ```
/// assert_eq!(posbook::reconcile::Consent::default(), posbook::reconcile::Consent::Missing);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Consent {
    /// Nobody said so: what it covers is quarantined.
    #[default]
    Missing,
    /// A person says that the account is flat.
    EmptyMeansFlat,
}

/// How to choose repairs.
///
/// ```
/// let policy = posbook::reconcile::Policy::default();
/// assert_eq!(policy.confirmations, 2);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Targets of adopted positions, from the current price. `None`: the book's default rule. Default: stop 5 %, take
    /// 10 %, as the predecessor did.
    pub adopt_rule: Option<TargetRule>,
    /// How many equal reports it takes where the venue's time proves nothing (R8, R10). Default 2.
    pub confirmations: u32,
    /// After how many runs in a row that decided nothing about a difference its key is blocked for new risk: orders were
    /// in flight, the instrument changed while the venue was asked, or the report was not newer (R9). Default 10: an
    /// order is in flight for seconds and a lagging report catches up in a run or two, so ten runs are no accident, and
    /// at one run a minute a bot adds no risk to an unexplained difference for longer than ten minutes. At least 1.
    pub skips: u32,
    /// Whether an empty report may close a book that is not.
    pub consent: Consent,
    /// Whether positions that only the book has are dropped. [`sync_existing_positions`] only adopts.
    ///
    /// [`sync_existing_positions`]: crate::venue::PositionManager::sync_existing_positions
    pub drops: bool,
}

impl Default for Policy {
    fn default() -> Self {
        let adopt_rule = "0.05".parse().ok().map(TargetRule::stop_fraction);
        Self { adopt_rule, confirmations: 2, skips: 10, consent: Consent::Missing, drops: true }
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
            Repair::Wait(_) => None,
        }
    }
}
