//! Properties of the book, checked through the public API alone: against a naive model that shares no code with the
//! crate, against hostile input, through every serialised form, and with real threads.
//!
//! The default run is small enough for every commit; `POSBOOK_SCALE=hand` takes many more cases, from new seeds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_types, clippy::disallowed_methods)] // Tests start threads and count in atomics.

mod bad_input;
mod corners;
mod differential;
mod edges;
mod escaped;
mod excursions;
mod fold;
mod naive;
mod numbers;
mod scale;
mod serde_round;
mod stream;
mod tags;
mod threads;
mod trailing;
