//! The venue's own memory: a paper venue that writes down what it is asked before it does it, so that it is the same venue
//! after a kill. It shares nothing with the journal: one line of text an event, and the venue itself again from those.
//!
//! The paper venue does the same for the same questions at the same ticks, and the ticks are in the tape. So a line is a
//! question and how many ticks the venue had seen; what it answers is said only after a line that covers those ticks.

use std::fs::{File, OpenOptions};
use std::future::Future;
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use posbook::venue::{
    Answer, FillCursor, FillPage, OrderRequest, OrderStatus, PaperAccount, PaperStats, PaperVenue, Scope,
    Venue, VenueError, VenueReport,
};
use posbook::{ClientOrderId, Instrument, Price, Symbol, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Failure;

/// What was asked of the venue.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Event {
    Submit(OrderRequest),
    Cancel(ClientOrderId),
    /// What became of an order: the venue counts how often it was asked.
    Order(ClientOrderId),
    /// What is open: it counts those too.
    Positions(Scope),
    Advance(Timestamp),
    Finish,
    /// Something was said that follows from the ticks up to here.
    Seen,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    /// Ticks of the tape that the venue had seen.
    ticks: usize,
    event: Event,
}

/// A paper venue with a memory, or without one. A clone is another handle on the same one.
#[derive(Debug, Clone)]
pub struct TruthVenue {
    paper: PaperVenue,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Debug, Default)]
struct Memory {
    file: Option<File>,
    ticks: usize,
    /// Ticks that the last line covers.
    covered: usize,
    /// The first line that could not be written: from then on the venue says nothing any more.
    broken: Option<String>,
}

impl Memory {
    /// Writes a line down and syncs it.
    fn note(&mut self, event: Event) -> Result<(), VenueError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        if let Some(broken) = &self.broken {
            return Err(VenueError::new(broken.clone()));
        }
        let write = || -> std::io::Result<()> {
            let mut line = serde_json::to_string(&Line { ticks: self.ticks, event })?;
            line.push('\n');
            file.write_all(line.as_bytes())?;
            file.sync_data()
        };
        match write() {
            Ok(()) => {
                self.covered = self.ticks;
                Ok(())
            }
            Err(wrong) => {
                let broken = format!("the venue's memory could not be written: {wrong}");
                self.broken = Some(broken.clone());
                Err(VenueError::new(broken))
            }
        }
    }

    /// Before something is said that may follow from any tick so far.
    fn cover(&mut self) -> Result<(), VenueError> {
        if self.covered < self.ticks { self.note(Event::Seen) } else { Ok(()) }
    }
}

impl TruthVenue {
    /// A venue that remembers nothing.
    pub fn forgetful(paper: PaperVenue) -> Self {
        Self { paper, memory: Arc::default() }
    }

