//! Wishes that make an order: open, add, reduce, close; and what must stand on a key for them to be legal.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::command::Command;
use super::exit::Exit;
use super::ids::{PositionId, Sequence};
use super::key::{PositionKey, Side};
use super::number::{Fraction, Leverage, Price, Quantity};
use super::plan::ExitPlan;
use super::position::TargetRule;
use super::tags::Tags;
use crate::error::Rejection;

/// What must stand on the key for a command to be legal, beyond its own rules: decided from a snapshot, checked again
/// where the command lands. Identity, not existence (decision 6).
///
/// ```
/// assert_eq!(posbook::Precondition::default(), posbook::Precondition::Nothing);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precondition {
    /// Nothing more than the command itself asks.
    #[default]
    Nothing,
    /// This life of the key, whatever happened to it since.
    Position(PositionId),
    /// Nothing at all happened on the key since this revision ([`KeyState::revision`](crate::KeyState)).
    Revision(Sequence),
    /// Nothing is open there, and no order is unresolved.
    Absent,
}

macro_rules! conditions {
    ($name:ident) => {
        impl $name {
            /// Refuse the command unless this life of the key stands there.
            #[must_use]
            pub fn expect_position(mut self, id: PositionId) -> Self {
                self.expect = Precondition::Position(id);
                self
            }

            /// Refuse the command if anything happened on the key since this revision.
            #[must_use]
            pub fn expect_revision(mut self, revision: Sequence) -> Self {
                self.expect = Precondition::Revision(revision);
                self
            }
        }

        impl From<$name> for Command {
            fn from(wish: $name) -> Self {
                wish.into_command()
            }
        }
    };
}

macro_rules! timed {
    ($name:ident) => {
        impl $name {
            /// How long the order may take before it counts as overdue and goes in doubt. Default: the book's.
            #[must_use]
            pub fn patience(mut self, patience: Duration) -> Self {
                self.patience = Some(patience);
                self
            }
        }
    };
}

/// Open a flat key. Made by [`Command::open`].
///
/// ```
/// use posbook::{Command, InstrumentId, Side};
///
/// let wish = Command::open(InstrumentId(0), Side::Short, "2".parse()?).leverage(5).stop("0.02")?.at("3000".parse()?);
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Opening {
    /// Which key.
    pub key: PositionKey,
    /// Long or short.
    pub side: Side,
    /// Contracts.
    pub quantity: Quantity,
    /// `None`: not stated; the position's leverage is unknown then.
    pub leverage: Option<Leverage>,
    /// How its targets follow from the fill. `None`: the book's default rule.
    pub rule: Option<TargetRule>,
    /// How the position is to be left besides. `None`: the book's default plan.
    pub exits: Option<Arc<ExitPlan>>,
    /// The price at which limits value it. `None`: the fresh mark.
    pub reference: Option<Price>,
    /// What must stand there.
    pub expect: Precondition,
    /// How long it may take. `None`: the book's default.
    pub patience: Option<Duration>,
    /// What the order and its position are called by.
    #[serde(default)]
    pub tags: Tags,
}

impl Opening {
    /// Leverage in whole times; the legal range is a limit of the book.
    #[must_use]
    pub fn leverage(mut self, times: u16) -> Self {
        self.leverage = Some(Leverage::of(times));
        self
    }

    /// A stop loss at this fraction of the fill and a take profit twice as far (the predecessor's rule).
    ///
    /// # Errors
    /// The fraction does not parse. Whether it is legal (0 < f < 1) is asked when the command is decided.
    pub fn stop(mut self, fraction: &str) -> Result<Self, Rejection> {
        self.rule = Some(TargetRule::stop_fraction(fraction.parse()?));
        Ok(self)
    }

    /// How the targets follow from the fill.
    #[must_use]
    pub fn rule(mut self, rule: TargetRule) -> Self {
        self.rule = Some(rule);
        self
    }

    /// How the position is to be left besides: trailing, break-even, tiers, age. Whether it makes sense is asked when
    /// the command is decided.
    #[must_use]
    pub fn exits(mut self, plan: ExitPlan) -> Self {
        self.exits = Some(Arc::new(plan));
        self
    }

    /// The price at which limits value the order while it is in flight.
    #[must_use]
    pub fn at(mut self, reference: Price) -> Self {
        self.reference = Some(reference);
        self
    }

