//! Fills as they are written: JSON lines or CSV.
//!
//! A number is taken digit by digit as it is written, as a JSON number or as text; exponents are refused. A fill without an id is
//! known by its line.

use posbook::{Fill, InstrumentId, Leg, OrderSide, Reference, Timestamp};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A fill, with the symbol and the place in the file that it was read from.
pub struct Told {
    pub place: String,
    pub symbol: String,
    pub fill: Fill,
}

/// Reads all of them; else where the first is that is none, and why.
pub fn fills(text: &str) -> Result<Vec<Told>, String> {
    parse(text)?.iter().map(|(line, row)| told(*line, row)).collect()
}

/// A fill as it is written.
#[derive(Debug, Deserialize)]
struct Row {
    symbol: String,
    side: String,
    quantity: Text,
    price: Text,
    id: Option<Text>,
    order: Option<Text>,
    fee: Option<Text>,
    fee_currency: Option<String>,
    time: Option<Text>,
    leg: Option<String>,
}

/// A number or a text, as it is written.
#[derive(Debug)]
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let written = raw.get();
        if written.starts_with('"') {
            return serde_json::from_str(written).map(Self).map_err(serde::de::Error::custom);
        }
        if written.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            return Ok(Self(written.to_owned()));
        }
        Err(serde::de::Error::custom(format!("{written:.40} is neither a number nor a text")))
    }
}

/// Every row with the number of its line.
fn parse(text: &str) -> Result<Vec<(usize, Row)>, String> {
    if text.trim_start().starts_with('{') {
        let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        return lines
            .map(|(n, line)| {
                let row =
                    serde_json::from_str(line).map_err(|wrong| format!("line {n}: is no fill: {wrong}"))?;
                Ok((n, row))
            })
            .collect();
    }
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|wrong| wrong.to_string())?.clone();
    let place = |name: &str| header.iter().position(|column| column == name);
    if let Some(missing) =
        ["symbol", "side", "quantity", "price"].into_iter().find(|name| place(name).is_none())
    {
        let header: Vec<_> = header.iter().take(20).collect();
        return Err(format!(
            "has no column {missing}, and its first character begins no JSON; columns: {}",
            header.join(", ")
        ));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|wrong| wrong.to_string())?;
        let line = record.position().map_or(0, |at| usize::try_from(at.line()).unwrap_or(usize::MAX));
        let cell =
            |name| place(name).and_then(|n| record.get(n)).filter(|cell| !cell.is_empty()).map(str::to_owned);
        let needed = |name| cell(name).ok_or_else(|| format!("line {line}: has no {name}"));
        rows.push((
            line,
            Row {
                symbol: needed("symbol")?,
                side: needed("side")?,
                quantity: Text(needed("quantity")?),
                price: Text(needed("price")?),
                id: cell("id").map(Text),
                order: cell("order").map(Text),
                fee: cell("fee").map(Text),
                fee_currency: cell("fee_currency"),
                time: cell("time").map(Text),
                leg: cell("leg"),
            },
        ));
    }
    Ok(rows)
}

/// A row as a fill; its instrument is found by its symbol later.
fn told(line: usize, row: &Row) -> Result<Told, String> {
    let place = format!("line {line}");
    let fill = fill(InstrumentId(u32::MAX), line, row).map_err(|wrong| format!("{place}: {wrong}"))?;
    Ok(Told { place, symbol: row.symbol.clone(), fill })
}

fn fill(instrument: InstrumentId, line: usize, row: &Row) -> Result<Fill, String> {
    let says = |wrong: posbook::Rejection| wrong.to_string();
    let side = match row.side.as_str() {
        "buy" => OrderSide::Buy,
        "sell" => OrderSide::Sell,
        other => return Err(format!("a side is buy or sell, not {other:.40?}")),
    };
    let id: Reference = match &row.id {
        Some(Text(id)) => id.parse().map_err(says)?,
        None => format!("line {line}").parse().map_err(says)?,
    };
    let (quantity, price) = (row.quantity.0.parse().map_err(says)?, row.price.0.parse().map_err(says)?);
    let mut fill = Fill::trade(instrument, id, side, quantity, price);
    if let Some(Text(order)) = &row.order {
        fill = fill.foreign_order(order.parse().map_err(says)?);
    }
    match (&row.fee, &row.fee_currency) {
        (Some(Text(fee)), Some(currency)) => fill = fill.fee(fee, currency).map_err(says)?,
        (Some(_), None) => return Err("has a fee and no fee_currency".to_owned()),
        (None, _) => {}
    }
    if let Some(Text(time)) = &row.time {
        let time: i64 =
            time.parse().map_err(|_| format!("a time is a whole number of milliseconds, not {time:.40}"))?;
        fill = fill.at(Timestamp::from_millis(time));
    }
    match row.leg.as_deref() {
        None => Ok(fill),
        Some("long") => Ok(fill.leg(Leg::Long)),
        Some("short") => Ok(fill.leg(Leg::Short)),
        Some(other) => Err(format!("a leg is long or short, not {other:.40?}")),
    }
}