    /// A venue that goes on where its memory in a folder ends. `tick` tells the bare venue one tick of the tape by number.
    pub fn remembering(
        paper: PaperVenue,
        folder: &Path,
        mut tick: impl FnMut(&PaperVenue, usize),
    ) -> Result<Self, Failure> {
        let path = folder.join("venue.jsonl");
        let environment =
            |wrong: std::io::Error| Failure::Environment(format!("{}: {wrong}", path.display()));
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(environment)?;
        let (mut ticks, mut whole) = (0, 0);
        for (number, line) in BufReader::new(&file).split(b'\n').enumerate() {
            let line = line.map_err(environment)?;
            // The last line may be half written; it was answered by nobody.
            let Ok(read) = serde_json::from_slice::<Line>(&line) else {
                let left =
                    file.metadata().map_err(environment)?.len().saturating_sub(whole + line.len() as u64);
                if left > 1 {
                    let wrong = format!("{}:{}: this is no event of a venue", path.display(), number + 1);
                    return Err(Failure::Input(wrong));
                }
                break;
            };
            whole += line.len() as u64 + 1;
            while ticks < read.ticks {
                tick(&paper, ticks);
                ticks += 1;
            }
            again(&paper, read.event);
        }
        file.set_len(whole).map_err(environment)?;
        file.seek(SeekFrom::End(0)).map_err(environment)?;
        let memory = Memory { file: Some(file), ticks, covered: ticks, broken: None };
        Ok(Self { paper, memory: Arc::new(Mutex::new(memory)) })
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ticks of the tape that it has seen.
    pub fn ticks(&self) -> usize {
        self.memory().ticks
    }

    /// The next tick of the tape. `None`: one that moves nothing.
    pub fn tick(&self, of: Option<(&Symbol, Price, Timestamp)>) {
        let mut memory = self.memory();
        memory.ticks += 1;
        if let Some((symbol, price, time)) = of {
            let _ = self.paper.tick(symbol, price, time);
        }
    }

    pub fn advance(&self, time: Timestamp) {
        let mut memory = self.memory();
        if memory.note(Event::Advance(time)).is_ok() {
            self.paper.advance(time);
        }
    }

    pub fn finish(&self) {
        let mut memory = self.memory();
        // Whoever waits must wake, whatever could be written.
        let _ = memory.note(Event::Finish);
        self.paper.finish();
    }

    pub fn now(&self) -> Timestamp {
        self.paper.now()
    }

    pub fn ledger(&self) -> Vec<PaperAccount> {
        self.paper.ledger()
    }

    pub fn open_orders(&self) -> Vec<ClientOrderId> {
        self.paper.open_orders()
    }

    pub fn stats(&self) -> PaperStats {
        self.paper.stats()
    }
}

/// Does what was asked once more, and listens to no answer.
fn again(paper: &PaperVenue, event: Event) {
    match event {
        // It is sent when it is called; nobody waits for the answer.
        Event::Submit(order) => drop(paper.submit(order)),
        Event::Cancel(order) => drop(pollster::block_on(paper.cancel(order))),
        Event::Order(order) => drop(pollster::block_on(paper.order(order))),
        Event::Positions(scope) => drop(pollster::block_on(paper.positions(scope))),
        Event::Advance(time) => paper.advance(time),
        Event::Finish => paper.finish(),
        Event::Seen => {}
    }
}

impl Venue for TruthVenue {
    fn name(&self) -> &str {
        self.paper.name()
    }

    async fn instruments(&self) -> Result<Vec<Instrument>, VenueError> {
        self.paper.instruments().await
    }

    fn submit(&self, order: OrderRequest) -> impl Future<Output = Result<Answer, VenueError>> + Send {
        // Sent when it is called, under the memory's lock: written down in the order in which it happens.
        let sent = {
            let mut memory = self.memory();
            memory.note(Event::Submit(order.clone())).map(|()| self.paper.submit(order))
        };
        let this = self.clone();
        async move {
            let answer = sent?.await;
            this.memory().cover()?;
            answer
        }
    }

    async fn cancel(&self, order: ClientOrderId) -> Result<OrderStatus, VenueError> {
        let mut memory = self.memory();
        memory.note(Event::Cancel(order))?;
        pollster::block_on(self.paper.cancel(order))
    }

    async fn order(&self, order: ClientOrderId) -> Result<OrderStatus, VenueError> {
        let mut memory = self.memory();
        memory.note(Event::Order(order))?;
        pollster::block_on(self.paper.order(order))
    }

    async fn fills_since(&self, cursor: FillCursor) -> Result<FillPage, VenueError> {
        let mut memory = self.memory();
        let page = pollster::block_on(self.paper.fills_since(cursor))?;
        if !page.fills.is_empty() {
            memory.cover()?;
        }
        Ok(page)
    }

    async fn positions(&self, scope: Scope) -> VenueReport {
        let mut memory = self.memory();
        match memory.note(Event::Positions(scope.clone())) {
            Ok(()) => pollster::block_on(self.paper.positions(scope)),
            Err(wrong) => VenueReport::failed(scope, wrong.to_string()),
        }
    }
}
