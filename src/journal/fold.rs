//! Folding what is stored: from a checkpoint, or from nothing, row by row, whole publications only (R14).

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::error::JournalError;
use super::history::History;
use super::row::{COLUMNS, Row};
use crate::model::{Cause, Change, Epoch, Sequence};
use crate::state::{Settings, State, Under};
use crate::sync::Arc;

/// The settings of each opening, and the last change before each.
#[derive(Debug, Clone)]
pub(super) struct Openings {
    settings: BTreeMap<Epoch, Arc<Settings>>,
    pub(super) began: Arc<[(Epoch, Sequence)]>,
}

impl Openings {
    pub(super) fn read(folder: &Path, database: &Connection) -> Result<Self, JournalError> {
        let sqlite = |wrong: rusqlite::Error| JournalError::sqlite(folder, &wrong);
        let mut query = database
            .prepare("SELECT epoch, settings, digest, first FROM openings ORDER BY epoch")
            .map_err(sqlite)?;
        let mut rows = query.query([]).map_err(sqlite)?;
        let (mut all, mut began) = (BTreeMap::new(), Vec::new());
        while let Some(row) = rows.next().map_err(sqlite)? {
            let read = || -> Result<(Epoch, String, Vec<u8>, u64), rusqlite::Error> {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            };
            let (epoch, text, digest, first) = read().map_err(sqlite)?;
            let settings: Option<Settings> = serde_json::from_str(&text)
                .ok()
                .filter(|_| digest == xxh3_128(text.as_bytes()).to_be_bytes());
            let settings = settings.filter(|settings| settings.epoch == epoch);
            let damaged =
                || JournalError::damaged(folder, format!("the settings of opening {epoch} cannot be read"));
            let settings = Arc::new(settings.ok_or_else(damaged)?);
            all.insert(epoch, settings);
            began.push((epoch, Sequence(first.saturating_sub(1))));
        }
        Ok(Self { settings: all, began: began.into() })
    }

    pub(super) fn last(&self) -> Option<&Arc<Settings>> {
        self.settings.values().next_back()
    }

    pub(super) fn of(&self, folder: &Path, epoch: Epoch) -> Result<Arc<Settings>, JournalError> {
        let missing = || JournalError::damaged(folder, format!("opening {epoch} is missing"));
        self.settings.get(&epoch).cloned().ok_or_else(missing)
    }

    /// With one more.
    pub(super) fn and(&self, opened: (Epoch, Sequence)) -> Arc<[(Epoch, Sequence)]> {
        self.began.iter().copied().chain([opened]).collect()
    }
}

/// A state being folded, and the checksum of the last row that is in it.
#[derive(Debug, Clone)]
pub(super) struct Fold<'a> {
    history: &'a History,
    pub(super) state: State,
    pub(super) epoch: Epoch,
    pub(super) chain: i64,
}

/// What was read beside the state.
#[derive(Debug, Clone, Default)]
pub(super) struct Read {
    /// Rows after the last whole publication.
    pub(super) cut: u64,
    /// Checkpoints that could not be used.
    pub(super) unusable: Vec<Sequence>,
    /// Where the fold began.
    pub(super) began: Sequence,
}

impl<'a> Fold<'a> {
    /// Nothing has happened.
    fn empty(history: &'a History) -> Result<Self, JournalError> {
        let first = history.openings.settings.values().next();
        let missing = || JournalError::damaged(&history.folder, "no opening is written down");
        let settings = first.ok_or_else(missing)?;
        let mut state = State::empty(Arc::clone(settings));
        state.reopen(Arc::clone(settings), Arc::clone(&history.openings.began));
        Ok(Self { history, state, epoch: settings.epoch, chain: 0 })
    }

    /// Where the whole of a journal begins: with nothing, or with the checkpoint that it was pruned at.
    pub(super) fn oldest(history: &'a History) -> Result<Self, JournalError> {
        let (first, _) = history.bounds()?;
        let begin = Sequence(first.0.checked_sub(1).unwrap_or(u64::MAX));
        let mut read = Read::default();
        let fold = Self::newest(history, begin, &mut read)?;
        match read.unusable.first() {
            Some(sequence) => Err(JournalError::damaged(
                &history.folder,
                format!("the checkpoint at change {sequence} cannot be read"),
            )),
            None => Ok(fold),
        }
    }

    /// A state that was folded before, to go on with.
    pub(super) fn at(history: &'a History, state: State, epoch: Epoch, chain: i64) -> Self {
        Self { history, state, epoch, chain }
    }

    /// The newest checkpoint up to a sequence that is whole, or nothing. What could not be used is listed.
    pub(super) fn newest(
        history: &'a History,
        until: Sequence,
        read: &mut Read,
    ) -> Result<Self, JournalError> {
        let sqlite = |wrong: rusqlite::Error| JournalError::sqlite(&history.folder, &wrong);
        let sum = if history.shape.has_sums() { "sum" } else { "NULL" };
        let sql = format!(
            "SELECT sequence, epoch, chain, digest, state, {sum} FROM checkpoints WHERE sequence <= ? ORDER BY sequence DESC"
        );
        let mut query = history.database.prepare(&sql).map_err(sqlite)?;
        let mut rows = query.query([bound(until)]).map_err(sqlite)?;
        while let Some(row) = rows.next().map_err(sqlite)? {
            let sequence = Sequence(row.get(0).map_err(sqlite)?);
            match Self::checkpoint(history, sequence, row) {
                Ok(fold) => {
                    read.began = sequence;
                    return Ok(fold);
                }
                Err(_) => read.unusable.push(sequence),
            }
        }
        Self::empty(history)
    }

