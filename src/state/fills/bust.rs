//! A fill that the venue takes back: its quantity, cash and fees go the way they came, and conservation holds after it (R17).
//!
//! What is left is what would be there without the fill as long as nothing of the position was reduced since. Where something was,
//! only all fills of the life could say what would be there; the slot has them no more, so then the entry stays, and what the fill's
//! price differs from it is realised. What is not remembered is not taken back but flagged: nobody can tell whether it was booked
//! (R3).

use rust_decimal::Decimal;
use smallvec::SmallVec;

use super::addressee::{Addressee, addressee};
use super::booking::{Part, birth};
use super::fingerprint::{fingerprint, withdrawn};
use super::unbooked::{block, conflict, describe};
use super::{booked, check_totals, held};
use crate::error::{Reason, Rejection};
use crate::model::{
    Bust, Fill, FillNote, Intent, KeyState, Kind, Notes, Order, OrderRef, OrderState, Position, Quantity,
    Seen, Shape, Side, Trouble, TroubleKind, exact_add, exact_sub, share_rounded,
};
use crate::state::baseline::{Dated, dated};
use crate::state::decide::{Answer, Ask, Decision, FillOutcome, sealed};
use crate::state::{Slot, unknown};
use crate::sync::Arc;

pub(in crate::state) fn bust(ask: &Ask<'_>, bust: &Bust) -> Result<Decision, Rejection> {
    let fill = &bust.fill;
    let slot = ask.state.slot(fill.instrument).ok_or_else(|| unknown(fill.instrument))?;
    if fill.shape == Shape::Cumulative {
        let rule = "is a cumulative figure, which says what its order has, not what was traded: a lower one corrects it";
        return Err(Reason::OutOfRange { what: "bust", value: fill.quantity.get(), rule }.into());
    }
    let seen = fingerprint(fill);
    let gone = Seen { venue_time: bust.venue_time, ..withdrawn(seen) };
    if slot.seen(gone.identity).is_some() {
        return Ok(Decision::nothing(Answer::Fill(FillOutcome::Duplicate)));
    }
    match slot.seen(seen.identity) {
        Some(known) if known.content != seen.content => Ok(conflict(ask, slot, fill, seen)),
        known => {
            let mut to = addressee(ask, slot, fill);
            // Whose a forced close was is known as long as nobody else has ever held the leg.
            let forced = matches!(fill.order, OrderRef::Forced { .. });
            let leg = to.key.leg;
            let mut holders = slot.keys().filter(|key| forced && key.key.leg == leg).map(|key| key.key);
            to.key = holders.next().unwrap_or(to.key);
            let whose = holders.next().is_some();
            let key = ask.key(slot, to.key);
            // An order that is forgotten has taken the fill's key with it; and what a report has assumed since has swallowed the fill.
            let forgotten =
                matches!(fill.order, OrderRef::Ours(_)) && to.order.is_none() && to.finished.is_none();
            let assumed = !matches!(dated(ask, &key, to.order.is_some(), fill), Dated::After);
            if known.is_none() || forgotten || assumed || whose {
                let detail =
                    format!("{} was taken back, and whether it stands here nobody can tell", describe(fill));
                let trouble =
                    Trouble { kind: TroubleKind::TooOldToTell, since: ask.next, detail, order: None };
                return Ok(block(ask, slot, to.key, trouble, FillOutcome::TooOldToTell));
            }
            take_back(ask, slot, key, &to, fill, gone)
        }
    }
}

fn take_back(
    ask: &Ask<'_>,
    slot: &Slot,
    mut key: KeyState,
    to: &Addressee<'_>,
    fill: &Fill,
    gone: Seen,
) -> Result<Decision, Rejection> {
    let before = slot.key(to.key);
    let mut notes = Notes::new();
    // One that could not be booked moved nothing: that it never was ends what was wrong with it (R4).
    let kept = format!("{}:", describe(fill));
    let unbooked = |t: &Trouble| t.kind == TroubleKind::Unbooked && t.detail.starts_with(&kept);
    if key.troubles.iter().any(|t| unbooked(t)) {
        key.troubles.retain(|t| !unbooked(t));
    } else {
        let traded = slot.instrument.value("a fill's cash", fill.quantity, fill.price)?;
        let (quantity, value) = held(slot, fill, fill.quantity, traded)?;
        let part = Part { quantity, value, fees: &fill.fees };
        reverse(ask, slot, &mut key, to, fill, &part, &mut notes)?;
        unfeed(&mut key, to.order, fill.quantity, traded)?;
    }
    check_totals(ask, slot, &key)?;
    let effect = sealed(ask.next, slot, before, Kind::Busted, key);
    Ok(booked(smallvec::smallvec![effect], gone, notes))
}

