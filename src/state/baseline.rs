//! Fills from before the report that a key was adopted or dropped by (R8). Their quantity was in the report already;
//! their money is booked all the same, in the place of what the report made us assume.
//!
//! What late fills come to is folded as if it were a position, in two places that are not one: what they explain of an
//! adoption stands in the adopted position, and everything else stands in the *gap*, whose cost is in `unexplained`. So
//! `cash = realised - s x C + unexplained` holds after each of them (R17), and the gap is exactly empty once both halves
//! of everything have come.

use rust_decimal::{Decimal, RoundingStrategy};

use super::Slot;
use super::decide::{Ask, Decision, sealed};
use super::fills::{booked, check_totals};
use crate::error::Rejection;
use crate::model::{
    Baseline, Fill, FillNote, Instrument, KeyState, Kind, Lot, OrderRef, PositionId, Quantity, Seen, Side,
    Synthetic, exact_add, exact_sub, share_rounded,
};
use crate::sync::Arc;

/// Where a fill stands to the report that its key was adopted or dropped by.
pub(super) enum Dated {
    /// Before it: its quantity was in the report.
    Before(Arc<Baseline>),
    /// After it, or there was none.
    After,
    /// The report, or the fill, states no time.
    NobodyKnows,
}

/// `unresolved`: an order of ours on this key still waits for the fill.
pub(super) fn dated(ask: &Ask<'_>, key: &KeyState, unresolved: bool, fill: &Fill) -> Dated {
    let Some(baseline) = &key.baseline else { return Dated::After };
    // An adoption or a drop finds no unresolved order on its key, so an order of ours that has one is younger, whatever
    // the venue's clock says.
    if let OrderRef::Ours(id) = fill.order {
        // Sequences of another book or another run say nothing about this one.
        let this_run = id.book == ask.state.settings().book && id.epoch == baseline.id.epoch;
        if unresolved || (this_run && id.sequence > baseline.id.sequence) {
            return Dated::After;
        }
    }
    match (fill.venue_time, baseline.time) {
        (Some(fill), Some(report)) if fill <= report => Dated::Before(Arc::clone(baseline)),
        (Some(_), Some(_)) => Dated::After,
        _ => Dated::NobodyKnows,
    }
}

/// Books the money and the fees of such a fill; no quantity moves.
pub(super) fn replace(
    ask: &Ask<'_>,
    slot: &Slot,
    mut key: KeyState,
    mut baseline: Arc<Baseline>,
    fill: &Fill,
    seen: Seen,
    (quantity, value): (Quantity, Decimal),
) -> Result<Decision, Rejection> {
    let before = slot.key(key.key);
    for (currency, fee) in fill.fees.iter() {
        key.ledger.fees.add(currency, fee)?;
    }
    let late = Late { side: fill.side.opens(), quantity, value, instrument: &slot.instrument };
    late.explain(&mut key, Arc::make_mut(&mut baseline))?;
    // A baseline that is explained whole still dates the key: older fills move no quantity.
    key.baseline = Some(baseline);
    key.ledger.fills = key.ledger.fills.saturating_add(1);
    check_totals(ask, slot, &key)?;
    let effect = sealed(ask.next, slot, before, Kind::Replaced, key);
    Ok(booked(smallvec::smallvec![effect], seen, smallvec::smallvec![FillNote::Replaced]))
}

/// A late fill, or what is left of it while its parts are handed out.
struct Late<'a> {
    side: Side,
    quantity: Quantity,
    value: Decimal,
    instrument: &'a Instrument,
}

