//! The paper venue against what was asked of it: execution, latency, parts, refusals, futures, and its own ledger.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod account;
mod execution;
mod hostile;
mod kinds;
mod lies;
mod lost;
mod messages;
mod runs;

use std::time::Duration;

use pollster::block_on;
use rust_decimal::Decimal;

use super::*;
use crate::model::{
    Fraction, InstrumentId, InstrumentSpec, Intent, OrderRef, Owner, PositionKey, PositionMode, Sequence,
    Side,
};
use crate::venue::api::{Completeness, Outcome, VenuePosition};

const BTC: &str = "BTC/USDT:USDT";
const ETH: &str = "ETH/USDT:USDT";

fn sym(text: &str) -> Symbol {
    text.parse().unwrap()
}

fn qty(text: &str) -> Quantity {
    text.parse().unwrap()
}

fn d(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap()
}

fn id(sequence: u64) -> ClientOrderId {
    ClientOrderId { book: 1, epoch: 1, sequence: Sequence(sequence) }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn builder() -> PaperBuilder {
    let one_way = Instrument::linear(BTC, "0.1", "0.001").unwrap();
    let eth = InstrumentSpec::linear(ETH, "0.01", "1").unwrap();
    let hedge = InstrumentSpec { mode: PositionMode::Hedge, contract_size: qty("0.01"), ..eth };
    PaperVenue::builder().instruments(vec![one_way, Instrument::new(hedge).unwrap()])
}

fn one() -> Fraction {
    Fraction::ONE
}

/// This fault always, no other ever.
fn only(fault: Fault) -> Faults {
    Faults::off().set(fault.name(), one()).unwrap()
}

/// A venue with it, and a price.
fn certain(fault: Fault) -> PaperVenue {
    let venue = builder().faults(only(fault)).build();
    tick(&venue, BTC, "50000", 1);
    venue
}

fn tick(venue: &PaperVenue, symbol: &str, price: &str, time: i64) {
    venue.tick(&sym(symbol), price.parse().unwrap(), Timestamp::from_millis(time)).unwrap();
}

fn order(sequence: u64, side: OrderSide, quantity: &str) -> OrderRequest {
    OrderRequest {
        client_id: id(sequence),
        key: PositionKey::net(InstrumentId(0)),
        symbol: sym(BTC),
        intent: Intent::Open,
        side,
        quantity: qty(quantity),
        reduce_only: false,
        leverage: None,
        valid_until: Timestamp(i64::MAX),
    }
}

fn reduce(sequence: u64, side: OrderSide, quantity: &str) -> OrderRequest {
    OrderRequest { intent: Intent::ScaleOut, reduce_only: true, ..order(sequence, side, quantity) }
}

fn on_leg(leg: Leg, request: OrderRequest) -> OrderRequest {
    OrderRequest { symbol: sym(ETH), key: PositionKey { leg, ..request.key }, ..request }
}

fn send(venue: &PaperVenue, request: OrderRequest) -> OrderStatus {
    block_on(venue.submit(request)).unwrap().status
}

fn is(filled: &str, outcome: Outcome) -> OrderStatus {
    OrderStatus::Final { filled: qty(filled), outcome }
}

fn rejected(status: &OrderStatus, word: &str) -> bool {
    matches!(status, OrderStatus::Final { filled, outcome: Outcome::Rejected(why) } if filled.is_zero() && why.contains(word))
}

fn status(venue: &PaperVenue, sequence: u64) -> OrderStatus {
    block_on(venue.order(id(sequence))).unwrap()
}

/// Every fill of the account, page by page.
fn all_fills(venue: &PaperVenue) -> Vec<VenueFill> {
    let (mut all, mut cursor) = (Vec::new(), FillCursor::default());
    loop {
        let page = block_on(venue.fills_since(cursor)).unwrap();
        assert!(page.fills.len() <= 500);
        if page.fills.is_empty() {
            assert_eq!(page.next, cursor);
            return all;
        }
        all.extend(page.fills);
        cursor = page.next;
    }
}

fn report(venue: &PaperVenue) -> Vec<VenuePosition> {
    let report = block_on(venue.positions(Scope::All));
    assert_eq!((report.completeness, report.venue_time), (Completeness::Complete, Some(venue.now())));
    report.rows
}
