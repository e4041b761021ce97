//! The money of one key, so that conservation holds by construction (I9, R17).
//!
//! Per key and settle currency, after every change: `cash = realised - s x C + unexplained`, where `s` is +1 for a
//! long and -1 for a short and `C` the open cost of the position.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::number::{exact_add, trimmed};
use super::text::Currency;
use crate::error::Rejection;

/// Sums of money, one a currency, in the order of the currencies' names. A currency that sums to zero is not listed.
///
/// ```
/// use posbook::{Decimal, Sums};
///
/// let mut fees = Sums::default();
/// fees.add(&"USDT".parse()?, Decimal::new(25, 2))?;
/// fees.add(&"BNB".parse()?, Decimal::new(1, 3))?;
/// assert_eq!(fees.of(&"USDT".parse()?).to_string(), "0.25");
/// assert_eq!(fees.iter().count(), 2);
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct Sums(SmallVec<[(Currency, MoneyText); 1]>);

/// A decimal that serialises as a string in every format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct MoneyText(Decimal);

impl Serialize for MoneyText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        money::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for MoneyText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        money::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Sums {
    /// Whatever order another program wrote: sorted, once a currency, without zeros.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut sums = Self::default();
        for (currency, amount) in SmallVec::<[(Currency, MoneyText); 1]>::deserialize(deserializer)? {
            sums.add(&currency, amount.0).map_err(serde::de::Error::custom)?;
        }
        Ok(sums)
    }
}

impl Clone for Sums {
    fn clone(&self) -> Self {
        Self(few(&self.0))
    }
}

/// A copy of what almost always has one element or none: for those, a tenth of what `SmallVec::clone` costs.
pub(crate) fn few<T: Clone>(of: &SmallVec<[T; 1]>) -> SmallVec<[T; 1]> {
    match of.as_slice() {
        [] => SmallVec::new(),
        [only] => SmallVec::from_buf([only.clone()]),
        many => many.iter().cloned().collect(),
    }
}

impl Sums {
    /// The sum in one currency; zero if it is not listed.
    pub fn of(&self, currency: &Currency) -> Decimal {
        self.0.iter().find(|(c, _)| c == currency).map_or(Decimal::ZERO, |(_, sum)| sum.0)
    }

    /// Adds to the sum of one currency.
    ///
    /// # Errors
    /// `NumericRange` if the exact sum needs more digits than a decimal holds; nothing is changed then.
    pub fn add(&mut self, currency: &Currency, amount: Decimal) -> Result<(), Rejection> {
        if amount.is_zero() {
            return Ok(());
        }
        match self.0.binary_search_by(|(c, _)| c.cmp(currency)) {
            Err(place) => self.0.insert(place, (currency.clone(), MoneyText(trimmed(amount)))),
            Ok(place) => {
                if let Some((_, sum)) = self.0.get_mut(place) {
                    sum.0 = trimmed(exact_add("a sum of money", sum.0, amount)?);
                    if sum.0.is_zero() {
                        self.0.remove(place);
                    }
                }
            }
        }
        Ok(())
    }

    /// Every currency and its sum.
    pub fn iter(&self) -> impl Iterator<Item = (&Currency, Decimal)> {
        self.0.iter().map(|(currency, sum)| (currency, sum.0))
    }

    /// True if every sum is zero.
    pub fn is_zero(&self) -> bool {
        self.0.is_empty()
    }
}

/// What moved on one key since the book began: every life of it, in the instrument's settle currency.
///
/// ```
/// let ledger = posbook::Ledger::default();
/// assert!(ledger.realised.is_zero() && ledger.fees.is_zero());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// Sum of the cash of every booked fill: what sells brought less what buys cost. Fees apart.
    #[serde(with = "money")]
    pub cash: Decimal,
    /// Profit of everything that was reduced or closed, price differences only.
    #[serde(with = "money")]
    pub realised: Decimal,
    /// What cash and positions do not account for: positions dropped without a fill, until the fills that closed them
    /// come (R8). What never comes stays here for ever.
    #[serde(with = "money")]
    pub unexplained: Decimal,
    /// Fees paid (positive) and rebates received (negative), each in its own currency.
    pub fees: Sums,
    /// Funding received (positive) and paid (negative), each in its own currency. Periods that nobody told are not in it.
    pub funding: Sums,
    /// Fills booked.
    pub fills: u64,
}

/// As [`money`], of what may not be there.
pub(crate) mod money_if_any {
    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::MoneyText;

    pub(crate) fn serialize<S: Serializer>(value: &Option<Decimal>, to: S) -> Result<S::Ok, S::Error> {
        value.map(MoneyText).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Decimal>, D::Error> {
        Ok(Option::<MoneyText>::deserialize(from)?.map(|text| text.0))
    }
}

/// `Decimal` as a string that is read back strictly, in formats that describe themselves and in those that do not.
pub(crate) mod money {
    use std::borrow::Cow;

    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        let strict = text.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-');
        let parsed = if strict { Decimal::from_str_exact(&text).ok() } else { None };
        parsed.ok_or_else(|| serde::de::Error::custom(format!("not a decimal: {text:.40}")))
    }
}
