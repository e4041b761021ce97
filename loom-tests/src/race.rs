//! A race: what a few threads do to one book at the same moment, in words, and the table of what may come of it.
//!
//! A scene names a [`Stage`], one act a thread, and its legal outcomes as [`Row`]s: what each thread was told, how many
//! turns of the loop were lost, and how the book stands when all are done. After every schedule the invariants that hold
//! whatever happened are asserted by their numbers ([`Stage::sound`]).
#![allow(
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a model fails by a panic"
)]

use std::ops::RangeInclusive;

use posbook::{
    Book, Builder, Change, Command, Decimal, Effect, ExitRule, Fill, FillNote, FillOutcome, InstrumentId,
    Intent, KeyState, Kind, OrderSide, OrderState, Price, Publication, Quantity, Reason, Rejection,
    Reservation, Retarget, Sent, Sequence, Side, TargetRule, Timestamp,
};

use crate::scene::{Bound, explore_within, fill, instrument, small};
use crate::thread;

/// What each thread is told, the turns lost in all (each number of the range is an outcome of its own; [`ANY`]: they are
/// not looked at), and how the book stands at the end.
pub type Row = (&'static [&'static str], RangeInclusive<u64>, &'static str);

/// The turns lost are not a part of this scene's table.
pub const ANY: RangeInclusive<u64> = 0..=u64::MAX;

/// What came of one schedule.
pub type Outcome = (Vec<String>, Option<u64>, String);

/// What one thread does.
pub type Act = fn(&Stage) -> Said;

/// Runs every schedule of `acts`, the last of them on the model's own thread.
///
/// # Panics
/// The outcomes are not the table's, or an invariant does not hold in some schedule.
pub fn race(name: &str, stage: fn() -> Stage, rows: &[Row], acts: &'static [Act]) {
    race_within(name, Bound::None, stage, rows, acts);
}

/// As [`race`], within a bound.
///
/// # Panics
/// As [`race`].
pub fn race_within(name: &str, bound: Bound, stage: fn() -> Stage, rows: &[Row], acts: &'static [Act]) {
    let (table, counted) = (table(rows), counts_turns(rows));
    explore_within(name, bound, &table, move || {
        let stage = stage();
        let (last, others) = acts.split_last().expect("a race has acts");
        let others: Vec<_> = others
            .iter()
            .map(|act| {
                let (stage, act) = (stage.clone(), *act);
                thread::spawn(move || act(&stage))
            })
            .collect();
        let last = last(&stage);
        let mut said: Vec<Said> = others.into_iter().map(|other| other.join().unwrap()).collect();
        said.push(last);
        stage.outcome(&said, counted)
    });
}

/// Whether a table has the turns lost in it.
pub fn counts_turns(rows: &[Row]) -> bool {
    rows.iter().all(|(_, lost, _)| *lost != ANY)
}

/// The outcomes that rows stand for.
pub fn table(rows: &[Row]) -> Vec<Outcome> {
    let each = |(said, lost, left): &Row| {
        let said: Vec<String> = said.iter().map(|word| (*word).to_owned()).collect();
        let left = (*left).to_owned();
        let lost: Vec<Option<u64>> = if *lost == ANY { vec![None] } else { lost.clone().map(Some).collect() };
        lost.into_iter().map(|lost| (said.clone(), lost, left.clone())).collect::<Vec<_>>()
    };
    rows.iter().flat_map(each).collect()
}

/// What a thread was told, and the claims it holds until everybody is done.
#[derive(Debug, Default)]
pub struct Said {
    /// In a word or two.
    pub word: String,
    sent: Vec<Sent>,
    /// Dropped, they would be released.
    _claims: Vec<Reservation>,
}

impl Said {
    /// Only words.
    pub fn word(word: impl Into<String>) -> Self {
        Self { word: word.into(), ..Self::default() }
    }
}

/// A book, and what was known of it before the race.
#[derive(Debug, Clone)]
pub struct Stage {
    /// The book.
    pub book: Book,
    /// Its first instrument.
    pub one: InstrumentId,
    /// Its second instrument.
    pub two: InstrumentId,
    /// Its sequence before the race: when a venue was asked, or something was decided.
    pub asked: Sequence,
}

impl Stage {
    /// Two instruments, nothing open. Whatever is opened gets a stop of 5 %.
    pub fn flat() -> Self {
        Self::with(|builder| builder)
    }

    /// As [`Stage::flat`], of another builder.
    pub fn with(how: impl FnOnce(Builder) -> Builder) -> Self {
        let rule = TargetRule::stop_fraction("0.05".parse().unwrap());
        let book = how(small(2).default_rule(rule)).build().unwrap();
        let (one, two) = (instrument(&book, 0), instrument(&book, 1));
        let asked = book.snapshot().sequence();
        Self { book, one, two, asked }
    }

