//! A figure that is known, or why it is not: never a zero that means "nobody knows".

use std::fmt;

use rust_decimal::Decimal;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::model::{exact_add, quotient_rounded, trimmed};

/// A number, or why there is none. As JSON a number is a text, and a reason an object `{"unknown": "why"}`.
///
/// ```
/// use posbook::analytics::{Figure, Unknown};
///
/// let none = Figure::Unknown(Unknown::NoPrice);
/// assert_eq!(none.to_string(), "unknown: no price of it has been seen");
/// assert_eq!(none.known(), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// It is this.
    Known(Decimal),
    /// Nobody knows, for this reason.
    Unknown(Unknown),
}

/// Why a figure is not known.
///
/// ```
/// use posbook::analytics::Unknown;
///
/// assert_eq!(Unknown::TooFew { has: 1, needs: 2 }.to_string(), "there is 1, and it takes 2");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unknown {
    /// There is too little of what it is computed from.
    TooFew {
        /// How many there are.
        has: u64,
        /// How many it takes.
        needs: u64,
    },
    /// It is a ratio to something of which there is none.
    Nothing {
        /// Of what.
        of: &'static str,
    },
    /// A position was dropped without the fills that closed it, and they have not come (R8).
    Gap,
    /// No mark and no trade of the instrument has been seen.
    NoPrice,
    /// It began before the first change that was followed.
    BeganBefore,
    /// The extremes that it is read from are not recorded.
    NotRecorded,
    /// The exact figure needs more digits than a decimal holds (28).
    NumericRange,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unknown::TooFew { has, needs } => write!(f, "there is {has}, and it takes {needs}"),
            Unknown::Nothing { of } => write!(f, "there is no {of}"),
            Unknown::Gap => f.write_str("a position was dropped, and the fills that closed it have not come"),
            Unknown::NoPrice => f.write_str("no price of it has been seen"),
            Unknown::BeganBefore => f.write_str("it began before what was followed"),
            Unknown::NotRecorded => f.write_str("its extremes are not recorded"),
            Unknown::NumericRange => f.write_str("it needs more digits than a decimal holds"),
        }
    }
}

impl Figure {
    /// The number. `None`: it is not known.
    pub const fn known(self) -> Option<Decimal> {
        match self {
            Figure::Known(number) => Some(number),
            Figure::Unknown(_) => None,
        }
    }

    /// Why it is not known. `None`: it is.
    pub const fn unknown(self) -> Option<Unknown> {
        match self {
            Figure::Known(_) => None,
            Figure::Unknown(why) => Some(why),
        }
    }

    /// A quotient of two exact numbers, rounded to 18 significant digits, half-even.
    pub(super) fn ratio(above: Option<Decimal>, below: Option<Decimal>, of: &'static str) -> Self {
        let (Some(above), Some(below)) = (above, below) else { return Self::Unknown(Unknown::NumericRange) };
        if below.is_zero() {
            return Self::Unknown(Unknown::Nothing { of });
        }
        quotient_rounded(above, below, Decimal::ONE).into()
    }
}

impl From<Option<Decimal>> for Figure {
    /// What arithmetic gave; nothing is out of range.
    fn from(number: Option<Decimal>) -> Self {
        number.map_or(Self::Unknown(Unknown::NumericRange), |number| Self::Known(trimmed(number)))
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Figure::Known(number) => fmt::Display::fmt(number, f),
            Figure::Unknown(why) => write!(f, "unknown: {why}"),
        }
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Figure::Known(number) => serializer.collect_str(number),
            Figure::Unknown(why) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("unknown", &why.to_string())?;
                map.end()
            }
        }
    }
}

/// An exact sum. One that ever needed more digits than there are is out of range for good: what was lost does not come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sum(Option<Decimal>);

impl Default for Sum {
    fn default() -> Self {
        Self(Some(Decimal::ZERO))
    }
}

impl Sum {
    pub(super) fn add(&mut self, amount: Decimal) {
        self.0 = self.0.and_then(|sum| exact_add("a sum", sum, amount).ok());
    }

    pub(super) fn take(&mut self, amount: Decimal) {
        self.add(-amount);
    }

    /// `None`: out of range.
    pub(super) const fn get(self) -> Option<Decimal> {
        self.0
    }

    pub(super) fn figure(self) -> Figure {
        self.0.into()
    }

    /// The sum of several.
    pub(super) fn of(parts: impl IntoIterator<Item = Option<Decimal>>) -> Self {
        let mut sum = Self::default();
        for part in parts {
            match part {
                Some(part) => sum.add(part),
                None => sum.0 = None,
            }
        }
        sum
    }
}
