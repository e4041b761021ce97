//! A subscriber at the far end of a full window while a batch of two changes pushes the oldest publications out: it gets
//! the next one, or is told exactly how many it missed, and a batch comes whole (I10, R14).
//!
//! The window keeps 16 publications or a few more: 31 are there, the batch is the 32nd, and sequences 1 to 16 go with it.
//! The subscriber has read 14. Legal outcomes of two looks, all reached:
//!
//! | first look | second look | how |
//! |---|---|---|
//! | 15 to 15 | 16 to 16 | both before the batch |
//! | 15 to 15 | missed 1 | the batch came between: 16 is gone |
//! | missed 2 | 17 to 17 | after: 15 and 16 are gone |
//!
//! A subscriber that has read everything sees nothing, or the batch as one unit, `32 to 33`; the rows are its two looks.

use posbook::{OrderSide, Sequence};
use posbook_loom::{Stage, explore, fill, open, scale_in, span, thread};

/// What two looks at the feed bring, from a subscriber that has read so far, while a batch is published.
fn subscribed(name: &str, read: u64, table: &[[&str; 2]]) {
    let table: Vec<[String; 2]> = table.iter().map(|looks| looks.map(str::to_owned)).collect();
    explore(name, &table, move || {
        let stage = Stage::flat();
        for n in 3..=31 {
            stage.record(fill(stage.one, &n.to_string(), OrderSide::Buy, "1"));
        }
        let mut changes = stage.book.changes_after(Sequence(read));
        let writer = {
            let stage = stage.clone();
            thread::spawn(move || stage.submit([open(stage.two, "1"), scale_in(stage.one, "1")]))
        };
        let looks = [0; 2].map(|_| match changes.try_next() {
            None => "nothing".to_owned(),
            Some(Ok(unit)) => span(&unit),
            Some(Err(lagged)) => format!("missed {}", lagged.missed),
        });
        let said = writer.join().unwrap();
        assert_eq!(said.word, "both");
        assert_eq!(stage.book.snapshot().sequence(), Sequence(33));
        looks
    });
}

#[test]
pub fn at_the_far_end() {
    let table = [["15 to 15", "16 to 16"], ["15 to 15", "missed 1"], ["missed 2", "17 to 17"]];
    subscribed("a lagging subscriber against a batch", 14, &table);
}

#[test]
pub fn at_the_near_end() {
    let table = [["nothing", "nothing"], ["nothing", "32 to 33"], ["32 to 33", "nothing"]];
    subscribed("a subscriber against a batch", 31, &table);
}
