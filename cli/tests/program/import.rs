//! `posbook import` as a user runs it: one object a row, exit codes, and what is wrong with a file said with its place.

use std::process::Output;

use serde_json::{Value, json};

use crate::fed;

fn import(input: &str, more: &[&str]) -> Output {
    fed(&[&["import", "ccxt", "-"], more].concat(), input)
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect()
}

const ROWS: &str = r#"[
    {"symbol":"BTC/USDT:USDT","side":"long","contracts":"0.010","contractSize":1,"entryPrice":44525.0,"hedged":true},
    {"symbol":"ETH/USDT:USDT","side":"short","contracts":0,"contractSize":10},
    {"symbol":"SOL/USDT:USDT","side":"long","contracts":null,"entryPrice":7},
    {"symbol":"A/USD:A","side":"sell","contracts":-3}]"#;

#[test]
fn one_object_a_row_and_a_problem_is_the_verdict() {
    let output = import(ROWS, &["--exchange", "okx", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stderr.is_empty());
    let expected = [
        json!({"row": 0, "kind": "position", "symbol": "BTC/USDT:USDT", "leg": "long", "side": "long", "contracts": "0.01",
               "contract_size": "1", "entry_price": "44525", "problem": null}),
        json!({"row": 1, "kind": "flat", "symbol": "ETH/USDT:USDT", "leg": "net", "side": null, "contracts": "0",
               "contract_size": "10", "entry_price": null, "problem": null}),
        json!({"row": 2, "kind": "problem", "symbol": "SOL/USDT:USDT", "leg": null, "side": null, "contracts": null,
               "contract_size": null, "entry_price": null,
               "problem": "okx SOL/USDT:USDT: contracts: nothing in the row says how much is open"}),
        json!({"row": 3, "kind": "position", "symbol": "A/USD:A", "leg": "net", "side": "short", "contracts": "3",
               "contract_size": null, "entry_price": null, "problem": null}),
    ];
    assert_eq!(lines(&output), expected);
}

#[test]
fn every_row_read_is_success_and_no_row_too() {
    let good = r#"[{"symbol":"A/B:B","side":"long","contracts":1}]"#;
    assert_eq!(import(good, &["--format", "json"]).status.code(), Some(0));
    let none = import("[]", &["--format", "json"]);
    assert_eq!((none.status.code(), none.stdout.len()), (Some(0), 0));
    let table = String::from_utf8(import(ROWS, &[]).stdout).unwrap();
    assert!(
        table.contains("BTC/USDT:USDT") && table.ends_with("4 rows, 2 open, 1 not readable: partial\n"),
        "{table}"
    );
}

#[test]
fn the_markets_say_what_a_contract_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("markets.json");
    std::fs::write(&path, r#"[{"id":"x","symbol":"A/B:B","contract_size":"0.001"}]"#).unwrap();
    let row = r#"[{"symbol":"A/B:B","side":"long","contracts":1,"contractSize":5}]"#;
    let output = import(row, &["--markets", path.to_str().unwrap(), "--format", "json"]);
    assert_eq!(lines(&output)[0]["contract_size"], "0.001");
    std::fs::write(&path, "[17]").unwrap();
    let output = import(row, &["--markets", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("markets.json: not an array: the market 0"));
}

#[test]
fn unreadable_files_are_refused_with_the_place() {
    for (text, wrong) in [
        ("{\"a\": 1}", "-: not an array: "),
        ("[\n1,\n]", "-: not JSON: "),
        ("", "-: not JSON: EOF while parsing"),
    ] {
        let output = import(text, &["--format", "json"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{text}");
        assert!(said.starts_with(&format!("posbook: {wrong}")) && said.contains("line "), "{said}");
    }
    let absent = fed(&["import", "ccxt", "no-such-file.json"], "");
    assert_eq!(absent.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&absent.stderr).contains("no-such-file.json: "));
    assert_eq!(fed(&["import", "csv", "-"], "").status.code(), Some(2));
}
