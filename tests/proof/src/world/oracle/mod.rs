//! The oracle: what must be true of every change a book publishes, and of the book at rest. It reads changes and
//! snapshots as anybody can, does its own sums, and calls nothing of what decides or applies; the one exception says so
//! itself (the fold of the feed, which is compared with the book).

mod excursions;
mod exits;
mod fills;
mod groups;
mod orders;
mod plans;
mod reports;
#[cfg(feature = "journal")]
mod restart;
mod stops;
mod units;
mod verdict;

pub(super) use groups::{GRID, PLACE};
pub(super) use units::Batch;

use std::collections::{BTreeMap, BTreeSet};

use posbook::venue::{Completeness, OrderStatus};
use posbook::{
    Book, Change, Changes, ClientOrderId, Command, ContractKind, Currency, Effect, Epoch, InstrumentId,
    KeyState, Kind, Order, OrderState, PositionId, PositionKey, Price, Replica, Sequence, Side, Sums,
    Timestamp,
};
use rust_decimal::Decimal;

use super::executor::TaskId;
use super::options::Options;
use super::wire::Wire;

/// Something is so that may not be so: the rule and the figures.
pub(super) type Wrong = String;

/// What the venue has said of orders, and as of when.
type Said = BTreeMap<ClientOrderId, Vec<(Timestamp, OrderStatus)>>;

/// What the oracle remembers.
#[derive(Clone)]
pub(super) struct Oracle {
    changes: Changes,
    fold: Replica,
    last: Sequence,
    wire: Wire,
    /// How many positions the book allows.
    positions: u64,
    /// How many of them may have the tag of the group. 0: nothing is tagged.
    grid: u64,
    /// The bot's clock against the venue's, in milliseconds.
    skew: i64,
    /// What a key may be worth.
    key_notional: Decimal,
    listed: BTreeMap<InstrumentId, Listed>,
    /// The last prices that the bot has heard, and when, by its clock.
    marks: BTreeMap<InstrumentId, (Price, Timestamp)>,
    /// Units by their first sequence: their last.
    units: BTreeMap<Sequence, Sequence>,
    /// Tiers that have fired, by life and profit, and the order that each made.
    tiers: BTreeMap<(PositionId, Decimal), ClientOrderId>,
    /// Every name that an order or a position has had.
    names: BTreeSet<(bool, Epoch, Sequence)>,
    /// In how many runs in a row the difference of a key was met and not decided.
    skipped: BTreeMap<PositionKey, u32>,
    /// Fills that nobody could book and that are kept as they came.
    kept: BTreeSet<String>,
    /// As they stand after the last change.
    keys: BTreeMap<PositionKey, KeyState>,
    /// The sequence of the last change on an instrument, and the venue time of its newest fill.
    touched: BTreeMap<InstrumentId, (Sequence, Option<Timestamp>)>,
    /// Identities of the fills that were booked.
    booked: BTreeSet<String>,
    /// What a fill is still to move, in a unit of several changes.
    unit: Decimal,
    /// Orders that were allowed to leave, and by whom.
    sent: BTreeMap<ClientOrderId, (Order, TaskId)>,
    left: BTreeSet<ClientOrderId>,
    submits: usize,
    reports: usize,
    /// Reports that had come before a restart, while new risk has to wait for another one (R15).
    waits: Option<usize>,
    /// Reductions that left and of which a restart knew nothing, and the key of each: they do not wait for the disk (R15).
    pub(super) forgotten: BTreeMap<ClientOrderId, PositionKey>,
    histories: BTreeMap<PositionKey, reports::History>,
    /// Everything on its way has arrived, and every fill is booked.
    pub(super) resting: bool,
    /// Orders that were in doubt.
    pub(super) doubts: BTreeSet<ClientOrderId>,
    /// Known limits that were met, by name.
    pub(super) exempt: BTreeMap<&'static str, u64>,
}

