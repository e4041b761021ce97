//! The independent search (Wing and Gong, with Lowe's memory): is there any order of these calls that a book in one
//! thread could have answered so, and that real time allows?
//!
//! It believes no sequence and shares no code with the crate: every call, refusals and looks included, is tried as the
//! next one wherever nothing that is still open was over before it began, against the naive model. What was tried from
//! one set of calls and one state is never tried again. For short histories.

use std::collections::HashSet;
use std::fmt;

use crate::naive::{Outcome, State, Word};

/// A call in the words of the naive model.
#[derive(Debug, Clone)]
pub struct Call {
    /// The tick before it.
    pub invoked: u64,
    /// The tick after it.
    pub returned: u64,
    /// What was asked.
    pub word: Word,
    /// What came. `None`: nobody was told.
    pub came: Option<Came>,
}

/// What the caller was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// Exactly this.
    Is(Outcome),
    /// It went well; whether anything happened, the call does not say.
    Well,
}

impl Call {
    fn explained(&self, outcome: &Outcome) -> bool {
        match &self.came {
            None => true,
            Some(Came::Is(came)) => came == outcome,
            Some(Came::Well) => !matches!(outcome, Outcome::No(_)),
        }
    }
}

/// No order explains a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stuck {
    /// It is longer than the search takes.
    TooLong(usize),
    /// After these calls, the most that could be explained, none of the others can be next.
    NoOrder {
        /// The longest beginning, by place in the history.
        explained: Vec<usize>,
    },
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stuck::TooLong(calls) => write!(f, "{calls} calls are more than the search takes ({LONGEST})"),
            Stuck::NoOrder { explained } => {
                write!(
                    f,
                    "no order of these calls is that of one thread; at most {} of them",
                    explained.len()
                )
            }
        }
    }
}

impl std::error::Error for Stuck {}

/// A set of calls is one number.
pub const LONGEST: usize = u128::BITS as usize;

/// An order that explains every call.
///
/// # Errors
/// There is none.
pub fn explain(calls: &[Call], start: State) -> Result<Vec<usize>, Stuck> {
    if calls.len() > LONGEST {
        return Err(Stuck::TooLong(calls.len()));
    }
    let mut search = Search { calls, tried: HashSet::new(), order: Vec::new(), best: Vec::new() };
    if search.from(0, start) { Ok(search.order) } else { Err(Stuck::NoOrder { explained: search.best }) }
}

struct Search<'a> {
    calls: &'a [Call],
    tried: HashSet<(u128, State)>,
    order: Vec<usize>,
    best: Vec<usize>,
}

impl Search<'_> {
    fn from(&mut self, done: u128, state: State) -> bool {
        if self.order.len() > self.best.len() {
            self.best.clone_from(&self.order);
        }
        if self.order.len() == self.calls.len() {
            return true;
        }
        if !self.tried.insert((done, state.clone())) {
            return false;
        }
        let open = || self.calls.iter().enumerate().filter(|(n, _)| done & (1 << n) == 0);
        let first_over = open().map(|(_, call)| call.returned).min().unwrap_or_default();
        let next: Vec<usize> =
            open().filter(|(_, call)| call.invoked <= first_over).map(|(n, _)| n).collect();
        for n in next {
            let Some(call) = self.calls.get(n) else { continue };
            let mut after = state.clone();
            if !call.explained(&after.ask(&call.word)) {
                continue;
            }
            self.order.push(n);
            if self.from(done | (1 << n), after) {
                return true;
            }
            self.order.pop();
        }
        false
    }
}
