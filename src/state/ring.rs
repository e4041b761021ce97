//! The last so many of something, cheap to copy: a short tail that is copied with its owner, and frozen chunks that
//! are shared.
//!
//! Used for the feed's window, the fills already seen and the orders already finished. A persistent vector would do
//! too; this one copies at most 16 items a write and drops a whole chunk at a time.

use std::hash::{Hash, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::sync::Arc;

/// Items in a chunk, and the most that are in the tail.
const CHUNK: usize = 16;

/// What is looked for in a ring says where it may be.
pub(crate) trait Tagged {
    /// A number that equal items share and others seldom do.
    fn tag(&self) -> u64;
}

/// The bit of a tag among a chunk's.
fn bit(tag: u64) -> u128 {
    1 << (tag % 128)
}

/// A frozen chunk. A search passes over whole chunks without touching their memory: a fill that is new, as almost all are,
/// would otherwise read all that is remembered.
#[derive(Debug, PartialEq, Eq)]
struct Chunk<T> {
    items: Arc<[T]>,
    /// The bits of its items' tags: what has another bit is not in here.
    bits: u128,
}

impl<T> Clone for Chunk<T> {
    fn clone(&self) -> Self {
        Self { items: Arc::clone(&self.items), bits: self.bits }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ring<T> {
    tail: Vec<T>,
    frozen: Arc<[Chunk<T>]>,
    /// How many frozen chunks are kept.
    keep: usize,
}

impl<T: Clone> Clone for Ring<T> {
    /// A copy is made to be pushed to: its tail has room, so that the push allocates nothing. One that never held anything stays
    /// without memory.
    fn clone(&self) -> Self {
        let unused = self.tail.is_empty() && self.frozen.is_empty();
        let mut tail = Vec::with_capacity(if unused { 0 } else { CHUNK });
        tail.extend_from_slice(&self.tail);
        Self { tail, frozen: Arc::clone(&self.frozen), keep: self.keep }
    }

    /// Into the room that is there.
    fn clone_from(&mut self, other: &Self) {
        self.tail.clone_from(&other.tail);
        self.freeze_as(other);
    }
}

impl<T> Ring<T> {
    fn freeze_as(&mut self, other: &Self) {
        if !Arc::ptr_eq(&self.frozen, &other.frozen) {
            self.frozen = Arc::clone(&other.frozen);
        }
        self.keep = other.keep;
    }
}

impl<T: Clone + Tagged> Ring<T> {
    /// Keeps at least the last `capacity` items (at most `capacity` + 16).
    pub(crate) fn new(capacity: usize) -> Self {
        Self { tail: Vec::new(), frozen: Arc::new([]), keep: capacity.div_ceil(CHUNK).max(1) }
    }

    /// Adds the newest item; returns what had to go for it, if anything had to.
    pub(crate) fn push(&mut self, item: T) -> Vec<Arc<[T]>> {
        self.push_keeping(item, |_| false)
    }

    /// As `push`, but an oldest chunk that is still `needed` stays beyond the capacity, up to sixteen times of it.
    pub(crate) fn push_keeping(&mut self, item: T, needed: impl Fn(&[T]) -> bool) -> Vec<Arc<[T]>> {
        if self.tail.capacity() == 0 {
            self.tail.reserve_exact(CHUNK);
        }
        self.tail.push(item);
        if self.tail.len() < CHUNK {
            return Vec::new();
        }
        let bits = self.tail.iter().fold(0, |bits, item| bits | bit(item.tag()));
        let chunk = Chunk { items: self.tail.drain(..).collect(), bits };
        let over = (self.frozen.len() + 1).saturating_sub(self.keep);
        let goes = |(n, chunk): &(usize, &Chunk<T>)| {
            *n < over && (self.frozen.len() >= self.keep.saturating_mul(16) || !needed(&chunk.items))
        };
        let gone: Vec<Arc<[T]>> =
            self.frozen.iter().enumerate().take_while(goes).map(|(_, c)| Arc::clone(&c.items)).collect();
        self.frozen = self.frozen.iter().skip(gone.len()).cloned().chain([chunk]).collect();
        gone
    }

    /// Becomes equal to another, of which it may hold the beginning already: what is the same stays.
    pub(crate) fn follow(&mut self, other: &Self, same: impl Fn(&T, &T) -> bool) {
        let common = self.tail.iter().zip(&other.tail).take_while(|(mine, other)| same(mine, other)).count();
        self.tail.truncate(common);
        self.tail.extend_from_slice(other.tail.get(common..).unwrap_or_default());
        self.freeze_as(other);
    }

    /// The newest item.
    pub(crate) fn newest(&self) -> Option<&T> {
        self.newest_first().next()
    }

    /// The newest item with this tag of which this is true.
    pub(crate) fn find_newest(&self, tag: u64, is: impl Fn(&T) -> bool) -> Option<&T> {
        let (mine, bit) = (|item: &&T| is(item), bit(tag));
        let may_hold = |chunk: &&Chunk<T>| chunk.bits & bit != 0;
        let frozen = || self.frozen.iter().rev().filter(may_hold);
        self.tail
            .iter()
            .rev()
            .find(mine)
            .or_else(|| frozen().find_map(|chunk| chunk.items.iter().rev().find(mine)))
    }

    /// Every item, newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &T> {
        self.tail.iter().rev().chain(self.frozen.iter().rev().flat_map(|chunk| chunk.items.iter().rev()))
    }

    /// Every item, oldest first.
    pub(crate) fn oldest_first(&self) -> impl Iterator<Item = &T> {
        self.frozen.iter().flat_map(|chunk| chunk.items.iter()).chain(self.tail.iter())
    }

    /// The oldest item that is kept.
    pub(crate) fn oldest(&self) -> Option<&T> {
        self.frozen.first().and_then(|chunk| chunk.items.first()).or_else(|| self.tail.first())
    }

    /// The first item of which this is true, where it is true of all that are newer: two or three looks for who keeps up.
    pub(crate) fn first_that(&self, is: impl Fn(&T) -> bool) -> Option<&T> {
        let not = |item: &T| !is(item);
        if self.tail.first().is_some_and(not) {
            return self.tail.get(self.tail.partition_point(not));
        }
        let chunk = self.frozen.partition_point(|chunk| chunk.items.last().is_some_and(not));
        match self.frozen.get(chunk) {
            Some(chunk) => chunk.items.get(chunk.items.partition_point(not)),
            None => self.tail.first(),
        }
    }

    /// The chunks and the tail as slices, oldest first, for a reader that skips whole chunks.
    pub(crate) fn slices(&self) -> impl Iterator<Item = &[T]> {
        self.frozen.iter().map(|chunk| &*chunk.items).chain([self.tail.as_slice()])
    }
}

impl<T: Clone + Tagged + Hash> Hash for Ring<T> {
    /// By content: how it is cut into chunks is nobody's business.
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        for item in self.oldest_first() {
            item.hash(hasher);
        }
    }
}

/// How many chunks are kept, and every item, oldest first.
impl<T: Clone + Tagged + Serialize> Serialize for Ring<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.keep, self.oldest_first().collect::<Vec<_>>()).serialize(serializer)
    }
}

