//! Wishes, not yet legal. A command is data, never a closure: it can be retried, stored with the change it caused,
//! and asked again later against the same state.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::exit::{Exit, ExitRule};
use super::fill::Fill;
use super::ids::{ClientOrderId, PositionId, Sequence, Timestamp};
use super::instrument::Instrument;
use super::key::{PositionKey, Side};
use super::number::{Fraction, Leverage, Price, Quantity};
use super::plan::{ExitPlan, Replan};
use super::position::TargetRule;
use crate::error::Rejection;

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
        !matches!(self, Command::Register(_) | Command::Record(_) | Command::Step { .. } | Command::Expire)
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
            Command::Record(_) => "fill",
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
        }
    }

    /// Why, in the words of whoever asked; empty if nothing was said.
    pub fn reason(&self) -> &str {
        match self {
            Command::ScaleOut(r) | Command::Close(r) => &r.reason,
            Command::Retarget(r) => &r.reason,
            Command::Plan(p) => &p.reason,
            Command::Drop(d) => &d.reason,
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
            Command::Adopt(c) => Some(c.key),
            Command::Drop(c) => Some(c.key),
            Command::Step { key, .. }
            | Command::Trail { key, .. }
            | Command::Quarantine { key, .. }
            | Command::Confirm { key, .. }
            | Command::Accept { key, .. }
            | Command::StartClosing { key, .. }
            | Command::CancelClosing { key, .. }
            | Command::Expect { key, .. } => Some(*key),
            Command::Register(_) | Command::Record(_) | Command::Expire => None,
        }
    }
}

/// What must stand on the key for a command to be legal, beyond its own rules: decided from a snapshot, checked again
/// where the command lands. Identity, not existence (decision 6).
///
/// ```
/// assert_eq!(posbook::Precondition::default(), posbook::Precondition::Nothing);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precondition {
    /// Nothing more than the command itself asks.
    #[default]
    Nothing,
    /// This life of the key, whatever happened to it since.
    Position(PositionId),
    /// Nothing at all happened on the key since this revision ([`KeyState::revision`](crate::KeyState)).
    Revision(Sequence),
    /// Nothing is open there, and no order is unresolved.
    Absent,
}

macro_rules! conditions {
    ($name:ident) => {
        impl $name {
            /// Refuse the command unless this life of the key stands there.
            #[must_use]
            pub fn expect_position(mut self, id: PositionId) -> Self {
                self.expect = Precondition::Position(id);
                self
            }

            /// Refuse the command if anything happened on the key since this revision.
            #[must_use]
            pub fn expect_revision(mut self, revision: Sequence) -> Self {
                self.expect = Precondition::Revision(revision);
                self
            }
        }

        impl From<$name> for Command {
            fn from(wish: $name) -> Self {
                wish.into_command()
            }
        }
    };
}

macro_rules! timed {
    ($name:ident) => {
        impl $name {
            /// How long the order may take before it counts as overdue and goes in doubt. Default: the book's.
            #[must_use]
            pub fn patience(mut self, patience: Duration) -> Self {
                self.patience = Some(patience);
                self
            }
        }
    };
}

/// Open a flat key. Made by [`Command::open`].
///
/// ```
/// use posbook::{Command, InstrumentId, Side};
///
/// let wish = Command::open(InstrumentId(0), Side::Short, "2".parse()?).leverage(5).stop("0.02")?.at("3000".parse()?);
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Opening {
    /// Which key.
    pub key: PositionKey,
    /// Long or short.
    pub side: Side,
    /// Contracts.
    pub quantity: Quantity,
    /// `None`: not stated; the position's leverage is unknown then.
    pub leverage: Option<Leverage>,
    /// How its targets follow from the fill. `None`: the book's default rule.
    pub rule: Option<TargetRule>,
    /// How the position is to be left besides. `None`: the book's default plan.
    pub exits: Option<Arc<ExitPlan>>,
    /// The price at which limits value it. `None`: the fresh mark.
    pub reference: Option<Price>,
    /// What must stand there.
    pub expect: Precondition,
    /// How long it may take. `None`: the book's default.
    pub patience: Option<Duration>,
}

impl Opening {
    /// Leverage in whole times; the legal range is a limit of the book.
    #[must_use]
    pub fn leverage(mut self, times: u16) -> Self {
        self.leverage = Some(Leverage::of(times));
        self
    }

    /// A stop loss at this fraction of the fill and a take profit twice as far (the predecessor's rule).
    ///
    /// # Errors
    /// The fraction does not parse. Whether it is legal (0 < f < 1) is asked when the command is decided.
    pub fn stop(mut self, fraction: &str) -> Result<Self, Rejection> {
        self.rule = Some(TargetRule::stop_fraction(fraction.parse()?));
        Ok(self)
    }

    /// How the targets follow from the fill.
    #[must_use]
    pub fn rule(mut self, rule: TargetRule) -> Self {
        self.rule = Some(rule);
        self
    }

