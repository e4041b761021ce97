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
    /// Of a symbol with fees that nobody says: the first row that has one.
    pub unpaid: BTreeMap<String, String>,
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
    let (mut doubts, mut unpaid) = (BTreeMap::new(), BTreeMap::new());
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
        let written_row = rows.get(row).and_then(|raw| Costs::of(raw));
        if let Some(costs) = &written_row
            && !doubts.contains_key(&symbol)
        {
            let proved = sizes.get(&symbol).map(|size| size.get());
            let known = markets.of(&symbol).map(|market| market.contract_size);
            let taken = known.or(proved).unwrap_or(Decimal::ONE);
            if let Some(says) = other(&symbol, &trade.fill, taken, costs) {
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
        if let Some(currency) = written_row.and_then(|costs| costs.unknown_fee()) {
            unpaid.entry(symbol.clone()).or_insert_with(|| {
                format!("{symbol}: row {row} has a fee in {currency:.40} and does not say how much: it is booked without")
            });
        }
        symbols.push(symbol.clone());
        fills.push(Told { place: format!("row {row}"), symbol, fill: trade.fill });
    }
    Ok(Trades { fills, problems, sizes: sizes.into_iter().collect(), doubts, unpaid, symbols })
}

/// What a trade says it cost.
#[derive(Deserialize)]
struct Costs<'a> {
    #[serde(borrow, default)]
    cost: Option<&'a RawValue>,
    #[serde(borrow, default)]
    amount: Option<&'a RawValue>,
    #[serde(borrow, default)]
    fee: Option<&'a RawValue>,
    #[serde(borrow, default)]
    fees: Option<&'a RawValue>,
}

/// A fee of a trade.
#[derive(Deserialize)]
struct Fee<'a> {
    #[serde(borrow, default)]
    cost: Option<&'a RawValue>,
    #[serde(default)]
    currency: Option<String>,
}

impl<'a> Costs<'a> {
    fn of(row: &'a RawValue) -> Option<Self> {
        serde_json::from_str(row.get()).ok()
    }

    /// The currency of a fee that was paid, where no cost is stated anywhere.
    fn unknown_fee(&self) -> Option<String> {
        let one: Option<Fee<'_>> = self.fee.and_then(|fee| serde_json::from_str(fee.get()).ok());
        let all: Option<Vec<Fee<'_>>> = self.fees.and_then(|fees| serde_json::from_str(fees.get()).ok());
        let all: Vec<_> = all.into_iter().flatten().chain(one).collect();
        if all.iter().any(|fee| fee.cost.is_some()) {
            return None;
        }
        all.into_iter().find_map(|fee| fee.currency)
    }
}

/// A figure without its sign; nothing is no figure.
fn figure(value: &RawValue) -> Option<Decimal> {
    let digits = value.get().trim_matches('"');
    let figure = Decimal::from_str_exact(digits).or_else(|_| Decimal::from_scientific(digits)).ok()?.abs();
    (!figure.is_zero()).then_some(figure)
}

/// What a contract is by the cost of a trade, if that is not what was taken for one: more than 1 % apart, and more than the last
/// digit of the cost, which was rounded there.
fn other(symbol: &str, fill: &Fill, taken: Decimal, costs: &Costs<'_>) -> Option<Decimal> {
    let kind = specified(symbol).ok()?.kind;
    let cost = figure(costs.cost?)?;
    let price = fill.price.get().abs();
    let one = |amount: Decimal| match kind {
        ContractKind::Spot => None,
        ContractKind::Inverse => amount.checked_div(price),
        _ => amount.checked_mul(price),
    };
    let amount = fill.quantity.get();
    // Where the amount was in base units, ccxt multiplied by the size twice.
    let wrote = costs.amount.and_then(figure).filter(|wrote| *wrote != amount);
    let amounts = [Some(amount), wrote];
    if amounts.into_iter().flatten().filter_map(one).any(|one| fits(cost, one, taken).unwrap_or(true)) {
        return None;
    }
    cost.checked_div(one(amount)?)?.round_sf(6)
}

/// Whether a cost is that of the size that was taken. `None`: it cannot be reckoned.
fn fits(cost: Decimal, one: Decimal, taken: Decimal) -> Option<bool> {
    let expected = one.checked_mul(taken)?;
    let digit = if cost.scale() == 0 { Decimal::ZERO } else { Decimal::new(1, cost.scale()) };
    let near = expected.checked_mul(Decimal::new(1, 2))?.max(digit);
    Some(cost.checked_sub(expected)?.abs() <= near)
}
