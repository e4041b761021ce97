//! Recorder files: what a market said, with the time at which we heard it.
//!
//! ```text
//! trades   recv_ns,exch_ms,symbol,trade_id,price,qty,aggressor[,order_class]
//! quotes   recv_ns,exch_ms,symbol,bid,bid_qty,ask,ask_qty
//! marks    recv_ns,exch_ms,symbol,mark,index,last
//! ```
//!
//! The header decides, by name: the columns may stand in any order, and others may stand between them. `recv_ns` is the
//! clock of the recorder and the only one used, since exchange clocks differ from it and from each other by seconds;
//! files recorded side by side merge by it. `exch_ms` is not read at all, so it may be empty. A file may hold any number
//! of symbols. A trade needs a price and a quantity above zero. An empty bid, ask or mark means "not sent": such a
//! row says nothing and is passed over, and is no fault.

use super::layout::{Clock, Header, Layout, SymbolFrom, Values};

/// The layout of a recorder file, if this is the header of one.
///
/// A header with the columns of two kinds at once is of no kind: which of them a row means would be a guess.
pub(super) fn recognise(header: &Header<'_>) -> Option<Layout> {
    let time = header.find("recv_ns")?;
    let symbol = header.find("symbol")?;
    let trade = header
        .find("price")
        .zip(header.find("qty"))
        .map(|(price, quantity)| Values::Trade { price, quantity });
    let quote = header.find("bid").zip(header.find("ask")).map(|(bid, ask)| Values::Quote {
        bid,
        ask,
        bid_quantity: header.find("bid_qty"),
        ask_quantity: header.find("ask_qty"),
    });
    let mark = header.find("mark").map(|price| Values::Mark { price });
    let values = match (trade, quote, mark) {
        (Some(values), None, None) | (None, Some(values), None) | (None, None, Some(values)) => values,
        _ => return None,
    };
    Some(Layout {
        columns: header.names(),
        time: (time, Clock::Nanoseconds),
        symbol: SymbolFrom::Column(symbol),
        values,
        headless: false,
    })
}
