//! What the caller knows of an exchange's markets: the contract sizes that rows often state wrongly.

use std::collections::HashMap;

use rust_decimal::Decimal;

use super::Faulty;
use super::json::{Fields, Token, rows, token};
use super::problem::{Fault, Unreadable};
use crate::model::{ContractKind, Instrument};

/// What is known of one market.
///
/// ```
/// let perpetual = posbook::interop::ccxt::Market { contract_size: "0.001".parse().unwrap(), inverse: false };
/// assert!(!perpetual.inverse);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Market {
    /// What one contract is: base units, or, inverse, units of the quote currency.
    pub contract_size: Decimal,
    /// Whether profit is paid in the base currency.
    pub inverse: bool,
}

/// Markets by ccxt's symbol, found by the exchange's own id too.
///
/// ```
/// use posbook::Instrument;
/// use posbook::interop::ccxt::Markets;
///
/// let read = Markets::read(r#"[{"id": "XBTUSDTM", "symbol": "BTC/USDT:USDT", "contractSize": 0.001, "inverse": false}]"#)?;
/// assert_eq!(read.of("BTC/USDT:USDT").map(|m| m.contract_size.to_string()), Some("0.001".to_owned()));
/// let registered = Markets::of_instruments([&Instrument::linear("ETH/USDT:USDT", "0.01", "0.001")?]);
/// assert!(registered.of("ETH/USDT:USDT").is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Markets {
    by_symbol: HashMap<String, Market>,
    /// Lower case, because exchanges write their own ids in either. `None`: two markets have it.
    symbol_of: HashMap<String, Option<String>>,
}

impl Markets {
    /// What a book has registered.
    pub fn of_instruments<'a>(instruments: impl IntoIterator<Item = &'a Instrument>) -> Self {
        let mut markets = Self::default();
        for instrument in instruments {
            let market = Market {
                contract_size: instrument.contract_size().get(),
                inverse: instrument.kind() == ContractKind::Inverse,
            };
            markets.by_symbol.insert(instrument.symbol().to_string(), market);
        }
        markets
    }

    /// ccxt's markets, an array or the dictionary `exchange.markets`: of each its `symbol`, `id`, `contractSize` (or
    /// `contract_size`) and `inverse`. Markets without a contract size (spot) are passed over.
    ///
    /// # Errors
    /// The text is neither, or a contract size is not a number above zero.
    pub fn read(text: &str) -> Result<Self, Unreadable> {
        let mut markets = Self::default();
        let outer: &serde_json::value::RawValue =
            serde_json::from_str(text).map_err(|wrong| Unreadable::Syntax(wrong.to_string()))?;
        let wrong = |place: &str, (field, fault): Faulty| {
            Unreadable::Shape(format!("the market {}: {field}: {fault}", crate::error::shorten(place)))
        };
        if let Token::Object = token(outer) {
            let all: HashMap<String, &serde_json::value::RawValue> =
                serde_json::from_str(text).map_err(|wrong| Unreadable::Syntax(wrong.to_string()))?;
            for (name, market) in all {
                markets.add(Some(&name), market).map_err(|fault| wrong(&name, fault))?;
            }
        } else {
            for (place, market) in rows(text)?.into_iter().enumerate() {
                markets.add(None, market).map_err(|fault| wrong(&place.to_string(), fault))?;
            }
        }
        Ok(markets)
    }

    fn add(&mut self, name: Option<&str>, market: &serde_json::value::RawValue) -> Result<(), Faulty> {
        let fields = Fields::of(market)?;
        let symbol = fields.text("symbol")?.or_else(|| name.map(str::to_owned));
        let symbol = symbol.ok_or(("symbol".to_owned(), Fault::Missing))?;
        let size = match fields.number("contractSize")? {
            Some(size) => size,
            None => match fields.number("contract_size")? {
                Some(size) => size,
                None => return Ok(()),
            },
        };
        if size.value <= Decimal::ZERO || !size.exact {
            return Err(("contractSize".to_owned(), Fault::not_a_number(&size.value.to_string())));
        }
        let inverse = fields.get("inverse").map(token) == Some(Token::Bool(true));
        if let Some(id) = fields.text("id")? {
            let other = symbol.clone();
            self.symbol_of
                .entry(id.to_ascii_lowercase())
                .and_modify(|known| *known = known.take().filter(|known| *known == other))
                .or_insert(Some(other));
        }
        self.by_symbol.insert(symbol, Market { contract_size: size.value, inverse });
        Ok(())
    }

    /// The market of a symbol.
    pub fn of(&self, symbol: &str) -> Option<Market> {
        self.by_symbol.get(symbol).copied()
    }

    /// ccxt's symbol, if this is the exchange's own id of one market.
    pub(super) fn symbol_of(&self, id: &str) -> Option<&str> {
        if self.by_symbol.contains_key(id) {
            return None;
        }
        self.symbol_of.get(&id.to_ascii_lowercase())?.as_deref()
    }
}
