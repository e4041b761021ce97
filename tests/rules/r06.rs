//! R6: a reservation ends once, or is visibly in doubt. Without it: a future with a timeout is dropped after the order
//! left; if that released the key the retry would be a second order, if it blocked the key for ever nobody could close.

use std::time::Duration;

use posbook::venue::{OrderEnd, Venue};
use posbook::{Command, Error, Kind, OrderSide, OrderState, Quantity, Reason, Sequence, Settlement, Side};

use crate::help::{alone, since, trade};
use crate::stage::*;

#[tokio::test]
async fn a_timeout_after_the_order_left_makes_no_second_order_and_leaves_the_way_out_open() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let mut held = world.venue.hold_submit();
    let adding = world.manager.scale_in_position(BTC, q("0.5"));
    assert!(tokio::time::timeout(Duration::from_millis(1), adding).await.is_err());
    let order = held.called().await;
    // The retry is refused, on this key only.
    let Err(Error::Rejected(refused)) = world.manager.scale_in_position(BTC, q("0.5")).await else {
        panic!("sent twice")
    };
    assert!(matches!(refused.reason(), Reason::InDoubt { .. }), "{refused}");
    world.open(ETH, Side::Long, "1");
    // Nobody is kept from closing what is there.
    world.manager.close_position(BTC, "out").await.unwrap();
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
    // The order executes all the same, and is closed too.
    world.venue.paper().submit(order).await.unwrap();
    for _ in 0..2 {
        world.manager.update_positions().await;
    }
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
    assert_eq!((world.unresolved(), world.in_doubt(), world.sent(BTC)), (0, 0, 4));
}

#[tokio::test]
async fn a_timeout_before_the_order_left_releases_the_key() {
    let world = world();
    // Reserved, and given up by a timeout before it was sent: nothing left.
    let waits = async {
        let claim = world.book().reserve(Command::open(world.id(BTC), Side::Long, q("1"))).unwrap();
        std::future::pending::<()>().await;
        world.manager.send(claim).await
    };
    assert!(tokio::time::timeout(Duration::from_millis(1), waits).await.is_err());
    assert_eq!((world.unresolved(), world.in_doubt(), world.sent(BTC)), (0, 0, 0));
    world.open(BTC, Side::Short, "1");
}

#[tokio::test]
async fn a_pass_that_is_cut_off_by_a_timeout_forgets_no_exit_and_sends_none_twice() {
    let world = world();
    for symbol in [BTC, ETH] {
        world.open(symbol, Side::Long, "1");
    }
    world.price(BTC, "47500");
    world.price(ETH, "2850");
    let mut held = world.venue.hold_submit();
    let pass = world.manager.update_positions();
    assert!(tokio::time::timeout(Duration::from_millis(1), pass).await.is_err());
    // One had not left the network, one was done; the price comes back.
    let lost = held.called().await;
    world.price(BTC, "50000");
    world.price(ETH, "3000");
    assert_eq!((world.stands(ETH).as_str(), world.venue_has(ETH).as_str()), ("flat", "0"));
    world.manager.update_positions().await;
    assert_eq!((world.sent(BTC), world.in_doubt()), (2, 1));
    // It arrives: the venue's word on it ends the doubt, and the close is done.
    world.venue.paper().submit(lost).await.unwrap();
    world.manager.update_positions().await;
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
    assert_eq!((world.sent(BTC), world.sent(ETH), world.unresolved()), (2, 2, 0));
}

#[test]
fn the_deadline_is_asked_by_value_and_a_working_order_gets_time_anew() {
    let alone = alone();
    let wish = Command::open(alone.btc, Side::Long, q("1")).patience(Duration::from_secs(10));
    let order = alone.book.reserve(wish).unwrap();
    alone.pass(Duration::from_secs(8));
    // `sent` starts the time anew.
    let order = order.sent().unwrap();
    alone.pass(Duration::from_secs(10));
    assert_eq!(alone.book.expire(), 0, "due, not overdue");
    order.working(q("0")).unwrap();
    for _ in 0..5 {
        alone.pass(Duration::from_secs(9));
        order.working(q("0")).unwrap();
        assert_eq!(alone.book.expire(), 0);
    }
    alone.pass(Duration::from_secs(11));
    assert_eq!(alone.book.expire(), 1);
    assert!(alone.book.reservations()[0].in_doubt());
    assert_eq!(alone.book.expire(), 0, "once");
    // Works after all: alive, with time anew.
    order.working(q("0")).unwrap();
    assert_eq!((alone.book.reservations()[0].state.clone(), alone.book.expire()), (OrderState::Working, 0));
    order.complete(q("0")).unwrap();
    assert!(alone.book.reservations().is_empty());
    alone.folds();
}

