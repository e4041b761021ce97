//! Long runs of real threads: the witness and the count of fills find nothing wrong.

use posbook::{Answer, FillOutcome, Kind};
use posbook_proof::conservation::conserved;
use posbook_proof::history::{Came, Event, History};
use posbook_proof::program::{Trouble, Words};
use posbook_proof::shrink::{beginning, shrink};
use posbook_proof::violation::Violation;
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

/// A history that fails is cut: the cut must not be what fails.
#[test]
fn no_beginning_of_a_sound_history_is_accused() {
    for seed in 1..=6 {
        let (threads, keys) = [(4, 1), (4, 2), (8, 16)][seed as usize % 3];
        let run = Run { seed, threads, keys, steps: 150, trouble: Trouble::Hostile, words: Words::All };
        let history = run.go().1;
        let last = history.events.iter().map(|event| event.returned).max().unwrap();
        for until in (0..=last).step_by(usize::try_from(last).unwrap() / 60) {
            let shorter = beginning(&history, until);
            check(&shorter).unwrap_or_else(|wrong| panic!("{run:?} until {until} of {last}: {wrong}"));
        }
    }
}

/// What is printed is what was broken, however much is cut off.
#[test]
fn what_is_shown_of_a_failing_history_is_what_it_broke() {
    for seed in 1..=6 {
        let run = Run { seed, threads: 4, keys: 2, steps: 400, trouble: Trouble::Hostile, words: Words::All };
        let mut history = run.go().1;
        let looks = |event: &Event| matches!(event.came, Came::Picture { digest: Some(_), .. });
        let all: Vec<usize> = (0..history.events.len()).filter(|n| looks(&history.events[*n])).collect();
        let n = all[all.len() * 6 / 10];
        let Came::Picture { digest, .. } = &mut history.events[n].came else { unreachable!() };
        *digest = digest.map(|digest| digest ^ 1);
        let found = *check(&history).unwrap_err();
        assert!(
            matches!(&found, Violation::OtherContent { event, .. } if event.invoked == history.events[n].invoked)
        );
        let shrunk = shrink(&history).unwrap();
        assert_eq!(shrunk.violation.to_string(), found.to_string());
        assert!(
            shrunk.events < history.events.len() * 7 / 10,
            "{} of {}",
            shrunk.events,
            history.events.len()
        );
        assert_eq!(
            shrunk.lines.iter().filter(|line| line.starts_with("=>")).count(),
            1,
            "{:#?}",
            shrunk.lines
        );
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
        Kind::Reached,
        Kind::Tagged,
        Kind::Replanned,
        Kind::Adopted,
        Kind::Dropped,
        Kind::Corrected,
        Kind::Busted,
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
