//! Several commands decided as one (R14): each against what the ones before it leave behind, all published together or
//! none.

use smallvec::SmallVec;

use super::State;
use super::decide::{Answer, Ask, Decision, one};
use crate::error::{Reason, Rejection};
use crate::model::{Cause, Command, Effect, Publication, Sequence};
use crate::sync::{Arc, fault};

/// Effects, each with the place of the command it answers.
type Effects = SmallVec<[(u32, Effect); 2]>;

/// Why a batch is refused, and what the commands before had put in place until then.
pub(crate) struct Refused {
    pub(crate) rejection: Rejection,
    /// `None`: nothing.
    pub(crate) left: Option<Publication>,
}

/// Decides a batch and puts in place what it decides as it goes: each command has to see what the ones before it have done
/// (R13). The rejection is that of the first command that may not be; then the state is not to be used as it is.
pub(crate) fn advance(
    state: &mut State,
    cause: &Arc<Cause>,
) -> Result<(Option<Publication>, Answer), Refused> {
    let base = state.sequence();
    let (mut effects, mut answers) = (Effects::new(), Vec::new());
    for (part, command) in (0u32..).zip(cause.commands()) {
        match step(state, cause, base, (part, command), &mut effects) {
            Ok(answer) => answers.push(answer),
            Err(rejection) => {
                let left = Publication::stamp(base, cause, effects.into_iter());
                return Err(Refused { rejection, left });
            }
        }
    }
    Ok((Publication::stamp(base, cause, effects.into_iter()), Answer::Batch(answers)))
}

/// A fill that was taken back and what the venue says now in its place: one thing that happened, in two commands.
fn is_correction(cause: &Cause) -> bool {
    matches!((&cause.command, cause.then.as_slice()), (Command::Bust(_), [Command::Record(_)]))
}

/// Decides one command of a batch and puts that in place.
fn step(
    state: &mut State,
    cause: &Cause,
    base: Sequence,
    (part, command): (u32, &Command),
    effects: &mut Effects,
) -> Result<Answer, Rejection> {
    if !command.fits_a_batch() && !is_correction(cause) {
        return Err(Rejection::from(Reason::NotInABatch { command: command.name() }).of(command));
    }
    let next = if fault("batch_one_name") { base } else { state.sequence() }.after(1);
    let Decision { effects: theirs, answer } = one(&Ask { state, cause, next }, command)?;
    for effect in theirs {
        state.put(state.sequence().after(1), command, &effect)?;
        effects.push((part, effect));
    }
    Ok(answer)
}
