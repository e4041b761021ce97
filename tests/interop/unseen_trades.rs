//! Trades of exchanges that the rules were not written from.

use posbook::interop::ccxt::{self, Markets, Source};
use posbook::{Leg, OrderSide, Quantity};

/// What was done, and to which leg.
type Done = (OrderSide, Option<Leg>, Quantity);

/// What was done, or what is wrong with the row.
fn read(rows: &[&str], size: Option<&str>) -> Vec<Result<Done, String>> {
    let markets = size.map(|size| format!(r#"[{{"symbol":"A/B:B","contractSize":{size}}}]"#));
    let source = Source::new("venue");
    let source = match markets {
        Some(markets) => source.with_markets(Markets::read(&markets).unwrap()),
        None => source,
    };
    let rows = rows
        .iter()
        .enumerate()
        .map(|(id, row)| format!(r#"{{"id":"{id}","symbol":"A/B:B","price":100,{row}}}"#));
    let text = format!("[{}]", rows.collect::<Vec<_>>().join(","));
    let of = |fill: posbook::Fill| (fill.side, fill.leg, fill.quantity);
    let all = ccxt::trades(&text, &source).unwrap();
    all.into_iter().map(|trade| trade.map(|t| of(t.fill)).map_err(|problem| problem.to_string())).collect()
}

#[test]
fn payments_are_no_fills_and_what_was_taken_over_is_one() {
    let rows = ["Trade", "AdlTrade", "BustTrade", "Funding", "Settle"]
        .map(|word| format!(r#""side":"buy","amount":1,"info":{{"execType":"{word}"}}"#));
    let rows = rows.each_ref().map(String::as_str);
    let read = read(&rows, None);
    assert!(read[..3].iter().all(Result::is_ok), "{read:?}");
    let payment = r#"venue A/B:B: info.execType: "Funding" is a payment, not a fill"#;
    assert_eq!(read[3].as_ref().unwrap_err(), payment);
    assert!(read[4].is_err());
    let unified = self::read(&[r#""side":"buy","amount":1,"type":"settlement""#], None);
    assert_eq!(
        unified[0].as_ref().unwrap_err(),
        r#"venue A/B:B: type: "settlement" is a payment, not a fill"#
    );
}

#[test]
fn a_leg_is_named_by_what_opened_or_closed_it() {
    let one = || "1".parse().unwrap();
    let (buy, sell) = (OrderSide::Buy, OrderSide::Sell);
    let (long, short) = (Some(Leg::Long), Some(Leg::Short));
    for (side, info, done) in [
        // The side is the leg's.
        ("buy", r#"{"side":"buy","tradeSide":"open","posMode":"hedge_mode"}"#, (buy, long)),
        ("buy", r#"{"side":"buy","tradeSide":"close","posMode":"hedge_mode"}"#, (sell, long)),
        ("sell", r#"{"side":"sell","tradeSide":"close","posMode":"hedge_mode"}"#, (buy, short)),
        // Somebody turned it already.
        ("sell", r#"{"side":"buy","tradeSide":"close","posMode":"hedge_mode"}"#, (sell, long)),
        ("buy", r#"{"side":"buy","tradeSide":"close","posMode":"one_way_mode"}"#, (buy, None)),
        // The side is the order's.
        ("buy", r#"{"direction":"buy","offset":"open"}"#, (buy, long)),
        ("sell", r#"{"direction":"sell","offset":"close"}"#, (sell, long)),
        ("sell", r#"{"direction":"sell","offset":"open"}"#, (sell, short)),
        ("buy", r#"{"direction":"buy","offset":"close"}"#, (buy, short)),
        ("buy", r#"{"direction":"buy","offset":"both"}"#, (buy, None)),
    ] {
        let row = format!(r#""side":"{side}","amount":1,"info":{info}"#);
        assert_eq!(read(&[&row], None), [Ok((done.0, done.1, one()))], "{info}");
    }
    // Numbers say nothing, but two of them are two legs.
    let (a, b) = (
        r#""side":"buy","amount":1,"info":{"posSide":2}"#,
        r#""side":"sell","amount":1,"info":{"posSide":3}"#,
    );
    assert_eq!(read(&[a, a], None), [Ok((buy, None, one())), Ok((buy, None, one()))]);
    let both = read(&[a, b], None);
    assert_eq!(
        both[1].as_ref().unwrap_err(),
        r#"venue A/B:B: info.posSide: "3" is none of the words that are known here"#
    );
    assert!(both[0].is_err());
}

#[test]
fn an_amount_in_base_units_is_told_by_the_exchanges_quantity() {
    let amount = |row: &str, size| read(&[row], size)[0].clone().map(|(_, _, amount)| amount.to_string());
    let xt = r#""side":"sell","amount":0.0033,"cost":0.000033,"info":{"quantity":"33"}"#;
    assert_eq!(amount(xt, Some("0.0001")), Ok("33".to_owned()));
    for row in [
        r#""side":"buy","amount":33,"info":{"quantity":"33"}"#,
        r#""side":"buy","amount":33,"info":{"quantity":"0.0033"}"#,
        r#""side":"buy","amount":33,"info":{"amount":"33000"}"#,
        r#""side":"buy","amount":33"#,
    ] {
        assert_eq!(amount(row, Some("0.0001")), Ok("33".to_owned()), "{row}");
    }
    let tripled = r#""side":"buy","amount":3.9,"cost":390,"info":{"volume":"1.3","amount":"130"}"#;
    let wrong = "venue A/B:B: amount: says 3.9, but info says 1.3";
    assert_eq!(amount(tripled, None), Err(wrong.to_owned()));
    // Where nothing says what a contract is, it may be that.
    assert_eq!(amount(&tripled.replace(r#""cost":390,"#, ""), None), Ok("3.9".to_owned()));
}
