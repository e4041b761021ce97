//! The position manager between a book and a venue, stage by stage: what is on its way, what is lost, what comes late.
//! No test waits for a time; each waits for the venue being called, and says what the venue answers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_types,
    reason = "a test fails by a panic; the staged venue is shared by threads"
)]

mod agree;
mod changed;
mod doubts;
mod escaped;
mod excursions;
mod exits;
mod fills;
mod late;
mod legs;
mod orders;
mod policies;
mod random_reports;
mod reconcile;
#[path = "../properties/scale.rs"]
mod scale;
mod skips;
#[path = "../stage/mod.rs"]
mod stage;
mod tiers;
mod trailing;
