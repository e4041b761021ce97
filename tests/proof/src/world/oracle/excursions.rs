//! Extremes of unrealised profits: they belong to a life, move outwards only, and only by a fresh mark that is worth it.

use posbook::{Command, ContractKind, Kind, Position, Side};
use rust_decimal::Decimal;

use super::{Oracle, Step, Wrong};

/// An inverse value is a quotient: how far two roundings of it may be apart.
const ROUNDING: Decimal = Decimal::from_parts(1, 0, 0, false, 15);

impl Oracle {
    /// What a change does to the extremes, whatever it is.
    pub(super) fn extremes(&self, step: &Step<'_>) -> Result<(), Wrong> {
        let Step { change, kind, before, after } = *step;
        if kind == Kind::Reached {
            self.reached(step)?;
        }
        let Some(now) = &after.position else { return Ok(()) };
        // A correction gives the life another name.
        let same = |then: &&Position| then.id == now.id || kind == Kind::Corrected;
        let Some(then) = before.position.as_ref().filter(same) else {
            return match now.excursion {
                None => Ok(()),
                Some(born) => Err(format!("a life is born with the extremes {born:?}")),
            };
        };
        if then.excursion == now.excursion {
            return Ok(());
        }
        if !matches!(change.command(), Command::Reach { .. } | Command::Trail { .. }) {
            return Err(format!("{:?} became {:?}, and no mark did that", then.excursion, now.excursion));
        }
        let mark = change.cause.observed.mark(now.key.instrument);
        let mark = mark.ok_or("an extreme without a fresh mark (R11)")?.get();
        let profit = self.worth_now(then, mark)?;
        let Some(noted) = now.excursion else { return Err("extremes that were noted are gone".to_owned()) };
        let stood = then.excursion.map(|noted| (noted.favourable(), noted.adverse()));
        let (best, worst) = stood.unwrap_or_default();
        if noted.favourable() < best || noted.adverse() > worst {
            return Err(format!("an extreme moved back: {:?} became {noted:?}", then.excursion));
        }
        let off = |noted: Decimal, should: Decimal| {
            (noted - should).abs() > ROUNDING * should.abs().max(Decimal::ONE)
        };
        if off(noted.favourable(), best.max(profit)) || off(noted.adverse(), worst.min(profit)) {
            return Err(format!("at {mark} it is worth {profit}, and {stood:?} became {noted:?}"));
        }
        let further = (noted.favourable() - best).max(worst - noted.adverse());
        if stood.is_some() && further * Decimal::from(10_000) < then.cost.abs() {
            return Err(format!("{further} further is too little for a change, at a cost of {}", then.cost));
        }
        Ok(())
    }

    /// A mark that was noted moved nothing else, and a life that nobody can trade is not noted.
    fn reached(&self, step: &Step<'_>) -> Result<(), Wrong> {
        let Step { before, after, .. } = *step;
        let (Some(then), Some(now)) = (&before.position, &after.position) else {
            return Err("an extreme of nothing".to_owned());
        };
        self.no_dust(step, then)?;
        let mut expected = before.clone();
        expected.revision = step.change.sequence;
        let position = Position { excursion: now.excursion, revision: step.change.sequence, ..then.clone() };
        expected.position = Some(position);
        if expected == *after && then.excursion != now.excursion {
            return Ok(());
        }
        Err(format!("more than an extreme became another: {before:?} became {after:?}"))
    }

    /// What closing everything at this price would bring.
    fn worth_now(&self, open: &Position, price: Decimal) -> Result<Decimal, Wrong> {
        let listed = self.listed.get(&open.key.instrument).ok_or("an instrument that is not listed")?;
        let contracts = open.quantity.get() * listed.size;
        let value = match listed.kind {
            Some(ContractKind::Inverse) => -contracts.checked_div(price).ok_or("a price of nothing")?,
            _ => contracts * price,
        };
        Ok(if open.side == Side::Long { value - open.cost } else { open.cost - value })
    }
}
