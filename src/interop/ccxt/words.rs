//! The words in which exchanges say which way a position goes and whether the account is in hedge mode.

use crate::model::{OrderSide, Side};
use crate::venue::MarginMode;

/// Lower case without separators, so that `position_side`, `positionSide` and `PositionSide` are one name.
pub(super) fn folded(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

/// What a word about direction says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Of(Side),
    /// It says that the sign of the amount is the side: one-way mode.
    Signed,
    /// Nothing: empty.
    Silent,
    /// Not a word that is known here. It is never taken for one of the two (D28).
    Unknown,
}

pub(super) fn direction(word: &str) -> Direction {
    match folded(word.trim()).as_str() {
        "long" | "buy" | "bid" | "golong" | "openlong" => Direction::Of(Side::Long),
        "short" | "sell" | "ask" | "goshort" | "openshort" => Direction::Of(Side::Short),
        "both" | "net" | "merged" | "oneway" => Direction::Signed,
        "" | "none" | "null" | "flat" | "neutral" => Direction::Silent,
        _ => Direction::Unknown,
    }
}

/// The side of an order or a trade.
pub(super) fn order_side(word: &str) -> Option<OrderSide> {
    match direction(word) {
        Direction::Of(side) => Some(side.entry()),
        _ => None,
    }
}

/// Whether a word about the account's or the row's mode says hedge mode. `None`: it is about something else.
pub(super) fn hedged(word: &str) -> Option<bool> {
    let word = folded(word);
    if ["hedge", "dual", "double", "bothside", "twoway"].iter().any(|part| word.contains(part)) {
        Some(true)
    } else if ["oneway", "single", "net", "merge", "combine"].iter().any(|part| word.contains(part)) {
        Some(false)
    } else {
        None
    }
}

/// What stands for the losses. `None`: not a word that is known here.
pub(super) fn margin_mode(word: &str) -> Option<MarginMode> {
    match folded(word.trim()).as_str() {
        "isolated" | "isolatedmargin" => Some(MarginMode::Isolated),
        "cross" | "crossed" | "crossmargin" => Some(MarginMode::Cross),
        _ => None,
    }
}
