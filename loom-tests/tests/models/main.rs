//! One scene a module: what a few threads do to one book, and every outcome that is legal, as a table in its head.
//! Under loom every schedule is explored and the outcomes reached *equal* the table; under shuttle random schedules
//! reach nothing else.
#![cfg(any(all(posbook_loom, not(posbook_recycling)), posbook_shuttle))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a model fails by a panic")]

mod batch_vs_batch;
mod batch_vs_open;
mod batch_vs_others;
mod batch_vs_snapshot;
mod close_vs_close;
mod close_vs_scale_in;
mod close_vs_scale_in_vs_scale_out;
mod close_vs_scale_out;
mod drop_vs_reconcile;
mod exit_vs_exit;
mod expire_vs_complete;
mod feed_vs_batch;
mod feed_vs_publisher;
mod fill_vs_others;
mod limits_two_opens_one_place;
mod mark_vs_reader;
mod open_vs_open;
mod open_vs_others;
mod reopen_vs_late;
mod reserve_vs_reconcile;
mod retarget_vs_close;
mod retarget_vs_retarget;
mod same_fill_twice;
mod scale_in_vs_others;
mod scale_in_vs_scale_in;
mod scale_out_vs_retarget;
mod scale_out_vs_scale_out;
mod three_opens_vs_two_places;
mod three_threads_two_fills;
mod two_fills;
mod two_fills_vs_snapshots;
mod two_writers_vs_two_readers;
