//! What a history can be found guilty of: which events, and which rule.

use std::fmt;

use posbook::{Publication, Sequence};

use crate::history::Event;

/// A rule that a history breaks.
#[derive(Debug, Clone)]
pub enum Violation {
    /// The one order has a hole, or something twice (I4, I10).
    Gap {
        /// The sequence before it.
        after: Sequence,
        /// What comes next.
        found: Sequence,
    },
    /// The state before a publication does not answer its cause with it (I5).
    OtherAnswer {
        /// What was published.
        publication: Publication,
        /// What the state before it answers.
        instead: String,
        /// Who asked for it.
        event: Option<Box<Event>>,
    },
    /// Two calls were told that they took one place (I4).
    TakenTwice {
        /// The place.
        sequence: Sequence,
        /// Who has it by the order of everything, or came first.
        first: Box<Event>,
        /// Who was told the same.
        second: Box<Event>,
    },
    /// A write was acknowledged, and the one order does not have it: a lost update (I4).
    Lost {
        /// The write.
        event: Box<Event>,
        /// What stands in its place.
        instead: Option<Publication>,
    },
    /// Something was published that nobody asked for when it was (I4).
    NobodyAsked {
        /// What.
        publication: Publication,
    },
    /// What was over before something else began comes after it in the one order (I4).
    BackInTime {
        /// Was over first.
        earlier: Box<Event>,
        /// Began after that.
        later: Box<Event>,
    },
    /// A picture cuts through what was published together (R14).
    Torn {
        /// The look.
        event: Box<Event>,
        /// What it cuts.
        publication: Publication,
    },
    /// A picture of something that was never published (I4).
    NeverThere {
        /// The look.
        event: Box<Event>,
    },
    /// A picture has another content than the changes up to its sequence give (I4, I5, I8).
    OtherContent {
        /// The look.
        event: Box<Event>,
        /// What the changes give.
        expected: u128,
    },
    /// A refusal, or that there was nothing to do, is right in no state that stood while the call ran (I6).
    Unjustified {
        /// The call.
        event: Box<Event>,
        /// The first state it may have seen.
        from: Sequence,
        /// The last.
        to: Sequence,
        /// What the last of them answers.
        instead: String,
    },
    /// The feed delivered something else than what comes next in the one order (I10).
    OtherItem {
        /// The call.
        event: Box<Event>,
    },
    /// The feed goes on from somewhere else than where it had ended (I10).
    FeedMoved {
        /// The call.
        event: Box<Event>,
    },
    /// The feed says that it has lost what its window holds (I10).
    NotLagged {
        /// The call.
        event: Box<Event>,
    },
    /// A publication carries another time or mark than there was (R11).
    OtherCircumstances {
        /// The call.
        event: Box<Event>,
        /// What it carries.
        publication: Publication,
    },
}

