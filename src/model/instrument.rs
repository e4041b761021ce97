//! What is traded: the contract and the grid that its venue puts orders on.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::key::{Leg, Side};
use super::number::{Price, Quantity, exact_sub, product_rounded, quotient_rounded, quotient_to};
use super::text::{Currency, Symbol};
use crate::error::{Reason, Rejection};

/// A dense number that the book hands out when an instrument is registered; the key of everything hot.
///
/// ```
/// use posbook::InstrumentId;
///
/// assert_eq!(InstrumentId(0).to_string(), "0");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstrumentId(pub u32);

impl fmt::Display for InstrumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a contract turns a price into money.
///
/// Everything that is booked is a *value*: of a linear contract quantity x contract size x price, of an inverse one
/// -(quantity x contract size / price). With that sign one arithmetic holds for both (R17): what a buy costs is its value, profit
/// is value less cost for a long, and an inverse long gains quantity x contract size x (1/entry - 1/exit).
///
/// ```
/// assert_eq!(posbook::ContractKind::Linear.to_string(), "linear");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContractKind {
    /// P/L in quote: quantity x contract size x (exit - entry).
    Linear,
    /// P/L in base: quantity x contract size x (1/entry - 1/exit).
    Inverse,
    /// P/L in a third currency at a fixed rate: quantity x contract size x (exit - entry), the contract size being what one point
    /// of one contract is worth in the settle currency.
    Quanto,
    /// No contract: the asset itself. As linear; and a fee in the base currency is taken from what is held.
    Spot,
}

impl ContractKind {
    /// What so many contracts are worth at a price, in the settle currency, rounded once, half-even (R17). Negative for an inverse
    /// contract.
    ///
    /// # Errors
    /// `NumericRange`: it needs more digits than there are, or what is not zero would be.
    pub(crate) fn value(
        self,
        what: &'static str,
        quantity: Quantity,
        contract_size: Quantity,
        price: Decimal,
        scale: u32,
    ) -> Result<Decimal, Rejection> {
        match self {
            Self::Inverse => {
                quotient_to("an inverse value", [quantity.get(), contract_size.get()], price, scale)
                    .map(|value| -value)
            }
            Self::Linear | Self::Quanto | Self::Spot => {
                product_rounded(what, [quantity.get(), contract_size.get(), price], scale)
            }
        }
    }

    /// The price at which so many contracts have this value, rounded to 18 significant digits: for averages, which are read, never
    /// booked. Of an inverse contract that is the harmonic mean of its prices. `None`: there is none.
    pub(crate) fn average(
        self,
        value: Decimal,
        quantity: Quantity,
        contract_size: Quantity,
    ) -> Option<Decimal> {
        let (quantity, size) = (quantity.get(), contract_size.get());
        match self {
            Self::Inverse => quotient_rounded(quantity.checked_mul(size)?, -value, Decimal::ONE),
            Self::Linear | Self::Quanto | Self::Spot => quotient_rounded(value, quantity, size),
        }
    }
}

impl fmt::Display for ContractKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ContractKind::Linear => "linear",
            ContractKind::Inverse => "inverse",
            ContractKind::Quanto => "quanto",
            ContractKind::Spot => "spot",
        })
    }
}

/// One exposure an instrument, or one a side.
///
/// ```
/// assert_ne!(posbook::PositionMode::OneWay, posbook::PositionMode::Hedge);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PositionMode {
    /// Buys and sells net into one exposure: [`Leg::Net`].
    OneWay,
    /// Long and short stand beside each other: [`Leg::Long`], [`Leg::Short`].
    Hedge,
}

impl PositionMode {
    /// Whether an instrument in this mode has this leg.
    pub const fn has(self, leg: Leg) -> bool {
        matches!(
            (self, leg),
            (PositionMode::OneWay, Leg::Net) | (PositionMode::Hedge, Leg::Long | Leg::Short)
        )
    }

