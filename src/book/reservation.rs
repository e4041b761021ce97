//! The handle of an order's claim on its key (R6). Each ending is by value, so ending twice does not compile; what a
//! drop does is part of the contract.

use crate::error::{Reason, Rejection};
use crate::model::{
    ClientOrderId, Command, Effect, Kind, Order, OrderStep, Publication, Quantity, Sequence, Timestamp,
};
use crate::sync::fault;

use super::{Book, WaitDurable};

/// A published claim on a key, before its order has left.
///
/// Dropped, it is released: nothing was sent. Turn it into a [`Sent`] just before the venue is called.
///
/// ```
/// use posbook::{Book, Command, Instrument, Side};
///
/// let book = Book::builder().build()?;
/// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// book.mark(btc, "50000".parse()?)?;
/// let first = book.reserve(Command::open(btc, Side::Long, "1".parse()?))?;
/// assert!(book.reserve(Command::open(btc, Side::Short, "1".parse()?)).is_err()); // one order leaves, not two (D1)
/// drop(first); // never sent: released
/// assert!(book.reserve(Command::open(btc, Side::Short, "1".parse()?)).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a reservation that is dropped is released: nothing may be sent under it"]
pub struct Reservation {
    book: Book,
    order: Order,
    /// Whether dropping it still has to release it.
    held: bool,
}

impl Reservation {
    pub(super) fn new(book: Book, order: Order) -> Self {
        Self { book, order, held: true }
    }

    /// The name its order carries to the venue.
    pub fn client_id(&self) -> ClientOrderId {
        self.order.client_id
    }

    /// What is to be sent.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// Until the claim is as durable as it has to be before its order leaves: an increase of a book with a journal waits
    /// for the disk, everything else for nothing. Await it before [`Reservation::sent`], which then blocks no thread.
    ///
    /// ```
    /// use posbook::{Book, Command, Instrument, Side};
    ///
    /// let book = Book::builder().build()?;
    /// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// book.mark(btc, "50000".parse()?)?;
    /// let reservation = book.reserve(Command::open(btc, Side::Long, "1".parse()?))?;
    /// pollster::block_on(reservation.durable())?; // no journal: nothing to wait for
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn durable(&self) -> WaitDurable {
        let inner = &self.book.inner;
        let before = inner.durable.as_ref().and_then(|durable| durable.before_leaving(&self.order));
        WaitDurable::new(inner, before)
    }

    /// Publishes that the order is about to leave. Call the venue only after this returned `Ok`. An increase of a book with
    /// a journal waits here until its claim is durable (R15); [`Reservation::durable`] waits without blocking.
    ///
    /// # Errors
    /// The claim does not stand any more, or an increase could not be made durable; nothing may be sent.
    pub fn sent(mut self) -> Result<Sent, Rejection> {
        let not_durable = self.may_leave()?;
        let published = step(&self.book, &self.order, OrderStep::Sent)?;
        self.held = false;
        // As it stands from here on, with the time it expires.
        let order = published.as_ref().and_then(|p| find(p, self.order.client_id));
        let order = order.unwrap_or_else(|| self.order.clone());
        let mut sent = Sent::new(self.book.clone(), order);
        sent.not_durable = not_durable;
        Ok(sent)
    }

    /// Waits for the disk as far as this order has to; whether it leaves without a record that survives.
    fn may_leave(&self) -> Result<bool, Rejection> {
        let Some(durable) = &self.book.inner.durable else { return Ok(false) };
        if let Some(sequence) = durable.before_leaving(&self.order) {
            durable.wait(sequence).map_err(|failed| Reason::JournalFailed { why: failed.to_string() })?;
        }
        durable.leaves(&self.order)
    }

    /// Gives the claim up before anything was sent, as dropping it does.
    pub fn release(self) {}
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.held {
            // Refused only if it is gone already.
            let _ = step(&self.book, &self.order, OrderStep::Release);
        }
    }
}

impl std::fmt::Debug for Reservation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Reservation").field(&self.order.client_id).finish()
    }
}

/// The claim of an order that may have left.
///
/// It ends once, with the venue's word. Dropped without it (a panic, a timeout, a cancelled future), its key is **in
/// doubt**: visible, blocking new risk on that key, until [`Book::reattach`] or the holder resolves it with the venue's
/// answer (R1).
///
/// ```
/// use posbook::{Book, Command, Instrument, Side};
///
/// let book = Book::builder().build()?;
/// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// book.mark(btc, "50000".parse()?)?;
/// let order = book.reserve(Command::open(btc, Side::Long, "1".parse()?))?.sent()?;
/// let id = order.client_id();
/// drop(order); // nobody knows what the venue did
/// assert_eq!(book.snapshot().totals().in_doubt, 1);
/// book.reattach(id)?.refused("0".parse()?, "insufficient margin")?; // the venue's word on the order
/// assert_eq!(book.snapshot().totals().in_doubt, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "an order that is dropped without the venue's word leaves its key in doubt"]
pub struct Sent {
    book: Book,
    order: Order,
    /// Whether dropping it still has to put its key in doubt.
    held: bool,
    /// It left while the journal could not write.
    not_durable: bool,
}

