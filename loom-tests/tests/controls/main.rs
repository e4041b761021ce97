//! Controls: models that must find something. If one of these is green without its disaster, the models see nothing.
//!
//! In `bots` the bot is broken and the book is the shipped one; in `twins` the book is broken. The scenes themselves come
//! with them, unbroken, in `models`: the runner leaves those to the models' own binary.
#![cfg(any(all(posbook_loom, not(posbook_recycling)), posbook_shuttle))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a model fails by a panic")]

mod bots;
#[cfg(posbook_faults)]
#[path = "../models/main.rs"]
mod models;
#[cfg(posbook_faults)]
mod twins;
