//! Sums over the whole book, kept up with every change, so that a snapshot has them for nothing and limits can be
//! checked inside the compare-and-swap (R13).

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::error::{Reason, Rejection};
use crate::model::{Currency, Instrument, KeyState, Ledger, Order, Sums, exact_add, exact_move, few};
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
#[derive(Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
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
    /// Funding received, less what was paid.
    #[serde(with = "crate::model::money")]
    pub funding: Decimal,
}

impl Clone for Totals {
    fn clone(&self) -> Self {
        Self { money: few(&self.money), ..*self }
    }

    /// Into the memory that is there.
    fn clone_from(&mut self, other: &Self) {
        let mut money = std::mem::take(&mut self.money);
        let same = |((mine, _), (theirs, _)): (&(Currency, Money), &(Currency, Money))| mine == theirs;
        if money.len() == other.money.len() && money.iter().zip(&other.money).all(same) {
            money.iter_mut().zip(&other.money).for_each(|((_, mine), (_, theirs))| *mine = *theirs);
        } else {
            money.clone_from(&other.money);
        }
        *self = Self { money, ..*other };
    }
}

impl Money {
    fn is_zero(&self) -> bool {
        let Self { cost, exposure, in_flight, cash, realised, unexplained, fees, funding } = self;
        [cost, exposure, in_flight, cash, realised, unexplained, fees, funding]
            .into_iter()
            .all(Decimal::is_zero)
    }
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

    /// Puts one key's value in the place of another. Only what differs is moved: of a fill that is two or three sums.
    ///
    /// # Errors
    /// A sum would need more digits than there are; nothing is changed then.
    pub(crate) fn replace(
        &mut self,
        before: Option<&Arc<KeyState>>,
        after: &KeyState,
        instrument: &Instrument,
    ) -> Result<(), Rejection> {
        let old = Share::of(before.map(|b| &**b));
        let new = Share::of(Some(after));
        let (had, has) = (before.map_or(&[][..], |b| &b.orders), &after.orders[..]);
        let same_orders = same_orders(had, has);
        let settle = instrument.settle();
        let mut money = self.money(settle);
        // Where no price was ever negative the two are one and the same.
        let one_sign = same(money.cost, money.exposure) && !old.cost.is_sign_negative();
        move_sum(&mut money.cost, old.cost, new.cost)?;
        if one_sign && !new.cost.is_sign_negative() {
            money.exposure = money.cost;
        } else {
            move_sum(&mut money.exposure, old.cost.abs(), new.cost.abs())?;
        }
        move_sum(&mut money.cash, old.cash, new.cash)?;
        move_sum(&mut money.realised, old.realised, new.realised)?;
        move_sum(&mut money.unexplained, old.unexplained, new.unexplained)?;
        if !same_orders {
            move_sum(&mut money.in_flight, in_flight(had, instrument)?, in_flight(has, instrument)?)?;
        }
        let nothing = Ledger::default();
        let (was, is) = (before.map_or(&nothing, |b| &b.ledger), &after.ledger);
        move_sums(&mut money, settle, was, is)?;
        // Fees and funding in other currencies than the key settles in.
        let mut elsewhere: SmallVec<[(Currency, Money); 1]> = SmallVec::new();
        let listed = [&was.fees, &is.fees, &was.funding, &is.funding].into_iter().flat_map(Sums::iter);
        for (currency, _) in listed.filter(|(currency, _)| *currency != settle) {
            if elsewhere.iter().all(|(known, _)| known != currency) {
                let mut money = self.money(currency);
                move_sums(&mut money, currency, was, is)?;
                elsewhere.push((currency.clone(), money));
            }
        }
        // From here on nothing can fail.
        move_count(&mut self.positions, old.positions, new.positions);
        move_count(&mut self.opening, old.opening, new.opening);
        move_count(&mut self.troubled, old.troubled, new.troubled);
        self.fills = self.fills.saturating_sub(old.fills).saturating_add(new.fills);
        if !same_orders {
            move_count(&mut self.orders, had.len(), has.len());
            let in_doubt = |orders: &[Arc<Order>]| orders.iter().filter(|o| o.in_doubt()).count();
            move_count(&mut self.in_doubt, in_doubt(had), in_doubt(has));
        }
        self.set(settle, money);
        for (currency, money) in elsewhere {
            self.set(&currency, money);
        }
        Ok(())
    }

    /// Sets the sums of one currency. What is all zero is not listed, so that equal books have equal totals however they came
    /// about.
    fn set(&mut self, currency: &Currency, money: Money) {
        // Found by equality, which for one and the same name is a comparison of two addresses.
        match self.money.iter().position(|(c, _)| c == currency) {
            Some(place) if money.is_zero() => drop(self.money.remove(place)),
            Some(place) => {
                if let Some((_, sums)) = self.money.get_mut(place) {
                    *sums = money;
                }
            }
            None if money.is_zero() => {}
            None => {
                let place = self.money.partition_point(|(c, _)| c < currency);
                self.money.insert(place, (currency.clone(), money));
            }
        }
    }

