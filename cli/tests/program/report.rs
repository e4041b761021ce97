//! `posbook report`, as a user runs it: on a journal that a replay wrote, whose own figures it has to give, and on what is none.

use std::path::Path;

use serde_json::Value;

use crate::{posbook, yes};

/// A journal of a replay of two markets, and what the replay itself said.
fn replayed(folder: &Path) -> Value {
    let ticks = folder.join("ticks.csv");
    let mut rows = String::from("recv_ns,exch_ms,symbol,trade_id,price,qty,aggressor\n");
    for n in 0..6_000_u64 {
        let price = 50_000 + (n * 7 % 800) * (n / 900 % 2 + 1);
        rows +=
            &format!("{},,M{},{n},{price}.5,0.010,buy\n", 1_700_000_000_000_000_000 + n * 20_000_000, n % 2);
    }
    std::fs::write(&ticks, rows).unwrap();
    yes(&posbook(&[
        "replay",
        "--ticks",
        ticks.to_str().unwrap(),
        "--journal",
        folder.join("journal").to_str().unwrap(),
        "--durability",
        "buffered",
        "--format",
        "json",
    ]))
}

#[test]
fn the_report_has_the_figures_of_the_replay_and_says_why_each_position_closed() {
    let folder = tempfile::tempdir().unwrap();
    let replay = replayed(folder.path());
    let (journal, page) = (folder.path().join("journal"), folder.path().join("report.html"));
    let (journal, page_path) = (journal.to_str().unwrap(), page.to_str().unwrap());
    let report =
        yes(&posbook(&["report", journal, "--out", page_path, "--lives", "100000", "--format", "json"]));

    let currencies = report["currencies"].as_array().unwrap();
    assert!(!currencies.is_empty());
    for of in currencies {
        let said = &replay["by_currency"][of["currency"].as_str().unwrap()];
        assert_eq!((&of["realised"], &of["fees"]), (&said["realised"], &said["fees"]));
        // Every life is in one cause, in one owner, on one side and on one instrument.
        let lives = of["lives"].as_u64().unwrap();
        let sum = |all: &Value, kind: Option<&str>| -> u64 {
            let all = all.as_array().unwrap().iter();
            all.filter(|one| kind.is_none_or(|kind| one["kind"] == kind))
                .map(|one| one["lives"].as_u64().unwrap())
                .sum()
        };
        assert_eq!(sum(&of["endings"], None), lives);
        for kind in ["owner", "side", "instrument", "base"] {
            assert_eq!(sum(&of["groups"], Some(kind)), lives, "{kind}");
        }
        // The replay tags each order that opens once, by the strategy that does. What a late fill opened has no tag.
        let all = report["lives"].as_array().unwrap().iter().filter(|life| life["settle"] == of["currency"]);
        let tagged = all.filter(|life| !life["tags"].as_array().unwrap().is_empty()).count() as u64;
        assert!(tagged > 5 && sum(&of["groups"], Some("tag")) == tagged, "{tagged} of {lives}");
        let tags = of["groups"].as_array().unwrap().iter().filter(|group| group["kind"] == "tag");
        let tags: Vec<_> = tags.map(|group| group["name"].as_str().unwrap()).collect();
        assert_eq!(tags, ["strategy-1", "strategy-2", "strategy-3", "strategy-4"]);
        for period in ["minute", "hour", "day", "week", "month"] {
            assert_eq!(sum(&of["periods"][period], None), lives, "{period}");
        }
    }
    let lives = report["lives"].as_array().unwrap();
    assert_eq!(lives.len() as u64, report["lives_ended"].as_u64().unwrap());
    assert!(lives.len() > 5, "{} lives", lives.len());
    for life in lives {
        assert!(!life["ending"].as_str().unwrap().is_empty() && life["fills"].as_u64().unwrap() >= 2);
        assert!(life["closed_at"].as_i64() >= life["opened_at"].as_i64());
        assert!(life["adverse"]["unknown"].is_string() || life["adverse"].is_string());
        let tags = life["tags"].as_array().unwrap();
        let one = |tag: &serde_json::Value| tag.as_str().unwrap().starts_with("strategy-");
        assert!(tags.is_empty() || tags.len() == 1 && one(&tags[0]), "{tags:?}");
    }

    let html = std::fs::read_to_string(&page).unwrap();
    for wanted in
        ["Equity", "Drawdown", "Distribution of results", "Why positions closed", "By tag", "By tag", "Lives"]
    {
        assert!(html.contains(wanted), "{wanted} is missing");
    }
    for outside in ["http://", "https://", "src=", "href=", "@import", "url(", "<script", "NaN", "inf"] {
        assert!(!html.contains(outside), "the page has {outside}");
    }
    assert_eq!(html.matches("<polyline class=").count(), 2 * currencies.len(), "a curve is empty");
    // It says what a trader asks first without the page, too.
    let told = posbook(&["report", journal]);
    let told = String::from_utf8(told.stdout).unwrap();
    for wanted in ["worst drawdown", "win rate", "closed by:"] {
        assert!(told.contains(wanted), "{told}");
    }
}

#[test]
fn what_is_no_journal_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = posbook(&["report", folder.path().join("none").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let journal = folder.path().join("journal");
    drop(posbook::journal::Journal::open(&journal, Default::default(), posbook::Book::builder()).unwrap());
    let journal = journal.to_str().unwrap();
    // Nothing has happened in it: that is no failure.
    let report = yes(&posbook(&["report", journal, "--format", "json"]));
    assert_eq!(
        (report["lives_ended"].as_u64(), report["currencies"].as_array().map(Vec::len)),
        (Some(0), Some(0))
    );
    // The journal's own files, and any other that is no page, are not written over.
    let database = format!("{journal}/journal.sqlite");
    let was = std::fs::read(&database).unwrap();
    assert_eq!(posbook(&["report", journal, "--out", &database]).status.code(), Some(2));
    assert_eq!(std::fs::read(&database).unwrap(), was);
    let lock = format!("{journal}/journal.lock");
    assert_eq!(posbook(&["report", journal, "--out", &lock]).status.code(), Some(2));
    let nowhere = folder.path().join("no").join("such").join("folder.html");
    let output = posbook(&["report", journal, "--out", nowhere.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3));
}