    /// One more tag on the order, and on the position that it opens.
    ///
    /// # Errors
    /// It is no name, or the ninth.
    ///
    /// ```
    /// use posbook::{Command, InstrumentId, Side};
    ///
    /// let wish = Command::open(InstrumentId(0), Side::Long, "2".parse()?).tag("grid")?.tag("night")?;
    /// assert_eq!(wish.tags.to_string(), "grid, night");
    /// assert!(Command::open(InstrumentId(0), Side::Long, "2".parse()?).tag(" grid").is_err());
    /// # Ok::<(), posbook::Rejection>(())
    /// ```
    pub fn tag(mut self, tag: &str) -> Result<Self, Rejection> {
        self.tags = self.tags.and(tag.parse()?)?;
        Ok(self)
    }

    /// These tags, and no others.
    #[must_use]
    pub fn tags(mut self, tags: Tags) -> Self {
        self.tags = tags;
        self
    }

    fn into_command(self) -> Command {
        Command::Open(self)
    }
}

conditions!(Opening);
timed!(Opening);

/// Add to a position. Made by [`Command::scale_in`].
///
/// ```
/// use posbook::{Command, InstrumentId};
///
/// let wish = Command::scale_in(InstrumentId(0), "0.5".parse()?).at("51000".parse()?);
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Addition {
    /// Which key.
    pub key: PositionKey,
    /// Contracts.
    pub quantity: Quantity,
    /// The price at which limits value it. `None`: the fresh mark.
    pub reference: Option<Price>,
    /// What must stand there.
    pub expect: Precondition,
    /// How long it may take. `None`: the book's default.
    pub patience: Option<Duration>,
}

impl Addition {
    /// The price at which limits value the order while it is in flight.
    #[must_use]
    pub fn at(mut self, reference: Price) -> Self {
        self.reference = Some(reference);
        self
    }

    fn into_command(self) -> Command {
        Command::ScaleIn(self)
    }
}

conditions!(Addition);
timed!(Addition);

/// How much of a position to take off.
///
/// ```
/// let half = posbook::Amount::Share("0.5".parse()?);
/// assert_ne!(half, posbook::Amount::Exactly("0.5".parse()?));
/// # Ok::<(), posbook::Rejection>(())
/// ```
///
/// A fraction is never a price, and a price never a fraction (D17):
///
/// ```compile_fail
/// let price: posbook::Price = "0.25".parse()?;
/// let wrong = posbook::Amount::Share(price);
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// This many contracts.
    Exactly(Quantity),
    /// Whatever is not in flight to be reduced already.
    All,
    /// This share of it, rounded down to the quantity step, but no less than the instrument's minimum; all of it if what
    /// stays would be below the minimum, where no order could take it off any more (R18).
    Share(Fraction),
}

/// Reduce or close a position. Made by [`Command::scale_out`] and [`Command::close`].
///
/// ```
/// use posbook::{Command, InstrumentId};
///
/// let wish = Command::close(InstrumentId(0)).because("end of day");
/// assert_eq!(Command::from(wish).reason(), "end of day");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reduction {
    /// Which key.
    pub key: PositionKey,
    /// How much.
    pub amount: Amount,
    /// What must stand there.
    pub expect: Precondition,
    /// Why, for the audit trail.
    pub reason: String,
    /// The exit that fired, if one did: refused if it no longer stands (R16).
    pub exit: Option<Exit>,
    /// How long it may take. `None`: the book's default.
    pub patience: Option<Duration>,
}

impl Reduction {
    pub(super) fn new(key: PositionKey, amount: Amount) -> Self {
        Self { key, amount, expect: Precondition::Nothing, reason: String::new(), exit: None, patience: None }
    }

    /// Why, for the audit trail.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    /// The exit that fired.
    #[must_use]
    pub fn exit(mut self, exit: Exit) -> Self {
        self.expect = Precondition::Position(exit.position);
        self.exit = Some(exit);
        self
    }

    fn into_command(self) -> Command {
        match self.amount {
            Amount::Exactly(_) | Amount::Share(_) => Command::ScaleOut(self),
            Amount::All => Command::Close(self),
        }
    }
}

conditions!(Reduction);
timed!(Reduction);

pub(super) use conditions;
