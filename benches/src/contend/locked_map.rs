//! A hash map behind one lock: what differs is the lock, and whether each change leaves a record. Integers for keys and a
//! fast hasher, so this is a strong baseline; the map that most bots have is `typical.rs`.

use std::collections::HashMap;

use posbook::{Fill, Price, Timestamp};
use rustc_hash::FxBuildHasher;

use super::{Can, Contender, Picture, Recorded, Row, Seen, Start, Worker};

/// A lock around a value.
pub trait Lock<T>: Send + Sync {
    /// Its name in the report, bare and with a record of each change.
    const NAMES: [&'static str; 2];

    /// Around this.
    fn new(value: T) -> Self;

    /// Reads under the lock.
    fn read<R>(&self, read: impl FnOnce(&T) -> R) -> R;

    /// Writes under the lock.
    fn write<R>(&self, write: impl FnOnce(&mut T) -> R) -> R;
}

/// What the lock guards.
#[derive(Debug)]
pub struct Inside {
    rows: HashMap<usize, Row, FxBuildHasher>,
    /// Fills booked in all.
    fills: u64,
    recorded: Recorded,
}

/// A map behind the lock `L`; `RECORD`: each change leaves a record.
#[derive(Debug)]
pub struct LockedMap<L, const RECORD: bool>(L);

impl<L: Lock<Inside>, const RECORD: bool> Contender for LockedMap<L, RECORD> {
    const NAME: &'static str = L::NAMES[RECORD as usize];
    const CAN: Can = Can { picture: true, batch: true, record: RECORD };
    type Worker<'a>
        = &'a Self
    where
        Self: 'a;

    fn new(start: &Start) -> Self {
        let rows: HashMap<_, _, _> = start.rows.iter().cloned().enumerate().collect();
        let fills = start.rows.iter().map(|row| row.fills).sum();
        Self(L::new(Inside { rows, fills, recorded: Recorded::default() }))
    }

    fn worker(&self) -> &Self {
        self
    }

    fn sequences(&self) -> Vec<u64> {
        self.0.read(|inside| inside.recorded.sequences())
    }
}

impl<L: Lock<Inside>, const RECORD: bool> Worker for &LockedMap<L, RECORD> {
    fn read(&mut self, key: usize) -> Seen {
        self.0.read(|inside| inside.rows.get(&key).map_or(Seen { quantity: 0, fills: 0 }, Row::seen))
    }

    fn tick(&mut self, key: usize, price: Price, time: Timestamp) {
        self.0.write(|inside| {
            if let Some(row) = inside.rows.get_mut(&key) {
                row.tick(price, time);
            }
        });
    }

    fn fill(&mut self, key: usize, fill: Fill) -> bool {
        self.0.write(|inside| fold::<RECORD>(inside, key, &fill))
    }

    fn batch(&mut self, stop: Price) -> bool {
        self.0.write(|inside| {
            let Inside { rows, recorded, .. } = inside;
            let mut all = true;
            for (key, row) in rows.iter_mut() {
                let before = RECORD.then(|| row.clone());
                let moved = row.retarget(stop);
                if let Some(before) = before.filter(|_| moved) {
                    recorded.push(*key, before, row.clone());
                }
                all &= moved;
            }
            all
        })
    }

    fn take(&mut self) {
        std::hint::black_box(self.0.read(|inside| inside.rows.clone()));
    }

    fn sweep(&mut self) -> Picture {
        // The whole map is held while it is read: that is what a lock offers instead of a copy.
        self.0.read(|inside| Picture {
            counted: Some(inside.fills),
            summed: inside.rows.values().map(|row| row.fills).sum(),
        })
    }
}

fn fold<const RECORD: bool>(inside: &mut Inside, key: usize, fill: &Fill) -> bool {
    let Some(row) = inside.rows.get_mut(&key) else { return false };
    let before = RECORD.then(|| row.clone());
    let booked = row.fold(fill);
    if booked {
        inside.fills += 1;
        if let Some(before) = before {
            inside.recorded.push(key, before, row.clone());
        }
    }
    booked
}
