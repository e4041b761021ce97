//! Groups: what parts of the book may come to (R13), and the tags by which a position gets into one.
//!
//! Asked inside the same compare-and-swap as everything else: N threads cannot exceed the limit of a group together. Nothing is
//! kept about groups. An increase that belongs to one walks over all keys; without limited groups it looks at an empty list.

use rust_decimal::Decimal;

use super::decide::{Answer, Ask, Decision, expect, position};
use super::totals::{in_flight, is_opening};
use super::{Slot, State};
use crate::error::{Reason, Rejection};
use crate::model::{
    Currency, GroupLimit, Instrument, Intent, KeyState, Kind, PositionKey, Retag, Side, Tags, exact_add,
};
use crate::sync::fault;

/// Whether every group that the key belongs to, or would with a position of this side and with these tags, has room for it, if it
/// is worth so much with it.
pub(super) fn room_for(
    ask: &Ask<'_>,
    slot: &Slot,
    key: &KeyState,
    side: Side,
    tags: &Tags,
    worth: Decimal,
) -> Result<(), Rejection> {
    for group in &ask.state.settings().limits.groups {
        // A key counts whole: also what adds to it for another reason.
        let takes = group.selection.takes(key.key, &slot.instrument, Some(side), tags);
        if takes || belongs(group, key, &slot.instrument) {
            room(ask.state, group, slot, key, worth)?;
        }
    }
    Ok(())
}

/// Replaces the tags of a position. That moves no risk, but it may move it into a group, which must have room for it as if it
/// were opened there; what it leaves has more.
pub(super) fn retag(ask: &Ask<'_>, wish: &Retag) -> Result<Decision, Rejection> {
    let slot = ask.slot(wish.key)?;
    let mut key = ask.key(slot, wish.key);
    expect(&key, wish.expect)?;
    let open = position(&key)?;
    if open.tags == wish.tags {
        return Ok(Decision::nothing(Answer::Done));
    }
    for group in &ask.state.settings().limits.groups {
        let enters = group.selection.takes(key.key, &slot.instrument, Some(open.side), &wish.tags);
        if enters && !belongs(group, &key, &slot.instrument) {
            room(ask.state, group, slot, &key, worth(&key, &slot.instrument)?)?;
        }
    }
    if let Some(open) = &mut key.position {
        open.tags = wish.tags.clone();
    }
    Ok(Decision::one(ask.change(slot, Kind::Tagged, key), Answer::Done))
}

/// Whether a key counts in a group: by what stands there, or by an order that opens a position of the group there. One that is
/// tagged otherwise meanwhile, or still dust, may be both.
fn belongs(group: &GroupLimit, key: &KeyState, instrument: &Instrument) -> bool {
    let opens = |order: &crate::model::Order| {
        order.intent == Intent::Open && group.selection.takes_order(order, instrument)
    };
    group.selection.takes_key(key, instrument) || key.orders.iter().any(|order| opens(order))
}

/// What a key counts for while another one is asked about: its cost, and what is in flight at the prices it was reserved with.
fn worth(key: &KeyState, instrument: &Instrument) -> Result<Decimal, Rejection> {
    let cost = key.position.as_ref().map_or(Decimal::ZERO, |open| open.cost.abs());
    exact_add("exposure of a group", cost, in_flight(&key.orders, instrument)?)
}

/// Whether a key takes a place: it is open, or being opened.
fn takes_place(key: &KeyState) -> bool {
    key.position.is_some() || (is_opening(key) && !fault("group_limit_outside"))
}

/// Whether a group has room for this key, worth so much.
fn room(
    state: &State,
    group: &GroupLimit,
    slot: &Slot,
    key: &KeyState,
    worth: Decimal,
) -> Result<(), Rejection> {
    let within = |which, value: Decimal, limit: Decimal| match value > limit {
        true => Err(Reason::GroupLimit { group: group.name.clone(), which, value, limit }.into()),
        false => Ok(()),
    };
    let others = Others::of(state, group, key.key, slot.instrument.settle())?;
    if let Some(limit) = group.positions {
        // A key that has its place there takes no other.
        let has = takes_place(key) && belongs(group, key, &slot.instrument);
        let positions = others.positions.saturating_add(1);
        if !has {
            within("positions", positions.into(), limit.into())?;
        }
    }
    match group.notional {
        Some(limit) => within("notional", exact_add("exposure of a group", others.worth, worth)?, limit),
        None => Ok(()),
    }
}

/// What a group has besides one key.
#[derive(Default)]
struct Others {
    positions: usize,
    /// In one settle currency.
    worth: Decimal,
}

impl Others {
    fn of(state: &State, group: &GroupLimit, but: PositionKey, settle: &Currency) -> Result<Self, Rejection> {
        let mut others = Self::default();
        for slot in state.slots() {
            let instrument = &slot.instrument;
            let keys = slot.keys().filter(|key| key.key != but && takes_place(key));
            for key in keys.filter(|key| belongs(group, key, instrument)) {
                others.positions = others.positions.saturating_add(1);
                if group.notional.is_some() && instrument.settle() == settle {
                    others.worth = exact_add("exposure of a group", others.worth, worth(key, instrument)?)?;
                }
            }
        }
        Ok(others)
    }
}
