//! Fills: the primary write. They alone move quantity (R2), each is booked exactly once (R3), and none is ever lost
//! (R4): what cannot be folded is kept as it came, and its key is blocked for new risk.

mod addressee;
mod booking;
mod bust;
mod fingerprint;
mod news;
mod settle;
mod unbooked;

use rust_decimal::Decimal;
use smallvec::SmallVec;

use self::addressee::{Addressee, addressee, claims, forgotten, position_id};
pub(super) use self::booking::new_position;
use self::booking::{Part, book};
pub(super) use self::bust::bust;
use self::fingerprint::{fingerprint, withdrawn};
use self::news::{Age, News, age, news};
use self::settle::{feed, remark, settle};
pub(super) use self::unbooked::add_trouble;
use self::unbooked::{block, conflict, describe, stray, unbooked};
use super::baseline::Dated;
use super::decide::{Answer, Ask, Decision, FillOutcome, sealed};
use super::{Slot, baseline};
use crate::error::{Reason, Rejection};
use crate::model::{
    Command, ContractKind, Effect, Fill, FillNote, KeyState, Kind, Notes, Order, Quantity, Seen, Side, Sums,
    Trouble, TroubleKind, exact_add, exact_sub, share_rounded,
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
    let known = slot.seen(seen.identity).filter(|_| !fault("no_ring"));
    if let Some(known) = known {
        let taken_back = |seen: Seen| slot.seen(withdrawn(seen).identity).is_some();
        // The trade would be gone and its first version called a duplicate: nobody would see that it is missing.
        if taken_back(seen) && is_put_in_place_of(ask, fill, *known) {
            let rule = "says what was taken back before; as a trade of another id it can be booked";
            return Err(Reason::OutOfRange { what: "correction", value: fill.quantity.get(), rule }.into());
        }
        if known.content == seen.content || taken_back(seen) {
            return Ok(duplicate());
        }
        // The venue says something else of a trade: only if it has taken back what it said before.
        if !taken_back(*known) {
            return Ok(conflict(ask, slot, fill, seen));
        }
    }
    let mut to = addressee(ask, slot, fill);
    if known.is_some() {
        to.notes.retain(|note| *note != FillNote::AfterFinal);
        to.notes.push(FillNote::Corrected);
    }
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
    let age = if known.is_some() { Age::News } else { age(ask, slot, &to, seen, fill) };
    match age {
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
    let quantity = match to.order {
        Some(order) if fault("requested_booked") => order.quantity,
        _ => quantity,
    };
    match fold(ask, slot, &to, fill, seen, quantity, value) {
        Ok(decision) => Ok(decision),
        // Range, precision, overflow: money moved all the same (R4).
        Err(refused) => Ok(unbooked(ask, slot, &to, fill, seen, refused.to_string())),
    }
}

/// Whether the fill that stood until now is taken back with the same command, and this one is to replace it.
fn is_put_in_place_of(ask: &Ask<'_>, fill: &Fill, stood: Seen) -> bool {
    matches!(&ask.cause.command, Command::Bust(bust) if bust.fill != *fill && {
        let seen = fingerprint(&bust.fill);
        (seen.identity, seen.content) == (stood.identity, stood.content)
    })
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
    if let Some(order) = to
        .order
        .filter(|order| ask.state.has_forgotten(order.client_id) && key.order(order.client_id).is_none())
    {
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
        return Ok(booked(smallvec::smallvec![sealed(ask.next, slot, before, kind, key)], seen, notes));
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
    let closes = sealed(ask.next, slot, before, Kind::Closed, key);
    // The second change starts from what the first left.
    let Effect::Key { after: flat, .. } = &closes else {
        return Err(Reason::NumericRange { what: "a flip" }.into());
    };
    let (flat, mut key) = (Arc::clone(flat), (**flat).clone());
    let opens = ask.next.after(1);
    book(ask, slot, &mut key, to, fill, Kind::Opened, &rest, opens, &mut notes)?;
    settle(ask, slot, &mut key, to, traded, paid, fill, &mut notes)?;
    check_totals(ask, slot, &key)?;
    let opened = sealed(opens, slot, Some(&flat), Kind::Opened, key);
    Ok(booked(smallvec::smallvec![closes, opened], seen, notes))
}

/// What of a fill moves the position, and at what value. On a spot market a fee in the base currency is taken from what is held: a
/// buy leaves less than was traded, a sell takes more, both at the price of what is new: a cumulative figure states only the
/// average so far. The fee is booked in its own currency, so cash is that of the quantity that moved (R17); the order is fed what
/// was traded.
fn held(slot: &Slot, fill: &Fill, traded: Quantity, paid: Decimal) -> Result<(Quantity, Decimal), Rejection> {
    if slot.instrument.kind() != ContractKind::Spot {
        return Ok((traded, paid));
    }
    let fee = fill.fees.of(slot.instrument.base());
    if fee.is_zero() {
        return Ok((traded, paid));
    }
    let worth = share_rounded(paid, Quantity::new(fee.abs())?, traded, slot.instrument.money_scale())?;
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
