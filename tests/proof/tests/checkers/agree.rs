//! Witness and search on short histories of real threads, and on the same histories after something was changed in them.
//!
//! The search ignores sequences, so it knows less: what it refuses the witness must refuse, and what the witness passes
//! it must pass.

use posbook::Sequence;
use posbook_proof::history::{Came, History};
use posbook_proof::naive::State;
use posbook_proof::program::{Dice, Trouble, Words};
use posbook_proof::search::explain;
use posbook_proof::translate::calls;
use posbook_proof::witness::check;

use super::run::Run;

const KEYS: usize = 3;

fn short(seed: u64) -> History {
    let trouble = [Trouble::Off, Trouble::Normal, Trouble::Hostile][(seed % 3) as usize];
    let threads = 2 + (seed % 3) as u32;
    let run = Run { seed, threads, keys: KEYS, steps: 36 / threads as usize, trouble, words: Words::Few };
    let mut history = run.go().1;
    // A beginning of a history is one, if nothing was under way where it is cut: here all are cut where they end.
    if history.events.len() > 120 {
        history.events.truncate(0);
        history.publications.clear();
    }
    history
}

/// Whether the search finds an order.
fn explained(history: &History) -> bool {
    explain(&calls(history).unwrap(), State::flat(KEYS)).is_ok()
}

#[test]
fn witness_and_search_agree_on_short_histories_of_real_threads() {
    let (mut events, mut refusals) = (0, 0);
    for seed in 0..2_000 {
        let history = short(seed);
        let checked = check(&history).unwrap_or_else(|wrong| {
            let lines: Vec<_> = history.events.iter().map(ToString::to_string).collect();
            panic!("seed {seed}: {wrong}\n{}", lines.join("\n"))
        });
        let found = explain(&calls(&history).unwrap(), State::flat(KEYS));
        if let Err(stuck) = found {
            let lines: Vec<_> = history.events.iter().map(ToString::to_string).collect();
            panic!("seed {seed}: {stuck:?}\n{}", lines.join("\n"));
        }
        events += checked.events;
        refusals += checked.refusals;
    }
    println!("{events} events, {refusals} refusals");
    assert!(refusals * 20 > events && events > 30_000, "{events} events, {refusals} refusals");
}

/// Changes something that a caller was told.
fn falsify(history: &mut History, dice: &mut Dice) -> Option<&'static str> {
    let n = dice.below(history.events.len() as u64) as usize;
    let m = dice.below(history.events.len() as u64) as usize;
    let newest = history.publications.last()?.last().0;
    match dice.below(3) {
        0 => {
            let (Came::Picture { view: Some(a), .. }, Came::Picture { view: Some(b), .. }) =
                (&history.events[n].came, &history.events[m].came)
            else {
                return None;
            };
            if a.sequence() == b.sequence() {
                return None;
            }
            let came = history.events[m].came.clone();
            history.events[n].came = came;
            Some("a picture of another moment")
        }
        1 => {
            // Somebody else's refusal, or a refusal where there was none.
            let came = history.events[m].came.clone();
            if !matches!(came, Came::Refused(_)) || history.events[n].commands().is_empty() {
                return None;
            }
            if matches!(history.events[n].came, Came::Refused(_) | Came::Nothing { .. }) {
                history.events[n].came = came;
                return Some("another refusal");
            }
            None
        }
        _ => {
            let Came::Picture { sequence, digest, view } = &mut history.events[n].came else { return None };
            if newest < 2 {
                return None;
            }
            let other = Sequence(1 + dice.below(newest));
            if other == *sequence {
                return None;
            }
            // The search does not know: it ignores sequences. The witness must.
            (*sequence, *digest) = (other, digest.map(|digest| digest ^ 1));
            let _ = view;
            Some("a picture under another sequence")
        }
    }
}

#[test]
fn what_the_search_refuses_the_witness_refuses_and_what_it_passes_the_search_passes() {
    let (mut by_witness, mut by_search, mut passed) = (0, 0, 0);
    for seed in 0..2_000 {
        let mut history = short(seed);
        if history.events.is_empty() {
            continue;
        }
        let mut dice = Dice::new(seed, 1, 0);
        let Some(what) = (0..20).find_map(|_| falsify(&mut history, &mut dice)) else { continue };
        let (witness, search) = (check(&history).is_ok(), explained(&history));
        assert!(!witness || search, "seed {seed}, {what}: the witness passes what no order explains");
        by_witness += u64::from(!witness);
        by_search += u64::from(!search);
        passed += u64::from(witness);
    }
    println!("witness refused {by_witness}, search {by_search}; both passed {passed}");
    assert!(by_witness > by_search && by_search > 100, "witness {by_witness}, search {by_search}");
}
