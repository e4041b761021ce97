//! Fills: the primary write. They alone move quantity (R2), each is booked exactly once (R3), and none is ever lost
//! (R4): what cannot be folded is kept as it came, and its key is blocked for new risk.

use rust_decimal::Decimal;
use smallvec::SmallVec;

use super::baseline::Dated;
use super::decide::{Answer, Ask, Decision, FillOutcome, sealed};
use super::slot::Finished;
use super::{Slot, baseline, orders, targets};
use crate::error::{Reason, Rejection};
use crate::model::{
    ClientOrderId, ContractKind, Effect, Fill, FillNote, FillSource, Heard, Intent, KeyState, Kind, Leg,
    Notes, Order, OrderRef, OrderState, Owner, Position, PositionId, PositionKey, Price, Quantity, Seen,
    Sequence, Shape, Side, Sums, TargetOrigin, TargetRule, Targets, Trouble, TroubleKind, exact_add,
    exact_sub, share_rounded,
};
use crate::sync::{Arc, fault};

pub(super) fn record(ask: &Ask<'_>, fill: &Fill) -> Result<Decision, Rejection> {
    if fill.quantity.is_zero() {
        return Err(Reason::OutOfRange { what: "fill", value: Decimal::ZERO, rule: "has no quantity" }.into());
    }
    let seen = fingerprint(fill);
    let duplicate = || Decision::nothing(Answer::Fill(FillOutcome::Duplicate));
    let Some(slot) = ask.state.slot(fill.instrument) else {
        // Strays of every unknown instrument share one ring, so here the instrument is part of the identity (R3); other
        // content is kept as well: nothing else would ever show it (R4).
        let known =
            ask.state.strays.newest_first().any(|s| (s.identity, s.content) == (seen.identity, seen.content));
        return Ok(if known { duplicate() } else { stray(fill, seen) });
    };
    if let Some(known) = slot.seen(seen.identity).filter(|_| !fault("no_ring")) {
        return Ok(if known.content == seen.content { duplicate() } else { conflict(ask, slot, fill, seen) });
    }
    let mut to = addressee(ask, slot, fill);
    // A reduction does not wait for the disk, so a crash may have forgotten its claim. A figure of it says how much it has
    // come to so far, and nothing of it can be booked: it is taken up as an order again, for the figures that follow (R15).
    let found = forgotten(ask, slot, &to, fill);
    to.order = to.order.or(found.as_ref());
    // A broken twin drops what was ordered against a position that is gone (R5).
    let dead = |order: &Order| order.against.is_some() && order.against != position_id(slot, to.key);
    if fault("dead_fill") && to.order.is_some_and(dead) {
        return Ok(duplicate());
    }
    // Adopted or dropped by reports without a time: whether their picture had this fill in it nobody can say (R8). The
    // next reports can: they agree with the book, or they do not.
    let undated = slot
        .key(to.key)
        .is_some_and(|key| matches!(baseline::dated(ask, key, claims(ask, &to), fill), Dated::NobodyKnows));
    match age(ask, slot, &to, seen, fill) {
        Age::News if !undated => {}
        Age::Booked => return Ok(duplicate()),
        Age::News | Age::TooOldToTell => {
            let detail = format!("{} (trade {:032x})", describe(fill), seen.identity);
            let trouble = Trouble {
                kind: TroubleKind::TooOldToTell,
                since: ask.next,
                detail,
                order: to.order.map(|o| o.client_id),
            };
            return Ok(block(ask, slot, to.key, trouble, FillOutcome::TooOldToTell));
        }
    }
    // A cumulative report says what the order has so far: what of it is new moves the position.
    let (quantity, value) = match news(slot, &to, fill)? {
        News::Nothing => return Ok(duplicate()),
        News::Fill { quantity, value } => (quantity, value),
        News::Unfoldable(why) => return Ok(unbooked(ask, slot, &to, fill, seen, why)),
    };
    match fold(ask, slot, &to, fill, seen, quantity, value) {
        Ok(decision) => Ok(decision),
        // Range, precision, overflow: money moved all the same (R4).
        Err(refused) => Ok(unbooked(ask, slot, &to, fill, seen, refused.to_string())),
    }
}

