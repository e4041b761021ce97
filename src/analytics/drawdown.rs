//! How far equity is below its highest point, now and at worst.

use rust_decimal::Decimal;

use super::figure::{Figure, Unknown};
use crate::model::{Timestamp, exact_sub};

/// The fall of equity from its highest point so far, in money: max over s <= t of E(s), less E(t); and the greatest of these
/// (M. Magdon-Ismail, A. F. Atiya, "Maximum Drawdown", *Risk* 17(10), 2004). What stood on the account before is not known, so
/// there is no percentage. Equity begins with zero: what is lost at once is a drawdown too.
///
/// ```
/// let none = posbook::analytics::Drawdown::default();
/// assert_eq!(none.now().to_string(), "0");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drawdown {
    peak: Decimal,
    peak_at: Timestamp,
    now: Decimal,
    worst: Worst,
    /// Equity was out of range once: nothing is known of its highest point any more.
    lost: Lost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Worst {
    depth: Decimal,
    from: Timestamp,
    at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Lost {
    #[default]
    Never,
    OutOfRange,
}

impl Drawdown {
    pub(super) fn begin(equity: Option<Decimal>, time: Timestamp) -> Self {
        let lost = if equity.is_none() { Lost::OutOfRange } else { Lost::Never };
        Self { peak: equity.unwrap_or_default(), peak_at: time, lost, ..Self::default() }
    }

    /// Equity is this from now on.
    pub(super) fn settle(&mut self, equity: Option<Decimal>, time: Timestamp) {
        let Some(equity) = equity else {
            self.lost = Lost::OutOfRange;
            return;
        };
        if equity >= self.peak {
            (self.peak, self.peak_at, self.now) = (equity, time, Decimal::ZERO);
            return;
        }
        let Ok(depth) = exact_sub("a drawdown", self.peak, equity) else {
            self.lost = Lost::OutOfRange;
            return;
        };
        self.now = depth;
        if depth > self.worst.depth {
            self.worst = Worst { depth, from: self.peak_at, at: time };
        }
    }

    fn figure(&self, depth: Decimal) -> Figure {
        match self.lost {
            Lost::Never => Figure::from(Some(depth)),
            Lost::OutOfRange => Figure::Unknown(Unknown::NumericRange),
        }
    }

    /// How far it is below its highest point now.
    pub fn now(&self) -> Figure {
        self.figure(self.now)
    }

    /// How far it ever was.
    pub fn worst(&self) -> Figure {
        self.figure(self.worst.depth)
    }

    /// When it stood highest before its worst fall, and when that was deepest. `None`: it never fell.
    pub fn worst_between(&self) -> Option<(Timestamp, Timestamp)> {
        (!self.worst.depth.is_zero()).then_some((self.worst.from, self.worst.at))
    }

    /// Its highest point so far.
    pub fn peak(&self) -> Figure {
        self.figure(self.peak)
    }
}
