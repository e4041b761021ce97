//! Reservations: an order leaves only under one (decision 5), and at most one unresolved one opens or closes a key
//! (I1). Everything is checked here, against the state that the reservation really lands on.

use std::time::Duration;

use rust_decimal::{Decimal, RoundingStrategy};

use super::decide::{Answer, Ask, Decision, expect, position};
use super::totals::{in_flight, is_opening, within};
use super::trail::{exit_stands, take_tier};
use super::{Slot, State, groups};
use crate::error::{Reason, Rejection};
use crate::model::{
    Addition, Amount, ClientOrderId, Closing, ContractKind, FillSource, Fraction, Heard, Intent, KeyState,
    Kind, Leverage, Opening, Order, OrderState, PositionId, PositionKey, Price, Quantity, Reduction, Side,
    Tags, TargetRule, check_share, exact_add, exact_sub,
};
use crate::sync::{Arc, fault};

/// In the predecessor's order: amount, leverage, stop fraction, then what stands on the key.
pub(super) fn open(ask: &Ask<'_>, wish: &Opening) -> Result<Decision, Rejection> {
    let slot = ask.slot_to_open(wish.key)?;
    slot.instrument.check_order(wish.quantity, true)?;
    check_leverage(ask.state, wish.leverage)?;
    if let Some(TargetRule::Fractions { stop: Some(stop), .. }) = &wish.rule {
        check_stop(ask.state, *stop)?;
    }
    if let Some(plan) = &wish.exits {
        plan.check(ask.state.settings().limits.stop_fraction)?;
    }
    if wish.key.leg.only_side().is_some_and(|only| only != wish.side) {
        let found =
            if wish.side == Side::Long { "a long on the short leg" } else { "a short on the long leg" };
        return Err(Reason::WrongLeg { key: wish.key, found }.into());
    }
    let mut key = ask.key(slot, wish.key);
    expect(&key, wish.expect)?;
    if let Some(open) = &key.position {
        // A rest below the minimum is dust: an open on its side takes it over (R18).
        if open.quantity >= slot.instrument.minimum() || open.side != wish.side {
            return Err(
                Reason::AlreadyOpen { key: wish.key, side: open.side, quantity: open.quantity }.into()
            );
        }
    }
    refuse_new_risk(&key)?;
    if let Some(order) = key.orders.first().filter(|_| !fault("two_opens")) {
        // Any unresolved order may still change what this one was decided on.
        return Err(Reason::AlreadyReserved { key: wish.key, by: order.client_id }.into());
    }
    // Last what needs a price: without one the parameters and the key have been checked all the same.
    let reference = reference(ask, wish.key, wish.reference)?;
    check_rule(slot, wish.side, wish.rule.as_ref(), reference)?;
    let worth = check_limits(ask, slot, &key, wish.quantity, reference)?;
    groups::room_for(ask, slot, &key, wish.side, &wish.tags, worth)?;
    let against = key.position.as_ref().map(|p| p.id);
    let order = Order {
        leverage: wish.leverage,
        rule: wish.rule.or(ask.state.settings().default_rule),
        exits: wish.exits.clone().or_else(|| ask.state.settings().default_exits.clone()),
        reference: Some(reference),
        tags: wish.tags.clone(),
        ..order(ask, wish.key, Intent::Open, wish.side, wish.quantity, against, wish.patience)
    };
    Ok(reserved(ask, slot, &mut key, order))
}

pub(super) fn scale_in(ask: &Ask<'_>, wish: &Addition) -> Result<Decision, Rejection> {
    let slot = ask.slot(wish.key)?;
    slot.instrument.check_order(wish.quantity, true)?;
    let mut key = ask.key(slot, wish.key);
    expect(&key, wish.expect)?;
    let (side, id) = position(&key).map(|p| (p.side, p.id))?;
    refuse_new_risk(&key)?;
    let reference = reference(ask, wish.key, wish.reference)?;
    let worth = check_limits(ask, slot, &key, wish.quantity, reference)?;
    groups::room_for(ask, slot, &key, side, &position(&key)?.tags, worth)?;
    let order = Order {
        reference: Some(reference),
        ..order(ask, wish.key, Intent::ScaleIn, side, wish.quantity, Some(id), wish.patience)
    };
    Ok(reserved(ask, slot, &mut key, order))
}

