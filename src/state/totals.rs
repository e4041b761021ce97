//! Sums over the whole book, kept up with every change, so that a snapshot has them for nothing and limits can be
//! checked inside the compare-and-swap (R13).

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::error::{Reason, Rejection};
use crate::model::{Currency, Instrument, KeyState, exact_add, exact_sub, product_rounded};
use crate::sync::Arc;

/// Counts and sums over a book at one sequence.
///
/// ```
/// use posbook::{Book, Fill, Instrument, OrderSide};
///
/// let book = Book::builder().build()?;
/// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// book.record(Fill::trade(btc, "1".parse()?, OrderSide::Buy, "2".parse()?, "100".parse()?))?;
/// let view = book.snapshot();
/// assert_eq!(view.totals().positions, 1);
/// assert_eq!(view.totals().money(&"USDT".parse()?).cost.to_string(), "200");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Open positions.
    pub positions: usize,
    /// Flat keys on which an order is opening a position; limits count them.
    pub opening: usize,
    /// Unresolved orders.
    pub orders: usize,
    /// Of those, how many are in doubt.
    pub in_doubt: usize,
    /// Keys with something wrong ([`KeyState::troubles`]).
    pub troubled: usize,
    /// Fills of unknown instruments, kept and not booked (R4).
    pub strays: u64,
    /// Fills booked.
    pub fills: u64,
    /// One a currency, by name.
    money: SmallVec<[(Currency, Money); 1]>,
}

/// Sums of money in one currency.
///
/// ```
/// assert!(posbook::Money::default().realised.is_zero());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Money {
    /// Open cost of every position.
    #[serde(with = "crate::model::money")]
    pub cost: Decimal,
    /// Unfilled increases, at the price that each was reserved with.
    #[serde(with = "crate::model::money")]
    pub in_flight: Decimal,
    /// Cash of every fill.
    #[serde(with = "crate::model::money")]
    pub cash: Decimal,
    /// Realised profit, before fees.
    #[serde(with = "crate::model::money")]
    pub realised: Decimal,
    /// What fills do not account for.
    #[serde(with = "crate::model::money")]
    pub unexplained: Decimal,
    /// Fees paid.
    #[serde(with = "crate::model::money")]
    pub fees: Decimal,
}

impl Totals {
    /// The sums in one currency.
    pub fn money(&self, currency: &Currency) -> Money {
        self.money.iter().find(|(c, _)| c == currency).map_or_else(Money::default, |(_, money)| *money)
    }

    /// Every currency and its sums, by name.
    pub fn currencies(&self) -> impl Iterator<Item = (&Currency, &Money)> {
        self.money.iter().map(|(currency, money)| (currency, money))
    }

    /// The totals after one key's value was replaced.
    pub(crate) fn replaced(
        &self,
        before: Option<&Arc<KeyState>>,
        after: &KeyState,
        instrument: &Instrument,
    ) -> Result<Self, Rejection> {
        let mut totals = self.clone();
        if let Some(before) = before {
            totals.count(before, instrument, Turn::Out)?;
        }
        totals.count(after, instrument, Turn::In)?;
        Ok(totals)
    }

    fn count(&mut self, key: &KeyState, instrument: &Instrument, turn: Turn) -> Result<(), Rejection> {
        turn.count(&mut self.positions, usize::from(key.position.is_some()));
        turn.count(&mut self.opening, usize::from(is_opening(key)));
        turn.count(&mut self.orders, key.orders.len());
        turn.count(&mut self.in_doubt, key.orders.iter().filter(|o| o.in_doubt()).count());
        turn.count(&mut self.troubled, usize::from(!key.troubles.is_empty()));
        self.fills = match turn {
            Turn::In => self.fills.saturating_add(key.ledger.fills),
            Turn::Out => self.fills.saturating_sub(key.ledger.fills),
        };
        let cost = key.position.as_ref().map_or(Decimal::ZERO, |p| p.cost);
        let in_flight = in_flight(key, instrument)?;
        let money = self.entry(instrument.settle());
        turn.sum(&mut money.cost, cost)?;
        turn.sum(&mut money.in_flight, in_flight)?;
        turn.sum(&mut money.cash, key.ledger.cash)?;
        turn.sum(&mut money.realised, key.ledger.realised)?;
        turn.sum(&mut money.unexplained, key.ledger.unexplained)?;
        for (currency, fee) in key.ledger.fees.iter() {
            turn.sum(&mut self.entry(currency).fees, fee)?;
        }
        // What is all zero is not listed, so that equal books have equal totals however they came about.
        self.money.retain(|(_, money)| *money != Money::default());
        Ok(())
    }

    fn entry(&mut self, currency: &Currency) -> &mut Money {
        let place = match self.money.binary_search_by(|(c, _)| c.cmp(currency)) {
            Ok(place) => place,
            Err(place) => {
                self.money.insert(place, (currency.clone(), Money::default()));
                place
            }
        };
        #[allow(clippy::indexing_slicing)] // found or inserted there
        &mut self.money[place].1
    }
}

/// Whether a flat key is being opened.
pub(crate) fn is_opening(key: &KeyState) -> bool {
    key.position.is_none() && key.orders.iter().any(|o| o.intent.increases())
}

/// What unfilled increases of a key are worth at the prices they were reserved with.
pub(crate) fn in_flight(key: &KeyState, instrument: &Instrument) -> Result<Decimal, Rejection> {
    let mut sum = Decimal::ZERO;
    for order in key.orders.iter().filter(|o| o.intent.increases()) {
        if let Some(reference) = order.reference {
            let factors = [order.remaining().get(), instrument.contract_size().get(), reference.get().abs()];
            // Rounded to nothing is worth nothing: this is a valuation, not a booking.
            let value =
                product_rounded("exposure in flight", factors, instrument.money_scale()).unwrap_or_default();
            sum = exact_add("exposure in flight", sum, value)?;
        }
    }
    Ok(sum)
}

/// Whether a key's value enters the sums or leaves them.
#[derive(Clone, Copy)]
enum Turn {
    In,
    Out,
}

impl Turn {
    fn count(self, count: &mut usize, by: usize) {
        *count = match self {
            Turn::In => count.saturating_add(by),
            Turn::Out => count.saturating_sub(by),
        };
    }

    fn sum(self, sum: &mut Decimal, by: Decimal) -> Result<(), Rejection> {
        *sum = match self {
            Turn::In => exact_add("a total of the book", *sum, by)?,
            Turn::Out => exact_sub("a total of the book", *sum, by)?,
        };
        Ok(())
    }
}

/// Refuses what would exceed a limit.
pub(crate) fn within(which: &'static str, value: Decimal, limit: Decimal) -> Result<(), Rejection> {
    if value > limit { Err(Reason::Limit { which, value, limit }.into()) } else { Ok(()) }
}
