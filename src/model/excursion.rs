//! How far a life was above and below its entry: the best and the worst unrealised profit at the marks that were noted.
//! Pure arithmetic on values; asked by a pass to see what is worth a change, and again by `decide`, on what really stands
//! there.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

#[cfg(any(feature = "analytics", feature = "journal"))]
use super::change::Kind;
use super::ledger::money;
use super::number::Price;
use super::position::Position;
use crate::error::{Reason, Rejection};

/// The best and the worst unrealised profit of one life of a position, in the settle currency, at the fresh marks that
/// were noted: maximum favourable and maximum adverse excursion (J. Sweeney, *Maximum Adverse Excursion*, Wiley 1997).
///
/// It is of what was open when a mark came: what a part brought that was taken off before is not in it. It belongs to the
/// life and goes with it; orders, fills that add or reduce, and corrections leave it as it is.
///
/// A mark is worth a change only if it moves an extreme by a [`Excursion::GRAIN`] of the cost, so an extreme that was noted is
/// off by less than that, and by what happened while nobody looked.
///
/// ```
/// use posbook::{Book, Command, Excursion, Fill, Instrument, OrderSide};
///
/// let book = Book::builder().build()?;
/// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// book.record(Fill::trade(btc, "1".parse()?, OrderSide::Buy, "2".parse()?, "50000".parse()?))?;
/// let position = book.snapshot().get(btc).ok_or("flat")?.id;
/// for mark in ["50100", "49700", "50050"] {
///     book.mark(btc, mark.parse()?)?;
///     book.apply(Command::Reach { key: btc.into(), position })?;
/// }
/// let noted = book.snapshot().get(btc).ok_or("flat")?.excursion;
/// assert_eq!(noted, Some(Excursion::new("200".parse()?, "-600".parse()?)?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Excursion {
    #[serde(with = "money")]
    favourable: Decimal,
    #[serde(with = "money")]
    adverse: Decimal,
}

/// As it is stored, before it is known to be one.
#[derive(Deserialize)]
struct Written {
    #[serde(with = "money")]
    favourable: Decimal,
    #[serde(with = "money")]
    adverse: Decimal,
}

impl TryFrom<Written> for Excursion {
    type Error = Rejection;

    fn try_from(written: Written) -> Result<Self, Rejection> {
        Self::new(written.favourable, written.adverse)
    }
}

impl Excursion {
    /// By this share of the cost an extreme has to move before a mark is worth a change: 1/10,000, below any fee, so what is not
    /// noted never decides how good a stop or a target was.
    ///
    /// Measured with `posbook replay`, noted extremes among all changes: 13 % in its synthetic market, 4 to 5 % on recorded
    /// futures quotes and spot trades. Noting every extreme takes 17 and 8 to 9 %; at 5/10,000, about a taker's fee, it would be 7
    /// and 3 %.
    pub const GRAIN: Decimal = Decimal::from_parts(1, 0, 0, false, 4);

    /// Two extremes.
    ///
    /// # Errors
    /// The best is below zero, or the worst above it: every life begins at zero.
    ///
    /// ```
    /// use posbook::Excursion;
    ///
    /// assert!(Excursion::new("3".parse()?, "-2".parse()?).is_ok());
    /// assert!(Excursion::new("-3".parse()?, "-2".parse()?).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(favourable: Decimal, adverse: Decimal) -> Result<Self, Rejection> {
        let refused = |what, value, rule| Err(Reason::OutOfRange { what, value, rule }.into());
        if favourable < Decimal::ZERO {
            return refused("favourable excursion", favourable, "must not be below 0: a life begins there");
        }
        if adverse > Decimal::ZERO {
            return refused("adverse excursion", adverse, "must not be above 0: a life begins there");
        }
        Ok(Self { favourable: favourable.normalize(), adverse: adverse.normalize() })
    }

    /// The extremes of a life of which one profit is known.
    pub(crate) fn of(profit: Decimal) -> Self {
        Self { favourable: Decimal::ZERO, adverse: Decimal::ZERO }.and(profit)
    }

    /// The extremes if this profit was reached too.
    pub(crate) fn and(self, profit: Decimal) -> Self {
        let profit = profit.normalize();
        Self { favourable: self.favourable.max(profit), adverse: self.adverse.min(profit) }
    }

    /// The extremes of a life that has ended like this: what the fill that closed it realised was reached too.
    #[cfg(any(feature = "analytics", feature = "journal"))]
    pub(crate) fn at_the_end(self, how: Kind, realised: Decimal) -> Self {
        if how == Kind::Closed { self.and(realised) } else { self }
    }

    /// The best unrealised profit, never below zero: MFE.
    pub const fn favourable(&self) -> Decimal {
        self.favourable
    }

    /// The worst unrealised profit, never above zero: MAE.
    pub const fn adverse(&self) -> Decimal {
        self.adverse
    }
}

impl Position {
    /// What a fresh mark changes about the extremes of the unrealised profit. `None`: nothing, which is the rule: a mark
    /// counts if it moves one of them by a [`Excursion::GRAIN`] of the cost at least. The first mark of a life always does.
    ///
    /// ```
    /// use posbook::{Book, Excursion, Fill, Instrument, OrderSide};
    ///
    /// let book = Book::builder().build()?;
    /// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// book.record(Fill::trade(btc, "1".parse()?, OrderSide::Buy, "1".parse()?, "50000".parse()?))?;
    /// let mut position = book.snapshot().get(btc).ok_or("flat")?.clone();
    /// position.excursion = position.reached("50100".parse()?);
    /// assert_eq!(position.excursion, Some(Excursion::new("100".parse()?, "0".parse()?)?));
    /// assert_eq!(position.reached("50104.9".parse()?), None); // 4.9 more, and the grain is 5
    /// assert_eq!(position.reached("49995".parse()?), Some(Excursion::new("100".parse()?, "-5".parse()?)?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reached(&self, mark: Price) -> Option<Excursion> {
        let profit = self.unrealised(mark).ok()?;
        let Some(noted) = self.excursion else { return Some(Excursion::of(profit)) };
        let further = match profit > noted.favourable {
            true => profit.checked_sub(noted.favourable)?,
            false => noted.adverse.checked_sub(profit)?,
        };
        let grain = self.cost.abs().checked_mul(Excursion::GRAIN)?;
        (further > Decimal::ZERO && further >= grain).then(|| noted.and(profit))
    }
}
