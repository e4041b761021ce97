//! A change as a row of the table `changes`, and back.
//!
//! What restore needs is in `asked` (the cause, once a publication) and `record` (what the change left behind), both in
//! postcard. How the key stood before is not stored: it is how it stands in the state that the change is applied to.
//! Every row carries a checksum of itself and of the checksum before it, so that a bit that flipped, a row that is gone and
//! one that was put in are all noticed.

use std::hash::Hasher;

use rusqlite::types::{ToSqlOutput, ValueRef};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::older::Shape;
use super::story;
use crate::model::{
    Cause, Change, Effect, Epoch, Fill, FillNote, Instrument, InstrumentId, KeyState, Kind, PositionKey,
    Seen, Sequence, Timestamp, Unit,
};
use crate::state::State;
use crate::sync::Arc;

/// The columns that a row is read and written by, in the order of [`Row`].
pub(super) const COLUMNS: &str = "sequence, unit_first, unit_count, time, epoch, instrument, leg, owner, kind, cause, reason, \
                                  before, after, fill, ended, asked, record, chain";
/// How many they are.
pub(super) const WIDTH: usize = 18;

/// What a change left behind, by reference, to be written.
#[derive(Serialize)]
enum Kept<'a> {
    Instrument { id: InstrumentId, instrument: &'a Instrument },
    Key { kind: Kind, after: &'a KeyState, seen: Option<&'a Seen>, notes: &'a [FillNote] },
    Stray { fill: &'a Fill, seen: &'a Seen, why: &'a str },
}

/// The same, read.
#[derive(Deserialize)]
enum Found {
    Instrument { id: InstrumentId, instrument: Arc<Instrument> },
    Key { kind: Kind, after: Arc<KeyState>, seen: Option<Seen>, notes: smallvec::SmallVec<[FillNote; 2]> },
    Stray { fill: Arc<Fill>, seen: Seen, why: String },
}

/// One row. Texts are borrowed from the database or from a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row<'a> {
    pub(super) sequence: Sequence,
    pub(super) unit: Unit,
    pub(super) time: Timestamp,
    pub(super) epoch: Epoch,
    pub(super) instrument: Option<u32>,
    pub(super) leg: Option<Text<'a>>,
    pub(super) owner: Option<u32>,
    pub(super) kind: Text<'a>,
    pub(super) cause: Text<'a>,
    pub(super) reason: Text<'a>,
    pub(super) before: Option<Text<'a>>,
    pub(super) after: Option<Text<'a>>,
    pub(super) fill: Option<Text<'a>>,
    pub(super) ended: Option<Text<'a>>,
    pub(super) asked: Option<Bytes<'a>>,
    pub(super) record: Bytes<'a>,
    pub(super) chain: i64,
}

pub(super) type Text<'a> = std::borrow::Cow<'a, str>;
pub(super) type Bytes<'a> = std::borrow::Cow<'a, [u8]>;

impl<'a> Row<'a> {
    /// The row of a change, linked to the checksum before it.
    ///
    /// # Errors
    /// The change cannot be written down: a fault of posbook.
    pub(super) fn of(change: &'a Change, epoch: Epoch, chain: i64) -> Result<Self, postcard::Error> {
        let kept = match &change.effect {
            Effect::Instrument { id, instrument } => Kept::Instrument { id: *id, instrument },
            Effect::Key { kind, before: _, after, seen, notes } => {
                Kept::Key { kind: *kind, after, seen: seen.as_ref(), notes }
            }
            Effect::Stray { fill, seen, why } => Kept::Stray { fill, seen, why },
        };
        let first = change.sequence == change.unit.first;
        let (key, (before, after)) = (change.key(), keys(change));
        let mut row = Self {
            sequence: change.sequence,
            unit: change.unit,
            time: change.time,
            epoch,
            instrument: change.instrument().map(|id| id.0),
            leg: key.map(|key| key.leg.as_str().into()),
            owner: key.map(|key| key.owner.0),
            kind: change.kind().to_string().into(),
            cause: change.command().name().into(),
            reason: change.command().reason().into(),
            before: before.map(|key| story::short(key).into()),
            after: after.map(|key| story::stands(key).into()),
            fill: story::fill(change).map(Text::from),
            ended: story::ended(change).map(Text::from),
            asked: first.then(|| postcard::to_stdvec(&*change.cause)).transpose()?.map(Bytes::from),
            record: postcard::to_stdvec(&(change.part, kept))?.into(),
            chain: 0,
        };
        row.chain = row.link(chain);
        Ok(row)
    }

    /// As it stands in the database.
    pub(super) fn read(row: &'a rusqlite::Row<'_>) -> Result<Self, rusqlite::Error> {
        let text = |n: usize| -> Result<Text<'a>, rusqlite::Error> { Ok(row.get_ref(n)?.as_str()?.into()) };
        let texts = |n: usize| -> Result<Option<Text<'a>>, rusqlite::Error> {
            Ok(row.get_ref(n)?.as_str_or_null()?.map(Text::from))
        };
        let bytes = |n: usize| -> Result<Option<Bytes<'a>>, rusqlite::Error> {
            Ok(row.get_ref(n)?.as_blob_or_null()?.map(Bytes::from))
        };
        Ok(Self {
            sequence: Sequence(row.get(0)?),
            unit: Unit { first: Sequence(row.get(1)?), count: row.get(2)? },
            time: Timestamp(row.get(3)?),
            epoch: row.get(4)?,
            instrument: row.get(5)?,
            leg: texts(6)?,
            owner: row.get(7)?,
            kind: text(8)?,
            cause: text(9)?,
            reason: text(10)?,
            before: texts(11)?,
            after: texts(12)?,
            fill: texts(13)?,
            ended: texts(14)?,
            asked: bytes(15)?,
            record: bytes(16)?.unwrap_or_default(),
            chain: row.get(17)?,
        })
    }

    /// The checksum of this row after the one before it.
    pub(super) fn link(&self, before: i64) -> i64 {
        let mut sum = Xxh3::with_seed(before.cast_unsigned());
        for number in
            [self.sequence.0, self.unit.first.0, u64::from(self.unit.count), self.time.0.cast_unsigned()]
        {
            sum.update(&number.to_le_bytes());
        }
        sum.update(&self.epoch.to_le_bytes());
        self.add_words(&mut sum);
        part(self.asked.as_deref(), &mut sum);
        part(Some(&self.record), &mut sum);
        sum.finish().cast_signed()
    }

    /// A checksum of what people read in it: the same for the same change, made by whomever.
    pub(super) fn words(&self) -> u64 {
        let mut sum = Xxh3::new();
        self.add_words(&mut sum);
        sum.finish()
    }

    fn add_words(&self, sum: &mut Xxh3) {
        for number in [self.instrument, self.owner] {
            sum.update(&number.map_or(u64::MAX, u64::from).to_le_bytes());
        }
        for text in [&self.kind, &self.cause, &self.reason] {
            part(Some(text.as_bytes()), sum);
        }
        for text in [&self.leg, &self.before, &self.after, &self.fill, &self.ended] {
            part(text.as_ref().map(|text| text.as_bytes()), sum);
        }
    }

    /// What it is bound to, in the order of [`COLUMNS`].
    pub(super) fn values(&self) -> Result<[ToSqlOutput<'_>; WIDTH], std::num::TryFromIntError> {
        let number = |n: u64| i64::try_from(n).map(|n| ToSqlOutput::Owned(n.into()));
        let small = |n: Option<u32>| ToSqlOutput::Owned(n.into());
        Ok([
            number(self.sequence.0)?,
            number(self.unit.first.0)?,
            small(Some(self.unit.count)),
            ToSqlOutput::Owned(self.time.0.into()),
            small(Some(self.epoch)),
            small(self.instrument),
            texts(self.leg.as_ref()),
            small(self.owner),
            texts(Some(&self.kind)),
            texts(Some(&self.cause)),
            texts(Some(&self.reason)),
            texts(self.before.as_ref()),
            texts(self.after.as_ref()),
            texts(self.fill.as_ref()),
            texts(self.ended.as_ref()),
            self.asked
                .as_deref()
                .map_or(ToSqlOutput::Borrowed(ValueRef::Null), |b| ToSqlOutput::Borrowed(ValueRef::Blob(b))),
            ToSqlOutput::Borrowed(ValueRef::Blob(&self.record)),
            ToSqlOutput::Owned(self.chain.into()),
        ])
    }

    /// The key that it is about.
    pub(super) fn key(change: &Change) -> Option<(PositionKey, &KeyState)> {
        keys(change).1.map(|after| (after.key, &**after))
    }

    /// The change that it is of, in the state before it.
    ///
    /// # Errors
    /// The bytes are none.
    pub(super) fn change(
        &self,
        cause: &Arc<Cause>,
        state: &State,
        shape: Shape,
    ) -> Result<Change, postcard::Error> {
        let (part, found): (u32, Found) = shape.read(&self.record)?;
        let effect = match found {
            Found::Instrument { id, instrument } => Effect::Instrument { id, instrument },
            Found::Key { kind, after, seen, notes } => {
                Effect::Key { kind, before: state.key(after.key).cloned(), after, seen, notes }
            }
            Found::Stray { fill, seen, why } => Effect::Stray { fill, seen, why },
        };
        let (sequence, time, unit) = (self.sequence, self.time, self.unit);
        Ok(Change { sequence, time, unit, cause: Arc::clone(cause), part, effect })
    }
}

fn keys(change: &Change) -> (Option<&Arc<KeyState>>, Option<&Arc<KeyState>>) {
    match &change.effect {
        Effect::Key { before, after, .. } => (before.as_ref(), Some(after)),
        Effect::Instrument { .. } | Effect::Stray { .. } => (None, None),
    }
}

fn texts<'a>(text: Option<&'a Text<'_>>) -> ToSqlOutput<'a> {
    text.map_or(ToSqlOutput::Borrowed(ValueRef::Null), |t| {
        ToSqlOutput::Borrowed(ValueRef::Text(t.as_bytes()))
    })
}

/// A part with its length, so that what moves from one column to the next is noticed.
fn part(bytes: Option<&[u8]>, sum: &mut Xxh3) {
    let length = bytes.map_or(u64::MAX, |b| b.len() as u64);
    sum.update(&length.to_le_bytes());
    sum.update(bytes.unwrap_or_default());
}
