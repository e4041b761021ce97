//! ACT: the trait that an exchange implements, the paper venue, and the manager with the predecessor's methods.

mod api;
mod closing;
mod manager;
mod memory;
mod orders;
mod paper;
mod pass;
mod place;
mod report;
mod targets;
mod together;
mod upkeep;

#[cfg(feature = "ccxt")]
pub(crate) use api::UNRESOLVED;
pub use api::{
    Answer, Completeness, FillCursor, FillPage, MarginMode, OrderRequest, OrderStatus, Outcome, Scope, Venue,
    VenueError, VenueFill, VenuePosition, VenueReport,
};
pub use manager::PositionManager;
pub use memory::Confirmations;
pub(crate) use memory::{Compared, Memory, fingerprint};
pub use paper::*;
pub use pass::Pass;
pub use place::Place;
pub use report::{OrderEnd, OrderReport};
