//! A book under a stream of commands, and what must hold after each: nothing is changed by a refusal (I12), the fold is
//! the book (I5), what was published is what a replica answers (decision 1), reductions in flight never exceed what is
//! open (I2), and money adds up (I9). None of the sums is made by the library.

use std::sync::Arc;
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use num_bigint::BigInt;
use num_rational::BigRational;
use posbook::{
    Book, Cause, Change, Changes, Clock, Command, Effect, KeyState, Limits, Observed, ObservedMark,
    OrderState, Publication, Rejection, Replica, Reservation, Side, TargetRule, Timestamp,
};
use rust_decimal::Decimal;

use crate::hostile::{self, Known};

/// A decimal as a fraction, exactly.
pub fn exact(value: Decimal) -> BigRational {
    BigRational::new(BigInt::from(value.mantissa()), BigInt::from(10).pow(value.scale()))
}

/// A book with everything that watches it.
pub struct Watched {
    pub book: Book,
    pub known: Known,
    pub replica: Replica,
    pub published: Vec<Publication>,
    clock: Clock,
    changes: Changes,
    /// Held until the stream is over; a claim that is dropped would be released.
    claims: Vec<Reservation>,
}

impl Watched {
    /// A book of four instruments, with limits or without.
    pub fn new(u: &mut Unstructured<'_>) -> Result<Self> {
        let clock = Clock::manual(Timestamp::from_millis(1_000_000));
        let mut builder = Book::builder().clock(clock.clone()).identity(7, 1).instruments(5).window(64);
        builder = builder.patience(Duration::from_secs(20));
        if u.arbitrary()? {
            builder = builder.default_rule(TargetRule::stop_fraction(hostile::fraction(u)?));
        }
        if u.arbitrary()? {
            let key_notional = exact_limit(u)?;
            builder = builder.limits(Limits { positions: 2, key_notional, ..Limits::default() });
        }
        let book = builder.build().expect("these limits are sensible");
        let (changes, replica) = (book.changes(), book.replica());
        let (known, published, claims) = (Known::default(), Vec::new(), Vec::new());
        let mut watched = Self { book, known, replica, published, clock, changes, claims };
        for which in 0..4 {
            watched.book.register(hostile::usual(which)).expect("the usual instruments");
        }
        watched.follow();
        Ok(watched)
    }

    /// One step: time passes, a price comes, or something is asked.
    pub fn step(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let before = self.book.snapshot();
        match u.int_in_range(0..=15)? {
            0 => self.clock.set(hostile::time(u)?),
            1 | 2 => {
                let (id, price) = (hostile::instrument_id(u)?, hostile::price(u)?);
                let _ = self.book.mark(id, price);
            }
            3 => {
                let commands = self.commands(u)?;
                let held = self.book.submit(commands).map(|batch| self.claims.extend(batch.reservations));
                self.told(&before, held);
            }
            4 => self.only_asked(u)?,
            _ => {
                let command = self.known.command(u)?;
                let held = self.ask(command);
                self.told(&before, held);
            }
        }
        self.follow();
        let after = self.book.snapshot();
        assert_eq!(self.replica.digest(), after.digest(), "I5: the fold is the book");
        after.keys().for_each(stands);
        Ok(())
    }

    fn commands(&self, u: &mut Unstructured<'_>) -> Result<Vec<Command>> {
        (0..u.int_in_range(1..=4)?).map(|_| self.known.command(u)).collect()
    }

    fn ask(&mut self, command: Command) -> std::result::Result<(), Rejection> {
        if let Command::Record(fill) = command {
            self.known.fills.push(fill.clone());
            return self.book.record(fill).map(drop);
        }
        let reserves = matches!(
            command,
            Command::Open(_) | Command::ScaleIn(_) | Command::ScaleOut(_) | Command::Close(_)
        );
        if !reserves {
            return self.book.apply(command).map(drop);
        }
        let reduced =
            matches!(command, Command::ScaleOut(_) | Command::Close(_)).then(|| command.key()).flatten();
        self.claims.push(self.book.reserve(command)?);
        if let Some(stands) = reduced.and_then(|key| self.book.snapshot().key(key).cloned()) {
            let open =
                stands.position.as_ref().map_or_else(|| exact(Decimal::ZERO), |p| exact(p.quantity.get()));
            assert!(in_flight(&stands) <= open, "I2: {stands:#?}");
        }
        Ok(())
    }