    /// Whether the totals can still be exact with this value in place of that one. Seldom a question: what is far from the end
    /// of the digits is not computed to find out.
    pub(crate) fn can_be_replaced(
        &self,
        before: Option<&Arc<KeyState>>,
        after: &KeyState,
        instrument: &Instrument,
    ) -> Result<(), Rejection> {
        let short = |part: Option<&KeyState>| {
            part.is_none_or(|key| {
                let open = key.position.as_ref().map_or(Decimal::ZERO, |p| p.cost);
                let Ledger { cash, realised, unexplained, fees, funding, fills: _ } = &key.ledger;
                [&open, cash, realised, unexplained].into_iter().all(is_short)
                    && fees.iter().chain(funding.iter()).all(|(_, sum)| is_short(&sum))
            })
        };
        let sums = |money: &Money| {
            let Money { cost, exposure, in_flight, cash, realised, unexplained, fees, funding } = money;
            [cost, exposure, in_flight, cash, realised, unexplained, fees, funding].into_iter().all(is_short)
        };
        let had = before.map(|b| &**b);
        let same = same_orders(had.map_or(&[], |b| &b.orders), &after.orders);
        if same && short(had) && short(Some(after)) && self.money.iter().all(|(_, money)| sums(money)) {
            return Ok(());
        }
        self.clone().replace(before, after, instrument)
    }
}

/// Whether a flat key is being opened.
pub(crate) fn is_opening(key: &KeyState) -> bool {
    key.position.is_none() && key.orders.iter().any(|o| o.intent.increases())
}

/// Whether these are the very same values: nothing to count then.
fn same_orders(these: &[Arc<Order>], those: &[Arc<Order>]) -> bool {
    these.len() == those.len() && these.iter().zip(those).all(|(a, b)| Arc::ptr_eq(a, b))
}

/// What unfilled increases among a key's orders are worth at the prices they were reserved with.
pub(crate) fn in_flight(orders: &[Arc<Order>], instrument: &Instrument) -> Result<Decimal, Rejection> {
    let mut sum = Decimal::ZERO;
    for order in orders.iter().filter(|o| o.intent.increases()) {
        if let Some(reference) = order.reference {
            // Rounded to nothing is worth nothing: this is a valuation, not a booking.
            let value =
                instrument.value("exposure in flight", order.remaining(), reference).unwrap_or_default();
            sum = exact_add("exposure in flight", sum, value.abs())?;
        }
    }
    Ok(sum)
}

/// What one key adds to the totals; fees and orders apart.
#[derive(Default)]
struct Share {
    positions: usize,
    opening: usize,
    troubled: usize,
    fills: u64,
    cost: Decimal,
    cash: Decimal,
    realised: Decimal,
    unexplained: Decimal,
}

impl Share {
    fn of(key: Option<&KeyState>) -> Self {
        let Some(key) = key else { return Self::default() };
        Self {
            positions: usize::from(key.position.is_some()),
            opening: usize::from(is_opening(key)),
            troubled: usize::from(!key.troubles.is_empty()),
            fills: key.ledger.fills,
            cost: key.position.as_ref().map_or(Decimal::ZERO, |p| p.cost),
            cash: key.ledger.cash,
            realised: key.ledger.realised,
            unexplained: key.ledger.unexplained,
        }
    }
}

/// Whether so many of these can be added in any order and at any of their scales without running out of digits: 64 bits
/// of mantissa, brought to 9 decimals, are 94 bits at most, and a decimal has 96.
fn is_short(d: &Decimal) -> bool {
    d.scale() <= 9 && d.mantissa().unsigned_abs() < 1 << 63
}

fn move_count(count: &mut usize, old: usize, new: usize) {
    *count = count.saturating_sub(old).saturating_add(new);
}

/// Digit by digit: cheaper than by value.
fn same(a: Decimal, b: Decimal) -> bool {
    a.serialize() == b.serialize()
}

fn move_sum(sum: &mut Decimal, old: Decimal, new: Decimal) -> Result<(), Rejection> {
    // Moving a sum by nothing does no harm.
    if !same(old, new) {
        *sum = exact_move("a total of the book", *sum, old, new)?;
    }
    Ok(())
}

/// Moves the sums that a key has in any currency.
fn move_sums(money: &mut Money, currency: &Currency, was: &Ledger, is: &Ledger) -> Result<(), Rejection> {
    move_sum(&mut money.fees, was.fees.of(currency), is.fees.of(currency))?;
    move_sum(&mut money.funding, was.funding.of(currency), is.funding.of(currency))
}

/// Refuses what would exceed a limit.
pub(crate) fn within(which: &'static str, value: Decimal, limit: Decimal) -> Result<(), Rejection> {
    if value > limit { Err(Reason::Limit { which, value, limit }.into()) } else { Ok(()) }
}
