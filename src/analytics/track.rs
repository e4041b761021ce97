//! Figures period by period: the last ones as rows, all of them in sums.

use std::collections::VecDeque;

use rust_decimal::Decimal;

use super::figure::{Figure, Sum, Unknown};
use super::period::Period;
use super::results::Results;
use super::sharpe::Moments;
use crate::model::Timestamp;

/// Money that moved, in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Moved {
    pub(super) realised: Decimal,
    pub(super) fees: Decimal,
    pub(super) funding: Decimal,
    pub(super) unexplained: Decimal,
    /// Keys that have something unexplained now and had nothing before, less the others.
    pub(super) gaps: i64,
    pub(super) turnover: Decimal,
}

/// What moved in a period in which something happened, and what the lives that ended in it came to.
///
/// ```
/// use posbook::analytics::{Group, Performance, Period};
///
/// let performance = Performance::new();
/// assert!(performance.account(&Group::Book, &"USDT".parse()?).is_none()); // nothing has happened
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row {
    number: i64,
    begins: Timestamp,
    realised: Sum,
    fees: Sum,
    funding: Sum,
    turnover: Sum,
    results: Results,
}

impl Row {
    /// When the period begins.
    pub const fn begins(&self) -> Timestamp {
        self.begins
    }

    /// Price differences that were realised.
    pub fn realised(&self) -> Figure {
        self.realised.figure()
    }

    /// Fees paid.
    pub fn fees(&self) -> Figure {
        self.fees.figure()
    }

    /// Funding received, less what was paid.
    pub fn funding(&self) -> Figure {
        self.funding.figure()
    }

    /// What was traded.
    pub fn turnover(&self) -> Figure {
        self.turnover.figure()
    }

    /// What was booked: realised, less fees, plus funding.
    pub fn booked(&self) -> Figure {
        self.sum().figure()
    }

    fn sum(&self) -> Sum {
        Sum::of([self.realised.get(), self.fees.get().map(|fees| -fees), self.funding.get()])
    }

    /// Of the lives that ended in it.
    pub const fn results(&self) -> &Results {
        &self.results
    }
}

/// The periods of one length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Track {
    period: Period,
    keep: usize,
    rows: VecDeque<Row>,
    first: i64,
    /// Of every row before the last. `None`: one of them was out of range.
    before: Option<Moments>,
}

impl Track {
    pub(super) fn new(period: Period, keep: usize) -> Self {
        Self { period, keep: keep.max(1), rows: VecDeque::new(), first: 0, before: Some(Moments::default()) }
    }

    /// The row of a time. Times only go forwards here.
    fn row(&mut self, time: Timestamp) -> Option<&mut Row> {
        let number = self.period.number(time);
        match self.rows.back().map(|row| (row.number, row.sum().get())) {
            Some((last, _)) if last >= number => {}
            last => {
                match last {
                    None => self.first = number,
                    Some((_, None)) => self.before = None,
                    Some((_, Some(booked))) => {
                        if let Some(before) = &mut self.before {
                            before.add(booked);
                        }
                    }
                }
                if self.rows.len() >= self.keep {
                    self.rows.pop_front();
                }
                let begins = self.period.begins(number);
                self.rows.push_back(Row { number, begins, ..Row::default() });
            }
        }
        self.rows.back_mut()
    }

    pub(super) fn take(&mut self, time: Timestamp, moved: &Moved) {
        if let Some(row) = self.row(time) {
            row.realised.add(moved.realised);
            row.fees.add(moved.fees);
            row.funding.add(moved.funding);
            row.turnover.add(moved.turnover);
        }
    }

    pub(super) fn ended(&mut self, time: Timestamp, result: Figure) {
        if let Some(row) = self.row(time) {
            row.results.add(result);
        }
    }

    pub(super) fn rows(&self) -> impl DoubleEndedIterator<Item = &Row> {
        self.rows.iter()
    }

    /// Over every period from the first to the last in which something happened, both as they are; those between in which
    /// nothing did count as zero.
    pub(super) fn sharpe(&self) -> Figure {
        let Some(last) = self.rows.back() else {
            return Figure::Unknown(Unknown::TooFew { has: 0, needs: 2 });
        };
        let (Some(mut moments), Some(booked)) = (self.before.clone(), last.sum().get()) else {
            return Figure::Unknown(Unknown::NumericRange);
        };
        moments.add(booked);
        let count = last.number.saturating_sub(self.first).saturating_add(1);
        moments.sharpe(u64::try_from(count).unwrap_or_default())
    }
}
