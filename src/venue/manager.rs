//! [`PositionManager`]: the predecessor's methods, each one call onto the book.
//!
//! Orders leave outside every loop, under a published reservation and a client order id that was fixed before the
//! venue was called. Money moves only by fills; what nobody knows is in doubt until the venue says what became of the
//! *order*. Nothing here sleeps or needs a particular runtime.

use std::fmt;

use super::api::{Answer, FillCursor, OrderRequest, OrderStatus, Outcome, Venue, VenueFill};
use super::place::{Missing, Place, find};
use super::report::{OrderEnd, OrderReport};
use super::together::{Panicked, all};
use crate::book::{Book, Sent, Settlement, Snapshot};
use crate::error::{Error, Reason, Rejection};
use crate::model::{
    ClientOrderId, Command, Field, Fraction, InstrumentId, Order, OrderState, Position, PositionKey,
    PositionMode, Precondition, Quantity, Ratchet, Retarget, Sequence, Side, Symbol, TargetRule, Targets,
    Timestamp,
};
use crate::sync::{Arc, Mutex, fault};

/// Opens, scales, closes and protects positions at a venue, through a [`Book`]. A cheap handle, to be cloned for every
/// thread.
///
/// ```
/// use posbook::{Book, Instrument, Side};
/// use posbook::venue::{PaperVenue, PositionManager};
///
/// let venue = PaperVenue::builder().build();
/// venue.list(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, venue.clone()))?;
///
/// let btc = manager.instrument("BTC/USDT:USDT")?;
/// let price = "50000".parse()?;
/// venue.tick(&"BTC/USDT:USDT".parse()?, price, manager.book().now())?;
/// manager.book().mark(btc, price)?;
/// let order = manager.open_position("BTC/USDT:USDT", Side::Long, "1".parse()?, 10, "0.05".parse()?);
/// let opened = pollster::block_on(order)?;
/// assert_eq!(opened.filled, Some("1".parse()?));
/// let position = manager.get_position("BTC/USDT:USDT").ok_or("flat")?;
/// assert_eq!(position.stop_loss(), Some("47500".parse()?));
/// assert_eq!(position.take_profit(), Some("55000".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PositionManager<V: Venue> {
    shared: Arc<Shared<V>>,
}

pub(crate) struct Shared<V> {
    pub(crate) book: Book,
    pub(crate) venue: V,
    /// Instruments of the venue that the book does not account for.
    skipped: Vec<Rejection>,
    /// Their symbols.
    pub(crate) outside: Vec<Symbol>,
    /// How far the venue's fills have been read.
    cursor: Mutex<FillCursor>,
    /// What reconciliation remembers between its runs.
    pub(crate) memory: Mutex<crate::venue::Memory>,
}

impl<V: Venue> Clone for PositionManager<V> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<V: Venue> fmt::Debug for PositionManager<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PositionManager")
            .field("venue", &self.shared.venue.name())
            .field("book", self.book())
            .finish()
    }
}

impl<V: Venue> PositionManager<V> {
    /// Takes a book and a venue, and registers what the venue trades. Instruments that the book does not account for
    /// (inverse, quanto, spot) are left out and listed by [`PositionManager::skipped`].
    ///
    /// # Errors
    /// The venue could not be asked.
    pub async fn connect(book: Book, venue: V) -> Result<Self, Error> {
        let instruments = venue.instruments().await.map_err(|lost| not_asked(&venue, &lost))?;
        let (mut skipped, mut outside) = (Vec::new(), Vec::new());
        for instrument in instruments {
            let symbol = instrument.symbol().clone();
            if let Err(refused) = book.register(instrument) {
                skipped.push(refused);
                outside.push(symbol);
            }
        }
        // With a journal it goes on where fills were booked that are durable.
        let read = book.noted(&cursor_name(&venue)).map_or_else(FillCursor::default, FillCursor);
        let (cursor, memory) = (Mutex::new(read), Mutex::default());
        Ok(Self { shared: Arc::new(Shared { book, venue, skipped, outside, cursor, memory }) })
    }

    /// The book underneath.
    pub fn book(&self) -> &Book {
        &self.shared.book
    }

