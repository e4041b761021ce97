//! What a report shows on a key: one difference between the book and the venue in one field, or that there is none any more.

use std::fmt;

use rust_decimal::Decimal;

use crate::model::{Leverage, PositionId, PositionKey, Price, Quantity, Side, Symbol};
use crate::venue::MarginMode;

/// What of a position is compared.
///
/// ```
/// use posbook::reconcile::Aspect;
///
/// assert_eq!(Aspect::MarginMode.to_string(), "margin mode");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aspect {
    /// Whether there is one.
    Presence,
    /// Long or short.
    Side,
    /// How many contracts.
    Quantity,
    /// The average entry.
    Entry,
    /// The leverage.
    Leverage,
    /// The margin mode.
    MarginMode,
    /// The liquidation price, with the stop loss.
    LiquidationPrice,
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Aspect::Presence => "presence",
            Aspect::Side => "side",
            Aspect::Quantity => "quantity",
            Aspect::Entry => "entry",
            Aspect::Leverage => "leverage",
            Aspect::MarginMode => "margin mode",
            Aspect::LiquidationPrice => "liquidation price",
        })
    }
}

/// What a report shows on a key: one difference between the book and the venue, or that there is none any more.
///
/// ```
/// use posbook::reconcile::Discrepancy;
///
/// let found = Discrepancy::Unreadable { symbol: "BTC/USDT:USDT".parse()?, why: "two rows for one leg".into() };
/// assert!(found.to_string().contains("two rows"));
/// assert_eq!(found.aspect(), None);
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Discrepancy {
    /// Only the venue has it.
    VenueOnly {
        /// What.
        symbol: Symbol,
        /// Where it belongs.
        key: PositionKey,
        /// Long or short.
        side: Side,
        /// Contracts.
        quantity: Quantity,
        /// Its average entry there.
        entry: Price,
        /// `None`: the venue does not say.
        leverage: Option<Leverage>,
    },
    /// Only the book has it.
    BookOnly {
        /// What.
        symbol: Symbol,
        /// Where.
        key: PositionKey,
        /// Which life.
        position: PositionId,
        /// Long or short.
        side: Side,
        /// Contracts.
        quantity: Quantity,
    },
    /// Both have it, with another side or size; signed, a short negative.
    Differs {
        /// What.
        symbol: Symbol,
        /// Where.
        key: PositionKey,
        /// In the book.
        book: Decimal,
        /// At the venue.
        venue: Decimal,
    },
    /// Both have it, at another average entry.
    EntryDiffers {
        /// What.
        symbol: Symbol,
        /// Where.
        key: PositionKey,
        /// In the book: made of its fills.
        book: Decimal,
        /// At the venue.
        venue: Price,
    },
    /// Both have it, with another leverage.
    LeverageDiffers {
        /// What.
        symbol: Symbol,
        /// Where.
        key: PositionKey,
        /// In the book. `None`: nobody ever said.
        book: Option<Leverage>,
        /// At the venue.
        venue: Leverage,
    },
    /// It stands under another margin mode than it is meant to.
    MarginModeDiffers {
        /// What.
        symbol: Symbol,
        /// Where.
        key: PositionKey,
        /// As the policy has it.
        meant: MarginMode,
        /// At the venue.
        venue: MarginMode,
    },
    /// The venue liquidates it before its stop fires.
    LiquidatedFirst {
        /// What.
        symbol: Symbol,
        /// Where.
        key: PositionKey,
        /// The stop loss in the book.
        stop: Price,
        /// Where the venue liquidates.
        venue: Price,
    },
    /// A row that cannot be taken for a position of this account.
    Unreadable {
        /// What.
        symbol: Symbol,
        /// Why not.
        why: String,
    },
    /// No difference: both have the same, and the key is still blocked for a doubt about its quantity (R10).
    Agrees {
        /// What.
        symbol: Symbol,
        /// Where.
        key: PositionKey,
        /// What both have on the leg, signed, a short negative.
        quantity: Decimal,
    },
}

impl Discrepancy {
    /// Whether the book and the venue differ.
    pub const fn is_difference(&self) -> bool {
        !matches!(self, Discrepancy::Agrees { .. })
    }

