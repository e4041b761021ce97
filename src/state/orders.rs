//! The life of an order after its reservation (R6): `Reserved -> Sent -> (Working, fills)* -> settling -> gone`, and in
//! doubt whenever the venue's outcome is unknown.
//!
//! A doubt is cleared only by evidence about the order itself (R1): the venue's word that it works, or its final figure
//! together with the fills that make it up.

use super::decide::{Answer, Ask, Decision, sealed};
use super::trail::give_back;
use super::{Slot, reserve, targets};
use crate::error::{Found, Reason, Rejection};
use crate::model::{
    ClientOrderId, Heard, Intent, KeyState, Kind, Order, OrderState, OrderStep, PositionKey, Quantity,
    Sequence, Side, TargetOrigin, Targets, Timestamp, TroubleKind,
};
use crate::sync::{Arc, fault};

pub(super) fn step(
    ask: &Ask<'_>,
    key: PositionKey,
    id: ClientOrderId,
    step: &OrderStep,
) -> Result<Decision, Rejection> {
    let slot = ask.state.slot(key.instrument).ok_or_else(|| super::unknown(key.instrument))?;
    let mut key = ask.key(slot, key);
    let Some(order) = key.order(id).cloned() else {
        let finished = slot.finished(id).is_some();
        return Err(match finished {
            true => Reason::OrderState { order: id, state: "finished", wanted: step.name() }.into(),
            false => Reason::UnknownOrder { order: id }.into(),
        });
    };
    let illegal =
        || Err(Reason::OrderState { order: id, state: order.state.name(), wanted: step.name() }.into());
    let kind = match (step, &order.state) {
        (OrderStep::Sent, OrderState::Reserved) => {
            if !fault("sent_unasked") {
                may_leave(&key, &order)?;
            }
            renew(ask, &mut key, id);
            // From here on the venue may hear of it, for so long.
            edit(&mut key, id, |order| order.expires = ask.cause.observed.time.plus(order.patience()));
            move_to(&mut key, id, OrderState::Sent, Kind::Sent)
        }
        (OrderStep::Release, OrderState::Reserved) => {
            key.orders.retain(|o| o.client_id != id);
            give_back(&mut key, &order);
            called_off(&mut key, id);
            Kind::Released
        }
        // What stands here as never sent may have left all the same: reductions do not wait for the disk (R15).
        (OrderStep::Found, OrderState::Reserved | OrderState::Sent | OrderState::Working) => {
            renew(ask, &mut key, id);
            if order.state == OrderState::Reserved {
                // When it left nobody knows; not after now.
                edit(&mut key, id, |order| {
                    order.expires = ask.cause.observed.time.plus(order.patience());
                });
            }
            let why = "found unresolved when the book was opened again".to_owned();
            move_to(&mut key, id, OrderState::InDoubt(why), Kind::InDoubt)
        }
        (OrderStep::Found, _) => return Ok(Decision::nothing(Answer::Done)),
        // Before `sent` the venue cannot have said anything.
        (_, OrderState::Reserved) => return illegal(),
        (OrderStep::Sent | OrderStep::Release, _) => return illegal(),
        (OrderStep::Working { .. }, OrderState::Working) => {
            // Half of its time is a good moment to say that it lives: not with every question.
            let renewed = ask.cause.observed.time.plus(order.patience());
            if order.deadline.since(ask.cause.observed.time) > order.patience() / 2
                || renewed <= order.deadline
            {
                return Ok(Decision::nothing(Answer::Done));
            }
            renew(ask, &mut key, id);
            edit(&mut key, id, |order| order.heard = Heard::Known);
            Kind::Working
        }
        (OrderStep::Working { .. }, OrderState::Sent | OrderState::InDoubt(_)) => {
            // It would be overdue again at once.
            renew(ask, &mut key, id);
            edit(&mut key, id, |order| order.heard = Heard::Known);
            move_to(&mut key, id, OrderState::Working, Kind::Working)
        }
        // Final figures do not come alive again.
        (OrderStep::Working { .. }, OrderState::Settling(_)) => return illegal(),
        // What settles is not unknown: its figure is final, and it claims its key until its fills are booked.
        (OrderStep::Doubt { .. }, OrderState::InDoubt(_) | OrderState::Settling(_)) => {
            return Ok(Decision::nothing(Answer::Done));
        }
        (OrderStep::Doubt { why }, _) => {
            move_to(&mut key, id, OrderState::InDoubt(why.clone()), Kind::InDoubt)
        }
        // Said again: it still waits for the same fills.
        (
            OrderStep::Complete { filled } | OrderStep::Refused { filled, .. },
            OrderState::Settling(before),
        ) if filled == before => return Ok(Decision::nothing(Answer::Done)),
        // A replica that lags may state less than the venue's final word. Only a person takes that back.
        (
            OrderStep::Complete { filled } | OrderStep::Refused { filled, .. },
            OrderState::Settling(before),
        ) if filled < before => {
            let (told, before) = (*filled, *before);
            return Err(Reason::FinalTakenBack { order: id, told, before }.into());
        }
        (OrderStep::Corrected { .. }, state) if !matches!(state, OrderState::Settling(_)) => {
            return illegal();
        }
        (
            OrderStep::Complete { filled }
            | OrderStep::Refused { filled, .. }
            | OrderStep::Corrected { filled, .. },
            _,
        ) => finish(slot, &mut key, &order, *filled)?,
        (OrderStep::Unknown { asked, time }, _) => match unknown(&order, *asked, *time, ask.next) {
            NotKnown::ProvesNothing => return Ok(Decision::nothing(Answer::Done)),
            NotKnown::Noted(heard) => {
                edit(&mut key, id, |order| order.heard = heard);
                Kind::Unheard
            }
            NotKnown::NeverArrived => {
                remove(slot, &mut key, &order);
                Kind::NeverArrived
            }
        },
    };
    Ok(Decision::one(ask.change(slot, kind, key), Answer::Done))
}

