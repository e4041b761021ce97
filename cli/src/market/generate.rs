//! A market made from a seed, for trying things out without a file.
//!
//! It is no model of a real market. It is busy enough to exercise a book: several perpetuals at plausible prices
//! and steps, trades and quotes at irregular times over about half an hour, calm stretches and storms, and moves
//! large enough that stops and targets between 0.2 and 5 percent are reached within the run.
//!
//! The same seed gives the same tape on every machine and with every version, so it is all integer arithmetic and a
//! generator of ten lines written out here, and a test pins its result. A price is held as a count of its steps with
//! [`FRACTION`] more binary digits, so that many small moves add up to a step instead of rounding to nothing.

use rust_decimal::Decimal;

use super::{Market, Source, Tape, Tick, TickKind};

/// When the run begins: 8 August 2024, midnight UTC.
const START: i64 = 1_723_075_200_000_000_000;
/// How long it lasts, in nanoseconds, give or take a few percent.
const LENGTH: u64 = 30 * 60 * SECOND;
/// A second.
const SECOND: u64 = 1_000_000_000;
/// Binary digits of a price below one step.
const FRACTION: u32 = 20;

/// A perpetual as it is listed: where its price starts, and how fine its prices and quantities are.
struct Listing {
    base: &'static str,
    /// The price at the start, in steps.
    start: i64,
    price_decimals: u32,
    quantity_decimals: u32,
    /// The largest trade, in quantity steps: some hundred thousand USDT.
    largest: u64,
    /// How often it trades, relative to the others.
    activity: u64,
}

const fn listing(
    base: &'static str,
    (start, price_decimals): (i64, u32),
    (largest, quantity_decimals): (u64, u32),
    activity: u64,
) -> Listing {
    Listing { base, start, price_decimals, quantity_decimals, largest, activity }
}

/// Prices of August 2024.
const LISTINGS: [Listing; 16] = [
    listing("BTC", (618_000, 1), (4_000, 3), 30),
    listing("ETH", (268_200, 2), (80_000, 3), 25),
    listing("SOL", (15_420, 2), (1_500, 0), 15),
    listing("XRP", (6_120, 4), (3_000_000, 1), 10),
    listing("DOGE", (10_240, 5), (1_500_000, 0), 8),
    listing("BNB", (51_230, 2), (40_000, 2), 6),
    listing("ADA", (3_390, 4), (500_000, 0), 5),
    listing("LINK", (10_310, 3), (1_200_000, 2), 4),
    listing("AVAX", (22_150, 3), (5_000, 0), 4),
    listing("LTC", (6_150, 2), (1_500_000, 3), 3),
    listing("DOT", (4_587, 3), (200_000, 1), 3),
    listing("BCH", (33_470, 2), (300_000, 3), 3),
    listing("TRX", (12_710, 5), (800_000, 0), 2),
    listing("SUI", (8_360, 4), (1_000_000, 1), 2),
    listing("NEAR", (4_012, 3), (30_000, 0), 2),
    listing("UNI", (5_930, 3), (20_000, 0), 2),
];

/// How restless a market is: the standard deviation of its price over one second, in parts per thousand million;
/// how likely it is; and how far its quotes stand apart at most, in steps.
#[derive(Clone, Copy)]
struct Mood {
    deviation: i128,
    weight: u64,
    widest: u64,
}

/// Half the time hardly anything happens, a sixth of it is a storm. Together about 3.5 percent in half an hour.
const MOODS: [Mood; 3] = [
    Mood { deviation: 100_000, weight: 50, widest: 1 },
    Mood { deviation: 400_000, weight: 34, widest: 2 },
    Mood { deviation: 2_000_000, weight: 16, widest: 5 },
];

/// One market while the tape is made.
struct Walker {
    listing: &'static Listing,
    /// The price in steps, times two to the power of [`FRACTION`].
    price: i128,
    /// When the price last moved.
    moved: u64,
    mood: Mood,
    /// When the mood changes.
    until: u64,
}

/// See [`Tape::generated`].
pub(super) fn generate(seed: u64, instruments: usize, ticks: usize) -> Tape {
    let mut dice = Dice(seed);
    let listed = LISTINGS.iter().cycle().take(instruments);
    let mut walkers: Vec<Walker> = listed.map(|listing| Walker::new(listing, &mut dice)).collect();
    let weights: Vec<u64> = walkers.iter().map(|walker| walker.listing.activity).collect();

    let mut tape = Tape {
        markets: walkers.iter().enumerate().map(|(index, walker)| walker.market(index)).collect(),
        ticks: Vec::new(),
        skipped_rows: 0,
        source: Source::Synthetic { seed },
    };
    let pause = LENGTH / u64::try_from(ticks).unwrap_or(u64::MAX).max(1);
    let mut now = 0;
    for _ in 0..ticks {
        // 1. Wait. Four times the mean, times two dice between 0 and 1, is the mean again; most waits are short
        //    and some are long, so ticks come in bursts as they do in a market.
        now += dice.part(pause.saturating_mul(4), 2);
        // 2. Choose who speaks. The first markets of the list do so more often.
        let chosen = dice.choose(weights.iter().copied());
        let Some(walker) = walkers.get_mut(chosen) else { break };
        // 3. Let its mood change if the time has come, and move its price by what has gathered since it last spoke.
        walker.advance(now, &mut dice);
        // 4. Every fourth tick is a trade, the others are quotes.
        let kind = if dice.below(4) == 0 { walker.trade(&mut dice) } else { walker.quote(&mut dice) };
        tape.ticks.push(Tick {
            time: START.saturating_add_unsigned(now),
            market: u32::try_from(chosen).unwrap_or(u32::MAX),
            kind,
        });
    }
    tape
}

