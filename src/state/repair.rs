//! Repairs: adopt, drop, quarantine, confirm, accept. What reconciliation decides from a report is checked again here against
//! the state it lands on, so that it can never act on stale knowledge (R8).

use rust_decimal::Decimal;

use super::decide::{Answer, Ask, Decision, expect, position};
use super::fills::{add_trouble, new_position};
use super::{Slot, reserve, targets};
use crate::error::{Found, Reason, Rejection};
use crate::model::{
    Adoption, Baseline, Closing, DropPosition, KeyState, Kind, Lot, OrderState, PositionId, PositionKey,
    Precondition, Sequence, Side, Synthetic, TargetOrigin, Timestamp, TroubleKind, exact_add, exact_sub,
};
use crate::sync::{Arc, fault};

/// Refuses what was decided from a report if the instrument changed since the venue was asked (R8, D6, D7, D8).
pub(super) fn fresh(slot: &Slot, asked: Sequence) -> Result<(), Rejection> {
    if slot.revision > asked && !fault("stale_report") {
        let symbol = slot.instrument.symbol().to_string();
        return Err(Reason::StaleReport { symbol, asked, changed: slot.revision }.into());
    }
    Ok(())
}

pub(super) fn unreserved(key: &KeyState) -> Result<(), Rejection> {
    match key.orders.first() {
        Some(order) => Err(Reason::AlreadyReserved { key: key.key, by: order.client_id }.into()),
        None => Ok(()),
    }
}

/// The time of a baseline: never before an earlier one's. A repair by reports without a time has none, whatever an earlier
/// one had: fills from between the two may have been in their picture (R8).
pub(super) fn dated(report: Option<Timestamp>, before: Option<&Baseline>) -> Option<Timestamp> {
    report.map(|time| before.and_then(|b| b.time).map_or(time, |earlier| time.max(earlier)))
}

/// Books a synthetic fill at the venue's average entry and dates the slot: fills from before the report replace their
/// part of it later, and move no quantity (R8).
pub(super) fn adopt(ask: &Ask<'_>, found: &Adoption) -> Result<Decision, Rejection> {
    let slot = ask.slot_to_open(found.key)?;
    fresh(slot, found.asked)?;
    slot.instrument.check_order(found.quantity, false)?;
    slot.instrument.check_price("entry price", found.entry)?;
    let mut key = ask.key(slot, found.key);
    unreserved(&key)?;
    if let Some(open) = &key.position {
        return Err(Reason::AlreadyOpen { key: found.key, side: open.side, quantity: open.quantity }.into());
    }
    if found.key.leg.only_side().is_some_and(|only| only != found.side) {
        return Err(Reason::WrongLeg { key: found.key, found: "a position of the other side" }.into());
    }
    if let Some(leverage) = found.leverage.filter(|l| l.get() <= Decimal::ZERO) {
        let rule = "must be above 0; leave it out if the venue does not say";
        return Err(Reason::OutOfRange { what: "leverage", value: leverage.get(), rule }.into());
    }
    let cost = slot.instrument.value("an adopted position's cost", found.quantity, found.entry)?;
    let cash = if found.side == Side::Long { -cost } else { cost };
    key.ledger.cash = exact_add("the cash of a key", key.ledger.cash, cash)?;

    let settings = ask.state.settings();
    let id = PositionId { epoch: settings.epoch, sequence: ask.next };
    let mut open =
        new_position(slot, found.key, id, found.side, found.quantity, cost, ask.cause.observed.time);
    open.leverage = found.leverage;
    open.exits = settings.default_exits.clone();
    // From the current price, as the predecessor did; without a fresh one nobody can say where a stop is legal (R5).
    let rule = found.rule.or(settings.default_rule);
    // A rule beyond the book's limit is none: the venue has the position all the same.
    let rule = rule.filter(|rule| match rule {
        crate::model::TargetRule::Fractions { stop: Some(stop), .. } => {
            reserve::check_stop(ask.state, *stop).is_ok()
        }
        _ => true,
    });
    let mark = ask.cause.observed.mark(found.key.instrument);
    let wanted = rule.zip(mark).and_then(|(rule, mark)| {
        let wanted = rule.targets(found.side, mark.get(), &slot.instrument).ok()?;
        targets::legal(found.side, &wanted, mark.get()).ok().map(|()| wanted)
    });
    match wanted {
        Some(wanted) => {
            open.targets = wanted;
            open.targets_from = TargetOrigin::Default;
        }
        None => {
            let detail = "adopted without a rule for its targets, or without a fresh mark".to_owned();
            add_trouble(&mut key, TroubleKind::Unprotected, ask.next, detail);
        }
    }
    key.position = Some(open);
    let before = key.baseline.take();
    let (side, quantity, entry) = (found.side, found.quantity, found.entry);
    key.baseline = Some(Arc::new(Baseline {
        id,
        time: dated(found.report_time, before.as_deref()),
        adopted: Some(Synthetic { side, quantity, entry, kept: Decimal::ONE, explained: None }),
        // What an earlier drop waits for may still come.
        gap: before.and_then(|b| b.gap),
    }));
    checked(ask, slot, Kind::Adopted, key)
}