    /// The venue underneath.
    pub fn venue(&self) -> &V {
        &self.shared.venue
    }

    /// How far the venue's fills have been read and booked: after a restart of a book with a journal, how far they are
    /// durable.
    ///
    /// ```
    /// # use posbook::{Book, venue::{FillCursor, PaperVenue, PositionManager}};
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, PaperVenue::builder().build()))?;
    /// assert_eq!(manager.fill_cursor(), FillCursor::default());
    /// # Ok::<(), posbook::Error>(())
    /// ```
    pub fn fill_cursor(&self) -> FillCursor {
        *self.shared.cursor.lock()
    }

    pub(crate) fn shared(&self) -> &Shared<V> {
        &self.shared
    }

    /// Instruments of the venue that were left out, and why.
    pub fn skipped(&self) -> &[Rejection] {
        &self.shared.skipped
    }

    /// The id of a symbol.
    ///
    /// # Errors
    /// It is unknown; the rejection lists names that come near.
    pub fn instrument(&self, symbol: &str) -> Result<InstrumentId, Rejection> {
        self.book().instrument(symbol)
    }

    // ---- the predecessor's accessors

    /// How many positions are open.
    ///
    /// ```
    /// # use posbook::{Book, venue::{PaperVenue, PositionManager}};
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, PaperVenue::builder().build()))?;
    /// assert_eq!(manager.get_open_positions_count(), 0);
    /// # Ok::<(), posbook::Error>(())
    /// ```
    pub fn get_open_positions_count(&self) -> usize {
        self.book().snapshot().len()
    }

    /// Whether a position is open there. An unknown symbol has none.
    ///
    /// ```
    /// # use posbook::{Book, venue::{PaperVenue, PositionManager}};
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, PaperVenue::builder().build()))?;
    /// assert!(!manager.has_position("BTC/USDT:USDT"));
    /// # Ok::<(), posbook::Error>(())
    /// ```
    pub fn has_position<'a>(&self, place: impl Into<Place<'a>>) -> bool {
        self.get_position(place).is_some()
    }

    /// The position that is open there, as a value that never changes. `None`: flat, or an unknown symbol.
    ///
    /// ```
    /// # use posbook::{Book, venue::{PaperVenue, PositionManager}};
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, PaperVenue::builder().build()))?;
    /// if let Some(position) = manager.get_position("BTC/USDT:USDT") {
    ///     println!("{} @ {}", position.side, position.entry_price());
    /// }
    /// # Ok::<(), posbook::Error>(())
    /// ```
    pub fn get_position<'a>(&self, place: impl Into<Place<'a>>) -> Option<Position> {
        let view = self.book().snapshot();
        view.get(find(&view, place.into()).ok()?).cloned()
    }

    /// Every open position at one moment.
    ///
    /// ```
    /// # use posbook::{Book, venue::{PaperVenue, PositionManager}};
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, PaperVenue::builder().build()))?;
    /// for position in manager.get_all_positions().iter() {
    ///     println!("{}: {} @ {}", position.key, position.side, position.entry_price());
    /// }
    /// # Ok::<(), posbook::Error>(())
    /// ```
    pub fn get_all_positions(&self) -> Snapshot {
        self.book().snapshot()
    }

    /// Whether a position could be opened with these parameters: amount, leverage, stop fraction, nothing open yet, in
    /// this order. Publishes nothing; the same is asked again when the order is reserved.
    ///
    /// # Errors
    /// A [`Rejection`] whose text names the bad value and the rule.
    ///
    /// ```
    /// # use posbook::{Book, Instrument, venue::{PaperVenue, PositionManager}};
    /// # let venue = PaperVenue::builder().build();
    /// # venue.list(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, venue))?;
    /// let refused = manager.validate_position_parameters("BTC/USDT:USDT", "1".parse()?, 126, "0.05".parse()?);
    /// assert!(refused.unwrap_err().to_string().contains("Invalid leverage: 126"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn validate_position_parameters<'a>(
        &self,
        place: impl Into<Place<'a>>,
        amount: Quantity,
        leverage: u16,
        stop_loss_fraction: Fraction,
    ) -> Result<(), Rejection> {
        let key = self.key(place.into(), Side::Long)?;
        let side = key.leg.only_side().unwrap_or(Side::Long);
        let rule = TargetRule::stop_fraction(stop_loss_fraction);
        match self.book().check(Command::open(key, side, amount).leverage(leverage).rule(rule)) {
            // The price is asked last, and is no parameter.
            Err(refused) if !matches!(refused.reason(), Reason::NoMark { .. }) => Err(refused),
            _ => Ok(()),
        }
    }

    // ---- the predecessor's orders

    /// Opens a position at the market: stop loss at this fraction of the fill, take profit twice as far.
    ///
    /// # Errors
    /// A rejection if it is not legal now (then nothing left), or a fault. An order whose outcome nobody knows is `Ok`
    /// with [`OrderEnd::InDoubt`].
    ///
    /// Dropping the future after the order left (a timeout, `select!`) leaves the key in doubt, on purpose.
    ///
    /// ```
    /// # use posbook::{Book, Instrument, Side, venue::{OrderEnd, PaperVenue, PositionManager}};
    /// # let venue = PaperVenue::builder().build();
    /// # venue.list(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, venue.clone()))?;
    /// # let btc = manager.instrument("BTC/USDT:USDT")?;
    /// # venue.tick(&"BTC/USDT:USDT".parse()?, "50000".parse()?, manager.book().now())?;
    /// # manager.book().mark(btc, "50000".parse()?)?;
    /// let order = manager.open_position("BTC/USDT:USDT", Side::Short, "1".parse()?, 10, "0.05".parse()?);
    /// assert_eq!(pollster::block_on(order)?.end, OrderEnd::Done);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn open_position<'a>(
        &self,
        place: impl Into<Place<'a>>,
        side: Side,
        amount: Quantity,
        leverage: u16,
        stop_loss_fraction: Fraction,
    ) -> Result<OrderReport, Error> {
        let key = self.key(place.into(), side)?;
        let rule = TargetRule::stop_fraction(stop_loss_fraction);
        self.order(Command::open(key, side, amount).leverage(leverage).rule(rule)).await
    }

    /// Adds to what is open; targets stay.
    ///
    /// # Errors
    /// As [`PositionManager::open_position`].
    ///
    /// ```
    /// # use posbook::{Book, Instrument, Side, venue::{PaperVenue, PositionManager}};
    /// # let venue = PaperVenue::builder().build();
    /// # venue.list(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, venue.clone()))?;
    /// # let btc = manager.instrument("BTC/USDT:USDT")?;
    /// # venue.tick(&"BTC/USDT:USDT".parse()?, "50000".parse()?, manager.book().now())?;
    /// # manager.book().mark(btc, "50000".parse()?)?;
    /// # pollster::block_on(manager.open_position(btc, Side::Long, "1".parse()?, 10, "0.05".parse()?))?;
    /// let added = pollster::block_on(manager.scale_in_position("BTC/USDT:USDT", "0.5".parse()?))?;
    /// assert_eq!(added.position.map(|p| p.quantity), Some("1.5".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn scale_in_position<'a>(
        &self,
        place: impl Into<Place<'a>>,
        amount: Quantity,
    ) -> Result<OrderReport, Error> {
        let key = self.standing(place.into())?;
        self.order(Command::scale_in(key, amount)).await
    }

    /// Takes off so much, reduce-only; entry stays. As much as is open, or more, is a close.
    ///
    /// # Errors
    /// As [`PositionManager::open_position`].
    ///
    /// ```
    /// # use posbook::{Book, Instrument, Side, venue::{PaperVenue, PositionManager}};
    /// # let venue = PaperVenue::builder().build();
    /// # venue.list(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, venue.clone()))?;
    /// # let btc = manager.instrument("BTC/USDT:USDT")?;
    /// # venue.tick(&"BTC/USDT:USDT".parse()?, "50000".parse()?, manager.book().now())?;
    /// # manager.book().mark(btc, "50000".parse()?)?;
    /// # pollster::block_on(manager.open_position(btc, Side::Long, "1".parse()?, 10, "0.05".parse()?))?;
    /// let reduced = pollster::block_on(manager.scale_out_position("BTC/USDT:USDT", "0.4".parse()?, "half off"))?;
    /// assert_eq!(reduced.position.map(|p| p.quantity), Some("0.6".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn scale_out_position<'a>(
        &self,
        place: impl Into<Place<'a>>,
        amount: Quantity,
        reason: impl Into<String>,
    ) -> Result<OrderReport, Error> {
        let key = self.standing(place.into())?;
        let open = self.book().snapshot().get(key).map(|p| p.quantity);
        if open.is_some_and(|open| amount >= open) {
            return self.close_position(key, reason).await;
        }
        self.order(Command::scale_out(key, amount).because(reason)).await
    }

    /// Any order: reserves, sends, books what came with the answer, and resolves it with the venue's word.
    ///
    /// # Errors
    /// As [`PositionManager::open_position`].
    ///
    /// ```
    /// # use posbook::{Book, Command, Instrument, Side, venue::{PaperVenue, PositionManager}};
    /// # let venue = PaperVenue::builder().build();
    /// # venue.list(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, venue.clone()))?;
    /// # let btc = manager.instrument("BTC/USDT:USDT")?;
    /// # venue.tick(&"BTC/USDT:USDT".parse()?, "50000".parse()?, manager.book().now())?;
    /// # manager.book().mark(btc, "50000".parse()?)?;
    /// // Refused if anything happened on the key since the snapshot it was decided from:
    /// let revision = manager.book().snapshot().key(btc).map_or(posbook::Sequence(0), |k| k.revision);
    /// let wish = Command::open(btc, Side::Long, "1".parse()?).expect_revision(revision);
    /// pollster::block_on(manager.order(wish))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn order(&self, wish: impl Into<Command>) -> Result<OrderReport, Error> {
        let reservation = self.book().reserve(wish)?;
        self.send(reservation).await
    }

    /// Sends the order of a reservation that was made on the book itself, books what came with the answer, and resolves
    /// it with the venue's word.
    ///
    /// # Errors
    /// As [`PositionManager::open_position`].
    ///
    /// ```
    /// # use posbook::{Book, Command, Instrument, Side, venue::{OrderEnd, PaperVenue, PositionManager}};
    /// # let venue = PaperVenue::builder().build();
    /// # venue.list(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, venue.clone()))?;
    /// # let btc = manager.instrument("BTC/USDT:USDT")?;
    /// # venue.tick(&"BTC/USDT:USDT".parse()?, "50000".parse()?, manager.book().now())?;
    /// # manager.book().mark(btc, "50000".parse()?)?;
    /// let reservation = manager.book().reserve(Command::open(btc, Side::Long, "1".parse()?))?;
    /// assert_eq!(pollster::block_on(manager.send(reservation))?.end, OrderEnd::Done);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn send(&self, reservation: crate::book::Reservation) -> Result<OrderReport, Error> {
        let symbol = self.symbol(reservation.order())?;
        // An increase of a book with a journal leaves only when its claim is durable (R15).
        reservation.durable().await?;
        // From here on a drop of this future, or a panic in the venue, leaves the key in doubt (R6).
        let sent = reservation.sent()?;
        let request = request(sent.order(), symbol);
        let (order, not_durable) = (sent.order().clone(), sent.not_durable());
        // A broken twin tries again under a name that the venue does not know (D23); here it is always none.
        let again = fault("new_id_retry").then(|| request.clone());
        let mut answer = self.shared.venue.submit(request).await;
        if let Some(again) = again.filter(|_| answer.is_err()) {
            let client_id = ClientOrderId { epoch: order.client_id.epoch + 1, ..order.client_id };
            answer = self.shared.venue.submit(OrderRequest { client_id, ..again }).await;
        }
        let end = match answer {
            Ok(Answer { status, fills }) => {
                self.book_fills(fills);
                self.resolve(sent, status).await
            }
            Err(lost) => doubt(sent, lost.to_string()),
        };
        // The order has left: whatever became of it is a result, not an error (D15).
        Ok(OrderReport { not_durable, ..self.report(&order, end) })
    }

    /// The venue's word on an order, put into the book.
    async fn resolve(&self, sent: Sent, status: OrderStatus) -> OrderEnd {
        let (settlement, end) = match status {
            // The venue took the order and does not know it: nothing follows from that (R1).
            OrderStatus::Unknown => return doubt(sent, "the venue does not know the order".to_owned()),
            OrderStatus::Working { filled } => {
                // Refused only if another thread has resolved it meanwhile.
                let _ = sent.working(filled);
                sent.detach();
                return OrderEnd::Working;
            }
            OrderStatus::Final { filled, outcome: Outcome::Rejected(why) } => {
                (sent.refused(filled, why.clone()), OrderEnd::Refused(why))
            }
            OrderStatus::Final { filled, outcome: Outcome::Cancelled } => {
                (sent.refused(filled, "cancelled"), OrderEnd::Refused("cancelled".to_owned()))
            }
            OrderStatus::Final { filled, outcome: Outcome::Filled } => {
                (sent.complete(filled), OrderEnd::Done)
            }
        };
        match settlement {
            Ok(Settlement::Settled) => end,
            Ok(Settlement::AwaitingFills) => {
                // The figure is final, its fills are on their way: ask once. What does not come now comes with the next
                // pass, and a venue that cannot be asked changes nothing about the order.
                let _ = self.pull_fills().await;
                end
            }
            // Another thread had the venue's word first.
            Err(refused)
                if matches!(refused.reason(), Reason::OrderState { .. } | Reason::UnknownOrder { .. }) =>
            {
                end
            }
            // The venue contradicts itself; the dropped handle has left the key in doubt.
            Err(refused) => OrderEnd::InDoubt(refused.to_string()),
        }
    }

    // ---- the predecessor's targets

    /// Changes stop loss and take profit: both or neither. Stops move towards the market only; see
    /// [`Retarget::loosen_stop`] for the other way.
    ///
    /// # Errors
    /// A [`Rejection`] naming the value and the rule; nothing was changed.
    ///
    /// ```
    /// # use posbook::{Book, Field, Instrument, Side, venue::{PaperVenue, PositionManager}};
    /// # let venue = PaperVenue::builder().build();
    /// # venue.list(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, venue.clone()))?;
    /// # let btc = manager.instrument("BTC/USDT:USDT")?;
    /// # venue.tick(&"BTC/USDT:USDT".parse()?, "50000".parse()?, manager.book().now())?;
    /// # manager.book().mark(btc, "50000".parse()?)?;
    /// # pollster::block_on(manager.open_position(btc, Side::Long, "1".parse()?, 10, "0.05".parse()?))?;
    /// let targets = manager.modify_position_targets(btc, Field::Set("48000".parse()?), Field::Keep)?;
    /// assert_eq!(targets.stop, Some("48000".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn modify_position_targets<'a>(
        &self,
        place: impl Into<Place<'a>>,
        stop_loss: Field,
        take_profit: Field,
    ) -> Result<Targets, Rejection> {
        self.safe_update_position_targets(place, stop_loss, take_profit, "modified")
    }

    /// As [`PositionManager::modify_position_targets`], with a reason that lands in the change and in the audit trail.
    ///
    /// # Errors
    /// As [`PositionManager::modify_position_targets`].
    ///
    /// ```
    /// # use posbook::{Book, Field, Instrument, Side, venue::{PaperVenue, PositionManager}};
    /// # let venue = PaperVenue::builder().build();
    /// # venue.list(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, venue.clone()))?;
    /// # let btc = manager.instrument("BTC/USDT:USDT")?;
    /// # venue.tick(&"BTC/USDT:USDT".parse()?, "50000".parse()?, manager.book().now())?;
    /// # manager.book().mark(btc, "50000".parse()?)?;
    /// # pollster::block_on(manager.open_position(btc, Side::Long, "1".parse()?, 10, "0.05".parse()?))?;
    /// let wrong = Field::Set("51000".parse()?); // above the market
    /// assert!(manager.safe_update_position_targets(btc, wrong, Field::Keep, "trailing_stop").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn safe_update_position_targets<'a>(
        &self,
        place: impl Into<Place<'a>>,
        stop_loss: Field,
        take_profit: Field,
        reason: impl Into<String>,
    ) -> Result<Targets, Rejection> {
        let key = self.standing(place.into())?;
        let (expect, ratchet) = (Precondition::Nothing, Ratchet::Tighten);
        self.book().apply(Retarget {
            key,
            expect,
            stop: stop_loss,
            take: take_profit,
            ratchet,
            reason: reason.into(),
        })?;
        Ok(self.book().snapshot().get(key).map(|p| p.targets).unwrap_or_default())
    }

    // ---- what keeps the book up with the venue

    /// Reads the account's new fills and books them; returns how many moved something. Idempotent: call it as often as
    /// you like, from any thread.
    ///
    /// # Errors
    /// The venue could not be asked; what was read before is booked.
    ///
    /// ```
    /// # use posbook::{Book, venue::{PaperVenue, PositionManager}};
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, PaperVenue::builder().build()))?;
    /// assert_eq!(pollster::block_on(manager.pull_fills())?, 0);
    /// # Ok::<(), posbook::Error>(())
    /// ```
    pub async fn pull_fills(&self) -> Result<usize, Error> {
        let mut booked = 0;
        // Bounded, so that a venue whose cursor grows for ever holds nobody up; the next call goes on from there.
        for _ in 0..1_000 {
            let cursor = *self.shared.cursor.lock();
            let asked = self.shared.venue.fills_since(cursor).await;
            let page = asked.map_err(|lost| not_asked(&self.shared.venue, &lost))?;
            // Whatever the cursor says, fills are booked: each once (I11).
            let last = page.fills.is_empty() || page.next <= cursor;
            booked += self.book_fills(page.fills);
            // Moved only after the fills are booked, and never back by a slower thread.
            let mut reached = self.shared.cursor.lock();
            *reached = (*reached).max(page.next);
            self.book().note(&cursor_name(self.venue()), reached.0);
            if last {
                break;
            }
        }
        Ok(booked)
    }

    /// Books fills as the venue names them. What cannot be booked is kept by the book and flagged (R4).
    fn book_fills(&self, fills: Vec<VenueFill>) -> usize {
        let mut booked = 0;
        for VenueFill { symbol, mut fill } in fills {
            fill.instrument =
                self.book().snapshot().id(symbol.as_str()).unwrap_or_else(|| unheard_of(&symbol));
            // A refusal here is no fill, or a second source for one order: logged by the audit trail.
            booked += usize::from(self.book().record(fill).is_ok_and(|recorded| recorded.sequence.is_some()));
        }
        booked
    }

    /// Asks the venue what became of every order that nobody holds: those it works on, those that settle, those in
    /// doubt. A doubt ends only here or by its holder: by the order's own state and fills (R1).
    ///
    /// # Errors
    /// The venue could not be asked about one of them; the others were resolved.
    ///
    /// ```
    /// # use posbook::{Book, venue::{PaperVenue, PositionManager}};
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, PaperVenue::builder().build()))?;
    /// pollster::block_on(manager.resolve_orders())?;
    /// # Ok::<(), posbook::Error>(())
    /// ```
    pub async fn resolve_orders(&self) -> Result<(), Error> {
        // Reserved and sent orders have a holder; if it is gone, they are in doubt or soon overdue.
        let mut open = self.book().reservations();
        open.retain(|order| !matches!(order.state, OrderState::Reserved | OrderState::Sent));
        // Beside one another: an order whose question hangs keeps no other one in doubt.
        let asked = open.into_iter().map(|order| async move {
            let since = self.asking();
            match self.shared.venue.order(order.client_id).await {
                // Taken hold of only after the answer: dropping this future in between changes nothing.
                Ok(status) => {
                    self.heard(order.client_id, since, status).await;
                    None
                }
                Err(lost) => Some(not_asked(&self.shared.venue, &lost)),
            }
        });
        let asked = all(asked.collect()).await.into_iter();
        let fault = asked
            .filter_map(|asked| asked.unwrap_or_else(|Panicked| Some(panicked(self.venue()))))
            .next_back();
        fault.map_or(Ok(()), Err)
    }

    /// The book before a question: what the venue does not know, it could have heard of until then (R1).
    pub(super) fn asking(&self) -> (Sequence, Timestamp) {
        (self.book().snapshot().sequence(), self.book().now())
    }

    /// The venue's word on an order that nobody holds, put into the book.
    pub(super) async fn heard(&self, id: ClientOrderId, since: (Sequence, Timestamp), status: OrderStatus) {
        match (self.book().reattach(id), status) {
            (Ok(sent), OrderStatus::Unknown) => drop(sent.unknown(since.0, since.1)),
            (Ok(sent), status) => drop(self.resolve(sent, status).await),
            // Somebody else was faster.
            (Err(_), _) => {}
        }
    }

    // ---- names

    /// The key of a place for an exposure of this side: in hedge mode a symbol names the leg of the side.
    fn key(&self, place: Place<'_>, side: Side) -> Result<PositionKey, Rejection> {
        match place {
            Place::Key(key) => Ok(key),
            Place::Symbol(symbol) => {
                let view = self.book().snapshot();
                let instrument = self.book().instrument(symbol)?;
                let mode = view.instrument(instrument).map_or(PositionMode::OneWay, |i| i.mode());
                Ok(PositionKey { leg: mode.leg(side), ..PositionKey::net(instrument) })
            }
        }
    }

    /// The key of a place where something stands.
    pub(super) fn standing(&self, place: Place<'_>) -> Result<PositionKey, Rejection> {
        let view = self.book().snapshot();
        match find(&view, place) {
            Ok(key) => Ok(key),
            Err(Missing::Ambiguous(rejection)) => Err(*rejection),
            // With the names that come near.
            Err(Missing::Unknown(symbol)) => self.book().instrument(symbol).map(PositionKey::net),
        }
    }

    fn symbol(&self, order: &Order) -> Result<Symbol, Rejection> {
        let view = self.book().snapshot();
        let instrument = view.instrument(order.key.instrument);
        instrument.map(|i| i.symbol().clone()).ok_or_else(|| crate::state::unknown(order.key.instrument))
    }
}

