//! Where what has found no place waits: as many as there are, the oldest in front.
//!
//! The whole bag is taken out by a swap, changed, and put back. Who finds another bag there meanwhile pours the two together
//! and tries again: nothing is lost, nobody waits, and who looks while it is out finds nothing this time.
#![allow(
    clippy::disallowed_types,
    reason = "named by the seam, which is where they come from; clippy sees through the re-export"
)]

use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;

use crate::sync::{AtomicCell, Counter, fault};

pub(super) struct Bag<T> {
    /// Behind one pointer: what is longer than a word is not swapped without a lock.
    all: AtomicCell<Option<Box<Held<T>>>>,
    /// How many are in it. A hint: whether it is worth a look.
    count: Counter,
}

struct Held<T>(VecDeque<T>);

impl<T> Bag<T> {
    pub(super) fn new() -> Self {
        Self { all: AtomicCell::empty(), count: Counter::new(0) }
    }

    /// Adds one behind the others.
    pub(super) fn put(&self, item: T) {
        let mut bag = self.all.swap(None).unwrap_or_else(|| Box::new(Held(VecDeque::new())));
        bag.0.push_back(item);
        self.count.fetch_add(1, Relaxed);
        self.put_back(bag);
    }

    /// Takes out the one that has waited longest. `None`: there is none, or somebody else has the bag.
    pub(super) fn take(&self) -> Option<T> {
        if self.count.load(Relaxed) == 0 {
            return None;
        }
        let mut bag = self.all.swap(None)?;
        let item = bag.0.pop_front();
        if item.is_some() {
            self.count.fetch_sub(1, Relaxed);
        }
        if !bag.0.is_empty() {
            self.put_back(bag);
        }
        item
    }

    fn put_back(&self, mut bag: Box<Held<T>>) {
        while let Some(mut other) = self.all.swap(Some(bag)) {
            if fault("bag_lost") {
                return;
            }
            if let Some(mut mine) = self.all.swap(None) {
                other.0.append(&mut mine.0);
            }
            bag = other;
        }
    }

    /// How many wait, once nobody else touches them: for the models.
    #[cfg(posbook_recycling)]
    pub(super) fn idle(&self) -> u64 {
        let bag = self.all.swap(None);
        let count = bag.as_ref().map_or(0, |bag| bag.0.len()) as u64;
        drop(self.all.swap(bag));
        count
    }
}
