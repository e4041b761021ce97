//! `posbook bench` as a user runs it: every option is in the report, wrong usage is refused with what is possible, and an
//! older report is compared or refused. Nothing here asserts a speed.

use std::process::Output;

use serde_json::Value;

use crate::{posbook, yes};

/// A run that takes no longer than it must.
fn bench(arguments: &[&str]) -> Output {
    posbook(&[&["bench", "--seconds", "0.01", "--rounds", "2"], arguments].concat())
}

fn rows(result: &Value) -> &Vec<Value> {
    result["rows"].as_array().unwrap()
}

#[test]
fn workloads_take_threads_and_positions_and_the_report_has_a_row_for_each() {
    let output =
        bench(&["--only", "read,mixed-2", "--threads", "2,3", "--positions", "5,20", "--format", "json"]);
    let result = yes(&output);
    let of = |row: &Value| {
        let number = |name: &str| row[name].as_u64().unwrap();
        (row["workload"].as_str().unwrap().to_owned(), number("threads"), number("positions"))
    };
    let mine: Vec<_> = rows(&result).iter().filter(|row| row["contender"] == "posbook").map(of).collect();
    let want = [("read-2", 2), ("read-3", 3), ("mixed-2", 2), ("mixed-3", 3)];
    let want: Vec<_> =
        want.iter().flat_map(|(name, threads)| [5, 20].map(|n| ((*name).to_owned(), *threads, n))).collect();
    assert_eq!(mine, want);
    assert_eq!(rows(&result).len(), want.len() * 14, "every contender takes part");
    assert!(result["targets"].as_array().unwrap().is_empty(), "no suite, no targets");
    assert!(!result["environment"]["allocator"].as_str().unwrap().is_empty());
}

#[test]
fn a_mix_at_a_rate_is_an_open_loop_with_every_kind_that_was_asked_for() {
    let mix = "read=70,tick=20,fill=8,snapshot=2";
    let result = yes(&posbook(&[
        "bench",
        "--seconds",
        "0.2",
        "--rounds",
        "1",
        "--mix",
        mix,
        "--rate",
        "20000",
        "--format",
        "json",
    ]));
    let row = &rows(&result)[0];
    assert_eq!((&row["workload"], &row["threads"]), (&format!("{mix} x2").into(), &2.into()));
    assert_eq!((&row["rate_each"], &row["contender"]), (&20_000.0.into(), &"posbook".into()));
    let latency = row["latency_ns"].as_object().unwrap();
    assert_eq!(latency.keys().collect::<Vec<_>>(), ["fill", "read", "snapshot", "tick"]);
    let kept = row["kept"].as_f64().unwrap();
    assert!(kept > 0.0 && kept < 1.000_001, "never more than were to begin: {kept}");
    let text =
        String::from_utf8(bench(&["--mix", "read=1", "--threads", "1", "--rate", "1000"]).stdout).unwrap();
    assert!(text.contains("read=1 x1 at 1000 a second") && text.contains("% kept"), "{text}");
}

