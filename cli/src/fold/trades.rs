//! Unified trades of ccxt (`fetchMyTrades`, a JSON array) as fills. `docs/ccxt.md` says what is read of them.

use std::collections::BTreeMap;
use std::path::Path;

use posbook::interop::ccxt::{self, Markets, Source};
use posbook::{ContractKind, Decimal, Fill, Quantity};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::folding::{specified, text as written};
use super::read::Told;

/// The fills of an array; the rows that are none, with their place; and what the trades say a contract is.
pub struct Trades {
    pub fills: Vec<Told>,
    pub problems: Vec<String>,
    pub sizes: Vec<(String, Quantity)>,
    /// Of a symbol whose costs say otherwise than the size that is taken: the first row that does.
    pub doubts: BTreeMap<String, String>,
    /// Every symbol that is named, in rows that are no fills too.
    pub symbols: Vec<String>,
}

/// Reads an array.
pub fn read(path: &Path, text: &str, source: &Source, markets: &Markets) -> Result<Trades, String> {
    let unreadable = |wrong: ccxt::Unreadable| format!("{}: {wrong}", path.display());
    let read = ccxt::trades(text, source).map_err(unreadable)?;
    let proved = ccxt::contract_sizes(text, source).map_err(unreadable)?;
    let sizes: BTreeMap<_, _> = proved
        .into_iter()
        .filter_map(|(symbol, size)| Some((symbol.to_string(), Quantity::new(size).ok()?)))
        .collect();
    // Each row as it is written, once more: for its cost alone.
    let rows: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
    let (mut fills, mut problems, mut symbols) = (Vec::new(), Vec::new(), Vec::new());
    let mut doubts = BTreeMap::new();
    for (row, read) in read.into_iter().enumerate() {
        let trade = match read {
            Ok(trade) => trade,
            Err(problem) => {
                problems.push(format!("row {row}: {problem}"));
                symbols.extend(problem.symbol);
                continue;
            }
        };
        let symbol = trade.symbol.to_string();
        // The markets know better than a cost.
        if markets.of(&symbol).is_none() && !doubts.contains_key(&symbol) {
            let taken = sizes.get(&symbol).map_or(Decimal::ONE, |size| size.get());
            if let Some(says) = rows
                .get(row)
                .and_then(|raw| cost(raw))
                .and_then(|cost| other(&symbol, &trade.fill, taken, cost))
            {
                doubts.insert(
                    symbol.clone(),
                    format!(
                        "{symbol}: a contract was taken for {}, and by its cost row {row} has one of {}: say which it is, by \
                         --contract-size {symbol}=SIZE or --markets FILE",
                        written(taken),
                        written(says)
                    ),
                );
            }
        }
        symbols.push(symbol.clone());
        fills.push(Told { place: format!("row {row}"), symbol, fill: trade.fill });
    }
    Ok(Trades { fills, problems, sizes: sizes.into_iter().collect(), doubts, symbols })
}

/// What a trade says it cost, without its sign; nothing is no cost.
fn cost(row: &RawValue) -> Option<Decimal> {
    #[derive(Deserialize)]
    struct Costs<'a> {
        #[serde(borrow)]
        cost: Option<&'a RawValue>,
    }
    let costs: Costs<'_> = serde_json::from_str(row.get()).ok()?;
    let digits = costs.cost?.get().trim_matches('"');
    let cost = Decimal::from_str_exact(digits).or_else(|_| Decimal::from_scientific(digits)).ok()?.abs();
    (!cost.is_zero()).then_some(cost)
}

/// What a contract is by the cost of a trade, if that is not what was taken for one: more than 1 % apart, and more than the last
/// digit of the cost, which was rounded there.
fn other(symbol: &str, fill: &Fill, taken: Decimal, cost: Decimal) -> Option<Decimal> {
    let kind = specified(symbol).ok()?.kind;
    let (amount, price) = (fill.quantity.get(), fill.price.get().abs());
    let one = match kind {
        ContractKind::Spot => return None,
        ContractKind::Inverse => amount.checked_div(price)?,
        _ => amount.checked_mul(price)?,
    };
    let expected = one.checked_mul(taken)?;
    let digit = if cost.scale() == 0 { Decimal::ZERO } else { Decimal::new(1, cost.scale()) };
    let near = expected.checked_mul(Decimal::new(1, 2))?.max(digit);
    if cost.checked_sub(expected)?.abs() <= near {
        return None;
    }
    cost.checked_div(one)?.round_sf(6)
}
