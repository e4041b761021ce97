//! `posbook replay` as a user runs it: exit codes, one JSON object, bad input refused before anything is traded.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::{json, posbook};

fn error(output: &Output) -> String {
    assert!(output.stdout.is_empty(), "nothing is printed of a run that did not happen");
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "one line: {text}");
    text
}

/// A file with a header and a steady walk of prices.
fn ticks(folder: &Path, name: &str, rows: usize) -> PathBuf {
    let mut text = String::from("recv_ns,exch_ms,symbol,trade_id,price,qty,aggressor\n");
    for n in 0..rows {
        let time = 1_700_000_000_000_000_000_u64 + n as u64 * 20_000_000;
        let price = 50_000 + (n % 400);
        text.push_str(&format!("{time},,BTCUSDT,{n},{price}.5,0.010,buy\n"));
    }
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn verdict_is_yes(result: &Value) {
    for question in ["book_equals_venue", "book_equals_fold", "gapless", "report_agrees"] {
        assert_eq!(result[question], true, "{question}: {result}");
    }
    assert_eq!(result["unexplained"], "0");
    assert_eq!((&result["duplicate_orders"], &result["in_doubt_left"]), (&0.into(), &0.into()));
}

#[test]
fn a_generated_market_ends_with_all_yes_and_one_object() {
    let output = posbook(&["replay", "--seed", "3", "--strategies", "8", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let result = json(&output);
    verdict_is_yes(&result);
    assert!(result["market"].as_str().unwrap().starts_with("synthetic"));
    for figure in ["ticks", "orders", "fills", "changes", "snapshots", "exits"] {
        assert!(result[figure].as_u64().unwrap() > 0, "{figure}");
    }
    for operation in ["mark", "snapshot", "reserve", "record"] {
        let p = &result["latency_ns"][operation];
        let [p50, p99, p999, max] = ["p50", "p99", "p999", "max"].map(|q| p[q].as_u64().unwrap());
        assert!(0 < p50 && p50 <= p99 && p99 <= p999 && p999 <= max, "{operation}: {p}");
    }
    for money in ["realised", "fees", "unrealised"] {
        let text = result[money].as_str().unwrap();
        assert!(text.parse::<rust_decimal::Decimal>().is_ok(), "{money} is {text}");
    }
    assert_eq!(result["instruments"].as_array().unwrap().len(), 8);
}

#[test]
fn a_tick_file_is_traded_and_its_instruments_are_called_assumed() {
    let folder = tempfile::tempdir().unwrap();
    let file = ticks(folder.path(), "btc.csv", 3_000);
    let output = posbook(&["replay", "--ticks", file.to_str().unwrap(), "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let result = json(&output);
    verdict_is_yes(&result);
    assert_eq!(result["instruments"][0]["assumed"], true);
    assert!(result["fills"].as_u64().unwrap() > 0);
    let table = posbook(&["replay", "--ticks", file.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&table.stdout).contains("assumed"));
    assert!(String::from_utf8_lossy(&table.stdout).ends_with("verdict: all yes\n"));
}

#[test]
fn declared_instruments_are_traded_as_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let file = ticks(folder.path(), "btc.csv", 2_000);
    // Kind, contract size, quantity step, settle currency.
    let all = [
        ("linear", "0.01", "1", Some("USDT")),
        ("inverse", "100", "1", None),
        ("quanto", "0.000001", "1", Some("ETH")),
        ("spot", "1", "0.0001", Some("USDT")),
    ];
    for (kind, size, step, settle) in all {
        let path = folder.path().join(format!("{kind}.toml"));
        let settle = settle.map_or_else(String::new, |settle| format!("settle = \"{settle}\"\n"));
        let text = format!(
            "[[instrument]]\nsymbol = \"BTCUSDT\"\nkind = \"{kind}\"\ncontract_size = \"{size}\"\nprice_step = \"0.1\"\n\
             quantity_step = \"{step}\"\nbase = \"BTC\"\nquote = \"USDT\"\n{settle}"
        );
        std::fs::write(&path, text).unwrap();
        for faults in ["off", "hostile"] {
            let run = posbook(&[
                "replay",
                "--ticks",
                file.to_str().unwrap(),
                "--instruments",
                path.to_str().unwrap(),
                "--faults",
                faults,
                "--format",
                "json",
            ]);
            assert_eq!(run.status.code(), Some(0), "{kind}: {}", String::from_utf8_lossy(&run.stderr));
            let result = json(&run);
            verdict_is_yes(&result);
            let row = &result["instruments"][0];
            assert_eq!((&row["assumed"], &row["contract_size"]), (&false.into(), &size.into()));
            assert!(result["fills"].as_u64().unwrap() > 0, "{kind}: nothing was traded");
        }
    }
}

#[test]
fn bad_tick_files_are_refused_with_file_line_and_column_before_anything_is_traded() {
    let folder = tempfile::tempdir().unwrap();
    let good = std::fs::read_to_string(ticks(folder.path(), "good.csv", 50)).unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let mut squeezed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    squeezed.write_all(good.as_bytes()).unwrap();
    let squeezed = squeezed.finish().unwrap();
    let cases = [
        ("missing", folder.path().join("nowhere.csv").to_str().unwrap().to_owned(), "nowhere.csv"),
        ("truncated", file("cut.csv.gz", &squeezed[..squeezed.len() / 2]), "cut.csv.gz"),
        ("not gzip", file("plain.csv.gz", good.as_bytes()), "plain.csv.gz"),
        ("wrong columns", file("columns.csv", b"a,b,c\n1,2,3\n"), "columns.csv:1"),
        (
            "unreadable number",
            file("number.csv", good.replacen("50003.5", "5o003.5", 1).as_bytes()),
            "number.csv:5:price",
        ),
        ("empty", file("empty.csv", b""), "empty.csv"),
        ("header only", file("header.csv", good.lines().next().unwrap().as_bytes()), "header.csv"),
    ];
    for (what, path, must_name) in cases {
        let output = posbook(&["replay", "--ticks", &path]);
        assert_eq!(output.status.code(), Some(2), "{what}");
        let line = error(&output);
        assert!(line.contains(must_name), "{what}: {line}");
    }
}

#[test]
fn skipped_rows_are_counted_and_the_rest_is_traded() {
    let folder = tempfile::tempdir().unwrap();
    let good = std::fs::read_to_string(ticks(folder.path(), "good.csv", 2_000)).unwrap();
    let path = folder.path().join("bad.csv");
    std::fs::write(&path, good.replacen("50003.5", "5o003.5", 1).replacen("50004.5", "", 1)).unwrap();
    let output =
        posbook(&["replay", "--ticks", path.to_str().unwrap(), "--skip-bad-rows", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let result = json(&output);
    assert_eq!((&result["skipped_rows"], &result["ticks"]), (&2.into(), &1_998.into()));
    verdict_is_yes(&result);
}

#[test]
fn wrong_usage_is_exit_code_2() {
    for wrong in [
        &["replay", "--speed", "fast"][..],
        &["replay", "--strategies", "0"],
        &["reply"],
        &[],
        &["replay", "--format", "xml"],
    ] {
        assert_eq!(posbook(wrong).status.code(), Some(2), "{wrong:?}");
    }
    assert_eq!(posbook(&["--help"]).status.code(), Some(0));
}

#[test]
fn a_hostile_venue_really_is_one_and_the_output_says_so() {
    let output = posbook(&[
        "replay",
        "--faults",
        "hostile",
        "--fault",
        "lost-order=0",
        "--fault",
        "liquidation=0",
        "--format",
        "json",
    ]);
    let result = json(&output);
    assert_eq!(result["faults_setting"], "hostile, lost-order=0, liquidation=0");
    let injected = result["faults_injected"].as_object().unwrap();
    for name in ["lost-answer", "resting", "doubled-fill", "delayed-fill", "stale-report", "rate-limit"] {
        assert!(injected[name].as_u64().unwrap() > 0, "{name}: {injected:?}");
    }
    assert!(!injected.contains_key("liquidation"));
    for question in ["book_equals_fold", "gapless"] {
        assert_eq!(result[question], true, "{question}: {result}");
    }
    assert_eq!(result["duplicate_orders"], 0);

    let folder = tempfile::tempdir().unwrap();
    let file = ticks(folder.path(), "btc.csv", 2_000);
    let calm = posbook(&["replay", "--ticks", file.to_str().unwrap(), "--format", "json"]);
    let result = json(&calm);
    assert_eq!(
        (&result["faults_setting"], &result["faults_injected"]),
        (&"off".into(), &serde_json::json!({}))
    );
    let table = posbook(&["replay", "--ticks", file.to_str().unwrap(), "--fault", "doubled-fill=1"]);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(table.contains("faults    off, doubled-fill=1: "), "{table}");
}

#[test]
fn wrong_faults_are_exit_code_2_and_name_those_there_are() {
    for wrong in ["slow=0.1", "lost-answer", "slow"] {
        let output = posbook(&["replay", "--fault", wrong]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        assert!(said.contains("late-execution") && said.contains("rate-limit"), "{wrong}: {said}");
    }
    for wrong in
        ["lost-answer=1.1", "lost-answer=5%", "lost-answer=", "lost-answer=-0.1", "lost-answer=0.0000001"]
    {
        let output = posbook(&["replay", "--fault", wrong]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        assert!(said.contains("lost-answer"), "{wrong}: {said}");
    }
    assert_eq!(posbook(&["replay", "--faults", "some"]).status.code(), Some(2));
}

#[test]
fn recorded_markets_end_with_all_yes() {
    let given = std::env::var_os("POSBOOK_DATA").map(PathBuf::from);
    let data =
        given.clone().unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"));
    let file = |name: &str| data.join("ticks").join(name);
    let names = [
        "binance-usdm-btcusdt-20240808.trades.csv.gz",
        "binance-usdm-ethusdt-20240808.trades.csv.gz",
        "binance-usdm-btcusdt-20240808.quotes.csv.gz",
    ];
    if given.is_none() && names.iter().any(|name| !file(name).exists()) {
        eprintln!("skipped: no recorded ticks in {}; set POSBOOK_DATA to where they are", data.display());
        return;
    }
    let mut arguments =
        vec!["replay".to_owned(), "--seed".into(), "7".into(), "--format".into(), "json".into()];
    for name in names {
        arguments.extend(["--ticks".to_owned(), file(name).to_str().unwrap().to_owned()]);
    }
    let output = posbook(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let result = json(&output);
    verdict_is_yes(&result);
    assert_eq!(result["ticks"], 101_478);
}
