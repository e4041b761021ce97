//! What a journal promises: which crash its acknowledged changes survive, and when it makes others wait.

use std::str::FromStr;

use crate::error::{Reason, Rejection, shorten};

/// Which crash a change survives once [`Book::wait_durable`](crate::Book::wait_durable) has returned for it.
///
/// | | kill of the program | power cut, kernel crash | SQLite |
/// |---|---|---|---|
/// | `Synced` | nothing acknowledged is lost | nothing acknowledged is lost | `synchronous=FULL`: the write-ahead log is synced by each commit |
/// | `Buffered` | nothing acknowledged is lost | the last commits may be; the journal stays whole | `synchronous=NORMAL`: synced before a checkpoint of the log |
/// | `None` | nothing acknowledged is lost | the journal may be damaged | `synchronous=OFF`: the operating system writes when it likes |
///
/// ```
/// use posbook::journal::Durability;
///
/// assert_eq!("synced".parse::<Durability>()?, Durability::Synced);
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Durability {
    /// Handed to the operating system.
    None,
    /// Handed to the operating system; order and wholeness are kept over a power cut.
    Buffered,
    /// On the disk.
    #[default]
    Synced,
}

impl Durability {
    pub(super) const fn pragma(self) -> &'static str {
        match self {
            Durability::None => "OFF",
            Durability::Buffered => "NORMAL",
            Durability::Synced => "FULL",
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Durability::None => "none",
            Durability::Buffered => "buffered",
            Durability::Synced => "synced",
        }
    }
}

impl FromStr for Durability {
    type Err = Rejection;

    fn from_str(text: &str) -> Result<Self, Rejection> {
        [Durability::None, Durability::Buffered, Durability::Synced]
            .into_iter()
            .find(|d| d.name() == text)
            .ok_or_else(|| {
                let rule = "is not one of none, buffered, synced";
                Reason::Malformed { what: "durability", text: shorten(text), rule }.into()
            })
    }
}

/// How a journal is kept. Every value has a documented default.
///
/// ```
/// use posbook::journal::{Durability, JournalOptions};
///
/// let options = JournalOptions::default().durability(Durability::Buffered).checkpoint_every(10_000);
/// ```
#[derive(Debug, Clone)]
#[must_use = "options do nothing until a journal is opened with them"]
pub struct JournalOptions {
    pub(super) durability: Durability,
    pub(super) max_lag: u64,
    pub(super) durable_reservations: bool,
    pub(super) checkpoint_every: u64,
    pub(super) accept_loss: bool,
    pub(super) by_hand: bool,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            max_lag: 100_000,
            durable_reservations: true,
            checkpoint_every: 100_000,
            accept_loss: false,
            by_hand: false,
        }
    }
}

impl JournalOptions {
    /// What is promised. Default: [`Durability::Synced`].
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Changes that may wait for the disk before new risk is refused with
    /// [`Reason::JournalBehind`]; fills and reductions are always accepted. Default: 100,000.
    pub fn max_journal_lag(mut self, changes: u64) -> Self {
        self.max_lag = changes;
        self
    }

    /// Whether the order of an increase leaves only when its reservation is durable. Reductions never wait. Default: yes.
    pub fn durable_reservations(mut self, wait: bool) -> Self {
        self.durable_reservations = wait;
        self
    }

    /// No thread writes: [`Journal::write`](super::Journal::write) does, when it is called, and nothing is written before. For
    /// simulations on one thread, which have to be repeatable. Dropped, such a journal leaves behind what a kill leaves. Whoever
    /// waits and blocks is told at once that what is not written is not durable. Default: no.
    ///
    /// ```
    /// use posbook::{Book, Instrument};
    /// use posbook::journal::{Journal, JournalOptions};
    ///
    /// # let folder = std::env::temp_dir().join(format!("posbook-doc-by-hand-{}", std::process::id()));
    /// let journal = Journal::open(&folder, JournalOptions::default().by_hand(true), Book::builder())?;
    /// journal.book().register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// assert!(journal.book().wait_durable(posbook::Sequence(1)).is_err());
    /// journal.write()?;
    /// journal.book().wait_durable(posbook::Sequence(1))?;
    /// # drop(journal);
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn by_hand(mut self, by_hand: bool) -> Self {
        self.by_hand = by_hand;
        self
    }

    /// A checkpoint is written each so many changes: a restart reads the newest one and what came after. Default: 100,000.
    pub fn checkpoint_every(mut self, changes: u64) -> Self {
        self.checkpoint_every = changes.max(1);
        self
    }

    /// Opens a journal although changes that it had acknowledged are gone ([`JournalError::Lost`](super::JournalError)): what
    /// is left is whole, and the venue's word on fills, orders and positions brings the rest. Default: no.
    pub fn accept_loss(mut self, accept: bool) -> Self {
        self.accept_loss = accept;
        self
    }
}
