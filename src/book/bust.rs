//! What the venue takes back, and what it puts in its place.

use super::{Book, Published, Recorded};
use crate::error::{Reason, Rejection};
use crate::model::{Bust, Command, Fill, Publication};
use crate::state::{Answer, FillOutcome};

impl Book {
    /// Takes a fill back that the venue has cancelled: quantity, cash and fees go the way they came, once. Targets stay with what is
    /// left open; what was closed by the fill is open again, as another life under the default rule.
    ///
    /// A fill that is not remembered any more, or was reported otherwise, is not taken back: the outcome says so, and the key is
    /// blocked for new risk until reports agree ([`FillOutcome::TooOldToTell`], [`FillOutcome::Conflict`]; R3, R10).
    ///
    /// # Errors
    /// The instrument is unknown, or the fill is a cumulative figure; nothing was changed.
    pub fn bust(&self, bust: Bust) -> Result<Recorded, Rejection> {
        self.take(Command::Bust(bust))
    }

    /// Replaces a fill that the venue has corrected by what it says now: both in one publication (R14).
    ///
    /// # Errors
    /// As [`Book::bust`]; the correction is of another trade; or it is no fill. Nothing was changed.
    ///
    /// ```
    /// use posbook::{Book, Bust, Fill, Instrument, OrderSide};
    ///
    /// let book = Book::builder().build()?;
    /// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// let was = Fill::trade(btc, "1".parse()?, OrderSide::Buy, "1".parse()?, "90000".parse()?);
    /// let is = Fill { price: "50000".parse()?, ..was.clone() };
    /// book.record(was.clone())?;
    /// book.correct(Bust::new(was, "wrong price"), is)?;
    /// assert_eq!(book.snapshot().get(btc).ok_or("flat")?.entry_price().to_string(), "50000");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn correct(&self, was: Bust, is: Fill) -> Result<Recorded, Rejection> {
        let trade = |fill: &Fill| (fill.instrument, fill.order.clone(), fill.shape.clone());
        if trade(&was.fill) != trade(&is) {
            let rule = "is of another trade than the one that it corrects";
            return Err(Reason::OutOfRange { what: "correction", value: is.quantity.get(), rule }.into());
        }
        let Published { publication, answer } =
            self.inner.publish_all(Command::Bust(was), vec![Command::Record(is)])?;
        let outcomes = match answer {
            Answer::Batch(answers) => answers,
            only => vec![only],
        };
        // What did not go as it should is what there is to know; else what became of the new one.
        let mut outcome = FillOutcome::Duplicate;
        for answer in outcomes {
            if let Answer::Fill(this) = answer {
                let bad = !matches!(this, FillOutcome::Booked { .. } | FillOutcome::Duplicate);
                outcome = this;
                if bad {
                    break;
                }
            }
        }
        Ok(Recorded { sequence: publication.as_ref().map(Publication::last), outcome })
    }
}
