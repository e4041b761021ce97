//! The wire between the bot and the paper venue: every question and every answer is under way for a while of market
//! time, or for ever, so that anything can happen in between. It notes what the venue really said of each order, which is
//! what the oracle holds the book to.
#![allow(
    clippy::disallowed_types,
    reason = "a venue is shared: the notes stand behind a lock, though one thread has it"
)]

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use posbook::venue::{
    Answer, FillCursor, FillPage, OrderRequest, OrderStatus, PaperVenue, Scope, Venue, VenueError,
    VenueReport,
};
use posbook::{ClientOrderId, Instrument, Timestamp};

use super::dice::Dice;
use super::executor::TaskId;

/// What the wire knows.
#[derive(Debug)]
pub(super) struct Notes {
    dice: Dice,
    /// Percent of the journeys that take time.
    slow: u64,
    /// Per mille of the questions that nobody ever answers.
    hangs: u64,
    now: Timestamp,
    timers: Vec<(Timestamp, Waker)>,
    /// Nothing takes time any more.
    calm: bool,
    /// Whose turn it is.
    pub(super) task: TaskId,
    /// Orders that were handed to the venue.
    pub(super) submitted: Vec<OrderRequest>,
    /// What the venue said of an order, and as of when.
    pub(super) said: BTreeMap<ClientOrderId, Vec<(Timestamp, OrderStatus)>>,
    /// Who was given a position report, and which.
    pub(super) reported: Vec<(TaskId, VenueReport)>,
    /// A report was made in this very instant: the market may not go on in it.
    pub(super) pictured: bool,
}

/// The venue as the bot reaches it.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    pub(super) paper: PaperVenue,
    notes: Arc<Mutex<Notes>>,
}

impl Wire {
    pub(super) fn new(paper: PaperVenue, dice: Dice, slow: u64, hangs: u64) -> Self {
        let notes = Notes {
            dice,
            slow,
            hangs,
            now: Timestamp(0),
            timers: Vec::new(),
            calm: false,
            task: 0,
            submitted: Vec::new(),
            said: BTreeMap::new(),
            reported: Vec::new(),
            pictured: false,
        };
        Self { paper, notes: Arc::new(Mutex::new(notes)) }
    }

    pub(super) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Market time goes on: who has waited long enough can go on too.
    pub(super) fn advance(&self, now: Timestamp) {
        let mut notes = self.notes();
        notes.now = now;
        let calm = notes.calm;
        let due = notes.timers.extract_if(.., |(until, _)| calm || *until <= now).collect::<Vec<_>>();
        drop(notes);
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// From here on nothing takes time.
    pub(super) fn calm(&self) {
        let now = {
            let mut notes = self.notes();
            notes.calm = true;
            notes.now
        };
        self.advance(now);
    }

    /// A while of market time.
    pub(super) fn pause(&self, long: Duration) -> Pause {
        let until = self.notes().now.plus(long);
        Pause { wire: self.clone(), until }
    }

    /// On the way, there or back.
    async fn travel(&self) {
        let long = {
            let mut notes = self.notes();
            let (slow, hangs) = (notes.slow, notes.hangs);
            if notes.calm || !notes.dice.percent(slow) {
                return;
            }
            match notes.dice.below(1_000) {
                n if n < hangs => Duration::from_secs(1_000_000),
                // A turn of the others, without any time.
                n if n < 400 => Duration::ZERO,
                n if n < 950 => Duration::from_millis(notes.dice.between(1, 300)),
                _ => Duration::from_millis(notes.dice.between(300, 3_000)),
            }
        };
        if long.is_zero() { YieldNow(false).await } else { self.pause(long).await }
    }

    fn heard(&self, order: ClientOrderId, as_of: Timestamp, status: &OrderStatus) {
        self.notes().said.entry(order).or_default().push((as_of, status.clone()));
    }
}

impl Venue for Wire {
    fn name(&self) -> &str {
        "paper"
    }

    async fn instruments(&self) -> Result<Vec<Instrument>, VenueError> {
        self.paper.instruments().await
    }

    async fn submit(&self, order: OrderRequest) -> Result<Answer, VenueError> {
        let id = order.client_id;
        self.notes().submitted.push(order.clone());
        self.travel().await;
        let answer = self.paper.submit(order).await;
        let as_of = self.notes().now;
        self.travel().await;
        if let Ok(answer) = &answer {
            self.heard(id, as_of, &answer.status);
        }
        answer
    }

    async fn cancel(&self, order: ClientOrderId) -> Result<OrderStatus, VenueError> {
        self.travel().await;
        let status = self.paper.cancel(order).await;
        let as_of = self.notes().now;
        self.travel().await;
        if let Ok(status) = &status {
            self.heard(order, as_of, status);
        }
        status
    }

    async fn order(&self, order: ClientOrderId) -> Result<OrderStatus, VenueError> {
        self.travel().await;
        let status = self.paper.order(order).await;
        let as_of = self.notes().now;
        self.travel().await;
        if let Ok(status) = &status {
            self.heard(order, as_of, status);
        }
        status
    }

    async fn fills_since(&self, cursor: FillCursor) -> Result<FillPage, VenueError> {
        self.travel().await;
        let page = self.paper.fills_since(cursor).await;
        self.travel().await;
        page
    }

    async fn positions(&self, scope: Scope) -> VenueReport {
        self.travel().await;
        let report = self.paper.positions(scope).await;
        self.notes().pictured = true;
        self.travel().await;
        let mut notes = self.notes();
        let task = notes.task;
        notes.reported.push((task, report.clone()));
        drop(notes);
        report
    }
}

/// Waits for market time.
pub(super) struct Pause {
    wire: Wire,
    until: Timestamp,
}

impl Future for Pause {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut notes = self.wire.notes();
        if notes.calm || notes.now >= self.until {
            return Poll::Ready(());
        }
        notes.timers.push((self.until, context.waker().clone()));
        Poll::Pending
    }
}

/// Lets the others have a turn.
struct YieldNow(bool);

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
