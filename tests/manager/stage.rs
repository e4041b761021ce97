//! A venue that does what a test says: each of its methods can be held when it is called, and answered by hand. What
//! nobody says anything about goes to a paper venue behind it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pollster::block_on;
use posbook::venue::{
    Answer, Completeness, FillCursor, FillPage, OrderEnd, OrderReport, OrderRequest, OrderStatus, Outcome,
    PaperVenue, Pass, PositionManager, Scope, Venue, VenueError, VenueFill, VenuePosition, VenueReport,
};
use posbook::{
    Book, ClientOrderId, Clock, Command, Exit, ExitPlan, Fill, Fraction, Instrument, InstrumentId,
    InstrumentSpec, KeyState, Leg, OrderSide, Position, PositionMode, Price, Quantity, Side, Timestamp,
};
use tokio::sync::oneshot;

pub const BTC: &str = "BTC/USDT:USDT";
pub const ETH: &str = "ETH/USDT:USDT";
/// In hedge mode.
pub const SOL: &str = "SOL/USDT:USDT";

pub fn q(text: &str) -> Quantity {
    text.parse().unwrap()
}

pub fn p(text: &str) -> Price {
    text.parse().unwrap()
}

pub fn f(text: &str) -> Fraction {
    text.parse().unwrap()
}

pub fn lost() -> VenueError {
    VenueError::new("connection reset")
}

pub fn filled(quantity: &str) -> OrderStatus {
    OrderStatus::Final { filled: q(quantity), outcome: Outcome::Filled }
}

pub fn cancelled(quantity: &str) -> OrderStatus {
    OrderStatus::Final { filled: q(quantity), outcome: Outcome::Cancelled }
}

pub fn rejected() -> OrderStatus {
    OrderStatus::Final { filled: Quantity::ZERO, outcome: Outcome::Rejected("insufficient margin".into()) }
}

pub fn says(status: OrderStatus) -> Result<Answer, VenueError> {
    Ok(Answer { status, fills: Vec::new() })
}

/// What one call of a method gets.
enum Turn<Q, A> {
    /// Held until the test says.
    Held(oneshot::Sender<Q>, oneshot::Receiver<Say<A>>),
    /// Answered at once, by code of the test.
    Said(Box<dyn FnOnce(Q) -> A + Send>),
}

/// What a held call is told.
pub enum Say<A> {
    /// Do what the venue does.
    Go,
    /// Do it, and answer this instead.
    GoBut(A),
    /// Do nothing, and answer this.
    Answer(A),
    /// A bug in the venue's code.
    Panic,
}

/// A call that will be held. Dropped unanswered, the call never returns.
pub struct Held<Q, A> {
    called: Option<oneshot::Receiver<Q>>,
    say: oneshot::Sender<Say<A>>,
}

impl<Q, A> Held<Q, A> {
    /// The venue is being called with this.
    pub async fn called(&mut self) -> Q {
        self.called.take().expect("asked once").await.expect("the venue was never called")
    }

    pub fn say(self, what: Say<A>) {
        assert!(self.say.send(what).is_ok(), "whoever called the venue is gone");
    }

    pub fn go(self) {
        self.say(Say::Go);
    }

    pub fn answer(self, with: A) {
        self.say(Say::Answer(with));
    }
}

struct Turns<Q, A>(Mutex<VecDeque<Turn<Q, A>>>);

impl<Q: Clone, A> Turns<Q, A> {
    fn hold(&self) -> Held<Q, A> {
        let ((call, called), (say, told)) = (oneshot::channel(), oneshot::channel());
        self.0.lock().unwrap().push_back(Turn::Held(call, told));
        Held { called: Some(called), say }
    }

    fn say(&self, how: impl FnOnce(Q) -> A + Send + 'static) {
        self.0.lock().unwrap().push_back(Turn::Said(Box::new(how)));
    }

    /// `None`: as the venue would.
    async fn take(&self, question: Q) -> Option<Say<A>> {
        // The lock is released before anything of the test runs: it may call the venue again.
        let turn = self.0.lock().unwrap().pop_front();
        match turn? {
            Turn::Said(how) => Some(Say::Answer(how(question))),
            Turn::Held(call, told) => {
                assert!(call.send(question).is_ok(), "the test is gone");
                match told.await {
                    Ok(Say::Panic) => panic!("a bug in the venue's code"),
                    Ok(say) => Some(say),
                    Err(_) => std::future::pending().await,
                }
            }
        }
    }
}

impl<Q, A> Default for Turns<Q, A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[derive(Clone)]
pub struct Staged(Arc<Stage>);

struct Stage {
    paper: PaperVenue,
    submits: Turns<OrderRequest, Result<Answer, VenueError>>,
    orders: Turns<ClientOrderId, Result<OrderStatus, VenueError>>,
    fills: Turns<FillCursor, Result<FillPage, VenueError>>,
    reports: Turns<Scope, VenueReport>,
    sent: Mutex<Vec<OrderRequest>>,
}

impl Staged {
    pub fn paper(&self) -> &PaperVenue {
        &self.0.paper
    }

