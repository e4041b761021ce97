//! The paper venue: an exchange in memory, driven by market time, that executes orders at the marks it is told.
//!
//! It is the default venue for trying a bot out, and it is the oracle that a book is compared with at the end of a
//! run. Both need the same thing of it: that it is *another* account of the same money. So it calls nothing of the
//! book's state code and keeps a ledger of its own (`ledger`), with its own arithmetic (`exact`).
//!
//! Time is what [`PaperVenue::tick`] says; there is no clock and no thread. An order is on its way for a while of
//! market time, arrives, and fills at the latest mark of its symbol; whoever awaits the order is woken by the thread
//! that ticks. What chance does to an order follows from the venue's seed and the order's id (`dice`), so a run with
//! free threads is as repeatable as such a run can be. [`PaperVenue::finish`] ends the market: nothing waits any
//! longer, so a run can always be brought to rest.
//!
//! It can be hostile ([`Faults`]): it loses orders and answers, delivers messages late, twice and in another order, and
//! shows pictures that are out of date. Whatever it says, what it *does* is in its ledger, exactly.
//!
//! One lock guards it. It is a venue, not the book: no read of a book, no tick of a mark and no compare-and-swap ever
//! comes near it.

mod builder;
mod desk;
mod dice;
mod exact;
mod exchange;
mod faults;
mod increases;
mod ledger;
mod messages;
mod orders;
#[cfg(test)]
mod tests;
mod trades;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use self::exchange::Exchange;
use crate::error::Rejection;
use crate::model::{ClientOrderId, Instrument, Leg, OrderSide, Price, Quantity, Symbol, Timestamp};
use crate::sync::{Arc, Mutex};
use crate::venue::api::{
    Answer, FillCursor, FillPage, OrderRequest, OrderStatus, Scope, Venue, VenueError, VenueFill, VenueReport,
};

pub use self::builder::PaperBuilder;
pub use self::faults::{Fault, Faults};
pub use self::ledger::PaperAccount;
pub use self::orders::PaperStats;

/// An exchange in memory. A clone is another handle on the same one.
///
/// [`Venue::submit`] sends the order when it is *called*; its future only waits, and resolves when the order is over
/// ([`Faults`] say when else). A dropped future changes nothing: the order executes all the same. A second submission
/// under one client id is answered at once with what became of the first, and never executed.
///
/// No order is taken on when market time is past its [`OrderRequest::valid_until`]: it is refused.
///
/// It trades every kind of contract. On a spot market nobody sells what is not held: such a sell is cut off there, as one that
/// is reduce-only.
///
/// ```
/// use posbook::{ClientOrderId, Instrument, InstrumentId, Intent, OrderSide, PositionKey, Sequence, Timestamp};
/// use posbook::venue::{OrderRequest, OrderStatus, Outcome, PaperVenue, Venue};
///
/// let venue = PaperVenue::builder().instruments(vec![Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?]).build();
/// let btc = "BTC/USDT:USDT".parse()?;
/// venue.tick(&btc, "50000".parse()?, Timestamp::from_millis(1))?;
///
/// let answer = pollster::block_on(venue.submit(OrderRequest {
///     client_id: ClientOrderId { book: 1, epoch: 1, sequence: Sequence(1) },
///     key: PositionKey::net(InstrumentId(0)), symbol: btc, intent: Intent::Open,
///     side: OrderSide::Buy, quantity: "2".parse()?, reduce_only: false, leverage: None,
///     valid_until: Timestamp::from_millis(15_000),
/// }))?;
/// assert_eq!(answer.status, OrderStatus::Final { filled: "2".parse()?, outcome: Outcome::Filled });
/// assert_eq!(answer.fills[0].fill.fees.of(&"USDT".parse()?).to_string(), "40");
/// assert_eq!(venue.ledger()[0].cash.to_string(), "-100000");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PaperVenue {
    exchange: Arc<Mutex<Exchange>>,
}

impl fmt::Debug for PaperVenue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PaperVenue").finish_non_exhaustive()
    }
}

impl PaperVenue {
    /// Settings to start from; see [`PaperBuilder`] for the defaults.
    pub fn builder() -> PaperBuilder {
        PaperBuilder::default()
    }

