//! REPAIR: what the venue reports, against what the book holds: discrepancies, a plan, and its application by
//! compare-and-swap.
//!
//! A plan is data: print it and nothing has happened. Each of its repairs is checked again where it lands, so a stale
//! plan is refused (R8). A failed or partial report never means flat, an empty one needs consent (R10), and a second
//! run finds nothing.

mod compare;
mod manager;
mod plan;

pub use compare::compare;
pub use manager::{Outcome, ReconcileReport};
pub use plan::{Consent, Discrepancy, Item, Plan, Policy, Repair};
