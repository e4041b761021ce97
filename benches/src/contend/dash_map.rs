//! A map in shards, each behind a lock. Each position is safe by itself; there is no picture of one moment, and a batch is seen in parts.

use posbook::{Fill, Price, Timestamp};
use rustc_hash::FxBuildHasher;

use super::{Can, Contender, Picture, Row, Seen, Start, Worker};

/// The map.
#[derive(Debug)]
pub struct DashMap(dashmap::DashMap<usize, Row, FxBuildHasher>);

impl Contender for DashMap {
    const NAME: &'static str = "dashmap";
    const CAN: Can = Can { picture: false, batch: false, record: false };
    type Worker<'a> = &'a Self;

    fn new(start: &Start) -> Self {
        let map = dashmap::DashMap::with_hasher(FxBuildHasher);
        for (key, row) in start.rows.iter().cloned().enumerate() {
            map.insert(key, row);
        }
        Self(map)
    }

    fn worker(&self) -> &Self {
        self
    }
}

impl DashMap {
    fn change(&self, key: usize, mut change: impl FnMut(&mut Row) -> bool) -> bool {
        self.0.get_mut(&key).is_some_and(|mut row| change(&mut row))
    }
}

impl Worker for &DashMap {
    fn read(&mut self, key: usize) -> Seen {
        self.0.get(&key).map_or(Seen { quantity: 0, fills: 0 }, |row| row.seen())
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
        self.0.iter_mut().map(|mut row| row.retarget(stop)).filter(|moved| !moved).count() == 0
    }

    fn take(&mut self) {
        let mut rows: Vec<Row> = Vec::new();
        rows.extend(self.0.iter().map(|row| row.value().clone()));
        std::hint::black_box(rows);
    }

    fn sweep(&mut self) -> Picture {
        let mut summed = 0;
        self.0.iter().for_each(|row| summed += row.fills);
        Picture { counted: None, summed }
    }
}
