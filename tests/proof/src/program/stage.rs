//! What the traders of one run share: a book whose marks stand still, and a desk where they leave things for each other.

use std::collections::VecDeque;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, PoisonError};

use posbook::{
    Book, ClientOrderId, Clock, Decimal, Error, Fill, GroupLimit, Instrument, InstrumentId, Limits, Price,
    Quantity, Selection, TargetRule, Timestamp,
};

/// A book to be traded.
#[derive(Debug, Clone)]
pub struct Stage {
    /// The book.
    pub book: Book,
    /// What is traded.
    pub ids: Vec<InstrumentId>,
    /// What the traders leave for each other.
    pub desk: Arc<Desk>,
    /// The book's clock; the first trader moves it.
    pub clock: Clock,
}

/// Where every market stands, in whole units of the quote currency.
pub const MARK: i64 = 100;

/// What some of the orders carry.
pub(crate) const TAG: &str = "grid";

impl Stage {
    /// A book with so many instruments, all at one mark, and a feed that holds so many publications.
    ///
    /// Places are a little scarce, so that limits are met too.
    ///
    /// # Errors
    /// More instruments than a book takes.
    pub fn new(instruments: usize, window: usize) -> Result<Self, Error> {
        Self::with_reuse(instruments, window, true)
    }

    /// As [`Stage::new`], with or without what [`posbook::Builder::reuse`] is about.
    ///
    /// # Errors
    /// As [`Stage::new`].
    pub fn with_reuse(instruments: usize, window: usize, reuse: bool) -> Result<Self, Error> {
        // 2023-11-14: any time, as long as it stands still.
        let clock = Clock::manual(Timestamp::from_millis(1_700_000_000_000));
        let places = (instruments * 7).div_ceil(8);
        // So are those of what is tagged.
        let grid = GroupLimit::new("grid".parse()?, Selection::everything().tag(TAG.parse()?));
        let grid = grid.positions((instruments / 4).max(1));
        let book = Book::builder()
            .clock(clock.clone())
            .identity(1, 1)
            .limits(Limits { positions: places.max(2), groups: vec![grid], ..Limits::default() })
            .default_rule(TargetRule::stop_fraction("0.05".parse()?))
            // The clock moves during a run; the marks must not grow old by that.
            .max_mark_age(std::time::Duration::from_secs(1_000_000_000))
            .instruments(instruments.max(1))
            .window(window)
            .reuse(reuse)
            .build()?;
        let mut ids = Vec::new();
        for n in 0..instruments {
            let id = book.register(Instrument::linear(&format!("C{n}/USDT:USDT"), "0.1", "0.1")?)?;
            book.mark(id, price(MARK * 10)?)?;
            ids.push(id);
        }
        Ok(Self { book, ids, desk: Arc::default(), clock })
    }
}

/// A price in tenths.
pub(crate) fn price(tenths: i64) -> Result<Price, posbook::Rejection> {
    Price::new(Decimal::new(tenths, 1))
}

/// A quantity in tenths.
pub(crate) fn quantity(tenths: i64) -> Result<Quantity, posbook::Rejection> {
    Quantity::new(Decimal::new(tenths, 1))
}

/// Something one trader leaves for another.
#[derive(Debug)]
pub(crate) enum Parcel {
    /// A fill that the venue delivers on another way.
    Fill(Fill),
    /// An order that nobody holds any more, with what the venue will say of it.
    Order(ClientOrderId, Course),
}

/// What the venue does with an order: drawn when it is sent.
#[derive(Debug, Default, Clone)]
pub(crate) struct Course {
    /// Fills that are still to be handed in, the next one last.
    pub(crate) fills: Vec<Fill>,
    /// What they come to.
    pub(crate) filled: Quantity,
    /// It never arrived: the venue knows no such order.
    pub(crate) lost: bool,
}

/// Where traders leave things. Its lock is never held across a call into the book.
#[derive(Debug, Default)]
pub struct Desk {
    parcels: Mutex<VecDeque<Parcel>>,
    time: AtomicI64,
}

impl Desk {
    pub(crate) fn leave(&self, parcel: Parcel) {
        self.parcels.lock().unwrap_or_else(PoisonError::into_inner).push_back(parcel);
    }

    pub(crate) fn take(&self) -> Option<Parcel> {
        self.parcels.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// The venue's clock: no two executions have one time.
    pub(crate) fn venue_time(&self) -> Timestamp {
        Timestamp::from_millis(1_600_000_000_000).plus(std::time::Duration::from_nanos(
            u64::try_from(self.time.fetch_add(1, SeqCst)).unwrap_or_default() * 1_000,
        ))
    }
}
