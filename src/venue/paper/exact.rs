//! Sums and products of the paper venue: exact, or refused. Written on its own, so that the venue does not repeat a
//! mistake of the book.

use rust_decimal::Decimal;

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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        Decimal::from_str_exact(text).unwrap()
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
