//! `posbook fold` as a user runs it, and the golden accounting cases that none of us wrote.

mod bitget;
mod golden;
mod live;

use std::process::Output;

use serde_json::Value;

use crate::{fed, json, posbook};

/// One line on stderr, nothing on stdout, and this exit code.
fn refused(output: &Output, code: i32) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(output.stdout.is_empty());
    assert_eq!(text.lines().count(), 1, "one line: {text}");
    text
}

const LINES: &str = r#"{"symbol":"BTC/USDT:USDT","side":"buy","quantity":"1","price":50000,"id":"a","fee":"0.5","fee_currency":"USDT"}
{"symbol":"BTC/USDT:USDT","side":"buy","quantity":1,"price":"50100.5","id":"b"}

{"symbol":"BTC/USDT:USDT","side":"buy","quantity":1,"price":"50100.5","id":"b"}
{"symbol":"BTC/USDT:USDT","side":"sell","quantity":"0.5","price":"51000","id":"c","time":1700000000000}
{"symbol":"ETH/USD:ETH","side":"sell","quantity":"1000","price":"2000"}
"#;

#[test]
fn json_lines_become_positions_and_a_fill_that_comes_twice_is_booked_once() {
    let output = fed(&["fold", "-", "--format", "json"], LINES);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let folded = json(&output);
    assert_eq!((&folded["fills"], &folded["duplicates"]), (&4.into(), &1.into()));
    let [btc, eth] = [&folded["positions"][0], &folded["positions"][1]];
    assert_eq!(
        (&btc["side"], &btc["quantity"], &btc["entry_price"]),
        (&"long".into(), &"1.5".into(), &"50050.25".into())
    );
    assert_eq!((&btc["realised"], &btc["fees"]["USDT"]), (&"474.875".into(), &"0.5".into()));
    assert_eq!(
        (&eth["side"], &eth["entry_price"], &eth["cost"]),
        (&"short".into(), &"2000".into(), &"-0.5".into())
    );
    assert_eq!(folded["totals"]["USDT"]["realised"], "474.875");
}

#[test]
fn csv_is_the_same_as_json_lines() {
    let csv = "symbol,side,quantity,price,id,fee,fee_currency,time,leg\n\
        BTC/USDT:USDT,buy,1,50000,a,0.5,USDT,,\n\
        BTC/USDT:USDT,buy,1,50100.5,b,,,,\nBTC/USDT:USDT,buy,1,50100.5,b,,,,\n\
        BTC/USDT:USDT,sell,0.5,51000,c,,,1700000000000,\nETH/USD:ETH,sell,1000,2000,,,,,\n";
    let [one, other] = [csv, LINES].map(|text| json(&fed(&["fold", "-", "--format", "json"], text)));
    assert_eq!(one, other);
    let table = fed(&["fold", "-"], csv);
    let text = String::from_utf8(table.stdout).unwrap();
    assert!(text.contains("50050.25") && text.contains("4 fills booked, 1 came again"), "{text}");
}

#[test]
fn both_legs_of_hedge_mode_stand_beside_each_other_and_contracts_have_a_size() {
    let csv = "symbol,side,quantity,price,leg\nBTC/USDT:USDT,buy,10,50000,long\nBTC/USDT:USDT,sell,20,50000,short\n";
    let folded = json(&fed(&["fold", "-", "--contract-size", "BTC/USDT:USDT=0.01", "--format", "json"], csv));
    let legs: Vec<_> =
        folded["positions"].as_array().unwrap().iter().map(|p| (&p["leg"], &p["cost"])).collect();
    assert_eq!(legs, [(&"long".into(), &"5000".into()), (&"short".into(), &"10000".into())]);
}

#[test]
fn what_is_no_fill_is_refused_with_its_line() {
    let row = |row: &str| format!("symbol,side,quantity,price,fee\nBTC/USDT,buy,1,2,\n{row}\n");
    for (text, says) in [
        (row("BTC/USDT,hold,1,2,"), "line 3: a side is buy or sell"),
        (row("BTC/USDT,buy,1e3,2,"), "line 3: Invalid amount"),
        (row("BTC/USDT,buy,1,2,7"), "line 3: has a fee and no fee_currency"),
        (row("BTC,buy,1,2,"), "line 3: "),
        (row("BTC/USDT,buy,1"), "3"),
        ("symbol,side,price\n".to_owned(), "has no column quantity"),
        ("{\"symbol\":\"BTC/USDT\"}\n".to_owned(), "line 1: is no fill"),
        (
            "{\"symbol\":\"BTC/USDT\",\"side\":\"buy\",\"quantity\":[1],\"price\":1}\n".to_owned(),
            "line 1: is no fill",
        ),
    ] {
        let said = refused(&fed(&["fold", "-", "--format", "json"], &text), 2);
        assert!(said.contains(says), "{said} says nothing of {says}");
    }
    refused(&posbook(&["fold", "no-such-file"]), 3);
    assert_eq!(posbook(&["fold"]).status.code(), Some(2));
}

#[test]
fn a_fill_that_cannot_be_booked_is_told_and_the_verdict_is_no() {
    let csv =
        "symbol,side,quantity,price,id\nETH/USDT,buy,1,2000,a\nETH/USDT,buy,2,2000,a\nETH/USDT,buy,1,-5,b\n";
    let output = fed(&["fold", "-", "--format", "json"], csv);
    assert_eq!(output.status.code(), Some(1));
    let folded = json(&output);
    let refused = folded["refused"].as_array().unwrap();
    assert!(refused[0].as_str().unwrap().starts_with("line 3: Conflict"), "{refused:?}");
    assert!(refused[1].as_str().unwrap().starts_with("line 4: Unbooked"), "{refused:?}");
}

