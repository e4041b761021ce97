//! What is known of one instrument: its keys, the fills already seen, the orders already finished, and the watermark.
//!
//! All of it in one value, so that a write touches one path of the map. The slot outlives its positions: flat means no
//! position, not no slot, or a late duplicate would open a new one (R3).

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::ring::{Ring, Tagged};
use super::{FILLS_REMEMBERED, FUNDINGS_REMEMBERED, ORDERS_REMEMBERED};
use crate::model::{
    ClientOrderId, FillSource, Funding, Instrument, InstrumentId, KeyState, OrderState, PositionKey,
    Publication, Quantity, Seen, Sequence, Timestamp,
};
use crate::sync::Arc;

#[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Slot {
    pub(crate) id: InstrumentId,
    pub(crate) instrument: Arc<Instrument>,
    /// Sorted by key; one in one-way mode with one owner.
    keys: SmallVec<[Arc<KeyState>; 1]>,
    seen: Ring<Seen>,
    finished: Ring<Finished>,
    funded: Ring<Funding>,
    /// The latest funding period that was forgotten: what is not after it may have been booked.
    pub(crate) funded_to: Option<u64>,
    /// The latest venue time that the ring has forgotten. A fill at or below it that is not in the ring may have been
    /// booked before: nobody can tell (R3).
    pub(crate) watermark: Option<Timestamp>,
    /// Whether the ring has forgotten anything.
    pub(crate) forgetful: bool,
    /// The latest venue time of a fill booked here (R8).
    pub(crate) last_fill: Option<Timestamp>,
    /// Whether any fill was booked without a venue time, or a position adopted or dropped: then no report can be proved
    /// newer by its time alone.
    pub(crate) untimed: bool,
    /// The last change on any of its keys that a report may be about (R8): not what only notes a mark.
    pub(crate) revision: Sequence,
}

/// An identity is a fingerprint: any of its bits will do.
fn tag_of(identity: u128) -> u64 {
    u64::try_from(identity & u128::from(u64::MAX)).unwrap_or_default()
}

impl Tagged for Seen {
    fn tag(&self) -> u64 {
        tag_of(self.identity)
    }
}

impl Tagged for Finished {
    fn tag(&self) -> u64 {
        self.order.sequence.0
    }
}

impl Tagged for Funding {
    fn tag(&self) -> u64 {
        self.period
    }
}

/// The feed's window is walked, never searched.
impl Tagged for Publication {
    fn tag(&self) -> u64 {
        0
    }
}

impl Clone for Slot {
    fn clone(&self) -> Self {
        Self {
            instrument: Arc::clone(&self.instrument),
            keys: self.keys.clone(),
            seen: self.seen.clone(),
            finished: self.finished.clone(),
            funded: self.funded.clone(),
            ..*self
        }
    }

    /// Into the memory that is there. What a body that follows costs is mostly this.
    fn clone_from(&mut self, other: &Self) {
        let Self { id, instrument, keys, seen, finished, funded, funded_to, .. } = self;
        let Self { watermark, forgetful, last_fill, untimed, revision, .. } = other;
        if !Arc::ptr_eq(instrument, &other.instrument) {
            *instrument = Arc::clone(&other.instrument);
        }
        match (keys.as_mut_slice(), other.keys.as_slice()) {
            // Almost every slot has one.
            ([mine], [theirs]) if Arc::ptr_eq(mine, theirs) => {}
            ([mine], [theirs]) => *mine = Arc::clone(theirs),
            _ => keys.clone_from(&other.keys),
        }
        seen.clone_from(&other.seen);
        finished.clone_from(&other.finished);
        funded.clone_from(&other.funded);
        (*id, *funded_to) = (other.id, other.funded_to);
        (self.watermark, self.forgetful) = (*watermark, *forgetful);
        (self.last_fill, self.untimed, self.revision) = (*last_fill, *untimed, *revision);
    }
}

/// An order that is over, so that a late fill of it finds its key (R2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Finished {
    pub(crate) order: ClientOrderId,
    pub(crate) key: PositionKey,
    /// What its fills came to.
    pub(crate) booked: Quantity,
    /// What it was fed by.
    pub(crate) source: FillSource,
}

