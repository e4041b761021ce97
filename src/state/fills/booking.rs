//! One part of a fill on one position: it opens, adds, reduces or closes, and conservation holds after it (R17). A position
//! that is born has the targets of the order that opens it, or of the book's default rule (R5, R16).

use rust_decimal::Decimal;
use smallvec::SmallVec;

use super::addressee::Addressee;
use super::unbooked::add_trouble;
use crate::error::Rejection;
use crate::model::{
    Fill, FillNote, Intent, KeyState, Kind, Order, Position, PositionId, PositionKey, Price, Quantity,
    Sequence, Side, Sums, Tags, TargetOrigin, TargetRule, Targets, TroubleKind, exact_add, exact_sub,
    share_rounded,
};
use crate::state::decide::Ask;
use crate::state::{Slot, targets};
use crate::sync::{Arc, fault};

/// A part of a fill: all of it, or the two halves of a flip.
pub(super) struct Part<'a> {
    pub(super) quantity: Quantity,
    pub(super) value: Decimal,
    pub(super) fees: &'a Sums,
}

/// Moves one position by one part of a fill; conservation holds after every one (R17).
#[allow(clippy::too_many_arguments)]
pub(super) fn book(
    ask: &Ask<'_>,
    slot: &Slot,
    key: &mut KeyState,
    to: &Addressee<'_>,
    fill: &Fill,
    kind: Kind,
    part: &Part<'_>,
    sequence: Sequence,
    notes: &mut SmallVec<[FillNote; 2]>,
) -> Result<(), Rejection> {
    let scale = slot.instrument.money_scale();
    let ledger = &mut key.ledger;
    let cash = if fill.side == Side::Long.entry() { -part.value } else { part.value };
    ledger.cash = exact_add("the cash of a key", ledger.cash, cash)?;
    for (currency, fee) in part.fees.iter() {
        ledger.fees.add(currency, fee)?;
    }
    if sequence == ask.next {
        ledger.fills = ledger.fills.saturating_add(1);
    }
    match (kind, &mut key.position) {
        (Kind::ScaledIn, Some(open)) => {
            let mut unprotected = false;
            let dust = open.quantity < slot.instrument.minimum();
            open.quantity = open.quantity.plus(part.quantity)?;
            open.cost = exact_add("the cost of a position", open.cost, part.value)?;
            // An open that takes dust over brings its own protection, as if the key had been flat (R18, R5).
            let opener = to.order.filter(|o| o.intent == Intent::Open && o.booked.is_zero());
            if let Some(order) = opener.filter(|o| dust && o.against == Some(open.id)) {
                open.leverage = order.leverage;
                open.opened_at = ask.cause.observed.time;
                match protection(ask, slot, Some(order), open.side, fill.price) {
                    Some((targets, origin)) => (open.targets, open.targets_from) = (targets, origin),
                    None => {
                        (open.targets, open.targets_from) = (Targets::default(), TargetOrigin::None);
                        unprotected = order.rule.is_some();
                    }
                }
                (open.exits, open.best, open.taken) = (order.exits.clone(), None, Vec::new());
                open.tags = order.tags.clone();
            }
            if unprotected {
                lacks_protection(key, fill, sequence, notes);
            }
        }
        (Kind::ScaledOut | Kind::Closed, Some(open)) => {
            let share = share_rounded(open.cost, part.quantity, open.quantity, scale)?;
            let share = if fault("share_coarse") { share.round_dp(2) } else { share };
            let share = if kind == Kind::Closed { open.cost } else { share };
            let profit = match open.side {
                Side::Long => exact_sub("realised profit", part.value, share)?,
                Side::Short => exact_sub("realised profit", share, part.value)?,
            };
            let profit = match open.leverage {
                Some(leverage) if fault("leveraged_profit") => profit * leverage.get(),
                _ => profit,
            };
            ledger.realised = exact_add("realised profit", ledger.realised, profit)?;
            if kind == Kind::Closed {
                // The adoption goes on dating the key: a fill from before it was in the adopted quantity (R8).
                key.position = None;
                // What was wrong with the position's targets went with it.
                key.troubles.retain(|t| t.kind != TroubleKind::Unprotected);
            } else {
                let before = open.quantity;
                open.quantity = open.quantity.minus(part.quantity)?;
                let adopted = key.baseline.as_mut().filter(|b| b.id == open.id).map(Arc::make_mut);
                if let Some(adopted) = adopted.and_then(|b| b.adopted.as_mut()) {
                    let left = open.quantity.get().checked_div(before.get());
                    adopted.kept = left.and_then(|left| adopted.kept.checked_mul(left)).unwrap_or_default();
                }
                open.cost = exact_sub("the cost of a position", open.cost, share)?;
                if fault("rest_dropped") {
                    open.cost = open.cost.round_dp(2);
                }
                open.realised = exact_add("realised profit", open.realised, profit)?;
            }
        }
        _ => birth(ask, slot, key, to, fill, part, sequence, notes),
    }
    Ok(())
}

