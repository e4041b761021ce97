//! Reading: a journal that a program is writing, or one that nobody writes any more. Nothing in here can change it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use serde::Serialize;

use super::error::JournalError;
use super::fold::{self, Fold, Openings, Read, bound};
use super::older::Shape;
use super::place::Place;
use super::store::Pruned;
use super::{files, open, schema};
use crate::book::Snapshot;
use crate::model::{Epoch, KeyState, PositionKey, Sequence, Timestamp};
use crate::state::State;

/// A moment of a journal.
///
/// ```
/// use posbook::{Sequence, Timestamp};
/// use posbook::journal::At;
///
/// assert_eq!(At::from(Sequence(3)), At::Sequence(Sequence(3)));
/// assert_eq!(At::from(Timestamp(9)), At::Time(Timestamp(9)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// After this change, or after the last whole publication before it.
    Sequence(Sequence),
    /// After the newest change whose time, by the book's clock, is not later.
    Time(Timestamp),
}

impl From<Sequence> for At {
    fn from(sequence: Sequence) -> Self {
        Self::Sequence(sequence)
    }
}

impl From<Timestamp> for At {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

/// One change as people read it.
///
/// ```
/// let line = posbook::journal::Line::default();
/// assert!(line.symbol.is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Line {
    /// Its place in the order of everything.
    pub sequence: u64,
    /// The first change of its publication.
    pub unit_first: u64,
    /// How many changes were published together.
    pub unit_count: u32,
    /// By the book's clock, in nanoseconds since 1970.
    pub time: i64,
    /// Which opening of the journal.
    pub epoch: u32,
    /// What was traded. `None`: it is about no instrument that is registered.
    pub symbol: Option<String>,
    /// `net`, `long` or `short`.
    pub leg: Option<String>,
    /// Whose; 0 is nobody's.
    pub owner: Option<u32>,
    /// What happened.
    pub kind: String,
    /// What was asked.
    pub cause: String,
    /// Why, in the words of whoever asked.
    pub reason: String,
    /// The position before, in one line.
    pub before: Option<String>,
    /// What stands after it, as JSON.
    pub after: Option<String>,
    /// The fill, as JSON.
    pub fill: Option<String>,
    /// The life that ended, as JSON.
    pub ended: Option<String>,
}

/// A key that differs between two moments.
///
/// ```
/// use posbook::{InstrumentId, PositionKey};
/// use posbook::journal::Difference;
///
/// let gone = Difference {
///     key: PositionKey::net(InstrumentId(0)), symbol: "BTC/USDT:USDT".into(),
///     before: "long 1 @ 50000".into(), after: "flat".into(),
/// };
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which key.
    pub key: PositionKey,
    /// What is traded there.
    pub symbol: String,
    /// What stood there at the first moment.
    pub before: String,
    /// What stood there at the second.
    pub after: String,
}

/// What was written, to be read: as of any moment, line by line, or checked from end to end.
///
/// ```
/// use posbook::journal::{History, JournalError};
///
/// assert!(matches!(History::open("no/such/folder"), Err(JournalError::Absent { .. })));
/// ```
#[derive(Debug)]
pub struct History {
    pub(super) folder: PathBuf,
    pub(super) database: Connection,
    pub(super) openings: Openings,
    pub(super) shape: Shape,
    /// What was acknowledged when it was opened.
    acknowledged: Option<Sequence>,
}

/// What a restore gives: the settings of all openings, the state, and what was read.
pub(super) type Found = (Openings, Restore, Read);

/// A state that was restored.
#[derive(Debug)]
pub(super) struct Restore {
    pub(super) state: State,
    pub(super) epoch: Epoch,
    pub(super) chain: i64,
}

impl Restore {
    pub(super) fn sequence(&self) -> Sequence {
        self.state.sequence()
    }

    pub(super) fn into_parts(self) -> (State, i64) {
        (self.state, self.chain)
    }
}

