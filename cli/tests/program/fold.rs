//! `posbook fold` as a user runs it, and the golden accounting cases that none of us wrote.

mod bitget;
mod golden;
mod live;

use std::process::Output;

use serde_json::Value;

use crate::{fed, json, posbook, yes};

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
    let first = refused[0].as_str().unwrap();
    assert!(
        first.starts_with("line 3: has the symbol, order and id of line 2 and another quantity"),
        "{first}"
    );
    let second = refused[1].as_str().unwrap();
    assert!(second.starts_with("line 4: ") && second.ends_with(": correct it, and fold the file again"));
    let table = String::from_utf8(fed(&["fold", "-"], csv).stdout).unwrap();
    for debug in ["Conflict", "Unbooked", "{ why"] {
        assert!(!table.contains(debug), "{table}");
    }
}

/// Its figures: how the positions stand, whatever else is said.
fn positions(text: &str) -> Value {
    json(&fed(&["fold", "-", "--format", "json"], text))["positions"].clone()
}

fn strings(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn any_number_of_fills_without_a_time_is_booked_and_one_that_comes_again_much_later_is_one() {
    let mut csv = "symbol,side,quantity,price,id\n".to_owned();
    for n in 0..30_000 {
        csv.push_str(&format!("BTC/USDT:USDT,{},1,{},t{n}\n", ["buy", "sell"][n % 2], 100 + n % 2));
    }
    // The fill of line 10,002 again; and below another that only has its id.
    csv.push_str("BTC/USDT:USDT,buy,1,100,t10000\n");
    let output = fed(&["fold", "-", "--format", "json"], &csv);
    let folded = yes(&output);
    assert_eq!((&folded["fills"], &folded["duplicates"]), (&30_000.into(), &1.into()));
    assert_eq!(folded["positions"][0]["realised"], "15000");
    csv.push_str("BTC/USDT:USDT,buy,1,99,t10000\n");
    let output = fed(&["fold", "-", "--format", "json"], &csv);
    let folded = json(&output);
    assert_eq!((output.status.code(), &folded["fills"]), (Some(1), &30_000.into()));
    let [refused] = strings(&folded["refused"])[..] else { panic!("{folded}") };
    assert!(refused.starts_with("line 30003: has the symbol, order and id of line 10002 and another price"));
}

#[test]
fn a_file_that_is_newest_first_is_folded_in_the_order_of_time() {
    let csv = "symbol,side,quantity,price,time\nBTC/USDT:USDT,sell,1,120,3000\nBTC/USDT:USDT,buy,1,110,2000\n\
               BTC/USDT:USDT,buy,1,100,1000\n";
    let folded = yes(&fed(&["fold", "-", "--format", "json"], csv));
    let at = &folded["positions"][0];
    assert_eq!((&at["realised"], &at["entry_price"]), (&"15".into(), &"105".into()));
    // The one in the middle stays.
    assert_eq!(folded["sorted"], 2);
    let table = String::from_utf8(fed(&["fold", "-"], csv).stdout).unwrap();
    assert!(table.contains("sorted by time: 2 rows moved"), "{table}");
    // Those of one time are newest first there too.
    let csv = "symbol,side,quantity,price,time\nBTC/USDT:USDT,buy,1,130,4000\nBTC/USDT:USDT,sell,2,120,3000\n\
               BTC/USDT:USDT,buy,1,110,3000\nBTC/USDT:USDT,buy,1,100,1000\n";
    assert_eq!(positions(csv)[0]["realised"], "30");
}

#[test]
fn shuffled_times_give_what_the_sorted_file_gives() {
    const ROWS: usize = 2_000;
    let row = |n: usize| {
        let side = ["buy", "buy", "sell", "buy", "sell", "sell", "sell"][n % 7];
        let symbol = ["BTC/USDT:USDT", "ETH/USD:ETH", "BTC/USDT"][n % 3];
        format!("{symbol},{side},{},{},{},i{n}\n", 1 + n % 5, 100 + n * 37 % 50, 1_700_000_000_000 + n * 500)
    };
    let file = |order: &dyn Fn(usize) -> usize| {
        let rows: String = (0..ROWS).map(|n| row(order(n))).collect();
        format!("symbol,side,quantity,price,time,id\n{rows}")
    };
    // 1,117 has no divisor in common with 2,000: every row once.
    let (sorted, shuffled) = (file(&|n| n), file(&|n| n * 1_117 % ROWS));
    let [sorted, shuffled] =
        [sorted, shuffled].map(|text| yes(&fed(&["fold", "-", "--format", "json"], &text)));
    assert_eq!((&sorted["fills"], &sorted["sorted"]), (&ROWS.into(), &0.into()));
    assert_eq!(shuffled["fills"], ROWS);
    assert!(shuffled["sorted"].as_u64().unwrap() > 1_900);
    assert_eq!((&sorted["positions"], &sorted["totals"]), (&shuffled["positions"], &shuffled["totals"]));
}

#[test]
fn times_that_go_back_where_not_every_fill_has_one_are_told() {
    let csv = "symbol,side,quantity,price,time\nBTC/USDT:USDT,sell,1,120,3000\nBTC/USDT:USDT,buy,1,110,\n\
               BTC/USDT:USDT,buy,1,100,1000\nBTC/USDT:USDT,buy,1,100,900\nETH/USDT:USDT,buy,1,100,900\n";
    let output = fed(&["fold", "-", "--format", "json"], csv);
    let folded = json(&output);
    assert_eq!((output.status.code(), &folded["fills"], &folded["sorted"]), (Some(1), &5.into(), &0.into()));
    let [problem] = strings(&folded["problems"])[..] else { panic!("{folded}") };
    assert!(problem.starts_with("line 4: is older than line 2"), "{problem}");
    // Microseconds cannot be told from each other as milliseconds.
    let said = refused_input("symbol,side,quantity,price,time\nBTC/USDT,buy,1,1,1700000000000000\n");
    assert!(said.contains("line 2: a time is a whole number of milliseconds"), "{said}");
}

#[test]
fn a_contract_size_is_of_a_symbol_that_there_is_and_not_of_spot() {
    let csv = "symbol,side,quantity,price\nBTC/USDT:USDT,buy,1,100\nETH/USDT,buy,1,100\n";
    for text in [csv, TRADES] {
        let said = refused(&fed(&["fold", "-", "--contract-size", "NOPE=3"], text), 2);
        assert!(said.contains("NOPE") && said.contains("there are BTC/USDT"), "{said}");
    }
    let said = refused(&fed(&["fold", "-", "--contract-size", "ETH/USDT=2"], csv), 2);
    assert!(said.contains("ETH/USDT is spot, where a contract is 1"), "{said}");
    yes(&fed(&["fold", "-", "--contract-size", "ETH/USDT=1", "--format", "json"], csv));
    let table = |arguments: &[&str]| String::from_utf8(fed(arguments, csv).stdout).unwrap();
    assert!(!table(&["fold", "-"]).contains("a contract is"));
    let text = table(&["fold", "-", "--contract-size", "BTC/USDT:USDT=0.25"]);
    assert!(text.contains("a contract is") && text.contains("0.25"), "{text}");
}

#[test]
fn costs_that_do_not_say_what_was_taken_for_a_contract_are_told() {
    let trade = |id: u32, cost: &str| {
        format!(
            r#"{{"id": "{id}", "symbol": "A/B:B", "side": "buy", "price": 200, "amount": 3, "cost": {cost}}}"#
        )
    };
    for (costs, row, taken) in [
        // Two sizes; none of ten; ten and another.
        (["60", "6"], "row 0 has one of 0.1", "taken for 1,"),
        (["300", "300"], "row 0 has one of 0.5", "taken for 1,"),
        (["60", "\"3e2\""], "row 1 has one of 0.5", "taken for 0.1,"),
    ] {
        let text = format!("[{}, {}]", trade(1, costs[0]), trade(2, costs[1]));
        let output = fed(&["fold", "-", "--format", "json"], &text);
        let folded = json(&output);
        assert_eq!((output.status.code(), &folded["fills"]), (Some(1), &2.into()));
        let [problem] = strings(&folded["problems"])[..] else { panic!("{folded}") };
        assert!(problem.contains(row) && problem.contains(taken), "{problem}");
        let table = String::from_utf8(fed(&["fold", "-"], &text).stdout).unwrap();
        assert!(table.contains("problem: A/B:B: a contract was taken for"), "{table}");
        // What somebody says ends it.
        let said = fed(&["fold", "-", "--contract-size", "A/B:B=0.5", "--format", "json"], &text);
        assert_eq!(yes(&said)["positions"][0]["contract_size"], "0.5");
    }
    // A cost is rounded to its last digit, and null says nothing.
    let dust = r#"[{"id": "1", "symbol": "A/B:B", "side": "buy", "price": 0.0123, "amount": 0.5, "cost": 0.0062},
        {"id": "2", "symbol": "A/B:B", "side": "buy", "price": 0.0123, "amount": 0.001, "cost": 0.00001},
        {"id": "3", "symbol": "A/B:B", "side": "buy", "price": 0.0123, "amount": 0.5, "cost": null}]"#;
    assert_eq!(yes(&fed(&["fold", "-", "--format", "json"], dust))["positions"][0]["contract_size"], "1");
}

