//! Random streams of commands, run against a real book and the naive model side by side. Everything that can be said
//! about one step is asserted after it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use posbook::{
    Adoption, Book, Change, Changes, ClientOrderId, Clock, Command, DropPosition, Effect, ExitPlan, Field,
    Fill, FillOutcome, Fraction, Heard, Instrument, InstrumentId, InstrumentSpec, Intent, Kind, Leg, Limits,
    Opening, Order, OrderRef, OrderSide, OrderState, OrderStep, Owner, PositionId, PositionKey, PositionMode,
    Price, Publication, Quantity, Ratchet, Rejection, Replica, Reservation, Sent, Sequence, Shape, Side,
    Snapshot, TargetOrigin, TargetRule, Targets, Timestamp,
};
use proptest::prelude::*;

use crate::naive::{self, At, Execution, Naive, Outcome, Q, absolute, q, sign, zero};
use crate::tags;

/// One step. Numbers are picks: from what exists if something does, else from small tables.
#[derive(Debug, Clone)]
pub enum Op {
    Register { which: u8, variant: u8 },
    Mark { instrument: u8, price: u16, age: u8 },
    Tick { millis: i32 },
    Open { key: u8, long: bool, quantity: u8, rule: u8, price: u16, send: bool },
    ScaleIn { key: u8, quantity: u8, price: u16, send: bool },
    ScaleOut { key: u8, quantity: u8, send: bool },
    Close { key: u8, send: bool },
    Send { pick: u8 },
    Release { pick: u8 },
    Working { pick: u8 },
    Complete { pick: u8, figure: u8 },
    Refused { pick: u8, figure: u8 },
    Doubt { pick: u8 },
    Forget { pick: u8 },
    Detach { pick: u8 },
    Reattach { pick: u8 },
    Step { pick: u8, step: u8, figure: u8 },
    Fill { pick: u8, part: u8, price: u16, time: i8, fee: u8 },
    Cumulative { pick: u8, part: u8, price: u16, fee: u8 },
    Foreign { key: u8, buy: bool, quantity: u8, price: u16, time: i8, leg: bool, named: bool },
    Again { pick: u8 },
    Otherwise { pick: u8 },
    Retarget { key: u8, stop: Option<u16>, take: Option<u16>, loosen: bool, remove: bool },
    Plan { key: u8, which: u8 },
    Trail { key: u8 },
    Reach { key: u8 },
    Tag { key: u8, which: u8 },
    Exit { key: u8, send: bool },
    Adopt { key: u8, long: bool, quantity: u8, price: u16, stale: bool, timed: bool },
    Drop { key: u8, stale: bool, timed: bool },
    Quarantine { key: u8, stale: bool },
    Confirm { key: u8, stale: bool },
    Accept { key: u8 },
    CancelClosing { key: u8 },
    Expire,
}

/// Any step; the weights make lives of positions more likely than refusals.
pub fn op() -> impl Strategy<Value = Op> {
    let (k, n, p, b) = (any::<u8>, any::<u8>, any::<u16>, any::<bool>);
    let life = prop_oneof![
        4 => (k(), b(), n(), n(), p(), b())
            .prop_map(|(key, long, quantity, rule, price, send)| Op::Open { key, long, quantity, rule, price, send }),
        3 => (k(), n(), p(), b()).prop_map(|(key, quantity, price, send)| Op::ScaleIn { key, quantity, price, send }),
        3 => (k(), n(), b()).prop_map(|(key, quantity, send)| Op::ScaleOut { key, quantity, send }),
        2 => (k(), b()).prop_map(|(key, send)| Op::Close { key, send }),
        2 => n().prop_map(|pick| Op::Send { pick }),
        1 => n().prop_map(|pick| Op::Release { pick }),
        1 => n().prop_map(|pick| Op::Working { pick }),
        4 => (n(), n()).prop_map(|(pick, figure)| Op::Complete { pick, figure }),
        2 => (n(), n()).prop_map(|(pick, figure)| Op::Refused { pick, figure }),
        1 => n().prop_map(|pick| Op::Doubt { pick }),
        1 => n().prop_map(|pick| Op::Forget { pick }),
        1 => n().prop_map(|pick| Op::Detach { pick }),
        2 => n().prop_map(|pick| Op::Reattach { pick }),
        2 => (n(), n(), n()).prop_map(|(pick, step, figure)| Op::Step { pick, step, figure }),
    ];
    let fills = prop_oneof![
        8 => (n(), n(), p(), any::<i8>(), n())
            .prop_map(|(pick, part, price, time, fee)| Op::Fill { pick, part, price, time, fee }),
        2 => (n(), n(), p(), n()).prop_map(|(pick, part, price, fee)| Op::Cumulative { pick, part, price, fee }),
        2 => (k(), b(), n(), p(), any::<i8>(), b(), b()).prop_map(|(key, buy, quantity, price, time, leg, named)| {
            Op::Foreign { key, buy, quantity, price, time, leg, named }
        }),
        2 => n().prop_map(|pick| Op::Again { pick }),
        1 => n().prop_map(|pick| Op::Otherwise { pick }),
    ];
    let rest = prop_oneof![
        1 => (n(), n()).prop_map(|(which, variant)| Op::Register { which, variant }),
        3 => (k(), p(), n()).prop_map(|(instrument, price, age)| Op::Mark { instrument, price, age }),
        2 => (-20_000..60_000_i32).prop_map(|millis| Op::Tick { millis }),
        3 => (k(), any::<Option<u16>>(), any::<Option<u16>>(), b(), b())
            .prop_map(|(key, stop, take, loosen, remove)| Op::Retarget { key, stop, take, loosen, remove }),
        3 => (k(), n()).prop_map(|(key, which)| Op::Plan { key, which }),
        10 => k().prop_map(|key| Op::Trail { key }),
        3 => k().prop_map(|key| Op::Reach { key }),
        2 => (k(), n()).prop_map(|(key, which)| Op::Tag { key, which }),
        3 => (k(), b()).prop_map(|(key, send)| Op::Exit { key, send }),
        2 => (k(), b(), n(), p(), prop::bool::weighted(0.2), b()).prop_map(|(key, long, quantity, price, stale, timed)| {
            Op::Adopt { key, long, quantity, price, stale, timed }
        }),
        2 => (k(), prop::bool::weighted(0.2), b()).prop_map(|(key, stale, timed)| Op::Drop { key, stale, timed }),
        1 => (k(), prop::bool::weighted(0.2)).prop_map(|(key, stale)| Op::Quarantine { key, stale }),
        1 => (k(), prop::bool::weighted(0.2)).prop_map(|(key, stale)| Op::Confirm { key, stale }),
        3 => k().prop_map(|key| Op::Accept { key }),
        3 => k().prop_map(|key| Op::CancelClosing { key }),
        1 => Just(Op::Expire),
    ];
    prop_oneof![5 => life, 5 => fills, 3 => rest]
}

