//! The predecessor's defects (`docs/defects.md`, section 2), each staged as it struck there: a module for each, named by
//! its number. Every test looks at the money on both sides, the book's and what the venue really has.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_types,
    reason = "a test fails by a panic; the staged venue is shared by threads"
)]

mod d17;
mod d18;
mod d19;
mod d20;
mod d21;
mod d22;
mod d23;
mod d24;
mod d25;
mod d26;
mod d27;
mod d28;
mod d29;
mod d30;
mod d32;
mod help_money;
#[allow(dead_code, reason = "shared with another suite, which uses the rest of it")]
#[path = "../manager/stage.rs"]
mod stage;