/// Whether everything of a finished order is booked.
///
/// ```
/// assert_ne!(posbook::Settlement::Settled, posbook::Settlement::AwaitingFills);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Settlement {
    /// The booked fills are what the venue says; the claim is gone.
    Settled,
    /// Fills are missing; the claim stays until they are booked (R2).
    AwaitingFills,
}

impl Sent {
    pub(super) fn new(book: Book, order: Order) -> Self {
        Self { book, order, held: true, not_durable: false }
    }

    /// The name the order carries to the venue.
    pub fn client_id(&self) -> ClientOrderId {
        self.order.client_id
    }

    /// Whether it left without a record that survives a crash: a reduction, while the journal writes nothing any more.
    pub fn not_durable(&self) -> bool {
        self.not_durable
    }

    /// What was sent, as it was reserved.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// The venue has the order and works on it.
    ///
    /// # Errors
    /// The order is finished already.
    pub fn working(&self, filled: Quantity) -> Result<(), Rejection> {
        step(&self.book, &self.order, OrderStep::Working { filled }).map(drop)
    }

    /// The venue is done with the order at this cumulative figure. The claim goes when the booked fills reach it.
    ///
    /// # Errors
    /// The figure is below what is booked or below the final one that was stated before, or the order is finished
    /// already. An order that neither settles nor is finished is in doubt then.
    pub fn complete(self, filled: Quantity) -> Result<Settlement, Rejection> {
        self.end(OrderStep::Complete { filled })
    }

    /// The venue refused or cancelled the order; what it had filled until then counts.
    ///
    /// # Errors
    /// As [`Sent::complete`].
    pub fn refused(self, filled: Quantity, reason: impl Into<String>) -> Result<Settlement, Rejection> {
        self.end(OrderStep::Refused { filled, reason: reason.into() })
    }

    /// The venue takes back the final figure it stated, and you know that it does not just lag: the one that holds is
    /// this. For an order that settles and whose fills will never come.
    ///
    /// # Errors
    /// The order does not settle, or the figure is below what is booked.
    pub fn corrected(self, filled: Quantity, reason: impl Into<String>) -> Result<Settlement, Rejection> {
        self.end(OrderStep::Corrected { filled, reason: reason.into() })
    }

    /// Nobody knows what became of it, and here is why.
    ///
    /// # Errors
    /// The order is finished already.
    pub fn in_doubt(self, why: impl Into<String>) -> Result<(), Rejection> {
        self.end(OrderStep::Doubt { why: why.into() }).map(drop)
    }

    /// The venue knows no such order. Gives the handle up; the order stays as it is, unless the venue has now said so
    /// twice after the order's own expiry: then it never arrived, and is gone (R1). `asked` and `time` are the book's
    /// sequence and clock before the venue was asked.
    ///
    /// # Errors
    /// The order is finished already.
    pub fn unknown(mut self, asked: Sequence, time: Timestamp) -> Result<(), Rejection> {
        self.held = false;
        step(&self.book, &self.order, OrderStep::Unknown { asked, time }).map(drop)
    }

    /// Gives the handle up without doubt: the order lives on, and [`Book::reattach`] takes hold of it again.
    pub fn detach(mut self) -> ClientOrderId {
        self.held = false;
        self.order.client_id
    }

    fn end(mut self, how: OrderStep) -> Result<Settlement, Rejection> {
        let kind = step(&self.book, &self.order, how)?.and_then(|p| p.first_kind());
        self.held = false;
        Ok(if kind == Some(Kind::Settled) { Settlement::Settled } else { Settlement::AwaitingFills })
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if self.held && !fault("no_doubt") {
            let why = "its holder gave it up without the venue's word".to_owned();
            // Refused only if it is finished already.
            let _ = step(&self.book, &self.order, OrderStep::Doubt { why });
        }
    }
}

impl std::fmt::Debug for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Sent").field(&self.order.client_id).finish()
    }
}

/// Moves an order along; returns what happened, if anything did.
fn step(book: &Book, order: &Order, step: OrderStep) -> Result<Option<Publication>, Rejection> {
    let command = Command::Step { key: order.key, order: order.client_id, step };
    Ok(book.inner.publish(command)?.publication)
}

/// The order of this name as a publication left it.
pub(super) fn find(publication: &Publication, id: ClientOrderId) -> Option<Order> {
    publication.iter().find_map(|change| match &change.effect {
        Effect::Key { after, .. } => after.order(id).cloned(),
        _ => None,
    })
}