#[test]
fn that_a_working_order_still_works_is_not_published_with_every_question() {
    let alone = alone();
    let order = alone.sent_open(alone.btc, "1");
    order.working(q("0")).unwrap();
    let before = alone.book.snapshot().sequence();
    for _ in 0..100 {
        alone.pass(Duration::from_millis(100));
        order.working(q("0")).unwrap();
    }
    assert_eq!(alone.book.snapshot().sequence(), before);
    // Once half of its 30 s is over, the next answer says that it lives.
    alone.pass(Duration::from_secs(5));
    order.working(q("0")).unwrap();
    assert_eq!(alone.book.snapshot().sequence(), Sequence(before.0 + 1));
    assert_eq!(alone.book.reservations()[0].deadline, alone.clock.now().plus(Duration::from_secs(30)));
    order.complete(q("0")).unwrap();
}

#[test]
fn an_order_that_settles_does_not_expire() {
    let alone = alone();
    let order = alone.sent_open(alone.btc, "1");
    let id = order.client_id();
    order.complete(q("1")).unwrap();
    alone.pass(Duration::from_secs(3_600));
    assert_eq!(alone.book.expire(), 0);
    assert_eq!(alone.book.reservations()[0].state, OrderState::Settling(q("1")));
    alone.record(trade(alone.btc, "1", OrderSide::Buy, "1", "50000").order(id));
    assert!(alone.book.reservations().is_empty());
}

#[test]
fn expiry_finds_every_overdue_key_in_one_unit_and_leaves_the_others() {
    let alone = alone();
    let sent = alone.sent_open(alone.btc, "1");
    let reserved =
        alone.book.reserve(Command::open(alone.eth, Side::Long, q("1")).patience(Duration::from_secs(20)));
    let reserved = reserved.unwrap();
    alone.pass(Duration::from_secs(31));
    let before = alone.book.snapshot().sequence();
    assert_eq!(alone.book.expire(), 2);
    assert_eq!(since(&alone.book, before), [Kind::InDoubt, Kind::Released]);
    let unit = alone.book.changes_after(before).try_next().unwrap().unwrap();
    assert_eq!(unit.len(), 2);
    // What was never sent can no longer be.
    assert!(reserved.sent().is_err());
    assert_eq!(sent.refused(Quantity::ZERO, "cancelled").unwrap(), Settlement::Settled);
    alone.folds();
}

#[test]
fn detach_gives_the_handle_up_without_a_doubt_and_reattach_takes_it_again() {
    let alone = alone();
    let claim = alone.book.reserve(Command::open(alone.btc, Side::Long, q("1"))).unwrap();
    let id = claim.client_id();
    // Before it left its holder has it, and nobody else.
    assert!(matches!(alone.book.reattach(id).unwrap_err().reason(), Reason::OrderState { .. }));
    let detached = claim.sent().unwrap().detach();
    assert_eq!((detached, alone.book.snapshot().totals().in_doubt), (id, 0));
    let listed: Vec<_> = alone.book.reservations().iter().map(|order| order.client_id).collect();
    assert_eq!(listed, [id]);
    // Taken hold of and dropped: in doubt; in doubt is not the end.
    drop(alone.book.reattach(id).unwrap());
    assert_eq!(alone.book.snapshot().totals().in_doubt, 1);
    assert_eq!(alone.book.reattach(id).unwrap().refused(q("0"), "no").unwrap(), Settlement::Settled);
    assert!(matches!(alone.book.reattach(id).unwrap_err().reason(), Reason::UnknownOrder { .. }));
    assert!(alone.book.reservations().is_empty());
}