    /// Does something under the lock, and wakes whom it concerns after letting go of it.
    fn with<R>(&self, act: impl FnOnce(&mut Exchange) -> R) -> R {
        let (result, woken) = {
            let mut exchange = self.exchange.lock();
            let result = act(&mut exchange);
            (result, exchange.take_woken())
        };
        for waker in woken {
            waker.wake();
        }
        result
    }

    // ---- the market's side

    /// The market moved: market time becomes `time` (it never goes back), the symbol's mark becomes `price`, and what
    /// has become due executes at the latest marks: first the next part of each order resting on this symbol, then,
    /// of every symbol, the orders that have arrived by now, by time of arrival.
    ///
    /// After [`PaperVenue::finish`] it still moves time and mark.
    ///
    /// # Errors
    /// An unknown symbol, or a price that the instrument cannot have; nothing was changed.
    ///
    /// ```
    /// use posbook::{Instrument, Timestamp};
    /// use posbook::venue::PaperVenue;
    ///
    /// let venue = PaperVenue::builder().instruments(vec![Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?]).build();
    /// venue.tick(&"BTC/USDT:USDT".parse()?, "50000".parse()?, Timestamp::from_millis(9))?;
    /// assert!(venue.tick(&"BTC/USDT:USDT".parse()?, "-1".parse()?, Timestamp::from_millis(10)).is_err());
    /// assert!(venue.tick(&"DOGE/USDT:USDT".parse()?, "1".parse()?, Timestamp::from_millis(11)).is_err());
    /// assert_eq!(venue.now(), Timestamp::from_millis(9));
    /// # Ok::<(), posbook::Rejection>(())
    /// ```
    pub fn tick(&self, symbol: &Symbol, price: Price, time: Timestamp) -> Result<(), Rejection> {
        self.with(|exchange| exchange.tick(symbol, price, time))
    }

    /// Time passed without a tick: orders that have arrived by now execute at the latest marks. Parts that wait for
    /// their symbol's next tick go on waiting.
    ///
    /// ```
    /// use posbook::Timestamp;
    /// use posbook::venue::PaperVenue;
    ///
    /// let venue = PaperVenue::builder().build();
    /// venue.advance(Timestamp::from_millis(5));
    /// venue.advance(Timestamp::from_millis(3)); // never back
    /// assert_eq!(venue.now(), Timestamp::from_millis(5));
    /// ```
    pub fn advance(&self, time: Timestamp) {
        self.with(|exchange| exchange.advance(time));
    }

    /// No more ticks will come: every order on its way arrives and executes in full at the latest marks (without a mark
    /// it is refused), and so does every later one as soon as it is submitted. Afterwards no order is open, and no
    /// future of [`Venue::submit`] stays pending. Every message is delivered, repeats included, and nothing goes wrong
    /// any more: what was lost stays lost, but what is said from here on is true.
    ///
    /// ```
    /// use posbook::venue::PaperVenue;
    ///
    /// let venue = PaperVenue::builder().build();
    /// venue.finish();
    /// assert!(venue.open_orders().is_empty());
    /// ```
    pub fn finish(&self) {
        self.with(Exchange::finish);
    }

    /// Market time: the latest that a tick or [`PaperVenue::advance`] stated, 0 before the first.
    pub fn now(&self) -> Timestamp {
        self.with(|exchange| exchange.now())
    }

