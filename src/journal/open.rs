//! Opening a journal to go on with it: who may, what was there, and the book that begins with it.

use std::path::{Path, PathBuf};

use super::error::JournalError;
use super::files::{self, Lock, Mark};
use super::history::{At, History};
use super::options::{Durability, JournalOptions};
use super::store::{self, Pruned, Store};
use super::{migrate, schema};
use crate::book::{Book, Builder, Durable, Snapshot, Terms, pump};
use crate::model::{ClientOrderId, Command, Epoch, OrderState, OrderStep, Sequence};
use crate::state::State;
use crate::sync::{Arc, Clock, Mutex, Thread, fault, random_u32, spawn};

/// What was found when a journal was opened.
///
/// ```
/// let new = posbook::journal::Restored::default();
/// assert!(new.in_doubt.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Restored {
    /// Which opening this is: 1 for a new journal.
    pub epoch: Epoch,
    /// The last change that was there. 0: none.
    pub sequence: Sequence,
    /// The checkpoint that the restore began with. 0: it began with the first change.
    pub checkpoint: Sequence,
    /// Changes after the last whole publication, which were cut off (R14).
    pub cut: u64,
    /// Checkpoints that could not be used; the fold began earlier.
    pub unusable_checkpoints: Vec<Sequence>,
    /// Orders that were unresolved: in doubt now, until the venue says what became of each
    /// ([`Book::reattach`](crate::Book::reattach)).
    pub in_doubt: Vec<ClientOrderId>,
    /// The last change that had been acknowledged before, if it is not there any more: more than the durability in force
    /// then survives has happened, or it was accepted ([`JournalOptions::accept_loss`]).
    pub lost: Option<Sequence>,
}

/// A journal that is being written, and the book that it is of.
///
/// It writes until it is closed or dropped; then what was published is durable, and increases are refused. (Not so if it is
/// written [by hand](JournalOptions::by_hand).)
///
/// ```
/// use posbook::Book;
/// use posbook::journal::{Journal, JournalOptions};
///
/// # let folder = std::env::temp_dir().join(format!("posbook-doc-journal-{}", std::process::id()));
/// let journal = Journal::open(&folder, JournalOptions::default(), Book::builder())?;
/// assert_eq!(journal.book().snapshot().sequence(), journal.restored().sequence);
/// journal.close()?;
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a journal that is dropped is closed"]
pub struct Journal {
    folder: PathBuf,
    book: Book,
    restored: Restored,
    writer: Writer,
    _lock: Lock,
}

/// Who writes.
enum Writer {
    /// A thread of its own.
    Thread(Thread),
    /// Whoever calls [`Journal::write`]: behind a lock, because a journal is shared by threads.
    Hand(Box<Mutex<Store>>),
    /// Nobody any more.
    Ended,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal")
            .field("folder", &self.folder)
            .field("restored", &self.restored)
            .finish_non_exhaustive()
    }
}

