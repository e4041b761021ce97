//! The naive model: what a book is, in the few words that the search needs, in code that shares nothing with the crate.
//!
//! Whole numbers only: quantities and prices in tenths. Every market stands at one price and every fill is at it, so the
//! stop of a position is 5 % off that price until somebody moves it. Orders go by the history's own handles, positions by
//! how many there were before. There are no sequences.

use std::collections::BTreeSet;

/// Where every market stands, in tenths.
const MARK: i64 = 1_000;
/// The stop of a new position is so far off.
const STOP: i64 = 50;

/// What an order is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Purpose {
    Open,
    Add,
    Reduce,
    Close,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Stage {
    Reserved,
    Sent,
    Working,
    /// The final figure is known; fills are missing.
    Settling(i64),
    Doubt,
}

/// An unresolved order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Order {
    handle: usize,
    purpose: Purpose,
    quantity: i64,
    booked: i64,
    stage: Stage,
    /// Which position it was decided against.
    against: Option<u32>,
}

impl Order {
    const fn increases(&self) -> bool {
        matches!(self.purpose, Purpose::Open | Purpose::Add)
    }

    const fn remaining(&self) -> i64 {
        match self.stage {
            Stage::Settling(told) => told - self.booked,
            _ => self.quantity - self.booked,
        }
    }
}

/// An open position. A short one has a negative quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Open {
    life: u32,
    quantity: i64,
    stop: i64,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct Key {
    open: Option<Open>,
    lives: u32,
    orders: Vec<Order>,
    /// The order that began its closing.
    closing: Option<usize>,
    seen: BTreeSet<usize>,
}

/// The whole book.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    keys: Vec<Key>,
}

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Word {
    /// Reserve an order under this handle. A quantity below zero opens a short; `None`: all.
    Reserve {
        key: usize,
        purpose: Purpose,
        quantity: Option<i64>,
        handle: usize,
    },
    /// Several openings, or none.
    Batch(Vec<Word>),
    Send {
        key: usize,
        handle: usize,
    },
    Release {
        key: usize,
        handle: usize,
    },
    Doubt {
        key: usize,
        handle: usize,
    },
    /// The venue's final figure.
    Final {
        key: usize,
        handle: usize,
        figure: i64,
    },
    /// The venue knows no such order, said before its time is over.
    NotKnown {
        key: usize,
        handle: usize,
    },
    /// A fill: a purchase is above zero.
    Fill {
        key: usize,
        handle: usize,
        trade: usize,
        quantity: i64,
    },
    /// A stop, closer only.
    Stop {
        key: usize,
        at: i64,
    },
    /// A look at all keys.
    Look,
}

/// Why something may not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum No {
    AlreadyOpen,
    NoPosition,
    Reserved,
    Closing,
    Doubt,
    Beyond,
    WrongSide,
    Looser,
    /// The order is not unresolved (any more).
    Gone,
    /// The order is not where it would have to be.
    Stage,
    BelowBooked,
    TakenBack,
    OtherPosition,
    /// Something this model has no word for.
    Other,
}

/// What comes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Outcome {
    /// Something happened.
    Done,
    Nothing,
    No(No),
    /// The order is finished, or still waits for fills.
    Ended(bool),
    Booked,
    Duplicate,
    Picture(Vec<KeyPicture>),
}

/// What a look shows of a key: quantity and stop of the position, and the unresolved orders with their stage and fills.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyPicture {
    /// Quantity and stop.
    pub open: Option<(i64, i64)>,
    /// Handle, stage, booked.
    pub orders: BTreeSet<(usize, Stage, i64)>,
    /// Whether it closes.
    pub closing: bool,
}

impl State {
    /// So many flat keys.
    pub fn flat(keys: usize) -> Self {
        Self { keys: vec![Key::default(); keys] }
    }

