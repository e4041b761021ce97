//! An exit that fired: which rule of which position, and on what value. It is decided from a snapshot and checked again
//! where it lands, so it carries what is needed to see whether it still stands (R16).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ids::PositionId;
use super::number::Price;
use super::plan::Tier;

/// Which of a position's exits fired, and the value that fired.
///
/// ```
/// use posbook::ExitRule;
///
/// let rule = ExitRule::StopLoss("47500".parse()?);
/// assert_eq!(rule.to_string(), "stop loss");
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitRule {
    /// The stop loss, as it was set by hand or by the rule of its order.
    StopLoss(Price),
    /// The stop loss, where [`Command::Trail`](crate::Command::Trail) brought it.
    TrailingStop(Price),
    /// The position is as old as its plan allows.
    MaxAge(Duration),
    /// The take profit.
    TakeProfit(Price),
    /// A tier takes its share off.
    Tier {
        /// The tier as the plan had it.
        tier: Tier,
        /// Its price: so much profit from the entry, on the price step.
        price: Price,
    },
}

impl ExitRule {
    /// The rule in plain words, as the change and the audit trail say it.
    pub const fn name(&self) -> &'static str {
        match self {
            ExitRule::StopLoss(_) => "stop loss",
            ExitRule::TrailingStop(_) => "trailing stop",
            ExitRule::MaxAge(_) => "maximum age",
            ExitRule::TakeProfit(_) => "take profit",
            ExitRule::Tier { .. } => "tier",
        }
    }
}

impl std::fmt::Display for ExitRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// An exit that fired: of which position, by which rule and value, on which mark. The book refuses it if that value no
/// longer stands, so an exit cannot fire twice or on a stale value (R16). [`Command::exit`](crate::Command::exit) makes
/// its order.
///
/// ```
/// use posbook::{Exit, ExitRule, PositionId, Sequence};
///
/// let position = PositionId { epoch: 1, sequence: Sequence(9) };
/// let exit = Exit { position, rule: ExitRule::StopLoss("47500".parse()?), mark: Some("47490".parse()?) };
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Exit {
    /// The position it was decided against.
    pub position: PositionId,
    /// Which rule fired, and its value.
    pub rule: ExitRule,
    /// The mark it fired on. `None`: it fired by age, which needs none (R11).
    pub mark: Option<Price>,
}
