//! Trades of the paper venue, and their messages on the way: of orders, by hand, and by force.

use std::time::Duration;

use rust_decimal::Decimal;

use super::dice::second;
use super::exact::{average, product};
use super::exchange::{Event, Exchange};
use super::faults::Fault;
use super::ledger::{Trade, value};
use super::messages::Place;
use crate::error::{Reason, Rejection};
use crate::model::{
    ClientOrderId, ContractKind, Fill, Leg, Leverage, OrderRef, OrderSide, Owner, Quantity, Symbol,
};
use crate::venue::api::{UNRESOLVED, VenueFill};

/// How long a message waits at most for another one to be delivered before it.
const HELD: Duration = Duration::from_secs(1);

/// A trade to be made at the latest mark.
pub(super) struct Print<'a> {
    pub(super) symbol: &'a Symbol,
    pub(super) leg: Leg,
    pub(super) owner: Owner,
    pub(super) side: OrderSide,
    pub(super) quantity: Quantity,
    pub(super) order: OrderRef,
    pub(super) trade_id: String,
    pub(super) leverage: Option<Leverage>,
    /// Of an order without trade ids.
    pub(super) so_far: Option<SoFar>,
}

/// The cumulative figures of an order, with the trade to be made.
pub(super) struct SoFar {
    pub(super) order: ClientOrderId,
    pub(super) filled: Quantity,
    /// What it traded so far is worth.
    pub(super) value: Decimal,
}

impl Exchange {
    /// What so many contracts are worth at the latest mark. `None`: there is none, or it needs too many digits.
    pub(super) fn worth(&self, symbol: &Symbol, quantity: Quantity) -> Option<Decimal> {
        let listing = self.listings.get(symbol)?;
        value(&listing.instrument, quantity.get(), listing.mark?.get())
    }

    /// Makes a trade at the latest mark, if there is one, the ledger can take it exactly and its message can say it.
    /// `None`: nothing happened. The message is still to be sent.
    pub(super) fn print(&mut self, print: Print<'_>) -> Option<Place> {
        let listing = self.listings.get(print.symbol)?;
        let price = listing.mark?;
        if print.quantity.is_zero() {
            return None;
        }
        let instrument = &listing.instrument;
        let Print { side, quantity, .. } = print;
        let mut fill = match print.so_far {
            None => Fill::trade(UNRESOLVED, print.trade_id.parse().ok()?, side, quantity, price),
            Some(SoFar { order, filled, .. }) if filled == quantity => {
                Fill::cumulative(UNRESOLVED, order, side, quantity, price)
            }
            Some(SoFar { order, filled, value }) => {
                let size = instrument.contract_size().get();
                let average = average(value, filled.get(), size, instrument.money_scale())?;
                Fill::cumulative(UNRESOLVED, order, side, filled, average)
            }
        };
        fill = fill.at(self.now).leg(print.leg);
        fill.order = print.order;
        let fee = self.books.make(&Trade {
            instrument,
            leg: print.leg,
            owner: print.owner,
            side,
            quantity: quantity.get(),
            price: price.get(),
            fee_rate: self.fee_rate,
            leverage: print.leverage,
            time: self.now,
        })?;
        // A first sum cannot need too many digits.
        fill.fees.add(&fee.currency, fee.amount).ok();
        self.stats.fills += 1;
        Some(self.messages.add(VenueFill { symbol: print.symbol.clone(), fill }))
    }

    // ---- messages

    /// Sends the message of a trade, before the trade counts among those of its order.
    pub(super) fn send(&mut self, place: Place, order: Option<ClientOrderId>) {
        let order = order.and_then(|id| self.orders.get_mut(&id));
        let number = order.as_ref().map_or(place, |order| order.fills.len());
        let sequence = order.as_ref().map(|order| order.request.client_id.sequence);
        let post = self.odds.post(sequence, u64::try_from(number).unwrap_or(u64::MAX));
        let mut due = self.now.plus(post.delayed.unwrap_or_default());
        // A cumulative figure waits for those before it: whoever gets it first never learns of their fees.
        let cumulative = order.filter(|order| order.fate.cumulative);
        let (mut free, mut behind) = (true, false);
        if let Some(order) = cumulative {
            free = false;
            behind = order.fills.last().is_some_and(|last| !self.messages.is_delivered(*last));
            if behind {
                due = due.max(order.told);
            }
            order.told = due;
        }
        let held = free && post.reordered && post.delayed.is_none() && self.messages.hold(place);
        if held {
            due = due.plus(HELD);
        }
        if due > self.now || behind {
            self.plan(due, Event::Deliver(place));
        } else {
            self.deliver(place);
        }
        if post.delayed.is_some() {
            self.struck(Fault::DelayedFill);
        }
        if let Some(after) = post.doubled {
            self.struck(Fault::DoubledFill);
            self.plan(due.plus(after), Event::Repeat(place));
        }
    }

    pub(super) fn deliver(&mut self, place: Place) {
        if self.messages.deliver(place) {
            self.struck(Fault::ReorderedFill);
        }
    }

    // ---- trades of nobody's order

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
        if listing.only_takes_off(leg, side) && self.books.reducible(symbol, leg, side) < quantity.get() {
            return Err(out_of_range("must not exceed what is open there").into());
        }
        let order = format!("manual-{}", self.stats.foreign + 1);
        let made = self.print_foreign(&order, symbol, leg, side, quantity);
        let made = made.ok_or(Reason::NumericRange { what: "the trade's cash or fee" })?;
        self.stats.foreign += 1;
        Ok(made)
    }

    /// Makes a trade of an order of this name, which is nobody's, and sends its message.
    fn print_foreign(
        &mut self,
        order: &str,
        symbol: &Symbol,
        leg: Leg,
        side: OrderSide,
        quantity: Quantity,
    ) -> Option<VenueFill> {
        let place = self.print(Print {
            symbol,
            leg,
            owner: Owner::UNOWNED,
            side,
            quantity,
            trade_id: format!("{order}.1"),
            order: OrderRef::Foreign(order.parse().ok()?),
            leverage: None,
            so_far: None,
        })?;
        self.send(place, None);
        self.messages.get(place).cloned()
    }

    /// Closes legs of a symbol by force, once a second at most.
    pub(super) fn liquidate(&mut self, symbol: &Symbol) {
        let Some(listing) = self.listings.get_mut(symbol) else { return };
        if listing.second.replace(second(self.now)) == Some(second(self.now)) {
            return;
        }
        // Nothing was borrowed there.
        if listing.instrument.kind() == ContractKind::Spot {
            return;
        }
        let step = listing.instrument.quantity_step().get();
        let here = self.books.open_at(self.now).filter(|(open, ..)| *open == symbol);
        let struck = here.filter_map(|(_, leg, exposure)| {
            let by_half = self.odds.liquidates(symbol, leg, self.now)?;
            Some((leg, exposure.quantity, by_half))
        });
        for (leg, open, by_half) in struck.collect::<Vec<_>>() {
            let side = if open > Decimal::ZERO { OrderSide::Sell } else { OrderSide::Buy };
            let half = || product(open.abs().checked_div(Decimal::TWO)?.checked_div(step)?.floor(), step);
            let part = if by_half { half().filter(|half| !half.is_zero()) } else { None };
            let Ok(quantity) = Quantity::new(part.unwrap_or_else(|| open.abs())) else { continue };
            let number = self.stats.faults.get(&Fault::Liquidation).copied().unwrap_or(0) + 1;
            if self.print_foreign(&format!("liquidation-{number}"), symbol, leg, side, quantity).is_some() {
                self.struck(Fault::Liquidation);
            }
        }
    }
}