/// Cash, fees and quantity as if the fill had not been; what the open cost does not take is realised.
fn reverse(
    ask: &Ask<'_>,
    slot: &Slot,
    key: &mut KeyState,
    to: &Addressee<'_>,
    fill: &Fill,
    part: &Part<'_>,
    notes: &mut SmallVec<[FillNote; 2]>,
) -> Result<(), Rejection> {
    let ledger = &mut key.ledger;
    let bought = fill.side == Side::Long.entry();
    ledger.cash = exact_add("the cash of a key", ledger.cash, if bought { part.value } else { -part.value })?;
    for (currency, fee) in part.fees.iter() {
        ledger.fees.add(currency, -fee)?;
    }
    ledger.fills = ledger.fills.saturating_sub(1);
    let left = match &mut key.position {
        Some(open) if open.side != fill.side.opens() => {
            // It had reduced what is open: so much is open again, at the entry.
            let cost = open.cost.checked_mul(part.quantity.get());
            let cost = cost.and_then(|cost| cost.checked_div(open.quantity.get()));
            let cost = cost.ok_or(Reason::NumericRange { what: "the cost of a position" })?;
            let scale = slot.instrument.money_scale();
            open.cost = exact_add("the cost of a position", open.cost, cost.round_dp(scale))?;
            open.quantity = open.quantity.plus(part.quantity)?;
            None
        }
        Some(open) if part.quantity < open.quantity => {
            lessen(key, part, slot.instrument.money_scale())?;
            None
        }
        Some(open) => Some(part.quantity.minus(open.quantity)?),
        None => Some(part.quantity),
    };
    if let Some(rest) = left {
        if let Some(gone) = key.position.take() {
            key.troubles.retain(|t| t.kind != TroubleKind::Unprotected);
            for order in
                key.orders.iter_mut().filter(|o| o.intent == Intent::Open && o.against == Some(gone.id))
            {
                Arc::make_mut(order).against = None;
            }
        }
        if !rest.is_zero() {
            // What it had closed is open again: another life, at the price at which it would have ended.
            let scale = slot.instrument.money_scale();
            let cost = match rest == part.quantity {
                true => part.value,
                false => share_rounded(part.value, rest, part.quantity, scale)?,
            };
            let back = Fill { side: fill.side.opposite(), ..fill.clone() };
            let alone = Addressee { order: None, notes: SmallVec::new(), ..*to };
            let part = Part { quantity: rest, value: cost, fees: part.fees };
            birth(ask, slot, key, &alone, &back, &part, ask.next, notes);
            notes.push(FillNote::Reopened);
        }
    }
    settle_up(key, left.is_none())
}

/// A position less a part that had added to it.
fn lessen(key: &mut KeyState, part: &Part<'_>, scale: u32) -> Result<(), Rejection> {
    let Some(open) = &mut key.position else { return Ok(()) };
    let without = exact_sub("the cost of a position", open.cost, part.value)?;
    // Of a life of which nothing was realised the fill's own cost is still in there.
    let whole = open.realised.is_zero()
        && !without.is_zero()
        && without.is_sign_negative() == open.cost.is_sign_negative();
    if whole {
        open.cost = without;
    } else {
        let share = share_rounded(open.cost, part.quantity, open.quantity, scale)?;
        open.cost = exact_sub("the cost of a position", open.cost, share)?;
    }
    open.quantity = open.quantity.minus(part.quantity)?;
    Ok(())
}

/// cash = realised - s x C + unexplained, solved for what was realised (R17). What that moves belongs to the life that the fill was
/// of: one that it left behind has realised nothing yet.
fn settle_up(key: &mut KeyState, lives_on: bool) -> Result<(), Rejection> {
    let signed = |open: &Position| if open.side == Side::Long { open.cost } else { -open.cost };
    let open = key.position.as_ref().map_or(Decimal::ZERO, signed);
    let realised = exact_add("realised profit", key.ledger.cash, open)?;
    let realised = exact_sub("realised profit", realised, key.ledger.unexplained)?;
    let more = exact_sub("realised profit", realised, key.ledger.realised)?;
    key.ledger.realised = realised;
    if let Some(open) = key.position.as_mut().filter(|_| lives_on) {
        open.realised = exact_add("realised profit", open.realised, more)?;
    }
    Ok(())
}

/// Its order has so much less, and so has the figure that it settles to: the bust is the venue's word on it (R2).
fn unfeed(
    key: &mut KeyState,
    order: Option<&Order>,
    quantity: Quantity,
    value: Decimal,
) -> Result<(), Rejection> {
    let fed = key.orders.iter_mut().find(|o| order.is_some_and(|order| order.client_id == o.client_id));
    let Some(fed) = fed.map(Arc::make_mut) else { return Ok(()) };
    fed.booked = fed.booked.less(quantity);
    fed.booked_value = exact_sub("the value of an order", fed.booked_value, value)?;
    if let OrderState::Settling(told) = &mut fed.state {
        *told = told.less(quantity);
    }
    Ok(())
}
