//! The extremes of a life against the rule written down naively (R11): the best and the worst profit of all marks that a pass
//! saw, less what was no further than the grain; whatever order marks, fills and corrections come in.

use std::time::Duration;

use posbook::{
    Book, Clock, Command, Corrected, Correction, Decimal, ExitPlan, Fill, Instrument, InstrumentId,
    InstrumentSpec, OrderSide, Position, PositionId, Price, PriceSign, Side, Timestamp, exits,
};
use proptest::prelude::*;

use crate::naive::{Q, absolute, q, zero};
use crate::scale::runner;

#[derive(Debug, Clone)]
enum Op {
    /// A price, and a pass that sees it.
    Seen(u16),
    /// A price that no pass sees.
    Unseen(u16),
    /// A price that is too old when the pass comes.
    Stale(u16),
    /// The stop follows the price, and notes it too.
    Trailed(u16),
    /// A trade of so many: adds, reduces, closes, opens or goes through zero.
    Trade(bool, u8, u16),
    /// The venue has one more.
    Corrected(u16),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => any::<u16>().prop_map(Op::Seen),
        1 => any::<u16>().prop_map(Op::Unseen),
        1 => any::<u16>().prop_map(Op::Stale),
        2 => any::<u16>().prop_map(Op::Trailed),
        2 => (any::<bool>(), 1..6_u8, any::<u16>()).prop_map(|(buy, quantity, at)| Op::Trade(buy, quantity, at)),
        1 => any::<u16>().prop_map(Op::Corrected),
    ]
}

/// Around 100: most steps are above the grain and some are not. Of prices that may be negative, around zero, too.
fn price(n: u16, negative: bool) -> Price {
    let base = if negative { -2 } else { 98 };
    let price = Decimal::from(base) + Decimal::new(i64::from(n % 4_000), 3);
    price.to_string().parse().unwrap()
}

/// What the rule says of the life that is open.
struct Naive {
    life: Option<PositionId>,
    extremes: Option<[Q; 2]>,
}

impl Naive {
    fn seen(&mut self, profit: &Q, cost: &Q) {
        let Some([best, worst]) = &mut self.extremes else {
            self.extremes = Some([profit.clone().max(zero()), profit.clone().min(zero())]);
            return;
        };
        let grain = absolute(cost) / q("10000");
        for (further, extreme) in [(profit - best.clone(), best), (worst.clone() - profit, worst)] {
            if further > zero() && further >= grain {
                *extreme = profit.clone();
            }
        }
    }
}

/// A book with one instrument, and what the rule says of it.
struct Desk {
    book: Book,
    clock: Clock,
    instrument: Instrument,
    id: InstrumentId,
    negative: bool,
    naive: Naive,
}

impl Desk {
    fn new(negative: bool, size: &str) -> Self {
        let clock = Clock::manual(Timestamp::from_millis(1_000_000));
        let book = Book::builder().clock(clock.clone()).build().unwrap();
        let prices = if negative { PriceSign::Any } else { PriceSign::Positive };
        let spec = InstrumentSpec::linear("X/USDT", "0.001", "1").unwrap();
        let spec = InstrumentSpec { contract_size: size.parse().unwrap(), prices, money_scale: 8, ..spec };
        let instrument = Instrument::new(spec).unwrap();
        let id = book.register(instrument.clone()).unwrap();
        Self { book, clock, instrument, id, negative, naive: Naive { life: None, extremes: None } }
    }

    fn open(&self) -> Option<Position> {
        self.book.snapshot().get(self.id).cloned()
    }

    fn price(&self, n: u16) -> Price {
        price(n, self.negative)
    }

    fn noted(&self) -> Option<[Q; 2]> {
        let noted = self.open()?.excursion?;
        Some([noted.favourable(), noted.adverse()].map(|extreme| q(&extreme.to_string())))
    }

