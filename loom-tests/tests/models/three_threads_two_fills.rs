//! Three threads with two fills each, all on one key: every order of the six in which each thread's own two stay in order,
//! and no other (I4, I11). 6! / (2! 2! 2!) = 90 orders, all reached.
//!
//! An outcome is the sequences that each thread took. In all of them the position is the sum of the fills.
//!
//! In CI at most 5 preemptions, which reach all 90; with at most 4 loom reaches 82: a bound has to be looked at before it
//! is believed. By hand every schedule.

use posbook::{OrderSide, Sequence};
use posbook_loom::{Bound, Stage, explore_within, fill, thread};

type Order = [[u64; 2]; 3];

/// Every way to deal the sequences 3 to 8 to three threads, two each, ascending.
fn orders() -> Vec<Order> {
    let pairs: Vec<[u64; 2]> = (3..=8).flat_map(|a| (a + 1..=8).map(move |b| [a, b])).collect();
    let mut orders = Vec::new();
    for (a, b, c) in pairs.iter().flat_map(|a| pairs.iter().flat_map(|b| pairs.iter().map(|c| (*a, *b, *c))))
    {
        let mut all = [a, b, c].concat();
        all.sort_unstable();
        all.dedup();
        if all.len() == 6 {
            orders.push([a, b, c]);
        }
    }
    orders
}

fn two_fills(stage: &Stage, who: char) -> [u64; 2] {
    [1, 2].map(|n| {
        let recorded = stage.book.record(fill(stage.one, &format!("{who}{n}"), OrderSide::Buy, "1")).unwrap();
        recorded.sequence.map_or(0, |sequence| sequence.0)
    })
}

fn scene() -> Order {
    let stage = Stage::flat();
    let others = ['a', 'b'].map(|who| {
        let stage = stage.clone();
        thread::spawn(move || two_fills(&stage, who))
    });
    let mine = two_fills(&stage, 'c');
    let [a, b] = others.map(|other| other.join().unwrap());
    let view = stage.book.snapshot();
    assert_eq!(view.sequence(), Sequence(8), "each publication takes the next sequence (I4)");
    assert_eq!(view.get(stage.one).unwrap().quantity, "6".parse().unwrap(), "the sum of the fills (I11)");
    [a, b, mine]
}

#[test]
pub fn every_order() {
    let orders = orders();
    assert_eq!(orders.len(), 90);
    explore_within("three threads, two fills each", Bound::in_ci(5), &orders, scene);
}
