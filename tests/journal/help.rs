//! What the tests of the journal share: a desk that trades, and a folder that goes when the test is over.

use std::path::PathBuf;

use posbook::journal::{Journal, JournalOptions};
use posbook::{
    Book, Builder, Clock, Command, Fill, Instrument, InstrumentId, OrderSide, Price, Quantity, Side,
    Timestamp,
};

pub fn q(text: &str) -> Quantity {
    text.parse().unwrap()
}

pub fn p(text: &str) -> Price {
    text.parse().unwrap()
}

/// A folder for one journal.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> PathBuf {
        self.0.path().join("journal")
    }

    pub fn open(&self) -> Journal {
        Journal::open(self.path(), JournalOptions::default(), builder()).unwrap()
    }
}

/// A clock that the tests set themselves.
pub fn builder() -> Builder {
    Book::builder().clock(Clock::manual(Timestamp::from_millis(1_000))).instruments(64)
}

pub fn btc(book: &Book) -> InstrumentId {
    book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001").unwrap()).unwrap()
}

pub fn eth(book: &Book) -> InstrumentId {
    book.register(Instrument::linear("ETH/USDT:USDT", "0.01", "0.001").unwrap()).unwrap()
}

/// A trade of nobody's order.
pub fn trade(id: InstrumentId, name: u64, side: OrderSide, quantity: &str, price: &str) -> Fill {
    Fill::trade(id, format!("t{name}").parse().unwrap(), side, q(quantity), p(price))
        .at(Timestamp::from_millis(i64::try_from(name).unwrap()))
}

/// Opens a position by an order, from the reservation to its end.
pub fn open(book: &Book, id: InstrumentId, quantity: &str, price: &str) {
    book.mark(id, p(price)).unwrap();
    let order = book
        .reserve(Command::open(id, Side::Long, q(quantity)).stop("0.05").unwrap())
        .unwrap()
        .sent()
        .unwrap();
    let name = order.client_id().sequence.0;
    book.record(trade(id, name, OrderSide::Buy, quantity, price).order(order.client_id())).unwrap();
    order.complete(q(quantity)).unwrap();
}
