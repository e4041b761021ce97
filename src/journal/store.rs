//! Writing: the connection of the thread that follows the feed. One commit for many publications, the mark after it, a
//! checkpoint now and then.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, params};
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128};

use super::error::JournalError;
use super::files::{self, Mark};
use super::fold::{Checkpoint, bound};
use super::options::{Durability, JournalOptions};
use super::row::{COLUMNS, Row, WIDTH};
use super::story;
use crate::book::{Book, Sink, Snapshot};
use crate::model::{Effect, Epoch, PositionKey, Publication, Sequence, Timestamp};
use crate::state::{Settings, State};

/// How long a reader, or a command that prunes, may keep the database from being written to.
const BUSY: Duration = Duration::from_secs(60);

/// Opens the database for writing.
pub(super) fn connect(folder: &Path) -> Result<Connection, JournalError> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let set_up = || -> Result<Connection, rusqlite::Error> {
        let database = Connection::open_with_flags(files::database(folder), flags)?;
        database.busy_timeout(BUSY)?;
        // Until the first commit of a new file this is free to choose; later it changes nothing.
        database.pragma_update(None, "page_size", 8_192)?;
        database.pragma_update(None, "journal_mode", "WAL")?;
        // What is done here (the epoch, a migration, a prune) is synced, whatever the changes are.
        database.pragma_update(None, "synchronous", "FULL")?;
        database.pragma_update(None, "trusted_schema", false)?;
        database.pragma_update(None, "cell_size_check", true)?;
        // A checkpoint of the log each 16 MB, and the log is cut back to 64 MB when readers had kept it from that.
        database.pragma_update(None, "wal_autocheckpoint", 2_048)?;
        database.pragma_update(None, "journal_size_limit", 64 << 20)?;
        database.set_prepared_statement_cache_capacity(32);
        Ok(database)
    };
    set_up().map_err(|wrong| JournalError::sqlite(folder, &wrong))
}

/// Takes the next epoch and writes down under which settings the book goes on: synced before the first command (R15).
pub(super) fn opening(
    database: &mut Connection,
    settings: &Settings,
    last: Sequence,
    now: Timestamp,
    durability: Durability,
) -> Result<(), rusqlite::Error> {
    let text = story::text(settings);
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute(
        "INSERT INTO openings (epoch, first, time, process, version, durability, settings, digest) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            settings.epoch,
            bound(last.after(1)),
            now.0,
            std::process::id(),
            env!("CARGO_PKG_VERSION"),
            durability.name(),
            text,
            xxh3_128(text.as_bytes()).to_be_bytes(),
        ],
    )?;
    transaction.commit()
}

/// Removes what stands after the last whole publication.
pub(super) fn cut(database: &Connection, last: Sequence) -> Result<(), rusqlite::Error> {
    database.execute("DELETE FROM changes WHERE sequence > ?", [bound(last)]).map(drop)
}

/// The place where changes become durable.
pub(super) struct Store {
    folder: PathBuf,
    database: Connection,
    mark: Mark,
    durability: Durability,
    epoch: Epoch,
    /// The checksum of the last row.
    chain: i64,
    checkpoint_every: u64,
    /// The sequence of the newest checkpoint.
    checkpoint: Sequence,
    insert: String,
    /// Read for numbers that callers keep with the journal. Holds nothing that a writer waits for.
    notes: Box<dyn Fn(Sequence) -> Vec<(String, u64)> + Send>,
}

