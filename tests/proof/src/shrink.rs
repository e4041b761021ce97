//! A failing history is long; what a reader needs of it is short: the shortest beginning that was found to show the same
//! violation, as lines that can be read.
//!
//! A history's beginning is a history if it is cut with care: what was published by then, and of the calls under way those
//! that published it. A cut that shows another violation shows one of the cut's making, so it does not count, and what is
//! printed is always what the whole history broke. The lines are narrowed further, to the keys concerned and to what touched
//! them last; that is for the eye, and not tried again.

use std::collections::BTreeSet;

use posbook::{Command, InstrumentId};

use crate::claims::{Claims, gather};
use crate::history::{Event, History};
use crate::violation::Violation;
use crate::witness::{Place, check};

/// What is left of a failing history.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// The violation: the first that the whole history shows.
    pub violation: Violation,
    /// How many calls the shortest beginning has that was found to show it.
    pub events: usize,
    /// What to read.
    pub lines: Vec<String>,
}

/// Not more lines than this: a screen.
const LINES: usize = 40;

/// Shrinks a history that fails. `None`: it does not fail.
pub fn shrink(history: &History) -> Option<Shrunk> {
    let violation = *check(history).err()?;
    let owners = gather(history).0;
    let mut over: Vec<u64> = history.events.iter().map(|event| event.returned).collect();
    over.sort_unstable();
    let cut = |events: usize| {
        let until = over.get(events.saturating_sub(1)).copied().unwrap_or(0);
        let shorter = cut_off(history, &owners, until);
        check(&shorter).is_err_and(|found| found.is(&violation)).then_some(shorter)
    };
    // Nobody can see it before all who are concerned are over. If that is not enough, halving looks for where it is.
    let last = violation.events().iter().map(|event| event.returned).max();
    let least = last.map_or(0, |last| over.partition_point(|returned| *returned <= last));
    let failing = cut(least).unwrap_or_else(|| {
        let (mut shows, mut below, mut above) = (history.clone(), least, over.len());
        while above > below + 1 {
            let middle = below.midpoint(above);
            match cut(middle) {
                Some(shorter) => (shows, above) = (shorter, middle),
                None => below = middle,
            }
        }
        shows
    });
    Some(Shrunk { lines: lines(&failing, &violation), events: failing.events.len(), violation })
}

/// What of a history was over by a tick, what was published by then, and who published it: a history too.
pub fn beginning(history: &History, until: u64) -> History {
    cut_off(history, &gather(history).0, until)
}

fn cut_off(history: &History, owners: &Claims, until: u64) -> History {
    // Whoever may have the place of another one says nothing about when it was published.
    let owner = |at: usize| {
        let n = owners.by.get(at).copied().flatten()?;
        let sure = matches!(owners.places.get(n), Some(Place::Write { .. }));
        history.events.get(n).filter(|_| sure)
    };
    let all = history.publications.len();
    let over = |at: &usize| owner(*at).is_some_and(|event| event.returned <= until);
    let later = |at: &usize| owner(*at).is_some_and(|event| event.invoked > until);
    let known = (0..all).rev().find(over).map_or(0, |at| at + 1);
    let keep = (known..all).find(later).unwrap_or(all);
    let publications: Vec<_> = history.publications.iter().take(keep).cloned().collect();
    let owns: BTreeSet<usize> = owners.by.iter().take(keep).copied().flatten().collect();
    let stays = |(n, event): &(usize, &Event)| event.returned <= until || owns.contains(n);
    let events = history.events.iter().enumerate().filter(stays).map(|(_, event)| event.clone()).collect();
    History { events, publications, given: history.given.clone(), before: history.before.clone() }
}

/// The last lines that are about what the violation is about.
fn lines(history: &History, violation: &Violation) -> Vec<String> {
    let guilty = violation.events();
    let span = violation.span();
    let named = history.publications.iter().filter(|publication| {
        span.is_some_and(|(from, to)| publication.last() >= from && publication.first() <= to)
    });
    let commands = guilty.iter().flat_map(|event| event.commands());
    let mut instruments: BTreeSet<InstrumentId> = commands.filter_map(instrument).collect();
    if span.is_some_and(|(from, to)| to.0 - from.0 < 8) {
        instruments
            .extend(named.flat_map(|publication| {
                publication.iter().filter_map(|change| instrument(change.command()))
            }));
    }
    let concerns = |event: &&Event| {
        let mut of = event.commands().iter().filter_map(instrument);
        event.commands().is_empty() || instruments.is_empty() || of.any(|id| instruments.contains(&id))
    };
    let latest = guilty.iter().map(|event| event.returned).max().unwrap_or(u64::MAX);
    let earliest = guilty.iter().map(|event| event.invoked).min().unwrap_or(u64::MAX);
    let mut before: Vec<&Event> =
        history.events.iter().filter(|event| event.invoked <= latest).filter(concerns).collect();
    // Looks that neither are concerned nor stand near say nothing.
    before.retain(|event| !event.commands().is_empty() || event.returned.saturating_add(8) > earliest);
    let from = before.len().saturating_sub(LINES);
    let line = |event: &&Event| {
        let concerned = guilty.iter().any(|g| g.invoked == event.invoked && g.thread == event.thread);
        format!("{} {event}", if concerned { "=>" } else { "  " })
    };
    before.get(from..).unwrap_or_default().iter().map(line).collect()
}

fn instrument(command: &Command) -> Option<InstrumentId> {
    match command {
        Command::Record(fill) => Some(fill.instrument),
        other => other.key().map(|key| key.instrument),
    }
}
