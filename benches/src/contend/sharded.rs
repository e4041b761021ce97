//! Maps in which each position is safe by itself: what differs is the map. There is no picture of one moment, and a batch is
//! seen in parts.

use posbook::{Fill, Price, Timestamp};

use super::{Can, Contender, Picture, Row, Seen, Start, Worker};

/// A map that threads change without a lock around it.
pub trait Shards: Send + Sync + Default {
    /// The contender's name in the report.
    const NAME: &'static str;

    /// Adds a row.
    fn add(&self, key: usize, row: Row);

    /// Reads one row. `None`: there is none.
    fn read<R>(&self, key: usize, read: impl FnOnce(&Row) -> R) -> Option<R>;

    /// Changes one row; what is tried may be tried again on what another thread left. False: it was refused.
    fn change(&self, key: usize, change: impl Fn(&mut Row) -> bool) -> bool;

    /// Changes every row, one by one. False: one was refused.
    fn change_all(&self, change: impl Fn(&mut Row) -> bool) -> bool;

    /// Every row, one by one.
    fn each(&self, visit: impl FnMut(&Row));
}

/// The map.
#[derive(Debug)]
pub struct Sharded<M>(M);

impl<M: Shards> Contender for Sharded<M> {
    const NAME: &'static str = M::NAME;
    const CAN: Can = Can { picture: false, batch: false, record: false };
    type Worker<'a>
        = &'a Self
    where
        Self: 'a;

    fn new(start: &Start) -> Self {
        let map = M::default();
        start.rows.iter().cloned().enumerate().for_each(|(key, row)| map.add(key, row));
        Self(map)
    }

    fn worker(&self) -> &Self {
        self
    }
}

impl<M: Shards> Worker for &Sharded<M> {
    fn read(&mut self, key: usize) -> Seen {
        self.0.read(key, Row::seen).unwrap_or(Seen { quantity: 0, fills: 0 })
    }

    fn tick(&mut self, key: usize, price: Price, time: Timestamp) {
        self.0.change(key, |row| {
            row.tick(price, time);
            true
        });
    }

    fn fill(&mut self, key: usize, fill: Fill) -> bool {
        self.0.change(key, |row| row.fold(&fill))
    }

    fn batch(&mut self, stop: Price) -> bool {
        self.0.change_all(|row| row.retarget(stop))
    }

    fn take(&mut self) {
        let mut rows: Vec<Row> = Vec::new();
        self.0.each(|row| rows.push(row.clone()));
        std::hint::black_box(rows);
    }

    fn sweep(&mut self) -> Picture {
        let mut summed = 0;
        self.0.each(|row| summed += row.fills);
        Picture { counted: None, summed }
    }
}
