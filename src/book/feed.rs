//! The change feed: everything that happened, in order, without a gap (I10).
//!
//! The last publications are a window inside the root, so the compare-and-swap that publishes a state publishes its
//! feed: there is no link to set, nobody to help, no second order. A subscriber is a sequence number; it owns nothing,
//! and one that never reads costs nothing. What is older than the window is [`Lagged`], by arithmetic.
#![allow(
    clippy::disallowed_types,
    reason = "named by the seam, which is where they come from; clippy sees through the re-export"
)]

use std::pin::Pin;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::Duration;

use crate::model::{Publication, Sequence};
use crate::sync::{Arc, AtomicU64, WakeUp, fault};

use super::Inner;
use super::snapshot::Snapshot;

/// A subscriber fell behind the window: so many changes are gone for it. Take a snapshot, and go on from its sequence
/// with [`Changes::seek`]; or just go on from the oldest change that is left.
///
/// ```
/// let lag = posbook::Lagged { missed: 3 };
/// assert_eq!(lag.to_string(), "3 changes are older than the feed's window");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{missed} changes are older than the feed's window")]
pub struct Lagged {
    /// How many changes were missed.
    pub missed: u64,
}

/// Who waits, and whether anybody can still write.
pub(crate) struct Feed {
    pub(crate) wake: WakeUp,
    /// 1 once the last handle that can write is gone.
    closed: AtomicU64,
}

impl Feed {
    pub(crate) fn new() -> Self {
        Self { wake: WakeUp::new(), closed: AtomicU64::new(0) }
    }

    pub(crate) fn close(&self) {
        self.closed.store(1, Release); // pairs with `is_closed`
        self.wake.notify();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Acquire) == 1
    }
}

/// A place in the feed, from which publications are taken one by one.
#[derive(Clone)]
struct Cursor {
    inner: Arc<Inner>,
    /// The sequence that was delivered last.
    last: Sequence,
}

impl Cursor {
    fn try_next(&mut self) -> Option<Result<Publication, Lagged>> {
        let last = self.last;
        let (item, last) = self.inner.root.with(|view| next_after(view, last))?;
        self.last = last;
        Some(item)
    }
}

/// The publication after `last` and where that leaves the cursor.
fn next_after(view: &Snapshot, last: Sequence) -> Option<(Result<Publication, Lagged>, Sequence)> {
    if view.sequence() <= last {
        return None;
    }
    let window = &view.body().window;
    let before_oldest = Sequence(window.oldest().map_or(view.sequence().0, |oldest| oldest.first().0 - 1));
    if last < before_oldest && !fault("window_cut") {
        return Some((Err(Lagged { missed: before_oldest.0 - last.0 }), before_oldest));
    }
    let next = window.first_that(|publication| publication.last() > last)?;
    Some((Ok(next.clone()), next.last()))
}

/// Every publication from some sequence on, as a blocking iterator. It ends when nobody can write any more: every
/// [`Book`](crate::Book) handle and every reservation is gone.
///
/// ```
/// use posbook::{Book, Instrument};
///
/// let book = Book::builder().build()?;
/// let changes = book.changes();
/// let counter = std::thread::spawn(move || changes.map(|unit| unit.map_or(0, |u| u.len())).sum::<usize>());
/// book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// drop(book);
/// assert_eq!(counter.join().unwrap(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a subscription does nothing until it is read"]
#[derive(Clone)]
pub struct Changes(Cursor);

impl Changes {
    pub(crate) fn new(inner: Arc<Inner>, last: Sequence) -> Self {
        Self(Cursor { inner, last })
    }

    /// The next publication, if there is one already.
    pub fn try_next(&mut self) -> Option<Result<Publication, Lagged>> {
        self.0.try_next()
    }

    /// The next publication, waiting no longer than `longest`. `None`: there was none, or there can be none any more.
    pub fn next_within(&mut self, longest: Duration) -> Option<Result<Publication, Lagged>> {
        self.0.try_next().or_else(|| {
            let waiting = self.0.inner.feed.wake.listen();
            // Asked again after registering, so that nothing falls between.
            match self.0.try_next() {
                Some(item) => Some(item),
                None if self.0.inner.feed.is_closed() => None,
                None => {
                    waiting.wait_for(longest);
                    self.0.try_next()
                }
            }
        })
    }

    /// What is published already, up to a sequence.
    pub(crate) fn published_until(
        mut self,
        last: Sequence,
    ) -> impl Iterator<Item = Result<Publication, Lagged>> {
        std::iter::from_fn(move || if self.0.last >= last { None } else { self.try_next() })
    }

    /// Goes on after this sequence, forwards or back: the sequence of a snapshot, after a lag.
    pub fn seek(&mut self, last: Sequence) {
        self.0.last = last;
    }

    /// The sequence that was delivered last.
    pub fn position(&self) -> Sequence {
        self.0.last
    }

    /// How many changes are published and not delivered yet.
    pub fn behind(&self) -> u64 {
        self.0.inner.root.with(|view| view.sequence()).0.saturating_sub(self.0.last.0)
    }
}

impl Iterator for Changes {
    type Item = Result<Publication, Lagged>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.0.try_next() {
                return Some(item);
            }
            let waiting = self.0.inner.feed.wake.listen();
            if self.0.inner.feed.is_closed() {
                // What was published before the end is still delivered.
                return self.0.try_next();
            }
            // Asked again after registering: a broken twin sleeps at once.
            if !fault("listen_late")
                && let Some(item) = self.0.try_next()
            {
                return Some(item);
            }
            waiting.wait();
        }
    }
}

impl std::fmt::Debug for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Changes").field("last", &self.0.last).finish()
    }
}

/// Every publication from some sequence on, as a `Stream` for any async runtime. Ends as [`Changes`] does.
///
/// ```
/// use posbook::Book;
///
/// let book = Book::builder().build()?;
/// let stream = book.change_stream();
/// # Ok::<(), posbook::Error>(())
/// ```
#[must_use = "a stream does nothing until it is polled"]
pub struct ChangeStream {
    cursor: Cursor,
    waiting: Option<crate::sync::Waiting>,
}

impl ChangeStream {
    pub(crate) fn new(inner: Arc<Inner>, last: Sequence) -> Self {
        Self { cursor: Cursor { inner, last }, waiting: None }
    }
}

impl futures_core::Stream for ChangeStream {
    type Item = Result<Publication, Lagged>;

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        use std::task::Poll;
        let this = self.get_mut();
        loop {
            if let Some(item) = this.cursor.try_next() {
                this.waiting = None;
                return Poll::Ready(Some(item));
            }
            let feed = &this.cursor.inner.feed;
            match &mut this.waiting {
                None => this.waiting = Some(feed.wake.listen()),
                Some(_) if feed.is_closed() => return Poll::Ready(this.cursor.try_next()),
                Some(waiting) => {
                    if std::future::Future::poll(waiting.as_future(), context).is_pending() {
                        return Poll::Pending;
                    }
                    this.waiting = None;
                }
            }
        }
    }
}

impl std::fmt::Debug for ChangeStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChangeStream").field("last", &self.cursor.last).finish()
    }
}
