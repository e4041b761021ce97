//! REMEMBER: every change on the disk, so that a bot can be killed at any instant and comes back with all of it.
//!
//! A journal is a folder with one SQLite database, which any SQLite tool can open while the bot runs; what its tables and
//! views mean, and which crash each [`Durability`] survives, stands in `docs/journal.md`. One thread of its own follows the
//! feed and writes; the book's writers never wait for it. What waits for the disk is who asks
//! ([`Book::wait_durable`](crate::Book::wait_durable)), and an order that would add risk, before it leaves (R15).
//!
//! ```
//! use posbook::{Book, Fill, Instrument, OrderSide};
//! use posbook::journal::{Journal, JournalOptions};
//!
//! # let folder = std::env::temp_dir().join(format!("posbook-doc-{}", std::process::id()));
//! let journal = Journal::open(&folder, JournalOptions::default(), Book::builder())?;
//! let book = journal.book();
//! let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
//! let done = book.record(Fill::trade(btc, "1".parse()?, OrderSide::Buy, "2".parse()?, "100".parse()?))?;
//! book.wait_durable(done.sequence.ok_or("nothing happened")?)?; // on the disk
//! let before = book.snapshot().digest();
//! drop(book);
//! journal.close()?;
//!
//! let journal = Journal::open(&folder, JournalOptions::default(), Book::builder())?; // another day
//! let view = journal.book().snapshot();
//! assert_eq!(view.get(btc).ok_or("flat")?.quantity, "2".parse()?);
//! assert_eq!(journal.restored().epoch, 2);
//! # assert_ne!(before, 0);
//! # drop(journal);
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod files;
mod fold;
mod history;
mod migrate;
mod older;
mod open;
mod options;
mod place;
mod row;
mod schema;
mod store;
mod story;
mod verify;

pub use error::JournalError;
pub use history::{At, Difference, History, Line};
pub use open::{Journal, Restored};
pub use options::{Durability, JournalOptions};
pub use place::Place;
pub use store::Pruned;
pub use verify::Verified;