impl Journal {
    /// Opens the journal in a folder, or makes one there, and builds its book: with everything that was written, orders that
    /// were unresolved in doubt, and under a new epoch. The builder's own identity is only used for a new journal.
    ///
    /// After a restart increases are refused until a complete report was compared and no doubt is left (R15).
    ///
    /// # Errors
    /// See [`JournalError`]; what was there is as it was.
    pub fn open(
        folder: impl AsRef<Path>,
        options: JournalOptions,
        builder: Builder,
    ) -> Result<Self, JournalError> {
        let folder = folder.as_ref();
        let wanted = builder.settings().map_err(|wrong| JournalError::Book(wrong.to_string()))?;
        files::check_head(folder)?;
        std::fs::create_dir_all(folder).map_err(|wrong| JournalError::system(folder, wrong))?;
        let lock = files::lock(folder)?;
        // A first opening that was killed in the middle leaves a rollback file of SQLite's: only a connection that may write can
        // go back to the empty file before it.
        if folder.join("journal.sqlite-journal").exists() {
            drop(store::connect(folder)?);
        }
        // Read first, by a connection that cannot write: what is damaged is refused as it is.
        let (mut found, notes) = match History::open(folder) {
            Ok(history) => {
                let notes = store::notes(folder, &history.database)?;
                (Some(history.restore()?), notes)
            }
            Err(JournalError::Absent { .. }) => (None, std::collections::BTreeMap::new()),
            Err(wrong) => return Err(wrong),
        };
        let mut restored = Restored { epoch: 1, ..Restored::default() };
        let mut identity = builder.named().unwrap_or_else(random_u32);
        if let Some((openings, fold, read)) = &found {
            restored.sequence = fold.sequence();
            restored.checkpoint = read.began;
            restored.cut = read.cut;
            restored.unusable_checkpoints = read.unusable.clone();
            if let Some(last) = openings.last() {
                identity = last.book;
                restored.epoch = last.epoch.saturating_add(1);
            }
        }
        restored.lost = lost(folder, restored.sequence, &options)?;

        let sqlite = |wrong: rusqlite::Error| JournalError::sqlite(folder, &wrong);
        let mut database = store::connect(folder)?;
        match schema::version(folder, &database)? {
            None => schema::create(&mut database).map_err(sqlite)?,
            Some(schema::VERSION) => {}
            Some(older) => {
                migrate::bring_up(folder, &mut database, older)?;
                // The same state; its rows have other checksums now.
                found = Some(History::open(folder)?.restore()?);
            }
        }
        if restored.cut > 0 {
            store::cut(&database, restored.sequence).map_err(sqlite)?;
        }
        let opened = (restored.epoch, restored.sequence);
        let (began, (state, chain)) = match found {
            Some((openings, fold, _)) => (openings.and(opened), fold.into_parts()),
            None => (Arc::from([opened]), (State::empty(Arc::new(wanted.clone())), 0)),
        };
        let settings = crate::state::Settings {
            book: identity,
            epoch: restored.epoch,
            instruments: wanted.instruments.max(state.instruments()),
            ..wanted
        };
        let now = Clock::system().now();
        store::opening(&mut database, &settings, restored.sequence, now, options.durability)
            .map_err(sqlite)?;
        let mut mark = Mark::open(folder).map_err(|wrong| JournalError::system(folder, wrong))?;
        mark.set(restored.sequence, options.durability)
            .map_err(|wrong| JournalError::system(folder, wrong))?;

        let mut state = state;
        state.reopen(Arc::new(settings), began);
        let terms = Terms {
            reached: restored.sequence,
            max_lag: options.max_lag,
            reserve_durably: options.durable_reservations,
            // A broken twin takes new risk at once.
            restart: restored.epoch > 1 && !fault("ready_at_once"),
            by_hand: options.by_hand,
            notes,
        };
        let book = builder.start(state, Some(Durable::new(terms)));
        let (epoch, checkpoint) = (restored.epoch, restored.checkpoint);
        let mut store = Store::new(folder, database, mark, &options, epoch, chain, checkpoint, &book)?;
        let writer = if options.by_hand {
            Writer::Hand(Box::new(Mutex::new(store)))
        } else {
            let inner = Arc::clone(&book.inner);
            let thread = spawn("posbook-journal", move || {
                if let Some(durable) = &inner.durable {
                    pump::run(&inner, durable, &mut store);
                }
            });
            Writer::Thread(thread.map_err(|wrong| {
                JournalError::system(folder, format!("no thread for the journal: {wrong}"))
            })?)
        };
        restored.in_doubt = put_in_doubt(&book);
        if let Some(durable) = &book.inner.durable {
            durable.opened_at(book.snapshot().sequence());
        }
        Ok(Self { folder: folder.to_owned(), book, restored, writer, _lock: lock })
    }