    /// Does it, or says why not; refused, nothing has changed.
    pub fn ask(&mut self, word: &Word) -> Outcome {
        if let Word::Batch(words) = word {
            let mut whole = self.clone();
            for word in words {
                if let Outcome::No(no) = whole.ask(word) {
                    return Outcome::No(no);
                }
            }
            *self = whole;
            return Outcome::Done;
        }
        let key = match word {
            Word::Reserve { key, .. }
            | Word::Send { key, .. }
            | Word::Release { key, .. }
            | Word::Doubt { key, .. }
            | Word::Final { key, .. }
            | Word::NotKnown { key, .. }
            | Word::Fill { key, .. }
            | Word::Stop { key, .. } => *key,
            Word::Look | Word::Batch(_) => return Outcome::Picture(self.picture()),
        };
        let Some(key) = self.keys.get_mut(key) else { return Outcome::No(No::Other) };
        let done = key.ask(word).unwrap_or_else(Outcome::No);
        // A closing ends when the key is flat and nothing is on its way that would open it.
        if key.open.is_none() && !key.orders.iter().any(Order::increases) {
            key.closing = None;
        }
        done
    }

    fn picture(&self) -> Vec<KeyPicture> {
        let of = |key: &Key| KeyPicture {
            open: key.open.map(|open| (open.quantity, open.stop)),
            orders: key.orders.iter().map(|o| (o.handle, o.stage, o.booked)).collect(),
            closing: key.closing.is_some(),
        };
        self.keys.iter().map(of).collect()
    }
}

impl Key {
    fn ask(&mut self, word: &Word) -> Result<Outcome, No> {
        match *word {
            Word::Reserve { purpose, quantity, handle, .. } => self.reserve(purpose, quantity, handle),
            Word::Send { handle, .. } => self.send(handle),
            Word::Release { handle, .. } => {
                if self.order(handle)?.stage != Stage::Reserved {
                    return Err(No::Stage);
                }
                self.orders.retain(|o| o.handle != handle);
                self.closing = self.closing.filter(|by| *by != handle);
                Ok(Outcome::Done)
            }
            Word::Doubt { handle, .. } => {
                let order = self.order(handle)?;
                match order.stage {
                    Stage::Reserved => return Err(No::Stage),
                    Stage::Settling(_) | Stage::Doubt => return Ok(Outcome::Nothing),
                    Stage::Sent | Stage::Working => order.stage = Stage::Doubt,
                }
                Ok(Outcome::Done)
            }
            Word::NotKnown { handle, .. } => match self.order(handle)?.stage {
                Stage::Reserved => Err(No::Stage),
                _ => Ok(Outcome::Nothing),
            },
            Word::Final { handle, figure, .. } => {
                let order = self.order(handle)?;
                match order.stage {
                    Stage::Reserved => return Err(No::Stage),
                    Stage::Settling(before) if figure == before => return Ok(Outcome::Ended(false)),
                    Stage::Settling(before) if figure < before => return Err(No::TakenBack),
                    _ if figure < order.booked => return Err(No::BelowBooked),
                    _ => {}
                }
                let finished = figure == order.booked;
                order.stage = Stage::Settling(figure);
                if finished {
                    self.orders.retain(|o| o.handle != handle);
                }
                Ok(Outcome::Ended(finished))
            }
            Word::Fill { handle, trade, quantity, .. } => Ok(self.fill(handle, trade, quantity)),
            Word::Stop { at, .. } => self.stop(at),
            Word::Look | Word::Batch(_) => Err(No::Other),
        }
    }

    fn order(&mut self, handle: usize) -> Result<&mut Order, No> {
        self.orders.iter_mut().find(|o| o.handle == handle).ok_or(No::Gone)
    }

    fn new_risk(&self) -> Result<(), No> {
        match () {
            () if self.closing.is_some() => Err(No::Closing),
            () if self.orders.iter().any(|o| o.stage == Stage::Doubt) => Err(No::Doubt),
            () if self.orders.iter().any(|o| o.purpose == Purpose::Close) => Err(No::Reserved),
            () => Ok(()),
        }
    }

