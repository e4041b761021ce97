//! One round: a fresh book, threads that run their programs over it, a watcher beside them, and the trial of what was
//! recorded.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;

use posbook::Book;
use posbook_proof::conservation::conserved;
use posbook_proof::history::{Event, History, Recording};
use posbook_proof::naive::State;
use posbook_proof::program::{Dice, Stage, Trader, Trouble, Words, quiesce};
use posbook_proof::recorder::Recorder;
use posbook_proof::search::{LONGEST, Stuck, explain};
use posbook_proof::shrink::shrink;
use posbook_proof::translate::calls;
use posbook_proof::witness;
use serde::Serialize;

use super::report::Tally;
use super::until::Until;
use super::watch::Watch;
use crate::Failure;

/// What a round does.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    pub seed: u64,
    pub number: u64,
    pub threads: u32,
    pub positions: usize,
    /// Of all threads together.
    pub steps: usize,
    pub trouble: Trouble,
    pub words: Words,
    /// One picture in so many is fingerprinted.
    pub digest_every: u64,
}

/// A violation, and what shows it.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// In which round.
    pub round: u64,
    /// Who found it.
    pub by: &'static str,
    /// What is broken, in words.
    pub what: String,
    /// How many calls the shortest failing beginning has.
    pub calls: usize,
    /// The calls to read.
    pub history: Vec<String>,
}

/// The threads wait for the gate, so that all begin at once.
const SHUT: u32 = 0;
const OPEN: u32 = 1;
const CALLED_OFF: u32 = 2;

impl Round {
    /// Runs and tries it; what it has recorded by then, if it is over before. `None`: nothing was found.
    pub fn run(&self, until: &Until, tally: &mut Tally) -> Result<Option<Finding>, Failure> {
        // Everything that is published stays in the feed: at most one unit of a few changes a call.
        let stage = Stage::new(self.positions, self.steps * 8 + 1_024)
            .map_err(|wrong| Failure::Input(format!("{} instruments: {wrong}", self.positions)))?;
        let found = |by, what: String| Ok(Some(self.finding(by, what)));
        let recording = match Recording::begin(&stage.book) {
            Ok(recording) => recording,
            Err(wrong) => return found("the feed", wrong.to_string()),
        };
        let (mut recorders, seen) = match self.trade(&stage, &recording, until)? {
            Ok(done) => done,
            Err(panicked) => return found("a thread", panicked),
        };
        let mut last = recording.recorder(self.threads);
        let quiet = match self.words {
            Words::All => quiesce(&stage.book, &stage.desk, &mut last),
            Words::Few => Ok(()),
        };
        recorders.push(last);
        let history = match recording.end(&stage.book, recorders) {
            Ok(history) => history,
            Err(wrong) => return found("the feed", wrong.to_string()),
        };
        // A trial of nothing is always won.
        if history.events.is_empty() && !until.over() {
            return found("the recording", "no call was recorded".to_owned());
        }
        tally.round(self.words, &history, &stage.book);
        // The witness first: it can say which calls show it.
        match witness::check(&history) {
            Ok(checked) => tally.checked(checked),
            Err(violation) => return Ok(Some(self.shown(&history, &violation.to_string()))),
        }
        if let Some(what) = seen {
            return found("the watcher", what);
        }
        if let Err(wrong) = quiet {
            return found("the end", wrong.to_string());
        }
        if self.words == Words::All {
            match conserved(&history, &stage.book.snapshot()) {
                Ok(fills) => tally.fills += fills,
                Err(wrong) => return found("the count of fills (I9, I11)", wrong),
            }
        }
        let foreign = stage.book.health().foreign_loads;
        if foreign > 0 {
            return found("the root cell (I13)", format!("{foreign} loads were of another book"));
        }
        if self.words == Words::Few { Ok(self.search(&history, tally)) } else { Ok(None) }
    }

