//! What a book is told before it begins.

use std::time::Duration;

use rust_decimal::Decimal;

use super::body::Body;
use super::courtesy::Courtesy;
use super::durable::Durable;
use super::feed::Feed;
use super::late::Late;
use super::marks::Marks;
use super::root::Root;
use super::{Alive, Book, Inner};
use crate::error::{Error, Reason};
use crate::model::{Epoch, ExitPlan, Limits, TargetRule};
use crate::state::{Ring, Settings, State};
use crate::sync::{Arc, Clock, DEFAULT_PATIENCE, fault, random_u32};
/// Builds a [`Book`]. Every value has a documented default.
///
/// ```
/// use std::time::Duration;
/// use posbook::{Book, TargetRule};
///
/// let book = Book::builder()
///     .default_rule(TargetRule::stop_fraction("0.05".parse()?))
///     .max_mark_age(Duration::from_secs(10))
///     .window(4_096)
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until build() is called"]
pub struct Builder {
    limits: Limits,
    default_rule: Option<TargetRule>,
    default_exits: Option<ExitPlan>,
    instruments: usize,
    window: usize,
    patience: Duration,
    max_mark_age: Duration,
    clock: Clock,
    identity: Option<(u32, Epoch)>,
    reuse: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            default_rule: None,
            default_exits: None,
            instruments: 4_096,
            window: 1_024,
            patience: DEFAULT_PATIENCE,
            max_mark_age: Duration::from_secs(30),
            clock: Clock::system(),
            identity: None,
            reuse: true,
        }
    }
}

impl Builder {
    /// What the book refuses to exceed. Default: [`Limits::default`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Targets of positions that no order of ours opened (a flip, a late fill, an adoption), and of orders that carry
    /// no rule. Default: none; such a position is unprotected and blocks new risk on its key (R5).
    pub fn default_rule(mut self, rule: TargetRule) -> Self {
        self.default_rule = Some(rule);
        self
    }

    /// The exit plan of every position and order that brings none of its own: trailing, tiers, age. Default: none.
    pub fn default_exits(mut self, plan: ExitPlan) -> Self {
        self.default_exits = Some(plan);
        self
    }

    /// How many instruments can be registered. Default 4,096; each costs 64 bytes of marks.
    pub fn instruments(mut self, capacity: usize) -> Self {
        self.instruments = capacity;
        self
    }

    /// How many publications the feed keeps at least. Default 1,024.
    pub fn window(mut self, publications: usize) -> Self {
        self.window = publications;
        self
    }

    /// How long an order may take before it is overdue. Default 30 s.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The age beyond which a mark fires no exit and values no order (R11). Default 30 s.
    pub fn max_mark_age(mut self, age: Duration) -> Self {
        self.max_mark_age = age;
        self
    }

    /// Where the book takes the time from. Default: the machine's clock.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The book's number and the number of this opening, which make its client order ids (R15). Default: a random
    /// number, and the second of building: nothing is named twice by two runs. Give them only if you keep count.
    pub fn identity(mut self, book: u32, epoch: Epoch) -> Self {
        self.identity = Some((book, epoch));
        self
    }

    /// Whether states that were replaced and that nobody holds are changed in place for later writes. Default: yes. Without
    /// it every write copies the path to what it changes: the same book, slower; to compare the two.
    pub fn reuse(mut self, reuse: bool) -> Self {
        self.reuse = reuse;
        self
    }

    /// Makes the book.
    ///
    /// # Errors
    /// A limit or the default exit plan makes no sense.
    pub fn build(self) -> Result<Book, Error> {
        let settings = Arc::new(self.settings()?);
        Ok(self.start(State::empty(settings), None))
    }

    /// The book's number, if one was given.
    #[cfg(feature = "journal")]
    pub(crate) fn named(&self) -> Option<u32> {
        self.identity.map(|(book, _)| book)
    }

    /// What a book of this builder is told.
    pub(crate) fn settings(&self) -> Result<Settings, Error> {
        let refuse = |what, value, rule| Error::Rejected(Reason::OutOfRange { what, value, rule }.into());
        if self.limits.leverage == 0 {
            return Err(refuse("leverage limit", Decimal::ZERO, "must be at least 1"));
        }
        if self.limits.stop_fraction.get() > Decimal::ONE || self.limits.stop_fraction.get().is_zero() {
            return Err(refuse(
                "stop limit",
                self.limits.stop_fraction.get(),
                "must be above 0 and at most 1",
            ));
        }
        if let Some(plan) = &self.default_exits {
            plan.check(self.limits.stop_fraction)?;
        }
        self.limits.check_groups()?;
        if self.instruments > 1 << 20 {
            return Err(refuse("number of instruments", self.instruments.into(), "must be at most 1048576"));
        }
        let seconds = self.clock.now().0.max(Clock::system().now().0) / 1_000_000_000;
        let (book, epoch) =
            self.identity.unwrap_or_else(|| (random_u32(), u32::try_from(seconds).unwrap_or(u32::MAX)));
        let (book, epoch) = if fault("one_name") { (1, 1) } else { (book, epoch) };
        Ok(Settings {
            book,
            epoch,
            limits: self.limits.clone(),
            default_rule: self.default_rule,
            default_exits: self.default_exits.clone().map(Arc::new),
            instruments: self.instruments,
            patience_ns: u64::try_from(self.patience.as_nanos()).unwrap_or(u64::MAX),
        })
    }

    /// A book that begins with this state.
    pub(crate) fn start(self, state: State, durable: Option<Durable>) -> Book {
        let marks = Marks::new(state.settings().instruments);
        state.slots().for_each(|slot| marks.admit(slot.id));
        let body = Body { state, window: Ring::new(self.window), late: Late::new() };
        let inner = Arc::new(Inner {
            root: Root::new(body, self.reuse),
            courtesy: Courtesy::new(),
            feed: Feed::new(),
            marks,
            clock: self.clock,
            max_mark_age: self.max_mark_age,
            durable,
        });
        Book { alive: Arc::new(Alive(Arc::clone(&inner))), inner }
    }
}