/// A stream that reaches every corner: some steps first make a book, the rest is random.
pub fn ops(longest: usize) -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(op(), 1..longest)
}

const QUANTITIES: [&str; 10] = ["1", "0.4", "0.6", "2.5", "0.001", "7", "0.333", "1", "0", "0.0005"];

/// What a step came to.
pub enum Came {
    Done,
    Refused(Rejection),
    /// There was nothing to do it to.
    Skipped,
}

/// A book, its model, and everything that is held of it.
pub struct World {
    pub book: Book,
    pub model: Naive,
    pub published: Vec<Publication>,
    clock: Clock,
    changes: Changes,
    replica: Replica,
    /// As they stand after the last change that was read.
    keys: tags::Keys,
    reservations: Vec<Reservation>,
    sent: Vec<Sent>,
    /// Orders as they were reserved.
    orders: Vec<Order>,
    fills: Vec<Fill>,
    trades: u64,
    venue_ms: i64,
    /// Keys on which something reduced a position that no reservation of ours announced, or filled beyond it (I2).
    beyond: BTreeSet<PositionKey>,
    default_rule: bool,
}

fn instrument(which: u8, variant: u8) -> Instrument {
    let spec = |symbol, price, quantity| InstrumentSpec::linear(symbol, price, quantity).unwrap();
    Instrument::new(match which % 4 {
        0 => InstrumentSpec {
            minimum: ["0.001", "0.01"][usize::from(variant % 2)].parse().unwrap(),
            ..spec("BTC/USDT:USDT", "0.1", "0.001")
        },
        // Money of two decimals, and a contract size that needs four: every fill rounds.
        1 => InstrumentSpec {
            contract_size: "0.0731".parse().unwrap(),
            money_scale: 2,
            ..spec("ETH/USDC:USDC", "0.1", "0.001")
        },
        2 => InstrumentSpec { mode: PositionMode::Hedge, ..spec("SOL/USDT:USDT", "0.1", "0.001") },
        _ => InstrumentSpec {
            contract_size: "10".parse().unwrap(),
            prices: posbook::PriceSign::Any,
            ..spec("POWER/EUR:EUR", "0.1", "0.001")
        },
    })
    .unwrap()
}

fn at(key: PositionKey) -> At {
    let leg = match key.leg {
        Leg::Net => 'n',
        Leg::Long => 'l',
        Leg::Short => 's',
    };
    (key.instrument.0, leg, key.owner.0)
}

/// Between 90 and 129.9: stops of a few percent are sometimes hit and sometimes not.
fn price(n: u16) -> Price {
    format!("{}.{}", 90 + n % 40, n / 40 % 10).parse().unwrap()
}

fn quantity(n: u8) -> Quantity {
    QUANTITIES[usize::from(n) % QUANTITIES.len()].parse().unwrap()
}

fn number(quantity: Quantity) -> Q {
    q(&quantity.to_string())
}

fn pick<T>(from: &[T], n: u8) -> Option<usize> {
    (!from.is_empty()).then(|| usize::from(n) % from.len())
}

impl World {
    pub fn new(default_rule: bool) -> Self {
        let clock = Clock::manual(Timestamp::from_millis(1_000_000));
        let limits = Limits { positions: 3, groups: vec![tags::group()], ..Limits::default() };
        let mut builder = Book::builder()
            .clock(clock.clone())
            .limits(limits)
            .identity(7, 1)
            .patience(Duration::from_secs(20));
        if default_rule {
            builder = builder.default_rule(TargetRule::stop_fraction("0.05".parse().unwrap()));
        }
        let book = builder.build().unwrap();
        let (changes, replica) = (book.changes(), book.replica());
        let mut world = Self {
            book,
            model: Naive::default(),
            published: Vec::new(),
            clock,
            changes,
            replica,
            keys: tags::Keys::new(),
            reservations: Vec::new(),
            sent: Vec::new(),
            orders: Vec::new(),
            fills: Vec::new(),
            trades: 0,
            venue_ms: 500_000,
            beyond: BTreeSet::new(),
            default_rule,
        };
        for which in 0..3 {
            world.step(&Op::Register { which, variant: 0 });
        }
        world
    }

    fn key(&self, n: u8) -> PositionKey {
        let net = |id| PositionKey::net(InstrumentId(id));
        match n % 16 {
            0..=4 => net(0),
            5..=7 => net(1),
            8 | 9 => PositionKey { leg: Leg::Long, ..net(2) },
            10 | 11 => PositionKey { leg: Leg::Short, ..net(2) },
            12 => PositionKey { owner: Owner(7), ..net(0) },
            13 => net(3),
            14 => PositionKey { leg: Leg::Long, ..net(0) },
            _ => net(77),
        }
    }

    /// One step, and everything that must hold after it.
    pub fn step(&mut self, op: &Op) -> Came {
        let before = self.book.snapshot();
        let came = self.act(op);
        let after = self.book.snapshot();
        if let Came::Refused(rejection) = &came {
            assert_eq!(
                before.digest(),
                after.digest(),
                "I12: {op:?} was refused ({rejection}) and changed something"
            );
            assert!(!rejection.to_string().is_empty());
        }
        self.follow(&after);
        self.compare(&after);
        came
    }

    fn came<T>(result: Result<T, Rejection>) -> Came {
        match result {
            Ok(_) => Came::Done,
            Err(rejection) => Came::Refused(rejection),
        }
    }

