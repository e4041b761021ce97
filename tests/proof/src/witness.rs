//! The witness check: the book names the one order in which everything happened, and here that order is put on trial.
//!
//! It is global: over all keys together. Key by key a torn picture, or two readers who disagree on the order of two
//! writes, would pass. What is asked:
//!
//! 1. The publications are a chain of sequences without a gap (I4, I10).
//! 2. Each follows from the state before it: asked its cause, that state answers with this publication and with the
//!    answer that the caller was given (I5).
//! 3. Each write that was acknowledged has its place, no two have one, and nothing has a place that nobody asked for.
//! 4. Each picture is the state at its sequence, and cuts through nothing that was published together (I8, R14).
//! 5. Real time: what was over before something else began has its place before it, across threads, looks included.
//! 6. Each refusal, and each "nothing to do", is what some state answers that stood while the call ran: not older than
//!    the newest place of anything that was over before, not newer than what had not begun when it was over (I6).
//!
//! For 6 every refusal takes the oldest state that justifies it; that leaves the most room to those after it, so nothing
//! is accused that another choice would have cleared. States are persistent maps, so a window of them is cheap: only
//! those that a call under way may still have seen are kept. The cost is O(n log n) and one `decide` a publication.

use std::collections::VecDeque;

use posbook::{Publication, Replica, Sequence, Settlement};

use crate::claims::{Claims, claims};
use crate::history::{Asked, Came, Event, History};
use crate::violation::Violation;

/// What was checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// Calls.
    pub events: u64,
    /// Publications, each asked again.
    pub publications: u64,
    /// Refusals, each justified.
    pub refusals: u64,
    /// Calls that had nothing to do, each justified.
    pub nothings: u64,
    /// Pictures, each with its place.
    pub pictures: u64,
    /// Of those, compared by content.
    pub contents: u64,
}

/// Tries a history.
///
/// # Errors
/// The first rule that is found broken.
pub fn check(history: &History) -> Result<Checked, Box<Violation>> {
    chain(history)?;
    let claims = claims(history)?;
    let mut trial = Trial::new(history, &claims);
    for (event, begins) in endpoints(&history.events) {
        if begins { trial.begin(event)? } else { trial.end(event) }
    }
    trial.finish()
}

/// Rule 1.
fn chain(history: &History) -> Result<(), Box<Violation>> {
    let mut last = history.before.sequence();
    for change in history.publications.iter().flat_map(|publication| publication.iter()) {
        if change.sequence.0 != last.0 + 1 {
            return Err(Violation::Gap { after: last, found: change.sequence }.into());
        }
        last = change.sequence;
    }
    Ok(())
}

/// Beginnings and ends of all events, in the order of their ticks; `true`: a beginning.
fn endpoints(events: &[Event]) -> Vec<(usize, bool)> {
    let both = |(n, event): (usize, &Event)| [(event.invoked, n, true), (event.returned, n, false)];
    let mut points: Vec<_> = events.iter().enumerate().flat_map(both).collect();
    points.sort_unstable_by_key(|(tick, n, begins)| (*tick, !begins, *n));
    points.into_iter().map(|(_, n, begins)| (n, begins)).collect()
}

/// Where an event stands in the one order, as it says itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A write: from the state before `first` to the one at `last`.
    Write { first: Sequence, last: Sequence },
    /// A write that one of several calls made which asked the same and do not say what they got. It is given to one of
    /// them, and since that may be the wrong one, real time is not held against anybody because of it.
    OneOfSeveral,
    /// A look at the state at this sequence.
    At(Sequence),
    /// The state is not older than this.
    NotBefore(Sequence),
    /// It does not say.
    Unknown,
}

impl Place {
    /// What has not begun when this event is over cannot be older than this.
    pub(crate) fn newest(self) -> Option<Sequence> {
        match self {
            Place::Write { last, .. } | Place::At(last) | Place::NotBefore(last) => Some(last),
            Place::OneOfSeveral | Place::Unknown => None,
        }
    }

