//! What the venue did. Fills alone move quantity (R2), and none is ever lost (R4).

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::ids::{ClientOrderId, Timestamp};
use super::instrument::InstrumentId;
use super::key::{Leg, OrderSide};
use super::ledger::Sums;
use super::number::{Price, Quantity, signed_amount};
use super::order::FillSource;
use super::text::{Currency, Reference};
use crate::error::Rejection;

/// Which order a fill belongs to, as far as the venue says.
///
/// ```
/// assert_eq!(posbook::OrderRef::default(), posbook::OrderRef::Unstated);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderRef {
    /// One of ours, by the id it carried to the venue.
    Ours(ClientOrderId),
    /// Somebody else's (a manual order, another program's), by the venue's name for it.
    Foreign(Reference),
    /// The venue named none.
    #[default]
    Unstated,
    /// Nobody's: the venue took the position away, and says why.
    Forced {
        /// Why.
        by: Forced,
        /// The venue's name for the order, if it has one.
        order: Option<Reference>,
    },
}

/// Why a venue trades on an account that has not asked for it.
///
/// ```
/// assert_eq!(posbook::Forced::AutoDeleveraging.to_string(), "auto-deleveraging");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forced {
    /// The margin did not carry the position any more. What the venue charges for it is a fee like any other.
    Liquidation,
    /// The other side of somebody's bankruptcy: a position in profit is closed at the price of the one that failed.
    AutoDeleveraging,
}

impl Forced {
    /// In the field's words.
    pub const fn name(self) -> &'static str {
        match self {
            Forced::Liquidation => "liquidation",
            Forced::AutoDeleveraging => "auto-deleveraging",
        }
    }
}

impl std::fmt::Display for Forced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// The two ways venues report: single trades, or the order's cumulative figures (R2).
///
/// ```
/// use posbook::Shape;
///
/// let shape = Shape::Trade { id: "77".parse()? };
/// assert_ne!(shape, Shape::Cumulative);
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// One trade, with the venue's id for it.
    Trade {
        /// Unique per order at this venue.
        id: Reference,
    },
    /// The order's total quantity so far and its average price; identity is (order, cumulative quantity).
    Cumulative,
}

impl Shape {
    /// Which kind of message this is.
    pub(crate) const fn source(&self) -> FillSource {
        match self {
            Shape::Trade { .. } => FillSource::Trades,
            Shape::Cumulative => FillSource::Cumulative,
        }
    }
}

/// One report of an execution. Build it with [`Fill::trade`] or [`Fill::cumulative`] and add what the venue says.
///
/// ```
/// use posbook::{Fill, InstrumentId, OrderSide, Timestamp};
///
/// let fill = Fill::trade(InstrumentId(0), "5266583935".parse()?, OrderSide::Buy, "0.006".parse()?, "61800.3".parse()?)
///     .at(Timestamp::from_millis(1_723_161_256_322))
///     .fee("0.18", "USDT")?;
/// assert_eq!(fill.fees.of(&"USDT".parse()?).to_string(), "0.18");
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fill {
    /// What was traded.
    pub instrument: InstrumentId,
    /// The order it belongs to.
    pub order: OrderRef,
    /// A single trade, or the order's cumulative figures.
    pub shape: Shape,
    /// Buy or sell.
    pub side: OrderSide,
    /// Contracts: of this trade, or of the order so far.
    pub quantity: Quantity,
    /// Of this trade, or the order's average so far.
    pub price: Price,
    /// The venue's time of the execution. `None`: the venue states none.
    pub venue_time: Option<Timestamp>,
    /// Hedge mode: which leg. `None`: the venue does not say; an order of ours says it, or one-way mode does.
    pub leg: Option<Leg>,
    /// Paid (positive) or received (negative), each in its own currency. Of this trade; for a cumulative report the
    /// total so far is not known and the fee is that of the last execution, as venues send it.
    pub fees: Sums,
}

impl Fill {
    /// One trade.
    pub fn trade(
        instrument: InstrumentId,
        id: Reference,
        side: OrderSide,
        quantity: Quantity,
        price: Price,
    ) -> Self {
        Self {
            instrument,
            order: OrderRef::Unstated,
            shape: Shape::Trade { id },
            side,
            quantity,
            price,
            venue_time: None,
            leg: None,
            fees: Sums::default(),
        }
    }

