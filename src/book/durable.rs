//! How far a book's changes are on the disk, and who has to know: whoever waits for it, whoever wants new risk, and the
//! writers, which keep in the root what is not there yet.
//!
//! Only a book that was opened by a journal has one of these. It is not state: it says nothing about positions, and no
//! `decide` sees it. It only ever refuses increases; fills and reductions are always accepted (R15).
#![cfg_attr(not(feature = "journal"), allow(dead_code, reason = "only a journal makes one"))]
#![allow(
    clippy::disallowed_types,
    reason = "named by the seam, which is where they come from; clippy sees through the re-export"
)]

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::task::{Context, Poll};

use crate::error::{Error, Reason, Rejection};
use crate::model::{Cause, Command, Order, Sequence};
use crate::sync::{Arc, AtomicU64, Counter, Mutex, Waiting, WakeUp, fault};

use super::Inner;
use super::snapshot::Snapshot;

/// What a journal promises, as far as the book has to know.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    /// What is durable already.
    pub(crate) reached: Sequence,
    /// Changes that may wait for the disk before new risk is refused.
    pub(crate) max_lag: u64,
    /// Whether an increase waits for the disk before it leaves.
    pub(crate) reserve_durably: bool,
    /// Whether this is a restart: then new risk waits for a complete report and for every doubt to end.
    pub(crate) restart: bool,
    /// Whether nobody writes but when told to: then blocking for it would be for ever.
    pub(crate) by_hand: bool,
    /// Numbers that callers had kept with the journal.
    pub(crate) notes: BTreeMap<String, u64>,
}

/// Between the book's writers, the thread that writes to the disk, and those who wait for it.
pub(crate) struct Durable {
    max_lag: u64,
    reserve_durably: bool,
    by_hand: bool,
    /// Everything up to here is durable.
    reached: AtomicU64,
    /// Somebody waits for everything up to here.
    wanted: AtomicU64,
    /// 1 once a write or a sync has failed, or the journal is closed.
    failed: AtomicU64,
    why: Mutex<String>,
    /// 1 once the journal is told to end.
    stopping: AtomicU64,
    /// 0: ready. 1: no complete report since the restart. 2: there was one; doubts may be left.
    restart: AtomicU64,
    opened_at: Mutex<Sequence>,
    /// Rings whenever `reached` or `failed` moves.
    pub(super) moved: WakeUp,
    /// Rings whenever `wanted` moves.
    pub(super) bell: WakeUp,
    notes: Mutex<BTreeMap<String, (Sequence, u64)>>,
    /// Reductions that left while nothing could be written.
    not_durable: Counter,
}

/// How a book's journal is doing.
///
/// ```
/// use posbook::Book;
///
/// assert!(Book::builder().build()?.health().journal.is_none()); // it has none
/// # Ok::<(), posbook::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalHealth {
    /// Everything up to here is as durable as the journal was asked to make it.
    pub durable: Sequence,
    /// Changes that are not, yet.
    pub lag: u64,
    /// Why nothing is written any more, if so. Increases are refused then; restart the program to go on.
    pub failed: Option<String>,
    /// What is still missing after a restart before increases are allowed again (R15).
    pub not_ready: Option<String>,
    /// Reductions that left without a record that survives, because the journal had failed.
    pub not_durable: u64,
}

impl Durable {
    pub(crate) fn new(terms: Terms) -> Self {
        let Terms { reached, max_lag, reserve_durably, restart, by_hand, notes } = terms;
        Self {
            max_lag,
            reserve_durably,
            by_hand,
            reached: AtomicU64::new(reached.0),
            wanted: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            why: Mutex::default(),
            stopping: AtomicU64::new(0),
            restart: AtomicU64::new(u64::from(restart)),
            opened_at: Mutex::new(reached),
            moved: WakeUp::new(),
            bell: WakeUp::new(),
            notes: Mutex::new(notes.into_iter().map(|(name, value)| (name, (Sequence(0), value))).collect()),
            not_durable: Counter::new(0),
        }
    }

