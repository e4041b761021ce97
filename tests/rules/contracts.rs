//! R17 for contracts that are not linear: an inverse one is booked at -(quantity x contract size / price), with which everything
//! else is the same arithmetic; a quanto one is linear in its settle currency; on spot a fee in the base currency is taken
//! from what is held.

use posbook::{
    Book, Command, ContractKind, Decimal, Fill, FillOutcome, Funding, Instrument, InstrumentId,
    InstrumentSpec, OrderSide, Side, TargetRule,
};

use crate::stage::{p, q};

/// A book of one instrument of this kind, one contract being `size`.
fn of_kind(symbol: &str, kind: ContractKind, size: &str) -> (Book, InstrumentId) {
    let book =
        Book::builder().default_rule(TargetRule::stop_fraction("0.05".parse().unwrap())).build().unwrap();
    let spec = InstrumentSpec::linear(symbol, "0.01", "0.001").unwrap().of_kind(kind);
    let id = book.register(Instrument::new(spec.with_contract_size(q(size))).unwrap()).unwrap();
    (book, id)
}

/// Cash, realised, signed cost and unexplained of a key.
fn conserved(book: &Book, id: InstrumentId) {
    let view = book.snapshot();
    let key = view.key(id).unwrap();
    let open = key.position.as_ref().map_or(Decimal::ZERO, |p| match p.side {
        Side::Long => p.cost,
        Side::Short => -p.cost,
    });
    assert_eq!(key.ledger.cash, key.ledger.realised - open + key.ledger.unexplained, "I9");
}

#[test]
fn an_inverse_position_has_a_harmonic_entry_and_its_profit_in_the_base_currency() {
    let (book, id) = of_kind("BTC/USD:BTC", ContractKind::Inverse, "10");
    let fill = |n: &str, side, quantity: &str, price: &str| {
        let fill = Fill::trade(id, n.parse().unwrap(), side, q(quantity), p(price));
        let done = book.record(fill).unwrap();
        assert!(matches!(done.outcome, FillOutcome::Booked { .. }), "{done:?}");
        conserved(&book, id);
        book.snapshot().key(id).unwrap().clone()
    };
    fill("1", OrderSide::Buy, "100", "5000");
    // 3,000 dollars / (1,000 / 5,000 + 2,000 / 6,000), as the venue's help page has it.
    let open = fill("2", OrderSide::Buy, "200", "6000").position.unwrap();
    assert_eq!(open.entry_price().to_string(), "5625");
    assert_eq!(open.cost.round_dp(12).to_string(), "-0.533333333333");
    // 3,000 x (1/5625 - 1/6250).
    assert_eq!(open.unrealised(p("6250")).unwrap().round_dp(12).to_string(), "0.053333333333");
    // A third of it: 1,000 x (1/5625 - 1/6250).
    let reduced = fill("3", OrderSide::Sell, "100", "6250");
    assert_eq!(reduced.ledger.realised.round_dp(12).to_string(), "0.017777777778");
    // A reduce may move the last of its digits.
    let entry = reduced.position.unwrap().entry_price();
    assert_eq!(entry.round_sf(15).unwrap(), "5625".parse().unwrap());
    // Through zero: the rest is a short at its own price.
    let flipped = fill("4", OrderSide::Sell, "300", "5000");
    let short = flipped.position.unwrap();
    assert_eq!((short.side, short.quantity, short.entry_price()), (Side::Short, q("100"), p("5000").get()));
    // 0.01777... + 2,000 x (1/5625 - 1/5000).
    assert_eq!(flipped.ledger.realised.round_dp(12).to_string(), "-0.026666666667");
    // A short gains when the price falls: 1,000 x (1/4000 - 1/5000).
    assert_eq!(short.unrealised(p("4000")).unwrap(), "0.05".parse().unwrap());
    let totals = book.snapshot().totals().money(&"BTC".parse().unwrap());
    assert_eq!((totals.cost, totals.exposure), ("-0.2".parse().unwrap(), "0.2".parse().unwrap()));
    // Flat, all of the cost is gone.
    assert!(fill("5", OrderSide::Buy, "100", "5000").position.is_none());
    assert!(book.snapshot().totals().money(&"BTC".parse().unwrap()).cost.is_zero());
}