/// The name under which the place in a venue's fills is kept with the journal.
fn cursor_name<V: Venue>(venue: &V) -> String {
    format!("fills of {}", venue.name())
}

/// What goes to the venue.
fn request(order: &Order, symbol: Symbol) -> OrderRequest {
    OrderRequest {
        client_id: order.client_id,
        key: order.key,
        symbol,
        intent: order.intent,
        side: order.side,
        quantity: order.quantity,
        reduce_only: !order.intent.increases(),
        leverage: order.leverage,
        // Half of its patience is left, for clocks that differ and replicas that lag (R1).
        // What never expires is valid as long.
        valid_until: match order.expires {
            Timestamp(i64::MAX) => order.expires,
            expires => expires.plus_ns(-i64::try_from(order.patience_ns / 2).unwrap_or(i64::MAX)),
        },
    }
}

/// Leaves an order in doubt, and says so.
fn doubt(sent: Sent, why: String) -> OrderEnd {
    match sent.in_doubt(why.clone()) {
        Ok(()) => OrderEnd::InDoubt(why),
        // Refused only if another thread has resolved it meanwhile: then nothing is unknown any more.
        Err(_) => OrderEnd::Done,
    }
}

/// An id that no book hands out, the same for one symbol every time: a fill of an instrument that is not registered is
/// kept under it, told apart from another symbol's (R4).
fn unheard_of(symbol: &Symbol) -> InstrumentId {
    let mut hasher = crate::state::Fingerprint::default();
    std::hash::Hash::hash(symbol, &mut hasher);
    let low = u32::try_from(std::hash::Hasher::finish(&hasher) & 0x7fff_ffff).unwrap_or_default();
    let id = InstrumentId(low | 1 << 31);
    crate::book::unregistered(symbol, id);
    id
}

/// The venue's code panicked: nothing is known, as if its answer was lost.
pub(super) fn panicked<V: Venue>(venue: &V) -> Error {
    Error::Venue { venue: venue.name().to_owned(), why: "its code panicked".to_owned() }
}

pub(crate) fn not_asked<V: Venue>(venue: &V, lost: &super::api::VenueError) -> Error {
    Error::Venue { venue: venue.name().to_owned(), why: lost.to_string() }
}