impl Store {
    #[allow(clippy::too_many_arguments, reason = "each is used once, here")]
    pub(super) fn new(
        folder: &Path,
        database: Connection,
        mark: Mark,
        options: &JournalOptions,
        epoch: Epoch,
        chain: i64,
        checkpoint: Sequence,
        book: &Book,
    ) -> Result<Self, JournalError> {
        database
            .pragma_update(None, "synchronous", options.durability.pragma())
            .map_err(|wrong| JournalError::sqlite(folder, &wrong))?;
        let places = vec!["?"; WIDTH].join(", ");
        let inner = crate::sync::Arc::clone(&book.inner);
        Ok(Self {
            folder: folder.to_owned(),
            database,
            mark,
            durability: options.durability,
            epoch,
            chain,
            checkpoint_every: options.checkpoint_every,
            checkpoint,
            insert: format!("INSERT INTO changes ({COLUMNS}) VALUES ({places})"),
            notes: Box::new(move |last| {
                inner.durable.as_ref().map(|d| d.notes_until(last)).unwrap_or_default()
            }),
        })
    }

    fn write(&mut self, publications: &[&Publication]) -> Result<(), JournalError> {
        let Some(last) = publications.last().map(|publication| publication.last()) else { return Ok(()) };
        let folder = self.folder.clone();
        let sqlite = |wrong: rusqlite::Error| JournalError::sqlite(&folder, &wrong);
        let mut chain = self.chain;
        // The newest row of each key that was touched.
        let mut stands: HashMap<PositionKey, (Sequence, String)> = HashMap::new();
        let transaction =
            self.database.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sqlite)?;
        {
            let mut insert = transaction.prepare_cached(&self.insert).map_err(sqlite)?;
            for change in publications.iter().flat_map(|publication| publication.iter()) {
                let unwritable = |why: &dyn std::fmt::Display| {
                    JournalError::system(&folder, format!("change {}: {why}", change.sequence))
                };
                let mut row = Row::of(change, self.epoch, chain).map_err(|why| unwritable(&why))?;
                chain = row.chain;
                let values = row.values().map_err(|why| unwritable(&why))?;
                insert.execute(rusqlite::params_from_iter(values)).map_err(sqlite)?;
                if let Effect::Instrument { id, instrument } = &change.effect {
                    transaction
                        .prepare_cached(
                            "INSERT INTO instruments (id, symbol, sequence, definition) VALUES (?1, ?2, ?3, ?4) \
                             ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence, definition = excluded.definition",
                        )
                        .and_then(|mut define| {
                            let symbol = instrument.symbol().as_str();
                            define.execute(params![id.0, symbol, bound(change.sequence), story::text(instrument)])
                        })
                        .map_err(sqlite)?;
                }
                if let (Some((key, _)), Some(after)) = (Row::key(change), row.after.take()) {
                    stands.insert(key, (change.sequence, after.into_owned()));
                }
            }
        }
        keep_keys(&transaction, &stands).map_err(sqlite)?;
        for (name, value) in (self.notes)(last) {
            transaction
                .prepare_cached(
                    "INSERT INTO notes (name, value, sum) VALUES (?1, ?2, ?3) \
                     ON CONFLICT (name) DO UPDATE SET value = excluded.value, sum = excluded.sum",
                )
                .and_then(|mut note| {
                    let value = i64::try_from(value).unwrap_or(i64::MAX);
                    note.execute(params![name, value, note_sum(&name, value)])
                })
                .map_err(sqlite)?;
        }
        transaction.commit().map_err(sqlite)?;
        self.chain = chain;
        self.mark.set(last, self.durability).map_err(|wrong| JournalError::system(&folder, wrong))
    }
}

/// A checksum of a note: a cursor that flips forwards would skip fills.
fn note_sum(name: &str, value: i64) -> i64 {
    xxh3_64_with_seed(name.as_bytes(), value.cast_unsigned()).cast_signed()
}

/// The numbers that callers keep with the journal.
pub(super) fn notes(folder: &Path, database: &Connection) -> Result<BTreeMap<String, u64>, JournalError> {
    let sqlite = |wrong: rusqlite::Error| JournalError::sqlite(folder, &wrong);
    let mut query = database.prepare("SELECT name, value, sum FROM notes").map_err(sqlite)?;
    let mut rows = query.query([]).map_err(sqlite)?;
    let mut notes = BTreeMap::new();
    while let Some(row) = rows.next().map_err(sqlite)? {
        let read =
            || -> Result<(String, i64, i64), rusqlite::Error> { Ok((row.get(0)?, row.get(1)?, row.get(2)?)) };
        let (name, value, sum) = read().map_err(sqlite)?;
        if sum != note_sum(&name, value) {
            return Err(JournalError::damaged(folder, format!("the note {name:?} is not what was written")));
        }
        notes.insert(name, u64::try_from(value).unwrap_or_default());
    }
    Ok(notes)
}