    /// The newest state that something may have seen which was over before this event began.
    pub(crate) fn limit(self) -> Option<Sequence> {
        match self {
            Place::Write { first, .. } => Some(Sequence(first.0.saturating_sub(1))),
            Place::At(sequence) => Some(sequence),
            Place::OneOfSeveral | Place::NotBefore(_) | Place::Unknown => None,
        }
    }
}

/// For each event, the newest state it can have seen: nothing that began after it was over has an older limit.
pub(crate) fn ceilings(events: &[Event], places: &[Place], newest: Sequence) -> Vec<Sequence> {
    // From the back: the least limit of everything that begins at or after an event.
    let mut least = vec![newest; events.len() + 1];
    for n in (0..events.len()).rev() {
        let limit = places.get(n).and_then(|place| place.limit()).unwrap_or(newest);
        let after = least.get(n + 1).copied().unwrap_or(newest);
        if let Some(place) = least.get_mut(n) {
            *place = limit.min(after);
        }
    }
    let ceiling = |event: &Event| {
        let next = events.partition_point(|other| other.invoked <= event.returned);
        least.get(next).copied().unwrap_or(newest)
    };
    events.iter().map(ceiling).collect()
}

/// The trial, on its way through time.
struct Trial<'a> {
    history: &'a History,
    claims: &'a Claims,
    ceilings: Vec<Sequence>,
    /// The newest place of anything that is over, and whose it was.
    floor: (Sequence, Option<usize>),
    /// Places that were given to calls that do not say theirs.
    given: Vec<Option<Sequence>>,
    states: States<'a>,
    checked: Checked,
}

impl<'a> Trial<'a> {
    fn new(history: &'a History, claims: &'a Claims) -> Self {
        let before = history.before.sequence();
        let newest = history.publications.last().map_or(before, Publication::last);
        Self {
            history,
            claims,
            ceilings: ceilings(&history.events, &claims.places, newest),
            floor: (before, None),
            given: vec![None; history.events.len()],
            states: States::new(history, claims),
            checked: Checked::default(),
        }
    }

    fn begin(&mut self, n: usize) -> Result<(), Box<Violation>> {
        let (Some(event), Some(place)) = (self.history.events.get(n), self.claims.places.get(n)) else {
            return Ok(());
        };
        self.checked.events += 1;
        self.states.advance(self.floor.0)?;
        match place {
            Place::Write { first, .. } => self.not_before(*first, n, 1)?,
            Place::At(sequence) => {
                self.boundary(event, *sequence)?;
                self.not_before(*sequence, n, 0)?;
                self.checked.pictures += 1;
            }
            Place::OneOfSeveral | Place::NotBefore(_) => {}
            Place::Unknown if event.commands().is_empty() => {}
            Place::Unknown => {
                let place = self.justify(event, n)?;
                if let Some(given) = self.given.get_mut(n) {
                    *given = Some(place);
                }
            }
        }
        Ok(())
    }

    fn end(&mut self, n: usize) {
        let own = self.claims.places.get(n).and_then(|place| place.newest());
        let given = self.given.get(n).copied().flatten();
        if let Some(place) = own.or(given).filter(|place| *place > self.floor.0) {
            self.floor = (place, Some(n));
        }
    }

    /// Rule 5.
    fn not_before(&self, sequence: Sequence, n: usize, beyond: u64) -> Result<(), Box<Violation>> {
        if sequence.0 >= self.floor.0.0 + beyond {
            return Ok(());
        }
        let event = |n: Option<usize>| n.and_then(|n| self.history.events.get(n)).cloned().map(Box::new);
        match (event(self.floor.1), event(Some(n))) {
            (Some(earlier), Some(later)) => Err(Violation::BackInTime { earlier, later }.into()),
            // Older than where the recording began.
            (_, Some(event)) => Err(Violation::NeverThere { event }.into()),
            _ => Ok(()),
        }
    }