    /// Runs the programs. The inner result: the records and what the watcher saw, or that a thread panicked.
    #[allow(clippy::type_complexity)]
    fn trade(
        &self,
        stage: &Stage,
        recording: &Recording,
        until: &Until,
    ) -> Result<Result<(Vec<Recorder>, Option<String>), String>, Failure> {
        let (gate, over) = (AtomicU32::new(SHUT), AtomicU32::new(SHUT));
        let mut watch = Watch::new(&stage.book, self.trouble);
        thread::scope(|scope| {
            let mut running = Vec::new();
            let mut failed = None;
            for n in 0..self.threads {
                let (gate, rec) = (&gate, recording.recorder(n));
                let rec = rec.digest_every(self.digest_every);
                let rec = if self.words == Words::Few { rec.keep_views() } else { rec };
                let work = move || self.program(stage, n, gate, until, rec);
                match thread::Builder::new().spawn_scoped(scope, work) {
                    Ok(thread) => running.push(thread),
                    Err(wrong) => {
                        failed = Some(wrong);
                        break;
                    }
                }
            }
            let over = &over;
            let watching = thread::Builder::new().spawn_scoped(scope, move || {
                while over.load(SeqCst) == SHUT {
                    watch.look();
                    // It looks between the others; it is not one of them.
                    thread::sleep(std::time::Duration::from_millis(1));
                }
                watch.look();
                watch.found()
            });
            gate.store(if failed.is_some() || watching.is_err() { CALLED_OFF } else { OPEN }, SeqCst);
            let ended: Vec<_> = running.into_iter().map(thread::ScopedJoinHandle::join).collect();
            over.store(OPEN, SeqCst);
            let no_thread = |wrong: std::io::Error| {
                Failure::Environment(format!(
                    "a thread could not be started: {wrong}; try fewer with --threads"
                ))
            };
            if let Some(wrong) = failed {
                return Err(no_thread(wrong));
            }
            let seen = watching.map_err(no_thread)?.join();
            let panicked = |_| "a thread panicked; what it said is on stderr".to_owned();
            let recorders: Result<Vec<Recorder>, String> =
                ended.into_iter().map(|ended| ended.map_err(panicked)).collect();
            Ok(recorders.and_then(|recorders| Ok((recorders, seen.map_err(panicked)?))))
        })
    }

    /// One thread.
    fn program(&self, stage: &Stage, n: u32, gate: &AtomicU32, until: &Until, mut rec: Recorder) -> Recorder {
        let dice = Dice::new(self.seed, self.number, n.into());
        let mut trader = Trader::new(stage, dice, n, self.trouble, self.words);
        while gate.load(SeqCst) == SHUT {
            thread::yield_now();
        }
        if gate.load(SeqCst) == OPEN {
            for _ in (0..self.steps / self.threads as usize).take_while(|_| !until.over()) {
                trader.step(&stage.book, &mut rec);
            }
        }
        trader.retire(&mut rec);
        rec
    }

    /// Short histories are confirmed by the search, which believes no sequence.
    fn search(&self, history: &History, tally: &mut Tally) -> Option<Finding> {
        if history.events.len() > LONGEST {
            return None;
        }
        let calls = match calls(history) {
            Ok(calls) => calls,
            // The naive model knows every word of a short program: what it does not know should not have happened.
            Err(unknown) => {
                return Some(self.whole("the search", format!("it has no word for {}", unknown.0), history));
            }
        };
        match explain(&calls, State::flat(self.positions)) {
            Ok(_) => {
                tally.searched += 1;
                None
            }
            Err(Stuck::TooLong(_)) => None,
            Err(stuck @ Stuck::NoOrder { .. }) => Some(self.whole("the search", stuck.to_string(), history)),
        }
    }

    fn finding(&self, by: &'static str, what: String) -> Finding {
        Finding { round: self.number, by, what, calls: 0, history: Vec::new() }
    }

    fn whole(&self, by: &'static str, what: String, history: &History) -> Finding {
        let lines = history.events.iter().map(Event::to_string).collect();
        Finding { calls: history.events.len(), history: lines, ..self.finding(by, what) }
    }

    fn shown(&self, history: &History, violation: &str) -> Finding {
        match shrink(history) {
            Some(shrunk) => Finding {
                calls: shrunk.events,
                history: shrunk.lines,
                ..self.finding("the witness", shrunk.violation.to_string())
            },
            None => self.finding("the witness", violation.to_owned()),
        }
    }
}

/// Turns of the write loop that lost, so far.
pub fn lost_turns(book: &Book) -> u64 {
    book.health().lost_turns
}