/// A position is born, with the targets of the order that opens it, or of the book's default rule (R5, R16).
#[allow(clippy::too_many_arguments)]
pub(super) fn birth(
    ask: &Ask<'_>,
    slot: &Slot,
    key: &mut KeyState,
    to: &Addressee<'_>,
    fill: &Fill,
    part: &Part<'_>,
    sequence: Sequence,
    notes: &mut SmallVec<[FillNote; 2]>,
) {
    let settings = ask.state.settings();
    let side = fill.side.opens();
    let opener = to.order.filter(|o| o.intent == Intent::Open && o.side == fill.side);
    let found = protection(ask, slot, opener, side, fill.price);
    let id = PositionId { epoch: settings.epoch, sequence };
    let mut position =
        new_position(slot, to.key, id, side, part.quantity, part.value, ask.cause.observed.time);
    position.leverage = opener.and_then(|o| o.leverage);
    position.exits = opener.map_or(&settings.default_exits, |o| &o.exits).clone();
    if let Some(order) = opener {
        position.tags = order.tags.clone();
    }
    match found {
        Some((targets, origin)) => {
            position.targets = targets;
            position.targets_from = origin;
        }
        // An order that was opened without any rule was meant so; anything else has lost its protection.
        None if opener.is_some_and(|o| o.rule.is_none()) => {}
        None => {
            lacks_protection(key, fill, sequence, notes);
        }
    }
    key.position = Some(position);
}

/// The targets of a position that this price opens: by the order's rule, or by the book's (R5).
fn protection(
    ask: &Ask<'_>,
    slot: &Slot,
    opener: Option<&Order>,
    side: Side,
    price: Price,
) -> Option<(Targets, TargetOrigin)> {
    let of_order = opener.map(|order| (order.rule, TargetOrigin::Order(order.client_id)));
    // What an order asked for may be impossible at the price it got; the book's rule protects better than none.
    let rules = of_order.into_iter().chain([(ask.state.settings().default_rule, TargetOrigin::Default)]);
    rules.filter_map(|(rule, origin)| Some((rule?, origin))).find_map(|(rule, origin)| {
        let wanted = rule.targets(side, price.get(), &slot.instrument).ok()?;
        // Prices that were stated stand as they are; fractions that round onto the price protect nothing (I3).
        let stated = matches!(rule, TargetRule::Prices(_));
        (stated || targets::legal(side, &wanted, price.get()).is_ok()).then_some((wanted, origin))
    })
}

fn lacks_protection(
    key: &mut KeyState,
    fill: &Fill,
    sequence: Sequence,
    notes: &mut SmallVec<[FillNote; 2]>,
) {
    notes.push(FillNote::Unprotected);
    let detail = format!("no rule gives legal targets to a position opened at {}", fill.price);
    add_trouble(key, TroubleKind::Unprotected, sequence, detail);
}

pub(in crate::state) fn new_position(
    slot: &Slot,
    key: PositionKey,
    id: PositionId,
    side: Side,
    quantity: Quantity,
    cost: Decimal,
    opened_at: crate::model::Timestamp,
) -> Position {
    Position {
        id,
        key,
        side,
        quantity,
        cost,
        contract_size: slot.instrument.contract_size(),
        contract: slot.instrument.kind(),
        leverage: None,
        targets: Targets::default(),
        targets_from: TargetOrigin::None,
        exits: None,
        best: None,
        taken: Vec::new(),
        opened_at,
        revision: id.sequence,
        realised: Decimal::ZERO,
        excursion: None,
        tags: Tags::none(),
    }
}
