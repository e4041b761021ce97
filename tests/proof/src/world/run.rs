//! One world, from its seed to rest: the scheduler chooses who goes on, the market moves, tasks are dropped in the middle,
//! and the oracle looks after every turn.

use std::collections::BTreeMap;
use std::time::Duration;

#[cfg(feature = "journal")]
use posbook::Builder;
use posbook::venue::{Fault, PaperVenue, PositionManager};
use posbook::{
    Book, Change, Clock, ContractKind, Fill, GroupLimit, InstrumentId, Limits, OrderSide, Price, Quantity,
    Rejection, Selection, Side, TargetRule, Timestamp,
};
use rust_decimal::Decimal;

use super::agents::{Bot, EXPIRE, Started};
use super::dice::Dice;
#[cfg(feature = "journal")]
use super::disk::Disk;
use super::executor::{Executor, TaskId};
use super::market::Traded;
use super::options::Options;
use super::oracle::{GRID, Oracle, PLACE, Wrong};
use super::trace::{line, seconds};
use super::wire::Wire;

/// What became of a world.
#[derive(Debug, Clone, Default)]
pub struct Ended {
    /// What broke a rule, and which. `None`: nothing did.
    pub violation: Option<String>,
    /// A fingerprint of everything that happened: equal for equal runs.
    pub digest: u64,
    /// Turns of the scheduler, the coming to rest included.
    pub steps: u64,
    /// Changes published.
    pub changes: u64,
    /// Orders that the venue heard of.
    pub orders: u64,
    /// Its trades.
    pub fills: u64,
    /// What really went wrong at the venue.
    pub faults: BTreeMap<Fault, u64>,
    /// Orders that were in doubt.
    pub in_doubt: u64,
    /// Tasks that were dropped in the middle.
    pub cancelled: u64,
    /// Of these: with an order on its way, which was in doubt then.
    pub cancelled_in_doubt: u64,
    /// Adoptions and drops.
    pub repairs: u64,
    /// How often the bot was killed and restarted.
    pub kills: u64,
    /// Reductions that had left and that a restart knew nothing of.
    pub forgotten: u64,
    /// Known limits that were met.
    pub exemptions: BTreeMap<&'static str, u64>,
    /// One line an event, if they were asked for.
    pub trace: Vec<String>,
}

/// When market time begins: not at zero, so that a picture of three seconds ago has a time too.
pub(super) const BEGIN: Timestamp = Timestamp(100_000_000_000);
/// How old a mark may be.
pub(super) const MARK_AGE: Duration = Duration::from_secs(3);
/// How long a task may take: then it is dropped, as a bot's timeout does.
const TIMEOUT: Duration = Duration::from_secs(12);
/// What one key may be worth: a few orders.
const KEY_NOTIONAL: i64 = 12_000;

/// A world on its way.
pub(super) struct World {
    pub(super) options: Options,
    /// How the book is built, again after a kill.
    #[cfg(feature = "journal")]
    pub(super) builder: Builder,
    pub(super) book: Book,
    #[cfg(feature = "journal")]
    pub(super) disk: Option<Disk>,
    clock: Clock,
    pub(super) wire: Wire,
    pub(super) bot: Bot,
    pub(super) traded: Vec<Traded>,
    pub(super) tasks: Executor,
    pub(super) names: BTreeMap<TaskId, &'static str>,
    pub(super) oracle: Oracle,
    /// By the venue's clock.
    pub(super) now: Timestamp,
    scheduler: Dice,
    market: Dice,
    choices: Dice,
    oddities: Dice,
    foreign: u64,
    odd: u64,
    tracing: bool,
    pub(super) ended: Ended,
}

/// Runs the world of a seed with these options. `tracing`: with a line for every event.
pub fn run(seed: u64, options: &Options, tracing: bool) -> Ended {
    let mut world = match World::new(seed, options, tracing) {
        Ok(world) => world,
        Err(wrong) => return Ended { violation: Some(format!("no world: {wrong}")), ..Ended::default() },
    };
    let verdict = world.live().and_then(|()| world.rest());
    if let Err(wrong) = verdict {
        world.note(|| format!("VIOLATION {wrong}"));
        world.ended.violation = Some(wrong);
    }
    world.end()
}

/// The group that a world may have, and what it is limited to.
fn groups(tagged: u64) -> Result<Vec<GroupLimit>, Rejection> {
    if tagged == 0 {
        return Ok(Vec::new());
    }
    let grid = GroupLimit::new(GRID.parse()?, Selection::everything().tag(GRID.parse()?));
    let places = usize::try_from(tagged).unwrap_or(usize::MAX);
    Ok(vec![grid.positions(places).notional(Decimal::from(PLACE) * Decimal::from(tagged))])
}

