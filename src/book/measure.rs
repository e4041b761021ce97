//! What an operator watches: counters and gauges through the facade `metrics` (feature `metrics`), whatever records them.
//!
//! Counting happens after the write loop, on the caller's thread, beside the audit trail; gauges are set when somebody asks
//! ([`Book::measure`]). Every name begins with `posbook_`. No label is ever a symbol: the number of series does not grow with
//! the market.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use super::{Book, Changes};
use crate::error::Rejection;
use crate::model::{KeyState, Publication, Timestamp, TroubleKind};

/// One compare-and-swap was won.
pub(super) fn published(publication: &Publication) {
    counter!("posbook_commits_total").increment(1);
    for change in publication.iter() {
        counter!("posbook_changes_total", "kind" => change.kind().to_string()).increment(1);
    }
}

/// A command was refused: the label is the name of the reason.
pub(super) fn refused(rejection: &Rejection) {
    let reason = format!("{:?}", rejection.reason());
    let name: String = reason.chars().take_while(char::is_ascii_alphanumeric).collect();
    counter!("posbook_rejections_total", "reason" => name).increment(1);
}

/// The journal has written once, and made it as durable as it was asked to.
pub(super) fn committed(took: Duration) {
    histogram!("posbook_journal_commit_seconds").record(took);
}

/// A complete report of the venue was compared with the book.
pub(super) fn reconciled(now: Timestamp) {
    gauge!("posbook_reconciled_timestamp_seconds").set(small(now.since(Timestamp(0)).as_secs()));
}

/// What a gauge takes without rounding.
fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Book {
    /// Sets every gauge from the newest state: call it before each scrape, or once a second.
    ///
    /// ```
    /// let book = posbook::Book::builder().build()?;
    /// book.measure(); // nobody records it: nothing happens
    /// # Ok::<(), posbook::Error>(())
    /// ```
    pub fn measure(&self) {
        let (view, health) = (self.snapshot(), self.health());
        let totals = view.totals();
        counter!("posbook_lost_races_total").absolute(health.lost_turns);
        counter!("posbook_foreign_roots_total").absolute(health.foreign_loads);
        counter!("posbook_fills_total").absolute(totals.fills);
        counter!("posbook_stray_fills_total").absolute(totals.strays);
        let has = |key: &KeyState, kind| key.troubles.iter().any(|trouble| trouble.kind == kind);
        let keys = |kind| view.keys().filter(|key| has(key, kind)).count();
        for (name, count) in [
            ("posbook_positions", totals.positions),
            ("posbook_orders", totals.orders),
            ("posbook_orders_in_doubt", totals.in_doubt),
            ("posbook_keys_troubled", totals.troubled),
            ("posbook_keys_quarantined", keys(TroubleKind::Quarantined)),
            ("posbook_keys_unprotected", keys(TroubleKind::Unprotected)),
        ] {
            gauge!(name).set(small(count as u64));
        }
        if let Some(journal) = health.journal {
            gauge!("posbook_journal_lag_changes").set(small(journal.lag));
            gauge!("posbook_journal_failed").set(u32::from(journal.failed.is_some()));
            counter!("posbook_not_durable_total").absolute(journal.not_durable);
        }
    }
}

impl Changes {
    /// Sets the gauge of how far this subscriber is behind, under a name of its own.
    ///
    /// ```
    /// let book = posbook::Book::builder().build()?;
    /// let changes = book.changes();
    /// changes.measure("figures");
    /// # Ok::<(), posbook::Error>(())
    /// ```
    pub fn measure(&self, name: &'static str) {
        gauge!("posbook_subscriber_lag_changes", "subscriber" => name).set(small(self.behind()));
    }
}