#[test]
fn markets_say_what_a_contract_is_a_cost_that_says_otherwise_is_told_and_spot_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("markets.json");
    // With the mark that some programs put before the text.
    let markets = r#"[{"id": "AB", "symbol": "A/B:B", "contractSize": 0.5, "inverse": false},
        {"id": "A_B", "symbol": "A/B", "contractSize": 5, "inverse": false}]"#;
    std::fs::write(&path, format!("\u{feff}{markets}")).unwrap();
    let arguments = ["fold", "-", "--markets", path.to_str().unwrap(), "--format", "json"];
    let trade = |symbol: &str, cost: u32, amount: &str, info: &str| {
        format!(
            r#"[{{"id": "1", "symbol": "{symbol}", "side": "buy", "price": 200, "amount": {amount}, "cost": {cost}, "info": {info}}}]"#
        )
    };
    let folded = yes(&fed(&arguments, &trade("A/B:B", 300, "3", "null")));
    assert_eq!(folded["positions"][0]["contract_size"], "0.5");
    // The markets count, and so does that they are doubtful.
    let output = fed(&arguments, &trade("A/B:B", 60, "3", "null"));
    let doubtful = json(&output);
    assert_eq!((output.status.code(), &doubtful["positions"][0]["contract_size"]), (Some(1), &"0.5".into()));
    let [problem] = strings(&doubtful["problems"])[..] else { panic!("{doubtful}") };
    assert!(problem.contains("taken for 0.5, and by its cost row 0 has one of 0.1"), "{problem}");
    // Base units, whose cost was multiplied by the size once more.
    let base = yes(&fed(&arguments, &trade("A/B:B", 150, "1.5", r#"{"quantity": "3"}"#)));
    assert_eq!(base["positions"][0]["quantity"], "3");
    let said = refused(&fed(&arguments, &trade("A/B", 60, "3", "null")), 2);
    assert!(said.contains("A/B is spot, where a contract is 1, and not 5"), "{said}");
}

#[test]
fn a_fill_that_is_booked_and_doubtful_is_told_with_its_line() {
    let csv = "symbol,side,quantity,price,leg\nBTC/USDT:USDT,buy,1,100,long\nBTC/USDT:USDT,sell,1,110,\n\
               ETH/USDT:USDT,buy,1,100,short\n";
    let output = fed(&["fold", "-", "--format", "json"], csv);
    let folded = json(&output);
    assert_eq!((output.status.code(), &folded["fills"]), (Some(1), &3.into()));
    let [one, other] = strings(&folded["problems"])[..] else { panic!("{folded}") };
    assert!(one.starts_with("line 3: names no leg"), "{one}");
    assert!(other.starts_with("line 4: turns the short leg round"), "{other}");
    let table = String::from_utf8(fed(&["fold", "-"], csv).stdout).unwrap();
    assert!(table.contains("problem: line 3: ") && table.contains("problem: line 4: "), "{table}");
}

#[test]
fn columns_that_are_not_read_are_named_and_those_that_are_nearly_right_refused() {
    let csv = "symbol,side,quantity,price,note,amount,\nBTC/USDT,buy,1,2,hello,7,\n";
    let lines = "{\"symbol\":\"BTC/USDT\",\"side\":\"buy\",\"quantity\":1,\"price\":2,\"note\":{\"a\":1}}\n\
                 {\"symbol\":\"BTC/USDT\",\"side\":\"buy\",\"quantity\":1,\"price\":2,\"note\":1,\"amount\":7}\n";
    for (text, unread) in [
        (csv, &["amount", "column 7 (no name)", "note"][..]),
        (lines, &["amount", "note"]),
        (LINES, &[]),
        (TRADES, &[]),
    ] {
        let output = fed(&["fold", "-", "--format", "json"], text);
        assert_eq!(strings(&yes(&output)["not_read"]), unread);
        assert!(output.stderr.is_empty());
        let table = String::from_utf8(fed(&["fold", "-"], text).stdout).unwrap();
        assert_eq!(
            table.contains(&format!("not read: {}", unread.join(", "))),
            !unread.is_empty(),
            "{table}"
        );
    }
    for (near, known) in [
        ("Fee", "fee"),
        ("fees", "fee"),
        ("FEES", "fee"),
        ("fee_currencies", "fee_currency"),
        ("feeCurrency", "fee_currency"),
        ("Time", "time"),
        ("Leg", "leg"),
        ("orders", "order"),
    ] {
        let csv = format!("symbol,side,quantity,price,{near}\nBTC/USDT,buy,1,2,3\n");
        let line =
            format!("{{\"symbol\":\"BTC/USDT\",\"side\":\"buy\",\"quantity\":1,\"price\":2,\"{near}\":3}}\n");
        for text in [csv, line] {
            let said = refused_input(&text);
            assert!(said.contains(&format!("{near:?} is not read: write {known}")), "{said}");
        }
    }
    let said = refused_input("Symbol,side,quantity,price\nBTC/USDT,buy,1,2\n");
    assert!(said.contains("\"Symbol\" is not read: write symbol"), "{said}");
    for twice in ["fee", "note"] {
        let csv = format!("symbol,side,quantity,price,{twice},{twice}\nBTC/USDT,buy,1,2,,\n");
        let said = refused_input(&csv);
        assert!(said.contains(&format!("has the column {twice:?} twice")), "{said}");
    }
}

#[test]
fn a_mark_before_the_text_is_passed_over() {
    let csv = "symbol,side,quantity,price\nBTC/USDT,buy,1,2\n";
    for text in [LINES, TRADES, csv] {
        let [plain, marked] = [text.to_owned(), format!("\u{feff}{text}")]
            .map(|text| yes(&fed(&["fold", "-", "--format", "json"], &text)));
        assert_eq!(plain, marked);
    }
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

#[test]
fn a_fee_that_nobody_says_is_told_and_its_fill_booked() {
    let trade = |fee: &str| {
        format!(r#"[{{"id": "1", "symbol": "A/B:B", "side": "buy", "price": 2, "amount": 1, {fee}}}]"#)
    };
    let output = fed(
        &["fold", "-", "--format", "json"],
        &trade(r#""fee": {"cost": null, "currency": "USDT"}, "fees": []"#),
    );
    let folded = json(&output);
    assert_eq!((output.status.code(), &folded["fills"]), (Some(1), &1.into()));
    let told = "A/B:B: row 0 has a fee in USDT and does not say how much: it is booked without";
    assert_eq!(strings(&folded["problems"]), [told]);
    for fee in [
        r#""fee": {"cost": null, "currency": null}"#,
        r#""fee": {"cost": 0, "currency": "B"}"#,
        r#""fee": {"cost": null, "currency": "B"}, "fees": [{"cost": "0.1", "currency": "B"}]"#,
        r#""fee": null, "fees": null"#,
        r#""fee": {}"#,
    ] {
        yes(&fed(&["fold", "-", "--format", "json"], &trade(fee)));
    }
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

/// What money depends on in a name: an option is priced in what it settles in, a currency is itself in any letters, and no id is
/// taken for the one that a row without an id gets.
#[test]
fn an_option_is_linear_a_fee_is_of_the_symbols_own_currency_and_no_id_is_a_line() {
    let text = r#"{"symbol":"BTC/USD:BTC-241227-60000-C","side":"buy","quantity":1,"price":"0.05","id":"a"}
{"symbol":"BTC/USD:BTC-241227-60000-C","side":"sell","quantity":1,"price":"0.08","id":"b"}
{"symbol":"BTC/USDT","side":"buy","quantity":1,"price":50000,"id":"c","fee":"0.001","fee_currency":"btc"}
{"symbol":"ETH/USDT:USDT","side":"buy","quantity":1,"price":3000,"id":"line 5"}
{"symbol":"ETH/USDT:USDT","side":"buy","quantity":1,"price":3000}
"#;
    let output = fed(&["fold", "-", "--format", "json"], text);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let folded = json(&output);
    let of = |symbol: &str| {
        let all = folded["positions"].as_array().unwrap();
        all.iter().find(|position| position["symbol"] == symbol).unwrap().clone()
    };
    assert_eq!(of("BTC/USD:BTC-241227-60000-C")["realised"], "0.03");
    assert_eq!((&of("BTC/USDT")["quantity"], &folded["totals"]["btc"]), (&"0.999".into(), &Value::Null));
    assert_eq!((&of("ETH/USDT:USDT")["quantity"], &folded["duplicates"]), (&"2".into(), &0.into()));
}