    /// The leg on which an exposure of this side stands.
    pub const fn leg(self, side: Side) -> Leg {
        match (self, side) {
            (PositionMode::OneWay, _) => Leg::Net,
            (PositionMode::Hedge, Side::Long) => Leg::Long,
            (PositionMode::Hedge, Side::Short) => Leg::Short,
        }
    }
}

/// Whether prices of an instrument may be zero or negative (power, spreads, a barrel in April 2020).
///
/// ```
/// assert_ne!(posbook::PriceSign::Positive, posbook::PriceSign::Any);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PriceSign {
    /// Only prices above zero.
    Positive,
    /// Any price.
    Any,
}

/// Everything that defines an instrument, before it is checked. Fill it in and call [`Instrument::new`].
///
/// ```
/// use posbook::{Instrument, InstrumentSpec};
///
/// let spec = InstrumentSpec::linear("ETH/USDT:USDT", "0.01", "1")?.with_contract_size("0.01".parse()?);
/// assert_eq!(Instrument::new(spec)?.contract_size().get().to_string(), "0.01");
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct InstrumentSpec {
    /// The venue's name for it.
    pub symbol: Symbol,
    /// How it turns price differences into money.
    pub kind: ContractKind,
    /// Base units in one contract (linear), quote units in one contract (inverse), settle units a point (quanto), 1 (spot).
    pub contract_size: Quantity,
    /// The grid of order prices. It bounds what is sent, not what a venue reports (R4).
    pub price_step: Price,
    /// The grid of order quantities, in contracts.
    pub quantity_step: Quantity,
    /// The least quantity of an order, in contracts. A rest below it is dust (R18).
    pub minimum: Quantity,
    /// What is bought.
    pub base: Currency,
    /// What prices are in.
    pub quote: Currency,
    /// What profit is paid in.
    pub settle: Currency,
    /// Whether prices may be zero or negative.
    pub prices: PriceSign,
    /// One exposure, or one a side.
    pub mode: PositionMode,
    /// Decimals of the settle currency to which a fill's cash is rounded, once, half-even (R17).
    pub money_scale: u32,
}

impl InstrumentSpec {
    /// A linear contract of size 1 in one-way mode, minimum one step, currencies read from a symbol of the form
    /// `BASE/QUOTE` or `BASE/QUOTE:SETTLE`. The money scale is such that a fill on the steps is exact, at least 8.
    ///
    /// # Errors
    /// A [`Rejection`] naming the part that does not parse.
    pub fn linear(symbol: &str, price_step: &str, quantity_step: &str) -> Result<Self, Rejection> {
        let name: Symbol = symbol.parse()?;
        let bad = || Reason::BadSymbol {
            symbol: crate::error::shorten(symbol),
            rule: "is not BASE/QUOTE or BASE/QUOTE:SETTLE; name the currencies in an InstrumentSpec",
        };
        let (base, rest) = symbol.split_once('/').ok_or_else(bad)?;
        let (quote, settle) = rest.split_once(':').unwrap_or((rest, rest));
        // A dated contract is written BASE/QUOTE:SETTLE-240927.
        let settle = settle.split_once('-').map_or(settle, |(currency, _)| currency);
        let price_step: Price = price_step.parse()?;
        let quantity_step: Quantity = quantity_step.parse()?;
        Ok(Self {
            symbol: name,
            kind: ContractKind::Linear,
            contract_size: Quantity::new(Decimal::ONE)?,
            price_step,
            quantity_step,
            minimum: quantity_step,
            base: base.parse()?,
            quote: quote.parse()?,
            settle: settle.parse()?,
            prices: PriceSign::Positive,
            mode: PositionMode::OneWay,
            money_scale: (price_step.get().scale() + quantity_step.get().scale()).clamp(8, FINE_MONEY_SCALE),
        })
    }
}