#[test]
fn the_targets_of_an_inverse_position_stand_on_their_sides_and_limits_count_its_worth() {
    let (book, id) = of_kind("BTC/USD:BTC", ContractKind::Inverse, "1");
    book.mark(id, p("50000")).unwrap();
    let order = book.reserve(Command::open(id, Side::Short, q("100000")).stop("0.1").unwrap()).unwrap();
    // In flight: 100,000 dollars at 50,000.
    let money = || book.snapshot().totals().money(&"BTC".parse().unwrap());
    assert_eq!(money().in_flight, "2".parse().unwrap());
    let order = order.sent().unwrap();
    let fill = |n: &str, quantity, price| {
        Fill::trade(id, n.parse().unwrap(), OrderSide::Sell, q(quantity), p(price)).order(order.client_id())
    };
    book.record(fill("1", "50000", "50000")).unwrap();
    book.record(fill("2", "50000", "40000")).unwrap();
    order.complete(q("100000")).unwrap();
    let view = book.snapshot();
    let open = view.get(id).unwrap();
    // The harmonic mean, and a tenth above it on the step, towards the market.
    assert_eq!(open.entry_price().to_string(), "44444.4444444444444");
    assert_eq!(open.stop_loss().unwrap().to_string(), "48888.88");
    assert_eq!((money().in_flight, money().exposure), (Decimal::ZERO, "2.25".parse().unwrap()));
}

#[test]
fn on_spot_a_fee_in_the_base_currency_is_taken_from_what_is_held() {
    let (book, id) = of_kind("ETH/USDT", ContractKind::Spot, "1");
    let fill = |n: &str, side, quantity: &str, price: &str, fee: (&str, &str)| {
        let fill =
            Fill::trade(id, n.parse().unwrap(), side, q(quantity), p(price)).fee(fee.0, fee.1).unwrap();
        let outcome = book.record(fill).unwrap().outcome;
        conserved(&book, id);
        outcome
    };
    fill("1", OrderSide::Buy, "1", "2000", ("0.001", "ETH"));
    let open = book.snapshot().get(id).unwrap().clone();
    assert_eq!((open.quantity, open.entry_price()), (q("0.999"), p("2000").get()));
    // A rebate in kind adds to it.
    fill("2", OrderSide::Buy, "1", "2000", ("-0.001", "ETH"));
    assert_eq!(book.snapshot().get(id).unwrap().quantity, q("2"));
    // What is sold and what the fee takes both leave; a fee in another currency takes nothing.
    fill("3", OrderSide::Sell, "0.5", "2100", ("0.5", "ETH"));
    fill("4", OrderSide::Sell, "0.5", "2100", ("1", "USDT"));
    assert_eq!(book.snapshot().get(id).unwrap().quantity, q("0.5"));
    fill("5", OrderSide::Sell, "0.5", "2100", ("1", "USDT"));
    let view = book.snapshot();
    let ledger = view.key(id).unwrap().ledger.clone();
    assert!(view.get(id).is_none());
    assert_eq!(ledger.realised, "200".parse().unwrap());
    assert_eq!(ledger.fees.of(&"ETH".parse().unwrap()), "0.5".parse().unwrap());
    // A fee that takes all that was bought leaves nothing to book; the fill is kept (R4).
    let outcome = fill("6", OrderSide::Buy, "0.001", "2000", ("0.001", "ETH"));
    assert!(matches!(&outcome, FillOutcome::Unbooked { why } if why.contains("takes all")), "{outcome:?}");
    // A perpetual never loses contracts to it.
    let (book, id) = of_kind("ETH/USDT:USDT", ContractKind::Linear, "1");
    let fill =
        Fill::trade(id, "1".parse().unwrap(), OrderSide::Buy, q("1"), p("3000")).fee("0.001", "ETH").unwrap();
    book.record(fill).unwrap();
    assert_eq!(book.snapshot().get(id).unwrap().quantity, q("1"));
}

#[test]
fn an_order_is_fed_what_was_traded_and_the_position_what_is_left() {
    let (book, id) = of_kind("ETH/USDT", ContractKind::Spot, "1");
    book.mark(id, p("2000")).unwrap();
    let order = book.reserve(Command::open(id, Side::Long, q("2"))).unwrap().sent().unwrap();
    let fill = |n: &str, quantity| {
        let fill = Fill::trade(id, n.parse().unwrap(), OrderSide::Buy, q(quantity), p("2000"));
        fill.order(order.client_id()).fee("0.002", "ETH").unwrap()
    };
    book.record(fill("1", "1.5")).unwrap();
    book.record(fill("2", "0.5")).unwrap();
    let settled = order.complete(q("2")).unwrap();
    assert!(book.reservations().is_empty(), "{settled:?}");
    let view = book.snapshot();
    assert_eq!(view.get(id).unwrap().quantity, q("1.996"));
    conserved(&book, id);
}

