//! Market time that waits for those who trade in it.
//!
//! Every agent names the market time of its next turn. The market runs no further than a little beyond the earliest of
//! them, so at full speed strategies still decide every so many milliseconds *of the market*, and within that little
//! the threads run freely against each other. An agent that waits for the venue holds nothing up: the venue answers in
//! market time.

use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How far, in nanoseconds, the market may run beyond the earliest turn.
const SLACK: i64 = 50_000_000;

/// A gap between two ticks that is longer than this, in nanoseconds, is not lived through turn by turn.
const JUMP: i64 = 2_000_000_000;

pub struct Pace {
    /// The market's time.
    now: AtomicI64,
    /// How far the market may go.
    gate: AtomicI64,
    /// When the next sleeping agent is due.
    next_wake: AtomicI64,
    turns: Mutex<Turns>,
    agents: Condvar,
    market: Condvar,
}

struct Turns {
    /// The next turn of each agent; `i64::MAX` while it waits for the venue, or has left.
    next: Vec<i64>,
    /// Those that sleep until their turn.
    asleep: Vec<bool>,
    over: bool,
}

impl Turns {
    fn earliest(&self) -> i64 {
        self.next.iter().copied().min().unwrap_or(i64::MAX)
    }

    fn next_wake(&self) -> i64 {
        let asleep = self.next.iter().zip(&self.asleep).filter(|(_, asleep)| **asleep);
        asleep.map(|(turn, _)| *turn).min().unwrap_or(i64::MAX)
    }
}

impl Pace {
    pub fn new(begins: i64, agents: usize) -> Self {
        Self {
            now: AtomicI64::new(begins),
            gate: AtomicI64::new(begins.saturating_add(SLACK)),
            next_wake: AtomicI64::new(i64::MAX),
            turns: Mutex::new(Turns { next: vec![begins; agents], asleep: vec![false; agents], over: false }),
            agents: Condvar::new(),
            market: Condvar::new(),
        }
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The market wants to go to `time`: waits until every agent has had its turn up to there.
    pub fn market_goes_to(&self, time: i64) {
        if time > self.gate.load(SeqCst) {
            let mut turns = self.turns();
            loop {
                let earliest = turns.earliest();
                if time <= earliest.saturating_add(SLACK) {
                    break;
                }
                // Time passes in a gap between two ticks too: whoever is due in it has its turn.
                // A long gap is jumped over: everybody is due at its end, once.
                let at =
                    if time.saturating_sub(earliest) > JUMP { time.saturating_sub(SLACK) } else { earliest };
                self.now.fetch_max(at, SeqCst);
                self.agents.notify_all();
                turns = self.market.wait(turns).unwrap_or_else(PoisonError::into_inner);
            }
            self.gate.store(turns.earliest().saturating_add(SLACK), SeqCst);
        }
        self.now.store(time, SeqCst);
        if time >= self.next_wake.load(SeqCst) {
            // Taken, so that nobody is between looking at the time and going to sleep.
            drop(self.turns());
            self.agents.notify_all();
        }
    }

    /// The market is over: everybody wakes and leaves.
    pub fn market_is_over(&self) {
        self.turns().over = true;
        self.agents.notify_all();
    }

    /// Waits for an agent's turn at `time`. `false`: the market is over.
    pub fn my_turn(&self, agent: usize, time: i64) -> bool {
        let mut turns = self.turns();
        self.set(&mut turns, agent, time, true);
        while !turns.over && self.now.load(SeqCst) < time {
            turns = self.agents.wait(turns).unwrap_or_else(PoisonError::into_inner);
        }
        let goes_on = !turns.over;
        self.set(&mut turns, agent, time, false);
        goes_on
    }

    /// Does something that waits for the venue; the market goes on meanwhile.
    pub fn away<R>(&self, agent: usize, work: impl FnOnce() -> R) -> R {
        self.set(&mut self.turns(), agent, i64::MAX, false);
        let result = work();
        let back = self.now.load(SeqCst);
        self.set(&mut self.turns(), agent, back, false);
        result
    }

    /// An agent leaves and holds nothing up any more.
    pub fn leave(&self, agent: usize) {
        self.set(&mut self.turns(), agent, i64::MAX, false);
    }

    fn set(&self, turns: &mut Turns, agent: usize, time: i64, asleep: bool) {
        if let (Some(next), Some(sleeps)) = (turns.next.get_mut(agent), turns.asleep.get_mut(agent)) {
            (*next, *sleeps) = (time, asleep);
        }
        self.next_wake.store(turns.next_wake(), SeqCst);
        self.gate.store(turns.earliest().saturating_add(SLACK), SeqCst);
        self.market.notify_one();
    }

    pub fn now(&self) -> i64 {
        self.now.load(SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_market_waits_for_the_earliest_turn_and_not_for_those_who_are_away() {
        let pace = Pace::new(0, 2);
        std::thread::scope(|scope| {
            for agent in 0..2 {
                let pace = &pace;
                scope.spawn(move || {
                    let mut turn = 0;
                    while pace.my_turn(agent, turn) {
                        let late = pace.now() - turn;
                        assert!(late <= SLACK || late > JUMP / 2, "the market ran away from agent {agent}");
                        pace.away(agent, std::thread::yield_now);
                        turn = pace.now() + 100_000_000;
                    }
                    pace.leave(agent);
                });
            }
            for time in (0..2_000_000_000).step_by(1_000_000) {
                pace.market_goes_to(time);
            }
            // A gap between two ticks, longer than any turn.
            pace.market_goes_to(60_000_000_000);
            pace.market_is_over();
        });
    }
}
