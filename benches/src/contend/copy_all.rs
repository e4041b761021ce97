//! A std map in an `ArcSwap`: every write copies the whole map (of counted references).

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use posbook::{Fill, Price, Timestamp};
use rustc_hash::FxBuildHasher;

use super::{Can, Contender, Picture, Row, Seen, Start, Worker};

type Rows = HashMap<usize, Arc<Row>, FxBuildHasher>;

#[derive(Debug, Clone)]
struct World {
    rows: Rows,
    fills: u64,
}

/// The cell.
#[derive(Debug)]
pub struct CopyAll(ArcSwap<World>);

impl Contender for CopyAll {
    const NAME: &'static str = "ArcSwap, full copy";
    const CAN: Can = Can { picture: true, batch: true, record: false };
    type Worker<'a> = &'a Self;

    fn new(start: &Start) -> Self {
        let rows = start.rows.iter().map(|row| Arc::new(row.clone())).enumerate().collect();
        let fills = start.rows.iter().map(|row| row.fills).sum();
        Self(ArcSwap::from_pointee(World { rows, fills }))
    }

    fn worker(&self) -> &Self {
        self
    }
}

impl CopyAll {
    /// The compare-and-swap loop, without a pause.
    fn change(&self, change: impl Fn(&mut World) -> bool) -> bool {
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

fn put(world: &mut World, key: usize, change: impl FnOnce(&mut Row) -> bool) -> bool {
    let Some(row) = world.rows.get_mut(&key) else { return false };
    change(Arc::make_mut(row))
}

fn fold(world: &mut World, key: usize, fill: &Fill) -> bool {
    let booked = put(world, key, |row| row.fold(fill));
    world.fills += u64::from(booked);
    booked
}

impl Worker for &CopyAll {
    fn read(&mut self, key: usize) -> Seen {
        self.0.load().rows.get(&key).map_or(Seen { quantity: 0, fills: 0 }, |row| row.seen())
    }

    fn tick(&mut self, key: usize, price: Price, time: Timestamp) {
        self.change(|world| {
            put(world, key, |row| {
                row.tick(price, time);
                true
            })
        });
    }

    fn fill(&mut self, key: usize, fill: Fill) -> bool {
        self.change(|world| fold(world, key, &fill))
    }

    fn batch(&mut self, stop: Price) -> bool {
        self.change(|world| {
            world
                .rows
                .values_mut()
                .map(|row| Arc::make_mut(row).retarget(stop))
                .filter(|moved| !moved)
                .count()
                == 0
        })
    }

    fn take(&mut self) {
        std::hint::black_box(self.0.load_full());
    }

    fn sweep(&mut self) -> Picture {
        let world = self.0.load_full();
        Picture { counted: Some(world.fills), summed: world.rows.values().map(|row| row.fills).sum() }
    }
}
