//! Wrong input and misuse: each case is an answer that names the value and the rule, and leaves the book as it was
//! (I12). What only looks wrong, a fill, is booked or kept, and flagged: money moved (R4).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use posbook::{
    Adoption, Book, ClientOrderId, Clock, Command, DropPosition, Exit, ExitRule, Fill, FillNote, FillOutcome,
    GroupLimit, GroupName, Instrument, InstrumentId, InstrumentSpec, Lagged, Leg, Limits, OrderSide,
    OrderState, OrderStep, Owner, PositionId, PositionKey, PositionMode, Quantity, Reason, Rejection,
    Selection, Sent, Sequence, Side, Tag, Tags, TargetRule, Timestamp, TroubleKind,
};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

fn btc() -> Instrument {
    Instrument::linear("BTC/USDT:USDT", "0.1", "0.001").unwrap()
}

fn book() -> (Book, InstrumentId) {
    let book =
        Book::builder().default_rule(TargetRule::stop_fraction("0.05".parse().unwrap())).build().unwrap();
    let id = book.register(btc()).unwrap();
    (book, id)
}

fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

fn trade(id: InstrumentId, name: &str, side: OrderSide, amount: &str, price: &str) -> Fill {
    Fill::trade(id, name.parse().unwrap(), side, quantity(amount), price.parse().unwrap())
}

/// A book that is long 1 @ 100.
fn long() -> (Book, InstrumentId) {
    let (book, id) = book();
    book.record(trade(id, "first", OrderSide::Buy, "1", "100")).unwrap();
    (book, id)
}

fn open(id: InstrumentId, amount: &str) -> posbook::Opening {
    Command::open(id, Side::Long, quantity(amount)).at("100".parse().unwrap())
}

fn sent(book: &Book, wish: impl Into<Command>) -> Sent {
    book.reserve(wish).unwrap().sent().unwrap()
}

/// The command is refused, the message holds every one of these words, and nothing changed (I12).
fn refused(book: &Book, wish: impl Into<Command>, words: &[&str]) -> Rejection {
    let (wish, before) = (wish.into(), book.snapshot().digest());
    let reserves =
        matches!(wish, Command::Open(_) | Command::ScaleIn(_) | Command::ScaleOut(_) | Command::Close(_));
    let rejection =
        if reserves { book.reserve(wish.clone()).map(drop) } else { book.apply(wish.clone()).map(drop) };
    let rejection = rejection.unwrap_err();
    let text = rejection.to_string();
    for word in words {
        assert!(text.contains(word), "{text:?} does not name {word:?}");
    }
    assert_eq!(rejection.command(), Some(&wish), "the command is handed back");
    assert_eq!(before, book.snapshot().digest(), "I12: {text}");
    rejection
}

#[test]
fn amounts_that_no_order_has_are_refused_d24() {
    let (book, id) = book();
    refused(&book, open(id, "0"), &["BTC/USDT:USDT", "Invalid amount", "0", "positive"]);
    refused(&book, open(id, "0.0005"), &["Invalid amount", "0.0005", "step 0.001"]);
    let spec = InstrumentSpec {
        minimum: quantity("0.01"),
        ..InstrumentSpec::linear("ETH/USDT", "0.1", "0.001").unwrap()
    };
    let eth = book.register(Instrument::new(spec).unwrap()).unwrap();
    refused(&book, open(eth, "0.005"), &["Invalid amount", "0.005", "minimum 0.01"]);
    for text in ["-1", "NaN", "inf", "1e400", "0.0000000000000000001", "99999999999999999999"] {
        let refused = text.parse::<Quantity>().unwrap_err();
        assert!(refused.to_string().contains("Invalid amount"), "{refused}");
    }
}

#[test]
fn leverage_is_legal_from_1_to_125_both_included() {
    let (book, id) = book();
    for legal in [1, 125] {
        drop(book.reserve(open(id, "1").leverage(legal)).unwrap());
    }
    for illegal in [0, 126, u16::MAX] {
        refused(
            &book,
            open(id, "1").leverage(illegal),
            &["Invalid leverage", &illegal.to_string(), "between 1 and"],
        );
    }
}

#[test]
fn a_stop_fraction_is_strictly_between_0_and_1() {
    let (book, id) = book();
    for illegal in ["0", "1", "1.5"] {
        refused(
            &book,
            open(id, "1").stop(illegal).unwrap(),
            &["Invalid stop loss", illegal, "above 0 and below 1"],
        );
    }
    for text in ["-0.05", "NaN", "5%", "11"] {
        assert!(open(id, "1").stop(text).is_err(), "{text}");
    }
    drop(book.reserve(open(id, "1").stop("0.001").unwrap()).unwrap());
}

#[test]
fn a_target_on_the_wrong_side_of_the_market_names_both_prices_d30() {
    let (book, id) = long();
    let stop = |text: &str| Command::retarget(id).stop(text.parse().unwrap());
    let take = |text: &str| Command::retarget(id).take(text.parse().unwrap());
    refused(&book, stop("101"), &["Invalid stop loss", "101", "below", "100"]);
    refused(&book, stop("100"), &["Invalid stop loss", "100", "below"]);
    refused(&book, take("99"), &["Invalid take profit", "99", "above", "100"]);
    // With a mark, the market decides, not the entry.
    book.mark(id, "120".parse().unwrap()).unwrap();
    book.apply(stop("110")).unwrap();
    refused(&book, stop("121"), &["121", "120"]);
    let again = refused(&book, stop("105"), &["loosen", "110"]);
    assert_eq!(again.standing().unwrap().stop_loss(), Some("110".parse().unwrap()), "what stands is shown");
    refused(&book, stop("-5"), &["Invalid stop loss", "-5", "positive"]);
    // Both or neither.
    refused(
        &book,
        Command::retarget(id).stop("115".parse().unwrap()).take("90".parse().unwrap()),
        &["take profit", "90"],
    );
}

