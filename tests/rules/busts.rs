//! Trades that the venue takes back or corrects, and those that it makes by force: what they do to quantity, cost, profit and fees.
//! The naive side of each is the same book without the fill, or with the right one.

use posbook::{
    Book, Bust, ClientOrderId, Command, Currency, Decimal, Fill, FillNote, FillOutcome, Forced, Instrument,
    InstrumentId, InstrumentSpec, KeyState, Leg, OrderSide, Owner, PositionKey, PositionMode, Price, Side,
    TargetRule, Timestamp, TroubleKind,
};
use proptest::prelude::*;

fn book() -> (Book, InstrumentId) {
    let rule = TargetRule::stop_fraction("0.05".parse().unwrap());
    let book = Book::builder().default_rule(rule).build().unwrap();
    let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001").unwrap()).unwrap();
    (book, btc)
}

fn trade(id: InstrumentId, name: u64, side: OrderSide, quantity: &str, price: &str) -> Fill {
    Fill::trade(
        id,
        name.to_string().parse().unwrap(),
        side,
        quantity.parse().unwrap(),
        price.parse().unwrap(),
    )
    .at(Timestamp::from_millis(i64::try_from(name).unwrap()))
    .fee("0.5", "USDT")
    .unwrap()
}

fn usdt() -> Currency {
    "USDT".parse().unwrap()
}

fn key(book: &Book, id: InstrumentId) -> KeyState {
    KeyState::clone(book.snapshot().key(id).expect("a record"))
}

/// Signed quantity, open cost, cash, realised, fees, fills: what there is of money.
fn money(key: &KeyState) -> [Decimal; 6] {
    let open = key.position.as_ref().map(|p| match p.side {
        Side::Long => (p.quantity.get(), p.cost),
        Side::Short => (-p.quantity.get(), p.cost),
    });
    let (quantity, cost) = open.unwrap_or_default();
    let ledger = &key.ledger;
    [quantity, cost, ledger.cash, ledger.realised, ledger.fees.of(&usdt()), ledger.fills.into()]
}

fn conserved(key: &KeyState) {
    let open =
        key.position.as_ref().map_or(Decimal::ZERO, |p| if p.side == Side::Long { p.cost } else { -p.cost });
    assert_eq!(key.ledger.cash, key.ledger.realised - open + key.ledger.unexplained, "{key:?} (R17)");
}

/// A wild trade is taken back, and the position is worth what was really paid for it. Without that a stop stands at a price that
/// nobody ever paid.
#[test]
fn a_busted_increase_leaves_what_would_be_there_without_it_r17() {
    let (book, btc) = book();
    let (without, same) = self::book();
    let wild = trade(btc, 2, OrderSide::Buy, "3", "90000");
    for fill in [
        trade(btc, 1, OrderSide::Buy, "1", "50000"),
        wild.clone(),
        trade(btc, 3, OrderSide::Buy, "2", "50003"),
    ] {
        if fill != wild {
            without.record(Fill { instrument: same, ..fill.clone() }).unwrap();
        }
        book.record(fill).unwrap();
    }
    let gone = Bust::new(wild.clone(), "erroneous").at(Timestamp::from_millis(9));
    assert!(matches!(book.bust(gone.clone()).unwrap().outcome, FillOutcome::Booked { .. }));
    assert_eq!(money(&key(&book, btc)), money(&key(&without, same)));
    conserved(&key(&book, btc));
    // Once; and neither the bust nor the fill does anything when it comes again.
    let stood = book.snapshot().sequence();
    assert_eq!(book.bust(gone).unwrap().outcome, FillOutcome::Duplicate);
    assert_eq!(book.record(wild).unwrap().outcome, FillOutcome::Duplicate);
    assert_eq!(book.snapshot().sequence(), stood);
    assert!(key(&book, btc).troubles.is_empty());
}

/// The worked example of docs/accounting.md.
#[test]
fn after_a_part_was_realised_the_entry_stays_and_the_sum_is_exact_r17() {
    let (book, btc) = book();
    let wild = trade(btc, 2, OrderSide::Buy, "3", "90000");
    for fill in [
        trade(btc, 1, OrderSide::Buy, "1", "50000"),
        wild.clone(),
        trade(btc, 3, OrderSide::Buy, "2", "50003"),
        trade(btc, 4, OrderSide::Sell, "2", "60000"),
    ] {
        book.record(fill).unwrap();
    }
    book.bust(Bust::new(wild, "erroneous")).unwrap();
    let [quantity, cost, cash, realised, ..] = money(&key(&book, btc));
    assert_eq!([quantity, cost, cash, realised], [1, 70_001, -30_006, 39_995].map(Decimal::from));
}

