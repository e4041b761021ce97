//! The files of a journal's folder beside the database: who holds it, and what was acknowledged.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::error::JournalError;
use super::options::Durability;
use super::schema;
use crate::model::Sequence;

/// The database.
pub(super) fn database(folder: &Path) -> PathBuf {
    folder.join("journal.sqlite")
}

/// The right to write, as long as it lives. The system takes it back from a program that was killed.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Given back at once; closing the file would do so too.
        let _ = self.0.unlock();
    }
}

/// Takes the right to write, or says who has it.
pub(super) fn lock(folder: &Path) -> Result<Lock, JournalError> {
    let path = folder.join("journal.lock");
    let owner = folder.join("journal.owner");
    let system = |wrong: std::io::Error| JournalError::system(&path, wrong);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(system)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let holder = fs::read_to_string(&owner).unwrap_or_default();
            let holder =
                holder.lines().next().filter(|line| !line.is_empty()).unwrap_or("another program").to_owned();
            return Err(JournalError::Held { path: folder.to_owned(), holder });
        }
        Err(TryLockError::Error(wrong)) => return Err(system(wrong)),
    }
    // SQLite knows the calendar, and this machine's time: a book may keep another.
    let since: String = Connection::open_in_memory()
        .and_then(|asked| asked.query_row("SELECT datetime('now')", [], |row| row.get(0)))
        .map_err(|wrong| JournalError::sqlite(folder, &wrong))?;
    fs::write(&owner, format!("process {}, since {since} UTC\n", std::process::id()))
        .map_err(|wrong| JournalError::system(&owner, wrong))?;
    Ok(Lock(file))
}

/// Refuses what is there and no journal of ours, by the head of the file and without touching it.
pub(super) fn check_head(folder: &Path) -> Result<(), JournalError> {
    let not_ours = |why: &str| JournalError::NotAJournal { path: folder.to_owned(), why: why.to_owned() };
    if folder.exists() && !folder.is_dir() {
        return Err(not_ours("this is a file, not a folder"));
    }
    let path = database(folder);
    if path.is_dir() {
        return Err(not_ours("journal.sqlite is a folder"));
    }
    let Ok(mut file) = File::open(&path) else { return Ok(()) };
    let mut head = Vec::new();
    let read = Read::by_ref(&mut file).take(100).read_to_end(&mut head);
    read.map_err(|wrong| JournalError::system(&path, wrong))?;
    match head.as_slice() {
        // Created and not filled yet.
        [] => Ok(()),
        head if !head.starts_with(b"SQLite format 3\0") => {
            Err(not_ours("journal.sqlite is no SQLite database"))
        }
        head => match head.get(68..72) {
            Some(id) if id == schema::APPLICATION.to_be_bytes() => Ok(()),
            // What says whose it is may stand in the write-ahead log still.
            Some([0, 0, 0, 0]) => Ok(()),
            Some(_) => Err(not_ours("journal.sqlite is the database of another program")),
            None => Err(JournalError::damaged(folder, "journal.sqlite is cut off in its head")),
        },
    }
}

/// The highest sequence that was acknowledged, and how durable it was: outside the database, so that a write-ahead log
/// that is gone is noticed. Written after each commit, never ahead of it.
#[derive(Debug)]
pub(super) struct Mark(File);

fn mark_path(folder: &Path) -> PathBuf {
    folder.join("journal.mark")
}

impl Mark {
    pub(super) fn open(folder: &Path) -> std::io::Result<Self> {
        OpenOptions::new().create(true).truncate(false).write(true).open(mark_path(folder)).map(Self)
    }

    /// One short write of one length: it is never seen half.
    pub(super) fn set(&mut self, reached: Sequence, durability: Durability) -> std::io::Result<()> {
        self.0.seek(SeekFrom::Start(0))?;
        self.0.write_all(format!("{:020} {:<9}\n", reached.0, durability.name()).as_bytes())
    }
}

/// What the mark says. `None`: there is none, or it cannot be read; then nothing is known.
pub(super) fn acknowledged(folder: &Path) -> Option<(Sequence, Durability)> {
    let text = fs::read_to_string(mark_path(folder)).ok()?;
    let (sequence, durability) = text.lines().next()?.split_once(' ')?;
    Some((Sequence(sequence.parse().ok()?), durability.trim().parse().ok()?))
}