/// What the oracle has to know of an instrument.
#[derive(Debug, Clone, Default)]
struct Listed {
    kind: Option<ContractKind>,
    /// The currency of which a spot buyer's fee is.
    base: Option<Currency>,
    settle: Option<Currency>,
    size: Decimal,
    minimum: Decimal,
    money_scale: u32,
}

impl Listed {
    /// What so many contracts are worth at a price, for a limit: never below zero.
    fn worth(&self, quantity: Decimal, price: Decimal) -> Decimal {
        let contracts = quantity * self.size;
        match self.kind {
            Some(ContractKind::Inverse) => contracts.checked_div(price).unwrap_or_default(),
            _ => contracts * price,
        }
    }

    /// What of a fill's fees was taken from what it moved.
    fn taken(&self, fees: &Sums) -> Decimal {
        let spot = self.base.as_ref().filter(|_| self.kind == Some(ContractKind::Spot));
        spot.map_or(Decimal::ZERO, |base| fees.of(base))
    }
}

/// A key before and after a change.
struct Step<'a> {
    change: &'a Change,
    kind: Kind,
    before: &'a KeyState,
    after: &'a KeyState,
}

impl Oracle {
    pub(super) fn new(book: &Book, wire: Wire, options: &Options, key_notional: Decimal) -> Self {
        Self {
            changes: book.changes_after(Sequence(0)),
            fold: book.replica(),
            last: Sequence(0),
            wire,
            positions: options.positions,
            grid: options.tagged,
            skew: options.skew,
            key_notional,
            listed: BTreeMap::new(),
            marks: BTreeMap::new(),
            units: BTreeMap::new(),
            tiers: BTreeMap::new(),
            names: BTreeSet::new(),
            skipped: BTreeMap::new(),
            kept: BTreeSet::new(),
            keys: BTreeMap::new(),
            touched: BTreeMap::new(),
            booked: BTreeSet::new(),
            unit: Decimal::ZERO,
            sent: BTreeMap::new(),
            left: BTreeSet::new(),
            submits: 0,
            reports: 0,
            waits: None,
            forgotten: BTreeMap::new(),
            histories: BTreeMap::new(),
            resting: false,
            doubts: BTreeSet::new(),
            exempt: BTreeMap::new(),
        }
    }

    /// Reads what was published since the last time, which was a task's doing, and checks every change.
    pub(super) fn look(
        &mut self,
        book: &Book,
        task: TaskId,
        mut tell: impl FnMut(&Change),
    ) -> Result<(), Wrong> {
        let view = book.snapshot();
        if view.sequence() < self.last {
            return Err(format!("the sequence went back from {} to {}", self.last, view.sequence()));
        }
        let wire = self.wire.clone();
        let reported = self.waits.is_some_and(|before| {
            let notes = wire.notes();
            let since = notes.reported.iter().skip(before);
            since.into_iter().any(|(_, report)| report.completeness == Completeness::Complete)
        });
        if view.sequence() > self.last {
            while let Some(next) = self.changes.try_next() {
                let publication = next.map_err(|lagged| format!("the feed has a gap: {lagged}"))?;
                self.unit(&publication)?;
                for change in publication.iter() {
                    tell(change);
                    if reported && !self.keys.values().any(|key| key.orders.iter().any(|o| o.in_doubt())) {
                        self.waits = None;
                    }
                    self.change(change, task, &wire.notes().said)?;
                }
            }
        }
        if view.sequence() != self.last {
            return Err(format!("the feed ends at {}, the book at {}", self.last, view.sequence()));
        }
        self.orders_that_left()
    }

    /// The fold of every change is the book. This one check shares `apply` with the book, on purpose.
    pub(super) fn folds(&self, book: &Book) -> Result<(), Wrong> {
        let same = self.fold.digest() == book.snapshot().digest();
        if same { Ok(()) } else { Err("replaying every change gives another book (I5)".to_owned()) }
    }

