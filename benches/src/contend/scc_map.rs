//! A map in buckets, each behind a lock of its own. Each position is safe by itself; there is no picture of one moment, and a batch is seen in parts.

use posbook::{Fill, Price, Timestamp};
use rustc_hash::FxBuildHasher;

use super::{Can, Contender, Picture, Row, Seen, Start, Worker};

/// The map.
#[derive(Debug)]
pub struct SccMap(scc::HashMap<usize, Row, FxBuildHasher>);

impl Contender for SccMap {
    const NAME: &'static str = "scc";
    const CAN: Can = Can { picture: false, batch: false, record: false };
    type Worker<'a> = &'a Self;

    fn new(start: &Start) -> Self {
        let map = scc::HashMap::with_hasher(FxBuildHasher);
        for (key, row) in start.rows.iter().cloned().enumerate() {
            let _ = map.insert_sync(key, row);
        }
        Self(map)
    }

    fn worker(&self) -> &Self {
        self
    }
}

impl SccMap {
    fn change(&self, key: usize, mut change: impl FnMut(&mut Row) -> bool) -> bool {
        self.0.update_sync(&key, |_, row| change(row)).unwrap_or(false)
    }
}

impl Worker for &SccMap {
    fn read(&mut self, key: usize) -> Seen {
        self.0.read_sync(&key, |_, row| row.seen()).unwrap_or(Seen { quantity: 0, fills: 0 })
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
        let mut all = true;
        self.0.retain_sync(|_, row| {
            all &= row.retarget(stop);
            true
        });
        all
    }

    fn take(&mut self) {
        let mut rows: Vec<Row> = Vec::new();
        self.0.iter_sync(|_, row| {
            rows.push(row.clone());
            true
        });
        std::hint::black_box(rows);
    }

    fn sweep(&mut self) -> Picture {
        let mut summed = 0;
        self.0.iter_sync(|_, row| {
            summed += row.fills;
            true
        });
        Picture { counted: None, summed }
    }
}