impl Violation {
    /// The rule or invariant that is broken.
    pub const fn rule(&self) -> &'static str {
        match self {
            Violation::Gap { .. } => "I4, I10",
            Violation::OtherAnswer { .. } => "I5",
            Violation::TakenTwice { .. }
            | Violation::Lost { .. }
            | Violation::NobodyAsked { .. }
            | Violation::BackInTime { .. }
            | Violation::NeverThere { .. } => "I4",
            Violation::Torn { .. } => "R14",
            Violation::OtherContent { .. } => "I4, I5, I8",
            Violation::Unjustified { .. } => "I6",
            Violation::OtherItem { .. } | Violation::FeedMoved { .. } | Violation::NotLagged { .. } => "I10",
            Violation::OtherCircumstances { .. } => "R11",
        }
    }

    /// The events concerned.
    pub fn events(&self) -> Vec<&Event> {
        match self {
            Violation::Gap { .. } | Violation::NobodyAsked { .. } => Vec::new(),
            Violation::OtherAnswer { event, .. } => event.iter().map(|event| &**event).collect(),
            Violation::TakenTwice { first, second, .. } => vec![first, second],
            Violation::BackInTime { earlier, later } => vec![earlier, later],
            Violation::Lost { event, .. }
            | Violation::Torn { event, .. }
            | Violation::NeverThere { event }
            | Violation::OtherContent { event, .. }
            | Violation::Unjustified { event, .. }
            | Violation::OtherItem { event }
            | Violation::FeedMoved { event }
            | Violation::NotLagged { event }
            | Violation::OtherCircumstances { event, .. } => vec![event],
        }
    }

    /// Whether another violation is this one, found in another part of the same history. Which states were left to look at
    /// does not count.
    pub fn is(&self, other: &Self) -> bool {
        let whose = |of: &Self| -> Vec<(u32, u64)> {
            of.events().iter().map(|event| (event.thread, event.invoked)).collect()
        };
        let at = |of: &Self| match of {
            Violation::Unjustified { .. } | Violation::Lost { .. } => None,
            _ => of.span(),
        };
        std::mem::discriminant(self) == std::mem::discriminant(other)
            && whose(self) == whose(other)
            && at(self) == at(other)
    }

    /// The sequences concerned, from the first to the last.
    pub fn span(&self) -> Option<(Sequence, Sequence)> {
        match self {
            Violation::Gap { after, found } => Some(((*after).min(*found), (*after).max(*found))),
            Violation::OtherAnswer { publication, .. }
            | Violation::NobodyAsked { publication }
            | Violation::Torn { publication, .. }
            | Violation::OtherCircumstances { publication, .. } => {
                Some((publication.first(), publication.last()))
            }
            Violation::TakenTwice { sequence, .. } => Some((*sequence, *sequence)),
            Violation::Unjustified { from, to, .. } => Some((*from, *to)),
            Violation::Lost { instead, .. } => instead.as_ref().map(|p| (p.first(), p.last())),
            _ => None,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::Gap { after, found } => write!(f, "after sequence {after} comes {found}"),
            Violation::OtherAnswer { publication, instead, .. } => {
                let (first, kind) =
                    (publication.first(), publication.iter().map(posbook::Change::kind).next());
                let kind = kind.map_or_else(String::new, |kind| format!(" ({kind})"));
                write!(
                    f,
                    "sequence {first}{kind} does not follow from the state before it, which answers: {instead}"
                )
            }
            Violation::TakenTwice { sequence, .. } => {
                write!(f, "two calls were told that they took sequence {sequence}")
            }
            Violation::Lost { .. } => {
                f.write_str("a write was acknowledged, and the order of everything does not have it")
            }
            Violation::NobodyAsked { publication } => {
                write!(f, "sequence {} was published, and nobody asked for it then", publication.first())
            }
            Violation::BackInTime { .. } => {
                f.write_str("the first call was over before the second began, and has the later place")
            }
            Violation::Torn { publication, .. } => {
                let (first, last) = (publication.first(), publication.last());
                write!(f, "a picture cuts through {first} to {last}, which were published together")
            }
            Violation::NeverThere { .. } => f.write_str("a picture of what was never published"),
            Violation::OtherContent { expected, .. } => {
                write!(f, "a picture does not have the content of its sequence ({:08x})", *expected as u32)
            }
            Violation::Unjustified { from, to, instead, .. } => write!(
                f,
                "no state from {from} to {to}, which are those that stood meanwhile, answers so; the last answers: {instead}"
            ),
            Violation::OtherItem { .. } => {
                f.write_str("the feed delivered something else than what comes next")
            }
            Violation::FeedMoved { .. } => {
                f.write_str("the feed goes on from somewhere else than where it had ended")
            }
            Violation::NotLagged { .. } => {
                f.write_str("the feed says that it has lost what its window holds")
            }
            Violation::OtherCircumstances { .. } => {
                f.write_str("a publication carries another time or mark than there was")
            }
        }?;
        write!(f, " ({})", self.rule())
    }
}

impl std::error::Error for Violation {}