#[test]
fn a_run_is_compared_with_the_report_of_an_older_one() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("new folder");
    let report = out.join("report.json");
    let [out, report] = [&out, &report].map(|path| path.to_str().unwrap());
    yes(&bench(&["--only", "tick,snapshot", "--out", out, "--format", "json"]));
    let result = yes(&bench(&["--only", "tick,read", "--compare", report, "--out", out, "--format", "json"]));
    let compared = &result["compare"];
    let compared_rows = compared["rows"].as_array().unwrap();
    assert_eq!(compared_rows.len(), 14, "what both have is compared");
    assert_eq!((&compared["not_in_old"], &compared["only_in_old"]), (&14.into(), &14.into()));
    assert!(compared["environment"].as_array().unwrap().is_empty(), "it is the same machine: {compared}");
    for row in compared_rows {
        assert_eq!(row["case"], "tick, 100 positions");
        let ratio = row["new_ns"].as_f64().unwrap() / row["old_ns"].as_f64().unwrap();
        assert!((row["ratio"].as_f64().unwrap() - ratio).abs() < 1e-9, "{row}");
        let at = |name: &str, n: usize| row[name][n].as_f64().unwrap();
        let touch =
            at("new_between", 0) <= at("old_between", 1) && at("old_between", 0) <= at("new_between", 1);
        assert_eq!(row["within_noise"], touch, "{row}");
    }
    let page = std::fs::read_to_string(folder.path().join("new folder/index.html")).unwrap();
    assert!(
        page.contains("Beside the older run") && page.contains("tick, 100 positions"),
        "it is on the page"
    );
    assert!(!page.contains("http"), "nothing on the page is from outside");
    // What it wrote last is a report too, with what it was compared with.
    let text = String::from_utf8(bench(&["--only", "read", "--compare", report]).stdout).unwrap();
    assert!(text.contains("beside the older run") && text.contains("14 are in the older run only"), "{text}");
}

#[test]
fn a_file_that_is_no_older_report_is_refused_before_anything_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("old.json");
    let path = file.to_str().unwrap();
    for (text, hint) in [
        (None, "name the report.json"),
        (Some(""), "EOF"),
        (Some("[]"), "no report.json of posbook bench"),
        (Some("{\"violation\":\"an update of key 3 was lost\"}"), "an update of key 3 was lost"),
        (Some("{\"rows\":[]}"), "environment"),
        (Some("\u{0}\u{1}"), "line 1"),
    ] {
        if let Some(text) = text {
            std::fs::write(&file, text).unwrap();
        }
        let output = posbook(&["bench", "--only", "tick", "--seconds", "3600", "--compare", path]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text:?}: {said}");
        assert!(said.contains(hint) && said.contains("--compare"), "{text:?}: {said}");
        assert!(output.stdout.is_empty(), "{text:?}");
    }
}

#[test]
fn a_page_that_cannot_be_written_is_exit_code_3() {
    let output = bench(&["--only", "tick", "--out", "/proc/nothing"]);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn wrong_usage_is_exit_code_2_and_says_what_is_possible() {
    for (wrong, hint) in [
        (&["--only", "reads"][..], "read-beside-writer"),
        (&["--only", "batch", "--threads", "2"], "the threads of batch are fixed"),
        (&["--only", "mixed-2", "--threads", "1"], "2 to 64"),
        (&["--only", "read", "--threads", "0"], "1..=64"),
        (&["--only", "read", "--threads", "65"], "1..=64"),
        (&["--only", "read-65"], "1 to 64"),
        (&["--only", "read", "--positions", "1"], "2..="),
        (&["--threads", "2"], "--only"),
        (&["--rate", "1000"], "--mix"),
        (&["--positions", "10"], "--only"),
        (&["--suite", "full", "--only", "read"], "cannot be used with"),
        (&["--suite", "everything"], "full"),
        (&["--mix", ""], "NAME=SHARE"),
        (&["--mix", "reads=1"], "snapshot"),
        (&["--mix", "read=many"], "1000000"),
        (&["--mix", "read=1,read=1"], "twice"),
        (&["--mix", "read=0"], "above 0"),
        (&["--mix", "batch=1"], "--only batch"),
        (&["--mix", "read=1", "--rate", "0"], "10000000"),
        (&["--mix", "read=1", "--rate", "NaN"], "10000000"),
        (&["--seconds", "0"], "0.01"),
        (&["--rounds", "0"], "1..="),
        (&["--dist", "normal"], "zipf"),
        (&["--format", "xml"], "json"),
    ] {
        let output = posbook(&[&["bench"], wrong].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {said}");
        assert!(said.contains(hint), "{wrong:?}: {said}");
        assert!(output.stdout.is_empty(), "{wrong:?}");
    }
}
