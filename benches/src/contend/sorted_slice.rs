//! References in a slice, in the order of dense keys: every write copies the slice.

use std::sync::Arc;

use super::Row;
use super::swapped::{Rows, Swapped};

/// The slice in its cell.
pub type SortedSlice = Swapped<Slice>;

/// Keys are dense: a key is its place.
#[derive(Debug, Clone)]
pub struct Slice(Vec<Arc<Row>>);

impl FromIterator<(usize, Arc<Row>)> for Slice {
    fn from_iter<I: IntoIterator<Item = (usize, Arc<Row>)>>(rows: I) -> Self {
        Self(rows.into_iter().map(|(_, row)| row).collect())
    }
}

impl Rows for Slice {
    const NAME: &'static str = "ArcSwap, slice";

    fn row(&self, key: usize) -> Option<&Arc<Row>> {
        self.0.get(key)
    }

    fn row_mut(&mut self, key: usize) -> Option<&mut Arc<Row>> {
        self.0.get_mut(key)
    }

    fn rows(&self) -> impl Iterator<Item = &Arc<Row>> {
        self.0.iter()
    }

    fn rows_mut(&mut self) -> impl Iterator<Item = &mut Arc<Row>> {
        self.0.iter_mut()
    }
}
