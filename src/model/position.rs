//! An open exposure: an immutable value.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use super::excursion::Excursion;
use super::ids::{ClientOrderId, PositionId, Sequence, Timestamp};
use super::instrument::{ContractKind, Instrument};
use super::key::{PositionKey, Side};
use super::ledger::money;
use super::number::{Fraction, Leverage, Price, Quantity, exact_sub, quotient_rounded};
use super::plan::ExitPlan;
use super::tags::Tags;
use super::targets::Targets;
use super::trail::apart;
use crate::error::{Reason, Rejection};

/// An open position. It never changes: what a later fill makes of it is another value with the same id and a newer
/// revision. Flat means that there is none (I2).
///
/// The cost is booked, the average derived: `cost` is the exact sum of quantity x contract size x price of what is
/// open, and [`Position::entry_price`] is made from it when read.
///
/// ```
/// use posbook::{Book, Command, Fill, Instrument, OrderSide, Side};
///
/// let book = Book::builder().build()?;
/// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// book.record(Fill::trade(btc, "1".parse()?, OrderSide::Buy, "1".parse()?, "50000".parse()?))?;
/// book.record(Fill::trade(btc, "2".parse()?, OrderSide::Buy, "1".parse()?, "51000".parse()?))?;
/// let view = book.snapshot();
/// let position = view.get(btc).ok_or("flat")?;
/// assert_eq!(position.entry_price().to_string(), "50500");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Which life of the key this is.
    pub id: PositionId,
    /// Where it stands.
    pub key: PositionKey,
    /// Long or short.
    pub side: Side,
    /// Contracts, always above zero (I2).
    pub quantity: Quantity,
    /// Open cost, in the settle currency: sum of quantity x contract size x price of what is open; of an inverse contract the sum of
    /// -(quantity x contract size / price), see [`ContractKind`].
    #[serde(with = "money")]
    pub cost: Decimal,
    /// Contract size, repeated here so that a position can be valued on its own.
    pub contract_size: Quantity,
    /// Its kind, for the same reason.
    pub contract: ContractKind,
    /// As asked for when opened, or as the venue reports. `None`: nobody ever said (never an invented 10).
    pub leverage: Option<Leverage>,
    /// Stop loss and take profit.
    pub targets: Targets,
    /// Who set the targets last.
    pub targets_from: TargetOrigin,
    /// How it is to be left besides. `None`: its targets are all there is.
    pub exits: Option<Arc<ExitPlan>>,
    /// The best mark that moved the stop or began a part of the plan. `None`: none did; it starts at the entry.
    pub best: Option<Price>,
    /// The tiers that were taken in this life, by their profit: each fires once (D19).
    pub taken: Vec<Fraction>,
    /// When the first fill was booked.
    pub opened_at: Timestamp,
    /// The sequence of the change that made this value.
    pub revision: Sequence,
    /// Realised in this life.
    #[serde(with = "money")]
    pub realised: Decimal,
    /// The extremes of its unrealised profit. `None`: no mark was noted in this life.
    #[serde(default)]
    pub excursion: Option<Excursion>,
    /// What it is called by: as the order that opened it was, until others were put on it.
    #[serde(default)]
    pub tags: Tags,
}

impl Hash for Position {
    /// As derived, but for what a position has gained since: at its default that is not a part of it, so that a book in
    /// which it stands nowhere has the digest that an earlier version gave it, in its journals too.
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Self {
            id,
            key,
            side,
            quantity,
            cost,
            contract_size,
            contract,
            leverage,
            targets,
            targets_from,
            exits,
            best,
            taken,
            opened_at,
            revision,
            realised,
            excursion,
            tags,
        } = self;
        (id, key, side, quantity, cost, contract_size, contract, leverage, targets).hash(hasher);
        (targets_from, exits, best, taken, opened_at, revision, realised).hash(hasher);
        if let Some(excursion) = excursion {
            // No list that follows is so long: what is hashed with it can be nothing without it.
            (usize::MAX, excursion).hash(hasher);
        }
        if !tags.is_empty() {
            (usize::MAX, tags).hash(hasher);
        }
    }
}

