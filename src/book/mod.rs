//! HOW threads share it: [`Book`], the one compare-and-swap loop, snapshots, reservations, the feed and the marks.
//!
//! There is exactly one loop that publishes ([`Book::apply`] and everything else end in `Inner::publish`), and `decide`
//! runs inside it on every turn: that is the re-verification. No venue call, lock, log line or caller's closure is
//! inside it (I6).

mod audit;
mod bag;
mod batch;
mod body;
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
pub(crate) mod pump;
mod replica;
mod reservation;
mod root;
mod selection;
mod snapshot;

use std::fmt;
use std::time::Duration;

use rust_decimal::Decimal;
use smallvec::SmallVec;

pub(crate) use audit::unregistered;
pub use batch::Batch;
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
pub use selection::{Exposure, Selection};
pub use snapshot::{Reader, Snapshot};

use crate::error::{Error, Reason, Rejection};
use crate::model::{
    Cause, ClientOrderId, Command, Epoch, ExitPlan, Fill, Funding, Instrument, InstrumentId, Limits,
    Observed, ObservedMark, Order, PositionKey, Price, Publication, Sequence, Sums, TargetRule, Timestamp,
};
use crate::state::{Answer, FillOutcome, Refused, Ring, Settings, State, advance, decide};
use crate::sync::{Arc, Clock, DEFAULT_PATIENCE, RootArc, fault, pause, random_u32};

use body::Body;
use courtesy::Courtesy;
#[cfg(not(feature = "journal"))]
use durable::Durable;
use feed::Feed;
use late::Late;
use marks::Marks;
use root::{Root, Shell};

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

impl Inner {
    fn fresh_mark(&self, id: InstrumentId, now: Timestamp) -> Option<Mark> {
        self.marks.get(id).filter(|mark| mark.is_fresh(now, self.max_mark_age) || fault("stale_mark"))
    }

    /// Samples what is not state, once (decision 1).
    fn cause(&self, command: Command, then: Vec<Command>) -> Arc<Cause> {
        let time = self.clock.now();
        let mut marks: SmallVec<[ObservedMark; 1]> = SmallVec::new();
        for key in std::iter::once(&command).chain(&then).filter_map(Command::key) {
            let instrument = key.instrument;
            if marks.iter().all(|m| m.instrument != instrument)
                && let Some(mark) = self.fresh_mark(instrument, time)
            {
                marks.push(ObservedMark { instrument, price: mark.price, time: mark.time });
            }
        }
        Arc::new(Cause { command, then, observed: Observed { time, marks } })
    }

    /// Publishes the change that `decide` returns, or its refusal. THE one loop.
    ///
    /// `decide` runs once a turn, each time on the newest state: that is the re-verification (I4, I6).
    pub(crate) fn publish(&self, command: Command) -> Result<Published, Rejection> {
        self.publish_all(command, Vec::new())
    }

    /// As [`Inner::publish`], for a batch: all of it or nothing (R14).
    pub(crate) fn publish_all(&self, command: Command, then: Vec<Command>) -> Result<Published, Rejection> {
        // A broken twin publishes a batch command by command.
        if fault("batch_split") && !then.is_empty() {
            let first = self.publish(command)?;
            return then.into_iter().try_fold(first, |_, next| self.publish(next));
        }
        let cause = self.cause(command, then);
        let published = self.admit(&cause).and_then(|()| self.compare_and_swap(&cause));
        // After success, outside the loop (I6).
        match &published {
            Ok(Published { publication: Some(publication), .. }) => {
                self.feed.wake.notify();
                audit::published(publication, || self.root.view());
            }
            Ok(_) => {}
            Err(rejection) => audit::refused(rejection.command().unwrap_or(&cause.command), rejection),
        }
        if let Ok(Published { answer: Answer::Registered(id), .. }) = &published {
            self.marks.admit(*id);
        }
        published
    }

    /// Whether the journal lets new risk be asked for. Outside the loop: it is not state, and only ever refuses increases.
    fn admit(&self, cause: &Cause) -> Result<(), Rejection> {
        let Some(durable) = &self.durable else { return Ok(()) };
        let view = || self.root.with(|view| (view.sequence(), view.totals().in_doubt));
        durable.admit(cause, view).map_err(|refused| refused.of(&cause.command))
    }