    /// A trade on the account. One that cannot be booked changes nothing, and another test asks why.
    fn trade(&mut self, n: usize, buy: bool, quantity: u8, at: u16) {
        let side = if buy { OrderSide::Buy } else { OrderSide::Sell };
        let (trade, quantity) = (n.to_string().parse().unwrap(), quantity.to_string().parse().unwrap());
        let fill = Fill::trade(self.id, trade, side, quantity, self.price(at)).at(self.clock.now());
        let _ = self.book.record(fill);
        let life = self.open().map(|open| open.id);
        if life != self.naive.life {
            self.naive = Naive { life, extremes: None };
        }
    }

    /// The venue has one more: another name, and the same life.
    fn correct(&mut self, at: u16) {
        let Some(open) = self.open() else { return };
        let quantity = open.quantity.plus("1".parse().unwrap()).unwrap();
        let _ = self.book.apply(Command::Correct(Correction {
            key: open.key,
            position: open.id,
            to: Corrected::Quantity { quantity, entry: self.price(at) },
            asked: self.book.snapshot().sequence(),
            report_time: Some(self.clock.now()),
            reason: String::new(),
        }));
        self.naive.life = self.open().map(|open| open.id);
    }

    /// A price, and what becomes of it.
    fn mark(&mut self, op: &Op, at: u16) {
        let at = self.price(at);
        // Zero is a price only where it may be.
        if self.book.mark(self.id, at).is_err() {
            return;
        }
        if matches!(op, Op::Stale(_)) {
            self.clock.set(self.clock.now().plus(Duration::from_secs(31)));
        }
        let Some(open) = self.open() else { return };
        let (key, position) = (open.key, open.id);
        let reach = Command::Reach { key, position };
        let value = [open.quantity.to_string(), open.contract_size.to_string(), at.to_string()];
        let value = value.iter().fold(q("1"), |value, factor| value * q(factor));
        let cost = q(&open.cost.to_string());
        let profit = if open.side == Side::Long { value - &cost } else { &cost - value };
        match op {
            Op::Seen(_) => {
                // Decided from the snapshot before, as a pass does; and what it would not ask for changes nothing.
                let asked = exits::reach(&open, &self.instrument, at);
                let published = self.book.apply(reach).unwrap().publication;
                assert_eq!(asked.is_some(), published.is_some());
                self.naive.seen(&profit, &cost);
            }
            Op::Trailed(_) => {
                let (none, width) = ("0".parse().unwrap(), "0.001".parse().unwrap());
                self.book.apply(Command::plan(key, ExitPlan::default().trailing(none, width))).unwrap();
                let moved = self.book.apply(Command::Trail { key, position }).unwrap().publication;
                // A stop that follows takes it along where somebody notes extremes.
                if moved.is_some() && self.naive.extremes.is_some() {
                    self.naive.seen(&profit, &cost);
                }
            }
            Op::Stale(_) => assert!(self.book.apply(reach).is_err(), "R11"),
            _ => {}
        }
        if let (Some(now), Some(before)) = (self.open().and_then(|open| open.excursion), open.excursion) {
            let outwards = now.favourable() >= before.favourable() && now.adverse() <= before.adverse();
            assert!(outwards, "R11: an extreme moved back: {before:?} became {now:?}");
        }
    }
}

#[test]
fn r11_the_extremes_of_a_life_are_what_the_rule_says_and_only_move_outwards() {
    let streams = (prop::collection::vec(op(), 1..60), any::<bool>(), 0..3_usize);
    let outcome = runner(400).run(&streams, |(ops, negative, size)| {
        let mut desk = Desk::new(negative, ["1", "0.01", "25"][size]);
        for (n, op) in ops.iter().enumerate() {
            desk.clock.set(desk.clock.now().plus(Duration::from_millis(1)));
            match *op {
                Op::Trade(buy, quantity, at) => desk.trade(n, buy, quantity, at),
                Op::Corrected(at) => desk.correct(at),
                Op::Seen(at) | Op::Unseen(at) | Op::Stale(at) | Op::Trailed(at) => desk.mark(op, at),
            }
            assert_eq!(desk.noted(), desk.naive.extremes, "{op:?} leaves {:?}", desk.open());
        }
        Ok(())
    });
    if let Err(failed) = outcome {
        panic!("{failed}");
    }
}
