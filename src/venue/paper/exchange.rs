//! The matching side of the paper venue: market time, orders on their way, and their execution. Everything in here
//! happens under the venue's one lock; nothing in here wakes anybody.
//!
//! An order arrives when its latency has passed, and is refused or accepted then. An accepted one fills at the latest
//! mark of its symbol, in one part at once or in several, one a tick of that symbol. What ends an order collects the
//! waker of whoever awaits it; the handle wakes them after it has let go of the lock.

use std::collections::{BTreeMap, VecDeque};
use std::task::Waker;

use rust_decimal::Decimal;

use super::dice::Odds;
use super::exact::sum;
use super::ledger::{Books, Trade};
use super::orders::{Listing, Order, PaperStats, Place, check};
use crate::error::{Reason, Rejection};
use crate::model::{
    ClientOrderId, Fill, Instrument, Leg, Leverage, OrderRef, OrderSide, Owner, Price, PriceSign, Quantity,
    Symbol, Timestamp,
};
use crate::venue::api::{OrderRequest, Outcome, UNRESOLVED, VenueFill, VenueReport};

/// Everything behind the lock.
pub(super) struct Exchange {
    odds: Odds,
    fee_rate: Decimal,
    pub(super) now: Timestamp,
    /// No more ticks will come: nothing waits any longer.
    finished: bool,
    pub(super) listings: BTreeMap<Symbol, Listing>,
    pub(super) orders: BTreeMap<ClientOrderId, Order>,
    /// Orders on their way, by the time of their arrival, then as they came in.
    arrivals: BTreeMap<(Timestamp, u64), ClientOrderId>,
    /// Increases without an end, counted by place.
    open_increases: BTreeMap<Place, u64>,
    pub(super) fills: Vec<VenueFill>,
    pub(super) books: Books,
    pub(super) stats: PaperStats,
    /// Reports to give out instead of true ones.
    pub(super) script: VecDeque<VenueReport>,
    pub(super) woken: Vec<Waker>,
}

impl Exchange {
    pub(super) fn new(odds: Odds, fee_rate: Decimal, instruments: Vec<Instrument>) -> Self {
        Self {
            odds,
            fee_rate,
            now: Timestamp::default(),
            finished: false,
            listings: instruments.into_iter().map(|i| (i.symbol().clone(), Listing::new(i))).collect(),
            orders: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            open_increases: BTreeMap::new(),
            fills: Vec::new(),
            books: Books::default(),
            stats: PaperStats::default(),
            script: VecDeque::new(),
            woken: Vec::new(),
        }
    }

    // ---- the market

    pub(super) fn tick(&mut self, symbol: &Symbol, price: Price, time: Timestamp) -> Result<(), Rejection> {
        let listing = match self.listings.get_mut(symbol) {
            Some(listing) => listing,
            None => return Err(self.unknown(symbol)),
        };
        if listing.instrument.spec().prices == PriceSign::Positive && price.get() <= Decimal::ZERO {
            let rule = "must be positive; this instrument does not allow zero or negative prices";
            return Err(Reason::OutOfRange { what: "price", value: price.get(), rule }.into());
        }
        listing.mark = Some(price);
        self.now = self.now.max(time);
        // What has waited for this tick goes before what arrives with it.
        for id in std::mem::take(&mut listing.resting) {
            self.work(id);
        }
        self.receive();
        Ok(())
    }

    pub(super) fn advance(&mut self, time: Timestamp) {
        self.now = self.now.max(time);
        self.receive();
    }

    pub(super) fn finish(&mut self) {
        self.finished = true;
        let resting: Vec<_> =
            self.listings.values_mut().flat_map(|l| std::mem::take(&mut l.resting)).collect();
        for id in resting {
            self.work(id);
        }
        self.receive();
    }

    fn unknown(&self, symbol: &Symbol) -> Rejection {
        Reason::unknown_instrument(symbol.as_str(), self.listings.values().map(|l| &*l.instrument)).into()
    }

    // ---- the life of an order

    /// Takes an order in. `false`: the id was there already, and nothing else happened.
    pub(super) fn submit(&mut self, request: OrderRequest) -> bool {
        let id = request.client_id;
        if self.orders.contains_key(&id) {
            self.stats.duplicate_ids += 1;
            return false;
        }
        let fate = self.odds.fate(id.sequence);
        let due = (self.now.plus(fate.latency), self.stats.orders);
        self.stats.orders += 1;
        let mut order = Order::new(request, fate);
        if !order.reduces() {
            let open = self.open_increases.entry(order.place()).or_default();
            order.overlaps = *open > 0;
            *open += 1;
        }
        self.orders.insert(id, order);
        self.arrivals.insert(due, id);
        self.receive();
        true
    }

    /// Lets everything arrive that is due.
    fn receive(&mut self) {
        while let Some(next) = self.arrivals.first_entry() {
            if next.key().0 > self.now && !self.finished {
                break;
            }
            let id = next.remove();
            self.arrive(id);
        }
    }

    fn arrive(&mut self, id: ClientOrderId) {
        // One that was cancelled on its way is over.
        let Some(order) = self.orders.get(&id).filter(|o| o.outcome.is_none()) else { return };
        let listing = self.listings.get(&order.request.symbol);
        let parts = match check(order, listing) {
            Ok(step) => order.fate.parts(order.request.quantity, step),
            Err(why) => return self.end(id, Outcome::Rejected(why)),
        };
        self.stats.accepted += 1;
        self.stats.duplicate_orders += u64::from(order.overlaps);
        self.stats.partial_orders += u64::from(parts.len() > 1);
        if let Some(order) = self.orders.get_mut(&id) {
            order.parts = parts;
        }
        self.work(id);
    }

