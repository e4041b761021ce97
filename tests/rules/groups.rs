//! R13 and R5, of groups: a tag goes with the order and the position that it opens, and a group has no more room than its limit
//! says. Without it: two strategies of one account each stay within their own share, and the coin that both are in twice over.

use posbook::{
    Book, Command, FillOutcome, GroupLimit, GroupName, Limits, OrderSide, Owner, PositionKey, Reason,
    Rejection, Selection, Sequence, Side, Tag, Tags,
};

use crate::help::{Alone, alone, alone_with, trade};
use crate::stage::{p, q};

fn tag(name: &str) -> Tag {
    name.parse().unwrap()
}

fn tags(names: &[&str]) -> Tags {
    Tags::new(names.iter().map(|name| tag(name))).unwrap()
}

fn grid() -> GroupLimit {
    GroupLimit::new("grid".parse().unwrap(), Selection::everything().tag(tag("grid")))
}

fn limited(groups: impl IntoIterator<Item = GroupLimit>) -> Alone {
    let limits = Limits { groups: groups.into_iter().collect(), ..Limits::default() };
    alone_with(Book::builder().limits(limits))
}

/// An order for a long of the grid.
fn open(id: impl Into<PositionKey>, quantity: &str) -> posbook::Opening {
    Command::open(id, Side::Long, q(quantity)).at(p("1000")).tag("grid").unwrap()
}

/// A long of the grid, bought at 1,000.
fn long(alone: &Alone, id: posbook::InstrumentId, quantity: &str) {
    let order = alone.book.reserve(open(id, quantity)).unwrap().sent().unwrap();
    let name = format!("open-{}", order.client_id());
    alone.record(trade(id, &name, OrderSide::Buy, quantity, "1000").order(order.client_id()));
    order.complete(q(quantity)).unwrap();
}

/// Which limit of which group, the value, and the limit.
fn full(refused: &Rejection) -> (String, &'static str, String, String) {
    match refused.reason() {
        Reason::GroupLimit { group, which, value, limit } => {
            (group.to_string(), *which, value.normalize().to_string(), limit.to_string())
        }
        other => panic!("{other}"),
    }
}

fn refusal(
    group: &str,
    which: &'static str,
    value: &str,
    limit: &str,
) -> (String, &'static str, String, String) {
    (group.to_owned(), which, value.to_owned(), limit.to_owned())
}

fn tagged(alone: &Alone, id: posbook::InstrumentId) -> String {
    alone.book.snapshot().get(id).map_or_else(|| "flat".to_owned(), |open| open.tags.to_string())
}

// ---- tags

#[test]
fn a_tag_goes_with_the_order_to_its_position_whichever_way_the_fill_comes() {
    let alone = alone();
    // The fill comes before anybody has heard that the order arrived, and its holder is gone.
    let id = alone.book.reserve(open(alone.btc, "2").tag("night").unwrap()).unwrap().sent().unwrap().detach();
    alone.record(trade(alone.btc, "1", OrderSide::Buy, "0.5", "1000").order(id));
    assert_eq!(tagged(&alone, alone.btc), "grid, night");
    // Closed in between: what comes late opens another life, of the same order.
    alone.record(trade(alone.btc, "2", OrderSide::Sell, "0.5", "1000"));
    assert_eq!(tagged(&alone, alone.btc), "flat");
    alone.record(trade(alone.btc, "3", OrderSide::Buy, "1.5", "1000").order(id));
    assert_eq!(tagged(&alone, alone.btc), "grid, night");
    alone.folds();
}

#[test]
fn what_adds_takes_off_or_is_noted_leaves_the_tags_as_they_are() {
    let alone = alone();
    long(&alone, alone.btc, "1");
    let add = alone.book.reserve(Command::scale_in(alone.btc, q("1"))).unwrap().sent().unwrap();
    alone.record(trade(alone.btc, "2", OrderSide::Buy, "1", "1000").order(add.client_id()));
    add.complete(q("1")).unwrap();
    alone.record(trade(alone.btc, "3", OrderSide::Sell, "0.5", "1000"));
    let position = alone.book.snapshot().get(alone.btc).unwrap().id;
    alone.book.apply(Command::Reach { key: alone.btc.into(), position }).unwrap();
    assert_eq!((alone.stands(alone.btc).as_str(), tagged(&alone, alone.btc).as_str()), ("long 1.5", "grid"));
}

