//! One scene a module: what a few threads do to one book, and every outcome that is legal, as a table in its head.
//! Under loom every schedule is explored and the outcomes reached *equal* the table; under shuttle random schedules
//! reach nothing else. The controls run them too, over the broken twins.
#![cfg(any(all(posbook_loom, not(posbook_recycling)), posbook_shuttle))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a model fails by a panic")]

pub(crate) mod batch_vs_batch;
pub(crate) mod batch_vs_open;
pub(crate) mod batch_vs_others;
pub(crate) mod batch_vs_snapshot;
pub(crate) mod close_vs_close;
pub(crate) mod close_vs_scale_in;
pub(crate) mod close_vs_scale_in_vs_scale_out;
pub(crate) mod close_vs_scale_out;
pub(crate) mod drop_vs_reconcile;
pub(crate) mod durable_vs_writers;
pub(crate) mod exit_vs_exit;
pub(crate) mod expire_vs_complete;
pub(crate) mod feed_vs_batch;
pub(crate) mod feed_vs_publisher;
pub(crate) mod fill_vs_others;
pub(crate) mod limits_two_opens_one_place;
pub(crate) mod mark_vs_reader;
pub(crate) mod open_vs_open;
pub(crate) mod open_vs_others;
pub(crate) mod reopen_vs_late;
pub(crate) mod reserve_vs_reconcile;
pub(crate) mod retarget_vs_close;
pub(crate) mod retarget_vs_retarget;
pub(crate) mod same_fill_twice;
pub(crate) mod scale_in_vs_others;
pub(crate) mod scale_in_vs_scale_in;
pub(crate) mod scale_out_vs_retarget;
pub(crate) mod scale_out_vs_scale_out;
pub(crate) mod three_opens_vs_two_places;
pub(crate) mod three_threads_two_fills;
pub(crate) mod two_fills;
pub(crate) mod two_fills_vs_snapshots;
pub(crate) mod two_writers_vs_two_readers;