/// The order of a figure whose claim a crash has forgotten, as far as the figure tells: what was asked for nobody knows, so it
/// is in doubt until the venue states its end.
fn forgotten(ask: &Ask<'_>, slot: &Slot, to: &Addressee<'_>, fill: &Fill) -> Option<Order> {
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
    })
}

/// Where a fill belongs, and what is remarkable about that.
struct Addressee<'a> {
    key: PositionKey,
    /// Our order, if it is unresolved.
    order: Option<&'a Order>,
    /// Our order, if it is finished and remembered.
    finished: Option<Finished>,
    notes: SmallVec<[FillNote; 2]>,
}

/// The key of a fill: its order's, however it is delivered (R3); else what the venue says of the leg.
fn addressee<'a>(ask: &Ask<'_>, slot: &'a Slot, fill: &Fill) -> Addressee<'a> {
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
    notes.push(FillNote::Unordered);
    let mode = slot.instrument.mode();
    // In hedge mode a venue that names no leg has told too little; the fill goes where it would open, and is flagged.
    let leg = fill.leg.unwrap_or_else(|| mode.leg(fill.side.opens()));
    if !mode.has(leg) || (fill.leg.is_none() && leg != Leg::Net) {
        notes.push(FillNote::ForeignLeg);
    }
    // Of an order that a crash has forgotten nobody knows whose it was. But it reduces: what is the only position on its leg
    // that it can reduce is what it was sent for.
    let mut reducible = slot.keys().filter(|key| {
        let open = key.position.as_ref();
        key.key.leg == leg && open.is_some_and(|open| open.side.entry() != fill.side)
    });
    let owner = match (&fill.order, reducible.next(), reducible.next()) {
        (OrderRef::Ours(id), Some(only), None) if ask.state.has_forgotten(*id) => only.key.owner,
        _ => Owner::UNOWNED,
    };
    Addressee { key: PositionKey { instrument: slot.id, leg, owner }, order: None, finished: None, notes }
}

/// Whether an order of ours has claimed the key all along: reports found it there. One that was forgotten has not.
fn claims(ask: &Ask<'_>, to: &Addressee<'_>) -> bool {
    to.order.is_some_and(|order| !ask.state.has_forgotten(order.client_id))
}

fn position_id(slot: &Slot, key: PositionKey) -> Option<PositionId> {
    slot.key(key)?.position.as_ref().map(|p| p.id)
}

/// Whether an order was named by this opening of the book (R15).
fn of_this_run(ask: &Ask<'_>, id: ClientOrderId) -> bool {
    let settings = ask.state.settings();
    (id.book, id.epoch) == (settings.book, settings.epoch) && id.sequence < ask.next
}

/// Whether a fill that the ring does not hold can have been booked before.
enum Age {
    /// It cannot.
    News,
    /// It was: the figure that finished its order was reached by what was booked, and it was reached before this fill
    /// came.
    Booked,
    /// Nobody can say.
    TooOldToTell,
}

/// R3: at or below the watermark a fill may be one that the ring has forgotten. There the cumulative figure of its order
/// decides: it vouches for what it misses, and against everything once it has been reached.
fn age(ask: &Ask<'_>, slot: &Slot, to: &Addressee<'_>, seen: Seen, fill: &Fill) -> Age {
    let old = match (seen.venue_time, slot.watermark) {
        (Some(time), Some(watermark)) => time <= watermark,
        (Some(_), None) => false,
        (None, _) => slot.forgetful,
    };
    if !old {
        return Age::News;
    }
    match (&to.finished, &fill.order) {
        (Some(finished), _) if !finished.booked.is_zero() => return Age::Booked,
        // An order of this run that is neither unresolved nor remembered is finished long ago: what it came to was booked.
        (None, OrderRef::Ours(id)) if to.order.is_none() && of_this_run(ask, *id) => return Age::Booked,
        _ => {}
    }
    let vouched = to.order.is_some_and(|order| match (&fill.shape, &order.state) {
        // Cumulative figures carry their own memory: the order's.
        (Shape::Cumulative, _) => true,
        // Exactly what is missing: were it another fill come again, the quantity would still be right.
        (_, OrderState::Settling(_)) => fill.quantity == order.remaining(),
        // Without a venue time there is nothing else to go by.
        _ => seen.venue_time.is_none() && fill.quantity <= order.remaining(),
    });
    if vouched { Age::News } else { Age::TooOldToTell }
}