    /// The book. Clone it for every thread.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// What was found when it was opened.
    pub fn restored(&self) -> &Restored {
        &self.restored
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What was written, to be read beside the writing.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn history(&self) -> Result<History, JournalError> {
        History::open(&self.folder)
    }

    /// The whole book as it was, cut at the end of a publication (R14). What is not durable yet is waited for.
    ///
    /// # Errors
    /// It was pruned, or cannot be read.
    pub fn state_at(&self, at: impl Into<At>) -> Result<Snapshot, JournalError> {
        let at = at.into();
        if let At::Sequence(sequence) = at {
            let sequence = sequence.min(self.book.snapshot().sequence());
            self.book.wait_durable(sequence).map_err(|failed| JournalError::system(&self.folder, failed))?;
        }
        self.history()?.state_at(at)
    }

    /// Which keys differ between two moments, and how.
    ///
    /// # Errors
    /// As [`Journal::state_at`].
    pub fn diff(&self, a: impl Into<At>, b: impl Into<At>) -> Result<Vec<super::Difference>, JournalError> {
        Ok(super::history::differences(&self.state_at(a)?, &self.state_at(b)?))
    }

    /// Makes durable what is published now, and says up to where that is. A journal with a thread of its own is waited for.
    ///
    /// # Errors
    /// It could not be written, now or before: then nothing will be any more.
    pub fn write(&self) -> Result<Sequence, JournalError> {
        let last = self.book.snapshot().sequence();
        if let (Writer::Hand(store), Some(durable)) = (&self.writer, &self.book.inner.durable) {
            let mut store = store.lock();
            let mut reached = durable.reached();
            if !durable.has_failed()
                && let Err(why) = pump::once(&self.book.inner, durable, &mut *store, &mut reached)
            {
                durable.fail(why);
            }
        }
        match self.book.wait_durable(last) {
            Ok(()) => Ok(last),
            Err(failed) => Err(JournalError::system(&self.folder, failed)),
        }
    }

    /// Ends it: what is published is durable when this returns.
    ///
    /// # Errors
    /// It could not be written; [`Book::health`](crate::Book::health) had said so.
    pub fn close(mut self) -> Result<Sequence, JournalError> {
        if matches!(self.writer, Writer::Hand(_)) {
            self.write()?;
        }
        let last = self.book.snapshot().sequence();
        self.stop();
        match self.book.wait_durable(last) {
            Ok(()) => Ok(last),
            Err(failed) => Err(JournalError::system(&self.folder, failed)),
        }
    }

    fn stop(&mut self) {
        let Some(durable) = &self.book.inner.durable else { return };
        durable.stop();
        self.book.inner.feed.wake.notify();
        match std::mem::replace(&mut self.writer, Writer::Ended) {
            Writer::Thread(thread) => thread.join(),
            Writer::Hand(_) => durable.fail(pump::CLOSED.to_owned()),
            Writer::Ended => {}
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Writes a checkpoint of the newest state, whether a program writes the journal or not.
pub(super) fn checkpoint(folder: &Path) -> Result<Sequence, JournalError> {
    let history = whole(folder)?;
    // Its records are the older version's, and so would be those of whoever writes it now.
    if !history.shape.is_current() {
        return Err(JournalError::Older { path: folder.to_owned() });
    }
    let (_, fold, _) = history.restore()?;
    let (epoch, chain) = (fold.epoch, fold.chain);
    let database = store::connect(folder)?;
    store::checkpoint(folder, &database, &fold.state, epoch, chain, Clock::system().now())?;
    Ok(fold.sequence())
}

/// A journal that has everything that was acknowledged. What is written to one whose log is missing could never be put together
/// again with that log.
fn whole(folder: &Path) -> Result<History, JournalError> {
    let history = History::open(folder)?;
    match history.lost()? {
        Some(acknowledged) => {
            let (_, found) = history.bounds()?;
            Err(JournalError::Lost { path: folder.to_owned(), acknowledged, found })
        }
        None => Ok(history),
    }
}

/// Removes what is before the newest checkpoint up to a sequence.
pub(super) fn prune(folder: &Path, until: Sequence) -> Result<Pruned, JournalError> {
    let history = whole(folder)?;
    let (first, last) = history.bounds()?;
    drop(history);
    let pruned = store::prune(folder, &mut store::connect(folder)?, until)?;
    pruned.ok_or_else(|| JournalError::NotThere {
        path: folder.to_owned(),
        asked: format!("a checkpoint at change {until} or before (write one with `posbook checkpoint`)"),
        first,
        last,
    })
}

/// Changes that were acknowledged and are gone: refused if they had been synced.
fn lost(folder: &Path, found: Sequence, options: &JournalOptions) -> Result<Option<Sequence>, JournalError> {
    match files::acknowledged(folder).filter(|(acknowledged, _)| *acknowledged > found) {
        Some((acknowledged, Durability::Synced)) if !options.accept_loss => {
            Err(JournalError::Lost { path: folder.to_owned(), acknowledged, found })
        }
        Some((acknowledged, _)) => Ok(Some(acknowledged)),
        None => Ok(None),
    }
}

/// Nobody holds an order of before: whatever the last record says of it, it may have left.
fn put_in_doubt(book: &Book) -> Vec<ClientOrderId> {
    // A broken twin believes the last record.
    if fault("found_as_it_was") {
        return Vec::new();
    }
    for order in book.reservations() {
        let (key, order) = (order.key, order.client_id);
        // Refused only if it is gone, and nobody else has the book yet.
        let _ = book.apply(Command::Step { key, order, step: OrderStep::Found });
    }
    let doubtful = |order: &crate::model::Order| matches!(order.state, OrderState::InDoubt(_));
    book.reservations().iter().filter(|order| doubtful(order)).map(|order| order.client_id).collect()
}