    fn reserve(&mut self, purpose: Purpose, quantity: Option<i64>, handle: usize) -> Result<Outcome, No> {
        let reducing = self.orders.iter().filter(|o| !o.increases()).map(Order::remaining).sum::<i64>();
        let free = self.open.map_or(0, |open| open.quantity.abs() - reducing);
        match (purpose, self.open) {
            (Purpose::Open, Some(_)) => return Err(No::AlreadyOpen),
            (Purpose::Open, None) => {
                self.new_risk()?;
                if !self.orders.is_empty() {
                    return Err(No::Reserved);
                }
            }
            (_, None) => return Err(No::NoPosition),
            (Purpose::Add, Some(_)) => self.new_risk()?,
            (Purpose::Reduce, Some(_)) if quantity.is_some_and(|asked| asked > free) => {
                return Err(No::Beyond);
            }
            (Purpose::Close, Some(_)) => {
                if self.orders.iter().any(|o| o.purpose == Purpose::Close) {
                    return Err(No::Reserved);
                }
                if free == 0 {
                    return Err(No::Beyond);
                }
                self.closing = self.closing.or(Some(handle));
            }
            (Purpose::Reduce, Some(_)) => {}
        }
        let against = self.open.map(|open| open.life);
        let quantity = quantity.map_or(free, i64::abs);
        self.orders.push(Order { handle, purpose, quantity, booked: 0, stage: Stage::Reserved, against });
        Ok(Outcome::Done)
    }

    fn send(&mut self, handle: usize) -> Result<Outcome, No> {
        let order = *self.order(handle)?;
        if order.stage != Stage::Reserved {
            return Err(No::Stage);
        }
        if order.increases() {
            self.new_risk()?;
        }
        match (order.against, self.open) {
            (None, None) => {}
            (Some(life), Some(open)) if life == open.life => {}
            (None, Some(_)) => return Err(No::AlreadyOpen),
            (Some(_), _) => return Err(No::OtherPosition),
        }
        self.order(handle)?.stage = Stage::Sent;
        Ok(Outcome::Done)
    }

    fn fill(&mut self, handle: usize, trade: usize, quantity: i64) -> Outcome {
        if !self.seen.insert(trade) {
            return Outcome::Duplicate;
        }
        let before = self.open.map_or(0, |open| open.quantity);
        let after = before + quantity;
        let crossed = before == 0 || (before < 0) != (after < 0);
        self.open = match self.open {
            _ if after == 0 => None,
            Some(open) if !crossed => Some(Open { quantity: after, ..open }),
            _ => {
                self.lives += 1;
                let stop = if after > 0 { MARK - STOP } else { MARK + STOP };
                Some(Open { life: self.lives, quantity: after, stop })
            }
        };
        let life = self.open.map(|open| open.life);
        if let Ok(order) = self.order(handle) {
            order.booked += quantity.abs();
            if order.purpose == Purpose::Open && order.against.is_none() {
                order.against = life;
            }
            match order.stage {
                Stage::Reserved | Stage::Sent => order.stage = Stage::Working,
                Stage::Settling(told) if told <= order.booked => {
                    self.orders.retain(|o| o.handle != handle);
                }
                _ => {}
            }
        }
        Outcome::Booked
    }

    fn stop(&mut self, at: i64) -> Result<Outcome, No> {
        let Some(open) = &mut self.open else { return Err(No::NoPosition) };
        let long = open.quantity > 0;
        if (long && at >= MARK) || (!long && at <= MARK) {
            return Err(No::WrongSide);
        }
        if (long && at < open.stop) || (!long && at > open.stop) {
            return Err(No::Looser);
        }
        if at == open.stop {
            return Ok(Outcome::Nothing);
        }
        open.stop = at;
        Ok(Outcome::Done)
    }
}
