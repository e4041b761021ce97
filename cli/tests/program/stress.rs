//! `posbook stress` as a user runs it: exit codes, one JSON object, wrong usage refused. That it finds seeded bugs is
//! shown by `cargo faults`, which builds them in; built so, the last test here finds one too.

use std::process::{Command, Output};

use serde_json::Value;

use crate::{json, posbook};

#[test]
fn so_many_calls_as_were_asked_for_are_checked_at_every_level_of_faults() {
    for faults in ["off", "normal", "hostile"] {
        let output = posbook(&[
            "stress",
            "--operations",
            "20000",
            "--threads",
            "3",
            "--seed",
            "5",
            "--positions",
            "8",
            "--faults",
            faults,
            "--format",
            "json",
        ]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
        let result = json(&output);
        assert!(result["operations"].as_u64().unwrap() >= 20_000, "{result}");
        assert_eq!((&result["violations"], &result["violation"]), (&0.into(), &Value::Null));
        assert_eq!(result["interrupted"], false);
        assert_eq!((&result["seed"], &result["threads"]), (&5.into(), &3.into()));
        assert_eq!((&result["faults"], &result["positions"]), (&faults.into(), &8.into()));
        let overlap = result["overlap"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&overlap), "{result}");
        for figure in [
            "rounds",
            "searched",
            "publications",
            "rejections",
            "nothing_to_do",
            "pictures",
            "contents",
            "fills",
        ] {
            assert!(result[figure].as_u64().unwrap() > 0, "{figure}: {result}");
        }
        // The printed command is one that is understood.
        let command = result["command"].as_str().unwrap();
        assert!(command.starts_with("posbook stress --seed 5 --threads 3 --positions 8"), "{command}");
        assert!(command.ends_with("--operations 20000"), "{command}");
    }
}