/// What a report adds to what is booked.
enum News {
    Nothing,
    /// So many contracts, worth so much (quantity x contract size x price, rounded to money).
    Fill {
        quantity: Quantity,
        value: Decimal,
    },
    Unfoldable(String),
}

fn news(slot: &Slot, to: &Addressee<'_>, fill: &Fill) -> Result<News, Rejection> {
    if let Err(wrong) = slot.instrument.check_price("fill price", fill.price) {
        return Ok(News::Unfoldable(wrong.to_string()));
    }
    let value = match slot.instrument.value("a fill's cash", fill.quantity, fill.price) {
        Ok(value) => value,
        Err(wrong) => return Ok(News::Unfoldable(wrong.to_string())),
    };
    let mixed = |order: &Order, found| Reason::MixedSources { order: order.client_id, found };
    match (&fill.shape, to.order) {
        (Shape::Trade { .. }, Some(order)) if order.source == FillSource::Cumulative => {
            Err(mixed(order, "cumulative figures").into())
        }
        (Shape::Trade { .. }, None) if to.finished.is_some_and(|f| f.source == FillSource::Cumulative) => {
            // What this trade did is in the figure that finished the order.
            let order = to.finished.map_or_else(|| "".into(), |f| f.order.to_string());
            Ok(News::Unfoldable(format!("a trade of order {order}, which was fed by cumulative figures")))
        }
        (Shape::Trade { .. }, _) => Ok(News::Fill { quantity: fill.quantity, value }),
        // An earlier figure of a finished order, come late: it is in the figure that finished it.
        (Shape::Cumulative, None) if to.finished.is_some_and(|f| fill.quantity <= f.booked) => {
            Ok(News::Nothing)
        }
        (Shape::Cumulative, None) => {
            Ok(News::Unfoldable("a cumulative figure of an order that is not known here".into()))
        }
        (Shape::Cumulative, Some(order)) if order.source == FillSource::Trades => {
            Err(mixed(order, "trades").into())
        }
        (Shape::Cumulative, Some(order)) if fill.quantity <= order.booked || fault("figures_lost") => {
            Ok(News::Nothing)
        }
        (Shape::Cumulative, Some(order)) => {
            let value = exact_sub("a fill's cash", value, order.booked_value);
            match value.and_then(|value| Ok((fill.quantity.minus(order.booked)?, value))) {
                Ok((quantity, value)) => Ok(News::Fill { quantity, value }),
                Err(wrong) => Ok(News::Unfoldable(wrong.to_string())),
            }
        }
    }
}

