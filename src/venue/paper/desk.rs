//! The answering side of the paper venue: what it says of orders, fills and positions, truthfully or not. Reads and
//! listings; it makes no trade.

use std::task::Waker;
use std::time::Duration;

use rust_decimal::{Decimal, RoundingStrategy};

use super::exchange::Exchange;
use super::faults::Fault;
use super::ledger::{Exposure, MEMORY_MS, PaperAccount};
use super::orders::{Listing, PaperStats};
use crate::error::{Reason, Rejection};
use crate::model::{ClientOrderId, Instrument, Leg, Price, Quantity, Side, Symbol, Timestamp};
use crate::sync::Arc;
use crate::venue::api::{
    Answer, Completeness, FillCursor, FillPage, OrderStatus, Scope, VenueError, VenuePosition, VenueReport,
};

/// What a venue says to whoever asks too often.
const TOO_MANY: &str = "429 too many requests";

impl Exchange {
    // ---- orders

    pub(super) fn status(&self, id: ClientOrderId) -> OrderStatus {
        self.orders.get(&id).map_or(OrderStatus::Unknown, |order| order.status())
    }

    /// What the venue says when it is asked for an order.
    pub(super) fn told_status(&mut self, id: ClientOrderId) -> Result<OrderStatus, VenueError> {
        self.not_limited()?;
        let truth = self.status(id);
        let Some(order) = self.orders.get_mut(&id) else { return Ok(truth) };
        order.asked += 1;
        let ago = self.odds.stale_status(id.sequence, order.asked);
        let told = ago.map_or_else(|| truth.clone(), |ago| order.status_at(before(self.now, ago)));
        if told != truth {
            self.struck(Fault::StaleStatus);
        }
        Ok(told)
    }

    /// What there is to say of an order now, with the fills that were delivered.
    pub(super) fn standing(&self, id: ClientOrderId) -> Answer {
        let order = self.orders.get(&id);
        let fills = order.map(|order| self.messages.delivered(&order.fills)).unwrap_or_default();
        Answer { status: self.status(id), fills }
    }

    /// The answer to an order that can be had. `None`: it cannot yet, and the waker was kept; `waker` is then the one it
    /// replaced, to be dropped outside the lock.
    pub(super) fn answer_or_wait(
        &mut self,
        id: ClientOrderId,
        waker: &mut Option<Waker>,
    ) -> Option<Result<Answer, VenueError>> {
        let Some(order) = self.orders.get_mut(&id) else { return Some(Ok(self.standing(id))) };
        if !order.answered {
            std::mem::swap(&mut order.waker, waker);
            return None;
        }
        Some(if order.answer_lost() {
            Err(VenueError::new(format!("timed out: no answer to order {id}")))
        } else if order.accepted && order.fate.rests.is_some() {
            Ok(Answer { status: OrderStatus::Working { filled: Quantity::ZERO }, fills: Vec::new() })
        } else {
            Ok(self.standing(id))
        })
    }

    pub(super) fn open_orders(&self) -> Vec<ClientOrderId> {
        self.orders.iter().filter(|(_, order)| !order.is_over()).map(|(id, _)| *id).collect()
    }

    /// Refuses a question in a burst of too many.
    pub(super) fn not_limited(&mut self) -> Result<(), VenueError> {
        if self.odds.limited(self.now) {
            self.struck(Fault::RateLimit);
            return Err(VenueError::new(TOO_MANY));
        }
        Ok(())
    }

    // ---- the account

    pub(super) fn fills_since(&mut self, cursor: FillCursor) -> Result<FillPage, VenueError> {
        self.not_limited()?;
        Ok(self.messages.since(cursor))
    }

    pub(super) fn report(&mut self, scope: Scope) -> VenueReport {
        if let Some(scripted) = self.script.pop_front() {
            return scripted;
        }
        if self.not_limited().is_err() {
            return VenueReport::failed(scope, TOO_MANY);
        }
        self.reports += 1;
        let befalls = |fault| self.odds.befalls_report(fault, self.reports);
        // One lie a report. Stale and untimed together would be one that nothing can find out.
        if befalls(Fault::FailedReport).is_some() {
            self.struck(Fault::FailedReport);
            return VenueReport::failed(scope, "503 service unavailable");
        }
        let mut report = self.picture(scope, self.now);
        if let Some(mut dice) = befalls(Fault::PartialReport).filter(|_| !report.rows.is_empty()) {
            let rows = u64::try_from(report.rows.len()).unwrap_or(u64::MAX);
            let left_out = usize::try_from(dice.below(rows)).unwrap_or(0);
            let row = report.rows.remove(left_out);
            report.completeness = Completeness::Partial(format!("{} could not be read", row.symbol));
            self.struck(Fault::PartialReport);
        } else if let Some(mut dice) = befalls(Fault::StaleReport) {
            report = self.picture(report.scope, before(self.now, dice.between(1, MEMORY_MS)));
            self.struck(Fault::StaleReport);
        } else if befalls(Fault::UntimedReport).is_some() {
            report.venue_time = None;
            self.struck(Fault::UntimedReport);
        }
        report
    }

    /// What was open at a time, as a report of then.
    fn picture(&self, scope: Scope, time: Timestamp) -> VenueReport {
        let mut completeness = Completeness::Complete;
        let mut rows = Vec::new();
        for (symbol, leg, exposure) in self.books.open_at(time).filter(|(symbol, ..)| scope.covers(symbol)) {
            match row(symbol, leg, exposure) {
                Some(row) => rows.push(row),
                None => {
                    completeness =
                        Completeness::Partial(format!("{symbol} cannot be put into a report's digits"))
                }
            }
        }
        VenueReport { scope, completeness, venue_time: Some(time), rows }
    }

    pub(super) fn script(&mut self, report: VenueReport) {
        self.script.push_back(report);
    }

    pub(super) fn accounts(&self) -> Vec<PaperAccount> {
        self.books.accounts()
    }

    pub(super) fn stats(&self) -> PaperStats {
        self.stats.clone()
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

/// So much earlier.
fn before(time: Timestamp, ago: Duration) -> Timestamp {
    Timestamp(time.0.saturating_sub(i64::try_from(ago.as_nanos()).unwrap_or(i64::MAX)))
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
        margin_mode: None,
        liquidation_price: None,
        contract_size: None,
    })
}