    /// Everything that was ever sent, in order.
    pub fn sent(&self) -> Vec<OrderRequest> {
        self.0.sent.lock().unwrap().clone()
    }

    pub fn hold_submit(&self) -> Held<OrderRequest, Result<Answer, VenueError>> {
        self.0.submits.hold()
    }

    pub fn hold_order(&self) -> Held<ClientOrderId, Result<OrderStatus, VenueError>> {
        self.0.orders.hold()
    }

    /// A report that is held was made when it was asked for, not when it is let go.
    pub fn hold_report(&self) -> Held<Scope, VenueReport> {
        self.0.reports.hold()
    }

    pub fn on_submit(&self, how: impl FnOnce(OrderRequest) -> Result<Answer, VenueError> + Send + 'static) {
        self.0.submits.say(how);
    }

    pub fn on_order(
        &self,
        how: impl FnOnce(ClientOrderId) -> Result<OrderStatus, VenueError> + Send + 'static,
    ) {
        self.0.orders.say(how);
    }

    pub fn on_fills(&self, how: impl FnOnce(FillCursor) -> Result<FillPage, VenueError> + Send + 'static) {
        self.0.fills.say(how);
    }

    pub fn on_report(&self, report: VenueReport) {
        self.0.reports.say(move |_| report);
    }
}

impl Venue for Staged {
    fn name(&self) -> &str {
        "staged"
    }

    async fn instruments(&self) -> Result<Vec<Instrument>, VenueError> {
        self.0.paper.instruments().await
    }

    async fn submit(&self, order: OrderRequest) -> Result<Answer, VenueError> {
        self.0.sent.lock().unwrap().push(order.clone());
        let turn = self.0.submits.take(order.clone()).await;
        // The test says when it arrives, however late.
        let order = OrderRequest { valid_until: Timestamp(i64::MAX), ..order };
        match turn {
            None | Some(Say::Go | Say::Panic) => self.0.paper.submit(order).await,
            Some(Say::Answer(answer)) => answer,
            Some(Say::GoBut(answer)) => self.0.paper.submit(order).await.and(answer),
        }
    }

    async fn cancel(&self, order: ClientOrderId) -> Result<OrderStatus, VenueError> {
        self.0.paper.cancel(order).await
    }

    async fn order(&self, order: ClientOrderId) -> Result<OrderStatus, VenueError> {
        let as_asked = self.0.paper.order(order).await;
        match self.0.orders.take(order).await {
            Some(Say::Answer(said) | Say::GoBut(said)) => said,
            _ => as_asked,
        }
    }

    async fn fills_since(&self, cursor: FillCursor) -> Result<FillPage, VenueError> {
        let as_asked = self.0.paper.fills_since(cursor).await;
        match self.0.fills.take(cursor).await {
            Some(Say::Answer(said) | Say::GoBut(said)) => said,
            _ => as_asked,
        }
    }

    async fn positions(&self, scope: Scope) -> VenueReport {
        let as_asked = self.0.paper.positions(scope.clone()).await;
        match self.0.reports.take(scope).await {
            Some(Say::Answer(said) | Say::GoBut(said)) => said,
            _ => as_asked,
        }
    }
}

/// A manager over a staged venue: BTC at 50,000 and ETH at 3,000 in one-way mode, SOL at 100 in hedge mode.
#[derive(Clone)]
pub struct World {
    pub manager: PositionManager<Staged>,
    pub venue: Staged,
    pub clock: Clock,
}

pub fn world() -> World {
    let paper = PaperVenue::builder().build();
    for (symbol, mode) in
        [(BTC, PositionMode::OneWay), (ETH, PositionMode::OneWay), (SOL, PositionMode::Hedge)]
    {
        let spec = InstrumentSpec { mode, ..InstrumentSpec::linear(symbol, "0.1", "0.001").unwrap() };
        paper.list(Instrument::new(spec).unwrap()).unwrap();
    }
    let venue = Staged(Arc::new(Stage {
        paper,
        submits: Turns::default(),
        orders: Turns::default(),
        fills: Turns::default(),
        reports: Turns::default(),
        sent: Mutex::default(),
    }));
    let clock = Clock::manual(Timestamp::from_millis(1_000));
    let book = Book::builder().clock(clock.clone()).build().unwrap();
    let manager = block_on(PositionManager::connect(book, venue.clone())).unwrap();
    let world = World { manager, venue, clock };
    for (symbol, price) in [(BTC, "50000"), (ETH, "3000"), (SOL, "100")] {
        world.price(symbol, price);
    }
    world
}

impl World {
    pub fn id(&self, symbol: &str) -> InstrumentId {
        self.manager.instrument(symbol).unwrap()
    }

    pub fn book(&self) -> &Book {
        self.manager.book()
    }

    /// The market moves, and the bot hears of it. A millisecond passes.
    pub fn price(&self, symbol: &str, price: &str) {
        self.pass(Duration::from_millis(1));
        self.venue.paper().tick(&symbol.parse().unwrap(), p(price), self.clock.now()).unwrap();
        self.book().mark(self.id(symbol), p(price)).unwrap();
    }

