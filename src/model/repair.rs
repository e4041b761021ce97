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

/// Take the venue's word on a position that both have (R8). The book's owner has chosen that: by default what differs is
/// frozen, and nobody's word is taken.
///
/// ```
/// use posbook::{Command, Corrected, Correction, InstrumentId, PositionId, PositionKey, Sequence};
///
/// let more = Correction {
///     key: PositionKey::net(InstrumentId(0)), position: PositionId { epoch: 1, sequence: Sequence(9) },
///     to: Corrected::Quantity { quantity: "2".parse()?, entry: "50500".parse()? },
///     asked: Sequence(12), report_time: None, reason: "the book has 1, the venue 2".into(),
/// };
/// // The same report says the same, however often it is read.
/// assert_eq!(more.id(), "reconcile/0/net/1-9/2@50500/asked-12");
/// assert_eq!(Command::Correct(more).name(), "correct");
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Correction {
    /// Which key.
    pub key: PositionKey,
    /// Which life of it.
    pub position: PositionId,
    /// What the venue says.
    pub to: Corrected,
    /// The book's sequence before the venue was asked: refused if the instrument changed since (R8).
    pub asked: Sequence,
    /// The venue's time of the report: fills from before it, come late, move no quantity any more. `None`: it states none.
    pub report_time: Option<Timestamp>,
    /// What differed.
    pub reason: String,
}

/// What of a position is corrected.
///
/// ```
/// use posbook::Corrected;
///
/// assert_ne!(Corrected::Leverage("5".parse()?), Corrected::Leverage("10".parse()?));
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Corrected {
    /// Its size; the side is the same.
    Quantity {
        /// Contracts at the venue.
        quantity: Quantity,
        /// The average entry there: what is more is booked at the price, on the instrument's step, that makes the average this one.
        entry: Price,
    },
    /// Its leverage, which touches margin only.
    Leverage(Leverage),
}

impl Correction {
    /// Whether it changes what is open, and so dates the key (R8).
    pub(crate) const fn moves_quantity(&self) -> bool {
        matches!(self.to, Corrected::Quantity { .. })
    }

    /// The name of the synthetic fill: made of what was decided against and of what the report says, and of nothing else. So
    /// one report makes one name, however often it is applied; the second time the position it names stands there no more.
    pub fn id(&self) -> String {
        let Self { key, position, to, asked, report_time, .. } = self;
        let to = match to {
            Corrected::Quantity { quantity, entry } => format!("{quantity}@{entry}"),
            Corrected::Leverage(leverage) => format!("{leverage}x"),
        };
        let said = match report_time {
            Some(time) => format!("at-{}", time.0),
            None => format!("asked-{asked}"),
        };
        let owner = if key.owner.0 == 0 { String::new() } else { format!(".{}", key.owner.0) };
        format!("reconcile/{}/{}{owner}/{position}/{to}/{said}", key.instrument.0, key.leg)
    }
}