impl InstrumentSpec {
    /// As [`InstrumentSpec::linear`], of another kind. Values of an inverse contract are quotients, which seldom end: its money has
    /// 18 decimals.
    ///
    /// ```
    /// use posbook::{ContractKind, InstrumentSpec};
    ///
    /// // One contract is 100 USD.
    /// let spec = InstrumentSpec::linear("BTC/USD:BTC", "0.1", "1")?.of_kind(ContractKind::Inverse);
    /// assert_eq!(spec.with_contract_size("100".parse()?).settle.as_str(), "BTC");
    /// # Ok::<(), posbook::Rejection>(())
    /// ```
    #[must_use]
    pub fn of_kind(mut self, kind: ContractKind) -> Self {
        self.kind = kind;
        if kind == ContractKind::Inverse {
            self.money_scale = FINE_MONEY_SCALE;
        }
        self
    }

    /// Contracts of this size, with a money scale that keeps a fill on the steps exact (at most 18).
    #[must_use]
    pub fn with_contract_size(mut self, size: Quantity) -> Self {
        let steps = self.price_step.get().scale() + self.quantity_step.get().scale();
        self.contract_size = size;
        if self.kind != ContractKind::Inverse {
            self.money_scale = (steps + size.get().scale()).clamp(8, FINE_MONEY_SCALE);
        }
        self
    }
}

/// The finest that is chosen for an instrument that states none: sums of money keep ten digits before the point.
const FINE_MONEY_SCALE: u32 = 18;
/// The finest that may be asked for: four digits are left before the point.
const MAX_MONEY_SCALE: u32 = 24;

/// A checked instrument: an immutable value.
///
/// ```
/// use posbook::Instrument;
///
/// let btc = Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?;
/// assert_eq!(btc.settle().as_str(), "USDT");
/// assert!(Instrument::linear("BTC/USDT:USDT", "0", "0.001").is_err());
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "InstrumentSpec", into = "InstrumentSpec")]
pub struct Instrument(InstrumentSpec);

impl TryFrom<InstrumentSpec> for Instrument {
    type Error = Rejection;

    fn try_from(spec: InstrumentSpec) -> Result<Self, Rejection> {
        Self::new(spec)
    }
}

impl From<Instrument> for InstrumentSpec {
    fn from(instrument: Instrument) -> Self {
        instrument.0
    }
}

impl Instrument {
    /// Checks a specification.
    ///
    /// # Errors
    /// A [`Rejection`] naming the first field that is not usable.
    pub fn new(spec: InstrumentSpec) -> Result<Self, Rejection> {
        let positive = |what, value: Decimal| {
            (value > Decimal::ZERO).then_some(()).ok_or(Reason::OutOfRange {
                what,
                value,
                rule: "must be positive",
            })
        };
        positive("contract size", spec.contract_size.get())?;
        positive("price step", spec.price_step.get())?;
        positive("quantity step", spec.quantity_step.get())?;
        if spec.kind == ContractKind::Inverse && spec.prices == PriceSign::Any {
            return Err(Reason::BadSymbol {
                symbol: spec.symbol.to_string(),
                rule: "is an inverse contract, whose prices are above zero: it divides by them",
            }
            .into());
        }
        if spec.money_scale > MAX_MONEY_SCALE {
            let value = Decimal::from(spec.money_scale);
            return Err(Reason::OutOfRange { what: "money scale", value, rule: "must be at most 24" }.into());
        }
        Ok(Self(spec))
    }

    /// A linear contract of size 1; see [`InstrumentSpec::linear`].
    ///
    /// # Errors
    /// A [`Rejection`] naming the part that does not parse or the field that is not usable.
    pub fn linear(symbol: &str, price_step: &str, quantity_step: &str) -> Result<Self, Rejection> {
        Self::new(InstrumentSpec::linear(symbol, price_step, quantity_step)?)
    }

    /// All fields.
    pub fn spec(&self) -> &InstrumentSpec {
        &self.0
    }

    /// The venue's name for it.
    pub fn symbol(&self) -> &Symbol {
        &self.0.symbol
    }

    /// How it turns price differences into money.
    pub fn kind(&self) -> ContractKind {
        self.0.kind
    }

