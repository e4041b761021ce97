//! Several commands decided as one (R14): each against what the ones before it leave behind, all published together or
//! none.

use smallvec::SmallVec;

use super::State;
use super::decide::{Answer, Ask, Decision, one};
use crate::error::{Reason, Rejection};
use crate::model::{Cause, Effect};
use crate::sync::{Arc, fault};

/// Effects, each with the place of the command it answers, and the answers in order.
pub(super) type Decided = (SmallVec<[(u32, Effect); 2]>, Vec<Answer>);

/// Decides a batch. The rejection is that of the first command that may not be; nothing is changed then.
pub(super) fn decide(state: &State, cause: &Arc<Cause>) -> Result<Decided, Rejection> {
    // What the commands before have done, as the next one has to see it: limits count their orders (R13).
    let mut ahead = state.clone();
    let (mut effects, mut answers) = (SmallVec::new(), Vec::new());
    for (part, command) in (0u32..).zip(cause.commands()) {
        if !command.fits_a_batch() {
            return Err(Rejection::from(Reason::NotInABatch { command: command.name() }).of(command));
        }
        let next = if fault("batch_one_name") { state.sequence() } else { ahead.sequence() }.after(1);
        let decision = one(&Ask { state: &ahead, cause, next }, command)?;
        let Decision { effects: theirs, answer } = decision;
        for effect in theirs {
            ahead.put(ahead.sequence().after(1), command, &effect)?;
            effects.push((part, effect));
        }
        answers.push(answer);
    }
    Ok((effects, answers))
}
