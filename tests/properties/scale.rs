//! How many cases a run takes, and from which seeds.

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// True for the long run by hand.
pub fn by_hand() -> bool {
    std::env::var("POSBOOK_SCALE").is_ok_and(|scale| scale == "hand")
}

/// So many cases, or fifty times as many by hand.
pub fn times(cases: u32) -> u32 {
    if by_hand() { cases.saturating_mul(50) } else { cases }
}

/// A runner of so many cases: the same ones on every commit, new ones by hand.
pub fn runner(cases: u32) -> TestRunner {
    let config = Config { cases: times(cases), failure_persistence: None, ..Config::default() };
    if by_hand() {
        TestRunner::new(config)
    } else {
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
    }
}