#[test]
fn what_no_order_of_ours_opened_has_no_tag() {
    let alone = alone();
    alone.record(trade(alone.btc, "1", OrderSide::Buy, "1", "1000"));
    assert_eq!(tagged(&alone, alone.btc), "");
    // A stranger's trade goes through zero: the short is not what the grid opened.
    long(&alone, alone.eth, "1");
    alone.record(trade(alone.eth, "2", OrderSide::Sell, "3", "1000"));
    assert_eq!((alone.stands(alone.eth).as_str(), tagged(&alone, alone.eth).as_str()), ("short 2", ""));
    let found = posbook::Adoption {
        key: PositionKey { owner: Owner(3), ..PositionKey::net(alone.btc) },
        side: Side::Long,
        quantity: q("1"),
        entry: p("1000"),
        leverage: None,
        rule: None,
        asked: alone.book.snapshot().sequence(),
        report_time: None,
    };
    let key = found.key;
    alone.book.apply(Command::Adopt(found)).unwrap();
    assert!(alone.book.snapshot().get(key).unwrap().tags.is_empty());
}

#[test]
fn a_flip_has_what_its_own_order_carried() {
    let alone = alone();
    let short = Command::open(alone.btc, Side::Short, q("3")).at(p("1000")).tag("hedge").unwrap();
    let order = alone.book.reserve(short).unwrap().sent().unwrap();
    // Somebody buys while the order is on its way; its fill goes through that to the short that it was for.
    alone.record(trade(alone.btc, "1", OrderSide::Buy, "1", "1000"));
    assert_eq!(tagged(&alone, alone.btc), "");
    alone.record(trade(alone.btc, "2", OrderSide::Sell, "3", "1000").order(order.client_id()));
    assert_eq!((alone.stands(alone.btc).as_str(), tagged(&alone, alone.btc).as_str()), ("short 2", "hedge"));
    order.complete(q("3")).unwrap();
}

#[test]
fn other_tags_take_the_place_of_those_that_stand_there_and_date_nothing() {
    let alone = alone();
    long(&alone, alone.btc, "1");
    let stood = alone.key(alone.btc);
    let life = stood.position.as_ref().unwrap().id;
    let retag = |names: &[&str]| Command::tag(alone.btc, tags(names)).because("taken over");
    let published = alone.book.apply(retag(&["hedge"]).expect_position(life)).unwrap().publication.unwrap();
    assert_eq!(published[0].kind(), posbook::Kind::Tagged);
    assert_eq!(published[0].command().reason(), "taken over");
    // Nothing but the tags is another.
    let mut expected = stood.clone();
    expected.revision = published[0].sequence;
    let open = expected.position.as_mut().unwrap();
    (open.tags, open.revision) = (tags(&["hedge"]), published[0].sequence);
    assert_eq!(alone.key(alone.btc), expected);
    // The same again is nothing, none takes them away, and what is meant for another life is refused.
    assert!(alone.book.apply(retag(&["hedge"])).unwrap().publication.is_none());
    alone.book.apply(retag(&[])).unwrap();
    assert_eq!(tagged(&alone, alone.btc), "");
    let other = posbook::PositionId { epoch: life.epoch, sequence: Sequence(99) };
    let refused = alone.book.apply(retag(&["late"]).expect_position(other)).unwrap_err();
    assert!(matches!(refused.reason(), Reason::OtherPosition { .. }));
    assert!(matches!(
        alone.book.apply(Command::tag(alone.eth, tags(&["grid"]))).unwrap_err().reason(),
        Reason::NoPosition { .. }
    ));
    // A report that was asked for before is as good as after it (R8).
    let confirm = Command::Confirm { key: alone.btc.into(), why: "agrees".into(), asked: stood.revision };
    assert!(alone.book.apply(confirm).is_ok());
    alone.folds();
}

