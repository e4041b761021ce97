//! Corners of the rules that no other test looked into: each was found by a mutant that nobody noticed.

use posbook::{
    Adoption, Book, Builder, ClientOrderId, Clock, Command, Decimal, DropPosition, Exit, ExitPlan, ExitRule,
    Fill, FillNote, FillOutcome, Instrument, InstrumentId, InstrumentSpec, Limits, OrderSide, OrderStep,
    PositionMode, Price, Quantity, Reason, Side, TargetOrigin, TargetRule, Targets, Timestamp, TroubleKind,
};

fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn q(text: &str) -> Quantity {
    text.parse().unwrap()
}

fn p(text: &str) -> Price {
    text.parse().unwrap()
}

struct Desk {
    book: Book,
    id: InstrumentId,
}

fn desk_of(builder: Builder) -> Desk {
    let clock = Clock::manual(Timestamp::from_millis(1_000_000));
    let book = builder.clock(clock).build().unwrap();
    let id = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.1").unwrap()).unwrap();
    Desk { book, id }
}

fn desk() -> Desk {
    desk_of(Book::builder())
}

impl Desk {
    fn trade(&self, name: &str, side: OrderSide, quantity: &str, price: &str) -> Fill {
        Fill::trade(self.id, name.parse().unwrap(), side, q(quantity), p(price))
    }

    fn record(&self, fill: Fill) -> FillOutcome {
        self.book.record(fill).unwrap().outcome
    }

    fn buy(&self, name: &str, quantity: &str, price: &str) -> FillOutcome {
        self.record(self.trade(name, OrderSide::Buy, quantity, price))
    }

    fn troubles(&self) -> Vec<TroubleKind> {
        let view = self.book.snapshot();
        view.key(self.id).unwrap().troubles.iter().map(|trouble| trouble.kind).collect()
    }

    fn quarantine(&self) {
        let key = self.id.into();
        self.book.apply(Command::Quarantine { key, why: "look".into(), asked: None }).unwrap();
    }

    fn drop_position(&self, time: i64) {
        let view = self.book.snapshot();
        let position = view.get(self.id).unwrap().id;
        let gone = DropPosition {
            key: self.id.into(),
            position,
            asked: view.sequence(),
            report_time: Some(Timestamp::from_millis(time)),
            reason: "gone".into(),
        };
        self.book.apply(Command::Drop(gone)).unwrap();
    }
}

/// An order that opens is finished at its average: its targets follow from that, up or down (R16).
#[test]
fn targets_follow_the_average_of_the_order_that_opened_r16() {
    for (side, fills, stop) in [
        (Side::Long, ["100", "90"], "90.3"),
        (Side::Long, ["90", "100"], "90.3"),
        (Side::Short, ["100", "110"], "110.2"),
        (Side::Short, ["110", "100"], "110.2"),
    ] {
        let desk = desk();
        let wish = Command::open(desk.id, side, q("2")).stop("0.05").unwrap().at(p("100"));
        let order = desk.book.reserve(wish).unwrap().sent().unwrap();
        for (n, price) in fills.into_iter().enumerate() {
            let fill = desk.trade(&n.to_string(), side.entry(), "1", price).order(order.client_id());
            assert!(matches!(desk.record(fill), FillOutcome::Booked { notes } if notes.is_empty()));
        }
        order.complete(q("2")).unwrap();
        assert_eq!(desk.book.snapshot().get(desk.id).unwrap().stop_loss(), Some(p(stop)), "{side} {fills:?}");
    }
}

