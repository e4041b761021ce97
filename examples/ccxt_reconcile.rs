//! What ccxt's `fetch_positions` returned, held against a book: `cargo run --example ccxt_reconcile`.
//!
//! The bot believes in a long of two contracts and in a short that somebody closed by hand; the exchange has three contracts of
//! the one, nothing of the other, and a position that nobody opened here. One row cannot be read, so the report is partial: it
//! proves what is there, and nothing of what is not. The next report is whole.

use std::error::Error;

use posbook::interop::ccxt::{self, Markets, Position, Row, Source};
use posbook::reconcile::{Policies, Policy, Way, Ways, compare};
use posbook::venue::{Confirmations, Scope};
use posbook::{Book, Fill, Instrument, OrderSide, Timestamp};

/// As ccxt serialises it: numbers, text, nulls, and one symbol that it has no side for.
const FIRST: &str = r#"[
  {"symbol":"BTC/USDT:USDT","side":"long","contracts":3,"contractSize":1,"entryPrice":50100.0,"leverage":10},
  {"symbol":"SOL/USDT:USDT","side":"short","contracts":"40","contractSize":1,"entryPrice":"150.25"},
  {"symbol":"XRP/USDT:USDT","side":null,"contracts":null,"contractSize":1}]"#;
const SECOND: &str = r#"[
  {"symbol":"BTC/USDT:USDT","side":"long","contracts":3,"contractSize":1,"entryPrice":50100.0,"leverage":10},
  {"symbol":"SOL/USDT:USDT","side":"short","contracts":"40","contractSize":1,"entryPrice":"150.25"}]"#;

fn main() -> Result<(), Box<dyn Error>> {
    let book = Book::builder().build()?;
    for (symbol, side) in [("BTC/USDT:USDT", OrderSide::Buy), ("ETH/USDT:USDT", OrderSide::Sell)] {
        let id = book.register(Instrument::linear(symbol, "0.1", "0.001")?)?;
        let fill = Fill::trade(id, "1".parse()?, side, "2".parse()?, "50000".parse()?);
        book.record(fill.at(Timestamp::from_millis(1_000)))?;
    }
    book.register(Instrument::linear("SOL/USDT:USDT", "0.01", "0.1")?)?;

    // Presence and quantity are repaired, every other field that differs is named.
    let ways = Ways { quantity: Way::VenueWins, ..Ways::thorough() };
    let policies = Policies::from(Policy { ways, ..Policy::default() });
    // Absence has to be seen again where no time proves that a report is new; here each has the venue's time.
    let mut earlier = Confirmations::default();
    for (n, text) in [FIRST, SECOND].into_iter().enumerate() {
        // What a contract is, the book knows best.
        let view = book.snapshot();
        let markets = Markets::of_instruments(view.instruments().map(|(_, instrument)| instrument));
        let read = ccxt::positions(text, &Source::new("binance").with_markets(markets))?;
        for row in read.rows() {
            if let Row::Problem(problem) = row {
                println!("not read: {problem}");
            }
        }
        let time = Timestamp::from_millis(2_000 + 1_000 * i64::try_from(n)?);
        let report = read.report(Scope::All, Some(time));
        let plan = compare(&view, &report, view.sequence(), &policies, &[], &mut earlier);
        println!("{plan}");
        let done = plan.apply(&book);
        println!("{} repaired, {} left\n", done.resolved(), done.unresolved());
    }

    // And out again, as ccxt would have it.
    let view = book.snapshot();
    let of = |open: &posbook::Position| Some(Position::of(open, view.instrument(open.key.instrument)?, None));
    let rows: Vec<Row> = view.iter().filter_map(of).map(Row::Position).collect();
    println!("{}", ccxt::export(&rows));
    Ok(())
}
