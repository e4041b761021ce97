//! The rules, one module each: every module stages the scenario that costs money without its rule and asserts what the
//! book and the venue have in the end, then tests the rule sentence by sentence. `field` has what users of other systems
//! reported, each test named for its repository and thread.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_types,
    reason = "a test fails by a panic; the venues are shared by threads"
)]

mod busts;
mod contracts;
mod corrections;
mod field;
mod groups;
mod help;
mod r01;
mod r02;
mod r03;
mod r04;
mod r05;
mod r06;
mod r07;
mod r08;
mod r09;
mod r10;
mod r11;
mod r12;
mod r13;
mod r14;
mod r15;
mod r16;
mod r17;
mod r18;
#[path = "../stage/mod.rs"]
mod stage;
