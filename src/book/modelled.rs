//! For the models: a book whose changes are carried to a disk that the model plays, by the loop that everybody runs.

use super::durable::Terms;
use super::{Book, Builder, Durable, pump};
use crate::error::Error;
use crate::model::{Publication, Sequence};
use crate::state::State;
use crate::sync::Arc;

/// A disk of a model.
struct Played<F>(F);

impl<F: FnMut(&[&Publication]) -> Result<(), String>> pump::Sink for Played<F> {
    fn commit(&mut self, publications: &[&Publication]) -> Result<(), String> {
        (self.0)(publications)
    }
}

impl Builder {
    /// A book that has a journal, as far as the book knows.
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn build_carried(self) -> Result<Book, Error> {
        let terms = Terms {
            reached: Sequence(0),
            max_lag: u64::MAX,
            reserve_durably: true,
            restart: false,
            by_hand: false,
            notes: std::collections::BTreeMap::new(),
        };
        let settings = Arc::new(self.settings()?);
        Ok(self.start(State::empty(settings), Some(Durable::new(terms))))
    }
}

impl Book {
    /// Carries every publication to a disk until [`Book::stop_carrying`]: what a journal's thread does.
    pub fn carry(&self, commit: impl FnMut(&[&Publication]) -> Result<(), String>) {
        if let Some(durable) = &self.inner.durable {
            pump::run(&self.inner, durable, &mut Played(commit));
        }
    }

    /// Ends it once everything that is published is carried.
    pub fn stop_carrying(&self) {
        if let Some(durable) = &self.inner.durable {
            durable.stop();
        }
        self.inner.feed.wake.notify();
    }
}
