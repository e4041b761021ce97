//! Where a position stands: instrument, leg and owner; and the directions of positions and orders.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::instrument::InstrumentId;

/// The direction of an open exposure.
///
/// ```
/// use posbook::{OrderSide, Side};
///
/// assert_eq!(Side::Long.entry(), OrderSide::Buy);
/// assert_eq!(Side::Short.exit(), OrderSide::Buy);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Gains when the price rises.
    Long,
    /// Gains when the price falls.
    Short,
}

impl Side {
    /// The side of an order that opens or adds to this exposure.
    pub const fn entry(self) -> OrderSide {
        match self {
            Side::Long => OrderSide::Buy,
            Side::Short => OrderSide::Sell,
        }
    }

    /// The side of an order that reduces this exposure.
    pub const fn exit(self) -> OrderSide {
        self.entry().opposite()
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Side::Long => "long",
            Side::Short => "short",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The direction of an order or a fill. An unknown word is never taken for one of the two (D28).
///
/// ```
/// use posbook::{OrderSide, Side};
///
/// assert_eq!(OrderSide::Buy.opens(), Side::Long);
/// assert_eq!(OrderSide::Buy.opposite(), OrderSide::Sell);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderSide {
    /// Takes base, gives quote.
    Buy,
    /// Gives base, takes quote.
    Sell,
}

impl OrderSide {
    /// The other direction.
    pub const fn opposite(self) -> Self {
        match self {
            OrderSide::Buy => OrderSide::Sell,
            OrderSide::Sell => OrderSide::Buy,
        }
    }

    /// The exposure that a fill of this side opens on a flat key.
    pub const fn opens(self) -> Side {
        match self {
            OrderSide::Buy => Side::Long,
            OrderSide::Sell => Side::Short,
        }
    }
}

impl fmt::Display for OrderSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            OrderSide::Buy => "buy",
            OrderSide::Sell => "sell",
        })
    }
}

/// Which of an instrument's exposures: the one of one-way mode, or one of the two of hedge mode.
///
/// ```
/// use posbook::{Leg, Side};
///
/// assert_eq!(Leg::Short.only_side(), Some(Side::Short));
/// assert_eq!(Leg::Net.only_side(), None);
/// assert_eq!(Leg::Net.to_string(), "net");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Leg {
    /// One-way mode: one exposure, long or short.
    Net,
    /// Hedge mode: the long exposure.
    Long,
    /// Hedge mode: the short exposure.
    Short,
}

impl Leg {
    /// The only side this leg can have; `None` for the net leg, which can have either.
    pub const fn only_side(self) -> Option<Side> {
        match self {
            Leg::Net => None,
            Leg::Long => Some(Side::Long),
            Leg::Short => Some(Side::Short),
        }
    }

    /// As it is printed, and as it stands in a journal's columns.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Leg::Net => "net",
            Leg::Long => "long",
            Leg::Short => "short",
        }
    }
}

impl fmt::Display for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which strategy a sub-position belongs to.
///
/// ```
/// use posbook::Owner;
///
/// assert_eq!(Owner::default(), Owner::UNOWNED);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Owner(pub u32);

impl Owner {
    /// What nobody claims, and the only owner in a one-strategy book.
    pub const UNOWNED: Self = Self(0);
}

/// Names one place where at most one position can stand (I1).
///
/// ```
/// use posbook::{InstrumentId, Leg, Owner, PositionKey};
///
/// let key = PositionKey::net(InstrumentId(3));
/// assert_eq!((key.leg, key.owner), (Leg::Net, Owner::UNOWNED));
/// assert_eq!(PositionKey::from(InstrumentId(3)), key);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PositionKey {
    /// What is traded.
    pub instrument: InstrumentId,
    /// Which exposure of it.
    pub leg: Leg,
    /// Whose.
    pub owner: Owner,
}

impl PositionKey {
    /// The unowned net position of an instrument: all there is in one-way mode with one strategy.
    pub const fn net(instrument: InstrumentId) -> Self {
        Self { instrument, leg: Leg::Net, owner: Owner::UNOWNED }
    }
}

impl From<InstrumentId> for PositionKey {
    fn from(instrument: InstrumentId) -> Self {
        Self::net(instrument)
    }
}

impl PositionKey {
    /// What the instrument's name does not say: the leg in hedge mode, the owner if there is one.
    pub(crate) fn detail(self) -> String {
        let leg = if self.leg == Leg::Net { String::new() } else { format!(" {}", self.leg) };
        let owner =
            if self.owner == Owner::UNOWNED { String::new() } else { format!(" of owner {}", self.owner.0) };
        format!("{leg}{owner}")
    }
}

impl fmt::Display for PositionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "instrument {}{}", self.instrument.0, self.detail())
    }
}
