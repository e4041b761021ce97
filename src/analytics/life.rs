//! One life of a position, from opening to flat, as it is told afterwards.

use std::time::Duration;

use serde::Serialize;

use super::ending::Ending;
use super::figure::{Figure, Sum, Unknown};
use crate::model::{
    Currency, PositionId, PositionKey, Quantity, Sequence, Side, Sums, Symbol, Tags, Timestamp,
};

/// A life that is over. Money is in the settle currency unless it says otherwise.
///
/// What comes after its last fill (funding of a period before, late fills from before an adoption) is in the sums of its key,
/// not in here.
///
/// ```
/// use posbook::analytics::{Figure, Lives};
/// use posbook::{Book, Fill, Instrument, OrderSide};
///
/// let book = Book::builder().build()?;
/// let mut changes = book.changes();
/// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// book.record(Fill::trade(btc, "1".parse()?, OrderSide::Buy, "2".parse()?, "100".parse()?).fee("0.5", "USDT")?)?;
/// book.record(Fill::trade(btc, "2".parse()?, OrderSide::Sell, "2".parse()?, "110".parse()?).fee("0.5", "USDT")?)?;
///
/// let mut lives = Lives::new(100);
/// while let Some(publication) = changes.try_next() {
///     for change in publication?.iter() {
///         lives.follow(change)?;
///     }
/// }
/// let life = lives.ended().next().ok_or("nothing ended")?;
/// assert_eq!(life.result(), Figure::Known("19".parse()?)); // 20 less the fees
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Life {
    /// Its name; of one that was corrected, the last.
    pub position: PositionId,
    /// Where it stood.
    pub key: PositionKey,
    /// What was traded.
    pub symbol: Symbol,
    /// In which currency it is accounted for.
    pub settle: Currency,
    /// Long or short.
    pub side: Side,
    /// When its first fill was booked, or it was adopted.
    pub opened_at: Timestamp,
    /// When it became flat.
    pub closed_at: Timestamp,
    /// The change that ended it.
    pub closed: Sequence,
    /// The average price of everything that opened or added, of an inverse contract the harmonic one.
    pub entry: Figure,
    /// The average price of everything that reduced or closed.
    pub exit: Figure,
    /// The most contracts that were open.
    pub peak: Quantity,
    /// Price differences, before fees and funding.
    pub realised: Figure,
    /// Fees paid (positive) and rebates (negative), by currency.
    pub fees: Sums,
    /// Funding received (positive) and paid (negative), by currency.
    pub funding: Sums,
    /// What closed it.
    pub ending: Ending,
    /// The reason that was given, or the name of the venue's order. Empty: none was.
    pub reason: String,
    /// How many fills are behind it.
    pub fills: u64,
    /// The changes that booked them; of many, the first 256.
    pub booked_by: Vec<Sequence>,
    /// The best unrealised profit that was reached: maximum favourable excursion, MFE (J. Sweeney, *Maximum Adverse
    /// Excursion*, Wiley 1997). At the marks that were noted ([`Excursion`](crate::Excursion)), and at the price of the fill
    /// that closed it; unknown if none was noted.
    pub favourable: Figure,
    /// The worst unrealised loss that was reached, as a negative number: maximum adverse excursion, MAE (the same). Zero: it was
    /// never below its entry.
    pub adverse: Figure,
    /// What it was called by at the end.
    pub tags: Tags,
    /// Why what it earned as a whole is not known. `None`: it is.
    #[serde(skip)]
    pub(super) fault: Option<Unknown>,
}

impl Life {
    /// What it earned: realised profit, less fees, plus funding, of those that are in the settle currency. Others are in
    /// [`Life::fees`] and [`Life::funding`]: no rate between currencies is invented.
    pub fn result(&self) -> Figure {
        match (self.fault, self.realised) {
            (Some(why), _) | (None, Figure::Unknown(why)) => Figure::Unknown(why),
            (None, Figure::Known(realised)) => {
                let [fees, funding] = [&self.fees, &self.funding].map(|sums| sums.of(&self.settle));
                Sum::of([realised, -fees, funding].map(Some)).figure()
            }
        }
    }

    /// How long it was open, by the book's clock.
    pub fn held(&self) -> Duration {
        self.closed_at.since(self.opened_at)
    }
}