impl World {
    fn new(seed: u64, options: &Options, tracing: bool) -> Result<Self, String> {
        let mut market = Dice::new(seed, 1);
        let listed = (0..options.instruments).map(|n| Traded::listed(options.first + n));
        let mut traded: Vec<Traded> = listed.collect::<Option<_>>().ok_or("an instrument is malformed")?;
        let paper = PaperVenue::builder()
            .seed(seed)
            .latency(Duration::from_millis(5)..Duration::from_millis(250))
            .partial(30)
            .reject(4)
            .faults(options.faults())
            .instruments(traded.iter().map(|t| t.instrument.clone()).collect())
            .build();
        let wire = Wire::new(paper, Dice::new(seed, 2), options.slow, options.hangs);
        let clock = Clock::manual(BEGIN);
        let text = |wrong: &dyn std::fmt::Display| wrong.to_string();
        let rule = "0.01".parse().map(TargetRule::stop_fraction).map_err(|wrong| text(&wrong))?;
        let limits = Limits {
            positions: usize::try_from(options.positions).unwrap_or(usize::MAX),
            key_notional: Decimal::from(KEY_NOTIONAL),
            groups: groups(options.tagged).map_err(|wrong| text(&wrong))?,
            ..Limits::default()
        };
        let builder = Book::builder()
            .clock(clock.clone())
            .identity(1, 1)
            // More than one call ever publishes, so that the oracle misses nothing.
            .window(1 << 16)
            .instruments(traded.len())
            .limits(limits)
            .default_rule(rule)
            .patience(Duration::from_millis(market.between(2_000, 8_000)))
            .max_mark_age(MARK_AGE);
        #[cfg(feature = "journal")]
        let (book, disk) = match options.kills {
            0 => (builder.clone().build().map_err(|wrong| text(&wrong))?, None),
            _ => Disk::new(seed, builder.clone()).map(|(book, disk)| (book, Some(disk)))?,
        };
        #[cfg(not(feature = "journal"))]
        let book = builder.build().map_err(|wrong| text(&wrong))?;
        let oracle = Oracle::new(&book, wire.clone(), options, Decimal::from(KEY_NOTIONAL));
        let manager = pollster::block_on(PositionManager::connect(book.clone(), wire.clone()));
        let manager = manager.map_err(|wrong| text(&wrong))?;
        for one in &mut traded {
            one.id = book.instrument(one.symbol.as_str()).map_err(|wrong| text(&wrong))?;
        }
        let bot = Bot::new(manager, wire.clone(), options);
        let mut world = Self {
            options: options.clone(),
            #[cfg(feature = "journal")]
            builder,
            book,
            #[cfg(feature = "journal")]
            disk,
            clock,
            wire,
            bot,
            traded,
            tasks: Executor::default(),
            names: BTreeMap::new(),
            oracle,
            now: BEGIN,
            scheduler: Dice::new(seed, 3),
            market,
            choices: Dice::new(seed, 4),
            oddities: Dice::new(seed, 5),
            foreign: 0,
            odd: 0,
            tracing,
            ended: Ended { digest: 0xcbf2_9ce4_8422_2325, ..Ended::default() },
        };
        world.time_goes_to(BEGIN);
        for place in 0..world.traded.len() {
            world.price(place, true);
        }
        Ok(world)
    }

    fn live(&mut self) -> Result<(), Wrong> {
        self.look(0)?;
        self.write()?;
        for _ in 0..self.options.turns {
            self.turn()?;
            self.crash()?;
        }
        Ok(())
    }

    #[cfg(not(feature = "journal"))]
    pub(super) fn write(&mut self) -> Result<(), Wrong> {
        Ok(())
    }

    #[cfg(not(feature = "journal"))]
    fn crash(&mut self) -> Result<(), Wrong> {
        Ok(())
    }

    /// One turn: somebody goes on, somebody begins, somebody is dropped, or the market moves.
    fn turn(&mut self) -> Result<(), Wrong> {
        self.ended.steps += 1;
        if self.options.cancels > 0 && self.scheduler.below(1_000) < self.options.cancels {
            let all = self.tasks.all();
            if let Some(task) = self.scheduler.pick(&all).copied() {
                return self.cancel(task);
            }
        }
        let overdue = Timestamp(self.now.0.saturating_sub(i64::try_from(TIMEOUT.as_nanos()).unwrap_or(0)));
        if let Some(task) = self.tasks.since(overdue) {
            return self.cancel(task);
        }
        let ready = self.tasks.ready();
        match self.scheduler.below(10) {
            0..=4 if !ready.is_empty() => {
                let task = self.scheduler.pick(&ready).copied().unwrap_or_default();
                self.poll(task)
            }
            0..=6 => {
                self.begin();
                self.look(0)
            }
            _ => {
                self.tick();
                self.look(0)?;
                self.odd_fill()
            }
        }
    }

