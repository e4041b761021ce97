//! What chance does to one order: how long it travels, whether it is refused, in how many parts it fills, and which
//! faults befall it and its messages.
//!
//! Every throw follows from the venue's seed and the sequence in the order's client id, never from what other orders
//! did before. So one seed fixes the fate of every order however the threads interleave, and each question has
//! throws of its own: another rate of refusals leaves the latencies as they were. What is about no order (a report, a
//! second of market time) has its number instead of a sequence.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::exact::{product, sum};
use super::faults::{CERTAIN, Fault, Faults};
use crate::model::{Leg, Quantity, Sequence, Symbol, Timestamp};

/// The most parts an order fills in.
const MOST_PARTS: u64 = 5;

/// Nanoseconds in a second.
const SECOND: i64 = 1_000_000_000;

/// The first question of the faults; those before are asked of every order.
const FIRST_FAULT: u64 = 10;

/// What the builder was told about chance.
#[derive(Debug, Clone)]
pub(super) struct Odds {
    pub(super) seed: u64,
    pub(super) latency: Range<Duration>,
    /// Percent of the orders that fill in parts.
    pub(super) partial: u8,
    /// Percent of the orders that are refused.
    pub(super) reject: u8,
    pub(super) faults: Faults,
}

/// How an order and its answer travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trip {
    /// Both arrive.
    Whole,
    /// The order arrives, its answer does not.
    AnswerLost,
    /// So, and the order is under way for so long.
    Late(Duration),
    /// Nothing arrives.
    Lost,
}

/// The fate of one order.
#[derive(Debug, Clone)]
pub(super) struct Fate {
    pub(super) latency: Duration,
    pub(super) rejected: bool,
    pub(super) trip: Trip,
    /// After so long `submit` fails, if no answer arrives.
    pub(super) timeout: Duration,
    /// It rests so long after it was accepted.
    pub(super) rests: Option<Duration>,
    /// Its messages are cumulative.
    pub(super) cumulative: bool,
    /// A cancel comes too late, and is answered or not.
    pub(super) race: Option<bool>,
    parts: u64,
    cuts: Dice,
}

/// What happens to the message of one fill.
#[derive(Debug, Clone, Copy)]
pub(super) struct Post {
    pub(super) delayed: Option<Duration>,
    /// It comes again after so long.
    pub(super) doubled: Option<Duration>,
    pub(super) reordered: bool,
}

impl Odds {
    pub(super) fn fate(&self, order: Sequence) -> Fate {
        let dice = |question| Dice::new(self.seed, [order.0, question]);
        let percent = |mut dice: Dice, percent: u8| dice.below(100) < u64::from(percent);
        let parts = if percent(dice(3), self.partial) { 2 + dice(4).below(MOST_PARTS - 1) } else { 1 };
        let befalls = |fault| self.strikes(fault, [order.0]);
        let trip = if befalls(Fault::LostOrder).is_some() {
            Trip::Lost
        } else if let Some(mut dice) = befalls(Fault::LateExecution) {
            Trip::Late(dice.between(500, 4_000))
        } else if befalls(Fault::LostAnswer).is_some() {
            Trip::AnswerLost
        } else {
            Trip::Whole
        };
        Fate {
            latency: self.travel(dice(1)),
            rejected: percent(dice(2), self.reject),
            trip,
            timeout: dice(6).between(200, 1_000),
            rests: befalls(Fault::Resting).map(|mut dice| dice.between(1_000, 10_000)),
            cumulative: befalls(Fault::NoTradeId).is_some(),
            race: befalls(Fault::CancelRace).map(|mut dice| dice.below(2) == 0),
            parts,
            cuts: dice(5),
        }
    }

    /// What happens to the message of an order's fill of this number; without an order, to that of the account's fill.
    pub(super) fn post(&self, order: Option<Sequence>, number: u64) -> Post {
        let befalls = |fault| self.strikes(fault, [order.map_or(u64::MAX, |order| order.0), number]);
        Post {
            delayed: befalls(Fault::DelayedFill).map(|mut dice| dice.between(100, 2_000)),
            doubled: befalls(Fault::DoubledFill).map(|mut dice| dice.between(0, 30_000)),
            reordered: befalls(Fault::ReorderedFill).is_some(),
        }
    }

    /// How old the state is that an order is said to be in, when it is asked for so many times.
    pub(super) fn stale_status(&self, order: Sequence, asked: u64) -> Option<Duration> {
        self.strikes(Fault::StaleStatus, [order.0, asked]).map(|mut dice| dice.between(1, 500))
    }

    /// The dice for how a fault befalls the position report of this number, if it does.
    pub(super) fn befalls_report(&self, fault: Fault, number: u64) -> Option<Dice> {
        self.strikes(fault, [number])
    }

