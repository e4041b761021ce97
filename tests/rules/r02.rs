//! R2: only venue fills move quantity. Without it: a limit order for 10 fills 4 and is cancelled, the book stores the 10
//! that were asked for, and the stop later sells 6 that nobody holds.

use posbook::venue::{Answer, FillCursor, FillPage, OrderEnd, OrderStatus};
use posbook::{
    Book, Command, Decimal, Fill, FillNote, FillOutcome, Limits, OrderSide, OrderState, OrderStep, Reason,
    Settlement, Side, TroubleKind,
};

use crate::help::{Alone, alone, alone_with, trade};
use crate::stage::*;

#[tokio::test]
async fn the_stop_of_a_part_filled_order_sells_what_was_filled() {
    let world = world();
    let copy = world.clone();
    world.venue.on_submit(move |order| {
        // The venue fills 4 of 10 and cancels the rest; its own books know of the 4.
        let part = posbook::venue::OrderRequest { quantity: q("4"), ..order.clone() };
        use posbook::venue::Venue;
        let Answer { fills, .. } = pollster::block_on(copy.venue.paper().submit(part)).unwrap();
        Ok(Answer { status: cancelled("4"), fills })
    });
    let report = world.manager.open_position(BTC, Side::Long, q("10"), 10, f("0.05")).await.unwrap();
    assert_eq!((report.end, report.filled), (OrderEnd::Refused("cancelled".into()), Some(q("4"))));
    world.price(BTC, "47500");
    world.manager.update_positions().await;
    assert_eq!(world.venue.sent()[1].quantity, q("4"));
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
}

#[tokio::test]
async fn an_answer_without_fills_is_a_claim_and_moves_nothing() {
    let world = world();
    world.venue.on_submit(|_| says(OrderStatus::Working { filled: q("0.4") }));
    world.manager.open_position(BTC, Side::Long, q("1"), 10, f("0.05")).await.unwrap();
    assert_eq!(world.stands(BTC), "flat");
    world.venue.on_order(|_| Ok(OrderStatus::Working { filled: q("0.7") }));
    world.manager.update_positions().await;
    assert_eq!((world.stands(BTC).as_str(), world.unresolved()), ("flat", 1));
    let order = world.venue.sent()[0].clone();
    let fills = vec![world.fill(&order, "t1", "0.7", "50000")];
    world.venue.on_fills(move |_| Ok(FillPage { fills, next: FillCursor(1) }));
    world.venue.on_order(|_| Ok(cancelled("0.7")));
    world.manager.update_positions().await;
    assert_eq!((world.stands(BTC).as_str(), world.unresolved()), ("long 0.7", 0));
}

#[test]
fn both_endings_carry_the_venues_figure_and_settle_when_the_fills_reach_it() {
    for refused in [false, true] {
        let alone = alone();
        let order = alone.sent_open(alone.btc, "1");
        let id = order.client_id();
        alone.record(trade(alone.btc, "1", OrderSide::Buy, "0.1", "50000").order(id));
        let end = |order: posbook::Sent, figure| match refused {
            true => order.refused(q(figure), "cancelled"),
            false => order.complete(q(figure)),
        };
        assert_eq!(end(order, "0.4").unwrap(), Settlement::AwaitingFills);
        assert_eq!(alone.book.reservations()[0].state, OrderState::Settling(q("0.4")));
        alone.record(trade(alone.btc, "2", OrderSide::Buy, "0.2", "50000").order(id));
        assert_eq!(alone.book.reservations().len(), 1);
        alone.record(trade(alone.btc, "3", OrderSide::Buy, "0.1", "50000").order(id));
        assert_eq!((alone.book.reservations().len(), alone.stands(alone.btc).as_str()), (0, "long 0.4"));
        alone.folds();
    }
}