pub(super) fn keep_keys(
    transaction: &Transaction<'_>,
    stands: &HashMap<PositionKey, (Sequence, String)>,
) -> Result<(), rusqlite::Error> {
    let mut keep = transaction.prepare_cached(
        "INSERT INTO keys (instrument, leg, owner, sequence, stands) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (instrument, leg, owner) DO UPDATE SET sequence = excluded.sequence, stands = excluded.stands",
    )?;
    for (key, (sequence, stands)) in stands {
        keep.execute(params![key.instrument.0, key.leg.as_str(), key.owner.0, bound(*sequence), stands])?;
    }
    Ok(())
}

impl Sink for Store {
    fn commit(&mut self, publications: &[&Publication]) -> Result<(), String> {
        self.write(publications).map_err(|wrong| wrong.to_string())
    }

    fn caught_up(&mut self, view: &Snapshot) -> Result<(), String> {
        if view.sequence().0.saturating_sub(self.checkpoint.0) < self.checkpoint_every {
            return Ok(());
        }
        let state = &view.body().state;
        let time = crate::sync::Clock::system().now();
        checkpoint(&self.folder, &self.database, state, self.epoch, self.chain, time)
            .map_err(|wrong| wrong.to_string())?;
        self.checkpoint = view.sequence();
        Ok(())
    }
}

/// Writes a checkpoint of a state that is durable. The same state again changes nothing.
pub(super) fn checkpoint(
    folder: &Path,
    database: &Connection,
    state: &State,
    epoch: Epoch,
    chain: i64,
    time: Timestamp,
) -> Result<(), JournalError> {
    let kept = Checkpoint {
        sequence: state.sequence(),
        epoch,
        chain,
        digest: state.digest().to_be_bytes().to_vec(),
        state: postcard::to_stdvec(state).map_err(|why| JournalError::system(folder, why))?,
    };
    database
        .execute(
            "INSERT OR REPLACE INTO checkpoints (sequence, time, epoch, digest, chain, state, sum) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![bound(kept.sequence), time.0, epoch, kept.digest, chain, kept.state, kept.sum()],
        )
        .map(drop)
        .map_err(|wrong| JournalError::sqlite(folder, &wrong))
}

/// What pruning removed.
///
/// ```
/// let nothing = posbook::journal::Pruned::default();
/// assert_eq!(nothing.changes, 0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Changes.
    pub changes: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// The journal begins after this change now: with the checkpoint there.
    pub from: Sequence,
}

/// Removes everything before the newest checkpoint up to a sequence, in one transaction.
pub(super) fn prune(
    folder: &Path,
    database: &mut Connection,
    until: Sequence,
) -> Result<Option<Pruned>, JournalError> {
    let mut work = || -> Result<Option<Pruned>, rusqlite::Error> {
        let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let from: Option<u64> = transaction.query_row(
            "SELECT max(sequence) FROM checkpoints WHERE sequence <= ?",
            [bound(until)],
            |row| row.get(0),
        )?;
        let Some(from) = from.map(Sequence) else { return Ok(None) };
        let changes = transaction.execute("DELETE FROM changes WHERE sequence <= ?", [bound(from)])?;
        let checkpoints = transaction.execute("DELETE FROM checkpoints WHERE sequence < ?", [bound(from)])?;
        transaction.commit()?;
        Ok(Some(Pruned { changes: changes as u64, checkpoints: checkpoints as u64, from }))
    };
    work().map_err(|wrong| JournalError::sqlite(folder, &wrong))
}