#[test]
fn what_stands_in_the_way_is_named() {
    let (book, id) = long();
    let there = refused(&book, open(id, "1"), &["already exists", "long", "1"]);
    assert_eq!(there.standing().unwrap().quantity, quantity("1"));
    refused(&book, Command::scale_out(id, quantity("1.001")), &["1.001", "1 is left"]);
    let held = book.reserve(Command::scale_out(id, quantity("0.6"))).unwrap();
    refused(&book, Command::scale_out(id, quantity("0.6")), &["0.6", "0.4 is left"]);
    drop(held);
    let closing = sent(&book, Command::close(id));
    refused(&book, Command::close(id), &["reserved by order", &closing.client_id().to_string()]);
    refused(&book, Command::scale_in(id, quantity("1")).at("100".parse().unwrap()), &["closing"]);

    let flat = PositionKey { owner: Owner(3), ..id.into() };
    refused(&book, Command::close(flat), &["no position", "owner 3"]);
    refused(&book, Command::scale_out(flat, quantity("1")), &["no position"]);
    refused(&book, Command::retarget(flat).stop("90".parse().unwrap()), &["no position"]);
    refused(&book, Command::scale_in(flat, quantity("1")).at("100".parse().unwrap()), &["no position"]);
    refused(&book, open(InstrumentId(99), "1"), &["unknown instrument", "99"]);
    refused(
        &book,
        Command::open(PositionKey { leg: Leg::Long, ..id.into() }, Side::Long, quantity("1"))
            .at("100".parse().unwrap()),
        &["long leg"],
    );
}

#[test]
fn an_unknown_symbol_lists_what_comes_near_d29() {
    let (book, _) = book();
    for asked in ["btc/usdt:usdt", "BTCUSDT", "BTC-USDT"] {
        let text = book.instrument(asked).unwrap_err().to_string();
        assert!(text.contains(asked) && text.contains("BTC/USDT:USDT"), "{text}");
    }
    let long = "X".repeat(10_000_000);
    assert!(book.instrument(&long).unwrap_err().to_string().len() < 300);
    assert!(book.instrument("").is_err());
}

#[test]
fn a_command_at_the_wrong_door_is_sent_to_the_right_one() {
    let (book, id) = long();
    let before = book.snapshot().digest();
    assert!(book.apply(Command::close(id)).unwrap_err().to_string().contains("Book::reserve"));
    assert!(book.reserve(Command::Expire).unwrap_err().to_string().contains("Book::apply"));
    assert_eq!(before, book.snapshot().digest());
}

#[test]
fn an_order_that_is_over_or_of_another_book_is_refused_by_its_state_i7() {
    let (book, id) = book();
    let order = sent(&book, open(id, "1"));
    let (name, key) = (order.client_id(), order.order().key);
    order.refused(Quantity::ZERO, "no margin").unwrap();
    let step = |order, step| Command::Step { key, order, step };
    for again in [
        OrderStep::Sent,
        OrderStep::Release,
        OrderStep::Complete { filled: quantity("1") },
        OrderStep::Doubt { why: "?".into() },
    ] {
        refused(&book, step(name, again), &[&name.to_string(), "finished"]);
    }
    let foreign = ClientOrderId { book: name.book.wrapping_add(1), ..name };
    refused(
        &book,
        step(foreign, OrderStep::Complete { filled: quantity("1") }),
        &["no order", &foreign.to_string()],
    );
    assert!(matches!(book.reattach(foreign).unwrap_err().reason(), Reason::UnknownOrder { .. }));
    assert!(book.reattach(name).is_err());
    // Before it left, the venue cannot have said anything.
    let reserved = book.reserve(open(id, "1")).unwrap();
    refused(
        &book,
        step(reserved.client_id(), OrderStep::Complete { filled: Quantity::ZERO }),
        &["reserved", "complete"],
    );
    assert!(book.reattach(reserved.client_id()).is_err(), "its holder still has it");
}

#[test]
fn a_final_figure_below_what_is_booked_is_refused_and_leaves_a_doubt() {
    let (book, id) = book();
    let order = sent(&book, open(id, "1"));
    let name = order.client_id();
    book.record(trade(id, "t", OrderSide::Buy, "0.7", "100").order(name)).unwrap();
    let refused = order.complete(quantity("0.5")).unwrap_err().to_string();
    assert!(refused.contains("0.5") && refused.contains("0.7"), "{refused}");
    assert!(book.reservations()[0].in_doubt());
    book.reattach(name).unwrap().complete(quantity("0.7")).unwrap();
    assert!(book.reservations().is_empty());
}

#[test]
fn an_exit_that_no_longer_stands_and_a_stale_precondition_are_refused() {
    let (book, id) = long();
    let position = book.snapshot().get(id).unwrap().clone();
    let other = PositionId { epoch: position.id.epoch, sequence: Sequence(999) };
    refused(
        &book,
        Command::close(id).expect_position(other),
        &["decided against position", &position.id.to_string()],
    );
    refused(&book, Command::close(id).expect_revision(Sequence(1)), &["revision 1"]);
    let exit = Exit {
        position: position.id,
        rule: ExitRule::StopLoss("1".parse().unwrap()),
        mark: Some("1".parse().unwrap()),
    };
    refused(&book, Command::close(id).exit(exit), &["stop loss", "no longer stands"]);
    let gone = |position, asked| {
        Command::Drop(DropPosition {
            key: id.into(),
            position,
            asked,
            report_time: None,
            reason: "gone".into(),
        })
    };
    refused(&book, gone(other, book.snapshot().sequence()), &["decided against position"]);
    refused(&book, gone(position.id, Sequence(1)), &["asked at sequence 1"]);
}

