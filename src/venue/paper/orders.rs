//! An order at the paper venue, the listing it trades on, and what is counted of both.

use std::collections::VecDeque;
use std::task::Waker;

use serde::{Deserialize, Serialize};

use super::dice::Fate;
use crate::model::{ClientOrderId, ContractKind, Instrument, Leg, Owner, Price, Quantity, Symbol};
use crate::sync::Arc;
use crate::venue::api::{OrderRequest, OrderStatus, Outcome};

/// What the paper venue has counted since it was built.
///
/// ```
/// use posbook::venue::{PaperStats, PaperVenue};
///
/// assert_eq!(PaperVenue::builder().build().stats(), PaperStats::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PaperStats {
    /// Orders that came in, each client id once.
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
    /// was unresolved here when they came in; and orders that filled beyond their quantity. A caller that keeps to
    /// the rules has none.
    pub duplicate_orders: u64,
}

/// Symbol, leg and owner: what a position key is here.
pub(super) type Place = (Symbol, Leg, Owner);

/// An instrument, its market, and who waits for it.
pub(super) struct Listing {
    pub(super) instrument: Arc<Instrument>,
    pub(super) mark: Option<Price>,
    /// Accepted orders with parts left, one part a tick.
    pub(super) resting: Vec<ClientOrderId>,
}

impl Listing {
    pub(super) fn new(instrument: Instrument) -> Self {
        Self { instrument: Arc::new(instrument), mark: None, resting: Vec::new() }
    }
}

/// An order of ours, kept for ever.
pub(super) struct Order {
    pub(super) request: OrderRequest,
    pub(super) fate: Fate,
    /// An earlier increase of its place was unresolved when it came in.
    pub(super) overlaps: bool,
    /// What is left to execute.
    pub(super) parts: VecDeque<Quantity>,
    pub(super) filled: Quantity,
    /// Places of its fills among all.
    pub(super) fills: Vec<usize>,
    pub(super) outcome: Option<Outcome>,
    /// Whoever awaits its end.
    pub(super) waker: Option<Waker>,
}

impl Order {
    pub(super) fn new(request: OrderRequest, fate: Fate) -> Self {
        Self {
            request,
            fate,
            overlaps: false,
            parts: VecDeque::new(),
            filled: Quantity::ZERO,
            fills: Vec::new(),
            outcome: None,
            waker: None,
        }
    }

    /// It only ever takes off exposure: as asked, or because a hedge leg has one side only.
    pub(super) fn reduces(&self) -> bool {
        let exit = self.request.key.leg.only_side().map(|side| side.exit());
        self.request.reduce_only || exit == Some(self.request.side)
    }

    pub(super) fn place(&self) -> Place {
        (self.request.symbol.clone(), self.request.key.leg, self.request.key.owner)
    }

    pub(super) fn status(&self) -> OrderStatus {
        match &self.outcome {
            None => OrderStatus::Working { filled: self.filled },
            Some(outcome) => OrderStatus::Final { filled: self.filled, outcome: outcome.clone() },
        }
    }
}

/// Whether an order is taken on when it arrives, and the quantity step it fills on.
pub(super) fn check(order: &Order, listing: Option<&Listing>) -> Result<Quantity, String> {
    let OrderRequest { symbol, key, quantity, .. } = &order.request;
    let Some(listing) = listing else { return Err(format!("unknown symbol {symbol}")) };
    let instrument = &listing.instrument;
    let step = instrument.quantity_step();
    if instrument.kind() != ContractKind::Linear {
        return Err(format!("{symbol}: {} contracts are not traded here", instrument.kind()));
    }
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