#[test]
fn quanto_is_linear_in_its_settle_currency() {
    let (book, id) = of_kind("ETH/USD:BTC", ContractKind::Quanto, "0.000001");
    for (n, side, price) in [("1", OrderSide::Buy, "2000"), ("2", OrderSide::Sell, "2500")] {
        book.record(Fill::trade(id, n.parse().unwrap(), side, q("100"), p(price))).unwrap();
        conserved(&book, id);
    }
    let view = book.snapshot();
    assert_eq!(view.totals().money(&"BTC".parse().unwrap()).realised, "0.05".parse().unwrap());
}

#[test]
fn funding_is_booked_once_a_period_apart_from_profit_and_moves_no_quantity() {
    let (book, id) = of_kind("BTC/USDT:USDT", ContractKind::Linear, "1");
    book.record(Fill::trade(id, "1".parse().unwrap(), OrderSide::Buy, q("1"), p("50000"))).unwrap();
    let fund = |period, amount: &str, currency: &str| {
        let before = book.snapshot();
        let done = Funding::new(id, period, amount, currency).and_then(|paid| book.fund(paid));
        conserved(&book, id);
        let after = book.snapshot();
        let quantity = |view: &posbook::Snapshot| view.get(id).map(|open| (open.quantity, open.cost));
        assert_eq!(quantity(&before), quantity(&after));
        if done.is_err() {
            assert_eq!(before.digest(), after.digest(), "a refusal changes nothing");
        }
        done.map(|done| done.outcome)
    };
    let booked = |outcome| matches!(outcome, Ok(FillOutcome::Booked { .. }));
    assert!(booked(fund(1, "-0.25", "USDT")));
    assert_eq!(fund(1, "-0.25", "USDT").unwrap(), FillOutcome::Duplicate);
    // The same period with another figure is refused, and says both.
    let refused = fund(1, "-0.26", "USDT").unwrap_err().to_string();
    assert!(refused.contains("-0.25 USDT") && refused.contains("-0.26 USDT"), "{refused}");
    // A period that cost nothing is known to have cost nothing.
    assert!(booked(fund(2, "0", "USDT")));
    assert_eq!(fund(2, "0", "USDT").unwrap(), FillOutcome::Duplicate);
    // Late, and in another currency.
    assert!(booked(fund(0, "0.001", "BNB")));
    let view = book.snapshot();
    let [usdt, bnb] = ["USDT", "BNB"].map(|currency| view.totals().money(&currency.parse().unwrap()).funding);
    assert_eq!((usdt, bnb), ("-0.25".parse().unwrap(), "0.001".parse().unwrap()));
    assert!(view.key(id).unwrap().ledger.realised.is_zero());
    // What has been forgotten is not booked again: nobody can tell.
    for period in 3..200 {
        assert!(booked(fund(period, "-0.01", "USDT")));
    }
    let refused = fund(1, "-0.25", "USDT").unwrap_err().to_string();
    assert!(refused.contains("nobody can tell"), "{refused}");
    // Of an unknown instrument there is no key.
    assert!(Funding::new(InstrumentId(7), 1, "1", "USDT").and_then(|paid| book.fund(paid)).is_err());
    assert!(Funding::new(id, 1, "1e3", "USDT").is_err());
}

#[test]
fn a_replica_knows_which_funding_was_booked_i5() {
    let (book, id) = of_kind("BTC/USDT:USDT", ContractKind::Linear, "1");
    for period in 0..150 {
        book.fund(Funding::new(id, period, "0.5", "USDT").unwrap()).unwrap();
    }
    let mut replica = book.replica();
    let mut changes = book.changes_after(posbook::Sequence(0));
    while let Some(unit) = changes.try_next() {
        unit.unwrap().iter().for_each(|change| replica.apply(change).unwrap());
    }
    assert_eq!(replica.digest(), book.snapshot().digest());
}