    fn act(&mut self, op: &Op) -> Came {
        match *op {
            Op::Register { which, variant } => {
                let wanted = instrument(which, variant);
                let spec = wanted.spec().clone();
                let id = self.book.register(wanted).expect("nothing fixed differs");
                let terms = naive::Terms {
                    size: q(&spec.contract_size.to_string()),
                    scale: spec.money_scale,
                    positive: spec.prices == posbook::PriceSign::Positive,
                    hedge: spec.mode == PositionMode::Hedge,
                };
                self.model.terms.insert(id.0, terms);
                Came::Done
            }
            Op::Mark { instrument, price: p, age } => {
                let time = self.clock.now().0 - i64::from(age % 4) * 15_000_000_000;
                let id = self.key(instrument).instrument;
                let _ = self.book.mark_at(id, price(p), Timestamp(time));
                Came::Done
            }
            Op::Tick { millis } => {
                self.clock.set(Timestamp(self.clock.now().0 + i64::from(millis) * 1_000_000));
                Came::Done
            }
            Op::Open { key, long, quantity: n, rule, price: p, send } => {
                let side = if long { Side::Long } else { Side::Short };
                self.reserve(opening(self.key(key), side, n, rule, p).into(), send)
            }
            Op::ScaleIn { key, quantity: n, price: p, send } => {
                self.reserve(Command::scale_in(self.key(key), quantity(n)).at(price(p)).into(), send)
            }
            Op::ScaleOut { key, quantity: n, send } => {
                self.reserve(Command::scale_out(self.key(key), quantity(n)).because("tier").into(), send)
            }
            Op::Close { key, send } => {
                self.reserve(Command::close(self.key(key)).because("exit").into(), send)
            }
            Op::Send { pick: n } => {
                let Some(place) = pick(&self.reservations, n) else { return Came::Skipped };
                let reservation = self.reservations.swap_remove(place);
                let id = reservation.client_id();
                match reservation.sent() {
                    Ok(sent) => self.sent.push(sent),
                    Err(refused) => {
                        use posbook::Reason::*;
                        // A fill came before: it works already and is taken hold of by its name. Or what it was reserved
                        // against is gone, and it is released.
                        let early = matches!(refused.reason(), OrderState { .. } | UnknownOrder { .. });
                        let gone = matches!(
                            refused.reason(),
                            Closing { .. }
                                | AlreadyOpen { .. }
                                | OtherPosition { .. }
                                | Blocked { .. }
                                | InDoubt { .. }
                                | AlreadyReserved { .. }
                        );
                        assert!(early || (gone && self.unresolved(id).is_none()), "{refused}");
                        if self.unresolved(id).is_none() {
                            self.model.gone(&id.to_string());
                        }
                    }
                }
                Came::Done
            }
            Op::Release { pick: n } => {
                let Some(place) = pick(&self.reservations, n) else { return Came::Skipped };
                let reservation = self.reservations.swap_remove(place);
                let id = reservation.client_id();
                reservation.release();
                if self.unresolved(id).is_none() {
                    self.model.gone(&id.to_string());
                }
                Came::Done
            }
            Op::Working { pick: n } => {
                let Some(place) = pick(&self.sent, n) else { return Came::Skipped };
                Self::came(self.sent[place].working(Quantity::ZERO))
            }
            Op::Complete { pick: n, figure } => self.end(n, figure, true),
            Op::Refused { pick: n, figure } => self.end(n, figure, false),
            Op::Doubt { pick: n } => {
                let Some(place) = pick(&self.sent, n) else { return Came::Skipped };
                let sent = self.sent.swap_remove(place);
                let _ = sent.in_doubt("no answer");
                Came::Done
            }
            Op::Forget { pick: n } => {
                let Some(place) = pick(&self.sent, n) else { return Came::Skipped };
                let sent = self.sent.swap_remove(place);
                let id = sent.client_id();
                drop(sent);
                let settles = |order: &Order| matches!(order.state, OrderState::Settling(_));
                assert!(
                    self.unresolved(id).is_none_or(|order| order.in_doubt() || settles(&order)),
                    "R6: dropped after sent is in doubt, unless its figure is final"
                );
                Came::Done
            }
            Op::Detach { pick: n } => {
                let Some(place) = pick(&self.sent, n) else { return Came::Skipped };
                let (sent, digest) = (self.sent.swap_remove(place), self.book.snapshot().digest());
                sent.detach();
                assert_eq!(digest, self.book.snapshot().digest(), "R6: detaching is no doubt");
                Came::Done
            }
            Op::Reattach { pick: n } => {
                let Some(place) = pick(&self.orders, n) else { return Came::Skipped };
                let id = self.orders[place].client_id;
                if self.sent.iter().any(|sent| sent.client_id() == id) {
                    return Came::Skipped;
                }
                match self.book.reattach(id) {
                    Ok(sent) => {
                        self.sent.push(sent);
                        Came::Done
                    }
                    Err(rejection) => Came::Refused(rejection),
                }
            }
            Op::Step { pick: n, step, figure } => self.raw_step(n, step, figure),
            Op::Fill { pick: n, part, price: p, time, fee } => {
                let Some(fill) = self.fill_of(n, part, p, fee, false) else { return Came::Skipped };
                let fill = if time == 0 { fill } else { fill.at(self.venue_time(time)) };
                self.record(fill)
            }
            Op::Cumulative { pick: n, part, price: p, fee } => {
                let Some(fill) = self.fill_of(n, part, p, fee, true) else { return Came::Skipped };
                self.record(fill)
            }
            Op::Foreign { key, buy, quantity: n, price: p, time, leg, named } => {
                let key = self.key(key);
                self.trades += 1;
                let side = if buy { OrderSide::Buy } else { OrderSide::Sell };
                let trade = format!("f{}", self.trades).parse().unwrap();
                let mut fill = Fill::trade(key.instrument, trade, side, quantity(n), price(p));
                // Steps bound what we send, not what a venue reports (R4).
                if n % 7 == 0 {
                    fill.quantity = "0.12345".parse().unwrap();
                }
                if n % 31 == 0 {
                    fill.price = "-3.5".parse().unwrap();
                }
                if time != 0 {
                    fill = fill.at(self.venue_time(time));
                }
                if named {
                    fill = fill.foreign_order("liquidation-1".parse().unwrap());
                }
                if leg {
                    fill = fill.leg(key.leg);
                }
                self.record(fill)
            }
            Op::Again { pick: n } => {
                let Some(place) = pick(&self.fills, n) else { return Came::Skipped };
                let (fill, before) = (self.fills[place].clone(), self.book.snapshot().digest());
                let known = self.model.record(&execution(&fill));
                let again = self.book.record(fill);
                match known {
                    Outcome::Duplicate => {
                        assert_eq!(again.unwrap().outcome, FillOutcome::Duplicate, "I11");
                        assert_eq!(
                            before,
                            self.book.snapshot().digest(),
                            "I11: the same fill twice changes nothing"
                        );
                    }
                    Outcome::Conflict => assert_eq!(again.unwrap().outcome, FillOutcome::Conflict, "R3"),
                    Outcome::Refused => assert!(again.is_err()),
                    Outcome::TooOld => assert_eq!(again.unwrap().outcome, FillOutcome::TooOldToTell, "R8"),
                    // An instrument that was unknown when the fill came first.
                    _ => assert!(matches!(
                        again.unwrap().outcome,
                        FillOutcome::Booked { .. } | FillOutcome::Unbooked { .. }
                    )),
                }
                Came::Done
            }
            Op::Otherwise { pick: n } => {
                let Some(place) = pick(&self.fills, n) else { return Came::Skipped };
                let mut fill = self.fills[place].clone();
                fill.price = if fill.price == price(3) { price(4) } else { price(3) };
                self.record(fill)
            }
            Op::Retarget { key, stop, take, loosen, remove } => {
                let wish = Command::retarget(self.key(key)).because("test");
                let field = |target: Option<u16>| match target {
                    Some(n) => Field::Set(price(n)),
                    None if remove => Field::Remove,
                    None => Field::Keep,
                };
                let mut wish = if loosen { wish.loosen_stop(field(stop)) } else { wish };
                if !loosen {
                    wish.stop = field(stop);
                }
                wish.take = field(take);
                Self::came(self.book.apply(wish))
            }
            Op::Plan { key, which } => {
                Self::came(self.book.apply(Command::plan(self.key(key), plan(which)).because("test")))
            }
            Op::Trail { key } => {
                let key = self.key(key);
                let stands = self.book.snapshot().get(key).map(|p| p.id);
                let position = stands.unwrap_or(PositionId { epoch: 1, sequence: Sequence(1) });
                Self::came(self.book.apply(Command::Trail { key, position }))
            }
            Op::Reach { key } => {
                let key = self.key(key);
                let stands = self.book.snapshot().get(key).map(|p| p.id);
                let position = stands.unwrap_or(PositionId { epoch: 1, sequence: Sequence(1) });
                Self::came(self.book.apply(Command::Reach { key, position }))
            }
            Op::Tag { key, which } => {
                Self::came(self.book.apply(Command::tag(self.key(key), tags::some(which)).because("test")))
            }
            Op::Exit { key, send } => {
                let (key, view) = (self.key(key), self.book.snapshot());
                let mark = self.book.fresh_mark(key.instrument).map(|mark| mark.price);
                let open = view.get(key).zip(view.instrument(key.instrument));
                let due = open.and_then(|(p, i)| posbook::exits::due(p, i, mark, self.clock.now()));
                let Some(exit) = due else { return Came::Skipped };
                self.reserve(Command::exit(key, exit).into(), send)
            }
            Op::Adopt { key, long, quantity: n, price: p, stale, timed } => {
                self.adopt(self.key(key), long, n, p, stale, timed)
            }
            Op::Drop { key, stale, timed } => {
                let key = self.key(key);
                let report_time = timed.then(|| self.venue_time(0));
                let stands = self.book.snapshot().get(key).map(|p| p.id);
                let position = stands.unwrap_or(PositionId { epoch: 1, sequence: Sequence(1) });
                let done = self.book.apply(Command::Drop(DropPosition {
                    key,
                    position,
                    asked: self.asked(stale),
                    report_time,
                    reason: "gone".into(),
                }));
                if done.is_ok() {
                    self.model.drop(at(key), report_time.map(|t| t.0));
                }
                Self::came(done)
            }
            Op::Quarantine { key, stale } => Self::came(self.book.apply(Command::Quarantine {
                key: self.key(key),
                why: "differs".into(),
                asked: Some(self.asked(stale)),
            })),
            Op::Confirm { key, stale } => Self::came(self.book.apply(Command::Confirm {
                key: self.key(key),
                why: "agrees".into(),
                asked: self.asked(stale),
            })),
            Op::Accept { key } => {
                Self::came(self.book.apply(Command::Accept { key: self.key(key), reason: "looked".into() }))
            }
            Op::CancelClosing { key } => Self::came(
                self.book.apply(Command::CancelClosing { key: self.key(key), reason: "kept".into() }),
            ),
            Op::Expire => {
                let now = self.clock.now();
                let overdue: Vec<_> = self
                    .book
                    .reservations()
                    .into_iter()
                    // What settles is known: only its fills are missing.
                    .filter(|o| {
                        !o.in_doubt() && !matches!(o.state, OrderState::Settling(_)) && o.deadline < now
                    })
                    .collect();
                self.book.expire();
                for order in overdue {
                    if order.state == OrderState::Reserved {
                        // Never sent: released, and its holder cannot send it any more (R6).
                        assert!(
                            self.unresolved(order.client_id).is_none(),
                            "an overdue claim was not released"
                        );
                        self.model.gone(&order.client_id.to_string());
                        continue;
                    }
                    assert!(
                        self.unresolved(order.client_id).is_some_and(|o| o.in_doubt()),
                        "R6: the overdue are in doubt"
                    );
                }
                Came::Done
            }
        }
    }