    /// Long 1 of the first instrument, at 100 with a stop at 95, by a fill of venue time 1 s.
    pub fn long() -> Self {
        Self::flat().holding()
    }

    /// As [`Stage::long`], from this stage on.
    pub fn holding(self) -> Self {
        let opened = fill(self.one, "opened", OrderSide::Buy, "1").at(Timestamp::from_millis(1_000));
        self.book.record(opened).unwrap();
        Self { asked: self.book.snapshot().sequence(), ..self }
    }

    /// An open, a close, whatever makes a reservation: the quantity, or why not.
    pub fn reserve(&self, wish: impl Into<Command>) -> Said {
        match self.book.reserve(wish) {
            Ok(claim) => {
                Said { word: claim.order().quantity.to_string(), _claims: vec![claim], sent: Vec::new() }
            }
            Err(refused) => Said::word(why(&refused)),
        }
    }

    /// Reserves, and publishes that the order leaves.
    pub fn send(&self, wish: impl Into<Command>) -> Said {
        let claim = match self.book.reserve(wish) {
            Ok(claim) => claim,
            Err(refused) => return Said::word(why(&refused)),
        };
        match claim.sent() {
            Ok(sent) => {
                Said { word: format!("{} sent", sent.order().quantity), sent: vec![sent], ..Said::default() }
            }
            Err(refused) => Said::word(format!("not sent: {}", why(&refused))),
        }
    }

    /// An order's whole life at a venue that fills it at once.
    pub fn execute(&self, wish: impl Into<Command>) -> Said {
        let mut said = self.send(wish);
        if let Some(sent) = said.sent.pop() {
            let order = sent.order().clone();
            let done = fill(order.key.instrument, "done", order.side, &order.quantity.to_string());
            self.book.record(done.order(order.client_id)).unwrap();
            sent.complete(order.quantity).unwrap();
            said.word = format!("{} done", order.quantity);
        }
        said
    }

    /// Whatever makes no reservation: `done`, or why not.
    pub fn apply(&self, wish: impl Into<Command>) -> Said {
        Said::word(self.book.apply(wish).map_or_else(|refused| why(&refused), |_| "done".to_owned()))
    }

    /// A batch: `both`, or why none.
    pub fn submit(&self, commands: impl IntoIterator<Item = Command>) -> Said {
        match self.book.submit(commands) {
            Ok(batch) => Said { word: "both".to_owned(), _claims: batch.reservations, sent: Vec::new() },
            Err(refused) => Said::word(why(&refused)),
        }
    }

    /// A fill: what became of it.
    pub fn record(&self, fill: Fill) -> Said {
        Said::word(match self.book.record(fill).unwrap().outcome {
            FillOutcome::Booked { notes } if notes.contains(&FillNote::OtherLife) => "booked on another life",
            FillOutcome::Booked { .. } => "booked",
            FillOutcome::Duplicate => "duplicate",
            other => panic!("{other:?}"),
        })
    }

    /// What came of a schedule, once everybody is done. What they hold is let go of after that.
    pub fn outcome(&self, said: &[Said], counted: bool) -> Outcome {
        let lost = self.book.health().lost_turns;
        self.sound();
        (said.iter().map(|said| said.word.clone()).collect(), counted.then_some(lost), self.standing())
    }

    /// How the book stands: each instrument with anything on it.
    pub fn standing(&self) -> String {
        let view = self.book.snapshot();
        let keys: Vec<String> = view.keys().map(stands).filter(|told| told != "flat").collect();
        if keys.is_empty() { "flat".to_owned() } else { keys.join("; ") }
    }

    /// What holds after every schedule, whatever was granted.
    pub fn sound(&self) {
        let view = self.book.snapshot();
        for key in view.keys() {
            let standing = |intent| key.orders.iter().filter(|order| order.intent == intent).count();
            assert!(standing(Intent::Open) <= 1, "two orders open one key (I1)");
            assert!(standing(Intent::Close) <= 1, "two orders close one key (I1)");
            let mut cost = Decimal::ZERO;
            if let Some(open) = &key.position {
                assert!(!open.quantity.is_zero(), "an open position of nothing (I2)");
                let ours = key.orders.iter().filter(|o| !o.intent.increases() && o.against == Some(open.id));
                let reducing = ours.fold(Quantity::ZERO, |sum, o| sum.plus(o.remaining()).unwrap());
                assert!(
                    reducing <= open.quantity,
                    "{reducing} is in flight to reduce {} (I2)",
                    open.quantity
                );
                cost = if open.side == Side::Long { open.cost } else { -open.cost };
            }
            let money = &key.ledger;
            assert_eq!(
                money.cash,
                money.realised - cost + money.unexplained,
                "money appeared or vanished (I9)"
            );
        }
        let (mut replica, mut told) = (self.book.replica(), self.book.changes_after(Sequence(0)));
        while let Some(unit) = told.try_next() {
            for change in unit.expect("the window has everything").iter() {
                replica.apply(change).expect("each publication takes the next sequence (I4)");
                left_in_time(change);
                fired_in_time(change);
            }
        }
        assert_eq!(replica.sequence(), view.sequence(), "the feed has every change (I10)");
        assert_eq!(replica.digest(), view.digest(), "replaying every change gives the same book (I5)");
    }
}

