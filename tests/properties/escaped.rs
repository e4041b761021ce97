//! Faults that escaped the first tests and were found by somebody who tried to break the book: one test each, so that
//! they stay mended.

use std::time::Duration;

use posbook::{
    Adoption, Book, ClientOrderId, Clock, Command, DropPosition, Fill, FillNote, FillOutcome, Instrument,
    InstrumentId, InstrumentSpec, OrderSide, OrderState, PositionKey, Quantity, Reason, Reference, Sequence,
    Side, Timestamp,
};

fn trade(id: InstrumentId, name: &str, side: OrderSide, quantity: &str, price: &str, ms: i64) -> Fill {
    let name: Reference = name.parse().unwrap();
    Fill::trade(id, name, side, quantity.parse().unwrap(), price.parse().unwrap())
        .at(Timestamp::from_millis(ms))
}

fn book() -> (Book, InstrumentId, Clock) {
    let clock = Clock::manual(Timestamp::from_millis(1_000_000));
    let book = Book::builder().clock(clock.clone()).identity(7, 1).build().unwrap();
    let spec = InstrumentSpec {
        minimum: "0.001".parse().unwrap(),
        ..InstrumentSpec::linear("BTC/USDT:USDT", "0.1", "0.0005").unwrap()
    };
    let id = book.register(Instrument::new(spec).unwrap()).unwrap();
    book.mark(id, "50000".parse().unwrap()).unwrap();
    (book, id, clock)
}

#[test]
fn r18_an_open_that_takes_dust_over_brings_its_own_stop_and_leverage() {
    let (book, id, _) = book();
    let order = |quantity: &str, stop, leverage| {
        Command::open(id, Side::Long, quantity.parse().unwrap()).leverage(leverage).stop(stop).unwrap()
    };
    let first = book.reserve(order("1", "0.05", 10)).unwrap().sent().unwrap();
    book.record(trade(id, "1", OrderSide::Buy, "1", "50000", 1).order(first.client_id())).unwrap();
    first.complete("1".parse().unwrap()).unwrap();
    book.record(trade(id, "2", OrderSide::Sell, "0.9995", "50000", 2)).unwrap();
    book.mark(id, "54000".parse().unwrap()).unwrap();
    let second = book.reserve(order("1", "0.01", 3)).unwrap().sent().unwrap();
    book.record(trade(id, "3", OrderSide::Buy, "1", "54000", 3).order(second.client_id())).unwrap();
    second.complete("1".parse().unwrap()).unwrap();
    let view = book.snapshot();
    let open = view.get(id).unwrap();
    assert_eq!(open.quantity, "1.0005".parse().unwrap());
    assert_eq!(open.stop_loss(), Some("53460".parse().unwrap()));
    assert_eq!(open.leverage, Some(posbook::Leverage::of(3)));
}

#[test]
fn r08_a_fill_of_an_order_of_another_run_from_before_an_adoption_moves_no_quantity() {
    let (book, id, _) = book();
    let (side, asked) = (Side::Long, book.snapshot().sequence());
    let (quantity, entry) = ("1".parse().unwrap(), "50000".parse().unwrap());
    let report_time = Some(Timestamp::from_millis(1_000));
    let key = PositionKey::net(id);
    let found = Adoption { key, side, quantity, entry, leverage: None, rule: None, asked, report_time };
    book.apply(Command::Adopt(found)).unwrap();
    let earlier = ClientOrderId { book: 77, epoch: 1, sequence: Sequence(5_000) };
    let done = book.record(trade(id, "1", OrderSide::Buy, "1", "49000", 900).order(earlier)).unwrap();
    assert_eq!(done.outcome, FillOutcome::Booked { notes: vec![FillNote::Replaced].into() });
    let view = book.snapshot();
    assert_eq!(view.get(id).unwrap().quantity, quantity);
    assert_eq!(view.get(id).unwrap().entry_price(), "49000".parse().unwrap());
}

