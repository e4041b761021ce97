//! Who asked for which publication: the places that the writes of a history claim in the one order.
//!
//! Most calls say which sequence they took. A handle does not (`Sent::complete`), and nobody is told what a dropped one
//! did; those are found by their command, in the places that real time leaves open to them. If two calls asked the same
//! at the same time, the place goes to the one that was over first: whatever the right one saw, the other may have seen
//! too. Real time is not held against anybody because of such a place, for it may be the wrong one's.

use std::collections::HashMap;

use posbook::{Command, Publication, Sequence, Settlement};

use crate::history::{Asked, Came, Clocks, Event, History};
use crate::violation::Violation;
use crate::witness::{Caused, Place, ceilings, stated};

/// Who has which place.
#[derive(Debug)]
pub(crate) struct Claims {
    /// For each event its place.
    pub(crate) places: Vec<Place>,
    /// For each publication the event that asked for it.
    pub(crate) by: Vec<Option<usize>>,
    /// When the clock stood where.
    pub(crate) clocks: Clocks,
}

/// Rule 3 of the witness.
pub(crate) fn claims(history: &History) -> Result<Claims, Box<Violation>> {
    let events = &history.events;
    let (claims, wrong) = gather(history);
    if let Some(wrong) = wrong {
        return Err(wrong);
    }
    feeds(history)?;
    for (n, publication) in history.publications.iter().enumerate() {
        let by = claims.by.get(n).copied().flatten();
        let Some(event) = by.and_then(|by| events.get(by)) else {
            return Err(Violation::NobodyAsked { publication: publication.clone() }.into());
        };
        let may_be_another_s = by.and_then(|by| claims.places.get(by)) == Some(&Place::OneOfSeveral);
        if !may_be_another_s {
            circumstances(history, &claims, event, publication)?;
        }
    }
    for (n, event) in events.iter().enumerate() {
        // It says that something happened, and nothing did.
        if let Came::Accepted { settled, changes } = &event.came
            && claims.places.get(n) == Some(&Place::Unknown)
            && (*settled == Some(Settlement::Settled) || changes.is_some())
        {
            return Err(Violation::Lost { event: Box::new(event.clone()), instead: None }.into());
        }
    }
    Ok(claims)
}

/// The places as far as they can be told, and the first call that says of its own what cannot be.
pub(crate) fn gather(history: &History) -> (Claims, Option<Box<Violation>>) {
    let mut claims = Claims {
        places: history.events.iter().map(stated).collect(),
        by: vec![None; history.publications.len()],
        clocks: Clocks::new(history),
    };
    let mut wrong = None;
    for (n, event) in history.events.iter().enumerate() {
        if let Came::Published { last, publication, .. } = &event.came {
            let placed = by_sequence(history, &mut claims, n, event, *last, publication.as_ref());
            wrong = wrong.or(placed.err());
        }
    }
    by_command(history, &mut claims);
    (claims, wrong)
}

/// The call says which sequence it took.
fn by_sequence(
    history: &History,
    claims: &mut Claims,
    n: usize,
    event: &Event,
    last: Sequence,
    told: Option<&Publication>,
) -> Result<(), Box<Violation>> {
    let all = &history.publications;
    let at = all.partition_point(|publication| publication.last() < last);
    let found = all.get(at);
    if let Some(by) = claims.by.get(at).copied().flatten()
        && found.is_some_and(|publication| publication.last() == last)
        && let Some(first) = history.events.get(by)
    {
        let (first, second) = (Box::new(first.clone()), Box::new(event.clone()));
        return Err(Violation::TakenTwice { sequence: last, first, second }.into());
    }
    let stands = found.filter(|publication| {
        publication.last() == last
            && commands(publication).eq(event.commands())
            && told.is_none_or(|told| told == *publication)
    });
    let Some(publication) = stands else {
        return Err(Violation::Lost { event: Box::new(event.clone()), instead: found.cloned() }.into());
    };
    take(claims, at, n, publication);
    Ok(())
}

fn take(claims: &mut Claims, at: usize, n: usize, publication: &Publication) {
    if let (Some(by), Some(place)) = (claims.by.get_mut(at), claims.places.get_mut(n)) {
        *by = Some(n);
        *place = Place::Write { first: publication.first(), last: publication.last() };
    }
}

