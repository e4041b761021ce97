//! R8 where a policy has the venue win: a size is corrected by a synthetic fill, and the fills that were missed explain it when
//! they come. Without it: the difference is booked twice, once as a correction and once as the fill; or its price is made up
//! for ever.

use posbook::{
    Adoption, Command, Corrected, Correction, Decimal, FillNote, FillOutcome, Instrument, InstrumentId,
    InstrumentSpec, Leverage, OrderSide, PositionKey, Reason, Rejection, Side,
};

use crate::help::{Alone, alone, ms, trade};
use crate::stage::*;

fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// Says that the venue has so much, at this average, in a report of this time.
fn correction(alone: &Alone, id: InstrumentId, quantity: &str, entry: &str, time: i64) -> Correction {
    Correction {
        key: id.into(),
        position: alone.key(id).position.unwrap().id,
        to: Corrected::Quantity { quantity: q(quantity), entry: p(entry) },
        asked: alone.book.snapshot().sequence(),
        report_time: Some(ms(time)),
        reason: "the venue has another size".into(),
    }
}

fn correct(alone: &Alone, right: Correction) -> Result<(), Rejection> {
    alone.book.apply(Command::Correct(right)).map(|_| ())
}

/// Cash is accounted for to the last digit (R17).
fn conserved(alone: &Alone, id: InstrumentId) {
    let key = alone.key(id);
    let open = key.position.as_ref();
    let cost = open.map_or(Decimal::ZERO, |p| if p.side == Side::Long { p.cost } else { -p.cost });
    let ledger = key.ledger;
    assert_eq!(ledger.cash, ledger.realised - cost + ledger.unexplained);
}

#[test]
fn what_the_venue_has_more_is_booked_at_the_price_that_makes_its_average_and_explained_by_the_missed_fill() {
    let alone = alone();
    alone.long(alone.btc, "1");
    let before = alone.key(alone.btc).position.unwrap();
    correct(&alone, correction(&alone, alone.btc, "2", "50500", 100)).unwrap();
    let after = alone.key(alone.btc).position.unwrap();
    assert_eq!((after.quantity, after.entry_price()), (q("2"), d("50500")));
    // It is another position, with what that one had.
    assert_ne!(after.id, before.id);
    assert_eq!((after.targets, after.opened_at), (before.targets, before.opened_at));
    conserved(&alone, alone.btc);

    let missed = trade(alone.btc, "missed", OrderSide::Buy, "1", "51010").at(ms(90));
    assert_eq!(alone.record(missed.clone()), FillOutcome::Booked { notes: vec![FillNote::Replaced].into() });
    assert_eq!(alone.record(missed), FillOutcome::Duplicate);
    let explained = alone.key(alone.btc);
    assert_eq!(explained.position.unwrap().cost, d("101010"));
    assert_eq!((explained.ledger.cash, explained.ledger.unexplained), (d("-101010"), Decimal::ZERO));
    // A fill from after the report is a fill.
    alone.record(trade(alone.btc, "later", OrderSide::Buy, "1", "50000").at(ms(101)));
    assert_eq!(alone.stands(alone.btc), "long 3");
    conserved(&alone, alone.btc);
    alone.folds();
}

#[test]
fn what_the_venue_has_less_is_unexplained_until_the_missed_fill_says_at_what_price_it_went() {
    let alone = alone();
    alone.long(alone.btc, "3");
    correct(&alone, correction(&alone, alone.btc, "1", "50000", 100)).unwrap();
    let key = alone.key(alone.btc);
    assert_eq!((alone.stands(alone.btc).as_str(), key.ledger.realised), ("long 1", Decimal::ZERO));
    assert_eq!(key.ledger.unexplained, d("-100000"), "no result is made up");
    conserved(&alone, alone.btc);
    alone.record(trade(alone.btc, "missed", OrderSide::Sell, "2", "51000").at(ms(90)));
    let ledger = alone.key(alone.btc).ledger;
    assert_eq!((ledger.realised, ledger.unexplained), (d("2000"), Decimal::ZERO));
    assert_eq!(alone.stands(alone.btc), "long 1");
    conserved(&alone, alone.btc);
    alone.folds();
}