    fn compare_and_swap(&self, cause: &Arc<Cause>) -> Result<Published, Rejection> {
        self.courtesy.give_way();
        let mut loser = None;
        let mut found = self.root.load();
        // A broken twin decides on the state it read first; here it is always none.
        let first = fault("stale_state").then(|| found.view.clone());
        let mut turn = 0;
        loop {
            let newer = match self.candidate(&found, first.as_ref(), cause)? {
                Candidate::Nothing(answer) => return Ok(Published { publication: None, answer }),
                // Lost before it was tried.
                Candidate::Overtaken(newer) => newer,
                Candidate::Body(body, publication, answer) => {
                    // A broken twin compares with what it loads after it has decided: check, then act.
                    if fault("check_then_act") {
                        found = self.root.load();
                    }
                    match self.root.publish(found, Snapshot::new(body)) {
                        Err(newer) if !fault("ignore_lost") => newer,
                        _ => return Ok(Published { publication: Some(publication), answer }),
                    }
                }
            };
            found = newer;
            match &loser {
                None => loser = Some(self.courtesy.lost()),
                Some(lost) => lost.again(),
            }
            pause(turn);
            turn += 1;
        }
    }

    /// What would be published in place of `found`: decided on its state, and applied to a body equal to its.
    fn candidate(
        &self,
        found: &Shell,
        first: Option<&Snapshot>,
        cause: &Arc<Cause>,
    ) -> Result<Candidate, Rejection> {
        let draft = || match first {
            Some(first) => Ok(Arc::new(first.body().clone())),
            None => self.root.draft(found),
        };
        // One command is decided before a body is touched: many ask for nothing, or are refused.
        let decided = if cause.then.is_empty() {
            let (publication, answer) = decide(&first.unwrap_or(&found.view).body().state, cause)?;
            match publication {
                None => return Ok(Candidate::Nothing(answer)),
                decided => Some((decided, answer)),
            }
        } else {
            None
        };
        let mut draft = match draft() {
            Ok(draft) => draft,
            Err(newer) => return Ok(Candidate::Overtaken(newer)),
        };
        // Nobody else holds it, so this is it and no copy.
        let body = Arc::make_mut(&mut draft);
        let (publication, answer) = match decided {
            Some((publication, answer)) => {
                for change in publication.iter().flat_map(|publication| publication.iter()) {
                    body.state.apply(change)?;
                }
                (publication, answer)
            }
            // A batch is decided on what each of its commands leaves behind, so on the draft itself.
            None => match advance(&mut body.state, cause) {
                Ok(done) => done,
                Err(Refused { rejection, left }) => {
                    // Whoever uses this body next finds it as one that lost: its last publication is no history. A broken
                    // twin does not say so.
                    let left = left.filter(|_| !fault("half_a_batch"));
                    left.into_iter().for_each(|left| drop(body.window.push(left)));
                    self.root.put_back(draft);
                    return Err(rejection);
                }
            },
        };
        let Some(publication) = publication else {
            self.root.put_back(draft);
            return Ok(Candidate::Nothing(answer));
        };
        body.push(publication.clone(), self.durable.as_ref().map(Durable::read_until));
        Ok(Candidate::Body(draft, publication, answer))
    }
}

/// What one turn of the loop came to.
enum Candidate {
    /// To be published.
    Body(Arc<Body>, Publication, Answer),
    /// There is nothing to do.
    Nothing(Answer),
    /// A newer root is there already.
    Overtaken(RootArc<Shell>),
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _ = &self.alive;
        f.debug_tuple("Book").field(&self.snapshot()).finish()
    }
}

/// Builds a [`Book`]. Every value has a documented default.
///
/// ```
/// use std::time::Duration;
/// use posbook::{Book, TargetRule};
///
/// let book = Book::builder()
///     .default_rule(TargetRule::stop_fraction("0.05".parse()?))
///     .max_mark_age(Duration::from_secs(10))
///     .window(4_096)
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until build() is called"]
pub struct Builder {
    limits: Limits,
    default_rule: Option<TargetRule>,
    default_exits: Option<ExitPlan>,
    instruments: usize,
    window: usize,
    patience: Duration,
    max_mark_age: Duration,
    clock: Clock,
    identity: Option<(u32, Epoch)>,
    reuse: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            default_rule: None,
            default_exits: None,
            instruments: 4_096,
            window: 1_024,
            patience: DEFAULT_PATIENCE,
            max_mark_age: Duration::from_secs(30),
            clock: Clock::system(),
            identity: None,
            reuse: true,
        }
    }
}

