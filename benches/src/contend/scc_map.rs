//! A map in buckets, each behind a lock of its own.

use rustc_hash::FxBuildHasher;

use super::Row;
use super::sharded::{Sharded, Shards};

type Map = scc::HashMap<usize, Row, FxBuildHasher>;

/// The contender.
pub type SccMap = Sharded<Map>;

impl Shards for Map {
    const NAME: &'static str = "scc";

    fn add(&self, key: usize, row: Row) {
        let _ = self.insert_sync(key, row);
    }

    fn read<R>(&self, key: usize, read: impl FnOnce(&Row) -> R) -> Option<R> {
        self.read_sync(&key, |_, row| read(row))
    }

    fn change(&self, key: usize, change: impl Fn(&mut Row) -> bool) -> bool {
        self.update_sync(&key, |_, row| change(row)).unwrap_or(false)
    }

    fn change_all(&self, change: impl Fn(&mut Row) -> bool) -> bool {
        let mut all = true;
        self.retain_sync(|_, row| {
            all &= change(row);
            true
        });
        all
    }

    fn each(&self, mut visit: impl FnMut(&Row)) {
        self.iter_sync(|_, row| {
            visit(row);
            true
        });
    }
}
