//! Why a life ended: read from the change that ended it.

use serde::Serialize;

use crate::model::{Change, Command, Effect, ExitRule, KeyState, OrderRef};

/// What closed a position.
///
/// ```
/// use posbook::analytics::Ending;
///
/// assert_eq!(Ending::TrailingStop.to_string(), "trailing stop");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ending {
    /// Somebody asked for it: a strategy or a person.
    Manual,
    /// The stop loss fired.
    StopLoss,
    /// The take profit fired.
    TakeProfit,
    /// The trailing stop, or the one at break-even, fired.
    TrailingStop,
    /// It reached its maximum age.
    MaxAge,
    /// A tier took off all that was left.
    Tier,
    /// The venue liquidated it, or deleveraged it.
    Liquidation,
    /// A trade on the account that was no order of ours.
    External,
    /// An order of ours that was meant to open or to add, on the other side.
    Crossed,
    /// A fill of an order of ours that was finished already, and is not remembered.
    Late,
    /// The venue's report did not have it any more.
    Reconcile,
    /// The venue took back the trade that had opened it: it never was.
    TakenBack,
}

impl Ending {
    /// Every cause, in the order in which they are listed.
    pub const ALL: [Self; 12] = [
        Self::Manual,
        Self::StopLoss,
        Self::TakeProfit,
        Self::TrailingStop,
        Self::MaxAge,
        Self::Tier,
        Self::Liquidation,
        Self::External,
        Self::Crossed,
        Self::Late,
        Self::Reconcile,
        Self::TakenBack,
    ];

    /// What closed a position by this change, and the reason that was given; empty if none was.
    pub(super) fn of(change: &Change) -> (Self, String) {
        let Effect::Key { before, .. } = &change.effect else { return (Self::Late, String::new()) };
        let before = before.as_deref();
        match change.command() {
            Command::Drop(gone) => (Self::Reconcile, gone.reason.clone()),
            Command::Bust(bust) => (Self::TakenBack, bust.reason.clone()),
            Command::Record(fill) => match &fill.order {
                OrderRef::Forced { by, .. } => (Self::Liquidation, by.to_string()),
                OrderRef::Foreign(name) if liquidates(name.as_str()) => (Self::Liquidation, name.to_string()),
                OrderRef::Foreign(name) => (Self::External, name.to_string()),
                OrderRef::Unstated => (Self::External, String::new()),
                OrderRef::Ours(id) => {
                    let order = before.and_then(|before| before.order(*id));
                    let rule = order.and_then(|order| order.exit).map(|exit| exit.rule);
                    match (order, rule) {
                        (_, Some(rule)) => (rule.into(), rule.name().to_owned()),
                        (Some(order), None) if order.intent.increases() => (Self::Crossed, String::new()),
                        (Some(_), None) => asked(before, Self::Manual),
                        (None, None) => asked(before, Self::Late),
                    }
                }
            },
            _ => (Self::Late, String::new()),
        }
    }
}

/// What the key was closing for. An exit that found everything in flight left only its name there (R7).
fn asked(before: Option<&KeyState>, otherwise: Ending) -> (Ending, String) {
    let cause = before.and_then(|before| before.closing.as_ref()).map_or("", |closing| &closing.cause);
    let ending = match cause {
        "stop loss" => Ending::StopLoss,
        "take profit" => Ending::TakeProfit,
        "trailing stop" => Ending::TrailingStop,
        "maximum age" => Ending::MaxAge,
        "tier" => Ending::Tier,
        _ => otherwise,
    };
    (ending, cause.to_owned())
}

/// The names that venues give to orders with which they take a position away. Binance: `autoclose-` a liquidation,
/// `adl_autoclose` an automatic deleveraging (USDⓈ-M Futures, user data stream, "Event: Order Update"). The paper venue:
/// `liquidation-`.
fn liquidates(name: &str) -> bool {
    ["autoclose-", "adl_autoclose", "liquidation"].iter().any(|begins| name.starts_with(begins))
}

impl From<ExitRule> for Ending {
    fn from(rule: ExitRule) -> Self {
        match rule {
            ExitRule::StopLoss(_) => Self::StopLoss,
            ExitRule::TrailingStop(_) => Self::TrailingStop,
            ExitRule::MaxAge(_) => Self::MaxAge,
            ExitRule::TakeProfit(_) => Self::TakeProfit,
            ExitRule::Tier { .. } => Self::Tier,
        }
    }
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Manual => "manual",
            Self::StopLoss => "stop loss",
            Self::TakeProfit => "take profit",
            Self::TrailingStop => "trailing stop",
            Self::MaxAge => "maximum age",
            Self::Tier => "tier",
            Self::Liquidation => "liquidation",
            Self::External => "external",
            Self::Crossed => "crossed",
            Self::Late => "late fill",
            Self::Reconcile => "reconcile",
            Self::TakenBack => "taken back",
        })
    }
}
