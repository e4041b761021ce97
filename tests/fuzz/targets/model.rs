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
#[path = "../../properties/tags.rs"]
mod tags;

fuzz_target!(|data: &[u8]| {
    let mut world = stream::World::new(data.len().is_multiple_of(2));
    // Four bytes a step, so that a changed byte changes one step and leaves the others. They are a seed and not the random
    // numbers themselves: a strategy that draws again until a number suits it would never end on a run of equal bytes.
    for four in data.chunks_exact(4) {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(four);
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let Ok(op) = stream::op().new_tree(&mut runner) else { return };
        world.step(&op.current());
    }
});
