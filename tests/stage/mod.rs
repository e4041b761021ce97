//! A venue that does what a test says: each of its methods can be held when it is called, and answered by hand. What
//! nobody says anything about goes to a paper venue behind it.
#![allow(dead_code, reason = "each test binary uses a part of the stage")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use pollster::block_on;
use posbook::reconcile::{Consent, Policy, ReconcileReport};
use posbook::venue::{
    Answer, Completeness, FillCursor, FillPage, OrderEnd, OrderReport, OrderRequest, OrderStatus, Outcome,
    PaperAccount, PaperBuilder, PaperVenue, Pass, PositionManager, Scope, Venue, VenueError, VenueFill,
    VenuePosition, VenueReport,
};
use posbook::{
    Book, Builder, ClientOrderId, Clock, Command, Decimal, Error, Exit, ExitPlan, Fill, Fraction, Instrument,
    InstrumentId, InstrumentSpec, KeyState, Leg, OrderSide, Position, PositionMode, Price, Publication,
    Quantity, Reason, Side, Timestamp,
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

/// A call of the manager, on a thread of its own, that has come as far as the venue and is held there.
pub struct Away<Q, A, T> {
    /// What the venue is being called with.
    pub called: Q,
    held: Held<Q, A>,
    thread: JoinHandle<T>,
}

/// An order on its way.
pub type AwayOrder = Away<OrderRequest, Result<Answer, VenueError>, OrderReport>;

impl<Q, A, T> Away<Q, A, T> {
    /// What the manager made of it.
    pub fn say(self, what: Say<A>) -> T {
        self.held.say(what);
        self.thread.join().expect("the call panicked")
    }

    pub fn go(self) -> T {
        self.say(Say::Go)
    }

    pub fn answer(self, with: A) -> T {
        self.say(Say::Answer(with))
    }

    /// A bug in the venue's code ends the thread.
    pub fn panic(self) {
        self.held.say(Say::Panic);
        assert!(self.thread.join().is_err());
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
    world_of(PaperVenue::builder(), Book::builder())
}

/// As [`world`], with a venue and a book that are set up otherwise.
pub fn world_of(paper: PaperBuilder, book: Builder) -> World {
    let venue = Staged(Arc::new(Stage {
        paper: paper.build(),
        submits: Turns::default(),
        orders: Turns::default(),
        fills: Turns::default(),
        reports: Turns::default(),
        sent: Mutex::default(),
    }));
    let clock = Clock::manual(Timestamp::from_millis(1_000));
    let book = book.clock(clock.clone()).build().unwrap();
    let manager = block_on(PositionManager::connect(book, venue.clone())).unwrap();
    let world = World { manager, venue, clock };
    let one_way = |symbol| InstrumentSpec::linear(symbol, "0.1", "0.001").unwrap();
    world.list(one_way(BTC), "50000");
    world.list(one_way(ETH), "3000");
    world.list(InstrumentSpec { mode: PositionMode::Hedge, ..one_way(SOL) }, "100");
    world
}

pub fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> Reason {
    match result {
        Err(Error::Rejected(refused)) => refused.reason().clone(),
        other => panic!("not refused: {other:?}"),
    }
}

/// A person says that an empty report means a flat account.
pub fn consent() -> Policy {
    Policy { consent: Consent::EmptyMeansFlat, ..Policy::default() }
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

    /// One more instrument, listed at the venue and known to the bot, with a price on both sides.
    pub fn list(&self, spec: InstrumentSpec, price: &str) {
        let instrument = Instrument::new(spec).unwrap();
        let symbol = instrument.symbol().clone();
        self.venue.paper().list(instrument.clone()).unwrap();
        self.book().register(instrument).unwrap();
        self.price(symbol.as_str(), price);
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

    /// Asks for an open, as a bot does.
    pub fn try_open(&self, symbol: &str, side: Side, amount: &str) -> Result<OrderReport, Error> {
        block_on(self.manager.open_position(symbol, side, q(amount), 10, f("0.05")))
    }

    /// Opens, and sees to it that it is done.
    pub fn open(&self, symbol: &str, side: Side, amount: &str) -> OrderReport {
        let report = self.try_open(symbol, side, amount).unwrap();
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

    // ---- calls that the venue holds

    /// Calls the manager on another thread, and waits until the venue is called and holds it.
    pub fn away<Q: Clone, A, T: Send + 'static>(
        &self,
        mut held: Held<Q, A>,
        call: impl FnOnce(&PositionManager<Staged>) -> T + Send + 'static,
    ) -> Away<Q, A, T> {
        let manager = self.manager.clone();
        let (running, ended) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            let _running = running;
            call(&manager)
        });
        let called = block_on(async {
            tokio::select! {
                biased;
                called = held.called() => called,
                _ = ended => panic!("the call ended and the venue was never called"),
            }
        });
        Away { called, held, thread }
    }

    fn order_away(
        &self,
        call: impl FnOnce(&PositionManager<Staged>) -> Result<OrderReport, Error> + Send + 'static,
    ) -> AwayOrder {
        self.away(self.venue.hold_submit(), |manager| call(manager).unwrap())
    }

    /// An open whose answer is awaited.
    pub fn opening(&self, symbol: &'static str, side: Side, amount: &str) -> AwayOrder {
        let amount = q(amount);
        self.order_away(move |m| block_on(m.open_position(symbol, side, amount, 10, f("0.05"))))
    }

    /// A scale-in whose answer is awaited.
    pub fn adding(&self, symbol: &'static str, amount: &str) -> AwayOrder {
        let amount = q(amount);
        self.order_away(move |m| block_on(m.scale_in_position(symbol, amount)))
    }

    /// A scale-out whose answer is awaited.
    pub fn reducing(&self, symbol: &'static str, amount: &str) -> AwayOrder {
        let amount = q(amount);
        self.order_away(move |m| block_on(m.scale_out_position(symbol, amount, "part")))
    }

    /// A close whose answer is awaited.
    pub fn closing(&self, symbol: &'static str) -> AwayOrder {
        self.order_away(move |m| block_on(m.close_position(symbol, "out")))
    }

    /// A reconciliation whose report is awaited. The report was made when it was asked for.
    pub fn reconciling(&self, policy: Policy) -> Away<Scope, VenueReport, Result<ReconcileReport, Error>> {
        self.away(self.venue.hold_report(), move |m| block_on(m.reconcile_with(policy)))
    }

    /// A pass over everything open, which one of its questions holds up.
    pub fn passing<Q: Clone + Send + 'static, A: Send + 'static>(
        &self,
        held: Held<Q, A>,
    ) -> Away<Q, A, Pass> {
        self.away(held, |m| block_on(m.update_positions()))
    }

    /// The venue executes an order whose answer it still holds back.
    pub fn execute(&self, order: &OrderRequest) {
        // The call sends it; its future only waits.
        drop(self.venue.paper().submit(order.clone()));
    }

    /// Somebody trades by hand on the account. The bot has not heard of it yet.
    pub fn by_hand(&self, symbol: &str, side: OrderSide, quantity: &str) {
        self.venue.paper().place_foreign(&symbol.parse().unwrap(), Leg::Net, side, q(quantity)).unwrap();
    }

    /// The next question for fills hears of none.
    pub fn hide_fills(&self) {
        self.venue.on_fills(|cursor| Ok(FillPage { fills: Vec::new(), next: cursor }));
    }

    // ---- what stands

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
        self.of_venue(symbol, |account| account.quantity)
    }

    fn of_venue(&self, symbol: &str, figure: impl Fn(&PaperAccount) -> Decimal) -> String {
        let ledger = self.venue.paper().ledger();
        let sum: Decimal = ledger.iter().filter(|a| a.symbol.as_str() == symbol).map(figure).sum();
        sum.normalize().to_string()
    }

    fn of_book(&self, symbol: &str, figure: impl Fn(&KeyState) -> Decimal) -> String {
        let (view, id) = (self.book().snapshot(), self.id(symbol));
        let sum: Decimal = view.keys().filter(|k| k.key.instrument == id).map(figure).sum();
        sum.normalize().to_string()
    }

    /// The book and the venue hold this much, signed, and the same cash has flowed on both sides.
    #[track_caller]
    pub fn both_have(&self, symbol: &str, quantity: &str) {
        let signed = |key: &KeyState| match &key.position {
            Some(p) if p.side == Side::Long => p.quantity.get(),
            Some(p) => -p.quantity.get(),
            None => Decimal::ZERO,
        };
        let held = (self.of_book(symbol, signed), self.venue_has(symbol));
        assert_eq!(held, (quantity.to_owned(), quantity.to_owned()), "{symbol}: the book's, the venue's");
        let cash = (self.of_book(symbol, |key| key.ledger.cash), self.of_venue(symbol, |a| a.cash));
        assert_eq!(cash.0, cash.1, "{symbol}: cash in the book, at the venue");
    }

    /// Everything published after a moment.
    pub fn since(&self, moment: posbook::Sequence) -> Vec<Publication> {
        let mut changes = self.book().changes_after(moment);
        std::iter::from_fn(|| changes.try_next()).map(|unit| unit.unwrap()).collect()
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
    let (leg, quantity, entry) = (Leg::Net, q(quantity), p(entry));
    let (leverage, margin_mode, liquidation_price, contract_size) = (None, None, None, None);
    VenuePosition {
        symbol,
        leg,
        side,
        quantity,
        entry,
        leverage,
        margin_mode,
        liquidation_price,
        contract_size,
    }
}