/// Whether what an order was reserved against still stands: asked once more just before it leaves (decision 6).
fn may_leave(key: &KeyState, order: &Order) -> Result<(), Rejection> {
    if order.intent.increases() {
        reserve::refuse_new_risk(key)?;
    }
    let open = key.position.as_ref();
    match (order.against, open) {
        (Some(expected), Some(open)) if open.id == expected || fault("no_identity") => Ok(()),
        (None, None) => Ok(()),
        (None, Some(open)) => {
            Err(Reason::AlreadyOpen { key: key.key, side: open.side, quantity: open.quantity }.into())
        }
        (Some(expected), found) => {
            let found = found.map_or(Found::Flat, |open| Found::Position(open.id));
            Err(Reason::OtherPosition { key: key.key, expected, found }.into())
        }
    }
}

/// Evidence that an order lives gives it time anew.
fn renew(ask: &Ask<'_>, key: &mut KeyState, id: ClientOrderId) {
    edit(key, id, |order| {
        order.deadline = order.deadline.max(ask.cause.observed.time.plus(order.patience()));
    });
}

/// Changes an order that stands on a key.
fn edit(key: &mut KeyState, id: ClientOrderId, change: impl FnOnce(&mut Order)) {
    if let Some(order) = key.orders.iter_mut().find(|o| o.client_id == id) {
        change(Arc::make_mut(order));
    }
}

/// A close that never left closes nothing: what it had begun ends with it, unless somebody asked for it since (R7).
fn called_off(key: &mut KeyState, id: ClientOrderId) {
    if key.closing.as_ref().is_some_and(|closing| closing.since == id.sequence) {
        key.closing = None;
    }
}

/// What follows from "unknown order".
enum NotKnown {
    ProvesNothing,
    Noted(Heard),
    NeverArrived,
}

/// R1: only after the order's own expiry, twice in a row, the second question asked after the first answer, and never
/// for an order that the venue has known: what it forgot it may still execute.
fn unknown(order: &Order, asked: Sequence, time: Timestamp, next: Sequence) -> NotKnown {
    match order.heard {
        Heard::Known => NotKnown::ProvesNothing,
        _ if time <= order.expires => NotKnown::ProvesNothing,
        Heard::NotYet => NotKnown::Noted(Heard::UnknownSince(next)),
        Heard::UnknownSince(noted) if asked >= noted => NotKnown::NeverArrived,
        Heard::UnknownSince(_) => NotKnown::ProvesNothing,
    }
}