    fn asked(&self, stale: bool) -> Sequence {
        if stale { Sequence(0) } else { self.book.snapshot().sequence() }
    }

    fn unresolved(&self, id: ClientOrderId) -> Option<Order> {
        self.book.snapshot().orders().find(|o| o.client_id == id).cloned()
    }

    /// The venue's clock goes on; messages arrive out of order.
    fn venue_time(&mut self, jitter: i8) -> Timestamp {
        self.venue_ms += 10;
        Timestamp::from_millis(self.venue_ms + i64::from(jitter))
    }

    fn reserve(&mut self, command: Command, send: bool) -> Came {
        let asked = self.book.check(command.clone());
        match self.book.reserve(command) {
            Ok(reservation) => {
                assert!(asked.is_ok(), "check said no to what was then reserved: {asked:?}");
                let order = reservation.order().clone();
                self.model.reserve(order.client_id.to_string(), at(order.key));
                self.orders.push(order);
                if send {
                    self.sent.push(reservation.sent().expect("just reserved"));
                } else {
                    self.reservations.push(reservation);
                }
                Came::Done
            }
            Err(rejection) => {
                assert_eq!(asked.unwrap_err().reason(), rejection.reason(), "check answers as reserve does");
                assert!(rejection.command().is_some(), "a rejection hands the command back");
                Came::Refused(rejection)
            }
        }
    }

