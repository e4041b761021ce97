//! The journal, through its public API and with real files: what survives, what is refused, what is never lost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "tests start threads and measure")]

mod asof;
mod damage;
mod figures;
mod help;
mod kills;
mod older;
mod promises;
mod restart;
