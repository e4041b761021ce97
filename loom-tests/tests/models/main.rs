//! One scene a module: what a few threads do to one book, and every outcome that is legal, as a table in its head.
//! Under loom every schedule is explored and the outcomes reached *equal* the table; under shuttle random schedules
//! reach nothing else.
#![cfg(any(all(posbook_loom, not(posbook_recycling)), posbook_shuttle))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a model fails by a panic")]

mod batch_vs_open;
mod close_vs_scale_out;
mod exit_vs_exit;
mod limits_two_opens_one_place;
mod open_vs_open;
mod same_fill_twice;
mod two_fills;