    // ---- tasks

    pub(super) fn poll(&mut self, task: TaskId) -> Result<(), Wrong> {
        self.mix(&[2, task]);
        let name = self.names.get(&task).copied().unwrap_or_default();
        self.note(|| format!("task {task} ({name}) goes on"));
        self.wire.notes().task = task;
        let done = self.tasks.poll(task);
        self.look(task)?;
        for (view, plan) in self.bot.plans.take() {
            self.oracle.planned(task, &view, &plan)?;
        }
        for batch in self.bot.batches.take() {
            self.oracle.batch(batch)?;
        }
        self.after_a_picture();
        if let Some(done) = done {
            self.note(|| format!("task {task} ({name}) has ended: {done:?}"));
            self.oracle.reconciled(task, done)?;
            if name == EXPIRE {
                self.oracle.expired(self.book.now())?;
            }
            self.oracle.let_go(task)?;
        }
        Ok(())
    }

    /// Whether a trade in the very instant of a report is in its picture nobody can say, so the venue's clock goes on.
    pub(super) fn after_a_picture(&mut self) {
        if std::mem::take(&mut self.wire.notes().pictured) {
            self.time_goes_to(self.now.plus(Duration::from_micros(1)));
        }
    }

    fn cancel(&mut self, task: TaskId) -> Result<(), Wrong> {
        self.mix(&[3, task]);
        let name = self.names.get(&task).copied().unwrap_or_default();
        self.note(|| format!("task {task} ({name}) is dropped"));
        self.tasks.cancel(task);
        self.look(task)?;
        self.ended.cancelled += 1;
        self.ended.cancelled_in_doubt += u64::from(self.oracle.let_go(task)? > 0);
        Ok(())
    }

    /// An agent that is idle begins something.
    fn begin(&mut self) {
        let strategies = self.options.strategies;
        let agent = match self.scheduler.below(100) {
            n if n < self.options.reconciles => 2,
            _ => match self.scheduler.below(100) {
                0..=64 => 10 + self.scheduler.below(strategies),
                65..=77 => 0,
                78..=92 => 1,
                93..=95 => 3,
                96 => 4,
                97 => 5,
                _ => return self.somebody_trades(),
            },
        };
        let place = usize::try_from(agent).unwrap_or(0);
        if self.tasks.busy(place) {
            return;
        }
        let started: Option<Started> = match agent {
            0 => self.bot.read_fills(),
            1 => self.bot.pass(),
            2 => self.bot.reconcile(&mut self.choices),
            3 => self.bot.resolve(),
            4 => self.bot.expire(),
            5 => self.bot.flatten(),
            _ => self.bot.trade(agent - 10, &self.traded, &mut self.choices),
        };
        let Some((name, work)) = started else { return };
        let task = self.tasks.start(place, self.now, work);
        self.names.insert(task, name);
        self.mix(&[4, task, agent]);
        self.note(|| format!("task {task} ({name}) begins, of agent {agent}"));
    }

    /// A person trades on the account.
    fn somebody_trades(&mut self) {
        if self.foreign >= self.options.foreign {
            return;
        }
        let place = self.market.below(self.traded.len() as u64);
        let Some(one) = self.traded.get(usize::try_from(place).unwrap_or(0)) else { return };
        let side = if self.market.percent(50) { OrderSide::Buy } else { OrderSide::Sell };
        let leg = one.instrument.mode().leg(if self.market.percent(50) { Side::Long } else { Side::Short });
        let Some(quantity) = one.worth(self.market.between(500, 3_000)) else { return };
        let symbol = one.symbol.clone();
        if self.wire.paper.place_foreign(&symbol, leg, side, quantity).is_ok() {
            self.foreign += 1;
            self.note(|| format!("a person: {side} {quantity} {symbol} on {leg:?}"));
        }
    }

