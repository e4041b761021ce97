//! Closed positions: every life that ended, told from the changes. The last so many stay in memory; all are in the journal.

use std::collections::{BTreeMap, VecDeque};

use rust_decimal::Decimal;

use super::ending::Ending;
use super::figure::{Figure, Sum, Unknown};
use super::life::Life;
use super::moved::moved;
use crate::book::Snapshot;
use crate::error::{Reason, Rejection};
use crate::model::{
    Change, Command, Effect, Excursion, Instrument, InstrumentId, KeyState, Kind, Position, PositionId,
    PositionKey, Quantity, Sequence, Side, Sums, Timestamp,
};
use crate::sync::Arc;

/// So many changes are named behind one life.
const MOST_NAMED: usize = 256;

/// Every life, told from the changes of a book: memory is bounded by what is open and by how many ended ones are kept.
///
/// ```
/// let lives = posbook::analytics::Lives::new(1_000);
/// assert_eq!((lives.count(), lives.ended().count()), (0, 0));
/// ```
#[derive(Debug, Clone)]
pub struct Lives {
    keep: usize,
    ended: VecDeque<Arc<Life>>,
    count: u64,
    open: BTreeMap<PositionKey, Open>,
    instruments: BTreeMap<InstrumentId, Arc<Instrument>>,
    sequence: Sequence,
}

/// A life that goes on.
#[derive(Debug, Clone)]
struct Open {
    position: PositionId,
    side: Side,
    since: Timestamp,
    entered: Volume,
    left: Volume,
    peak: Quantity,
    fees: Sums,
    funding: Sums,
    fills: u64,
    booked_by: Vec<Sequence>,
    fault: Option<Unknown>,
}

/// So many contracts for so much, in the sign of costs.
#[derive(Debug, Clone, Default)]
struct Volume {
    quantity: Sum,
    value: Sum,
}

impl Volume {
    fn average(&self, instrument: &Instrument) -> Figure {
        let (Some(quantity), Some(value)) = (self.quantity.get(), self.value.get()) else {
            return Figure::Unknown(Unknown::NumericRange);
        };
        match Quantity::new(quantity) {
            Ok(quantity) if quantity.is_zero() => Figure::Unknown(Unknown::Nothing { of: "fill" }),
            Ok(quantity) => instrument.average(value, quantity).into(),
            Err(_) => Figure::Unknown(Unknown::NumericRange),
        }
    }
}

impl Lives {
    /// Begins with a book in which nothing has happened yet, and keeps the last `keep` lives that ended.
    pub fn new(keep: usize) -> Self {
        Self {
            keep,
            ended: VecDeque::new(),
            count: 0,
            open: BTreeMap::new(),
            instruments: BTreeMap::new(),
            sequence: Sequence(0),
        }
    }

    /// Begins with a book as it stands. Of lives that are open there, what they paid and who filled them before is unknown.
    ///
    /// ```
    /// use posbook::{Book, analytics::Lives};
    ///
    /// let book = Book::builder().build()?;
    /// let lives = Lives::begin(&book.snapshot(), 1_000);
    /// assert_eq!(lives.sequence(), book.snapshot().sequence());
    /// # Ok::<(), posbook::Error>(())
    /// ```
    pub fn begin(view: &Snapshot, keep: usize) -> Self {
        let mut lives = Self { sequence: view.sequence(), ..Self::new(keep) };
        for (id, instrument) in view.instruments() {
            lives.instruments.insert(id, Arc::new(instrument.clone()));
        }
        for position in view.iter() {
            let open = Open::born(position, position.opened_at, Some(Unknown::BeganBefore));
            lives.open.insert(position.key, open);
        }
        lives
    }

    /// Takes note of the next change. Returns the life that it ended.
    ///
    /// # Errors
    /// It is not the next one; nothing is changed then. After [`Lagged`](crate::Lagged) read what is missing from the journal,
    /// or begin again with a snapshot.
    pub fn follow(&mut self, change: &Change) -> Result<Option<Arc<Life>>, Rejection> {
        if change.sequence != self.sequence.after(1) {
            let rule = "is not the sequence that comes next; changes are missing or out of order";
            return Err(Reason::OutOfRange { what: "change", value: change.sequence.0.into(), rule }.into());
        }
        self.sequence = change.sequence;
        match &change.effect {
            Effect::Instrument { id, instrument } => {
                self.instruments.insert(*id, Arc::clone(instrument));
                Ok(None)
            }
            Effect::Key { before, after, kind, .. } => {
                Ok(self.key_changed(change, before.as_deref(), after, *kind))
            }
            Effect::Stray { .. } => Ok(None),
        }
    }