    /// A look must not cut through what was published together.
    fn boundary(&self, event: &Event, sequence: Sequence) -> Result<(), Box<Violation>> {
        let all = &self.history.publications;
        let event = || Box::new(event.clone());
        match all.get(all.partition_point(|publication| publication.last() < sequence)) {
            _ if sequence == self.history.before.sequence() => Ok(()),
            Some(publication) if publication.last() == sequence => Ok(()),
            Some(publication) if publication.first() <= sequence => {
                Err(Violation::Torn { event: event(), publication: publication.clone() }.into())
            }
            _ => Err(Violation::NeverThere { event: event() }.into()),
        }
    }

    /// Rule 6: the oldest state that answers so.
    fn justify(&mut self, event: &Event, n: usize) -> Result<Sequence, Box<Violation>> {
        match &event.came {
            Came::Refused(_) => self.checked.refusals += 1,
            _ => self.checked.nothings += 1,
        }
        let to = self.ceilings.get(n).copied().unwrap_or(self.floor.0);
        if to < self.floor.0 {
            // Something that begins later is older than something that was over before: it is found when it begins.
            return Ok(self.floor.0);
        }
        let given = &self.history.given;
        let times = self.claims.clocks.times(event);
        let causes: Vec<_> = times.filter_map(|time| given.cause(event.commands(), time)).collect();
        let mut instead = "nothing: it was over before it began".to_owned();
        let mut at = 0;
        while let Some((sequence, state)) = self.states.get(at)?.filter(|(sequence, _)| *sequence <= to) {
            for cause in &causes {
                match (&event.came, state.ask(cause)) {
                    (Came::Refused(reason), Err(refused)) if **reason == *refused.reason() => {
                        return Ok(sequence);
                    }
                    (Came::Untold, Err(_)) => return Ok(sequence),
                    (Came::Nothing { answer }, Ok(done))
                        if done.publication.is_none()
                            && answer.as_ref().is_none_or(|answer| *answer == done.answer) =>
                    {
                        return Ok(sequence);
                    }
                    (Came::Untold | Came::Accepted { .. }, Ok(done)) if done.publication.is_none() => {
                        return Ok(sequence);
                    }
                    (_, Err(refused)) => instead = format!("refused: {refused}"),
                    (_, Ok(done)) => instead = answered(&done),
                }
            }
            at += 1;
        }
        let (event, from) = (Box::new(event.clone()), self.floor.0);
        Err(Violation::Unjustified { event, from, to, instead }.into())
    }

    fn finish(mut self) -> Result<Checked, Box<Violation>> {
        while self.states.replay()? {}
        self.checked.publications = self.history.publications.len() as u64;
        self.checked.contents = self.states.contents;
        Ok(self.checked)
    }
}

/// What a state says, in words.
fn answered(done: &posbook::Published) -> String {
    match &done.publication {
        Some(publication) => {
            let kinds: Vec<_> = publication.iter().map(|change| change.kind().to_string()).collect();
            format!("published, {}", kinds.join(" and "))
        }
        None => format!("nothing to do, {:?}", done.answer),
    }
}

/// The states that a call under way may have seen, from the oldest, replayed as far as somebody asked for.
struct States<'a> {
    history: &'a History,
    claims: &'a Claims,
    window: VecDeque<(Sequence, Replica)>,
    /// The next publication to be replayed.
    next: usize,
    /// Looks with a fingerprint, by sequence.
    looks: Vec<(Sequence, u128, usize)>,
    looked: usize,
    contents: u64,
}

impl<'a> States<'a> {
    fn new(history: &'a History, claims: &'a Claims) -> Self {
        let look = |(n, event): (usize, &Event)| match event.came {
            Came::Picture { sequence, digest: Some(digest), .. } => Some((sequence, digest, n)),
            _ => None,
        };
        let mut looks: Vec<_> = history.events.iter().enumerate().filter_map(look).collect();
        looks.sort_unstable();
        let window = VecDeque::from([(history.before.sequence(), history.before.clone())]);
        Self { history, claims, window, next: 0, looks, looked: 0, contents: 0 }
    }

    /// Nobody can have seen a state older than this any more: the window begins with it.
    fn advance(&mut self, floor: Sequence) -> Result<(), Box<Violation>> {
        while self.window.front().is_some_and(|(sequence, _)| *sequence < floor) {
            if self.window.len() == 1 && !self.replay()? {
                break;
            }
            self.window.pop_front();
        }
        Ok(())
    }