#[test]
fn a_mark_is_noted_of_the_life_that_was_meant_and_of_nothing_else_r11() {
    let (book, id) = long();
    let position = book.snapshot().get(id).unwrap().id;
    let other = PositionId { epoch: position.epoch, sequence: Sequence(999) };
    let reach = |key: PositionKey, position| Command::Reach { key, position };
    let at = PositionKey::net(id);
    refused(&book, reach(at, position), &["BTC/USDT:USDT", "mark is stale or missing"]);
    book.mark(id, "101".parse().unwrap()).unwrap();
    refused(&book, reach(at, other), &["decided against position", &position.to_string()]);
    refused(
        &book,
        reach(PositionKey { owner: Owner(7), ..at }, position),
        &["decided against position", "nothing stands there"],
    );
    refused(&book, reach(PositionKey { leg: Leg::Long, ..at }, position), &["long leg"]);
    refused(&book, reach(PositionKey::net(InstrumentId(77)), position), &["77"]);
    assert!(book.apply(reach(at, position)).unwrap().publication.is_some());
}

#[test]
fn tags_that_are_no_names_and_the_ninth_are_refused_with_the_value_and_the_rule() {
    let (book, id) = long();
    let long = "x".repeat(33);
    for (wrong, rule) in [
        ("", "is empty"),
        (" grid", "outer spaces"),
        ("grid\u{a0}", "outer spaces"),
        ("gr\u{200b}id", "zero-width"),
        ("gr\nid", "control"),
        (&long, "a tag or a group's name 32"),
    ] {
        let why = open(id, "1").tag(wrong).unwrap_err().to_string();
        assert!(why.contains("Invalid tag") && why.contains(rule), "{why}");
        let why = wrong.parse::<GroupName>().unwrap_err().to_string();
        assert!(why.contains("Invalid name of a group") && why.contains(rule), "{why}");
    }
    assert!("x".repeat(32).parse::<Tag>().is_ok());
    let eight = (0..8).try_fold(open(id, "1"), |wish, n| wish.tag(&format!("t{n}"))).unwrap();
    // One that is there already is no ninth.
    assert_eq!(eight.clone().tag("t3").unwrap().tags, eight.tags);
    let ninth = eight.tag("t8").unwrap_err().to_string();
    assert!(ninth.contains("Invalid number of tags: 9 must be at most 8"), "{ninth}");
    assert!(Tags::new((0..10_000).map(|n| format!("t{n}").parse::<Tag>().unwrap())).is_err());

    let night = Tags::none().and("night".parse().unwrap()).unwrap();
    let retag = |key: PositionKey| Command::tag(key, night.clone());
    let at = PositionKey::net(id);
    refused(&book, retag(PositionKey { owner: Owner(7), ..at }), &["no position"]);
    refused(&book, retag(PositionKey { leg: Leg::Long, ..at }), &["long leg"]);
    refused(&book, retag(PositionKey::net(InstrumentId(77))), &["77"]);
    refused(&book, retag(at).expect_revision(Sequence(1)), &["revision 1"]);
    assert!(book.apply(retag(at)).unwrap().publication.is_some());
}

#[test]
fn limits_of_groups_that_make_no_sense_are_refused_and_those_of_nothing_limit_nothing() {
    let name = |text: &str| -> GroupName { text.parse().unwrap() };
    let whole = |text: &str| GroupLimit::new(name(text), Selection::everything());
    let built =
        |groups: Vec<GroupLimit>| Book::builder().limits(Limits { groups, ..Limits::default() }).build();
    let why = |groups| built(groups).unwrap_err().to_string();
    let twice = why(vec![whole("a").positions(1), whole("b").positions(1), whole("a").positions(2)]);
    assert!(twice.contains("\"a\" is the name of two groups"), "{twice}");
    let nothing = why(vec![whole("a")]);
    assert!(nothing.contains("\"a\" limits nothing"), "{nothing}");
    let negative = why(vec![whole("a").notional("-1".parse().unwrap())]);
    assert!(negative.contains("Invalid notional of a group: -1 must not be below 0"), "{negative}");
    let many = |n: usize| (0..n).map(|n| whole(&format!("g{n}")).positions(9)).collect::<Vec<_>>();
    let most = why(many(65));
    assert!(most.contains("Invalid number of limited groups: 65 must be at most 64"), "{most}");
    // All of them are asked.
    let mut groups = many(64);
    groups[63].positions = Some(0);
    let book = built(groups).unwrap();
    let id = book.register(btc()).unwrap();
    refused(&book, open(id, "1"), &["limit positions of the group g63: 1 would exceed 0"]);
    // A group of keys that do not exist, and of a tag that nobody carries.
    let missing = [PositionKey::net(InstrumentId(99))];
    let book = built(vec![
        GroupLimit::new(name("keys"), Selection::everything().keys(missing)).positions(0),
        GroupLimit::new(name("tag"), Selection::everything().tag("nobody".parse().unwrap())).positions(0),
    ]);
    let book = book.unwrap();
    let id = book.register(btc()).unwrap();
    assert!(book.reserve(open(id, "1")).is_ok());
}

