//! A thread's own record of what it asks: every call into the book goes through here and leaves an event.
//!
//! A recorder belongs to one thread and shares nothing but the counter of ticks, which is taken once before the call and
//! once after it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

use posbook::{
    Answer, Batch, Book, Changes, ClientOrderId, Clock, Command, Fill, Lagged, OrderStep, PositionKey,
    Publication, Published, Quantity, Reader, Recorded, Rejection, Reservation, Sent, Sequence, Settlement,
    Snapshot, Timestamp,
};

use crate::history::{Asked, Came, Event};

/// One thread's record.
#[derive(Debug)]
pub struct Recorder {
    thread: u32,
    ticks: Arc<AtomicU64>,
    events: Vec<Event>,
    /// One picture in so many is fingerprinted: that costs a pass over the whole book.
    digest_every: u64,
    pictures: u64,
    /// Whether pictures are kept, for the search.
    keep_views: bool,
}

impl Recorder {
    pub(crate) fn new(thread: u32, ticks: Arc<AtomicU64>) -> Self {
        Self { thread, ticks, events: Vec::new(), digest_every: 1, pictures: 0, keep_views: false }
    }

    /// Fingerprints one picture in `n` only.
    #[must_use]
    pub fn digest_every(mut self, n: u64) -> Self {
        self.digest_every = n.max(1);
        self
    }

    /// Keeps the pictures themselves, which the search compares.
    #[must_use]
    pub fn keep_views(mut self) -> Self {
        self.keep_views = true;
        self
    }

    /// Which thread this is.
    pub fn thread(&self) -> u32 {
        self.thread
    }

