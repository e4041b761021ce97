//! Wishes, not yet legal. A command is data, never a closure: it can be retried, stored with the change it caused,
//! and asked again later against the same state.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::bust::Bust;
use super::exit::{Exit, ExitRule};
use super::fill::{Fill, OrderRef};
use super::funding::Funding;
use super::ids::{ClientOrderId, PositionId, Sequence};
use super::instrument::Instrument;
use super::key::{PositionKey, Side};
use super::number::Quantity;
use super::order::OrderStep;
use super::plan::{ExitPlan, Replan};
use super::repair::{Adoption, Correction, DropPosition};
use super::tags::{Retag, Tags};
use super::targets::{Field, Ratchet, Retarget};
use super::wish::{Addition, Amount, Opening, Precondition, Reduction};

/// Everything that can be asked of a book.
///
/// ```
/// use posbook::{Command, InstrumentId, Side};
///
/// let open: Command = Command::open(InstrumentId(0), Side::Long, "1".parse()?).leverage(10).stop("0.05")?.into();
/// assert_eq!(open.name(), "open");
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Command {
    /// Make an instrument known, or revise its steps and minimum.
    Register(Instrument),
    /// Reserve an order that opens a flat key.
    Open(Opening),
    /// Reserve an order that adds to a position.
    ScaleIn(Addition),
    /// Reserve an order that reduces a position.
    ScaleOut(Reduction),
    /// Reserve an order that closes a position; the key is closing from here until it is flat (R7).
    Close(Reduction),
    /// Move an order along its life (R6).
    Step {
        /// The key it claims.
        key: PositionKey,
        /// The order.
        order: ClientOrderId,
        /// What became of it.
        step: OrderStep,
    },
    /// Book what the venue did.
    Record(Fill),
    /// Book a funding payment.
    Fund(Funding),
    /// Change stop loss or take profit.
    Retarget(Retarget),
    /// Let the stop of a position follow the fresh mark, as its plan says: trailing and break-even (R16).
    Trail {
        /// Which key.
        key: PositionKey,
        /// Which life of it.
        position: PositionId,
    },
    /// Change the exit plan of a position.
    Plan(Replan),
    /// Take over a position that only the venue has.
    Adopt(Adoption),
    /// Remove a position that the venue does not have.
    Drop(DropPosition),
    /// Freeze a key: no new risk until it is accepted.
    Quarantine {
        /// Which key.
        key: PositionKey,
        /// What was found.
        why: String,
        /// The book's sequence before the venue was asked: refused if the instrument changed since. `None`: by hand, or
        /// because too many reports in a row decided nothing (R9); then it stands whatever happened meanwhile.
        asked: Option<Sequence>,
    },
    /// The venue has exactly what the book has: what was doubtful about the key's quantity is over (R10). What stands in
    /// `unexplained` stays there.
    Confirm {
        /// Which key.
        key: PositionKey,
        /// What agreed.
        why: String,
        /// The book's sequence before the venue was asked: refused if the instrument changed since (R8).
        asked: Sequence,
    },
    /// A person (or a policy) takes the key as it stands: its troubles are cleared, the gap stays in `unexplained`.
    Accept {
        /// Which key.
        key: PositionKey,
        /// Why.
        reason: String,
    },
    /// Close what becomes free of a position, from now until it is flat: for an exit that fires while other orders hold
    /// everything that is open (R7).
    StartClosing {
        /// Which key.
        key: PositionKey,
        /// Which life of it. `None`: it is flat, and an order that is on its way will open it.
        position: Option<PositionId>,
        /// Why.
        cause: String,
    },
    /// Let a closing key live on (R7).
    CancelClosing {
        /// Which key.
        key: PositionKey,
        /// Why.
        reason: String,
    },
    /// Put every overdue order in doubt (R6).
    Expire,
    /// Do nothing, and refuse the whole batch unless this stands on a key (R14).
    Expect {
        /// Which key.
        key: PositionKey,
        /// What must stand there.
        expect: Precondition,
    },
    /// Take back a fill that the venue has cancelled.
    Bust(Bust),
    /// Take the venue's word on the size or the leverage of a position that both have.
    Correct(Correction),
    /// Note the fresh mark if it moves the best or the worst unrealised profit of a position ([`Excursion`](crate::Excursion)).
    Reach {
        /// Which key.
        key: PositionKey,
        /// Which life of it.
        position: PositionId,
    },
    /// Replace the tags of an open position.
    Tag(Retag),
}

impl Command {
    /// An order that opens a flat key.
    pub fn open(key: impl Into<PositionKey>, side: Side, quantity: Quantity) -> Opening {
        Opening {
            key: key.into(),
            side,
            quantity,
            leverage: None,
            rule: None,
            exits: None,
            reference: None,
            expect: Precondition::Nothing,
            patience: None,
            tags: Tags::none(),
        }
    }

    /// An order that adds to the position on `key`.
    pub fn scale_in(key: impl Into<PositionKey>, quantity: Quantity) -> Addition {
        Addition { key: key.into(), quantity, reference: None, expect: Precondition::Nothing, patience: None }
    }

    /// An order that reduces the position on `key`.
    pub fn scale_out(key: impl Into<PositionKey>, quantity: Quantity) -> Reduction {
        Reduction::new(key.into(), Amount::Exactly(quantity))
    }

    /// An order that closes the position on `key`.
    pub fn close(key: impl Into<PositionKey>) -> Reduction {
        Reduction::new(key.into(), Amount::All)
    }

