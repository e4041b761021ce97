//! R5: identity guards decisions, never quantity. Without it: a long is closed and reopened while an older scale-in is
//! in flight; if identity stopped quantity, money that moved would be missing, if it guarded nothing the new position
//! would be moved to the old one's stop.

use posbook::{
    Book, Command, FillNote, FillOutcome, OrderSide, Reason, Side, TargetOrigin, TargetRule, TroubleKind,
};

use crate::help::{alone, alone_with, trade};
use crate::stage::*;

#[tokio::test]
async fn a_scale_in_of_an_earlier_life_is_booked_on_the_new_one_and_its_stop_stays() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    // A scale-in whose answer is lost on its way; the venue never gets it, then it does.
    world.venue.on_submit(|_| Err(lost()));
    world.manager.scale_in_position(BTC, q("0.5")).await.unwrap();
    let late = world.venue.sent()[1].clone();
    let old = world.manager.get_position(BTC).unwrap();
    let stale_stop = Command::retarget(world.id(BTC)).stop(p("49900")).expect_position(old.id);
    world.manager.close_position(BTC, "out").await.unwrap();
    // The venue says the scale-in is dead, so the key is free; the market has moved.
    world.venue.on_order(|_| Ok(rejected()));
    world.manager.resolve_orders().await.unwrap();
    world.price(BTC, "60000");
    let new = world.open(BTC, Side::Long, "1").position.unwrap();
    assert_eq!(new.stop_loss(), Some(p("57000")));
    // It was not: its fill moves the quantity of both sides, and nothing else.
    use posbook::venue::Venue;
    world.venue.paper().submit(late).await.unwrap();
    world.manager.pull_fills().await.unwrap();
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("long 1.5", "1.5"));
    let stands = world.manager.get_position(BTC).unwrap();
    assert_eq!((stands.id, stands.stop_loss()), (new.id, Some(p("57000"))));
    // And what was decided for the old one is refused.
    let refused = world.book().apply(stale_stop).unwrap_err();
    assert!(matches!(refused.reason(), Reason::OtherPosition { .. }), "{refused}");
    world.price(BTC, "57000");
    world.manager.update_positions().await;
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
}

#[test]
fn the_same_stop_is_set_whichever_path_brings_the_fill_even_after_a_doubt() {
    for doubt in [false, true] {
        let alone = alone();
        let wish = Command::open(alone.btc, Side::Short, q("1")).stop("0.05").unwrap().leverage(7);
        let order = alone.book.reserve(wish).unwrap().sent().unwrap();
        let id = order.client_id();
        let order = if doubt {
            drop(order);
            alone.book.reattach(id).unwrap()
        } else {
            order
        };
        alone.record(trade(alone.btc, "1", OrderSide::Sell, "1", "50000").order(id));
        order.complete(q("1")).unwrap();
        let open = alone.key(alone.btc).position.unwrap();
        assert_eq!((open.stop_loss(), open.take_profit()), (Some(p("52500")), Some(p("45000"))));
        assert_eq!(
            (open.targets_from, open.leverage),
            (TargetOrigin::Order(id), Some(posbook::Leverage::of(7)))
        );
    }
}

#[test]
fn a_position_born_without_an_order_takes_the_default_rule() {
    let rule = TargetRule::stop_fraction(f("0.02"));
    let alone = alone_with(Book::builder().default_rule(rule));
    alone.record(trade(alone.btc, "1", OrderSide::Buy, "1", "50000"));
    let open = alone.key(alone.btc).position.unwrap();
    assert_eq!((open.stop_loss(), open.targets_from), (Some(p("49000")), TargetOrigin::Default));
    // The other side of a flip is another position, protected on its own side.
    alone.record(trade(alone.btc, "2", OrderSide::Sell, "3", "40000"));
    let turned = alone.key(alone.btc).position.unwrap();
    assert_ne!(turned.id, open.id);
    assert_eq!((turned.side, turned.stop_loss()), (Side::Short, Some(p("40800"))));
    assert!(alone.key(alone.btc).troubles.is_empty());
    alone.folds();
}

#[test]
fn without_a_default_it_is_unprotected_visible_and_closed_to_new_risk_until_it_has_a_stop() {
    let alone = alone();
    let FillOutcome::Booked { notes } = alone.record(trade(alone.btc, "1", OrderSide::Buy, "1", "50000"))
    else {
        panic!("lost")
    };
    assert!(notes.contains(&FillNote::Unprotected));
    assert_eq!(
        (alone.troubles(alone.btc), alone.book.snapshot().totals().troubled),
        (vec![TroubleKind::Unprotected], 1)
    );
    assert!(matches!(alone.refused(alone.btc), Reason::Blocked { .. }));
    alone.book.apply(Command::retarget(alone.btc).stop(p("49000"))).unwrap();
    assert_eq!((alone.troubles(alone.btc), alone.book.snapshot().totals().troubled), (vec![], 0));
    assert!(alone.book.check(Command::scale_in(alone.btc, q("1"))).is_ok());
    // Closed, what was wrong with it went with it; the key is not blocked for the next life.
    alone.record(trade(alone.btc, "2", OrderSide::Sell, "2", "50000"));
    assert_eq!(alone.troubles(alone.btc), [TroubleKind::Unprotected]);
    alone.record(trade(alone.btc, "3", OrderSide::Buy, "1", "50000"));
    assert_eq!((alone.stands(alone.btc).as_str(), alone.troubles(alone.btc)), ("flat", vec![]));
    alone.folds();
}

#[test]
fn position_and_revision_guard_every_kind_of_decision() {
    let alone = alone();
    alone.long(alone.btc, "1");
    let (id, revision) = (alone.key(alone.btc).position.unwrap().id, alone.key(alone.btc).revision);
    // Closed and opened again in between: the same side, the same size.
    let close = alone.book.reserve(Command::close(alone.btc)).unwrap().sent().unwrap();
    alone.record(trade(alone.btc, "out", OrderSide::Sell, "1", "50000").order(close.client_id()));
    close.complete(q("1")).unwrap();
    alone.long(alone.btc, "1");
    let by_position: [Command; 4] = [
        Command::scale_in(alone.btc, q("1")).expect_position(id).into(),
        Command::scale_out(alone.btc, q("0.5")).expect_position(id).into(),
        Command::close(alone.btc).expect_position(id).into(),
        Command::retarget(alone.btc).stop(p("49000")).expect_position(id).into(),
    ];
    for wish in by_position {
        let refused = alone.book.check(wish).unwrap_err();
        assert!(matches!(refused.reason(), Reason::OtherPosition { .. }), "{refused}");
    }
    let by_revision: [Command; 2] = [
        Command::close(alone.btc).expect_revision(revision).into(),
        Command::retarget(alone.btc).stop(p("49000")).expect_revision(revision).into(),
    ];
    for wish in by_revision {
        let refused = alone.book.check(wish).unwrap_err();
        assert!(matches!(refused.reason(), Reason::OtherRevision { .. }), "{refused}");
    }
}
