//! A history: what each thread asked of one book, what came, and when, in the ticks of one counter.
//!
//! An event *precedes* another if it returned before the other was invoked; two that do not precede each other overlap,
//! and may have taken effect in either order.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use posbook::{
    Answer, Book, Cause, Command, InstrumentId, Observed, ObservedMark, Publication, Reason, Replica,
    Sequence, Settlement, Snapshot, Timestamp,
};

use crate::recorder::Recorder;

/// One call into the book.
#[derive(Debug, Clone)]
pub struct Event {
    /// Who called.
    pub thread: u32,
    /// The tick before the call.
    pub invoked: u64,
    /// The tick after it.
    pub returned: u64,
    /// What was asked.
    pub asked: Asked,
    /// What came.
    pub came: Came,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A command, or the commands of a batch.
    Commands(Vec<Command>),
    /// The newest picture, as a snapshot.
    Snapshot,
    /// The newest picture, through a reader.
    Reader,
    /// The next publication after this sequence.
    Feed {
        /// Where the subscriber stood.
        after: Sequence,
    },
    /// The book's clock was put to another time.
    Clock,
}

/// What came.
#[derive(Debug, Clone)]
pub enum Came {
    /// It was published, and this is what the caller was told of that.
    Published {
        /// The last sequence it took.
        last: Sequence,
        /// The changes, where the call hands them out.
        publication: Option<Publication>,
        /// What became of the command, where the call says so.
        answer: Option<Answer>,
    },
    /// There was nothing to do.
    Nothing {
        /// What became of the command, where the call says so.
        answer: Option<Answer>,
    },
    /// It went well; whether anything was published, a handle does not say.
    Accepted {
        /// Whether the order is finished, where the call says so.
        settled: Option<Settlement>,
        /// How many changes there were, where the call says so.
        changes: Option<usize>,
    },
    /// It was refused, and why.
    Refused(Box<Reason>),
    /// Nobody was told: a handle was dropped.
    Untold,
    /// A picture.
    Picture {
        /// Its sequence.
        sequence: Sequence,
        /// The fingerprint of its content, if it was taken.
        digest: Option<u128>,
        /// The picture itself, if it was kept.
        view: Option<Snapshot>,
    },
    /// The next publication of the feed.
    Item(Publication),
    /// There was none yet.
    NoItem,
    /// So many changes were missed.
    Lagged(u64),
    /// The clock stands there from now on.
    Time(Timestamp),
}

impl Event {
    /// Whether it was over before the other began.
    pub fn precedes(&self, other: &Event) -> bool {
        self.returned < other.invoked
    }

    /// The commands, if any were asked.
    pub fn commands(&self) -> &[Command] {
        match &self.asked {
            Asked::Commands(commands) => commands,
            _ => &[],
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{:>6}, {:>6}] thread {}  ", self.invoked, self.returned, self.thread)?;
        match &self.asked {
            Asked::Commands(commands) => {
                for (n, command) in commands.iter().enumerate() {
                    f.write_str(if n == 0 { "" } else { " and " })?;
                    describe(f, command)?;
                }
            }
            Asked::Snapshot => f.write_str("snapshot")?,
            Asked::Reader => f.write_str("reader")?,
            Asked::Feed { after } => write!(f, "feed after {after}")?,
            Asked::Clock => f.write_str("clock")?,
        }
        f.write_str("  ->  ")?;
        match &self.came {
            Came::Published { last, publication, .. } => match publication.as_ref().map(Publication::first) {
                Some(first) if first < *last => write!(f, "published {first} to {last}"),
                _ => write!(f, "published {last}"),
            },
            Came::Nothing { .. } => f.write_str("nothing to do"),
            Came::Accepted { settled: Some(settled), .. } => write!(f, "accepted, {settled:?}"),
            Came::Accepted { changes: Some(changes), .. } => write!(f, "accepted, {changes} changes"),
            Came::Accepted { .. } => f.write_str("accepted"),
            Came::Refused(reason) => write!(f, "refused: {reason}"),
            Came::Untold => f.write_str("nobody was told"),
            Came::Picture { sequence, digest, .. } => {
                write!(f, "sequence {sequence}")?;
                digest.map_or(Ok(()), |digest| write!(f, ", content {:08x}", digest as u32))
            }
            Came::Item(publication) => write!(f, "{} to {}", publication.first(), publication.last()),
            Came::NoItem => f.write_str("nothing yet"),
            Came::Lagged(missed) => write!(f, "{missed} missed"),
            Came::Time(time) => write!(f, "{} ns", time.0),
        }
    }
}

