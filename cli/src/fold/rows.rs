//! `posbook fold FILE`: reads, folds, prints.

use std::path::Path;

use comfy_table::Table;

use super::folding::{Folded, Folding};
use super::{Options, read, trades};
use crate::output::{Format, progress, write};
use crate::{Failure, Verdict, input};

pub fn run(path: &Path, options: &Options) -> Result<Verdict, Failure> {
    let text = input::text(path)?;
    let input = |wrong: String| Failure::Input(format!("{}: {wrong}", path.display()));
    let mut sizes = options.contract_size.clone();
    let (fills, problems) = if text.trim_start().starts_with('[') {
        let read = trades::read(path, &text, &options.source()?).map_err(Failure::Input)?;
        // What somebody says wins over what the trades prove: the last that is named counts.
        sizes.splice(0..0, read.sizes);
        (read.fills, read.problems)
    } else {
        (read::fills(&text).map_err(input)?, Vec::new())
    };
    let bar = progress(fills.len() as u64, "fills");
    let mut folding = Folding::begin(&fills, &sizes).map_err(input)?;
    folding.refused = problems;
    for told in fills {
        folding.book(told).map_err(input)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    let folded = folding.end();
    let verdict = if folded.refused.is_empty() { Verdict::Yes } else { Verdict::No };
    match options.format {
        Format::Json => {
            let line = serde_json::to_string(&folded).map_err(|w| Failure::Environment(w.to_string()))?;
            write(&format!("{line}\n"))?;
        }
        Format::Table => write(&tables(&folded))?,
    }
    Ok(verdict)
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