#[test]
fn a_busted_reduction_is_open_again_at_the_entry() {
    let (book, btc) = book();
    book.record(trade(btc, 1, OrderSide::Buy, "2", "50000")).unwrap();
    let before = money(&key(&book, btc));
    let sold = trade(btc, 2, OrderSide::Sell, "0.5", "40000");
    book.record(sold.clone()).unwrap();
    book.bust(Bust::new(sold, "")).unwrap();
    assert_eq!(money(&key(&book, btc)), before);
}

/// What was closed by a trade that never was is an exposure again, and it is protected and flagged.
#[test]
fn a_busted_close_opens_another_life_with_targets_and_keeps_the_sum_r5() {
    let (book, btc) = book();
    book.record(trade(btc, 1, OrderSide::Buy, "2", "50000")).unwrap();
    let sold = trade(btc, 2, OrderSide::Sell, "2", "51000");
    book.record(sold.clone()).unwrap();
    let FillOutcome::Booked { notes } = book.bust(Bust::new(sold, "erroneous")).unwrap().outcome else {
        panic!("not booked")
    };
    assert_eq!(notes.as_slice(), [FillNote::Reopened]);
    let key = key(&book, btc);
    conserved(&key);
    let open = key.position.as_ref().expect("open again");
    assert_eq!(
        (open.side, open.quantity.to_string(), open.entry_price().to_string()),
        (Side::Long, "2".into(), "51000".into())
    );
    assert_eq!(open.stop_loss(), Some("48450".parse().unwrap()));
    // 2,000 stay realised and are given back by whatever closes it: at 50,000 nothing was earned.
    book.record(trade(btc, 3, OrderSide::Sell, "2", "50000")).unwrap();
    assert_eq!(self::key(&book, btc).ledger.realised, Decimal::ZERO);
}

#[test]
fn a_corrected_trade_is_booked_in_its_place_in_one_publication_r14() {
    let (book, btc) = book();
    let (right, same) = self::book();
    let was = trade(btc, 1, OrderSide::Buy, "1", "90000");
    let is = Fill { price: "50000".parse().unwrap(), quantity: "2".parse().unwrap(), ..was.clone() };
    book.record(was.clone()).unwrap();
    book.record(trade(btc, 2, OrderSide::Buy, "1", "51000")).unwrap();
    let mut changes = book.changes_after(book.snapshot().sequence());
    let done = book.correct(Bust::new(was.clone(), "price"), is.clone()).unwrap();
    let FillOutcome::Booked { notes } = done.outcome else { panic!("{done:?}") };
    assert!(notes.contains(&FillNote::Corrected));
    assert_eq!(changes.try_next().unwrap().unwrap().len(), 2, "one unit");
    right.record(Fill { instrument: same, ..is.clone() }).unwrap();
    right.record(trade(same, 2, OrderSide::Buy, "1", "51000")).unwrap();
    assert_eq!(money(&key(&book, btc)), money(&key(&right, same)));
    // Both forms of the trade are known; a third one is a conflict (R3).
    for known in [was.clone(), is.clone()] {
        assert_eq!(book.record(known).unwrap().outcome, FillOutcome::Duplicate);
    }
    let third = Fill { price: "1".parse::<Price>().unwrap(), ..is.clone() };
    assert_eq!(book.record(third).unwrap().outcome, FillOutcome::Conflict);
    // Corrected back to what was taken back: it would be called a duplicate, and nothing would be left of the trade.
    let digest = book.snapshot().digest();
    let back = book.correct(Bust::new(is.clone(), "it was right"), was.clone()).unwrap_err();
    assert!(back.to_string().contains("taken back before"), "{back}");
    assert_eq!(book.snapshot().digest(), digest);
    // The first correction once more is none.
    let again = book.correct(Bust::new(was.clone(), "price"), is.clone()).unwrap();
    assert_eq!((again.outcome, again.sequence), (FillOutcome::Duplicate, None));
    // Another trade is no correction of this one.
    let other = trade(btc, 7, OrderSide::Buy, "1", "50000");
    assert!(book.correct(Bust::new(is, ""), other).unwrap_err().to_string().contains("another trade"));
}

