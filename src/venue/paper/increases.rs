//! Which increases were sent while an earlier one of the same place was unresolved: what a bot that retries too early
//! does, and a bot that keeps to the rules never.

use std::collections::BTreeMap;

use super::orders::Place;
use crate::model::ClientOrderId;

/// An increase, kept for ever.
#[derive(Default)]
struct Increase {
    /// Unresolved when it was sent, of the same place.
    earlier: Vec<ClientOrderId>,
    /// Sent before its own end, to the same place.
    later: Vec<ClientOrderId>,
    accepted: bool,
    /// Its place was taken twice by it.
    duplicate: bool,
}

/// Every increase that can arrive, or has.
///
/// Two that overlap are a duplicate once both were accepted, in whatever order they arrive. Before that nobody knows: the
/// earlier one may still be refused, or come too late and never be taken.
#[derive(Default)]
pub(super) struct Increases {
    all: BTreeMap<ClientOrderId, Increase>,
    /// Without an end.
    open: BTreeMap<Place, Vec<ClientOrderId>>,
}

impl Increases {
    /// One was sent, and may arrive.
    pub(super) fn sent(&mut self, id: ClientOrderId, place: Place) {
        let open = self.open.entry(place).or_default();
        for earlier in open.iter() {
            if let Some(earlier) = self.all.get_mut(earlier) {
                earlier.later.push(id);
            }
        }
        self.all.insert(id, Increase { earlier: open.clone(), ..Increase::default() });
        open.push(id);
    }

    /// One was accepted. How many are duplicates now that were not before.
    pub(super) fn accepted(&mut self, id: ClientOrderId) -> u64 {
        let Some(increase) = self.all.get_mut(&id) else { return 0 };
        increase.accepted = true;
        let (earlier, later) = (increase.earlier.clone(), increase.later.clone());
        let accepted = |id: &ClientOrderId| self.all.get(id).is_some_and(|other| other.accepted);
        let this = earlier.iter().any(accepted).then_some(id);
        let those: Vec<ClientOrderId> = later.into_iter().filter(accepted).chain(this).collect();
        let mut found = 0;
        for id in those {
            if let Some(increase) = self.all.get_mut(&id).filter(|increase| !increase.duplicate) {
                increase.duplicate = true;
                found += 1;
            }
        }
        found
    }

    /// One has ended, or will never arrive.
    pub(super) fn ended(&mut self, id: ClientOrderId, place: &Place) {
        if let Some(open) = self.open.get_mut(place) {
            open.retain(|other| *other != id);
        }
    }
}
