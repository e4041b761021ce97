//! What the contenders other than posbook keep of a position, and what a fill does to it: the same arithmetic for all.

use std::collections::VecDeque;

use posbook::{Decimal, Fill, InstrumentId, OrderSide, PositionKey, Price, Quantity, Side, Timestamp};

use super::Seen;

/// A position, its money and its mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Long or short.
    pub side: Side,
    /// Contracts.
    pub quantity: Quantity,
    /// What is open, at what was paid for it.
    pub cost: Decimal,
    /// Contract size.
    pub size: Quantity,
    /// Profit of what was reduced.
    pub realised: Decimal,
    /// What sells brought less what buys cost.
    pub cash: Decimal,
    /// Fills booked.
    pub fills: u64,
    /// Where it is to be left.
    pub stop: Option<Price>,
    /// The latest price, and when it was received.
    pub mark: Option<(Price, Timestamp)>,
}

/// What a run begins with.
#[derive(Debug, Clone)]
pub struct Start {
    /// One row a key.
    pub rows: Vec<Row>,
}

impl Start {
    /// So many long positions of 10,000 contracts at 50,000.
    ///
    /// # Panics
    /// Never: they are numbers.
    pub fn new(positions: usize) -> Self {
        let quantity = crate::quantity("10000");
        let cost = quantity.get() * crate::price("50000").get();
        let row = Row {
            side: Side::Long,
            quantity,
            cost,
            size: crate::quantity("1"),
            realised: Decimal::ZERO,
            cash: -cost,
            fills: 1,
            stop: None,
            mark: None,
        };
        Self { rows: vec![row; positions] }
    }

    /// How a bot would name the key of that number.
    pub fn symbol(key: usize) -> String {
        format!("C{key}/USDT:USDT")
    }

    /// The key of that number.
    pub fn key(key: usize) -> PositionKey {
        InstrumentId(u32::try_from(key).unwrap_or(u32::MAX)).into()
    }
}

impl Row {
    /// What a reader is told.
    pub fn seen(&self) -> Seen {
        Seen { quantity: self.quantity.get().mantissa(), fills: self.fills }
    }

    /// Checks a fill and books it. False: it is no fill, or cannot be booked; nothing is changed then.
    #[must_use]
    pub fn fold(&mut self, fill: &Fill) -> bool {
        self.folded(fill).is_some()
    }

    fn folded(&mut self, fill: &Fill) -> Option<()> {
        let price = fill.price.get();
        if fill.quantity.is_zero() || price.is_sign_negative() || price.is_zero() {
            return None;
        }
        let value = fill.quantity.get().checked_mul(self.size.get())?.checked_mul(price)?;
        if self.quantity.is_zero() {
            // Flat: what comes opens, to its own side. The row stays, as the ledger of its key.
            self.side = if fill.side == OrderSide::Buy { Side::Long } else { Side::Short };
            self.stop = None;
        }
        let cash = if fill.side == OrderSide::Buy { -value } else { value };
        if fill.side == self.side.entry() {
            let quantity = self.quantity.plus(fill.quantity).ok()?;
            (self.cost, self.cash) = (self.cost.checked_add(value)?, self.cash.checked_add(cash)?);
            self.quantity = quantity;
        } else {
            if fill.quantity > self.quantity {
                return None;
            }
            // A share of the cost goes with it, and all of it with the last. Nothing here turns round.
            let share = if fill.quantity == self.quantity {
                self.cost
            } else {
                self.cost.checked_mul(fill.quantity.get())?.checked_div(self.quantity.get())?.round_dp(8)
            };
            let profit =
                if self.side == Side::Long { value.checked_sub(share)? } else { share.checked_sub(value)? };
            let realised = self.realised.checked_add(profit)?;
            let (cost, cash) = (self.cost.checked_sub(share)?, self.cash.checked_add(cash)?);
            (self.realised, self.cost, self.cash) = (realised, cost, cash);
            self.quantity = self.quantity.less(fill.quantity);
        }
        self.fills += 1;
        Some(())
    }

    /// Moves the stop of a long position up, to the legal side of its entry. False: it may not stand there.
    #[must_use]
    pub fn retarget(&mut self, stop: Price) -> bool {
        let entry = self.cost / (self.quantity.get() * self.size.get());
        let legal = stop.get() < entry && self.stop.is_none_or(|old| old <= stop);
        if legal {
            self.stop = Some(stop);
        }
        legal
    }

    /// Notes a price.
    pub fn tick(&mut self, price: Price, time: Timestamp) {
        self.mark = Some((price, time));
    }
}

/// What was before and after one change.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its place in the order of all changes.
    pub sequence: u64,
    /// Where.
    pub key: usize,
    /// As it stood.
    pub before: Row,
    /// As it stands.
    pub after: Row,
}

/// The last thousand records, behind the same lock as the positions.
#[derive(Debug, Default)]
pub struct Recorded {
    next: u64,
    kept: VecDeque<Record>,
}

impl Recorded {
    /// As many as posbook's feed keeps.
    const KEPT: usize = 1_024;

    /// Adds the record of one change.
    pub fn push(&mut self, key: usize, before: Row, after: Row) {
        if self.kept.len() == Self::KEPT {
            self.kept.pop_front();
        }
        self.next += 1;
        self.kept.push_back(Record { sequence: self.next, key, before, after });
    }

    /// What is kept.
    pub fn sequences(&self) -> Vec<u64> {
        self.kept.iter().map(|record| record.sequence).collect()
    }
}
