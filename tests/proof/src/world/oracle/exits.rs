//! Exits: at marks that are fresh (R11), at a price that reaches what fires, each tier once in a life (R16), and never of
//! dust (R18).

use posbook::{Command, Exit, ExitRule, InstrumentId, Kind, Order, Position, Price, Side, Timestamp};
use rust_decimal::Decimal;

use super::{Oracle, Step, Wrong};
use crate::world::run::MARK_AGE;

impl Oracle {
    /// The bot hears a price, at this time by its clock.
    pub(in crate::world) fn heard(&mut self, id: InstrumentId, price: Price, time: Timestamp) {
        self.marks.insert(id, (price, time));
    }

    /// What was decided at a price was decided at the last one that was heard, and that was no older than the book allows.
    pub(super) fn marks(&self, Step { change, .. }: &Step<'_>) -> Result<(), Wrong> {
        for mark in &change.cause.observed.marks {
            let Some((price, heard)) = self.marks.get(&mark.instrument) else {
                return Err(format!("decided at {}, which nobody has heard of (R11)", mark.price));
            };
            let age = change.time.0.saturating_sub(heard.0).unsigned_abs();
            if u128::from(age) > MARK_AGE.as_nanos() {
                return Err(format!("decided at a mark of {heard:?}, at {:?} (R11)", change.time));
            }
            if *price != mark.price {
                return Err(format!("decided at {}, and the last price was {price} (R11)", mark.price));
            }
        }
        Ok(())
    }

    /// An exit that is reserved names what fired, and that has really been reached.
    pub(super) fn exit(&mut self, step: &Step<'_>, order: &Order, exit: &Exit) -> Result<(), Wrong> {
        let Step { change, before, .. } = *step;
        let Some(open) = before.position.as_ref() else { return Err("an exit of nothing".to_owned()) };
        self.no_dust(step, open)?;
        if let ExitRule::MaxAge(longest) = exit.rule {
            let age = change.time.0.saturating_sub(open.opened_at.0);
            let old = i128::from(age) >= i128::try_from(longest.as_nanos()).unwrap_or(i128::MAX);
            return if old { Ok(()) } else { Err(format!("{exit:?} fired after {age} ns (R16)")) };
        }
        let long = open.side == Side::Long;
        let mark = exit.mark.ok_or_else(|| format!("{exit:?} fired without a mark (R11)"))?;
        if change.cause.observed.mark(order.key.instrument) != Some(mark) {
            return Err(format!("{exit:?} fired at a mark that is not fresh (R11)"));
        }
        let (at, below) = match exit.rule {
            ExitRule::StopLoss(at) | ExitRule::TrailingStop(at) => (at, long),
            ExitRule::TakeProfit(at) => (at, !long),
            ExitRule::Tier { price, .. } => (price, !long),
            ExitRule::MaxAge(_) => return Ok(()),
        };
        if !(if below { mark <= at } else { mark >= at }) {
            return Err(format!("{exit:?} fired, and its mark is not there (R16)"));
        }
        if let ExitRule::Tier { tier, .. } = exit.rule {
            let life = (open.id, tier.at.get());
            if let Some(first) = self.tiers.insert(life, order.client_id) {
                return Err(format!("the tier at {} fired by {first} fires again (R16)", tier.at.get()));
            }
        }
        Ok(())
    }

    /// A tier of whose order nothing came is given back.
    pub(super) fn tiers(&mut self, Step { change, before, after, .. }: &Step<'_>) {
        let fill = matches!(change.command(), Command::Record(_));
        let gone = before.orders.iter().filter(|order| after.order(order.client_id).is_none());
        for order in gone.filter(|order| order.booked.is_zero() && order.unbooked.is_zero() && !fill) {
            self.tiers.retain(|_, by| *by != order.client_id);
        }
    }

    /// No stop follows the mark for dust either.
    pub(super) fn trailed(&self, step: &Step<'_>) -> Result<(), Wrong> {
        match step.before.position.as_ref().filter(|_| step.kind == Kind::Trailed) {
            Some(open) => self.no_dust(step, open),
            None => Ok(()),
        }
    }

    pub(super) fn no_dust(&self, Step { after, .. }: &Step<'_>, open: &Position) -> Result<(), Wrong> {
        let least = self.listed.get(&after.key.instrument).map_or(Decimal::ZERO, |listed| listed.minimum);
        if open.quantity.get() < least {
            return Err(format!("an exit for {}, and what is below {least} is dust (R18)", open.quantity));
        }
        Ok(())
    }
}