#[test]
fn a_settling_order_claims_its_key_and_counts_in_the_limits() {
    let limits = Limits { positions: 1, book_notional: Decimal::from(60_000), ..Limits::default() };
    let alone = alone_with(Book::builder().limits(limits));
    let order = alone.sent_open(alone.btc, "1");
    let id = order.client_id();
    order.complete(q("1")).unwrap();
    // The venue is done with it, its fill is not here yet: neither a second position nor a second order.
    assert!(matches!(alone.refused(alone.btc), Reason::AlreadyReserved { .. }));
    assert!(matches!(alone.refused(alone.eth), Reason::Limit { which: "positions", .. }));
    let money = alone.book.snapshot().totals().money(&"USDT".parse().unwrap());
    assert_eq!((money.in_flight, money.exposure), (Decimal::from(50_000), Decimal::ZERO));
    alone.record(trade(alone.btc, "1", OrderSide::Buy, "1", "50000").order(id));
    let money = alone.book.snapshot().totals().money(&"USDT".parse().unwrap());
    assert_eq!((money.in_flight, money.exposure), (Decimal::ZERO, Decimal::from(50_000)));
    // In the limits a figure below the quantity counts as that figure.
    let more = alone.book.reserve(Command::scale_in(alone.btc, q("0.2"))).unwrap().sent().unwrap();
    more.refused(q("0.1"), "cancelled").unwrap();
    let money = alone.book.snapshot().totals().money(&"USDT".parse().unwrap());
    assert_eq!(money.in_flight, Decimal::from(5_000));
}

#[test]
fn nothing_but_the_venues_word_ends_an_order_that_was_sent() {
    let alone = alone();
    let order = alone.sent_open(alone.btc, "1");
    let (key, id) = (alone.btc.into(), order.client_id());
    for _ in 0..2 {
        let release = Command::Step { key, order: id, step: OrderStep::Release };
        let refused = alone.book.apply(release).unwrap_err();
        assert!(matches!(refused.reason(), Reason::OrderState { .. }), "{refused}");
        let again = Command::Step { key, order: id, step: OrderStep::Sent };
        assert!(alone.book.apply(again).is_err(), "sent twice");
        order.working(q("0")).unwrap();
    }
    assert_eq!(alone.book.reservations().len(), 1);
    // A final figure does not come alive again.
    order.complete(q("1")).unwrap();
    assert!(alone.book.reattach(id).unwrap().working(q("0")).is_err());
}

fn cumulative(alone: &Alone, id: posbook::ClientOrderId, so_far: &str, average: &str) -> FillOutcome {
    alone.record(Fill::cumulative(alone.btc, id, OrderSide::Buy, q(so_far), p(average)))
}

#[test]
fn cumulative_figures_are_booked_by_what_is_new_of_them() {
    let alone = alone();
    let order = alone.sent_open(alone.btc, "1");
    let id = order.client_id();
    let booked = |outcome| matches!(outcome, FillOutcome::Booked { .. });
    assert!(booked(cumulative(&alone, id, "0.3", "50000")));
    assert_eq!(cumulative(&alone, id, "0.3", "50000"), FillOutcome::Duplicate);
    assert!(booked(cumulative(&alone, id, "0.5", "50100")));
    // Earlier figures that come late, the first one again among them.
    assert_eq!(cumulative(&alone, id, "0.4", "50050"), FillOutcome::Duplicate);
    assert_eq!(cumulative(&alone, id, "0.3", "50000"), FillOutcome::Duplicate);
    assert_eq!(alone.stands(alone.btc), "long 0.5");
    assert!(booked(cumulative(&alone, id, "1", "50200")));
    assert_eq!(order.complete(q("1")).unwrap(), Settlement::Settled);
    let key = alone.key(alone.btc);
    // Quantity x average of the last figure, exactly.
    assert_eq!((key.ledger.cash, alone.stands(alone.btc).as_str()), (Decimal::from(-50_200), "long 1"));
    assert_eq!(key.position.unwrap().entry_price(), Decimal::from(50_200));
    // Late figures of a finished order are in the figure that finished it.
    assert_eq!(cumulative(&alone, id, "0.7", "50150"), FillOutcome::Duplicate);
    assert_eq!(cumulative(&alone, id, "1", "50200"), FillOutcome::Duplicate);
    assert_eq!(alone.stands(alone.btc), "long 1");
    alone.folds();
}

