//! A restart: the oracle knows again what it knew when the disk was written last, beside what really happened since.

use posbook::{Book, Order, OrderState};

use super::{Oracle, Wrong};

impl Oracle {
    /// Up to where it has looked.
    pub(in crate::world) fn sequence(&self) -> posbook::Sequence {
        self.last
    }

    /// Replaying every change gives this.
    pub(in crate::world) fn digest(&self) -> u128 {
        self.fold.digest()
    }

    /// Goes on with the book that came back. `killed`: what it knew at the last moment. What left was on the disk, but for
    /// reductions, which do not wait for it (R15).
    pub(in crate::world) fn restarted(mut self, killed: Self, book: &Book) -> Result<Self, Wrong> {
        self.changes = book.changes_after(self.last);
        for id in &killed.left {
            if self.names.contains(&(false, id.epoch, id.sequence)) || killed.forgotten.contains_key(id) {
                continue;
            }
            let (order, _) =
                killed.sent.get(id).ok_or("an order left that nobody had claimed anything for")?;
            if order.intent.increases() {
                return Err(format!("order {id} had left, and its claim was not on the disk (R15)"));
            }
            self.forgotten.insert(*id, order.key);
        }
        self.forgotten.extend(killed.forgotten);
        self.waits = Some(killed.wire.notes().reported.len());
        // What happened stays so, and no name is given twice.
        (self.names, self.sent, self.left) = (killed.names, killed.sent, killed.left);
        (self.submits, self.reports) = (killed.submits, killed.reports);
        (self.doubts, self.exempt) = (killed.doubts, killed.exempt);
        // What the bot only had in its memory is gone.
        self.marks.clear();
        self.skipped.clear();
        Ok(self)
    }

    /// What was found on the disk is in doubt now, and every key is what it was: from here on the book is folded again,
    /// under the settings of this opening.
    pub(in crate::world) fn goes_on(&mut self, book: &Book) -> Result<(), Wrong> {
        let view = book.snapshot();
        let same = view.keys().count() == self.keys.len()
            && view.keys().all(|key| self.keys.get(&key.key).is_some_and(|known| key == known));
        if !same {
            return Err("the book that came back is another one (I5)".to_owned());
        }
        let known = |order: &Order| order.in_doubt() || matches!(order.state, OrderState::Settling(_));
        if let Some(order) = view.orders().find(|order| !known(order)) {
            return Err(format!("order {} came back from a crash and is not in doubt (R6)", order.client_id));
        }
        self.fold = view.replica();
        Ok(())
    }
}
