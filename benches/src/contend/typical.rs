//! What most bots have: symbols as strings, the standard hasher, one mutex.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use posbook::{Fill, Price, Timestamp};

use super::{Can, Contender, Picture, Row, Seen, Start, Worker};

/// `Mutex<HashMap<String, _>>`.
#[derive(Debug)]
pub struct Typical {
    rows: Mutex<HashMap<String, Row>>,
    symbols: Vec<String>,
}

impl Typical {
    fn rows(&self) -> MutexGuard<'_, HashMap<String, Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contender for Typical {
    const NAME: &'static str = "typical bot";
    const CAN: Can = Can { picture: true, batch: true, record: false };
    type Worker<'a> = &'a Self;

    fn new(start: &Start) -> Self {
        let symbols: Vec<_> = (0..start.rows.len()).map(Start::symbol).collect();
        let rows = Mutex::new(symbols.iter().cloned().zip(start.rows.iter().cloned()).collect());
        Self { rows, symbols }
    }

    fn worker(&self) -> &Self {
        self
    }
}

impl Worker for &Typical {
    fn read(&mut self, key: usize) -> Seen {
        self.rows().get(&self.symbols[key]).map_or(Seen { quantity: 0, fills: 0 }, Row::seen)
    }

    fn tick(&mut self, key: usize, price: Price, time: Timestamp) {
        if let Some(row) = self.rows().get_mut(&self.symbols[key]) {
            row.tick(price, time);
        }
    }

    fn fill(&mut self, key: usize, fill: Fill) -> bool {
        self.rows().get_mut(&self.symbols[key]).is_some_and(|row| row.fold(&fill))
    }

    fn batch(&mut self, stop: Price) -> bool {
        self.rows().values_mut().map(|row| row.retarget(stop)).filter(|moved| !moved).count() == 0
    }

    fn take(&mut self) {
        std::hint::black_box(self.rows().clone());
    }

    fn sweep(&mut self) -> Picture {
        Picture { counted: None, summed: self.rows().values().map(|row| row.fills).sum() }
    }
}
