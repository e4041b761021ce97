//! Limits that threads cannot exceed together, and groups: `cargo run --example risk_limits`.
//!
//! Eight threads want to open a position each; the book allows three and so much notional. Whoever comes too late is told
//! which limit and which value, before anything was sent.

use std::error::Error;

use posbook::{Book, Command, Fill, Instrument, InstrumentId, Limits, OrderSide, Selection, Side};

fn main() -> Result<(), Box<dyn Error>> {
    let limits = Limits {
        positions: 3,
        key_notional: "100000".parse()?,
        book_notional: "150000".parse()?,
        ..Limits::default()
    };
    let book = Book::builder().limits(limits).build()?;
    let mut ids = Vec::new();
    for n in 0..8 {
        let id = book.register(Instrument::linear(&format!("C{n}/USDT:USDT"), "0.1", "0.001")?)?;
        book.mark(id, "40000".parse()?)?;
        ids.push(id);
    }

    let opened: Vec<bool> = std::thread::scope(|scope| {
        let threads: Vec<_> = ids.iter().map(|id| scope.spawn(|| open(&book, *id))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(false)).collect()
    });
    println!("{} of {} threads got in", opened.iter().filter(|opened| **opened).count(), opened.len());

    let view = book.snapshot();
    for (currency, all) in book.exposure(&view, &Selection::everything())? {
        println!("{currency}: {} positions, gross {}, net {}", all.positions, all.gross, all.net);
    }
    let longs = Selection::everything().side(Side::Long);
    println!("{} of them are long", longs.positions(&view).count());
    Ok(())
}

/// Whether a position could be opened; if not, why not.
fn open(book: &Book, id: InstrumentId) -> bool {
    let done = || -> Result<(), Box<dyn Error>> {
        let order =
            book.reserve(Command::open(id, Side::Long, "1".parse()?).leverage(5).stop("0.02")?)?.sent()?;
        let fill = Fill::trade(id, "1".parse()?, OrderSide::Buy, "1".parse()?, "40000".parse()?);
        book.record(fill.order(order.client_id()))?;
        order.complete("1".parse()?)?;
        Ok(())
    };
    match done() {
        Ok(()) => true,
        Err(refused) => {
            println!("refused: {refused}");
            false
        }
    }
}
