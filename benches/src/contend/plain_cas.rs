//! The card's design without any layer: a persistent map, of which every write copies its path.

use std::sync::Arc;

use rustc_hash::FxBuildHasher;

use super::Row;
use super::swapped::{Rows, Swapped};

/// The map in its cell.
pub type PlainCas = Swapped<im::GenericHashMap<usize, Arc<Row>, FxBuildHasher, im::shared_ptr::ArcK>>;

impl Rows for im::GenericHashMap<usize, Arc<Row>, FxBuildHasher, im::shared_ptr::ArcK> {
    const NAME: &'static str = "plain CAS loop";

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
        self.iter_mut().map(|(_, row)| row)
    }
}
