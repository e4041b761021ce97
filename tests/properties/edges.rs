//! Edges of the values, each at its very last legal number and one beyond; what rounds, at exactly half. A change of one
//! operator there is easily made and hardly seen: these are what mutants showed that no other test would notice.

use posbook::{
    Book, ClientOrderId, Command, Decimal, DropPosition, ExitPlan, Fill, FillOutcome, Instrument,
    InstrumentId, InstrumentSpec, OrderSide, OrderStep, PositionId, Price, Quantity, Reason, Sequence, Side,
    Sums,
};

fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn q(text: &str) -> Quantity {
    text.parse().unwrap()
}

fn book() -> (Book, InstrumentId) {
    let book = Book::builder().build().unwrap();
    let id = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.1").unwrap()).unwrap();
    (book, id)
}

fn record(
    book: &Book,
    id: InstrumentId,
    name: &str,
    side: OrderSide,
    quantity: &str,
    price: &str,
) -> FillOutcome {
    let fill = Fill::trade(id, name.parse().unwrap(), side, q(quantity), price.parse().unwrap());
    book.record(fill).unwrap().outcome
}

/// The money scale of the instrument is 8: what lies half between two amounts goes to the even one (R17).
#[test]
fn cash_at_exactly_half_goes_to_the_even_amount_r17() {
    for (quantity, cash) in [
        ("0.00000025", "-0.00000002"),
        ("0.00000035", "-0.00000004"),
        ("0.00000026", "-0.00000003"),
        ("0.00000034", "-0.00000003"),
    ] {
        let (book, id) = book();
        assert!(matches!(
            record(&book, id, "t", OrderSide::Buy, quantity, "0.1"),
            FillOutcome::Booked { .. }
        ));
        assert_eq!(book.snapshot().key(id).unwrap().ledger.cash, d(cash), "{quantity} at 0.1");
    }
}

/// A position with a quantity has a cost, and so has what is taken off it: where a share would round to nothing or to
/// everything, the fill is kept unbooked (R4, R17).
#[test]
fn a_share_of_the_cost_is_neither_nothing_nor_everything_r17() {
    for (part, left) in [("0.00000001", None), ("0.00000019", None), ("0.0000001", Some("0.00000001"))] {
        let (book, id) = book();
        record(&book, id, "in", OrderSide::Buy, "0.0000002", "0.1");
        let outcome = record(&book, id, "out", OrderSide::Sell, part, "1000");
        let cost = book.snapshot().get(id).unwrap().cost;
        match left {
            Some(left) => {
                assert!(matches!(outcome, FillOutcome::Booked { .. }), "{part}: {outcome:?}");
                assert_eq!(cost, d(left), "{part}");
            }
            None => {
                assert!(matches!(outcome, FillOutcome::Unbooked { .. }), "{part}: {outcome:?}");
                assert_eq!(cost, d("0.00000002"), "{part}");
            }
        }
    }
}

#[test]
fn a_price_fits_a_mark_and_a_number_is_no_novel() {
    assert!("36028797018963967".parse::<Price>().is_ok());
    assert!("36028797018963968".parse::<Price>().is_err());
    let digits = |n: usize| format!("{}1", "0".repeat(n - 1));
    assert!(digits(64).parse::<Quantity>().is_ok());
    for n in [65, 66, 200] {
        let refused = digits(n).parse::<Quantity>().unwrap_err().to_string();
        assert!(refused.contains("longer than 64"), "{n}: {refused}");
    }
}

#[test]
fn money_has_the_decimals_of_all_steps_together_at_least_8_and_at_most_18() {
    let scale = |price: &str, step: &str, size: Option<&str>| {
        let spec = InstrumentSpec::linear("BTC/USDT:USDT", price, step).unwrap();
        size.map_or(spec.money_scale, |size| spec.clone().with_contract_size(q(size)).money_scale)
    };
    assert_eq!(scale("0.1", "0.001", None), 8);
    assert_eq!(scale("0.00001", "0.000001", None), 11);
    assert_eq!(scale("0.00001", "0.000001", Some("0.01")), 13);
    assert_eq!(scale("0.000000001", "0.000000001", Some("0.01")), 18);
}

