//! The watcher: invariants that hold at every moment, looked at while the threads run. What it sees it sees for itself:
//! nothing it does is recorded.

use posbook::{Book, Changes, Effect, Intent, KeyState, Kind, Quantity, Snapshot};
use posbook_proof::program::Trouble;

/// What watches a book.
pub struct Watch {
    book: Book,
    feed: Changes,
    /// The sequence of the feed's last change.
    last: u64,
    /// The newest picture, and its fingerprint.
    seen: Option<(Snapshot, u128)>,
    trouble: Trouble,
    found: Option<String>,
}

impl Watch {
    pub fn new(book: &Book, trouble: Trouble) -> Self {
        let feed = book.changes();
        let last = Changes::position(&feed).0;
        Self { book: book.clone(), feed, last, seen: None, trouble, found: None }
    }

    /// The first thing that was wrong.
    pub fn found(self) -> Option<String> {
        self.found
    }

    /// One look at the book and at everything that was published since the last one.
    pub fn look(&mut self) {
        if self.found.is_none() {
            self.found = self.picture().or_else(|| self.changes());
        }
    }

    fn picture(&mut self) -> Option<String> {
        let view = self.book.snapshot();
        let wrong = view.keys().find_map(|key| self.key(key, self.trouble == Trouble::Off));
        let digest = view.digest();
        let told = match &self.seen {
            Some((before, _)) if before.sequence() > view.sequence() => {
                Some(format!("after sequence {} a look showed {} (I4)", before.sequence(), view.sequence()))
            }
            Some((before, other)) if before.sequence() == view.sequence() && *other != digest => {
                Some(format!("sequence {} was shown with two contents (I4)", view.sequence()))
            }
            // A picture never changes.
            Some((before, other)) if before.digest() != *other => {
                Some(format!("the picture of sequence {} changed afterwards (I8)", before.sequence()))
            }
            _ => None,
        };
        self.seen = Some((view, digest));
        wrong.or(told)
    }

    fn changes(&mut self) -> Option<String> {
        while let Some(item) = self.feed.try_next() {
            let publication = match item {
                Ok(publication) => publication,
                Err(lagged) => return Some(format!("the feed lost what its window holds: {lagged} (I10)")),
            };
            for change in publication.iter() {
                if change.sequence.0 != self.last + 1 {
                    return Some(format!("the feed has {} after {} (I10)", change.sequence, self.last));
                }
                self.last = change.sequence.0;
                if let Effect::Key { kind, after, .. } = &change.effect {
                    // What was just reserved was decided on this quantity; fills that nobody ordered may take it away
                    // later.
                    let wrong = self.key(after, *kind == Kind::Reserved);
                    if wrong.is_some() {
                        return wrong;
                    }
                }
            }
        }
        None
    }

    /// I1 of a key, and I2 where it must hold.
    fn key(&self, key: &KeyState, reductions: bool) -> Option<String> {
        let of = |intent: Intent| key.orders.iter().filter(|order| order.intent == intent).count();
        let (opens, closes) = (of(Intent::Open), of(Intent::Close));
        if opens > 1 || closes > 1 {
            return Some(format!("{}: {opens} orders open it and {closes} close it (I1)", key.key));
        }
        let quantity = key.position.as_ref().map_or(Quantity::ZERO, |position| position.quantity);
        if key.position.is_some() && quantity.is_zero() {
            return Some(format!("{}: a position of nothing (I2)", key.key));
        }
        let newest_reduces = key.orders.last().is_some_and(|order| !order.intent.increases());
        let in_flight = key.orders.iter().filter(|order| !order.intent.increases());
        let in_flight = in_flight.map(|order| order.remaining().get()).sum::<posbook::Decimal>();
        if reductions && newest_reduces && in_flight > quantity.get() {
            return Some(format!("{}: {in_flight} is being reduced of {quantity} (I2)", key.key));
        }
        None
    }
}
