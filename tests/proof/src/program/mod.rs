//! Random programs: traders that do to one book whatever its users may do, and a venue that treats their orders well or
//! badly. A seed fixes every choice; it does not fix how the threads interleave, and since choices follow from what is
//! seen, another interleaving is another run.
//!
//! A trader calls the book only through its [`Recorder`], starts no thread and holds no lock across a call, so it runs
//! on real threads and as a coroutine of a model checker alike.

mod dice;
mod orders;
mod quiesce;
mod repairs;
mod stage;

use std::sync::Arc;
use std::time::Duration;

use posbook::{
    Changes, Clock, Command, Exit, ExitPlan, ExitRule, Fill, InstrumentId, OrderState, Position, Reader,
    Rejection, Reservation, Sent, Side, Snapshot, Tags, Timestamp,
};

pub use dice::Dice;
pub use quiesce::{Unquiet, quiesce};
pub use stage::{Desk, MARK, Stage};

use crate::recorder::Recorder;
use stage::{Course, Parcel, price, quantity};

/// How often the venue, and whoever else touches the account, misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Every order fills whole, in order, and is answered.
    Off,
    /// What happens on an ordinary day.
    Normal,
    /// All of it, all the time.
    Hostile,
}

impl Trouble {
    /// A rate in percent.
    const fn of(self, normal: u64, hostile: u64) -> u64 {
        match self {
            Trouble::Off => 0,
            Trouble::Normal => normal,
            Trouble::Hostile => hostile,
        }
    }
}

/// Which words a program uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    /// All.
    All,
    /// Those that the naive model of the search knows.
    Few,
}

/// An order that a trader holds.
#[derive(Debug)]
struct Live {
    sent: Sent,
    course: Course,
}

/// One thread's program.
#[derive(Debug)]
pub struct Trader {
    thread: u32,
    dice: Dice,
    trouble: Trouble,
    words: Words,
    ids: Vec<InstrumentId>,
    desk: Arc<Desk>,
    /// Only the first trader moves it.
    clock: Option<Clock>,
    reader: Reader,
    feed: Changes,
    /// Claims that have not been sent.
    held: Vec<Reservation>,
    live: Vec<Live>,
    /// Trades that nobody ordered, as they were reported: the venue may take one back.
    told: Vec<Fill>,
    /// An older picture, to decide on what no longer stands.
    older: Option<Snapshot>,
    trades: u64,
}

/// A trader ties up no more than this at a time.
const MOST_ORDERS: usize = 6;

impl Trader {
    /// A program for one thread.
    pub fn new(stage: &Stage, dice: Dice, thread: u32, trouble: Trouble, words: Words) -> Self {
        Self {
            thread,
            dice,
            trouble,
            words,
            ids: stage.ids.clone(),
            desk: Arc::clone(&stage.desk),
            clock: (thread == 0).then(|| stage.clock.clone()),
            reader: stage.book.reader(),
            feed: stage.book.changes(),
            held: Vec::new(),
            live: Vec::new(),
            told: Vec::new(),
            older: None,
            trades: 0,
        }
    }

    /// Does the next thing: one call into the book, or a few that belong together.
    pub fn step(&mut self, book: &posbook::Book, rec: &mut Recorder) {
        let all = self.words == Words::All;
        match self.dice.below(100) {
            0..20 => self.wish(book, rec),
            20..32 => self.send(book, rec),
            32..62 => self.advance(book, rec),
            62..70 => self.parcel(book, rec),
            70..74 => self.pair(book, rec),
            74..80 => self.retarget(book, rec),
            80..86 => {
                self.look(book, rec);
            }
            _ if !all => self.advance(book, rec),
            86..90 => {
                rec.next(&mut self.feed);
            }
            90..92 => self.plan(book, rec),
            92..94 => self.time(book, rec),
            _ => self.repair(book, rec),
        }
    }

    fn key(&mut self) -> Option<InstrumentId> {
        self.dice.one_of(&self.ids).copied()
    }