#[test]
fn one_order_has_one_source() {
    for cumulative_first in [true, false] {
        let alone = alone();
        let id = alone.sent_open(alone.btc, "1").detach();
        let so_far = |quantity| Fill::cumulative(alone.btc, id, OrderSide::Buy, q(quantity), p("50000"));
        let one = |name, quantity| trade(alone.btc, name, OrderSide::Buy, quantity, "50000").order(id);
        let (first, second) = match cumulative_first {
            true => (so_far("0.5"), one("1", "0.5")),
            false => (one("1", "0.5"), so_far("0.6")),
        };
        alone.record(first);
        let before = alone.book.snapshot().digest();
        let refused = alone.book.record(second).unwrap_err();
        assert!(matches!(refused.reason(), Reason::MixedSources { .. }), "{refused}");
        assert_eq!((alone.book.snapshot().digest(), alone.stands(alone.btc).as_str()), (before, "long 0.5"));
        // A trade of it that comes after its end was in the figure: kept, not booked, and somebody has to look.
        if cumulative_first {
            alone.book.reattach(id).unwrap().complete(q("0.5")).unwrap();
            let late = alone.record(one("1", "0.5"));
            assert!(matches!(late, FillOutcome::Unbooked { .. }), "{late:?}");
            assert_eq!(alone.stands(alone.btc), "long 0.5");
            assert_eq!(alone.troubles(alone.btc), [TroubleKind::Unbooked]);
        }
    }
}

#[test]
fn a_fill_of_a_settled_order_is_booked_flagged_and_blocks_until_it_is_accepted() {
    let alone = alone();
    let order = alone.sent_open(alone.btc, "1");
    let id = order.client_id();
    alone.record(trade(alone.btc, "1", OrderSide::Buy, "0.4", "50000").order(id));
    order.refused(q("0.4"), "cancelled").unwrap();
    let late = alone.record(trade(alone.btc, "2", OrderSide::Buy, "0.6", "50000").order(id));
    let FillOutcome::Booked { notes } = late else { panic!("{late:?}") };
    assert!(notes.contains(&FillNote::AfterFinal));
    assert_eq!(alone.stands(alone.btc), "long 1");
    assert_eq!(alone.troubles(alone.btc), [TroubleKind::AfterFinal]);
    assert!(matches!(alone.refused(alone.btc), Reason::Blocked { .. }));
    // Reductions are no new risk.
    drop(alone.book.reserve(Command::scale_out(alone.btc, q("0.5"))).unwrap());
    alone.book.apply(Command::Accept { key: alone.btc.into(), reason: "seen".into() }).unwrap();
    assert!(alone.book.check(Command::scale_in(alone.btc, q("1"))).is_ok());
    alone.folds();
}

#[test]
fn a_fill_finds_its_reservation_by_client_order_id_not_by_what_stands_there() {
    let alone = alone();
    alone.long(alone.btc, "1");
    let (first, second) = (
        alone.book.reserve(Command::scale_in(alone.btc, q("0.3"))).unwrap().sent().unwrap(),
        alone.book.reserve(Command::scale_in(alone.btc, q("0.2"))).unwrap().sent().unwrap(),
    );
    alone.record(trade(alone.btc, "a", OrderSide::Buy, "0.2", "50000").order(second.client_id()));
    assert_eq!(second.complete(q("0.2")).unwrap(), Settlement::Settled);
    assert_eq!(first.complete(q("0.3")).unwrap(), Settlement::AwaitingFills);
    assert_eq!(alone.stands(alone.btc), "long 1.2");
}
