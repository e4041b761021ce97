//! Trailing and break-even against the rule written down naively (R16): the stop of a position is the best that any mark
//! so far gave it, and it only ever tightens, whatever order marks, passes and commands by hand come in.

use posbook::{
    Book, Clock, Command, ExitPlan, Fill, Instrument, InstrumentId, InstrumentSpec, OrderSide, Price,
    PriceSign, Timestamp, exits,
};
use proptest::prelude::*;

use crate::naive::{Q, q, zero};
use crate::scale::runner;

#[derive(Debug, Clone)]
enum Op {
    /// A price, and a pass that sees it.
    Seen(u16),
    /// A price that no pass sees.
    Unseen(u16),
    /// A price that is too old when the pass comes.
    Stale(u16),
    /// A stop by hand, if it is legal.
    ByHand(u16),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => any::<u16>().prop_map(Op::Seen),
        1 => any::<u16>().prop_map(Op::Unseen),
        1 => any::<u16>().prop_map(Op::Stale),
        1 => any::<u16>().prop_map(Op::ByHand),
    ]
}

/// Fractions in thousandths, so that the naive side needs no parser of ours.
#[derive(Debug, Clone)]
struct Plan {
    trailing: Option<(u16, u16)>,
    break_even: Option<(u16, u16)>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let trailing = prop::option::weighted(0.8, (0..80_u16, 1..300_u16));
    let break_even = prop::option::weighted(0.5, (1..60_u16, 0..60_u16));
    (trailing, break_even).prop_map(|(trailing, break_even)| Plan {
        trailing,
        break_even: break_even.map(|(a, b)| (a.max(b + 1), b.min(a))),
    })
}

fn thousandths(n: u16) -> String {
    format!("0.{n:03}")
}

/// From 80 to 120, in hundredths: finer than the step of the instrument.
fn price(n: u16, sign: &str) -> String {
    format!("{sign}{}.{:02}", 80 + n % 40, n / 40 % 100)
}

/// The rule, in exact fractions. Prices of a short are mirrored at zero, so that better is always greater.
struct Naive {
    long: bool,
    entry: Q,
    step: Q,
    best: Q,
    stop: Option<Q>,
    plan: Plan,
}

impl Naive {
    fn mirrored(&self, price: &Q) -> Q {
        if self.long { price.clone() } else { -price.clone() }
    }

    fn size(price: &Q) -> Q {
        if *price < zero() { -price.clone() } else { price.clone() }
    }

    fn tighten(&mut self, to: Q) {
        if self.stop.as_ref().is_none_or(|stop| to > *stop) {
            self.stop = Some(to);
        }
    }

    /// On the step: towards the market, or away from it if that is on the market.
    fn on_step(&self, value: &Q, market: &Q) -> Option<Q> {
        let steps = value / &self.step;
        [steps.ceil() * &self.step, steps.floor() * &self.step].into_iter().find(|stop| stop < market)
    }

    fn seen(&mut self, mark: &Q) {
        let mark = self.mirrored(mark);
        let extreme = mark > self.best;
        if extreme {
            self.best = mark.clone();
        } else if self.stop.is_some() {
            return;
        }
        let per_mille = |n: u16| Q::new(n.into(), 1_000.into());
        let reached = |n: u16| self.best >= &self.entry + Self::size(&self.entry) * per_mille(n);
        let mut found = Vec::new();
        if let Some((activation, width)) = self.plan.trailing
            && (activation == 0 || reached(activation))
        {
            let behind = |from: &Q| from - Self::size(from) * per_mille(width);
            found.extend(
                self.on_step(&behind(&self.best), &mark).or_else(|| self.on_step(&behind(&mark), &mark)),
            );
        }
        if let Some((activation, offset)) = self.plan.break_even
            && reached(activation)
        {
            found.extend(self.on_step(&(&self.entry + Self::size(&self.entry) * per_mille(offset)), &mark));
        }
        found.into_iter().for_each(|stop| self.tighten(stop));
    }
}

fn stop(book: &Book, id: InstrumentId) -> Option<Price> {
    book.snapshot().get(id).unwrap().stop_loss()
}