    /// Everything up to here is durable.
    pub(crate) fn reached(&self) -> Sequence {
        Sequence(self.reached.load(Acquire)) // pairs with `advance`
    }

    /// What a writer may let go of: nothing that the journal still has to read. One that failed reads nothing any more.
    pub(super) fn read_until(&self) -> Sequence {
        if self.has_failed() { Sequence(u64::MAX) } else { self.reached() }
    }

    /// Everything up to here is durable now.
    pub(super) fn advance(&self, reached: Sequence) {
        self.reached.fetch_max(reached.0, Release); // pairs with `reached`: what is acknowledged was written before
        self.moved.notify();
    }

    /// Nothing will be written any more. Only the first reason counts.
    pub(crate) fn fail(&self, why: String) {
        {
            let mut told = self.why.lock();
            if told.is_empty() {
                *told = why;
            }
        }
        self.failed.store(1, Release); // pairs with `has_failed`: whoever sees it finds the reason
        self.moved.notify();
        self.bell.notify();
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Acquire) == 1
    }

    fn why(&self) -> String {
        self.why.lock().clone()
    }

    /// Whether somebody waits for more than is durable.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.load(Acquire) > self.reached.load(Acquire)
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(1, Release); // pairs with `is_stopping`
        self.bell.notify();
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Acquire) == 1
    }

    /// From here on reports count: everything before was found on the disk.
    pub(crate) fn opened_at(&self, sequence: Sequence) {
        *self.opened_at.lock() = sequence;
    }

    /// Whether a sequence is durable: `None` if it still may become so.
    fn settled(&self, sequence: Sequence) -> Option<Result<(), Error>> {
        if self.reached() >= sequence {
            return Some(Ok(()));
        }
        self.has_failed().then(|| Err(Error::NotDurable { sequence, why: self.why() }))
    }

    fn want(&self, sequence: Sequence) {
        if self.wanted.fetch_max(sequence.0, AcqRel) < sequence.0 {
            self.bell.notify();
        }
    }

    /// Waits until everything up to here is durable, or never will be.
    pub(super) fn wait(&self, sequence: Sequence) -> Result<(), Error> {
        loop {
            if let Some(settled) = self.settled(sequence) {
                return settled;
            }
            if self.by_hand {
                let why = "the journal is written by hand, and this is not written yet".to_owned();
                return Err(Error::NotDurable { sequence, why });
            }
            // A broken twin listens too late.
            let waiting = (!fault("durable_late")).then(|| self.moved.listen());
            self.want(sequence);
            if let Some(settled) = self.settled(sequence) {
                return settled;
            }
            waiting.unwrap_or_else(|| self.moved.listen()).wait();
        }
    }

    /// Whether new risk may be asked for at all.
    pub(super) fn admit(
        &self,
        cause: &Cause,
        view: impl FnOnce() -> (Sequence, usize),
    ) -> Result<(), Rejection> {
        if !cause.commands().any(increases) {
            return Ok(());
        }
        if self.has_failed() {
            return Err(Reason::JournalFailed { why: self.why() }.into());
        }
        let (newest, in_doubt) = view();
        let lag = newest.0.saturating_sub(self.reached().0);
        if lag > self.max_lag {
            return Err(Reason::JournalBehind { lag, limit: self.max_lag }.into());
        }
        match self.not_ready(in_doubt) {
            Some(missing) => Err(Reason::NotReady { missing }.into()),
            None => Ok(()),
        }
    }

    /// What is missing after a restart.
    fn not_ready(&self, in_doubt: usize) -> Option<String> {
        match self.restart.load(Acquire) {
            0 => None,
            1 => Some(
                "no complete position report was asked and compared since the book was opened".to_owned(),
            ),
            _ if in_doubt > 0 => Some(format!("{in_doubt} orders from before are still in doubt")),
            _ => {
                self.restart.store(0, Release); // it never comes back
                None
            }
        }
    }

    /// A complete report was asked at this sequence and compared.
    pub(super) fn reported(&self, asked: Sequence) {
        if asked >= *self.opened_at.lock() && self.restart.load(Acquire) == 1 {
            self.restart.store(2, Release);
        }
    }

    /// What an order has to wait for before it leaves. `None`: nothing.
    pub(super) fn before_leaving(&self, order: &Order) -> Option<Sequence> {
        // A broken twin lets an order leave under a claim that a crash forgets.
        (self.reserve_durably && order.intent.increases() && !fault("leave_early"))
            .then_some(order.client_id.sequence)
    }

    /// An order leaves: whether without a record that survives. Increases do not.
    pub(super) fn leaves(&self, order: &Order) -> Result<bool, Rejection> {
        if !self.has_failed() {
            return Ok(false);
        }
        if order.intent.increases() {
            return Err(Reason::JournalFailed { why: self.why() }.into());
        }
        self.not_durable.fetch_add(1, Relaxed);
        tracing::error!(target: "posbook::audit", order = %order.client_id, "a reduction leaves and is not durable");
        Ok(true)
    }

    /// Keeps a number beside everything up to here.
    pub(super) fn note(&self, name: &str, at: Sequence, value: u64) {
        let mut notes = self.notes.lock();
        match notes.get_mut(name) {
            Some(noted) => *noted = (at, value),
            None => {
                notes.insert(name.to_owned(), (at, value));
            }
        }
    }

    pub(super) fn noted(&self, name: &str) -> Option<u64> {
        self.notes.lock().get(name).map(|(_, value)| *value)
    }

    /// Numbers that belong to what is published up to here.
    pub(crate) fn notes_until(&self, last: Sequence) -> Vec<(String, u64)> {
        let notes = self.notes.lock();
        let due = notes.iter().filter(|(_, (at, _))| *at <= last);
        due.map(|(name, (_, value))| (name.clone(), *value)).collect()
    }

    pub(super) fn health(&self, view: &Snapshot) -> JournalHealth {
        let durable = self.reached();
        JournalHealth {
            durable,
            lag: view.sequence().0.saturating_sub(durable.0),
            failed: self.has_failed().then(|| self.why()),
            not_ready: self.not_ready(view.totals().in_doubt),
            not_durable: self.not_durable.load(Relaxed),
        }
    }
}

