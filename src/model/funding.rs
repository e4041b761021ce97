//! Funding: what an open perpetual position pays or receives each period.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::key::PositionKey;
use super::ledger::money;
use super::number::signed_amount;
use super::text::Currency;
use crate::error::Rejection;

/// A funding payment of one period, as the venue booked it. It moves no quantity, and each (key, period) is booked once.
///
/// ```
/// use posbook::{Book, FillOutcome, Funding, Instrument};
///
/// let book = Book::builder().build()?;
/// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// let paid = Funding::new(btc, 1_700_000_000, "-0.25", "USDT")?; // negative: paid
/// book.fund(paid.clone())?;
/// assert_eq!(book.fund(paid)?.outcome, FillOutcome::Duplicate);
/// let view = book.snapshot();
/// assert_eq!(view.key(btc).ok_or("no record")?.ledger.funding.of(&"USDT".parse()?), "-0.25".parse()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Funding {
    /// Whose position it was paid for.
    pub key: PositionKey,
    /// Which period, in the venue's count or time: anything that grows and names it once.
    pub period: u64,
    /// Received (positive) or paid (negative). Zero is a figure: a period that cost nothing is not one that is unknown.
    #[serde(with = "money")]
    pub amount: Decimal,
    /// In which currency.
    pub currency: Currency,
}

impl Funding {
    /// A payment: positive was received, negative was paid.
    ///
    /// # Errors
    /// The amount or the currency does not parse.
    pub fn new(
        key: impl Into<PositionKey>,
        period: u64,
        amount: &str,
        currency: &str,
    ) -> Result<Self, Rejection> {
        let (amount, currency) = (signed_amount(amount)?, currency.parse()?);
        Ok(Self { key: key.into(), period, amount, currency })
    }
}