/// Three trades as ccxt has them: numbers and text, one fee and several, a rebate, and a contract of a tenth.
const TRADES: &str = r#"[
    {"id": "1", "order": "o-1", "timestamp": 1705950365664, "symbol": "LTC/USDT:USDT", "side": "buy", "takerOrMaker": "taker",
     "price": 68.42, "amount": 2, "cost": 13.684, "fee": null,
     "fees": [{"cost": "0.006842", "currency": "USDT"}, {"cost": "0.1", "currency": "GT"}]},
    {"id": "1", "order": "o-1", "timestamp": 1705950365664, "symbol": "LTC/USDT:USDT", "side": "buy", "takerOrMaker": "taker",
     "price": "68.42", "amount": "2", "cost": 13.684, "fee": null,
     "fees": [{"cost": "0.006842", "currency": "USDT"}, {"cost": "0.1", "currency": "GT"}]},
    {"id": 2, "order": "o-2", "timestamp": 1705950366664, "symbol": "LTC/USDT:USDT", "side": "sell", "takerOrMaker": "maker",
     "price": 70.42, "amount": 1, "cost": 7.042, "fee": {"cost": "-0.0007", "currency": "USDT"}},
    {"id": "3", "symbol": "BTC/USDT", "side": "buy", "price": 50000, "amount": 1, "cost": 50000,
     "fee": {"cost": 0.001, "currency": "BTC"}}]"#;

#[test]
fn trades_of_ccxt_are_folded_and_their_costs_say_what_a_contract_is() {
    let output = fed(&["fold", "-", "--format", "json"], TRADES);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let folded = json(&output);
    assert_eq!((&folded["fills"], &folded["duplicates"]), (&3.into(), &1.into()));
    let by = |symbol: &str| {
        let all = folded["positions"].as_array().unwrap();
        all.iter().find(|p| p["symbol"] == symbol).unwrap()
    };
    let ltc = by("LTC/USDT:USDT");
    assert_eq!(
        (&ltc["contract_size"], &ltc["quantity"], &ltc["entry_price"], &ltc["realised"]),
        (&"0.1".into(), &"1".into(), &"68.42".into(), &"0.2".into())
    );
    assert_eq!((&ltc["fees"]["USDT"], &ltc["fees"]["GT"]), (&"0.006142".into(), &"0.1".into()));
    // A fee in the base currency is taken from what was bought.
    assert_eq!(
        (&by("BTC/USDT")["quantity"], &by("BTC/USDT")["contract_size"]),
        (&"0.999".into(), &"1".into())
    );
    // What somebody says wins.
    let said = fed(&["fold", "-", "--contract-size", "LTC/USDT:USDT=1", "--format", "json"], TRADES);
    assert_eq!(json(&said)["totals"]["USDT"]["realised"], "2");
}

#[test]
fn a_trade_that_cannot_be_read_is_told_with_its_row_and_the_verdict_is_no() {
    let trades = r#"[{"id": "1", "symbol": "A/B:B", "side": "buy", "price": 2, "amount": 1}, 17,
        {"symbol": "A/B:B", "side": "buy", "price": 2, "amount": 1}]"#;
    let output = fed(&["fold", "-", "--exchange", "okx", "--format", "json"], trades);
    assert_eq!(output.status.code(), Some(1));
    let folded = json(&output);
    let refused = folded["refused"].as_array().unwrap();
    assert_eq!((&folded["fills"], refused.len()), (&1.into(), 2));
    assert!(refused[1].as_str().unwrap().starts_with("row 2: okx A/B:B: id: "), "{refused:?}");
    for (text, says) in [("[1,", "not JSON"), ("[{]", "not JSON")] {
        assert!(refused_input(text).contains(says));
    }
    let none = fed(&["fold", "-", "--format", "json"], "[]");
    assert_eq!((none.status.code(), &json(&none)["fills"]), (Some(0), &0.into()));
}

fn refused_input(text: &str) -> String {
    refused(&fed(&["fold", "-", "--format", "json"], text), 2)
}

/// The trades that ccxt's own tests publish, of seven exchanges: each that says what it was is folded, and the contract sizes come out.
#[test]
fn the_published_trades_are_folded() {
    let data = std::env::var("POSBOOK_DATA").unwrap_or_else(|_| "../shared/data".to_owned());
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(data)
        .join("fills/ccxt-fixtures.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: {} is not there (POSBOOK_DATA)", path.display());
        return;
    };
    let fixtures: Value = serde_json::from_str(&text).unwrap();
    let (mut folded, mut sizes) = (0, 0);
    for entry in fixtures["entries"].as_array().unwrap() {
        if !entry["method"].as_str().unwrap().starts_with("fetchMyTrades") {
            continue;
        }
        let exchange = entry["exchange"].as_str().unwrap();
        let output =
            fed(&["fold", "-", "--exchange", exchange, "--format", "json"], &entry["unified"].to_string());
        let answer = json(&output);
        // One exchange publishes a trade without an id and a side: nobody can tell what it was.
        let told = entry["unified"].as_array().unwrap().iter().all(|trade| !trade["id"].is_null());
        assert_eq!(output.status.code(), Some(i32::from(!told)), "{exchange}: {answer}");
        folded += answer["fills"].as_u64().unwrap();
        if let Some(size) =
            entry["contract_size"].as_str().filter(|_| answer["positions"].as_array().unwrap().len() == 1)
        {
            assert_eq!(answer["positions"][0]["contract_size"], size, "{exchange}");
            sizes += 1;
        }
    }
    println!("{folded} trades folded, {sizes} contract sizes as published");
    assert!(folded > 0 && sizes > 0);
}