/// Reduces by what was asked, if that much is left after every reduction in flight (I2, D4).
pub(super) fn scale_out(ask: &Ask<'_>, wish: &Reduction) -> Result<Decision, Rejection> {
    let slot = ask.slot(wish.key)?;
    let mut key = ask.key(slot, wish.key);
    expect(&key, wish.expect)?;
    let (side, id) = position(&key).map(|p| (p.side, p.id))?;
    exit_stands(&slot.instrument, &key, wish.exit.as_ref())?;
    let free = free(&key);
    let asked = match wish.amount {
        Amount::Exactly(quantity) => quantity,
        Amount::All => sendable(slot, free)?,
        Amount::Share(share) => part(slot, free, share)?,
    };
    // All that is left may go out whatever its size; a part must be an order the venue takes.
    slot.instrument.check_order(asked, asked != free)?;
    if asked > free {
        return Err(Reason::ReduceBeyond { key: wish.key, asked, free }.into());
    }
    let order = Order {
        exit: wish.exit,
        ..order(ask, wish.key, Intent::ScaleOut, side, asked, Some(id), wish.patience)
    };
    take_tier(&mut key, wish.exit);
    Ok(reserved(ask, slot, &mut key, order))
}

/// A share of what is free, as an order the venue takes: on the step, not below the minimum, and leaving nothing that
/// no order could take off any more (R18).
fn part(slot: &Slot, free: Quantity, share: Fraction) -> Result<Quantity, Rejection> {
    check_share("share", share)?;
    let exact = free.get().checked_mul(share.get()).ok_or(Reason::NumericRange { what: "a share" })?;
    // Down, never up: more than was asked is not taken off by rounding.
    let digits = exact.round_dp_with_strategy(18, RoundingStrategy::ToZero);
    let least = slot.instrument.least_order()?;
    let part = slot.instrument.floor_to_step(Quantity::new(digits)?).max(least);
    Ok(if free.less(part) < least { free } else { part })
}

/// Reserves everything that is not in flight already, and makes the key closing until it is flat (R7).
pub(super) fn close(ask: &Ask<'_>, wish: &Reduction) -> Result<Decision, Rejection> {
    let slot = ask.slot(wish.key)?;
    let mut key = ask.key(slot, wish.key);
    expect(&key, wish.expect)?;
    let (side, id, quantity) = position(&key).map(|p| (p.side, p.id, p.quantity))?;
    exit_stands(&slot.instrument, &key, wish.exit.as_ref())?;
    // One close at a time (I1). An opening order that has filled in part does not keep the stop of what is open from
    // firing: what it still brings is closed by the passes that follow (R7).
    let other = key.orders.iter().find(|o| o.intent == Intent::Close);
    if let Some(other) = other.filter(|_| !fault("nothing_in_flight")) {
        return Err(Reason::AlreadyReserved { key: wish.key, by: other.client_id }.into());
    }
    let free = free(&key);
    if free.is_zero() {
        return Err(Reason::ReduceBeyond { key: wish.key, asked: quantity, free }.into());
    }
    let all = sendable(slot, free)?;
    let cause = match &wish.exit {
        Some(exit) => exit.rule.to_string(),
        None => wish.reason.clone(),
    };
    key.closing.get_or_insert(Closing { cause, since: ask.next });
    let order =
        Order { exit: wish.exit, ..order(ask, wish.key, Intent::Close, side, all, Some(id), wish.patience) };
    take_tier(&mut key, wish.exit);
    Ok(reserved(ask, slot, &mut key, order))
}

/// What a venue takes an order for, of all that is free. On spot what is held is seldom on the step, because fees were taken out of
/// it, and a venue refuses what is not: the rest, less than a step, stays as dust (R18). A reduce-only order of a derivative may
/// take all there is, and so may whatever is less than an order: nobody but the venue knows.
fn sendable(slot: &Slot, free: Quantity) -> Result<Quantity, Rejection> {
    let on_step = slot.instrument.floor_to_step(free);
    let rounds = slot.instrument.kind() == ContractKind::Spot && on_step >= slot.instrument.least_order()?;
    Ok(if rounds { on_step } else { free })
}

/// What of a position is not in flight to be reduced already (I2, D4).
fn free(key: &KeyState) -> Quantity {
    match &key.position {
        Some(open) if fault("nothing_in_flight") => open.quantity,
        _ => key.free(),
    }
}

fn order(
    ask: &Ask<'_>,
    key: PositionKey,
    intent: Intent,
    side: Side,
    quantity: Quantity,
    against: Option<PositionId>,
    patience: Option<Duration>,
) -> Order {
    let settings = ask.state.settings();
    let patience_ns =
        patience.map_or(settings.patience_ns, |p| u64::try_from(p.as_nanos()).unwrap_or(u64::MAX));
    let deadline = ask.cause.observed.time.plus(Duration::from_nanos(patience_ns));
    Order {
        // Fixed here, before the venue is called, and never used again (D23, R15).
        client_id: ClientOrderId { book: settings.book, epoch: settings.epoch, sequence: ask.next },
        key,
        intent,
        side: if intent.increases() { side.entry() } else { side.exit() },
        quantity,
        reference: None,
        leverage: None,
        rule: None,
        exits: None,
        exit: None,
        against,
        state: OrderState::Reserved,
        booked: Quantity::ZERO,
        unbooked: Quantity::ZERO,
        booked_value: Decimal::ZERO,
        source: FillSource::Open,
        deadline,
        patience_ns,
        expires: deadline,
        heard: Heard::NotYet,
        tags: Tags::none(),
    }
}

