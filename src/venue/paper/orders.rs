//! An order at the paper venue, the listing it trades on, and what is counted of both.

use std::collections::{BTreeMap, VecDeque};
use std::task::Waker;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::dice::{Fate, Trip};
use super::exact::has_averages;
use super::faults::Fault;
use super::messages;
use crate::model::{
    ClientOrderId, ContractKind, Instrument, Leg, OrderSide, Owner, Price, Quantity, Symbol, Timestamp,
};
use crate::sync::Arc;
use crate::venue::api::{OrderRequest, OrderStatus, Outcome};

/// What the paper venue has counted since it was built.
///
/// ```
/// use posbook::venue::{PaperStats, PaperVenue};
///
/// assert_eq!(PaperVenue::builder().build().stats(), PaperStats::default());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PaperStats {
    /// Orders that the venue has heard of, each client id once.
    pub orders: u64,
    /// Of these: arrived and taken on.
    pub accepted: u64,
    /// Of these: arrived and refused.
    pub rejected: u64,
    /// Of these: ended before everything was filled, by `cancel` or with nothing left to reduce.
    pub cancelled: u64,
    /// Of the accepted: those that fill in several parts.
    pub partial_orders: u64,
    /// Trades, those of nobody's order included.
    pub fills: u64,
    /// Trades made with `place_foreign`.
    pub foreign: u64,
    /// Submissions under a client id that was there already: answered with the first one's status, not executed.
    pub duplicate_ids: u64,
    /// Increases (not reduce-only) that were accepted although an earlier increase of the same symbol, leg and owner
    /// had no end yet when they were sent, and was accepted too, before or after them; and orders that filled beyond
    /// their quantity. What has ended, or never arrives, makes no later one a duplicate. A caller that keeps to the
    /// rules has none.
    pub duplicate_orders: u64,
    /// Faults that really happened: a delay of a message that was sent, a race of a cancel that was asked for.
    pub faults: BTreeMap<Fault, u64>,
}

/// Symbol, leg and owner: what a position key is here.
pub(super) type Place = (Symbol, Leg, Owner);

/// An instrument, its market, and who waits for it.
pub(super) struct Listing {
    pub(super) instrument: Arc<Instrument>,
    pub(super) mark: Option<Price>,
    /// Accepted orders with parts left, one part a tick.
    pub(super) resting: Vec<ClientOrderId>,
    /// The last whole second of market time in which it was asked whether a leg is liquidated.
    pub(super) second: Option<i64>,
}

impl Listing {
    pub(super) fn new(instrument: Instrument) -> Self {
        Self { instrument: Arc::new(instrument), mark: None, resting: Vec::new(), second: None }
    }

    /// Whether a trade of this side can only take off what is open: a hedge leg has one side, and on a spot market nobody
    /// sells what is not held.
    pub(super) fn only_takes_off(&self, leg: Leg, side: OrderSide) -> bool {
        let spot = self.instrument.kind() == ContractKind::Spot;
        leg.only_side().is_some_and(|only| only.exit() == side) || (spot && side == OrderSide::Sell)
    }
}

/// What the venue knows of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Nothing yet: it is late, and will arrive.
    UnderWay,
    /// That it exists.
    Heard,
    /// Nothing, and it never will.
    Never,
}

/// An order of ours, kept for ever.
pub(super) struct Order {
    pub(super) request: OrderRequest,
    pub(super) fate: Fate,
    pub(super) reach: Reach,
    /// It only ever takes off exposure: as asked, or because its side can do nothing else there.
    pub(super) reduces: bool,
    pub(super) accepted: bool,
    /// What is left to execute.
    pub(super) parts: VecDeque<Quantity>,
    pub(super) filled: Quantity,
    /// What it traded so far is worth.
    pub(super) value: Decimal,
    /// Its messages among all.
    pub(super) fills: Vec<messages::Place>,
    /// When the last of its messages is delivered.
    pub(super) told: Timestamp,
    pub(super) outcome: Option<Outcome>,
    /// Since when it was in which state, the latest last.
    history: Vec<(Timestamp, OrderStatus)>,
    /// How often it was asked for.
    pub(super) asked: u64,
    /// Whoever awaits the answer can have it.
    pub(super) answered: bool,
    /// Whoever awaits it.
    pub(super) waker: Option<Waker>,
}

