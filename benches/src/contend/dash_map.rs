//! A map in shards, each behind a lock.

use rustc_hash::FxBuildHasher;

use super::Row;
use super::sharded::{Sharded, Shards};

type Map = dashmap::DashMap<usize, Row, FxBuildHasher>;

/// The contender.
pub type DashMap = Sharded<Map>;

impl Shards for Map {
    const NAME: &'static str = "dashmap";

    fn add(&self, key: usize, row: Row) {
        self.insert(key, row);
    }

    fn read<R>(&self, key: usize, read: impl FnOnce(&Row) -> R) -> Option<R> {
        self.get(&key).map(|row| read(&row))
    }

    fn change(&self, key: usize, change: impl Fn(&mut Row) -> bool) -> bool {
        self.get_mut(&key).is_some_and(|mut row| change(&mut row))
    }

    fn change_all(&self, change: impl Fn(&mut Row) -> bool) -> bool {
        self.iter_mut().map(|mut row| change(&mut row)).filter(|done| !done).count() == 0
    }

    fn each(&self, mut visit: impl FnMut(&Row)) {
        self.iter().for_each(|row| visit(&row));
    }
}
