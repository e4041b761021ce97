//! Holds nothing and does nothing: what is left of a figure is the harness. Not in the tables; its cost is printed above them.

use posbook::{Fill, Price, Timestamp};

use super::{Can, Contender, Picture, Seen, Start, Worker};

/// The empty contender. Only reads of it pass the audit.
#[derive(Debug)]
pub struct Nothing;

impl Contender for Nothing {
    const NAME: &'static str = "nothing";
    const CAN: Can = Can { picture: false, batch: false, record: false };
    type Worker<'a> = &'a Self;

    fn new(_: &Start) -> Self {
        Self
    }

    fn worker(&self) -> &Self {
        self
    }
}

impl Worker for &Nothing {
    fn read(&mut self, _: usize) -> Seen {
        Seen { quantity: 10_000, fills: 1 }
    }

    fn tick(&mut self, _: usize, _: Price, _: Timestamp) {}

    fn fill(&mut self, _: usize, _: Fill) -> bool {
        false
    }

    fn batch(&mut self, _: Price) -> bool {
        true
    }

    fn take(&mut self) {}

    fn sweep(&mut self) -> Picture {
        Picture { counted: None, summed: 0 }
    }
}
