//! R4: a fill is never lost. Without it: a venue refines its quantity step, a fill of 0.00015 is refused as off the step
//! of 0.0001, and the book runs on believing it is flat while the account is not.

use posbook::venue::{FillCursor, FillPage, VenueFill};
use posbook::{
    Command, Decimal, Effect, FillNote, FillOutcome, Instrument, InstrumentId, Kind, Leg, OrderSide, Reason,
    Settlement, Side, TroubleKind,
};

use crate::help::{alone, both, desk, since, trade};
use crate::stage::{BTC, p, q, world};

#[tokio::test]
async fn a_fill_finer_than_the_step_is_booked_and_can_be_closed() {
    let desk = desk();
    // The venue refines the step of BTC from 0.001 to 0.00005; the bot has not heard of it.
    desk.venue.paper().list(Instrument::linear(BTC, "0.1", "0.00005").unwrap()).unwrap();
    desk.venue.paper().place_foreign(&BTC.parse().unwrap(), Leg::Net, OrderSide::Buy, q("0.00015")).unwrap();
    desk.manager.update_positions().await;
    assert_eq!(desk.both(BTC), both("long 0.00015", "0.00015"));
    // What we send is bound by the steps that we know; all that is left may go whatever its size.
    let part = desk.book().check(Command::scale_out(desk.id(BTC), q("0.0001"))).unwrap_err();
    assert!(matches!(part.reason(), Reason::NotOnStep { .. } | Reason::BelowMinimum { .. }), "{part}");
    desk.manager.close_position(BTC, "out").await.unwrap();
    desk.arrive();
    assert_eq!(desk.both(BTC), both("flat", "0"));
}

#[test]
fn what_cannot_be_folded_is_kept_as_it_came_and_blocks_until_it_is_accepted() {
    let alone = alone();
    alone.long(alone.btc, "1");
    let before = alone.book.snapshot().sequence();
    let negative = trade(alone.btc, "odd", OrderSide::Sell, "1", "50000");
    let negative = posbook::Fill { price: posbook::Price::new(Decimal::from(-5)).unwrap(), ..negative };
    assert!(matches!(alone.record(negative.clone()), FillOutcome::Unbooked { .. }));
    assert_eq!(
        since(&alone.book, before),
        [Kind::Unbooked],
        "R4: a fill that was not booked is kept nowhere"
    );
    let unit = alone.book.changes_after(before).try_next().unwrap().unwrap();
    assert_eq!(unit[0].command(), &Command::Record(negative.clone()));
    assert_eq!(alone.stands(alone.btc), "long 1");
    assert_eq!(alone.troubles(alone.btc), [TroubleKind::Unbooked]);
    assert!(alone.key(alone.btc).troubles[0].detail.contains("odd"));
    assert!(matches!(alone.refused(alone.btc), Reason::Blocked { .. }));
    // Delivered again, it is one trouble; the way out is open.
    assert_eq!(alone.record(negative), FillOutcome::Duplicate);
    drop(alone.book.reserve(Command::close(alone.btc)).unwrap());
    alone.book.apply(Command::Accept { key: alone.btc.into(), reason: "corrected".into() }).unwrap();
    assert!(alone.book.check(Command::scale_in(alone.btc, q("1"))).is_ok());
    alone.folds();
}

#[test]
fn a_fill_of_an_instrument_that_is_not_registered_is_kept_and_counted() {
    let alone = alone();
    let before = alone.book.snapshot().sequence();
    let stranger = trade(InstrumentId(99), "1", OrderSide::Buy, "1", "5");
    assert!(matches!(alone.record(stranger.clone()), FillOutcome::Unbooked { .. }));
    assert_eq!(alone.record(stranger.clone()), FillOutcome::Duplicate);
    let unit = alone.book.changes_after(before).try_next().unwrap().unwrap();
    assert!(matches!(&unit[0].effect, Effect::Stray { fill, .. } if **fill == stranger));
    assert_eq!((alone.book.snapshot().totals().strays, unit.len()), (1, 1));
    alone.folds();
}

