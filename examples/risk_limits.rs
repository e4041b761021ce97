//! Limits that threads cannot exceed together, and groups: `cargo run --example risk_limits`.
//!
//! Eight threads want to open a position each; the book allows four and so much notional, and of those that are of the grid it
//! allows two. Whoever comes too late is told which limit and which value, before anything was sent.

use std::error::Error;

use posbook::{
    Book, Command, Fill, GroupLimit, Instrument, InstrumentId, Limits, OrderSide, Selection, Side, Tags,
};

fn main() -> Result<(), Box<dyn Error>> {
    let grid = Selection::everything().tag("grid".parse()?);
    let limits = Limits {
        positions: 4,
        key_notional: "100000".parse()?,
        book_notional: "200000".parse()?,
        groups: vec![GroupLimit::new("grid".parse()?, grid.clone()).positions(2)],
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
        // Every other one is of the grid.
        let tagged = |place: usize| if place.is_multiple_of(2) { "grid" } else { "trend" };
        let (book, places) = (&book, ids.iter().enumerate());
        let threads: Vec<_> =
            places.map(|(place, id)| scope.spawn(move || open(book, *id, tagged(place)))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(false)).collect()
    });
    println!("{} of {} threads got in", opened.iter().filter(|opened| **opened).count(), opened.len());

    let view = book.snapshot();
    for (currency, all) in book.exposure(&view, &Selection::everything())? {
        println!("{currency}: {} positions, gross {}, net {}", all.positions, all.gross, all.net);
    }
    let longs = Selection::everything().side(Side::Long);
    println!("{} of them are long", longs.positions(&view).count());
    println!("{} of them are of the grid", grid.positions(&view).count());

    // No way around: a tag moves nothing into a group that is full. Out of it, it frees a place.
    let of_grid: Vec<_> = grid.positions(&view).map(|open| open.key).collect();
    let other = view.iter().find(|open| !of_grid.contains(&open.key)).map(|open| open.key);
    if let (Some(other), [first, _]) = (other, of_grid.as_slice()) {
        let to_the_grid = || Ok::<_, Box<dyn Error>>(Command::tag(other, Tags::new(["grid".parse()?])?));
        match book.apply(to_the_grid()?) {
            Ok(_) => println!("the grid had room"),
            Err(refused) => println!("refused: {refused}"),
        }
        book.apply(Command::tag(*first, Tags::none()).because("left to itself"))?;
        book.apply(to_the_grid()?.because("in its place"))?;
    }
    println!("{} of the grid still", grid.positions(&book.snapshot()).count());
    Ok(())
}

/// Whether a position could be opened; if not, why not.
fn open(book: &Book, id: InstrumentId, tag: &str) -> bool {
    let done = || -> Result<(), Box<dyn Error>> {
        let wish = Command::open(id, Side::Long, "1".parse()?).leverage(5).stop("0.02")?.tag(tag)?;
        let order = book.reserve(wish)?.sent()?;
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
