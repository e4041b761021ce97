//! Where something waits to be used again: a fixed array of cells that are only ever swapped, so that whatever is taken
//! out of one has one owner. Lock-free, and no order that could go wrong.
#![allow(
    clippy::disallowed_types,
    reason = "named by the seam, which is where they come from; clippy sees through the re-export"
)]

use std::sync::atomic::Ordering::Relaxed;

use crate::sync::{AtomicCell, Counter};

pub(super) struct Places<T> {
    cells: Box<[AtomicCell<Option<T>>]>,
    /// The place that was emptied last: where something is looked for and put away first. A hint, no more.
    vacant: Counter,
}

impl<T> Places<T> {
    pub(super) fn new(count: usize) -> Self {
        Self { cells: (0..count).map(|_| AtomicCell::empty()).collect(), vacant: Counter::new(0) }
    }

    /// Takes out one after another, each from its place; whoever has what he looked for stops, and says where it was.
    pub(super) fn drain(&self) -> impl Iterator<Item = (usize, T)> {
        self.by_vacancy().filter_map(|(n, cell)| Some((n, cell.swap(None)?)))
    }

    /// Puts what was drained back where it was; hands back what has found no place.
    pub(super) fn put_back(&self, place: usize, item: T) -> Option<T> {
        match self.cells.get(place) {
            Some(cell) => cell.swap(Some(item)).and_then(|other| self.put(other)),
            None => self.put(item),
        }
    }

    /// What was drained from this place is not coming back.
    pub(super) fn vacated(&self, place: usize) {
        self.vacant.store(place as u64, Relaxed);
    }

    /// Takes out what is at one place, counted round and round, and says where that is.
    pub(super) fn take_at(&self, count: u64) -> Option<(usize, T)> {
        let at = usize::try_from(count.checked_rem(self.cells.len() as u64)?).ok()?;
        Some((at, self.cells.get(at)?.swap(None)?))
    }

    /// Takes out what is at the first place that is not empty, from one that is counted round and round.
    pub(super) fn next_from(&self, count: u64) -> Option<T> {
        (0..self.cells.len() as u64).find_map(|n| self.take_at(count.wrapping_add(n))).map(|(_, item)| item)
    }

    /// Puts it away; hands back what has found no place.
    pub(super) fn put(&self, item: T) -> Option<T> {
        let mut homeless = item;
        for (_, cell) in self.by_vacancy() {
            homeless = cell.swap(Some(homeless))?;
        }
        Some(homeless)
    }

    /// Every place once, from the one that was emptied last.
    fn by_vacancy(&self) -> impl Iterator<Item = (usize, &AtomicCell<Option<T>>)> {
        let first = usize::try_from(self.vacant.load(Relaxed)).unwrap_or_default();
        let (before, after) = self.cells.split_at(first.min(self.cells.len()));
        after.iter().enumerate().map(move |(n, cell)| (first + n, cell)).chain(before.iter().enumerate())
    }

    /// How many wait, once nobody else touches them: for the models.
    #[cfg(posbook_recycling)]
    pub(super) fn idle(&self) -> u64 {
        let waits = |cell: &&AtomicCell<Option<T>>| {
            cell.swap(None).is_some_and(|item| cell.swap(Some(item)).is_none())
        };
        self.cells.iter().filter(waits).count() as u64
    }
}
