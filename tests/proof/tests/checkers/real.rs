//! Long runs of real threads: the witness and the count of fills find nothing wrong.

use posbook::{Answer, FillOutcome, Kind};
use posbook_proof::conservation::conserved;
use posbook_proof::history::{Came, History};
use posbook_proof::program::{Trouble, Words};
use posbook_proof::shrink::shrink;
use posbook_proof::witness::check;

use super::run::Run;

#[test]
fn every_level_of_trouble_passes_the_witness_and_money_is_conserved() {
    for trouble in [Trouble::Off, Trouble::Normal, Trouble::Hostile] {
        for seed in 1..=4 {
            let run = Run { seed, threads: 4, keys: 8, steps: 1_500, trouble, words: Words::All };
            let (stage, history) = run.go();
            let checked = check(&history).unwrap_or_else(|wrong| {
                let lines = shrink(&history).map_or_else(Vec::new, |shrunk| shrunk.lines);
                panic!("{run:?}: {wrong}\n{}", lines.join("\n"));
            });
            let fills = conserved(&history, &stage.book.snapshot())
                .unwrap_or_else(|wrong| panic!("{run:?}: {wrong}"));
            assert!(fills > 0 && checked.refusals > 0 && checked.contents > 0, "{run:?}: {checked:?}");
            assert_eq!(stage.book.health().foreign_loads, 0);
        }
    }
}

/// A program that never does a thing tests nothing of it. By turns, so that it is the same each time.
#[test]
fn a_hostile_program_does_everything_there_is_to_do() {
    let run =
        |seed| Run { seed, threads: 2, keys: 4, steps: 4_000, trouble: Trouble::Hostile, words: Words::All };
    let histories: Vec<History> = (1..=12).map(|seed| run(seed).by_turns()).collect();
    let happened = |kind: Kind| {
        let mut changes = histories.iter().flat_map(|h| &h.publications).flat_map(|p| p.iter());
        changes.any(|change| change.kind() == kind)
    };
    for kind in [
        Kind::Reserved,
        Kind::Sent,
        Kind::Working,
        Kind::Settling,
        Kind::Settled,
        Kind::Released,
        Kind::InDoubt,
        Kind::Unheard,
        Kind::NeverArrived,
        Kind::Opened,
        Kind::ScaledIn,
        Kind::ScaledOut,
        Kind::Closed,
        Kind::Replaced,
        Kind::Retargeted,
        Kind::Trailed,
        Kind::Replanned,
        Kind::Adopted,
        Kind::Dropped,
        Kind::Quarantined,
        Kind::Confirmed,
        Kind::Accepted,
        Kind::Closing,
        Kind::ClosingCancelled,
    ] {
        assert!(happened(kind), "{kind} never happened: {:?}", counts(&histories));
    }
    let events = || histories.iter().flat_map(|h| &h.events);
    let doubled = |event: &&posbook_proof::history::Event| {
        matches!(&event.came, Came::Nothing { answer: Some(Answer::Fill(FillOutcome::Duplicate)) })
    };
    assert!(events().any(|event| doubled(&event)), "no fill came twice");
    assert!(histories.iter().flat_map(|h| &h.publications).any(|p| p.len() > 1), "nothing was a unit");
}

fn counts(histories: &[History]) -> std::collections::BTreeMap<String, usize> {
    let mut counts = std::collections::BTreeMap::new();
    for change in histories.iter().flat_map(|h| &h.publications).flat_map(|p| p.iter()) {
        *counts.entry(change.kind().to_string()).or_default() += 1;
    }
    counts
}
