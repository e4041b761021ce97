//! The grammar of numbers, at its edges.

use super::super::decimal::{BadNumber, Exponents, parse};
use super::number;

#[test]
fn reads_what_the_grammar_allows() {
    for (text, value, scale) in [
        ("0", "0", 0),
        ("0.000", "0", 0),
        ("0e-99", "0", 0),
        ("7", "7", 0),
        ("007.5", "7.5", 1),
        ("61837.63000000", "61837.63", 2),
        ("1000", "1000", 0),
        ("1.819e-05", "0.00001819", 8),
        ("1.6425E-06", "0.0000016425", 10),
        ("2.5e+3", "2500", 0),
        ("2.5e3", "2500", 0),
        ("10e-1", "1", 0),
        ("79228162514264337593543950335", "79228162514264337593543950335", 0),
        ("0.0000000000000000000000000001", "0.0000000000000000000000000001", 28),
        ("1e28", "10000000000000000000000000000", 0),
        ("1.00000000000000000000000000000000000000", "1", 0),
    ] {
        let read = parse(text, Exponents::Allowed).unwrap_or_else(|error| panic!("{text} {error}"));
        assert_eq!((read, read.scale()), (number(value), scale), "{text}");
    }
}

#[test]
fn refuses_everything_else() {
    let digits = "9".repeat(65);
    let zeros = format!("1.{}", "0".repeat(63));
    for (text, expected) in [
        ("", BadNumber::Empty),
        (".5", BadNumber::Malformed),
        ("5.", BadNumber::Malformed),
        (".", BadNumber::Malformed),
        ("1.2.3", BadNumber::Malformed),
        ("-1", BadNumber::Malformed),
        ("+1", BadNumber::Malformed),
        (" 1", BadNumber::Malformed),
        ("1 ", BadNumber::Malformed),
        ("1_000", BadNumber::Malformed),
        ("1,5", BadNumber::Malformed),
        ("0x10", BadNumber::Malformed),
        ("NaN", BadNumber::Malformed),
        ("inf", BadNumber::Malformed),
        ("\u{661}", BadNumber::Malformed),
        ("1\0", BadNumber::Malformed),
        ("e5", BadNumber::Malformed),
        ("1e", BadNumber::Malformed),
        ("1e-", BadNumber::Malformed),
        ("1e+-5", BadNumber::Malformed),
        ("1e5.0", BadNumber::Malformed),
        ("1e5e5", BadNumber::Malformed),
        ("1e100", BadNumber::Malformed),
        ("1e29", BadNumber::TooManyDigits),
        ("1e99", BadNumber::TooManyDigits),
        ("79228162514264337593543950336", BadNumber::TooManyDigits),
        ("340282366920938463463374607431768211456", BadNumber::TooManyDigits),
        ("1e-29", BadNumber::TooFine),
        ("0.00000000000000000000000000001", BadNumber::TooFine),
        (&digits, BadNumber::TooManyDigits),
        (&zeros, BadNumber::TooManyDigits),
    ] {
        assert_eq!(parse(text, Exponents::Allowed), Err(expected), "{text:?}");
    }
    assert_eq!(parse("1e-5", Exponents::Refused), Err(BadNumber::Malformed));
    assert_eq!(parse("0.25", Exponents::Refused), Ok(number("0.25")));
}