#[test]
fn r08_the_fill_that_closed_a_dropped_position_opens_nothing_when_it_comes_late() {
    let (book, id, _) = book();
    book.record(trade(id, "1", OrderSide::Buy, "1", "50000", 1_000)).unwrap();
    let position = book.snapshot().get(id).unwrap().id;
    let (key, asked) = (PositionKey::net(id), book.snapshot().sequence());
    let report_time = Some(Timestamp::from_millis(3_000));
    let reason = "the venue does not have it".to_owned();
    book.apply(Command::Drop(DropPosition { key, position, asked, report_time, reason })).unwrap();
    book.record(trade(id, "2", OrderSide::Sell, "1", "49000", 2_000)).unwrap();
    assert!(book.snapshot().is_empty(), "a position nobody has");
    // What is younger than the report is news.
    book.record(trade(id, "3", OrderSide::Sell, "1", "49000", 4_000)).unwrap();
    assert_eq!(book.snapshot().get(id).unwrap().side, Side::Short);
}

#[test]
fn r04_a_final_figure_that_the_venue_took_back_swallows_no_later_fill() {
    let (book, id, _) = book();
    let wish = Command::open(id, Side::Long, "1".parse().unwrap()).stop("0.05").unwrap();
    let order = book.reserve(wish).unwrap().sent().unwrap();
    let name = order.client_id();
    book.record(trade(id, "1", OrderSide::Buy, "0.4", "50000", 1).order(name)).unwrap();
    order.complete("0.6".parse().unwrap()).unwrap(); // settling: 0.2 is missing
    // A replica that lags says less too: the claim stays, and only a person takes the figure back.
    let less = book.reattach(name).unwrap().refused("0.4".parse().unwrap(), "no, 0.4").unwrap_err();
    assert!(matches!(less.reason(), Reason::FinalTakenBack { .. }), "{less}");
    assert!(matches!(book.reservations()[0].state, OrderState::Settling(_)));
    book.reattach(name).unwrap().corrected("0.4".parse().unwrap(), "they said so").unwrap();
    let later = Fill::cumulative(id, name, OrderSide::Buy, "0.6".parse().unwrap(), "50000".parse().unwrap());
    let done = book.record(later).unwrap();
    assert!(matches!(done.outcome, FillOutcome::Unbooked { .. }), "{:?}", done.outcome);
}

#[test]
fn r07_a_key_can_be_made_closing_while_everything_is_in_flight_to_be_reduced() {
    let (book, id, _) = book();
    book.record(trade(id, "1", OrderSide::Buy, "1", "50000", 1)).unwrap();
    book.apply(Command::Accept { key: id.into(), reason: "no rule wanted".into() }).unwrap();
    let resting = book.reserve(Command::scale_out(id, "1".parse().unwrap())).unwrap().sent().unwrap();
    assert!(book.reserve(Command::close(id)).is_err(), "nothing is free");
    let position = book.snapshot().get(id).unwrap().id;
    book.apply(Command::StartClosing { key: id.into(), position: Some(position), cause: "stop loss".into() })
        .unwrap();
    resting.refused(Quantity::ZERO, "cancelled").unwrap();
    let view = book.snapshot();
    assert_eq!(view.key(id).unwrap().closing.as_ref().unwrap().cause, "stop loss");
    assert!(book.reserve(Command::scale_in(id, "1".parse().unwrap())).is_err());
    assert!(book.reserve(Command::close(id)).is_ok());
}

#[test]
fn r06_a_claim_that_was_never_sent_and_never_dropped_expires_and_can_no_longer_be_sent() {
    let (book, id, clock) = book();
    let wish = || Command::open(id, Side::Long, "1".parse().unwrap()).patience(Duration::from_secs(5));
    let held = book.reserve(wish()).unwrap();
    clock.set(Timestamp::from_millis(1_010_000));
    assert_eq!(book.expire(), 1);
    assert!(held.sent().is_err(), "an order would leave without a claim");
    assert!(book.reserve(wish()).is_ok());
}

