//! A book's own positions, written as ccxt writes them, read again, and held against the book: it agrees with itself.

use posbook::interop::ccxt::{self, Markets, Position, Row, Source};
use posbook::reconcile::{Policy, Ways, compare};
use posbook::venue::{Confirmations, Scope};
use posbook::{
    Book, ContractKind, Fill, Instrument, InstrumentSpec, Leg, OrderSide, PositionMode, Timestamp,
};

#[test]
fn what_a_book_writes_for_ccxt_is_what_it_has() {
    let book = Book::builder().build().unwrap();
    let third = "0.333".parse().unwrap();
    let spec = |symbol, price_step, step| InstrumentSpec::linear(symbol, price_step, step).unwrap();
    let inverse = spec("ETH/USD:ETH", "0.01", "1").of_kind(ContractKind::Inverse);
    let hedged = InstrumentSpec { mode: PositionMode::Hedge, ..spec("SOL/USDT:USDT", "0.01", "0.001") };
    let specs =
        [spec("BTC/USDT:USDT", "0.1", "0.001"), inverse.with_contract_size("100".parse().unwrap()), hedged];
    let [btc, eth, sol] = specs.map(|spec| book.register(Instrument::new(spec).unwrap()).unwrap());
    let mut trades = 0;
    let mut trade = |id, leg, side, quantity: &str, price: &str| {
        trades += 1;
        let (quantity, price) = (quantity.parse().unwrap(), price.parse().unwrap());
        let fill = Fill::trade(id, trades.to_string().parse().unwrap(), side, quantity, price);
        let fill = Fill { leg: Some(leg), ..fill.at(Timestamp::from_millis(trades)) };
        book.record(fill).unwrap();
    };
    trade(btc, Leg::Net, OrderSide::Sell, "2", "50000.1");
    trade(btc, Leg::Net, OrderSide::Sell, "1", "50001");
    trade(eth, Leg::Net, OrderSide::Buy, "7", "3000.01");
    trade(eth, Leg::Net, OrderSide::Buy, "3", "2999");
    trade(sol, Leg::Long, OrderSide::Buy, "0.333", "150.25");
    trade(sol, Leg::Short, OrderSide::Sell, "4", "151");

    let view = book.snapshot();
    let of = |open: &posbook::Position| {
        let instrument = view.instrument(open.key.instrument).unwrap();
        Row::Position(Position::of(open, instrument, Some("160".parse().unwrap())))
    };
    let written: Vec<Row> = view.iter().map(of).collect();
    assert_eq!(written.len(), 4);
    assert!(written.iter().any(|row| matches!(row, Row::Position(p) if p.contracts == third)));
    let markets = Markets::of_instruments(view.instruments().map(|(_, instrument)| instrument));
    let read = ccxt::positions(&ccxt::export(&written), &Source::new("own").with_markets(markets)).unwrap();
    assert_eq!(read.rows(), written);

    let report = read.report(Scope::All, Some(Timestamp::from_millis(1_000)));
    let policy = Policy { ways: Ways::thorough(), ..Policy::default() };
    let plan = compare(&view, &report, view.sequence(), &policy.into(), &[], &mut Confirmations::default());
    assert_eq!(plan.to_string(), "in agreement", "{plan:?}");
}
