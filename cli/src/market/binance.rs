//! The public daily dumps of Binance, as downloaded from data.binance.vision.
//!
//! ```text
//! futures trades      id,price,qty,quote_qty,time,is_buyer_maker        (COIN-M: base_qty for quote_qty)
//! futures aggTrades   agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker
//! spot trades         id, price, qty, quoteQty, time, isBuyerMaker, isBestMatch                   no header
//! spot aggTrades      id, price, quantity, first id, last id, time, isBuyerMaker, isBestMatch     no header
//! ```
//!
//! A `.zip` with its one CSV, the CSV taken out of it, or that packed again as `.csv.gz` are all read. Older futures
//! files have no header either, so a first line from an id to a yes or no is a row, and the name of the file, not
//! the number of columns, says which kind it is: spot trades and futures aggTrades both have seven.
//!
//! The symbol stands nowhere but in the name: `BTCUSDT-trades-2024-08-08.zip` is `BTCUSDT`. A renamed zip is
//! still understood, since the name of the CSV inside counts too.
//!
//! Time is in milliseconds, and in spot files since 2025 in microseconds. The two are a factor of a thousand apart, so
//! the size of the number tells: every millisecond from 1973 until the year 5138 is below every microsecond
//! from 1973 on. There is no receive time in a dump; the exchange's time takes its place. Keep that in mind before
//! you merge a dump with a recorder file of the same minutes.

use super::fault::Fault;
use super::layout::{Clock, Header, Layout, SymbolFrom, Values, is_symbol};

/// The columns of a spot trades file; a futures file has the first six.
const TRADES: [&str; 7] = ["id", "price", "qty", "quote_qty", "time", "is_buyer_maker", "is_best_match"];

/// The columns of a spot aggTrades file; a futures file has the first seven.
const AGGREGATED: [&str; 8] = [
    "agg_trade_id",
    "price",
    "quantity",
    "first_trade_id",
    "last_trade_id",
    "transact_time",
    "is_buyer_maker",
    "is_best_match",
];

/// The kinds of dumps that hold trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dump {
    /// Every trade.
    Trades,
    /// Trades of one order at one price in one row.
    Aggregated,
}

/// The layout of a dump, if this is its first line. `names` are the names that the file goes by.
///
/// # Errors
/// It is a dump, but its name does not say of what.
pub(super) fn recognise(header: &Header<'_>, names: &[&str]) -> Result<Option<Layout>, Fault> {
    let named = names.iter().find_map(|name| from_name(name));
    if let Some((time, values)) = headed(header) {
        let (symbol, _) = named.ok_or(Fault::DumpName)?;
        let (columns, time) = (header.names(), (time, Clock::Binance));
        let symbol = SymbolFrom::Name(symbol.to_owned());
        return Ok(Some(Layout { columns, time, symbol, values, headless: false }));
    }

    if !(6..=8).contains(&header.0.len()) || !headless(header) {
        return Ok(None);
    }
    let (symbol, dump) = named.ok_or(Fault::DumpName)?;
    let (columns, fewest): (&[&str], usize) = match dump {
        Dump::Trades => (&TRADES, 6),
        Dump::Aggregated => (&AGGREGATED, 7),
    };
    let (Some(columns), true) = (columns.get(..header.0.len()), header.0.len() >= fewest) else {
        return Ok(None);
    };
    let time = match dump {
        Dump::Trades => 4,
        Dump::Aggregated => 5,
    };
    Ok(Some(Layout {
        columns: columns.iter().map(|&name| name.to_owned()).collect(),
        time: (time, Clock::Binance),
        symbol: SymbolFrom::Name(symbol.to_owned()),
        values: Values::Trade { price: 1, quantity: 2 },
        headless: true,
    }))
}

/// Whether a first line is a row of a dump: an id at its start, yes or no at its end.
fn headless(header: &Header<'_>) -> bool {
    let id = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let answer = |text: &&str| text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false");
    header.0.first().is_some_and(id) && header.0.last().is_some_and(answer)
}

/// Finds the columns of a dump that names them.
fn headed(header: &Header<'_>) -> Option<(usize, Values)> {
    let price = header.find("price")?;
    if header.find("recv_ns").is_some() {
        return None;
    }
    let (time, quantity) = match (header.find("id"), header.find("agg_trade_id")) {
        (Some(_), None) => (header.find("time")?, header.find("qty")?),
        (None, Some(_)) => (header.find("transact_time")?, header.find("quantity")?),
        _ => return None,
    };
    Some((time, Values::Trade { price, quantity }))
}

/// Reads the symbol and the kind out of a name such as `BTCUSDT-trades-2024-08-08.zip`.
fn from_name(name: &str) -> Option<(&str, Dump)> {
    // A path inside a zip has slashes on every system.
    let name = name.rsplit('/').next().unwrap_or(name);
    let (symbol, dump) = match (name.split_once("-trades-"), name.split_once("-aggTrades-")) {
        (Some((symbol, _)), None) => (symbol, Dump::Trades),
        (None, Some((symbol, _))) => (symbol, Dump::Aggregated),
        _ => return None,
    };
    is_symbol(symbol).then_some((symbol, dump))
}

/// The time of a dump in nanoseconds; `None` if the number is neither milliseconds nor microseconds.
pub(super) fn nanoseconds(time: i64) -> Option<i64> {
    match time {
        100_000_000_000..100_000_000_000_000 => time.checked_mul(1_000_000),
        100_000_000_000_000..100_000_000_000_000_000 => time.checked_mul(1_000),
        _ => None,
    }
}