    /// What the venue says an order came to: what is booked, less, more, or all of it.
    fn figure(&self, id: ClientOrderId, figure: u8) -> Quantity {
        let order = self.orders.iter().find(|o| o.client_id == id).expect("reserved here");
        let booked = self.unresolved(id).map_or(Quantity::ZERO, |o| o.booked);
        match figure % 5 {
            0 | 1 => booked,
            2 => order.quantity,
            3 => booked.plus("0.2".parse().unwrap()).unwrap(),
            _ => booked.less("0.1".parse().unwrap()),
        }
    }

    fn end(&mut self, n: u8, figure: u8, complete: bool) -> Came {
        let Some(place) = pick(&self.sent, n) else { return Came::Skipped };
        let sent = self.sent.swap_remove(place);
        let id = sent.client_id();
        let told = self.figure(id, figure);
        let lived = self.unresolved(id).is_some();
        if told > sent.order().quantity {
            self.beyond.insert(sent.order().key);
        }
        let done = if complete { sent.complete(told) } else { sent.refused(told, "cancelled") };
        match done {
            Ok(settlement) => {
                self.model.finish(&id.to_string(), number(told));
                let gone = self.unresolved(id).is_none();
                assert_eq!(
                    settlement == posbook::Settlement::Settled,
                    gone,
                    "R2: settled means that the claim is gone"
                );
            }
            Err(_) if lived => {
                // What settles has its figure, and another one is no doubt about it.
                let stands = self.unresolved(id).expect("still there");
                let settles = matches!(stands.state, OrderState::Settling(_));
                assert!(stands.in_doubt() || settles, "R6: an ending that was refused is a doubt");
            }
            Err(_) => assert!(self.unresolved(id).is_none()),
        }
        Came::Done
    }

    /// The same steps as data, legal or not.
    fn raw_step(&mut self, n: u8, step: u8, figure: u8) -> Came {
        let live = self.book.reservations();
        // "Unknown" is mostly said of what is unresolved.
        let among = if step % 9 >= 5 && !live.is_empty() { &live } else { &self.orders };
        let Some(place) = pick(among, n) else { return Came::Skipped };
        let order = among[place].clone();
        let (id, name) = (order.client_id, order.client_id.to_string());
        let told = self.figure(id, figure);
        if step % 9 == 6 {
            // Said twice in a row.
            let first = self.raw_step(n, 5, figure);
            if self.unresolved(id).is_none() {
                return first;
            }
        }
        let stood = self.unresolved(id);
        let step = match step % 9 {
            8 => OrderStep::Corrected { filled: told, reason: "c".into() },
            0 => OrderStep::Sent,
            1 => OrderStep::Release,
            2 => OrderStep::Working { filled: told },
            3 => OrderStep::Complete { filled: told },
            4 => OrderStep::Refused { filled: told, reason: "r".into() },
            // Asked too early, or after the order expired; by somebody who knew of the first such answer, or did not.
            5 | 6 => {
                let expires = stood.as_ref().map_or(order.expires, |o| o.expires);
                let time =
                    if figure.is_multiple_of(4) { expires } else { expires.plus(Duration::from_nanos(1)) };
                let asked =
                    if figure.is_multiple_of(5) { Sequence(0) } else { self.book.snapshot().sequence() };
                OrderStep::Unknown { asked, time }
            }
            _ if figure.is_multiple_of(3) => OrderStep::Found,
            _ => OrderStep::Doubt { why: "w".into() },
        };
        let done = self.book.apply(Command::Step { key: order.key, order: id, step: step.clone() });
        assert!(stood.is_some() || done.is_err(), "I7: an order that is over was moved again");
        if done.is_ok() {
            match step {
                OrderStep::Sent | OrderStep::Working { .. } | OrderStep::Doubt { .. } | OrderStep::Found => {}
                OrderStep::Release => self.model.gone(&name),
                OrderStep::Complete { .. } | OrderStep::Refused { .. } | OrderStep::Corrected { .. } => {
                    if told > order.quantity {
                        self.beyond.insert(order.key);
                    }
                    self.model.finish(&name, number(told));
                }
                OrderStep::Unknown { asked, time } => {
                    if self.unresolved(id).is_none() {
                        let stood = stood.expect("it was unresolved");
                        let noted = matches!(stood.heard, Heard::UnknownSince(noted) if noted <= asked);
                        assert!(noted && time > stood.expires && stood.booked.is_zero(), "R1: {stood:?}");
                        self.model.gone(&name);
                    }
                }
            }
        }
        Self::came(done)
    }