    /// Whether a leg is closed by force in the second of this time, and by half.
    pub(super) fn liquidates(&self, symbol: &Symbol, leg: Leg, time: Timestamp) -> Option<bool> {
        let name = symbol.as_str().bytes().map(u64::from);
        let about = name.chain([leg as u64, second(time).unsigned_abs()]);
        self.strikes(Fault::Liquidation, about).map(|mut dice| dice.below(2) == 0)
    }

    /// Whether a burst of too many requests goes on. None is longer than two seconds, so it began in this one or in one
    /// of the two before.
    pub(super) fn limited(&self, now: Timestamp) -> bool {
        (0..=2).map(|back| second(now) - back).any(|second| {
            self.strikes(Fault::RateLimit, [second.unsigned_abs()]).is_some_and(|mut dice| {
                let begins = Timestamp(second.saturating_mul(SECOND)).plus(dice.between(0, 1_000));
                (begins..begins.plus(dice.between(200, 1_500))).contains(&now)
            })
        })
    }

    /// The dice for how a fault befalls something, if it does.
    fn strikes(&self, fault: Fault, about: impl IntoIterator<Item = u64>) -> Option<Dice> {
        let mut dice = Dice::new(self.seed, about.into_iter().chain([FIRST_FAULT + fault as u64]));
        (dice.below(CERTAIN.into()) < self.faults.millionths(fault).into()).then_some(dice)
    }

    /// Uniform in the range; an empty range is its start.
    fn travel(&self, mut dice: Dice) -> Duration {
        let spread = self.latency.end.saturating_sub(self.latency.start).as_nanos();
        let extra = dice.below(u64::try_from(spread).unwrap_or(u64::MAX));
        self.latency.start.saturating_add(Duration::from_nanos(extra))
    }
}

/// The whole second of a time.
pub(super) const fn second(time: Timestamp) -> i64 {
    time.0.div_euclid(SECOND)
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
pub(super) struct Dice(u64);

impl Dice {
    fn new(seed: u64, about: impl IntoIterator<Item = u64>) -> Self {
        about.into_iter().fold(Self(seed), |mut dice, word| Self(dice.next() ^ word))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to below `bound`, zero for a bound of zero. The bias is below `bound` / 2^64.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let wide = (u128::from(self.next()) * u128::from(bound)) >> 64;
        u64::try_from(wide).unwrap_or(0)
    }

    /// Milliseconds, from the first to below the second.
    pub(super) fn between(&mut self, least: u64, most: u64) -> Duration {
        const MILLISECOND: u64 = 1_000_000;
        let extra = self.below(most.saturating_sub(least).saturating_mul(MILLISECOND));
        Duration::from_nanos(least.saturating_mul(MILLISECOND).saturating_add(extra))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::Fraction;

    fn odds(seed: u64, partial: u8, reject: u8) -> Odds {
        let latency = Duration::from_millis(20)..Duration::from_millis(250);
        Odds { seed, latency, partial, reject, faults: Faults::off() }
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
    fn faults_come_at_their_rates_and_one_rate_does_not_move_the_others() {
        let with = |faults| Odds { faults, ..odds(7, 30, 10) };
        let (hostile, calm) = (with(Faults::hostile()), with(Faults::off()));
        let more = with(Faults::hostile().set("lost-answer", Fraction::ONE).unwrap());
        let mut counts = [0; 4];
        for n in 0..10_000 {
            let [a, b, c] = [&hostile, &calm, &more].map(|odds| odds.fate(Sequence(n)));
            assert_eq!((a.latency, a.parts, a.rejected), (b.latency, b.parts, b.rejected));
            assert_eq!(
                (a.rests, a.cumulative, a.race, a.timeout),
                (c.rests, c.cumulative, c.race, c.timeout)
            );
            assert!(a.trip == c.trip || (a.trip == Trip::Whole && c.trip == Trip::AnswerLost));
            assert!(b.rests.is_none() && !b.cumulative && b.race.is_none() && b.trip == Trip::Whole);
            let happened =
                [a.trip == Trip::Lost, a.rests.is_some(), a.cumulative, hostile.post(None, n).reordered];
            for (count, happened) in counts.iter_mut().zip(happened) {
                *count += usize::from(happened);
            }
        }
        // 4, 10, 10 and 10 percent.
        assert!((340..460).contains(&counts[0]), "{counts:?}");
        assert!(counts[1..].iter().all(|count| (900..1_100).contains(count)), "{counts:?}");
    }

    #[test]
    fn bursts_take_the_share_of_time_that_they_should() {
        let odds = Odds { faults: Faults::off().set("rate-limit", rate("0.05")).unwrap(), ..odds(7, 0, 0) };
        let limited = (0..200_000).filter(|n| odds.limited(Timestamp::from_millis(n * 50))).count();
        // One second in 20 begins a burst of 0.85 s in the mean, so 4.25 % of the time less what overlaps.
        assert!((7_000..9_500).contains(&limited), "{limited}");
    }

    fn rate(text: &str) -> Fraction {
        text.parse().unwrap()
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