impl History {
    /// Opens a journal for reading, whether a program is writing it or not.
    ///
    /// # Errors
    /// There is none, it is another program's or a later version's, or it cannot be read.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, JournalError> {
        let folder = folder.as_ref();
        files::check_head(folder)?;
        let path = files::database(folder);
        let absent = || JournalError::Absent { path: folder.to_owned() };
        if !path.is_file() {
            return Err(absent());
        }
        let sqlite = |wrong: rusqlite::Error| JournalError::sqlite(folder, &wrong);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Connection::open_with_flags(&path, flags).map_err(sqlite)?;
        database.busy_timeout(Duration::from_secs(10)).map_err(sqlite)?;
        database.pragma_update(None, "trusted_schema", false).map_err(sqlite)?;
        database.pragma_update(None, "cell_size_check", true).map_err(sqlite)?;
        // Created, and killed before anything was in it.
        let shape = Shape::of(schema::version(folder, &database)?.ok_or_else(absent)?);
        // Asked first: whatever is acknowledged after the moment below is not in it, and not lost.
        let acknowledged = files::acknowledged(folder).map(|(sequence, _)| sequence);
        // One moment of the file for everything that is read, however long it takes.
        database.execute_batch("BEGIN").map_err(sqlite)?;
        let openings = Openings::read(folder, &database)?;
        if openings.last().is_none() {
            return Err(absent());
        }
        Ok(Self { folder: folder.to_owned(), database, openings, shape, acknowledged })
    }

    /// First and last change. Both 0: there are none. A pruned journal begins later than with 1; where everything was pruned
    /// the last is the one that its checkpoint stands for, and the first the one that comes next.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn bounds(&self) -> Result<(Sequence, Sequence), JournalError> {
        if let Some(bounds) = fold::bounds(&self.folder, &self.database)? {
            return Ok(bounds);
        }
        let newest: Option<u64> = self.query("SELECT max(sequence) FROM checkpoints")?;
        Ok(newest.map(Sequence).map_or_else(Default::default, |last| (last.after(1), last)))
    }

    /// The last change that was acknowledged when this was opened, if it is not there any more.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn lost(&self) -> Result<Option<Sequence>, JournalError> {
        let (_, last) = self.bounds()?;
        Ok(self.acknowledged.filter(|sequence| *sequence > last))
    }

    pub(super) fn query<T: rusqlite::types::FromSql>(&self, sql: &str) -> Result<T, JournalError> {
        let read = self.database.query_row(sql, [], |row| row.get(0));
        read.map_err(|wrong| JournalError::sqlite(&self.folder, &wrong))
    }

    /// Everything, up to the last whole publication.
    pub(super) fn restore(self) -> Result<Found, JournalError> {
        let (restore, read) = self.fold(Sequence(u64::MAX))?;
        Ok((self.openings, restore, read))
    }

    fn fold(&self, until: Sequence) -> Result<(Restore, Read), JournalError> {
        let mut read = Read::default();
        let mut fold = Fold::newest(self, until, &mut read)?;
        fold.go_on(until, &mut read, |_, _| Ok(()))?;
        let Fold { state, epoch, chain, .. } = fold;
        Ok((Restore { state, epoch, chain }, read))
    }

    /// The whole book as it was, cut at the end of a publication (R14).
    ///
    /// # Errors
    /// It is not in the journal any more or not yet, or cannot be read.
    pub fn state_at(&self, at: impl Into<At>) -> Result<Snapshot, JournalError> {
        self.place(at.into()).map(Place::into_view)
    }

    /// A place to go on from: after everything up to a moment.
    pub(super) fn place(&self, at: At) -> Result<Place, JournalError> {
        let (first, last) = self.bounds()?;
        let not_there =
            |asked: String| JournalError::NotThere { path: self.folder.clone(), asked, first, last };
        let until = match at {
            At::Sequence(sequence) => sequence,
            At::Time(time) => {
                // From the newest back: a clock that went backwards makes no earlier change the newer one.
                let sql = "SELECT sequence FROM changes WHERE time <= ? ORDER BY sequence DESC LIMIT 1";
                let found = self.database.query_row(sql, [time.0], |row| row.get::<_, u64>(0));
                match found {
                    Ok(sequence) => Sequence(sequence),
                    Err(rusqlite::Error::QueryReturnedNoRows) if first.0 <= 1 => Sequence(0),
                    Err(rusqlite::Error::QueryReturnedNoRows) => {
                        return Err(not_there(format!("the time {}", time.0)));
                    }
                    Err(wrong) => return Err(JournalError::sqlite(&self.folder, &wrong)),
                }
            }
        };
        let (Restore { state, epoch, chain }, read) = self.fold(until).map_err(|wrong| match wrong {
            // What a fold from nothing runs into where the beginning was pruned.
            JournalError::Damaged { .. } if first.0 > 1 && until < first => {
                not_there(format!("change {until}"))
            }
            wrong => wrong,
        })?;
        if matches!(at, At::Sequence(_)) && until > last && until > state.sequence() {
            return Err(not_there(format!("change {until}")));
        }
        if first.0 > 1 && read.began.0 == 0 {
            return Err(not_there(format!("change {until}")));
        }
        Ok(Place::new(state, epoch, chain))
    }

    /// Which keys differ between two moments, and how.
    ///
    /// # Errors
    /// As [`History::state_at`].
    pub fn diff(&self, a: impl Into<At>, b: impl Into<At>) -> Result<Vec<Difference>, JournalError> {
        Ok(differences(&self.state_at(a)?, &self.state_at(b)?))
    }

    /// Shows every change after a sequence, oldest first: of one key, if one is given. Ends early if `see` says `false`.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn lines(
        &self,
        after: Sequence,
        key: Option<PositionKey>,
        mut see: impl FnMut(Line) -> bool,
    ) -> Result<(), JournalError> {
        let sqlite = |wrong: rusqlite::Error| JournalError::sqlite(&self.folder, &wrong);
        let (instrument, leg, owner) = match key {
            Some(key) => (Some(key.instrument.0), Some(key.leg.as_str()), Some(key.owner.0)),
            None => (None, None, None),
        };
        let sql = "SELECT c.sequence, c.unit_first, c.unit_count, c.time, c.epoch, i.symbol, c.leg, c.owner, c.kind, c.cause, \
                   c.reason, c.before, c.after, c.fill, c.ended FROM changes c LEFT JOIN instruments i ON i.id = c.instrument \
                   WHERE c.sequence > ?1 AND (?2 IS NULL OR (c.instrument = ?2 AND c.leg = ?3 AND c.owner = ?4)) \
                   ORDER BY c.sequence";
        let mut query = self.database.prepare(sql).map_err(sqlite)?;
        let mut rows =
            query.query(rusqlite::params![bound(after), instrument, leg, owner]).map_err(sqlite)?;
        while let Some(row) = rows.next().map_err(sqlite)? {
            if !see(line(row).map_err(sqlite)?) {
                break;
            }
        }
        Ok(())
    }

    /// Writes a checkpoint of the newest state into the journal in a folder: a restart, and a read as of a later moment,
    /// begin there. A program may be writing the journal meanwhile.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub fn checkpoint(folder: impl AsRef<Path>) -> Result<Sequence, JournalError> {
        open::checkpoint(folder.as_ref())
    }

    /// Removes everything before the newest checkpoint up to a sequence from the journal in a folder. A program may be
    /// writing it; what it writes meanwhile waits. Room is used again, the file does not shrink.
    ///
    /// # Errors
    /// There is no such checkpoint, or it cannot be written.
    pub fn prune(folder: impl AsRef<Path>, until: Sequence) -> Result<Pruned, JournalError> {
        open::prune(folder.as_ref(), until)
    }
}