    /// A fill of one of our orders: the rest of it, a part, too much, or on the wrong side.
    fn fill_of(&mut self, n: u8, part: u8, p: u16, fee: u8, cumulative: bool) -> Option<Fill> {
        let live: Vec<Order> = self.book.reservations();
        // Mostly of what is unresolved; sometimes of any order there ever was.
        let order = match pick(&live, n) {
            Some(place) if part % 8 != 7 => live[place].clone(),
            _ => self.orders[pick(&self.orders, n)?].clone(),
        };
        let booked = self.model.orders[&order.client_id.to_string()].booked.clone();
        let booked: Quantity = posbook::Quantity::new(decimal(&booked)).unwrap();
        let rest = order.quantity.less(booked);
        let add = |a: Quantity, b: &str| a.plus(b.parse().unwrap()).unwrap();
        let new = match part % 6 {
            0..=2 if !rest.is_zero() => rest,
            3 => "0.137".parse().unwrap(),
            4 => add(rest, "0.4"),
            _ => "0.25".parse().unwrap(),
        };
        let side = if part % 16 == 6 { order.side.opposite() } else { order.side };
        self.trades += 1;
        let mut fill = if cumulative {
            Fill::cumulative(order.key.instrument, order.client_id, side, booked.plus(new).unwrap(), price(p))
        } else {
            let trade = format!("t{}", self.trades).parse().unwrap();
            Fill::trade(order.key.instrument, trade, side, new, price(p)).order(order.client_id)
        };
        if fee % 3 == 1 {
            fill = fill.fee("0.0173", "USDT").unwrap();
        }
        if fee % 5 == 1 {
            fill = fill.fee("-0.0000000001", "BNB").unwrap();
        }
        Some(fill)
    }

    fn record(&mut self, fill: Fill) -> Came {
        let expected = self.model.record(&execution(&fill));
        let done = self.book.record(fill.clone());
        let came = match &done {
            Err(_) => Outcome::Refused,
            Ok(recorded) => match &recorded.outcome {
                FillOutcome::Booked { notes } => {
                    let replaced = notes.contains(&posbook::FillNote::Replaced);
                    if !notes.is_empty() && !replaced {
                        self.beyond.extend(
                            self.book
                                .snapshot()
                                .keys()
                                .filter(|k| k.key.instrument == fill.instrument)
                                .map(|k| k.key),
                        );
                    }
                    if replaced { Outcome::Replaced } else { Outcome::Booked }
                }
                FillOutcome::Duplicate => Outcome::Duplicate,
                FillOutcome::Conflict => Outcome::Conflict,
                FillOutcome::Unbooked { .. } => Outcome::Unbooked,
                FillOutcome::TooOldToTell => Outcome::TooOld,
                other => panic!("{other:?} of a fill that the ring has not forgotten"),
            },
        };
        assert_eq!(came, expected, "{fill:?}");
        if expected != Outcome::Refused {
            self.fills.push(fill);
        }
        Self::came(done)
    }

    fn adopt(&mut self, key: PositionKey, long: bool, n: u8, p: u16, stale: bool, timed: bool) -> Came {
        let side = if long { Side::Long } else { Side::Short };
        let report_time = timed.then(|| self.venue_time(0));
        let (quantity, entry) = (quantity(n), price(p));
        let done = self.book.apply(Command::Adopt(Adoption {
            key,
            side,
            quantity,
            entry,
            leverage: None,
            rule: None,
            asked: self.asked(stale),
            report_time,
        }));
        if done.is_ok() {
            self.model.adopt(
                at(key),
                long,
                number(quantity),
                q(&entry.to_string()),
                report_time.map(|t| t.0),
            );
        }
        Self::came(done)
    }

    /// The feed: gapless, whole units, and folding it gives the same book (I4, I5, I10, R14).
    fn follow(&mut self, view: &Snapshot) {
        while let Some(item) = self.changes.try_next() {
            let unit = item.expect("read after every step: never lagged");
            assert_eq!(unit.first().0, self.replica.sequence().0 + 1, "I10: a gap in the feed");
            for (place, change) in unit.iter().enumerate() {
                assert_eq!(change.sequence.0, unit.first().0 + place as u64, "I4");
                assert_eq!(
                    (change.unit.first, change.unit.count as usize),
                    (unit.first(), unit.len()),
                    "R14"
                );
                self.targets_are_legal(change);
                self.extremes_are_what_was_seen(change);
                tags::are_what_was_asked(&self.keys, view, change);
                if let Effect::Key { after, .. } = &change.effect {
                    self.keys.insert(after.key, Arc::clone(after));
                }
                self.replica.apply(change).expect("the next one");
            }
            self.published.push(unit);
        }
        assert_eq!(self.replica.sequence(), view.sequence());
        assert_eq!(self.replica.digest(), view.digest(), "I5: the fold of the feed is the book");
    }

    /// I3, R16: where targets came to stand, and what may move them.
    fn targets_are_legal(&self, change: &Change) {
        let (before, after) = change.positions();
        let Some(after) = after else { return };
        let old = before.filter(|b| b.id == after.id);
        if after.targets == old.map_or_else(Targets::default, |old| old.targets) {
            return;
        }
        let side_of = |target: Option<Price>, below: bool, reference: &Q, what: &str| {
            if let Some(target) = target {
                let target = q(&target.to_string());
                assert!(
                    if below { target < *reference } else { target > *reference },
                    "I3: {what} {target} against {reference} of {after:?}"
                );
            }
        };
        let long = after.side == Side::Long;
        match (&change.cause.command, old) {
            (Command::Retarget(wish), Some(old)) => {
                assert_eq!(change.kind(), Kind::Retargeted);
                let mark = change.cause.observed.mark(after.key.instrument);
                let reference = mark.map_or_else(|| q(&old.entry_price().to_string()), |m| q(&m.to_string()));
                if matches!(wish.stop, Field::Set(_)) {
                    side_of(after.targets.stop, long, &reference, "stop");
                }
                if matches!(wish.take, Field::Set(_)) {
                    side_of(after.targets.take, !long, &reference, "take");
                }
                if let (Some(from), Ratchet::Tighten) = (old.targets.stop, wish.ratchet) {
                    let to = after.targets.stop.expect("a stop is removed only by a distinct command");
                    assert!(if long { to >= from } else { to <= from }, "R16: {from} was loosened to {to}");
                }
            }
            (Command::Trail { .. }, Some(old)) => {
                assert_eq!((change.kind(), after.targets.take), (Kind::Trailed, old.targets.take));
                let mark = change.cause.observed.mark(after.key.instrument).expect("a fresh mark (R11)");
                side_of(after.targets.stop, long, &q(&mark.to_string()), "stop");
                let to = after.targets.stop.expect("a trail removes no stop");
                let tightens = |from| if long { to > from } else { to < from };
                assert!(old.targets.stop.is_none_or(tightens), "D18: {old:?} {after:?}");
            }
            // An open that took dust over brought its own, as if the key had been flat (R18).
            (Command::Record(_), Some(old)) if after.targets_from != old.targets_from => {
                assert_eq!(change.kind(), Kind::ScaledIn);
                assert!(matches!(after.targets_from, TargetOrigin::Order(_)), "{after:?}");
                assert!(number(old.quantity) < q("0.01"), "no dust: {old:?}");
            }
            // Its order finished, and nobody had moved them.
            (_, Some(old)) => {
                assert!(
                    matches!(old.targets_from, TargetOrigin::Order(_)),
                    "I3: {:?} moved targets: {old:?} {after:?}",
                    change.kind()
                );
            }
            // A new life, targets of a rule: both on their side of the price they were made from.
            (Command::Record(fill), None) if matches!(after.targets_from, TargetOrigin::Default) => {
                assert!(self.default_rule);
                let price = q(&fill.price.to_string());
                side_of(after.targets.stop, long, &price, "stop");
                side_of(after.targets.take, !long, &price, "take");
            }
            (Command::Adopt(_), None) => {
                let mark =
                    change.cause.observed.mark(after.key.instrument).expect("no mark, no targets (R5)");
                side_of(after.targets.stop, long, &q(&mark.to_string()), "stop");
            }
            _ => {}
        }
    }

