//! What the rules' tests share beside the staged venue: a book alone, and a venue at which orders rest until the market
//! moves on, and whose calls can be kept waiting one symbol at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pollster::block_on;
use posbook::venue::{
    Answer, FillCursor, FillPage, OrderEnd, OrderReport, OrderRequest, OrderStatus, PaperVenue,
    PositionManager, Scope, Venue, VenueError, VenueReport,
};
use posbook::{
    Book, Builder, Clock, Command, Decimal, Fill, FillOutcome, Instrument, InstrumentId, InstrumentSpec,
    KeyState, Kind, OrderSide, Publication, Replica, Sent, Sequence, Side, Symbol, Timestamp, TroubleKind,
};
use tokio::sync::oneshot;

use crate::stage::{BTC, ETH, f, p, q};

/// What the clocks of these tests say first.
pub const START: Timestamp = Timestamp::from_millis(1_000_000);

// ---- a book alone

/// A book with BTC at 50,000 and ETH at 3,000, and its clock.
pub struct Alone {
    pub book: Book,
    pub btc: InstrumentId,
    pub eth: InstrumentId,
    pub clock: Clock,
    first: Replica,
}

pub fn alone() -> Alone {
    alone_with(Book::builder())
}

pub fn alone_with(builder: Builder) -> Alone {
    let clock = Clock::manual(START);
    let book = builder.clock(clock.clone()).build().unwrap();
    let first = book.replica();
    let id = |symbol| book.register(Instrument::linear(symbol, "0.1", "0.001").unwrap()).unwrap();
    let (btc, eth) = (id(BTC), id(ETH));
    book.mark(btc, p("50000")).unwrap();
    book.mark(eth, p("3000")).unwrap();
    Alone { book, btc, eth, clock, first }
}

impl Alone {
    pub fn pass(&self, time: Duration) {
        self.clock.set(self.clock.now().plus(time));
    }

    /// An order for a long that has left.
    pub fn sent_open(&self, id: InstrumentId, quantity: &str) -> Sent {
        let wish = Command::open(id, Side::Long, q(quantity)).at(p("50000"));
        self.book.reserve(wish).unwrap().sent().unwrap()
    }

    /// A long that an order of ours has opened, at 50,000.
    pub fn long(&self, id: InstrumentId, quantity: &str) {
        let order = self.sent_open(id, quantity);
        let name = format!("open-{}", order.client_id());
        self.book
            .record(trade(id, &name, OrderSide::Buy, quantity, "50000").order(order.client_id()))
            .unwrap();
        order.complete(q(quantity)).unwrap();
    }

    pub fn stands(&self, id: InstrumentId) -> String {
        match self.book.snapshot().get(id) {
            None => "flat".to_owned(),
            Some(open) => format!("{} {}", open.side, open.quantity.get().normalize()),
        }
    }

    pub fn key(&self, id: InstrumentId) -> KeyState {
        self.book.snapshot().key(id).cloned().unwrap()
    }

    pub fn troubles(&self, id: InstrumentId) -> Vec<TroubleKind> {
        self.key(id).troubles.iter().map(|trouble| trouble.kind).collect()
    }

    pub fn record(&self, fill: Fill) -> FillOutcome {
        self.book.record(fill).unwrap().outcome
    }

    /// Why new risk is refused there.
    pub fn refused(&self, id: InstrumentId) -> posbook::Reason {
        let wish: Command = match self.book.snapshot().get(id) {
            None => Command::open(id, Side::Long, q("0.001")).at(p("50000")).into(),
            Some(_) => Command::scale_in(id, q("0.001")).at(p("50000")).into(),
        };
        self.book.check(wish).expect_err("new risk was not refused").reason().clone()
    }

    /// A replica that is told every change, unit by unit, equals the book (I5).
    pub fn folds(&self) {
        let mut replica = self.first.clone();
        let mut changes = self.book.changes_after(Sequence(0));
        while let Some(unit) = changes.try_next() {
            for change in unit.unwrap().iter() {
                replica.apply(change).unwrap();
            }
        }
        assert_eq!(replica.digest(), self.book.snapshot().digest());
    }
}

pub fn trade(id: InstrumentId, name: &str, side: OrderSide, quantity: &str, price: &str) -> Fill {
    Fill::trade(id, name.parse().unwrap(), side, q(quantity), p(price))
}

pub fn ms(time: i64) -> Timestamp {
    Timestamp::from_millis(time)
}

pub fn kinds(publication: &Publication) -> Vec<Kind> {
    publication.iter().map(posbook::Change::kind).collect()
}

/// Everything that happened since, kind by kind.
pub fn since(book: &Book, sequence: Sequence) -> Vec<Kind> {
    let mut changes = book.changes_after(sequence);
    std::iter::from_fn(move || changes.try_next()).flat_map(|unit| kinds(&unit.unwrap())).collect()
}

// ---- a venue at which orders rest

/// A venue whose answer to an order is that it works on it: it fills when its travel time is over. A symbol's next order
/// can be kept waiting.
#[derive(Clone)]
pub struct Floor(Arc<Inner>);

struct Inner {
    paper: PaperVenue,
    sent: Mutex<Vec<OrderRequest>>,
    gates: Mutex<HashMap<Symbol, Gate>>,
}

/// An order that waits before the venue: told when it came, and when to go on.
struct Gate {
    came: oneshot::Sender<()>,
    go: oneshot::Receiver<()>,
}

impl Floor {
    pub fn paper(&self) -> &PaperVenue {
        &self.0.paper
    }

