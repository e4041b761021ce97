//! What a report dated on a key: an adoption or a drop, and what fills from before it have explained since (R8).

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::ids::{PositionId, Timestamp};
use super::key::Side;
use super::ledger::money;
use super::number::{Price, Quantity};

/// Contracts of one side with what they cost: a position without an identity.
///
/// ```
/// use posbook::{Lot, Side};
///
/// let lot = Lot { side: Side::Long, quantity: "1".parse()?, cost: 50_000.into() };
/// assert_eq!(lot.signed_cost(), 50_000.into());
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lot {
    /// Long or short.
    pub side: Side,
    /// Contracts, above zero.
    pub quantity: Quantity,
    /// What is open of it cost, in the settle currency.
    #[serde(with = "money")]
    pub cost: Decimal,
}

impl Lot {
    /// `s x C` of R17: the cost, negative for a short.
    pub fn signed_cost(&self) -> Decimal {
        match self.side {
            Side::Long => self.cost,
            Side::Short => -self.cost,
        }
    }
}

/// What an adoption booked at one price, for want of the fills behind it.
///
/// ```
/// use posbook::{Side, Synthetic};
///
/// let adopted = Synthetic {
///     side: Side::Long, quantity: "1".parse()?, entry: "50000".parse()?, kept: posbook::Decimal::ONE, explained: None,
/// };
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Synthetic {
    /// The adopted side.
    pub side: Side,
    /// What is still booked at the adopted price, in contracts.
    pub quantity: Quantity,
    /// The adopted price.
    pub entry: Price,
    /// The share of the adopted cost that reductions have left open: a correction of the price stays with the position
    /// by this share, the rest of it is realised already.
    #[serde(with = "money")]
    pub kept: Decimal,
    /// What late fills have taken the place of, at their prices. `None`: nothing.
    pub explained: Option<Lot>,
}

/// The report that a key was last adopted or dropped by. Fills from before it were in its picture: come late, they move
/// money, never quantity (R8).
///
/// ```
/// use posbook::{Baseline, Lot, PositionId, Sequence, Side, Timestamp};
///
/// // One contract was dropped: the fill that closed it is still to come.
/// let dropped = Baseline {
///     id: PositionId { epoch: 1, sequence: Sequence(2) },
///     time: Some(Timestamp::from_millis(5)),
///     adopted: None,
///     gap: Some(Lot { side: Side::Long, quantity: "1".parse()?, cost: 50_000.into() }),
/// };
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Baseline {
    /// The change that set it. An adopted position has the same id; a drop's is nobody's.
    pub id: PositionId,
    /// The venue's time of the report. `None`: it stated none, and no fill can be proved older.
    pub time: Option<Timestamp>,
    /// What was adopted. `None`: nothing was.
    pub adopted: Option<Synthetic>,
    /// What stands in `unexplained` because the other half of it has not come: a dropped position waits for the fills
    /// that closed it, a late fill beyond what was adopted or dropped for those that it belongs to. `None`: nothing is
    /// waited for.
    pub gap: Option<Lot>,
}