#[test]
fn an_adoption_that_is_stale_or_impossible_is_refused_r8() {
    let (book, id) = long();
    let found = |amount: &str, entry: &str, asked| Adoption {
        key: id.into(),
        side: Side::Long,
        quantity: quantity(amount),
        entry: entry.parse().unwrap(),
        leverage: None,
        rule: None,
        asked,
        report_time: None,
    };
    let now = book.snapshot().sequence();
    refused(&book, Command::Adopt(found("1", "100", Sequence(0))), &["asked at sequence 0"]);
    refused(&book, Command::Adopt(found("1", "100", now)), &["already exists"]);
    refused(&book, Command::Adopt(found("0", "100", now)), &["Invalid amount"]);
    refused(&book, Command::Adopt(found("1", "-100", now)), &["-100", "positive"]);
}

#[test]
fn a_fill_of_nothing_is_no_fill_d28() {
    let (book, id) = book();
    let before = book.snapshot().digest();
    let refused = book.record(trade(id, "t", OrderSide::Buy, "0", "100")).unwrap_err();
    assert!(refused.to_string().contains("no quantity"), "{refused}");
    assert!(matches!(refused.command(), Some(Command::Record(_))));
    assert_eq!(before, book.snapshot().digest());
    // Neither an unknown side nor a missing trade id is ever made into something (D28).
    for json in ["\"hold\"", "\"\"", "null", "0", "\"Buy \""] {
        assert!(
            serde_json::from_str::<OrderSide>(json).is_err() && serde_json::from_str::<Side>(json).is_err(),
            "{json}"
        );
    }
    assert!("".parse::<posbook::Reference>().is_err());
}

fn troubles(book: &Book, id: InstrumentId) -> Vec<TroubleKind> {
    book.snapshot().key(id).unwrap().troubles.iter().map(|t| t.kind).collect()
}

#[test]
fn a_fill_for_a_quarantined_key_is_booked_and_new_risk_stays_refused_r4() {
    let (book, id) = long();
    book.apply(Command::Quarantine {
        key: id.into(),
        why: "sizes differ".into(),
        asked: Some(book.snapshot().sequence()),
    })
    .unwrap();
    assert!(matches!(
        book.record(trade(id, "t", OrderSide::Buy, "1", "110")).unwrap().outcome,
        FillOutcome::Booked { .. }
    ));
    assert_eq!(book.snapshot().get(id).unwrap().quantity, quantity("2"));
    refused(
        &book,
        Command::scale_in(id, quantity("1")).at("100".parse().unwrap()),
        &["blocked", "sizes differ"],
    );
    // Getting out is never blocked.
    drop(book.reserve(Command::close(id)).unwrap());
    book.apply(Command::Accept { key: id.into(), reason: "checked by hand".into() }).unwrap();
    drop(book.reserve(Command::scale_in(id, quantity("1")).at("100".parse().unwrap())).unwrap());
}

#[test]
fn a_fill_for_a_key_in_doubt_is_booked_and_does_not_end_the_doubt_r1() {
    let (book, id) = book();
    let order = sent(&book, open(id, "1"));
    let name = order.client_id();
    drop(order);
    book.record(trade(id, "t", OrderSide::Buy, "1", "100").order(name)).unwrap();
    assert_eq!(book.snapshot().get(id).unwrap().quantity, quantity("1"));
    assert!(book.reservations()[0].in_doubt(), "only the venue's word about the order ends it");
    refused(
        &book,
        Command::scale_in(id, quantity("1")).at("100".parse().unwrap()),
        &["in doubt", &name.to_string()],
    );
    book.reattach(name).unwrap().complete(quantity("1")).unwrap();
    assert!(book.reservations().is_empty());
}

#[test]
fn fills_of_unknown_instruments_are_kept_each_once_r3_r4() {
    let (book, id) = book();
    let stray = |n, name: &str| trade(InstrumentId(n), name, OrderSide::Buy, "1", "100");
    assert!(matches!(book.record(stray(70, "1")).unwrap().outcome, FillOutcome::Unbooked { .. }));
    assert_eq!(book.record(stray(70, "1")).unwrap().outcome, FillOutcome::Duplicate);
    // The same trade id on another instrument is another fill, and so is other content.
    assert!(matches!(book.record(stray(71, "1")).unwrap().outcome, FillOutcome::Unbooked { .. }));
    let other = trade(InstrumentId(70), "1", OrderSide::Sell, "1", "100");
    assert!(matches!(book.record(other).unwrap().outcome, FillOutcome::Unbooked { .. }));
    assert_eq!((book.snapshot().totals().strays, book.snapshot().len()), (3, 0));
    assert!(book.snapshot().key(id).is_none());
}

#[test]
fn the_same_identity_with_other_content_is_a_conflict_that_changes_no_quantity_r3() {
    let (book, id) = long();
    let other = trade(id, "first", OrderSide::Buy, "1", "101");
    assert_eq!(book.record(other.clone()).unwrap().outcome, FillOutcome::Conflict);
    let after = book.snapshot();
    assert_eq!(
        (after.get(id).unwrap().cost.to_string(), troubles(&book, id)),
        ("100".into(), vec![TroubleKind::FillConflict])
    );
    // Said once: a venue that repeats it does not fill the book.
    assert_eq!(book.record(other).unwrap().outcome, FillOutcome::Conflict);
    assert_eq!(after.digest(), book.snapshot().digest());
    refused(
        &book,
        Command::scale_in(id, quantity("1")).at("100".parse().unwrap()),
        &["blocked", "other content"],
    );
}