    /// A picture: a new one one way or the other, sometimes one from before.
    fn look(&mut self, book: &posbook::Book, rec: &mut Recorder) -> Snapshot {
        if let Some(older) = self.older.as_ref().filter(|_| self.dice.percent(20)) {
            return older.clone();
        }
        let view = match self.words == Words::All && self.dice.percent(50) {
            true => rec.view(&mut self.reader),
            false => rec.snapshot(book),
        };
        if self.older.is_none() || self.dice.percent(10) {
            self.older = Some(view.clone());
        }
        view
    }

    /// Reserves something: what a look suggests, or blindly.
    fn wish(&mut self, book: &posbook::Book, rec: &mut Recorder) {
        if self.held.len() + self.live.len() >= MOST_ORDERS {
            return self.advance(book, rec);
        }
        let Some(key) = self.key() else { return };
        let view = self.dice.percent(60).then(|| self.look(book, rec));
        let position = view.as_ref().and_then(|view| view.get(key));
        let flat = match &view {
            Some(_) => position.is_none() != self.dice.percent(10),
            None => self.dice.percent(50),
        };
        let wish = if flat { self.open(key) } else { self.change(key, view.as_ref(), position) };
        let Ok(command) = wish else { return };
        if let Ok(claim) = rec.reserve(book, command) {
            self.held.push(claim);
            if self.dice.percent(70) {
                self.send(book, rec);
            }
        }
    }

    fn open(&mut self, key: InstrumentId) -> Result<Command, Rejection> {
        let side = if self.dice.percent(50) { Side::Long } else { Side::Short };
        let mut open = Command::open(key, side, quantity(self.dice.between(1, 20))?).stop("0.05")?;
        if self.words == Words::Few {
            return Ok(open.into());
        }
        if self.dice.percent(50) {
            open = open.at(price(MARK * 10 + self.dice.between(-5, 5))?).leverage(10);
        }
        if self.dice.percent(40) {
            let plan = ExitPlan::default().trailing("0".parse()?, "0.005".parse()?);
            open = open.exits(plan.tier("0.001".parse()?, "0.5".parse()?));
        }
        if self.dice.percent(self.trouble.of(10, 30)) {
            open = open.patience(Duration::from_secs(3));
        }
        if self.dice.percent(40) {
            open = open.tag(stage::TAG)?;
        }
        Ok(open.into())
    }

    /// Adds to a position, takes something off, or closes it.
    fn change(
        &mut self,
        key: InstrumentId,
        view: Option<&Snapshot>,
        position: Option<&Position>,
    ) -> Result<Command, Rejection> {
        let identity = self.words == Words::All && self.dice.percent(40);
        let (id, revision) = (
            position.filter(|_| identity).map(|p| p.id),
            view.and_then(|view| view.key(key)).filter(|_| identity).map(|key| key.revision),
        );
        macro_rules! wish {
            ($wish:expr) => {{
                let wish = $wish;
                match (id, revision) {
                    (Some(id), _) if self.dice.percent(60) => wish.expect_position(id).into(),
                    (_, Some(revision)) => wish.expect_revision(revision).into(),
                    _ => wish.into(),
                }
            }};
        }
        Ok(match self.dice.below(10) {
            0..3 => wish!(Command::scale_in(key, quantity(self.dice.between(1, 10))?)),
            3..6 => wish!(Command::scale_out(key, quantity(self.dice.between(1, 10))?)),
            6 if self.words == Words::All && position.is_some() => {
                return Ok(self.exit(key, position).unwrap_or_else(|| Command::close(key).into()));
            }
            _ => wish!(Command::close(key).because("the program says so")),
        })
    }

    /// An exit that fires, on a value that may no longer stand.
    fn exit(&mut self, key: InstrumentId, position: Option<&Position>) -> Option<Command> {
        let position = position?;
        let mark = price(MARK * 10).ok();
        let tier = position.exits.as_ref().and_then(|plan| plan.tiers.first().copied());
        let rule = match tier.filter(|_| self.dice.percent(50)) {
            Some(tier) => {
                let tenths = if position.side == Side::Long { 1_001 } else { 999 };
                ExitRule::Tier { tier, price: price(tenths).ok()? }
            }
            None => ExitRule::StopLoss(position.stop_loss()?),
        };
        Some(Command::exit(key, Exit { position: position.id, rule, mark }).into())
    }