    /// What was recorded so far.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    pub(crate) fn into_events(self) -> Vec<Event> {
        self.events
    }

    /// Makes a call and records it.
    fn call<R>(&mut self, asked: Asked, call: impl FnOnce() -> R, came: impl FnOnce(&R) -> Came) -> R {
        let invoked = self.ticks.fetch_add(1, SeqCst);
        let result = call();
        let returned = self.ticks.fetch_add(1, SeqCst);
        let came = came(&result);
        self.events.push(Event { thread: self.thread, invoked, returned, asked, came });
        result
    }

    /// [`Book::reserve`].
    ///
    /// # Errors
    /// The book's refusal.
    pub fn reserve(&mut self, book: &Book, wish: impl Into<Command>) -> Result<Reservation, Rejection> {
        let command = wish.into();
        let asked = Asked::Commands(vec![command.clone()]);
        self.call(
            asked,
            || book.reserve(command),
            |done| match done {
                Ok(claim) => {
                    let id = claim.client_id();
                    Came::Published {
                        last: id.sequence,
                        publication: None,
                        answer: Some(Answer::Reserved(id)),
                    }
                }
                Err(refused) => refusal(refused),
            },
        )
    }

    /// [`Book::submit`].
    ///
    /// # Errors
    /// The book's refusal.
    pub fn submit(&mut self, book: &Book, commands: Vec<Command>) -> Result<Batch, Rejection> {
        let asked = Asked::Commands(commands.clone());
        self.call(
            asked,
            || book.submit(commands),
            |done| match done {
                Ok(batch) => published(batch.publication.as_ref(), None),
                Err(refused) => refusal(refused),
            },
        )
    }

    /// [`Book::apply`].
    ///
    /// # Errors
    /// The book's refusal.
    pub fn apply(&mut self, book: &Book, wish: impl Into<Command>) -> Result<Published, Rejection> {
        let command = wish.into();
        let asked = Asked::Commands(vec![command.clone()]);
        self.call(
            asked,
            || book.apply(command),
            |done| match done {
                Ok(done) => published(done.publication.as_ref(), Some(done.answer.clone())),
                Err(refused) => refusal(refused),
            },
        )
    }

    /// [`Book::record`].
    ///
    /// # Errors
    /// The book's refusal.
    pub fn record(&mut self, book: &Book, fill: Fill) -> Result<Recorded, Rejection> {
        let asked = Asked::Commands(vec![Command::Record(fill.clone())]);
        self.call(
            asked,
            || book.record(fill),
            |done| match done {
                Ok(Recorded { sequence, outcome }) => {
                    let answer = Some(Answer::Fill(outcome.clone()));
                    match sequence {
                        Some(last) => Came::Published { last: *last, publication: None, answer },
                        None => Came::Nothing { answer },
                    }
                }
                Err(refused) => refusal(refused),
            },
        )
    }

    /// [`Book::expire`].
    pub fn expire(&mut self, book: &Book) -> usize {
        self.call(
            Asked::Commands(vec![Command::Expire]),
            || book.expire(),
            |changes| match changes {
                0 => Came::Nothing { answer: None },
                _ => Came::Accepted { settled: None, changes: Some(*changes) },
            },
        )
    }

    /// [`Reservation::sent`]. Refused, the claim is released by the same call.
    ///
    /// # Errors
    /// The book's refusal.
    pub fn sent(&mut self, claim: Reservation) -> Result<Sent, Rejection> {
        let (key, id) = (claim.order().key, claim.client_id());
        let done = self.step(key, id, OrderStep::Sent, || claim.sent(), |_| None);
        self.dropped_too(done.is_err(), key, id, OrderStep::Release);
        done
    }

    /// Gives a claim up, or drops it.
    pub fn release(&mut self, claim: Reservation) {
        let (key, id) = (claim.order().key, claim.client_id());
        self.call(ask(key, id, OrderStep::Release), || drop(claim), |()| Came::Untold);
    }

    /// [`Sent::working`].
    ///
    /// # Errors
    /// The book's refusal.
    pub fn working(&mut self, sent: &Sent, filled: Quantity) -> Result<(), Rejection> {
        let (key, id) = (sent.order().key, sent.client_id());
        self.step(key, id, OrderStep::Working { filled }, || sent.working(filled), |()| None)
    }

    /// [`Sent::complete`].
    ///
    /// # Errors
    /// The book's refusal.
    pub fn complete(&mut self, sent: Sent, filled: Quantity) -> Result<Settlement, Rejection> {
        self.end(sent, OrderStep::Complete { filled }, |sent| sent.complete(filled))
    }

    /// [`Sent::refused`].
    ///
    /// # Errors
    /// The book's refusal.
    pub fn refused(&mut self, sent: Sent, filled: Quantity, why: &str) -> Result<Settlement, Rejection> {
        self.end(sent, OrderStep::Refused { filled, reason: why.to_owned() }, |sent| {
            sent.refused(filled, why)
        })
    }

    /// [`Sent::corrected`].
    ///
    /// # Errors
    /// The book's refusal.
    pub fn corrected(&mut self, sent: Sent, filled: Quantity, why: &str) -> Result<Settlement, Rejection> {
        self.end(sent, OrderStep::Corrected { filled, reason: why.to_owned() }, |sent| {
            sent.corrected(filled, why)
        })
    }

    /// [`Sent::unknown`].
    ///
    /// # Errors
    /// The book's refusal.
    pub fn unknown(&mut self, sent: Sent, asked: Sequence, time: Timestamp) -> Result<(), Rejection> {
        let (key, id) = (sent.order().key, sent.client_id());
        self.step(key, id, OrderStep::Unknown { asked, time }, || sent.unknown(asked, time), |()| None)
    }

    /// Drops an order without the venue's word: its key is in doubt.
    pub fn lose(&mut self, sent: Sent) -> ClientOrderId {
        let (key, id) = (sent.order().key, sent.client_id());
        self.call(ask(key, id, dropped_doubt()), || drop(sent), |()| Came::Untold);
        id
    }

    /// [`Book::snapshot`].
    pub fn snapshot(&mut self, book: &Book) -> Snapshot {
        let picture = self.picture();
        self.call(Asked::Snapshot, || book.snapshot(), picture)
    }

    /// [`Reader::view`].
    pub fn view(&mut self, reader: &mut Reader) -> Snapshot {
        let picture = self.picture();
        self.call(Asked::Reader, || reader.view().clone(), picture)
    }

    /// [`Changes::try_next`].
    pub fn next(&mut self, feed: &mut Changes) -> Option<Result<Publication, Lagged>> {
        self.call(
            Asked::Feed { after: Changes::position(feed) },
            || feed.try_next(),
            |item| match item {
                Some(Ok(publication)) => Came::Item(publication.clone()),
                Some(Err(lagged)) => Came::Lagged(lagged.missed),
                None => Came::NoItem,
            },
        )
    }

    /// [`Clock::set`]. One thread may move the clock.
    pub fn set_clock(&mut self, clock: &Clock, time: Timestamp) {
        self.call(Asked::Clock, || clock.set(time), |()| Came::Time(time));
    }

    fn step<R>(
        &mut self,
        key: PositionKey,
        id: ClientOrderId,
        step: OrderStep,
        call: impl FnOnce() -> Result<R, Rejection>,
        settled: impl FnOnce(&R) -> Option<Settlement>,
    ) -> Result<R, Rejection> {
        self.call(ask(key, id, step), call, |done| match done {
            Ok(done) => Came::Accepted { settled: settled(done), changes: None },
            Err(refused) => refusal(refused),
        })
    }

    /// Refused, the order is in doubt by the same call.
    fn end(
        &mut self,
        sent: Sent,
        how: OrderStep,
        call: impl FnOnce(Sent) -> Result<Settlement, Rejection>,
    ) -> Result<Settlement, Rejection> {
        let (key, id) = (sent.order().key, sent.client_id());
        let done = self.step(key, id, how, || call(sent), |settled| Some(*settled));
        self.dropped_too(done.is_err(), key, id, dropped_doubt());
        done
    }

    /// A call that was refused dropped its handle on its way out, and that is a command of its own.
    fn dropped_too(&mut self, refused: bool, key: PositionKey, id: ClientOrderId, step: OrderStep) {
        if let Some(Event { invoked, returned, .. }) = self.events.last().filter(|_| refused) {
            let (invoked, returned) = (*invoked, *returned);
            let (asked, came) = (ask(key, id, step), Came::Untold);
            self.events.push(Event { thread: self.thread, invoked, returned, asked, came });
        }
    }

    /// What a picture leaves behind. It is fingerprinted after its second tick: that is no part of the call.
    fn picture(&mut self) -> impl FnOnce(&Snapshot) -> Came + use<> {
        let (digest, keep) = (self.pictures.is_multiple_of(self.digest_every), self.keep_views);
        self.pictures += 1;
        move |view| Came::Picture {
            sequence: view.sequence(),
            digest: digest.then(|| view.digest()),
            view: keep.then(|| view.clone()),
        }
    }
}

fn ask(key: PositionKey, order: ClientOrderId, step: OrderStep) -> Asked {
    Asked::Commands(vec![Command::Step { key, order, step }])
}

/// As the handle says it when it is dropped.
fn dropped_doubt() -> OrderStep {
    OrderStep::Doubt { why: "its holder gave it up without the venue's word".to_owned() }
}

fn refusal(refused: &Rejection) -> Came {
    Came::Refused(Box::new(refused.reason().clone()))
}

fn published(publication: Option<&Publication>, answer: Option<Answer>) -> Came {
    match publication {
        Some(publication) => {
            Came::Published { last: publication.last(), publication: Some(publication.clone()), answer }
        }
        None => Came::Nothing { answer },
    }
}
