//! `posbook fold FILE`: reads, folds, prints.

use std::collections::BTreeSet;
use std::path::Path;

use posbook::{ContractKind, Decimal, Quantity};

use super::folding::{Folded, Folding, in_order, specified};
use super::{Options, read, trades};
use crate::output::{self, Format, progress, write};
use crate::{Failure, Verdict, input};

pub fn run(path: &Path, options: &Options) -> Result<Verdict, Failure> {
    let text = input::text(path)?;
    let text = read::unmarked(&text);
    let input = |wrong: String| Failure::Input(format!("{}: {wrong}", path.display()));
    let mut sizes = options.contract_size.clone();
    let (mut refused, mut problems, mut not_read) = (Vec::new(), Vec::new(), Vec::new());
    let fills = if text.trim_start().starts_with('[') {
        let (source, markets) = options.source()?;
        let read = trades::read(path, text, &source, &markets).map_err(Failure::Input)?;
        known(&sizes, read.symbols.iter().map(String::as_str)).map_err(input)?;
        let said = |symbol: &str| sizes.iter().any(|(of, _)| of == symbol);
        problems.extend(read.doubts.into_iter().filter(|(of, _)| !said(of)).map(|(_, doubt)| doubt));
        problems.extend(read.unpaid.into_values());
        // What somebody says wins over what the trades prove: the last that is named counts.
        sizes.splice(0..0, read.sizes);
        refused = read.problems;
        read.fills
    } else {
        let read = read::fills(text).map_err(input)?;
        known(&sizes, read.fills.iter().map(|told| told.symbol.as_str())).map_err(input)?;
        not_read = read.not_read;
        read.fills
    };
    sizes.iter().try_for_each(sound).map_err(input)?;
    let ordered = in_order(fills);
    problems.extend(ordered.problems);
    let bar = progress(ordered.fills.len() as u64, "fills");
    let mut folding = Folding::begin(&ordered.fills, &sizes).map_err(input)?;
    (folding.refused, folding.problems) = (refused, problems);
    (folding.sorted, folding.not_read) = (ordered.moved, not_read);
    for told in ordered.fills {
        folding.book(told).map_err(input)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    let folded = folding.end();
    let sound = folded.refused.is_empty() && folded.problems.is_empty();
    let verdict = if sound { Verdict::Yes } else { Verdict::No };
    match options.format {
        Format::Json => {
            let line = serde_json::to_string(&folded).map_err(|w| Failure::Environment(w.to_string()))?;
            write(&format!("{line}\n"))?;
        }
        Format::Table => write(&tables(&folded))?,
    }
    Ok(verdict)
}

/// A size that somebody states is of a symbol that there is: a slip of the hand would else change nothing, in silence.
fn known<'a>(
    sizes: &[(String, Quantity)],
    symbols: impl Iterator<Item = &'a str> + Clone,
) -> Result<(), String> {
    for (of, _) in sizes {
        if !symbols.clone().any(|symbol| symbol == of) {
            let all: BTreeSet<_> = symbols.clone().collect();
            let some: Vec<_> = all.iter().copied().take(20).collect();
            let some = match all.len() {
                0 => "there is none".to_owned(),
                n if n > some.len() => format!("there are {} and {} more", some.join(", "), n - some.len()),
                _ => format!("there are {}", some.join(", ")),
            };
            return Err(format!("--contract-size names {of:.40}, which no fill has; {some}"));
        }
    }
    Ok(())
}

/// On spot a contract is 1, whoever says otherwise.
fn sound((of, size): &(String, Quantity)) -> Result<(), String> {
    let spot = specified(of).is_ok_and(|spec| spec.kind == ContractKind::Spot);
    if !spot || size.get() == Decimal::ONE {
        return Ok(());
    }
    Err(format!(
        "{of} is spot, where a contract is 1, and not {size}; the symbol of a derivative is BASE/QUOTE:SETTLE"
    ))
}

fn tables(folded: &Folded) -> String {
    // Almost always 1.
    let sized = folded.positions.iter().any(|at| at.contract_size != "1");
    let mut header = vec!["symbol", "leg", "side", "quantity", "entry", "realised", "fees", "fills"];
    header.extend(sized.then_some("a contract is"));
    let mut positions = output::table(header);
    for at in &folded.positions {
        let fees: Vec<_> = at.fees.iter().map(|(currency, fee)| format!("{fee} {currency}")).collect();
        let mut row = vec![
            at.symbol.clone(),
            at.leg.clone(),
            at.side.clone().unwrap_or_else(|| "flat".to_owned()),
            at.quantity.clone(),
            at.entry_price.clone().unwrap_or_default(),
            at.realised.clone(),
            fees.join(", "),
            at.fills.to_string(),
        ];
        row.extend(sized.then(|| at.contract_size.clone()));
        positions.add_row(row);
    }
    let mut totals = output::table(["currency", "realised", "fees", "cash"]);
    for (currency, sum) in &folded.totals {
        totals.add_row([currency, &sum.realised, &sum.fees, &sum.cash]);
    }
    let mut text = format!(
        "{positions}\n\n{totals}\n\n{} fills booked, {} came again\n",
        folded.fills, folded.duplicates
    );
    if folded.sorted > 0 {
        text.push_str(&format!("sorted by time: {} rows moved\n", folded.sorted));
    }
    if !folded.not_read.is_empty() {
        // A name may be anything: no line ends in one.
        let names: Vec<_> = folded.not_read.iter().map(|name| name.escape_debug().to_string()).collect();
        text.push_str(&format!("not read: {}\n", names.join(", ")));
    }
    for problem in &folded.problems {
        text.push_str(&format!("problem: {problem}\n"));
    }
    for refused in &folded.refused {
        text.push_str(&format!("not booked: {refused}\n"));
    }
    text
}
