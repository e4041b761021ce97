//! Unified tickers as prices for the book's marks.

use serde_json::value::RawValue;

use super::json::{self, Fields, Token, token};
use super::problem::{Fault, Problem, Unreadable};
use super::{Faulty, Source};

use crate::model::{Price, Symbol, Timestamp};

/// The latest price of a symbol.
///
/// ```
/// use posbook::interop::ccxt::{self, Source};
///
/// let text = r#"{"BTC/USDT:USDT": {"symbol": "BTC/USDT:USDT", "last": 61804.8, "timestamp": 1723161256322}}"#;
/// let read = ccxt::tickers(text, &Source::default())?;
/// let ticker = read[0].as_ref().map_err(Clone::clone)?;
/// assert_eq!((ticker.symbol.as_str(), ticker.price), ("BTC/USDT:USDT", "61804.8".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticker {
    /// Of what.
    pub symbol: Symbol,
    /// The mark price where the ticker has one, else the last trade's.
    pub price: Price,
    /// The exchange's time. `None`: it states none.
    pub time: Option<Timestamp>,
}

/// Reads ccxt's tickers: an array, or the dictionary by symbol that `fetchTickers` returns.
///
/// # Errors
/// The text is no JSON, neither of the two, or has more than 100,000 rows.
pub fn tickers(text: &str, source: &Source) -> Result<Vec<Result<Ticker, Problem>>, Unreadable> {
    let outer: &RawValue =
        serde_json::from_str(text).map_err(|wrong| Unreadable::Syntax(wrong.to_string()))?;
    let rows = if token(outer) == Token::Object {
        let fields =
            Fields::of(outer).map_err(|(field, fault)| Unreadable::Shape(format!("{field}: {fault}")))?;
        fields.iter().map(|(_, row)| row).collect()
    } else {
        json::rows(text)?
    };
    Ok(rows.into_iter().map(|row| source.row(row, ticker)).collect())
}

fn ticker(fields: &Fields<'_>) -> Result<Ticker, Faulty> {
    let symbol = fields.name("symbol")?;
    for name in ["markPrice", "last", "close"] {
        // Zero is what exchanges write for "none".
        if let Some(price) = fields.number(name)?.filter(|price| !price.value.is_zero()) {
            let price =
                Price::nearest(price.value).map_err(|refused| (name.to_owned(), Fault::refused(&refused)))?;
            return Ok(Ticker { symbol, price, time: fields.time() });
        }
    }
    Err(("last".to_owned(), Fault::Missing))
}
