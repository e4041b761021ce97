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
    /// The same without signs: what limits count. Differs from the cost only where prices are negative.
    #[serde(with = "crate::model::money")]
    pub exposure: Decimal,
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

    /// The totals after one key's value was replaced. Only what differs is moved: of a fill that is two or three sums.
    pub(crate) fn replaced(
        &self,
        before: Option<&Arc<KeyState>>,
        after: &KeyState,
        instrument: &Instrument,
    ) -> Result<Self, Rejection> {
        let mut totals = self.clone();
        let (old, new) = (Share::of(before.map(|b| &**b), instrument)?, Share::of(Some(after), instrument)?);
        move_count(&mut totals.positions, old.positions, new.positions);
        move_count(&mut totals.opening, old.opening, new.opening);
        move_count(&mut totals.orders, old.orders, new.orders);
        move_count(&mut totals.in_doubt, old.in_doubt, new.in_doubt);
        move_count(&mut totals.troubled, old.troubled, new.troubled);
        totals.fills = totals.fills.saturating_sub(old.fills).saturating_add(new.fills);
        let money = totals.entry(instrument.settle());
        move_sum(&mut money.cost, old.money.cost, new.money.cost)?;
        move_sum(&mut money.exposure, old.money.exposure, new.money.exposure)?;
        move_sum(&mut money.in_flight, old.money.in_flight, new.money.in_flight)?;
        move_sum(&mut money.cash, old.money.cash, new.money.cash)?;
        move_sum(&mut money.realised, old.money.realised, new.money.realised)?;
        move_sum(&mut money.unexplained, old.money.unexplained, new.money.unexplained)?;
        let paid = before.map(|b| &b.ledger.fees);
        if paid != Some(&after.ledger.fees) {
            for (currency, fee) in paid.into_iter().flat_map(crate::model::Sums::iter) {
                move_sum(&mut totals.entry(currency).fees, fee, Decimal::ZERO)?;
            }
            for (currency, fee) in after.ledger.fees.iter() {
                move_sum(&mut totals.entry(currency).fees, Decimal::ZERO, fee)?;
            }
        }
        // What is all zero is not listed, so that equal books have equal totals however they came about.
        totals.money.retain(|(_, money)| *money != Money::default());
        Ok(totals)
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

/// What one key adds to the totals; fees apart.
#[derive(Default)]
struct Share {
    positions: usize,
    opening: usize,
    orders: usize,
    in_doubt: usize,
    troubled: usize,
    fills: u64,
    money: Money,
}

impl Share {
    fn of(key: Option<&KeyState>, instrument: &Instrument) -> Result<Self, Rejection> {
        let Some(key) = key else { return Ok(Self::default()) };
        let money = Money {
            cost: key.position.as_ref().map_or(Decimal::ZERO, |p| p.cost),
            exposure: key.position.as_ref().map_or(Decimal::ZERO, |p| p.cost.abs()),
            in_flight: in_flight(key, instrument)?,
            cash: key.ledger.cash,
            realised: key.ledger.realised,
            unexplained: key.ledger.unexplained,
            fees: Decimal::ZERO,
        };
        Ok(Self {
            positions: usize::from(key.position.is_some()),
            opening: usize::from(is_opening(key)),
            orders: key.orders.len(),
            in_doubt: key.orders.iter().filter(|o| o.in_doubt()).count(),
            troubled: usize::from(!key.troubles.is_empty()),
            fills: key.ledger.fills,
            money,
        })
    }
}

fn move_count(count: &mut usize, old: usize, new: usize) {
    *count = count.saturating_sub(old).saturating_add(new);
}

fn move_sum(sum: &mut Decimal, old: Decimal, new: Decimal) -> Result<(), Rejection> {
    if old != new {
        *sum = exact_add("a total of the book", exact_sub("a total of the book", *sum, old)?, new)?;
    }
    Ok(())
}

/// Refuses what would exceed a limit.
pub(crate) fn within(which: &'static str, value: Decimal, limit: Decimal) -> Result<(), Rejection> {
    if value > limit { Err(Reason::Limit { which, value, limit }.into()) } else { Ok(()) }
}
