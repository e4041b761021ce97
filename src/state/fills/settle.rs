//! What a fill does to its order: it is fed, and finished if that was what it waited for (R2).

use rust_decimal::Decimal;
use smallvec::SmallVec;

use super::addressee::Addressee;
use super::unbooked::{add_trouble, describe};
use crate::error::Rejection;
use crate::model::{
    ClientOrderId, Fill, FillNote, Heard, Intent, KeyState, Order, OrderState, Quantity, TroubleKind,
    exact_add,
};
use crate::state::decide::Ask;
use crate::state::{Slot, orders};
use crate::sync::Arc;

/// Notes the fill on its order, and finishes the order if that was what it waited for (R2).
#[allow(clippy::too_many_arguments)]
pub(super) fn settle(
    ask: &Ask<'_>,
    slot: &Slot,
    key: &mut KeyState,
    to: &Addressee<'_>,
    quantity: Quantity,
    value: Decimal,
    fill: &Fill,
    notes: &mut SmallVec<[FillNote; 2]>,
) -> Result<(), Rejection> {
    if notes.contains(&FillNote::AfterFinal) {
        add_trouble(key, TroubleKind::AfterFinal, ask.next, describe(fill));
    }
    // A short on the long leg is as impossible as a leg that the mode lacks (R12).
    let only = to.key.leg.only_side();
    let born = key.position.as_ref().filter(|p| p.id.sequence >= ask.next);
    if born.is_some_and(|p| only.is_some_and(|only| only != p.side)) && !notes.contains(&FillNote::ForeignLeg)
    {
        notes.push(FillNote::ForeignLeg);
    }
    if notes.contains(&FillNote::ForeignLeg) {
        let detail = format!(
            "{} on a leg that the position mode does not have or the venue did not name",
            describe(fill)
        );
        add_trouble(key, TroubleKind::Quarantined, ask.next, detail);
    }
    let Some(order) = to.order else { return Ok(()) };
    let opened = key.position.as_ref().map(|p| p.id);
    let Some(order) = feed(key, order.client_id, quantity, value, fill)? else { return Ok(()) };
    if order.intent == Intent::Open && order.against.is_none() {
        order.against = opened;
    }
    // What was taken back has lowered the figure that it settles to; what is put in its place raises it again.
    if notes.contains(&FillNote::Corrected)
        && let OrderState::Settling(told) = &mut order.state
    {
        *told = told.plus(quantity)?;
    }
    match order.state {
        OrderState::Reserved | OrderState::Sent => order.state = OrderState::Working,
        OrderState::Settling(_) if order.remaining().is_zero() => {
            let finished = order.clone();
            orders::remove(slot, key, &finished);
            orders::settled(key, finished.client_id);
        }
        _ => {}
    }
    Ok(())
}

/// Notes on an order that so much of it is booked.
pub(super) fn feed<'a>(
    key: &'a mut KeyState,
    order: ClientOrderId,
    quantity: Quantity,
    value: Decimal,
    fill: &Fill,
) -> Result<Option<&'a mut Order>, Rejection> {
    let Some(place) = key.orders.iter_mut().find(|o| o.client_id == order) else { return Ok(None) };
    let order = Arc::make_mut(place);
    order.booked = order.booked.plus(quantity)?;
    order.booked_value = exact_add("the value of an order", order.booked_value, value)?;
    order.source = fill.shape.source();
    order.heard = Heard::Known;
    Ok(Some(order))
}

/// What is remarkable about a fill of an order. None of it stops the quantity (R5).
pub(super) fn remark(
    key: &KeyState,
    order: Option<&Order>,
    fill: &Fill,
    quantity: Quantity,
    notes: &mut SmallVec<[FillNote; 2]>,
) {
    let Some(order) = order else { return };
    if order.side != fill.side {
        notes.push(FillNote::WrongSide);
    }
    // Of what was asked, or of the final figure once the venue has stated it.
    if quantity > order.remaining() && !notes.contains(&FillNote::Corrected) {
        notes.push(FillNote::Overfilled);
    }
    if order.against != key.position.as_ref().map(|p| p.id) {
        notes.push(FillNote::OtherLife);
    }
}
