//! What reconciliation asks for: to take over a position, or to remove one.

use serde::{Deserialize, Serialize};

use super::ids::{PositionId, Sequence, Timestamp};
use super::key::{PositionKey, Side};
use super::number::{Leverage, Price, Quantity};
use super::position::TargetRule;

/// Take over a position that only the venue has, as its report showed it (R8).
///
/// ```
/// use posbook::{Adoption, InstrumentId, PositionKey, Sequence, Side};
///
/// let found = Adoption {
///     key: PositionKey::net(InstrumentId(0)), side: Side::Long, quantity: "1".parse()?, entry: "50000".parse()?,
///     leverage: None, rule: None, asked: Sequence(0), report_time: None,
/// };
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Adoption {
    /// Where it belongs.
    pub key: PositionKey,
    /// Long or short.
    pub side: Side,
    /// Contracts.
    pub quantity: Quantity,
    /// Its average entry, as the venue states it.
    pub entry: Price,
    /// As the venue states it. `None`: it does not.
    pub leverage: Option<Leverage>,
    /// How its targets follow from the *current* price. `None`: the book's default rule.
    pub rule: Option<TargetRule>,
    /// The book's sequence before the venue was asked: refused if the instrument changed since (R8).
    pub asked: Sequence,
    /// The venue's time of the report; the baseline of the slot. `None`: the venue states none.
    pub report_time: Option<Timestamp>,
}

/// Remove a position that the venue does not have (R10). Its cost goes to `unexplained`, and stays there until the fills
/// that closed it come.
///
/// ```
/// use posbook::{Command, DropPosition, InstrumentId, PositionId, PositionKey, Sequence};
///
/// let gone = DropPosition {
///     key: PositionKey::net(InstrumentId(0)), position: PositionId { epoch: 1, sequence: Sequence(9) },
///     asked: Sequence(12), report_time: None, reason: "not on the venue".into(),
/// };
/// assert_eq!(Command::Drop(gone).name(), "drop");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DropPosition {
    /// Which key.
    pub key: PositionKey,
    /// Which life of it.
    pub position: PositionId,
    /// The book's sequence before the venue was asked: refused if the instrument changed since (R8).
    pub asked: Sequence,
    /// The venue's time of the report: fills from before it, come late, move no quantity any more. `None`: it states none.
    pub report_time: Option<Timestamp>,
    /// Why.
    pub reason: String,
}