    /// Time passes, here and at the venue.
    pub fn pass(&self, time: Duration) {
        self.clock.set(self.clock.now().plus(time));
        self.venue.paper().advance(self.clock.now());
    }

    /// The exit that is due at this mark, now.
    pub fn due(&self, position: &Position, mark: &str) -> Option<Exit> {
        let view = self.book().snapshot();
        let instrument = view.instrument(position.key.instrument).unwrap();
        posbook::exits::due(position, instrument, Some(p(mark)), self.clock.now())
    }

    pub fn open(&self, symbol: &str, side: Side, amount: &str) -> OrderReport {
        let order = self.manager.open_position(symbol, side, q(amount), 10, f("0.05"));
        let report = block_on(order).unwrap();
        assert_eq!(report.end, OrderEnd::Done);
        report
    }

    /// Opens with a stop at 5 %, a take profit at 10 %, and this plan.
    pub fn open_planned(&self, symbol: &str, side: Side, amount: &str, plan: ExitPlan) {
        let wish = Command::open(self.id(symbol), side, q(amount)).stop("0.05").unwrap().exits(plan);
        let report = block_on(self.manager.order(wish)).unwrap();
        assert_eq!(report.end, OrderEnd::Done);
    }

    /// One pass in which nothing goes wrong.
    pub fn quiet_pass(&self) -> Pass {
        let pass = block_on(self.manager.update_positions());
        assert!(pass.refused.is_empty() && pass.faults.is_empty(), "{pass:?}");
        pass
    }

    /// The stop loss, as text.
    pub fn stop(&self, symbol: &str) -> String {
        self.manager.get_position(symbol).unwrap().stop_loss().map_or("none".into(), |stop| stop.to_string())
    }

    /// What is open, as text: side and quantity, or flat.
    pub fn stands(&self, symbol: &str) -> String {
        match self.manager.get_position(symbol) {
            None => "flat".to_owned(),
            Some(position) => format!("{} {}", position.side, position.quantity),
        }
    }

    pub fn key(&self, symbol: &str) -> KeyState {
        self.book().snapshot().key(self.id(symbol)).cloned().unwrap()
    }

    pub fn in_doubt(&self) -> usize {
        self.book().snapshot().totals().in_doubt
    }

    /// Unresolved orders.
    pub fn unresolved(&self) -> usize {
        self.book().reservations().len()
    }

    /// How many orders this symbol got at the venue.
    pub fn sent(&self, symbol: &str) -> usize {
        self.venue.sent().iter().filter(|order| order.symbol.as_str() == symbol).count()
    }

    /// What the venue really has, signed.
    pub fn venue_has(&self, symbol: &str) -> String {
        let ledger = self.venue.paper().ledger();
        let sum: posbook::Decimal =
            ledger.iter().filter(|account| account.symbol.as_str() == symbol).map(|a| a.quantity).sum();
        sum.normalize().to_string()
    }

    pub fn refused_increase(&self, symbol: &str) -> String {
        let id = self.id(symbol);
        let side = self.manager.get_position(symbol).map(|p| p.side);
        let wish: Command = match side {
            None => Command::open(id, Side::Long, q("1")).into(),
            Some(_) => Command::scale_in(id, q("1")).into(),
        };
        self.book().check(wish).expect_err("new risk was not refused").to_string()
    }

    /// A report of the whole account with this venue time.
    pub fn report_at(&self, venue_time: Option<Timestamp>, rows: Vec<VenuePosition>) -> VenueReport {
        VenueReport { scope: Scope::All, completeness: Completeness::Complete, venue_time, rows }
    }

    /// The next report says this, as of now.
    pub fn report(&self, rows: Vec<VenuePosition>) {
        self.venue.on_report(self.report_at(Some(self.clock.now()), rows));
    }

    /// A fill of an order of ours, as the venue names it.
    pub fn fill(&self, order: &OrderRequest, trade: &str, quantity: &str, price: &str) -> VenueFill {
        let fill = Fill::trade(InstrumentId(0), trade.parse().unwrap(), order.side, q(quantity), p(price))
            .order(order.client_id)
            .at(self.clock.now());
        VenueFill { symbol: order.symbol.clone(), fill }
    }

    /// A fill of nobody's order.
    pub fn foreign(
        &self,
        symbol: &str,
        trade: &str,
        side: OrderSide,
        quantity: &str,
        price: &str,
    ) -> VenueFill {
        let fill = Fill::trade(InstrumentId(0), trade.parse().unwrap(), side, q(quantity), p(price))
            .foreign_order("by-hand".parse().unwrap())
            .at(self.clock.now());
        VenueFill { symbol: symbol.parse().unwrap(), fill }
    }
}

pub fn row(symbol: &str, side: Side, quantity: &str, entry: &str) -> VenuePosition {
    let symbol = symbol.parse().unwrap();
    VenuePosition { symbol, leg: Leg::Net, side, quantity: q(quantity), entry: p(entry), leverage: None }
}
