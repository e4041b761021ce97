//! How many cases a run takes, and from which seeds: `POSBOOK_SCALE=hand` fifty times as many, `brief` a tenth.

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

fn scale(name: &str) -> bool {
    std::env::var("POSBOOK_SCALE").is_ok_and(|scale| scale == name)
}

/// True for the long run by hand.
pub fn by_hand() -> bool {
    scale("hand")
}

/// True for a first look, as `.ci/mutants` takes one at each mutant: too short to reach everything.
pub fn brief() -> bool {
    scale("brief")
}

/// So many cases; fifty times as many by hand, a tenth for a first look.
pub fn times(cases: u32) -> u32 {
    if by_hand() {
        cases.saturating_mul(50)
    } else if brief() {
        (cases / 10).max(1)
    } else {
        cases
    }
}

/// A runner of so many cases: the same ones on every commit, new ones by hand.
pub fn runner(cases: u32) -> TestRunner {
    let mut config = Config { cases: times(cases), failure_persistence: None, ..Config::default() };
    if brief() {
        // Whether it fails is all that is asked then.
        config.max_shrink_iters = 0;
    }
    if by_hand() {
        TestRunner::new(config)
    } else {
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
    }
}
