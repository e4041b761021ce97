//! The book's own positions in ccxt's words.

use super::positions::Position;
use crate::model::{self, Instrument, Leverage, Price};

impl Position {
    /// An open position of a book as ccxt has them, and what it is worth at `mark`, if there is one. ccxt knows no owners: two
    /// strategies that hold the same leg are two rows. Liquidation price and margin mode are the venue's to say.
    ///
    /// ```
    /// use posbook::interop::ccxt::{self, Position, Row};
    /// use posbook::{Book, Fill, Instrument, OrderSide};
    ///
    /// let book = Book::builder().build()?;
    /// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// book.record(Fill::trade(btc, "1".parse()?, OrderSide::Sell, "2".parse()?, "50000".parse()?))?;
    /// book.mark(btc, "49000".parse()?)?;
    ///
    /// let view = book.snapshot();
    /// let rows = view.iter().filter_map(|open| {
    ///     let instrument = view.instrument(open.key.instrument)?;
    ///     let mark = book.fresh_mark(open.key.instrument).map(|mark| mark.price);
    ///     Some(Row::Position(Position::of(open, instrument, mark)))
    /// });
    /// let written = ccxt::export(&rows.collect::<Vec<_>>());
    /// assert!(written.contains(r#""side":"short","contracts":2,"contractSize":1,"entryPrice":50000"#));
    /// assert!(written.contains(r#""unrealizedPnl":2000"#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of(open: &model::Position, instrument: &Instrument, mark: Option<Price>) -> Self {
        Self {
            symbol: instrument.symbol().clone(),
            leg: open.key.leg,
            side: open.side,
            contracts: open.quantity.get(),
            contract_size: Some(open.contract_size.get()),
            entry_price: Some(open.entry_price()),
            mark_price: mark.map(Price::get),
            liquidation_price: None,
            unrealised: mark.and_then(|mark| open.unrealised(mark).ok()),
            leverage: open.leverage.map(Leverage::get),
            margin_mode: None,
        }
    }
}
