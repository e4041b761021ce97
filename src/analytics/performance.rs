//! Profit and loss over time: told every change and every mark, it has all figures at once.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use smallvec::SmallVec;

use super::account::{Account, Worth};
use super::figure::Sum;
use super::group::Group;
use super::life::Life;
use super::lives::Lives;
use super::moved::moved;
use super::track::Moved;
use crate::book::Snapshot;
use crate::error::Rejection;
use crate::model::{
    Change, Command, Currency, Effect, Instrument, InstrumentId, KeyState, Kind, Ledger, Position,
    PositionKey, Price, Sequence, Shape, Side, Tags, Timestamp, exact_sub,
};
use crate::sync::Arc;

/// How much of the past stays in memory.
///
/// ```
/// use posbook::analytics::Keep;
///
/// let all = Keep { lives: usize::MAX, rows: usize::MAX }; // for a report
/// assert!(Keep::default().lives < all.lives);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// So many lives that ended. Default 1,024.
    pub lives: usize,
    /// Of each group so many periods of each length in which something happened. Default 64.
    pub rows: usize,
}

impl Default for Keep {
    fn default() -> Self {
        Self { lives: 1_024, rows: 64 }
    }
}

/// Every figure of a book, by group and currency; a change costs a few look-ups, however long it has been going on.
///
/// It is a subscriber like any other: a thread that follows [`Book::changes`](crate::Book::changes), or a report that reads a
/// journal. It adds nothing to a write.
///
/// ```
/// use posbook::Book;
/// use posbook::analytics::Performance;
///
/// let book = Book::builder().build()?;
/// let mut changes = book.changes();
/// let performance = std::thread::spawn(move || {
///     let mut performance = Performance::new();
///     for publication in &mut changes {
///         match publication {
///             Ok(publication) => performance.follow_all(&publication).expect("in order"),
///             Err(lagged) => panic!("{lagged}: read them from the journal, or begin again with a snapshot"),
///         }
///     }
///     performance.sequence()
/// });
/// drop(book);
/// assert_eq!(performance.join().expect("it ends with the book").0, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Performance {
    keep: Keep,
    lives: Lives,
    began: Option<Timestamp>,
    /// Of the newest change or mark. A clock that goes back stands still here.
    now: Timestamp,
    prices: BTreeMap<InstrumentId, Price>,
    standing: BTreeMap<PositionKey, Standing>,
    places: BTreeMap<(Currency, Group), usize>,
    accounts: Vec<Account>,
}

/// What of a key is in the accounts.
#[derive(Debug, Clone)]
struct Standing {
    position: Option<Position>,
    worth: Worth,
    /// The accounts that it is in.
    accounts: Places,
    /// What was open when it was dropped, as it was last seen.
    missing: Decimal,
    /// In which accounts that is.
    missing_in: Places,
}

/// Places of accounts: book, side, owner, instrument, base, and a place for each tag.
type Places = SmallVec<[usize; 5]>;

impl Default for Performance {
    fn default() -> Self {
        Self::new()
    }
}

impl Performance {
    /// Begins with a book in which nothing has happened yet.
    pub fn new() -> Self {
        Self::keeping(Keep::default())
    }

    /// The same, keeping so much of the past.
    pub fn keeping(keep: Keep) -> Self {
        Self {
            keep,
            lives: Lives::new(keep.lives),
            began: None,
            now: Timestamp(0),
            prices: BTreeMap::new(),
            standing: BTreeMap::new(),
            places: BTreeMap::new(),
            accounts: Vec::new(),
        }
    }

    /// Begins with a book as it stands. Money that was booked before is in the sums of the whole book, of owners, of instruments and
    /// of bases; periods, results, turnover and drawdowns begin here.
    ///
    /// ```
    /// use posbook::Book;
    /// use posbook::analytics::{Keep, Performance};
    ///
    /// let book = Book::builder().build()?;
    /// let performance = Performance::begin(&book.snapshot(), Keep::default());
    /// assert_eq!(performance.sequence(), book.snapshot().sequence());
    /// # Ok::<(), posbook::Error>(())
    /// ```
    pub fn begin(view: &Snapshot, keep: Keep) -> Self {
        let mut begun = Self { lives: Lives::begin(view, keep.lives), ..Self::keeping(keep) };
        for key in view.keys() {
            let Some(instrument) = begun.lives.instrument(key.key.instrument).map(Arc::clone) else {
                continue;
            };
            for (currency, moved) in movements(&instrument, None, key) {
                for place in begun.places(&currency, key.key, &instrument, None, &Tags::none()) {
                    if let Some(account) = begun.accounts.get_mut(place) {
                        account.brought_forward(&moved);
                    }
                }
            }
            begun.stand(key, &instrument, None);
        }
        begun
    }

