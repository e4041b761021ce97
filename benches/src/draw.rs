//! Draws what a thread does, from a seed: which operation, on which key, at which price.

use posbook::{Decimal, Fill, InstrumentId, OrderSide, Price, Quantity};

use crate::measure::Plan;
use crate::mix::Kind;
use crate::workload::{Keys, Role};
use crate::{Random, prices, quantity};

/// How keys are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    /// Each as often as the others.
    Uniform,
    /// The n-th with a share of 1/n: a few are hot.
    Zipf,
}

/// One operation, small, so that many can be drawn before a measurement and lie side by side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) kind: Kind,
    key: u16,
    price: u16,
}

impl Step {
    pub(crate) fn key(self) -> usize {
        self.key.into()
    }

    /// The same on that key.
    pub(crate) fn of(self, key: usize) -> Self {
        Self { key: u16::try_from(key).unwrap_or(u16::MAX), ..self }
    }
}

/// One thread's draws.
pub(crate) struct Draw {
    random: Random,
    prices: Vec<Price>,
    one: Quantity,
    whole: Quantity,
    positions: u64,
    distribution: Distribution,
    /// Trade ids so far.
    made: u64,
    /// Whether the last fill of a key was a buy.
    bought: Vec<bool>,
    /// Batches so far.
    stops: i64,
    /// Openings and closings so far.
    turns: u64,
}

impl Draw {
    /// Trade ids are numbered from `from`: no two threads may share one.
    pub(crate) fn new(plan: &Plan, from: u64) -> Self {
        Self {
            random: Random(plan.seed ^ from),
            prices: prices(plan.seed),
            one: quantity("1"),
            whole: quantity("10000"),
            positions: plan.positions as u64,
            distribution: plan.distribution,
            made: from,
            bought: vec![false; plan.positions],
            stops: 0,
            turns: 0,
        }
    }

    fn key(&mut self, keys: Keys) -> u64 {
        match (keys, self.distribution) {
            (Keys::One(key), _) => (key as u64).min(self.positions - 1),
            (Keys::All, Distribution::Uniform) => self.random.below(self.positions),
            (Keys::All, Distribution::Zipf) => {
                // 1/n in the limit: uniform in the logarithm.
                let share = self.random.below(1 << 32) as f64 / (1_u64 << 32) as f64;
                ((self.positions as f64 + 1.0).powf(share) as u64 - 1).min(self.positions - 1)
            }
        }
    }

    /// The next operation of a role.
    pub(crate) fn step(&mut self, role: &Role) -> Step {
        let kind = role.mix.draw(&mut self.random);
        let key = u16::try_from(self.key(role.keys)).expect("there are at most 10,000 keys");
        let price = self.random.below(self.prices.len() as u64) as u16;
        Step { kind, key, price }
    }

    /// The price that a step names.
    pub(crate) fn price(&self, step: Step) -> Price {
        self.prices[usize::from(step.price)]
    }

    /// A fill of one contract. On each key buys and sells take turns, so that positions stay open and numbers stay short.
    pub(crate) fn fill(&mut self, step: Step) -> Fill {
        let bought = &mut self.bought[step.key()];
        *bought = !*bought;
        let side = if *bought { OrderSide::Buy } else { OrderSide::Sell };
        self.trade(step.key(), side, self.one, self.price(step))
    }

    /// Closes all of a key, or opens all of it again: the keys in turn, all closed and then all opened.
    pub(crate) fn churn(&mut self, step: Step) -> (usize, Fill) {
        let key = (self.turns % self.positions) as usize;
        let closes = (self.turns / self.positions).is_multiple_of(2);
        self.turns += 1;
        let side = if closes { OrderSide::Sell } else { OrderSide::Buy };
        (key, self.trade(key, side, self.whole, self.price(step)))
    }

    fn trade(&mut self, key: usize, side: OrderSide, quantity: Quantity, price: Price) -> Fill {
        self.made += 1;
        let name = self.made.to_string().parse().expect("digits are a name");
        let id = InstrumentId(u32::try_from(key).unwrap_or(u32::MAX));
        Fill::trade(id, name, side, quantity, price)
    }

    /// The next stop: a step above the one before, and below every entry for longer than anybody measures.
    pub(crate) fn stop(&mut self) -> Price {
        self.stops += 1;
        Price::new(Decimal::new(10_000_000 + self.stops % 400_000_000, 4)).expect("it is a price")
    }
}
