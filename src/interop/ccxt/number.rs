//! Numbers as exchanges write them: JSON numbers or text, with exponents, of any length. Exact decimals come out; no float in
//! between.

use rust_decimal::Decimal;

/// Longer texts are no numbers.
const LONGEST: usize = 128;
/// Every number of this many digits fits a decimal.
const DIGITS: usize = 28;

/// A number, and whether it is all of what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    pub value: Decimal,
    /// False: there were more digits than a decimal holds, and the last ones were rounded half-even.
    pub exact: bool,
}

/// Reads `-?digits[.digits][e[+-]digits]`. `None`: not a number, or outside of what a decimal can hold; a number that is not
/// zero never becomes zero.
pub(super) fn number(text: &str) -> Option<Number> {
    if text.len() > LONGEST {
        return None;
    }
    let (negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (digits, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, power(exponent)?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (digits, ""),
    };
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Some(Number { value: Decimal::ZERO, exact: true });
    }
    let trailing = all.len().checked_sub(all.trim_end_matches('0').len())?;
    // The number is `significant` x 10 ^ `place`.
    let place = exponent
        .checked_add(i32::try_from(trailing).ok()?)?
        .checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let (value, exact) = scaled(significant, place)?;
    Some(Number { value: if negative { -value } else { value }, exact })
}

/// An exponent; beyond five digits nothing fits anyway.
fn power(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    (!digits.is_empty() && digits.len() <= 5 && digits.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())?
}

/// `digits` x 10 ^ `place`, rounded half-even if it has more than 28 digits or 28 decimals.
fn scaled(digits: &str, place: i32) -> Option<(Decimal, bool)> {
    let length = i32::try_from(digits.len()).ok()?;
    // How many of the digits must go: because of their number, or because they stand too far behind the point.
    let long = length.saturating_sub(DIGITS as i32);
    let deep = (-place).saturating_sub(DIGITS as i32);
    let dropped = long.max(deep).max(0);
    if dropped > length {
        return None;
    }
    let (kept, rest) = digits.split_at_checked(usize::try_from(length - dropped).ok()?)?;
    let mut mantissa: i128 = if kept.is_empty() { 0 } else { kept.parse().ok()? };
    if let Some(first) = rest.bytes().next() {
        // Trailing zeros are gone: anything behind the first dropped digit is above zero.
        if first > b'5' || first == b'5' && (rest.len() > 1 || mantissa % 2 == 1) {
            mantissa += 1;
        }
    }
    let place = place + dropped;
    let value = if place <= 0 {
        Decimal::try_from_i128_with_scale(mantissa, place.unsigned_abs()).ok()?
    } else {
        let times = 10_i128.checked_pow(place.unsigned_abs())?;
        Decimal::try_from_i128_with_scale(mantissa.checked_mul(times)?, 0).ok()?
    };
    (!value.is_zero()).then(|| (value.normalize(), dropped == 0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> Option<String> {
        number(text).map(|n| n.value.to_string())
    }

    #[test]
    fn what_exchanges_write() {
        for (text, value) in [
            ("0E-18", "0"),
            ("0E-54", "0"),
            ("-0", "0"),
            ("-8.62360608500000000000000000000000000000000000000E-7", "-0.0000008623606085"),
            ("1.000000000000000000", "1"),
            ("1100.0", "1100"),
            ("1e3", "1000"),
            ("4.38e-06", "0.00000438"),
            ("0.1234567890123456789012345678", "0.1234567890123456789012345678"),
            ("1234567890123456789012345678", "1234567890123456789012345678"),
            ("1.386420070000000000000000000000000000", "1.38642007"),
        ] {
            assert_eq!(read(text).as_deref(), Some(value), "{text}");
            assert!(number(text).unwrap().exact, "{text}");
        }
    }

    #[test]
    fn more_digits_than_there_are_places_are_rounded_and_say_so() {
        for (text, value) in [
            ("0.12345678901234567890123456785", "0.1234567890123456789012345678"),
            ("0.12345678901234567890123456775", "0.1234567890123456789012345678"),
            ("12345678901234567890123456785.1", "12345678901234567890123456790"),
            ("9.99999999999999999999999999999", "10"),
        ] {
            let read = number(text).unwrap();
            assert_eq!((read.value.to_string().as_str(), read.exact), (value, false), "{text}");
        }
    }

    #[test]
    fn what_is_none() {
        for text in [
            "", "-", ".5", "5.", "+1", "1_000", "NaN", "inf", "1e", "e5", "0x10", "1e-40", "1e40",
            "1e999999", "1.2.3", " 1",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(number(&"1".repeat(200)), None);
    }
}