/// A command in one line.
fn describe(f: &mut fmt::Formatter<'_>, command: &Command) -> fmt::Result {
    f.write_str(command.name())?;
    match command {
        Command::Record(fill) => {
            write!(f, " {} {} {} @ {}", fill.instrument, fill.side, fill.quantity, fill.price)?;
            match &fill.shape {
                posbook::Shape::Trade { id } => write!(f, " (trade {id}"),
                posbook::Shape::Cumulative => write!(f, " (so far"),
            }?;
            match &fill.order {
                posbook::OrderRef::Ours(id) => write!(f, " of order {})", id.sequence),
                _ => f.write_str(" of no order of ours)"),
            }
        }
        Command::Open(wish) => write!(f, " {}, {} {}", wish.key, wish.side, wish.quantity),
        Command::ScaleIn(wish) => write!(f, " {}, {}", wish.key, wish.quantity),
        Command::ScaleOut(wish) | Command::Close(wish) => write!(f, " {}, {:?}", wish.key, wish.amount),
        Command::Step { key, order, .. } => write!(f, " order {} on {key}", order.sequence),
        other => other.key().map_or(Ok(()), |key| write!(f, " {key}")),
    }
}

/// What commands are decided on besides the state: the clock, which only a recorded event moves, and marks that stand
/// still and are never too old. So the question of a command that was refused can be put together again.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// The clock before any event moved it.
    pub time: Timestamp,
    /// The mark of each instrument that has one.
    pub marks: BTreeMap<InstrumentId, ObservedMark>,
}

impl Given {
    /// As it is on this book now. From here on its marks must stand still.
    pub fn of(book: &Book) -> Self {
        let view = book.snapshot();
        let marks = view.instruments().filter_map(|(id, _)| {
            let mark = book.fresh_mark(id)?;
            Some((id, ObservedMark { instrument: id, price: mark.price, time: mark.time }))
        });
        Self { time: book.now(), marks: marks.collect() }
    }

    /// The cause that the book makes of these commands at this time. `None`: there is no command.
    pub fn cause(&self, commands: &[Command], time: Timestamp) -> Option<Arc<Cause>> {
        let (command, then) = commands.split_first()?;
        let mut observed = Observed { time, ..Observed::default() };
        for key in commands.iter().filter_map(Command::key) {
            if observed.mark(key.instrument).is_none()
                && let Some(mark) = self.marks.get(&key.instrument)
            {
                observed.marks.push(*mark);
            }
        }
        Some(Arc::new(Cause { command: command.clone(), then: then.to_vec(), observed }))
    }
}

/// Everything that was recorded of one book, and the one order that it published.
#[derive(Debug, Clone)]
pub struct History {
    /// The clock and the marks.
    pub given: Given,
    /// The book as it was when the recording began.
    pub before: Replica,
    /// Everything that was published since, as the feed has it.
    pub publications: Vec<Publication>,
    /// Every call, in the order of their first tick.
    pub events: Vec<Event>,
}

/// A history cannot be put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unrecorded(pub String);

impl fmt::Display for Unrecorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unrecorded {}

