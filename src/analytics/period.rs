//! Periods of time, from minute to month, by the calendar in UTC.

use serde::Serialize;

use crate::model::Timestamp;

/// How long a period is. All begin in UTC; a week on Monday (ISO 8601), a month on its first day.
///
/// ```
/// use posbook::Timestamp;
/// use posbook::analytics::Period;
///
/// let time = Timestamp::from_millis(1_709_210_096_000); // 2024-02-29T12:34:56Z, a Thursday
/// let month = Period::Month.number(time);
/// assert_eq!(Period::Month.begins(month), Timestamp::from_millis(1_706_745_600_000)); // 2024-02-01
/// let monday = Period::Week.begins(Period::Week.number(time));
/// assert_eq!(monday, Timestamp::from_millis(1_708_905_600_000)); // 2024-02-26
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// Sixty seconds.
    Minute,
    /// Sixty minutes.
    Hour,
    /// From midnight.
    Day,
    /// From Monday.
    Week,
    /// From the first.
    Month,
}

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// The first day of 1970 was a Thursday: so many days after a Monday.
const MONDAYS: i64 = 3;

impl Period {
    /// All, the shortest first.
    pub const ALL: [Self; 5] = [Self::Minute, Self::Hour, Self::Day, Self::Week, Self::Month];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The number of the period that a time falls into; the next one has the next number.
    pub const fn number(self, time: Timestamp) -> i64 {
        match self {
            Self::Minute => time.0.div_euclid(MINUTE),
            Self::Hour => time.0.div_euclid(HOUR),
            Self::Day => time.0.div_euclid(DAY),
            Self::Week => (time.0.div_euclid(DAY) + MONDAYS).div_euclid(7),
            Self::Month => {
                let (year, month) = month_of(time.0.div_euclid(DAY));
                year * 12 + month
            }
        }
    }

    /// When the period of this number begins.
    pub const fn begins(self, number: i64) -> Timestamp {
        Timestamp(match self {
            Self::Minute => number.saturating_mul(MINUTE),
            Self::Hour => number.saturating_mul(HOUR),
            Self::Day => number.saturating_mul(DAY),
            Self::Week => number.saturating_mul(7).saturating_sub(MONDAYS).saturating_mul(DAY),
            Self::Month => first_of(number.div_euclid(12), number.rem_euclid(12)).saturating_mul(DAY),
        })
    }
}

/// Year and month (0 to 11) of a day since 1970. Years are counted from March here, so that the leap day is the last:
/// `civil_from_days` of H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
const fn month_of(day: i64) -> (i64, i64) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let year = year + era * 400;
    if from_march < 10 { (year, from_march + 2) } else { (year + 1, from_march - 10) }
}

/// The day since 1970 that a month (0 to 11) of a year begins with: `days_from_civil`, the same.
const fn first_of(year: i64, month: i64) -> i64 {
    let (year, from_march) =
        if month >= 2 { (year, month - 2) } else { (year.saturating_sub(1), month + 10) };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * from_march + 2) / 5;
    let of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    era.saturating_mul(146_097).saturating_add(of_era - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_falls_into_the_period_that_begins_last_before_it() {
        for step in 0..40_000_i64 {
            // 1680 to 2259: nearly everything that a timestamp can be.
            let time = Timestamp((step - 20_000) * 127 * HOUR + step % 977 * SECOND);
            for period in Period::ALL {
                let number = period.number(time);
                assert!(period.begins(number) <= time, "{period:?} of {time:?}");
                assert!(period.begins(number + 1) > time, "{period:?} of {time:?}");
                assert_eq!(period.number(period.begins(number)), number);
            }
        }
        let extremes =
            [i64::MIN, i64::MAX].map(|time| Period::Month.begins(Period::Month.number(Timestamp(time))));
        assert!(extremes[0] < extremes[1]);
    }
}
