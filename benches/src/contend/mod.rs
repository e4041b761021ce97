//! The contenders: one file each, all asked for the same work.
//!
//! A contender keeps one position a key. It answers a read with quantity and count of fills, takes a tick, books a fill (it
//! checks what was handed in, moves quantity and cost, realises profit), moves every stop as one step if it can, and
//! takes a picture of everything. What one cannot do stands in [`Can`], and the report says so: a sharded map has no
//! picture of one moment, and only some keep a record of each change.
//!
//! posbook does more than is asked here: it recognises a fill that comes twice, keeps the ledger of each key and the sums of
//! the whole book, and numbers every change. That is its job, so it is not switched off.

mod copy_all;
mod dash_map;
mod locked_map;
mod lost_update;
mod nothing;
mod papaya_map;
mod parking_lot_mutex;
mod parking_lot_rwlock;
mod plain_cas;
mod posbook_book;
mod row;
mod scc_map;
mod sharded;
mod sorted_slice;
mod std_mutex;
mod std_rwlock;
mod swapped;
mod typical;

use posbook::{Fill, Price, Timestamp};

pub use copy_all::CopyAll;
pub use dash_map::DashMap;
pub use lost_update::LostUpdate;
pub use nothing::Nothing;
pub use papaya_map::PapayaMap;
pub use parking_lot_mutex::{ParkingLotMutex, ParkingLotMutexRecorded};
pub use parking_lot_rwlock::ParkingLotRwLock;
pub use plain_cas::PlainCas;
pub use posbook_book::{Posbook, PosbookCopying};
pub use row::{Record, Recorded, Row, Start};
pub use scc_map::SccMap;
pub use sorted_slice::SortedSlice;
pub use std_mutex::{StdMutex, StdMutexRecorded};
pub use std_rwlock::StdRwLock;
pub use typical::Typical;

/// What a contender can do besides holding positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Can {
    /// A picture of everything at one moment, with the count of changes that led to it.
    pub picture: bool,
    /// A batch that others see whole or not at all.
    pub batch: bool,
    /// A record of every change, the last thousand of them kept.
    pub record: bool,
}

/// One position as a reader sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Contracts; the workloads keep them whole numbers.
    pub quantity: i128,
    /// Fills that led there.
    pub fills: u64,
}

/// Everything at one moment, as far as a contender can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture {
    /// Fills booked in all, as the contender itself counts them. `None`: it has no such count.
    pub counted: Option<u64>,
    /// The same, summed over the positions in the picture.
    pub summed: u64,
}

/// A way to keep positions that threads share.
pub trait Contender: Send + Sync + Sized {
    /// Its name in the report.
    const NAME: &'static str;
    /// What it can do.
    const CAN: Can;
    /// One thread's way to it.
    type Worker<'a>: Worker
    where
        Self: 'a;

    /// With these positions open.
    fn new(start: &Start) -> Self;

    /// For one thread.
    fn worker(&self) -> Self::Worker<'_>;

    /// The sequences of the record that is kept, oldest first: for the auditor.
    fn sequences(&self) -> Vec<u64> {
        Vec::new()
    }
}

/// One thread's way to a contender. Keys are 0 to the number of positions.
pub trait Worker {
    /// Reads one position.
    fn read(&mut self, key: usize) -> Seen;

    /// Reads one position with nothing kept from before. Who keeps nothing has one way to read.
    fn get(&mut self, key: usize) -> Seen {
        self.read(key)
    }

    /// Notes a price and when it was received.
    fn tick(&mut self, key: usize, price: Price, time: Timestamp);

    /// Books a fill; false: it was not booked, and somebody has to look.
    fn fill(&mut self, key: usize, fill: Fill) -> bool;

    /// Moves the stop of every position up to this price, as one step where the contender can. False: one was refused.
    fn batch(&mut self, stop: Price) -> bool;

    /// Takes a picture and lets go of it.
    fn take(&mut self);

    /// Takes a picture and goes over every position in it.
    fn sweep(&mut self) -> Picture;
}
