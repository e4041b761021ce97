//! `posbook reconcile` as a user runs it: a journal that a bot has left, a report of its venue, and what the journal holds after.

use std::path::Path;

use posbook::journal::{History, Journal, JournalOptions};
use posbook::{Book, Fill, Instrument, OrderSide, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::posbook;

const BTC: &str = "BTC/USDT:USDT";
const ETH: &str = "ETH/USDT:USDT";

/// The journal of a bot that was stopped with a long BTC 1 @ 50,000, filled at 1 s of the venue's clock.
fn stopped() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), JournalOptions::default(), Book::builder()).unwrap();
    let book = journal.book();
    let btc = book.register(Instrument::linear(BTC, "0.1", "0.001").unwrap()).unwrap();
    book.register(Instrument::linear(ETH, "0.01", "0.001").unwrap()).unwrap();
    let fill = Fill::trade(
        btc,
        "1".parse().unwrap(),
        OrderSide::Buy,
        "1".parse().unwrap(),
        "50000".parse().unwrap(),
    );
    book.record(fill.at(Timestamp::from_millis(1_000))).unwrap();
    journal.close().unwrap();
    folder
}

struct Run {
    code: i32,
    answer: Value,
    said: String,
}

/// Reconciles with these reports and options.
fn reconcile(folder: &Path, reports: &[Value], options: &[&str]) -> Run {
    let files = tempfile::tempdir().unwrap();
    let mut arguments = vec!["reconcile".to_owned(), folder.to_str().unwrap().to_owned()];
    for (n, report) in reports.iter().enumerate() {
        let path = files.path().join(format!("report-{n}.json"));
        std::fs::write(&path, report.to_string()).unwrap();
        arguments.extend(["--report".to_owned(), path.to_str().unwrap().to_owned()]);
    }
    arguments.extend(options.iter().map(|&option| option.to_owned()));
    arguments.extend(["--format".to_owned(), "json".to_owned()]);
    let output = posbook(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let text = String::from_utf8(output.stdout).unwrap();
    Run {
        code: output.status.code().unwrap(),
        answer: text.lines().last().map_or(Value::Null, |line| serde_json::from_str(line).unwrap()),
        said: String::from_utf8(output.stderr).unwrap(),
    }
}

fn row(symbol: &str, side: &str, contracts: &str, entry: &str) -> Value {
    json!({"symbol": symbol, "side": side, "contracts": contracts, "contractSize": 1, "entryPrice": entry, "hedged": false})
}

fn long(contracts: &str, entry: &str) -> Value {
    row(BTC, "long", contracts, entry)
}

/// What is open there, by `posbook inspect`.
fn stands(folder: &Path) -> Vec<String> {
    let output = posbook(&["inspect", folder.to_str().unwrap(), "--format", "json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let found: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let positions = found["positions"].as_array().unwrap();
    let part = |position: &Value, name: &str| position[name].as_str().unwrap_or("none").to_owned();
    positions
        .iter()
        .map(|p| {
            format!(
                "{} {} @ {} stop {}",
                part(p, "side"),
                part(p, "quantity"),
                part(p, "entry"),
                part(p, "stop")
            )
        })
        .collect()
}

const NEWER: [&str; 2] = ["--at", "2000"];

#[test]
fn what_agrees_is_success_and_changes_nothing() {
    let folder = stopped();
    for dry in [&["--dry-run"][..], &[]] {
        let run = reconcile(folder.path(), &[json!([long("1", "50000")])], &[&NEWER[..], dry].concat());
        assert_eq!(
            (run.code, &run.answer["items"], &run.answer["remaining"]),
            (0, &json!([]), &json!(0)),
            "{}",
            run.said
        );
    }
    assert_eq!(stands(folder.path()), ["long 1 @ 50000 stop none"]);
    let output = posbook(&["reconcile", folder.path().to_str().unwrap(), "--report", "/dev/null"]);
    assert_eq!(output.status.code(), Some(2), "nothing at all is no empty report");
}

#[test]
fn what_differs_is_adopted_dropped_or_corrected_and_told() {
    let folder = stopped();
    let report = [json!([long("2", "50500"), row(ETH, "short", "3", "2000")])];
    let options = [&NEWER[..], &["--set", "quantity=venue-wins", "--mark", "ETH/USDT:USDT=2000"]].concat();

    let dry = reconcile(folder.path(), &report, &[&options[..], &["--dry-run"]].concat());
    assert_eq!((dry.code, &dry.answer["dry_run"], &dry.answer["remaining"]), (1, &json!(true), &json!(2)));
    assert_eq!(stands(folder.path()), ["long 1 @ 50000 stop none"], "a dry run changes nothing");

    let run = reconcile(folder.path(), &report, &options);
    assert_eq!(
        (run.code, &run.answer["resolved"], &run.answer["remaining"]),
        (0, &json!(2), &json!(0)),
        "{}",
        run.said
    );
    let [more, new] = [&run.answer["items"][0], &run.answer["items"][1]];
    assert_eq!(
        (&more["field"], &more["book"], &more["venue"], &more["repair"], &more["outcome"]),
        (&json!("quantity"), &json!("1"), &json!("2"), &json!("correct"), &json!("applied"))
    );
    assert!(more["why"].as_str().unwrap().starts_with("reconcile/0/net/"), "{more}");
    assert_eq!(
        (&new["field"], &new["repair"], &new["leg"]),
        (&json!("presence"), &json!("adopt"), &json!("net"))
    );
    assert_eq!(stands(folder.path()), ["long 2 @ 50500 stop none", "short 3 @ 2000 stop 2100"]);
    // It is in the story of the key, and the journal is whole.
    let story = posbook(&["history", folder.path().to_str().unwrap(), BTC]);
    let story = String::from_utf8(story.stdout).unwrap();
    assert!(story.contains("corrected by correct (the book has 1, the venue 2)"), "{story}");
    assert_eq!(posbook(&["verify", folder.path().to_str().unwrap()]).status.code(), Some(0));
    // A second run finds nothing.
    let again = reconcile(folder.path(), &report, &["--at", "3000"]);
    assert_eq!((again.code, &again.answer["items"]), (0, &json!([])));

    // What only the book has goes; what only is another price is named.
    let gone = reconcile(folder.path(), &[json!([long("2", "50600")])], &["--at", "4000"]);
    let fields: Vec<_> =
        gone.answer["items"].as_array().unwrap().iter().map(|i| (&i["field"], &i["outcome"])).collect();
    assert_eq!(fields, [(&json!("entry"), &json!("named")), (&json!("presence"), &json!("applied"))]);
    assert_eq!((gone.code, &gone.answer["remaining"]), (1, &json!(1)));
    assert_eq!(stands(folder.path()), ["long 2 @ 50500 stop none"]);
}

#[test]
fn without_a_time_it_takes_two_reports_and_an_old_one_changes_nothing() {
    let folder = stopped();
    let report = json!([long("1", "50000"), row(ETH, "long", "1", "2000")]);
    let one = reconcile(folder.path(), std::slice::from_ref(&report), &[]);
    assert_eq!((one.code, &one.answer["items"][0]["outcome"]), (1, &json!("waits")));
    let old = reconcile(
        folder.path(),
        &[json!([long("2", "50000")])],
        &["--at", "1000", "--set", "quantity=venue-wins"],
    );
    assert_eq!((old.code, &old.answer["items"][0]["outcome"]), (1, &json!("waits")), "R8");
    // Asked before something that the book did since.
    let stale =
        reconcile(folder.path(), &[json!([])], &["--at", "2000", "--asked", "1", "--empty-means-flat"]);
    assert_eq!((stale.code, &stale.answer["items"][0]["outcome"]), (1, &json!("waits")), "R8");
    let two = reconcile(folder.path(), &[report.clone(), report], &[]);
    assert_eq!((two.code, &two.answer["resolved"]), (0, &json!(1)), "{}", two.answer);
}

#[test]
fn contracts_of_another_size_are_another_position() {
    let folder = stopped();
    let mut small = long("10000", "50000");
    small["contractSize"] = json!("0.0001");
    let run = reconcile(
        folder.path(),
        &[json!([small])],
        &[&NEWER[..], &["--set", "quantity=venue-wins"]].concat(),
    );
    assert_eq!((run.code, &run.answer["resolved"]), (1, &json!(0)), "{}", run.answer);
    let why = run.answer["partial"].as_str().unwrap();
    assert!(why.contains("contract size"), "{why}");
    assert_eq!(stands(folder.path()), ["long 1 @ 50000 stop none"]);
}

/// It would be dropped first, and what comes in its place refused: then nothing would guard what is open at the venue.
#[test]
fn a_row_that_cannot_be_adopted_drops_nothing() {
    let folder = stopped();
    let other = row(BTC, "short", "3", "-5");
    let run =
        reconcile(folder.path(), &[json!([other])], &[&NEWER[..], &["--set", "side=venue-wins"]].concat());
    assert_eq!((run.code, &run.answer["resolved"]), (1, &json!(0)), "{}", run.answer);
    assert_eq!(stands(folder.path()), ["long 1 @ 50000 stop none"]);
}

#[test]
fn no_policy_makes_one_report_without_a_time_a_proof() {
    let folder = stopped();
    let policies = folder.path().join("policies.json");
    let text = json!({"general": {"confirmations": 0, "consent": "empty_means_flat"}});
    std::fs::write(&policies, text.to_string()).unwrap();
    let run = reconcile(folder.path(), &[json!([])], &["--policy", policies.to_str().unwrap()]);
    assert_eq!((run.code, &run.answer["items"][0]["outcome"]), (1, &json!("waits")), "{}", run.answer);
    assert_eq!(stands(folder.path()).len(), 1);
}

#[test]
fn an_empty_report_needs_consent_and_a_partial_one_proves_no_absence() {
    let folder = stopped();
    let bad = json!([{"symbol": "XRP/USDT:USDT", "side": "long", "contracts": null}]);
    let partial = reconcile(folder.path(), &[bad], &NEWER);
    assert_eq!((partial.code, partial.answer["partial"].is_string()), (1, true));
    assert_eq!(stands(folder.path()).len(), 1);
    let empty = reconcile(folder.path(), &[json!([])], &NEWER);
    assert_eq!((empty.code, &empty.answer["items"][0]["repair"]), (1, &json!("quarantine")));
    assert_eq!(stands(folder.path()).len(), 1);
    // A report of another symbol says nothing about this one.
    let scoped = reconcile(folder.path(), &[json!([])], &["--at", "2500", "--only", ETH]);
    assert_eq!((scoped.code, &scoped.answer["items"]), (0, &json!([])));
    let flat = reconcile(folder.path(), &[json!([])], &["--at", "3000", "--empty-means-flat"]);
    assert_eq!((flat.code, &flat.answer["items"][0]["repair"]), (0, &json!("drop")), "{}", flat.answer);
    assert_eq!(stands(folder.path()), Vec::<String>::new());
}

#[test]
fn a_report_of_our_own_shape_and_policies_from_a_file() {
    let folder = stopped();
    let own = |time: i64, mode: &str| {
        json!({"scope": "all", "completeness": "complete", "venue_time": time * 1_000_000, "rows": [
            {"symbol": BTC, "leg": "net", "side": "long", "quantity": "3", "entry": "50000", "leverage": "5",
             "margin_mode": mode, "liquidation_price": null}]})
    };
    let policies = folder.path().join("policies.json");
    let text = json!({"general": {"margin_mode": "isolated", "ways": {"quantity": "book_wins", "margin_mode": "quarantine"}},
        "keys": [{"symbol": ETH, "policy": {}}]});
    std::fs::write(&policies, text.to_string()).unwrap();
    let with = ["--policy", policies.to_str().unwrap()];
    let run = reconcile(folder.path(), &[own(2_000, "cross")], &with);
    let first = &run.answer["items"][0];
    assert_eq!((run.code, &first["outcome"]), (1, &json!("waits")));
    assert!(first["why"].as_str().unwrap().ends_with("at the venue it takes: sell 2"), "{first}");
    // The leverage is taken over where the size agrees.
    let taken = reconcile(
        folder.path(),
        &[own(3_000, "cross")],
        &[&with[..], &["--set", "quantity=venue-wins", "--set", "leverage=venue-wins"]].concat(),
    );
    assert_eq!((taken.code, &taken.answer["resolved"]), (0, &json!(1)), "{}", taken.answer);
    let taken = reconcile(
        folder.path(),
        &[own(4_000, "cross")],
        &[&with[..], &["--set", "leverage=venue-wins"]].concat(),
    );
    let repairs: Vec<_> =
        taken.answer["items"].as_array().unwrap().iter().map(|i| (&i["field"], &i["repair"])).collect();
    assert_eq!(
        repairs,
        [(&json!("leverage"), &json!("correct")), (&json!("margin mode"), &json!("quarantine"))]
    );
    let released = reconcile(folder.path(), &[own(5_000, "isolated")], &with);
    assert_eq!((released.code, &released.answer["released"]), (0, &json!(1)), "{}", released.answer);
}

#[test]
fn a_journal_that_a_bot_holds_is_refused_by_its_name_and_can_be_compared() {
    let folder = stopped();
    let journal = Journal::open(folder.path(), JournalOptions::default(), Book::builder()).unwrap();
    let report = [json!([long("2", "50000")])];
    let held = reconcile(folder.path(), &report, &NEWER);
    assert_eq!((held.code, &held.answer), (3, &Value::Null));
    assert!(held.said.contains(&format!("process {}", std::process::id())), "{}", held.said);
    let dry = reconcile(folder.path(), &report, &[&NEWER[..], &["--dry-run"]].concat());
    assert_eq!((dry.code, &dry.answer["items"][0]["repair"]), (1, &json!("quarantine")));
    journal.close().unwrap();
    assert_eq!(History::open(folder.path()).unwrap().lost().unwrap(), None);
}

#[test]
fn what_cannot_be_used_is_refused_in_one_line() {
    let folder = stopped();
    let good = [json!([long("1", "50000")])];
    for (options, code, says) in [
        (&["--policy", "no-such-file"][..], 3, "no-such-file"),
        (&["--set", "size=report"], 2, "is none of"),
        (&["--set", "entry=venue-wins"], 2, "--set entry=venue-wins: unknown variant"),
        (&["--set", "side=ignore"], 2, "--set side=ignore"),
        (&["--mark", "XRP/USDT:USDT=1"], 2, "--mark XRP/USDT:USDT"),
        (&["--mark", "XRP/USDT:USDT=1", "--dry-run"], 2, "--mark XRP/USDT:USDT"),
        (&["--only", "BTCUSDT"], 2, "--only BTCUSDT: this journal has no such instrument"),
        (&["--at", "2099-01-01T00:00:00Z"], 2, "in the future"),
        (&["--at", "1723078800000000000"], 2, "in the future"),
        (&["--asked", "999999999"], 2, "--asked 999999999: the last change"),
        (&["--report", "no-such-report"], 3, "no-such-report"),
        (&["--markets", "no-such-markets"], 3, "no-such-markets"),
    ] {
        let run = reconcile(folder.path(), &good, options);
        assert_eq!((run.code, run.said.lines().count()), (code, 1), "{options:?}: {}", run.said);
        assert!(run.said.contains(says), "{}", run.said);
    }
    for (report, says) in [
        (json!({"scope": "all"}), "missing field"),
        (json!({"scope": "all", "completeness": {"failed": "503"}, "venue_time": null, "rows": []}), "503"),
        (json!(17), "not an array"),
    ] {
        let run = reconcile(folder.path(), &[report], &[]);
        assert_eq!(run.code, 2, "{}", run.said);
        assert!(run.said.contains(says), "{}", run.said);
    }
    for wrong in [&["--at", "yesterday"][..], &["--mark", "1"], &["--set", "side"], &["--only", ""]] {
        assert_eq!(reconcile(folder.path(), &good, wrong).code, 2, "{wrong:?}");
    }
    // Nothing is made where nothing was.
    let empty = folder.path().join("empty");
    assert_eq!(reconcile(&empty, &good, &[]).code, 2);
    assert!(!empty.exists());
    assert_eq!(stands(folder.path()), ["long 1 @ 50000 stop none"]);
}