#[test]
fn only_what_is_no_fill_is_rejected() {
    let alone = alone();
    let before = alone.book.snapshot().digest();
    let nothing = posbook::Fill {
        quantity: posbook::Quantity::ZERO,
        ..trade(alone.btc, "1", OrderSide::Buy, "1", "5")
    };
    assert!(matches!(alone.book.record(nothing).unwrap_err().reason(), Reason::OutOfRange { .. }));
    assert_eq!(alone.book.snapshot().digest(), before);
    // No venue id is no name.
    assert!("".parse::<posbook::Reference>().is_err());
}

#[test]
fn a_fill_is_booked_whatever_state_its_key_is_in() {
    let alone = alone();
    alone.long(alone.btc, "1");
    let key = alone.btc.into();
    let asked = alone.book.snapshot().sequence();
    alone.book.apply(Command::Quarantine { key, why: "looked at".into(), asked: Some(asked) }).unwrap();
    drop(alone.book.reserve(Command::close(alone.btc)).unwrap().sent().unwrap());
    assert_eq!(alone.book.snapshot().totals().in_doubt, 1);
    let FillOutcome::Booked { notes } = alone.record(trade(alone.btc, "x", OrderSide::Sell, "0.25", "50000"))
    else {
        panic!("lost")
    };
    assert!(notes.contains(&FillNote::Unordered));
    assert_eq!(alone.stands(alone.btc), "long 0.75");
    // Beyond the order, on the wrong side of it: booked, and flagged.
    let id = alone.book.reservations()[0].client_id;
    let FillOutcome::Booked { notes } =
        alone.record(trade(alone.btc, "y", OrderSide::Buy, "5", "50000").order(id))
    else {
        panic!("lost")
    };
    assert!(notes.contains(&FillNote::WrongSide) && notes.contains(&FillNote::Overfilled));
    assert_eq!(alone.stands(alone.btc), "long 5.75");
    alone.folds();
}

#[tokio::test]
async fn one_fill_that_cannot_be_booked_holds_up_none_of_its_page() {
    let world = world();
    world.price(BTC, "50000");
    let good = |name: &str| world.foreign(BTC, name, OrderSide::Buy, "1", "50000");
    let mut odd = good("odd");
    odd.fill.price = posbook::Price::new(Decimal::from(-1)).unwrap();
    let mut stranger = good("stranger");
    stranger.symbol = "NEW/USDT:USDT".parse().unwrap();
    let mut nothing: VenueFill = good("nothing");
    nothing.fill.quantity = posbook::Quantity::ZERO;
    let fills = vec![nothing, odd, good("a"), stranger, good("b")];
    world.venue.on_fills(move |_| Ok(FillPage { fills, next: FillCursor(5) }));
    world.manager.pull_fills().await.unwrap();
    assert_eq!((world.stands(BTC).as_str(), world.book().snapshot().totals().strays), ("long 2", 1));
    assert!(world.key(BTC).troubles.iter().any(|t| t.kind == TroubleKind::Unbooked));
    assert_eq!(world.manager.get_position(BTC).unwrap().side, Side::Long);
    assert_eq!(world.manager.get_position(BTC).unwrap().cost, p("100000").get());
}

/// Whichever comes first, the fill or the figure: an order does not wait for ever for a fill that came and could not be
/// booked. What it did is missing, and its key says so.
#[test]
fn an_order_whose_fill_cannot_be_booked_ends_and_its_key_stays_blocked() {
    for figure_first in [true, false] {
        let alone = alone();
        let order = alone.sent_open(alone.btc, "1");
        // Worth less than the smallest money: its cash would be rounded to nothing.
        let fill =
            trade(alone.btc, "1", OrderSide::Buy, "0.0000000000000001", "50000").order(order.client_id());
        let figure = q("0.0000000000000001");
        if figure_first {
            assert_eq!(order.refused(figure, "cancelled").unwrap(), Settlement::AwaitingFills);
            assert!(matches!(alone.record(fill), FillOutcome::Unbooked { .. }));
        } else {
            assert!(matches!(alone.record(fill), FillOutcome::Unbooked { .. }));
            assert_eq!(order.refused(figure, "cancelled").unwrap(), Settlement::Settled);
        }
        assert!(alone.book.reservations().is_empty(), "an order without a way out");
        assert!(matches!(alone.refused(alone.btc), Reason::Blocked { .. }));
        alone.book.apply(Command::Accept { key: alone.btc.into(), reason: "seen".into() }).unwrap();
        drop(alone.sent_open(alone.btc, "1"));
        alone.folds();
    }
}