#[test]
fn r16_a_trailed_stop_only_tightens_and_is_what_the_rule_says() {
    let streams = (prop::collection::vec(op(), 1..60), plan(), any::<[bool; 3]>(), 0..3_usize, any::<u16>());
    let outcome = runner(400).run(&streams, |(ops, plan, [long, protected, negative], step, entry)| {
        let step = ["0.1", "0.01", "2.5"][step];
        let sign = if negative { "-" } else { "" };
        let clock = Clock::manual(Timestamp::from_millis(1_000_000));
        let book = Book::builder().clock(clock.clone()).build().unwrap();
        let spec = InstrumentSpec::linear("X/USDT", step, "1").unwrap();
        let instrument = Instrument::new(InstrumentSpec { prices: PriceSign::Any, ..spec }).unwrap();
        let id = book.register(instrument.clone()).unwrap();
        let side = if long { OrderSide::Buy } else { OrderSide::Sell };
        let entry = price(entry, sign);
        let one = "1".parse().unwrap();
        book.record(Fill::trade(id, "t".parse().unwrap(), side, one, entry.parse().unwrap())).unwrap();
        let mut wanted = ExitPlan::default();
        let f = |n| thousandths(n).parse().unwrap();
        if let Some((activation, width)) = plan.trailing {
            wanted = wanted.trailing(f(activation), f(width));
        }
        if let Some((activation, offset)) = plan.break_even {
            wanted = wanted.break_even(f(activation), f(offset));
        }
        book.apply(Command::plan(id, wanted)).unwrap();

        let entry = q(&entry);
        let mirrored = if long { entry.clone() } else { -entry };
        let (best, step) = (mirrored.clone(), q(step));
        let mut naive = Naive { long, entry: mirrored, step, best, stop: None, plan };
        if protected {
            let far: Price = if long { "-1000" } else { "1000" }.parse().unwrap();
            book.apply(Command::retarget(id).stop(far)).unwrap();
            naive.stop = Some(q("-1000"));
        }
        for op in ops {
            let before = (stop(&book, id).map(|s| naive.mirrored(&q(&s.to_string()))), book.snapshot());
            let (Op::Seen(n) | Op::Unseen(n) | Op::Stale(n) | Op::ByHand(n)) = op;
            let at: Price = price(n, sign).parse().unwrap();
            match op {
                Op::ByHand(_) => {
                    // Legal or not is another test's question.
                    if book.apply(Command::retarget(id).stop(at)).is_ok() {
                        naive.stop = stop(&book, id).map(|s| naive.mirrored(&q(&s.to_string())));
                    }
                }
                _ => book.mark(id, at).unwrap(),
            }
            if matches!(op, Op::Stale(_)) {
                clock.set(clock.now().plus(std::time::Duration::from_secs(31)));
            }
            let position = before.1.get(id).unwrap();
            match op {
                Op::Seen(_) => {
                    // Decided from the snapshot before, as a pass does; and what it would not ask for changes nothing.
                    let command = Command::Trail { key: position.key, position: position.id };
                    let asked = exits::trail(position, &instrument, at);
                    let published = book.apply(command).unwrap().publication;
                    assert_eq!(asked.is_some(), published.is_some());
                    naive.seen(&q(&at.to_string()));
                }
                Op::Stale(_) => {
                    let command = Command::Trail { key: position.key, position: position.id };
                    assert!(book.apply(command).is_err(), "R11");
                }
                Op::Unseen(_) | Op::ByHand(_) => {}
            }
            let now = stop(&book, id).map(|s| naive.mirrored(&q(&s.to_string())));
            assert_eq!(now, naive.stop, "{op:?} of {naive:?}", naive = naive.plan);
            assert!(before.0.is_none() || now >= before.0, "D18: a stop was loosened");
            if matches!(op, Op::Seen(_)) && now != before.0 {
                assert!(now.unwrap() < naive.mirrored(&q(&at.to_string())), "I3: on the market");
            }
        }
        Ok(())
    });
    if let Err(failed) = outcome {
        panic!("{failed}");
    }
}
