//! A lock-free map whose values are replaced, never changed.

use rustc_hash::FxBuildHasher;

use super::Row;
use super::sharded::{Sharded, Shards};

type Map = papaya::HashMap<usize, Row, FxBuildHasher>;

/// The contender.
pub type PapayaMap = Sharded<Map>;

impl Shards for Map {
    const NAME: &'static str = "papaya";

    fn add(&self, key: usize, row: Row) {
        self.pin().insert(key, row);
    }

    fn read<R>(&self, key: usize, read: impl FnOnce(&Row) -> R) -> Option<R> {
        self.pin().get(&key).map(read)
    }

    fn change(&self, key: usize, change: impl Fn(&mut Row) -> bool) -> bool {
        let done = std::cell::Cell::new(false);
        self.pin().update(key, |row| {
            let mut row = row.clone();
            done.set(change(&mut row));
            row
        });
        done.get()
    }

    fn change_all(&self, change: impl Fn(&mut Row) -> bool) -> bool {
        let keys: Vec<usize> = self.pin().keys().copied().collect();
        keys.into_iter().map(|key| self.change(key, &change)).filter(|done| !done).count() == 0
    }

    fn each(&self, visit: impl FnMut(&Row)) {
        self.pin().values().for_each(visit);
    }
}