    /// Executes the next part of an accepted order, after the end of the market all parts.
    fn work(&mut self, id: ClientOrderId) {
        loop {
            if let Some(outcome) = self.execute(id) {
                return self.end(id, outcome);
            }
            if !self.finished {
                break;
            }
        }
        let symbol = self.orders.get(&id).map(|order| &order.request.symbol);
        if let Some(listing) = symbol.and_then(|symbol| self.listings.get_mut(symbol)) {
            listing.resting.push(id);
        }
    }

    /// Executes one part. `None`: more are to come.
    fn execute(&mut self, id: ClientOrderId) -> Option<Outcome> {
        // Whatever cannot be done ends the order with what it has filled.
        let cancelled = Some(Outcome::Cancelled);
        let Some(order) = self.orders.get_mut(&id) else { return cancelled };
        if order.outcome.is_some() {
            return order.outcome.clone(); // Cancelled while it rested.
        }
        let Some(part) = order.parts.pop_front() else { return cancelled };
        let request = order.request.clone();
        let number = order.fills.len() + 1;
        let (leg, side) = (request.key.leg, request.side);
        let mut quantity = part.get();
        if order.reduces() {
            quantity = quantity.min(self.books.reducible(&request.symbol, leg, side));
        }
        let filled = sum(order.filled.get(), quantity).and_then(|q| Quantity::new(q).ok());
        let (Some(filled), Ok(quantity)) = (filled, Quantity::new(quantity)) else { return cancelled };
        let trade = Print {
            symbol: &request.symbol,
            leg,
            owner: request.key.owner,
            side,
            quantity,
            order: OrderRef::Ours(id),
            trade_id: format!("{id}.{number}"),
            leverage: request.leverage,
        };
        let Some(place) = self.print(trade) else { return cancelled };
        let Some(order) = self.orders.get_mut(&id) else { return cancelled };
        order.filled = filled;
        order.fills.push(place);
        if filled > request.quantity {
            self.stats.duplicate_orders += 1;
        }
        if filled >= request.quantity {
            Some(Outcome::Filled)
        } else if quantity < part || order.parts.is_empty() {
            cancelled // Nothing was left to reduce.
        } else {
            None
        }
    }

    /// Ends an order, unless it has ended already.
    pub(super) fn end(&mut self, id: ClientOrderId, outcome: Outcome) {
        let Some(order) = self.orders.get_mut(&id).filter(|o| o.outcome.is_none()) else { return };
        match outcome {
            Outcome::Filled => {}
            Outcome::Cancelled => self.stats.cancelled += 1,
            Outcome::Rejected(_) => self.stats.rejected += 1,
        }
        order.outcome = Some(outcome);
        order.parts.clear();
        self.woken.extend(order.waker.take());
        if !order.reduces()
            && let Some(open) = self.open_increases.get_mut(&order.place())
        {
            *open = open.saturating_sub(1);
        }
    }

    // ---- trades

    /// Makes a trade at the latest mark, if there is one and the ledger can take it exactly. `None`: nothing happened.
    fn print(&mut self, print: Print<'_>) -> Option<usize> {
        let listing = self.listings.get(print.symbol)?;
        let price = listing.mark?;
        if print.quantity.is_zero() {
            return None;
        }
        let instrument = &listing.instrument;
        let mut fill =
            Fill::trade(UNRESOLVED, print.trade_id.parse().ok()?, print.side, print.quantity, price)
                .at(self.now)
                .leg(print.leg);
        fill.order = print.order;
        let fee = self.books.make(&Trade {
            instrument,
            leg: print.leg,
            owner: print.owner,
            side: print.side,
            quantity: print.quantity.get(),
            price: price.get(),
            fee_rate: self.fee_rate,
            leverage: print.leverage,
        })?;
        // A first sum cannot need too many digits.
        fill.fees.add(instrument.settle(), fee).ok();
        self.stats.fills += 1;
        self.fills.push(VenueFill { symbol: print.symbol.clone(), fill });
        Some(self.fills.len() - 1)
    }

    pub(super) fn place_foreign(
        &mut self,
        symbol: &Symbol,
        leg: Leg,
        side: OrderSide,
        quantity: Quantity,
    ) -> Result<VenueFill, Rejection> {
        let listing = self.listings.get(symbol).ok_or_else(|| self.unknown(symbol))?;
        if listing.mark.is_none() {
            return Err(Reason::NoMark { what: symbol.to_string() }.into());
        }
        let out_of_range = |rule| Reason::OutOfRange { what: "amount", value: quantity.get(), rule };
        if quantity.is_zero() {
            return Err(out_of_range("must be positive").into());
        }
        let exits = leg.only_side().is_some_and(|only| only.exit() == side);
        if exits && self.books.reducible(symbol, leg, side) < quantity.get() {
            return Err(out_of_range("must not exceed what is open on its leg").into());
        }
        let order = format!("manual-{}", self.stats.foreign + 1);
        let print = Print {
            symbol,
            leg,
            owner: Owner::UNOWNED,
            side,
            quantity,
            trade_id: format!("{order}.1"),
            order: OrderRef::Foreign(order.parse()?),
            leverage: None,
        };
        let made = self.print(print).and_then(|place| self.fills.get(place)).cloned();
        let made = made.ok_or(Reason::NumericRange { what: "the trade's cash or fee" })?;
        self.stats.foreign += 1;
        Ok(made)
    }
}

/// A trade to be made at the latest mark.
struct Print<'a> {
    symbol: &'a Symbol,
    leg: Leg,
    owner: Owner,
    side: OrderSide,
    quantity: Quantity,
    order: OrderRef,
    trade_id: String,
    leverage: Option<Leverage>,
}
