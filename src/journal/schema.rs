//! The tables and views of a journal, by version. What each column means stands in `docs/journal.md`.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::error::JournalError;

/// Says in the head of the file that it is a journal of ours: "posb".
pub(super) const APPLICATION: u32 = 0x706f_7362;
/// The newest version of the schema.
pub(super) const VERSION: u32 = 3;

/// How the tables get from each older version to the next one: the first entry is from 1 to 2. What stands in them is
/// written again afterwards, all in one transaction ([`migrate`](super::migrate)).
const STEPS: [&str; VERSION as usize - 1] = [
    // A checksum of a checkpoint's bytes, whatever a later version makes of them.
    "ALTER TABLE checkpoints ADD COLUMN sum INTEGER NOT NULL DEFAULT 0",
    // Positions know their extremes and their tags: in records and in views.
    "",
];

/// Every table of the newest version.
const TABLES: &str = "
CREATE TABLE changes (
  sequence   INTEGER PRIMARY KEY,
  unit_first INTEGER NOT NULL,
  unit_count INTEGER NOT NULL,
  time       INTEGER NOT NULL,
  epoch      INTEGER NOT NULL,
  instrument INTEGER,
  leg        TEXT,
  owner      INTEGER,
  kind       TEXT NOT NULL,
  cause      TEXT NOT NULL,
  reason     TEXT NOT NULL,
  before     TEXT,
  after      TEXT,
  fill       TEXT,
  ended      TEXT,
  asked      BLOB,
  record     BLOB NOT NULL,
  chain      INTEGER NOT NULL
) STRICT;
CREATE TABLE keys (
  instrument INTEGER NOT NULL,
  leg        TEXT NOT NULL,
  owner      INTEGER NOT NULL,
  sequence   INTEGER NOT NULL,
  stands     TEXT NOT NULL,
  PRIMARY KEY (instrument, leg, owner)
) STRICT, WITHOUT ROWID;
CREATE TABLE instruments (
  id         INTEGER PRIMARY KEY,
  symbol     TEXT NOT NULL UNIQUE,
  sequence   INTEGER NOT NULL,
  definition TEXT NOT NULL
) STRICT;
CREATE TABLE checkpoints (
  sequence   INTEGER PRIMARY KEY,
  time       INTEGER NOT NULL,
  epoch      INTEGER NOT NULL,
  digest     BLOB NOT NULL,
  chain      INTEGER NOT NULL,
  state      BLOB NOT NULL,
  sum        INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE openings (
  epoch      INTEGER PRIMARY KEY,
  first      INTEGER NOT NULL,
  time       INTEGER NOT NULL,
  process    INTEGER NOT NULL,
  version    TEXT NOT NULL,
  durability TEXT NOT NULL,
  settings   TEXT NOT NULL,
  digest     BLOB NOT NULL
) STRICT;
CREATE TABLE notes (name TEXT PRIMARY KEY, value INTEGER NOT NULL, sum INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// Every view of the newest version.
const VIEWS: &str = "
DROP VIEW IF EXISTS positions_current;
DROP VIEW IF EXISTS fills;
DROP VIEW IF EXISTS closed_positions;
CREATE VIEW positions_current AS
  SELECT i.symbol, k.leg, k.owner,
         k.stands ->> 'side' AS side, k.stands ->> 'quantity' AS quantity, k.stands ->> 'entry' AS entry,
         k.stands ->> 'cost' AS cost, k.stands ->> 'leverage' AS leverage, k.stands ->> 'stop' AS stop,
         k.stands ->> 'take' AS take, k.stands ->> 'position' AS position, k.stands ->> 'opened_at' AS opened_at,
         k.stands ->> 'life_realised' AS realised, k.stands ->> 'orders' AS orders,
         k.stands ->> 'in_doubt' AS in_doubt, k.stands ->> 'closing' AS closing, k.stands ->> 'troubles' AS troubles,
         k.sequence, k.stands ->> 'favourable' AS favourable, k.stands ->> 'adverse' AS adverse,
         k.stands ->> 'tags' AS tags
  FROM keys k JOIN instruments i ON i.id = k.instrument
  WHERE k.stands ->> 'quantity' IS NOT NULL;
CREATE VIEW fills AS
  SELECT c.sequence, c.time, i.symbol, c.leg, c.owner, c.kind,
         c.fill ->> 'id' AS id, c.fill ->> 'order' AS \"order\", c.fill ->> 'side' AS side,
         c.fill ->> 'quantity' AS quantity, c.fill ->> 'price' AS price, c.fill ->> 'fees' AS fees,
         c.fill ->> 'venue_time' AS venue_time
  FROM changes c LEFT JOIN instruments i ON i.id = c.instrument
  WHERE c.fill IS NOT NULL;
CREATE VIEW closed_positions AS
  SELECT i.symbol, c.leg, c.owner, c.ended ->> 'position' AS position, c.ended ->> 'side' AS side,
         c.ended ->> 'entry' AS entry, c.ended ->> 'opened_at' AS opened_at, c.time AS closed_at,
         CASE c.kind WHEN 'dropped' THEN NULL ELSE c.ended ->> 'realised' END AS realised, c.kind AS how, c.sequence,
         c.ended ->> 'favourable' AS favourable, c.ended ->> 'adverse' AS adverse, c.ended ->> 'tags' AS tags
  FROM changes c JOIN instruments i ON i.id = c.instrument
  WHERE c.ended IS NOT NULL;
";

/// The version of what is there. `None`: nothing is, yet.
pub(super) fn version(folder: &Path, database: &Connection) -> Result<Option<u32>, JournalError> {
    let number =
        |pragma: &str| -> Result<u32, rusqlite::Error> { database.query_row(pragma, [], |row| row.get(0)) };
    let read = || {
        Ok((
            number("PRAGMA application_id")?,
            number("PRAGMA user_version")?,
            number("SELECT count(*) FROM sqlite_schema")?,
        ))
    };
    let (application, version, objects) =
        read().map_err(|wrong: rusqlite::Error| JournalError::sqlite(folder, &wrong))?;
    match (application, version) {
        (0, 0) if objects == 0 => Ok(None),
        (APPLICATION, 0) => Err(JournalError::damaged(folder, "it has no schema version")),
        (APPLICATION, found) if found > VERSION => {
            Err(JournalError::Newer { path: folder.to_owned(), found, known: VERSION })
        }
        (APPLICATION, found) => Ok(Some(found)),
        _ => Err(JournalError::NotAJournal {
            path: folder.to_owned(),
            why: "journal.sqlite is the database of another program".to_owned(),
        }),
    }
}

/// Makes everything that a new journal begins with, in one transaction.
pub(super) fn create(database: &mut Connection) -> Result<(), rusqlite::Error> {
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    finish(transaction)
}

/// Brings the tables up from an older version, for the transaction that then writes again what stands in them.
pub(super) fn bring_up(transaction: &Transaction<'_>, from: u32) -> Result<(), rusqlite::Error> {
    let done = usize::try_from(from).unwrap_or(usize::MAX).saturating_sub(1);
    STEPS.get(done..).unwrap_or_default().iter().try_for_each(|step| transaction.execute_batch(step))
}

/// Makes the views, says which version this is, and commits.
pub(super) fn finish(transaction: Transaction<'_>) -> Result<(), rusqlite::Error> {
    transaction.execute_batch(VIEWS)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}