    /// R11: an extreme moves outwards, by a fresh mark, by a ten-thousandth of the cost at least, and goes with its life.
    fn extremes_are_what_was_seen(&self, change: &Change) {
        let (before, after) = change.positions();
        let Some(after) = after else { return };
        let Some(old) = before.filter(|b| b.id == after.id) else {
            assert_eq!(after.excursion, None, "a life is born with extremes: {after:?}");
            return;
        };
        let reach = matches!(change.command(), Command::Reach { .. });
        assert_eq!(change.kind() == Kind::Reached, reach);
        if old.excursion == after.excursion {
            assert!(!reach, "nothing was noted: {after:?}");
            return;
        }
        let follows = matches!(change.command(), Command::Trail { .. }) && old.excursion.is_some();
        assert!(reach || follows, "{:?} moved the extremes: {old:?} {after:?}", change.kind());
        let size = &self.model.terms[&after.key.instrument.0].size;
        let mark = change.cause.observed.mark(after.key.instrument).expect("a fresh mark (R11)");
        let value = number(old.quantity) * size * q(&mark.to_string());
        let profit = value - q(&old.cost.to_string());
        let profit = if old.side == Side::Long { profit } else { -profit };
        let numbers = |noted: posbook::Excursion| {
            [noted.favourable(), noted.adverse()].map(|extreme| q(&extreme.to_string()))
        };
        let [best, worst] = old.excursion.map_or_else(|| [zero(), zero()], numbers);
        let is = numbers(after.excursion.expect("what was noted stays"));
        assert_eq!(
            is,
            [best.clone().max(profit.clone()), worst.clone().min(profit.clone())],
            "{old:?} at {mark}"
        );
        let further = (profit.clone() - best).max(worst - profit);
        let grain = absolute(&q(&old.cost.to_string())) / q("10000");
        assert!(old.excursion.is_none() || further >= grain, "{further} is worth no change: {old:?}");
    }

    /// The book against the model, and its sums against its parts.
    fn compare(&mut self, view: &Snapshot) {
        let mut sums: BTreeMap<String, [Q; 6]> = BTreeMap::new();
        let mut counts = [0_usize; 5];
        let mut fills = 0;
        for key in view.keys() {
            let place = at(key.key);
            let terms = self.model.terms[&place.0].clone();
            for intent in [Intent::Open, Intent::Close] {
                assert!(key.orders.iter().filter(|o| o.intent == intent).count() <= 1, "I1: {key:?}");
            }
            if key.position.is_none() && key.orders.is_empty() {
                self.beyond.remove(&key.key);
            }
            let mut signed = zero();
            if let Some(open) = &key.position {
                assert!(!open.quantity.is_zero(), "I2: {open:?}");
                signed = number(open.quantity);
                let value = q(&open.entry_price().to_string()) * &signed * &terms.size;
                let cost = q(&open.cost.to_string());
                assert!(absolute(&(value - &cost)) <= absolute(&cost) * q("0.00000000000000001"), "{open:?}");
                if open.side == Side::Short {
                    signed = -signed;
                }
                for at in &open.taken {
                    assert_eq!(
                        open.taken.iter().filter(|t| *t == at).count(),
                        1,
                        "D19: taken twice: {open:?}"
                    );
                }
            }
            let reductions = key
                .orders
                .iter()
                .filter(|o| !o.intent.increases())
                .fold(zero(), |sum, o| sum + number(o.remaining()));
            let free = absolute(&signed) - &reductions;
            if sign(&free) >= 0 {
                assert_eq!(number(key.free()), free, "I2: what is free of {key:?}");
            } else {
                assert!(key.free().is_zero());
                assert!(self.beyond.contains(&key.key), "I2: more is being reduced than is there: {key:?}");
            }

            let mut expected = self.model.key(place);
            let [cash, realised, unexplained] =
                [key.ledger.cash, key.ledger.realised, key.ledger.unexplained].map(|sum| q(&sum.to_string()));
            let cost = key.position.as_ref().map_or_else(zero, |p| q(&p.cost.to_string()));
            if expected.reduced
                && expected.dated.as_ref().is_some_and(|d| d.adopted.is_some())
                && realised != expected.realised
            {
                // The split of a late correction; its sum is checked below.
                (expected.realised, expected.cost) = (realised.clone(), cost.clone());
                self.model.keys.insert(place, expected.clone());
            }
            assert_eq!(signed, expected.signed, "I11: quantity of {key:?}");
            assert_eq!(
                signed,
                self.model.sums.get(&place).cloned().unwrap_or_else(zero),
                "I11: the fills' sum of {key:?}"
            );
            assert_eq!(cost, expected.cost, "cost of {key:?}");
            assert_eq!(cash, expected.cash, "cash of {key:?}");
            assert_eq!(realised, expected.realised, "realised of {key:?}");
            assert_eq!(unexplained, expected.unexplained, "unexplained of {key:?}");
            assert!(expected.conserved(), "I9: {expected:?}");
            assert_eq!(key.ledger.fills, expected.fills, "fills of {key:?}");
            let fees: BTreeMap<String, Q> = key
                .ledger
                .fees
                .iter()
                .map(|(currency, sum)| (currency.to_string(), q(&sum.to_string())))
                .collect();
            let paid = expected
                .fees
                .iter()
                .filter(|(_, sum)| sign(sum) != 0)
                .map(|(c, sum)| (c.clone(), sum.clone()));
            assert_eq!(fees, paid.collect(), "fees of {key:?}");

            // Unresolved orders are those that live in the model, with the same fills.
            for order in &key.orders {
                let known = &self.model.orders[&order.client_id.to_string()];
                assert!(known.lives && known.at == place, "{order:?}");
                assert_eq!(number(order.booked), known.booked, "{order:?}");
                assert_eq!(q(&order.booked_value.to_string()), known.value, "{order:?}");
            }

            let opening = key.position.is_none() && key.orders.iter().any(|o| o.intent.increases());
            counts[0] += usize::from(key.position.is_some());
            counts[1] += usize::from(opening);
            counts[2] += key.orders.len();
            counts[3] += key.orders.iter().filter(|o| o.in_doubt()).count();
            counts[4] += usize::from(!key.troubles.is_empty());
            fills += key.ledger.fills;
            let settle = view.instrument(key.key.instrument).unwrap().settle().to_string();
            let empty = || [zero(), zero(), zero(), zero(), zero(), zero()];
            let sum = sums.entry(settle).or_insert_with(empty);
            for order in key.orders.iter().filter(|o| o.intent.increases()) {
                let reference = absolute(&q(&order.reference.expect("increases have one").to_string()));
                sum[1] += naive::round(&(number(order.remaining()) * &terms.size * reference), terms.scale);
            }
            for (place, part) in [(0, cost), (2, cash), (3, realised), (4, unexplained)] {
                sum[place] += part;
            }
            for (currency, fee) in fees {
                sums.entry(currency).or_insert_with(empty)[5] += fee;
            }
        }
        let live = self.model.orders.values().filter(|o| o.lives).count();
        assert_eq!(counts[2], live, "orders that live in the model are unresolved in the book");
        let totals = view.totals();
        assert_eq!(
            counts,
            [totals.positions, totals.opening, totals.orders, totals.in_doubt, totals.troubled]
        );
        assert_eq!((totals.fills, totals.strays), (fills, self.model.strays));
        for (currency, money) in totals.currencies() {
            let known =
                [money.cost, money.in_flight, money.cash, money.realised, money.unexplained, money.fees];
            let parts = sums.remove(currency.as_str()).expect("a currency of some key");
            assert_eq!(
                known.map(|sum| q(&sum.to_string())),
                parts,
                "I9: totals in {currency} are the sum over the keys"
            );
        }
        assert!(
            sums.values().flatten().all(|sum| sign(sum) == 0),
            "a currency is missing in the totals: {sums:?}"
        );
    }
}