#[test]
fn one_report_corrects_once_however_often_it_is_applied() {
    let alone = alone();
    alone.long(alone.btc, "1");
    let right = correction(&alone, alone.btc, "2", "50500", 100);
    assert_eq!(right.id(), right.clone().id());
    correct(&alone, right.clone()).unwrap();
    let refused = correct(&alone, right.clone()).unwrap_err();
    assert!(matches!(refused.reason(), Reason::OtherPosition { .. }), "{refused}");
    // The position is named; nor does another question make the same answer new.
    let mut named = right;
    named.position = alone.key(alone.btc).position.unwrap().id;
    let refused = correct(&alone, named.clone()).unwrap_err();
    assert!(matches!(refused.reason(), Reason::StaleReport { .. }), "{refused}");
    named.asked = alone.book.snapshot().sequence();
    let before = alone.book.snapshot().digest();
    correct(&alone, named).unwrap();
    assert_eq!(alone.book.snapshot().digest(), before, "it has that size already");
}

#[test]
fn what_cannot_be_corrected_is_refused_and_nothing_is_changed() {
    let alone = alone();
    alone.long(alone.btc, "1");
    let right = |quantity| correction(&alone, alone.btc, quantity, "50000", 100);
    let refused = |right| {
        let before = alone.book.snapshot().digest();
        let refused = correct(&alone, right).unwrap_err();
        assert_eq!(alone.book.snapshot().digest(), before);
        refused.reason().clone()
    };
    assert!(matches!(refused(right("0")), Reason::OutOfRange { what: "amount", .. }));
    let no_leverage = Correction { to: Corrected::Leverage("0".parse().unwrap()), ..right("1") };
    assert!(matches!(refused(no_leverage), Reason::OutOfRange { what: "leverage", .. }));
    let at_zero = correction(&alone, alone.btc, "2", "0", 100);
    assert!(matches!(refused(at_zero), Reason::OutOfRange { what: "entry price", .. }));

    // An order in flight may be what the report has in its picture.
    let order = alone.book.reserve(Command::scale_in(alone.btc, q("1")).at(p("50000"))).unwrap();
    assert!(matches!(refused(right("2")), Reason::AlreadyReserved { .. }));
    drop(order);
    // Nothing is open there.
    let flat = Correction { key: alone.eth.into(), ..right("2") };
    assert!(matches!(refused(flat), Reason::OtherPosition { .. }));
}

#[test]
fn on_an_adoption_that_no_fill_has_explained_a_second_assumption_is_refused_and_a_smaller_size_is_not() {
    let alone = alone();
    let key = PositionKey::net(alone.btc);
    let adoption = Adoption {
        key,
        side: Side::Long,
        quantity: q("2"),
        entry: p("50000"),
        leverage: None,
        rule: None,
        asked: alone.book.snapshot().sequence(),
        report_time: Some(ms(100)),
    };
    alone.book.apply(Command::Adopt(adoption)).unwrap();
    let refused = correct(&alone, correction(&alone, alone.btc, "3", "50000", 200)).unwrap_err();
    assert!(matches!(refused.reason(), Reason::NotCorrectable { .. }), "{refused}");
    correct(&alone, correction(&alone, alone.btc, "1", "50000", 200)).unwrap();
    assert_eq!(alone.stands(alone.btc), "long 1");
    // The adopted price was 1,000 too high: half of that stays with what is left, half is in what went.
    alone.record(trade(alone.btc, "in", OrderSide::Buy, "2", "49000").at(ms(90)));
    conserved(&alone, alone.btc);
    assert_eq!(alone.key(alone.btc).position.unwrap().cost, d("49000"));
    alone.record(trade(alone.btc, "out", OrderSide::Sell, "1", "51000").at(ms(150)));
    let ledger = alone.key(alone.btc).ledger;
    assert_eq!((ledger.cash, ledger.realised, ledger.unexplained), (d("-47000"), d("2000"), Decimal::ZERO));
    // Now that all of it is explained, more can be.
    correct(&alone, correction(&alone, alone.btc, "2", "49500", 300)).unwrap();
    assert_eq!(alone.key(alone.btc).position.unwrap().entry_price(), d("49500"));
    conserved(&alone, alone.btc);
    alone.folds();
}

#[test]
fn a_leverage_is_taken_over_and_touches_no_money() {
    let alone = alone();
    alone.long(alone.btc, "1");
    let before = alone.key(alone.btc);
    let right = correction(&alone, alone.btc, "1", "50000", 100);
    let right = Correction { to: Corrected::Leverage(Leverage::of(7)), ..right };
    correct(&alone, right).unwrap();
    let after = alone.key(alone.btc);
    assert_eq!(after.position.as_ref().unwrap().leverage, Some(Leverage::of(7)));
    assert_eq!((after.position.unwrap().id, after.ledger), (before.position.unwrap().id, before.ledger));
    assert!(after.baseline.is_none(), "it says nothing about fills");
}

