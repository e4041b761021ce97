//! A simple rule, several times over: follow what the price just did, add to it, take some off, tighten the stop, get
//! out. The point is not to earn but to make threads meet on the same keys.

use std::time::Duration;

use posbook::{
    Command, ContractKind, ExitPlan, Fraction, InstrumentId, Position, Price, Quantity, Reader, Sequence,
    Side, Snapshot,
};
use rust_decimal::Decimal;

use super::setup::Traded;

/// What a strategy wants to do.
pub enum Wish {
    Order(Command),
    /// A pair trade: both legs or none.
    Pair(Vec<Command>),
    /// Move the stop to here.
    Tighten(InstrumentId, Price),
    Nothing,
}

/// One strategy's choices: all from its seed.
pub struct Strategy {
    /// The tag of what it opens: a report says by it which strategy earned what.
    name: String,
    dice: Dice,
    /// The mark of each market when this strategy last looked.
    last: Vec<Option<Price>>,
}

/// What an order is worth, in the quote currency.
const NOTIONAL: i64 = 2_000;
/// A position is not added to beyond so many orders' worth.
const MOST: i64 = 4;

impl Strategy {
    pub fn new(seed: u64, number: u64, markets: usize) -> Self {
        let dice = Dice(
            seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)
                ^ number.wrapping_add(1).wrapping_mul(0xD1B5_4A32_D192_ED03),
        );
        Self { name: format!("strategy-{}", number.saturating_add(1)), dice, last: vec![None; markets] }
    }

    /// How long until the next look, in nanoseconds of market time: 100 to 400 ms.
    pub fn pause(&mut self) -> i64 {
        100_000_000 + self.dice.below(300_000_000)
    }

    /// Looks at one market and decides, from one view of the book.
    pub fn decide(
        &mut self,
        reader: &mut Reader,
        traded: &[Traded],
        mark: impl Fn(InstrumentId) -> Option<Price>,
    ) -> Wish {
        let Ok(pick) = usize::try_from(self.dice.below(traded.len() as i64)) else { return Wish::Nothing };
        let Some(market) = traded.get(pick) else { return Wish::Nothing };
        let Some(now) = mark(market.id) else { return Wish::Nothing };
        let before = self.last.get_mut(pick).and_then(|last| last.replace(now));
        let view = reader.view();
        let key = view.key(market.id);
        match key.and_then(|k| k.position.as_ref()) {
            None => self.enter(view, traded, market, now, before, &mark),
            Some(position) => self.manage(view, market, position, now),
        }
    }

    fn enter(
        &mut self,
        view: &Snapshot,
        traded: &[Traded],
        market: &Traded,
        now: Price,
        before: Option<Price>,
        mark: &impl Fn(InstrumentId) -> Option<Price>,
    ) -> Wish {
        // Half of the looks at a flat market are only looks.
        if self.dice.below(2) == 0 {
            return Wish::Nothing;
        }
        let side = match before {
            Some(before) if now < before => Side::Short,
            Some(_) => Side::Long,
            None => return Wish::Nothing,
        };
        // On a spot market nobody sells what is not held.
        let side = if market.instrument.kind() == ContractKind::Spot { Side::Long } else { side };
        let Some(first) = self.open(view, market, side, now) else { return Wish::Nothing };
        let pair = self.dice.below(6) == 0;
        let other = traded.get(self.index(i64::try_from(traded.len()).unwrap_or(1)));
        let other = other.filter(|other| pair && other.id != market.id);
        let second = other.and_then(|other| {
            let price = mark(other.id)?;
            let spot = other.instrument.kind() == ContractKind::Spot;
            let against = if spot { Side::Long } else { side.exit().opens() };
            Some((other.id, self.open(view, other, against, price)?))
        });
        match second {
            Some((id, second)) => Wish::Pair(vec![Command::expect_absent(id), first, second]),
            None => Wish::Order(first),
        }
    }

    /// An order that opens a market.
    fn open(&mut self, view: &Snapshot, market: &Traded, side: Side, now: Price) -> Option<Command> {
        let quantity = self.quantity(market, now)?;
        let stop = ["0.0008", "0.0015", "0.003", "0.01"].get(self.index(4)).copied().unwrap_or("0.01");
        let leverage = [3, 5, 10, 25].get(self.index(4)).copied().unwrap_or(5);
        let wish = Command::open(market.id, side, quantity).leverage(leverage);
        // Decided on this state of the key: if anything happens to it first, the order is not for it.
        let wish = wish.expect_revision(view.key(market.id).map_or(Sequence(0), |k| k.revision));
        let wish = wish.stop(stop).ok()?.tag(&self.name).ok()?;
        Some(match self.plan() {
            Some(plan) => wish.exits(plan).into(),
            None => wish.into(),
        })
    }

    /// How the position is left, beside its stop and take profit: every part of a plan turns up, alone and with others.
    fn plan(&mut self) -> Option<ExitPlan> {
        let fraction = |text: &str| text.parse::<Fraction>().ok();
        let (nothing, small) = (fraction("0")?, fraction("0.0005")?);
        let (wide, half) = (fraction("0.002")?, fraction("0.5")?);
        let mut plan = ExitPlan::default();
        let parts = self.dice.below(16);
        if parts & 1 > 0 {
            plan = plan.trailing(small, wide);
        }
        if parts & 2 > 0 {
            plan = plan.break_even(small, nothing);
        }
        if parts & 4 > 0 {
            plan = plan.tier(small, half).tier(wide, half);
        }
        if parts & 8 > 0 {
            plan = plan.max_age(Duration::from_secs(20));
        }
        (plan != ExitPlan::default()).then_some(plan)
    }

    fn manage(&mut self, view: &Snapshot, market: &Traded, position: &Position, now: Price) -> Wish {
        let revision = view.key(market.id).map_or(Sequence(0), |k| k.revision);
        let increasing = view.key(market.id).is_some_and(|k| k.orders.iter().any(|o| o.intent.increases()));
        match self.dice.below(20) {
            // Add, if nobody is adding.
            0..=3 if !increasing => {
                let one = self.worth_of_one(market, now);
                let worth = one.and_then(|one| position.quantity.get().checked_mul(one));
                let small = worth.is_some_and(|worth| worth < Decimal::from(NOTIONAL * MOST));
                match self.quantity(market, now).filter(|_| small) {
                    Some(quantity) => {
                        Wish::Order(Command::scale_in(market.id, quantity).expect_revision(revision).into())
                    }
                    None => Wish::Nothing,
                }
            }
            // Take a third or a half off.
            4..=7 => {
                let part = Decimal::from(2 + self.dice.below(2));
                let part = position.quantity.get().checked_div(part).and_then(|part| on_step(market, part));
                let part = part.unwrap_or(Quantity::ZERO);
                if part < market.instrument.minimum() {
                    return Wish::Nothing;
                }
                Wish::Order(
                    Command::scale_out(market.id, part)
                        .expect_position(position.id)
                        .because("part of the profit")
                        .into(),
                )
            }
            8 => Wish::Order(
                Command::close(market.id).expect_position(position.id).because("changed its mind").into(),
            ),
            // Move the stop half way to the market.
            9..=12 => {
                let Some(stop) = position.targets.stop else { return Wish::Nothing };
                let half = (stop.get() + now.get()) / Decimal::TWO;
                Price::nearest(half).map_or(Wish::Nothing, |to| Wish::Tighten(market.id, to))
            }
            _ => Wish::Nothing,
        }
    }

    /// One to two orders' worth, on the instrument's step.
    fn quantity(&mut self, market: &Traded, price: Price) -> Option<Quantity> {
        let worth = Decimal::from(NOTIONAL + self.dice.below(NOTIONAL));
        let contract = self.worth_of_one(market, price)?;
        let quantity = on_step(market, worth.checked_div(contract)?)?;
        Some(quantity.max(market.instrument.minimum()))
    }

    /// What one contract is worth: of an inverse one in the currency of its price, or nothing would be comparable.
    fn worth_of_one(&self, market: &Traded, price: Price) -> Option<Decimal> {
        let size = market.instrument.contract_size().get();
        match market.instrument.kind() {
            ContractKind::Inverse => Some(size),
            ContractKind::Linear | ContractKind::Quanto | ContractKind::Spot => price.get().checked_mul(size),
        }
    }

    fn index(&mut self, below: i64) -> usize {
        usize::try_from(self.dice.below(below)).unwrap_or_default()
    }
}

/// The greatest quantity on the instrument's step that is not above this.
fn on_step(market: &Traded, quantity: Decimal) -> Option<Quantity> {
    let step = market.instrument.quantity_step().get();
    Quantity::new(quantity.checked_div(step)?.floor().checked_mul(step)?).ok()
}

/// splitmix64 (Steele, Lea, Flood 2014): a few lines that give the same numbers for ever.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        i64::try_from(z % u64::try_from(bound.max(1)).unwrap_or(1)).unwrap_or_default()
    }
}