/// Books a fill: opens, adds, reduces, closes, or flips. A flip is a close and an open at one price, fee split by
/// quantity, published together (R14).
fn fold(
    ask: &Ask<'_>,
    slot: &Slot,
    to: &Addressee<'_>,
    fill: &Fill,
    seen: Seen,
    quantity: Quantity,
    value: Decimal,
) -> Result<Decision, Rejection> {
    let mut notes = Notes::from_slice(&to.notes);
    let mut key = ask.key(slot, to.key);
    if let Some(order) = to.order.filter(|order| key.order(order.client_id).is_none()) {
        key.orders.push(Arc::new(order.clone()));
    }
    let (traded, paid) = (quantity, value);
    let (quantity, value) = held(slot, fill, quantity, value)?;
    if let Dated::Before(report) = baseline::dated(ask, &key, claims(ask, to), fill) {
        if let Some(order) = to.order {
            feed(&mut key, order.client_id, traded, paid, fill)?;
        }
        return baseline::replace(ask, slot, key, report, fill, seen, (quantity, value));
    }
    remark(&key, to.order, fill, traded, &mut notes);
    let before = slot.key(to.key);
    let open = before.and_then(|before| before.position.as_ref());
    let kind = match open {
        None => Kind::Opened,
        Some(p) if p.side.entry() == fill.side => Kind::ScaledIn,
        Some(p) if quantity < p.quantity => Kind::ScaledOut,
        Some(_) => Kind::Closed,
    };

    // A fill that is more than what stands against it closes that first, with its share of cash and fee.
    let closed = open.filter(|p| kind == Kind::Closed && quantity > p.quantity).map(|p| p.quantity);
    let Some(closed) = closed else {
        let part = Part { quantity, value, fees: &fill.fees };
        book(ask, slot, &mut key, to, fill, kind, &part, ask.next, &mut notes)?;
        settle(ask, slot, &mut key, to, traded, paid, fill, &mut notes)?;
        check_totals(ask, slot, &key)?;
        return Ok(booked(smallvec::smallvec![sealed(ask.next, before, kind, key)], seen, notes));
    };
    let scale = slot.instrument.money_scale();
    let rest = quantity.minus(closed)?;
    let closing = share_rounded(value, closed, quantity, scale)?;
    let opening = exact_sub("a flip", value, closing)?;
    let (mut closing_fees, mut opening_fees) = (Sums::default(), Sums::default());
    for (currency, fee) in fill.fees.iter() {
        let part = share_rounded(fee, closed, quantity, scale.max(fee.scale())).unwrap_or(fee);
        closing_fees.add(currency, part)?;
        opening_fees.add(currency, exact_sub("a flip", fee, part)?)?;
    }
    let first = Part { quantity: closed, value: closing, fees: &closing_fees };
    let rest = Part { quantity: rest, value: opening, fees: &opening_fees };
    book(ask, slot, &mut key, to, fill, Kind::Closed, &first, ask.next, &mut notes)?;
    check_totals(ask, slot, &key)?;
    let closes = sealed(ask.next, before, Kind::Closed, key);
    // The second change starts from what the first left.
    let Effect::Key { after: flat, .. } = &closes else {
        return Err(Reason::NumericRange { what: "a flip" }.into());
    };
    let (flat, mut key) = (Arc::clone(flat), (**flat).clone());
    let opens = ask.next.after(1);
    book(ask, slot, &mut key, to, fill, Kind::Opened, &rest, opens, &mut notes)?;
    settle(ask, slot, &mut key, to, traded, paid, fill, &mut notes)?;
    check_totals(ask, slot, &key)?;
    let opened = sealed(opens, Some(&flat), Kind::Opened, key);
    Ok(booked(smallvec::smallvec![closes, opened], seen, notes))
}

/// What of a fill moves the position, and at what value. On a spot market a fee in the base currency is taken from what is held: a
/// buy leaves less than was traded, a sell takes more, both at the fill's price. The fee is booked in its own currency, so cash
/// is that of the quantity that moved (R17); the order is fed what was traded.
fn held(slot: &Slot, fill: &Fill, traded: Quantity, paid: Decimal) -> Result<(Quantity, Decimal), Rejection> {
    if slot.instrument.kind() != ContractKind::Spot {
        return Ok((traded, paid));
    }
    let fee = fill.fees.of(slot.instrument.base());
    if fee.is_zero() {
        return Ok((traded, paid));
    }
    let worth = slot.instrument.value("a fee in the base currency", Quantity::new(fee.abs())?, fill.price)?;
    // A rebate is the other way round.
    let less = (fill.side == Side::Long.entry()) == (fee > Decimal::ZERO);
    let signed = |amount: Decimal| if less { -amount } else { amount };
    let moved = exact_add("what a fee leaves of a fill", traded.get(), signed(fee.abs()))?;
    let moved = Quantity::new(moved).ok().filter(|moved| !moved.is_zero());
    let moved = moved.ok_or(Reason::OutOfRange {
        what: "fee",
        value: fee,
        rule: "in the base currency takes all that was bought",
    })?;
    Ok((moved, exact_add("a fill's cash", paid, signed(worth))?))
}