impl Builder {
    /// What the book refuses to exceed. Default: [`Limits::default`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Targets of positions that no order of ours opened (a flip, a late fill, an adoption), and of orders that carry
    /// no rule. Default: none; such a position is unprotected and blocks new risk on its key (R5).
    pub fn default_rule(mut self, rule: TargetRule) -> Self {
        self.default_rule = Some(rule);
        self
    }

    /// The exit plan of every position and order that brings none of its own: trailing, tiers, age. Default: none.
    pub fn default_exits(mut self, plan: ExitPlan) -> Self {
        self.default_exits = Some(plan);
        self
    }

    /// How many instruments can be registered. Default 4,096; each costs 64 bytes of marks.
    pub fn instruments(mut self, capacity: usize) -> Self {
        self.instruments = capacity;
        self
    }

    /// How many publications the feed keeps at least. Default 1,024.
    pub fn window(mut self, publications: usize) -> Self {
        self.window = publications;
        self
    }

    /// How long an order may take before it is overdue. Default 30 s.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The age beyond which a mark fires no exit and values no order (R11). Default 30 s.
    pub fn max_mark_age(mut self, age: Duration) -> Self {
        self.max_mark_age = age;
        self
    }

    /// Where the book takes the time from. Default: the machine's clock.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The book's number and the number of this opening, which make its client order ids (R15). Default: a random
    /// number, and the second of building: nothing is named twice by two runs. Give them only if you keep count.
    pub fn identity(mut self, book: u32, epoch: Epoch) -> Self {
        self.identity = Some((book, epoch));
        self
    }

    /// Whether states that were replaced and that nobody holds are changed in place for later writes. Default: yes. Without
    /// it every write copies the path to what it changes: the same book, slower; to compare the two.
    pub fn reuse(mut self, reuse: bool) -> Self {
        self.reuse = reuse;
        self
    }

    /// Makes the book.
    ///
    /// # Errors
    /// A limit or the default exit plan makes no sense.
    pub fn build(self) -> Result<Book, Error> {
        let settings = Arc::new(self.settings()?);
        Ok(self.start(State::empty(settings), None))
    }

    /// The book's number, if one was given.
    #[cfg(feature = "journal")]
    pub(crate) fn named(&self) -> Option<u32> {
        self.identity.map(|(book, _)| book)
    }

    /// What a book of this builder is told.
    pub(crate) fn settings(&self) -> Result<Settings, Error> {
        let refuse = |what, value, rule| Error::Rejected(Reason::OutOfRange { what, value, rule }.into());
        if self.limits.leverage == 0 {
            return Err(refuse("leverage limit", Decimal::ZERO, "must be at least 1"));
        }
        if self.limits.stop_fraction.get() > Decimal::ONE || self.limits.stop_fraction.get().is_zero() {
            return Err(refuse(
                "stop limit",
                self.limits.stop_fraction.get(),
                "must be above 0 and at most 1",
            ));
        }
        if let Some(plan) = &self.default_exits {
            plan.check(self.limits.stop_fraction)?;
        }
        if self.instruments > 1 << 20 {
            return Err(refuse("number of instruments", self.instruments.into(), "must be at most 1048576"));
        }
        let seconds = self.clock.now().0.max(Clock::system().now().0) / 1_000_000_000;
        let (book, epoch) =
            self.identity.unwrap_or_else(|| (random_u32(), u32::try_from(seconds).unwrap_or(u32::MAX)));
        let (book, epoch) = if fault("one_name") { (1, 1) } else { (book, epoch) };
        Ok(Settings {
            book,
            epoch,
            limits: self.limits.clone(),
            default_rule: self.default_rule,
            default_exits: self.default_exits.clone().map(Arc::new),
            instruments: self.instruments,
            patience_ns: u64::try_from(self.patience.as_nanos()).unwrap_or(u64::MAX),
        })
    }

    /// A book that begins with this state.
    pub(crate) fn start(self, state: State, durable: Option<Durable>) -> Book {
        let marks = Marks::new(state.settings().instruments);
        state.slots().for_each(|slot| marks.admit(slot.id));
        let body = Body { state, window: Ring::new(self.window), late: Late::new() };
        let inner = Arc::new(Inner {
            root: Root::new(body, self.reuse),
            courtesy: Courtesy::new(),
            feed: Feed::new(),
            marks,
            clock: self.clock,
            max_mark_age: self.max_mark_age,
            durable,
        });
        Book { alive: Arc::new(Alive(Arc::clone(&inner))), inner }
    }
}
