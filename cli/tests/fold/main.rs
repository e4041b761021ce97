//! `posbook fold` as a user runs it, and the golden accounting cases that none of us wrote.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod bitget;
mod golden;
mod live;

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn posbook(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_posbook")).args(arguments).output().expect("the binary runs")
}

/// Runs it with a text on stdin.
fn fed(arguments: &[&str], text: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_posbook"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn json(output: &Output) -> Value {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    serde_json::from_str(text.lines().last().expect("a last line")).expect("one object on the last line")
}

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