#[test]
fn a_fill_after_its_order_was_final_is_booked_and_flagged_r2() {
    let (book, id) = book();
    let order = sent(&book, open(id, "1"));
    let name = order.client_id();
    order.refused(Quantity::ZERO, "cancelled").unwrap();
    let late = book.record(trade(id, "late", OrderSide::Buy, "1", "100").order(name)).unwrap();
    assert!(matches!(late.outcome, FillOutcome::Booked { notes } if notes.contains(&FillNote::AfterFinal)));
    assert_eq!(book.snapshot().get(id).unwrap().quantity, quantity("1"));
    assert!(troubles(&book, id).contains(&TroubleKind::AfterFinal));
    refused(
        &book,
        Command::scale_in(id, quantity("1")).at("100".parse().unwrap()),
        &["blocked", "after its order was finished"],
    );
}

#[test]
fn a_fill_that_the_ring_forgot_is_neither_booked_nor_dropped_r3_i11() {
    let (book, id) = book();
    let fill =
        |n: i64| trade(id, &n.to_string(), OrderSide::Buy, "0.001", "100").at(Timestamp::from_millis(n));
    for n in 1..=300 {
        assert!(matches!(book.record(fill(n)).unwrap().outcome, FillOutcome::Booked { .. }));
    }
    let before = book.snapshot();
    assert_eq!(before.get(id).unwrap().quantity, quantity("0.3"));
    // The last 128 are known for certain.
    for n in 173..=300 {
        assert_eq!(book.record(fill(n)).unwrap().outcome, FillOutcome::Duplicate, "{n}");
    }
    assert_eq!(before.digest(), book.snapshot().digest());
    assert_eq!(book.record(fill(1)).unwrap().outcome, FillOutcome::TooOldToTell);
    let after = book.snapshot();
    assert_eq!(after.get(id).unwrap().quantity, quantity("0.3"), "never doubled");
    assert_eq!(troubles(&book, id), [TroubleKind::TooOldToTell], "never silently lost");
    assert!(after.key(id).unwrap().troubles[0].detail.contains("trade 1"), "it says which");
    assert_eq!(book.record(fill(1)).unwrap().outcome, FillOutcome::TooOldToTell);
    assert_eq!(after.digest(), book.snapshot().digest(), "and says so once");
    // What is newer goes on being booked.
    assert!(matches!(book.record(fill(301)).unwrap().outcome, FillOutcome::Booked { .. }));
}

#[test]
fn money_that_no_decimal_holds_is_kept_unbooked_and_changes_no_sum_r4_r17() {
    let (book, id) = long();
    let before = book.snapshot().totals().clone();
    // 9.2e18 contracts at 3.6e16 would be 3.3e35.
    let huge = trade(id, "huge", OrderSide::Buy, "9223372036854775807", "36028797018963967");
    let FillOutcome::Unbooked { why } = book.record(huge.clone()).unwrap().outcome else {
        panic!("it was booked")
    };
    assert!(why.contains("28"), "{why}");
    let after = book.snapshot();
    assert_eq!(after.totals().money(&"USDT".parse().unwrap()), before.money(&"USDT".parse().unwrap()));
    assert_eq!(troubles(&book, id), [TroubleKind::Unbooked]);
    assert!(
        after.key(id).unwrap().troubles[0].detail.contains("9223372036854775807 @ 36028797018963967"),
        "nothing of it is lost"
    );
    assert_eq!(book.record(huge).unwrap().outcome, FillOutcome::Duplicate);
    // The quantity's own range, without the money: two halves that fit, a sum that does not.
    let (book, id) = self::book();
    let half = |name| trade(id, name, OrderSide::Buy, "9000000000000000000", "0.00000001");
    assert!(matches!(book.record(half("a")).unwrap().outcome, FillOutcome::Booked { .. }));
    assert!(matches!(book.record(half("b")).unwrap().outcome, FillOutcome::Unbooked { .. }));
    assert_eq!(book.snapshot().get(id).unwrap().quantity, quantity("9000000000000000000"));
}

#[test]
fn a_total_that_no_decimal_holds_refuses_the_last_straw_only_r17() {
    let book = Book::builder().build().unwrap();
    let ids: Vec<_> = (0..12)
        .map(|n| book.register(Instrument::linear(&format!("C{n}/USDT"), "0.1", "0.001").unwrap()).unwrap())
        .collect();
    // 1e28 each: a key holds it, the book's sum only seven of them.
    let outcomes: Vec<_> = ids
        .iter()
        .map(|id| {
            book.record(trade(*id, "t", OrderSide::Buy, "1000000000000000000", "9000000000")).unwrap().outcome
        })
        .collect();
    let booked = outcomes.iter().filter(|o| matches!(o, FillOutcome::Booked { .. })).count();
    let kept = outcomes.iter().filter(|o| matches!(o, FillOutcome::Unbooked { .. })).count();
    assert!(booked >= 1 && kept >= 1 && booked + kept == ids.len(), "{outcomes:?}");
    let view = book.snapshot();
    assert_eq!(view.totals().money(&"USDT".parse().unwrap()).cost, view.iter().map(|p| p.cost).sum());
    assert_eq!((view.len(), view.totals().troubled >= kept), (booked, true));
}

#[test]
fn an_average_that_needs_more_digits_than_there_are_stays_positive_and_conserved_r17() {
    let spec = InstrumentSpec {
        money_scale: 18,
        ..InstrumentSpec::linear("TINY/USDT", "0.000000001", "0.000000001").unwrap()
    };
    let book = Book::builder().build().unwrap();
    let id = book.register(Instrument::new(spec).unwrap()).unwrap();
    let tiny = |name, amount, price| trade(id, name, OrderSide::Buy, amount, price);
    // A product below the money's last place would be nothing: it is kept, not booked at zero.
    let lost = book.record(tiny("a", "0.0000000001", "0.0000000000001")).unwrap();
    assert!(matches!(lost.outcome, FillOutcome::Unbooked { .. }));
    assert!(matches!(
        book.record(tiny("b", "0.000000001", "0.000000001")).unwrap().outcome,
        FillOutcome::Booked { .. }
    ));
    assert!(matches!(book.record(tiny("c", "3", "0.7")).unwrap().outcome, FillOutcome::Booked { .. }));
    let view = book.snapshot();
    let open = view.get(id).unwrap();
    assert!(open.entry_price() > posbook::Decimal::ZERO);
    assert_eq!(view.key(id).unwrap().ledger.cash, -open.cost);
}