    /// Lists an instrument, or revises the steps, minimum, mode and price sign of a listed one. Its mark and orders stay.
    ///
    /// # Errors
    /// It is listed with another kind, contract size or currency.
    ///
    /// ```
    /// use posbook::Instrument;
    /// use posbook::venue::{PaperVenue, Venue};
    ///
    /// let venue = PaperVenue::builder().build();
    /// venue.list(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// venue.list(Instrument::linear("BTC/USDT:USDT", "0.01", "0.001")?)?;
    /// assert_eq!(pollster::block_on(venue.instruments())?.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list(&self, instrument: Instrument) -> Result<(), Rejection> {
        self.with(|exchange| exchange.list(instrument))
    }

    /// Somebody trades on the account by hand: executed at once at the mark, its fill naming an order that is not ours.
    /// The leg need not be one that the position mode has. Returns the fill, which `fills_since` delivers too.
    ///
    /// # Errors
    /// An unknown symbol, no mark yet, no quantity, more than is open on the hedge leg or the spot market it takes off, or a
    /// trade that cannot be accounted for exactly; nothing was changed.
    ///
    /// ```
    /// use posbook::{Instrument, Leg, OrderRef, OrderSide, Timestamp};
    /// use posbook::venue::PaperVenue;
    ///
    /// let venue = PaperVenue::builder().instruments(vec![Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?]).build();
    /// let btc = "BTC/USDT:USDT".parse()?;
    /// venue.tick(&btc, "50000".parse()?, Timestamp::from_millis(1))?;
    /// let manual = venue.place_foreign(&btc, Leg::Net, OrderSide::Buy, "1".parse()?)?;
    /// assert!(matches!(manual.fill.order, OrderRef::Foreign(_)));
    /// # Ok::<(), posbook::Rejection>(())
    /// ```
    pub fn place_foreign(
        &self,
        symbol: &Symbol,
        leg: Leg,
        side: OrderSide,
        quantity: Quantity,
    ) -> Result<VenueFill, Rejection> {
        self.with(|exchange| exchange.place_foreign(symbol, leg, side, quantity))
    }

    /// For tests, before any fault: the next question for positions gets this report instead of the true one. Several are given out in
    /// the order they were scripted, one a question, whatever is asked.
    ///
    /// ```
    /// use posbook::venue::{PaperVenue, Scope, Venue, VenueReport};
    ///
    /// let venue = PaperVenue::builder().build();
    /// venue.script_report(VenueReport::failed(Scope::All, "503"));
    /// assert_eq!(pollster::block_on(venue.positions(Scope::All)), VenueReport::failed(Scope::All, "503"));
    /// assert_ne!(pollster::block_on(venue.positions(Scope::All)), VenueReport::failed(Scope::All, "503"));
    /// ```
    pub fn script_report(&self, report: VenueReport) {
        self.with(|exchange| exchange.script(report));
    }

    // ---- the verdict's side

    /// Every account, by symbol, leg and owner: what a book is compared with. Accounts that are flat again stay.
    pub fn ledger(&self) -> Vec<PaperAccount> {
        self.with(|exchange| exchange.accounts())
    }

    /// Every order without an end, on its way or working, by id. Orders that got lost are none.
    pub fn open_orders(&self) -> Vec<ClientOrderId> {
        self.with(|exchange| exchange.open_orders())
    }

    /// What was counted so far.
    pub fn stats(&self) -> PaperStats {
        self.with(|exchange| exchange.stats())
    }
}

impl Venue for PaperVenue {
    fn name(&self) -> &str {
        "paper"
    }

    async fn instruments(&self) -> Result<Vec<Instrument>, VenueError> {
        Ok(self.with(|exchange| exchange.instruments()))
    }

    fn submit(&self, order: OrderRequest) -> impl Future<Output = Result<Answer, VenueError>> + Send {
        let id = order.client_id;
        let wait = self.with(|exchange| exchange.submit(order));
        Submitted { venue: self.clone(), order: id, wait }
    }

    async fn cancel(&self, order: ClientOrderId) -> Result<OrderStatus, VenueError> {
        self.with(|exchange| exchange.cancel(order))
    }

    async fn order(&self, order: ClientOrderId) -> Result<OrderStatus, VenueError> {
        self.with(|exchange| exchange.told_status(order))
    }

    async fn fills_since(&self, cursor: FillCursor) -> Result<FillPage, VenueError> {
        self.with(|exchange| exchange.fills_since(cursor))
    }

    async fn positions(&self, scope: Scope) -> VenueReport {
        self.with(|exchange| exchange.report(scope))
    }
}

/// Waits for the answer to an order.
struct Submitted {
    venue: PaperVenue,
    order: ClientOrderId,
    /// `false`: the id was there already; its status as it stands is the answer.
    wait: bool,
}

impl Future for Submitted {
    type Output = Result<Answer, VenueError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Foreign code runs when a waker is cloned or dropped: both outside the lock.
        let mut waker = self.wait.then(|| context.waker().clone());
        let answer = self.venue.with(|exchange| match waker {
            Some(_) => exchange.answer_or_wait(self.order, &mut waker),
            None => Some(Ok(exchange.standing(self.order))),
        });
        answer.map_or(Poll::Pending, Poll::Ready)
    }
}
