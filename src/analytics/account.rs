//! The figures of one group in one currency, kept up with every change.

use std::time::Duration;

use rust_decimal::Decimal;

use super::drawdown::Drawdown;
use super::figure::{Figure, Sum, Unknown};
use super::life::Life;
use super::period::Period;
use super::results::Results;
use super::track::{Moved, Row, Track};
use crate::model::Timestamp;

/// Profit and loss of one group in one currency. Fees that were paid in another currency are in that currency's account.
///
/// ```
/// use posbook::analytics::{Group, Performance};
/// use posbook::{Book, Fill, Instrument, OrderSide};
///
/// let book = Book::builder().build()?;
/// let mut changes = book.changes();
/// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// book.record(Fill::trade(btc, "1".parse()?, OrderSide::Buy, "2".parse()?, "100".parse()?))?;
///
/// let mut performance = Performance::new();
/// while let Some(publication) = changes.try_next() {
///     performance.follow_all(&publication?)?;
/// }
/// performance.mark(btc, "97".parse()?, book.now());
/// let account = performance.account(&Group::Book, &"USDT".parse()?).ok_or("nothing happened")?;
/// assert_eq!(account.unrealised().to_string(), "-6");
/// assert_eq!(account.drawdown().now().to_string(), "6");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    realised: Sum,
    fees: Sum,
    /// Of these, what was paid before what is followed: turnover begins there.
    paid_before: Sum,
    funding: Sum,
    unexplained: Sum,
    /// Keys that have something unexplained: two gaps may come to nothing together, and are two gaps.
    gaps: i64,
    turnover: Sum,
    unrealised: Sum,
    /// What dropped positions showed last, until the fills that closed them come.
    missing: Sum,
    gross: Sum,
    net: Sum,
    open: u64,
    unpriced: u64,
    /// For how long anything was open, up to `since`.
    market: Duration,
    since: Timestamp,
    drawdown: Drawdown,
    results: Results,
    tracks: [Track; 5],
}

/// What one position is worth at the latest price of its instrument that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    /// Nothing is open.
    Flat,
    /// Open, and no price was seen.
    Unpriced,
    /// Open: its unrealised profit, and its value with the sign of its side.
    At { unrealised: Decimal, value: Decimal },
}

impl Account {
    pub(super) fn new(began: Timestamp, keep: usize) -> Self {
        Self {
            realised: Sum::default(),
            fees: Sum::default(),
            paid_before: Sum::default(),
            funding: Sum::default(),
            unexplained: Sum::default(),
            gaps: 0,
            turnover: Sum::default(),
            unrealised: Sum::default(),
            missing: Sum::default(),
            gross: Sum::default(),
            net: Sum::default(),
            open: 0,
            unpriced: 0,
            market: Duration::ZERO,
            since: began,
            drawdown: Drawdown::begin(Some(Decimal::ZERO), began),
            results: Results::default(),
            tracks: Period::ALL.map(|period| Track::new(period, keep)),
        }
    }

    pub(super) fn take(&mut self, time: Timestamp, moved: &Moved) {
        self.add(moved);
        self.turnover.add(moved.turnover);
        self.tracks.iter_mut().for_each(|track| track.take(time, moved));
    }

    /// Money from before what is followed: in the sums, and in no period.
    pub(super) fn brought_forward(&mut self, moved: &Moved) {
        self.add(moved);
        self.paid_before.add(moved.fees);
    }

    fn add(&mut self, moved: &Moved) {
        self.realised.add(moved.realised);
        self.fees.add(moved.fees);
        self.funding.add(moved.funding);
        self.unexplained.add(moved.unexplained);
        self.gaps += moved.gaps;
    }

    pub(super) fn ended(&mut self, time: Timestamp, life: &Life) {
        let result = life.result();
        self.results.add(result);
        self.tracks.iter_mut().for_each(|track| track.ended(time, result));
    }

    pub(super) fn replace(&mut self, time: Timestamp, was: Worth, is: Worth) {
        self.pass(time);
        match was {
            Worth::Flat => {}
            Worth::Unpriced => {
                self.open = self.open.saturating_sub(1);
                self.unpriced = self.unpriced.saturating_sub(1);
            }
            Worth::At { unrealised, value } => {
                self.open = self.open.saturating_sub(1);
                self.unrealised.take(unrealised);
                self.gross.take(value.abs());
                self.net.take(value);
            }
        }
        match is {
            Worth::Flat => {}
            Worth::Unpriced => {
                self.open += 1;
                self.unpriced += 1;
            }
            Worth::At { unrealised, value } => {
                self.open += 1;
                self.unrealised.add(unrealised);
                self.gross.add(value.abs());
                self.net.add(value);
            }
        }
    }

    pub(super) fn miss(&mut self, by: Decimal) {
        self.missing.add(by);
    }

    /// Everything of one change is in: equity is what it comes to.
    pub(super) fn settle(&mut self, time: Timestamp) {
        self.pass(time);
        self.drawdown.settle(self.curve(), time);
    }

    /// Time begins here, and equity with it.
    pub(super) fn begin(&mut self, time: Timestamp) {
        self.since = time;
        self.drawdown = Drawdown::begin(self.curve(), time);
    }

