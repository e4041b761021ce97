//! The matching side of the paper venue: market time, orders on their way, and their execution. Everything in here
//! happens under the venue's one lock; nothing in here wakes anybody.
//!
//! An order arrives when its latency has passed, and is refused or accepted then. An accepted one fills at the latest
//! mark of its symbol, in one part at once or in several, one a tick of that symbol. What ends an order collects the
//! waker of whoever awaits it; the handle wakes them after it has let go of the lock.
//!
//! Whatever happens later than now stands on one agenda, by market time: arrivals, answers that are given up, orders
//! that begin to execute, messages.

use std::collections::{BTreeMap, VecDeque};
use std::task::Waker;

use rust_decimal::Decimal;

use super::dice::{Fate, Odds, Trip};
use super::exact::sum;
use super::faults::{Fault, Faults};
use super::increases::Increases;
use super::ledger::Books;
use super::messages::{self, Messages};
use super::orders::{Listing, Order, PaperStats, Reach, check, parts};
use super::trades::{Print, SoFar};
use crate::error::{Reason, Rejection};
use crate::model::{ClientOrderId, Instrument, OrderRef, Price, PriceSign, Quantity, Symbol, Timestamp};
use crate::venue::api::{OrderRequest, OrderStatus, Outcome, VenueError, VenueReport};

/// Something that is due at a time.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    /// An order arrives.
    Arrive(ClientOrderId),
    /// Whoever awaits an order's answer awaits it no longer.
    GiveUp(ClientOrderId),
    /// An order that rested executes.
    Work(ClientOrderId),
    /// The message of a trade is delivered.
    Deliver(messages::Place),
    /// It is delivered again.
    Repeat(messages::Place),
}

