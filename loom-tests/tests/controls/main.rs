//! Controls: models that must find something. If one of these is green without its disaster, the models see nothing.
#![cfg(any(all(posbook_loom, not(posbook_recycling)), posbook_shuttle))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a model fails by a panic")]

mod bots;