/// The venue's final figure: the order is over when the booked fills reach it (R2).
fn finish(slot: &Slot, key: &mut KeyState, order: &Order, told: Quantity) -> Result<Kind, Rejection> {
    if told < order.booked {
        let (order, booked) = (order.client_id, order.booked);
        return Err(Reason::FinalBelowBooked { order, told, booked }.into());
    }
    if told > order.booked.plus(order.unbooked).unwrap_or(order.booked) && !fault("final_is_gone") {
        edit(key, order.client_id, |order| order.heard = Heard::Known);
        return Ok(move_to(key, order.client_id, OrderState::Settling(told), Kind::Settling));
    }
    remove(slot, key, order);
    settled(key, order.client_id);
    Ok(Kind::Settled)
}

fn move_to(key: &mut KeyState, id: ClientOrderId, state: OrderState, kind: Kind) -> Kind {
    edit(key, id, |order| order.state = state);
    kind
}

/// The booked fills of an order are what the venue says: a fill of it that was too old to tell was one of them (R3).
pub(super) fn settled(key: &mut KeyState, id: ClientOrderId) {
    key.troubles.retain(|t| t.kind != TroubleKind::TooOldToTell || t.order != Some(id));
}

/// Takes a finished order off its key. The targets it set are recomputed from its average, unless someone moved them
/// (R16).
pub(super) fn remove(slot: &Slot, key: &mut KeyState, order: &Order) {
    key.orders.retain(|o| o.client_id != order.client_id);
    if fault("closing_forgotten") && order.intent == Intent::Close {
        key.closing = None;
    }
    give_back(key, order);
    let Some(open) = &mut key.position else { return };
    if open.targets_from != TargetOrigin::Order(order.client_id) || order.intent != Intent::Open {
        return;
    }
    let average = slot.instrument.average(order.booked_value, order.booked);
    if let (Some(rule), Some(average)) = (&order.rule, average)
        && let Ok(wanted) = rule.targets(open.side, average, &slot.instrument)
        && targets::legal(open.side, &wanted, average).is_ok()
    {
        // Where trailing has begun, what it has seen is not taken back: the tighter of the two stands.
        let stop = match (open.targets.stop, wanted.stop) {
            (Some(old), Some(new)) if open.best.is_some() && open.side == Side::Long => Some(old.max(new)),
            (Some(old), Some(new)) if open.best.is_some() => Some(old.min(new)),
            (_, new) => new,
        };
        open.targets = Targets { stop, ..wanted };
    }
}

/// Puts every overdue order in doubt, and releases what was never sent (R6). An order that settles is not unknown: its
/// final figure is kept, and it claims its key until its fills are booked.
pub(super) fn expire(ask: &Ask<'_>, now: Timestamp) -> Decision {
    let overdue = |order: &Order| {
        let alive = matches!(order.state, OrderState::Reserved | OrderState::Sent | OrderState::Working);
        alive && order.deadline < now && !fault("never_overdue")
    };
    let mut decision = Decision::nothing(Answer::Done);
    // A quiet book is asked on every pass: one look at the totals answers.
    if ask.state.totals().orders == ask.state.totals().in_doubt {
        return decision;
    }
    for slot in ask.state.slots() {
        for key in slot.keys().filter(|key| key.orders.iter().any(|o| overdue(o))) {
            let mut after = (**key).clone();
            let mut kind = Kind::Released;
            // Its holder can no longer send it: `sent` is refused from here on.
            let unsent = |order: &Order| overdue(order) && order.state == OrderState::Reserved;
            after.orders.retain(|o| !unsent(o));
            for order in key.orders.iter().filter(|o| unsent(o)) {
                give_back(&mut after, order);
                called_off(&mut after, order.client_id);
            }
            for order in after.orders.iter_mut().filter(|o| overdue(o)) {
                Arc::make_mut(order).state =
                    OrderState::InDoubt("no final answer before its deadline".into());
                kind = Kind::InDoubt;
            }
            let sequence = ask.next.after(decision.effects.len() as u64);
            decision.effects.push(sealed(sequence, slot, Some(key), kind, after));
        }
    }
    decision
}
