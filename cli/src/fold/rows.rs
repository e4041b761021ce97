//! Fills as JSON lines or CSV: each is booked in turn, and what they come to is printed.
//!
//! A number is taken digit by digit as it is written, as a JSON number or as text; exponents are refused. A fill that comes
//! twice (same symbol, order and id) is booked once; one without an id is known by its line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use comfy_table::Table;
use posbook::{
    Book, ContractKind, Fill, FillOutcome, Instrument, InstrumentId, InstrumentSpec, Leg, OrderSide,
    PositionMode, Quantity, Reference, Snapshot, Sums, Timestamp,
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::text;
use crate::output::{Format, progress, write};
use crate::{Failure, Verdict, input};

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

/// What all of it comes to.
#[derive(Debug, Serialize)]
struct Folded {
    fills: u64,
    duplicates: u64,
    refused: Vec<String>,
    positions: Vec<Stands>,
    totals: BTreeMap<String, Sum>,
}

/// A key on which something was booked; flat ones have no side.
#[derive(Debug, Serialize)]
struct Stands {
    symbol: String,
    leg: String,
    side: Option<String>,
    quantity: String,
    entry_price: Option<String>,
    cost: Option<String>,
    realised: String,
    fees: BTreeMap<String, String>,
    fills: u64,
}

#[derive(Debug, Serialize)]
struct Sum {
    realised: String,
    fees: String,
    cash: String,
}

pub fn run(path: &Path, sizes: &[(String, Quantity)], format: Format) -> Result<Verdict, Failure> {
    let text = input::text(path)?;
    let rows = parse(&text).map_err(|wrong| Failure::Input(format!("{}: {wrong}", path.display())))?;
    let bar = progress(rows.len() as u64, "fills");
    let says =
        |(line, wrong): (usize, String)| Failure::Input(format!("{}: line {line}: {wrong}", path.display()));
    let mut folding = Folding::begin(&rows, sizes).map_err(says)?;
    for (line, row) in &rows {
        folding.book(*line, row).map_err(|wrong| says((*line, wrong)))?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    let folded = folding.end();
    let verdict = if folded.refused.is_empty() { Verdict::Yes } else { Verdict::No };
    match format {
        Format::Json => {
            let line = serde_json::to_string(&folded).map_err(|w| Failure::Environment(w.to_string()))?;
            write(&format!("{line}\n"))?;
        }
        Format::Table => write(&tables(&folded))?,
    }
    Ok(verdict)
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

struct Folding {
    book: Book,
    ids: BTreeMap<String, InstrumentId>,
    fills: u64,
    duplicates: u64,
    refused: Vec<String>,
}

impl Folding {
    fn begin(rows: &[(usize, Row)], sizes: &[(String, Quantity)]) -> Result<Self, (usize, String)> {
        let symbols: BTreeSet<_> = rows.iter().map(|(_, row)| row.symbol.as_str()).collect();
        let book =
            Book::builder().instruments(symbols.len().max(1)).build().map_err(|w| (0, w.to_string()))?;
        let hedged: BTreeSet<_> =
            rows.iter().filter(|(_, row)| row.leg.is_some()).map(|(_, row)| row.symbol.as_str()).collect();
        let mut ids = BTreeMap::new();
        for (line, Row { symbol, .. }) in rows {
            if ids.contains_key(symbol) {
                continue;
            }
            let size = sizes.iter().rev().find(|(of, _)| of == symbol).map(|(_, size)| *size);
            let id = instrument(symbol, size, hedged.contains(symbol.as_str()))
                .and_then(|instrument| book.register(instrument))
                .map_err(|wrong| (*line, wrong.to_string()))?;
            ids.insert(symbol.clone(), id);
        }
        Ok(Self { book, ids, fills: 0, duplicates: 0, refused: Vec::new() })
    }

    fn book(&mut self, line: usize, row: &Row) -> Result<(), String> {
        let Some(id) = self.ids.get(&row.symbol) else { return Err("its symbol is not known".to_owned()) };
        let fill = fill(*id, line, row)?;
        match self.book.record(fill).map_err(|wrong| wrong.to_string())?.outcome {
            FillOutcome::Booked { .. } => self.fills += 1,
            FillOutcome::Duplicate => self.duplicates += 1,
            other => self.refused.push(format!("line {line}: {other:?}")),
        }
        Ok(())
    }

    fn end(self) -> Folded {
        let view = self.book.snapshot();
        let totals = view.totals().currencies().map(|(currency, money)| {
            let [realised, fees, cash] = [money.realised, money.fees, money.cash].map(text);
            (currency.to_string(), Sum { realised, fees, cash })
        });
        Folded {
            fills: self.fills,
            duplicates: self.duplicates,
            refused: self.refused,
            positions: view.keys().map(|key| stands(&view, key)).collect(),
            totals: totals.collect(),
        }
    }
}

fn stands(view: &Snapshot, key: &posbook::KeyState) -> Stands {
    let open = key.position.as_ref();
    Stands {
        symbol: view.instrument(key.key.instrument).map(|i| i.symbol().to_string()).unwrap_or_default(),
        leg: leg(key.key.leg).to_owned(),
        side: open.map(|open| open.side.to_string()),
        quantity: open.map_or_else(|| "0".to_owned(), |open| open.quantity.to_string()),
        entry_price: open.map(|open| text(open.entry_price())),
        cost: open.map(|open| text(open.cost)),
        realised: text(key.ledger.realised),
        fees: sums(&key.ledger.fees),
        fills: key.ledger.fills,
    }
}

fn leg(leg: Leg) -> &'static str {
    match leg {
        Leg::Net => "net",
        Leg::Long => "long",
        Leg::Short => "short",
    }
}

/// BASE/QUOTE is spot; BASE/QUOTE:SETTLE is inverse if it settles in its base, linear if in its quote, and quanto else.
fn instrument(symbol: &str, size: Option<Quantity>, hedged: bool) -> Result<Instrument, posbook::Rejection> {
    let spec = InstrumentSpec::linear(symbol, "0.00000001", "0.00000001")?;
    let kind = match () {
        () if !symbol.contains(':') => ContractKind::Spot,
        () if spec.settle == spec.base => ContractKind::Inverse,
        () if spec.settle == spec.quote => ContractKind::Linear,
        () => ContractKind::Quanto,
    };
    let mut spec = spec.of_kind(kind);
    if let Some(size) = size {
        spec = spec.with_contract_size(size);
    }
    spec.mode = if hedged { PositionMode::Hedge } else { PositionMode::OneWay };
    Instrument::new(spec)
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

fn sums(of: &Sums) -> BTreeMap<String, String> {
    of.iter().map(|(currency, sum)| (currency.to_string(), text(sum))).collect()
}

fn tables(folded: &Folded) -> String {
    let plain = |header: &[&str]| {
        let mut table = Table::new();
        table.load_preset(comfy_table::presets::NOTHING).set_header(header);
        table
    };
    let mut positions = plain(&["symbol", "leg", "side", "quantity", "entry", "realised", "fees", "fills"]);
    for at in &folded.positions {
        let fees: Vec<_> = at.fees.iter().map(|(currency, fee)| format!("{fee} {currency}")).collect();
        positions.add_row([
            at.symbol.clone(),
            at.leg.clone(),
            at.side.clone().unwrap_or_else(|| "flat".to_owned()),
            at.quantity.clone(),
            at.entry_price.clone().unwrap_or_default(),
            at.realised.clone(),
            fees.join(", "),
            at.fills.to_string(),
        ]);
    }
    let mut totals = plain(&["currency", "realised", "fees", "cash"]);
    for (currency, sum) in &folded.totals {
        totals.add_row([currency, &sum.realised, &sum.fees, &sum.cash]);
    }
    let mut text = format!(
        "{positions}\n\n{totals}\n\n{} fills booked, {} came again\n",
        folded.fills, folded.duplicates
    );
    for refused in &folded.refused {
        text.push_str(&format!("not booked: {refused}\n"));
    }
    text
}