/// Where trailing has begun, the tighter of the two stops stands, on both sides (R16).
#[test]
fn what_trailing_has_seen_is_not_taken_back_at_completion_r16() {
    for (side, fills, stop) in [(Side::Long, ["100", "90"], "95"), (Side::Short, ["100", "110"], "105")] {
        let desk = desk();
        let wide = ExitPlan::default().trailing("0.0005".parse().unwrap(), "0.5".parse().unwrap());
        let wish = Command::open(desk.id, side, q("2")).stop("0.05").unwrap().exits(wide).at(p("100"));
        let order = desk.book.reserve(wish).unwrap().sent().unwrap();
        desk.record(desk.trade("0", side.entry(), "1", fills[0]).order(order.client_id()));
        desk.book.mark(desk.id, p(if side == Side::Long { "100.1" } else { "99.9" })).unwrap();
        let position = desk.book.snapshot().get(desk.id).unwrap().id;
        desk.book.apply(Command::Trail { key: desk.id.into(), position }).unwrap();
        assert!(desk.book.snapshot().get(desk.id).unwrap().best.is_some());
        desk.record(desk.trade("1", side.entry(), "1", fills[1]).order(order.client_id()));
        order.complete(q("2")).unwrap();
        assert_eq!(desk.book.snapshot().get(desk.id).unwrap().stop_loss(), Some(p(stop)), "{side}");
    }
}

/// A final figure may grow (the venue's first answer lagged); only a smaller one takes the word back (R2).
#[test]
fn a_final_figure_that_grows_is_taken_r2() {
    let desk = desk();
    let order =
        desk.book.reserve(Command::open(desk.id, Side::Long, q("3")).at(p("100"))).unwrap().sent().unwrap();
    let name = order.client_id();
    order.complete(q("1")).unwrap();
    let figure =
        |filled| Command::Step { key: desk.id.into(), order: name, step: OrderStep::Complete { filled } };
    desk.book.apply(figure(q("2"))).unwrap();
    let refused = desk.book.apply(figure(q("1"))).unwrap_err();
    assert!(matches!(refused.reason(), Reason::FinalTakenBack { .. }), "{refused}");
    desk.record(desk.trade("a", OrderSide::Buy, "1", "100").order(name));
    assert_eq!(desk.book.reservations().len(), 1, "one contract is still to come");
    desk.record(desk.trade("b", OrderSide::Buy, "1", "100").order(name));
    assert!(desk.book.reservations().is_empty());
}

/// Two positions that were dropped one after the other wait together for the fills that closed them (R8).
#[test]
fn what_was_dropped_twice_waits_for_both_exits_r8() {
    let desk = desk();
    desk.record(desk.trade("in", OrderSide::Buy, "1", "100").at(Timestamp::from_millis(10)));
    desk.drop_position(20);
    let found = Adoption {
        key: desk.id.into(),
        side: Side::Long,
        quantity: q("2"),
        entry: p("100"),
        leverage: None,
        rule: None,
        asked: desk.book.snapshot().sequence(),
        report_time: Some(Timestamp::from_millis(30)),
    };
    desk.book.apply(Command::Adopt(found)).unwrap();
    desk.drop_position(40);
    desk.record(desk.trade("out", OrderSide::Sell, "3", "110").at(Timestamp::from_millis(35)));
    let view = desk.book.snapshot();
    let ledger = &view.key(desk.id).unwrap().ledger;
    assert_eq!((ledger.unexplained, ledger.realised), (d("0"), d("30")));
}

/// A position without protection is no trouble any more once it is gone.
#[test]
fn what_was_wrong_with_the_targets_goes_with_the_position() {
    let desk = desk();
    desk.buy("in", "1", "100");
    desk.quarantine();
    assert_eq!(desk.troubles(), [TroubleKind::Unprotected, TroubleKind::Quarantined]);
    desk.drop_position(20);
    assert_eq!(desk.troubles(), [TroubleKind::Quarantined]);
}

/// A stop ends the lack of one, and nothing else.
#[test]
fn a_stop_ends_the_lack_of_one_and_no_other_trouble_r5() {
    let desk = desk();
    desk.buy("in", "1", "100");
    desk.quarantine();
    desk.book.apply(Command::retarget(desk.id).take(p("120"))).unwrap();
    assert_eq!(desk.troubles(), [TroubleKind::Unprotected, TroubleKind::Quarantined]);
    assert_eq!(desk.book.snapshot().get(desk.id).unwrap().targets_from, TargetOrigin::Moved);
    desk.book.apply(Command::retarget(desk.id).stop(p("90"))).unwrap();
    assert_eq!(desk.troubles(), [TroubleKind::Quarantined]);
}

