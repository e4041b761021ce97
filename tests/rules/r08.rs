//! R8: a report changes something only if it is provably newer. Without it: a position list is fetched, a fill arrives
//! and is booked, then the list is applied and the book drops the position just opened; or a position is adopted and its
//! own fills come in late and double it.

use std::time::Duration;

use posbook::reconcile::{Consent, Policy};
use posbook::venue::{FillCursor, FillPage};
use posbook::{Adoption, Command, DropPosition, FillNote, FillOutcome, OrderSide, PositionKey, Reason, Side};

use crate::help::{alone, ms, trade};
use crate::stage::*;

#[tokio::test]
async fn a_list_that_was_fetched_before_a_fill_drops_nothing_and_the_next_one_agrees() {
    let world = world();
    let mut held = world.venue.hold_report();
    let manager = world.manager.clone();
    let policy = Policy { consent: Consent::EmptyMeansFlat, ..Policy::default() };
    let run = tokio::spawn(async move { manager.reconcile_with(policy).await });
    held.called().await;
    // Fetched: flat. Now the position is opened.
    world.pass(Duration::from_millis(1));
    world.open(BTC, Side::Long, "1");
    held.go();
    assert_eq!(run.await.unwrap().unwrap().resolved(), 0);
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("long 1", "1"));
    world.price(BTC, "50000");
    assert!(world.manager.reconcile_with(policy).await.unwrap().done.is_empty());
}

#[tokio::test]
async fn an_adopted_position_is_not_doubled_by_its_own_fills_that_come_late() {
    let world = world();
    let early = world.clock.now();
    world.pass(Duration::from_secs(1));
    // The venue's history is behind its positions: the fills are listed after the report.
    world
        .venue
        .paper()
        .place_foreign(&BTC.parse().unwrap(), posbook::Leg::Net, OrderSide::Buy, q("2"))
        .unwrap();
    world.venue.on_fills(|cursor| Ok(FillPage { fills: vec![], next: cursor }));
    world.pass(Duration::from_secs(1));
    assert_eq!(world.manager.reconcile_positions().await.unwrap().resolved(), 1);
    assert_eq!(world.stands(BTC), "long 2");
    world.manager.update_positions().await;
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("long 2", "2"));
    // And again from the beginning of time, under another name.
    let mut again = world.foreign(BTC, "other-name", OrderSide::Buy, "2", "49000");
    again.fill.venue_time = Some(early);
    world.venue.on_fills(move |_| Ok(FillPage { fills: vec![again], next: FillCursor(900) }));
    world.manager.pull_fills().await.unwrap();
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("long 2", "2"));
    // An exit has the right size.
    world.manager.close_position(BTC, "out").await.unwrap();
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
}

fn adoption(key: PositionKey, quantity: &str, asked: posbook::Sequence, time: Option<i64>) -> Command {
    let (quantity, entry) = (q(quantity), p("50000"));
    Command::Adopt(Adoption {
        key,
        side: Side::Long,
        quantity,
        entry,
        leverage: None,
        rule: None,
        asked,
        report_time: time.map(ms),
    })
}

#[test]
fn the_instrument_must_be_unchanged_since_the_question_where_the_repair_lands() {
    let alone = alone();
    let key = PositionKey::net(alone.btc);
    let asked = alone.book.snapshot().sequence();
    // Another instrument is no news to this one.
    alone.long(alone.eth, "1");
    assert!(alone.book.check(adoption(key, "1", asked, None)).is_ok());
    // Any change of its own is: a reservation that came and went too.
    drop(alone.book.reserve(Command::open(alone.btc, Side::Long, q("1"))).unwrap());
    let stale = alone.book.apply(adoption(key, "1", asked, None)).unwrap_err();
    assert!(matches!(stale.reason(), Reason::StaleReport { .. }), "{stale}");
    let eth = PositionKey::net(alone.eth);
    let position = alone.key(alone.eth).position.unwrap().id;
    let gone = DropPosition { key: eth, position, asked, report_time: None, reason: "not there".into() };
    assert!(matches!(
        alone.book.apply(Command::Drop(gone)).unwrap_err().reason(),
        Reason::StaleReport { .. }
    ));
}

#[test]
fn nothing_is_repaired_while_an_order_of_the_key_is_unresolved_however_new_the_report() {
    let alone = alone();
    let (btc, eth) = (PositionKey::net(alone.btc), PositionKey::net(alone.eth));
    let now = || alone.book.snapshot().sequence();
    let refused = |command| alone.book.apply(command).unwrap_err().reason().clone();
    // What the order still brings may be in the report already, or not: nobody can say.
    let order = alone.sent_open(alone.btc, "1");
    let named = Reason::AlreadyReserved { key: btc, by: order.client_id() };
    assert_eq!(refused(adoption(btc, "1", now(), None)), named);
    order.complete(q("0")).unwrap();
    alone.book.apply(adoption(btc, "1", now(), None)).unwrap();

    alone.long(alone.eth, "1");
    let order = alone.book.reserve(Command::scale_in(eth, q("1")).at(p("3000"))).unwrap().sent().unwrap();
    let named = Reason::AlreadyReserved { key: eth, by: order.client_id() };
    alone.book.apply(Command::Quarantine { key: eth, why: "odd".into(), asked: None }).unwrap();
    let position = alone.key(alone.eth).position.unwrap().id;
    let gone = |asked| DropPosition { key: eth, position, asked, report_time: None, reason: "gone".into() };
    let agreed = |asked| Command::Confirm { key: eth, why: "agreed".into(), asked };
    assert_eq!(refused(Command::Drop(gone(now()))), named);
    assert_eq!(refused(agreed(now())), named);
    order.complete(q("0")).unwrap();
    alone.book.apply(agreed(now())).unwrap();
    alone.book.apply(Command::Drop(gone(now()))).unwrap();
    assert_eq!(alone.stands(alone.eth), "flat");
    alone.folds();
}