#[test]
fn it_ends_after_its_time_and_says_so_in_a_table() {
    let output = posbook(&["stress", "--seconds", "1"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.ends_with("verdict: no violation\n"), "{text}");
    assert!(text.contains("seed 1") && text.contains("faults normal"), "{text}");
    assert!(output.stderr.is_empty(), "no bar where there is no terminal");
}

#[test]
fn wrong_usage_is_exit_code_2_and_says_what_is_possible() {
    for (wrong, hint) in [
        (&["--faults", "some"][..], "hostile"),
        (&["--threads", "1"], "2..=64"),
        (&["--threads", "65"], "2..=64"),
        (&["--positions", "0"], "1..="),
        (&["--seconds", "0"], "1..="),
        (&["--operations", "0"], "1.."),
        (&["--operations", "5", "--seconds", "5"], "cannot be used with"),
        (&["--format", "xml"], "json"),
        (&["--seed", "-1"], "-1"),
        (&["--worlds", "3"], "--simulate"),
        (&["--world", ""], "--simulate"),
        (&["--simulate", "--worlds", "0"], "1.."),
        (&["--simulate", "--worlds", "3", "--seconds", "3"], "cannot be used with"),
        (&["--simulate", "--operations", "3"], "cannot be used with"),
        (&["--simulate", "--faults", "off"], "cannot be used with"),
        (&["--simulate", "--seed", "18446744073709551615"], "lower"),
        (&["--simulate", "--world", "turns"], "name=value"),
        (&["--simulate", "--world", "turns=0"], "1 to 100000"),
        (&["--simulate", "--world", "skew=-9223372036854775808"], "100000 ms"),
        (&["--simulate", "--world", "faults=bad-luck:1"], "bad-luck"),
        (&["--simulate", "--world", "faults=lost-answer:1000001"], "millionths"),
        (&["--simulate", "--world", "colour=red"], "colour"),
    ] {
        let output = posbook(&[&["stress"], wrong].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {said}");
        assert!(said.contains(hint), "{wrong:?}: {said}");
        assert!(output.stdout.is_empty(), "{wrong:?}");
    }
}

#[test]
fn a_simulation_is_so_many_worlds_and_says_what_they_came_to() {
    let run = |more: &[&str]| posbook(&[&["stress", "--simulate", "--seed", "7"], more].concat());
    let output = run(&["--worlds", "40", "--format", "json"]);
    let result = json(&output);
    assert_eq!((output.status.code(), &result["violations"]), (Some(0), &0.into()), "{result}");
    assert_eq!((&result["worlds"], &result["seed"]), (&40.into(), &7.into()));
    assert_eq!((&result["overlap"], &result["violation"]), (&0.0.into(), &Value::Null));
    for figure in ["operations", "changes", "orders", "fills", "in_doubt_seen", "cancelled_futures"] {
        assert!(result[figure].as_u64().unwrap() > 0, "{figure}: {result}");
    }
    assert_eq!(result["command"], "posbook stress --simulate --seed 7 --worlds 40");
    // However many worlds run beside one another, the sums are the same.
    let four = json(&run(&["--worlds", "40", "--threads", "4", "--format", "json"]));
    for figure in ["operations", "changes", "orders", "fills", "in_doubt_seen", "faults_injected"] {
        assert_eq!(result[figure], four[figure], "{figure}");
    }
    let timed = json(&run(&["--seconds", "1", "--format", "json"]));
    assert!(timed["worlds"].as_u64().unwrap() > 0, "{timed}");
    let text = String::from_utf8(run(&["--worlds", "2"]).stdout).unwrap();
    assert!(
        text.starts_with("simulate  seed 7 on, 2 worlds") && text.ends_with("verdict: no violation\n"),
        "{text}"
    );
}

#[test]
fn a_world_goes_the_same_way_again_with_every_event() {
    let run = |settings: &str| {
        let output = posbook(&["stress", "--simulate", "--seed", "11", "--world", settings]);
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).unwrap()
    };
    let own = run("");
    assert_eq!(own, run(""));
    let events = |text: &str| text.lines().count();
    let settings = own.lines().next().unwrap().strip_prefix("world 11: ").unwrap().to_owned();
    assert_eq!(own, run(&settings), "the settings that are printed are those of the seed");
    let shorter = run("turns=20");
    assert!(shorter.contains("turns=20,") && events(&shorter) < events(&own), "{shorter}");
}

/// A run that is told to stop by this signal, half a second after it listens for it.
#[cfg(target_os = "linux")]
#[allow(clippy::disallowed_methods, reason = "another process says nothing until it has ended")]
fn interrupted(signal: &str, arguments: &[&str]) -> Output {
    use std::process::Stdio;
    use std::{fs, thread, time::Duration};
    let mut posbook = Command::new(env!("CARGO_BIN_EXE_posbook"));
    let posbook = posbook.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Before that the signal would end it as it ends everybody. Bit n-1 of `SigCgt` is signal n; both are caught together.
    let caught = || {
        let status = fs::read_to_string(format!("/proc/{}/status", posbook.id())).unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim().to_owned();
        u64::from_str_radix(&mask, 16).unwrap()
    };
    while caught() & (1 << 14) == 0 {
        thread::sleep(Duration::from_millis(10));
    }
    thread::sleep(Duration::from_millis(500));
    let sent = Command::new("kill").args([signal, &posbook.id().to_string()]).status().unwrap();
    assert!(sent.success());
    posbook.wait_with_output().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_run_prints_what_it_checked_and_is_no_yes() {
    for (signal, run) in [
        ("-INT", &["stress", "--operations", "1000000000000", "--format", "json"][..]),
        ("-TERM", &["stress", "--seconds", "1000000", "--format", "json"]),
        ("-INT", &["stress", "--simulate", "--worlds", "1000000000", "--format", "json"]),
        ("-TERM", &["stress", "--simulate", "--seconds", "1000000", "--format", "json"]),
    ] {
        let output = interrupted(signal, run);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{run:?}: {said}");
        assert!(said.contains("interrupted"), "{run:?}: {said}");
        let result = json(&output);
        assert_eq!((&result["interrupted"], &result["violations"]), (&true.into(), &0.into()), "{result}");
        assert!(result["operations"].as_u64().unwrap() > 0, "{result}");
    }
    let output = interrupted("-INT", &["stress"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.ends_with("verdict: interrupted, no violation so far\n"), "{text}");
    let output = interrupted("-INT", &["stress", "--simulate"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.ends_with("verdict: interrupted, no violation so far\n"), "{text}");
}

/// Only in a build with the broken twins in it (`--cfg posbook_faults`, as `cargo faults` makes it).
#[cfg(posbook_faults)]
#[test]
fn a_broken_loop_is_found_and_what_shows_it_is_printed() {
    for fault in ["stale_state", "ignore_lost"] {
        let run = |format: &str| {
            Command::new(env!("CARGO_BIN_EXE_posbook"))
                .args(["stress", "--seconds", "10", "--threads", "4", "--seed", "2", "--format", format])
                .env("POSBOOK_FAULT", format!("{fault},yield"))
                .output()
                .unwrap()
        };
        let output = run("json");
        let result = json(&output);
        assert_eq!((output.status.code(), &result["violations"]), (Some(1), &1.into()), "{result}");
        assert!(!result["violation"]["history"].as_array().unwrap().is_empty(), "{result}");
        let text = String::from_utf8(run("table").stdout).unwrap();
        assert!(text.contains("posbook stress --seed 2 ") && text.contains("=> ["), "{text}");
        assert!(text.ends_with("verdict: VIOLATION\n"), "{text}");
    }
}

/// As above: a world that shows a broken rule, made smaller, and the command that replays it.
#[cfg(posbook_faults)]
#[test]
fn a_broken_rule_is_found_in_a_world_that_the_printed_command_replays() {
    let run = |arguments: &[&str]| {
        let mut posbook = Command::new(env!("CARGO_BIN_EXE_posbook"));
        posbook.args(arguments).env("POSBOOK_FAULT", "no_ring").output().unwrap()
    };
    let output = run(&["stress", "--simulate", "--worlds", "300", "--format", "json"]);
    let result = json(&output);
    assert_eq!(output.status.code(), Some(1), "{result}");
    let (what, command) = (&result["violation"]["what"], result["command"].as_str().unwrap());
    assert!(what.as_str().unwrap().contains("was booked twice (I11)"), "{result}");
    let again: Vec<&str> = command.split(' ').skip(1).map(|word| word.trim_matches('\'')).collect();
    let replayed = run(&again);
    let told = String::from_utf8(replayed.stdout).unwrap();
    assert_eq!(replayed.status.code(), Some(1), "{told}");
    assert!(told.contains(result["violation"]["there"].as_str().unwrap()), "{told}");
}
