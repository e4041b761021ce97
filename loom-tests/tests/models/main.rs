//! One scene a module: what a few threads do to one book, and every outcome that is legal, as a table in its head.
//! Under loom every schedule is explored and the outcomes reached *equal* the table; under shuttle random schedules
//! reach nothing else. The controls run them too, over the broken twins.
#![cfg(any(all(posbook_loom, not(posbook_recycling)), posbook_shuttle))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a model fails by a panic")]

pub mod batch_vs_batch;
pub mod batch_vs_open;
pub mod batch_vs_others;
pub mod batch_vs_snapshot;
pub mod close_vs_close;
pub mod close_vs_scale_in;
pub mod close_vs_scale_in_vs_scale_out;
pub mod close_vs_scale_out;
pub mod drop_vs_reconcile;
pub mod exit_vs_exit;
pub mod expire_vs_complete;
pub mod feed_vs_batch;
pub mod feed_vs_publisher;
pub mod fill_vs_others;
pub mod limits_two_opens_one_place;
pub mod mark_vs_reader;
pub mod open_vs_open;
pub mod open_vs_others;
pub mod reopen_vs_late;
pub mod reserve_vs_reconcile;
pub mod retarget_vs_close;
pub mod retarget_vs_retarget;
pub mod same_fill_twice;
pub mod scale_in_vs_others;
pub mod scale_in_vs_scale_in;
pub mod scale_out_vs_retarget;
pub mod scale_out_vs_scale_out;
pub mod three_opens_vs_two_places;
pub mod three_threads_two_fills;
pub mod two_fills;
pub mod two_fills_vs_snapshots;
pub mod two_writers_vs_two_readers;