#[test]
fn a_share_is_above_nothing_and_at_most_all() {
    let (book, id) = book();
    record(&book, id, "in", OrderSide::Buy, "1", "100");
    let plan = |share: &str| {
        Command::plan(id, ExitPlan::default().tier("0.01".parse().unwrap(), share.parse().unwrap()))
    };
    assert!(book.check(plan("1")).is_ok() && book.check(plan("0.000001")).is_ok());
    for share in ["0", "1.000001", "2"] {
        let refused = book.check(plan(share)).unwrap_err();
        assert!(
            matches!(refused.reason(), Reason::OutOfRange { what: "tier's share", .. }),
            "{share}: {refused}"
        );
    }
}

#[test]
fn a_fee_is_paid_or_received_and_sums_that_come_to_nothing_are_none() {
    let (_, id) = book();
    let fill = Fill::trade(id, "t".parse().unwrap(), OrderSide::Buy, q("1"), "100".parse().unwrap());
    let usdt = "USDT".parse().unwrap();
    assert!(fill.fees.is_zero() && Sums::default().is_zero());
    let paid = fill.fee("0.5", "USDT").unwrap();
    assert_eq!((paid.fees.of(&usdt), paid.fees.is_zero()), (d("0.5"), false));
    let both = paid.fee("-0.75", "USDT").unwrap();
    assert_eq!(both.fees.of(&usdt), d("-0.25"));
    assert!(both.fee("0.25", "USDT").unwrap().fees.is_zero());
}

/// The audit trail prints it.
#[test]
fn every_command_that_was_given_a_reason_says_it() {
    let (key, why) = (InstrumentId(0), || "because".to_owned());
    let order = ClientOrderId { book: 1, epoch: 1, sequence: Sequence(1) };
    let step = |step| Command::Step { key: key.into(), order, step };
    let position = PositionId { epoch: 1, sequence: Sequence(1) };
    let filled = q("1");
    let commands: Vec<Command> = vec![
        Command::scale_out(key, q("1")).because(why()).into(),
        Command::close(key).because(why()).into(),
        Command::retarget(key).because(why()).into(),
        Command::plan(key, ExitPlan::default()).because(why()).into(),
        Command::Drop(DropPosition {
            key: key.into(),
            position,
            asked: Sequence(1),
            report_time: None,
            reason: why(),
        }),
        Command::Quarantine { key: key.into(), why: why(), asked: None },
        Command::Confirm { key: key.into(), why: why(), asked: Sequence(1) },
        Command::Accept { key: key.into(), reason: why() },
        Command::StartClosing { key: key.into(), position: None, cause: why() },
        Command::CancelClosing { key: key.into(), reason: why() },
        step(OrderStep::Refused { filled, reason: why() }),
        step(OrderStep::Corrected { filled, reason: why() }),
        step(OrderStep::Doubt { why: why() }),
    ];
    for command in commands {
        assert_eq!(command.reason(), "because", "{}", command.name());
    }
    for silent in [Command::Expire, step(OrderStep::Sent), Command::open(key, Side::Long, q("1")).into()] {
        assert_eq!(silent.reason(), "", "{}", silent.name());
    }
}

/// What feeds an order is known from its fills, also if the only one is the one that finishes it (R2).
#[test]
fn an_order_that_its_only_figure_finishes_was_fed_by_figures_r2() {
    let (book, id) = book();
    let order = book.reserve(Command::open(id, Side::Long, q("1")).at("100".parse().unwrap())).unwrap();
    let order = order.sent().unwrap();
    let name = order.client_id();
    order.complete(q("1")).unwrap();
    book.record(Fill::cumulative(id, name, OrderSide::Buy, q("1"), "100".parse().unwrap())).unwrap();
    assert!(book.reservations().is_empty());
    let trade = Fill::trade(id, "t".parse().unwrap(), OrderSide::Buy, q("1"), "100".parse().unwrap());
    let late = book.record(trade.order(name)).unwrap().outcome;
    assert!(matches!(&late, FillOutcome::Unbooked { why } if why.contains("cumulative")), "{late:?}");
    assert_eq!(book.snapshot().get(id).unwrap().quantity, q("1"));
}

/// A tier lies on the price step, towards the market as a take profit does.
#[test]
fn a_tier_s_price_is_rounded_towards_the_market_r16() {
    let instrument = Instrument::linear("BTC/USDT:USDT", "0.1", "0.1").unwrap();
    let plan = ExitPlan::default().tier("0.01".parse().unwrap(), "0.5".parse().unwrap());
    for (side, price) in [(OrderSide::Buy, "101"), (OrderSide::Sell, "99.1")] {
        let (book, id) = book();
        record(&book, id, "in", side, "1", "100.03");
        book.apply(Command::plan(id, plan.clone())).unwrap();
        let view = book.snapshot();
        let position = view.get(id).unwrap();
        let tier = position.tiers().next().unwrap();
        assert_eq!(position.tier_price(&instrument, tier), Some(price.parse().unwrap()), "{side}");
    }
}

