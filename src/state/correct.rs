//! Correcting a position that both have: the venue's word on its size or its leverage is taken, if a policy says so (R8).
//!
//! A size is corrected as an adoption or a drop of the difference would be, so that fills that come late explain it: what is
//! more stands in the key's baseline as adopted, what is less stands there as the gap, with its cost in `unexplained`. The
//! position takes the id of the correction, as an adopted one has that of its adoption: what was decided against the wrong
//! size no longer stands. Its targets, its plan and its age stay.

use rust_decimal::Decimal;

use super::Slot;
use super::decide::{Answer, Ask, Decision, expect, position};
use super::repair::{add_to_gap, checked, dated, fresh, unreserved};
use crate::error::{Reason, Rejection};
use crate::model::{
    Baseline, Corrected, Correction, KeyState, Kind, Lot, Position, PositionId, Precondition, Price,
    Quantity, Side, Synthetic, exact_add, exact_sub, share_rounded,
};
use crate::sync::Arc;

pub(super) fn correct(ask: &Ask<'_>, right: &Correction) -> Result<Decision, Rejection> {
    let slot = ask.slot(right.key)?;
    let mut key = ask.key(slot, right.key);
    expect(&key, Precondition::Position(right.position))?;
    fresh(slot, right.asked)?;
    unreserved(&key)?;
    let open = position(&key)?.clone();
    let changed = match right.to {
        Corrected::Leverage(leverage) => {
            if leverage.get() <= Decimal::ZERO {
                let rule = "must be above 0";
                return Err(Reason::OutOfRange { what: "leverage", value: leverage.get(), rule }.into());
            }
            let changed = open.leverage != Some(leverage);
            key.position = Some(Position { leverage: Some(leverage), ..open });
            changed
        }
        Corrected::Quantity { quantity, .. } if quantity.is_zero() => {
            let rule = "must be above 0: what the venue does not have is dropped";
            return Err(Reason::OutOfRange { what: "amount", value: quantity.get(), rule }.into());
        }
        Corrected::Quantity { quantity, entry } => {
            let id = PositionId { epoch: ask.state.settings().epoch, sequence: ask.next };
            let more = quantity.less(open.quantity);
            let less = open.quantity.less(quantity);
            if !more.is_zero() {
                grow(slot, &mut key, right, &Position { id, ..open }, (more, entry))?;
            } else if !less.is_zero() {
                shrink(slot, &mut key, right, &Position { id, ..open }, less)?;
            }
            !(more.is_zero() && less.is_zero())
        }
    };
    if !changed {
        return Ok(Decision::nothing(Answer::Done));
    }
    checked(ask, slot, Kind::Corrected, key)
}

/// Books what the venue has more as a synthetic fill, at the price that makes the position's average the venue's.
fn grow(
    slot: &Slot,
    key: &mut KeyState,
    right: &Correction,
    open: &Position,
    (more, entry): (Quantity, Price),
) -> Result<(), Rejection> {
    let before = key.baseline.take();
    // Two assumptions at two prices are one too many: which of them a late fill explains nobody could say.
    if assumed(before.as_deref(), right.position).is_some_and(|a| !a.quantity.is_zero()) {
        let why = "fills have not explained yet what of it was adopted";
        return Err(Reason::NotCorrectable { key: right.key, why }.into());
    }
    slot.instrument.check_price("entry price", entry)?;
    let quantity = open.quantity.plus(more)?;
    let price = implied(slot, open, quantity, more, entry)?;
    let cost = slot.instrument.value("a corrected position's cost", more, price)?;
    let cash = if open.side == Side::Long { -cost } else { cost };
    key.ledger.cash = exact_add("the cash of a key", key.ledger.cash, cash)?;
    let total = exact_add("the cost of a position", open.cost, cost)?;
    key.baseline = Some(Arc::new(Baseline {
        id: open.id,
        time: dated(right.report_time, before.as_deref()),
        adopted: Some(Synthetic {
            side: open.side,
            quantity: more,
            entry: price,
            kept: Decimal::ONE,
            explained: None,
        }),
        gap: before.and_then(|b| b.gap),
    }));
    key.position = Some(Position { quantity, cost: total, ..open.clone() });
    Ok(())
}

/// The price of the difference that the two averages imply, on the instrument's step: so the parts of it that late fills explain come
/// to the whole, to the last digit. The venue's own average where they imply none: it is rounded for display, and a small
/// difference cannot carry that.
fn implied(
    slot: &Slot,
    open: &Position,
    quantity: Quantity,
    more: Quantity,
    entry: Price,
) -> Result<Price, Rejection> {
    let all = slot.instrument.value("a corrected position's cost", quantity, entry)?;
    let rest = exact_sub("a corrected position's cost", all, open.cost)?;
    let step = slot.instrument.price_step().get();
    let half = step.checked_div(Decimal::TWO);
    let price =
        slot.instrument.average(rest, more).zip(half).and_then(|(price, half)| price.checked_add(half));
    let price = price.and_then(|price| Price::on_step(price, step, false).ok());
    Ok(price.filter(|price| slot.instrument.check_price("entry price", *price).is_ok()).unwrap_or(entry))
}

/// Takes off what the venue does not have. Nobody knows yet at what price it went: its share of the cost is unexplained until
/// the fills that took it off come, as of a position that is dropped (R10, R17).
fn shrink(
    slot: &Slot,
    key: &mut KeyState,
    right: &Correction,
    open: &Position,
    less: Quantity,
) -> Result<(), Rejection> {
    let share = share_rounded(open.cost, less, open.quantity, slot.instrument.money_scale())?;
    let lot = Lot { side: open.side, quantity: less, cost: share };
    key.ledger.unexplained = exact_sub("what is unexplained", key.ledger.unexplained, lot.signed_cost())?;
    let quantity = open.quantity.minus(less)?;
    let before = key.baseline.take();
    let adopted = match (assumed(before.as_deref(), right.position), before.as_deref()) {
        // A correction of the adopted price stays with the position by the share that is left of it, as after a fill.
        (Some(adopted), _) => {
            let left = quantity.get().checked_div(open.quantity.get());
            let kept = left.and_then(|left| adopted.kept.checked_mul(left)).unwrap_or_default();
            Some(Synthetic { kept, ..adopted.clone() })
        }
        // Of an older life: nothing of it is open any more.
        (None, Some(before)) => {
            before.adopted.clone().map(|a| Synthetic { explained: None, kept: Decimal::ZERO, ..a })
        }
        (None, None) => None,
    };
    key.baseline = Some(Arc::new(Baseline {
        id: open.id,
        time: dated(right.report_time, before.as_deref()),
        adopted,
        gap: Some(add_to_gap(before.and_then(|b| b.gap), lot)?),
    }));
    key.position = Some(Position {
        quantity,
        cost: exact_sub("the cost of a position", open.cost, share)?,
        ..open.clone()
    });
    Ok(())
}

/// What of this very position was adopted.
fn assumed(baseline: Option<&Baseline>, position: PositionId) -> Option<&Synthetic> {
    baseline.filter(|b| b.id == position).and_then(|b| b.adopted.as_ref())
}
