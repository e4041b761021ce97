//! The verbs that look into a journal, as a user runs them: on one that a replay wrote, and on what is none.
#![allow(clippy::disallowed_types, reason = "one journal for all tests")]

use std::path::Path;
use std::process::Output;
use std::sync::OnceLock;

use serde_json::Value;

use crate::{posbook, yes};

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A journal that a replay has written, once for all tests: they only read it.
fn journal() -> &'static str {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        folder
    });
    folder.path().to_str().unwrap()
}

fn write(folder: &Path) {
    let ticks = folder.join("ticks.csv");
    let mut rows = String::from("recv_ns,exch_ms,symbol,trade_id,price,qty,aggressor\n");
    for n in 0..4_000_u64 {
        let price = 50_000 + (n % 400);
        rows +=
            &format!("{},,M{},{n},{price}.5,0.010,buy\n", 1_700_000_000_000_000_000 + n * 20_000_000, n % 2);
    }
    std::fs::write(&ticks, rows).unwrap();
    let (ticks, folder) = (ticks.to_str().unwrap(), folder.to_str().unwrap());
    let output = posbook(&[
        "replay",
        "--ticks",
        ticks,
        "--journal",
        folder,
        "--durability",
        "buffered",
        "--format",
        "json",
    ]);
    let result = yes(&output);
    assert_eq!(result["verdict"], "yes");
    assert_eq!(result["journal"]["durable"], result["changes"], "everything is on the disk");
}

#[test]
fn what_a_journal_holds_now_and_then() {
    let now = yes(&posbook(&["inspect", journal(), "--format", "json"]));
    let last = now["last"].as_u64().unwrap();
    assert_eq!((now["first"].as_u64(), now["sequence"].as_u64()), (Some(1), Some(last)));
    assert!(now["lost"].is_null() && now["in_doubt"] == 0 && now["fills"].as_u64() > Some(10));
    let then = yes(&posbook(&["inspect", journal(), "--at", &(last / 2).to_string(), "--format", "json"]));
    assert!(then["sequence"].as_u64().unwrap() <= last / 2 && then["digest"] != now["digest"]);
    // By time: the market of the replay began then.
    let early = yes(&posbook(&["inspect", journal(), "--at", "2023-11-14T22:13:30Z", "--format", "json"]));
    assert!(early["sequence"].as_u64().unwrap() < last);
    assert!(text(&posbook(&["inspect", journal()])).contains("shown as of"));
    let beyond = posbook(&["inspect", journal(), "--at", "99999999"]);
    assert_eq!(beyond.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&beyond.stderr).contains("is not in the journal"));
}

#[test]
fn the_story_of_a_key_says_who_why_before_and_after() {
    let lines = text(&posbook(&["history", journal(), "M0", "--format", "json"]));
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() > 10 && lines.iter().all(|line| line["symbol"] == "M0"));
    let opened = lines.iter().find(|line| line["kind"] == "opened").unwrap();
    assert_eq!(opened["before"], "flat");
    let after: Value = serde_json::from_str(opened["after"].as_str().unwrap()).unwrap();
    assert!(after["stop"].is_string() && after["quantity"].is_string());
    let told = text(&posbook(&["history", journal(), "M0"]));
    assert!(told.contains("flat -> "), "{told}");
    let unknown = posbook(&["history", journal(), "M9"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("it has M0, M1"));
}

#[test]
fn tail_diff_and_verify() {
    let tail = text(&posbook(&["tail", journal(), "-n", "5", "--format", "json"]));
    assert_eq!(tail.lines().count(), 5);
    let last: Value = serde_json::from_str(tail.lines().last().unwrap()).unwrap();
    let last = last["sequence"].as_u64().unwrap();
    let differences = yes(&posbook(&["diff", journal(), "2", &last.to_string(), "--format", "json"]));
    assert_eq!(differences["differences"].as_array().unwrap().len(), 2);
    assert_eq!(text(&posbook(&["diff", journal(), "5", "5"])), "no key differs\n");
    let verified = yes(&posbook(&["verify", journal(), "--format", "json"]));
    assert_eq!((verified["changes"].as_u64(), &verified["first_difference"]), (Some(last), &Value::Null));
    assert!(text(&posbook(&["verify", journal()])).contains("whole: digest"));
}

