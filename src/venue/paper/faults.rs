//! What can go wrong at the paper venue, by name, and how often it does.
//!
//! An exchange loses answers, repeats and reorders messages, and shows pictures that are out of date. A bot that was only
//! tried out on a venue that does none of it was not tried out.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

use crate::error::{Reason, Rejection, shorten};
use crate::model::Fraction;

/// A certain fault's rate; what rates are counted in.
pub(super) const CERTAIN: u32 = 1_000_000;

/// One thing that goes wrong. All times in the descriptions are market time. Its name ([`Fault::name`], `Display`, serde)
/// is in kebab case: `lost-answer`.
///
/// ```
/// use posbook::venue::Fault;
///
/// assert_eq!("late-execution".parse::<Fault>()?, Fault::LateExecution);
/// assert_eq!(Fault::NoTradeId.to_string(), "no-trade-id");
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
// In this order they are the questions that the dice are thrown for: new ones come last.
pub enum Fault {
    /// Per order: it executes as always, but `submit` fails 0.2 to 1 s after it was called.
    LostAnswer,
    /// Per order: it never arrives. `submit` fails as above, `order` says unknown for ever, and nothing counts it. A late
    /// order that finds its time run out is one of these too.
    LostOrder,
    /// Per order: `submit` fails as above, and the order arrives 0.5 to 4 s after it was called. Until then `order` says
    /// unknown. It never arrives later than [`OrderRequest::valid_until`](crate::venue::OrderRequest::valid_until).
    LateExecution,
    /// Per order: accepted, answered at once with `Working { filled: 0 }`, and executed only 1 to 10 s later. What became
    /// of it is seen by `order` and by its fills alone.
    Resting,
    /// Per message of a fill: `fills_since` delivers it again, up to 30 s after the first time.
    DoubledFill,
    /// Per message of a fill: the next one is delivered before it, if one comes within a second. Messages of an order
    /// without trade ids keep their order, see [`Fault::NoTradeId`].
    ReorderedFill,
    /// Per message of a fill: it is seen (by `fills_since`, and in an answer) only 0.1 to 2 s after the execution. The
    /// order's status and position reports show the execution at once.
    DelayedFill,
    /// Per order: all its messages are cumulative ([`Shape::Cumulative`](crate::Shape::Cumulative)): quantity so far,
    /// average price so far, and the fee of the last execution. They never overtake one another and none is left out: a
    /// figure says nothing of the fees of the figures before it. If the average could need more digits than a price
    /// holds, the order fills in one part; should a later average need them all the same, what is left is cancelled.
    NoTradeId,
    /// Per order: a `cancel` comes too late. What is left executes first, and the cancel is answered with the final
    /// figure, or half of the time fails.
    CancelRace,
    /// Per position report: it is `Failed`.
    FailedReport,
    /// Per position report that has a row: one is left out, and the report is `Partial`.
    PartialReport,
    /// Per position report: the complete picture of up to 3 s ago, with the venue time of then.
    StaleReport,
    /// Per position report: true and complete, but without a venue time. Never a stale one: nobody could tell two equal
    /// pictures without a time, both out of date, from the truth.
    UntimedReport,
    /// Per question for an order: its state of up to 0.5 s ago, so unknown shortly after it came in, or working when it
    /// is over.
    StaleStatus,
    /// Per symbol and second in which it ticks: all or half of what is open on a leg is closed by force, under an order
    /// `liquidation-n` of nobody's. It stands on the account of [`Owner::UNOWNED`](crate::Owner::UNOWNED).
    Liquidation,
    /// Per second: a burst of 0.2 to 1.5 s begins in it, in which `order`, `fills_since` and `cancel` fail, reports are
    /// `Failed`, and a submitted order is refused.
    RateLimit,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 16] = [
        Fault::LostAnswer,
        Fault::LostOrder,
        Fault::LateExecution,
        Fault::Resting,
        Fault::DoubledFill,
        Fault::ReorderedFill,
        Fault::DelayedFill,
        Fault::NoTradeId,
        Fault::CancelRace,
        Fault::FailedReport,
        Fault::PartialReport,
        Fault::StaleReport,
        Fault::UntimedReport,
        Fault::StaleStatus,
        Fault::Liquidation,
        Fault::RateLimit,
    ];

    /// Its name in kebab case.
    pub const fn name(self) -> &'static str {
        match self {
            Fault::LostAnswer => "lost-answer",
            Fault::LostOrder => "lost-order",
            Fault::LateExecution => "late-execution",
            Fault::Resting => "resting",
            Fault::DoubledFill => "doubled-fill",
            Fault::ReorderedFill => "reordered-fill",
            Fault::DelayedFill => "delayed-fill",
            Fault::NoTradeId => "no-trade-id",
            Fault::CancelRace => "cancel-race",
            Fault::FailedReport => "failed-report",
            Fault::PartialReport => "partial-report",
            Fault::StaleReport => "stale-report",
            Fault::UntimedReport => "untimed-report",
            Fault::StaleStatus => "stale-status",
            Fault::Liquidation => "liquidation",
            Fault::RateLimit => "rate-limit",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fault {
    type Err = Rejection;

    fn from_str(text: &str) -> Result<Self, Rejection> {
        let known = Fault::ALL.into_iter().find(|fault| fault.name() == text);
        let rule = "is not one of lost-answer, lost-order, late-execution, resting, doubled-fill, reordered-fill, \
                    delayed-fill, no-trade-id, cancel-race, failed-report, partial-report, stale-report, untimed-report, \
                    stale-status, liquidation, rate-limit";
        known.ok_or_else(|| Reason::Malformed { what: "fault", text: shorten(text), rule }.into())
    }
}

/// How often each [`Fault`] happens: a rate from 0 (never, the default) to 1 (always) for each.
///
/// ```
/// use posbook::venue::{Fault, Faults, PaperVenue};
///
/// let faults = Faults::normal().set("lost-answer", "0.05".parse()?)?;
/// assert_eq!(faults.rate(Fault::LostAnswer).to_string(), "0.05");
/// assert!(faults.clone().set("lost-anwser", "0.05".parse()?).unwrap_err().to_string().contains("late-execution"));
/// let venue = PaperVenue::builder().faults(faults).build();
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults {
    /// Millionths. What is not in it never happens.
    rates: BTreeMap<Fault, u32>,
}

impl Faults {
    /// None.
    pub fn off() -> Self {
        Self::default()
    }

    /// A venue on an ordinary day: every fault at times, none often.
    pub fn normal() -> Self {
        Self::per_mille([10, 5, 5, 30, 20, 20, 50, 20, 30, 20, 10, 20, 20, 20]).rare(500, 5_000)
    }

    /// A venue on its worst day: every fault on, most at 4 to 15 percent. Liquidations and bursts are thrown for every
    /// second of market time, so their rates are lower.
    pub fn hostile() -> Self {
        Self::per_mille([60, 40, 50, 100, 100, 100, 150, 100, 150, 100, 80, 100, 60, 100]).rare(4_000, 30_000)
    }

    /// Rates of all but the last two.
    fn per_mille(rates: [u32; 14]) -> Self {
        Self { rates: Fault::ALL.into_iter().zip(rates.map(|rate| rate * 1_000)).collect() }
    }

    /// Rates of what is thrown for every second, in millionths.
    fn rare(mut self, liquidation: u32, rate_limit: u32) -> Self {
        self.rates.extend([(Fault::Liquidation, liquidation), (Fault::RateLimit, rate_limit)]);
        self
    }

    /// The same with another rate for the fault of this name.
    ///
    /// # Errors
    /// There is no fault of this name (the text lists them), or the rate is above 1 or finer than a millionth.
    pub fn set(mut self, name: &str, rate: Fraction) -> Result<Self, Rejection> {
        let fault: Fault = name.parse()?;
        let millionths = rate.get() * Decimal::from(CERTAIN);
        let whole = millionths.to_u32().filter(|n| *n <= CERTAIN && Decimal::from(*n) == millionths);
        let rule = "must be between 0 and 1, with at most 6 decimals";
        let rate = whole.ok_or(Reason::OutOfRange { what: "rate of a fault", value: rate.get(), rule })?;
        self.rates.insert(fault, rate);
        Ok(self)
    }

    /// How often a fault happens, from 0 to 1.
    pub fn rate(&self, fault: Fault) -> Decimal {
        Decimal::new(self.millionths(fault).into(), 6).normalize()
    }

    pub(super) fn millionths(&self, fault: Fault) -> u32 {
        self.rates.get(&fault).copied().unwrap_or(0)
    }

    /// Whether any fault can happen.
    pub fn any(&self) -> bool {
        self.rates.values().any(|rate| *rate > 0)
    }

    /// The names of all faults.
    pub fn names() -> [&'static str; 16] {
        Fault::ALL.map(Fault::name)
    }
}
