//! What a book refuses to exceed, checked inside the same compare-and-swap as the reservation (R13, D11).

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::ledger::money;
use super::number::Fraction;

/// Limits of a book. N threads together cannot exceed them, because they are checked against the state that a
/// reservation really lands on.
///
/// In flight only increases count, at the greater of what is open and quantity x the command's reference price;
/// reductions free nothing before they fill; an order in doubt counts in full (R13).
///
/// ```
/// use posbook::{Book, Limits};
///
/// let limits = Limits { positions: 3, ..Limits::default() };
/// let book = Book::builder().limits(limits).build()?;
/// # Ok::<(), posbook::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Greatest leverage, inclusive; the least is 1. Default 125, as the predecessor had it.
    pub leverage: u16,
    /// Greatest stop fraction, exclusive; the least is 0, exclusive. Default 1.
    pub stop_fraction: Fraction,
    /// Positions open at once, those being opened included. Default 4,096.
    pub positions: usize,
    /// Notional of one key, in its settle currency. Default: as much as a decimal holds.
    #[serde(with = "money")]
    pub key_notional: Decimal,
    /// Notional of the whole book, for each settle currency on its own. Default: as much as a decimal holds.
    #[serde(with = "money")]
    pub book_notional: Decimal,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            leverage: 125,
            stop_fraction: Fraction::ONE,
            positions: 4_096,
            key_notional: Decimal::MAX,
            book_notional: Decimal::MAX,
        }
    }
}