    /// How the position is to be left besides: trailing, break-even, tiers, age. Whether it makes sense is asked when
    /// the command is decided.
    #[must_use]
    pub fn exits(mut self, plan: ExitPlan) -> Self {
        self.exits = Some(Arc::new(plan));
        self
    }

    /// The price at which limits value the order while it is in flight.
    #[must_use]
    pub fn at(mut self, reference: Price) -> Self {
        self.reference = Some(reference);
        self
    }

    fn into_command(self) -> Command {
        Command::Open(self)
    }
}

conditions!(Opening);
timed!(Opening);

/// Add to a position. Made by [`Command::scale_in`].
///
/// ```
/// use posbook::{Command, InstrumentId};
///
/// let wish = Command::scale_in(InstrumentId(0), "0.5".parse()?).at("51000".parse()?);
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Addition {
    /// Which key.
    pub key: PositionKey,
    /// Contracts.
    pub quantity: Quantity,
    /// The price at which limits value it. `None`: the fresh mark.
    pub reference: Option<Price>,
    /// What must stand there.
    pub expect: Precondition,
    /// How long it may take. `None`: the book's default.
    pub patience: Option<Duration>,
}

impl Addition {
    /// The price at which limits value the order while it is in flight.
    #[must_use]
    pub fn at(mut self, reference: Price) -> Self {
        self.reference = Some(reference);
        self
    }

    fn into_command(self) -> Command {
        Command::ScaleIn(self)
    }
}

conditions!(Addition);
timed!(Addition);

/// How much of a position to take off.
///
/// ```
/// let half = posbook::Amount::Share("0.5".parse()?);
/// assert_ne!(half, posbook::Amount::Exactly("0.5".parse()?));
/// # Ok::<(), posbook::Rejection>(())
/// ```
///
/// A fraction is never a price, and a price never a fraction (D17):
///
/// ```compile_fail
/// let price: posbook::Price = "0.25".parse()?;
/// let wrong = posbook::Amount::Share(price);
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// This many contracts.
    Exactly(Quantity),
    /// Whatever is not in flight to be reduced already.
    All,
    /// This share of it, rounded down to the quantity step, but no less than the instrument's minimum; all of it if what
    /// stays would be below the minimum, where no order could take it off any more (R18).
    Share(Fraction),
}

/// Reduce or close a position. Made by [`Command::scale_out`] and [`Command::close`].
///
/// ```
/// use posbook::{Command, InstrumentId};
///
/// let wish = Command::close(InstrumentId(0)).because("end of day");
/// assert_eq!(Command::from(wish).reason(), "end of day");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reduction {
    /// Which key.
    pub key: PositionKey,
    /// How much.
    pub amount: Amount,
    /// What must stand there.
    pub expect: Precondition,
    /// Why, for the audit trail.
    pub reason: String,
    /// The exit that fired, if one did: refused if it no longer stands (R16).
    pub exit: Option<Exit>,
    /// How long it may take. `None`: the book's default.
    pub patience: Option<Duration>,
}

impl Reduction {
    fn new(key: PositionKey, amount: Amount) -> Self {
        Self { key, amount, expect: Precondition::Nothing, reason: String::new(), exit: None, patience: None }
    }

    /// Why, for the audit trail.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    /// The exit that fired.
    #[must_use]
    pub fn exit(mut self, exit: Exit) -> Self {
        self.expect = Precondition::Position(exit.position);
        self.exit = Some(exit);
        self
    }

    fn into_command(self) -> Command {
        match self.amount {
            Amount::Exactly(_) | Amount::Share(_) => Command::ScaleOut(self),
            Amount::All => Command::Close(self),
        }
    }
}

conditions!(Reduction);
timed!(Reduction);

/// What became of an order (R6).
///
/// ```
/// assert_eq!(posbook::OrderStep::Sent.name(), "send");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStep {
    /// It is about to leave.
    Sent,
    /// It never left: the claim is released.
    Release,
    /// The venue has it; so much of it is filled so far.
    Working {
        /// The venue's cumulative figure.
        filled: Quantity,
    },
    /// The venue is done with it.
    Complete {
        /// The venue's final cumulative figure.
        filled: Quantity,
    },
    /// The venue refused or cancelled it.
    Refused {
        /// The venue's final cumulative figure; a cancelled order may have filled in part.
        filled: Quantity,
        /// What the venue said.
        reason: String,
    },
    /// The venue takes back a final figure that it had stated: only ever by hand, because a lagging replica says less too.
    Corrected {
        /// The figure that holds; not below what is booked.
        filled: Quantity,
        /// How that is known.
        reason: String,
    },
    /// Nobody knows.
    Doubt {
        /// Why not.
        why: String,
    },
    /// The venue knows no such order. It counts only if the question was asked after the order's own expiry, and only
    /// when a question asked after that answer gets the same one (R1); an order that the venue has known never ends
    /// this way.
    Unknown {
        /// The book's sequence before the venue was asked.
        asked: Sequence,
        /// The book's clock before the venue was asked.
        time: Timestamp,
    },
}