    /// It is this time at least. With the first one time begins, for what stands already too.
    fn come_to(&mut self, time: Timestamp) {
        self.now = self.now.max(time);
        if self.began.is_none() {
            self.began = Some(self.now);
            self.accounts.iter_mut().for_each(|account| account.begin(self.now));
        }
    }

    /// Takes note of the next change. Returns the life that it ended.
    ///
    /// # Errors
    /// It is not the next one; nothing is changed then ([`Lives::follow`]).
    pub fn follow(&mut self, change: &Change) -> Result<Option<Arc<Life>>, Rejection> {
        let ended = self.lives.follow(change)?;
        self.come_to(change.time);
        let mut touched = Touched::new();
        if let Effect::Key { before, after, kind, .. } = &change.effect
            && let Some(instrument) = self.lives.instrument(after.key.instrument).map(Arc::clone)
        {
            self.move_money(change, *kind, before.as_deref(), after, &instrument, &mut touched);
            if let Some(life) = &ended {
                for place in self.places(&life.settle, life.key, &instrument, Some(life.side), &life.tags) {
                    if let Some(account) = self.accounts.get_mut(place) {
                        account.ended(self.now, life);
                    }
                }
            }
            touched.extend(self.stand(after, &instrument, Some(*kind)));
            self.see(change, *kind, &mut touched);
        }
        self.settle(&touched);
        Ok(ended)
    }

    /// Takes note of a whole publication.
    ///
    /// # Errors
    /// As [`Performance::follow`]; changes before the one that is refused are in.
    pub fn follow_all(&mut self, publication: &[Change]) -> Result<(), Rejection> {
        publication.iter().try_for_each(|change| self.follow(change).map(drop))
    }

    /// Takes note of a price of an instrument.
    pub fn mark(&mut self, instrument: InstrumentId, price: Price, time: Timestamp) {
        self.come_to(time);
        let mut touched = Touched::new();
        self.reprice(instrument, price, &mut touched);
        self.settle(&touched);
    }

    /// The figures of a group in a currency. `None`: nothing has happened there.
    pub fn account(&self, group: &Group, currency: &Currency) -> Option<&Account> {
        self.places.get(&(currency.clone(), group.clone())).and_then(|place| self.accounts.get(*place))
    }

    /// Every group with figures in every currency.
    pub fn accounts(&self) -> impl Iterator<Item = (&Currency, &Group, &Account)> {
        self.places
            .iter()
            .filter_map(|((currency, group), place)| Some((currency, group, self.accounts.get(*place)?)))
    }

    /// The lives that ended.
    pub fn lives(&self) -> &Lives {
        &self.lives
    }

    /// The last change that was followed.
    pub fn sequence(&self) -> Sequence {
        self.lives.sequence()
    }

    /// The time of the first and of the newest change or mark. `None`: there was none.
    pub fn between(&self) -> Option<(Timestamp, Timestamp)> {
        self.began.map(|began| (began, self.now))
    }

    /// The latest price of an instrument that was seen. `None`: none was.
    pub fn price(&self, instrument: InstrumentId) -> Option<Price> {
        self.prices.get(&instrument).copied()
    }

    /// An instrument that was registered.
    pub fn instrument(&self, id: InstrumentId) -> Option<&Instrument> {
        self.lives.instrument(id).map(|instrument| &**instrument)
    }

    fn places(
        &mut self,
        currency: &Currency,
        key: PositionKey,
        instrument: &Instrument,
        side: Option<Side>,
        tags: &Tags,
    ) -> Places {
        let groups = [
            Some(Group::Book),
            side.map(Group::Side),
            Some(Group::Owner(key.owner)),
            Some(Group::Instrument(key.instrument)),
            Some(Group::Base(instrument.base().clone())),
        ];
        let began = self.began.unwrap_or(self.now);
        let (places, accounts) = (&mut self.places, &mut self.accounts);
        groups
            .into_iter()
            .flatten()
            .chain(tags.iter().cloned().map(Group::Tag))
            .map(|group| {
                *places.entry((currency.clone(), group)).or_insert_with(|| {
                    accounts.push(Account::new(began, self.keep.rows));
                    accounts.len() - 1
                })
            })
            .collect()
    }

