//! Asking everything again: each publication by `decide` on the state before it, each row and each checkpoint against what
//! they should be.

use super::error::JournalError;
use super::fold::{Fold, Read};
use super::history::History;
use super::row::Row;
use crate::model::Sequence;
use crate::state::decide;
use crate::sync::Arc;

/// What a verification found.
///
/// ```
/// let nothing = posbook::journal::Verified::default();
/// assert!(nothing.is_whole());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Verified {
    /// Changes that were folded, and asked again by `decide`.
    pub changes: u64,
    /// Checkpoints that were compared with the fold.
    pub checkpoints: u64,
    /// The first change of the fold: 0, or the checkpoint that a pruned journal begins with.
    pub from: u64,
    /// The last change.
    pub to: u64,
    /// The digest of the book at the end.
    pub digest: String,
    /// The first thing that is not as it should be. `None`: everything is.
    pub first_difference: Option<String>,
}

impl Verified {
    /// Nothing differs.
    pub fn is_whole(&self) -> bool {
        self.first_difference.is_none()
    }
}

impl History {
    /// Folds the whole journal again from its beginning: `decide` is asked for every publication on the state before it, and
    /// must answer what stands there, column by column; every checkpoint must be the state that the fold has reached; what
    /// stands in `keys` must be the newest record of each. `progress` is told how many changes are done, of how many.
    ///
    /// # Errors
    /// It cannot be read at all. What is read and differs is in the answer.
    pub fn verify(&self, mut progress: impl FnMut(u64, u64)) -> Result<Verified, JournalError> {
        let (_, last) = self.bounds()?;
        let mut found = Verified { to: last.0, ..Verified::default() };
        match self.check(last, &mut found, &mut progress) {
            Ok(()) => {}
            // What a fold calls damage is what was asked for.
            Err(JournalError::Damaged { what, .. }) if self.shape.is_current() => {
                found.first_difference = Some(what);
            }
            Err(JournalError::Damaged { what, .. }) => {
                found.first_difference =
                    Some(format!("{what} (an earlier version's journal: opening brings it up)"));
            }
            Err(wrong) => return Err(wrong),
        }
        if found.first_difference.is_none()
            && let Some(acknowledged) = self.lost()?
        {
            found.first_difference =
                Some(format!("it ends at change {last}, but {acknowledged} was acknowledged"));
        }
        Ok(found)
    }

    fn check(
        &self,
        last: Sequence,
        found: &mut Verified,
        progress: &mut impl FnMut(u64, u64),
    ) -> Result<(), JournalError> {
        let (folder, mut read) = (self.folder.as_path(), Read::default());
        let damaged = |what: String| JournalError::damaged(folder, what);
        let mut fold = Fold::oldest(self)?;
        found.from = fold.state.sequence().0;
        let mut checkpoints = self.checkpoints(fold.state.sequence())?.into_iter().peekable();
        let of = last.0.saturating_sub(fold.state.sequence().0);
        let done = &mut found.changes;
        let compared = &mut found.checkpoints;
        let mut compare = |state: &crate::state::State| -> Result<(), JournalError> {
            while let Some((sequence, digest)) =
                checkpoints.next_if(|(sequence, _)| *sequence <= state.sequence())
            {
                if sequence != state.sequence() {
                    return Err(damaged(format!(
                        "the checkpoint at change {sequence} stands inside a publication"
                    )));
                }
                let whole = Fold::newest(self, sequence, &mut Read::default())?;
                // Under the settings that it was written under: the next change may be the first of another opening.
                let settings = self.openings.of(folder, whole.epoch)?;
                let mut led = state.clone();
                led.reopen(settings, Arc::clone(&self.openings.began));
                if digest != led.digest().to_be_bytes() || whole.state.sequence() != sequence {
                    return Err(damaged(format!(
                        "the checkpoint at change {sequence} is not what the changes lead to"
                    )));
                }
                *compared += 1;
            }
            Ok(())
        };
        fold.go_on(Sequence(u64::MAX), &mut read, |fold, unit| {
            compare(&fold.state)?;
            let Some((change, _)) = unit.first() else { return Ok(()) };
            let at = change.sequence;
            let answer = decide(&fold.state, &change.cause)
                .map_err(|refused| damaged(format!("change {at}: asked again, it is refused: {refused}")))?;
            let again =
                answer.0.ok_or_else(|| damaged(format!("change {at}: asked again, nothing happens")))?;
            let same = again.len() == unit.len()
                && again.iter().zip(unit).all(|(again, (stored, _))| again == stored);
            if !same {
                return Err(damaged(format!("change {at}: asked again, something else happens")));
            }
            for (again, (_, words)) in again.iter().zip(unit) {
                let row =
                    Row::of(again, fold.epoch, 0).map_err(|why| damaged(format!("change {at}: {why}")))?;
                if row.words() != *words {
                    return Err(damaged(format!(
                        "change {}: its columns do not say what happened",
                        again.sequence
                    )));
                }
            }
            *done += unit.len() as u64;
            progress(*done, of);
            Ok(())
        })?;
        compare(&fold.state)?;
        if read.cut > 0 {
            return Err(damaged(format!("{} changes at its end are a part of a publication", read.cut)));
        }
        found.digest = format!("{:032x}", fold.state.digest());
        self.keys_are(&fold)?;
        self.instruments_are(&fold)?;
        super::store::notes(folder, &self.database).map(drop)
    }

