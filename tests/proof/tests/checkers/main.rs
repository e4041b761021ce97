//! The checkers checked: histories that are broken by hand are found, sound ones pass, and the two checkers, which share
//! no code, agree on short histories of real threads.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod agree;
mod broken;
mod real;
mod run;
