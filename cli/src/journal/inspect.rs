//! `posbook inspect DIR [--at MOMENT]`.

use std::path::PathBuf;

use clap::Args;
use posbook::journal::{At, History};
use posbook::{Snapshot, Tags};
use serde::Serialize;

use super::{moment, time};
use crate::output::{self, Format, write};
use crate::{Failure, Verdict};

/// Options of `posbook inspect`.
#[derive(Debug, Args)]
pub struct Options {
    /// The folder of the journal.
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// As of this moment: the number of a change, or a time such as `2026-11-27T06:00:00Z`. Without it: the newest.
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    at: Option<At>,

    /// A table for people, or one JSON object on the last line of stdout.
    #[arg(long, default_value = "table")]
    format: Format,
}

#[derive(Debug, Serialize)]
struct Inspection {
    first: u64,
    last: u64,
    sequence: u64,
    digest: String,
    /// Acknowledged and not there any more.
    lost: Option<u64>,
    positions: Vec<Open>,
    orders: Vec<Claim>,
    in_doubt: usize,
    troubled: usize,
    fills: u64,
}

#[derive(Debug, Serialize)]
struct Open {
    symbol: String,
    key: String,
    side: String,
    quantity: String,
    entry: String,
    stop: Option<String>,
    take: Option<String>,
    position: String,
    opened_at: i64,
    realised: String,
    /// The best and the worst unrealised profit that were noted.
    favourable: Option<String>,
    adverse: Option<String>,
    tags: Tags,
}

#[derive(Debug, Serialize)]
struct Claim {
    symbol: String,
    order: String,
    intent: String,
    state: String,
    quantity: String,
    booked: String,
    tags: Tags,
}

pub fn run(options: &Options) -> Result<Verdict, Failure> {
    let history = History::open(&options.folder)?;
    let (first, last) = history.bounds()?;
    let view = history.state_at(options.at.unwrap_or(At::Sequence(last)))?;
    let found = Inspection {
        first: first.0,
        last: last.0,
        sequence: view.sequence().0,
        digest: format!("{:032x}", view.digest()),
        lost: history.lost()?.map(|sequence| sequence.0),
        positions: positions(&view),
        orders: orders(&view),
        in_doubt: view.totals().in_doubt,
        troubled: view.totals().troubled,
        fills: view.totals().fills,
    };
    let text = match options.format {
        Format::Json => {
            serde_json::to_string(&found).map_err(|wrong| Failure::Environment(wrong.to_string()))? + "\n"
        }
        Format::Table => table(&found),
    };
    write(&text)?;
    Ok(Verdict::Yes)
}

fn symbol(view: &Snapshot, key: posbook::PositionKey) -> String {
    view.instrument(key.instrument).map_or_else(|| key.to_string(), |i| i.symbol().to_string())
}

fn positions(view: &Snapshot) -> Vec<Open> {
    view.iter()
        .map(|position| Open {
            symbol: symbol(view, position.key),
            key: position.key.to_string(),
            side: position.side.to_string(),
            quantity: position.quantity.to_string(),
            entry: position.entry_price().to_string(),
            stop: position.stop_loss().map(|price| price.to_string()),
            take: position.take_profit().map(|price| price.to_string()),
            position: position.id.to_string(),
            opened_at: position.opened_at.0,
            realised: position.realised.to_string(),
            favourable: position.excursion.map(|noted| noted.favourable().to_string()),
            adverse: position.excursion.map(|noted| noted.adverse().to_string()),
            tags: position.tags.clone(),
        })
        .collect()
}

fn orders(view: &Snapshot) -> Vec<Claim> {
    view.orders()
        .map(|order| Claim {
            symbol: symbol(view, order.key),
            order: order.client_id.to_string(),
            intent: format!("{:?}", order.intent).to_lowercase(),
            state: order.state.name().to_owned(),
            quantity: order.quantity.to_string(),
            booked: order.booked.to_string(),
            tags: order.tags.clone(),
        })
        .collect()
}

fn table(found: &Inspection) -> String {
    let mut text = match found.first > found.last {
        true => format!("changes   all pruned: the checkpoint at {} is what is left", found.last),
        false => format!("changes   {} to {}", found.first, found.last),
    };
    text += &format!(
        ", shown as of {}\ndigest    {}\nsums      {} open, {} orders unresolved, {} of them in doubt, {} \
         keys troubled, {} fills booked\n",
        found.sequence,
        found.digest,
        found.positions.len(),
        found.orders.len(),
        found.in_doubt,
        found.troubled,
        found.fills
    );
    if let Some(lost) = found.lost {
        text += &format!("LOST      changes up to {lost} were acknowledged and are gone\n");
    }
    if !found.positions.is_empty() {
        let mut rows = output::table([
            "symbol", "side", "quantity", "entry", "stop", "take", "opened", "position", "tags",
        ]);
        for p in &found.positions {
            let or_none = |price: &Option<String>| price.clone().unwrap_or_default();
            rows.add_row([
                p.symbol.clone(),
                p.side.clone(),
                p.quantity.clone(),
                p.entry.clone(),
                or_none(&p.stop),
                or_none(&p.take),
                time(p.opened_at),
                p.position.clone(),
                p.tags.to_string(),
            ]);
        }
        text += &format!("\n{rows}\n");
    }
    if !found.orders.is_empty() {
        let mut rows = output::table(["symbol", "order", "for", "is", "quantity", "booked", "tags"]);
        for o in &found.orders {
            let tags = o.tags.to_string();
            rows.add_row([&o.symbol, &o.order, &o.intent, &o.state, &o.quantity, &o.booked, &tags]);
        }
        text += &format!("\n{rows}\n");
    }
    text
}