    fn change(&mut self, change: &Change, task: TaskId, said: &Said) -> Result<(), Wrong> {
        let unit = change.unit;
        if change.sequence.0 != self.last.0 + 1
            || change.sequence < unit.first
            || change.sequence > unit.last()
        {
            return Err(format!(
                "change {} of the unit {unit:?} follows {} (I10)",
                change.sequence, self.last
            ));
        }
        self.last = change.sequence;
        self.fold
            .apply(change)
            .map_err(|refused| format!("the fold refuses {}: {refused}", change.sequence))?;
        let (kind, before, after) = match &change.effect {
            Effect::Key { kind, before, after, .. } => (*kind, before, after),
            Effect::Instrument { id, instrument } => {
                let spec = instrument.spec();
                let (size, minimum) = (spec.contract_size.get(), spec.minimum.get());
                let (kind, base) = (Some(spec.kind), Some(spec.base.clone()));
                let settle = Some(spec.settle.clone());
                let listed = Listed { kind, base, settle, size, minimum, money_scale: spec.money_scale };
                self.listed.insert(*id, listed);
                self.touched.insert(*id, (change.sequence, None));
                return Ok(());
            }
            Effect::Stray { fill, .. } => {
                self.keeps(fill);
                return Ok(());
            }
            _ => return Err(format!("a change of another kind: {:?}", change.effect)),
        };
        let key = after.key;
        let flat = KeyState::flat(key);
        let before = before.as_deref().unwrap_or(&flat);
        let stood = self.keys.get(&key).unwrap_or(&flat);
        if before != stood {
            return Err(format!(
                "{key}: change {} starts from something else than stood there",
                change.sequence
            ));
        }
        let step = Step { change, kind, before, after };
        self.checked(&step, task, said).map_err(|wrong| {
            format!("{key}, change {} ({kind}, {}): {wrong}", change.sequence, change.command().name())
        })?;
        let fill_time = match change.command() {
            Command::Record(fill) if fills::moves_money(kind) => fill.venue_time,
            _ => None,
        };
        let touched = self.touched.entry(key.instrument).or_default();
        // What is only noted is nothing that a report could be about (R8).
        let noted = matches!(kind, Kind::Reached | Kind::Tagged);
        let changed = if noted { touched.0 } else { change.sequence };
        *touched = (changed, touched.1.max(fill_time));
        self.keys.insert(key, KeyState::clone(after));
        Ok(())
    }

    fn checked(&mut self, step: &Step<'_>, task: TaskId, said: &Said) -> Result<(), Wrong> {
        self.names(step)?;
        self.money(step)?;
        self.share(step)?;
        self.marks(step)?;
        self.trailed(step)?;
        self.extremes(step)?;
        self.tags(step)?;
        self.fill(step)?;
        self.claims(step, task)?;
        self.endings(step, said)?;
        self.tiers(step);
        self.closing(step)?;
        self.stop(step)?;
        self.report(step)
    }

    /// No order and no position is named as another one was (R15).
    fn names(&mut self, Step { before, after, .. }: &Step<'_>) -> Result<(), Wrong> {
        let new = |id| before.order(id).is_none() && !self.forgotten.contains_key(&id);
        for order in after.orders.iter().filter(|order| new(order.client_id)).collect::<Vec<_>>() {
            if !self.names.insert((false, order.client_id.epoch, order.client_id.sequence)) {
                return Err(format!("order {} is named as another one was (R15)", order.client_id));
            }
        }
        let born = after.position.as_ref().map(|open| open.id);
        let born = born.filter(|id| before.position.as_ref().is_none_or(|open| open.id != *id));
        match born.filter(|id| !self.names.insert((true, id.epoch, id.sequence))) {
            Some(id) => Err(format!("position {id:?} is named as another one was (R15)")),
            None => Ok(()),
        }
    }

    /// cash = realised - s x C + unexplained (I9, R17).
    fn money(&self, Step { after, .. }: &Step<'_>) -> Result<(), Wrong> {
        let open = after
            .position
            .as_ref()
            .map_or(Decimal::ZERO, |p| if p.side == Side::Long { p.cost } else { -p.cost });
        let money = &after.ledger;
        let sum = money.realised - open + money.unexplained;
        let same = money.cash == sum;
        if same {
            Ok(())
        } else {
            Err(format!("cash is {}, and what it should come to {sum} (I9)", money.cash))
        }
    }