fn reserved(ask: &Ask<'_>, slot: &Slot, key: &mut KeyState, order: Order) -> Decision {
    let id = order.client_id;
    key.orders.push(Arc::new(order));
    Decision::one(ask.change(slot, Kind::Reserved, key.clone()), Answer::Reserved(id))
}

/// What blocks every increase: closing, doubt, trouble.
pub(super) fn refuse_new_risk(key: &KeyState) -> Result<(), Rejection> {
    if key.closing.is_some() && !fault("no_closing") {
        return Err(Reason::Closing { key: key.key }.into());
    }
    if let Some(order) = key.doubt() {
        return Err(Reason::InDoubt { key: key.key, order: order.client_id }.into());
    }
    if let Some(trouble) = key.blocked() {
        return Err(Reason::Blocked { key: key.key, why: trouble.to_string() }.into());
    }
    if let Some(close) = key.orders.iter().find(|o| o.intent == Intent::Close) {
        return Err(Reason::AlreadyReserved { key: key.key, by: close.client_id }.into());
    }
    Ok(())
}

/// The price at which limits value an order: the one given, or the fresh mark.
fn reference(ask: &Ask<'_>, key: PositionKey, given: Option<Price>) -> Result<Price, Rejection> {
    let slot = ask.slot(key)?;
    let mark = ask.cause.observed.mark(key.instrument);
    let reference = given.or(mark).ok_or_else(|| {
        let what = format!("{}: an order without a reference price (.at(price))", slot.instrument.symbol());
        Reason::NoMark { what }
    })?;
    slot.instrument.check_price("reference price", reference)?;
    Ok(reference)
}

pub(super) fn check_leverage(state: &State, leverage: Option<Leverage>) -> Result<(), Rejection> {
    let Some(leverage) = leverage else { return Ok(()) };
    let greatest = Decimal::from(state.settings().limits.leverage);
    if leverage.get() < Decimal::ONE || leverage.get() > greatest {
        let rule = "must be between 1 and the limit of the book (125 unless it was built with another)";
        return Err(Reason::OutOfRange { what: "leverage", value: leverage.get(), rule }.into());
    }
    Ok(())
}

pub(super) fn check_stop(state: &State, stop: Fraction) -> Result<(), Rejection> {
    if stop.get() <= Decimal::ZERO || stop >= state.settings().limits.stop_fraction {
        let rule = "must be a fraction above 0 and below 1 (or below the limit the book was built with)";
        return Err(Reason::OutOfRange { what: "stop loss", value: stop.get(), rule }.into());
    }
    Ok(())
}

/// Whether a rule can give legal targets: asked before the order leaves, at the price it is expected to fill near.
fn check_rule(slot: &Slot, side: Side, rule: Option<&TargetRule>, reference: Price) -> Result<(), Rejection> {
    let Some(rule) = rule else { return Ok(()) };
    let targets = rule.targets(side, reference.get(), &slot.instrument)?;
    super::targets::legal(side, &targets, reference.get())
}

/// R13, inside the same compare-and-swap as the reservation: N threads cannot exceed a limit together (D11). Returns what the
/// key would be worth.
fn check_limits(
    ask: &Ask<'_>,
    slot: &Slot,
    key: &KeyState,
    quantity: Quantity,
    reference: Price,
) -> Result<Decimal, Rejection> {
    let (limits, totals) = (&ask.state.settings().limits, ask.state.totals());
    if key.position.is_none() && !is_opening(key) {
        let opening = if fault("limits_outside") { 0 } else { totals.opening };
        let positions = Decimal::from(totals.positions.saturating_add(opening).saturating_add(1));
        within("positions", positions, Decimal::from(limits.positions))?;
    }
    let value = |quantity| slot.instrument.value("exposure", quantity, reference).map(|value| value.abs());
    let cost = key.position.as_ref().map_or(Decimal::ZERO, |p| p.cost.abs());
    let standing = match &key.position {
        Some(open) => value(open.quantity)?.max(cost),
        None => Decimal::ZERO,
    };
    let wanted = exact_add("exposure", in_flight(&key.orders, &slot.instrument)?, value(quantity)?)?;
    let worth = exact_add("exposure", standing, wanted)?;
    within("notional of one key", worth, limits.key_notional)?;
    let money = totals.money(slot.instrument.settle());
    let others = exact_sub("exposure", exact_add("exposure", money.exposure, money.in_flight)?, cost)?;
    let whole = exact_add("exposure", exact_add("exposure", others, standing)?, value(quantity)?)?;
    within("notional of the book", whole, limits.book_notional)?;
    Ok(worth)
}
