//! What keeps the book of [`PositionManager`] up with the venue: its fills, each booked once, and what became of the orders
//! that nobody holds (R1).

use super::api::{OrderStatus, Venue, VenueFill};
use super::manager::{PositionManager, not_asked, panicked};
use super::together::{Panicked, all};
use crate::error::Error;
use crate::model::{ClientOrderId, InstrumentId, OrderState, Sequence, Symbol, Timestamp};

impl<V: Venue> PositionManager<V> {
    /// Reads the account's new fills and books them; returns how many moved something. Idempotent: call it as often as
    /// you like, from any thread.
    ///
    /// # Errors
    /// The venue could not be asked; what was read before is booked.
    ///
    /// ```
    /// # use posbook::{Book, venue::{PaperVenue, PositionManager}};
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, PaperVenue::builder().build()))?;
    /// assert_eq!(pollster::block_on(manager.pull_fills())?, 0);
    /// # Ok::<(), posbook::Error>(())
    /// ```
    pub async fn pull_fills(&self) -> Result<usize, Error> {
        let mut booked = 0;
        // Bounded, so that a venue whose cursor grows for ever holds nobody up; the next call goes on from there.
        for _ in 0..1_000 {
            let cursor = *self.shared().cursor.lock();
            let asked = self.venue().fills_since(cursor).await;
            let page = asked.map_err(|lost| not_asked(self.venue(), &lost))?;
            // Whatever the cursor says, fills are booked: each once (I11).
            let last = page.fills.is_empty() || page.next <= cursor;
            booked += self.book_fills(page.fills);
            // Moved only after the fills are booked, and never back by a slower thread.
            let mut reached = self.shared().cursor.lock();
            *reached = (*reached).max(page.next);
            self.book().note(&cursor_name(self.venue()), reached.0);
            if last {
                break;
            }
        }
        Ok(booked)
    }

    /// Books fills as the venue names them. What cannot be booked is kept by the book and flagged (R4).
    pub(super) fn book_fills(&self, fills: Vec<VenueFill>) -> usize {
        let mut booked = 0;
        for VenueFill { symbol, mut fill } in fills {
            fill.instrument =
                self.book().snapshot().id(symbol.as_str()).unwrap_or_else(|| unheard_of(&symbol));
            // A refusal here is no fill, or a second source for one order: logged by the audit trail.
            booked += usize::from(self.book().record(fill).is_ok_and(|recorded| recorded.sequence.is_some()));
        }
        booked
    }

    /// Asks the venue what became of every order that nobody holds: those it works on, those that settle, those in
    /// doubt. A doubt ends only here or by its holder: by the order's own state and fills (R1).
    ///
    /// # Errors
    /// The venue could not be asked about one of them; the others were resolved.
    ///
    /// ```
    /// # use posbook::{Book, venue::{PaperVenue, PositionManager}};
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, PaperVenue::builder().build()))?;
    /// pollster::block_on(manager.resolve_orders())?;
    /// # Ok::<(), posbook::Error>(())
    /// ```
    pub async fn resolve_orders(&self) -> Result<(), Error> {
        // Reserved and sent orders have a holder; if it is gone, they are in doubt or soon overdue.
        let mut open = self.book().reservations();
        open.retain(|order| !matches!(order.state, OrderState::Reserved | OrderState::Sent));
        // Beside one another: an order whose question hangs keeps no other one in doubt.
        let asked = open.into_iter().map(|order| async move {
            let since = self.asking();
            match self.venue().order(order.client_id).await {
                // Taken hold of only after the answer: dropping this future in between changes nothing.
                Ok(status) => {
                    self.heard(order.client_id, since, status).await;
                    None
                }
                Err(lost) => Some(not_asked(self.venue(), &lost)),
            }
        });
        let asked = all(asked.collect()).await.into_iter();
        let fault = asked
            .filter_map(|asked| asked.unwrap_or_else(|Panicked| Some(panicked(self.venue()))))
            .next_back();
        fault.map_or(Ok(()), Err)
    }

    /// The book before a question: what the venue does not know, it could have heard of until then (R1).
    pub(super) fn asking(&self) -> (Sequence, Timestamp) {
        (self.book().snapshot().sequence(), self.book().now())
    }

    /// The venue's word on an order that nobody holds, put into the book.
    pub(super) async fn heard(&self, id: ClientOrderId, since: (Sequence, Timestamp), status: OrderStatus) {
        match (self.book().reattach(id), status) {
            (Ok(sent), OrderStatus::Unknown) => drop(sent.unknown(since.0, since.1)),
            (Ok(sent), status) => drop(self.resolve(sent, status).await),
            // Somebody else was faster.
            (Err(_), _) => {}
        }
    }
}

/// The name under which the place in a venue's fills is kept with the journal.
pub(super) fn cursor_name<V: Venue>(venue: &V) -> String {
    format!("fills of {}", venue.name())
}

/// An id that no book hands out, the same for one symbol every time: a fill of an instrument that is not registered is
/// kept under it, told apart from another symbol's (R4).
fn unheard_of(symbol: &Symbol) -> InstrumentId {
    let mut hasher = crate::state::Fingerprint::default();
    std::hash::Hash::hash(symbol, &mut hasher);
    let low = u32::try_from(std::hash::Hasher::finish(&hasher) & 0x7fff_ffff).unwrap_or_default();
    let id = InstrumentId(low | 1 << 31);
    crate::book::unregistered(symbol, id);
    id
}