/// Removes a position that the venue does not have. Nobody knows yet at what price it went: its cost stays visible in
/// `unexplained`, for ever if the fills that closed it never come (R10, R17).
pub(super) fn drop_position(ask: &Ask<'_>, gone: &DropPosition) -> Result<Decision, Rejection> {
    let slot = ask.slot(gone.key)?;
    let mut key = ask.key(slot, gone.key);
    let open = position(&key)?;
    if open.id != gone.position {
        let (expected, found) = (gone.position, Found::Position(open.id));
        return Err(Reason::OtherPosition { key: gone.key, expected, found }.into());
    }
    fresh(slot, gone.asked)?;
    unreserved(&key)?;
    // cash = realised - s x C + unexplained: what leaves with C comes back in `unexplained`.
    let lot = Lot { side: open.side, quantity: open.quantity, cost: open.cost };
    if !fault("drop_forgets") {
        key.ledger.unexplained = exact_sub("what is unexplained", key.ledger.unexplained, lot.signed_cost())?;
    }
    key.position = None;
    // The report dates the key as an adoption does, and what was dropped waits for the fills that closed it (R8).
    let before = key.baseline.take();
    let gap = add_to_gap(before.as_ref().and_then(|b| b.gap), lot)?;
    key.baseline = Some(Arc::new(Baseline {
        id: PositionId { epoch: ask.state.settings().epoch, sequence: ask.next },
        time: dated(gone.report_time, before.as_deref()),
        // What fills have explained of an adoption went with the position; what they have not is still assumed.
        adopted: before.and_then(|b| b.adopted.clone()).map(|a| Synthetic { explained: None, ..a }),
        gap: Some(gap),
    }));
    key.troubles.retain(|t| t.kind != TroubleKind::Unprotected);
    checked(ask, slot, Kind::Dropped, key)
}

/// A gap and what is taken off beside it: they wait together.
pub(super) fn add_to_gap(waiting: Option<Lot>, lot: Lot) -> Result<Lot, Rejection> {
    match waiting.filter(|gap| gap.side == lot.side) {
        None => Ok(lot),
        Some(gap) => Ok(Lot {
            quantity: gap.quantity.plus(lot.quantity)?,
            cost: exact_add("what is unexplained", gap.cost, lot.cost)?,
            ..lot
        }),
    }
}