    fn told(&self, before: &posbook::Snapshot, answer: std::result::Result<(), Rejection>) {
        if let Err(refused) = answer {
            assert!(!refused.to_string().is_empty() && !format!("{refused:?}").is_empty());
            let after = self.book.snapshot();
            assert_eq!(before.digest(), after.digest(), "I12: a refusal changed something: {refused}");
        }
    }

    /// A cause that no book would make, asked of the replica: its answer, if it is one, must fit.
    fn only_asked(&self, u: &mut Unstructured<'_>) -> Result<()> {
        let mut commands = self.commands(u)?;
        let command = commands.remove(0);
        let mut observed = Observed { time: hostile::time(u)?, ..Observed::default() };
        for _ in 0..u.int_in_range(0..=2)? {
            let (instrument, price, time) =
                (hostile::instrument_id(u)?, hostile::price(u)?, hostile::time(u)?);
            observed.marks.push(ObservedMark { instrument, price, time });
        }
        let asked = self.replica.ask(&Arc::new(Cause { command, then: commands, observed }));
        if let Ok(Some(publication)) = asked.map(|published| published.publication) {
            let mut replica = self.replica.clone();
            publication.iter().for_each(|change| replica.apply(change).expect("what was decided fits"));
        }
        Ok(())
    }

    /// Hears what was published, asks the replica the same, and folds it.
    fn follow(&mut self) {
        while let Some(publication) = self.changes.try_next() {
            let publication = publication.expect("the window is longer than a step");
            let asked = self.replica.ask(&publication[0].cause).expect("it was accepted here");
            assert_eq!(
                asked.publication.as_ref(),
                Some(&publication),
                "decision 1: asked again, another answer"
            );
            for change in publication.iter() {
                assert_eq!(change.sequence.0, self.known.sequence + 1, "I4: a gap");
                self.replica.apply(change).expect("I5: it is the next one");
                self.known.sequence = change.sequence.0;
                self.learn(change);
            }
            self.published.push(publication);
        }
    }

    fn learn(&mut self, change: &Change) {
        let Effect::Key { after, .. } = &change.effect else { return };
        for order in &after.orders {
            let named = (order.key, order.client_id);
            if !self.known.orders.contains(&named) {
                self.known.orders.push(named);
            }
        }
        if let Some(open) = &after.position
            && !self.known.positions.contains(&open.id)
        {
            self.known.positions.push(open.id);
        }
    }
}

fn exact_limit(u: &mut Unstructured<'_>) -> Result<Decimal> {
    Ok(Decimal::from(u.int_in_range(1..=1_000_000_u32)?))
}

/// What all reductions in flight may still take off.
fn in_flight(key: &KeyState) -> BigRational {
    let zero = exact(Decimal::ZERO);
    let reductions = key.orders.iter().filter(|order| !order.intent.increases());
    reductions.fold(zero.clone(), |sum, order| {
        let most = match order.state {
            OrderState::Settling(told) => told,
            _ => order.quantity,
        };
        let left = exact(most.get()) - exact(order.booked.get()) - exact(order.unbooked.get());
        sum + left.max(zero.clone())
    })
}

/// What must hold of a key at any time.
fn stands(key: &KeyState) {
    let increases = key.orders.iter().filter(|order| order.intent == posbook::Intent::Open).count();
    let closes = key.orders.iter().filter(|order| order.intent == posbook::Intent::Close).count();
    assert!(increases <= 1 && closes <= 1, "I1: {key:#?}");
    let ledger = &key.ledger;
    let mut open = exact(Decimal::ZERO);
    if let Some(position) = &key.position {
        assert!(position.quantity.get() > Decimal::ZERO, "I2: flat means absent: {position:#?}");
        let cost = exact(position.cost);
        open = if position.side == Side::Long { cost } else { -cost };
    }
    let booked = exact(ledger.realised) - open + exact(ledger.unexplained);
    assert_eq!(exact(ledger.cash), booked, "I9: cash = realised - open cost + unexplained: {key:#?}");
}