/// A close that has not left may never leave: whoever asks for closing since has it whatever becomes of that close (R7).
#[test]
fn closing_that_was_asked_for_outlives_a_close_that_never_left_r7() {
    let desk = desk();
    desk.buy("in", "1", "100");
    let close = desk.book.reserve(Command::close(desk.id)).unwrap();
    let position = Some(desk.book.snapshot().get(desk.id).unwrap().id);
    let start = || Command::StartClosing { key: desk.id.into(), position, cause: "flatten".into() };
    assert!(desk.book.apply(start()).unwrap().publication.is_some());
    assert!(desk.book.apply(start()).unwrap().publication.is_none(), "it is asked for already");
    drop(close);
    let view = desk.book.snapshot();
    assert_eq!(view.key(desk.id).unwrap().closing.as_ref().unwrap().cause, "flatten");
}

/// A rule that cannot give legal targets is refused before the order leaves (R16).
#[test]
fn targets_on_the_wrong_side_are_refused_with_the_order_r16() {
    let desk = desk();
    let with = |stop: &str| {
        let rule = TargetRule::Prices(Targets { stop: Some(p(stop)), take: None });
        Command::open(desk.id, Side::Long, q("1")).rule(rule).at(p("100"))
    };
    assert!(desk.book.check(with("99")).is_ok());
    assert!(desk.book.check(with("101")).is_err());
}

/// An exit's order says what fired it.
#[test]
fn the_order_of_an_exit_names_what_fired_r16() {
    let desk = desk_of(Book::builder().default_rule(TargetRule::stop_fraction("0.05".parse().unwrap())));
    desk.buy("in", "1", "100");
    let view = desk.book.snapshot();
    let position = view.get(desk.id).unwrap();
    let rule = ExitRule::StopLoss(position.stop_loss().unwrap());
    let exit = Exit { position: position.id, rule, mark: Some(p("95")) };
    let close = desk.book.reserve(Command::exit(desk.id, exit)).unwrap();
    assert_eq!(close.order().exit, Some(exit));
}

/// Content is what was seen, too: two books that saw different trades are different books, whatever they came to (I5).
#[test]
fn the_digest_knows_which_fills_were_seen_i5() {
    let digest = |name: &str| {
        let desk = desk_of(Book::builder().identity(1, 1));
        desk.buy(name, "1", "100");
        desk.book.snapshot().digest()
    };
    assert_eq!(digest("a"), digest("a"));
    assert_ne!(digest("a"), digest("b"));
}

/// The scale of money may change while none has moved and no order is under way, and not while one is (R18).
#[test]
fn the_money_scale_changes_only_while_nothing_is_under_way_r18() {
    let desk = desk();
    let scaled = |scale| {
        let spec = InstrumentSpec::linear("BTC/USDT:USDT", "0.1", "0.1").unwrap();
        desk.book.register(Instrument::new(InstrumentSpec { money_scale: scale, ..spec }).unwrap())
    };
    let claim = desk.book.reserve(Command::open(desk.id, Side::Long, q("1")).at(p("100"))).unwrap();
    assert!(scaled(9).is_err(), "an order is under way");
    claim.release();
    assert!(scaled(9).is_ok(), "nothing was ever booked");
}