    /// The field that differs. `None`: a row that cannot be read, or nothing differs.
    pub fn aspect(&self) -> Option<Aspect> {
        match self {
            Discrepancy::VenueOnly { .. } | Discrepancy::BookOnly { .. } => Some(Aspect::Presence),
            Discrepancy::Differs { book, venue, .. } => Some(match turned(*book, *venue) {
                true => Aspect::Side,
                false => Aspect::Quantity,
            }),
            Discrepancy::EntryDiffers { .. } => Some(Aspect::Entry),
            Discrepancy::LeverageDiffers { .. } => Some(Aspect::Leverage),
            Discrepancy::MarginModeDiffers { .. } => Some(Aspect::MarginMode),
            Discrepancy::LiquidatedFirst { .. } => Some(Aspect::LiquidationPrice),
            Discrepancy::Unreadable { .. } | Discrepancy::Agrees { .. } => None,
        }
    }

    /// The symbol concerned.
    pub fn symbol(&self) -> &Symbol {
        match self {
            Discrepancy::VenueOnly { symbol, .. }
            | Discrepancy::BookOnly { symbol, .. }
            | Discrepancy::Differs { symbol, .. }
            | Discrepancy::EntryDiffers { symbol, .. }
            | Discrepancy::LeverageDiffers { symbol, .. }
            | Discrepancy::MarginModeDiffers { symbol, .. }
            | Discrepancy::LiquidatedFirst { symbol, .. }
            | Discrepancy::Unreadable { symbol, .. }
            | Discrepancy::Agrees { symbol, .. } => symbol,
        }
    }

    /// The key concerned. `None`: a row that belongs to none.
    pub fn key(&self) -> Option<PositionKey> {
        match self {
            Discrepancy::VenueOnly { key, .. }
            | Discrepancy::BookOnly { key, .. }
            | Discrepancy::Differs { key, .. }
            | Discrepancy::EntryDiffers { key, .. }
            | Discrepancy::LeverageDiffers { key, .. }
            | Discrepancy::MarginModeDiffers { key, .. }
            | Discrepancy::LiquidatedFirst { key, .. }
            | Discrepancy::Agrees { key, .. } => Some(*key),
            Discrepancy::Unreadable { .. } => None,
        }
    }
}

/// Long here and short there, or the other way round.
pub(super) fn turned(book: Decimal, venue: Decimal) -> bool {
    book > Decimal::ZERO && venue < Decimal::ZERO || book < Decimal::ZERO && venue > Decimal::ZERO
}

impl fmt::Display for Discrepancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Discrepancy::VenueOnly { symbol, side, quantity, entry, .. } => {
                write!(f, "{symbol}: only the venue has {side} {quantity} @ {entry}")
            }
            Discrepancy::BookOnly { symbol, side, quantity, .. } => {
                write!(f, "{symbol}: only the book has {side} {quantity}")
            }
            Discrepancy::Differs { symbol, book, venue, .. } => {
                write!(f, "{symbol}: the book has {book}, the venue {venue}")
            }
            Discrepancy::EntryDiffers { symbol, book, venue, .. } => {
                write!(f, "{symbol}: the book's entry is {book}, the venue's {venue}")
            }
            Discrepancy::LeverageDiffers { symbol, book: Some(book), venue, .. } => {
                write!(f, "{symbol}: the book's leverage is {book}, the venue's {venue}")
            }
            Discrepancy::LeverageDiffers { symbol, book: None, venue, .. } => {
                write!(f, "{symbol}: the book knows no leverage, the venue's is {venue}")
            }
            Discrepancy::MarginModeDiffers { symbol, meant, venue, .. } => {
                write!(f, "{symbol}: meant to be {meant}, the venue has it {venue}")
            }
            Discrepancy::LiquidatedFirst { symbol, stop, venue, .. } => {
                write!(f, "{symbol}: the venue liquidates at {venue}, before the stop at {stop}")
            }
            Discrepancy::Unreadable { symbol, why } => write!(f, "{symbol}: {why}"),
            Discrepancy::Agrees { symbol, quantity, .. } => {
                write!(f, "{symbol}: the book and the venue have {quantity}")
            }
        }
    }
}
