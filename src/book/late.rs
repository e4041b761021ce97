//! What has left the feed's window and is not on the disk yet: kept in the root, so that the journal never finds a gap.
//!
//! A queue of the window's chunks, oldest first, in two layers, so that a journal that is a million publications behind
//! costs a write no more than one that keeps up: blocks of chunks that are full are shared, the newest chunks are copied.
#![cfg_attr(not(feature = "journal"), allow(dead_code, reason = "only a journal reads it"))]

use crate::model::{Publication, Sequence};
use crate::sync::Arc;

/// A chunk of the window.
type Chunk = Arc<[Publication]>;

/// Chunks in a block.
const BLOCK: usize = 64;

#[derive(Debug, Clone)]
pub(crate) struct Late {
    blocks: Arc<[Arc<[Chunk]>]>,
    newest: Arc<[Chunk]>,
}

fn is_over(chunk: Option<&Chunk>, durable: Sequence) -> bool {
    chunk.and_then(|chunk| chunk.last()).is_none_or(|publication| publication.last() <= durable)
}

impl Late {
    pub(crate) fn new() -> Self {
        Self { blocks: Arc::new([]), newest: Arc::new([]) }
    }

    /// Takes what the window lets go, and lets go what is durable.
    pub(crate) fn keep(&mut self, gone: Vec<Chunk>, durable: Sequence) {
        // A window lets one chunk go in sixteen writes.
        if gone.is_empty() {
            return;
        }
        let over = self.blocks.iter().take_while(|block| is_over(block.last(), durable)).count();
        if over > 0 {
            self.blocks = self.blocks.iter().skip(over).cloned().collect();
        }
        // Only what is behind a block that is over can be over itself.
        let kept = self.newest.iter().chain(&gone).filter(|chunk| !is_over(Some(chunk), durable));
        let newest: Arc<[Chunk]> = kept.cloned().collect();
        if newest.len() < BLOCK {
            self.newest = newest;
        } else {
            self.blocks = self.blocks.iter().cloned().chain([newest]).collect();
            self.newest = Arc::new([]);
        }
    }

    /// Every chunk that has something after this sequence, oldest first.
    pub(crate) fn after(&self, last: Sequence) -> impl Iterator<Item = &[Publication]> {
        let blocks = self.blocks.iter().filter(move |block| !is_over(block.last(), last));
        let chunks = blocks.flat_map(|block| block.iter()).chain(self.newest.iter());
        chunks.filter(move |chunk| !is_over(Some(chunk), last)).map(|chunk| &**chunk)
    }

    /// Becomes equal to another.
    pub(crate) fn follow(&mut self, other: &Self) {
        if !Arc::ptr_eq(&self.blocks, &other.blocks) {
            self.blocks = Arc::clone(&other.blocks);
        }
        if !Arc::ptr_eq(&self.newest, &other.newest) {
            self.newest = Arc::clone(&other.newest);
        }
    }
}

#[cfg(all(test, not(any(posbook_loom, posbook_shuttle))))]
mod tests {
    use super::*;
    use crate::{Book, Instrument};

    #[test]
    fn what_is_not_durable_is_kept_whole_and_in_order_and_nothing_else_for_long() {
        let count = 4_096;
        let book = Book::builder().instruments(count).window(count).build().unwrap();
        for n in 0..count {
            book.register(Instrument::linear(&format!("C{n}/USDT:USDT"), "0.1", "1").unwrap()).unwrap();
        }
        let all: Vec<_> = book.changes_after(Sequence(0)).take(count).map(Result::unwrap).collect();
        let chunks: Vec<Chunk> = all.chunks(16).map(Arc::from).collect();
        let (mut late, mut durable) = (Late::new(), 0_u64);
        for (n, chunk) in chunks.iter().enumerate() {
            // A disk that stands still for long, then catches up.
            if n % 100 == 99 {
                durable = (n as u64) * 16 - 40;
            }
            late.keep(vec![Arc::clone(chunk)], Sequence(durable));
            let kept: Vec<u64> = late
                .after(Sequence(durable))
                .flatten()
                .map(|p| p.last().0)
                .filter(|s| *s > durable)
                .collect();
            let wanted: Vec<u64> = (durable + 1..=(n as u64 + 1) * 16).collect();
            assert_eq!(kept, wanted, "after chunk {n}, durable up to {durable}");
        }
        late.keep(vec![Arc::clone(&chunks[0])], Sequence(u64::MAX));
        assert_eq!(late.after(Sequence(0)).count(), 0);
    }
}
