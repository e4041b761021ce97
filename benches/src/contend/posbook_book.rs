//! posbook itself, as shipped, and without the reuse of its bodies.

use posbook::{
    Book, Clock, Command, Fill, FillOutcome, Instrument, InstrumentId, Limits, OrderSide, Price, Reader,
    Sequence, Snapshot, Timestamp,
};

use super::{Can, Contender, Picture, Seen, Start, Worker};

/// `REUSE`: bodies are used again.
#[derive(Debug)]
pub struct Of<const REUSE: bool> {
    book: Book,
    ids: Vec<InstrumentId>,
}

/// As everybody has it.
pub type Posbook = Of<true>;
/// Every write copies its path.
pub type PosbookCopying = Of<false>;

impl<const REUSE: bool> Contender for Of<REUSE> {
    const NAME: &'static str = if REUSE { "posbook" } else { "posbook, copying" };
    const CAN: Can = Can { picture: true, batch: true, record: true };
    type Worker<'a> = Handle<'a>;

    /// Positions come into the book as everything does: by fills.
    fn new(start: &Start) -> Self {
        let count = start.rows.len();
        let limits = Limits { positions: count.max(1), ..Limits::default() };
        let book = Book::builder()
            .instruments(count)
            .limits(limits)
            .reuse(REUSE)
            .clock(Clock::manual(Timestamp::from_millis(1)))
            .build()
            .expect("it is buildable");
        let mut ids = Vec::with_capacity(count);
        for (key, row) in start.rows.iter().enumerate() {
            let instrument =
                Instrument::linear(&Start::symbol(key), "0.0001", "0.001").expect("it is well formed");
            let id = book.register(instrument).expect("there is room");
            let price = crate::price("50000");
            let name = format!("start-{key}").parse().expect("it is a name");
            let fill = Fill::trade(id, name, OrderSide::Buy, row.quantity, price);
            book.record(fill.at(Timestamp(1))).expect("it is a fill");
            ids.push(id);
        }
        Self { book, ids }
    }

    fn worker(&self) -> Handle<'_> {
        Handle { book: &self.book, ids: &self.ids, reader: self.book.reader() }
    }

    fn sequences(&self) -> Vec<u64> {
        let last = self.book.snapshot().sequence().0;
        let mut feed = self.book.changes_after(Sequence(last.saturating_sub(1_000)));
        let units = std::iter::from_fn(|| feed.try_next().and_then(Result::ok));
        units.flat_map(|unit| unit.iter().map(|change| change.sequence.0).collect::<Vec<_>>()).collect()
    }
}

/// One thread's.
#[derive(Debug)]
pub struct Handle<'a> {
    book: &'a Book,
    ids: &'a [InstrumentId],
    reader: Reader,
}

#[inline]
fn seen(view: &Snapshot, id: InstrumentId) -> Seen {
    view.key(id).map_or(Seen { quantity: 0, fills: 0 }, |stands| Seen {
        quantity: stands.position.as_ref().map_or(0, |open| open.quantity.get().mantissa()),
        fills: stands.ledger.fills,
    })
}

impl Worker for Handle<'_> {
    fn read(&mut self, key: usize) -> Seen {
        seen(self.reader.view(), self.ids[key])
    }

    fn get(&mut self, key: usize) -> Seen {
        seen(&self.book.snapshot(), self.ids[key])
    }

    fn tick(&mut self, key: usize, price: Price, time: Timestamp) {
        let _ = self.book.mark_at(self.ids[key], price, time);
    }

    fn fill(&mut self, key: usize, mut fill: Fill) -> bool {
        fill.instrument = self.ids[key];
        matches!(self.book.record(fill).map(|recorded| recorded.outcome), Ok(FillOutcome::Booked { .. }))
    }

    fn batch(&mut self, stop: Price) -> bool {
        self.book.submit(self.ids.iter().map(|id| Command::retarget(*id).stop(stop).into())).is_ok()
    }

    fn take(&mut self) {
        std::hint::black_box(self.book.snapshot());
    }

    fn sweep(&mut self) -> Picture {
        let view = self.book.snapshot();
        Picture { counted: Some(view.totals().fills), summed: view.keys().map(|key| key.ledger.fills).sum() }
    }
}