/// The order of an open that filled for another life stays the order of its own (R5).
#[test]
fn an_open_belongs_to_the_life_it_opened_r5() {
    let desk = desk();
    let order =
        desk.book.reserve(Command::open(desk.id, Side::Long, q("3")).at(p("100"))).unwrap().sent().unwrap();
    desk.record(desk.trade("1", OrderSide::Buy, "1", "100").order(order.client_id()));
    let first = desk.book.snapshot().get(desk.id).unwrap().id;
    desk.record(desk.trade("2", OrderSide::Sell, "1", "100"));
    desk.buy("3", "1", "100");
    for name in ["4", "5"] {
        let late = desk.record(desk.trade(name, OrderSide::Buy, "1", "100").order(order.client_id()));
        assert!(
            matches!(&late, FillOutcome::Booked { notes } if notes.contains(&FillNote::OtherLife)),
            "{late:?}"
        );
        assert_eq!(desk.book.reservations()[0].against, Some(first));
    }
}

/// Only an order that was to open gives a position its plan: a scale-in that finds its position gone brings the book's (R5).
#[test]
fn a_scale_in_that_opens_is_protected_by_the_book_s_rule_r5() {
    let plan = ExitPlan::default().trailing("0".parse().unwrap(), "0.02".parse().unwrap());
    let rule = TargetRule::stop_fraction("0.05".parse().unwrap());
    let desk = desk_of(Book::builder().default_exits(plan.clone()).default_rule(rule));
    desk.buy("in", "1", "100");
    let more = desk.book.reserve(Command::scale_in(desk.id, q("1")).at(p("100"))).unwrap().sent().unwrap();
    desk.record(desk.trade("out", OrderSide::Sell, "1", "100"));
    desk.record(desk.trade("late", OrderSide::Buy, "1", "100").order(more.client_id()));
    let view = desk.book.snapshot();
    let position = view.get(desk.id).unwrap();
    assert_eq!(position.exits.as_deref(), Some(&plan));
    assert_eq!(position.targets_from, TargetOrigin::Default);
}

/// What finished an order was what its figure said, the fill that reached it included (R2).
#[test]
fn an_earlier_figure_of_a_finished_order_is_no_news_r2() {
    let desk = desk();
    let order =
        desk.book.reserve(Command::open(desk.id, Side::Long, q("1")).at(p("100"))).unwrap().sent().unwrap();
    let name = order.client_id();
    let so_far = |quantity: &str| Fill::cumulative(desk.id, name, OrderSide::Buy, q(quantity), p("100"));
    desk.record(so_far("0.4"));
    order.complete(q("1")).unwrap();
    desk.record(so_far("1"));
    assert!(desk.book.reservations().is_empty());
    assert_eq!(desk.record(so_far("0.8")), FillOutcome::Duplicate);
}

/// An order that ended without a fill vouches for nothing: an old fill of it may be new, and nobody can tell (R3).
#[test]
fn an_order_that_never_filled_says_nothing_of_an_old_fill_r3() {
    let desk = desk();
    let order =
        desk.book.reserve(Command::open(desk.id, Side::Long, q("1")).at(p("100"))).unwrap().sent().unwrap();
    let name: ClientOrderId = order.client_id();
    order.refused(q("0"), "cancelled").unwrap();
    for n in 0..300_u32 {
        let side = if n % 2 == 0 { OrderSide::Buy } else { OrderSide::Sell };
        let time = Timestamp::from_millis(1_000 + i64::from(n));
        desk.record(desk.trade(&format!("f{n}"), side, "1", "100").at(time));
    }
    let old = desk.trade("old", OrderSide::Buy, "1", "100").order(name).at(Timestamp::from_millis(1_001));
    assert_eq!(desk.record(old), FillOutcome::TooOldToTell);
}

