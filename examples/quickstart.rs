//! A position from open to close, at the paper venue: `cargo run --example quickstart`.
//!
//! The paper venue is an exchange in memory. A bot puts its own `Venue` in its place; nothing else changes.

use std::error::Error;

use pollster::block_on;
use posbook::venue::{PaperVenue, PositionManager};
use posbook::{Book, Field, Instrument, Price, Quantity, Side};

const BTC: &str = "BTC/USDT:USDT";

fn main() -> Result<(), Box<dyn Error>> {
    // One book is one account at one venue. Connecting registers what the venue trades.
    let venue = PaperVenue::builder().instruments(vec![Instrument::linear(BTC, "0.1", "0.001")?]).build();
    let manager = block_on(PositionManager::connect(Book::builder().build()?, venue.clone()))?;
    market(&manager, "50000".parse()?)?;

    // Reserve, send, book the fills, settle: one call.
    let one: Quantity = "1".parse()?;
    let opened = block_on(manager.open_position(BTC, Side::Long, one, 10, "0.05".parse()?))?;
    println!("opened    {} @ {}", opened.filled.unwrap_or_default(), opened.average.unwrap_or_default());

    let position = manager.get_position(BTC).ok_or("flat")?;
    println!("targets   {}", targets(position.stop_loss(), position.take_profit()));

    // A second open is refused, and says why. Nothing was sent, nothing was changed.
    let refused = block_on(manager.open_position(BTC, Side::Long, one, 10, "0.05".parse()?));
    println!("again?    {}", refused.err().ok_or("two positions on one key")?);

    // A stop that locks profit in is legal, because the mark is above it.
    market(&manager, "51000".parse()?)?;
    let stop = Field::Set("50500".parse()?);
    let moved = manager.safe_update_position_targets(BTC, stop, Field::Keep, "lock profit in")?;
    println!("targets   {}", targets(moved.stop, moved.take));

    // The price falls to the stop: the pass closes the position.
    market(&manager, "50500".parse()?)?;
    let pass = block_on(manager.update_positions());
    for (key, closed) in pass.closed {
        let closed = closed?;
        let (price, profit) = (closed.average.unwrap_or_default(), closed.realised.unwrap_or_default());
        println!("closed    {key} at {price}, realised {profit}");
    }

    // One snapshot is one moment; it never changes.
    let view = manager.book().snapshot();
    let usdt = view.totals().money(&"USDT".parse()?);
    println!("account   {} open, realised {} USDT, fees {} USDT", view.len(), usdt.realised, usdt.fees);
    Ok(())
}

/// The market moves: the venue executes at this price, and the book marks with it.
fn market(manager: &PositionManager<PaperVenue>, price: Price) -> Result<(), Box<dyn Error>> {
    let book = manager.book();
    manager.venue().tick(&BTC.parse()?, price, book.now())?;
    book.mark(manager.instrument(BTC)?, price)?;
    println!("market    {price}");
    Ok(())
}

fn targets(stop: Option<Price>, take: Option<Price>) -> String {
    let price = |target: Option<Price>| target.map_or_else(|| "none".to_owned(), |p| p.to_string());
    format!("stop {}, take {}", price(stop), price(take))
}