    /// What one contract is: base units (linear), quote units (inverse), settle units a point (quanto).
    pub fn contract_size(&self) -> Quantity {
        self.0.contract_size
    }

    /// The grid of order prices.
    pub fn price_step(&self) -> Price {
        self.0.price_step
    }

    /// The grid of order quantities, in contracts.
    pub fn quantity_step(&self) -> Quantity {
        self.0.quantity_step
    }

    /// The least quantity of an order, in contracts.
    pub fn minimum(&self) -> Quantity {
        self.0.minimum
    }

    /// What is bought.
    pub fn base(&self) -> &Currency {
        &self.0.base
    }

    /// What prices are in.
    pub fn quote(&self) -> &Currency {
        &self.0.quote
    }

    /// What profit is paid in.
    pub fn settle(&self) -> &Currency {
        &self.0.settle
    }

    /// One exposure, or one a side.
    pub fn mode(&self) -> PositionMode {
        self.0.mode
    }

    /// Decimals to which money is rounded (R17).
    pub fn money_scale(&self) -> u32 {
        self.0.money_scale
    }

    /// What so many contracts are worth at a price, as it is booked: see [`ContractKind`].
    pub(crate) fn value(
        &self,
        what: &'static str,
        quantity: Quantity,
        price: Price,
    ) -> Result<Decimal, Rejection> {
        self.0.kind.value(what, quantity, self.0.contract_size, price.get(), self.0.money_scale)
    }

    /// The average price of so many contracts of this value.
    pub(crate) fn average(&self, value: Decimal, quantity: Quantity) -> Option<Decimal> {
        self.0.kind.average(value, quantity, self.0.contract_size)
    }

    /// The greatest quantity on the grid that is not above `quantity`; zero if no quantity holds it, because the
    /// step is too fine for one so great.
    pub fn floor_to_step(&self, quantity: Quantity) -> Quantity {
        let step = self.0.quantity_step.get();
        // Exact: a difference that is rounded to 28 digits could be the quantity itself.
        let rest = quantity.get().checked_rem(step);
        let floor = rest.and_then(|rest| exact_sub("a floored amount", quantity.get(), rest).ok());
        floor.and_then(|floor| Quantity::new(floor).ok()).unwrap_or(Quantity::ZERO)
    }

    /// The least quantity on the grid that is not below the minimum.
    pub(crate) fn least_order(&self) -> Result<Quantity, Rejection> {
        let floor = self.floor_to_step(self.0.minimum);
        if floor < self.0.minimum { floor.plus(self.0.quantity_step) } else { Ok(floor) }
    }

    /// Refuses a price that this instrument cannot have.
    pub(crate) fn check_price(&self, what: &'static str, price: Price) -> Result<(), Rejection> {
        if self.0.prices == PriceSign::Positive && price.get() <= Decimal::ZERO {
            let rule = "must be positive; this instrument does not allow zero or negative prices";
            return Err(Reason::OutOfRange { what, value: price.get(), rule }.into());
        }
        Ok(())
    }

    /// Refuses a quantity that cannot be sent: zero, off the step, or below the minimum. What is left of a position
    /// may be closed whatever its size, so `minimum` is not asked then.
    pub(crate) fn check_order(&self, quantity: Quantity, minimum: bool) -> Result<(), Rejection> {
        if quantity.is_zero() {
            return Err(Reason::OutOfRange {
                what: "amount",
                value: quantity.get(),
                rule: "must be positive",
            }
            .into());
        }
        if minimum {
            let step = self.0.quantity_step.get();
            if quantity.get().checked_rem(step).is_none_or(|rest| !rest.is_zero()) {
                return Err(Reason::NotOnStep { what: "amount", value: quantity.get(), step }.into());
            }
            if quantity < self.0.minimum {
                return Err(Reason::BelowMinimum { value: quantity, minimum: self.0.minimum }.into());
            }
        }
        Ok(())
    }
}