    fn move_money(
        &mut self,
        change: &Change,
        kind: Kind,
        before: Option<&KeyState>,
        after: &KeyState,
        instrument: &Instrument,
        touched: &mut Touched,
    ) {
        let nothing = Ledger::default();
        let was = before.map_or(&nothing, |before| &before.ledger);
        let mut movements = movements(instrument, before, after);
        let traded = traded(change, kind, was, after, instrument);
        if !traded.is_zero() {
            match movements.iter_mut().find(|(currency, _)| currency == instrument.settle()) {
                Some((_, moved)) => moved.turnover = traded,
                None => movements
                    .push((instrument.settle().clone(), Moved { turnover: traded, ..Moved::default() })),
            }
        }
        // What is closed was on the side that it had, and was called as it was.
        let (was, is) = change.positions();
        let position = was.or(is);
        let (side, tags) = (position.map(|open| open.side), tags_of(position));
        for (currency, moved) in movements {
            for place in self.places(&currency, after.key, instrument, side, &tags) {
                if let Some(account) = self.accounts.get_mut(place) {
                    account.take(self.now, &moved);
                    touched.push(place);
                }
            }
        }
    }

    /// Puts what stands at a key in the place of what stood there.
    fn stand(&mut self, after: &KeyState, instrument: &Instrument, kind: Option<Kind>) -> Places {
        let key = after.key;
        let mut touched = Places::new();
        let before = self.standing.remove(&key);
        if before.is_none() && after.position.is_none() {
            return touched;
        }
        let worth = self.worth(after.position.as_ref());
        let (mut missing, mut missing_in) = (Decimal::ZERO, Places::new());
        if let Some(before) = before {
            self.replace(&before.accounts, before.worth, Worth::Flat);
            self.miss(&before.missing_in, -before.missing);
            touched.extend(before.accounts.iter().chain(&before.missing_in).copied());
            // Until the fills come, what was taken off without them is what it was seen as last.
            if !after.ledger.unexplained.is_zero() {
                let off = taken_off(kind, &before, after.position.as_ref(), worth);
                missing = Sum::of([Some(before.missing), Some(off)]).get().unwrap_or(before.missing);
                missing_in = if off.is_zero() { before.missing_in } else { before.accounts };
                self.miss(&missing_in, missing);
            }
        }
        let side = after.position.as_ref().map(|position| position.side);
        let accounts = match side {
            Some(_) => {
                let tags = tags_of(after.position.as_ref());
                self.places(instrument.settle(), key, instrument, side, &tags)
            }
            None => Places::new(),
        };
        self.replace(&accounts, Worth::Flat, worth);
        touched.extend(accounts.iter().copied());
        if after.position.is_some() || !missing.is_zero() {
            let position = after.position.clone();
            self.standing.insert(key, Standing { position, worth, accounts, missing, missing_in });
        }
        touched
    }

    fn worth(&self, position: Option<&Position>) -> Worth {
        let Some(position) = position else { return Worth::Flat };
        let at = self.prices.get(&position.key.instrument);
        let values = at.and_then(|price| {
            let unrealised = position.unrealised(*price).ok()?;
            Some((unrealised, position.value_at(*price).ok()?.abs()))
        });
        match (values, position.side) {
            (None, _) => Worth::Unpriced,
            (Some((unrealised, value)), Side::Long) => Worth::At { unrealised, value },
            (Some((unrealised, value)), Side::Short) => Worth::At { unrealised, value: -value },
        }
    }

    /// Prices that a change brought: the marks it was decided with, and that of a trade. A late fill's is an old one, and a
    /// cumulative one's an average.
    fn see(&mut self, change: &Change, kind: Kind, touched: &mut Touched) {
        for mark in &change.cause.observed.marks {
            self.reprice(mark.instrument, mark.price, touched);
        }
        let trades = matches!(kind, Kind::Opened | Kind::ScaledIn | Kind::ScaledOut | Kind::Closed);
        if let Command::Record(fill) = change.command()
            && let (true, Shape::Trade { .. }) = (trades, &fill.shape)
        {
            self.reprice(fill.instrument, fill.price, touched);
        }
    }

    fn reprice(&mut self, instrument: InstrumentId, price: Price, touched: &mut Touched) {
        if self.prices.insert(instrument, price) == Some(price) {
            return;
        }
        let keys: SmallVec<[PositionKey; 4]> =
            self.standing.range(keys_of(instrument)).map(|(key, _)| *key).collect();
        for key in keys {
            let Some(mut standing) = self.standing.remove(&key) else { continue };
            let worth = self.worth(standing.position.as_ref());
            self.replace(&standing.accounts, standing.worth, worth);
            touched.extend(standing.accounts.iter().copied());
            standing.worth = worth;
            self.standing.insert(key, standing);
        }
    }

    fn replace(&mut self, places: &Places, was: Worth, is: Worth) {
        for place in places {
            if let Some(account) = self.accounts.get_mut(*place) {
                account.replace(self.now, was, is);
            }
        }
    }

