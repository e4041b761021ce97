//! Deterministic simulation: a whole bot from one seed, on one thread, repeatable.
//!
//! A *world* is a seeded market, a paper venue with its faults, a wire that takes time, a book with limits, a manager, and
//! tasks: strategies, a fill reader, an exit pass, reconciliation in its ways, a person who trades by hand. A seeded
//! scheduler chooses who goes on, and drops tasks in the middle as a bot's timeout does. There is no thread, no real time
//! and no other chance, so one number says everything that happens, and says it again.
//!
//! An oracle looks after every turn (`oracle`), and at the end, when everything has come to rest, the book must be what the
//! venue's own ledger says, which shares no code with it.
//!
//! With the feature `journal` some worlds have a disk, and are killed and restarted (`disk`): of the bot only what was
//! durable is left, and the venue goes on.
//!
//! What it does not show: interleavings inside one call. A task runs alone between two of its awaits; threads that meet in
//! the write loop are for the models (loom, shuttle) and for stress.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "this is test support"
)]

mod agents;
mod dice;
#[cfg(feature = "journal")]
mod disk;
mod executor;
mod market;
mod options;
mod oracle;
mod rest;
mod run;
mod simulate;
mod trace;
mod wire;

pub use options::Options;
pub use run::{Ended, run};
pub use simulate::{Failed, Report, replay, simulate, smallest};
