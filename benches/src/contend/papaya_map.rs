//! A lock-free map whose values are replaced, never changed. Each position is safe by itself; there is no picture of one moment, and a batch is seen in parts.

use posbook::{Fill, Price, Timestamp};
use rustc_hash::FxBuildHasher;

use super::{Can, Contender, Picture, Row, Seen, Start, Worker};

/// The map.
#[derive(Debug)]
pub struct PapayaMap(papaya::HashMap<usize, Row, FxBuildHasher>);

impl Contender for PapayaMap {
    const NAME: &'static str = "papaya";
    const CAN: Can = Can { picture: false, batch: false, record: false };
    type Worker<'a> = &'a Self;

    fn new(start: &Start) -> Self {
        let map = papaya::HashMap::with_hasher(FxBuildHasher);
        for (key, row) in start.rows.iter().cloned().enumerate() {
            map.pin().insert(key, row);
        }
        Self(map)
    }

    fn worker(&self) -> &Self {
        self
    }
}

impl PapayaMap {
    fn change(&self, key: usize, change: impl Fn(&mut Row) -> bool) -> bool {
        // What is tried may lose to another thread's, and is tried again on that.
        let done = std::cell::Cell::new(false);
        self.0.pin().update(key, |row| {
            let mut row = row.clone();
            done.set(change(&mut row));
            row
        });
        done.get()
    }
}

impl Worker for &PapayaMap {
    fn read(&mut self, key: usize) -> Seen {
        self.0.pin().get(&key).map_or(Seen { quantity: 0, fills: 0 }, Row::seen)
    }

    fn tick(&mut self, key: usize, price: Price, time: Timestamp) {
        self.change(key, |row| {
            row.tick(price, time);
            true
        });
    }

    fn fill(&mut self, key: usize, fill: Fill) -> bool {
        self.change(key, |row| row.fold(&fill))
    }

    fn batch(&mut self, stop: Price) -> bool {
        let keys: Vec<usize> = self.0.pin().keys().copied().collect();
        keys.into_iter().map(|key| self.change(key, |row| row.retarget(stop))).filter(|moved| !moved).count()
            == 0
    }

    fn take(&mut self) {
        let mut rows: Vec<Row> = Vec::new();
        rows.extend(self.0.pin().values().cloned());
        std::hint::black_box(rows);
    }

    fn sweep(&mut self) -> Picture {
        let mut summed = 0;
        self.0.pin().values().for_each(|row| summed += row.fills);
        Picture { counted: None, summed }
    }
}