impl Walker {
    fn new(listing: &'static Listing, dice: &mut Dice) -> Walker {
        let price = i128::from(listing.start) << FRACTION;
        let mut walker =
            Walker { listing, price, moved: 0, mood: Mood { deviation: 0, weight: 0, widest: 1 }, until: 0 };
        walker.change_mood(dice);
        walker
    }

    /// What the market is called and how fine it is. Beyond the end of the list the names are made up.
    fn market(&self, index: usize) -> Market {
        let symbol = match LISTINGS.get(index) {
            Some(listing) => format!("{}/USDT:USDT", listing.base),
            None => format!("{}{}/USDT:USDT", self.listing.base, index / LISTINGS.len() + 1),
        };
        Market {
            symbol,
            price_scale: self.listing.price_decimals,
            quantity_scale: self.listing.quantity_decimals,
            files: Vec::new(),
        }
    }

    /// A new mood for the next 20 to 100 seconds.
    fn change_mood(&mut self, dice: &mut Dice) {
        if let Some(&mood) = MOODS.get(dice.choose(MOODS.iter().map(|mood| mood.weight))) {
            self.mood = mood;
        }
        self.until += 20 * SECOND + dice.below(80 * SECOND);
    }

    /// Moves the price by a random amount: deviation of the mood, times the root of the time that passed, times a
    /// throw of the bell. Each move is relative to the price, so it never gets to zero; walls at a quarter and at
    /// four times the start keep even an absurd number of ticks within sight of a market.
    fn advance(&mut self, now: u64, dice: &mut Dice) {
        while now >= self.until {
            self.change_mood(dice);
        }
        let passed = i128::from((now - self.moved).isqrt());
        self.moved = now;
        let change = self.price * self.mood.deviation * passed * dice.bell();
        self.price += change / (1_000_000_000 * ROOT_OF_SECOND * BELL_DEVIATION);
        let start = i128::from(self.listing.start) << FRACTION;
        self.price = self.price.clamp(start / 4, start * 4);
    }

    /// The step at or below the price is the bid, and the ask stands one step above it, or more in a storm.
    fn sides(&self, dice: &mut Dice) -> (i64, i64) {
        let bid = i64::try_from(self.price >> FRACTION).unwrap_or(self.listing.start);
        (bid, bid.saturating_add_unsigned(1 + dice.below(self.mood.widest)))
    }

    fn quote(&self, dice: &mut Dice) -> TickKind {
        let (bid, ask) = self.sides(dice);
        TickKind::Quote { bid: self.price_of(bid), ask: self.price_of(ask) }
    }

    /// Someone takes the bid or the ask. Many trades are small and few are large: each further halving of the
    /// largest size is as likely as the one before.
    fn trade(&self, dice: &mut Dice) -> TickKind {
        let (bid, ask) = self.sides(dice);
        let price = self.price_of(if dice.below(2) == 0 { bid } else { ask });
        let steps = 1 + (dice.below(self.listing.largest) >> dice.below(10));
        let steps = i64::try_from(steps).unwrap_or(1);
        TickKind::Trade { price, quantity: decimal(steps, self.listing.quantity_decimals) }
    }

    fn price_of(&self, steps: i64) -> Decimal {
        decimal(steps, self.listing.price_decimals)
    }
}

/// So many steps as a number, without trailing zeros like every number of a tape.
fn decimal(steps: i64, decimals: u32) -> Decimal {
    Decimal::try_new(steps, decimals).unwrap_or(Decimal::ONE).normalize()
}

/// The square root of a second in nanoseconds: what a deviation per second is divided by.
const ROOT_OF_SECOND: i128 = 31_623;
/// The standard deviation of [`Dice::bell`].
const BELL_DEVIATION: i128 = 37_837;

/// The source of chance: SplitMix64, written out so that no update of a dependency changes a tape.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to below `limit`; 0 if that is 0.
    fn below(&mut self, limit: u64) -> u64 {
        // The upper half of a product of two u64 is a u64.
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }

    /// `whole` times that many random numbers between 0 and 1.
    fn part(&mut self, whole: u64, times: u32) -> u64 {
        (0..times).fold(whole, |rest, _| self.below(rest))
    }

    /// An index, each as likely as its weight says.
    fn choose(&mut self, weights: impl Iterator<Item = u64> + Clone) -> usize {
        let mut left = self.below(weights.clone().sum());
        for (index, weight) in weights.enumerate() {
            match left.checked_sub(weight) {
                Some(rest) => left = rest,
                None => return index,
            }
        }
        0
    }

    /// Nearly a bell curve around zero: four 16-bit numbers of one throw, added up.
    fn bell(&mut self) -> i128 {
        let thrown = self.next();
        let sum: u64 = [0, 16, 32, 48].into_iter().map(|shift| (thrown >> shift) & 0xffff).sum();
        i128::from(sum) - 2 * 0xffff
    }
}
