//! ACT: the trait that an exchange implements, the paper venue, and the manager with the predecessor's methods.

mod api;
#[cfg(paper_ready)]
mod paper;

pub use api::{
    Answer, Completeness, FillCursor, FillPage, OrderRequest, OrderStatus, Outcome, Scope, Venue, VenueError,
    VenueFill, VenuePosition, VenueReport,
};
#[cfg(paper_ready)]
pub use paper::*;