/// Cut as it was: the oldest item begins a chunk, whatever was kept beyond the capacity. What goes later goes as it would
/// have.
impl<'de, T: Clone + Tagged + Deserialize<'de>> Deserialize<'de> for Ring<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (keep, items) = <(usize, Vec<T>)>::deserialize(deserializer)?;
        let mut ring = Self { tail: Vec::with_capacity(CHUNK), frozen: Arc::new([]), keep: keep.max(1) };
        let whole = items.chunks_exact(CHUNK);
        ring.tail.extend_from_slice(whole.remainder());
        ring.frozen = whole
            .map(|items| Chunk {
                items: items.into(),
                bits: items.iter().fold(0, |bits, item| bits | bit(item.tag())),
            })
            .collect();
        Ok(ring)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Tagged for i32 {
        fn tag(&self) -> u64 {
            u64::from(self.unsigned_abs())
        }
    }

    #[test]
    fn keeps_the_last_and_hands_out_what_goes() {
        let mut ring = Ring::new(32);
        let mut gone = Vec::new();
        for n in 0..100 {
            gone.extend(ring.push(n).iter().flat_map(|chunk| chunk.iter().copied()));
        }
        let kept: Vec<_> = ring.oldest_first().copied().collect();
        assert_eq!(gone.iter().chain(&kept).copied().collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
        assert!(kept.len() >= 32 && kept.len() < 32 + CHUNK + 1);
        assert_eq!(ring.oldest(), kept.first());
        assert!(ring.newest_first().copied().eq(kept.iter().rev().copied()));
        assert_eq!(ring.slices().flatten().count(), kept.len());
    }

    #[test]
    fn what_is_kept_is_found_and_nothing_else() {
        let mut ring = Ring::new(64);
        for n in 0..1_000 {
            ring.push(n * 7);
            let kept: Vec<_> = ring.oldest_first().copied().collect();
            for item in 0..=(n * 7) {
                assert_eq!(
                    ring.find_newest(item.tag(), |other| *other == item).copied(),
                    kept.binary_search(&item).ok().map(|_| item)
                );
            }
            if n > 200 {
                break;
            }
        }
    }

    #[test]
    fn the_first_of_those_that_are_newer_is_found() {
        let mut ring = Ring::new(48);
        for n in 0..200 {
            for after in -1..=n {
                let expected = ring.oldest_first().find(|item| **item > after);
                assert_eq!(ring.first_that(|item| *item > after), expected);
            }
            ring.push(n);
        }
    }

    #[test]
    fn what_was_written_down_goes_on_as_it_would_have() {
        for items in 0..200 {
            let mut ring = Ring::new(32);
            (0..items).for_each(|n| drop(ring.push_keeping(n, |chunk| chunk.len() < items as usize / 3)));
            let bytes = postcard::to_stdvec(&ring).unwrap();
            let mut read: Ring<i32> = postcard::from_bytes(&bytes).unwrap();
            for n in items..items + 100 {
                assert_eq!(read, ring);
                assert_eq!(read.push(n), ring.push(n));
            }
        }
    }

    #[test]
    fn what_is_needed_stays_beyond_the_capacity_but_not_for_ever() {
        let mut ring = Ring::new(16);
        for n in 0..200 {
            assert!(ring.push_keeping(n, |_| true).is_empty());
        }
        assert_eq!(ring.oldest(), Some(&0));
        let gone = ring.push_keeping(200, |_| false).len();
        assert_eq!(gone, 0, "the tail was not full");
        for n in 201..10_000 {
            ring.push_keeping(n, |_| true);
        }
        assert!(ring.oldest_first().count() <= 16 * 16 + 2 * CHUNK);
    }
}
