//! The latest price of every instrument and when it was received: outside the root, because a tick is not a change.
//!
//! A tick is two atomic stores. The price is stored *before* the time and a reader takes the time *before* the price:
//! whoever sees a time sees a price at least that new, so a mark is never older than it claims. (The other order would
//! let a reader pair a ten-minute-old price with the time of the tick that is just arriving, and fire a stop on it. In
//! this order the worst case is a new price with an old time: it looks stale once, and no longer on the next look.)
//! One thread per instrument marks it, as one market-data connection delivers it.
#![allow(
    clippy::disallowed_types,
    reason = "named by the seam, which is where they come from; clippy sees through the re-export"
)]

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::Duration;

use rust_decimal::Decimal;

use crate::error::{Reason, Rejection};
use crate::model::{InstrumentId, Price, Timestamp};
use crate::sync::{AtomicU64, CachePadded, fault};

/// The latest market price of an instrument, and when it was received. Not position state.
///
/// ```
/// use posbook::{Book, Instrument};
///
/// let book = Book::builder().build()?;
/// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// book.mark(btc, "50000".parse()?)?;
/// assert_eq!(book.latest(btc).ok_or("no mark")?.price, "50000".parse()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark {
    /// The price.
    pub price: Price,
    /// When it was received, by the book's clock.
    pub time: Timestamp,
}

impl Mark {
    /// Whether it is no older than `longest` at `now`.
    pub fn is_fresh(&self, now: Timestamp, longest: Duration) -> bool {
        // From the future is as wrong as from long ago: the clock was set back, and its age is not known.
        now.since(self.time) <= longest && self.time.since(now) <= longest
    }
}

/// Price: 56 bits of signed mantissa, 8 of scale. Time: nanoseconds since 1970, 0 while there is no mark.
#[derive(Default)]
struct Cell {
    price: AtomicU64,
    time: AtomicU64,
}

pub(crate) struct Marks {
    cells: Box<[CachePadded<Cell>]>,
    /// Ids below this are registered. A price for another id would become the first mark of whatever comes next.
    registered: AtomicU64,
}

impl Marks {
    pub(crate) fn new(capacity: usize) -> Self {
        let cells = (0..capacity).map(|_| CachePadded::new(Cell::default())).collect();
        Self { cells, registered: AtomicU64::new(0) }
    }

    /// From here on the instrument can be marked.
    pub(crate) fn admit(&self, id: InstrumentId) {
        self.registered.fetch_max(u64::from(id.0) + 1, Release); // pairs with the load in `set`
    }

    pub(crate) fn set(&self, id: InstrumentId, price: Price, time: Timestamp) -> Result<(), Rejection> {
        let admitted = u64::from(id.0) < self.registered.load(Acquire);
        let cell =
            self.cells.get(id.0 as usize).filter(|_| admitted).ok_or_else(|| crate::state::unknown(id))?;
        let (price, time) = (pack(price)?, time.0.max(1).unsigned_abs());
        // Broken twins turn the two round, or let the processor do so.
        if fault("marks_time_first") {
            cell.time.store(time, Release);
        }
        let order = if fault("marks_relaxed") { Relaxed } else { Release };
        // Both pair with the Acquire loads of `get`.
        cell.price.store(price, order);
        cell.time.store(time, order);
        Ok(())
    }

    /// `None`: never marked.
    pub(crate) fn get(&self, id: InstrumentId) -> Option<Mark> {
        let cell = self.cells.get(id.0 as usize)?;
        // Time first: see the module's essay.
        let time = cell.time.load(Acquire);
        let price = cell.price.load(Acquire);
        if time == 0 {
            return None;
        }
        let time = Timestamp(i64::try_from(time).unwrap_or(i64::MAX));
        Some(Mark { price: unpack(price)?, time })
    }
}

fn pack(price: Price) -> Result<u64, Rejection> {
    // In words of 32 bits, as a decimal keeps them: a tick has no time for 128.
    let words = price.get().unpack();
    if words.hi != 0 || words.mid >= 1 << (55 - 32) {
        return Err(too_long(price));
    }
    let mantissa = (u64::from(words.mid) << 32) | u64::from(words.lo);
    let mantissa = if words.negative { mantissa.wrapping_neg() } else { mantissa };
    // `Price` has at most 18 decimals.
    Ok((mantissa << 8) | u64::from(words.scale & 0xff))
}

#[cold]
#[inline(never)]
fn too_long(price: Price) -> Rejection {
    Reason::OutOfRange { what: "mark", value: price.get(), rule: "does not fit 56 bits" }.into()
}

fn unpack(word: u64) -> Option<Price> {
    let mantissa = word.cast_signed() >> 8;
    Price::new(Decimal::try_from_i128_with_scale(i128::from(mantissa), u32::from((word & 0xff) as u8)).ok()?)
        .ok()
}

#[cfg(all(test, not(posbook_loom)))]
mod tests {
    use super::*;

    #[test]
    fn prices_survive_the_word() {
        for text in
            ["0", "1", "-37.63", "61804.8", "0.000000000000000001", "36028797018963967", "-36028797018963967"]
        {
            let price: Price = text.parse().unwrap();
            assert_eq!(unpack(pack(price).unwrap()), Some(price), "{text}");
        }
        assert!("36028797018963968".parse::<Price>().is_err());
    }

    #[test]
    fn no_mark_is_not_a_price() {
        let marks = Marks::new(1);
        assert_eq!(marks.get(InstrumentId(0)), None);
        assert_eq!(marks.get(InstrumentId(9)), None);
        assert!(marks.set(InstrumentId(9), "1".parse().unwrap(), Timestamp(1)).is_err());
        assert!(marks.set(InstrumentId(0), "1".parse().unwrap(), Timestamp(1)).is_err());
        marks.admit(InstrumentId(0));
        marks.set(InstrumentId(0), "0".parse().unwrap(), Timestamp(5)).unwrap();
        assert_eq!(marks.get(InstrumentId(0)).unwrap().time, Timestamp(5));
    }
}
