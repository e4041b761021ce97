//! Fairness among writers: whoever lost a turn of the loop is let by.
//!
//! Bodies that are used again favour the writer that has just won: what it needs is in its cache, so it is ready again
//! before the other has seen that it lost. Left alone, one of two flat-out writers can have most of the turns. So losers are
//! counted, and who begins a new command while somebody is counted waits: about as long as a write takes, never for a
//! thread that sleeps. It is a hint and no protocol: nothing is decided by it, a wrong count costs a short wait, and the
//! loop is as lock-free as without it.
#![allow(
    clippy::disallowed_types,
    reason = "named by the seam, which is where they come from; clippy sees through the re-export"
)]

use std::sync::atomic::Ordering::Relaxed;

use crate::sync::{CachePadded, Counter, glance};

/// Looks at the count before a writer stops waiting, at a few dozen nanoseconds each: longer than a write takes whose data
/// is in another core's cache, and short enough not to matter much when the loser has been put to sleep. With a quarter of it
/// the winner is ready again before the loser is (`posbook bench --only fill-2-one-key,fill-2-two-keys`).
const LOOKS: u32 = 512;

/// How many writers have lost a turn and are still at it.
#[derive(Debug)]
pub(crate) struct Courtesy(CachePadded<Losers>);

#[derive(Debug)]
struct Losers {
    now: Counter,
    /// Turns that were lost since the book was made.
    turns: Counter,
    /// How many had been lost when somebody waited in vain: who has not lost another one since then sleeps, and is not waited
    /// for. Where threads are more than cores, every command would wait in full for a thread that has no core.
    in_vain: Counter,
}

impl Courtesy {
    pub(crate) fn new() -> Self {
        let [now, turns, in_vain] = [0; 3].map(Counter::new);
        Self(CachePadded::new(Losers { now, turns, in_vain }))
    }

    /// Before the first turn of a command: a short wait if somebody else has lost.
    pub(crate) fn give_way(&self) {
        if self.0.now.load(Relaxed) == 0 {
            return;
        }
        let turns = self.0.turns.load(Relaxed);
        if turns == self.0.in_vain.load(Relaxed) {
            return;
        }
        for _ in 0..LOOKS {
            if self.0.now.load(Relaxed) == 0 {
                return;
            }
            glance();
        }
        self.0.in_vain.store(turns, Relaxed);
    }

    /// After a lost turn: counted until it is dropped.
    pub(crate) fn lost(&self) -> Lost<'_> {
        self.0.now.fetch_add(1, Relaxed);
        let lost = Lost(self);
        lost.again();
        lost
    }
}

/// A writer that has lost a turn.
pub(crate) struct Lost<'a>(&'a Courtesy);

impl Lost<'_> {
    /// Another turn was lost.
    pub(crate) fn again(&self) {
        self.0.0.turns.fetch_add(1, Relaxed);
    }
}

impl Drop for Lost<'_> {
    fn drop(&mut self) {
        self.0.0.now.fetch_sub(1, Relaxed);
    }
}
