//! The audit trail: one `tracing` event for every published change, at target `posbook::audit`, from the caller's
//! thread after its compare-and-swap; refusals at level `warn`.
//!
//! A subscriber that panics is isolated: the change is published already, and its caller must learn so (D16).

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::Rejection;
use crate::model::{Change, Command, InstrumentId, Position, Publication, Symbol};

use super::snapshot::Snapshot;

/// Says what was published, if anybody listens. A view is only there to name instruments: any newer one will do.
pub(crate) fn published(publication: &Publication, view: impl FnOnce() -> Snapshot) {
    isolated(|| {
        #[cfg(feature = "metrics")]
        super::measure::published(publication);
        if tracing::enabled!(target: "posbook::audit", tracing::Level::INFO) {
            let view = view();
            publication.iter().for_each(|change| say(change, &view));
        }
    });
}

fn say(change: &Change, view: &Snapshot) {
    let symbol = change.key().and_then(|key| view.instrument(key.instrument)).map(|i| i.symbol().as_str());
    let (before, after) = change.positions();
    tracing::info!(
        target: "posbook::audit",
        sequence = change.sequence.0,
        symbol = symbol.unwrap_or_default(),
        what = %change.kind(),
        command = change.cause.command.name(),
        reason = change.cause.command.reason(),
        old = %Short(before),
        new = %Short(after),
    );
}

/// Says what was refused: the value and the rule.
pub(crate) fn refused(command: &Command, rejection: &Rejection) {
    isolated(|| {
        #[cfg(feature = "metrics")]
        super::measure::refused(rejection);
        tracing::warn!(target: "posbook::audit", command = command.name(), refused = %rejection);
    });
}

/// Says that a fill came for an instrument that is not registered, and under which id it is kept.
pub(crate) fn unregistered(symbol: &Symbol, id: InstrumentId) {
    isolated(|| {
        tracing::warn!(target: "posbook::audit", %symbol, id = id.0, "a fill of an instrument that is not registered");
    });
}

fn isolated(say: impl FnOnce()) {
    // The book is not touched in there, so nothing of it can be left half done.
    let _ = catch_unwind(AssertUnwindSafe(say));
}

/// A position in one line.
struct Short<'a>(Option<&'a Position>);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(p) = self.0 else { return f.write_str("flat") };
        write!(f, "{} {} @ {}", p.side, p.quantity, p.entry_price())?;
        if let Some(stop) = p.targets.stop {
            write!(f, " stop {stop}")?;
        }
        if let Some(take) = p.targets.take {
            write!(f, " take {take}")?;
        }
        Ok(())
    }
}
