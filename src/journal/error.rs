//! What can be wrong with a journal. Each says what to do next; none has changed what was there.

use std::path::{Path, PathBuf};

use crate::error::Rejection;
use crate::model::Sequence;

/// Why a journal could not be opened, read or written.
///
/// ```
/// use posbook::journal::{History, JournalError};
///
/// assert!(matches!(History::open("no/such/folder"), Err(JournalError::Absent { .. })));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // The fields are what the message prints.
pub enum JournalError {
    /// There is nothing to read.
    #[error("{}: there is no journal here; give the folder that a journal was written to", .path.display())]
    Absent { path: PathBuf },
    /// Another program writes to it.
    #[error("{}: already open for writing by {holder}; stop that program, or read with `posbook inspect`", .path.display())]
    Held { path: PathBuf, holder: String },
    /// Something else is there.
    #[error("{}: {why}; give a folder of its own to the journal", .path.display())]
    NotAJournal { path: PathBuf, why: String },
    /// A later version has written it.
    #[error("{}: schema {found} is newer than {known}, the newest that this version knows; use the later posbook", .path.display())]
    Newer { path: PathBuf, found: u32, known: u32 },
    /// An earlier version has written it, and what was asked for would add to it what that version cannot read.
    #[error("{}: an earlier posbook has written it; open it once with this one, which brings it up", .path.display())]
    Older { path: PathBuf },
    /// What is stored is not what was written.
    #[error(
        "{}: damaged: {what}; copy the folder away, `posbook verify` says how far it is whole; then start a new journal in \
         another folder and let the first complete report adopt what the venue has", .path.display()
    )]
    Damaged { path: PathBuf, what: String },
    /// What is stored is whole, and changes that were acknowledged after it are gone.
    #[error(
        "{}: it ends at change {found}, but {acknowledged} was acknowledged: the file journal.sqlite-wal is missing or \
         damaged; put it back, or open with accept_loss (`--accept-loss`) to go on with what is left", .path.display()
    )]
    Lost { path: PathBuf, acknowledged: Sequence, found: Sequence },
    /// The system refused.
    #[error("{}: {why}; check space, rights and the disk", .path.display())]
    System { path: PathBuf, why: String },
    /// What was asked for is not in it.
    #[error("{}: {asked} is not in the journal, which has changes {first} to {last}", .path.display())]
    NotThere { path: PathBuf, asked: String, first: Sequence, last: Sequence },
    /// The book's settings make no sense.
    #[error("the book of this journal cannot be built: {0}")]
    Book(String),
}

impl JournalError {
    pub(super) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into() }
    }

    pub(super) fn system(path: &Path, why: impl std::fmt::Display) -> Self {
        Self::System { path: path.to_owned(), why: why.to_string() }
    }

    /// What SQLite says, by what it means here.
    pub(super) fn sqlite(path: &Path, wrong: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match wrong.sqlite_error_code() {
            Some(DatabaseCorrupt) => Self::damaged(path, wrong.to_string()),
            Some(NotADatabase) => {
                Self::NotAJournal { path: path.to_owned(), why: "no SQLite database".to_owned() }
            }
            Some(_) => Self::system(path, wrong),
            // A value of another type than the table says: nothing that SQLite would have stored.
            None => Self::damaged(path, wrong.to_string()),
        }
    }

    pub(super) fn rejected(path: &Path, at: Sequence, refused: &Rejection) -> Self {
        Self::damaged(path, format!("change {at} does not follow from what is before it: {refused}"))
    }
}