    /// Opens two keys, or neither.
    fn pair(&mut self, book: &posbook::Book, rec: &mut Recorder) {
        if self.held.len() + self.live.len() + 1 >= MOST_ORDERS {
            return self.advance(book, rec);
        }
        let (Some(a), Some(b)) = (self.key(), self.key()) else { return };
        let mut commands = Vec::new();
        if self.words == Words::All && self.dice.percent(50) {
            commands.push(Command::expect_absent(a));
        }
        for key in [a, b] {
            commands.extend(self.open(key).ok());
        }
        if let Ok(batch) = rec.submit(book, commands) {
            self.held.extend(batch.reservations);
        }
    }

    /// Moves a stop, mostly closer.
    fn retarget(&mut self, book: &posbook::Book, rec: &mut Recorder) {
        let Some(key) = self.key() else { return };
        let view = self.dice.percent(70).then(|| self.look(book, rec));
        let position = view.as_ref().and_then(|view| view.get(key));
        let side = match position {
            Some(position) => position.side,
            None if self.dice.percent(50) => Side::Long,
            None => Side::Short,
        };
        let away = self.dice.between(3, 60);
        let stop = if side == Side::Long { MARK * 10 - away } else { MARK * 10 + away };
        let Ok(stop) = price(stop) else { return };
        let mut wish = Command::retarget(key).stop(stop);
        if self.words == Words::All {
            if self.dice.percent(10) {
                wish = Command::retarget(key).loosen_stop(posbook::Field::Set(stop));
            }
            if let Some(position) = position.filter(|_| self.dice.percent(30)) {
                wish = wish.expect_position(position.id);
            }
        }
        let _ = rec.apply(book, wish);
    }

    /// Changes a plan or the tags, lets a stop follow the mark, or notes what the mark says.
    fn plan(&mut self, book: &posbook::Book, rec: &mut Recorder) {
        let Some(key) = self.key() else { return };
        let view = self.look(book, rec);
        let Some(position) = view.get(key) else { return };
        if self.dice.percent(20) {
            let tags = if self.dice.percent(50) {
                stage::TAG.parse().and_then(|tag| Tags::none().and(tag))
            } else {
                Ok(Tags::none())
            };
            if let Ok(tags) = tags {
                let _ = rec.apply(book, Command::tag(key, tags).expect_position(position.id));
            }
            return;
        }
        if self.dice.percent(70) {
            let (key, position) = (key.into(), position.id);
            let notes = self.dice.percent(40);
            let wish =
                if notes { Command::Reach { key, position } } else { Command::Trail { key, position } };
            let _ = rec.apply(book, wish);
            return;
        }
        let widths = ["0.003", "0.006", "0.02"];
        let width = self.dice.one_of(&widths).and_then(|width| width.parse().ok());
        if let (Some(width), Ok(at_once)) = (width, "0".parse()) {
            let _ = rec.apply(book, Command::plan(key, ExitPlan::default().trailing(at_once, width)));
        }
    }

    /// The first trader moves the clock; all put overdue orders in doubt.
    fn time(&mut self, book: &posbook::Book, rec: &mut Recorder) {
        if let Some(clock) = self.clock.clone().filter(|_| self.dice.percent(self.trouble.of(50, 80))) {
            rec.set_clock(&clock, Timestamp::plus(book.now(), Duration::from_secs(5)));
        }
        rec.expire(book);
    }

    /// Leaves what is unfinished for whoever quiesces: nobody holds anything of this trader's afterwards.
    pub fn retire(mut self, rec: &mut Recorder) {
        for claim in std::mem::take(&mut self.held) {
            rec.release(claim);
        }
        for Live { sent, course } in std::mem::take(&mut self.live) {
            self.desk.leave(Parcel::Order(sent.detach(), course));
        }
    }

    /// Somebody else's order, as a picture shows it.
    fn anyone_s_order(&mut self, view: &Snapshot) -> Option<posbook::ClientOrderId> {
        let left = view.orders().filter(|order| order.state != OrderState::Reserved);
        let left: Vec<_> = left.map(|order| order.client_id).collect();
        self.dice.one_of(&left).copied()
    }
}
