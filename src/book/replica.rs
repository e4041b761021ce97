//! A book that is only ever told changes, and can be asked what it would answer: how anybody verifies a history.

use super::Published;
use crate::error::Rejection;
use crate::model::{Cause, Change, Sequence};
use crate::state::{Settings, State, decide};
use crate::sync::Arc;

/// A second book that is only ever told changes: replaying every change gives the same book (I5).
///
/// ```
/// use posbook::{Book, Instrument};
///
/// let book = Book::builder().build()?;
/// let (mut replica, mut changes) = (book.replica(), book.changes());
/// book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// while let Some(publication) = changes.try_next() {
///     for change in publication?.iter() {
///         replica.apply(change)?;
///     }
/// }
/// assert_eq!(replica.digest(), book.snapshot().digest());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Replica(State);

impl Replica {
    /// With everything that stands in this state.
    pub(super) fn begin(state: State) -> Self {
        Self(state)
    }

    pub(super) fn new(settings: Settings) -> Self {
        Self(State::empty(Arc::new(settings)))
    }

    /// What a book in this state answers to a cause: what it would publish, or its refusal. Nothing is changed. Asked of
    /// the state before a publication, with its cause, it is that publication (decision 1).
    ///
    /// ```
    /// use std::sync::Arc;
    /// use posbook::{Book, Cause, Command, Observed, Side};
    ///
    /// let book = Book::builder().build()?;
    /// let open = Command::open(posbook::InstrumentId(0), Side::Long, "1".parse()?).into();
    /// let cause = Arc::new(Cause { command: open, then: vec![], observed: Observed::default() });
    /// assert!(book.replica().ask(&cause).is_err()); // no such instrument
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The refusal that the book would give.
    pub fn ask(&self, cause: &Arc<Cause>) -> Result<Published, Rejection> {
        let (publication, answer) = decide(&self.0, cause)?;
        Ok(Published { publication, answer })
    }

    /// Puts the next change in place.
    ///
    /// # Errors
    /// It is not the next one; nothing is changed then.
    pub fn apply(&mut self, change: &Change) -> Result<(), Rejection> {
        self.0.apply(change)
    }

    /// The sequence of the last change.
    pub fn sequence(&self) -> Sequence {
        self.0.sequence()
    }

    /// The same fingerprint as [`Snapshot::digest`](crate::Snapshot::digest) of an equal book.
    pub fn digest(&self) -> u128 {
        self.0.digest()
    }
}
