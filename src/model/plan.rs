//! How a position is to be left, beyond its two targets: trailing, break-even, tiers, age (R16).

use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::command::Command;
use super::ids::PositionId;
use super::key::PositionKey;
use super::number::Fraction;
use super::wish::Precondition;
use crate::error::{Reason, Rejection};

/// What else gets a position out, or its stop closer. Carried by the order that opens it, as its targets' rule is (R5), or
/// put on it later with [`Command::plan`]. Empty by default: nothing.
///
/// All fractions are shares of a price and count from the average entry, in the position's favour.
///
/// ```
/// use posbook::ExitPlan;
///
/// // The predecessor's trailing stop: 2 % behind the best price, from the start. And half off at 5 %.
/// let plan = ExitPlan::default().trailing("0".parse()?, "0.02".parse()?).tier("0.05".parse()?, "0.5".parse()?);
/// assert_eq!(plan.tiers.len(), 1);
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExitPlan {
    /// The stop follows the best price. `None`: it does not.
    pub trailing: Option<Trailing>,
    /// The stop goes to the entry once the price has come so far. `None`: it does not.
    pub break_even: Option<BreakEven>,
    /// Parts that are taken off on the way; at most 16, ascending.
    pub tiers: Vec<Tier>,
    /// The position is closed when it is as old as this. `None`: never.
    pub max_age: Option<Duration>,
}

/// A stop that follows the best price.
///
/// ```
/// use posbook::Trailing;
///
/// let predecessor = Trailing { activation: "0".parse()?, width: "0.02".parse()? };
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Trailing {
    /// It begins once the mark has been this much better than the entry; 0: at once.
    pub activation: Fraction,
    /// How far behind the best price it stays, as a share of that price.
    pub width: Fraction,
}

/// A stop that goes to the entry.
///
/// ```
/// use posbook::BreakEven;
///
/// // Once 1 % is made, 0.1 % is kept: the fees.
/// let fees = BreakEven { activation: "0.01".parse()?, offset: "0.001".parse()? };
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BreakEven {
    /// It is done once the mark has been this much better than the entry.
    pub activation: Fraction,
    /// How much better than the entry the stop is set.
    pub offset: Fraction,
}

/// A part that is taken off at a profit. Its name is that profit: one position takes it once, whatever else becomes of
/// its plan (D19).
///
/// ```
/// use posbook::Tier;
///
/// let half_at_five = Tier { at: "0.05".parse()?, share: "0.5".parse()? };
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tier {
    /// How much better than the entry the mark must be.
    pub at: Fraction,
    /// What it takes off of what is open and not being reduced already ([`Amount::Share`](crate::Amount::Share)).
    pub share: Fraction,
}

impl ExitPlan {
    /// Let the stop follow the best price, `width` behind it, once the mark has been `activation` better than the entry.
    #[must_use]
    pub fn trailing(mut self, activation: Fraction, width: Fraction) -> Self {
        self.trailing = Some(Trailing { activation, width });
        self
    }

    /// Set the stop `offset` better than the entry, once the mark has been `activation` better.
    #[must_use]
    pub fn break_even(mut self, activation: Fraction, offset: Fraction) -> Self {
        self.break_even = Some(BreakEven { activation, offset });
        self
    }

    /// Take `share` off once the mark is `at` better than the entry.
    #[must_use]
    pub fn tier(mut self, at: Fraction, share: Fraction) -> Self {
        self.tiers.push(Tier { at, share });
        self
    }

    /// Close the position when it is as old as this.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Whether nothing is planned.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Refuses what makes no sense, naming value and rule. `widest` is the limit of the book on a stop.
    pub(crate) fn check(&self, widest: Fraction) -> Result<(), Rejection> {
        /// More tells of a mistake.
        const MOST_TIERS: usize = 16;
        let refuse = |what, value: Decimal, rule| Err(Reason::OutOfRange { what, value, rule }.into());
        if let Some(Trailing { width, .. }) = self.trailing
            && (width.get().is_zero() || width >= widest)
        {
            let rule = "must be a fraction above 0 and below 1 (or below the limit the book was built with)";
            return refuse("trailing width", width.get(), rule);
        }
        if let Some(BreakEven { activation, offset }) = self.break_even
            && offset >= activation
        {
            return refuse("break-even offset", offset.get(), "must be below its activation");
        }
        if self.tiers.len() > MOST_TIERS {
            return refuse("number of tiers", self.tiers.len().into(), "must be at most 16");
        }
        let mut last = Decimal::ZERO;
        for Tier { at, share } in &self.tiers {
            if at.get() <= last {
                return refuse("tier", at.get(), "must be above 0 and above the tier before it");
            }
            check_share("tier's share", *share)?;
            last = at.get();
        }
        match self.max_age {
            Some(Duration::ZERO) => refuse("maximum age", Decimal::ZERO, "must be positive"),
            _ => Ok(()),
        }
    }
}

/// Refuses a share of nothing, which would not be an order, and more than all.
pub(crate) fn check_share(what: &'static str, share: Fraction) -> Result<(), Rejection> {
    if share.get().is_zero() || share > Fraction::ONE {
        let rule = "must be a fraction above 0 and at most 1";
        return Err(Reason::OutOfRange { what, value: share.get(), rule }.into());
    }
    Ok(())
}

/// Put an exit plan on an open position, or take it away. Made by [`Command::plan`].
///
/// ```
/// use posbook::{Command, ExitPlan, InstrumentId};
///
/// let plan = ExitPlan::default().trailing("0.01".parse()?, "0.02".parse()?);
/// let wish = Command::plan(InstrumentId(0), plan).because("let it run");
/// assert_eq!(Command::from(wish).name(), "plan");
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Replan {
    /// Which key.
    pub key: PositionKey,
    /// What must stand there.
    pub expect: Precondition,
    /// The plan from now on; an empty one takes it away.
    pub plan: Arc<ExitPlan>,
    /// Why, for the audit trail.
    pub reason: String,
}

impl Replan {
    /// Refuse the command unless this life of the key stands there.
    #[must_use]
    pub fn expect_position(mut self, id: PositionId) -> Self {
        self.expect = Precondition::Position(id);
        self
    }

    /// Why, for the audit trail.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }
}

impl From<Replan> for Command {
    fn from(wish: Replan) -> Self {
        Command::Plan(wish)
    }
}
