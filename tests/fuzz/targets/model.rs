//! The streams of the property tests, steered by coverage: the book against the naive model, which shares no code with it.
//! What is asserted after every step stands in `World::step` (tests/properties/stream.rs).
#![no_main]

use libfuzzer_sys::fuzz_target;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

#[allow(dead_code, reason = "the property tests use more of it")]
#[path = "../../properties/naive.rs"]
mod naive;
#[allow(dead_code, reason = "the property tests use more of it")]
#[path = "../../properties/stream.rs"]
mod stream;

fuzz_target!(|data: &[u8]| {
    // The bytes are the random numbers, so that a changed byte changes a step.
    let rng = TestRng::from_seed(RngAlgorithm::PassThrough, data);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut world = stream::World::new(data.len() % 2 == 0);
    for _ in 0..(data.len() / 24).min(200) {
        let Ok(op) = stream::op().new_tree(&mut runner) else { return };
        world.step(&op.current());
    }
});
