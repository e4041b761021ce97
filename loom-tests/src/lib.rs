//! What every model shares: a run through many schedules, and a comparison of what was reached with what is legal.
//!
//! A green model proves nothing by itself: it may have explored a single schedule, or never have reached the case it
//! is about. So a model returns an *outcome* for each schedule, its file's head lists the legal ones as a table, and
//! `explore` asserts that the set reached **equals** the table: an outcome too many is a bug of the book, an outcome
//! missing is a bug of the model. It prints how many schedules there were and how long they took.
//!
//! The same scenes run under two checkers. **loom** (`cargo loom`) goes through every schedule. **shuttle** (`cargo
//! shuttle`) goes through random ones, many of them, over the root cell that everybody runs; what it reaches must be in
//! the table, and a table of a scene of two threads is reached whole. See `README.md` for what that proves and what not.
//!
//! Without one of the two flags this package is all but empty, so that `cargo build`, clippy and `cargo doc` need
//! neither.

pub mod workshop;

#[cfg(any(posbook_loom, posbook_shuttle))]
mod scene;
#[cfg(any(posbook_loom, posbook_shuttle))]
pub use scene::*;
#[cfg(any(posbook_loom, posbook_shuttle))]
mod race;
#[cfg(any(posbook_loom, posbook_shuttle))]
pub use race::*;

#[cfg(posbook_loom)]
mod with_loom;
#[cfg(posbook_loom)]
pub use loom::thread;
#[cfg(posbook_loom)]
use with_loom as checker;

#[cfg(posbook_shuttle)]
mod with_shuttle;
#[cfg(posbook_shuttle)]
pub use shuttle::thread;
#[cfg(posbook_shuttle)]
use with_shuttle as checker;
#[cfg(posbook_shuttle)]
pub use with_shuttle::{run, seed};
