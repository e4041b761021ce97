//! A broken contender: it reads, computes, and writes back what it computed, each under the lock but not together. The
//! auditor must notice; if it does not, nothing that it passed means anything.

use std::sync::{Mutex, MutexGuard, PoisonError};

use posbook::{Fill, Price, Timestamp};

use super::{Can, Contender, Picture, Row, Seen, Start, Worker};

/// Check, then act.
#[derive(Debug)]
pub struct LostUpdate(Mutex<Vec<Row>>);

impl LostUpdate {
    fn rows(&self) -> MutexGuard<'_, Vec<Row>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contender for LostUpdate {
    const NAME: &'static str = "broken: check, then act";
    const CAN: Can = Can { picture: true, batch: false, record: false };
    type Worker<'a> = &'a Self;

    fn new(start: &Start) -> Self {
        Self(Mutex::new(start.rows.clone()))
    }

    fn worker(&self) -> &Self {
        self
    }
}

impl Worker for &LostUpdate {
    fn read(&mut self, key: usize) -> Seen {
        self.rows()[key].seen()
    }

    fn tick(&mut self, key: usize, price: Price, time: Timestamp) {
        self.rows()[key].tick(price, time);
    }

    fn fill(&mut self, key: usize, fill: Fill) -> bool {
        let mut row = self.rows()[key].clone();
        let booked = row.fold(&fill);
        // Long enough for the other thread to come between.
        std::thread::yield_now();
        self.rows()[key] = row;
        booked
    }

    fn batch(&mut self, stop: Price) -> bool {
        self.rows().iter_mut().map(|row| row.retarget(stop)).filter(|moved| !moved).count() == 0
    }

    fn take(&mut self) {
        std::hint::black_box(self.rows().clone());
    }

    fn sweep(&mut self) -> Picture {
        Picture { counted: None, summed: self.rows().iter().map(|row| row.fills).sum() }
    }
}
