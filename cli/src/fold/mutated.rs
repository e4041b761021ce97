//! Nearly right files: the property that `.ci/fuzz` holds over any text, on some made from its seeds. `POSBOOK_SCALE=hand` takes
//! fifty times as many.

use posbook_proof::mutate::mutated;
use posbook_proof::program::Dice;

use super::texts;

const SEEDS: [&str; 4] = [
    include_str!("../../../tests/fuzz/seeds/fold/lines"),
    include_str!("../../../tests/fuzz/seeds/fold/newest"),
    include_str!("../../../tests/fuzz/seeds/fold/table"),
    include_str!("../../../tests/fuzz/seeds/fold/trades"),
];

#[test]
fn nearly_right_files_are_folded_or_refused() {
    let by_hand = std::env::var("POSBOOK_SCALE").is_ok_and(|scale| scale == "hand");
    for round in 0..if by_hand { 1_000_000 } else { 20_000 } {
        texts::any_text(&mutated(&mut Dice::new(1, round, 0), &SEEDS));
    }
}