    fn miss(&mut self, places: &Places, by: Decimal) {
        for place in places {
            if let Some(account) = self.accounts.get_mut(*place) {
                account.miss(by);
            }
        }
    }

    fn settle(&mut self, touched: &Touched) {
        for place in touched {
            if let Some(account) = self.accounts.get_mut(*place) {
                account.settle(self.now);
            }
        }
    }
}

/// Places of accounts that something moved in; one may be named several times.
type Touched = SmallVec<[usize; 16]>;

fn tags_of(position: Option<&Position>) -> Tags {
    position.map_or_else(Tags::none, |open| open.tags.clone())
}

/// What a report took off a position without a fill showed last: all of one that was dropped, a part of one that was corrected.
fn taken_off(kind: Option<Kind>, before: &Standing, after: Option<&Position>, worth: Worth) -> Decimal {
    let less = before.position.as_ref().zip(after).is_some_and(|(was, is)| is.quantity < was.quantity);
    match (kind, before.worth, worth) {
        (Some(Kind::Dropped), Worth::At { unrealised, .. }, _) => unrealised,
        (Some(Kind::Corrected), Worth::At { unrealised: was, .. }, Worth::At { unrealised: is, .. })
            if less =>
        {
            exact_sub("what was taken off", was, is).unwrap_or_default()
        }
        _ => Decimal::ZERO,
    }
}

/// Whether something of a key is unexplained. What was dropped and waits for its fills is, also where two such come to nothing
/// together.
fn is_gap(key: &KeyState) -> bool {
    !key.ledger.unexplained.is_zero() || key.baseline.as_ref().is_some_and(|baseline| baseline.gap.is_some())
}

/// Every key of an instrument, as a range of the order of keys.
fn keys_of(instrument: InstrumentId) -> std::ops::RangeInclusive<PositionKey> {
    use crate::model::{Leg, Owner};
    let first = PositionKey { instrument, leg: Leg::Net, owner: Owner(0) };
    let last = PositionKey { instrument, leg: Leg::Short, owner: Owner(u32::MAX) };
    first..=last
}

/// What moved between two records of a key, by currency.
fn movements(
    instrument: &Instrument,
    before: Option<&KeyState>,
    after: &KeyState,
) -> SmallVec<[(Currency, Moved); 2]> {
    let nothing = Ledger::default();
    let (was, is) = (before.map_or(&nothing, |before| &before.ledger), &after.ledger);
    let mut all: SmallVec<[(Currency, Moved); 2]> = SmallVec::new();
    // Sums of a key are exact, so is what they differ by; the difference of two that fit may not fit only where both are near
    // the greatest decimal, and there the sums of the book refused them before.
    let by = |now, then| exact_sub("what moved", now, then).unwrap_or_default();
    let moved_here = Moved {
        realised: by(is.realised, was.realised),
        unexplained: by(is.unexplained, was.unexplained),
        gaps: i64::from(is_gap(after)) - i64::from(before.is_some_and(is_gap)),
        ..Moved::default()
    };
    if moved_here != Moved::default() {
        all.push((instrument.settle().clone(), moved_here));
    }
    let mut of = |currency: &Currency, put: &dyn Fn(&mut Moved)| match all
        .iter_mut()
        .find(|(known, _)| known == currency)
    {
        Some((_, moved)) => put(moved),
        None => {
            let mut moved = Moved::default();
            put(&mut moved);
            all.push((currency.clone(), moved));
        }
    };
    for (currency, by) in moved(Some(&was.fees), &is.fees) {
        of(currency, &|moved| moved.fees = by.unwrap_or_default());
    }
    for (currency, by) in moved(Some(&was.funding), &is.funding) {
        of(currency, &|moved| moved.funding = by.unwrap_or_default());
    }
    all
}

/// What a change traded: the cash of its fill, without its sign. Of a fill that replaces what an adoption assumed it is the fill's
/// own value, because the cash moves by a correction only.
fn traded(change: &Change, kind: Kind, was: &Ledger, after: &KeyState, instrument: &Instrument) -> Decimal {
    match (change.command(), kind) {
        (Command::Record(_), Kind::Opened | Kind::ScaledIn | Kind::ScaledOut | Kind::Closed) => {
            exact_sub("what was traded", after.ledger.cash, was.cash).unwrap_or_default().abs()
        }
        (Command::Record(fill), Kind::Replaced) => {
            instrument.value("what was traded", fill.quantity, fill.price).unwrap_or_default().abs()
        }
        // What never was is turnover no more.
        (Command::Bust(_), Kind::Busted) => {
            -exact_sub("what was traded", after.ledger.cash, was.cash).unwrap_or_default().abs()
        }
        _ => Decimal::ZERO,
    }
}