#[test]
fn a_selection_by_tag_takes_positions_and_flat_keys_that_such_an_order_opens() {
    let alone = alone();
    long(&alone, alone.btc, "1");
    let claim = alone.book.reserve(open(alone.eth, "1")).unwrap();
    let grid = Selection::everything().tag(tag("grid"));
    let keys = |of: &Selection| {
        let view = alone.book.snapshot();
        view.keys().filter(|key| of.has(&view, key)).count()
    };
    assert_eq!(
        (keys(&grid), keys(&grid.clone().side(Side::Short)), keys(&Selection::everything())),
        (2, 0, 2)
    );
    assert_eq!(keys(&Selection::everything().tag(tag("Grid"))), 0); // nothing is folded
    let view = alone.book.snapshot();
    let exposure = alone.book.exposure(&view, &grid).unwrap();
    assert_eq!(exposure[&"USDT".parse().unwrap()].positions, 1);
    claim.release();
    assert_eq!(keys(&grid), 1);
}

// ---- limits of groups

#[test]
fn a_group_has_no_more_places_than_it_was_given_and_others_have_theirs() {
    let alone = limited([grid().positions(1)]);
    long(&alone, alone.btc, "1");
    let refused = alone.book.reserve(open(alone.eth, "1")).unwrap_err();
    assert_eq!(full(&refused), refusal("grid", "positions", "2", "1"));
    assert_eq!(refused.to_string(), "ETH/USDT:USDT: limit positions of the group grid: 2 would exceed 1");
    // Its own place is its own, and what is not of the grid needs none.
    assert!(alone.book.check(Command::scale_in(alone.btc, q("1"))).is_ok());
    assert!(alone.book.check(Command::open(alone.eth, Side::Long, q("1"))).is_ok());
    alone.record(trade(alone.btc, "2", OrderSide::Sell, "1", "1000"));
    assert!(alone.book.check(open(alone.eth, "1")).is_ok());
}

#[test]
fn what_is_on_its_way_to_a_group_counts_and_what_is_in_doubt_in_full() {
    let alone = limited([grid().positions(1).notional("2500".parse().unwrap())]);
    let order = alone.book.reserve(open(alone.btc, "2")).unwrap();
    for stage in ["reserved", "sent", "filled in part", "in doubt"] {
        let refused = alone.book.check(open(alone.eth, "0.1")).expect_err("a second one found room");
        assert_eq!(full(&refused), refusal("grid", "positions", "2", "1"), "{stage}");
        match stage {
            "reserved" => drop(alone.book.apply(Command::Step {
                key: alone.btc.into(),
                order: order.client_id(),
                step: posbook::OrderStep::Sent,
            })),
            "sent" => {
                let fill = trade(alone.btc, "1", OrderSide::Buy, "0.5", "1000").order(order.client_id());
                assert!(matches!(alone.record(fill), FillOutcome::Booked { .. }));
            }
            "filled in part" => drop(alone.book.apply(Command::Step {
                key: alone.btc.into(),
                order: order.client_id(),
                step: posbook::OrderStep::Doubt { why: "no answer".into() },
            })),
            _ => {}
        }
    }
}

#[test]
fn the_notional_of_a_group_is_what_is_open_and_on_its_way_in_one_currency() {
    let alone = limited([grid().notional("2500".parse().unwrap())]);
    let first = alone.book.reserve(open(alone.btc, "2")).unwrap().sent().unwrap();
    let over = |quantity| full(&alone.book.check(open(alone.eth, quantity)).unwrap_err());
    assert!(alone.book.check(open(alone.eth, "0.5")).is_ok());
    assert_eq!(over("0.501"), refusal("grid", "notional", "2501", "2500"));
    // In doubt it counts in full; filled, at its cost.
    let id = first.client_id();
    drop(first);
    assert!(alone.key(alone.btc).doubt().is_some());
    assert_eq!(over("0.501"), refusal("grid", "notional", "2501", "2500"));
    alone.record(trade(alone.btc, "1", OrderSide::Buy, "2", "1100").order(id));
    alone.book.reattach(id).unwrap().complete(q("2")).unwrap();
    assert_eq!(over("0.301"), refusal("grid", "notional", "2501", "2500"));
    // A key of its own is worth the greater of its cost and its value at the reference price.
    let more = |price| alone.book.check(Command::scale_in(alone.btc, q("0.1")).at(p(price)));
    assert!(more("1190").is_ok());
    assert_eq!(full(&more("1200").unwrap_err()), refusal("grid", "notional", "2520", "2500"));
    assert_eq!(
        full(&alone.book.check(Command::scale_in(alone.btc, q("0.301")).at(p("1000"))).unwrap_err()).2,
        "2501"
    );
    // A reduction frees nothing before it fills, and is never limited.
    let out = alone.book.reserve(Command::scale_out(alone.btc, q("1"))).unwrap().sent().unwrap();
    assert_eq!(over("0.301"), refusal("grid", "notional", "2501", "2500"));
    alone.record(trade(alone.btc, "2", OrderSide::Sell, "1", "1100").order(out.client_id()));
    assert!(alone.book.check(open(alone.eth, "1.4")).is_ok());
    out.complete(q("1")).unwrap();
}