#[test]
fn unrealised_profit_that_no_decimal_holds_is_an_answer_not_a_wrong_number() {
    let (book, id) = book();
    book.record(trade(id, "t", OrderSide::Buy, "9000000000000000000", "0.00000001")).unwrap();
    let view = book.snapshot();
    let greatest = "36028797018963967".parse().unwrap();
    assert!(matches!(
        view.get(id).unwrap().unrealised(greatest).unwrap_err().reason(),
        Reason::NumericRange { .. }
    ));
    book.mark(id, greatest).unwrap();
    let reach = Command::Reach { key: id.into(), position: view.get(id).unwrap().id };
    assert!(book.apply(reach).unwrap().publication.is_none(), "nothing is noted of it");
    let worth = book.value(&view);
    assert!(worth.unrealised.is_zero() && worth.stale == [PositionKey::net(id)], "it is named, not summed");
}

#[test]
fn a_clock_that_goes_backwards_breaks_nothing() {
    let clock = Clock::manual(Timestamp::from_millis(1_000_000));
    let book = Book::builder().clock(clock.clone()).build().unwrap();
    let id = book.register(btc()).unwrap();
    book.mark(id, "100".parse().unwrap()).unwrap();
    let order = sent(&book, Command::open(id, Side::Long, quantity("1")));
    for time in [0, -5, i64::MIN, i64::MAX, 1_000_000] {
        clock.set(Timestamp(time));
        let before = book.snapshot().sequence();
        book.record(trade(id, &format!("t{time}"), OrderSide::Buy, "0.001", "100")).unwrap();
        assert!(book.snapshot().sequence() > before, "order is the sequence");
        let _ = (book.fresh_mark(id), book.value(&book.snapshot()), book.mark(id, "100".parse().unwrap()));
        let _ = book.reserve(Command::scale_out(id, quantity("0.001")).patience(std::time::Duration::MAX));
        book.expire();
    }
    assert!(Timestamp(i64::MIN).since(Timestamp(i64::MAX)).is_zero(), "never a negative age");
    drop(order);
}

#[test]
fn marks_that_cannot_be_are_refused_and_a_stale_one_values_nothing_r11() {
    let clock = Clock::manual(Timestamp::from_millis(1_000_000));
    let book = Book::builder().clock(clock.clone()).instruments(2).build().unwrap();
    let id = book.register(btc()).unwrap();
    let price = |text: &str| text.parse().unwrap();
    assert!(book.mark(id, price("0")).unwrap_err().to_string().contains("positive"));
    assert!(book.mark(id, price("-1")).is_err());
    assert!(
        book.mark(InstrumentId(9), price("1")).is_err()
            && book.mark(InstrumentId(u32::MAX), price("-1")).is_err()
    );
    assert_eq!(book.latest(id), None);
    let wish = Command::open(id, Side::Long, quantity("1"));
    refused(&book, wish.clone(), &["BTC/USDT:USDT", "mark is stale or missing"]);
    book.mark(id, price("100")).unwrap();
    drop(book.reserve(wish.clone()).unwrap());
    clock.set(Timestamp::from_millis(1_030_001));
    refused(&book, wish, &["stale"]);
    assert_eq!(book.latest(id).unwrap().price, price("100"), "it is shown, however old");
}

#[test]
fn a_mark_of_an_instrument_that_is_not_registered_yet_is_refused() {
    let book = Book::builder().build().unwrap();
    assert!(
        book.mark(InstrumentId(0), "100".parse().unwrap()).is_err(),
        "it would be the first mark of whatever comes next"
    );
}

#[test]
fn what_is_fixed_about_an_instrument_stays_fixed_r18() {
    let (book, id) = long();
    let spec = || InstrumentSpec::linear("BTC/USDT:USDT", "0.1", "0.001").unwrap();
    let again = |spec: InstrumentSpec, word: &str| {
        let rejection =
            refused(&book, Command::Register(Instrument::new(spec).unwrap()), &["BTC/USDT:USDT", word]);
        assert!(matches!(rejection.reason(), Reason::InstrumentFixed { .. } | Reason::ModeInUse { .. }));
    };
    again(InstrumentSpec { contract_size: quantity("0.01"), ..spec() }, "contract size");
    again(InstrumentSpec { settle: "USDC".parse().unwrap(), ..spec() }, "currency");
    again(InstrumentSpec { money_scale: 4, ..spec() }, "money scale");
    again(InstrumentSpec { mode: PositionMode::Hedge, ..spec() }, "position mode");
    let finer = InstrumentSpec { quantity_step: quantity("0.0001"), ..spec() };
    assert_eq!(book.register(Instrument::new(finer).unwrap()).unwrap(), id, "steps may be revised");
}

#[test]
fn after_a_change_of_mode_no_order_opens_a_leg_that_the_mode_lacks_r12() {
    let (book, id) = long();
    book.record(trade(id, "out", OrderSide::Sell, "1", "100")).unwrap();
    let spec = InstrumentSpec {
        mode: PositionMode::Hedge,
        ..InstrumentSpec::linear("BTC/USDT:USDT", "0.1", "0.001").unwrap()
    };
    book.register(Instrument::new(spec).unwrap()).unwrap();
    refused(&book, open(id, "1"), &["net leg"]);
    drop(
        book.reserve(
            Command::open(PositionKey { leg: Leg::Long, ..id.into() }, Side::Long, quantity("1"))
                .at("100".parse().unwrap()),
        )
        .unwrap(),
    );
}

