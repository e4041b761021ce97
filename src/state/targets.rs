//! Targets: on the legal side of the market, of one position, and stops only ratchet unless told otherwise (I3, R16).

use rust_decimal::Decimal;

use super::decide::{Answer, Ask, Decision, expect, position};
use crate::error::{Reason, Rejection};
use crate::model::{Field, Kind, Price, Ratchet, Retarget, Side, TargetOrigin, Targets, TroubleKind};
use crate::sync::fault;

/// Refuses targets on the wrong side of `reference`; equality is refused too.
pub(super) fn legal(side: Side, targets: &Targets, reference: Decimal) -> Result<(), Rejection> {
    let check = |which: &'static str, target: Option<Price>, below: bool| match target {
        Some(price) if below && price.get() >= reference => {
            Err(Reason::WrongSideTarget { which, value: price, must: "below", reference, side })
        }
        Some(price) if !below && price.get() <= reference => {
            Err(Reason::WrongSideTarget { which, value: price, must: "above", reference, side })
        }
        _ => Ok(()),
    };
    let long = side == Side::Long;
    check("stop loss", targets.stop, long)?;
    check("take profit", targets.take, !long)?;
    Ok(())
}

/// Changes both targets or neither.
pub(super) fn retarget(ask: &Ask<'_>, wish: &Retarget) -> Result<Decision, Rejection> {
    let slot = ask.slot(wish.key)?;
    let mut key = ask.key(slot, wish.key);
    expect(&key, wish.expect)?;
    let open = position(&key)?;
    let (side, old) = (open.side, open.targets);
    let step = slot.instrument.price_step().get();
    let long = side == Side::Long;

    // On the price step: a stop towards the market, a take profit too, so that it fires no later than asked (R16).
    let resolve = |what: &'static str, field: Field, old: Option<Price>, below: bool| match field {
        Field::Keep => Ok(old),
        Field::Remove => Ok(None),
        Field::Set(price) => {
            slot.instrument.check_price(what, price)?;
            Price::on_step(price.get(), step, below).map(Some)
        }
    };
    let new = Targets {
        stop: resolve("stop loss", wish.stop, old.stop, long)?,
        take: resolve("take profit", wish.take, old.take, !long)?,
    };

    // Against the market if its price is fresh, else against the entry: a stop that locks a profit in is legal, a stop
    // on the wrong side of the market is not (D30). What is kept is not asked again: the market may have moved over it.
    let reference =
        ask.cause.observed.mark(wish.key.instrument).map_or_else(|| open.entry_price(), Price::get);
    let set = |field: Field, value: Option<Price>| if matches!(field, Field::Set(_)) { value } else { None };
    legal(side, &Targets { stop: set(wish.stop, new.stop), take: set(wish.take, new.take) }, reference)?;
    ratchets(side, old.stop, new.stop, wish.ratchet)?;

    if new == old {
        return Ok(Decision::nothing(Answer::Done));
    }
    if let Some(open) = &mut key.position {
        // A stop that followed the mark goes on being called so while only the take profit moves.
        if new.stop != old.stop || open.targets_from != TargetOrigin::Trailed {
            open.targets_from = TargetOrigin::Moved;
        }
        open.targets = new;
    }
    key.troubles.retain(|t| t.kind != TroubleKind::Unprotected || new.stop.is_none());
    Ok(Decision::one(ask.change(slot, Kind::Retargeted, key), Answer::Done))
}

/// A stop moves towards the market only, and stays, unless the command says `Loosen` (R16, D18).
fn ratchets(side: Side, old: Option<Price>, new: Option<Price>, ratchet: Ratchet) -> Result<(), Rejection> {
    let Some(from) = old.filter(|_| ratchet == Ratchet::Tighten) else { return Ok(()) };
    let looser = match (side, new) {
        (_, None) => true,
        (Side::Long, Some(to)) => to < from,
        (Side::Short, Some(to)) => to > from,
    };
    let to = new.map_or_else(|| "no stop at all".to_owned(), |p| p.to_string());
    if looser && !fault("no_ratchet") { Err(Reason::StopLoosened { from, to }.into()) } else { Ok(()) }
}
