//! ccxt's unified positions, trades, tickers and orders: read by rules over field names and signs, never by a table of
//! exchanges, and positions written back.
//!
//! Every field of ccxt may be null, a number, or text; what is missing stands in `info`, the exchange's own row, under names
//! and in units of its own. A row becomes a position, a flat row, or a [`Problem`] that names exchange, symbol and field.
//! Nothing is guessed: a size whose unit cannot be known is a problem, and one problem makes the report partial (R10).
//! `docs/ccxt.md` says what is read, what wins and what is refused.
//!
//! ```
//! use posbook::interop::ccxt::{self, Row, Source};
//! use posbook::{Leg, Side};
//!
//! // Open, although ccxt says neither how much nor which way: the exchange's own row does.
//! let text = r#"[{"symbol": "SOL/USDC:USDC", "side": null, "contracts": null, "notional": 463.9594, "entryPrice": 112.0945,
//!                 "unrealizedPnl": 89.563507, "info": {"position": {"coin": "SOL", "szi": "3.34", "positionValue": "463.9594",
//!                 "unrealizedPnl": "89.563507"}}}]"#;
//! let read = ccxt::positions(text, &Source::new("hyperliquid"))?;
//! let [Row::Position(sol)] = read.rows() else { return Err("not one position".into()) };
//! assert_eq!((sol.side, sol.leg, sol.contracts.to_string()), (Side::Long, Leg::Net, "3.34".to_owned()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod export;
mod figures;
mod info;
mod json;
mod markets;
mod names;
mod number;
mod orders;
mod own;
mod positions;
mod problem;
mod row;
mod sizes;
mod tickers;
mod trades;
mod words;

pub use export::export;
pub use markets::{Market, Markets};
pub use orders::{OrderRow, orders};
pub use positions::{Flat, Position, Positions, Row, positions};
pub use problem::{Fault, Problem, Unreadable};
pub use sizes::contract_sizes;
pub use tickers::{Ticker, tickers};
pub use trades::trades;

use info::Info;
use json::Fields;
use serde_json::value::RawValue;

/// Where rows come from: the exchange's name, for messages only, and what its markets are.
///
/// ```
/// use posbook::interop::ccxt::{Markets, Source};
///
/// let source = Source::new("okx").with_markets(Markets::default());
/// assert_eq!(source.exchange(), Some("okx"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Source {
    exchange: Option<String>,
    markets: Markets,
}

impl Source {
    /// Rows of an exchange, about whose markets nothing is known: contract sizes come from the rows.
    pub fn new(exchange: &str) -> Self {
        Self { exchange: Some(crate::error::shorten(exchange)), markets: Markets::default() }
    }

    /// Contract sizes come from these, wherever they know the symbol.
    #[must_use]
    pub fn with_markets(mut self, markets: Markets) -> Self {
        self.markets = markets;
        self
    }

    /// The exchange's name. `None`: nobody said one.
    pub fn exchange(&self) -> Option<&str> {
        self.exchange.as_deref()
    }

    fn problem(&self, symbol: Option<&str>, field: impl Into<String>, fault: Fault) -> Problem {
        Problem {
            exchange: self.exchange.clone(),
            symbol: symbol.map(crate::error::shorten),
            field: field.into(),
            fault,
        }
    }

    /// Reads one row; what is wrong with it names the exchange and, if it can be read, the symbol.
    fn row<'a, T>(
        &self,
        value: &'a RawValue,
        read: impl FnOnce(&Fields<'a>) -> Result<T, Faulty>,
    ) -> Result<T, Problem> {
        let fields = Fields::of(value).map_err(|(field, fault)| {
            self.problem(None, if field.is_empty() { "row".to_owned() } else { field }, fault)
        })?;
        read(&fields).map_err(|(field, fault)| {
            let said = fields.text("symbol").ok().flatten();
            let symbol = said.or_else(|| Info::of(fields.get("info")?).ok()?.name());
            self.problem(symbol.as_deref(), field, fault)
        })
    }
}

/// The field at fault, and the fault.
type Faulty = (String, Fault);
