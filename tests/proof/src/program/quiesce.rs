//! The end of a run: whatever was delayed is delivered, every order gets its last word, every trouble is taken note of.
//! What is left afterwards is nobody's fault but the book's.

use std::fmt;

use posbook::{Book, Command, OrderState, Sent};

use super::stage::{Desk, Parcel};
use crate::recorder::Recorder;

/// What a run cannot be brought to rest from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unquiet(pub String);

impl fmt::Display for Unquiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the book does not come to rest: {}", self.0)
    }
}

impl std::error::Error for Unquiet {}

/// Brings a book to rest, after every trader has retired.
///
/// # Errors
/// Something is unresolved that nobody holds.
pub fn quiesce(book: &Book, desk: &Desk, rec: &mut Recorder) -> Result<(), Unquiet> {
    // Fills first, wherever they wait: then every figure is final.
    while let Some(parcel) = desk.take() {
        match parcel {
            Parcel::Fill(fill) => drop(rec.record(book, fill)),
            Parcel::Order(_, mut course) => {
                while let Some(fill) = course.fills.pop() {
                    drop(rec.record(book, fill));
                }
            }
        }
    }
    for order in rec.snapshot(book).orders() {
        if order.state == OrderState::Reserved {
            return Err(Unquiet(format!("order {} was never sent, and nobody holds it", order.client_id)));
        }
        let refused = |wrong| Unquiet(format!("order {}: {wrong}", order.client_id));
        let sent: Sent = book.reattach(order.client_id).map_err(refused)?;
        let figure = order.booked.plus(order.unbooked).map_err(refused)?;
        match order.state {
            OrderState::Settling(_) => rec.corrected(sent, figure, "the rest will never come"),
            _ => rec.refused(sent, figure, "over"),
        }
        .map_err(refused)?;
    }
    let keys: Vec<_> = rec.snapshot(book).keys().cloned().collect();
    for key in keys {
        let at = key.key;
        if !key.troubles.is_empty() {
            let done = rec.apply(book, Command::Accept { key: at, reason: "the end".into() });
            done.map_err(|wrong| Unquiet(format!("{at}: {wrong}")))?;
        }
        if key.closing.is_some() {
            let done = rec.apply(book, Command::CancelClosing { key: at, reason: "the end".into() });
            done.map_err(|wrong| Unquiet(format!("{at}: {wrong}")))?;
        }
    }
    let view = rec.snapshot(book);
    let totals = view.totals();
    if totals.orders + totals.in_doubt > 0 || view.keys().any(|key| key.blocked().is_some()) {
        return Err(Unquiet(format!("{} orders, {} in doubt", totals.orders, totals.in_doubt)));
    }
    Ok(())
}
