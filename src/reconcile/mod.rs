//! REPAIR: what the venue reports, against what the book holds: discrepancies, a plan, and its application by
//! compare-and-swap.
//!
//! A plan is data: print it and nothing has happened. Each of its repairs is checked again where it lands, so a stale
//! plan is refused (R8). A failed or partial report never means flat, an empty one needs consent (R10), and a second
//! run finds nothing. What is done about which field is a policy: see [`Ways`].

mod apply;
mod band;
mod changed;
mod compare;
mod discrepancy;
mod driver;
mod fields;
mod manager;
mod plan;
mod policy;

pub use apply::{Outcome, ReconcileReport};
pub use compare::compare;
pub use discrepancy::{Aspect, Discrepancy};
pub use driver::Driver;
pub use plan::{Item, Plan, Repair};
pub use policy::{Consent, KeyPolicy, Notice, Policies, Policy, Tolerance, Way, Ways};