#[test]
fn an_inverse_contract_is_corrected_in_its_own_money() {
    let alone = alone();
    let spec = InstrumentSpec::linear("BTC/USD:BTC", "0.1", "1").unwrap();
    let spec = spec.of_kind(posbook::ContractKind::Inverse).with_contract_size(q("100"));
    let id = alone.book.register(Instrument::new(spec).unwrap()).unwrap();
    alone.record(trade(id, "1", OrderSide::Sell, "10", "50000").at(ms(10)));
    // The harmonic mean of 50,000 and 40,000.
    correct(&alone, correction(&alone, id, "20", "44444.44444444444", 100)).unwrap();
    conserved(&alone, id);
    let entry = alone.key(id).position.unwrap().entry_price();
    assert!((entry - d("44444.44444444444")).abs() < d("0.0001"), "{entry}");
    alone.record(trade(id, "2", OrderSide::Sell, "10", "40000").at(ms(20)));
    conserved(&alone, id);
    assert_eq!(alone.key(id).position.unwrap().cost, d("-0.045"), "1000/50000 + 1000/40000, exactly");
    alone.folds();
}

/// xorshift: the same numbers on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// Some fills of an account are missed, its size is corrected, and the missed ones come in any order: in the end the book has
/// what the account has, to the last digit, and nothing is unexplained.
#[test]
fn whatever_was_missed_and_however_it_comes_the_money_is_the_accounts() {
    let (mut corrected, mut grown) = (0, 0);
    for seed in 1..=400_u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let alone = alone();
        let id = alone.btc;
        let (mut truth, mut cash, mut late) = (Decimal::ZERO, Decimal::ZERO, Vec::new());
        let account = |dice: &mut Dice, n: i64, truth: &mut Decimal, cash: &mut Decimal| {
            let buys = dice.below(5) < 3;
            let side = if buys { OrderSide::Buy } else { OrderSide::Sell };
            let (quantity, price) = (dice.below(5) + 1, 49_000 + dice.below(2_000));
            let signed = Decimal::from(quantity) * if buys { Decimal::ONE } else { Decimal::NEGATIVE_ONE };
            *truth += signed;
            *cash -= signed * Decimal::from(price);
            trade(id, &n.to_string(), side, &quantity.to_string(), &price.to_string()).at(ms(n))
        };
        // What opens it is heard of.
        alone.record(trade(id, "0", OrderSide::Buy, "4", "50000").at(ms(0)));
        (truth, cash) = (truth + d("4"), cash - d("200000"));
        for n in 1..8 {
            let fill = account(&mut dice, n, &mut truth, &mut cash);
            if dice.below(3) == 0 {
                late.push(fill);
            } else {
                alone.record(fill);
            }
        }
        let open = alone.key(id).position;
        let sides = open.as_ref().map(|p| p.side == Side::Long) == Some(truth > Decimal::ZERO);
        if open.is_none() || truth.is_zero() || !sides {
            continue; // dropped, adopted: rules of their own
        }
        let entry = (49_000 + dice.below(2_000)).to_string();
        let had = open.unwrap().quantity;
        correct(&alone, correction(&alone, id, &truth.abs().to_string(), &entry, 50)).unwrap();
        conserved(&alone, id);
        (corrected, grown) = (corrected + 1, grown + u32::from(truth.abs() > had.get()));
        // In any order, and between fills that are news.
        let mut news = 100;
        while !late.is_empty() {
            if dice.below(3) == 0 && news < 104 {
                alone.record(account(&mut dice, news, &mut truth, &mut cash));
                news += 1;
            } else {
                let next = usize::try_from(dice.below(late.len() as u64)).unwrap();
                alone.record(late.swap_remove(next));
            }
            conserved(&alone, id);
        }
        let key = alone.key(id);
        let stands = key.position.as_ref().map_or(Decimal::ZERO, |p| match p.side {
            Side::Long => p.quantity.get(),
            Side::Short => -p.quantity.get(),
        });
        assert_eq!(stands, truth, "seed {seed}");
        assert_eq!((key.ledger.cash, key.ledger.unexplained), (cash, Decimal::ZERO), "seed {seed}");
        alone.folds();
    }
    assert!(corrected > 200 && grown > 50 && corrected - grown > 50, "{corrected}, {grown} of them grew");
}
