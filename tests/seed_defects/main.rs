//! The defects of the predecessor (D1 to D32 in `docs/defects.md`), each staged here as it was suffered there. One module
//! a defect. What counts is the money, so each test looks at both sides: the book, and what the venue really has.
//!
//! No test waits for a time or hopes for a race: a call of the venue is held while another thread goes on. D31 (nothing
//! survives a restart) comes with the journal.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_types,
    reason = "a test fails by a panic; the staged venue is shared by threads"
)]

mod d01;
mod d02;
mod d03;
mod d04;
mod d05;
mod d06;
mod d07;
mod d08;
mod d09;
mod d10;
mod d11;
mod d12;
mod d13;
mod d14;
mod d15;
mod d16;
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
mod help_race;
#[path = "../stage/mod.rs"]
mod stage;
