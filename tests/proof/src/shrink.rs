//! A failing history is long; what a reader needs of it is short. The smallest part that still shows the violation, as
//! lines that can be read.
//!
//! First what happened after the violation is cut off, by halves: a history's beginning is a history. Then what is left is
//! narrowed to the keys concerned and to what touched them last. That last part is for the eye: to try it again takes the
//! whole beginning, because every state contains every key.

use std::collections::BTreeSet;

use posbook::{Command, InstrumentId, Publication};

use crate::history::{Event, History};
use crate::violation::Violation;
use crate::witness::check;

/// What is left of a failing history.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// The violation that is left; it may be another than the first that was found.
    pub violation: Violation,
    /// How many calls the shortest failing beginning has.
    pub events: usize,
    /// What to read.
    pub lines: Vec<String>,
}

/// Not more lines than this: a screen.
const LINES: usize = 40;

/// Shrinks a history that fails. `None`: it does not fail.
pub fn shrink(history: &History) -> Option<Shrunk> {
    let mut violation = *check(history).err()?;
    let mut failing = history.clone();
    // The shortest beginning that fails: what fails goes on failing when more follows, so halving finds it.
    let (mut sound, mut broken) = (0, failing.events.len());
    while broken > sound + 1 {
        let middle = sound.midpoint(broken);
        let shorter = beginning(history, middle);
        match check(&shorter) {
            Err(found) => (violation, failing, broken) = (*found, shorter, middle),
            Ok(_) => sound = middle,
        }
    }
    Some(Shrunk { lines: lines(&failing, &violation), events: failing.events.len(), violation })
}

/// The first `n` events that were over, and what was published by then.
fn beginning(history: &History, n: usize) -> History {
    let mut by_end: Vec<&Event> = history.events.iter().collect();
    by_end.sort_by_key(|event| event.returned);
    let until = by_end.get(n.saturating_sub(1)).map_or(0, |event| event.returned);
    // What was under way then may have been published already: it stays too.
    let events: Vec<Event> = history.events.iter().filter(|e| e.invoked <= until).cloned().collect();
    // What only later calls ask for is cut off; a publication that nobody claims stays, it may be the fault.
    let asked_later = |publication: &Publication| {
        let of = |event: &&Event| {
            event.commands().first() == publication.iter().next().map(posbook::Change::command)
        };
        !events.iter().any(|event| of(&event)) && history.events.iter().any(|event| of(&event))
    };
    let keep = history.publications.iter().position(asked_later).unwrap_or(history.publications.len());
    let publications: Vec<_> = history.publications.iter().take(keep).cloned().collect();
    // Of the calls that were under way, those that published something of it: what the others say is about later.
    let published = |event: &Event| {
        let first = event.commands().first();
        first.is_some() && publications.iter().any(|p| p.iter().next().map(posbook::Change::command) == first)
    };
    let events = events.into_iter().filter(|event| event.returned <= until || published(event)).collect();
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