    fn checkpoint(
        history: &'a History,
        sequence: Sequence,
        row: &rusqlite::Row<'_>,
    ) -> Result<Self, JournalError> {
        let folder = history.folder.as_path();
        let damaged =
            || JournalError::damaged(folder, format!("the checkpoint at change {sequence} cannot be read"));
        let get = || -> Result<(Checkpoint, Option<i64>), rusqlite::Error> {
            let (epoch, chain, digest, state) = (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
            Ok((Checkpoint { sequence, epoch, chain, digest, state }, row.get(5)?))
        };
        let (kept, sum) = get().map_err(|_| damaged())?;
        let settings = history.openings.of(folder, kept.epoch)?;
        let state: State = history
            .shape
            .read_with(&kept.state, Under(settings, Arc::clone(&history.openings.began)))
            .map_err(|_| damaged())?;
        // What a later version knows besides is at its default here, and not in the digest then.
        let written = sum.is_none_or(|sum| sum == kept.sum());
        let same = state.digest().to_be_bytes() == kept.digest.as_slice();
        if !written || !same || state.sequence() != sequence {
            return Err(damaged());
        }
        Ok(Self { history, state, epoch: kept.epoch, chain: kept.chain })
    }

    /// Folds every whole publication after its own sequence that ends at `until` or before. Each is shown to `see` first,
    /// with the checksum of what people read of each change.
    pub(super) fn go_on(
        &mut self,
        until: Sequence,
        read: &mut Read,
        mut see: impl FnMut(&Self, &[(Change, u64)]) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let history = self.history;
        let (folder, shape) = (history.folder.as_path(), history.shape);
        let sqlite = |wrong: rusqlite::Error| JournalError::sqlite(folder, &wrong);
        let sql = format!("SELECT {COLUMNS} FROM changes WHERE sequence > ? ORDER BY sequence");
        let mut query = history.database.prepare(&sql).map_err(sqlite)?;
        let mut rows = query.query([bound(self.state.sequence())]).map_err(sqlite)?;
        let (mut unit, mut cause) = (Vec::<(Change, u64)>::new(), None::<Arc<Cause>>);
        // Inside a publication: the state as far as it is read, and the checksum. What is cut off leaves `self` as it is.
        let (mut ahead, mut chain) = (None::<State>, self.chain);
        while let Some(row) = rows.next().map_err(sqlite)? {
            let row = Row::read(row).map_err(sqlite)?;
            let at = row.sequence;
            let damaged = |what: &str| JournalError::damaged(folder, format!("change {at}: {what}"));
            if row.unit.last() > until {
                return Ok(());
            }
            let before = ahead.as_ref().unwrap_or(&self.state);
            if at != before.sequence().after(1) {
                return Err(damaged(&format!("the one before it is {}", before.sequence())));
            }
            if row.chain != row.link(chain) {
                return Err(damaged("it is not what was written"));
            }
            if (at == row.unit.first) != unit.is_empty() || at > row.unit.last() {
                return Err(damaged("it belongs to another publication than its neighbours"));
            }
            if unit.is_empty() {
                let asked = row.asked.as_deref().and_then(|bytes| shape.read::<Cause>(bytes).ok());
                cause = Some(Arc::new(asked.ok_or_else(|| damaged("its cause cannot be read"))?));
            }
            let asked = cause.as_ref().ok_or_else(|| damaged("its cause is missing"))?;
            let change = row.change(asked, before, shape).map_err(|_| damaged("it cannot be read"))?;
            chain = row.chain;
            let refused = |refused| JournalError::rejected(folder, at, &refused);
            if at < row.unit.last() {
                ahead.get_or_insert_with(|| self.state.clone()).apply(&change).map_err(refused)?;
                unit.push((change, row.words()));
                continue;
            }
            if row.epoch != self.epoch {
                let settings = history.openings.of(folder, row.epoch)?;
                self.state.reopen(settings, Arc::clone(&history.openings.began));
                self.epoch = row.epoch;
            }
            unit.push((change, row.words()));
            see(self, &unit)?;
            ahead = None;
            for (change, _) in unit.drain(..) {
                self.state.apply(&change).map_err(refused)?;
            }
            self.chain = chain;
        }
        read.cut = unit.len() as u64;
        Ok(())
    }
}

/// A whole state as the table `checkpoints` has it.
pub(super) struct Checkpoint {
    pub(super) sequence: Sequence,
    pub(super) epoch: Epoch,
    pub(super) chain: i64,
    pub(super) digest: Vec<u8>,
    pub(super) state: Vec<u8>,
}

impl Checkpoint {
    /// A checksum of its bytes, whatever they mean.
    pub(super) fn sum(&self) -> i64 {
        let mut sum = Xxh3::with_seed(self.sequence.0);
        sum.update(&self.epoch.to_le_bytes());
        sum.update(&self.chain.to_le_bytes());
        sum.update(&self.digest);
        sum.update(&self.state);
        sum.digest().cast_signed()
    }
}

/// First and last change that are there. `None`: there are none.
pub(super) fn bounds(
    folder: &Path,
    database: &Connection,
) -> Result<Option<(Sequence, Sequence)>, JournalError> {
    database
        .query_row("SELECT min(sequence), max(sequence) FROM changes", [], |row| {
            let (first, last): (Option<u64>, Option<u64>) = (row.get(0)?, row.get(1)?);
            Ok(first.zip(last).map(|(first, last)| (Sequence(first), Sequence(last))))
        })
        .optional()
        .map(Option::flatten)
        .map_err(|wrong| JournalError::sqlite(folder, &wrong))
}

/// A sequence as the database has it. None of ours is beyond it in 292 years.
pub(super) fn bound(sequence: Sequence) -> i64 {
    i64::try_from(sequence.0).unwrap_or(i64::MAX)
}