    fn key_changed(
        &mut self,
        change: &Change,
        before: Option<&KeyState>,
        after: &KeyState,
        kind: Kind,
    ) -> Option<Arc<Life>> {
        let was = before.and_then(|before| before.position.as_ref());
        match (was, &after.position) {
            (None, None) => None,
            (None, Some(born)) => {
                let mut open = Open::born(born, change.time, None);
                open.pay(before, after);
                open.filled_by(change);
                self.open.insert(after.key, open);
                None
            }
            // A correction gives a position another name, and it is the same life.
            (Some(was), Some(is)) if was.id == is.id || kind == Kind::Corrected => {
                let open = self.open.get_mut(&after.key)?;
                open.position = is.id;
                open.pay(before, after);
                open.moved(kind, was, is, before, after);
                open.filled_by(change);
                None
            }
            (Some(was), is) => {
                let instrument = self.instruments.get(&after.key.instrument)?;
                let mut open = self.open.remove(&after.key)?;
                open.pay(before, after);
                open.filled_by(change);
                let life = Arc::new(open.end(change, instrument, kind, was, before, after));
                // A trade that was taken back may leave what had stood before it: another life.
                if let Some(is) = is {
                    self.open.insert(after.key, Open::born(is, change.time, None));
                }
                self.count += 1;
                if self.ended.len() >= self.keep {
                    self.ended.pop_front();
                }
                if self.keep > 0 {
                    self.ended.push_back(Arc::clone(&life));
                }
                Some(life)
            }
        }
    }

    /// The lives that ended and are kept, the oldest first.
    pub fn ended(&self) -> impl DoubleEndedIterator<Item = &Life> {
        self.ended.iter().map(|life| &**life)
    }

    /// How many ended, those that are not kept any more included.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// The last change that was followed.
    pub fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// An instrument that was registered.
    pub(super) fn instrument(&self, id: InstrumentId) -> Option<&Arc<Instrument>> {
        self.instruments.get(&id)
    }
}

impl Open {
    fn born(position: &Position, since: Timestamp, fault: Option<Unknown>) -> Self {
        let mut entered = Volume::default();
        entered.quantity.add(position.quantity.get());
        entered.value.add(position.cost);
        Self {
            position: position.id,
            side: position.side,
            since,
            entered,
            left: Volume::default(),
            peak: position.quantity,
            fees: Sums::default(),
            funding: Sums::default(),
            fills: 0,
            booked_by: Vec::new(),
            fault,
        }
    }

    /// Fees and funding that a change moved.
    fn pay(&mut self, before: Option<&KeyState>, after: &KeyState) {
        let [mut fees, mut funding] = [&self.fees, &self.funding].map(Clone::clone);
        let was = before.map(|before| &before.ledger);
        let mut add = |sums: &mut Sums, was, is| {
            for (currency, by) in moved(was, is) {
                if by.is_none_or(|by| sums.add(currency, by).is_err()) {
                    self.fault = Some(Unknown::NumericRange);
                }
            }
        };
        add(&mut fees, was.map(|ledger| &ledger.fees), &after.ledger.fees);
        add(&mut funding, was.map(|ledger| &ledger.funding), &after.ledger.funding);
        (self.fees, self.funding) = (fees, funding);
    }

    fn filled_by(&mut self, change: &Change) {
        let booked = matches!(
            change.kind(),
            Kind::Opened | Kind::ScaledIn | Kind::ScaledOut | Kind::Closed | Kind::Replaced
        );
        if change.kind() == Kind::Busted {
            self.fills = self.fills.saturating_sub(1);
        }
        if booked && matches!(change.command(), Command::Record(_)) {
            self.fills += 1;
            if self.booked_by.len() < MOST_NAMED {
                self.booked_by.push(change.sequence);
            }
        }
    }