    /// The cumulative figures of one of our orders, from a venue without trade ids.
    pub fn cumulative(
        instrument: InstrumentId,
        order: ClientOrderId,
        side: OrderSide,
        quantity: Quantity,
        average: Price,
    ) -> Self {
        Self {
            instrument,
            order: OrderRef::Ours(order),
            shape: Shape::Cumulative,
            side,
            quantity,
            price: average,
            venue_time: None,
            leg: None,
            fees: Sums::default(),
        }
    }

    /// It belongs to this order of ours.
    #[must_use]
    pub fn order(mut self, order: ClientOrderId) -> Self {
        self.order = OrderRef::Ours(order);
        self
    }

    /// It belongs to an order that is not ours.
    #[must_use]
    pub fn foreign_order(mut self, order: Reference) -> Self {
        self.order = OrderRef::Foreign(order);
        self
    }

    /// The venue has closed it by force, under this order if it names one. It closes what it was taken from: where one owner holds
    /// the leg, that owner's position, and no order is missed for it.
    ///
    /// ```
    /// use posbook::{Book, Fill, FillNote, FillOutcome, Forced, Instrument, OrderSide};
    ///
    /// let book = Book::builder().build()?;
    /// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// book.record(Fill::trade(btc, "1".parse()?, OrderSide::Buy, "1".parse()?, "50000".parse()?))?;
    /// let taken = Fill::trade(btc, "2".parse()?, OrderSide::Sell, "1".parse()?, "45500".parse()?)
    ///     .forced(Forced::Liquidation, None)
    ///     .fee("227.5", "USDT")?;
    /// let FillOutcome::Booked { notes } = book.record(taken)?.outcome else { return Err("not booked".into()) };
    /// assert_eq!(notes.as_slice(), [FillNote::Liquidation]);
    /// assert!(book.snapshot().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn forced(mut self, by: Forced, order: Option<Reference>) -> Self {
        self.order = OrderRef::Forced { by, order };
        self
    }

    /// The venue's time of the execution.
    #[must_use]
    pub fn at(mut self, time: Timestamp) -> Self {
        self.venue_time = Some(time);
        self
    }

    /// Hedge mode: the leg it moved.
    #[must_use]
    pub fn leg(mut self, leg: Leg) -> Self {
        self.leg = Some(leg);
        self
    }

    /// Adds a fee: positive was paid, negative was received.
    ///
    /// # Errors
    /// The amount or the currency does not parse, or the sum needs too many digits.
    pub fn fee(mut self, amount: &str, currency: &str) -> Result<Self, Rejection> {
        let currency: Currency = currency.parse()?;
        self.fees.add(&currency, signed_amount(amount)?)?;
        Ok(self)
    }
}

/// What was remarkable about a booked fill. It was booked all the same: money moved (R4, R5).
///
/// ```
/// use posbook::FillNote;
///
/// assert_eq!(FillNote::Unordered.to_string(), "no order of ours");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FillNote {
    /// No order of ours: a manual trade, another program, a forced close that the venue does not call one.
    Unordered,
    /// Its order had been finished; the key is in doubt now.
    AfterFinal,
    /// Its order was made against another life of the key.
    OtherLife,
    /// More than its order asked for, or than the venue's final figure of it.
    Overfilled,
    /// On the other side than its order.
    WrongSide,
    /// It replaced its part of an adopted position: price and fee were corrected, no quantity moved (R8).
    Replaced,
    /// A position was born or turned without a rule for its targets (R5).
    Unprotected,
    /// A leg that the instrument's mode does not have (R12).
    ForeignLeg,
    /// The venue closed it for want of margin.
    Liquidation,
    /// The venue closed it against somebody's bankruptcy.
    AutoDeleveraging,
    /// It replaces what the venue had said of the same trade and has taken back.
    Corrected,
    /// It was taken back, and what it had closed is open again, as another life.
    Reopened,
}

impl std::fmt::Display for FillNote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            FillNote::Unordered => "no order of ours",
            FillNote::AfterFinal => "after its order was finished",
            FillNote::OtherLife => "of an order against another position",
            FillNote::Overfilled => "beyond its order's quantity",
            FillNote::WrongSide => "on the other side than its order",
            FillNote::Replaced => "replaces a part of an adopted position",
            FillNote::Unprotected => "left a position without targets",
            FillNote::ForeignLeg => "on a leg that the position mode lacks",
            FillNote::Liquidation => "a liquidation",
            FillNote::AutoDeleveraging => "an auto-deleveraging",
            FillNote::Corrected => "corrects what was said of it before",
            FillNote::Reopened => "opened again what it had closed",
        })
    }
}

/// What was remarkable about a fill: seldom more than two things.
pub(crate) type Notes = SmallVec<[FillNote; 2]>;
