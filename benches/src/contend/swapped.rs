//! Positions in an `ArcSwap`, changed by a bare compare-and-swap loop: what differs is the collection, and so what a write has to
//! copy of it.

use std::sync::Arc;

use arc_swap::ArcSwap;
use posbook::{Fill, Price, Timestamp};

use super::{Can, Contender, Picture, Row, Seen, Start, Worker};

/// A collection of rows by key. Its clone is what every write begins with.
pub trait Rows: Clone + Send + Sync + FromIterator<(usize, Arc<Row>)> {
    /// The contender's name in the report.
    const NAME: &'static str;

    /// One row.
    fn row(&self, key: usize) -> Option<&Arc<Row>>;

    /// One row, to be changed.
    fn row_mut(&mut self, key: usize) -> Option<&mut Arc<Row>>;

    /// Every row.
    fn rows(&self) -> impl Iterator<Item = &Arc<Row>>;

    /// Every row, to be changed.
    fn rows_mut(&mut self) -> impl Iterator<Item = &mut Arc<Row>>;
}

#[derive(Debug, Clone)]
struct World<R> {
    rows: R,
    fills: u64,
}

/// The cell.
#[derive(Debug)]
pub struct Swapped<R>(ArcSwap<World<R>>);

impl<R: Rows> Contender for Swapped<R> {
    const NAME: &'static str = R::NAME;
    const CAN: Can = Can { picture: true, batch: true, record: false };
    type Worker<'a>
        = &'a Self
    where
        Self: 'a;

    fn new(start: &Start) -> Self {
        let rows = start.rows.iter().map(|row| Arc::new(row.clone())).enumerate().collect();
        let fills = start.rows.iter().map(|row| row.fills).sum();
        Self(ArcSwap::from_pointee(World { rows, fills }))
    }

    fn worker(&self) -> &Self {
        self
    }
}

impl<R: Rows> Swapped<R> {
    /// The compare-and-swap loop, without a pause.
    fn change(&self, change: impl Fn(&mut World<R>) -> bool) -> bool {
        let mut found = self.0.load_full();
        loop {
            let mut world = World::clone(&found);
            if !change(&mut world) {
                return false;
            }
            let before = self.0.compare_and_swap(&found, Arc::new(world));
            if Arc::ptr_eq(&before, &found) {
                return true;
            }
            found = arc_swap::Guard::into_inner(before);
        }
    }
}

impl<R: Rows> World<R> {
    fn put(&mut self, key: usize, change: impl FnOnce(&mut Row) -> bool) -> bool {
        self.rows.row_mut(key).is_some_and(|row| change(Arc::make_mut(row)))
    }
}

impl<R: Rows> Worker for &Swapped<R> {
    fn read(&mut self, key: usize) -> Seen {
        self.0.load().rows.row(key).map_or(Seen { quantity: 0, fills: 0 }, |row| row.seen())
    }

    fn tick(&mut self, key: usize, price: Price, time: Timestamp) {
        self.change(|world| {
            world.put(key, |row| {
                row.tick(price, time);
                true
            })
        });
    }

    fn fill(&mut self, key: usize, fill: Fill) -> bool {
        self.change(|world| {
            let booked = world.put(key, |row| row.fold(&fill));
            world.fills += u64::from(booked);
            booked
        })
    }

    fn batch(&mut self, stop: Price) -> bool {
        self.change(|world| {
            let moved = world.rows.rows_mut().map(|row| Arc::make_mut(row).retarget(stop));
            moved.filter(|moved| !moved).count() == 0
        })
    }

    fn take(&mut self) {
        std::hint::black_box(self.0.load_full());
    }

    fn sweep(&mut self) -> Picture {
        let world = self.0.load_full();
        Picture { counted: Some(world.fills), summed: world.rows.rows().map(|row| row.fills).sum() }
    }
}
