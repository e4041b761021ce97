//! What one publication leaves behind, and how a body that was replaced is used for a later one.
//!
//! A write that copies the path to what it changes allocates and frees a dozen objects. Almost always the body that was
//! replaced two writes ago is held by nobody any more: it differs from the newest one in a few slots, and what it holds
//! uniquely can be changed in place. So it *follows*: every slot that was touched since is copied over what stands there,
//! sums and window are brought up, and the next publication is applied on top.
//!
//! Which slots those are, its own window says. A body is only ever built on a published root, so everything in it but its
//! own last publication is history, and the publications after that stand in the window of the newest one. Its own last one
//! may have lost: then the newest window has another in its place, and what it touched is copied too.
//!
//! A body may also be *ahead*: its writer was overtaken while it looked. Then a newer root was published than the one it wants to
//! build on, and it has lost already.
//!
//! One that is so far behind that more was touched than there are slots, or that the window no longer says what, takes every
//! slot. To let it go and copy the newest instead would cost far more: whoever frees a body that was used for long frees
//! several objects a slot.
//!
//! A body that a snapshot still holds is not uniquely owned and never comes here (I8): `Arc::get_mut` decides, not a count of
//! ours.

use super::late::Late;
use crate::model::{Change, Publication, Sequence};
use crate::state::{Ring, State};
use crate::sync::fault;

/// The state, and the window of the feed that ends with it.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub(crate) state: State,
    pub(crate) window: Ring<Publication>,
    /// What has left the window and the journal has not read yet.
    pub(crate) late: Late,
}

/// What became of a body that was to follow another.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Followed {
    /// It is equal now.
    Equal,
    /// It holds later history than the other, and was left as it is.
    Ahead,
}

impl Body {
    /// Adds what was published. What the window lets go is kept until it is `durable`; `None`: there is no journal.
    pub(crate) fn push(&mut self, publication: Publication, durable: Option<Sequence>) {
        let gone = self.window.push(publication);
        if let Some(durable) = durable {
            self.late.keep(gone, durable);
        }
    }

    /// Becomes equal to `newest`, a published body of the same book, by copying what differs.
    pub(crate) fn follow(&mut self, newest: &Body) -> Followed {
        let own = self.window.newest().cloned();
        let base = own.as_ref().map_or(Sequence(0), |own| Sequence(own.first().0.saturating_sub(1)));
        // A broken twin takes it for a lost candidate's.
        if base > newest.state.sequence() && !fault("body_ahead") {
            return Followed::Ahead;
        }
        if !self.copy_missed(newest, base, own.as_ref()) {
            self.state.follow_slots(&newest.state);
        }
        self.state.follow_sums(&newest.state);
        self.window.follow(&newest.window, Publication::is);
        self.late.follow(&newest.late);
        Followed::Equal
    }

    /// Copies the slots that were touched after `base`, and those of its `own` last publication if that lost. False: there are
    /// more of them than slots, or nobody knows which.
    fn copy_missed(&mut self, newest: &Body, base: Sequence, own: Option<&Publication>) -> bool {
        if newest.window.oldest().is_none_or(|oldest| oldest.first() > base.after(1)) {
            return false;
        }
        let (mut lost, mut left) = (true, newest.state.slot_count());
        for missed in newest.window.newest_first().take_while(|p| p.first() > base) {
            if own.is_some_and(|own| own.is(missed)) {
                lost = false;
                break;
            }
            for change in missed.iter() {
                // Mostly it was touched again later and copied then: a few slots are busy, the others are not.
                if self.state.has(&newest.state, change) {
                    continue;
                }
                let Some(fewer) = left.checked_sub(1) else { return false };
                left = fewer;
                self.copy(newest, change);
            }
        }
        // A broken twin takes its own candidate for history.
        if let Some(own) = own.filter(|_| lost && !fault("lost_body")) {
            own.iter().for_each(|change| self.copy(newest, change));
        }
        true
    }

    /// The slot that a change touched, as it stands in `newest`.
    fn copy(&mut self, newest: &Body, change: &Change) {
        // A broken twin leaves it out.
        if !fault("missed_slot")
            && let Some(id) = change.instrument()
        {
            self.state.follow_slot(&newest.state, id);
        }
    }
}
