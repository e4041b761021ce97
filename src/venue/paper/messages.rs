//! What the paper venue says of its trades, and what of it has been delivered.
//!
//! A trade is made once. Its message is delivered later, possibly after a later one's, possibly twice; the cursor of
//! `fills_since` counts deliveries, not trades.

use crate::venue::api::{FillCursor, FillPage, VenueFill};

/// The most fills of one page.
const PAGE: usize = 500;

/// The place of a message among all, in the order of the trades.
pub(super) type Place = usize;

struct Message {
    fill: VenueFill,
    delivered: bool,
}

/// All messages, and their deliveries.
#[derive(Default)]
pub(super) struct Messages {
    made: Vec<Message>,
    /// What was delivered, in this order, with repeats.
    log: Vec<Place>,
    /// Waits until another one was delivered before it.
    held: Option<Place>,
}

impl Messages {
    /// A trade was made; nobody hears of it yet.
    pub(super) fn add(&mut self, fill: VenueFill) -> Place {
        self.made.push(Message { fill, delivered: false });
        self.made.len() - 1
    }

    pub(super) fn get(&self, place: Place) -> Option<&VenueFill> {
        self.made.get(place).map(|message| &message.fill)
    }

    pub(super) fn is_delivered(&self, place: Place) -> bool {
        self.made.get(place).is_some_and(|message| message.delivered)
    }

    /// Those of these messages that were delivered.
    pub(super) fn delivered(&self, places: &[Place]) -> Vec<VenueFill> {
        let these = places.iter().filter(|place| self.is_delivered(**place));
        these.filter_map(|place| self.get(*place)).cloned().collect()
    }

    /// Delivers a message, unless it was already; the one that is held comes right after it. `true`: one was.
    pub(super) fn deliver(&mut self, place: Place) -> bool {
        if self.is_delivered(place) {
            return false;
        }
        let held = self.held.take().filter(|held| *held != place);
        for place in [Some(place), held].into_iter().flatten() {
            if let Some(message) = self.made.get_mut(place) {
                message.delivered = true;
                self.log.push(place);
            }
        }
        held.is_some()
    }

    /// Holds a message back until the next one is delivered. `false`: one is held already.
    pub(super) fn hold(&mut self, place: Place) -> bool {
        let free = self.held.is_none();
        if free {
            self.held = Some(place);
        }
        free
    }

    /// Delivers a message again.
    pub(super) fn repeat(&mut self, place: Place) {
        self.log.push(place);
    }

    /// Deliveries after a cursor.
    pub(super) fn since(&self, cursor: FillCursor) -> FillPage {
        let start = usize::try_from(cursor.0).unwrap_or(usize::MAX).min(self.log.len());
        let page = self.log.iter().skip(start).take(PAGE);
        let fills: Vec<VenueFill> = page.filter_map(|place| self.get(*place)).cloned().collect();
        let next = u64::try_from(start.saturating_add(fills.len())).unwrap_or(u64::MAX);
        FillPage { fills, next: FillCursor(next) }
    }
}