/// A part of a fill: all of it, or the two halves of a flip.
struct Part<'a> {
    quantity: Quantity,
    value: Decimal,
    fees: &'a Sums,
}

/// Moves one position by one part of a fill; conservation holds after every one (R17).
#[allow(clippy::too_many_arguments)]
fn book(
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
fn birth(
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

pub(super) fn new_position(
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
    }
}

/// Notes the fill on its order, and finishes the order if that was what it waited for (R2).
#[allow(clippy::too_many_arguments)]
fn settle(
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
fn feed<'a>(
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
fn remark(
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
    if quantity > order.remaining() {
        notes.push(FillNote::Overfilled);
    }
    if order.against != key.position.as_ref().map(|p| p.id) {
        notes.push(FillNote::OtherLife);
    }
}

/// The effects of a booked fill: the first change carries what is remembered of it.
pub(super) fn booked(
    mut effects: SmallVec<[Effect; 2]>,
    seen: Seen,
    notes: SmallVec<[FillNote; 2]>,
) -> Decision {
    let answer = Answer::Fill(FillOutcome::Booked { notes: Notes::from_slice(&notes) });
    if let Some(Effect::Key { seen: place, notes: remarks, .. }) = effects.first_mut() {
        *place = Some(seen);
        *remarks = notes;
    }
    Decision { effects, answer }
}

/// Whether the whole book's sums can still be exact with this value in place.
pub(super) fn check_totals(ask: &Ask<'_>, slot: &Slot, after: &KeyState) -> Result<(), Rejection> {
    ask.state.totals().can_be_replaced(slot.key(after.key), after, &slot.instrument)
}

/// Keeps a fill that cannot be folded, remembers it, and blocks its key for new risk (R4).
fn unbooked(
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

fn stray(fill: &Fill, seen: Seen) -> Decision {
    let why = format!("no instrument {} is registered", fill.instrument);
    let effect = Effect::Stray { fill: Arc::new(fill.clone()), seen, why: why.clone() };
    Decision::one(effect, Answer::Fill(FillOutcome::Unbooked { why }))
}

/// The same identity with other content: what was booked stays, and a person has to look (R3).
fn conflict(ask: &Ask<'_>, slot: &Slot, fill: &Fill, seen: Seen) -> Decision {
    let key = addressee(ask, slot, fill).key;
    let detail = format!("{} (trade {:032x}, content {:016x})", describe(fill), seen.identity, seen.content);
    let trouble = Trouble { kind: TroubleKind::FillConflict, since: ask.next, detail, order: None };
    block(ask, slot, key, trouble, FillOutcome::Conflict)
}

/// Blocks a key, once for one thing that is wrong.
fn block(ask: &Ask<'_>, slot: &Slot, key: PositionKey, trouble: Trouble, outcome: FillOutcome) -> Decision {
    let mut after = ask.key(slot, key);
    if after.troubles.iter().any(|t| t.kind == trouble.kind && t.detail == trouble.detail) {
        return Decision::nothing(Answer::Fill(outcome));
    }
    add(&mut after, trouble);
    Decision::one(ask.change(slot, Kind::Unbooked, after), Answer::Fill(outcome))
}

pub(super) fn add_trouble(key: &mut KeyState, kind: TroubleKind, since: Sequence, detail: String) {
    add(key, Trouble { kind, since, detail, order: None });
}

fn add(key: &mut KeyState, trouble: Trouble) {
    /// A venue that repeats one fault for ever must not fill the memory: beyond this many the last one is replaced.
    const MOST: usize = 16;
    if key.troubles.len() >= MOST {
        key.troubles.truncate(MOST - 1);
    }
    key.troubles.push(Arc::new(trouble));
}

fn describe(fill: &Fill) -> String {
    let name = match (&fill.shape, &fill.order) {
        (Shape::Trade { id }, OrderRef::Ours(order)) => format!("trade {id} of order {order}"),
        (Shape::Trade { id }, OrderRef::Foreign(order)) => format!("trade {id} of the venue's order {order}"),
        (Shape::Trade { id }, OrderRef::Unstated) => format!("trade {id}"),
        (Shape::Cumulative, OrderRef::Ours(order)) => format!("order {order} so far"),
        (Shape::Cumulative, _) => "an order so far".to_owned(),
    };
    format!("{name}: {} {} @ {}", fill.side, fill.quantity, fill.price)
}

/// Identity: (instrument, order, trade id), or (instrument, order, cumulative quantity). Content: what it says.
///
/// Every part is preceded by what tells it from another in its place, and by its length where that varies. Numbers carry no
/// trailing zeros, so equal ones have equal bytes.
fn fingerprint(fill: &Fill) -> Seen {
    let mut identity = Bytes::new();
    identity.put(fill.instrument.0.to_le_bytes());
    match &fill.order {
        OrderRef::Ours(id) => {
            identity.put([0]);
            identity.put(id.book.to_le_bytes());
            identity.put(id.epoch.to_le_bytes());
            identity.put(id.sequence.0.to_le_bytes());
        }
        OrderRef::Foreign(name) => identity.put_text(1, name.as_str()),
        OrderRef::Unstated => identity.put([2]),
    }
    match &fill.shape {
        Shape::Trade { id } => identity.put_text(0, id.as_str()),
        Shape::Cumulative => {
            identity.put([1]);
            identity.put(fill.quantity.get().serialize());
        }
    }
    let mut content = Bytes::new();
    content.put([u8::from(fill.side == Side::Long.entry())]);
    content.put(fill.quantity.get().serialize());
    content.put(fill.price.get().serialize());
    for (currency, fee) in fill.fees.iter() {
        content.put_text(0, currency.as_str());
        content.put(fee.serialize());
    }
    Seen {
        identity: xxhash_rust::xxh3::xxh3_128(identity.all()),
        content: xxhash_rust::xxh3::xxh3_64(content.all()),
        venue_time: fill.venue_time,
    }
}

/// What is hashed, in one piece: for so little that is much cheaper than a streaming hasher. What does not fit is folded
/// into a fingerprint of what is there already.
struct Bytes {
    bytes: [u8; 192],
    length: usize,
}

impl Bytes {
    fn new() -> Self {
        Self { bytes: [0; 192], length: 0 }
    }

    fn all(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// What is there becomes its own fingerprint if another so many bytes would not fit.
    fn make_room(&mut self, length: usize) {
        if self.length + length > self.bytes.len() {
            let so_far = xxhash_rust::xxh3::xxh3_128(self.all()).to_le_bytes();
            self.length = 0;
            self.put(so_far);
        }
    }

    /// A part of fixed length: a store, and no call.
    fn put<const N: usize>(&mut self, part: [u8; N]) {
        self.make_room(N);
        if let Some(place) = self.bytes.get_mut(self.length..).and_then(<[u8]>::first_chunk_mut) {
            *place = part;
            self.length += N;
        }
    }

    /// A name has at most 64 bytes.
    fn put_text(&mut self, tag: u8, text: &str) {
        self.put([tag, u8::try_from(text.len()).unwrap_or(u8::MAX)]);
        self.make_room(text.len());
        if let Some(place) = self.bytes.get_mut(self.length..self.length + text.len()) {
            place.copy_from_slice(text.as_bytes());
            self.length += text.len();
        }
    }
}
