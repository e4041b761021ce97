//! HOW threads share it: [`Book`], the one compare-and-swap loop, snapshots, reservations, the feed and the marks.
//!
//! There is exactly one loop that publishes, in `publish.rs`: [`Book::apply`] and everything else end there.

mod audit;
mod bag;
mod batch;
mod body;
mod builder;
mod bust;
mod courtesy;
mod durable;
mod feed;
mod late;
mod marks;
#[cfg(feature = "metrics")]
mod measure;
#[cfg(any(posbook_loom, posbook_shuttle))]
mod modelled;
mod places;
mod publish;
pub(crate) mod pump;
mod replica;
mod reservation;
mod root;
mod selection;
mod snapshot;

use std::fmt;
use std::time::Duration;

pub(crate) use audit::unregistered;
pub use batch::Batch;
pub use builder::Builder;
#[cfg(feature = "journal")]
pub(crate) use durable::{Durable, Terms};
pub use durable::{JournalHealth, WaitDurable};
pub use feed::ChangeStream;
pub use feed::{Changes, Lagged};
pub use marks::Mark;
#[cfg(feature = "journal")]
pub(crate) use pump::Sink;
pub use replica::Replica;
pub use reservation::{Reservation, Sent, Settlement};
pub use root::Health;
pub use selection::Exposure;
pub use snapshot::{Reader, Snapshot};

use crate::error::{Error, Reason, Rejection};
use crate::model::{
    ClientOrderId, Command, Fill, Funding, Instrument, InstrumentId, Order, PositionKey, Price, Publication,
    Sequence, Sums, Timestamp,
};
use crate::state::{Answer, FillOutcome, decide};
use crate::sync::{Arc, Clock};

use courtesy::Courtesy;
#[cfg(not(feature = "journal"))]
use durable::Durable;
use feed::Feed;
use marks::Marks;
use root::Root;

/// The positions of one account at one venue, shared by any number of threads.
///
/// A cheap handle: clone it for every thread. Readers never wait; writers are checked again against the state they
/// really land on.
///
/// ```
/// use posbook::{Book, Command, Fill, Instrument, Limits, OrderSide, Side};
///
/// let book = Book::builder().limits(Limits::default()).build()?;
/// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// book.mark(btc, "50000".parse()?)?;
/// let order = book.reserve(Command::open(btc, Side::Long, "1".parse()?).leverage(10).stop("0.05")?)?.sent()?;
/// // Send order.client_id() to the venue; each answer is a fill:
/// book.record(
///     Fill::trade(btc, "t-1".parse()?, OrderSide::Buy, "1".parse()?, "50000".parse()?).order(order.client_id()),
/// )?;
/// order.complete("1".parse()?)?;
/// let view = book.snapshot();
/// assert_eq!(view.get(btc).ok_or("flat")?.stop_loss(), Some("47500".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Book {
    pub(crate) inner: Arc<Inner>,
    /// When the last of these is gone, nobody can write any more and the feed ends.
    alive: Arc<Alive>,
}

/// What every handle shares. Readers and subscribers hold only this.
pub(crate) struct Inner {
    pub(crate) root: Root,
    courtesy: Courtesy,
    pub(crate) feed: Feed,
    marks: Marks,
    clock: Clock,
    max_mark_age: Duration,
    /// How far the changes are on the disk. `None`: the book has no journal.
    pub(crate) durable: Option<Durable>,
}

struct Alive(Arc<Inner>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.feed.close();
    }
}

/// What was published for a command.
///
/// ```
/// use posbook::{Book, Command};
///
/// let book = Book::builder().build()?;
/// let done = book.apply(Command::Expire)?;
/// assert!(done.publication.is_none()); // nothing was overdue
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Published {
    /// The changes. `None`: there was nothing to do.
    pub publication: Option<Publication>,
    /// What became of the command.
    pub answer: Answer,
}

