//! The answering side of the paper venue: what it says of orders, fills and positions. Reads, listings, and the
//! ending of orders on request; it makes no trade.

use std::task::Waker;

use rust_decimal::{Decimal, RoundingStrategy};

use super::exchange::Exchange;
use super::ledger::{Exposure, PaperAccount};
use super::orders::{Listing, PaperStats};
use crate::error::{Reason, Rejection};
use crate::model::{ClientOrderId, Instrument, Leg, Price, Quantity, Side, Symbol, Timestamp};
use crate::sync::Arc;
use crate::venue::api::{
    Answer, Completeness, FillCursor, FillPage, OrderStatus, Outcome, Scope, VenueFill, VenuePosition,
    VenueReport,
};

/// The most fills of one page.
const PAGE: usize = 500;

impl Exchange {
    // ---- orders

    pub(super) fn status(&self, id: ClientOrderId) -> OrderStatus {
        self.orders.get(&id).map_or(OrderStatus::Unknown, |order| order.status())
    }

    pub(super) fn cancel(&mut self, id: ClientOrderId) -> OrderStatus {
        self.end(id, Outcome::Cancelled);
        self.status(id)
    }

    /// What there is to say of an order now.
    pub(super) fn answer(&self, id: ClientOrderId) -> Answer {
        let places = self.orders.get(&id).map(|order| order.fills.as_slice()).unwrap_or_default();
        let fills = places.iter().filter_map(|place| self.fills.get(*place)).cloned().collect();
        Answer { status: self.status(id), fills }
    }

    /// The answer to an order that is over. `None`: it is not, and the waker was kept; `waker` is then the one it
    /// replaced, to be dropped outside the lock.
    pub(super) fn answer_or_wait(&mut self, id: ClientOrderId, waker: &mut Option<Waker>) -> Option<Answer> {
        match self.orders.get_mut(&id) {
            Some(order) if order.outcome.is_none() => {
                std::mem::swap(&mut order.waker, waker);
                None
            }
            _ => Some(self.answer(id)),
        }
    }

    pub(super) fn open_orders(&self) -> Vec<ClientOrderId> {
        self.orders.iter().filter(|(_, order)| order.outcome.is_none()).map(|(id, _)| *id).collect()
    }

    // ---- the account

    pub(super) fn fills_since(&self, cursor: FillCursor) -> FillPage {
        let start = usize::try_from(cursor.0).unwrap_or(usize::MAX).min(self.fills.len());
        let fills: Vec<VenueFill> = self.fills.iter().skip(start).take(PAGE).cloned().collect();
        let next = u64::try_from(start.saturating_add(fills.len())).unwrap_or(u64::MAX);
        FillPage { fills, next: FillCursor(next) }
    }

    pub(super) fn report(&mut self, scope: Scope) -> VenueReport {
        if let Some(scripted) = self.script.pop_front() {
            return scripted;
        }
        let mut completeness = Completeness::Complete;
        let mut rows = Vec::new();
        for (symbol, leg, exposure) in self.books.open().filter(|(symbol, ..)| scope.covers(symbol)) {
            match row(symbol, leg, exposure) {
                Some(row) => rows.push(row),
                None => {
                    completeness =
                        Completeness::Partial(format!("{symbol} cannot be put into a report's digits"))
                }
            }
        }
        VenueReport { scope, completeness, venue_time: Some(self.now), rows }
    }

    pub(super) fn script(&mut self, report: VenueReport) {
        self.script.push_back(report);
    }

    pub(super) fn accounts(&self) -> Vec<PaperAccount> {
        self.books.accounts()
    }

    pub(super) fn stats(&self) -> PaperStats {
        self.stats
    }

    // ---- the market

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) fn instruments(&self) -> Vec<Instrument> {
        self.listings.values().map(|listing| Instrument::clone(&listing.instrument)).collect()
    }

    pub(super) fn list(&mut self, instrument: Instrument) -> Result<(), Rejection> {
        let symbol = instrument.symbol().clone();
        let Some(listing) = self.listings.get_mut(&symbol) else {
            self.listings.insert(symbol, Listing::new(instrument));
            return Ok(());
        };
        let (old, new) = (listing.instrument.spec(), instrument.spec());
        let fixed = [
            ("kind", old.kind == new.kind),
            ("contract size", old.contract_size == new.contract_size),
            ("base currency", old.base == new.base),
            ("quote currency", old.quote == new.quote),
            ("settle currency", old.settle == new.settle),
        ];
        if let Some((field, _)) = fixed.into_iter().find(|(_, same)| !same) {
            return Err(Reason::InstrumentFixed { symbol: symbol.to_string(), field }.into());
        }
        listing.instrument = Arc::new(instrument);
        Ok(())
    }

    /// Wakers of everybody whose order ended, to be woken outside the lock.
    pub(super) fn take_woken(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.woken)
    }
}

/// A leg as a row of the report, its average rounded to 16 significant digits, which every price can hold.
fn row(symbol: &Symbol, leg: Leg, exposure: Exposure) -> Option<VenuePosition> {
    let side = if exposure.quantity > Decimal::ZERO { Side::Long } else { Side::Short };
    let entry = exposure.entry.round_sf_with_strategy(16, RoundingStrategy::MidpointNearestEven)?;
    let entry = entry.round_dp_with_strategy(18, RoundingStrategy::MidpointNearestEven);
    Some(VenuePosition {
        symbol: symbol.clone(),
        leg,
        side,
        quantity: Quantity::new(exposure.quantity.abs()).ok()?,
        entry: Price::new(entry).ok()?,
        leverage: exposure.leverage,
    })
}