pub(super) fn quarantine(
    ask: &Ask<'_>,
    key: PositionKey,
    why: &str,
    asked: Option<Sequence>,
) -> Result<Decision, Rejection> {
    let slot = ask.slot(key)?;
    if let Some(asked) = asked {
        fresh(slot, asked)?;
    }
    let mut key = ask.key(slot, key);
    if key.troubles.iter().any(|t| t.kind == TroubleKind::Quarantined && t.detail == why) {
        return Ok(Decision::nothing(Answer::Done));
    }
    add_trouble(&mut key, TroubleKind::Quarantined, ask.next, why.to_owned());
    Ok(Decision::one(ask.change(slot, Kind::Quarantined, key), Answer::Done))
}

/// Ends what was doubtful about a key's quantity: the venue has exactly what the book has, with nothing in flight that
/// could make both wrong in the same way (R10).
pub(super) fn confirm(ask: &Ask<'_>, key: PositionKey, asked: Sequence) -> Result<Decision, Rejection> {
    let slot = ask.slot(key)?;
    fresh(slot, asked)?;
    let mut key = ask.key(slot, key);
    unreserved(&key)?;
    let troubles = key.troubles.len();
    key.troubles.retain(|t| !t.kind.ends_by_agreement());
    if key.troubles.len() == troubles {
        return Ok(Decision::nothing(Answer::Done));
    }
    Ok(Decision::one(ask.change(slot, Kind::Confirmed, key), Answer::Done))
}

pub(super) fn accept(ask: &Ask<'_>, key: PositionKey) -> Result<Decision, Rejection> {
    let slot = ask.slot(key)?;
    let mut key = ask.key(slot, key);
    if key.troubles.is_empty() {
        return Ok(Decision::nothing(Answer::Done));
    }
    key.troubles.clear();
    Ok(Decision::one(ask.change(slot, Kind::Accepted, key), Answer::Done))
}

/// Makes a key closing though nothing of it is free to be reserved now: the passes that follow close what becomes free,
/// whatever the price does (R7).
pub(super) fn start_closing(
    ask: &Ask<'_>,
    key: PositionKey,
    expected: Option<PositionId>,
    cause: &str,
) -> Result<Decision, Rejection> {
    let slot = ask.slot(key)?;
    let mut key = ask.key(slot, key);
    match expected {
        Some(id) => expect(&key, Precondition::Position(id))?,
        // Flat: what is on its way is closed when it comes. Without anything on its way there is nothing to close.
        None if key.position.is_some() || !key.orders.iter().any(|o| o.intent.increases()) => {
            return Err(match &key.position {
                Some(open) => Reason::AlreadyOpen { key: key.key, side: open.side, quantity: open.quantity },
                None => Reason::NoPosition { key: key.key },
            }
            .into());
        }
        None => {}
    }
    // A close that has not left may never leave: from here on the key closes whatever becomes of it.
    let unsent = key.orders.iter().filter(|o| o.state == OrderState::Reserved).map(|o| o.client_id.sequence);
    let stands = key.closing.as_ref().map(|closing| closing.since);
    if stands.is_some_and(|since| !unsent.clone().any(|unsent| unsent == since)) {
        return Ok(Decision::nothing(Answer::Done));
    }
    key.closing = Some(Closing { cause: cause.to_owned(), since: ask.next });
    Ok(Decision::one(ask.change(slot, Kind::Closing, key), Answer::Done))
}

pub(super) fn cancel_closing(ask: &Ask<'_>, key: PositionKey) -> Result<Decision, Rejection> {
    let slot = ask.slot(key)?;
    let mut key = ask.key(slot, key);
    if key.closing.take().is_none() {
        return Ok(Decision::nothing(Answer::Done));
    }
    Ok(Decision::one(ask.change(slot, Kind::ClosingCancelled, key), Answer::Done))
}

/// A change whose sums the whole book can hold.
pub(super) fn checked(
    ask: &Ask<'_>,
    slot: &Slot,
    kind: Kind,
    after: KeyState,
) -> Result<Decision, Rejection> {
    ask.state.totals().can_be_replaced(slot.key(after.key), &after, &slot.instrument)?;
    Ok(Decision::one(ask.change(slot, kind, after), Answer::Done))
}
