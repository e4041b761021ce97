//! What the book has on a leg, and what orders in flight may make of it (R9).

use rust_decimal::Decimal;

use crate::book::Snapshot;
use crate::model::{InstrumentId, Leg, Owner, PositionKey, Quantity, Side};
use crate::sync::fault;

/// A leg over all its owners. Quantities are signed, a short negative.
pub(super) struct Band {
    pub(super) booked: Decimal,
    pub(super) low: Decimal,
    pub(super) high: Decimal,
    /// Orders are in flight.
    pub(super) busy: bool,
    /// The keys on which something stands.
    pub(super) owners: Vec<PositionKey>,
}

impl Band {
    /// What is in doubt may still fill in full, what settles lacks what the venue's final figure says.
    pub(super) fn of(view: &Snapshot, id: InstrumentId, leg: Leg) -> Self {
        let zero = Decimal::ZERO;
        let mut band = Self { booked: zero, low: zero, high: zero, busy: false, owners: Vec::new() };
        let (mut bought, mut sold, mut covers, mut takes_off) = (zero, zero, zero, zero);
        let counts = |key: PositionKey| key.owner == Owner::UNOWNED || !fault("owners_apart");
        let here = |key: PositionKey| key.leg == leg && counts(key);
        for key in view.keys_of(id).filter(|k| here(k.key)) {
            band.booked += key.position.as_ref().map_or(Decimal::ZERO, |p| signed(p.side, p.quantity));
            if key.position.is_some() || !key.orders.is_empty() {
                band.owners.push(key.key);
            }
            for order in &key.orders {
                band.busy = true;
                let way = match (order.intent.increases(), order.side.opens()) {
                    (true, Side::Long) => &mut bought,
                    (true, Side::Short) => &mut sold,
                    (false, Side::Long) => &mut covers,
                    (false, Side::Short) => &mut takes_off,
                };
                *way += order.remaining().get();
            }
        }
        // Reductions go out reduce-only: they end at flat, whatever they still ask for.
        band.low = (band.booked - takes_off).max(band.booked.min(zero)) - sold;
        band.high = (band.booked + covers).min(band.booked.max(zero)) + bought;
        if band.busy && fault("busy_skipped") {
            (band.low, band.high) = (Decimal::MIN, Decimal::MAX);
        }
        band
    }
}

pub(super) fn signed(side: Side, quantity: Quantity) -> Decimal {
    match side {
        Side::Long => quantity.get(),
        Side::Short => -quantity.get(),
    }
}