/// Everything behind the lock.
pub(super) struct Exchange {
    pub(super) odds: Odds,
    pub(super) fee_rate: Decimal,
    pub(super) now: Timestamp,
    /// No more ticks will come: nothing waits any longer.
    finished: bool,
    pub(super) listings: BTreeMap<Symbol, Listing>,
    pub(super) orders: BTreeMap<ClientOrderId, Order>,
    /// What is due, by time, then as it was put on.
    agenda: BTreeMap<(Timestamp, u64), Event>,
    /// How much was ever put on it.
    planned: u64,
    increases: Increases,
    pub(super) messages: Messages,
    pub(super) books: Books,
    pub(super) stats: PaperStats,
    /// Position reports that were asked for.
    pub(super) reports: u64,
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
            agenda: BTreeMap::new(),
            planned: 0,
            increases: Increases::default(),
            messages: Messages::default(),
            books: Books::default(),
            stats: PaperStats::default(),
            reports: 0,
            script: VecDeque::new(),
            woken: Vec::new(),
        }
    }

    /// A fault really happened.
    pub(super) fn struck(&mut self, fault: Fault) {
        *self.stats.faults.entry(fault).or_default() += 1;
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
        let resting = std::mem::take(&mut listing.resting);
        self.liquidate(symbol);
        for id in resting {
            self.work(id);
        }
        self.catch_up();
        Ok(())
    }

    pub(super) fn advance(&mut self, time: Timestamp) {
        self.now = self.now.max(time);
        self.catch_up();
    }

    pub(super) fn finish(&mut self) {
        self.finished = true;
        self.odds.faults = Faults::off();
        let resting: Vec<_> =
            self.listings.values_mut().flat_map(|l| std::mem::take(&mut l.resting)).collect();
        for id in resting {
            self.work(id);
        }
        self.catch_up();
    }

    pub(super) fn unknown(&self, symbol: &Symbol) -> Rejection {
        Reason::unknown_instrument(symbol.as_str(), self.listings.values().map(|l| &*l.instrument)).into()
    }

    /// Puts something on the agenda.
    pub(super) fn plan(&mut self, due: Timestamp, event: Event) {
        self.planned += 1;
        self.agenda.insert((due, self.planned), event);
    }

    /// Does everything that is due; after the end of the market, everything.
    fn catch_up(&mut self) {
        while let Some(next) = self.agenda.first_entry() {
            let (due, _) = *next.key();
            if due > self.now && !self.finished {
                break;
            }
            match next.remove() {
                Event::Arrive(id) => self.arrive(id, due),
                Event::GiveUp(id) => self.answer(id),
                Event::Work(id) => self.work(id),
                Event::Deliver(place) => self.deliver(place),
                Event::Repeat(place) => self.messages.repeat(place),
            }
        }
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
        if self.odds.limited(self.now) {
            self.turn_away(request, fate);
            return true;
        }
        let (due, reach) = match fate.trip {
            Trip::Whole | Trip::AnswerLost => (self.now.plus(fate.latency), Reach::Heard),
            Trip::Late(late) if self.now.plus(late) <= request.valid_until => {
                (self.now.plus(late), Reach::UnderWay)
            }
            Trip::Late(_) | Trip::Lost => (self.now, Reach::Never),
        };
        let listing = self.listings.get(&request.symbol);
        let mut order = Order::new(request, fate, reach, listing);
        match reach {
            Reach::Heard => {
                self.stats.orders += 1;
                order.note(self.now);
            }
            Reach::UnderWay => {}
            Reach::Never => self.struck(Fault::LostOrder),
        }
        if order.fate.trip == Trip::AnswerLost {
            self.struck(Fault::LostAnswer);
        }
        if order.answer_lost() {
            self.plan(self.now.plus(order.fate.timeout), Event::GiveUp(id));
        }
        if reach != Reach::Never {
            if !order.reduces {
                self.increases.sent(id, order.place());
            }
            self.plan(due, Event::Arrive(id));
        }
        self.orders.insert(id, order);
        self.catch_up();
        true
    }

    /// Refuses an order at the door.
    fn turn_away(&mut self, request: OrderRequest, mut fate: Fate) {
        self.struck(Fault::RateLimit);
        self.stats.orders += 1;
        let id = request.client_id;
        // The refusal is the answer, whatever else was to befall the order.
        fate.trip = Trip::Whole;
        let listing = self.listings.get(&request.symbol);
        let order = Order::new(request, fate, Reach::Heard, listing);
        self.orders.insert(id, order);
        self.end(id, Outcome::Rejected("rate limited".into()));
    }

    /// An order arrives, which was due at this time.
    fn arrive(&mut self, id: ClientOrderId, due: Timestamp) {
        if self.take_on(id, due) {
            match self.orders.get(&id).and_then(|order| order.fate.rests) {
                Some(rests) => {
                    self.struck(Fault::Resting);
                    self.plan(self.now.plus(rests), Event::Work(id));
                    self.answer(id);
                }
                None => self.work(id),
            }
        }
    }

    /// Accepts an order, if it can be.
    fn take_on(&mut self, id: ClientOrderId, due: Timestamp) -> bool {
        let now = self.now;
        // One that was cancelled on its way is over.
        let Some(order) = self.orders.get_mut(&id).filter(|o| !o.is_over()) else { return false };
        // The end of the market makes nothing valid that would not have been.
        let valid = now.max(due) <= order.request.valid_until;
        if order.reach == Reach::UnderWay {
            if !valid {
                // Time went past both moments at once. Nobody hears of it any more.
                order.reach = Reach::Never;
                let place = order.place();
                self.increases.ended(id, &place);
                self.struck(Fault::LostOrder);
                return false;
            }
            order.reach = Reach::Heard;
            order.note(now);
            self.stats.orders += 1;
            self.struck(Fault::LateExecution);
        }
        let Some(order) = self.orders.get(&id) else { return false };
        let listing = self.listings.get(&order.request.symbol);
        let step = match check(order, listing) {
            Ok(step) if valid => step,
            Ok(_) => {
                let why = "arrived later than it was valid".to_owned();
                self.end(id, Outcome::Rejected(why));
                return false;
            }
            Err(why) => {
                self.end(id, Outcome::Rejected(why));
                return false;
            }
        };
        let parts = parts(order, step, listing);
        self.stats.accepted += 1;
        self.stats.partial_orders += u64::from(parts.len() > 1);
        let no_trade_id = order.fate.cumulative;
        if let Some(order) = self.orders.get_mut(&id) {
            (order.parts, order.accepted) = (parts, true);
        }
        self.stats.duplicate_orders += self.increases.accepted(id);
        if no_trade_id {
            self.struck(Fault::NoTradeId);
        }
        true
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
        let (number, before) = (order.fills.len() + 1, order.value);
        let cumulative = order.fate.cumulative;
        let (leg, side) = (request.key.leg, request.side);
        let mut quantity = part.get();
        if order.reduces {
            quantity = quantity.min(self.books.reducible(&request.symbol, leg, side));
        }
        let filled = sum(order.filled.get(), quantity).and_then(|q| Quantity::new(q).ok());
        let (Some(filled), Ok(quantity)) = (filled, Quantity::new(quantity)) else { return cancelled };
        let value = self.worth(&request.symbol, quantity).and_then(|worth| sum(before, worth));
        let Some(value) = value else { return cancelled };
        let print = Print {
            symbol: &request.symbol,
            leg,
            owner: request.key.owner,
            side,
            quantity,
            order: OrderRef::Ours(id),
            trade_id: format!("{id}.{number}"),
            leverage: request.leverage,
            so_far: cumulative.then_some(SoFar { order: id, filled, value }),
        };
        let Some(place) = self.print(print) else { return cancelled };
        self.send(place, Some(id));
        let now = self.now;
        let Some(order) = self.orders.get_mut(&id) else { return cancelled };
        (order.filled, order.value) = (filled, value);
        order.fills.push(place);
        order.note(now);
        let last = order.parts.is_empty();
        if filled > request.quantity {
            self.stats.duplicate_orders += 1;
        }
        if filled >= request.quantity {
            Some(Outcome::Filled)
        } else if quantity < part || last {
            cancelled // Nothing was left to reduce.
        } else {
            None
        }
    }

    /// Ends an order, unless it has ended already.
    fn end(&mut self, id: ClientOrderId, outcome: Outcome) {
        let now = self.now;
        let Some(order) = self.orders.get_mut(&id).filter(|o| o.outcome.is_none()) else { return };
        match outcome {
            Outcome::Filled => {}
            Outcome::Cancelled => self.stats.cancelled += 1,
            Outcome::Rejected(_) => self.stats.rejected += 1,
        }
        order.outcome = Some(outcome);
        order.parts.clear();
        order.note(now);
        if !order.reduces {
            self.increases.ended(id, &order.place());
        }
        if !order.answer_lost() {
            self.answer(id);
        }
    }

    /// Whoever awaits an order has waited long enough.
    fn answer(&mut self, id: ClientOrderId) {
        if let Some(order) = self.orders.get_mut(&id) {
            order.answered = true;
            self.woken.extend(order.waker.take());
        }
    }

    pub(super) fn cancel(&mut self, id: ClientOrderId) -> Result<OrderStatus, VenueError> {
        self.not_limited()?;
        let working = |order: &&Order| order.reach == Reach::Heard && !order.is_over();
        let Some(order) = self.orders.get(&id).filter(working) else { return Ok(self.status(id)) };
        let (accepted, race) = (order.accepted, order.fate.race);
        let Some(answered) = race else {
            self.end(id, Outcome::Cancelled);
            return Ok(self.status(id));
        };
        self.struck(Fault::CancelRace);
        if accepted || self.take_on(id, self.now) {
            let outcome = loop {
                if let Some(outcome) = self.execute(id) {
                    break outcome;
                }
            };
            self.end(id, outcome);
        }
        if answered { Ok(self.status(id)) } else { Err(VenueError::new("the answer to the cancel was lost")) }
    }
}