    fn pass(&mut self, time: Timestamp) {
        if self.open > 0 {
            self.market = self.market.saturating_add(time.since(self.since));
        }
        self.since = self.since.max(time);
    }

    /// Price differences that were realised.
    pub fn realised(&self) -> Figure {
        self.realised.figure()
    }

    /// Fees paid, less rebates.
    pub fn fees(&self) -> Figure {
        self.fees.figure()
    }

    /// Funding received, less what was paid.
    pub fn funding(&self) -> Figure {
        self.funding.figure()
    }

    /// Realised, less fees, plus funding.
    pub fn booked(&self) -> Figure {
        Sum::of([self.realised.get(), self.fees.get().map(|fees| -fees), self.funding.get()]).figure()
    }

    /// Unrealised profit of everything open, each position at the latest price of its instrument that was seen.
    pub fn unrealised(&self) -> Figure {
        if self.unpriced > 0 { Figure::Unknown(Unknown::NoPrice) } else { self.unrealised.figure() }
    }

    /// Cost of positions that were dropped without the fills that closed them: what they earned is in no figure.
    pub fn unexplained(&self) -> Figure {
        self.unexplained.figure()
    }

    /// Booked plus unrealised: what this came to since the book began. Unknown while positions without a price or without the
    /// fills that closed them are a part of it.
    pub fn equity(&self) -> Figure {
        match (self.unexplained.get(), self.unpriced) {
            (None, _) => Figure::Unknown(Unknown::NumericRange),
            _ if self.gaps != 0 => Figure::Unknown(Unknown::Gap),
            (_, 1..) => Figure::Unknown(Unknown::NoPrice),
            _ => self.curve().into(),
        }
    }

    /// How many keys have something unexplained.
    pub fn gaps(&self) -> u64 {
        self.gaps.unsigned_abs()
    }

    /// What is drawn and what the drawdown is of: equity, with a position that was dropped as it was last seen until the fills
    /// that closed it come, and one without a price at its cost.
    pub fn estimate(&self) -> Figure {
        self.curve().into()
    }

    fn curve(&self) -> Option<Decimal> {
        let less = |sum: Sum| sum.get().map(|sum| -sum);
        let parts = [
            self.realised.get(),
            less(self.fees),
            self.funding.get(),
            self.unrealised.get(),
            self.missing.get(),
        ];
        Sum::of(parts).get()
    }

    /// How far equity is below its highest point.
    pub const fn drawdown(&self) -> &Drawdown {
        &self.drawdown
    }

    /// Statistics over the lives that ended.
    pub const fn results(&self) -> &Results {
        &self.results
    }

    /// How many positions are open.
    pub const fn open(&self) -> u64 {
        self.open
    }

    /// Gross exposure: the values of all positions, without signs.
    pub fn gross(&self) -> Figure {
        if self.unpriced > 0 { Figure::Unknown(Unknown::NoPrice) } else { self.gross.figure() }
    }

    /// Net exposure: what is long less what is short.
    pub fn net(&self) -> Figure {
        if self.unpriced > 0 { Figure::Unknown(Unknown::NoPrice) } else { self.net.figure() }
    }

    /// What was traded: the values of all fills, without signs.
    pub fn turnover(&self) -> Figure {
        self.turnover.figure()
    }

    /// Fees / turnover, both since this is followed.
    pub fn fee_rate(&self) -> Figure {
        let before = self.paid_before.get().map(|before| -before);
        Figure::ratio(Sum::of([self.fees.get(), before]).get(), self.turnover.get(), "turnover")
    }

    /// The share of the realised profit that fees took: fees / realised. Unknown unless a profit was realised.
    pub fn fee_share(&self) -> Figure {
        match self.realised.get() {
            Some(realised) if realised <= Decimal::ZERO => {
                Figure::Unknown(Unknown::Nothing { of: "realised profit" })
            }
            realised => Figure::ratio(self.fees.get(), realised, "realised profit"),
        }
    }

    /// For how long anything was open, up to the last change.
    pub const fn time_in_market(&self) -> Duration {
        self.market
    }

    /// The periods of a length in which something happened, the oldest that is kept first.
    pub fn rows(&self, period: Period) -> impl DoubleEndedIterator<Item = &Row> {
        self.track(period).into_iter().flat_map(Track::rows)
    }

    /// Sharpe ratio: the mean of what a period booked / its standard deviation (W. F. Sharpe, "The Sharpe Ratio", *Journal of
    /// Portfolio Management* 21(1), 1994: of a strategy that needs no investment, the differential return is what it earns, and
    /// its scale does not matter). Over all periods from the first to the last, those without a change as zero; the deviation is
    /// that of a sample; not annualised: multiply by the root of how many periods a year has. 18 decimals, the rest cut off.
    pub fn sharpe(&self, period: Period) -> Figure {
        match self.track(period) {
            Some(track) => track.sharpe(),
            None => Figure::Unknown(Unknown::TooFew { has: 0, needs: 2 }),
        }
    }

    fn track(&self, period: Period) -> Option<&Track> {
        Period::ALL.iter().zip(&self.tracks).find(|(of, _)| **of == period).map(|(_, track)| track)
    }
}