/// A recording under way. Everything before it is the stage; from here on every call that writes must be recorded.
///
/// The feed's window ([`posbook::Builder::window`]) must hold all that is published meanwhile: the one order is read from
/// it at the end.
#[derive(Debug)]
pub struct Recording {
    ticks: Arc<AtomicU64>,
    given: Given,
    before: Replica,
    last: Sequence,
}

impl Recording {
    /// Begins with the book as it stands.
    ///
    /// # Errors
    /// The feed's window does not reach back to the book's first change, or the changes do not fold.
    pub fn begin(book: &Book) -> Result<Self, Unrecorded> {
        let mut before = book.replica();
        for publication in read(book, Sequence(0))? {
            for change in publication.iter() {
                before
                    .apply(change)
                    .map_err(|wrong| Unrecorded(format!("the stage does not fold: {wrong}")))?;
            }
        }
        let last = before.sequence();
        Ok(Self { ticks: Arc::default(), given: Given::of(book), before, last })
    }

    /// A recorder for one thread.
    pub fn recorder(&self, thread: u32) -> Recorder {
        Recorder::new(thread, Arc::clone(&self.ticks))
    }

    /// Puts the threads' records together.
    ///
    /// # Errors
    /// The feed's window does not hold all that was published since.
    pub fn end(
        self,
        book: &Book,
        recorders: impl IntoIterator<Item = Recorder>,
    ) -> Result<History, Unrecorded> {
        let mut events: Vec<Event> = recorders.into_iter().flat_map(Recorder::into_events).collect();
        events.sort_by_key(|event| event.invoked);
        let publications = read(book, self.last)?;
        Ok(History { given: self.given, before: self.before, publications, events })
    }
}

/// Everything the feed has after a sequence. Gaps in it are for the witness to find.
fn read(book: &Book, after: Sequence) -> Result<Vec<Publication>, Unrecorded> {
    let mut feed = book.changes_after(after);
    let mut publications = Vec::new();
    while let Some(item) = feed.try_next() {
        let lagged = |lagged| Unrecorded(format!("{lagged}: build the book with a larger window"));
        publications.push(item.map_err(lagged)?);
    }
    Ok(publications)
}

impl History {
    /// How many events overlap an event of another thread.
    pub fn overlapping(&self) -> u64 {
        let mut latest: BTreeMap<u32, (u64, usize)> = BTreeMap::new();
        let mut overlaps = vec![false; self.events.len()];
        for (n, event) in self.events.iter().enumerate() {
            for (thread, (returned, other)) in &latest {
                if *thread != event.thread && *returned > event.invoked {
                    for place in [n, *other] {
                        if let Some(mark) = overlaps.get_mut(place) {
                            *mark = true;
                        }
                    }
                }
            }
            let of_thread = latest.entry(event.thread).or_insert((event.returned, n));
            if event.returned >= of_thread.0 {
                *of_thread = (event.returned, n);
            }
        }
        overlaps.iter().filter(|overlaps| **overlaps).count() as u64
    }
}

/// The moves of the clock: when it may have stood where. One thread moves it, so they are in order.
#[derive(Debug)]
pub(crate) struct Clocks {
    first: Timestamp,
    moves: Vec<(u64, u64, Timestamp)>,
}

impl Clocks {
    pub(crate) fn new(history: &History) -> Self {
        let moves = history.events.iter().filter_map(|event| match event.came {
            Came::Time(time) => Some((event.invoked, event.returned, time)),
            _ => None,
        });
        Self { first: history.given.time, moves: moves.collect() }
    }

    /// Where it may have stood while an event ran.
    pub(crate) fn times(&self, event: &Event) -> impl Iterator<Item = Timestamp> {
        let done = self.moves.partition_point(|(_, returned, _)| *returned < event.invoked);
        let (before, after) = self.moves.split_at(done);
        let during = after.iter().take_while(|(invoked, ..)| *invoked < event.returned);
        let first = before.last().map_or(self.first, |(.., time)| *time);
        std::iter::once(first).chain(during.map(|(.., time)| *time))
    }
}
