//! Real threads run random programs, recorded.

use std::sync::Barrier;
use std::thread;

use posbook_proof::history::{History, Recording};
use posbook_proof::program::{Dice, Stage, Trader, Trouble, Words, quiesce};
use posbook_proof::recorder::Recorder;

/// How a run is made.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    pub seed: u64,
    pub threads: u32,
    pub keys: usize,
    /// Of each thread.
    pub steps: usize,
    pub trouble: Trouble,
    pub words: Words,
}

impl Run {
    /// Lets the threads do their steps, and brings the book to rest if all words are used.
    pub fn go(self) -> (Stage, History) {
        let stage = Stage::new(self.keys, 1 << 20).unwrap();
        let recording = Recording::begin(&stage.book).unwrap();
        let start = Barrier::new(self.threads as usize);
        let mut recorders: Vec<Recorder> = thread::scope(|scope| {
            let running: Vec<_> = (0..self.threads)
                .map(|n| {
                    let (stage, start) = (&stage, &start);
                    let rec = recording.recorder(n);
                    let mut rec = if self.words == Words::Few { rec.keep_views() } else { rec };
                    scope.spawn(move || {
                        let dice = Dice::new(self.seed, 0, n.into());
                        let mut trader = Trader::new(stage, dice, n, self.trouble, self.words);
                        start.wait();
                        for _ in 0..self.steps {
                            trader.step(&stage.book, &mut rec);
                        }
                        trader.retire(&mut rec);
                        rec
                    })
                })
                .collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        if self.words == Words::All {
            let mut last = recording.recorder(self.threads);
            quiesce(&stage.book, &stage.desk, &mut last).unwrap_or_else(|wrong| panic!("{self:?}: {wrong}"));
            recorders.push(last);
        }
        let history = recording.end(&stage.book, recorders).unwrap();
        (stage, history)
    }

    /// The same traders by turns in one thread: the same history each time.
    pub fn by_turns(self) -> History {
        let stage = Stage::new(self.keys, 1 << 20).unwrap();
        let recording = Recording::begin(&stage.book).unwrap();
        let mut all: Vec<(Trader, Recorder)> = (0..self.threads)
            .map(|n| {
                let dice = Dice::new(self.seed, 0, n.into());
                (Trader::new(&stage, dice, n, self.trouble, self.words), recording.recorder(n))
            })
            .collect();
        for _ in 0..self.steps {
            for (trader, rec) in &mut all {
                trader.step(&stage.book, rec);
            }
        }
        let recorders = all.into_iter().map(|(trader, mut rec)| {
            trader.retire(&mut rec);
            rec
        });
        let mut recorders: Vec<Recorder> = recorders.collect();
        let mut last = recording.recorder(self.threads);
        quiesce(&stage.book, &stage.desk, &mut last).unwrap();
        recorders.push(last);
        recording.end(&stage.book, recorders).unwrap()
    }
}
