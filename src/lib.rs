//! A lock-free position book that a trading bot embeds.
#![forbid(unsafe_code)]

mod book;
mod error;
#[cfg(not(posbook_loom))]
pub mod exits;
mod model;
#[cfg(not(posbook_loom))]
pub mod reconcile;
mod state;
mod sync;
#[cfg(not(posbook_loom))]
pub mod venue;

pub use book::*;
pub use error::{Error, Found, Reason, Rejection};
pub use model::*;
pub use rust_decimal::Decimal;
pub use state::{Answer, FillOutcome, Money, Settings, Totals};
pub use sync::Clock;
