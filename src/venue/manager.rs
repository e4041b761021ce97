//! [`PositionManager`]: the predecessor's methods, each one call onto the book.
//!
//! Orders leave outside every loop, under a published reservation and a client order id that was fixed before the
//! venue was called. Money moves only by fills; what nobody knows is in doubt until the venue says what became of the
//! *order*. Nothing here sleeps or needs a particular runtime.

use std::fmt;

use super::api::{FillCursor, Venue};
use super::place::{Missing, Place, find};
use super::upkeep::cursor_name;
use crate::book::{Book, Snapshot};
use crate::error::{Error, Reason, Rejection};
use crate::model::{
    Command, Fraction, InstrumentId, Position, PositionKey, PositionMode, Quantity, Side, Symbol, TargetRule,
};
use crate::sync::{Arc, Mutex};

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
    /// Whether its passes note the extremes of unrealised profits.
    pub(super) excursions: bool,
}

pub(crate) struct Shared<V> {
    pub(crate) book: Book,
    pub(crate) venue: V,
    /// Instruments of the venue that the book does not account for.
    skipped: Vec<Rejection>,
    /// Their symbols.
    pub(crate) outside: Vec<Symbol>,
    /// How far the venue's fills have been read.
    pub(super) cursor: Mutex<FillCursor>,
    /// What reconciliation remembers between its runs.
    pub(crate) memory: Mutex<crate::venue::Memory>,
}

impl<V: Venue> Clone for PositionManager<V> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), excursions: self.excursions }
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
    /// Takes a book and a venue, and registers what the venue trades. Instruments that the book refuses (beyond its capacity, or
    /// another contract than it knows under this symbol) are left out and listed by [`PositionManager::skipped`].
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
        let shared = Arc::new(Shared { book, venue, skipped, outside, cursor, memory });
        Ok(Self { shared, excursions: true })
    }

    /// Whether passes of this handle, and of those cloned from it, note how far each position was above and below its entry
    /// ([`Excursion`](crate::Excursion)). They do unless this says no: it is a change for each new extreme, and without it nobody
    /// can say afterwards how good a stop or a target was.
    ///
    /// ```
    /// # use posbook::{Book, Instrument, Side, venue::{PaperVenue, PositionManager}};
    /// # let venue = PaperVenue::builder().build();
    /// # venue.list(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, venue.clone()))?;
    /// let manager = manager.excursions(false);
    /// # let btc = manager.instrument("BTC/USDT:USDT")?;
    /// # venue.tick(&"BTC/USDT:USDT".parse()?, "50000".parse()?, manager.book().now())?;
    /// # manager.book().mark(btc, "50000".parse()?)?;
    /// # pollster::block_on(manager.open_position(btc, Side::Long, "1".parse()?, 10, "0.05".parse()?))?;
    /// pollster::block_on(manager.update_positions());
    /// assert_eq!(manager.get_position("BTC/USDT:USDT").ok_or("flat")?.excursion, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn excursions(mut self, noted: bool) -> Self {
        self.excursions = noted;
        self
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

    // ---- names

    /// The key of a place for an exposure of this side: in hedge mode a symbol names the leg of the side.
    pub(super) fn key(&self, place: Place<'_>, side: Side) -> Result<PositionKey, Rejection> {
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
}

/// The venue's code panicked: nothing is known, as if its answer was lost.
pub(super) fn panicked<V: Venue>(venue: &V) -> Error {
    Error::Venue { venue: venue.name().to_owned(), why: "its code panicked".to_owned() }
}

pub(crate) fn not_asked<V: Venue>(venue: &V, lost: &super::api::VenueError) -> Error {
    Error::Venue { venue: venue.name().to_owned(), why: lost.to_string() }
}
