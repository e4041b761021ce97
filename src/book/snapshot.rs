//! One complete, unchanging picture of the book, and one thread's cached view of the newest.
//!
//! Two loads in one decision give a mixed view:
//!
//! ```
//! # use posbook::{Book, Instrument};
//! # let book = Book::builder().build()?;
//! # let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
//! # let eth = book.register(Instrument::linear("ETH/USDT:USDT", "0.01", "0.001")?)?;
//! // Wrong: the book may have changed between the two.
//! let hedged = book.snapshot().contains(btc) && book.snapshot().contains(eth);
//! // Right: both answers are about one moment.
//! let view = book.snapshot();
//! let hedged = view.contains(btc) && view.contains(eth);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;

use crate::model::{Instrument, InstrumentId, KeyState, Order, Position, PositionKey, Sequence};
use crate::state::Totals;
use crate::sync::{Arc, CachedRoot, RootArc};

use super::Inner;
use super::body::Body;
use super::root::Shell;

/// An owned, unchanging view of everything at one sequence (I8). Costs one reference count, whatever the size of the
/// book; never blocks a writer; may be kept for hours at the cost of what has changed since.
///
/// Whoever drops the last view of an old state pays for freeing it: drop long-held ones outside the hot thread.
///
/// ```
/// use posbook::{Book, Fill, Instrument, OrderSide};
///
/// let book = Book::builder().build()?;
/// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// let before = book.snapshot();
/// book.record(Fill::trade(btc, "1".parse()?, OrderSide::Buy, "1".parse()?, "50000".parse()?))?;
/// assert_eq!((before.len(), book.snapshot().len()), (0, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Snapshot(Arc<Body>);

impl Snapshot {
    pub(crate) fn new(body: Arc<Body>) -> Self {
        Self(body)
    }

    /// A view of a state that belongs to no book of this process.
    #[cfg(feature = "journal")]
    pub(crate) fn alone(state: crate::state::State) -> Self {
        Self(Arc::new(Body { state, window: crate::state::Ring::new(1), late: super::late::Late::new() }))
    }

    pub(crate) fn body(&self) -> &Body {
        &self.0
    }

    /// Whether the two are one and the same body.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The body, if nobody else holds it.
    pub(crate) fn into_unique(mut self) -> Option<Arc<Body>> {
        Arc::get_mut(&mut self.0).is_some().then_some(self.0)
    }

    /// The sequence of the last change it contains. Equal sequence of one book means equal content (I4).
    pub fn sequence(&self) -> Sequence {
        self.0.state.sequence()
    }

    /// The open position at a key (an [`InstrumentId`] names its unowned net position). `None`: flat.
    pub fn get(&self, key: impl Into<PositionKey>) -> Option<&Position> {
        self.key(key)?.position.as_ref()
    }

    /// Everything that stands at a key: position, orders, money, troubles. `None`: nothing ever happened there.
    pub fn key(&self, key: impl Into<PositionKey>) -> Option<&KeyState> {
        self.0.state.key(key.into()).map(|k| &**k)
    }

    /// Whether a position is open at a key.
    pub fn contains(&self, key: impl Into<PositionKey>) -> bool {
        self.get(key).is_some()
    }

    /// How many positions are open.
    pub fn len(&self) -> usize {
        self.0.state.totals().positions
    }

    /// True if nothing is open.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every open position, in the order of instrument ids.
    pub fn iter(&self) -> impl Iterator<Item = &Position> {
        self.keys().filter_map(|key| key.position.as_ref())
    }

    /// Every key on which anything ever happened, in the order of instrument ids.
    pub fn keys(&self) -> impl Iterator<Item = &KeyState> {
        self.0.state.slots().flat_map(|slot| slot.keys().map(|k| &**k))
    }

    /// The keys of one instrument.
    pub(crate) fn keys_of(&self, id: InstrumentId) -> impl Iterator<Item = &KeyState> {
        self.0.state.slot(id).into_iter().flat_map(|slot| slot.keys().map(|k| &**k))
    }

    /// Every unresolved order.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.keys().flat_map(|key| key.orders.iter().map(|o| &**o))
    }

    /// Counts and sums over the whole book.
    pub fn totals(&self) -> &Totals {
        self.0.state.totals()
    }

    /// The definition of an instrument. `None`: no such id was handed out.
    pub fn instrument(&self, id: InstrumentId) -> Option<&Instrument> {
        self.0.state.slot(id).map(|slot| &*slot.instrument)
    }

    /// Every registered instrument, in the order of their ids.
    pub fn instruments(&self) -> impl Iterator<Item = (InstrumentId, &Instrument)> {
        self.0.state.slots().map(|slot| (slot.id, &*slot.instrument))
    }

    /// The id of an instrument by its exact symbol.
    pub fn id(&self, symbol: &str) -> Option<InstrumentId> {
        self.0.state.id_of(symbol)
    }

    /// The venue time of the last fill booked on an instrument, whether any had none, and the sequence of the last change
    /// there (R8).
    pub(crate) fn freshness(
        &self,
        id: InstrumentId,
    ) -> Option<(Option<crate::model::Timestamp>, bool, Sequence)> {
        self.0.state.slot(id).map(|slot| (slot.last_fill, slot.untimed, slot.revision))
    }

    /// A replica that begins with this view: told every change after its sequence, it stays equal to the book (I5).
    ///
    /// ```
    /// use posbook::{Book, Instrument};
    ///
    /// let book = Book::builder().build()?;
    /// book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// let view = book.snapshot();
    /// assert_eq!(view.replica().digest(), view.digest());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn replica(&self) -> super::Replica {
        super::Replica::begin(self.0.state.clone())
    }

    /// A fingerprint of everything in it: equal for two books whose content is equal, however they came about (I5).
    /// Costs a pass over the whole book.
    pub fn digest(&self) -> u128 {
        self.0.state.digest()
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("sequence", &self.sequence())
            .field("positions", &self.len())
            .finish()
    }
}

/// One thread's view of the newest state, for hot loops: asking it costs a comparison while nothing has changed.
///
/// It keeps the last root it saw alive; [`Reader::release`] lets go of it when the thread goes to sleep. It never shows
/// an older sequence than before (I13).
///
/// ```
/// use posbook::{Book, Instrument};
///
/// let book = Book::builder().build()?;
/// let mut reader = book.reader();
/// assert_eq!(reader.view().len(), 0);
/// book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// assert_eq!(reader.view().sequence().0, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Reader {
    inner: Arc<Inner>,
    cached: CachedRoot<Shell>,
    /// The last shell that passed the checks; its count keeps it from being reused, so a pointer tells.
    shell: RootArc<Shell>,
}

impl Reader {
    pub(crate) fn new(inner: Arc<Inner>) -> Self {
        let (cached, shell) = (inner.root.cell().cached(), inner.root.load());
        Self { inner, cached, shell }
    }

    /// The newest view.
    pub fn view(&mut self) -> &Snapshot {
        let newest = self.cached.get();
        if !RootArc::ptr_eq(newest, &self.shell) {
            if self.inner.root.owns(newest) && newest.sequence >= self.shell.sequence {
                self.shell = RootArc::clone(newest);
            } else {
                self.reload();
            }
        }
        &self.shell.view
    }

    /// Lets go of the root it saw last and holds the newest instead: for a thread that goes to sleep.
    pub fn release(&mut self) {
        self.reload();
    }

    #[cold]
    fn reload(&mut self) {
        self.shell = self.inner.root.load();
        self.cached = self.inner.root.cell().cached();
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reader").field(&self.shell.view).finish()
    }
}