impl Slot {
    pub(crate) fn new(id: InstrumentId, instrument: Arc<Instrument>) -> Self {
        Self {
            id,
            instrument,
            keys: SmallVec::new(),
            seen: Ring::new(FILLS_REMEMBERED),
            finished: Ring::new(ORDERS_REMEMBERED),
            funded: Ring::new(FUNDINGS_REMEMBERED),
            funded_to: None,
            watermark: None,
            forgetful: false,
            last_fill: None,
            untimed: false,
            revision: Sequence(0),
        }
    }

    pub(crate) fn key(&self, key: PositionKey) -> Option<&Arc<KeyState>> {
        self.keys.iter().find(|k| k.key == key)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &Arc<KeyState>> {
        self.keys.iter()
    }

    /// The fill of this identity, if it is remembered.
    pub(crate) fn seen(&self, identity: u128) -> Option<&Seen> {
        self.seen.find_newest(tag_of(identity), |seen| seen.identity == identity)
    }

    /// The finished order of this name, if it is remembered.
    pub(crate) fn finished(&self, order: ClientOrderId) -> Option<&Finished> {
        self.finished.find_newest(order.sequence.0, |f| f.order == order)
    }

    /// The funding of this key and period, if it is remembered.
    pub(crate) fn funding(&self, key: PositionKey, period: u64) -> Option<&Funding> {
        self.funded.find_newest(period, |paid| (paid.key, paid.period) == (key, period))
    }

    /// Remembers a funding payment.
    pub(crate) fn fund(&mut self, paid: &Funding) {
        for forgotten in self.funded.push(paid.clone()) {
            let latest = forgotten.iter().map(|paid| paid.period).max();
            self.funded_to = latest.max(self.funded_to);
        }
    }

    /// The last change on any of its keys.
    pub(crate) fn newest(&self) -> Option<Sequence> {
        self.keys.iter().map(|key| key.revision).max()
    }

    /// True if no key has a position or an unresolved order.
    pub(crate) fn idle(&self) -> bool {
        self.keys.iter().all(|k| k.position.is_none() && k.orders.is_empty())
    }

    /// Puts a key's new value in place.
    pub(crate) fn put(&mut self, after: &Arc<KeyState>, seen: Option<&Seen>, fed: Option<FillSource>) {
        match self.keys.binary_search_by(|k| k.key.cmp(&after.key)) {
            Err(place) => self.keys.insert(place, Arc::clone(after)),
            Ok(place) => {
                if let Some(stands) = self.keys.get_mut(place) {
                    for order in stands.orders.iter().filter(|o| after.order(o.client_id).is_none()) {
                        let booked = match order.state {
                            // A fill brought it there. Without one the venue has taken its figure back since.
                            OrderState::Settling(told) if seen.is_some() => told.max(order.booked),
                            _ => order.booked,
                        };
                        let source = fed.unwrap_or(order.source);
                        let finished = Finished { order: order.client_id, key: order.key, booked, source };
                        self.finished.push(finished);
                    }
                    *stands = Arc::clone(after);
                }
            }
        }
        if let Some(seen) = seen {
            self.last_fill = self.last_fill.max(seen.venue_time);
            self.untimed |= seen.venue_time.is_none();
            // One order can fill hundreds of times in one millisecond of the venue. Nothing of the newest time is
            // forgotten, or the rest of such a burst would stand below the watermark.
            let newest = self.last_fill;
            let of_now = |chunk: &[Seen]| newest.is_some() && chunk.iter().any(|s| s.venue_time == newest);
            for forgotten in self.seen.push_keeping(*seen, of_now) {
                self.forgetful = true;
                let latest = forgotten.iter().map(|s| s.venue_time).max().unwrap_or(None);
                self.watermark = latest.max(self.watermark);
            }
        }
        // An adoption dates the slot as a fill does: a report from before it is no news (R8).
        self.last_fill = self.last_fill.max(after.baseline.as_ref().and_then(|b| b.time));
    }
}
