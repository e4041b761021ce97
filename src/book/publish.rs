//! THE one loop that publishes: what is asked is decided on the newest state, applied to a body equal to it, and put in its
//! place by compare-and-swap; who loses asks again. `decide` runs inside it on every turn: that is the re-verification (I4). No
//! venue call, lock, log line or caller's closure is inside it (I6).

use smallvec::SmallVec;

use super::body::Body;
use super::durable::Durable;
use super::marks::Mark;
use super::root::Shell;
use super::snapshot::Snapshot;
use super::{Inner, Published, audit};
use crate::error::Rejection;
use crate::model::{Cause, Command, InstrumentId, Observed, ObservedMark, Publication, Timestamp};
use crate::state::{Answer, Refused, advance, decide};
use crate::sync::{Arc, RootArc, fault, pause};
impl Inner {
    pub(super) fn fresh_mark(&self, id: InstrumentId, now: Timestamp) -> Option<Mark> {
        self.marks.get(id).filter(|mark| mark.is_fresh(now, self.max_mark_age) || fault("stale_mark"))
    }

    /// Samples what is not state, once (decision 1).
    pub(super) fn cause(&self, command: Command, then: Vec<Command>) -> Arc<Cause> {
        let time = self.clock.now();
        let mut marks: SmallVec<[ObservedMark; 1]> = SmallVec::new();
        for key in std::iter::once(&command).chain(&then).filter_map(Command::key) {
            let instrument = key.instrument;
            if marks.iter().all(|m| m.instrument != instrument)
                && let Some(mark) = self.fresh_mark(instrument, time)
            {
                marks.push(ObservedMark { instrument, price: mark.price, time: mark.time });
            }
        }
        Arc::new(Cause { command, then, observed: Observed { time, marks } })
    }

    /// Publishes the change that `decide` returns, or its refusal.
    pub(crate) fn publish(&self, command: Command) -> Result<Published, Rejection> {
        self.publish_all(command, Vec::new())
    }

    /// As [`Inner::publish`], for a batch: all of it or nothing (R14).
    pub(crate) fn publish_all(&self, command: Command, then: Vec<Command>) -> Result<Published, Rejection> {
        // A broken twin publishes a batch command by command.
        if fault("batch_split") && !then.is_empty() {
            let first = self.publish(command)?;
            return then.into_iter().try_fold(first, |_, next| self.publish(next));
        }
        let cause = self.cause(command, then);
        let published = self.admit(&cause).and_then(|()| self.compare_and_swap(&cause));
        // After success, outside the loop (I6).
        match &published {
            Ok(Published { publication: Some(publication), .. }) => {
                self.feed.wake.notify();
                audit::published(publication, || self.root.view());
            }
            Ok(_) => {}
            Err(rejection) => audit::refused(rejection.command().unwrap_or(&cause.command), rejection),
        }
        if let Ok(Published { answer: Answer::Registered(id), .. }) = &published {
            self.marks.admit(*id);
        }
        published
    }

    /// Whether the journal lets new risk be asked for. Outside the loop: it is not state, and only ever refuses increases.
    fn admit(&self, cause: &Cause) -> Result<(), Rejection> {
        let Some(durable) = &self.durable else { return Ok(()) };
        let view = || self.root.with(|view| (view.sequence(), view.totals().in_doubt));
        durable.admit(cause, view).map_err(|refused| refused.of(&cause.command))
    }

    fn compare_and_swap(&self, cause: &Arc<Cause>) -> Result<Published, Rejection> {
        self.courtesy.give_way();
        let mut loser = None;
        let mut found = self.root.load();
        // A broken twin decides on the state it read first; here it is always none.
        let first = fault("stale_state").then(|| found.view.clone());
        let mut turn = 0;
        loop {
            let newer = match self.candidate(&found, first.as_ref(), cause)? {
                Candidate::Nothing(answer) => return Ok(Published { publication: None, answer }),
                // Lost before it was tried.
                Candidate::Overtaken(newer) => newer,
                Candidate::Body(body, publication, answer) => {
                    // A broken twin compares with what it loads after it has decided: check, then act.
                    if fault("check_then_act") {
                        found = self.root.load();
                    }
                    match self.root.publish(found, Snapshot::new(body)) {
                        Err(newer) if !fault("ignore_lost") => newer,
                        _ => return Ok(Published { publication: Some(publication), answer }),
                    }
                }
            };
            found = newer;
            match &loser {
                None => loser = Some(self.courtesy.lost()),
                Some(lost) => lost.again(),
            }
            pause(turn);
            turn += 1;
        }
    }

    /// What would be published in place of `found`: decided on its state, and applied to a body equal to its.
    fn candidate(
        &self,
        found: &Shell,
        first: Option<&Snapshot>,
        cause: &Arc<Cause>,
    ) -> Result<Candidate, Rejection> {
        let draft = || match first {
            Some(first) => Ok(Arc::new(first.body().clone())),
            None => self.root.draft(found),
        };
        // One command is decided before a body is touched: many ask for nothing, or are refused.
        let decided = if cause.then.is_empty() {
            let (publication, answer) = decide(&first.unwrap_or(&found.view).body().state, cause)?;
            match publication {
                None => return Ok(Candidate::Nothing(answer)),
                decided => Some((decided, answer)),
            }
        } else {
            None
        };
        let mut draft = match draft() {
            Ok(draft) => draft,
            Err(newer) => return Ok(Candidate::Overtaken(newer)),
        };
        // Nobody else holds it, so this is it and no copy.
        let body = Arc::make_mut(&mut draft);
        let (publication, answer) = match decided {
            Some((publication, answer)) => {
                for change in publication.iter().flat_map(|publication| publication.iter()) {
                    body.state.apply(change)?;
                }
                (publication, answer)
            }
            // A batch is decided on what each of its commands leaves behind, so on the draft itself.
            None => match advance(&mut body.state, cause) {
                Ok(done) => done,
                Err(Refused { rejection, left }) => {
                    // Whoever uses this body next finds it as one that lost: its last publication is no history. A broken
                    // twin does not say so.
                    let left = left.filter(|_| !fault("half_a_batch"));
                    left.into_iter().for_each(|left| drop(body.window.push(left)));
                    self.root.put_back(draft);
                    return Err(rejection);
                }
            },
        };
        let Some(publication) = publication else {
            self.root.put_back(draft);
            return Ok(Candidate::Nothing(answer));
        };
        body.push(publication.clone(), self.durable.as_ref().map(Durable::read_until));
        Ok(Candidate::Body(draft, publication, answer))
    }
}

/// What one turn of the loop came to.
enum Candidate {
    /// To be published.
    Body(Arc<Body>, Publication, Answer),
    /// There is nothing to do.
    Nothing(Answer),
    /// A newer root is there already.
    Overtaken(RootArc<Shell>),
}