    /// A fill that nobody can book is delivered: at a price that there is not, of an instrument that nobody has registered,
    /// or of a quantity that is worth less than the smallest money. No money moved; the book cannot know that.
    fn odd_fill(&mut self) -> Result<(), Wrong> {
        if self.odd >= self.options.odd || !self.oddities.percent(2) {
            return Ok(());
        }
        let Some(one) = self.oddities.pick(&self.traded) else { return Ok(()) };
        let side = if self.oddities.percent(50) { OrderSide::Buy } else { OrderSide::Sell };
        let leg = one.instrument.mode().leg(side.opens());
        // Money of an inverse contract is finer, and worth less the higher the price.
        let least = match one.instrument.kind() {
            ContractKind::Inverse => (Decimal::new(1, 18), Decimal::from(1_000_000)),
            ContractKind::Linear | ContractKind::Quanto | ContractKind::Spot => {
                (Decimal::new(1, 16), Decimal::ONE)
            }
        };
        let (id, quantity, price) = match self.oddities.below(3) {
            0 => (one.id, Decimal::ONE, -Decimal::ONE),
            1 => (InstrumentId(99), Decimal::ONE, Decimal::ONE),
            _ => (one.id, least.0, least.1),
        };
        let name = format!("odd-{}", self.odd).parse().map_err(|wrong| format!("no name: {wrong}"))?;
        let quantity = Quantity::new(quantity).map_err(|wrong| wrong.to_string())?;
        let price = Price::new(price).map_err(|wrong| wrong.to_string())?;
        let fill = Fill::trade(id, name, side, quantity, price).leg(leg).at(self.now);
        self.odd += 1;
        self.note(|| format!("an odd fill: {side} {quantity} of {id} at {price}"));
        for _ in 0..self.oddities.between(1, 3) {
            self.book
                .record(fill.clone())
                .map_err(|wrong| format!("an odd fill is refused: {wrong} (R4)"))?;
        }
        self.look(0)?;
        self.oracle.handed(&fill)
    }

    // ---- the market

    fn tick(&mut self) {
        let long = match self.market.below(100) {
            0..=4 => self.market.between(500, 3_000),
            _ => self.market.between(5, 150),
        };
        let nanoseconds = self.market.below(1_000_000);
        self.time_goes_to(self.now.plus(Duration::from_millis(long) + Duration::from_nanos(nanoseconds)));
        let place = self.market.below(self.traded.len() as u64);
        // Sometimes the bot does not hear of it: its mark is older than the market.
        let heard = !self.market.percent(10);
        self.price(usize::try_from(place).unwrap_or(0), heard);
    }

    pub(super) fn time_goes_to(&mut self, now: Timestamp) {
        self.now = now;
        self.mix(&[5, now.0.unsigned_abs()]);
        self.clock.set(Timestamp(now.0 + self.oracle.skew_ns()));
        self.wire.paper.advance(now);
        self.wire.advance(now);
    }

    pub(super) fn price(&mut self, place: usize, heard: bool) {
        let Some(one) = self.traded.get_mut(place) else { return };
        one.walk(&mut self.market);
        let Some(price) = one.price() else { return };
        let (id, symbol) = (one.id, one.symbol.clone());
        let _ = self.wire.paper.tick(&symbol, price, self.now);
        if heard {
            let _ = self.book.mark(id, price);
            self.oracle.heard(id, price, self.book.now());
        }
        self.note(|| format!("{symbol} at {price}{}", if heard { "" } else { ", unheard" }));
    }

    // ---- the oracle, and what is noted

    pub(super) fn look(&mut self, task: TaskId) -> Result<(), Wrong> {
        let (tracing, ended) = (self.tracing, &mut self.ended);
        let now = self.now;
        let mut mixed = Vec::new();
        let seen = self.oracle.look(&self.book, task, |change: &Change| {
            ended.changes += 1;
            mixed.extend([change.sequence.0, change.kind() as u64, change.time.0.unsigned_abs()]);
            if tracing {
                ended.trace.push(line(now, change));
            }
        });
        self.mix(&mixed);
        seen
    }

    pub(super) fn note(&mut self, what: impl FnOnce() -> String) {
        if self.tracing {
            let what = what();
            self.ended.trace.push(format!("{} {what}", seconds(self.now)));
        }
    }

    /// Fowler, Noll and Vo's hash, over numbers.
    pub(super) fn mix(&mut self, numbers: &[u64]) {
        for byte in numbers.iter().flat_map(|number| number.to_le_bytes()) {
            self.ended.digest = (self.ended.digest ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }

    fn end(mut self) -> Ended {
        let stats = self.wire.paper.stats();
        let digest = self.book.snapshot().digest();
        let halves = digest.to_le_bytes();
        let numbers: Vec<u64> = halves.iter().map(|byte| u64::from(*byte)).collect();
        self.mix(&numbers);
        self.mix(&[stats.fills, stats.orders]);
        self.ended.orders = stats.orders;
        self.ended.fills = stats.fills;
        self.ended.faults = stats.faults;
        self.ended.in_doubt = self.oracle.doubts.len() as u64;
        self.ended.repairs = self.oracle.repairs();
        self.ended.forgotten = self.oracle.forgotten.len() as u64;
        self.ended.exemptions = std::mem::take(&mut self.oracle.exempt);
        self.ended
    }
}
