//! Two writers of different instruments and two readers of two snapshots each: the readers never disagree about which
//! write came first (I4). Looking at each instrument alone would not show it.
//!
//! Legal outcomes: if `a` was written before `b`, both readers see some stretch of: nothing, `a`, `ab`. If `b` was first:
//! nothing, `b`, `ab`. Each has 6 pairs of looks that do not go back, so 36 outcomes an order; the 9 in which nobody
//! looks in between belong to both: 63 in all, all reached. That one reader sees `a` alone and the other `b` alone is
//! none of them.

use posbook::OrderSide;
use posbook_loom::{ANY, Act, Bound, Row, Said, Stage, fill, race_within};

const LOOK: Act = |stage| {
    let seen = || {
        let view = stage.book.snapshot();
        match (view.contains(stage.one), view.contains(stage.two)) {
            (false, false) => "-",
            (true, false) => "a",
            (false, true) => "b",
            (true, true) => "ab",
        }
    };
    let first = seen();
    Said::word(format!("{first} {}", seen()))
};

#[test]
pub fn one_order_for_all() {
    let mut words: Vec<[String; 2]> = Vec::new();
    for order in [["-", "a", "ab"], ["-", "b", "ab"]] {
        let looks = (0..3)
            .flat_map(|first| (first..3).map(move |second| format!("{} {}", order[first], order[second])));
        let looks: Vec<String> = looks.collect();
        words.extend(looks.iter().flat_map(|one| looks.iter().map(|two| [one.clone(), two.clone()])));
    }
    words.sort();
    words.dedup();
    assert_eq!(words.len(), 63);
    let table: Vec<Row> = words
        .into_iter()
        .map(|[one, two]| {
            let said: Vec<&'static str> = vec!["booked", "booked", one.leak(), two.leak()];
            (&*said.leak(), ANY, "long 1 stop 95; long 1 stop 95")
        })
        .collect();
    let acts: &[Act] = &[
        |stage| stage.record(fill(stage.one, "a", OrderSide::Buy, "1")),
        |stage| stage.record(fill(stage.two, "b", OrderSide::Buy, "1")),
        LOOK,
        LOOK,
    ];
    race_within("two writers against two readers", Bound::in_ci(3), Stage::flat, &table, acts);
}
