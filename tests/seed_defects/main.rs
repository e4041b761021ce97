//! The defects of the predecessor (D1 to D32 in `docs/defects.md`), each staged here as it was suffered there. One module
//! a defect. What counts is the money, so each test looks at both sides: the book, and what the venue really has.
//!
//! No test waits for a time or hopes for a race: a call of the venue is held while another thread goes on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_types,
    reason = "a test fails by a panic; the staged venue is shared by threads"
)]

mod d01_two_opens;
mod d02_two_closes;
mod d03_scaling_races_a_close;
mod d04_two_scale_outs;
mod d05_close_and_reopen;
mod d06_reconcile_deletes_a_newer_position;
mod d07_reconcile_imports_a_closed_position;
mod d08_import_overwrites_a_newer_position;
mod d09_trailing_overwrites_a_manual_stop;
mod d10_snapshots_that_change;
mod d11_limits_checked_outside;
mod d12_the_lock_taken_twice;
mod d13_errors_taken_for_emptiness;
mod d14_zero_means_two_things;
mod d15_none_means_two_things;
mod d16_logging_fails_after_the_change;
mod help_race;
#[allow(dead_code, reason = "shared with another suite, which uses the rest of it")]
#[path = "../manager/stage.rs"]
mod stage;
