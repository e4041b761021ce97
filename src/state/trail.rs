//! What marks leave behind, and exit plans as state: the stop that follows the mark, the extremes of the profit, another
//! plan, and the tiers that are taken and given back (R11, R16).

use super::Slot;
use super::decide::{Answer, Ask, Decision, expect, position};
use crate::error::{Reason, Rejection};
use crate::model::{
    Excursion, Exit, ExitRule, Instrument, KeyState, Kind, Order, Position, PositionId, PositionKey,
    Precondition, Price, Replan, TargetOrigin, TroubleKind,
};
use crate::sync::{Arc, fault};

/// Lets the stop follow the fresh mark. The mark is the one that was observed with the command: a stale one is not there
/// and moves nothing (R11). What stands is the newest state, so a stop that somebody moved closer stays (D9).
pub(super) fn trail(ask: &Ask<'_>, key: PositionKey, id: PositionId) -> Result<Decision, Rejection> {
    let slot = ask.slot(key)?;
    let mut key = ask.key(slot, key);
    expect(&key, Precondition::Position(id))?;
    let mark = fresh(ask, slot, &key, "a stop that is to follow the mark")?;
    let open = position(&key)?;
    // A key that closes needs no stop any more.
    let Some(to) = open.trailed(&slot.instrument, mark).filter(|_| key.closing.is_none()) else {
        return Ok(Decision::nothing(Answer::Done));
    };
    if let Some(open) = &mut key.position {
        if open.targets.stop != to.stop {
            open.targets.stop = to.stop;
            open.targets_from = TargetOrigin::Trailed;
        }
        open.best = to.best;
        // Where extremes are noted, one change does for both.
        if open.excursion.is_some() {
            note(open, mark);
        }
    }
    key.troubles.retain(|t| t.kind != TroubleKind::Unprotected || to.stop.is_none());
    Ok(Decision::one(ask.change(slot, Kind::Trailed, key), Answer::Done))
}

/// Notes the fresh mark if it moves an extreme of the unrealised profit. As with [`trail`] the mark is the one that was
/// observed: a stale one is not there and moves nothing (R11). What stands is the newest state, so an extreme only ever
/// moves outwards. A key that closes is still open: its extremes go on.
pub(super) fn reach(ask: &Ask<'_>, key: PositionKey, id: PositionId) -> Result<Decision, Rejection> {
    let slot = ask.slot(key)?;
    let mut key = ask.key(slot, key);
    expect(&key, Precondition::Position(id))?;
    let mark = fresh(ask, slot, &key, "a profit that is to be noted")?;
    if !key.position.as_mut().is_some_and(|open| note(open, mark)) {
        return Ok(Decision::nothing(Answer::Done));
    }
    Ok(Decision::one(ask.change(slot, Kind::Reached, key), Answer::Done))
}

/// Whether the mark moved an extreme.
fn note(open: &mut Position, mark: Price) -> bool {
    let Some(reached) = open.reached(mark) else { return false };
    // A broken twin forgets the other extreme.
    let alone = if fault("excursion_back") { open.unrealised(mark).ok() } else { None };
    open.excursion = Some(alone.map_or(reached, Excursion::of));
    true
}

/// The fresh mark that was observed with the command.
fn fresh(ask: &Ask<'_>, slot: &Slot, key: &KeyState, what: &str) -> Result<Price, Rejection> {
    let mark = ask.cause.observed.mark(key.key.instrument);
    mark.ok_or_else(|| Reason::NoMark { what: format!("{}: {what}", slot.instrument.symbol()) }.into())
}

/// Puts another plan on a position. The tiers it has taken are remembered by their profit, not by their place in a plan:
/// no change of plan lets one fire again (D19).
pub(super) fn replan(ask: &Ask<'_>, wish: &Replan) -> Result<Decision, Rejection> {
    let slot = ask.slot(wish.key)?;
    wish.plan.check(ask.state.settings().limits.stop_fraction)?;
    let mut key = ask.key(slot, wish.key);
    expect(&key, wish.expect)?;
    let plan = (!wish.plan.is_empty()).then(|| Arc::clone(&wish.plan));
    if position(&key)?.exits == plan {
        return Ok(Decision::nothing(Answer::Done));
    }
    if let Some(open) = &mut key.position {
        open.exits = plan;
    }
    Ok(Decision::one(ask.change(slot, Kind::Replanned, key), Answer::Done))
}

/// Refuses an exit if the value that fired no longer stands: another life, a stop that moved, a tier that is taken (R16,
/// D9, D19).
pub(super) fn exit_stands(
    instrument: &Instrument,
    key: &KeyState,
    exit: Option<&Exit>,
) -> Result<(), Rejection> {
    let Some(exit) = exit.filter(|_| !fault("exit_unasked")) else { return Ok(()) };
    expect(key, Precondition::Position(exit.position))?;
    let open = position(key)?;
    let stands = match exit.rule {
        ExitRule::StopLoss(at) | ExitRule::TrailingStop(at) => open.targets.stop == Some(at),
        ExitRule::TakeProfit(at) => open.targets.take == Some(at),
        ExitRule::MaxAge(age) => open.exits.as_ref().is_some_and(|plan| plan.max_age == Some(age)),
        // What closes is closed whole.
        ExitRule::Tier { tier, price } => {
            key.closing.is_none()
                && open.tiers().any(|t| t == tier)
                && open.tier_price(instrument, tier) == Some(price)
        }
    };
    let what = exit.rule.name();
    if stands { Ok(()) } else { Err(Reason::ExitGone { key: key.key, what }.into()) }
}

/// A tier is taken in the change that reserves its order: it cannot fire again meanwhile (D19).
pub(super) fn take_tier(key: &mut KeyState, exit: Option<Exit>) {
    if let Some(ExitRule::Tier { tier, .. }) = exit.map(|e| e.rule)
        && let Some(open) = key.position.as_mut().filter(|_| !fault("tier_again"))
    {
        open.taken.push(tier.at);
    }
}

/// Gives a tier back if its order ended without a fill: it was refused, cancelled, or never left. Of the life it was
/// taken in only; a part that filled keeps it taken, also if the fill could not be booked.
pub(super) fn give_back(key: &mut KeyState, order: &Order) {
    if let Some(Exit { position, rule: ExitRule::Tier { tier, .. }, .. }) = order.exit
        && order.booked.is_zero()
        && order.unbooked.is_zero()
        && let Some(open) = key.position.as_mut().filter(|open| open.id == position)
    {
        open.taken.retain(|at| *at != tier.at);
    }
}