#[test]
fn of_two_holders_of_one_order_the_first_ends_it_and_the_second_is_told() {
    let alone = alone();
    let first = alone.sent_open(alone.btc, "1");
    let second = alone.book.reattach(first.client_id()).unwrap();
    first.refused(q("0"), "cancelled").unwrap();
    let refused = second.complete(q("1")).unwrap_err();
    assert!(matches!(refused.reason(), Reason::OrderState { state: "finished", .. }), "{refused}");
    // Its drop leaves no doubt behind.
    assert_eq!((alone.book.reservations().len(), alone.book.snapshot().totals().in_doubt), (0, 0));
}

#[test]
fn a_replace_is_a_second_reservation_and_both_count_until_the_old_one_is_final() {
    let alone = alone();
    alone.long(alone.btc, "1");
    let old = alone.book.reserve(Command::scale_out(alone.btc, q("0.6"))).unwrap().sent().unwrap();
    old.working(q("0")).unwrap();
    // The new one cannot count on what the old one still may take.
    assert!(alone.book.reserve(Command::scale_out(alone.btc, q("0.6"))).is_err());
    let new = alone.book.reserve(Command::scale_out(alone.btc, q("0.4"))).unwrap().sent().unwrap();
    assert_eq!((alone.book.reservations().len(), alone.key(alone.btc).free()), (2, q("0")));
    assert_ne!(old.client_id(), new.client_id());
    old.refused(q("0"), "replaced").unwrap();
    assert_eq!(alone.key(alone.btc).free(), q("0.6"));
    new.refused(q("0"), "cancelled").unwrap();
    assert_eq!(alone.key(alone.btc).free(), q("1"));
}

#[tokio::test]
async fn a_pass_expires_what_is_overdue_and_the_venues_answer_still_resolves_it() {
    let world = world();
    let mut held = world.venue.hold_submit();
    let manager = world.manager.clone();
    let opening =
        tokio::spawn(async move { manager.open_position(BTC, Side::Long, q("1"), 10, f("0.05")).await });
    held.called().await;
    world.pass(Duration::from_secs(31));
    // The venue cannot be asked about it: nothing follows from that.
    world.venue.on_order(|_| Err(lost()));
    assert_eq!(world.manager.update_positions().await.expired, 1);
    assert_eq!(world.in_doubt(), 1);
    // Reconciliation expires too.
    let wish = Command::open(world.id(ETH), Side::Long, q("1")).at(p("3000"));
    world.book().reserve(wish).unwrap().sent().unwrap().detach();
    world.pass(Duration::from_secs(31));
    for _ in 0..2 {
        world.venue.on_order(|_| Err(lost()));
    }
    assert!(world.manager.reconcile_positions().await.unwrap().unasked.is_some());
    assert_eq!(world.in_doubt(), 2);
    held.go();
    assert_eq!(opening.await.unwrap().unwrap().end, OrderEnd::Done);
    assert_eq!(
        (world.in_doubt(), world.stands(BTC).as_str(), world.venue_has(BTC).as_str()),
        (1, "long 1", "1")
    );
}

#[test]
fn a_panic_between_reserve_and_sent_releases_and_after_sent_is_a_doubt() {
    for sent in [false, true] {
        let alone = alone();
        let (book, btc) = (alone.book.clone(), alone.btc);
        let thread = std::thread::spawn(move || {
            let claim = book.reserve(Command::open(btc, Side::Long, q("1"))).unwrap();
            let _held = if sent { Ok(claim.sent().unwrap()) } else { Err(claim) };
            panic!("a bug of the caller");
        });
        assert!(thread.join().is_err());
        let totals = alone.book.snapshot().totals().clone();
        assert_eq!((totals.orders, totals.in_doubt), (usize::from(sent), usize::from(sent)));
        let last = if sent { Kind::InDoubt } else { Kind::Released };
        assert_eq!(since(&alone.book, Sequence(0)).last(), Some(&last));
    }
}
