//! A std map: every write copies the whole of it (of counted references).

use std::collections::HashMap;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

use super::Row;
use super::swapped::{Rows, Swapped};

/// The map in its cell.
pub type CopyAll = Swapped<HashMap<usize, Arc<Row>, FxBuildHasher>>;

impl Rows for HashMap<usize, Arc<Row>, FxBuildHasher> {
    const NAME: &'static str = "ArcSwap, full copy";

    fn row(&self, key: usize) -> Option<&Arc<Row>> {
        self.get(&key)
    }

    fn row_mut(&mut self, key: usize) -> Option<&mut Arc<Row>> {
        self.get_mut(&key)
    }

    fn rows(&self) -> impl Iterator<Item = &Arc<Row>> {
        self.values()
    }

    fn rows_mut(&mut self) -> impl Iterator<Item = &mut Arc<Row>> {
        self.values_mut()
    }
}