    /// The order of an exit that fired: a close, or of a tier its share. Refused if what fired no longer stands (R16).
    pub fn exit(key: impl Into<PositionKey>, exit: Exit) -> Reduction {
        let amount = match exit.rule {
            ExitRule::Tier { tier, .. } => Amount::Share(tier.share),
            _ => Amount::All,
        };
        Reduction::new(key.into(), amount).exit(exit).because(exit.rule.name())
    }

    /// Another exit plan for the position on `key`; an empty one takes the plan away. Tiers that were taken stay taken.
    pub fn plan(key: impl Into<PositionKey>, plan: ExitPlan) -> Replan {
        let (key, expect) = (key.into(), Precondition::Nothing);
        Replan { key, expect, plan: Arc::new(plan), reason: String::new() }
    }

    /// Other tags for the position on `key`, in the place of those that it has. Refused if they would put it into a group that
    /// has no room for it (R13).
    pub fn tag(key: impl Into<PositionKey>, tags: Tags) -> Retag {
        Retag { key: key.into(), expect: Precondition::Nothing, tags, reason: String::new() }
    }

    /// A change of targets of the position on `key`.
    pub fn retarget(key: impl Into<PositionKey>) -> Retarget {
        Retarget {
            key: key.into(),
            expect: Precondition::Nothing,
            stop: Field::Keep,
            take: Field::Keep,
            ratchet: Ratchet::Tighten,
            reason: String::new(),
        }
    }

    /// In a batch: refuse all of it if anything happened on the key since this revision
    /// ([`KeyState::revision`](crate::KeyState)).
    pub fn expect(key: impl Into<PositionKey>, revision: Sequence) -> Self {
        Command::Expect { key: key.into(), expect: Precondition::Revision(revision) }
    }

    /// In a batch: refuse all of it unless the key is flat and no order is unresolved there.
    pub fn expect_absent(key: impl Into<PositionKey>) -> Self {
        Command::Expect { key: key.into(), expect: Precondition::Absent }
    }

    /// Whether it can be a part of a batch: wishes can, what the venue did and what became of an order cannot, because
    /// neither may be refused on account of another command.
    pub const fn fits_a_batch(&self) -> bool {
        !matches!(
            self,
            Command::Register(_)
                | Command::Record(_)
                | Command::Bust(_)
                | Command::Fund(_)
                | Command::Step { .. }
                | Command::Expire
        )
    }

    /// The command's name in the field's words, as the audit trail prints it.
    pub const fn name(&self) -> &'static str {
        match self {
            Command::Register(_) => "register",
            Command::Open(_) => "open",
            Command::ScaleIn(_) => "scale in",
            Command::ScaleOut(_) => "scale out",
            Command::Close(_) => "close",
            Command::Step { step, .. } => step.name(),
            Command::Fund(_) => "funding",
            Command::Record(Fill { order: OrderRef::Forced { by, .. }, .. }) => by.name(),
            Command::Record(_) => "fill",
            Command::Bust(_) => "bust",
            Command::Retarget(_) => "retarget",
            Command::Trail { .. } => "trail",
            Command::Plan(_) => "plan",
            Command::Adopt(_) => "adopt",
            Command::Drop(_) => "drop",
            Command::Quarantine { .. } => "quarantine",
            Command::Confirm { .. } => "confirm",
            Command::Accept { .. } => "accept",
            Command::StartClosing { .. } => "start closing",
            Command::CancelClosing { .. } => "cancel closing",
            Command::Expire => "expire",
            Command::Expect { .. } => "expect",
            Command::Correct(_) => "correct",
            Command::Reach { .. } => "reach",
            Command::Tag(_) => "tag",
        }
    }

    /// Why, in the words of whoever asked; empty if nothing was said.
    pub fn reason(&self) -> &str {
        match self {
            Command::ScaleOut(r) | Command::Close(r) => &r.reason,
            Command::Retarget(r) => &r.reason,
            Command::Plan(p) => &p.reason,
            Command::Tag(t) => &t.reason,
            Command::Drop(d) => &d.reason,
            Command::Bust(b) => &b.reason,
            Command::Correct(c) => &c.reason,
            Command::Quarantine { why: text, .. }
            | Command::Confirm { why: text, .. }
            | Command::Accept { reason: text, .. }
            | Command::StartClosing { cause: text, .. }
            | Command::CancelClosing { reason: text, .. }
            | Command::Step {
                step:
                    OrderStep::Refused { reason: text, .. }
                    | OrderStep::Corrected { reason: text, .. }
                    | OrderStep::Doubt { why: text },
                ..
            } => text,
            _ => "",
        }
    }

    /// The key it is about; `None` for commands about an instrument or the whole book.
    pub fn key(&self) -> Option<PositionKey> {
        match self {
            Command::Open(c) => Some(c.key),
            Command::ScaleIn(c) => Some(c.key),
            Command::ScaleOut(c) | Command::Close(c) => Some(c.key),
            Command::Retarget(c) => Some(c.key),
            Command::Plan(c) => Some(c.key),
            Command::Tag(c) => Some(c.key),
            Command::Adopt(c) => Some(c.key),
            Command::Drop(c) => Some(c.key),
            Command::Correct(c) => Some(c.key),
            Command::Step { key, .. }
            | Command::Trail { key, .. }
            | Command::Reach { key, .. }
            | Command::Quarantine { key, .. }
            | Command::Confirm { key, .. }
            | Command::Accept { key, .. }
            | Command::StartClosing { key, .. }
            | Command::CancelClosing { key, .. }
            | Command::Expect { key, .. } => Some(*key),
            Command::Fund(paid) => Some(paid.key),
            Command::Register(_) | Command::Record(_) | Command::Bust(_) | Command::Expire => None,
        }
    }
}