#[test]
fn a_fill_on_a_leg_that_cannot_be_is_booked_and_quarantines_r12() {
    // A leg that the mode lacks.
    let (one_way, id) = book();
    let fill = trade(id, "t", OrderSide::Buy, "1", "100").leg(Leg::Long);
    let FillOutcome::Booked { notes } = one_way.record(fill).unwrap().outcome else { panic!() };
    assert!(notes.contains(&FillNote::ForeignLeg));
    let key = PositionKey { leg: Leg::Long, ..id.into() };
    assert!(one_way.snapshot().key(key).unwrap().troubles.iter().any(|t| t.kind == TroubleKind::Quarantined));
    // A side that the leg lacks: a short on the long leg.
    let hedge =
        Book::builder().default_rule(TargetRule::stop_fraction("0.05".parse().unwrap())).build().unwrap();
    let spec = InstrumentSpec {
        mode: PositionMode::Hedge,
        ..InstrumentSpec::linear("BTC/USDT:USDT", "0.1", "0.001").unwrap()
    };
    let id = hedge.register(Instrument::new(spec).unwrap()).unwrap();
    let key = PositionKey { leg: Leg::Long, ..id.into() };
    assert!(matches!(
        hedge.record(trade(id, "t", OrderSide::Sell, "1", "100").leg(Leg::Long)).unwrap().outcome,
        FillOutcome::Booked { .. }
    ));
    assert!(
        hedge.snapshot().key(key).unwrap().troubles.iter().any(|t| t.kind == TroubleKind::Quarantined),
        "a short stands on the long leg"
    );
}

#[test]
fn builders_that_make_no_sense_are_refused_and_small_ones_work() {
    let limits = |limits| Book::builder().limits(limits).build();
    assert!(limits(Limits { leverage: 0, ..Limits::default() }).is_err());
    assert!(limits(Limits { stop_fraction: "0".parse().unwrap(), ..Limits::default() }).is_err());
    assert!(limits(Limits { stop_fraction: "1.01".parse().unwrap(), ..Limits::default() }).is_err());
    assert!(Book::builder().instruments(usize::MAX).build().is_err());
    let tiny = Book::builder().instruments(1).window(0).build().unwrap();
    tiny.register(btc()).unwrap();
    let full = tiny.register(Instrument::linear("ETH/USDT", "0.1", "1").unwrap()).unwrap_err();
    assert!(full.to_string().contains("1 instruments"), "{full}");
    assert!(Book::builder().limits(Limits { positions: 0, ..Limits::default() }).build().is_ok_and(|book| {
        let id = book.register(btc()).unwrap();
        book.reserve(open(id, "1")).is_err_and(|refused| refused.to_string().contains("limit positions"))
    }));
}

#[test]
fn a_subscriber_that_never_reads_costs_a_window_and_learns_how_much_it_missed_i10() {
    let (book, id) = book();
    let mut idle = book.changes();
    let from = idle.position();
    let writes = 100_000;
    for n in 0..writes {
        let side = if n % 2 == 0 { OrderSide::Buy } else { OrderSide::Sell };
        book.record(trade(id, &n.to_string(), side, "0.001", "100").at(Timestamp(n + 1))).unwrap();
    }
    let last = book.snapshot().sequence();
    assert_eq!(last.0 - from.0, writes.unsigned_abs());
    let Some(Err(Lagged { missed })) = idle.try_next() else {
        panic!("100,000 changes are beyond any window")
    };
    // From there on nothing is missing, and the window holds what was promised and little more.
    let mut kept = 0;
    while let Some(unit) = idle.try_next() {
        let unit = unit.unwrap();
        assert_eq!(unit.first().0, from.0 + missed + kept + 1);
        kept += unit.len() as u64;
    }
    assert_eq!(missed + kept, last.0 - from.0, "the count is exact");
    assert!((1_024..1_024 + 64).contains(&kept), "{kept}");
}

/// Two subscribers that stay alive. While there is only one in the process, tracing asks the *current thread's* whether
/// an event is wanted, and remembers the no of a test beside this one that has none.
fn listen() {
    static ALIVE: std::sync::OnceLock<[tracing::Dispatch; 2]> = std::sync::OnceLock::new();
    ALIVE.get_or_init(|| [(); 2].map(|()| tracing::Dispatch::new(tracing_subscriber::registry())));
}

/// A subscriber of tracing that does something at every audit event.
struct Doing<F>(F);

impl<S: tracing::Subscriber, F: Fn() + 'static> Layer<S> for Doing<F> {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "posbook::audit" {
            (self.0)();
        }
    }
}

#[test]
fn a_tracing_subscriber_that_panics_does_not_undo_or_hide_what_was_published_d16() {
    let (book, id) = book();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    listen();
    let panics = tracing_subscriber::registry().with(Doing(move || {
        counted.fetch_add(1, SeqCst);
        panic!("the log disk is full");
    }));
    tracing::subscriber::with_default(panics, || {
        let recorded = book.record(trade(id, "t", OrderSide::Buy, "1", "100"));
        assert!(matches!(recorded.unwrap().outcome, FillOutcome::Booked { .. }));
        // A refusal is logged too.
        let refused = catch_unwind(AssertUnwindSafe(|| book.reserve(open(id, "0")).is_err()));
        assert!(refused.unwrap());
        let order = book.reserve(Command::close(id)).unwrap().sent().unwrap();
        drop(order);
    });
    assert!(calls.load(SeqCst) >= 4, "it was called, and panicked, each time");
    assert_eq!(book.snapshot().get(id).unwrap().quantity, quantity("1"));
    assert_eq!(book.snapshot().totals().in_doubt, 1);
}

