//! What an operator watches: `cargo run --features metrics --example prometheus`.
//!
//! A bot installs a recorder of its choice once; here it is Prometheus, whose text is printed instead of being served. A few
//! orders, one refusal, one fill that nobody ordered, and what a scrape would see of it.

use std::error::Error;

use metrics_exporter_prometheus::PrometheusBuilder;
use posbook::{Book, Command, Fill, Instrument, OrderSide, Side};

fn main() -> Result<(), Box<dyn Error>> {
    let recorder = PrometheusBuilder::new().install_recorder()?;

    let book = Book::builder().build()?;
    let mut figures = book.changes();
    let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    book.mark(btc, "50000".parse()?)?;
    let open = Command::open(btc, Side::Long, "1".parse()?).leverage(10).stop("0.05")?;
    let order = book.reserve(open.clone())?.sent()?;
    if let Err(refused) = book.reserve(open) {
        println!("# refused: {refused}");
    }
    let fill = Fill::trade(btc, "1".parse()?, OrderSide::Buy, "1".parse()?, "50000".parse()?);
    book.record(fill.order(order.client_id()))?;
    order.complete("1".parse()?)?;
    book.record(Fill::trade(btc, "2".parse()?, OrderSide::Sell, "3".parse()?, "50100".parse()?))?;

    // Before each scrape: the gauges, and how far the subscribers are behind.
    figures.try_next();
    figures.measure("figures");
    book.measure();
    print!("{}", recorder.render());
    Ok(())
}
