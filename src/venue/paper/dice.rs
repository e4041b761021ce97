//! What chance does to one order: how long it travels, whether it is refused, in how many parts it fills.
//!
//! Every throw follows from the venue's seed and the sequence in the order's client id, never from what other orders
//! did before. So one seed fixes the fate of every order however the threads interleave, and each question has
//! throws of its own: another rate of refusals leaves the latencies as they were.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::exact::{product, sum};
use crate::model::{Quantity, Sequence};

/// The most parts an order fills in.
const MOST_PARTS: u64 = 5;

/// What the builder was told about chance.
#[derive(Debug, Clone)]
pub(super) struct Odds {
    pub(super) seed: u64,
    pub(super) latency: Range<Duration>,
    /// Percent of the orders that fill in parts.
    pub(super) partial: u8,
    /// Percent of the orders that are refused.
    pub(super) reject: u8,
}

/// The fate of one order.
#[derive(Debug, Clone)]
pub(super) struct Fate {
    pub(super) latency: Duration,
    pub(super) rejected: bool,
    parts: u64,
    cuts: Dice,
}

impl Odds {
    pub(super) fn fate(&self, order: Sequence) -> Fate {
        let dice = |question| Dice::new(self.seed, order, question);
        let percent = |mut dice: Dice, percent: u8| dice.below(100) < u64::from(percent);
        let parts = if percent(dice(3), self.partial) { 2 + dice(4).below(MOST_PARTS - 1) } else { 1 };
        Fate { latency: self.travel(dice(1)), rejected: percent(dice(2), self.reject), parts, cuts: dice(5) }
    }

    /// Uniform in the range; an empty range is its start.
    fn travel(&self, mut dice: Dice) -> Duration {
        let spread = self.latency.end.saturating_sub(self.latency.start).as_nanos();
        let extra = dice.below(u64::try_from(spread).unwrap_or(u64::MAX));
        self.latency.start.saturating_add(Duration::from_nanos(extra))
    }
}

impl Fate {
    /// The order's quantity in the parts it fills in: each at least one step and on the step, the last one with
    /// whatever is off it. One part if it has fewer steps than two, or if a part would need too many digits.
    pub(super) fn parts(&self, quantity: Quantity, step: Quantity) -> VecDeque<Quantity> {
        self.cut(quantity, step).unwrap_or_else(|| VecDeque::from([quantity]))
    }

    fn cut(&self, quantity: Quantity, step: Quantity) -> Option<VecDeque<Quantity>> {
        let mut steps = quantity.get().checked_div(step.get())?.floor().to_u64()?;
        let mut dice = self.cuts.clone();
        let mut rest = quantity.get();
        let mut parts = VecDeque::new();
        for left in (2..=self.parts.min(steps)).rev() {
            // Up to twice a fair share less one: at least one step stays for each part to come.
            let share = steps / left;
            let take = 1 + dice.below(share.saturating_mul(2).saturating_sub(1));
            steps = steps.saturating_sub(take);
            let part = product(Decimal::from(take), step.get())?;
            rest = sum(rest, -part)?;
            // What has filled so far is a figure the venue reports too.
            Quantity::new(sum(quantity.get(), -rest)?).ok()?;
            parts.push_back(Quantity::new(part).ok()?);
        }
        parts.push_back(Quantity::new(rest).ok().filter(|last| !last.is_zero())?);
        Some(parts)
    }
}

/// splitmix64 (Steele, Lea and Flood, 2014): the state walks by the golden ratio, each number is its hash.
#[derive(Debug, Clone)]
struct Dice(u64);

impl Dice {
    fn new(seed: u64, order: Sequence, question: u64) -> Self {
        [order.0, question].iter().fold(Self(seed), |mut dice, word| Self(dice.next() ^ word))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to below `bound`, zero for a bound of zero. The bias is below `bound` / 2^64.
    fn below(&mut self, bound: u64) -> u64 {
        let wide = (u128::from(self.next()) * u128::from(bound)) >> 64;
        u64::try_from(wide).unwrap_or(0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn odds(seed: u64, partial: u8, reject: u8) -> Odds {
        Odds { seed, latency: Duration::from_millis(20)..Duration::from_millis(250), partial, reject }
    }

    #[test]
    fn the_generator_is_splitmix64() {
        // The reference's first numbers from the state 1234567.
        let mut dice = Dice(1_234_567);
        assert_eq!([dice.next(), dice.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn rates_and_latencies_come_out_as_asked() {
        let fates: Vec<Fate> = (0..10_000).map(|n| odds(7, 30, 10).fate(Sequence(n))).collect();
        let rejected = fates.iter().filter(|f| f.rejected).count();
        let partial = fates.iter().filter(|f| f.parts > 1).count();
        assert!((850..1150).contains(&rejected), "{rejected}");
        assert!((2800..3200).contains(&partial), "{partial}");
        let mean = fates.iter().map(|f| f.latency).sum::<Duration>() / 10_000;
        assert!((130..140).contains(&mean.as_millis()), "{mean:?}");
        assert!(fates.iter().all(|f| (20..250).contains(&f.latency.as_millis()) && f.parts <= MOST_PARTS));
    }

    #[test]
    fn one_rate_does_not_move_the_other_throws() {
        for n in 0..100 {
            let (a, b) = (odds(7, 30, 0).fate(Sequence(n)), odds(7, 30, 100).fate(Sequence(n)));
            assert_eq!((a.latency, a.parts), (b.latency, b.parts));
        }
    }

    #[test]
    fn parts_are_on_the_step_and_sum_exactly() {
        let step: Quantity = "0.001".parse().unwrap();
        for n in 0..2_000 {
            for whole in ["0.001", "0.002", "0.003", "1.2345", "0.0005", "1000000"] {
                let whole: Quantity = whole.parse().unwrap();
                let parts = odds(3, 100, 0).fate(Sequence(n)).parts(whole, step);
                assert_eq!(parts.iter().map(|p| p.get()).sum::<Decimal>(), whole.get());
                assert!(parts.iter().all(|p| !p.is_zero()));
                assert!(parts.iter().rev().skip(1).all(|p| (p.get() % step.get()).is_zero()));
            }
        }
        // A part would have 19 digits and more before its last place: left whole.
        let (whole, step) = ("1000".parse().unwrap(), "0.000000000000000001".parse().unwrap());
        assert_eq!(odds(3, 100, 0).fate(Sequence(1)).parts(whole, step), [whole]);
    }
}