#[test]
fn a_tracing_subscriber_may_read_and_write_the_book_it_hears_of() {
    let (book, id) = book();
    let eth = book.register(Instrument::linear("ETH/USDT:USDT", "0.1", "0.001").unwrap()).unwrap();
    let (inner, calls) = (book.clone(), AtomicUsize::new(0));
    let seen = Arc::new(AtomicUsize::new(0));
    let sum = Arc::clone(&seen);
    listen();
    let reentrant = tracing_subscriber::registry().with(Doing(move || {
        let call = calls.fetch_add(1, SeqCst);
        if call < 3 {
            sum.fetch_add(inner.snapshot().len(), SeqCst);
            inner.record(trade(eth, &format!("inner-{call}"), OrderSide::Buy, "1", "100")).unwrap();
        }
    }));
    tracing::subscriber::with_default(reentrant, || {
        book.record(trade(id, "t", OrderSide::Buy, "1", "100")).unwrap();
        book.record(trade(id, "u", OrderSide::Buy, "1", "100")).unwrap();
    });
    let view = book.snapshot();
    assert!(seen.load(SeqCst) >= 1, "it saw what it was told of");
    assert_eq!(view.get(id).unwrap().quantity, quantity("2"));
    assert!(view.get(eth).unwrap().quantity >= quantity("2"));
}

#[test]
fn a_snapshot_held_over_many_commits_never_changes_and_blocks_nobody_i8_d10() {
    let (book, id) = long();
    let held = book.snapshot();
    let (digest, before) = (held.digest(), held.get(id).unwrap().clone());
    for n in 0..2_000 {
        book.record(trade(id, &n.to_string(), OrderSide::Buy, "0.001", "101").at(Timestamp(n + 1))).unwrap();
    }
    assert_eq!((held.digest(), held.get(id)), (digest, Some(&before)));
    assert_ne!(book.snapshot().digest(), digest);
}

#[test]
fn a_replica_refuses_changes_that_are_not_the_next_ones_and_stays_as_it_was() {
    let book = Book::builder().build().unwrap();
    let mut changes = book.changes();
    let id = book.register(btc()).unwrap();
    book.record(trade(id, "t", OrderSide::Buy, "1", "100")).unwrap();
    let units: Vec<_> = std::iter::from_fn(|| changes.try_next()).map(Result::unwrap).collect();
    let mut replica = book.replica();
    let before = replica.digest();
    assert!(replica.apply(&units[1][0]).unwrap_err().to_string().contains('2'), "a gap is named");
    assert_eq!(before, replica.digest());
    replica.apply(&units[0][0]).unwrap();
    assert!(replica.apply(&units[0][0]).is_err(), "the same one again");
    replica.apply(&units[1][0]).unwrap();
    assert_eq!(replica.digest(), book.snapshot().digest());
}

#[test]
fn an_adopted_position_that_was_reduced_and_then_explained_keeps_a_sensible_cost_r8() {
    let (book, id) = book();
    let adopted = Adoption {
        key: id.into(),
        side: Side::Long,
        quantity: quantity("1"),
        entry: "50000".parse().unwrap(),
        leverage: None,
        rule: None,
        asked: book.snapshot().sequence(),
        report_time: Some(Timestamp::from_millis(1_000)),
    };
    book.apply(Command::Adopt(adopted)).unwrap();
    book.record(trade(id, "out", OrderSide::Sell, "0.99", "50000").at(Timestamp::from_millis(2_000)))
        .unwrap();
    // The fill behind the adoption was cheaper: one contract at 40,000, of which 0.01 is still open.
    book.record(trade(id, "in", OrderSide::Buy, "1", "40000").at(Timestamp::from_millis(500))).unwrap();
    let view = book.snapshot();
    let open = view.get(id).unwrap();
    assert!(open.cost > posbook::Decimal::ZERO, "0.01 contracts cost {}", open.cost);
    assert_eq!(open.entry_price().to_string(), "40000");
    assert_eq!(view.key(id).unwrap().ledger.realised.normalize().to_string(), "9900");
}

#[test]
fn a_late_smaller_cumulative_figure_of_a_settled_order_is_no_news_r2() {
    let (book, id) = book();
    let order = sent(&book, open(id, "1"));
    let figure = |amount: &str| {
        Fill::cumulative(id, order.client_id(), OrderSide::Buy, quantity(amount), "100".parse().unwrap())
    };
    let (whole, part) = (figure("1"), figure("0.3"));
    book.record(whole).unwrap();
    order.complete(quantity("1")).unwrap();
    let before = book.snapshot().digest();
    assert_eq!(
        book.record(part).unwrap().outcome,
        FillOutcome::Duplicate,
        "1 is booked; 0.3 of it is not new"
    );
    assert_eq!(before, book.snapshot().digest());
}

#[test]
fn a_reservation_that_filled_before_it_was_sent_is_not_lost_r6() {
    let (book, id) = book();
    let reservation = book.reserve(open(id, "1")).unwrap();
    let name = reservation.client_id();
    book.record(trade(id, "t", OrderSide::Buy, "0.4", "100").order(name)).unwrap();
    drop(reservation);
    let orders = book.reservations();
    assert_eq!(orders.len(), 1, "the venue has it: there is nothing to release");
    assert!(matches!(orders[0].state, OrderState::Working | OrderState::InDoubt(_)));
    book.reattach(name).unwrap().complete(quantity("0.4")).unwrap();
}
