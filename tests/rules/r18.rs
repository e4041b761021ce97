//! R18: quantity is contracts; dust is counted but harmless. Without it: the contract size of a record is ignored and
//! profit is wrong by a factor of 100, or a rest of 1e-8 that the venue will not take makes the exit pass send an order
//! that is refused every second; or a stop on spot, where fees are taken out of what is held, is sent off the step and refused.

use posbook::{
    Book, Command, ContractKind, Decimal, Instrument, InstrumentSpec, OrderSide, PriceSign, Reason, Side,
};

use crate::help::{TRAVEL, alone, both, desk_of, trade};
use crate::stage::{BTC, f, p, q};

#[tokio::test]
async fn profit_counts_the_contract_size_and_both_sides_agree_on_it() {
    let spec = InstrumentSpec::linear(BTC, "0.1", "1").unwrap().with_contract_size(q("0.01"));
    let desk = desk_of(vec![spec], TRAVEL, Book::builder());
    desk.price(BTC, "50000");
    desk.open(BTC, Side::Long, "100");
    assert_eq!(desk.manager.get_position(BTC).unwrap().cost, Decimal::from(50_000));
    desk.price(BTC, "51000");
    desk.manager.close_position(BTC, "out").await.unwrap();
    desk.arrive();
    // 100 contracts of 0.01 over 1,000: 1,000, not 100,000.
    assert_eq!(desk.key(BTC).ledger.realised, Decimal::from(1_000));
    assert_eq!(desk.venue.paper().ledger()[0].cash, Decimal::from(1_000));
    assert_eq!(desk.both(BTC), both("flat", "0"));
}

#[tokio::test]
async fn a_rest_below_the_minimum_is_closed_whole_and_an_open_on_it_takes_it_over() {
    let spec = InstrumentSpec { minimum: q("0.01"), ..InstrumentSpec::linear(BTC, "0.1", "0.001").unwrap() };
    let desk = desk_of(vec![spec], TRAVEL, Book::builder());
    desk.price(BTC, "50000");
    desk.open(BTC, Side::Long, "1");
    desk.manager.scale_out_position(BTC, q("0.995"), "nearly all").await.unwrap();
    desk.arrive();
    assert_eq!(desk.both(BTC), both("long 0.005", "0.005"));
    // It fires no exit, however far its stop is behind: the venue would refuse it every second.
    desk.price(BTC, "40000");
    let pass = desk.manager.update_positions().await;
    assert!(pass.closed.is_empty(), "R18: an exit of dust: {:?}", pass.closed);
    desk.price(BTC, "50000");
    // A part of it is no order; the other side is refused; the same side takes it over.
    assert!(desk.book().check(Command::scale_out(desk.id(BTC), q("0.004"))).is_err());
    assert!(desk.book().check(Command::open(desk.id(BTC), Side::Short, q("1"))).is_err());
    desk.manager.open_position(BTC, Side::Long, q("1"), 10, f("0.05")).await.unwrap();
    desk.arrive();
    assert_eq!(desk.both(BTC), both("long 1.005", "1.005"));
    desk.manager.close_position(BTC, "out").await.unwrap();
    desk.arrive();
    assert_eq!(desk.both(BTC), both("flat", "0"));
}

#[test]
fn what_is_fixed_stays_fixed_and_steps_may_be_revised_as_a_change() {
    let alone = alone();
    alone.long(alone.btc, "1");
    let revise = |spec: InstrumentSpec| alone.book.register(Instrument::new(spec).unwrap());
    let linear = |step| InstrumentSpec::linear(BTC, "0.1", step).unwrap();
    let size = linear("0.001").with_contract_size(q("0.01"));
    assert!(matches!(
        revise(size).unwrap_err().reason(),
        Reason::InstrumentFixed { field: "contract size", .. }
    ));
    let settle = InstrumentSpec { settle: "USDC".parse().unwrap(), ..linear("0.001") };
    assert!(matches!(revise(settle).unwrap_err().reason(), Reason::InstrumentFixed { .. }));
    let before = alone.book.snapshot().sequence();
    // Coarser than what is open: what we send is bound by it, what is there is not.
    assert_eq!(revise(linear("2")).unwrap(), alone.btc);
    assert_eq!(crate::help::since(&alone.book, before), [posbook::Kind::Registered]);
    assert!(alone.book.check(Command::scale_in(alone.btc, q("1"))).is_err());
    assert!(alone.book.check(Command::close(alone.btc)).is_ok());
    assert_eq!(alone.stands(alone.btc), "long 1");
    alone.folds();
}

#[test]
fn negative_prices_are_for_instruments_that_have_them() {
    let alone = alone();
    let spec = InstrumentSpec {
        prices: PriceSign::Any,
        ..InstrumentSpec::linear("CL/USD:USD", "0.01", "1").unwrap()
    };
    let oil = alone.book.register(Instrument::new(spec).unwrap()).unwrap();
    alone.book.mark(oil, p("-37")).unwrap();
    assert!(alone.book.mark(alone.btc, p("-37")).is_err());
    // Bought at 10, sold at -37: a loss of 47 a contract.
    alone.record(trade(oil, "1", OrderSide::Buy, "2", "10"));
    alone.record(trade(oil, "2", OrderSide::Sell, "2", "-37"));
    assert_eq!(alone.key(oil).ledger.realised, Decimal::from(-94));
    assert!(alone.book.check(Command::open(alone.btc, Side::Long, q("1")).at(p("-1"))).is_err());
    alone.folds();
}

/// On spot a fee leaves what is held off the step. What goes out is on it; the rest is dust, and nothing goes on about it.
#[tokio::test]
async fn a_close_on_spot_is_an_order_that_a_venue_takes_and_the_rest_ends_the_closing() {
    let spec = InstrumentSpec::linear("BTC/USDT", "0.1", "0.001").unwrap().of_kind(ContractKind::Spot);
    let (book, id) = {
        let book = Book::builder().build().unwrap();
        let id = book.register(Instrument::new(spec).unwrap()).unwrap();
        (book, id)
    };
    let buy = trade(id, "1", OrderSide::Buy, "1", "100").fee("0.0004", "BTC").unwrap();
    book.record(buy).unwrap();
    assert_eq!(book.snapshot().get(id).unwrap().quantity, q("0.9996"));
    let close = book.reserve(Command::close(id)).unwrap().sent().unwrap();
    assert_eq!(close.order().quantity, q("0.999"));
    book.record(trade(id, "2", OrderSide::Sell, "0.999", "110").order(close.client_id())).unwrap();
    assert!(book.snapshot().key(id).unwrap().closing.is_some(), "until the order is done");
    close.complete(q("0.999")).unwrap();
    let view = book.snapshot();
    let key = view.key(id).unwrap();
    assert_eq!((key.position.as_ref().unwrap().quantity, &key.closing), (q("0.0006"), &None));
    // Next time it is taken over; that it had no stop has been seen.
    book.apply(Command::Accept { key: key.key, reason: "seen".into() }).unwrap();
    book.mark(id, p("110")).unwrap();
    book.check(Command::open(id, Side::Long, q("1"))).unwrap();
}
