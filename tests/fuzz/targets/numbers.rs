//! Text that might be a number, read by the library and by a reader that shares no code with it: they agree on what is one,
//! and on its value; what was read prints as it reads back.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use num_bigint::BigInt;
use posbook::{Fraction, Leverage, Price, Quantity, Rejection};
use rust_decimal::Decimal;
use serde::Serialize;
use serde::de::DeserializeOwned;

fuzz_target!(|text: &str| {
    let read = read(text);
    let most = |digits: &str| digits.parse::<BigInt>().expect("digits");
    let limits = [(false, 18, most("9223372036854775807")), (true, 18, most("36028797018963967"))];
    let fits = |(sign, places, most): &(bool, usize, BigInt)| {
        read.as_ref().is_some_and(|n| {
            (*sign || n.units >= BigInt::ZERO)
                && n.places <= *places
                && n.units.magnitude() <= most.magnitude()
        })
    };
    same::<Quantity>(text, fits(&limits[0]), |n| n.get(), &read);
    same::<Price>(text, fits(&limits[1]), |n| n.get(), &read);
    let below = |places: usize, most: u32| {
        read.as_ref().is_some_and(|n| {
            n.units >= BigInt::ZERO
                && n.places <= places
                && n.units <= most * BigInt::from(10).pow(n.places as u32)
        })
    };
    same::<Leverage>(text, below(4, 100_000), |n| n.get(), &read);
    same::<Fraction>(text, below(18, 10), |n| n.get(), &read);
});

/// A number as an integer and how many of its digits are decimals; no zeros at its end.
struct Read {
    units: BigInt,
    places: usize,
}

/// `-?[0-9]+(\.[0-9]+)?` of at most 64 bytes, 18 decimals that count, and 28 digits.
fn read(text: &str) -> Option<Read> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let mut parts = digits.split(|b| *b == b'.');
    let (whole, decimals) = (parts.next()?, parts.next());
    if text.len() > 64 || parts.next().is_some() || whole.is_empty() || decimals.is_some_and(<[u8]>::is_empty)
    {
        return None;
    }
    let decimals = decimals.unwrap_or_default();
    let kept = decimals.iter().rposition(|b| *b != b'0').map_or(0, |last| last + 1);
    let (mut units, mut places) = (BigInt::ZERO, kept);
    for byte in whole.iter().chain(&decimals[..kept]) {
        if !byte.is_ascii_digit() {
            return None;
        }
        units = units * 10 + (byte - b'0');
    }
    if decimals.iter().any(|b| !b.is_ascii_digit()) || places > 18 || units.bits() > 96 {
        return None;
    }
    if units == BigInt::ZERO {
        places = 0;
    }
    Some(Read { units: if negative { -units } else { units }, places })
}

fn same<T>(text: &str, fits: bool, get: impl Fn(T) -> Decimal, read: &Option<Read>)
where
    T: FromStr<Err = Rejection> + Display + Copy + PartialEq + Debug + Serialize + DeserializeOwned,
{
    let parsed = text.parse::<T>();
    assert_eq!(parsed.is_ok(), fits, "{text:?} as {}: {parsed:?}", std::any::type_name::<T>());
    let (Ok(value), Some(read)) = (parsed, read) else { return };
    let decimal = get(value);
    let scale = decimal.scale() as usize;
    assert_eq!(
        (BigInt::from(decimal.mantissa()), scale),
        (read.units.clone(), read.places),
        "{text:?} is {decimal}"
    );
    assert_eq!(value.to_string().parse::<T>(), Ok(value));
    let json = serde_json::to_string(&value).expect("a number is text");
    assert_eq!(serde_json::from_str::<T>(&json).expect("what was written"), value);
}
