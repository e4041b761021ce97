//! Where a fill belongs: its order's key, however it is delivered (R3), or what the venue says of the leg.

use rust_decimal::Decimal;
use smallvec::SmallVec;

use crate::model::{
    ClientOrderId, Fill, FillNote, FillSource, Forced, Heard, Intent, KeyState, Leg, Order, OrderRef,
    OrderState, Owner, PositionId, PositionKey, Quantity, Shape, Tags,
};
use crate::state::Slot;
use crate::state::decide::Ask;
use crate::state::slot::Finished;
use crate::sync::fault;

/// Where a fill belongs, and what is remarkable about that.
pub(super) struct Addressee<'a> {
    pub(super) key: PositionKey,
    /// Our order, if it is unresolved.
    pub(super) order: Option<&'a Order>,
    /// Our order, if it is finished and remembered.
    pub(super) finished: Option<Finished>,
    pub(super) notes: SmallVec<[FillNote; 2]>,
}

/// The key of a fill: its order's, however it is delivered (R3); else what the venue says of the leg.
pub(super) fn addressee<'a>(ask: &Ask<'_>, slot: &'a Slot, fill: &Fill) -> Addressee<'a> {
    let mut notes = SmallVec::new();
    if let OrderRef::Ours(id) = fill.order {
        for key in slot.keys() {
            if let Some(order) = key.order(id) {
                let owner = if fault("nobodys_fill") { Owner::UNOWNED } else { key.key.owner };
                let key = PositionKey { owner, ..key.key };
                return Addressee { key, order: Some(order), finished: None, notes };
            }
        }
        if let Some(finished) = slot.finished(id) {
            notes.push(FillNote::AfterFinal);
            return Addressee { key: finished.key, order: None, finished: Some(*finished), notes };
        }
    }
    notes.push(match fill.order {
        OrderRef::Forced { by: Forced::Liquidation, .. } => FillNote::Liquidation,
        OrderRef::Forced { by: Forced::AutoDeleveraging, .. } => FillNote::AutoDeleveraging,
        OrderRef::Ours(_) | OrderRef::Foreign(_) | OrderRef::Unstated => FillNote::Unordered,
    });
    let mode = slot.instrument.mode();
    // In hedge mode a venue that names no leg has told too little; the fill goes where it would open, and is flagged.
    let leg = fill.leg.unwrap_or_else(|| mode.leg(fill.side.opens()));
    if !mode.has(leg) || (fill.leg.is_none() && leg != Leg::Net) {
        notes.push(FillNote::ForeignLeg);
    }
    let owner = taken_from(ask, slot, leg, fill).unwrap_or(Owner::UNOWNED);
    Addressee { key: PositionKey { instrument: slot.id, leg, owner }, order: None, finished: None, notes }
}

/// Whose position a forced fill has taken, or one of a reduction that a crash has forgotten (R15): where several owners hold a
/// leg the venue, which knows of none, does not say (R12).
fn taken_from(ask: &Ask<'_>, slot: &Slot, leg: Leg, fill: &Fill) -> Option<Owner> {
    let reduces = match &fill.order {
        OrderRef::Forced { .. } => true,
        OrderRef::Ours(id) => ask.state.has_forgotten(*id),
        OrderRef::Foreign(_) | OrderRef::Unstated => false,
    };
    if !reduces {
        return None;
    }
    let taken = |key: &KeyState| key.position.as_ref().is_some_and(|open| open.side.exit() == fill.side);
    let mut holders = slot.keys().filter(|key| key.key.leg == leg && taken(key));
    let only = holders.next()?;
    holders.next().is_none().then_some(only.key.owner)
}

/// Whether an order of ours has claimed the key all along: reports found it there. One that was forgotten has not.
pub(super) fn claims(ask: &Ask<'_>, to: &Addressee<'_>) -> bool {
    to.order.is_some_and(|order| !ask.state.has_forgotten(order.client_id))
}

/// The order of a figure whose claim a crash has forgotten, as far as the figure tells: what was asked for nobody knows, so it
/// is in doubt until the venue states its end.
pub(super) fn forgotten(ask: &Ask<'_>, slot: &Slot, to: &Addressee<'_>, fill: &Fill) -> Option<Order> {
    let OrderRef::Ours(client_id) = fill.order else { return None };
    let known = to.order.is_some() || to.finished.is_some();
    if known || fill.shape != Shape::Cumulative || !ask.state.has_forgotten(client_id) {
        return None;
    }
    let now = ask.cause.observed.time;
    Some(Order {
        client_id,
        key: to.key,
        intent: Intent::ScaleOut,
        side: fill.side,
        quantity: fill.quantity,
        reference: None,
        leverage: None,
        rule: None,
        exits: None,
        exit: None,
        against: position_id(slot, to.key),
        state: OrderState::InDoubt("its claim was forgotten by a crash".to_owned()),
        booked: Quantity::ZERO,
        unbooked: Quantity::ZERO,
        booked_value: Decimal::ZERO,
        source: FillSource::Cumulative,
        deadline: now,
        patience_ns: ask.state.settings().patience_ns,
        expires: now,
        heard: Heard::Known,
        tags: Tags::none(),
    })
}

pub(super) fn position_id(slot: &Slot, key: PositionKey) -> Option<PositionId> {
    slot.key(key)?.position.as_ref().map(|p| p.id)
}

/// Whether an order was named by this opening of the book (R15).
pub(super) fn of_this_run(ask: &Ask<'_>, id: ClientOrderId) -> bool {
    let settings = ask.state.settings();
    (id.book, id.epoch) == (settings.book, settings.epoch) && id.sequence < ask.next
}