    fn checkpoints(&self, after: Sequence) -> Result<Vec<(Sequence, Vec<u8>)>, JournalError> {
        let sqlite = |wrong: rusqlite::Error| JournalError::sqlite(&self.folder, &wrong);
        let sql = "SELECT sequence, digest FROM checkpoints WHERE sequence > ? ORDER BY sequence";
        let mut query = self.database.prepare(sql).map_err(sqlite)?;
        let rows =
            query.query_map([super::fold::bound(after)], |row| Ok((Sequence(row.get(0)?), row.get(1)?)));
        rows.and_then(Iterator::collect).map_err(sqlite)
    }

    /// The table `instruments` against the state.
    fn instruments_are(&self, fold: &Fold<'_>) -> Result<(), JournalError> {
        let sqlite = |wrong: rusqlite::Error| JournalError::sqlite(&self.folder, &wrong);
        let mut query = self
            .database
            .prepare("SELECT id, symbol, definition FROM instruments ORDER BY id")
            .map_err(sqlite)?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        let told: Vec<(u32, String, String)> = rows.and_then(Iterator::collect).map_err(sqlite)?;
        let slots = fold.state.slots();
        let should = slots.map(|slot| {
            let symbol = slot.instrument.symbol().to_string();
            (slot.id.0, symbol, super::story::text(&slot.instrument))
        });
        if should.eq(told) {
            return Ok(());
        }
        Err(JournalError::damaged(
            &self.folder,
            "the table instruments does not say what the changes lead to",
        ))
    }

    /// The table `keys` against the state.
    fn keys_are(&self, fold: &Fold<'_>) -> Result<(), JournalError> {
        let sqlite = |wrong: rusqlite::Error| JournalError::sqlite(&self.folder, &wrong);
        let sql = "SELECT instrument, leg, owner, sequence, stands FROM keys";
        let mut query = self.database.prepare(sql).map_err(sqlite)?;
        let rows = query
            .query_map([], |row| Ok(((row.get(0)?, row.get(1)?, row.get(2)?), (row.get(3)?, row.get(4)?))));
        type Told = std::collections::BTreeMap<(u32, String, u32), (u64, String)>;
        let told: Told = rows.and_then(Iterator::collect).map_err(sqlite)?;
        let should: Told = fold
            .state
            .slots()
            .flat_map(|slot| slot.keys())
            .map(|key| {
                let place = (key.key.instrument.0, key.key.leg.as_str().to_owned(), key.key.owner.0);
                (place, (key.revision.0, super::story::stands(key)))
            })
            .collect();
        if told == should {
            return Ok(());
        }
        Err(JournalError::damaged(&self.folder, "the table keys does not say what the changes lead to"))
    }
}