/// Without the fill's own words nobody can say what to take back: the key is blocked, never silently left as it is (R3, R4).
#[test]
fn what_is_not_remembered_or_was_reported_otherwise_is_flagged_and_not_taken_back_r3() {
    let (book, btc) = book();
    let fill = trade(btc, 1, OrderSide::Buy, "1", "50000");
    book.record(fill.clone()).unwrap();
    let before = money(&key(&book, btc));
    let never = trade(btc, 99, OrderSide::Buy, "1", "50000");
    assert_eq!(book.bust(Bust::new(never, "")).unwrap().outcome, FillOutcome::TooOldToTell);
    let otherwise = Fill { price: "50001".parse().unwrap(), ..fill.clone() };
    assert_eq!(book.bust(Bust::new(otherwise, "")).unwrap().outcome, FillOutcome::Conflict);
    assert_eq!(money(&key(&book, btc)), before);
    let kinds: Vec<_> = key(&book, btc).troubles.iter().map(|t| t.kind).collect();
    assert_eq!(kinds, [TroubleKind::TooOldToTell, TroubleKind::FillConflict]);
    assert!(book.reserve(Command::scale_in(btc, "1".parse().unwrap()).at("50000".parse().unwrap())).is_err());
    // A figure of what an order has so far is corrected by a lower one.
    let order = ClientOrderId { book: 1, epoch: 1, sequence: posbook::Sequence(1) };
    let figure = Fill::cumulative(btc, order, OrderSide::Buy, "1".parse().unwrap(), "50000".parse().unwrap());
    assert!(book.bust(Bust::new(figure, "")).unwrap_err().to_string().contains("cumulative"));
}

/// An order whose fill is taken back waits for no other one in its place: the bust is the venue's word on its figure (R2).
#[test]
fn the_order_of_a_busted_fill_has_so_much_less() {
    let (book, btc) = book();
    let sent =
        book.reserve(Command::open(btc, Side::Long, "2".parse().unwrap()).at("50000".parse().unwrap()));
    let sent = sent.unwrap().sent().unwrap();
    let fill = trade(btc, 1, OrderSide::Buy, "0.5", "50000").order(sent.client_id());
    book.record(fill.clone()).unwrap();
    let order = || book.snapshot().orders().next().cloned().unwrap();
    assert_eq!(order().booked, "0.5".parse().unwrap());
    book.bust(Bust::new(fill, "")).unwrap();
    assert_eq!((order().booked.to_string(), order().remaining().to_string()), ("0".into(), "2".into()));
    assert!(book.snapshot().is_empty());
    // What it fills from here on opens the position again.
    book.record(trade(btc, 2, OrderSide::Buy, "2", "50000").order(sent.client_id())).unwrap();
    assert!(sent.complete("2".parse().unwrap()).is_ok());
    assert!(book.snapshot().orders().next().is_none());
    assert!(key(&book, btc).troubles.is_empty());
}

#[test]
fn a_fee_in_kind_comes_back_with_its_trade() {
    let book = Book::builder().build().unwrap();
    let spec =
        InstrumentSpec::linear("BTC/USDT", "0.01", "0.0001").unwrap().of_kind(posbook::ContractKind::Spot);
    let btc = book.register(Instrument::new(spec).unwrap()).unwrap();
    let buy = |name: &str| {
        let fill = Fill::trade(
            btc,
            name.parse().unwrap(),
            OrderSide::Buy,
            "1".parse().unwrap(),
            "50000".parse().unwrap(),
        );
        fill.fee("0.001", "BTC").unwrap()
    };
    book.record(buy("1")).unwrap();
    let before = key(&book, btc);
    book.record(buy("2")).unwrap();
    book.bust(Bust::new(buy("2"), "")).unwrap();
    let after = key(&book, btc);
    assert_eq!(money(&after), money(&before));
    assert_eq!(after.ledger.fees, before.ledger.fees);
}

// ---- by force

/// A liquidation closes what it took, names itself, and leaves no doubt behind.
#[test]
fn a_liquidation_closes_the_position_of_whoever_holds_it_and_asks_for_no_order() {
    let (book, btc) = book();
    let owned = PositionKey { owner: Owner(7), ..PositionKey::net(btc) };
    let order =
        book.reserve(Command::open(owned, Side::Long, "2".parse().unwrap()).at("50000".parse().unwrap()));
    let order = order.unwrap().sent().unwrap();
    book.record(trade(btc, 1, OrderSide::Buy, "2", "50000").order(order.client_id())).unwrap();
    order.complete("2".parse().unwrap()).unwrap();

    let taken = trade(btc, 2, OrderSide::Sell, "2", "45000")
        .forced(Forced::Liquidation, Some("liq-1".parse().unwrap()));
    let taken = taken.fee("450", "USDT").unwrap();
    let mut changes = book.changes_after(book.snapshot().sequence());
    let FillOutcome::Booked { notes } = book.record(taken.clone()).unwrap().outcome else { panic!() };
    assert_eq!(notes.as_slice(), [FillNote::Liquidation]);
    let unit = changes.try_next().unwrap().unwrap();
    assert_eq!((unit[0].kind(), unit[0].command().name()), (posbook::Kind::Closed, "liquidation"));
    let view = book.snapshot();
    let key = view.key(owned).unwrap();
    assert!(key.position.is_none() && key.troubles.is_empty() && key.orders.is_empty());
    assert_eq!(key.ledger.realised, Decimal::from(-10_000));
    assert_eq!(key.ledger.fees.of(&usdt()), "451".parse().unwrap());
    assert!(view.key(btc).is_none_or(|nobody| nobody.position.is_none()));
    // It never was: the position is its owner's again.
    let Ok(FillOutcome::Booked { .. }) = book.bust(Bust::new(taken.clone(), "")).map(|r| r.outcome) else {
        panic!()
    };
    assert_eq!(book.snapshot().get(owned).map(|p| p.quantity.to_string()), Some("2".into()));
    // A feed that does not say why tells of the same trade.
    let unsaid = Fill { order: posbook::OrderRef::Foreign("liq-1".parse().unwrap()), ..taken };
    assert_eq!(book.record(unsaid).unwrap().outcome, FillOutcome::Duplicate);
}

