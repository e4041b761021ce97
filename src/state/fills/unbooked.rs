//! Fills that are kept and not booked (R4): what cannot be folded, what no registered instrument has, and one that came
//! again with other content (R3). Each blocks its key for new risk.

use smallvec::SmallVec;

use super::addressee::{Addressee, addressee};
use super::{booked, check_totals};
use crate::model::{
    Effect, Fill, Heard, KeyState, Kind, OrderRef, OrderState, PositionKey, Seen, Sequence, Shape, Trouble,
    TroubleKind,
};
use crate::state::decide::{Answer, Ask, Decision, FillOutcome};
use crate::state::{Slot, orders};
use crate::sync::{Arc, fault};

/// Keeps a fill that cannot be folded, remembers it, and blocks its key for new risk (R4).
pub(super) fn unbooked(
    ask: &Ask<'_>,
    slot: &Slot,
    to: &Addressee<'_>,
    fill: &Fill,
    seen: Seen,
    why: String,
) -> Decision {
    if fault("unfoldable_lost") {
        return Decision::nothing(Answer::Fill(FillOutcome::Unbooked { why }));
    }
    let mut after = ask.key(slot, to.key);
    // Its order has heard of it, or it would wait for this fill for ever.
    if let Some(order) = to.order
        && let Shape::Trade { .. } = fill.shape
        && let Some(order) = after.orders.iter_mut().find(|o| o.client_id == order.client_id)
    {
        let order = Arc::make_mut(order);
        order.unbooked = order.unbooked.plus(fill.quantity).unwrap_or(order.unbooked);
        order.heard = Heard::Known;
        if let OrderState::Settling(_) = order.state
            && order.remaining().is_zero()
        {
            let finished = order.clone();
            orders::remove(slot, &mut after, &finished);
        }
    }
    // What is in flight is a valuation, and may not fit the sums any more: the fill is kept all the same (R4).
    if let Some(stands) = slot.key(to.key)
        && check_totals(ask, slot, &after).is_err()
    {
        after.orders = stands.orders.clone();
    }
    let detail = format!("{}: {why}", describe(fill));
    add_trouble(&mut after, TroubleKind::Unbooked, ask.next, detail);
    let effects = smallvec::smallvec![ask.change(slot, Kind::Unbooked, after)];
    Decision { answer: Answer::Fill(FillOutcome::Unbooked { why }), ..booked(effects, seen, SmallVec::new()) }
}

pub(super) fn stray(fill: &Fill, seen: Seen) -> Decision {
    let why = format!("no instrument {} is registered", fill.instrument);
    let effect = Effect::Stray { fill: Arc::new(fill.clone()), seen, why: why.clone() };
    Decision::one(effect, Answer::Fill(FillOutcome::Unbooked { why }))
}

/// The same identity with other content: what was booked stays, and a person has to look (R3).
pub(super) fn conflict(ask: &Ask<'_>, slot: &Slot, fill: &Fill, seen: Seen) -> Decision {
    let key = addressee(ask, slot, fill).key;
    let detail = format!("{} (trade {:032x}, content {:016x})", describe(fill), seen.identity, seen.content);
    let trouble = Trouble { kind: TroubleKind::FillConflict, since: ask.next, detail, order: None };
    block(ask, slot, key, trouble, FillOutcome::Conflict)
}

/// Blocks a key, once for one thing that is wrong.
pub(super) fn block(
    ask: &Ask<'_>,
    slot: &Slot,
    key: PositionKey,
    trouble: Trouble,
    outcome: FillOutcome,
) -> Decision {
    let mut after = ask.key(slot, key);
    if after.troubles.iter().any(|t| t.kind == trouble.kind && t.detail == trouble.detail) {
        return Decision::nothing(Answer::Fill(outcome));
    }
    add(&mut after, trouble);
    Decision::one(ask.change(slot, Kind::Unbooked, after), Answer::Fill(outcome))
}

pub(in crate::state) fn add_trouble(key: &mut KeyState, kind: TroubleKind, since: Sequence, detail: String) {
    add(key, Trouble { kind, since, detail, order: None });
}

fn add(key: &mut KeyState, trouble: Trouble) {
    /// A venue that repeats one fault for ever must not fill the memory: beyond this many the last one is replaced, but for the
    /// one that says that no stop watches over a position.
    const MOST: usize = 16;
    if key.troubles.len() >= MOST
        && let Some(last) = key.troubles.iter().rposition(|t| t.kind != TroubleKind::Unprotected)
    {
        key.troubles.remove(last);
    }
    key.troubles.push(Arc::new(trouble));
}

pub(super) fn describe(fill: &Fill) -> String {
    let name = match (&fill.shape, &fill.order) {
        (Shape::Trade { id }, OrderRef::Ours(order)) => format!("trade {id} of order {order}"),
        (Shape::Trade { id }, OrderRef::Foreign(order)) => format!("trade {id} of the venue's order {order}"),
        (Shape::Trade { id }, OrderRef::Forced { by, .. }) => format!("trade {id}, a {by}"),
        (Shape::Trade { id }, OrderRef::Unstated) => format!("trade {id}"),
        (Shape::Cumulative, OrderRef::Ours(order)) => format!("order {order} so far"),
        (Shape::Cumulative, _) => "an order so far".to_owned(),
    };
    format!("{name}: {} {} @ {}", fill.side, fill.quantity, fill.price)
}
