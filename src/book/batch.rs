//! Batches: several commands, over any number of keys, published together or not at all (R14).

use crate::error::{Reason, Rejection};
use crate::model::{Command, Publication};
use crate::state::Answer;

use super::reservation::{self, Reservation};
use super::{Book, Published};

/// What became of a batch.
///
/// ```
/// use posbook::{Book, Command, Instrument, Side};
///
/// let book = Book::builder().build()?;
/// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// let eth = book.register(Instrument::linear("ETH/USDT:USDT", "0.01", "0.001")?)?;
/// // A pair trade: both legs are reserved, or none.
/// let pair = book.submit([
///     Command::expect_absent(eth),
///     Command::open(btc, Side::Long, "1".parse()?).at("50000".parse()?).into(),
///     Command::open(eth, Side::Short, "16".parse()?).at("3000".parse()?).into(),
/// ])?;
/// assert_eq!(pair.reservations.len(), 2);
/// assert_eq!(pair.publication.ok_or("nothing")?.len(), 2); // one unit of two changes
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Batch {
    /// The changes, as one unit. `None`: there was nothing to do.
    pub publication: Option<Publication>,
    /// The reservations, in the order of their commands. Dropped before they are sent, they are released.
    pub reservations: Vec<Reservation>,
}

impl Book {
    /// Does several commands or none: each is decided against what the ones before it leave behind, and all are
    /// published by one compare-and-swap. Preconditions are commands too: [`Command::expect`],
    /// [`Command::expect_absent`]. An empty batch does nothing.
    ///
    /// # Errors
    /// What the first command is refused for that may not be ([`Rejection::command`] hands it back); nothing is
    /// published then.
    pub fn submit(&self, commands: impl IntoIterator<Item = Command>) -> Result<Batch, Rejection> {
        let mut commands = commands.into_iter();
        let Some(first) = commands.next() else {
            return Ok(Batch { publication: None, reservations: Vec::new() });
        };
        let then: Vec<Command> = commands.collect();
        if !first.fits_a_batch() {
            return Err(Rejection::from(Reason::NotInABatch { command: first.name() }).of(&first));
        }
        let Published { publication, answer } = self.inner.publish_all(first, then)?;
        let answers = match answer {
            Answer::Batch(answers) => answers,
            only => vec![only],
        };
        let reserved = answers.into_iter().filter_map(|answer| match answer {
            Answer::Reserved(id) => reservation::find(publication.as_ref()?, id),
            _ => None,
        });
        let reservations = reserved.map(|order| Reservation::new(self.clone(), order)).collect();
        Ok(Batch { publication, reservations })
    }
}
