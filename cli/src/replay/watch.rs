//! The witness: a subscriber that folds every change into a second book and checks that none is missing.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use posbook::{Book, Changes, Kind, Replica, Snapshot};

/// What the witness saw.
#[derive(Debug, Clone, Default)]
pub struct Witness {
    pub changes: u64,
    /// Changes by kind, in the words of the audit trail.
    pub in_doubt_seen: u64,
    pub fills_booked: u64,
    /// Every sequence came once, in order, and nothing was older than the window.
    pub gapless: bool,
    /// What the fold of all changes looks like.
    pub digest: u128,
    /// A change that the fold refused, if one was.
    pub refused: Option<String>,
}

/// Where the witness stops: the sequence of the last change, once it is known.
#[derive(Default)]
pub struct Until(AtomicU64);

impl Until {
    pub fn reach(&self, sequence: u64) {
        // 0 means "not known yet"; an empty run is over at once.
        self.0.store(sequence.saturating_add(1), SeqCst);
    }

    /// Whether somebody who has come this far is done.
    pub fn is_reached(&self, last: u64) -> bool {
        let stop = self.0.load(SeqCst);
        stop > 0 && last + 1 >= stop
    }
}

pub struct Watch {
    replica: Replica,
    changes: Changes,
}

impl Watch {
    /// From the first change of this run on.
    pub fn new(begins: &Snapshot, book: &Book) -> Self {
        Self { replica: begins.replica(), changes: book.changes_after(begins.sequence()) }
    }

    pub fn run(mut self, until: &Until) -> Witness {
        let mut seen = Witness { gapless: true, ..Witness::default() };
        let mut last = self.changes.position().0;
        loop {
            if until.is_reached(last) {
                break;
            }
            let publication = match self.changes.next_within(Duration::from_millis(20)) {
                None => continue,
                Some(Ok(publication)) => publication,
                Some(Err(lagged)) => {
                    seen.gapless = false;
                    seen.refused.get_or_insert_with(|| lagged.to_string());
                    last = self.changes.position().0;
                    continue;
                }
            };
            for change in publication.iter() {
                seen.gapless &= change.sequence.0 == last + 1;
                last = change.sequence.0;
                seen.changes += 1;
                match change.kind() {
                    Kind::InDoubt => seen.in_doubt_seen += 1,
                    Kind::Opened | Kind::ScaledIn | Kind::ScaledOut | Kind::Closed
                        if change.sequence == change.unit.first =>
                    {
                        seen.fills_booked += 1;
                    }
                    _ => {}
                }
                if let Err(refused) = self.replica.apply(change) {
                    seen.refused.get_or_insert_with(|| refused.to_string());
                }
            }
        }
        seen.digest = self.replica.digest();
        seen
    }
}
