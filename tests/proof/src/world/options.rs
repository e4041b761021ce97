//! What a world is made of. All of it follows from the seed; each part can be set, so that a world that fails can be made
//! smaller and named in one line.

use std::fmt;
use std::str::FromStr;

use posbook::Fraction;
use posbook::venue::{Fault, Faults};

use super::dice::Dice;
use super::market::LISTINGS;

/// One world. `Display` and `FromStr` are the form in which a failing world is replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Strategies that trade.
    pub strategies: u64,
    /// Owners that they trade for.
    pub owners: u64,
    /// Instruments.
    pub instruments: u64,
    /// The first of them, of the few that there are: four that are linear, then inverse, quanto and spot.
    pub first: u64,
    /// Turns of the scheduler before the world is brought to rest.
    pub turns: u64,
    /// Percent of what is begun that is a reconciliation.
    pub reconciles: u64,
    /// Orders of a person at the venue, at most.
    pub foreign: u64,
    /// Per mille of the turns in which a running task is dropped.
    pub cancels: u64,
    /// Percent of the questions and answers that take time.
    pub slow: u64,
    /// Per mille of those that never end.
    pub hangs: u64,
    /// The bot's clock against the venue's, in milliseconds.
    pub skew: i64,
    /// How many positions the book allows.
    pub positions: u64,
    /// Fills that nobody can book, at most.
    pub odd: u64,
    /// How often the bot is killed and restarted, about. 0: it has no journal.
    pub kills: u64,
    /// How many positions may have the tag that half of the orders carry. 0: nothing is tagged.
    pub tagged: u64,
    /// What goes wrong at the venue, in millionths.
    pub faults: Vec<(Fault, u32)>,
}

/// One world in so many has a journal, and the most kills of one world.
const JOURNALED: u64 = 8;
const KILLS: u64 = 4;

/// Every fault with its rate, of a named setting.
fn rates(faults: &Faults) -> Vec<(Fault, u32)> {
    let rate = |fault: Fault| {
        let millionths = faults.rate(fault) * rust_decimal::Decimal::from(1_000_000);
        (
            fault,
            u32::try_from(millionths.trunc().mantissa() / 10i128.pow(millionths.trunc().scale()))
                .unwrap_or(0),
        )
    };
    Fault::ALL.into_iter().map(rate).filter(|(_, rate)| *rate > 0).collect()
}

/// A rate at which a fault shows itself in a short world.
fn often(fault: Fault, dice: &mut Dice) -> u32 {
    let percent = match fault {
        Fault::Liquidation => dice.between(2, 20),
        Fault::RateLimit => dice.between(2, 10),
        _ => dice.between(5, 60),
    };
    u32::try_from(percent * 10_000).unwrap_or(0)
}

/// A stream of its own: everything else of a world is the same without a journal.
fn kills(seed: u64) -> u64 {
    let mut dice = Dice::new(seed, 6);
    match cfg!(feature = "journal") && dice.below(JOURNALED) == 0 {
        true => dice.between(1, KILLS + 1),
        false => 0,
    }
}

/// A stream of its own, too: one world in three has a group.
fn tagged(seed: u64) -> u64 {
    let mut dice = Dice::new(seed, 8);
    if dice.below(3) == 0 { dice.between(1, 4) } else { 0 }
}

impl Options {
    /// The world of a seed.
    pub fn of(seed: u64) -> Self {
        // Dice of their own: a world that is not of other kinds is the one that it was before there were any.
        let (mut dice, mut kinds) = (Dice::new(seed, 0), Dice::new(seed, 6));
        let strategies = dice.between(1, 5);
        let kind = dice.below(20);
        let reports = kind >= 16;
        let faults = match kind {
            0 | 1 => Vec::new(),
            2 | 3 => rates(&Faults::normal()),
            4..=7 => rates(&Faults::hostile()),
            // Trades that nobody ordered, heard of late: what makes reports differ from the book.
            16.. => {
                let rate = |percent: u64| u32::try_from(percent * 10_000).unwrap_or(0);
                let late = rate(dice.between(50, 95));
                let forced = rate(dice.between(10, 60));
                let rest = [Fault::UntimedReport, Fault::StaleReport, Fault::DoubledFill, Fault::LostAnswer];
                let rest = rest.into_iter().filter(|_| dice.percent(30)).collect::<Vec<_>>();
                let certain = [(Fault::DelayedFill, late), (Fault::Liquidation, forced)];
                certain.into_iter().chain(rest.into_iter().map(|f| (f, often(f, &mut dice)))).collect()
            }
            8..=11 => dice.pick(&Fault::ALL).copied().map(|f| (f, often(f, &mut dice))).into_iter().collect(),
            _ => {
                let some: Vec<Fault> = Fault::ALL.into_iter().filter(|_| dice.percent(35)).collect();
                some.into_iter().map(|fault| (fault, often(fault, &mut dice))).collect()
            }
        };
        let owners = if dice.percent(50) { 1 } else { dice.between(2, 4) };
        Self {
            strategies,
            owners,
            instruments: dice.between(1, 4),
            first: dice.below(4) + if kinds.percent(50) { LISTINGS / 2 } else { 0 },
            turns: dice.between(150, 1_500),
            reconciles: if reports {
                dice.between(20, 50)
            } else {
                [7, 7, 7, 20][usize::try_from(dice.below(4)).unwrap_or(0)]
            },
            foreign: if reports || dice.percent(40) { dice.between(1, 8) } else { 0 },
            cancels: if dice.percent(60) { dice.between(2, 20) } else { 0 },
            slow: [0, 20, 50, 80][usize::try_from(dice.below(4)).unwrap_or(0)],
            hangs: if dice.percent(25) { dice.between(2, 20) } else { 0 },
            skew: if dice.percent(25) { i64::try_from(dice.below(600)).unwrap_or(0) - 300 } else { 0 },
            positions: if dice.percent(60) { dice.between(1, 4) } else { 4_096 },
            odd: if dice.percent(30) { dice.between(1, 4) } else { 0 },
            kills: kills(seed),
            tagged: tagged(seed),
            faults,
        }
    }