/// Who set a position's targets: the order that opened it may recompute them at its completion, unless someone moved
/// them (R16).
///
/// ```
/// assert_ne!(posbook::TargetOrigin::Moved, posbook::TargetOrigin::None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetOrigin {
    /// Nobody: the position has no targets.
    None,
    /// The rule of this order, from its first fill.
    Order(ClientOrderId),
    /// The builder's default rule: the position was born without an order of ours.
    Default,
    /// A command moved them since.
    Moved,
    /// The stop followed the mark since (R16).
    Trailed,
}

/// How targets follow from an entry price. Carried by the reservation, so that the same stop is set whichever path
/// brings the fill (R5).
///
/// ```
/// use posbook::TargetRule;
///
/// let rule = TargetRule::stop_fraction("0.05".parse()?); // stop 5 %, take 10 %
/// assert!(matches!(rule, TargetRule::Fractions { .. }));
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetRule {
    /// Fractions of the entry: a long's stop is entry x (1 - stop), its take entry x (1 + take); a short mirrored.
    Fractions {
        /// `None`: no stop.
        stop: Option<Fraction>,
        /// `None`: no take profit.
        take: Option<Fraction>,
    },
    /// Prices, whatever the entry.
    Prices(Targets),
}

impl TargetRule {
    /// The predecessor's rule: a stop at this fraction and a take profit twice as far.
    pub fn stop_fraction(stop: Fraction) -> Self {
        Self::Fractions { stop: Some(stop), take: Some(stop.doubled()) }
    }

    /// The targets for an entry price, on the instrument's price step, a stop rounded towards the market (R16).
    ///
    /// # Errors
    /// A fraction that gives a price the instrument cannot have.
    pub(crate) fn targets(
        &self,
        side: Side,
        entry: Decimal,
        instrument: &Instrument,
    ) -> Result<Targets, Rejection> {
        let (stop, take) = match *self {
            Self::Prices(targets) => return Ok(targets),
            Self::Fractions { stop, take } => (stop, take),
        };
        let step = instrument.price_step().get();
        let at = |what: &'static str, fraction: Fraction, below: bool| {
            let range = || Reason::NumericRange { what };
            let price = apart(entry, fraction, below).ok_or_else(range)?;
            // Below the market, towards it is up.
            let price = Price::on_step(price, step, below)?;
            instrument.check_price(what, price).map(|()| price)
        };
        let long = side == Side::Long;
        Ok(Targets {
            stop: stop.map(|f| at("stop loss", f, long)).transpose()?,
            take: take.map(|f| at("take profit", f, !long)).transpose()?,
        })
    }
}

impl Position {
    /// Average entry price: cost / (quantity x contract size), of an inverse contract the other way round, rounded to 18
    /// significant digits. A reduce may move its last digits; the cost it is made from is exact.
    pub fn entry_price(&self) -> Decimal {
        self.contract.average(self.cost, self.quantity, self.contract_size).unwrap_or_default()
    }

    /// Profit if everything were closed at `price`, in the settle currency, before fees: +-(value - cost).
    ///
    /// # Errors
    /// `NumericRange`.
    pub fn unrealised(&self, price: Price) -> Result<Decimal, Rejection> {
        let value = self.value_at(price)?;
        match self.side {
            Side::Long => exact_sub("unrealised", value, self.cost),
            Side::Short => exact_sub("unrealised", self.cost, value),
        }
    }

    /// Quantity x contract size x price, in the settle currency; of an inverse contract -(quantity x contract size / price).
    ///
    /// # Errors
    /// `NumericRange`.
    pub fn value_at(&self, price: Price) -> Result<Decimal, Rejection> {
        // 18 decimals, or the digits of its factors if they are fewer: a value that is read is not rounded to money. What is
        // compared with a cost that has more has as many.
        let scale = self.cost.scale().max(18);
        self.contract.value("a position's value", self.quantity, self.contract_size, price.get(), scale)
    }

