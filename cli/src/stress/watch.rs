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

/// The watcher's controls: it must see each thing that it looks for.
#[cfg(test)]
mod tests {
    use posbook::{Command, Fill, OrderSide, Reservation, Side};
    use posbook_proof::program::Stage;

    use super::*;

    /// A book with 1 of its first instrument, which an order that is on its way would close.
    fn closing() -> (Stage, Reservation) {
        let stage = Stage::new(2, 1_024).unwrap();
        let id = stage.ids[0];
        let (one, price) = ("1".parse().unwrap(), "100".parse().unwrap());
        let fill = Fill::trade(id, "t".parse().unwrap(), OrderSide::Buy, one, price);
        stage.book.record(fill).unwrap();
        let key = stage.book.snapshot().keys().next().unwrap().key;
        let closing = stage.book.reserve(Command::close(key)).unwrap();
        (stage, closing)
    }

    fn watch(stage: &Stage) -> Watch {
        Watch::new(&stage.book, Trouble::Off)
    }

    fn found(mut watch: Watch) -> String {
        watch.look();
        watch.found().unwrap_or_default()
    }

    #[test]
    fn a_sound_book_is_not_accused() {
        let (stage, _closing) = closing();
        let mut watch = watch(&stage);
        watch.look();
        watch.look();
        assert_eq!(watch.found(), None);
    }

    #[test]
    fn two_orders_that_close_a_key_and_two_that_open_it_are_seen() {
        let (stage, _closing) = closing();
        let _open =
            stage.book.reserve(Command::open(stage.ids[1], Side::Long, "1".parse().unwrap())).unwrap();
        let (watch, view) = (watch(&stage), stage.book.snapshot());
        for key in view.keys() {
            assert_eq!(watch.key(key, true), None);
            let mut twice = KeyState::clone(key);
            twice.orders.push(twice.orders[0].clone());
            assert!(watch.key(&twice, true).unwrap().contains("(I1)"));
        }
    }

    #[test]
    fn a_position_of_nothing_and_more_in_flight_than_there_is_are_seen() {
        let (stage, _closing) = closing();
        let (watch, view) = (watch(&stage), stage.book.snapshot());
        let mut less = KeyState::clone(view.keys().next().unwrap());
        less.position.as_mut().unwrap().quantity = "0.5".parse().unwrap();
        assert!(watch.key(&less, true).unwrap().contains("1 is being reduced of 0.5 (I2)"));
        assert_eq!(watch.key(&less, false), None, "fills that nobody ordered may take it away");
        less.position.as_mut().unwrap().quantity = Quantity::ZERO;
        assert!(watch.key(&less, false).unwrap().contains("a position of nothing (I2)"));
    }

    #[test]
    fn a_picture_that_goes_back_or_is_another_or_changes_is_seen() {
        let (stage, _closing) = closing();
        let with = |seen: &Stage, wrong: u128| {
            let view = seen.book.snapshot();
            let digest = view.digest() ^ wrong;
            Watch { seen: Some((view, digest)), ..watch(&stage) }
        };
        assert!(found(with(&stage, 1)).contains("was shown with two contents (I4)"));
        let earlier = Stage::new(2, 1_024).unwrap();
        assert_eq!(found(with(&earlier, 0)), "");
        assert!(found(with(&earlier, 1)).contains("changed afterwards (I8)"));
        let later = Stage::new(9, 1_024).unwrap();
        assert!(found(with(&later, 0)).contains("a look showed"));
    }

    #[test]
    fn a_feed_that_skips_or_loses_is_seen() {
        let (stage, claim) = closing();
        let skipped = Watch { last: 0, ..watch(&stage) };
        claim.release();
        assert!(found(skipped).contains("(I10)"));

        let small = Stage::new(2, 1).unwrap();
        let behind = watch(&small);
        for n in 0..100 {
            let why = n.to_string();
            let quarantine = Command::Quarantine { key: small.ids[0].into(), why, asked: None };
            small.book.apply(quarantine).unwrap();
        }
        assert!(found(behind).contains("the feed lost what its window holds"));
    }
}