/// What is left goes to calls that asked for it and do not say what they got.
fn by_command(history: &History, claims: &mut Claims) {
    let events = &history.events;
    let mut open: HashMap<&[Command], Vec<usize>> = HashMap::new();
    for (n, event) in events.iter().enumerate() {
        if matches!(event.came, Came::Accepted { .. } | Came::Untold) {
            open.entry(event.commands()).or_default().push(n);
        }
    }
    if open.is_empty() {
        return;
    }
    let before = history.before.sequence();
    let newest = history.publications.last().map_or(before, Publication::last);
    let ceilings = ceilings(events, &claims.places, newest);
    let floors = floors(events, &claims.places, before);
    // The latest beginning of anything that has an older place: who was over by then cannot have a newer one.
    let mut latest = 0;
    // Equal calls that overlap may stand for one another: if one of them may have the wrong place, so may the others.
    let mut unsure: HashMap<Vec<Command>, Vec<usize>> = HashMap::new();
    for (at, publication) in history.publications.iter().enumerate() {
        if let Some(event) = claims.by.get(at).copied().flatten().and_then(|n| events.get(n)) {
            latest = latest.max(event.invoked);
            continue;
        }
        let wanted: Vec<Command> = commands(publication).cloned().collect();
        let Some(candidates) = open.get_mut(wanted.as_slice()) else { continue };
        let changes = |n: &usize| match events.get(*n).map(|event| &event.came) {
            Some(Came::Accepted { changes: Some(changes), .. }) => *changes == publication.len(),
            Some(Came::Accepted { settled: Some(settled), .. }) => {
                let kind = publication.iter().next().map(posbook::Change::kind);
                (*settled == Settlement::Settled) == (kind == Some(posbook::Kind::Settled))
            }
            _ => true,
        };
        let fits = |n: &usize| {
            changes(n)
                && events.get(*n).is_some_and(|event| event.returned > latest)
                && floors.get(*n).is_some_and(|floor| *floor < publication.first())
                && ceilings.get(*n).is_some_and(|ceiling| *ceiling >= publication.last())
        };
        let who = |fits: &dyn Fn(&usize) -> bool| -> Vec<usize> {
            (0..candidates.len()).filter(|place| candidates.get(*place).is_some_and(fits)).collect()
        };
        let fitting = who(&fits);
        // If real time lets nobody have it, somebody has it all the same: the witness says who broke the rule.
        let best = if fitting.is_empty() { who(&changes) } else { fitting.clone() };
        let over = |place: &usize| candidates.get(*place).and_then(|n| events.get(*n)).map(|e| e.returned);
        let best = best.into_iter().min_by_key(over);
        if let Some(place) = best {
            let n = candidates.swap_remove(place);
            take(claims, at, n, publication);
            let overlaps = |other: &usize| match (events.get(n), events.get(*other)) {
                (Some(one), Some(other)) => one.invoked < other.returned && other.invoked < one.returned,
                _ => false,
            };
            let beside_unsure = unsure.get(&wanted).is_some_and(|others| others.iter().any(overlaps));
            if fitting.len() <= 1 && !beside_unsure {
                latest = latest.max(events.get(n).map_or(0, |event| event.invoked));
            } else if let Some(place) = claims.places.get_mut(n) {
                *place = Place::OneOfSeveral;
                unsure.entry(wanted).or_default().push(n);
            }
        }
    }
}

/// For each event, the newest place of anything that was over before it began.
fn floors(events: &[Event], places: &[Place], before: Sequence) -> Vec<Sequence> {
    let mut ends: Vec<(u64, Sequence)> = events
        .iter()
        .zip(places)
        .filter_map(|(event, place)| Some((event.returned, place.newest()?)))
        .collect();
    ends.sort_unstable();
    let (mut next, mut floor) = (0, before);
    let below = |event: &Event| {
        while let Some((_, place)) = ends.get(next).filter(|(returned, _)| *returned < event.invoked) {
            floor = floor.max(*place);
            next += 1;
        }
        floor
    };
    events.iter().map(below).collect()
}

/// A feed delivers what comes next in the one order, goes on where it ended, and has lost nothing: the window of a recorded
/// book holds all that was published since the recording began, or there would be no history. A thread has one feed.
fn feeds(history: &History) -> Result<(), Box<Violation>> {
    let mut ended: HashMap<u32, Sequence> = HashMap::new();
    for event in &history.events {
        let Asked::Feed { after } = event.asked else { continue };
        let event_of = || Box::new(event.clone());
        if ended.get(&event.thread).is_some_and(|ended| *ended != after) {
            return Err(Violation::FeedMoved { event: event_of() }.into());
        }
        match &event.came {
            Came::Item(publication) => {
                item(history, event, after, publication)?;
                ended.insert(event.thread, publication.last());
            }
            Came::Lagged(_) if after >= history.before.sequence() => {
                return Err(Violation::NotLagged { event: event_of() }.into());
            }
            Came::Lagged(_) => drop(ended.remove(&event.thread)),
            _ => drop(ended.insert(event.thread, after)),
        }
    }
    Ok(())
}

fn item(
    history: &History,
    event: &Event,
    after: Sequence,
    publication: &Publication,
) -> Result<(), Box<Violation>> {
    let all = &history.publications;
    let stands = all.get(all.partition_point(|other| other.last() <= after));
    // What stood before the recording began is not judged.
    if stands == Some(publication) || publication.last() <= history.before.sequence() {
        return Ok(());
    }
    Err(Violation::OtherItem { event: Box::new(event.clone()) }.into())
}

/// The publication says what was seen besides the state; that is what there was.
fn circumstances(
    history: &History,
    claims: &Claims,
    event: &Event,
    publication: &Publication,
) -> Result<(), Box<Violation>> {
    let Some(cause) = publication.first_cause() else { return Ok(()) };
    let given = &history.given;
    let mut expected = claims.clocks.times(event).filter_map(|time| given.cause(event.commands(), time));
    if expected.any(|expected| expected.observed == cause.observed) {
        return Ok(());
    }
    let (event, publication) = (Box::new(event.clone()), publication.clone());
    Err(Violation::OtherCircumstances { event, publication }.into())
}

/// What a publication answers.
fn commands(publication: &Publication) -> impl Iterator<Item = &Command> {
    publication.first_cause().into_iter().flat_map(|cause| cause.commands())
}