#[test]
fn every_rule_of_a_selection_makes_a_group() {
    let name = |text: &str| -> GroupName { text.parse().unwrap() };
    let shorts = GroupLimit::new(name("shorts"), Selection::everything().side(Side::Short)).positions(0);
    let bitcoin = Selection::everything().base("BTC".parse().unwrap());
    let bitcoin = GroupLimit::new(name("bitcoin"), bitcoin).notional("5000".parse().unwrap());
    let third = GroupLimit::new(name("third"), Selection::everything().owner(Owner(3))).positions(1);
    let alone = limited([shorts, bitcoin, third]);
    let of = |owner, id| PositionKey { owner: Owner(owner), ..PositionKey::net(id) };
    let group = |wish: posbook::Opening| full(&alone.book.check(wish).unwrap_err()).0;
    assert_eq!(group(Command::open(alone.eth, Side::Short, q("1"))), "shorts");
    assert_eq!(group(open(alone.btc, "5.001")), "bitcoin");
    drop(alone.book.reserve(open(of(1, alone.btc), "3")).unwrap().sent().unwrap());
    assert_eq!(group(open(of(2, alone.btc), "2.001")), "bitcoin");
    drop(alone.book.reserve(open(of(3, alone.eth), "3")).unwrap().sent().unwrap());
    assert_eq!(group(open(of(3, alone.btc), "1")), "third");
    // The first that has no room is named.
    assert_eq!(group(Command::open(of(3, alone.btc), Side::Short, q("9")).at(p("1000"))), "shorts");
}

#[test]
fn a_tag_moves_nothing_into_a_group_that_is_full() {
    let alone = limited([grid().positions(1).notional("1500".parse().unwrap())]);
    alone.record(trade(alone.btc, "1", OrderSide::Buy, "1", "1000"));
    let claim = alone.book.reserve(open(alone.eth, "0.4")).unwrap().sent().unwrap();
    let retag = |id, names: &[&str]| alone.book.apply(Command::tag(id, tags(names)));
    let refused = retag(alone.btc, &["grid", "night"]).unwrap_err();
    assert_eq!(full(&refused), refusal("grid", "positions", "2", "1"));
    assert_eq!(tagged(&alone, alone.btc), "");
    assert!(retag(alone.btc, &["night"]).is_ok());
    // With room it goes; what it is worth is its cost.
    claim.refused(q("0"), "cancelled").unwrap();
    assert!(retag(alone.btc, &["grid"]).is_ok());
    // It is in there already: another tag beside it asks for no second place, and leaving is always allowed.
    assert!(retag(alone.btc, &["grid", "night"]).is_ok());
    assert!(retag(alone.btc, &[]).is_ok());
    alone.record(trade(alone.btc, "2", OrderSide::Buy, "1", "1000"));
    assert_eq!(full(&retag(alone.btc, &["grid"]).unwrap_err()), refusal("grid", "notional", "2000", "1500"));
}