/// An order that leaves was asked about once more, on the key that it leaves for (R5).
fn left_in_time(change: &Change) {
    let Effect::Key { kind: Kind::Sent, after, .. } = &change.effect else { return };
    let Command::Step { order, .. } = change.command() else { return };
    let order = after.order(*order).expect("what was sent stands");
    let closes = order.intent.increases() && after.closing.is_some();
    assert!(!closes, "an increase left for a key that closes (R5, R7)");
    let standing = after.position.as_ref().map(|open| open.id);
    assert_eq!(order.against, standing, "an order left for another life of its key (R5)");
}

/// An exit is reserved while the stop that fired stands (R16).
fn fired_in_time(change: &Change) {
    let Effect::Key { kind: Kind::Reserved, before: Some(before), after, .. } = &change.effect else {
        return;
    };
    let exits = after.orders.iter().filter(|order| order.client_id.sequence == change.sequence);
    for rule in exits.filter_map(|order| order.exit).map(|exit| exit.rule) {
        let ExitRule::StopLoss(fired) = rule else { continue };
        let stands = before.position.as_ref().and_then(|open| open.stop_loss());
        assert_eq!(stands, Some(fired), "an exit at a stop that does not stand (R16)");
    }
}

/// A key in words: what is open, what is on its way.
fn stands(key: &KeyState) -> String {
    let mut words = Vec::new();
    words.push(match &key.position {
        None => "flat".to_owned(),
        Some(open) => {
            let stop = open.stop_loss().map_or_else(String::new, |stop| format!(" stop {stop}"));
            format!("{} {}{stop}", open.side, open.quantity)
        }
    });
    words.extend(key.orders.iter().map(|order| {
        let what = match order.intent {
            Intent::Open => "open",
            Intent::ScaleIn => "scale in",
            Intent::ScaleOut => "scale out",
            Intent::Close => "close",
        };
        let doubt = if matches!(order.state, OrderState::InDoubt(_)) { " in doubt" } else { "" };
        let here = order.against.is_none() || order.against == key.position.as_ref().map(|open| open.id);
        let life = if here { "" } else { " of another life" };
        format!("{what} {}{doubt}{life}", order.remaining())
    }));
    words.extend(key.closing.iter().map(|_| "closing".to_owned()));
    words.extend(key.troubles.first().map(|_| "blocked".to_owned()));
    words.join(", ")
}

/// A refusal in a word or two. One that no scene expects is a fault of its own.
pub fn why(refused: &Rejection) -> String {
    let word = match refused.reason() {
        Reason::AlreadyOpen { .. } => "already open",
        Reason::NoPosition { .. } => "no position",
        Reason::AlreadyReserved { .. } => "reserved",
        Reason::Closing { .. } => "closing",
        Reason::InDoubt { .. } => "in doubt",
        Reason::ReduceBeyond { .. } => "beyond what is free",
        Reason::OtherPosition { .. } => "another life",
        Reason::OtherRevision { .. } => "another revision",
        Reason::StaleReport { .. } => "stale report",
        Reason::UnknownOrder { .. } | Reason::OrderState { .. } => "too late",
        Reason::StopLoosened { .. } => "looser",
        Reason::ExitGone { .. } => "exit gone",
        Reason::Limit { .. } => "over the limit",
        other => panic!("no scene expects this refusal: {other}"),
    };
    word.to_owned()
}

/// An open of a long, at 100.
pub fn open(id: InstrumentId, quantity: &str) -> Command {
    Command::open(id, Side::Long, contracts(quantity)).at(price("100")).into()
}

/// A scale-in, at 100.
pub fn scale_in(id: InstrumentId, quantity: &str) -> Command {
    Command::scale_in(id, contracts(quantity)).at(price("100")).into()
}

/// A scale-out.
pub fn scale_out(id: InstrumentId, quantity: &str) -> Command {
    Command::scale_out(id, contracts(quantity)).into()
}

/// A move of the stop.
pub fn stop(id: InstrumentId, at: &str) -> Retarget {
    Command::retarget(id).stop(price(at))
}

/// A quantity.
pub fn contracts(text: &str) -> Quantity {
    text.parse().unwrap()
}

/// A price.
pub fn price(text: &str) -> Price {
    text.parse().unwrap()
}

/// The sequences of a unit of the feed.
pub fn span(unit: &Publication) -> String {
    format!("{} to {}", unit.first(), unit.last())
}
