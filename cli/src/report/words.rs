//! Numbers, times and spans as people read them.

use std::time::Duration;

use posbook::analytics::Figure;
use posbook::{Decimal, Timestamp};

/// What stands where nobody knows.
pub const UNKNOWN: &str = "unknown";

/// An amount with as many decimals as say something: two of what is above one, four digits of what is below; thousands are kept
/// apart.
pub fn amount(value: Decimal) -> String {
    let size = value.abs();
    let rounded = if size >= Decimal::ONE || size.is_zero() {
        value.round_dp(2)
    } else {
        value.round_sf(4).unwrap_or(value).normalize()
    };
    if rounded.is_zero() {
        return "0".to_owned();
    }
    let text = if size >= Decimal::ONE { format!("{rounded:.2}") } else { rounded.to_string() };
    let text = text.trim_start_matches('-');
    let (whole, rest) = text.split_once('.').map_or((text, ""), |(whole, rest)| (whole, rest));
    let mut grouped = String::new();
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if value.is_sign_negative() { "−" } else { "" };
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{grouped}{point}{rest}")
}

/// The same with a plus where there is one.
pub fn plus(value: Decimal) -> String {
    if value > Decimal::ZERO { format!("+{}", amount(value)) } else { amount(value) }
}

pub fn signed(figure: Figure) -> String {
    figure.known().map_or_else(|| UNKNOWN.to_owned(), amount)
}

/// A plain number of three decimals: a factor, a ratio.
pub fn figure(figure: Figure) -> String {
    figure.known().map_or_else(
        || UNKNOWN.to_owned(),
        |value| value.round_dp(3).normalize().to_string().replace('-', "−"),
    )
}

/// A share in percent; what is below one has two digits.
pub fn share(figure: Figure) -> String {
    let percent = figure.known().and_then(|value| value.checked_mul(Decimal::ONE_HUNDRED));
    percent.map_or_else(
        || UNKNOWN.to_owned(),
        |value| {
            let small = value.abs() < Decimal::ONE && !value.is_zero();
            let text = if small {
                value.round_sf(2).unwrap_or(value).normalize().to_string()
            } else {
                format!("{:.1}", value.round_dp(1))
            };
            format!("{} %", text.replace('-', "−"))
        },
    )
}

/// A price or a quantity: at most eight significant digits.
pub fn price(value: Decimal) -> String {
    value.round_sf(8).unwrap_or(value).normalize().to_string()
}

/// To the second, in UTC.
pub fn time(at: Timestamp) -> String {
    stamp(at, "%Y-%m-%d %H:%M:%S")
}

/// As much of a time as tells it apart from others within a span.
pub fn brief(at: Timestamp, span: Duration) -> String {
    const DAY: u64 = 86_400;
    stamp(
        at,
        match span.as_secs() {
            0..DAY => "%H:%M:%S",
            DAY..864_000 => "%m-%d %H:%M",
            _ => "%Y-%m-%d",
        },
    )
}

fn stamp(at: Timestamp, pattern: &str) -> String {
    jiff::Timestamp::from_nanosecond(at.0.into())
        .map_or_else(|_| at.0.to_string(), |time| time.strftime(pattern).to_string())
}

/// A span in its two largest units.
pub fn span(of: Duration) -> String {
    let seconds = of.as_secs();
    let [days, hours, minutes] = [seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60];
    match (days, hours, minutes, seconds) {
        (0, 0, 0, 0..10) => format!("{}.{} s", seconds, of.subsec_millis() / 100),
        (0, 0, 0, seconds) => format!("{seconds} s"),
        (0, 0, minutes, seconds) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes, _) => format!("{hours} h {minutes} min"),
        (days, hours, _, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_people() {
        let of = |text: &str| amount(text.parse().unwrap());
        assert_eq!(of("1234567.891"), "1,234,567.89");
        assert_eq!(of("-1234.5"), "−1,234.50");
        assert_eq!(of("-0.000123456"), "−0.0001235");
        assert_eq!((of("0"), of("12"), of("-0.0")), ("0".into(), "12.00".into(), "0".into()));
        assert_eq!(span(Duration::from_millis(3_456)), "3.4 s");
        assert_eq!(span(Duration::from_secs(7_384)), "2 h 3 min");
        assert_eq!(time(Timestamp(0)), "1970-01-01 00:00:00");
    }
}