/// Money that was rounded one way is not counted another way: the scale stays once a fill was booked, also on a flat key.
#[test]
fn the_money_scale_of_an_instrument_that_was_traded_stays_r18() {
    let spec = |scale| {
        let spec = InstrumentSpec::linear("BTC/USDT:USDT", "0.1", "0.1").unwrap();
        Instrument::new(InstrumentSpec { money_scale: scale, ..spec }).unwrap()
    };
    let (book, id) = book();
    assert_eq!(book.register(spec(9)).unwrap(), id, "nothing was booked yet");
    record(&book, id, "in", OrderSide::Buy, "1", "100");
    record(&book, id, "out", OrderSide::Sell, "1", "100");
    let refused = book.register(spec(8)).unwrap_err();
    assert!(matches!(refused.reason(), Reason::InstrumentFixed { field: "money scale", .. }), "{refused}");
}

/// Whatever the venue repeats, a key keeps sixteen troubles: the last of them is the newest.
#[test]
fn a_key_keeps_sixteen_troubles() {
    let (book, id) = book();
    for n in 0..40 {
        book.apply(Command::Quarantine { key: id.into(), why: format!("fault {n}"), asked: None }).unwrap();
        let view = book.snapshot();
        let troubles = &view.key(id).unwrap().troubles;
        assert_eq!(troubles.len(), 16.min(n + 1));
        assert!(troubles.last().unwrap().detail.contains(&format!("fault {n}")));
    }
}

/// A price that is computed has sixteen digits, rounded half-even.
#[test]
fn the_nearest_price_of_a_longer_number() {
    let nearest = |text: &str| Price::nearest(d(text)).map(|price| price.to_string());
    assert_eq!(nearest("1234.56789012345678901").unwrap(), "1234.567890123457");
    assert_eq!(nearest("100.5").unwrap(), "100.5");
    assert_eq!(nearest("0").unwrap(), "0");
    assert!(nearest("0.0000000000000000000001").is_err(), "it would be nothing");
}

/// Where prices may be zero, a fill at zero moves no money.
#[test]
fn a_fill_at_price_zero_is_a_fill() {
    let book = Book::builder().build().unwrap();
    let spec = InstrumentSpec::linear("SPREAD/USDT:USDT", "0.1", "0.1").unwrap();
    let spec = InstrumentSpec { prices: posbook::PriceSign::Any, ..spec };
    let id = book.register(Instrument::new(spec).unwrap()).unwrap();
    let outcome = record(&book, id, "t", OrderSide::Buy, "1", "0");
    assert!(matches!(outcome, FillOutcome::Booked { .. }), "{outcome:?}");
    assert_eq!(book.snapshot().key(id).unwrap().ledger.cash, d("0"));
}

#[test]
fn a_plan_has_sixteen_tiers_at_most() {
    let (book, id) = book();
    record(&book, id, "in", OrderSide::Buy, "1", "100");
    let plan = |tiers: u32| {
        let tier = |plan: ExitPlan, n: u32| {
            plan.tier(format!("0.{:02}", n + 1).parse().unwrap(), "0.01".parse().unwrap())
        };
        Command::plan(id, (0..tiers).fold(ExitPlan::default(), tier))
    };
    assert!(book.check(plan(16)).is_ok());
    assert!(book.check(plan(17)).is_err());
}

/// A position's revision is the change that made its value; another change of its key is none of it (I4).
#[test]
fn a_position_is_as_old_as_its_value() {
    let (book, id) = book();
    record(&book, id, "a", OrderSide::Buy, "1", "100");
    let born = book.snapshot().get(id).unwrap().revision;
    book.apply(Command::Quarantine { key: id.into(), why: "look".into(), asked: None }).unwrap();
    let view = book.snapshot();
    assert_eq!(view.get(id).unwrap().revision, born);
    assert_eq!(view.key(id).unwrap().revision, view.sequence());
    record(&book, id, "b", OrderSide::Buy, "1", "100");
    let view = book.snapshot();
    assert_eq!(view.get(id).unwrap().revision, view.sequence());
}
