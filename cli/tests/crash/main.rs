//! The program is killed at random instants, with real work under way and a hostile venue, and goes on. Nothing that the
//! journal acknowledged is ever lost, no order leaves twice, and in the end the book is what the venue has.
//!
//! A few kills by default; POSBOOK_CRASHES says how many (`.ci/crash` asks for 40, by hand 2,000).
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "a kill comes at some moment, not at an event")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use posbook::Sequence;
use posbook::journal::History;
use serde_json::Value;

/// Ticks of four markets, 20 ms apart.
fn ticks(folder: &Path, rows: usize) -> PathBuf {
    let mut text = String::from("recv_ns,exch_ms,symbol,trade_id,price,qty,aggressor\n");
    for n in 0..rows {
        let time = 1_700_000_000_000_000_000_u64 + n as u64 * 5_000_000;
        // A slow wave and a fast one, so that stops and takes are reached.
        let (slow, fast) = (n % 4_000, n % 370);
        let price = 50_000 + slow.abs_diff(2_000) / 10 + fast.abs_diff(185) / 4;
        writeln!(text, "{time},,M{},{n},{price}.5,0.010,buy", n % 4).unwrap();
    }
    let path = folder.join("ticks.csv");
    fs::write(&path, text).unwrap();
    path
}

struct Run {
    folder: tempfile::TempDir,
    ticks: PathBuf,
    seed: u64,
}

impl Run {
    fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ticks = ticks(folder.path(), 20_000);
        Self { folder, ticks, seed }
    }

    fn journal(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    fn acknowledged(&self) -> PathBuf {
        self.folder.path().join("acknowledged")
    }

    fn start(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_posbook"));
        command.arg("replay").arg("--format=json").arg("--acknowledged").arg(self.acknowledged());
        if self.journal().join("run.json").exists() {
            command.arg("--resume").arg(self.journal());
        } else {
            command
                .arg("--journal")
                .arg(self.journal())
                .arg("--faults=hostile")
                .arg("--ticks")
                .arg(&self.ticks);
            command.arg(format!("--seed={}", self.seed));
            // A reduction does not wait for the disk, so its claim may be lost, and without trade ids its fills are told from
            // one another by the order alone. That has a test of its own (r15 in tests/journal/restart.rs).
            command.arg("--fault=no-trade-id=0");
        }
        command
    }

    /// What the program said was durable: sequences, and the digest of the book there.
    fn promises(&self) -> Vec<(u64, u128)> {
        let text = fs::read_to_string(self.acknowledged()).unwrap_or_default();
        // The last line may be cut off by the kill.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole
            .lines()
            .map(|line| {
                let (sequence, digest) = line.split_once(' ').unwrap();
                (sequence.parse().unwrap(), u128::from_str_radix(digest, 16).unwrap())
            })
            .collect()
    }

    /// Waits until so many promises were made, or the program has ended.
    fn wait_for(&self, mut child: Child, promises: usize) -> Child {
        while self.promises().len() < promises && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        child
    }

    /// What was acknowledged is there, as it was.
    fn check(&self) -> u64 {
        let promises = self.promises();
        let Some((last, _)) = promises.last() else { return 0 };
        let history = History::open(self.journal()).unwrap();
        assert_eq!(history.lost().unwrap(), None);
        let (_, written) = history.bounds().unwrap();
        assert!(written.0 >= *last, "{last} was acknowledged, the journal ends at {written}");
        // The newest few, and some from before.
        let old = promises.iter().step_by(promises.len() / 3 + 1);
        for (sequence, digest) in promises.iter().rev().take(3).chain(old) {
            let view = history.state_at(Sequence(*sequence)).unwrap();
            assert_eq!(
                (view.sequence().0, view.digest()),
                (*sequence, *digest),
                "the book as it was acknowledged"
            );
        }
        promises.len() as u64
    }

    /// Orders that left stand in the venue's memory. Each that adds risk was reserved in the journal first.
    fn every_increase_was_reserved(&self) -> usize {
        let history = History::open(self.journal()).unwrap();
        let mut reserved = BTreeSet::new();
        history
            .lines(Sequence(0), None, |line| {
                if line.kind == "reserved" {
                    reserved.insert((line.epoch, line.sequence));
                }
                true
            })
            .unwrap();
        let memory = fs::read_to_string(self.journal().join("venue.jsonl")).unwrap();
        let mut names = BTreeSet::new();
        for line in memory.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            let order = &line["event"]["submit"];
            let Some(name) = order["client_id"].as_str() else { continue };
            assert!(names.insert(name.to_owned()), "order {name} was sent twice");
            let id: posbook::ClientOrderId = name.parse().unwrap();
            if order["reduce_only"] == false {
                assert!(
                    reserved.contains(&(id.epoch, id.sequence.0)),
                    "order {name} left without a reservation"
                );
            }
        }
        names.len()
    }

    /// Goes on to the end, and everything agrees.
    fn finish(&self) {
        let output = self.start().output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let result: Value = serde_json::from_str(text.lines().last().unwrap_or_default())
            .unwrap_or_else(|_| panic!("seed {}: {}", self.seed, String::from_utf8_lossy(&output.stderr)));
        assert_eq!(output.status.code(), Some(0), "seed {}: {}", self.seed, result["differences"]);
        assert_eq!((&result["duplicate_orders"], &result["in_doubt_left"]), (&0.into(), &0.into()));
        self.check();
        let verified = History::open(self.journal()).unwrap().verify(|_, _| {}).unwrap();
        assert_eq!(verified.first_difference, None, "seed {}", self.seed);
        assert!(self.every_increase_was_reserved() > 0);
    }
}

/// Killed without warning; whether it was still at work.
fn kill(mut child: Child) -> bool {
    let at_work = child.try_wait().unwrap().is_none();
    child.kill().unwrap(); // SIGKILL
    child.wait().unwrap();
    at_work
}

/// Numbers from a seed (splitmix64).
fn dice(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[test]
fn killed_at_any_instant_nothing_acknowledged_is_lost_and_it_goes_on() {
    let number = |name: &str, default: u64| std::env::var(name).ok().map_or(default, |n| n.parse().unwrap());
    let crashes = number("POSBOOK_CRASHES", 4);
    let mut random = number("POSBOOK_SEED", 1);
    let (mut killed, mut at_work, mut seed, mut promises) = (0, 0, random, 0);
    while killed < crashes {
        let run = Run::new(seed);
        for _ in 0..4.min(crashes - killed) {
            let child = run.start().stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            // Now and then before it has begun; else after so many promises more, and a moment. It may be over before.
            let more =
                if dice(&mut random).is_multiple_of(8) { 0 } else { 1 + dice(&mut random) as usize % 150 };
            let child = run.wait_for(child, run.promises().len() + more);
            std::thread::sleep(Duration::from_micros(dice(&mut random) % 20_000));
            at_work += u64::from(kill(child));
            killed += 1;
            promises += run.check();
        }
        run.finish();
        seed += 1;
    }
    println!("{killed} kills, {at_work} of them at work; {promises} promises, 0 lost");
    assert!(at_work > 0 && promises > 0, "nothing was killed that had promised anything");
}
