//! What a plan makes of a mark: where the stop is to follow, and the price of a tier. Pure arithmetic on values; asked
//! by a pass to see what is due, and again by `decide`, on what really stands there.

use rust_decimal::Decimal;

use super::instrument::Instrument;
use super::key::Side;
use super::number::{Fraction, Price};
use super::plan::Tier;
use super::position::Position;

/// What a mark changes about a position whose stop follows it.
///
/// ```
/// use posbook::{Book, Command, ExitPlan, Fill, Instrument, OrderSide};
///
/// let spec = Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?;
/// let book = Book::builder().build()?;
/// let btc = book.register(spec.clone())?;
/// book.record(Fill::trade(btc, "1".parse()?, OrderSide::Buy, "1".parse()?, "50000".parse()?))?;
/// book.apply(Command::plan(btc, ExitPlan::default().trailing("0".parse()?, "0.02".parse()?)))?;
/// let view = book.snapshot();
/// let moved = view.get(btc).ok_or("flat")?.trailed(&spec, "51000".parse()?).ok_or("stays")?;
/// assert_eq!(moved.stop, Some("49980".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trailed {
    /// The best mark from now on.
    pub best: Option<Price>,
    /// The stop from now on.
    pub stop: Option<Price>,
}

/// `price` moved by a share of its size. Where prices may be negative, below is still below (R18).
pub(crate) fn apart(price: Decimal, share: Fraction, below: bool) -> Option<Decimal> {
    let distance = price.abs().checked_mul(share.get())?;
    if below { price.checked_sub(distance) } else { price.checked_add(distance) }
}

impl Position {
    /// What a fresh mark changes by trailing and break-even. `None`: nothing, which is the rule: the stop moves on a new
    /// extreme only, by a price step at least, and only towards the market, whoever set it (D9, D18). A position without
    /// any stop gets one at once.
    ///
    /// The best mark is noted when it moves the stop or begins something; in between it would change nothing: the stop
    /// that stands already is the stop of a better mark.
    pub fn trailed(&self, instrument: &Instrument, mark: Price) -> Option<Trailed> {
        let plan = self.exits.as_deref()?;
        if plan.trailing.is_none() && plan.break_even.is_none() {
            return None;
        }
        let (long, entry, now) = (self.side == Side::Long, self.entry_price(), mark.get());
        let better = |a: Decimal, b: Decimal| if long { a > b } else { a < b };
        // The best price starts at the entry.
        let from = self.best.map_or(entry, Price::get);
        let extreme = better(now, from);
        if !extreme && self.targets.stop.is_some() {
            return None;
        }
        let level = if extreme { now } else { from };
        let reached = |level, activation: Fraction| {
            activation.get().is_zero()
                || apart(entry, activation, !long).is_some_and(|from| !better(from, level))
        };
        let trailing = |level| plan.trailing.filter(|t| reached(level, t.activation));
        let break_even = |level| plan.break_even.filter(|b| reached(level, b.activation));

        // Towards the market (R16); away from it where the step is so coarse that it would stand on the market (I3).
        let place = |price: Decimal| {
            let steps = [long, !long].map(|up| Price::on_step(price, instrument.price_step().get(), up).ok());
            steps.into_iter().flatten().find(|stop| {
                better(now, stop.get()) && instrument.check_price("trailing stop", *stop).is_ok()
            })
        };
        let followed = trailing(level).and_then(|t| {
            let behind = |best| apart(best, t.width, long).and_then(place);
            // A stop that was missing may have been passed by the price already: it starts from here.
            behind(level).or_else(|| behind(now))
        });
        let locked = break_even(level).and_then(|b| apart(entry, b.offset, !long)).and_then(place);

        let tighter = |a: Price, b: Price| if better(b.get(), a.get()) { b } else { a };
        let stop = [followed, locked].into_iter().flatten().chain(self.targets.stop).reduce(tighter);
        let begins = trailing(level).is_some() != trailing(from).is_some()
            || break_even(level).is_some() != break_even(from).is_some();
        let best = if extreme { Some(mark) } else { self.best };
        (stop != self.targets.stop || begins).then_some(Trailed { best, stop })
    }

    /// The price of a tier: so much better than the entry, on the price step, towards the market as a take profit is.
    /// `None`: the instrument cannot have that price.
    pub fn tier_price(&self, instrument: &Instrument, tier: Tier) -> Option<Price> {
        let long = self.side == Side::Long;
        let price = apart(self.entry_price(), tier.at, !long)?;
        let price = Price::on_step(price, instrument.price_step().get(), !long).ok()?;
        instrument.check_price("tier", price).is_ok().then_some(price)
    }

    /// The tiers of its plan that it has not taken, lowest first.
    pub fn tiers(&self) -> impl Iterator<Item = Tier> {
        let planned = self.exits.iter().flat_map(|plan| plan.tiers.iter().copied());
        planned.filter(|tier| !self.taken.contains(&tier.at))
    }
}