    /// The venue's faults.
    pub(super) fn faults(&self) -> Faults {
        self.faults.iter().fold(Faults::off(), |faults, (fault, millionths)| {
            let rate = Fraction::new(rust_decimal::Decimal::new(i64::from(*millionths), 6));
            match rate.and_then(|rate| faults.clone().set(fault.name(), rate)) {
                Ok(more) => more,
                Err(_) => faults,
            }
        })
    }

    /// Worlds that are smaller than this one in one respect, the greatest steps first.
    pub(super) fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        let mut less = |change: &dyn Fn(&mut Self)| {
            let mut smaller = self.clone();
            change(&mut smaller);
            if smaller != *self {
                all.push(smaller);
            }
        };
        less(&|o| o.faults.clear());
        less(&|o| o.turns /= 2);
        less(&|o| o.turns = o.turns * 3 / 4);
        less(&|o| o.foreign = 0);
        less(&|o| o.cancels = 0);
        less(&|o| o.kills = 0);
        less(&|o| o.kills = o.kills.min(1));
        less(&|o| o.reconciles = 7);
        less(&|o| o.hangs = 0);
        less(&|o| o.slow = 0);
        less(&|o| o.skew = 0);
        less(&|o| o.odd = 0);
        less(&|o| o.positions = 4_096);
        less(&|o| o.tagged = 0);
        less(&|o| o.strategies = 1);
        less(&|o| o.strategies = (o.strategies - 1).max(1));
        less(&|o| o.owners = 1);
        less(&|o| o.owners = (o.owners - 1).max(1));
        less(&|o| o.instruments = 1);
        for other in 1..self.instruments {
            less(&|o| (o.instruments, o.first) = (1, o.first + other));
        }
        less(&|o| o.foreign = o.foreign.min(1));
        for (fault, _) in &self.faults {
            less(&|o| o.faults.retain(|(other, _)| other != fault));
        }
        less(&|o| o.turns = o.turns * 15 / 16);
        less(&|o| o.turns = o.turns.saturating_sub(1).max(1));
        all
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            strategies,
            owners,
            instruments,
            first,
            turns,
            reconciles,
            foreign,
            cancels,
            slow,
            hangs,
            skew,
            positions,
            odd,
            kills,
            tagged,
            faults,
        } = self;
        write!(
            f,
            "strategies={strategies},owners={owners},instruments={instruments},first={first},turns={turns},"
        )?;
        write!(
            f,
            "reconciles={reconciles},foreign={foreign},cancels={cancels},slow={slow},hangs={hangs},skew={skew},positions={positions},odd={odd},kills={kills},tagged={tagged},"
        )?;
        let faults: Vec<String> = faults.iter().map(|(fault, rate)| format!("{fault}:{rate}")).collect();
        write!(f, "faults={}", faults.join("+"))
    }
}

impl FromStr for Options {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::of(0).with(text)
    }
}

impl Options {
    /// This world with some settings changed: `turns=20,faults=lost-answer:50000`, the form in which a world is printed.
    ///
    /// # Errors
    /// Which setting cannot be, and why.
    pub fn with(self, text: &str) -> Result<Self, String> {
        let mut options = self;
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| format!("{part:?} is not name=value"))?;
            let number = |least: u64, most: u64| match value.parse::<u64>() {
                Ok(number) if (least..=most).contains(&number) => Ok(number),
                _ => Err(format!("{part:?} is not a number from {least} to {most}")),
            };
            match name {
                "strategies" => options.strategies = number(1, 64)?,
                "owners" => options.owners = number(1, 64)?,
                "instruments" => options.instruments = number(1, LISTINGS)?,
                "first" => options.first = number(0, 1_000)?,
                "turns" => options.turns = number(1, 100_000)?,
                "reconciles" => options.reconciles = number(0, 90)?,
                "foreign" => options.foreign = number(0, 1_000)?,
                "cancels" => options.cancels = number(0, 1_000)?,
                "slow" => options.slow = number(0, 100)?,
                "hangs" => options.hangs = number(0, 1_000)?,
                "positions" => options.positions = number(1, 1_000_000)?,
                "kills" if cfg!(feature = "journal") => options.kills = number(0, 1_000)?,
                "kills" => options.kills = number(0, 0)?,
                "tagged" => options.tagged = number(0, 1_000)?,
                "odd" => options.odd = number(0, 1_000)?,
                "skew" => match value.parse::<i64>() {
                    Ok(skew) if skew.unsigned_abs() <= 100_000 => options.skew = skew,
                    _ => return Err(format!("{part:?} is not within 100000 ms")),
                },
                "faults" => {
                    let one = |text: &str| {
                        let (fault, rate) =
                            text.split_once(':').ok_or_else(|| format!("{text:?} is not fault:rate"))?;
                        let fault: Fault = fault.parse().map_err(|wrong| format!("{wrong}"))?;
                        let rate = rate.parse().ok().filter(|rate| (1..=1_000_000).contains(rate));
                        Ok((
                            fault,
                            rate.ok_or_else(|| format!("{text:?}: a rate is 1 to 1000000 millionths"))?,
                        ))
                    };
                    let all = value.split('+').filter(|text| !text.is_empty());
                    options.faults = all.map(one).collect::<Result<_, String>>()?;
                }
                _ => return Err(format!("there is no setting {name:?}, only those of {}", Self::of(0))),
            }
        }
        Ok(options)
    }
}
