//! One type a number, parsed once, then always valid. `Decimal` inside, no float anywhere.
//!
//! `rust_decimal` reports overflow but rounds underflow to zero, and its parser accepts `1_000`, `.5` and `+1`
//! (found by fuzzing). So the grammar here is our own and strict (`-?digits[.digits]`), the bounds keep products
//! exact, and every sum and product that would need more digits than there are is `NumericRange` (R17), never a
//! silently rounded figure.

use std::fmt;
use std::str::FromStr;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Reason, Rejection, shorten};

/// Decimals after the point that any number may carry: 1e-18 round-trips.
const MAX_SCALE: u32 = 18;
/// A price is also a mark, and a mark is one atomic word: 56 bits of signed mantissa, 8 of scale.
pub(crate) const MAX_PRICE_MANTISSA: i128 = (1 << 55) - 1;
/// Quantities fit in 63 bits of mantissa, so that quantity x price is exact in an `i128`.
const MAX_QUANTITY_MANTISSA: i128 = i64::MAX as i128;

/// Reads `-?digits[.digits]`, at most `MAX_SCALE` decimals after trailing zeros are dropped. Nothing else.
fn parse_strict(what: &'static str, text: &str) -> Result<Decimal, Rejection> {
    let malformed = |rule| Reason::Malformed { what, text: shorten(text), rule };
    if text.len() > 64 {
        return Err(malformed("is longer than 64 characters").into());
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) {
        return Err(
            malformed("is not of the form 123 or 123.45 (digits, at most one point between digits)").into()
        );
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > MAX_SCALE as usize {
        return Err(malformed("has more than 18 decimals").into());
    }
    // Without the trailing zeros, so that "1.0000000000000000000000000000" is 1 and not a range error.
    let sign = if digits.len() < text.len() { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    Decimal::from_str_exact(&format!("{sign}{whole}{point}{fraction}"))
        .map(|value| value.normalize())
        .map_err(|_| malformed("has more digits than a decimal holds (28)").into())
}

/// A signed amount of money in the same grammar and bounds as a quantity.
///
/// # Errors
/// It does not parse.
pub(crate) fn signed_amount(text: &str) -> Result<Decimal, Rejection> {
    match text.strip_prefix('-') {
        Some(digits) => digits.parse::<Quantity>().map(|amount| trimmed(-amount.get())),
        None => text.parse::<Quantity>().map(Quantity::get),
    }
}

/// Everything a number type shares: strict text both ways, `serde` as a string, `Display` without exponents.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Decimal);

        impl $name {
            /// Checks the bounds of the type.
            ///
            /// # Errors
            /// A [`Rejection`] naming the value and the bound it breaks.
            pub fn new(value: Decimal) -> Result<Self, Rejection> {
                let value = trimmed(value);
                let check: fn(Decimal) -> Option<&'static str> = $check;
                match check(value) {
                    None => Ok(Self(value)),
                    Some(rule) => Err(Reason::OutOfRange { what: $what, value, rule }.into()),
                }
            }

            /// The number itself.
            pub const fn get(self) -> Decimal {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = Rejection;

            fn from_str(text: &str) -> Result<Self, Rejection> {
                Self::new(parse_strict($what, text)?)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// The bound that both price and quantity share: at most 18 decimals, and a mantissa of limited size.
fn within(value: Decimal, mantissa: i128) -> bool {
    value.scale() <= MAX_SCALE && value.mantissa().abs() <= mantissa
}

number! {
    /// A number of contracts (spot: base units), never negative. Zero is a figure (an order may have filled
    /// nothing), but no order and no position has it.
    ///
    /// At most 18 decimals and 9.2e18 units of its last place.
    ///
    /// ```
    /// use posbook::Quantity;
    ///
    /// let lot: Quantity = "0.001".parse()?;
    /// assert_eq!(lot.to_string(), "0.001");
    /// for wrong in ["-1", "+1", ".5", "5.", "1_000", "1e3", "NaN", "inf", ""] {
    ///     assert!(wrong.parse::<Quantity>().is_err());
    /// }
    /// # Ok::<(), posbook::Rejection>(())
    /// ```
    Quantity, "amount", |value| {
        if value.is_sign_negative() && !value.is_zero() {
            Some("must not be negative")
        } else if !within(value, MAX_QUANTITY_MANTISSA) {
            Some("must have at most 18 decimals and at most 9223372036854775807 units of its last place")
        } else {
            None
        }
    }
}

number! {
    /// A price in quote currency per base unit (linear), exact.
    ///
    /// At most 18 decimals, and at most 36,028,797,018,963,967 units of its last place (every 16-digit price), so
    /// that a mark fits one atomic word. May be zero or negative as a value; only instruments that say so accept
    /// such a price (R18).
    ///
    /// ```
    /// use posbook::Price;
    ///
    /// let price: Price = "61804.80".parse()?;
    /// assert_eq!(price, "61804.8".parse()?);
    /// # Ok::<(), posbook::Rejection>(())
    /// ```
    Price, "price", |value| {
        (!within(value, MAX_PRICE_MANTISSA))
            .then_some("must have at most 18 decimals and at most 36028797018963967 units of its last place")
    }
}

number! {
    /// How many times the margin the exposure is. Touches margin only, never P/L.
    ///
    /// At most four decimals and at most 100,000; the *legal* range (1 to 125) is a limit of the book, not of the
    /// type, so that a wrong value can be refused with its name.
    ///
    /// ```
    /// use posbook::Leverage;
    ///
    /// assert_eq!(Leverage::of(10).to_string(), "10");
    /// assert_eq!("5.02".parse::<Leverage>()?.to_string(), "5.02");
    /// # Ok::<(), posbook::Rejection>(())
    /// ```
    Leverage, "leverage", |value| {
        (value.is_sign_negative() || value.scale() > 4 || value > Decimal::from(100_000))
            .then_some("must be between 0 and 100000 with at most four decimals")
    }
}

number! {
    /// A share of a price: `0.05` is five percent. Never negative, at most 10.
    ///
    /// ```
    /// use posbook::Fraction;
    ///
    /// let stop: Fraction = "0.05".parse()?;
    /// assert_eq!(stop.to_string(), "0.05");
    /// # Ok::<(), posbook::Rejection>(())
    /// ```
    Fraction, "fraction", |value| {
        (value.is_sign_negative() || value.scale() > MAX_SCALE || value > Decimal::TEN)
            .then_some("must be between 0 and 10 with at most 18 decimals")
    }
}

impl Default for Quantity {
    fn default() -> Self {
        Self::ZERO
    }
}

impl Quantity {
    /// Nothing at all.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// True for [`Quantity::ZERO`].
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// The sum, if the digits suffice.
    ///
    /// # Errors
    /// `NumericRange`.
    pub fn plus(self, other: Self) -> Result<Self, Rejection> {
        Self::new(exact_add("quantity", self.0, other.0)?)
    }

    /// The difference: what a fill leaves of a position. It must be a quantity, and exact.
    ///
    /// # Errors
    /// `NumericRange`, or out of the type's bounds.
    pub(crate) fn minus(self, other: Self) -> Result<Self, Rejection> {
        Self::new(exact_sub("quantity", self.0, other.0)?)
    }

    /// What is left after `other`, zero if `other` is the greater. For what is still to come, not for what is booked.
    pub fn less(self, other: Self) -> Self {
        match exact_sub("quantity", self.0, other.0) {
            Ok(left) if !left.is_sign_negative() => Self(trimmed(left)),
            Err(_) if other.0 < self.0 => self,
            _ => Self::ZERO,
        }
    }
}

impl Default for Price {
    fn default() -> Self {
        Self(Decimal::ZERO)
    }
}

impl Price {
    /// The nearest price that the type can hold: rounded half-even to 16 significant digits if need be. For prices
    /// that are computed (an average, a fraction of an entry), never for prices that a venue states.
    ///
    /// # Errors
    /// The value is out of every price's range, or rounds to zero though it is not zero (`NumericRange`).
    pub fn nearest(value: Decimal) -> Result<Self, Rejection> {
        if let Ok(price) = Self::new(value) {
            return Ok(price);
        }
        let rounded =
            value.round_sf_with_strategy(16, RoundingStrategy::MidpointNearestEven).unwrap_or(value);
        let rounded = rounded.round_dp_with_strategy(MAX_SCALE, RoundingStrategy::MidpointNearestEven);
        if rounded.is_zero() && !value.is_zero() {
            return Err(Reason::NumericRange { what: "a computed price" }.into());
        }
        Self::new(rounded)
    }

    /// The greatest multiple of `step` that is not above the value, or the least that is not below.
    pub(crate) fn on_step(value: Decimal, step: Decimal, up: bool) -> Result<Self, Rejection> {
        let range = || Reason::NumericRange { what: "a price on its step" };
        let steps = value.checked_div(step).ok_or_else(range)?;
        // The quotient may carry a rounding of its own in the 28th digit; multiples are found by comparing.
        let whole = if up { steps.ceil() } else { steps.floor() };
        Self::nearest(whole.checked_mul(step).ok_or_else(range)?)
    }
}

impl Fraction {
    /// The whole.
    pub const ONE: Self = Self(Decimal::ONE);

    /// Twice the fraction, as far as the type reaches: the predecessor's take profit is twice as far as its stop.
    pub(crate) fn doubled(self) -> Self {
        Self((self.0 + self.0).min(Decimal::TEN))
    }
}

impl Leverage {
    /// A whole leverage.
    pub fn of(times: u16) -> Self {
        Self(Decimal::from(times))
    }
}

/// `a + b`, or `NumericRange` if the exact sum needs more digits than a decimal holds.
pub(crate) fn exact_add(what: &'static str, a: Decimal, b: Decimal) -> Result<Decimal, Rejection> {
    // The crate's most frequent arithmetic: a fill moves ten sums. So it is done in integers, where the digits allow it.
    match sum_in_integers([a, b]) {
        Some(sum) => Ok(sum),
        // Trailing zeros are dropped only if they are in the way: dropping them costs more than adding.
        None => exact_add_trimmed(what, a.normalize(), b.normalize()),
    }
}

/// `sum - old + new`, or `NumericRange`: a sum one of whose parts has changed.
pub(crate) fn exact_move(
    what: &'static str,
    sum: Decimal,
    old: Decimal,
    new: Decimal,
) -> Result<Decimal, Rejection> {
    match sum_in_integers([sum, -old, new]) {
        Some(sum) => Ok(sum),
        None => exact_add(what, exact_sub(what, sum, old)?, new),
    }
}

/// `None`: they have too many digits for that.
fn sum_in_integers<const N: usize>(parts: [Decimal; N]) -> Option<Decimal> {
    let scale = parts.iter().map(Decimal::scale).max().unwrap_or_default();
    if let Some(sum) = short_sum(&parts, scale) {
        return Some(sum);
    }
    let mut sum = 0_i128;
    for part in parts {
        let (mantissa, more) = (part.mantissa(), scale - part.scale());
        let aligned = match (more, i64::try_from(mantissa)) {
            (0, _) => mantissa,
            // What fits 64 bits is multiplied without a check.
            (1..=18, Ok(short)) => i128::from(short) * power_of_ten(more)?,
            _ => mantissa.checked_mul(power_of_ten(more)?)?,
        };
        sum = sum.checked_add(aligned)?;
    }
    Decimal::try_from_i128_with_scale(sum, scale).ok()
}

/// The sum of what has one scale and 62 bits each, as money mostly does, in half the words. `None`: these have not.
fn short_sum<const N: usize>(parts: &[Decimal; N], scale: u32) -> Option<Decimal> {
    let mut sum = 0_i64;
    for part in parts {
        let words = part.unpack();
        if words.scale != scale || words.hi != 0 || words.mid >= 1 << 30 {
            return None;
        }
        let mantissa = i64::from(words.lo) | (i64::from(words.mid) << 32);
        sum = sum.checked_add(if words.negative { -mantissa } else { mantissa })?;
    }
    let half = |bits: u64| u32::try_from(bits & 0xffff_ffff).unwrap_or_default();
    let size = sum.unsigned_abs();
    Some(Decimal::from_parts(half(size), half(size >> 32), 0, sum < 0, scale))
}

#[cold]
fn exact_add_trimmed(what: &'static str, a: Decimal, b: Decimal) -> Result<Decimal, Rejection> {
    // A smaller scale than an addend's means that digits were rounded away.
    let sum = a.checked_add(b).filter(|sum| sum.scale() >= a.scale().max(b.scale()));
    sum.ok_or_else(|| Reason::NumericRange { what }.into())
}

/// The powers of ten that an `i128` holds.
#[allow(clippy::indexing_slicing, reason = "in a constant: what panics does not compile")]
const POWERS_OF_TEN: [i128; 39] = {
    let mut powers = [1; 39];
    let mut n = 1;
    while n < powers.len() {
        powers[n] = powers[n - 1] * 10;
        n += 1;
    }
    powers
};

/// 10^n. `None`: no `i128` holds it.
fn power_of_ten(n: u32) -> Option<i128> {
    POWERS_OF_TEN.get(usize::try_from(n).ok()?).copied()
}

/// The number without trailing zeros behind its point: most have none, which one remainder tells.
pub(crate) fn trimmed(value: Decimal) -> Decimal {
    let small = u64::try_from(value.mantissa().unsigned_abs());
    let already = match small {
        Ok(mantissa) => value.scale() == 0 || !mantissa.is_multiple_of(10),
        Err(_) => false,
    };
    // Minus zero is zero.
    if already && small != Ok(0) { value } else { value.normalize() }
}

/// `a - b`, or `NumericRange`.
pub(crate) fn exact_sub(what: &'static str, a: Decimal, b: Decimal) -> Result<Decimal, Rejection> {
    exact_add(what, a, -b)
}

/// `a x b x c` rounded once, half-even, to `scale` decimals (R17): the product is formed exactly in an `i128`.
/// A product that is not zero but would round to zero is `NumericRange`: a positive stays positive.
pub(crate) fn product_rounded(
    what: &'static str,
    [a, b, c]: [Decimal; 3],
    scale: u32,
) -> Result<Decimal, Rejection> {
    let range = || Reason::NumericRange { what };
    let mantissa = a
        .mantissa()
        .checked_mul(b.mantissa())
        .and_then(|ab| ab.checked_mul(c.mantissa()))
        .ok_or_else(range)?;
    let have = a.scale() + b.scale() + c.scale();
    let (mantissa, scale) = match have.checked_sub(scale) {
        None | Some(0) => (mantissa, have),
        Some(excess) => (divide_half_even(mantissa, excess), scale),
    };
    let product = Decimal::try_from_i128_with_scale(mantissa, scale).map_err(|_| range())?;
    let zero_expected = a.is_zero() || b.is_zero() || c.is_zero();
    if product.is_zero() && !zero_expected { Err(range().into()) } else { Ok(product) }
}

/// `a x b / divisor` rounded half-even to `scale` decimals; the divisor is above zero. What is not zero and would round to zero
/// is `NumericRange`.
pub(crate) fn quotient_to(
    what: &'static str,
    [a, b]: [Decimal; 2],
    divisor: Decimal,
    scale: u32,
) -> Result<Decimal, Rejection> {
    let range = || Reason::NumericRange { what };
    let whole = || {
        let above = a.mantissa().checked_mul(b.mantissa())?;
        // above / 10^(a + b) / (divisor / 10^d) in units of 10^-scale.
        let (have, want) = (a.scale() + b.scale(), scale + divisor.scale());
        let (above, below) = match want.checked_sub(have) {
            Some(more) => (above.checked_mul(power_of_ten(more)?)?, divisor.mantissa()),
            None => (above, divisor.mantissa().checked_mul(power_of_ten(have - want)?)?),
        };
        if below <= 0 { None } else { Decimal::try_from_i128_with_scale(half_even(above, below), scale).ok() }
    };
    // Too many digits for that: decimals have 28.
    let long = || {
        let quotient = a.checked_mul(b)?.checked_div(divisor).filter(|_| divisor > Decimal::ZERO)?;
        Some(quotient.round_dp_with_strategy(scale, RoundingStrategy::MidpointNearestEven))
    };
    let quotient = whole().or_else(long).ok_or_else(range)?;
    if quotient.is_zero() && !a.is_zero() && !b.is_zero() {
        Err(range().into())
    } else {
        Ok(trimmed(quotient))
    }
}

/// `n / 10^digits`, rounded half-even.
fn divide_half_even(n: i128, digits: u32) -> i128 {
    // More than 38 digits are dropped: nothing that fits an i128 is left, and it is below half.
    power_of_ten(digits).map_or(0, |divisor| half_even(n, divisor))
}

/// `n / divisor`, rounded half-even; the divisor is above zero.
fn half_even(n: i128, divisor: i128) -> i128 {
    // A division of 64 bits is a tenth of the work of one of 128.
    let quotient = match (i64::try_from(n), i64::try_from(divisor)) {
        (Ok(n), Ok(divisor)) => i128::from(n.checked_div(divisor).unwrap_or_default()),
        _ => n.checked_div(divisor).unwrap_or_default(),
    };
    let rest = (n - quotient * divisor).unsigned_abs();
    let other_half = divisor.unsigned_abs() - rest;
    let away = match rest.cmp(&other_half) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => quotient % 2 != 0,
        std::cmp::Ordering::Less => false,
    };
    if away { quotient + n.signum() } else { quotient }
}

/// The share `part / whole` of `cost`, rounded to `scale` decimals half-even. Whatever it rounds to is booked on
/// both sides, so conservation does not depend on its last digit (I9).
pub(crate) fn share_rounded(
    cost: Decimal,
    part: Quantity,
    whole: Quantity,
    scale: u32,
) -> Result<Decimal, Rejection> {
    let range = || Reason::NumericRange { what: "a share of the cost" };
    let share = match share_in_integers(cost, part, whole, scale) {
        Some(share) => share,
        // Too many digits for that: decimals have 28.
        None => {
            let share = match cost.checked_mul(part.0) {
                Some(product) => product.checked_div(whole.0),
                None => part.0.checked_div(whole.0).and_then(|ratio| cost.checked_mul(ratio)),
            };
            share.ok_or_else(range)?.round_dp_with_strategy(scale, RoundingStrategy::MidpointNearestEven)
        }
    };
    // What stays behind must still be worth something: a position with a quantity has a cost.
    let vanished = |d: Decimal| d.is_zero() && !cost.is_zero();
    if part < whole && (vanished(share) || vanished(cost - share)) {
        Err(range().into())
    } else {
        Ok(trimmed(share))
    }
}

/// As `share_rounded`, by one division of integers. `None`: they would not hold it.
fn share_in_integers(cost: Decimal, part: Quantity, whole: Quantity, scale: u32) -> Option<Decimal> {
    let (part, whole) = (part.0, whole.0);
    let product = cost.mantissa().checked_mul(part.mantissa())?;
    let (have, want) = (cost.scale() + part.scale(), scale + whole.scale());
    let (above, below) = match want.checked_sub(have) {
        Some(more) => (product.checked_mul(power_of_ten(more)?)?, whole.mantissa()),
        None => (product, whole.mantissa().checked_mul(power_of_ten(have - want)?)?),
    };
    if below <= 0 {
        return None;
    }
    Decimal::try_from_i128_with_scale(half_even(above, below), scale).ok()
}

/// `a / (b x c)` rounded to 18 significant digits: for averages, which are read, never booked (R17).
pub(crate) fn quotient_rounded(a: Decimal, b: Decimal, c: Decimal) -> Option<Decimal> {
    let quotient = a.checked_div(b)?.checked_div(c)?;
    quotient.round_sf_with_strategy(18, RoundingStrategy::MidpointNearestEven).map(|q| q.normalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        Decimal::from_str_exact(text).unwrap()
    }

    #[test]
    fn grammar_is_strict() {
        for text in ["1", "0", "0.1", "100.50", "1.000000000000000001", "00.5"] {
            assert!(text.parse::<Quantity>().is_ok(), "{text}");
        }
        let long = "1".repeat(10_000_000);
        for text in [
            "", " 1", "1 ", "+1", ".5", "5.", "1_000", "1e3", "1E3", "NaN", "inf", "1.2.3", "--1", "1,5",
            "٣", "0x10", "1e-29", &long,
        ] {
            assert!(text.parse::<Quantity>().is_err(), "{text:.20}");
            assert!(text.parse::<Price>().is_err(), "{text:.20}");
        }
        assert!("0.0000000000000000001".parse::<Quantity>().is_err());
        assert!("-0.1".parse::<Quantity>().is_err());
        assert!("-37.63".parse::<Price>().is_ok());
        assert_eq!("1.00000000000000000000000000000000000".parse::<Price>().unwrap().to_string(), "1");
        assert_eq!("0.000000000000000001".parse::<Quantity>().unwrap().to_string(), "0.000000000000000001");
    }

    #[test]
    fn sums_are_exact_or_refused() {
        assert_eq!(exact_add("x", d("0.1"), d("0.2")).unwrap(), d("0.3"));
        assert!(exact_add("x", d("9999999999999999999999999999"), d("0.1")).is_err());
        assert!(exact_add("x", Decimal::MAX, Decimal::MAX).is_err());
        assert_eq!(exact_sub("x", d("1"), d("1")).unwrap(), d("0"));
    }

    #[test]
    fn products_round_once_half_even_and_never_to_nothing() {
        let one = Decimal::ONE;
        assert_eq!(product_rounded("x", [d("0.5"), d("0.5"), one], 1).unwrap(), d("0.2"));
        assert_eq!(product_rounded("x", [d("1.5"), d("0.5"), one], 1).unwrap(), d("0.8"));
        assert_eq!(product_rounded("x", [d("-1.5"), d("0.5"), one], 1).unwrap(), d("-0.8"));
        assert_eq!(product_rounded("x", [d("3"), d("2"), d("0.01")], 8).unwrap(), d("0.06"));
        assert!(product_rounded("x", [d("0.000000001"), d("0.000000001"), one], 8).is_err());
        assert!(
            product_rounded("x", [d("79228162514264337593543950335"), d("99999999999"), d("9")], 8).is_err()
        );
    }

    #[test]
    fn prices_round_to_the_step_in_the_direction_asked() {
        assert_eq!(Price::on_step(d("48450.04"), d("0.1"), true).unwrap().get(), d("48450.1"));
        assert_eq!(Price::on_step(d("48450.06"), d("0.1"), false).unwrap().get(), d("48450"));
        assert_eq!(Price::on_step(d("48450"), d("0.1"), true).unwrap().get(), d("48450"));
    }
}