fn opening(key: PositionKey, side: Side, n: u8, rule: u8, p: u16) -> Opening {
    let wish = Command::open(key, side, quantity(n)).at(price(p)).tags(tags::some(rule / 8));
    let fraction = |text: &str| -> Fraction { text.parse().unwrap() };
    match rule % 8 {
        0..=2 => wish.leverage(10).stop("0.05").unwrap(),
        3 => wish.exits(plan(n)),
        4 => wish.exits(plan(n)).rule(TargetRule::Fractions { stop: None, take: Some(fraction("0.1")) }),
        5 => wish.rule(TargetRule::Prices(Targets {
            stop: Some("80".parse().unwrap()),
            take: Some("140".parse().unwrap()),
        })),
        6 => wish.leverage(126),
        _ => wish.stop("1").unwrap(),
    }
}

/// Every part of a plan, none, and one that makes no sense.
fn plan(n: u8) -> ExitPlan {
    let fraction = |text: &str| -> Fraction { text.parse().unwrap() };
    let trailing = |activation, width| ExitPlan::default().trailing(fraction(activation), fraction(width));
    let tiers =
        |plan: ExitPlan| plan.tier(fraction("0.01"), fraction("0.3")).tier(fraction("0.05"), fraction("0.5"));
    match n % 6 {
        0 => ExitPlan::default(),
        1 => trailing("0", "0.02"),
        2 => tiers(trailing("0.03", "0.01").break_even(fraction("0.02"), fraction("0.001"))),
        3 => tiers(ExitPlan::default().max_age(Duration::from_secs(90))),
        4 => tiers(ExitPlan::default()).tier(fraction("0.1"), fraction("1")),
        _ => trailing("0", "1"),
    }
}

/// A decimal of the crate's kind, for input.
fn decimal(value: &Q) -> posbook::Decimal {
    let scaled = value * q("1000000000000000000");
    assert!(scaled.is_integer());
    let digits: i128 = scaled.to_integer().to_string().parse().unwrap();
    posbook::Decimal::from_i128_with_scale(digits, 18)
}

/// A fill in the model's words.
pub fn execution(fill: &Fill) -> Execution {
    Execution {
        instrument: fill.instrument.0,
        order: match &fill.order {
            OrderRef::Ours(id) => Some(format!("ours {id}")),
            OrderRef::Foreign(name) => Some(format!("theirs {name}")),
            OrderRef::Forced { order, .. } => order.as_ref().map(|name| format!("theirs {name}")),
            OrderRef::Unstated => None,
        },
        trade: match &fill.shape {
            Shape::Trade { id } => Some(id.to_string()),
            Shape::Cumulative => None,
        },
        buy: fill.side == OrderSide::Buy,
        quantity: number(fill.quantity),
        price: q(&fill.price.to_string()),
        time: fill.venue_time.map(|t| t.0),
        leg: fill.leg.map(|leg| at(PositionKey { leg, ..PositionKey::net(fill.instrument) }).1),
        fees: fill.fees.iter().map(|(currency, sum)| (currency.to_string(), q(&sum.to_string()))).collect(),
    }
}

/// What an effect is, for counting which kinds a set of streams reached.
pub fn reached(change: &Change) -> String {
    match &change.effect {
        Effect::Stray { .. } => "stray".to_owned(),
        _ => change.kind().to_string(),
    }
}