    /// What an isolated position locks up: open cost / leverage, without the sign of an inverse cost, rounded to 18 decimals.
    /// `None`: nobody ever said what its leverage is.
    ///
    /// So Bitget's and Bybit's isolated margin (Bybit help centre, "Initial margin": contract value at the entry / leverage);
    /// recorded Bitget accounts agree to their last digit. What a venue adds for closing fees is not in it.
    ///
    /// # Errors
    /// `NumericRange`.
    ///
    /// ```
    /// use posbook::{Book, Fill, Instrument, Leverage, OrderSide, Position};
    ///
    /// let book = Book::builder().build()?;
    /// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// book.record(Fill::trade(btc, "1".parse()?, OrderSide::Buy, "0.5".parse()?, "50000".parse()?))?;
    /// let view = book.snapshot();
    /// let position = Position { leverage: Some(Leverage::of(10)), ..view.get(btc).ok_or("flat")?.clone() };
    /// assert_eq!(position.margin_used()?.map(|margin| margin.to_string()), Some("2500".into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn margin_used(&self) -> Result<Option<Decimal>, Rejection> {
        self.leverage.map(|leverage| margin(self.cost, leverage)).transpose()
    }

    /// As [`Position::margin_used`], of its value at this price: what venues ask for that mark margin to market (Binance:
    /// `initialMargin` = notional at the mark price / leverage).
    ///
    /// # Errors
    /// `NumericRange`.
    ///
    /// ```
    /// use posbook::{Book, Fill, Instrument, Leverage, OrderSide, Position};
    ///
    /// let book = Book::builder().build()?;
    /// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// book.record(Fill::trade(btc, "1".parse()?, OrderSide::Buy, "0.5".parse()?, "50000".parse()?))?;
    /// let view = book.snapshot();
    /// let position = Position { leverage: Some(Leverage::of(10)), ..view.get(btc).ok_or("flat")?.clone() };
    /// assert_eq!(position.margin_at("52000".parse()?)?.map(|margin| margin.to_string()), Some("2600".into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn margin_at(&self, price: Price) -> Result<Option<Decimal>, Rejection> {
        self.leverage.map(|leverage| margin(self.value_at(price)?, leverage)).transpose()
    }

    /// How many times `equity`, in the settle currency, the position is worth at this price: what a loss is multiplied by, whatever
    /// leverage was asked for. 18 significant digits.
    ///
    /// # Errors
    /// The equity is zero or below: there is no such multiple. `NumericRange`.
    ///
    /// ```
    /// use posbook::{Book, Decimal, Fill, Instrument, OrderSide};
    ///
    /// let book = Book::builder().build()?;
    /// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// book.record(Fill::trade(btc, "1".parse()?, OrderSide::Buy, "0.5".parse()?, "50000".parse()?))?;
    /// let view = book.snapshot();
    /// let position = view.get(btc).ok_or("flat")?;
    /// assert_eq!(position.effective_leverage("52000".parse()?, Decimal::from(10_000))?.to_string(), "2.6");
    /// assert!(position.effective_leverage("52000".parse()?, Decimal::ZERO).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn effective_leverage(&self, price: Price, equity: Decimal) -> Result<Decimal, Rejection> {
        if equity <= Decimal::ZERO {
            let rule = "must be above zero to be a multiple of";
            return Err(Reason::OutOfRange { what: "equity", value: equity, rule }.into());
        }
        let worth = self.value_at(price)?.abs();
        let what = "effective leverage";
        quotient_rounded(worth, equity, Decimal::ONE).ok_or_else(|| Reason::NumericRange { what }.into())
    }

    /// The stop loss, if there is one.
    pub fn stop_loss(&self) -> Option<Price> {
        self.targets.stop
    }

    /// The take profit, if there is one.
    pub fn take_profit(&self) -> Option<Price> {
        self.targets.take
    }
}

/// What so much worth locks up at this leverage.
fn margin(value: Decimal, leverage: Leverage) -> Result<Decimal, Rejection> {
    let margin = value.abs().checked_div(leverage.get());
    let margin = margin.ok_or(Reason::NumericRange { what: "margin" })?;
    Ok(margin.round_dp_with_strategy(18, RoundingStrategy::MidpointNearestEven).normalize())
}