#[test]
fn fills_from_before_the_baseline_take_its_place_part_by_part_and_move_no_quantity() {
    let alone = alone();
    let key = PositionKey::net(alone.btc);
    let asked = alone.book.snapshot().sequence();
    alone.book.apply(adoption(key, "2", asked, Some(100))).unwrap();
    for (n, price) in [(1, "49000"), (2, "49500")] {
        let fill = trade(alone.btc, &n.to_string(), OrderSide::Buy, "1", price).at(ms(90 + n));
        let fill = fill.fee("1.5", "USDT").unwrap();
        assert_eq!(
            alone.record(fill.clone()),
            FillOutcome::Booked { notes: vec![FillNote::Replaced].into() }
        );
        assert_eq!(alone.record(fill), FillOutcome::Duplicate);
        assert_eq!(alone.stands(alone.btc), "long 2");
    }
    let stands = alone.key(alone.btc);
    // Price and fee are the real ones now, exactly; a third fill finds nothing left to correct.
    assert_eq!(stands.position.unwrap().cost, 98_500.into());
    assert_eq!(stands.ledger.fees.of(&"USDT".parse().unwrap()), 3.into());
    alone.record(trade(alone.btc, "3", OrderSide::Buy, "1", "10000").at(ms(95)));
    assert_eq!(alone.key(alone.btc).position.unwrap().cost, 98_500.into());
    // After the baseline a fill is a fill.
    alone.record(trade(alone.btc, "4", OrderSide::Buy, "1", "51000").at(ms(101)));
    assert_eq!(alone.stands(alone.btc), "long 3");
    alone.folds();
}

#[test]
fn what_was_explained_of_an_adoption_is_gone_with_the_position_when_it_is_dropped() {
    let alone = alone();
    let key = PositionKey::net(alone.btc);
    let now = || alone.book.snapshot().sequence();
    alone.book.apply(adoption(key, "2", now(), Some(100))).unwrap();
    alone.record(trade(alone.btc, "in", OrderSide::Buy, "1", "49000").at(ms(90)));
    let position = alone.key(alone.btc).position.unwrap().id;
    let report_time = Some(ms(200));
    let gone = DropPosition { key, position, asked: now(), report_time, reason: "not there".into() };
    alone.book.apply(Command::Drop(gone)).unwrap();
    // Two of it are the exit of what was dropped; the third is the exit of something nobody has heard of yet. The entry that
    // was explained before is not there for it a second time.
    alone.record(trade(alone.btc, "out", OrderSide::Sell, "3", "51000").at(ms(150)));
    let ledger = alone.key(alone.btc).ledger;
    assert_eq!(
        (ledger.cash, ledger.realised, ledger.unexplained),
        (54_000.into(), 3_000.into(), 51_000.into())
    );
    alone.folds();
}

#[tokio::test]
async fn a_report_whose_venue_clock_is_behind_ours_is_compared_with_venue_times_only() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    // Our clock runs an hour ahead of the venue's: a report of a moment later is still newer than the fill.
    let fill_time = world.venue.paper().now();
    world.clock.set(world.clock.now().plus(Duration::from_secs(3_600)));
    let policy = Policy { consent: Consent::EmptyMeansFlat, ..Policy::default() };
    world.venue.on_report(world.report_at(Some(fill_time), vec![]));
    assert_eq!(world.manager.reconcile_with(policy).await.unwrap().resolved(), 0, "as old as the fill");
    let later = fill_time.plus(Duration::from_nanos(1));
    world.venue.on_report(world.report_at(Some(later), vec![]));
    assert_eq!(world.manager.reconcile_with(policy).await.unwrap().resolved(), 1);
    assert_eq!(world.stands(BTC), "flat");
}

/// A report says nothing of profits: one that was asked for before a mark was noted is as good as after it. Otherwise no
/// position that moves could ever be reconciled.
#[test]
fn a_mark_that_is_noted_meanwhile_makes_no_report_stale() {
    let alone = alone();
    alone.long(alone.btc, "1");
    let (view, asked) = (alone.book.snapshot(), alone.book.snapshot().sequence());
    let position = view.get(alone.btc).unwrap().id;
    alone.book.mark(alone.btc, p("51000")).unwrap();
    let reach = Command::Reach { key: alone.btc.into(), position };
    assert!(alone.book.apply(reach).unwrap().publication.is_some());
    let gone = |asked| {
        let (key, reason, report_time) = (alone.btc.into(), "gone".into(), None);
        Command::Drop(DropPosition { key, position, asked, report_time, reason })
    };
    let retarget = Command::retarget(alone.btc).stop(p("49000"));
    assert!(alone.book.check(gone(asked)).is_ok());
    // What somebody has decided since is another thing.
    alone.book.apply(retarget).unwrap();
    let refused = alone.book.apply(gone(asked)).unwrap_err();
    assert!(matches!(refused.reason(), Reason::StaleReport { .. }), "{refused}");
    alone.book.apply(gone(alone.book.snapshot().sequence())).unwrap();
    alone.folds();
}