/// What became of a fill, and where in the order of everything.
///
/// ```
/// use posbook::{Book, Fill, Instrument, OrderSide};
///
/// let book = Book::builder().build()?;
/// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// let recorded = book.record(Fill::trade(btc, "1".parse()?, OrderSide::Buy, "1".parse()?, "50000".parse()?))?;
/// assert_eq!(recorded.sequence, Some(posbook::Sequence(2)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The last sequence it was published with. `None`: it changed nothing.
    pub sequence: Option<Sequence>,
    /// What became of it.
    pub outcome: FillOutcome,
}

/// What everything open is worth at the latest marks.
///
/// ```
/// let book = posbook::Book::builder().build()?;
/// assert!(book.value(&book.snapshot()).stale.is_empty());
/// # Ok::<(), posbook::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Valuation {
    /// Unrealised profit of every position with a fresh mark, by settle currency.
    pub unrealised: Sums,
    /// Positions whose mark is stale or missing: they are not in the sum.
    pub stale: Vec<PositionKey>,
}

impl Book {
    /// Starts building a book.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Makes an instrument known and returns its dense id; the same definition again returns the same id. Steps and
    /// minimum of a known instrument may be revised (R18).
    ///
    /// # Errors
    /// Something that can never change under an id differs, the contract is not linear, or the book is full.
    pub fn register(&self, instrument: Instrument) -> Result<InstrumentId, Rejection> {
        match self.inner.publish(Command::Register(instrument))?.answer {
            Answer::Registered(id) => Ok(id),
            _ => Err(Reason::NotAReservation { command: "register" }.into()),
        }
    }

    /// The id of an instrument by its exact symbol.
    ///
    /// # Errors
    /// It is not registered; the rejection lists names that come near.
    pub fn instrument(&self, symbol: &str) -> Result<InstrumentId, Rejection> {
        let view = self.snapshot();
        view.id(symbol)
            .ok_or_else(|| Reason::unknown_instrument(symbol, view.instruments().map(|(_, i)| i)).into())
    }

    /// Notes the latest price of an instrument, received now. Two atomic stores; not a change.
    ///
    /// # Errors
    /// The instrument is not registered, or cannot have this price.
    pub fn mark(&self, id: InstrumentId, price: Price) -> Result<(), Rejection> {
        self.mark_at(id, price, self.inner.clock.now())
    }

    /// Notes the latest price of an instrument, received at `time` of the book's clock.
    ///
    /// # Errors
    /// As [`Book::mark`].
    pub fn mark_at(&self, id: InstrumentId, price: Price, time: Timestamp) -> Result<(), Rejection> {
        if price.get().is_sign_negative() || price.get().is_zero() {
            // The common case needs no look at the instrument.
            self.check_mark(id, price)?;
        }
        self.inner.marks.set(id, price, time)
    }

    /// Apart, because what a tick never does would still cost every tick its registers.
    #[cold]
    #[inline(never)]
    fn check_mark(&self, id: InstrumentId, price: Price) -> Result<(), Rejection> {
        self.inner.root.with(|view| match view.instrument(id) {
            Some(instrument) => instrument.check_price("mark", price),
            None => Err(crate::state::unknown(id)),
        })
    }

    /// The latest mark of an instrument, however old. `None`: it was never marked.
    pub fn latest(&self, id: InstrumentId) -> Option<Mark> {
        self.inner.marks.get(id)
    }

    /// The latest mark if it is not older than the book's `max_mark_age` (R11). `None`: stale, or never marked.
    pub fn fresh_mark(&self, id: InstrumentId) -> Option<Mark> {
        self.inner.fresh_mark(id, self.inner.clock.now())
    }

    /// A complete, unchanging picture. Never waits (I8).
    pub fn snapshot(&self) -> Snapshot {
        self.inner.root.view()
    }

    /// As [`Book::snapshot`], but gives up after eight foreign loads in a row (I13).
    ///
    /// # Errors
    /// [`Error::ForeignRoot`].
    pub fn try_snapshot(&self) -> Result<Snapshot, Error> {
        self.inner.root.try_view()
    }

