//! Contracts of every kind: what a venue does on each beyond its arithmetic, which `ledger` tests by hand.

use super::*;
use crate::model::{ContractKind, Currency};

const INVERSE: &str = "BTC/USD:BTC";
const SPOT: &str = "BTC/USDT";

fn kinds(faults: Faults) -> PaperVenue {
    let spec = |symbol: &str, steps: [&str; 2], kind, size: &str| {
        let spec = InstrumentSpec::linear(symbol, steps[0], steps[1]).unwrap();
        Instrument::new(spec.of_kind(kind).with_contract_size(qty(size))).unwrap()
    };
    let venue = PaperVenue::builder()
        .faults(faults)
        .partial(100)
        .instruments(vec![
            spec(INVERSE, ["0.1", "1"], ContractKind::Inverse, "100"),
            spec(SPOT, ["0.01", "0.001"], ContractKind::Spot, "1"),
        ])
        .build();
    tick(&venue, INVERSE, "30000", 1);
    tick(&venue, SPOT, "30000", 1);
    venue
}

fn on(symbol: &str, request: OrderRequest) -> OrderRequest {
    OrderRequest { symbol: sym(symbol), ..request }
}

/// Ticks of both until nothing is left to fill.
fn fill_up(venue: &PaperVenue) {
    for n in 2..8 {
        tick(venue, INVERSE, "30000", n);
        tick(venue, SPOT, "30000", n);
    }
}

#[test]
fn on_a_spot_market_nobody_sells_what_is_not_held() {
    let venue = kinds(Faults::off());
    let first = venue.submit(on(SPOT, order(1, OrderSide::Sell, "1")));
    fill_up(&venue);
    assert_eq!(block_on(first).unwrap().status, is("0", Outcome::Cancelled), "there was nothing");
    let bought = venue.submit(on(SPOT, order(2, OrderSide::Buy, "1")));
    fill_up(&venue);
    assert_eq!(block_on(bought).unwrap().status, is("1", Outcome::Filled));
    assert!(
        venue.place_foreign(&sym(SPOT), Leg::Net, OrderSide::Sell, qty("1")).is_err(),
        "the fee is not there"
    );
    // A sell that is not reduce-only is cut off at what is held all the same.
    let sold = venue.submit(on(SPOT, order(3, OrderSide::Sell, "2")));
    fill_up(&venue);
    assert_eq!(block_on(sold).unwrap().status, is("0.9996", Outcome::Cancelled));
    let account = venue.ledger().into_iter().find(|a| a.symbol == sym(SPOT)).unwrap();
    assert_eq!((account.quantity, account.base_fees), (d("0"), d("0.0004")));
    assert!(report(&venue).is_empty());
}

/// What the messages say is what the ledger has: quantities with their fees in kind, and every fee in its currency.
#[test]
fn the_messages_of_a_spot_market_add_up_to_its_account() {
    let venue = kinds(Faults::off());
    for (sequence, side) in [(1, OrderSide::Buy), (2, OrderSide::Buy), (3, OrderSide::Sell)] {
        drop(venue.submit(on(SPOT, order(sequence, side, "0.7"))));
        fill_up(&venue);
    }
    let [btc, usdt] = ["BTC", "USDT"].map(|name| name.parse::<Currency>().unwrap());
    let (mut held, mut in_kind, mut in_quote) = (d("0"), d("0"), d("0"));
    for VenueFill { fill, .. } in all_fills(&venue) {
        let signed = if fill.side == OrderSide::Buy { fill.quantity.get() } else { -fill.quantity.get() };
        held += signed - fill.fees.of(&btc);
        in_kind += fill.fees.of(&btc);
        in_quote += fill.fees.of(&usdt);
    }
    let account = &venue.ledger()[0];
    assert_eq!((account.quantity, account.base_fees, account.fees), (held, in_kind, in_quote));
    assert!(in_kind > d("0") && in_quote > d("0"));
}

#[test]
fn an_inverse_order_without_trade_ids_fills_in_one_part_whose_price_is_exact() {
    let venue = kinds(only(Fault::NoTradeId));
    for sequence in 1..20 {
        let sent = venue.submit(on(INVERSE, order(sequence, OrderSide::Buy, "37")));
        assert_eq!(block_on(sent).unwrap().status, is("37", Outcome::Filled));
    }
    assert!(all_fills(&venue).iter().all(|fill| fill.fill.price == "30000".parse().unwrap()));
}

#[test]
fn what_was_bought_outright_is_not_liquidated() {
    let venue = kinds(only(Fault::Liquidation));
    for symbol in [SPOT, INVERSE] {
        venue.place_foreign(&sym(symbol), Leg::Net, OrderSide::Buy, qty("3")).unwrap();
    }
    for second in 1..30 {
        tick(&venue, SPOT, "20000", second * 1_000);
        tick(&venue, INVERSE, "20000", second * 1_000);
    }
    let open: Vec<_> = report(&venue).into_iter().map(|row| row.symbol).collect();
    assert_eq!(open, [sym(SPOT)]);
}
