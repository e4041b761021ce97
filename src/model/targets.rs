//! Stop loss and take profit, and the wish to change them.

use serde::{Deserialize, Serialize};

use super::command::Command;
use super::ids::{PositionId, Sequence};
use super::key::PositionKey;
use super::number::Price;
use super::wish::{Precondition, conditions};

/// Stop loss and take profit together.
///
/// ```
/// let none = posbook::Targets::default();
/// assert!(none.stop.is_none() && none.take.is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Targets {
    /// Stop loss. `None`: there is none.
    pub stop: Option<Price>,
    /// Take profit. `None`: there is none.
    pub take: Option<Price>,
}

/// What a change of targets does with one of them. Three words, because "not given" and "remove" are different.
///
/// ```
/// assert_eq!(posbook::Field::default(), posbook::Field::Keep);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Leave it.
    #[default]
    Keep,
    /// Set it.
    Set(Price),
    /// Remove it.
    Remove,
}

/// Whether a stop may move away from the market (R16).
///
/// ```
/// assert_eq!(posbook::Ratchet::default(), posbook::Ratchet::Tighten);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ratchet {
    /// Only towards the market.
    #[default]
    Tighten,
    /// Anywhere legal, removal included: said explicitly.
    Loosen,
}

/// Change targets. Made by [`Command::retarget`].
///
/// ```
/// use posbook::{Command, InstrumentId};
///
/// let wish = Command::retarget(InstrumentId(0)).stop("48000".parse()?).because("trailing");
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Retarget {
    /// Which key.
    pub key: PositionKey,
    /// What must stand there.
    pub expect: Precondition,
    /// What to do with the stop loss.
    pub stop: Field,
    /// What to do with the take profit.
    pub take: Field,
    /// Whether the stop may be loosened.
    pub ratchet: Ratchet,
    /// Why, for the audit trail.
    pub reason: String,
}

impl Retarget {
    /// Set the stop loss.
    #[must_use]
    pub fn stop(mut self, price: Price) -> Self {
        self.stop = Field::Set(price);
        self
    }

    /// Set the take profit.
    #[must_use]
    pub fn take(mut self, price: Price) -> Self {
        self.take = Field::Set(price);
        self
    }

    /// Remove the take profit.
    #[must_use]
    pub fn remove_take(mut self) -> Self {
        self.take = Field::Remove;
        self
    }

    /// Set the stop loss wherever it is legal, away from the market too.
    #[must_use]
    pub fn loosen_stop(mut self, to: Field) -> Self {
        self.stop = to;
        self.ratchet = Ratchet::Loosen;
        self
    }

    /// Why, for the audit trail.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    fn into_command(self) -> Command {
        Command::Retarget(self)
    }
}

conditions!(Retarget);
