//! Trades that the venue takes back.

use serde::{Deserialize, Serialize};

use super::fill::Fill;
use super::ids::Timestamp;

/// A trade that the venue has cancelled (busted): it never was, and what it moved goes back.
///
/// The book remembers of a fill what it is recognised by, not what it said (R3). So a bust names the fill as it was reported, and
/// only exactly that one is taken back.
///
/// ```
/// use posbook::{Book, Bust, Fill, Instrument, OrderSide};
///
/// let book = Book::builder().build()?;
/// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// let good = Fill::trade(btc, "1".parse()?, OrderSide::Buy, "1".parse()?, "50000".parse()?);
/// let wild = Fill::trade(btc, "2".parse()?, OrderSide::Buy, "1".parse()?, "90000".parse()?);
/// book.record(good)?;
/// book.record(wild.clone())?;
/// book.bust(Bust::new(wild, "erroneous trade"))?;
/// let view = book.snapshot();
/// assert_eq!(view.get(btc).ok_or("flat")?.entry_price().to_string(), "50000");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Bust {
    /// The fill, as it was reported.
    pub fill: Fill,
    /// The venue's time of the cancellation. `None`: it states none.
    pub venue_time: Option<Timestamp>,
    /// Why, in the venue's words.
    pub reason: String,
}

impl Bust {
    /// The venue takes this fill back.
    pub fn new(fill: Fill, reason: impl Into<String>) -> Self {
        Self { fill, venue_time: None, reason: reason.into() }
    }

    /// The venue's time of the cancellation.
    #[must_use]
    pub fn at(mut self, time: Timestamp) -> Self {
        self.venue_time = Some(time);
        self
    }
}
