//! Trades, tickers and order states: quirks 15, 19 and 20 of the data, and what is no answer.

use posbook::interop::ccxt::{self, Source};
use posbook::venue::{OrderStatus, Outcome};
use posbook::{ClientOrderId, Leg, OrderRef, OrderSide, Sequence, Shape, Timestamp};

fn trade(text: &str) -> Result<posbook::venue::VenueFill, String> {
    let read = ccxt::trades(&format!("[{text}]"), &Source::new("venue")).unwrap();
    read[0].clone().map_err(|problem| problem.to_string())
}

#[test]
fn a_trade_is_a_fill() {
    let read = trade(
        r#"{"id":"29768497","timestamp":1705950365664,"symbol":"LTC/USDT:USDT","order":"402052804778","type":null,"side":"sell",
            "price":68.42,"amount":1,"cost":6.842,"fee":null,"fees":[{"cost":"0.003421","currency":"USDT"},{"cost":"0","currency":"GatePoint"}]}"#,
    )
    .unwrap();
    let fill = read.fill;
    assert_eq!((read.symbol.as_str(), fill.side), ("LTC/USDT:USDT", OrderSide::Sell));
    assert_eq!((fill.quantity, fill.price), ("1".parse().unwrap(), "68.42".parse().unwrap()));
    assert_eq!(fill.venue_time, Some(Timestamp::from_millis(1_705_950_365_664)));
    assert_eq!(fill.order, OrderRef::Foreign("402052804778".parse().unwrap()));
    assert_eq!(fill.shape, Shape::Trade { id: "29768497".parse().unwrap() });
    let fees: Vec<_> = fill.fees.iter().map(|(currency, fee)| (currency.as_str(), fee.to_string())).collect();
    assert_eq!(fees, [("USDT", "0.003421".to_owned())]);
}