    /// A change of a position that stays open. The values of its parts follow from what moved: an entry adds to the cost, a
    /// reduction takes its share and realises the difference.
    fn moved(
        &mut self,
        kind: Kind,
        was: &Position,
        is: &Position,
        before: Option<&KeyState>,
        after: &KeyState,
    ) {
        self.peak = self.peak.max(is.quantity);
        match kind {
            Kind::ScaledIn => {
                self.entered.quantity.add(is.quantity.get());
                self.entered.quantity.take(was.quantity.get());
                self.entered.value.add(is.cost);
                self.entered.value.take(was.cost);
            }
            Kind::ScaledOut => {
                self.left.quantity.add(was.quantity.get());
                self.left.quantity.take(is.quantity.get());
                self.left.value.add(self.brought(before, after));
            }
            // The venue has more: the difference is as if it had been traded at the price that the report gives it.
            Kind::Corrected if is.quantity > was.quantity => {
                self.entered.quantity.add(is.quantity.get());
                self.entered.quantity.take(was.quantity.get());
                self.entered.value.add(self.unaccounted(was, is));
            }
            // The venue has less: what the difference brought nobody knows.
            Kind::Corrected if is.quantity < was.quantity => self.fault = Some(Unknown::Gap),
            // A late fill corrects what an adoption assumed: the cost of what is still open, and the profit of what is not (R8).
            Kind::Replaced => self.entered.value.add(self.unaccounted(was, is)),
            // A fill is taken back: one that had added, or one that had reduced.
            Kind::Busted if is.quantity <= was.quantity => {
                self.entered.quantity.add(is.quantity.get());
                self.entered.quantity.take(was.quantity.get());
                self.entered.value.add(self.unaccounted(was, is));
            }
            Kind::Busted => {
                self.left.quantity.add(was.quantity.get());
                self.left.quantity.take(is.quantity.get());
                self.left.value.take(self.unaccounted(was, is));
            }
            _ => {}
        }
    }

    /// What came in, less what went out, has to move by so much: realised = +-(went out + cost - came in), before and after.
    fn unaccounted(&self, was: &Position, is: &Position) -> Decimal {
        let cost = Sum::of([Some(is.cost), Some(-was.cost)]).get().unwrap_or_default();
        let realised = Sum::of([Some(is.realised), Some(-was.realised)]).get().unwrap_or_default();
        Sum::of([Some(cost), Some(-self.signed(realised))]).get().unwrap_or_default()
    }

    /// What a reduction brought: its cash, in the sign of costs.
    fn brought(&self, before: Option<&KeyState>, after: &KeyState) -> Decimal {
        let was = before.map_or(Decimal::ZERO, |before| before.ledger.cash);
        let cash = Sum::of([Some(after.ledger.cash), Some(-was)]);
        // Both were sums of this very amount: their difference has no more digits.
        self.signed(cash.get().unwrap_or_default())
    }

    fn signed(&self, amount: Decimal) -> Decimal {
        match self.side {
            Side::Long => amount,
            Side::Short => -amount,
        }
    }

    fn end(
        mut self,
        change: &Change,
        instrument: &Instrument,
        kind: Kind,
        was: &Position,
        before: Option<&KeyState>,
        after: &KeyState,
    ) -> Life {
        let (ending, reason) = Ending::of(change);
        let earlier = before.map_or(Decimal::ZERO, |before| before.ledger.realised);
        let last = [after.ledger.realised, -earlier, was.realised];
        let mut realised = Sum::of(last.map(Some)).figure();
        let exit = match kind {
            // Nobody says what the rest brought, or a part before it.
            _ if kind == Kind::Dropped || self.fault == Some(Unknown::Gap) => {
                realised = Figure::Unknown(Unknown::Gap);
                realised
            }
            Kind::Closed => {
                self.left.quantity.add(was.quantity.get());
                self.left.value.add(self.brought(before, after));
                self.left.average(instrument)
            }
            _ => self.left.average(instrument),
        };
        // Where marks were noted, the price of the end is one more.
        let closing = Sum::of([after.ledger.realised, -earlier].map(Some)).get();
        let extremes = was
            .excursion
            .ok_or(Unknown::NotRecorded)
            .and_then(|noted| closing.ok_or(Unknown::NumericRange).map(|last| noted.at_the_end(kind, last)));
        let extreme = |of: fn(&Excursion) -> Decimal| {
            extremes.map_or_else(Figure::Unknown, |all| Figure::Known(of(&all)))
        };
        Life {
            position: self.position,
            key: after.key,
            symbol: instrument.symbol().clone(),
            settle: instrument.settle().clone(),
            side: self.side,
            opened_at: self.since,
            closed_at: change.time,
            closed: change.sequence,
            entry: self.entered.average(instrument),
            exit,
            peak: self.peak,
            realised,
            fees: self.fees,
            funding: self.funding,
            ending,
            reason,
            fills: self.fills,
            booked_by: self.booked_by,
            favourable: extreme(Excursion::favourable),
            adverse: extreme(Excursion::adverse),
            tags: was.tags.clone(),
            fault: self.fault,
        }
    }
}
