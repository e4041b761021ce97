//! Sums and products of the paper venue: exact, or refused. Written on its own, so that the venue does not repeat a
//! mistake of the book.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::model::Price;

/// `a + b`. `None`: the exact sum needs more digits than a decimal holds. It is exact when each addend comes back
/// by taking the other one away.
pub(super) fn sum(a: Decimal, b: Decimal) -> Option<Decimal> {
    let sum = a.checked_add(b)?;
    let exact = sum.checked_sub(a)? == b && sum.checked_sub(b)? == a;
    exact.then(|| sum.normalize())
}

/// `a x b`. `None`: the exact product needs more digits than a decimal holds. It is exact when it has all decimals
/// of both factors.
pub(super) fn product(a: Decimal, b: Decimal) -> Option<Decimal> {
    if a.is_zero() || b.is_zero() {
        return Some(Decimal::ZERO);
    }
    let (a, b) = (a.normalize(), b.normalize());
    let product = a.checked_mul(b)?;
    (product.scale() == a.scale().checked_add(b.scale())?).then(|| product.normalize())
}

/// To so many decimals, half-even.
pub(super) fn rounded(value: Decimal, scale: u32) -> Decimal {
    value.round_dp_with_strategy(scale, RoundingStrategy::MidpointNearestEven).normalize()
}

/// `a x b / c` to so many decimals, half-even, by a division of whole numbers with its remainder; `c` is above zero.
/// `None`: 128 bits do not hold the dividend.
pub(super) fn quotient(a: Decimal, b: Decimal, c: Decimal, scale: u32) -> Option<Decimal> {
    let [a, b, c] = [a, b, c].map(|d| d.normalize());
    let ten = |power: u32| 10_i128.checked_pow(power);
    let (mut above, mut below) = (a.mantissa().checked_mul(b.mantissa())?, c.mantissa());
    // a x b / c = above x 10^-(a + b) / (below x 10^-c), counted in units of the last decimal that is asked for.
    let (have, want) = (a.scale() + b.scale(), scale + c.scale());
    match want.checked_sub(have) {
        Some(more) => above = above.checked_mul(ten(more)?)?,
        None => below = below.checked_mul(ten(have - want)?)?,
    }
    let whole = (below > 0).then(|| above.div_euclid(below))?;
    let rest = above.rem_euclid(below);
    let up = match rest.cmp(&(below - rest)) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => whole % 2 != 0,
        std::cmp::Ordering::Greater => true,
    };
    let units = if up { whole.checked_add(1)? } else { whole };
    Some(Decimal::try_from_i128_with_scale(units, scale).ok()?.normalize())
}

/// The average price of so many contracts of this size that cost `value`, if a price holds enough digits: rounded to
/// `scale` decimals, contracts x size x average is `value` again. `None`: no price does.
pub(super) fn average(value: Decimal, contracts: Decimal, size: Decimal, scale: u32) -> Option<Price> {
    let units = product(contracts, size)?;
    let quotient = value.checked_div(units)?;
    let average = Price::new(quotient).ok().or_else(|| {
        let short = quotient.round_sf_with_strategy(16, RoundingStrategy::MidpointNearestEven)?;
        Price::new(short.round_dp_with_strategy(18, RoundingStrategy::MidpointNearestEven)).ok()
    })?;
    // Whoever forms the product exactly has room for it.
    let digits = [contracts, size, average.get()].map(|d| d.normalize().mantissa());
    digits.into_iter().try_fold(1_i128, i128::checked_mul)?;
    let back = average.get().checked_mul(units)?;
    // Below half a unit of the last place, less what the product itself was rounded by.
    let near = back.checked_sub(value)?.abs() < Decimal::try_new(4, scale.checked_add(1)?).ok()?;
    (near && value.normalize().scale() <= scale).then_some(average)
}