impl Late<'_> {
    fn explain(mut self, key: &mut KeyState, baseline: &mut Baseline) -> Result<(), Rejection> {
        match &mut baseline.adopted {
            Some(adopted) if adopted.side == self.side => {
                let (part, real) = self.take(adopted.quantity)?;
                if !part.is_zero() {
                    let assumed = self.assumed(adopted, part)?;
                    (adopted.explained, _) = self.fold(adopted.explained, part, real)?;
                    adopted.quantity = adopted.quantity.minus(part)?;
                    let more = exact_sub("an adopted part", real, assumed)?;
                    self.correct(key, baseline.id, adopted, more)?;
                }
            }
            // Against the adopted side: the exit that a dropped position waits for; or an older life's, whose entry has
            // been taken for the adopted one's and is given back to it.
            Some(adopted) => {
                let waiting = baseline.gap.filter(|gap| gap.side != self.side);
                let (part, value) = self.take(waiting.map_or(Quantity::ZERO, |gap| gap.quantity))?;
                self.add_to_gap(key, &mut baseline.gap, part, value)?;
                let explained = adopted.explained.map_or(Quantity::ZERO, |lot| lot.quantity);
                let (part, value) = self.take(explained)?;
                if !part.is_zero() {
                    let assumed = self.assumed(adopted, part)?;
                    let had = adopted.explained.map_or(Decimal::ZERO, |lot| lot.cost);
                    let (rest, profit) = self.fold(adopted.explained, part, value)?;
                    let gone = exact_sub("an adopted part", had, rest.map_or(Decimal::ZERO, |lot| lot.cost))?;
                    adopted.explained = rest;
                    adopted.quantity = adopted.quantity.plus(part)?;
                    key.ledger.cash = exact_add("the cash of a key", key.ledger.cash, profit)?;
                    key.ledger.realised = exact_add("realised profit", key.ledger.realised, profit)?;
                    let more = exact_sub("an adopted part", assumed, gone)?;
                    self.correct(key, baseline.id, adopted, more)?;
                }
            }
            None => {}
        }
        let (part, value) = self.take(self.quantity)?;
        self.add_to_gap(key, &mut baseline.gap, part, value)
    }

    /// Takes at most so many contracts out, with their share of the value; the last part takes what is left (R17).
    fn take(&mut self, most: Quantity) -> Result<(Quantity, Decimal), Rejection> {
        let part = most.min(self.quantity);
        let value = match part {
            _ if part.is_zero() => Decimal::ZERO,
            _ if part == self.quantity => self.value,
            _ => share_rounded(self.value, part, self.quantity, self.instrument.money_scale())?,
        };
        self.quantity = self.quantity.minus(part)?;
        self.value = exact_sub("a late fill", self.value, value)?;
        Ok((part, value))
    }

    /// What a part was booked at when it was adopted.
    fn assumed(&self, adopted: &Synthetic, part: Quantity) -> Result<Decimal, Rejection> {
        self.instrument.value("an adopted part", part, adopted.entry)
    }

    /// The adopted cost was `more` than assumed. What reductions have taken out since was taken out at the wrong price:
    /// that share is realised.
    fn correct(
        &self,
        key: &mut KeyState,
        adopted_as: PositionId,
        adopted: &Synthetic,
        more: Decimal,
    ) -> Result<(), Rejection> {
        let scale = self.instrument.money_scale();
        let signed = |amount: Decimal| if adopted.side == Side::Long { amount } else { -amount };
        key.ledger.cash = exact_sub("the cash of a key", key.ledger.cash, signed(more))?;
        let mut gone = more;
        if let Some(open) = key.position.as_mut().filter(|p| p.id == adopted_as) {
            let stays = more.checked_mul(adopted.kept).unwrap_or_default();
            let stays = stays.round_dp_with_strategy(scale, RoundingStrategy::MidpointNearestEven);
            gone = exact_sub("an adopted part", more, stays)?;
            open.cost = exact_add("the cost of a position", open.cost, stays)?;
            open.realised = exact_sub("realised profit", open.realised, signed(gone))?;
        }
        key.ledger.realised = exact_sub("realised profit", key.ledger.realised, signed(gone))?;
        Ok(())
    }

    /// Folds a part into the gap: its cash moved, and what of it is in no position and not realised is unexplained.
    fn add_to_gap(
        &self,
        key: &mut KeyState,
        gap: &mut Option<Lot>,
        part: Quantity,
        value: Decimal,
    ) -> Result<(), Rejection> {
        if part.is_zero() {
            return Ok(());
        }
        let ledger = &mut key.ledger;
        let cash = if self.side == Side::Long { -value } else { value };
        let before = gap.map_or(Decimal::ZERO, |lot| lot.signed_cost());
        let (after, profit) = self.fold(*gap, part, value)?;
        let moved =
            exact_sub("what is unexplained", before, after.map_or(Decimal::ZERO, |l| l.signed_cost()))?;
        ledger.cash = exact_add("the cash of a key", ledger.cash, cash)?;
        ledger.realised = exact_add("realised profit", ledger.realised, profit)?;
        ledger.unexplained = exact_add("what is unexplained", ledger.unexplained, moved)?;
        *gap = after;
        Ok(())
    }

    /// A part of this fill on a lot: adds, reduces, closes or flips, as on a position. What is left, and the profit.
    fn fold(
        &self,
        lot: Option<Lot>,
        part: Quantity,
        value: Decimal,
    ) -> Result<(Option<Lot>, Decimal), Rejection> {
        let scale = self.instrument.money_scale();
        let Some(lot) = lot else {
            return Ok((Some(Lot { side: self.side, quantity: part, cost: value }), Decimal::ZERO));
        };
        if lot.side == self.side {
            let (quantity, cost) = (lot.quantity.plus(part)?, exact_add("a late fill", lot.cost, value)?);
            return Ok((Some(Lot { quantity, cost, ..lot }), Decimal::ZERO));
        }
        let profit = |value, cost| match lot.side {
            Side::Long => exact_sub("realised profit", value, cost),
            Side::Short => exact_sub("realised profit", cost, value),
        };
        if part < lot.quantity {
            let share = share_rounded(lot.cost, part, lot.quantity, scale)?;
            let cost = exact_sub("a late fill", lot.cost, share)?;
            let rest = Lot { quantity: lot.quantity.minus(part)?, cost, ..lot };
            return Ok((Some(rest), profit(value, share)?));
        }
        if part == lot.quantity {
            return Ok((None, profit(value, lot.cost)?));
        }
        let closing = share_rounded(value, lot.quantity, part, scale)?;
        let cost = exact_sub("a late fill", value, closing)?;
        let rest = Lot { side: self.side, quantity: part.minus(lot.quantity)?, cost };
        Ok((Some(rest), profit(closing, lot.cost)?))
    }
}
