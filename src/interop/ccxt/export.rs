//! Positions as ccxt writes them: every field of its unified structure, null where nothing is known, numbers with all digits.

use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::value::RawValue;

use super::positions::{Flat, Position, Row};
use crate::model::{Leg, Side};
use crate::venue::MarginMode;

/// ccxt's unified position structure, in the order of its manual.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Unified<'a> {
    id: Option<&'a str>,
    symbol: &'a str,
    timestamp: Option<i64>,
    datetime: Option<&'a str>,
    hedged: bool,
    side: Option<Side>,
    contracts: Box<RawValue>,
    contract_size: Option<Box<RawValue>>,
    entry_price: Option<Box<RawValue>>,
    mark_price: Option<Box<RawValue>>,
    notional: Option<Box<RawValue>>,
    leverage: Option<Box<RawValue>>,
    collateral: Option<Box<RawValue>>,
    initial_margin: Option<Box<RawValue>>,
    maintenance_margin: Option<Box<RawValue>>,
    unrealized_pnl: Option<Box<RawValue>>,
    liquidation_price: Option<Box<RawValue>>,
    margin_mode: Option<MarginMode>,
    info: Info,
}

/// There is no row of an exchange behind it. What ccxt's structure has no field for stands here: which leg is flat.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    #[serde(skip_serializing_if = "Option::is_none")]
    position_side: Option<Side>,
}

/// Writes positions and flat rows as a JSON array of unified positions, numbers as JSON numbers with all their digits. Reading
/// it back gives the same rows. Problems are left out: nothing is known of them.
///
/// ```
/// use posbook::interop::ccxt::{self, Source};
///
/// let text = r#"[{"symbol": "BTC/USDT:USDT", "side": "long", "contracts": "0.010", "hedged": true, "entryPrice": 44525}]"#;
/// let read = ccxt::positions(text, &Source::default())?;
/// let written = ccxt::export(read.rows());
/// assert!(written.contains(r#""side":"long","contracts":0.01"#));
/// assert_eq!(ccxt::positions(&written, &Source::default())?.rows(), read.rows());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn export(rows: &[Row]) -> String {
    let written = rows.iter().filter_map(|row| match row {
        Row::Position(position) => Some(open(position)),
        Row::Flat(row) => Some(flat(row)),
        Row::Problem(_) => None,
    });
    let written: Vec<Unified<'_>> = written.collect();
    // Text and numbers of our own: nothing in them that could not be written.
    serde_json::to_string(&written).unwrap_or_default()
}

fn open(position: &Position) -> Unified<'_> {
    Unified {
        side: Some(position.side),
        contracts: raw(position.contracts),
        entry_price: position.entry_price.map(raw),
        mark_price: position.mark_price.map(raw),
        leverage: position.leverage.map(raw),
        unrealized_pnl: position.unrealised.map(raw),
        liquidation_price: position.liquidation_price.map(raw),
        margin_mode: position.margin_mode,
        ..empty(position.symbol.as_str(), position.leg, position.contract_size)
    }
}

fn flat(flat: &Flat) -> Unified<'_> {
    empty(flat.symbol.as_str(), flat.leg, flat.contract_size)
}

fn empty(symbol: &str, leg: Leg, contract_size: Option<Decimal>) -> Unified<'_> {
    Unified {
        id: None,
        symbol,
        timestamp: None,
        datetime: None,
        hedged: leg != Leg::Net,
        side: None,
        contracts: raw(Decimal::ZERO),
        contract_size: contract_size.map(raw),
        entry_price: None,
        mark_price: None,
        notional: None,
        leverage: None,
        collateral: None,
        initial_margin: None,
        maintenance_margin: None,
        unrealized_pnl: None,
        liquidation_price: None,
        margin_mode: None,
        info: Info { position_side: leg.only_side() },
    }
}

/// A number with all its digits: a decimal prints as JSON writes numbers.
fn raw(value: Decimal) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
