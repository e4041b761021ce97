//! What came of a stress, for people and for programs.

use std::fmt::Write as _;
use std::time::Duration;

use posbook::Book;
use posbook_proof::history::History;
use posbook_proof::program::Words;
use posbook_proof::witness::Checked;
use serde::Serialize;

use super::round::{Finding, lost_turns};
use super::{Options, until};
use crate::Failure;

/// What was counted.
#[derive(Debug, Default)]
pub struct Tally {
    rounds: u64,
    short_rounds: u64,
    /// Short rounds that the search confirmed.
    pub searched: u64,
    /// Distinct fills that were counted.
    pub fills: u64,
    calls: u64,
    overlapping: u64,
    lost_turns: u64,
    checked: Checked,
}

impl Tally {
    /// Calls that were checked.
    pub fn operations(&self) -> u64 {
        self.checked.events
    }

    pub fn round(&mut self, words: Words, history: &History, book: &Book) {
        match words {
            Words::All => self.rounds += 1,
            Words::Few => self.short_rounds += 1,
        }
        self.calls += history.events.len() as u64;
        self.overlapping += history.overlapping();
        self.lost_turns += lost_turns(book);
    }

    pub fn checked(&mut self, checked: Checked) {
        let all = &mut self.checked;
        all.events += checked.events;
        all.publications += checked.publications;
        all.refusals += checked.refusals;
        all.nothings += checked.nothings;
        all.pictures += checked.pictures;
        all.contents += checked.contents;
    }
}

/// Everything that is printed.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Calls that were checked.
    operations: u64,
    violations: u64,
    /// The share of the calls that overlapped one of another thread.
    overlap: f64,
    seed: u64,
    threads: u32,
    positions: u32,
    faults: &'static str,
    seconds: f64,
    /// Whether somebody ended it before it had done what it was asked for.
    interrupted: bool,
    rounds: u64,
    short_rounds: u64,
    /// Short rounds that the search confirmed.
    searched: u64,
    publications: u64,
    rejections: u64,
    nothing_to_do: u64,
    pictures: u64,
    /// Pictures whose content was compared too.
    contents: u64,
    fills: u64,
    /// Turns of the write loop that found a newer root and asked again.
    lost_turns: u64,
    violation: Option<Finding>,
    /// Runs the same programs again; the interleaving is the machine's.
    command: String,
}

impl Report {
    pub fn new(
        options: &Options,
        tally: &Tally,
        violation: Option<Finding>,
        interrupted: bool,
        took: Duration,
    ) -> Self {
        let share = tally.overlapping as f64 / (tally.calls as f64).max(1.0);
        Self {
            operations: tally.operations(),
            violations: u64::from(violation.is_some()),
            overlap: (share * 10_000.0).round() / 10_000.0,
            seed: options.seed,
            threads: options.threads(),
            positions: options.positions,
            faults: options.faults.name(),
            seconds: (took.as_secs_f64() * 10.0).round() / 10.0,
            interrupted,
            rounds: tally.rounds,
            short_rounds: tally.short_rounds,
            searched: tally.searched,
            publications: tally.checked.publications,
            rejections: tally.checked.refusals,
            nothing_to_do: tally.checked.nothings,
            pictures: tally.checked.pictures,
            contents: tally.checked.contents,
            fills: tally.fills,
            lost_turns: tally.lost_turns,
            violation,
            command: options.again(),
        }
    }

    pub fn sound(&self) -> bool {
        self.violation.is_none()
    }

    pub fn json(&self) -> Result<String, Failure> {
        serde_json::to_string(self)
            .map_err(|wrong| Failure::Environment(format!("the result could not be written: {wrong}")))
    }

    pub fn table(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "stress    {} threads, {} positions, faults {}, seed {}; {:.1} s",
            self.threads, self.positions, self.faults, self.seed, self.seconds
        );
        let per_second = self.operations as f64 / self.seconds.max(0.1);
        let _ = writeln!(
            out,
            "rounds    {}, and {} short ones of which the search confirmed {}",
            self.rounds, self.short_rounds, self.searched
        );
        let _ = writeln!(
            out,
            "calls     {} checked ({per_second:.0} a second): {} published, {} refused, {} had nothing to do,\n          \
             {} looks of which {} were compared by content; {} distinct fills counted",
            self.operations,
            self.publications,
            self.rejections,
            self.nothing_to_do,
            self.pictures,
            self.contents,
            self.fills
        );
        let _ = writeln!(
            out,
            "overlap   {:.2} % of the calls overlapped one of another thread; {} lost turns of the write loop\n",
            self.overlap * 100.0,
            self.lost_turns
        );
        let verdict = until::words(self.sound(), self.interrupted);
        let Some(found) = &self.violation else {
            let _ = writeln!(out, "violations   0\n\n{verdict}");
            return out;
        };
        let _ =
            writeln!(out, "violation in round {}, found by {}:\n  {}\n", found.round, found.by, found.what);
        if !found.history.is_empty() {
            let _ = writeln!(
                out,
                "the shortest failing beginning has {} calls; of those (ticks before and after, thread, call, answer):",
                found.calls
            );
        }
        for line in &found.history {
            let _ = writeln!(out, "{line}");
        }
        let _ = writeln!(
            out,
            "\nseed {}; the same programs again (real threads interleave as they like: it may take several runs):\n  {}\n\n\
             {verdict}",
            self.seed, self.command
        );
        out
    }
}