#[test]
fn export_writes_each_change_once_and_never_over_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let last = yes(&posbook(&["inspect", journal(), "--format", "json"]))["last"].as_u64().unwrap();
    for (kind, head) in [("jsonl", 0), ("csv", 1)] {
        let file = folder.path().join(kind);
        let file = file.to_str().unwrap();
        text(&posbook(&["export", journal(), "--out", file, "--as", kind]));
        let rows = std::fs::read_to_string(file).unwrap().lines().count() as u64;
        assert_eq!(rows, last + head);
        assert_eq!(posbook(&["export", journal(), "--out", file, "--as", kind]).status.code(), Some(3));
    }
}

#[test]
fn checkpoint_prune_and_a_damaged_journal() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let path = folder.path().to_str().unwrap();
    let early = posbook(&["prune", path, "--until", "10"]);
    assert_eq!(early.status.code(), Some(2));
    let before = yes(&posbook(&["inspect", path, "--format", "json"]));
    let at = yes(&posbook(&["checkpoint", path, "--format", "json"]))["sequence"].as_u64().unwrap();
    let pruned = yes(&posbook(&["prune", path, "--until", &at.to_string(), "--format", "json"]));
    assert_eq!((pruned["changes"].as_u64(), pruned["from"].as_u64()), (Some(at), Some(at)));
    text(&posbook(&["verify", path]));
    // Nothing but a checkpoint is left, and that is the whole book.
    let after = yes(&posbook(&["inspect", path, "--format", "json"]));
    for same in ["last", "sequence", "digest", "positions", "orders", "fills"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    assert_eq!(after["first"].as_u64(), Some(at + 1));
    let top = yes(&posbook(&["top", path, "--once", "--format", "json"]));
    assert_eq!(top["positions"].as_array().map(Vec::len), before["positions"].as_array().map(Vec::len));
    text(&posbook(&["history", path, "M0"]));
    text(&posbook(&["report", path]));
    // A flip in the checkpoint that is left.
    let database = folder.path().join("journal.sqlite");
    let mut bytes = std::fs::read(&database).unwrap();
    let place = bytes.windows(2).rposition(|two| two == b"M1").unwrap();
    bytes[place] ^= 2;
    std::fs::write(&database, bytes).unwrap();
    let verified = posbook(&["verify", path]);
    assert!(matches!(verified.status.code(), Some(1 | 2)), "{:?}", verified.status);
}

#[test]
fn what_is_no_journal_is_bad_input_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    for arguments in [
        vec!["inspect", path],
        vec!["history", path, "M0"],
        vec!["tail", path],
        vec!["diff", path, "1", "2"],
        vec!["verify", path],
        vec!["export", path, "--out", "nowhere"],
        vec!["checkpoint", path],
        vec!["prune", path, "--until", "1"],
        vec!["replay", "--resume", path],
    ] {
        let output = posbook(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.lines().count() == 1 && told.contains(path), "{told}");
    }
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "nothing was written there");
    let moment = posbook(&["inspect", path, "--at", "yesterday"]);
    assert_eq!(moment.status.code(), Some(2));
}

#[test]
fn a_run_is_begun_once_and_goes_on_with_its_own_options() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let path = folder.path().to_str().unwrap();
    let again = posbook(&["replay", "--journal", path]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("replay --resume"));
    // It was over: nothing is left to do, and everything still agrees.
    let result = yes(&posbook(&["replay", "--resume", path, "--format", "json"]));
    assert_eq!(result["verdict"], "yes");
    assert_eq!(result["journal"]["epoch"], 2);
}