impl Order {
    pub(super) fn new(request: OrderRequest, fate: Fate, reach: Reach, listing: Option<&Listing>) -> Self {
        let takes_off = |listing: &Listing| listing.only_takes_off(request.key.leg, request.side);
        let reduces = request.reduce_only || listing.is_some_and(takes_off);
        Self {
            request,
            fate,
            reach,
            reduces,
            accepted: false,
            parts: VecDeque::new(),
            filled: Quantity::ZERO,
            value: Decimal::ZERO,
            fills: Vec::new(),
            told: Timestamp::default(),
            outcome: None,
            history: Vec::new(),
            asked: 0,
            answered: false,
            waker: None,
        }
    }

    pub(super) fn place(&self) -> Place {
        (self.request.symbol.clone(), self.request.key.leg, self.request.key.owner)
    }

    /// Nothing of it will happen any more.
    pub(super) fn is_over(&self) -> bool {
        self.outcome.is_some() || self.reach == Reach::Never
    }

    pub(super) fn answer_lost(&self) -> bool {
        self.fate.trip != Trip::Whole
    }

    pub(super) fn status(&self) -> OrderStatus {
        match &self.outcome {
            _ if self.reach != Reach::Heard => OrderStatus::Unknown,
            None => OrderStatus::Working { filled: self.filled },
            Some(outcome) => OrderStatus::Final { filled: self.filled, outcome: outcome.clone() },
        }
    }

    /// Its state has changed.
    pub(super) fn note(&mut self, now: Timestamp) {
        self.history.push((now, self.status()));
    }

    /// The state it was in, after all that happened in that instant.
    pub(super) fn status_at(&self, time: Timestamp) -> OrderStatus {
        let then = self.history.iter().rfind(|(since, _)| *since <= time);
        then.map_or(OrderStatus::Unknown, |(_, status)| status.clone())
    }
}

/// Whether an order is taken on when it arrives, and the quantity step it fills on.
pub(super) fn check(order: &Order, listing: Option<&Listing>) -> Result<Quantity, String> {
    let OrderRequest { symbol, key, quantity, .. } = &order.request;
    let Some(listing) = listing else { return Err(format!("unknown symbol {symbol}")) };
    let instrument = &listing.instrument;
    let step = instrument.quantity_step();
    if !instrument.mode().has(key.leg) {
        return Err(format!("{symbol}: no {:?} leg in its position mode", key.leg));
    }
    if quantity.is_zero() {
        return Err("the quantity must be positive".into());
    }
    // What is left of a position may be closed whatever its size.
    if !order.request.reduce_only {
        if quantity.get().checked_rem(step.get()).is_none_or(|rest| !rest.is_zero()) {
            return Err(format!("{quantity} is not a multiple of the step {step}"));
        }
        if *quantity < instrument.minimum() {
            return Err(format!("{quantity} is below the minimum {}", instrument.minimum()));
        }
    }
    if listing.mark.is_none() {
        return Err(format!("{symbol} has no price yet"));
    }
    if order.fate.rejected {
        return Err("refused by chance, as the venue was built to do".into());
    }
    Ok(step)
}

/// The parts that an order fills in: one if its messages are cumulative and an average could need too many digits.
pub(super) fn parts(order: &Order, step: Quantity, listing: Option<&Listing>) -> VecDeque<Quantity> {
    let quantity = order.request.quantity;
    let decimals = quantity.get().scale().max(step.get().scale());
    let fits = listing.and_then(|listing| Some((&listing.instrument, listing.mark?))).is_some_and(
        |(instrument, mark)| {
            let size = instrument.contract_size().get();
            // A harmonic mean that gives the sum of its quotients back to the last digit needs more digits than a price has.
            let quotients = instrument.kind() == ContractKind::Inverse;
            !quotients && has_averages(quantity.get(), decimals, size, mark.get(), instrument.money_scale())
        },
    );
    if order.fate.cumulative && !fits {
        return VecDeque::from([quantity]);
    }
    order.fate.parts(quantity, step)
}
