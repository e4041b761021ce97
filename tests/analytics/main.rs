//! What was earned, and why: lives and figures told from the changes of real books, against published examples, against a
//! recomputation that shares no code with the crate, and on recorded accounts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod again;
mod batch;
mod endings;
mod recorded;
mod textbook;
mod unknown;

use posbook::analytics::{Keep, Performance};
use posbook::{
    Book, Change, Changes, Clock, Command, Decimal, Fill, Instrument, InstrumentId, OrderSide, Timestamp,
};

/// A day of 2024 that all tests begin with: a Monday.
const START: Timestamp = Timestamp::from_millis(1_704_067_200_000);

/// A book on a clock that stands still, with one instrument.
struct Bench {
    book: Book,
    clock: Clock,
    btc: InstrumentId,
    changes: Changes,
    trades: u32,
}

impl Bench {
    fn new() -> Self {
        let clock = Clock::manual(START);
        let book = Book::builder().clock(clock.clone()).build().unwrap();
        let changes = book.changes();
        let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001").unwrap()).unwrap();
        Self { book, clock, btc, changes, trades: 0 }
    }

    /// A trade on the account that was no order of ours.
    fn trade(&mut self, side: OrderSide, quantity: &str, price: &str) -> Fill {
        self.trades += 1;
        let (quantity, price) = (quantity.parse().unwrap(), price.parse().unwrap());
        Fill::trade(self.btc, format!("t-{}", self.trades).parse().unwrap(), side, quantity, price)
    }

    fn buy(&mut self, quantity: &str, price: &str) {
        let fill = self.trade(OrderSide::Buy, quantity, price);
        self.book.record(fill).unwrap();
    }

    fn sell(&mut self, quantity: &str, price: &str) {
        let fill = self.trade(OrderSide::Sell, quantity, price);
        self.book.record(fill).unwrap();
    }

    /// A mark comes, and a pass notes it.
    fn note(&mut self, mark: &str) {
        self.book.mark(self.btc, mark.parse().unwrap()).unwrap();
        let position = self.book.snapshot().get(self.btc).unwrap().id;
        self.book.apply(Command::Reach { key: self.btc.into(), position }).unwrap();
    }

    /// Everything that was published and not read yet.
    fn read(&mut self) -> Vec<Change> {
        let mut all = Vec::new();
        while let Some(publication) = self.changes.try_next() {
            all.extend(publication.expect("the window holds all of it").iter().cloned());
        }
        all
    }

    fn performance(&mut self) -> Performance {
        let mut performance = Performance::keeping(Keep { lives: usize::MAX, rows: usize::MAX });
        performance.follow_all(&self.read()).unwrap();
        performance
    }
}

fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}