#[test]
fn quirk_15_unified_fees_are_positive_when_paid_and_legs_are_named() {
    let text = |cost: &str, info: &str| {
        format!(
            r#"{{"id":1,"symbol":"A/B:B","side":"BUY","price":1,"amount":1,"fee":{{"cost":{cost},"currency":"B"}},"info":{info}}}"#
        )
    };
    let fee =
        |cost: &str| trade(&text(cost, "null")).unwrap().fill.fees.of(&"B".parse().unwrap()).to_string();
    assert_eq!(
        (fee("0.5"), fee("\"-0.1\""), fee("4.2e-5")),
        ("0.5".into(), "-0.1".into(), "0.000042".into())
    );
    assert_eq!(trade(&text("0", r#"{"posSide":"short"}"#)).unwrap().fill.leg, Some(Leg::Short));
    assert_eq!(trade(&text("0", r#"{"posSide":"net"}"#)).unwrap().fill.leg, None);
    assert_eq!(trade(&text("0", r#"{"posSide":"short","posMode":"one_way_mode"}"#)).unwrap().fill.leg, None);
}

#[test]
fn quirk_19_ids_are_numbers_or_text_and_a_trade_without_one_is_refused() {
    let text = |id: &str| format!(r#"{{"id":{id},"symbol":"A/B:B","side":"buy","price":1,"amount":1}}"#);
    for (id, name) in [
        ("29768497", "29768497"),
        (r#""0xab-1""#, "0xab-1"),
        ("12345678901234567890", "12345678901234567890"),
    ] {
        let shape = trade(&text(id)).unwrap().fill.shape;
        assert_eq!(shape, Shape::Trade { id: name.parse().unwrap() });
    }
    assert_eq!(trade(&text("null")).unwrap_err(), "venue A/B:B: id: is missing");
    let whole =
        r#"{"id":"1","symbol":"A/B:B","side":"buy","price":1,"amount":1,"fee":{"cost":1,"currency":"B"}}"#;
    for (from, to, wrong) in [
        (r#""buy""#, "null", "venue A/B:B: side: is missing"),
        (r#""buy""#, r#""both""#, r#"venue A/B:B: side: "both" is none of the words that are known here"#),
        (r#""amount":1"#, r#""amount":0"#, "venue A/B:B: amount: nothing in the row says how much is open"),
        (r#""price":1"#, r#""price":"x""#, r#"venue A/B:B: price: "x" is not a number"#),
        (r#","currency":"B""#, "", "venue A/B:B: fee.currency: is missing"),
        (r#""A/B:B""#, "null", "venue: symbol: is missing"),
    ] {
        assert_eq!(trade(&whole.replace(from, to)).unwrap_err(), wrong);
    }
    let refused = trade(&whole.replace(r#""amount":1"#, r#""amount":-1"#)).unwrap_err();
    assert!(refused.starts_with("venue A/B:B: amount: the book refuses it: "), "{refused}");
}

#[test]
fn quirk_20_several_fees_in_several_currencies() {
    let text = r#"{"id":"1","symbol":"A/B:B","side":"buy","price":1,"amount":1,"fee":{"cost":9,"currency":"X"},
        "fees":[{"cost":1,"currency":"B"},{"cost":0.5,"currency":"B"},{"cost":-2,"currency":"P"},{"cost":null,"currency":null}]}"#;
    let fees: Vec<_> =
        trade(text).unwrap().fill.fees.iter().map(|(c, fee)| (c.to_string(), fee.to_string())).collect();
    assert_eq!(fees, [("B".to_owned(), "1.5".to_owned()), ("P".to_owned(), "-2".to_owned())]);
    // A list that states no cost says nothing; one that states zero does.
    for (listed, paid) in [("null", "5"), ("0", "0")] {
        let text = format!(
            r#"{{"id":"2","symbol":"A/B:B","side":"buy","price":2,"amount":1,"fee":{{"cost":5,"currency":"B"}},
            "fees":[{{"cost":{listed},"currency":"B"}}]}}"#
        );
        assert_eq!(trade(&text).unwrap().fill.fees.of(&"B".parse().unwrap()).to_string(), paid);
    }
}

#[test]
fn an_order_of_a_book_is_found_by_the_id_it_carried() {
    let ours = ClientOrderId { book: 7, epoch: 1, sequence: Sequence(255) };
    for text in [
        format!(
            r#"{{"id":"1","symbol":"A/B:B","side":"buy","price":1,"amount":1,"order":"9","info":{{"clOrdId":"{ours}"}}}}"#
        ),
        format!(
            r#"{{"id":"1","symbol":"A/B:B","side":"buy","price":1,"amount":1,"clientOrderId":"{ours}"}}"#
        ),
        format!(r#"{{"id":"1","symbol":"A/B:B","side":"buy","price":1,"amount":1,"order":"{ours}"}}"#),
    ] {
        assert_eq!(trade(&text).unwrap().fill.order, OrderRef::Ours(ours));
    }
}

#[test]
fn order_states_are_what_was_said_or_nothing() {
    let order = |status: &str, filled: &str| {
        let text = format!(
            r#"[{{"id":"1","symbol":"A/B:B","status":{status},"filled":{filled},"amount":3,"clientOrderId":"mine"}}]"#
        );
        let read = ccxt::orders(&text, &Source::new("venue")).unwrap();
        read[0].clone().map(|order| order.status).map_err(|problem| problem.to_string())
    };
    let filled = |text: &str| text.parse().unwrap();
    assert_eq!(order(r#""open""#, "1"), Ok(OrderStatus::Working { filled: filled("1") }));
    let ended = |text, outcome| Ok(OrderStatus::Final { filled: filled(text), outcome });
    assert_eq!(order(r#""closed""#, "3"), ended("3", Outcome::Filled));
    assert_eq!(order(r#""closed""#, "2"), ended("2", Outcome::Cancelled));
    assert_eq!(order(r#""canceled""#, "0"), ended("0", Outcome::Cancelled));
    assert_eq!(order(r#""expired""#, "\"0E-8\""), ended("0", Outcome::Cancelled));
    assert_eq!(order(r#""rejected""#, "0"), ended("0", Outcome::Rejected("rejected".into())));
    assert_eq!(order("null", "0"), Err("venue A/B:B: status: is missing".into()));
    assert_eq!(order(r#""open""#, "null"), Err("venue A/B:B: filled: is missing".into()));
    assert!(order(r#""canceling""#, "0").is_err());
}

#[test]
fn tickers_are_prices_of_symbols() {
    let read = |text: &str| {
        let read = ccxt::tickers(text, &Source::default()).unwrap();
        read.into_iter()
            .map(|ticker| ticker.map(|t| (t.symbol.to_string(), t.price.to_string())))
            .collect::<Vec<_>>()
    };
    let pair = |symbol: &str, price: &str| Ok((symbol.to_owned(), price.to_owned()));
    let ticker = r#"{"symbol":"A/B:B","markPrice":"7.5","last":7,"timestamp":1}"#;
    assert_eq!(read(&format!("[{ticker}]")), [pair("A/B:B", "7.5")]);
    assert_eq!(read(&format!(r#"{{"A/B:B":{ticker}}}"#)), [pair("A/B:B", "7.5")]);
    assert_eq!(read(r#"[{"symbol":"A/B:B","markPrice":0,"last":null,"close":6}]"#), [pair("A/B:B", "6")]);
    let none = ccxt::tickers(r#"[{"symbol":"A/B:B","bid":6}]"#, &Source::default()).unwrap();
    assert_eq!(none[0].as_ref().unwrap_err().to_string(), "A/B:B: last: is missing");
}
