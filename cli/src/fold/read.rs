//! Fills as they are written: JSON lines or CSV.
//!
//! A number is taken digit by digit as it is written, as a JSON number or as text; exponents are refused. A fill without an id is
//! known by its line.

use std::collections::BTreeSet;
use std::fmt;

use posbook::{Fill, InstrumentId, Leg, OrderSide, Reference, Timestamp};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::folding::specified;

/// Every column, or key, that is read.
const COLUMNS: [&str; 10] =
    ["symbol", "side", "quantity", "price", "id", "order", "fee", "fee_currency", "time", "leg"];

/// A fill, with the symbol and the place in the file that it was read from.
pub struct Told {
    pub place: String,
    pub symbol: String,
    pub fill: Fill,
}

/// A text without the mark that some programs put before UTF-8.
pub fn unmarked(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// What a file has.
pub struct Fills {
    pub fills: Vec<Told>,
    /// Columns, or keys, that are not read.
    pub not_read: Vec<String>,
}

/// Reads all of them; else where the first is that is none, and why.
pub fn fills(text: &str) -> Result<Fills, String> {
    let mut unread = BTreeSet::new();
    let rows = parse(unmarked(text), &mut unread)?;
    let fills = rows.iter().map(|(line, row)| told(*line, row)).collect::<Result<_, _>>()?;
    Ok(Fills { fills, not_read: unread.into_iter().collect() })
}

/// Takes note of a name that is not read. One that is nearly a known one is refused: its values would be missing in silence.
fn note(name: &str, unread: &mut BTreeSet<String>) -> Result<(), String> {
    if COLUMNS.contains(&name) || unread.contains(name) {
        return Ok(());
    }
    let plain = |name: &str| -> String {
        name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
    };
    let meant = plain(name);
    let near = |known: &&&str| {
        let known = plain(known);
        let many = known.strip_suffix('y').map_or_else(|| format!("{known}s"), |stem| format!("{stem}ies"));
        meant == known || meant == many
    };
    if let Some(known) = COLUMNS.iter().find(near) {
        return Err(format!("{:?} is not read: write {known}, or take it out", short(name)));
    }
    unread.insert(name.to_owned());
    Ok(())
}

/// As much of a name as a message holds.
fn short(name: &str) -> String {
    name.chars().take(40).collect()
}

/// The keys of an object.
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seen;
        impl<'de> Visitor<'de> for Seen {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = from.next_entry()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(Seen)
    }
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
fn parse(text: &str, unread: &mut BTreeSet<String>) -> Result<Vec<(usize, Row)>, String> {
    if text.trim_start().starts_with('{') {
        let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        return lines
            .map(|(n, line)| {
                let none = |wrong| format!("line {n}: is no fill: {wrong}");
                for key in serde_json::from_str::<Keys>(line).map_err(none)?.0 {
                    note(&key, unread).map_err(|wrong| format!("line {n}: {wrong}"))?;
                }
                let row = serde_json::from_str(line).map_err(none)?;
                Ok((n, row))
            })
            .collect();
    }
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|wrong| wrong.to_string())?.clone();
    let place = |name: &str| header.iter().position(|column| column == name);
    let mut named = BTreeSet::new();
    for (n, column) in (1..).zip(&header) {
        if column.is_empty() {
            unread.insert(format!("column {n} (no name)"));
            continue;
        }
        note(column, unread)?;
        if !named.insert(column) {
            return Err(format!("has the column {:?} twice: take one of them out", short(column)));
        }
    }
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
        // No venue names a trade so.
        None => format!("(no id: line {line})").parse().map_err(says)?,
    };
    let (quantity, price) = (row.quantity.0.parse().map_err(says)?, row.price.0.parse().map_err(says)?);
    let mut fill = Fill::trade(instrument, id, side, quantity, price);
    if let Some(Text(order)) = &row.order {
        fill = fill.foreign_order(order.parse().map_err(says)?);
    }
    match (&row.fee, &row.fee_currency) {
        (Some(Text(fee)), Some(currency)) => {
            // One of the symbol's own in other letters is that one: btc paid on BTC/USDT leaves what is held.
            let of = specified(&row.symbol).map_err(says)?;
            let own = [&of.base, &of.quote, &of.settle];
            let own = own.into_iter().find(|own| own.as_str().eq_ignore_ascii_case(currency));
            fill = fill.fee(fee, own.map_or(currency.as_str(), |own| own.as_str())).map_err(says)?;
        }
        (Some(_), None) => return Err("has a fee and no fee_currency".to_owned()),
        (None, _) => {}
    }
    if let Some(Text(time)) = &row.time {
        // Microseconds would all become one time, the last there is, and nothing could be sorted by them.
        let time =
            time.parse::<i64>().ok().filter(|ms| ms.checked_mul(1_000_000).is_some()).ok_or_else(|| {
                format!(
                    "a time is a whole number of milliseconds since 1970, up to the year 2262, not {time:.40}"
                )
            })?;
        fill = fill.at(Timestamp::from_millis(time));
    }
    match row.leg.as_deref() {
        None => Ok(fill),
        Some("long") => Ok(fill.leg(Leg::Long)),
        Some("short") => Ok(fill.leg(Leg::Short)),
        Some(other) => Err(format!("a leg is long or short, not {other:.40?}")),
    }
}