    /// A part that is taken off takes its share of the cost with it, and what stays is off by no more than one rounding
    /// (R17).
    fn share(&self, Step { kind, before, after, .. }: &Step<'_>) -> Result<(), Wrong> {
        let (Kind::ScaledOut, Some(was), Some(is)) = (kind, &before.position, &after.position) else {
            return Ok(());
        };
        let scale = self.listed.get(&after.key.instrument).map_or(0, |listed| listed.money_scale);
        // cost' / quantity' = cost / quantity, without a quotient.
        let off = (is.cost * was.quantity.get() - was.cost * is.quantity.get()).abs();
        if off * Decimal::TWO > was.quantity.get() * Decimal::new(1, scale) {
            return Err(format!("of a cost of {} stay {} by taking part of it off (R17)", was.cost, is.cost));
        }
        Ok(())
    }

    /// A close lasts until its key is flat and nothing increases it (R7), or until all that is left is dust (R18).
    fn closing(&self, Step { change, before, after, .. }: &Step<'_>) -> Result<(), Wrong> {
        let Some(closing) = before.closing.as_ref().filter(|_| after.closing.is_none()) else {
            return Ok(());
        };
        let least = self.listed.get(&after.key.instrument).map_or(Decimal::ZERO, |listed| listed.minimum);
        let over = match &after.position {
            None => !after.orders.iter().any(|o| o.intent.increases()),
            Some(open) => after.orders.is_empty() && open.quantity.get() < least,
        };
        let called_off = matches!(change.command(), Command::CancelClosing { .. });
        // The close that began it was never sent.
        let unsent = before.orders.iter().any(|o| {
            o.state == OrderState::Reserved
                && o.client_id.sequence == closing.since
                && after.order(o.client_id).is_none()
        });
        if over || called_off || unsent {
            return Ok(());
        }
        Err("it was closing, is not flat, and closes no more (R7)".to_owned())
    }

    /// After the overdue were looked for none is left: each is in doubt, or gone if it was never sent (R6).
    pub(super) fn expired(&self, now: Timestamp) -> Result<(), Wrong> {
        let mut orders = self.keys.values().flat_map(|key| &key.orders);
        let alive = |order: &Order| {
            matches!(order.state, OrderState::Reserved | OrderState::Sent | OrderState::Working)
        };
        match orders.find(|order| alive(order) && order.deadline < now) {
            Some(order) => Err(format!("order {} is overdue and not in doubt (R6)", order.client_id)),
            None => Ok(()),
        }
    }

    /// What a task has let go of is in doubt or over: no order stays sent without a holder (R6).
    pub(super) fn let_go(&self, task: TaskId) -> Result<u64, Wrong> {
        let mut in_doubt = 0;
        for (id, (order, _)) in self.sent.iter().filter(|(_, (_, holder))| *holder == task) {
            let stands = self.keys.get(&order.key).and_then(|key| key.order(*id));
            match stands.map(|order| &order.state) {
                Some(OrderState::Sent | OrderState::Reserved) => {
                    return Err(format!("order {id} has no holder any more and is not in doubt (R6)"));
                }
                Some(OrderState::InDoubt(_)) => in_doubt += 1,
                _ => {}
            }
        }
        Ok(in_doubt)
    }
}

/// Contracts, a short negative.
fn signed(key: &KeyState) -> Decimal {
    key.position.as_ref().map_or(Decimal::ZERO, |p| match p.side {
        Side::Long => p.quantity.get(),
        Side::Short => -p.quantity.get(),
    })
}

/// What of an order may still come, worked out here.
fn outstanding(order: &Order) -> Decimal {
    let whole = match order.state {
        OrderState::Settling(told) => told.get(),
        _ => order.quantity.get(),
    };
    (whole - order.booked.get() - order.unbooked.get()).max(Decimal::ZERO)
}