impl OrderStep {
    /// In one word.
    pub const fn name(&self) -> &'static str {
        match self {
            OrderStep::Sent => "send",
            OrderStep::Release => "release",
            OrderStep::Working { .. } => "working",
            OrderStep::Complete { .. } => "complete",
            OrderStep::Refused { .. } => "refuse",
            OrderStep::Corrected { .. } => "correct",
            OrderStep::Doubt { .. } => "doubt",
            OrderStep::Unknown { .. } => "unknown",
        }
    }
}

/// Stop loss and take profit together.
///
/// ```
/// let none = posbook::Targets::default();
/// assert!(none.stop.is_none() && none.take.is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Targets {
    /// Stop loss. `None`: there is none.
    pub stop: Option<Price>,
    /// Take profit. `None`: there is none.
    pub take: Option<Price>,
}

/// What a change of targets does with one of them. Three words, because "not given" and "remove" are different.
///
/// ```
/// assert_eq!(posbook::Field::default(), posbook::Field::Keep);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Leave it.
    #[default]
    Keep,
    /// Set it.
    Set(Price),
    /// Remove it.
    Remove,
}

/// Whether a stop may move away from the market (R16).
///
/// ```
/// assert_eq!(posbook::Ratchet::default(), posbook::Ratchet::Tighten);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ratchet {
    /// Only towards the market.
    #[default]
    Tighten,
    /// Anywhere legal, removal included: said explicitly.
    Loosen,
}

/// Change targets. Made by [`Command::retarget`].
///
/// ```
/// use posbook::{Command, InstrumentId};
///
/// let wish = Command::retarget(InstrumentId(0)).stop("48000".parse()?).because("trailing");
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Retarget {
    /// Which key.
    pub key: PositionKey,
    /// What must stand there.
    pub expect: Precondition,
    /// What to do with the stop loss.
    pub stop: Field,
    /// What to do with the take profit.
    pub take: Field,
    /// Whether the stop may be loosened.
    pub ratchet: Ratchet,
    /// Why, for the audit trail.
    pub reason: String,
}

impl Retarget {
    /// Set the stop loss.
    #[must_use]
    pub fn stop(mut self, price: Price) -> Self {
        self.stop = Field::Set(price);
        self
    }

    /// Set the take profit.
    #[must_use]
    pub fn take(mut self, price: Price) -> Self {
        self.take = Field::Set(price);
        self
    }

    /// Remove the take profit.
    #[must_use]
    pub fn remove_take(mut self) -> Self {
        self.take = Field::Remove;
        self
    }

    /// Set the stop loss wherever it is legal, away from the market too.
    #[must_use]
    pub fn loosen_stop(mut self, to: Field) -> Self {
        self.stop = to;
        self.ratchet = Ratchet::Loosen;
        self
    }

    /// Why, for the audit trail.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    fn into_command(self) -> Command {
        Command::Retarget(self)
    }
}

conditions!(Retarget);

/// Take over a position that only the venue has, as its report showed it (R8).
///
/// ```
/// use posbook::{Adoption, InstrumentId, PositionKey, Sequence, Side};
///
/// let found = Adoption {
///     key: PositionKey::net(InstrumentId(0)), side: Side::Long, quantity: "1".parse()?, entry: "50000".parse()?,
///     leverage: None, rule: None, asked: Sequence(0), report_time: None,
/// };
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Adoption {
    /// Where it belongs.
    pub key: PositionKey,
    /// Long or short.
    pub side: Side,
    /// Contracts.
    pub quantity: Quantity,
    /// Its average entry, as the venue states it.
    pub entry: Price,
    /// As the venue states it. `None`: it does not.
    pub leverage: Option<Leverage>,
    /// How its targets follow from the *current* price. `None`: the book's default rule.
    pub rule: Option<TargetRule>,
    /// The book's sequence before the venue was asked: refused if the instrument changed since (R8).
    pub asked: Sequence,
    /// The venue's time of the report; the baseline of the slot. `None`: the venue states none.
    pub report_time: Option<Timestamp>,
}

/// Remove a position that the venue does not have (R10). Its cost goes to `unexplained`, and stays there until the fills
/// that closed it come.
///
/// ```
/// use posbook::{Command, DropPosition, InstrumentId, PositionId, PositionKey, Sequence};
///
/// let gone = DropPosition {
///     key: PositionKey::net(InstrumentId(0)), position: PositionId { epoch: 1, sequence: Sequence(9) },
///     asked: Sequence(12), report_time: None, reason: "not on the venue".into(),
/// };
/// assert_eq!(Command::Drop(gone).name(), "drop");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DropPosition {
    /// Which key.
    pub key: PositionKey,
    /// Which life of it.
    pub position: PositionId,
    /// The book's sequence before the venue was asked: refused if the instrument changed since (R8).
    pub asked: Sequence,
    /// The venue's time of the report: fills from before it, come late, move no quantity any more. `None`: it states none.
    pub report_time: Option<Timestamp>,
    /// Why.
    pub reason: String,
}