    /// The state at this place of the window; replayed, if it is not there yet.
    fn get(&mut self, at: usize) -> Result<Option<(Sequence, &Replica)>, Box<Violation>> {
        while self.window.len() <= at {
            if !self.replay()? {
                return Ok(None);
            }
        }
        Ok(self.window.get(at).map(|(sequence, state)| (*sequence, state)))
    }

    /// Rules 2 and 4, for the next publication. `false`: there is none.
    fn replay(&mut self) -> Result<bool, Box<Violation>> {
        let Some(publication) = self.history.publications.get(self.next) else {
            // The looks at what nothing changed.
            self.compare()?;
            return Ok(false);
        };
        self.compare()?;
        let Some((_, newest)) = self.window.back() else { return Ok(false) };
        let by = self.claims.by.get(self.next).copied().flatten();
        let event = by.and_then(|n| self.history.events.get(n));
        let other = |instead: String| {
            let (publication, event) = (publication.clone(), event.cloned().map(Box::new));
            Violation::OtherAnswer { publication, instead, event }
        };
        // To stop here would pass all that follows.
        let Some(cause) = publication.first_cause() else {
            return Err(Violation::NobodyAsked { publication: publication.clone() }.into());
        };
        let done = newest.ask(cause).map_err(|refused| other(format!("refused: {refused}")))?;
        if done.publication.as_ref() != Some(publication) {
            return Err(other(answered(&done)).into());
        }
        if let Some(Event { came: Came::Published { answer: Some(told), .. }, .. }) = event
            && *told != done.answer
        {
            return Err(other(format!("{:?}", done.answer)).into());
        }
        if let Some(Event { came: Came::Accepted { settled: Some(settled), .. }, .. }) = event {
            let finished =
                publication.iter().next().map(posbook::Change::kind) == Some(posbook::Kind::Settled);
            if (*settled == Settlement::Settled) != finished {
                return Err(other(format!("published, finished: {finished}")).into());
            }
        }
        let mut state = newest.clone();
        for change in publication.iter() {
            state.apply(change).map_err(|refused| other(format!("it does not fold: {refused}")))?;
        }
        self.window.push_back((publication.last(), state));
        self.next += 1;
        Ok(true)
    }

    /// Rule 4, for the newest state that was replayed.
    fn compare(&mut self) -> Result<(), Box<Violation>> {
        let Some((sequence, state)) = self.window.back() else { return Ok(()) };
        let mut expected = None;
        while let Some((at, digest, n)) = self.looks.get(self.looked).filter(|(at, ..)| at <= sequence) {
            self.looked += 1;
            if at != sequence {
                continue; // older than the recording, or in the middle of a unit: said elsewhere
            }
            let expected = *expected.get_or_insert_with(|| state.digest());
            self.contents += 1;
            if *digest != expected
                && let Some(event) = self.history.events.get(*n)
            {
                return Err(Violation::OtherContent { event: Box::new(event.clone()), expected }.into());
            }
        }
        Ok(())
    }
}

/// The cause of a publication.
pub(crate) trait Caused {
    /// All of its changes have it.
    fn first_cause(&self) -> Option<&std::sync::Arc<posbook::Cause>>;
}

impl Caused for Publication {
    fn first_cause(&self) -> Option<&std::sync::Arc<posbook::Cause>> {
        self.iter().next().map(|change| &change.cause)
    }
}

/// The place that an event names itself; what it claims of the one order is for [`crate::claims`].
pub(crate) fn stated(event: &Event) -> Place {
    match (&event.asked, &event.came) {
        (_, Came::Picture { sequence, .. }) => Place::At(*sequence),
        (_, Came::Item(publication)) => Place::NotBefore(publication.last()),
        // The feed has nothing newer: that is the state it saw.
        (Asked::Feed { after }, Came::NoItem) => Place::At(*after),
        _ => Place::Unknown,
    }
}