/// Whether [`average`] finds one for every order of at most so many contracts with so many decimals, as long as prices
/// stay below ten times this one and have no more decimals.
pub(super) fn has_averages(
    contracts: Decimal,
    decimals: u32,
    size: Decimal,
    price: Decimal,
    scale: u32,
) -> bool {
    let found = || {
        let on_grid = decimals + size.normalize().scale() + price.normalize().scale() <= scale;
        // The last of 16 digits of such a price, of which no more than 18 are behind the point.
        let most = price.abs().checked_mul(Decimal::TEN)?;
        let (mut last, mut reach) = (Decimal::new(1, 18), Decimal::new(1, 2));
        while reach < most {
            (last, reach) = (last.checked_mul(Decimal::TEN)?, reach.checked_mul(Decimal::TEN)?);
        }
        let off = contracts.checked_mul(size)?.checked_mul(last)?;
        Some(on_grid && off < Decimal::try_new(8, scale.checked_add(1)?).ok()?)
    };
    found().unwrap_or(false)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        Decimal::from_str_exact(text).unwrap()
    }

    #[test]
    fn an_average_gives_the_sum_back_or_is_none() {
        // 1 at 3 and 2 at 4: 11 / 3 has no end, and 16 digits are enough for 8 decimals.
        let price = average(d("11"), d("3"), d("1"), 8).unwrap();
        assert_eq!(price.to_string(), "3.666666666666667");
        assert_eq!((price.get() * d("3")).round_dp(8), d("11"));
        assert_eq!(average(d("11"), d("3"), d("1"), 18), None, "two thirds have no 18 decimals in 16 digits");
        assert_eq!(average(d("7.5"), d("3"), d("1"), 18).unwrap().to_string(), "2.5");
        assert_eq!(average(d("0.123456789"), d("1"), d("1"), 8), None, "the sum itself is off the grid");
        assert!(has_averages(d("10"), 3, d("1"), d("61800.1"), 8));
        assert!(!has_averages(d("100000"), 3, d("1"), d("61800.1"), 8), "the error of 100000 shows");
        assert!(!has_averages(d("10"), 8, d("1"), d("61800.1"), 8), "a part's value may be off the grid");
    }

    #[test]
    fn quotients_are_rounded_once_to_the_even_digit_or_refused() {
        assert_eq!(quotient(d("1"), d("100"), d("30000"), 18), Some(d("0.003333333333333333")));
        assert_eq!(quotient(d("2"), d("100"), d("30000"), 18), Some(d("0.006666666666666667")));
        assert_eq!(quotient(d("1"), d("1"), d("8"), 2), Some(d("0.12")), "midway, to the even digit");
        assert_eq!(quotient(d("3"), d("1"), d("8"), 2), Some(d("0.38")));
        assert_eq!(quotient(d("-1"), d("1"), d("8"), 2), Some(d("-0.12")));
        assert_eq!(quotient(d("0.5"), d("0.5"), d("0.01"), 0), Some(d("25")));
        assert_eq!(quotient(d("1"), d("1"), d("0"), 8), None);
        assert_eq!(quotient(Decimal::MAX, Decimal::MAX, d("1"), 8), None);
        assert_eq!(rounded(d("0.125"), 2), d("0.12"));
    }

    #[test]
    fn sums_and_products_are_exact_or_refused() {
        assert_eq!(sum(d("0.1"), d("0.20")), Some(d("0.3")));
        assert_eq!(sum(d("-5"), d("5")), Some(d("0")));
        assert_eq!(sum(d("9999999999999999999999999999"), d("0.1")), None);
        assert_eq!(sum(d("4.0000000000000000000000000001"), d("4.0000000000000000000000000001")), None);
        assert_eq!(sum(Decimal::MAX, Decimal::MAX), None);
        assert_eq!(product(d("-1.50"), d("0.20")), Some(d("-0.3")));
        assert_eq!(product(d("0"), Decimal::MAX), Some(d("0")));
        assert_eq!(product(d("0.000000000000000001"), d("0.00000000001")), None);
        assert_eq!(product(d("1234567890.123456789"), d("1234567890.123456789")), None);
        assert_eq!(product(Decimal::MAX, d("2")), None);
    }
}