    /// A cached view for one thread's hot loop.
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.inner))
    }

    /// Unrealised profit of a snapshot's positions at the latest marks. Marks are the latest of each instrument, not
    /// one cut.
    pub fn value(&self, view: &Snapshot) -> Valuation {
        let now = self.inner.clock.now();
        let mut valuation = Valuation::default();
        for position in view.iter() {
            let mark = self.inner.fresh_mark(position.key.instrument, now);
            let profit = mark.and_then(|mark| position.unrealised(mark.price).ok());
            let settle = view.instrument(position.key.instrument).map(Instrument::settle);
            let added = match (profit, settle) {
                (Some(profit), Some(settle)) => valuation.unrealised.add(settle, profit).is_ok(),
                _ => false,
            };
            if !added {
                valuation.stale.push(position.key);
            }
        }
        valuation
    }

    /// Claims a key for an order: published state before anything leaves (decision 5). Open, scale in, scale out and
    /// close make reservations.
    ///
    /// # Errors
    /// Whatever `decide` refuses; nothing is published then.
    pub fn reserve(&self, wish: impl Into<Command>) -> Result<Reservation, Rejection> {
        let command = wish.into();
        let Some(key) = command.key().filter(|_| reserves(&command)) else {
            return Err(Rejection::from(Reason::NotAReservation { command: command.name() }).of(&command));
        };
        let published = self.inner.publish(command)?;
        let order = match (&published.answer, &published.publication) {
            (Answer::Reserved(id), Some(publication)) => reservation::find(publication, *id),
            _ => None,
        };
        order
            .map(|order| Reservation::new(self.clone(), order))
            .ok_or_else(|| Reason::NoPosition { key }.into())
    }

    /// Books what the venue did (R2-R5). Idempotent: the same fill twice changes nothing. A fill is never refused
    /// because of what stands on its key: money moved.
    ///
    /// # Errors
    /// Only what is no fill: no quantity, or a source that was mixed with another for one order.
    pub fn record(&self, fill: Fill) -> Result<Recorded, Rejection> {
        self.take(Command::Record(fill))
    }

    /// Books a funding payment, once a key and period: the same again changes nothing. It moves no quantity.
    ///
    /// # Errors
    /// [`Reason::FundingConflict`]: that period was booked with another amount; the instrument is unknown; or the period is so old
    /// that nobody can tell whether it was booked.
    pub fn fund(&self, paid: Funding) -> Result<Recorded, Rejection> {
        self.take(Command::Fund(paid))
    }

    /// Publishes what the venue did.
    fn take(&self, command: Command) -> Result<Recorded, Rejection> {
        let published = self.inner.publish(command)?;
        let sequence = published.publication.as_ref().map(Publication::last);
        let outcome = match published.answer {
            Answer::Fill(outcome) => outcome,
            _ => FillOutcome::Duplicate,
        };
        Ok(Recorded { sequence, outcome })
    }

    /// Does anything that makes no reservation: change targets, adopt, drop, quarantine, accept, cancel a closing.
    ///
    /// # Errors
    /// Whatever `decide` refuses; nothing is published then.
    pub fn apply(&self, wish: impl Into<Command>) -> Result<Published, Rejection> {
        let command = wish.into();
        if reserves(&command) {
            return Err(Rejection::from(Reason::NeedsReserve { command: command.name() }).of(&command));
        }
        self.inner.publish(command)
    }

    /// Asks what a command would do to the newest state, and publishes nothing.
    ///
    /// # Errors
    /// Whatever `decide` refuses.
    pub fn check(&self, wish: impl Into<Command>) -> Result<(), Rejection> {
        let cause = self.inner.cause(wish.into(), Vec::new());
        decide(&self.snapshot().body().state, &cause).map(drop)
    }

    /// Every unresolved order, those in doubt and those found after a restart included.
    pub fn reservations(&self) -> Vec<Order> {
        self.snapshot().orders().cloned().collect()
    }

    /// Takes hold of an unresolved order again: one that was detached, or whose holder is gone and left it in doubt.
    ///
    /// # Errors
    /// No such order is unresolved, or it has not left yet and its holder still has it.
    pub fn reattach(&self, id: ClientOrderId) -> Result<Sent, Rejection> {
        let view = self.snapshot();
        let order = view.orders().find(|o| o.client_id == id).ok_or(Reason::UnknownOrder { order: id })?;
        if order.state == crate::model::OrderState::Reserved {
            return Err(Reason::OrderState { order: id, state: "reserved", wanted: "reattached" }.into());
        }
        Ok(Sent::new(self.clone(), order.clone()))
    }

    /// Puts every overdue order in doubt (R6); returns how many keys that concerned.
    pub fn expire(&self) -> usize {
        self.inner.publish(Command::Expire).ok().and_then(|p| p.publication).map_or(0, |p| p.len())
    }

    /// Everything that is published from now on, as a blocking iterator.
    pub fn changes(&self) -> Changes {
        self.changes_after(self.snapshot().sequence())
    }

    /// Everything after this sequence, as far as the feed's window reaches.
    pub fn changes_after(&self, last: Sequence) -> Changes {
        Changes::new(Arc::clone(&self.inner), last)
    }

    /// Everything that is published from now on, as a `Stream`.
    pub fn change_stream(&self) -> ChangeStream {
        ChangeStream::new(Arc::clone(&self.inner), self.snapshot().sequence())
    }

    /// The time by the book's clock.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// How the root cell and the journal are doing.
    pub fn health(&self) -> Health {
        let journal = self.inner.durable.as_ref().map(|durable| durable.health(&self.snapshot()));
        Health { journal, ..self.inner.root.health() }
    }

    /// Waits until everything up to this sequence is as durable as the journal was asked to make it. A sequence that is not
    /// published yet is waited for as well.
    ///
    /// # Errors
    /// [`Error::NotDurable`]: the book has no journal, or nothing is written any more.
    pub fn wait_durable(&self, sequence: Sequence) -> Result<(), Error> {
        match &self.inner.durable {
            Some(durable) => durable.wait(sequence),
            None => Err(durable::no_journal(sequence)),
        }
    }

    /// As [`Book::wait_durable`], without blocking a thread.
    pub fn wait_durable_async(&self, sequence: Sequence) -> WaitDurable {
        WaitDurable::new(&self.inner, Some(sequence))
    }

    /// Keeps a number of the caller's own with the journal: it is written no earlier than everything that was published
    /// before this call, such as how far the venue's fills have been read. Without a journal it does nothing.
    pub fn note(&self, name: &str, value: u64) {
        if let Some(durable) = &self.inner.durable {
            durable.note(name, self.snapshot().sequence(), value);
        }
    }

    /// The number that was kept under this name, after a restart too. `None`: none was, or the book has no journal.
    pub fn noted(&self, name: &str) -> Option<u64> {
        self.inner.durable.as_ref().and_then(|durable| durable.noted(name))
    }

    /// Says that a complete report of everything, asked when the book stood at `asked`, was compared with the book: after a
    /// restart increases are refused until then, and until no order is in doubt (R15). The manager says so by itself.
    pub fn reported(&self, asked: Sequence) {
        #[cfg(feature = "metrics")]
        measure::reconciled(self.now());
        if let Some(durable) = &self.inner.durable {
            durable.reported(asked);
        }
    }

    /// How many shells wait in the pool, once nobody else uses the book: for the models of the pool.
    #[cfg(posbook_recycling)]
    pub fn shells_idle(&self) -> u64 {
        self.inner.root.shells_idle()
    }

    /// An empty book with the same settings, into which changes can be folded: [`Replica`].
    pub fn replica(&self) -> Replica {
        Replica::new(self.snapshot().body().state.settings().clone())
    }
}

/// Whether a command makes a reservation.
fn reserves(command: &Command) -> bool {
    matches!(command, Command::Open(_) | Command::ScaleIn(_) | Command::ScaleOut(_) | Command::Close(_))
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _ = &self.alive;
        f.debug_tuple("Book").field(&self.snapshot()).finish()
    }
}