/// A rule beyond the book's limit is none, also for what the venue already has: it is unprotected, and visibly so (R5).
#[test]
fn an_adoption_s_rule_is_held_to_the_limit_r5() {
    for (stop, protected) in [("0.05", true), ("0.5", false)] {
        let limits = Limits { stop_fraction: "0.1".parse().unwrap(), ..Limits::default() };
        let desk = desk_of(Book::builder().limits(limits));
        desk.book.mark(desk.id, p("100")).unwrap();
        let found = Adoption {
            key: desk.id.into(),
            side: Side::Long,
            quantity: q("1"),
            entry: p("100"),
            leverage: None,
            rule: Some(TargetRule::stop_fraction(stop.parse().unwrap())),
            asked: desk.book.snapshot().sequence(),
            report_time: Some(Timestamp::from_millis(1)),
        };
        desk.book.apply(Command::Adopt(found)).unwrap();
        let stands = desk.book.snapshot().get(desk.id).unwrap().stop_loss();
        assert_eq!((stands.is_some(), desk.troubles().is_empty()), (protected, protected), "{stop}");
    }
}

/// A refusal names the side and the leg that do not fit (R12).
#[test]
fn a_side_on_the_other_leg_is_named_r12() {
    let book = Book::builder().build().unwrap();
    let spec = InstrumentSpec::linear("BTC/USDT:USDT", "0.1", "0.1").unwrap();
    let id = book
        .register(Instrument::new(InstrumentSpec { mode: PositionMode::Hedge, ..spec }).unwrap())
        .unwrap();
    for (leg, side, says) in [
        (posbook::Leg::Short, Side::Long, "a long on the short leg"),
        (posbook::Leg::Long, Side::Short, "a short on the long leg"),
    ] {
        let key = posbook::PositionKey { leg, ..id.into() };
        let refused = book.check(Command::open(key, side, q("1")).at(p("100"))).unwrap_err().to_string();
        assert!(refused.contains(says), "{refused}");
    }
}

/// What a sell leaves is a quantity that can be stored and read back, or the sell is kept unbooked: never a position that is
/// out of bounds, and never one that did not move (R4, I11).
#[test]
fn what_a_reduction_leaves_is_a_quantity_or_the_fill_is_kept_r4() {
    let desk = desk();
    desk.buy("in", "100", "100");
    let sold = desk.record(desk.trade("out", OrderSide::Sell, "0.123456789012345678", "100"));
    assert!(matches!(sold, FillOutcome::Unbooked { .. }), "{sold:?}");
    assert_eq!(desk.book.snapshot().get(desk.id).unwrap().quantity, q("100"));

    let book = Book::builder().build().unwrap();
    let spec = InstrumentSpec::linear("SPREAD/USDT:USDT", "0.1", "0.1").unwrap();
    let spec = InstrumentSpec { prices: posbook::PriceSign::Any, ..spec };
    let id = book.register(Instrument::new(spec).unwrap()).unwrap();
    let trade = |name: &str, side, quantity: &str| {
        let fill = Fill::trade(id, name.parse().unwrap(), side, q(quantity), p("0"));
        book.record(fill).unwrap().outcome
    };
    assert!(matches!(trade("in", OrderSide::Buy, "100000000000"), FillOutcome::Booked { .. }));
    let sold = trade("out", OrderSide::Sell, "0.000000000000000001");
    assert!(matches!(sold, FillOutcome::Unbooked { .. }), "{sold:?}");
}

/// What is in flight elsewhere may fill the digits of the book's sums: a fill is kept all the same (R4).
#[test]
fn a_fill_is_kept_though_the_sums_are_full_r4() {
    let desk = desk();
    let other = desk.book.register(Instrument::linear("ETH/USDT:USDT", "0.1", "0.01").unwrap()).unwrap();
    let huge = Command::open(desk.id, Side::Long, q("9000000000000000000")).at(p("800000000"));
    let _first = desk.book.reserve(huge).unwrap().sent().unwrap();
    let order =
        desk.book.reserve(Command::open(other, Side::Long, q("1")).at(p("1"))).unwrap().sent().unwrap();
    let fill =
        Fill::trade(other, "t".parse().unwrap(), OrderSide::Buy, q("0.01"), p("1")).order(order.client_id());
    let outcome = desk.book.record(fill).unwrap().outcome;
    assert!(matches!(outcome, FillOutcome::Unbooked { .. }), "{outcome:?}");
}
