//! Shells and bodies and their pool, every schedule: the root cell is a loom mutex with loom's `Arc`, so whether a shell is held by
//! nobody else (`get_mut`) is a part of the model, and with it what is used again and when. A shell that is forgotten is a
//! leak, which loom reports; one that is freed is missing in the count that each model ends with.
//!
//! Pairs are explored whole. Three threads over this cell do not finish, so they are bounded: at most three preemptions.
//! Each model asserts that over its schedules `get_mut` both succeeded and failed: it saw a shell used again, and it saw
//! one that was still held; and that a body was used again.
#![cfg(all(posbook_loom, posbook_recycling))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a model fails by a panic")]

mod crowd;
mod pool;
mod refused_batch;
mod three_threads;
#[cfg(posbook_faults)]
mod twins;
mod writer_vs_reader;
mod writer_vs_snapshot;
mod writer_vs_writer;
