//! Bringing an older journal up to this version's schema: everything that stands in it is read as the older version wrote
//! it and written as this one does, in one transaction. A crash leaves the older journal or the newer one.
//!
//! It is the fold that a restore does, from the oldest row: so what is damaged is refused, and left as it was. Rows get the
//! columns that this version gives them and new checksums, checkpoints the state that the fold has reached. It takes about
//! as long as `verify`, and until it is committed the room of a second journal; pruned journals are brought up sooner.
//!
//! A new version of the schema is a line in `older::GAINED` for each field that a stored struct has gained, an entry in
//! `schema::STEPS` for what changes in the tables, and a journal of the version before it among the tests. There is one for
//! a release: `docs/journal.md` has the steps.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::error::JournalError;
use super::fold::{Fold, Read};
use super::history::History;
use super::row::{COLUMNS, Row, WIDTH};
use super::{schema, store, story};
use crate::model::{Change, Epoch, Sequence, Timestamp};
use crate::state::State;

/// Brings a journal up from an older version.
///
/// # Errors
/// It is damaged, or cannot be written; it is what it was then.
pub(super) fn bring_up(folder: &Path, database: &mut Connection, from: u32) -> Result<(), JournalError> {
    tracing::info!(target: "posbook::audit", from, to = schema::VERSION, "the journal is brought up to a newer schema");
    let sqlite = |wrong: rusqlite::Error| JournalError::sqlite(folder, &wrong);
    // Read by a connection of its own, which sees the older journal to the end.
    let history = History::open(folder)?;
    let mut fold = Fold::oldest(&history)?;
    let times = times(&history)?;
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sqlite)?;
    schema::bring_up(&transaction, from).map_err(sqlite)?;
    let mut writer = Writer { folder, transaction: &transaction, times, chain: fold.chain };
    transaction.execute("DELETE FROM checkpoints", []).map_err(sqlite)?;
    fold.go_on(Sequence(u64::MAX), &mut Read::default(), |fold, unit| {
        writer.checkpoint(&fold.state, fold.epoch)?;
        unit.iter().try_for_each(|(change, _)| writer.row(change, fold.epoch))
    })?;
    writer.checkpoint(&fold.state, fold.epoch)?;
    // What is after the last whole publication is cut off (R14): its checksums would belong to nothing.
    store::cut(&transaction, fold.state.sequence()).map_err(sqlite)?;
    writer.newest(&fold.state).map_err(sqlite)?;
    schema::finish(transaction).map_err(sqlite)
}

/// When each checkpoint was written.
fn times(history: &History) -> Result<BTreeMap<Sequence, Timestamp>, JournalError> {
    let read = || -> Result<_, rusqlite::Error> {
        let mut query = history.database.prepare("SELECT sequence, time FROM checkpoints")?;
        let rows = query.query_map([], |row| Ok((Sequence(row.get(0)?), Timestamp(row.get(1)?))))?;
        rows.collect()
    };
    read().map_err(|wrong| JournalError::sqlite(&history.folder, &wrong))
}

/// What is written again, as far as it is.
struct Writer<'a> {
    folder: &'a Path,
    transaction: &'a Transaction<'a>,
    times: BTreeMap<Sequence, Timestamp>,
    /// The checksum of the last row.
    chain: i64,
}

impl Writer<'_> {
    fn sqlite(&self, wrong: &rusqlite::Error) -> JournalError {
        JournalError::sqlite(self.folder, wrong)
    }

    fn row(&mut self, change: &Change, epoch: Epoch) -> Result<(), JournalError> {
        let unwritable = |why: &dyn std::fmt::Display| {
            JournalError::system(self.folder, format!("change {}: {why}", change.sequence))
        };
        let row = Row::of(change, epoch, self.chain).map_err(|why| unwritable(&why))?;
        let values = row.values().map_err(|why| unwritable(&why))?;
        let places = ["?"; WIDTH].join(", ");
        self.transaction
            .prepare_cached(&format!("REPLACE INTO changes ({COLUMNS}) VALUES ({places})"))
            .and_then(|mut replace| replace.execute(rusqlite::params_from_iter(values)))
            .map_err(|wrong| self.sqlite(&wrong))?;
        self.chain = row.chain;
        Ok(())
    }

    /// If there was one at this sequence.
    fn checkpoint(&self, state: &State, epoch: Epoch) -> Result<(), JournalError> {
        let Some(time) = self.times.get(&state.sequence()) else { return Ok(()) };
        store::checkpoint(self.folder, self.transaction, state, epoch, self.chain, *time)
    }

    /// What stands at each key and what each instrument is.
    fn newest(&self, state: &State) -> Result<(), rusqlite::Error> {
        let keys = state.slots().flat_map(|slot| slot.keys());
        let stands: HashMap<_, _> = keys.map(|key| (key.key, (key.revision, story::stands(key)))).collect();
        store::keep_keys(self.transaction, &stands)?;
        for slot in state.slots() {
            self.transaction.execute(
                "UPDATE instruments SET definition = ?2 WHERE id = ?1",
                params![slot.id.0, story::text(&slot.instrument)],
            )?;
        }
        Ok(())
    }
}