/// Whether a command asks for new risk.
fn increases(command: &Command) -> bool {
    matches!(command, Command::Open(_) | Command::ScaleIn(_))
}

/// Waits, without blocking a thread, until everything up to some sequence is durable.
#[must_use = "a future does nothing until it is polled"]
pub struct WaitDurable {
    inner: Arc<Inner>,
    /// `None`: nothing to wait for.
    sequence: Option<Sequence>,
    waiting: Option<Waiting>,
}

impl WaitDurable {
    pub(super) fn new(inner: &Arc<Inner>, sequence: Option<Sequence>) -> Self {
        Self { inner: Arc::clone(inner), sequence, waiting: None }
    }
}

impl std::fmt::Debug for WaitDurable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WaitDurable").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}

impl Future for WaitDurable {
    type Output = Result<(), Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let Some(sequence) = this.sequence else { return Poll::Ready(Ok(())) };
        let Some(durable) = &this.inner.durable else { return Poll::Ready(Err(no_journal(sequence))) };
        loop {
            if let Some(settled) = durable.settled(sequence) {
                return Poll::Ready(settled);
            }
            match &mut this.waiting {
                None => {
                    this.waiting = Some(durable.moved.listen());
                    durable.want(sequence);
                }
                Some(waiting) => {
                    if Future::poll(waiting.as_future(), context).is_pending() {
                        return Poll::Pending;
                    }
                    this.waiting = None;
                }
            }
        }
    }
}

pub(super) fn no_journal(sequence: Sequence) -> Error {
    Error::NotDurable {
        sequence,
        why: "the book has no journal; open it with posbook::journal::Journal".to_owned(),
    }
}