#[test]
fn r11_a_mark_from_the_future_is_not_fresh() {
    let (book, id, clock) = book();
    assert!(book.fresh_mark(id).is_some());
    clock.set(Timestamp::from_millis(500_000));
    assert!(book.fresh_mark(id).is_none(), "the clock was set back: the mark's age is not known");
}

#[test]
fn an_instrument_registered_by_command_can_be_marked() {
    let (book, _, _) = book();
    book.apply(Command::Register(Instrument::linear("ETH/USDT:USDT", "0.01", "0.001").unwrap())).unwrap();
    let eth = book.instrument("ETH/USDT:USDT").unwrap();
    assert!(book.mark(eth, "3000".parse().unwrap()).is_ok());
}

#[test]
fn r13_a_negative_cost_makes_no_room_in_the_limit_of_the_book() {
    let limits = posbook::Limits { book_notional: 1_000.into(), ..posbook::Limits::default() };
    let book = Book::builder().limits(limits).build().unwrap();
    let oil = InstrumentSpec {
        prices: posbook::PriceSign::Any,
        ..InstrumentSpec::linear("CL/USD:USD", "0.01", "1").unwrap()
    };
    let oil = book.register(Instrument::new(oil).unwrap()).unwrap();
    let spread = book.register(Instrument::linear("HO/USD:USD", "0.01", "1").unwrap()).unwrap();
    book.record(trade(oil, "1", OrderSide::Buy, "20", "-37", 1)).unwrap();
    let wish = Command::open(spread, Side::Long, "1".parse().unwrap()).at("450".parse().unwrap());
    assert!(book.reserve(wish).unwrap_err().to_string().contains("notional of the book"));
}

#[test]
fn r18_an_open_made_on_dust_leaves_the_targets_of_what_the_dust_has_become() {
    let spec = InstrumentSpec {
        minimum: "0.01".parse().unwrap(),
        ..InstrumentSpec::linear("BTC/USDT:USDT", "0.1", "0.001").unwrap()
    };
    let book = Book::builder().build().unwrap();
    let id = book.register(Instrument::new(spec).unwrap()).unwrap();
    book.mark(id, "50000".parse().unwrap()).unwrap();
    book.record(trade(id, "dust", OrderSide::Buy, "0.005", "50000", 1)).unwrap();
    book.apply(Command::Accept { key: id.into(), reason: "no rule wanted".into() }).unwrap();
    let wish = Command::open(id, Side::Long, "1".parse().unwrap()).stop("0.05").unwrap();
    let order = book.reserve(wish).unwrap().sent().unwrap();
    // Before it fills, somebody adds by hand and protects the whole.
    book.record(trade(id, "by hand", OrderSide::Buy, "3", "50000", 2)).unwrap();
    book.apply(Command::retarget(id).stop("49900".parse().unwrap())).unwrap();
    book.record(trade(id, "1", OrderSide::Buy, "1", "50000", 3).order(order.client_id())).unwrap();
    assert_eq!(book.snapshot().get(id).unwrap().stop_loss(), Some("49900".parse().unwrap()));
}

#[test]
fn r05_a_stop_that_rounds_onto_the_price_gives_way_to_the_books_rule() {
    let rule = posbook::TargetRule::stop_fraction("0.05".parse().unwrap());
    let book = Book::builder().default_rule(rule).build().unwrap();
    let id = book.register(Instrument::linear("XRP/USDT:USDT", "1", "1").unwrap()).unwrap();
    book.mark(id, "1000".parse().unwrap()).unwrap();
    let wish = Command::open(id, Side::Long, "1".parse().unwrap()).stop("0.002").unwrap();
    let order = book.reserve(wish).unwrap().sent().unwrap();
    // It fills far below where it was asked for: two thousandths are less than a step there.
    book.record(trade(id, "1", OrderSide::Buy, "1", "100", 1).order(order.client_id())).unwrap();
    let view = book.snapshot();
    assert_eq!(view.get(id).unwrap().stop_loss(), Some("95".parse().unwrap()));
    assert!(view.key(id).unwrap().troubles.is_empty());
}