#[test]
fn an_order_that_carries_the_tag_holds_its_place_whatever_its_position_is_called_meanwhile() {
    let alone = limited([grid().positions(1)]);
    let order = alone.book.reserve(open(alone.btc, "2")).unwrap().sent().unwrap();
    alone.record(trade(alone.btc, "1", OrderSide::Buy, "1", "1000").order(order.client_id()));
    alone.book.apply(Command::tag(alone.btc, tags(&["night"]))).unwrap();
    assert_eq!(full(&alone.book.check(open(alone.eth, "1")).unwrap_err()).1, "positions");
    // Closed behind its back, the rest of the order opens another life of the grid.
    alone.record(trade(alone.btc, "2", OrderSide::Sell, "1", "1000"));
    alone.record(trade(alone.btc, "3", OrderSide::Buy, "0.5", "1000").order(order.client_id()));
    assert_eq!(tagged(&alone, alone.btc), "grid");
    // Over, with a position of another name, it holds nothing any more.
    order.refused(q("1.5"), "cancelled").unwrap();
    alone.book.apply(Command::tag(alone.btc, tags(&["night"]))).unwrap();
    assert!(alone.book.check(open(alone.eth, "1")).is_ok());
}

#[test]
fn a_key_counts_whole_also_what_adds_to_it_beside_an_order_of_the_group() {
    let alone = limited([grid().notional("2500".parse().unwrap())]);
    alone.book.reserve(open(alone.btc, "1")).unwrap().sent().unwrap().detach();
    // A stranger's position stands there before the order of the grid fills.
    alone.record(trade(alone.btc, "1", OrderSide::Buy, "1", "1000"));
    alone.book.apply(Command::Accept { key: alone.btc.into(), reason: "seen".into() }).unwrap();
    let add = |quantity| alone.book.check(Command::scale_in(alone.btc, q(quantity)).at(p("1000")));
    assert!(add("0.5").is_ok());
    assert_eq!(full(&add("0.501").unwrap_err()), refusal("grid", "notional", "2501", "2500"));
}

#[test]
fn the_second_command_of_a_batch_sees_the_first_in_its_group() {
    let alone = limited([grid().positions(1)]);
    let before = alone.book.snapshot().digest();
    let pair = [Command::from(open(alone.btc, "1")), open(alone.eth, "1").into()];
    let refused = alone.book.submit(pair).unwrap_err();
    assert_eq!(full(&refused), refusal("grid", "positions", "2", "1"));
    assert_eq!(alone.book.snapshot().digest(), before);
}

#[test]
fn threads_never_take_more_places_of_a_group_together_than_there_are() {
    for _ in 0..50 {
        let alone = limited([grid().positions(1)]);
        let start = std::sync::Barrier::new(2);
        let taken: usize = std::thread::scope(|scope| {
            let threads = [alone.btc, alone.eth].map(|id| {
                let (book, start) = (alone.book.clone(), &start);
                scope.spawn(move || {
                    start.wait();
                    book.reserve(open(id, "1"))
                        .and_then(posbook::Reservation::sent)
                        .map(posbook::Sent::detach)
                })
            });
            threads.into_iter().map(|thread| usize::from(thread.join().unwrap().is_ok())).sum()
        });
        assert_eq!((taken, alone.book.reservations().len()), (1, 1));
    }
}

#[test]
fn what_the_venue_did_is_booked_whatever_the_group_allows_and_counts_from_then_on() {
    let whole = GroupLimit::new("all".parse().unwrap(), Selection::everything()).positions(1);
    let alone = limited([whole]);
    alone.record(trade(alone.btc, "1", OrderSide::Buy, "1", "1000"));
    let fill = trade(alone.eth, "2", OrderSide::Buy, "1", "1000");
    assert!(matches!(alone.record(fill), FillOutcome::Booked { .. }));
    assert_eq!(alone.book.snapshot().len(), 2);
    // Both have their places: what adds to them is not refused for want of one.
    alone.book.apply(Command::Accept { key: alone.btc.into(), reason: "seen".into() }).unwrap();
    assert!(alone.book.check(Command::scale_in(alone.btc, q("1"))).is_ok());
    let third = PositionKey { owner: Owner(9), ..PositionKey::net(alone.btc) };
    assert_eq!(full(&alone.book.check(Command::open(third, Side::Long, q("1"))).unwrap_err()).2, "3");
}
