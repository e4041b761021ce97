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
//! A body that a snapshot still holds is not uniquely owned and never comes here (I8): `Arc::get_mut` decides, not a count of
//! ours. One that is too far behind is let go.

use super::late::Late;
use crate::model::{Publication, Sequence};
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

/// Beyond so many publications, or so many changes in several of them, a copy of the newest body costs less than bringing an
/// old one up.
const MOST_MISSED: usize = 32;
const MOST_CHANGES: usize = 1_024;

/// What became of a body that was to follow another.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Followed {
    /// It is equal now.
    Equal,
    /// Too much differs: what stands here now is of no use.
    TooFar,
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
        let reaches = newest.window.oldest().is_some_and(|oldest| oldest.first() <= base.after(1));
        if !reaches {
            return Followed::TooFar;
        }
        let (mut lost, mut changes) = (true, 0);
        for (n, missed) in newest.window.newest_first().take_while(|p| p.first() > base).enumerate() {
            if own.as_ref().is_some_and(|own| own.is(missed)) {
                lost = false;
                break;
            }
            changes += missed.len();
            if n == MOST_MISSED || (n > 1 && changes > MOST_CHANGES) {
                return Followed::TooFar;
            }
            self.copy(newest, missed);
        }
        // A broken twin takes its own candidate for history.
        if let Some(own) = own.filter(|_| lost && !fault("lost_body")) {
            self.copy(newest, &own);
        }
        self.state.follow_sums(&newest.state);
        self.window.follow(&newest.window, Publication::is);
        self.late.follow(&newest.late);
        Followed::Equal
    }

    /// Every slot that a publication touched, as it stands in `newest`.
    fn copy(&mut self, newest: &Body, publication: &Publication) {
        // A broken twin leaves one out.
        if fault("missed_slot") {
            return;
        }
        for id in publication.iter().filter_map(|change| change.instrument()) {
            self.state.follow_slot(&newest.state, id);
        }
    }
}
