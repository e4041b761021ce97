//! What carries every publication from the root to the disk: a subscriber that never lags, because the writers keep in the
//! root what it has not read (I10).
//!
//! It looks every millisecond while there is traffic, so that a writer never has to wake it; at once if somebody waits for
//! the disk; and when nothing has happened for long it sleeps until something does. One commit ends where a publication
//! ends (R14), and takes as many as there are (group commit).
#![cfg_attr(not(feature = "journal"), allow(dead_code, reason = "only a journal reads it"))]

use std::time::Duration;

use crate::model::{Publication, Sequence};
use crate::sync::{Arc, fault};

use super::Inner;
use super::durable::Durable;
use super::snapshot::Snapshot;

/// Where publications become durable.
pub(crate) trait Sink {
    /// Makes these durable, all or none. The first failure is the last call.
    fn commit(&mut self, publications: &[&Publication]) -> Result<(), String>;

    /// Everything up to this view is durable.
    fn caught_up(&mut self, _view: &Snapshot) -> Result<(), String> {
        Ok(())
    }
}

/// Publications in one commit at most: a bound for what a crash in the middle costs, and for how long one waits.
const COMMIT: usize = 4_096;
/// The shortest time between two looks, unless somebody waits.
const PACE: Duration = Duration::from_millis(1);
/// Looks without anything new before it goes to sleep.
const QUIET: u32 = 100;

/// Why nothing is written after a journal's end.
pub(crate) const CLOSED: &str = "the journal is closed";

/// Carries on until the journal is stopped or nobody can write any more; then what is published is durable, or the reason
/// is known to everybody who waits.
pub(crate) fn run(inner: &Arc<Inner>, durable: &Durable, sink: &mut impl Sink) {
    let ended = carry(inner, durable, sink);
    durable.fail(ended.err().unwrap_or_else(|| CLOSED.to_owned()));
}

/// Makes durable what is published now; `false`: nothing was missing. For whoever has no thread for it, and what a thread
/// does each time it looks. Everything up to `last` was made durable before.
pub(crate) fn once(
    inner: &Inner,
    durable: &Durable,
    sink: &mut impl Sink,
    last: &mut Sequence,
) -> Result<bool, String> {
    let view = inner.root.view();
    let missing = after(&view, *last)?;
    for commit in missing.chunks(COMMIT) {
        let end = commit.last().map_or(*last, |publication| publication.last());
        // A broken twin says so before it is true.
        if fault("ack_early") {
            durable.advance(end);
        }
        timed(|| sink.commit(commit))?;
        *last = end;
        durable.advance(end);
    }
    if missing.is_empty() {
        return Ok(false);
    }
    sink.caught_up(&view)?;
    Ok(true)
}

fn carry(inner: &Arc<Inner>, durable: &Durable, sink: &mut impl Sink) -> Result<(), String> {
    let mut last = durable.reached();
    let mut quiet = 0;
    loop {
        // Asked before the look: what was published before the end is still taken.
        let ends = durable.is_stopping() || inner.feed.is_closed();
        if once(inner, durable, sink, &mut last)? {
            quiet = 0;
            pace(durable);
        } else if ends {
            return Ok(());
        } else if quiet < QUIET && !cfg!(any(posbook_loom, posbook_shuttle)) {
            quiet += 1;
            pace(durable);
        } else {
            let waiting = inner.feed.wake.listen();
            // Asked again after registering, so that nothing falls between.
            let newer = inner.root.with(|view| view.sequence()) > last;
            if !newer && !durable.is_stopping() && !inner.feed.is_closed() {
                waiting.wait();
            }
        }
    }
}

/// Does what the journal does once, and with the feature `metrics` says how long that took.
fn timed<T>(write: impl FnOnce() -> T) -> T {
    #[cfg(feature = "metrics")]
    let began = crate::sync::Clock::system().now();
    let done = write();
    #[cfg(feature = "metrics")]
    super::measure::committed(crate::sync::Clock::system().now().since(began));
    done
}

/// Lets a millisecond pass, unless somebody waits for the disk.
fn pace(durable: &Durable) {
    // In a model no time passes, and the next look comes at once.
    if cfg!(any(posbook_loom, posbook_shuttle)) {
        return;
    }
    let waiting = durable.bell.listen();
    if !durable.is_wanted() && !durable.is_stopping() {
        waiting.wait_for(PACE);
    }
}

/// Everything after a sequence: first what has left the window already. Borrowed from the view, so that no count is touched
/// that a writer's thread would have to fetch back.
fn after(view: &Snapshot, last: Sequence) -> Result<Vec<&Publication>, String> {
    let newest = view.sequence();
    if newest <= last {
        return Ok(Vec::new());
    }
    let body = view.body();
    let chunks = body.late.after(last).chain(body.window.slices());
    let newer = |chunk: &&[Publication]| chunk.last().is_some_and(|p| p.last() > last);
    let missing: Vec<&Publication> = chunks.filter(newer).flatten().filter(|p| p.last() > last).collect();
    // I10: what would be a gap on the disk is a fault of ours, and never written.
    let mut next = last.after(1);
    for publication in &missing {
        if publication.first() != next {
            return Err(format!(
                "the feed went from {last} to {}: this is a fault of posbook",
                publication.first()
            ));
        }
        next = publication.last().after(1);
    }
    Ok(missing)
}
