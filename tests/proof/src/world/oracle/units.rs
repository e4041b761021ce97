//! Units: what belongs together is published and handed out together, or not at all (R14).

use posbook::{Publication, Sequence};

use super::{Oracle, Wrong};

/// A batch of orders that a strategy has submitted.
#[derive(Debug, Clone, Copy)]
pub(in crate::world) struct Batch {
    /// The book's sequence before it, and after.
    pub(in crate::world) before: Sequence,
    pub(in crate::world) after: Sequence,
    /// Its orders. `None`: it was refused.
    pub(in crate::world) orders: Option<usize>,
}

impl Oracle {
    /// The feed hands out one unit at a time, whole.
    pub(super) fn unit(&mut self, publication: &Publication) -> Result<(), Wrong> {
        let whole = publication.iter().all(|change| {
            (change.unit.first, change.unit.last()) == (publication.first(), publication.last())
        });
        if !whole {
            return Err(format!("the feed cuts a unit at {} (R14)", publication.last()));
        }
        self.units.insert(publication.first(), publication.last());
        Ok(())
    }

    /// Both legs of a pair or none.
    pub(in crate::world) fn batch(&self, batch: Batch) -> Result<(), Wrong> {
        let Batch { before, after, orders } = batch;
        let Some(orders) = orders else {
            return match after.0 - before.0 {
                0 => Ok(()),
                some => Err(format!("a pair was refused, and {some} of it was published (R14)")),
            };
        };
        let one_unit = self.units.get(&Sequence(before.0 + 1)) == Some(&after);
        if one_unit && after.0 - before.0 == 2 && orders == 2 {
            return Ok(());
        }
        Err(format!(
            "of a pair {orders} orders came from the changes {before} to {after}, not one unit (R14)"
        ))
    }
}
