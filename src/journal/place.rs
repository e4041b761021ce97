//! Reading on: a place in a journal, and the publications after it, as they were published.

use super::error::JournalError;
use super::fold::{Fold, Read};
use super::history::{At, History};
use crate::book::Snapshot;
use crate::model::{Change, Epoch, Sequence};
use crate::state::State;

/// A place in a journal: the book as it stood there, from which reading goes on. It belongs to no open file, so that each
/// look can be a moment of its own.
///
/// ```
/// use posbook::Book;
/// use posbook::journal::{History, Journal, JournalOptions};
///
/// # let folder = std::env::temp_dir().join(format!("posbook-doc-place-{}", std::process::id()));
/// let journal = Journal::open(&folder, JournalOptions::default(), Book::builder())?;
/// # let book = journal.book();
/// # let last = book.register(posbook::Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?).map(|_| book.snapshot().sequence())?;
/// # book.wait_durable(last)?;
/// let history = History::open(&folder)?;
/// let mut place = history.beginning()?;
/// let mut changes = 0;
/// history.go_on(&mut place, |publication| changes += publication.len())?;
/// assert_eq!(place.view().digest(), history.state_at(place.sequence())?.digest());
/// # assert_eq!(changes, 1);
/// # drop((journal, history));
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Place {
    state: State,
    epoch: Epoch,
    chain: i64,
}

impl Place {
    pub(super) fn new(state: State, epoch: Epoch, chain: i64) -> Self {
        Self { state, epoch, chain }
    }

    /// The book as it stands there.
    pub fn view(&self) -> Snapshot {
        Snapshot::alone(self.state.clone())
    }

    pub(super) fn into_view(self) -> Snapshot {
        Snapshot::alone(self.state)
    }

    /// The last change before it.
    pub fn sequence(&self) -> Sequence {
        self.state.sequence()
    }
}

impl History {
    /// The place where it begins: before the first change, or at the oldest checkpoint of one that was pruned.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn beginning(&self) -> Result<Place, JournalError> {
        let (first, _) = self.bounds()?;
        let begin = if first.0 == 0 { Sequence(u64::MAX) } else { Sequence(first.0.saturating_sub(1)) };
        let mut read = Read::default();
        let fold = Fold::newest(self, begin, &mut read)?;
        match read.unusable.first() {
            None => Ok(Place::new(fold.state, fold.epoch, fold.chain)),
            Some(at) => Err(JournalError::damaged(
                &self.folder,
                format!("the checkpoint at change {at} cannot be read"),
            )),
        }
    }

    /// The place after everything up to a moment.
    ///
    /// # Errors
    /// As [`History::state_at`].
    pub fn place_at(&self, at: impl Into<At>) -> Result<Place, JournalError> {
        self.place(at.into())
    }

    /// Shows every publication after a place that is whole, oldest first, and moves the place behind them.
    ///
    /// # Errors
    /// It cannot be read, or the place is of another journal. The place stays after the last publication that was shown.
    pub fn go_on(&self, place: &mut Place, mut see: impl FnMut(&[Change])) -> Result<(), JournalError> {
        let (state, epoch, chain) = (place.state.clone(), place.epoch, place.chain);
        let mut fold = Fold::at(self, state, epoch, chain);
        let mut changes = Vec::new();
        let read = fold.go_on(Sequence(u64::MAX), &mut Read::default(), |_, unit| {
            changes.clear();
            changes.extend(unit.iter().map(|(change, _)| change.clone()));
            see(&changes);
            Ok(())
        });
        (place.state, place.epoch, place.chain) = (fold.state, fold.epoch, fold.chain);
        read
    }
}