#[test]
fn an_auto_deleveraging_of_a_leg_that_several_hold_is_nobodys_r12() {
    let book = Book::builder().build().unwrap();
    let spec = InstrumentSpec {
        mode: PositionMode::Hedge,
        ..InstrumentSpec::linear("ETH/USDT:USDT", "0.01", "0.001").unwrap()
    };
    let eth = book.register(Instrument::new(spec).unwrap()).unwrap();
    for owner in [1, 2] {
        let key = PositionKey { instrument: eth, leg: Leg::Long, owner: Owner(owner) };
        let order =
            book.reserve(Command::open(key, Side::Long, "1".parse().unwrap()).at("3000".parse().unwrap()));
        let order = order.unwrap().sent().unwrap();
        book.record(trade(eth, owner.into(), OrderSide::Buy, "1", "3000").order(order.client_id())).unwrap();
        order.complete("1".parse().unwrap()).unwrap();
    }
    let taken =
        trade(eth, 3, OrderSide::Sell, "1", "3300").leg(Leg::Long).forced(Forced::AutoDeleveraging, None);
    let FillOutcome::Booked { notes } = book.record(taken).unwrap().outcome else { panic!() };
    assert!(notes.contains(&FillNote::AutoDeleveraging));
    let view = book.snapshot();
    let nobody = PositionKey { instrument: eth, leg: Leg::Long, owner: Owner::UNOWNED };
    assert!(
        view.key(nobody).is_some_and(|key| key.position.is_some()),
        "the legs of all owners add up to the venue's"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever was traded and in whatever order it is taken back: quantity, cash and fees are those of what was not, conservation
    /// holds after each, and when all is taken back nothing is left.
    #[test]
    fn taking_back_is_exact_in_quantity_cash_and_fees(
        trades in proptest::collection::vec((any::<bool>(), 1_i64..5_000, 1_i64..2_000), 1..24),
        order in any::<u64>(),
    ) {
        let (book, btc) = book();
        let mut fills: Vec<Fill> = (1_u64..)
            .zip(&trades)
            .map(|(name, (buy, quantity, price))| {
                let side = if *buy { OrderSide::Buy } else { OrderSide::Sell };
                let [quantity, price] = [Decimal::new(*quantity, 3), Decimal::new(*price, 1)].map(|d| d.to_string());
                trade(btc, name, side, &quantity, &price)
            })
            .collect();
        for fill in &fills {
            book.record(fill.clone()).unwrap();
        }
        let mut dice = order;
        while !fills.is_empty() {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let place = usize::try_from(dice >> 33).unwrap() % fills.len();
            let gone = fills.remove(place);
            let outcome = book.bust(Bust::new(gone, "")).unwrap().outcome;
            prop_assert!(matches!(outcome, FillOutcome::Booked { .. }), "{:?}", outcome);
            let key = key(&book, btc);
            conserved(&key);
            let [quantity, _, cash, _, fees, count] = money(&key);
            let sign = |fill: &Fill| if fill.side == OrderSide::Buy { Decimal::ONE } else { -Decimal::ONE };
            let traded: Decimal = fills.iter().map(|f| sign(f) * f.quantity.get()).sum();
            let moved: Decimal = fills.iter().map(|f| -sign(f) * f.quantity.get() * f.price.get()).sum();
            prop_assert_eq!(quantity, traded);
            prop_assert_eq!(cash, moved);
            prop_assert_eq!(fees, Decimal::new(5, 1) * Decimal::from(fills.len()));
            prop_assert_eq!(count, Decimal::from(fills.len()));
            if fills.is_empty() {
                prop_assert!(key.position.is_none() && key.ledger.realised.is_zero(), "{:?}", key);
            }
        }
        // A replica that is told every change has the same.
        let mut replica = book.replica();
        for unit in std::iter::from_fn({ let mut all = book.changes_after(posbook::Sequence(0)); move || all.try_next() }) {
            for change in unit.unwrap().iter() {
                replica.apply(change).unwrap();
            }
        }
        prop_assert_eq!(replica.digest(), book.snapshot().digest());
    }
}
