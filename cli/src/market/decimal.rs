//! The one place where text becomes a number: a strict grammar, read digit by digit into a decimal.
//!
//! A number is digits, optionally one point, and digits on both sides of it. No sign, no spaces, no thousands
//! separators, no `.5` and no `5.`: a field that looks different was not written by the recorder we think it was.
//! Tick files may also use exponents, since two venues write small prices as `1.819e-05`; files that a person writes
//! may not. Trailing zeros are dropped, so `61837.63000000` and `61837.63` are the same value with the same scale.

use rust_decimal::Decimal;

/// No number of a market is longer; what is, is refused unread.
const LONGEST: usize = 64;

/// Whether `1e-5` is a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exponents {
    /// It is: machine-written files.
    Allowed,
    /// It is not: files that people write.
    Refused,
}

/// Why a text is not a number we can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadNumber {
    /// There is no text.
    #[error("is empty; expected a decimal number")]
    Empty,
    /// It does not follow the grammar.
    #[error("is not a decimal number; expected digits with at most one point between them, such as 0.25")]
    Malformed,
    /// More digits than a decimal holds.
    #[error("has too many digits; expected at most 28")]
    TooManyDigits,
    /// Too small a unit.
    #[error("has too many decimals; expected at most 28")]
    TooFine,
}

/// Reads a decimal that is zero or more.
pub(super) fn parse(text: &str, exponents: Exponents) -> Result<Decimal, BadNumber> {
    if text.is_empty() {
        return Err(BadNumber::Empty);
    }
    if text.len() > LONGEST {
        return Err(BadNumber::TooManyDigits);
    }
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) if exponents == Exponents::Allowed => (digits, power(exponent)?),
        Some(_) => return Err(BadNumber::Malformed),
        None => (text, 0),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((_, "")) => return Err(BadNumber::Malformed),
        Some((whole, fraction)) => (whole, fraction.trim_end_matches('0')),
        None => (digits, ""),
    };
    if whole.is_empty() {
        return Err(BadNumber::Malformed);
    }

    let mut mantissa: u128 = 0;
    for byte in whole.bytes().chain(fraction.bytes()) {
        if !byte.is_ascii_digit() {
            return Err(BadNumber::Malformed);
        }
        mantissa = append(mantissa, byte - b'0')?;
    }
    // At most 64 bytes of fraction and an exponent of two digits: this cannot overflow.
    let mut scale = i32::try_from(fraction.len()).map_err(|_| BadNumber::TooFine)? - exponent;
    if mantissa == 0 {
        return Ok(Decimal::ZERO);
    }
    while scale < 0 {
        mantissa = append(mantissa, 0)?;
        scale += 1;
    }
    while scale > 0 && mantissa.is_multiple_of(10) {
        mantissa /= 10;
        scale -= 1;
    }
    let scale = u32::try_from(scale).map_err(|_| BadNumber::TooFine)?;
    if scale > Decimal::MAX_SCALE {
        return Err(BadNumber::TooFine);
    }
    i128::try_from(mantissa)
        .ok()
        .and_then(|mantissa| Decimal::try_from_i128_with_scale(mantissa, scale).ok())
        .ok_or(BadNumber::TooManyDigits)
}

/// The number after an `e`: an optional sign and one or two digits.
fn power(text: &str) -> Result<i32, BadNumber> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.len() > 2 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(BadNumber::Malformed);
    }
    digits.parse::<i32>().map(|value| sign * value).map_err(|_| BadNumber::Malformed)
}

/// `mantissa` with one more digit at its end.
fn append(mantissa: u128, digit: u8) -> Result<u128, BadNumber> {
    mantissa
        .checked_mul(10)
        .and_then(|shifted| shifted.checked_add(u128::from(digit)))
        .ok_or(BadNumber::TooManyDigits)
}