fn line(row: &rusqlite::Row<'_>) -> Result<Line, rusqlite::Error> {
    Ok(Line {
        sequence: row.get(0)?,
        unit_first: row.get(1)?,
        unit_count: row.get(2)?,
        time: row.get(3)?,
        epoch: row.get(4)?,
        symbol: row.get(5)?,
        leg: row.get(6)?,
        owner: row.get(7)?,
        kind: row.get(8)?,
        cause: row.get(9)?,
        reason: row.get(10)?,
        before: row.get(11)?,
        after: row.get(12)?,
        fill: row.get(13)?,
        ended: row.get(14)?,
    })
}

/// Keys whose record is another one in the second view.
pub(super) fn differences(a: &Snapshot, b: &Snapshot) -> Vec<Difference> {
    let mut keys: Vec<PositionKey> = a.keys().chain(b.keys()).map(|key| key.key).collect();
    keys.sort_unstable();
    keys.dedup();
    let differ = |key: &PositionKey| a.key(*key) != b.key(*key);
    keys.into_iter()
        .filter(differ)
        .map(|key| Difference {
            key,
            symbol: [b, a]
                .iter()
                .find_map(|view| view.instrument(key.instrument))
                .map_or_else(|| key.to_string(), |i| i.symbol().to_string()),
            before: told(a.key(key)),
            after: told(b.key(key)),
        })
        .collect()
}

/// What stands at a key, and what claims it.
fn told(key: Option<&KeyState>) -> String {
    let Some(key) = key else { return "nothing ever happened".to_owned() };
    let mut text = super::story::short(key);
    for order in &key.orders {
        text += &format!(", order {} {}", order.client_id, order.state.name());
    }
    for trouble in &key.troubles {
        text += &format!(", {trouble}");
    }
    text
}
