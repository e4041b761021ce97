//! Unified trades of ccxt (`fetchMyTrades`, a JSON array) as fills. `docs/ccxt.md` says what is read of them.

use std::path::Path;

use posbook::Quantity;
use posbook::interop::ccxt::{self, Source};

use super::read::Told;

/// The fills of an array; the rows that are none, with their place; and what the trades say a contract is.
pub struct Trades {
    pub fills: Vec<Told>,
    pub problems: Vec<String>,
    pub sizes: Vec<(String, Quantity)>,
}

/// Reads an array.
pub fn read(path: &Path, text: &str, source: &Source) -> Result<Trades, String> {
    let unreadable = |wrong: ccxt::Unreadable| format!("{}: {wrong}", path.display());
    let (mut fills, mut problems) = (Vec::new(), Vec::new());
    for (row, read) in ccxt::trades(text, source).map_err(unreadable)?.into_iter().enumerate() {
        match read {
            Ok(trade) => {
                let place = format!("row {row}");
                fills.push(Told { place, symbol: trade.symbol.to_string(), fill: trade.fill });
            }
            Err(problem) => problems.push(format!("row {row}: {problem}")),
        }
    }
    let sizes = ccxt::contract_sizes(text, source).map_err(unreadable)?;
    let sizes =
        sizes.into_iter().filter_map(|(symbol, size)| Some((symbol.to_string(), Quantity::new(size).ok()?)));
    Ok(Trades { fills, problems, sizes: sizes.collect() })
}