    pub fn sent(&self) -> Vec<OrderRequest> {
        self.0.sent.lock().unwrap().clone()
    }

    /// Holds the next order of a symbol: (it came, let it go).
    pub fn hold(&self, symbol: &str) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        let ((came, has_come), (let_go, go)) = (oneshot::channel(), oneshot::channel());
        self.0.gates.lock().unwrap().insert(symbol.parse().unwrap(), Gate { came, go });
        (has_come, let_go)
    }
}

impl Venue for Floor {
    fn name(&self) -> &str {
        "floor"
    }

    async fn instruments(&self) -> Result<Vec<Instrument>, VenueError> {
        self.0.paper.instruments().await
    }

    async fn submit(&self, order: OrderRequest) -> Result<Answer, VenueError> {
        let (id, symbol) = (order.client_id, order.symbol.clone());
        self.0.sent.lock().unwrap().push(order.clone());
        let gate = self.0.gates.lock().unwrap().remove(&symbol);
        if let Some(Gate { came, go }) = gate {
            came.send(()).unwrap();
            go.await.unwrap();
        }
        // The order is in when this is called; what it comes to is not awaited.
        drop(self.0.paper.submit(order));
        let status = self.0.paper.order(id).await?;
        Ok(Answer { status, fills: Vec::new() })
    }

    async fn cancel(&self, order: posbook::ClientOrderId) -> Result<OrderStatus, VenueError> {
        self.0.paper.cancel(order).await
    }

    async fn order(&self, order: posbook::ClientOrderId) -> Result<OrderStatus, VenueError> {
        self.0.paper.order(order).await
    }

    async fn fills_since(&self, cursor: FillCursor) -> Result<FillPage, VenueError> {
        self.0.paper.fills_since(cursor).await
    }

    async fn positions(&self, scope: Scope) -> VenueReport {
        self.0.paper.positions(scope).await
    }
}

/// How long an order travels to the floor.
pub const TRAVEL: Duration = Duration::from_millis(100);

pub struct Desk {
    pub manager: PositionManager<Floor>,
    pub venue: Floor,
    pub clock: Clock,
}

/// BTC at 50,000 and ETH at 3,000; every order travels for [`TRAVEL`].
pub fn desk() -> Desk {
    let listed = [BTC, ETH].map(|symbol| InstrumentSpec::linear(symbol, "0.1", "0.001").unwrap());
    let desk = desk_of(listed.to_vec(), TRAVEL, Book::builder());
    desk.price(BTC, "50000");
    desk.price(ETH, "3000");
    desk
}

pub fn desk_of(listed: Vec<InstrumentSpec>, travel: Duration, builder: Builder) -> Desk {
    let instruments = listed.into_iter().map(|spec| Instrument::new(spec).unwrap()).collect();
    let paper = PaperVenue::builder().latency(travel..travel).instruments(instruments).build();
    let (sent, gates) = (Mutex::default(), Mutex::default());
    let venue = Floor(Arc::new(Inner { paper, sent, gates }));
    let clock = Clock::manual(START);
    let book = builder.clock(clock.clone()).build().unwrap();
    let manager = block_on(PositionManager::connect(book, venue.clone())).unwrap();
    Desk { manager, venue, clock }
}

impl Desk {
    pub fn book(&self) -> &Book {
        self.manager.book()
    }

    pub fn id(&self, symbol: &str) -> InstrumentId {
        self.manager.instrument(symbol).unwrap()
    }

    pub fn price(&self, symbol: &str, price: &str) {
        self.venue.paper().tick(&symbol.parse().unwrap(), p(price), self.clock.now()).unwrap();
        self.book().mark(self.id(symbol), p(price)).unwrap();
    }

    /// Time passes, here and at the venue: what travels arrives.
    pub fn pass(&self, time: Duration) {
        self.clock.set(self.clock.now().plus(time));
        self.venue.paper().advance(self.clock.now());
    }

    /// What travels arrives, and two passes book what came of it.
    pub fn arrive(&self) {
        self.pass(TRAVEL);
        for _ in 0..2 {
            block_on(self.manager.update_positions());
        }
    }

    pub fn open(&self, symbol: &str, side: Side, amount: &str) -> OrderReport {
        let report = block_on(self.manager.open_position(symbol, side, q(amount), 10, f("0.05"))).unwrap();
        assert_eq!(report.end, OrderEnd::Working);
        self.arrive();
        report
    }

    pub fn stands(&self, symbol: &str) -> String {
        match self.manager.get_position(symbol) {
            None => "flat".to_owned(),
            Some(open) => format!("{} {}", open.side, open.quantity.get().normalize()),
        }
    }

    pub fn venue_has(&self, symbol: &str) -> String {
        let ledger = self.venue.paper().ledger();
        let sum: Decimal = ledger.iter().filter(|a| a.symbol.as_str() == symbol).map(|a| a.quantity).sum();
        sum.normalize().to_string()
    }

    /// Both sides: what the book has, what the venue has.
    pub fn both(&self, symbol: &str) -> (String, String) {
        (self.stands(symbol), self.venue_has(symbol))
    }

    pub fn key(&self, symbol: &str) -> KeyState {
        self.book().snapshot().key(self.id(symbol)).cloned().unwrap()
    }

    pub fn unresolved(&self) -> usize {
        self.book().reservations().len()
    }
}

pub fn both(book: &str, venue: &str) -> (String, String) {
    (book.to_owned(), venue.to_owned())
}
