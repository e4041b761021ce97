//! What happened: changes, and the record of a key that they leave behind.
//!
//! A change carries its cause (the command and what was observed) and the *resulting* record, so folding changes
//! never redoes arithmetic; asking `decide` again with the stored cause does (decision 1).

use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::baseline::Baseline;
use super::command::Command;
use super::fill::{Fill, FillNote, Notes};
use super::ids::{ClientOrderId, Sequence, Timestamp};
use super::instrument::{Instrument, InstrumentId};
use super::key::PositionKey;
use super::ledger::{Ledger, few};
use super::number::{Price, Quantity};
use super::order::Order;
use super::position::Position;

/// A mark as it was when a command was decided.
///
/// ```
/// use posbook::{InstrumentId, ObservedMark, Timestamp};
///
/// let mark = ObservedMark { instrument: InstrumentId(0), price: "50000".parse()?, time: Timestamp::from_millis(1) };
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ObservedMark {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// The price.
    pub price: Price,
    /// When it was received.
    pub time: Timestamp,
}

/// Everything `decide` sees that is not state: sampled once, before the loop, and stored with the command as the
/// cause, so that the same question can be asked again later (R11).
///
/// ```
/// let nothing = posbook::Observed::default();
/// assert!(nothing.marks.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Observed {
    /// The book's clock.
    pub time: Timestamp,
    /// The fresh marks of the instruments concerned; a stale one is not here.
    pub marks: SmallVec<[ObservedMark; 1]>,
}

impl Observed {
    /// The fresh mark of an instrument. `None`: there is none, or it is stale.
    pub fn mark(&self, instrument: InstrumentId) -> Option<Price> {
        self.marks.iter().find(|m| m.instrument == instrument).map(|m| m.price)
    }
}

/// Why a change happened: what was asked, and what was seen.
///
/// ```
/// use posbook::{Cause, Command, Observed};
///
/// let cause = Cause { command: Command::Expire, then: vec![], observed: Observed::default() };
/// assert_eq!(cause.command.name(), "expire");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cause {
    /// What was asked; of a batch, its first command.
    pub command: Command,
    /// The commands of a batch after the first. Empty: it was no batch.
    pub then: Vec<Command>,
    /// What was seen.
    pub observed: Observed,
}

impl Cause {
    /// Every command, in order.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        std::iter::once(&self.command).chain(&self.then)
    }
}

/// Which group of changes one belongs to: `count` of them from `first` on were published together and are never cut
/// (R14).
///
/// ```
/// use posbook::{Sequence, Unit};
///
/// let flip = Unit { first: Sequence(7), count: 2 };
/// assert_eq!(flip.last(), Sequence(8));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Unit {
    /// The first sequence.
    pub first: Sequence,
    /// How many.
    pub count: u32,
}

impl Unit {
    /// The last sequence.
    pub fn last(self) -> Sequence {
        self.first.after(u64::from(self.count).saturating_sub(1))
    }
}

/// One thing that happened.
///
/// ```
/// use posbook::{Book, Instrument, Kind};
///
/// let book = Book::builder().build()?;
/// let mut changes = book.changes();
/// book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// let published = changes.try_next().ok_or("nothing published")??;
/// assert_eq!(published[0].kind(), Kind::Registered);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Change {
    /// Its place in the one order of everything (I4).
    pub sequence: Sequence,
    /// The book's clock when it was decided. Data, not order.
    pub time: Timestamp,
    /// What it was published with.
    pub unit: Unit,
    /// Why.
    pub cause: Arc<Cause>,
    /// Which command of its cause it answers: 0, unless that was a batch.
    pub part: u32,
    /// What it left behind.
    pub effect: Effect,
}

impl Change {
    /// The command that it answers.
    pub fn command(&self) -> &Command {
        // Part 0 is the command itself; a part that is not there (a damaged record) is read as part 0.
        let place = usize::try_from(self.part).ok().and_then(|part| part.checked_sub(1));
        place.and_then(|place| self.cause.then.get(place)).unwrap_or(&self.cause.command)
    }

    /// What happened, in one word.
    pub fn kind(&self) -> Kind {
        match &self.effect {
            Effect::Instrument { .. } => Kind::Registered,
            Effect::Key { kind, .. } => *kind,
            Effect::Stray { .. } => Kind::Unbooked,
        }
    }

    /// The key it happened on. `None`: it is about an instrument, or a fill of an unknown one.
    pub fn key(&self) -> Option<PositionKey> {
        match &self.effect {
            Effect::Key { after, .. } => Some(after.key),
            Effect::Instrument { .. } | Effect::Stray { .. } => None,
        }
    }

    /// The instrument it concerns. `None`: one that is not registered.
    pub(crate) fn instrument(&self) -> Option<InstrumentId> {
        match &self.effect {
            Effect::Instrument { id, .. } => Some(*id),
            Effect::Key { after, .. } => Some(after.key.instrument),
            Effect::Stray { .. } => None,
        }
    }

    /// The money of its key before and after. `None`: it is about no key.
    pub(crate) fn ledgers(&self) -> Option<(Ledger, Ledger)> {
        match &self.effect {
            Effect::Key { before, after, .. } => {
                Some((before.as_ref().map(|b| b.ledger.clone()).unwrap_or_default(), after.ledger.clone()))
            }
            Effect::Instrument { .. } | Effect::Stray { .. } => None,
        }
    }

    /// The position before and after; `None` in either place: flat.
    pub fn positions(&self) -> (Option<&Position>, Option<&Position>) {
        match &self.effect {
            Effect::Key { before, after, .. } => {
                (before.as_ref().and_then(|b| b.position.as_ref()), after.position.as_ref())
            }
            Effect::Instrument { .. } | Effect::Stray { .. } => (None, None),
        }
    }
}

/// What a change left behind. Applying it is putting this in place: no arithmetic.
///
/// ```
/// use posbook::{Effect, Instrument, InstrumentId};
///
/// let effect = Effect::Instrument {
///     id: InstrumentId(0),
///     instrument: Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?.into(),
/// };
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effect {
    /// An instrument as it is known from here on.
    Instrument {
        /// Its id.
        id: InstrumentId,
        /// Its definition.
        instrument: Arc<Instrument>,
    },
    /// A key as it stands from here on.
    Key {
        /// What happened.
        kind: Kind,
        /// As it stood. `None`: nothing had ever happened on it.
        before: Option<Arc<KeyState>>,
        /// As it stands.
        after: Arc<KeyState>,
        /// The fill that was taken note of, so that it is recognised when it comes again (R3).
        seen: Option<Seen>,
        /// What was remarkable about it.
        notes: Notes,
    },
    /// A fill of an instrument that is not registered: kept, counted, not booked (R4).
    Stray {
        /// What the venue sent.
        fill: Arc<Fill>,
        /// What was taken note of.
        seen: Seen,
        /// Why it could not be booked.
        why: String,
    },
}

/// What happened, in one word.
///
/// ```
/// assert_eq!(posbook::Kind::ScaledIn.to_string(), "scaled in");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// An instrument became known or was revised.
    Registered,
    /// An order claims the key.
    Reserved,
    /// It is about to leave.
    Sent,
    /// The venue works on it.
    Working,
    /// The venue is done with it; fills are missing.
    Settling,
    /// It is finished: every fill of it is booked.
    Settled,
    /// It never left.
    Released,
    /// Nobody knows what became of it.
    InDoubt,
    /// The venue says, after the order's expiry, that it knows no such order; once more, and it never arrived (R1).
    Unheard,
    /// The venue said so twice: it never arrived, and is gone.
    NeverArrived,
    /// A fill opened a position.
    Opened,
    /// A fill added to it.
    ScaledIn,
    /// A fill reduced it.
    ScaledOut,
    /// A fill closed it.
    Closed,
    /// Funding was paid or received.
    Funded,
    /// A fill from before an adoption or a drop: its money was booked, its quantity was in the report (R8).
    Replaced,
    /// A fill was taken note of but not booked: too old to tell, in conflict, or not foldable (R3, R4).
    Unbooked,
    /// Targets changed.
    Retargeted,
    /// The stop followed the mark, or began to.
    Trailed,
    /// The exit plan changed.
    Replanned,
    /// A position of the venue was taken over.
    Adopted,
    /// A position that the venue does not have was removed.
    Dropped,
    /// The key was frozen.
    Quarantined,
    /// Reports agreed with it: what was doubtful about its quantity is not any more (R10).
    Confirmed,
    /// The key was taken as it stands.
    Accepted,
    /// It closes from here on, as far as something becomes free.
    Closing,
    /// Its closing was called off.
    ClosingCancelled,
    /// A fill was taken back that the venue has cancelled.
    Busted,
    /// The venue's word was taken on the size or the leverage of its position.
    Corrected,
    /// A mark moved the best or the worst unrealised profit of a life.
    Reached,
    /// The tags of a position were replaced.
    Tagged,
}

impl Kind {
    /// Whether only something of our own was written down, what a mark said or what a position is called by: nothing that a
    /// venue could report is another (R8).
    pub(crate) const fn only_notes(self) -> bool {
        matches!(self, Kind::Reached | Kind::Tagged)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Kind::Registered => "registered",
            Kind::Reserved => "reserved",
            Kind::Sent => "sent",
            Kind::Working => "working",
            Kind::Settling => "settling",
            Kind::Settled => "settled",
            Kind::Released => "released",
            Kind::InDoubt => "in doubt",
            Kind::Unheard => "unheard of",
            Kind::NeverArrived => "never arrived",
            Kind::Opened => "opened",
            Kind::ScaledIn => "scaled in",
            Kind::ScaledOut => "scaled out",
            Kind::Closed => "closed",
            Kind::Funded => "funded",
            Kind::Replaced => "replaced",
            Kind::Unbooked => "unbooked",
            Kind::Retargeted => "retargeted",
            Kind::Trailed => "trailed",
            Kind::Replanned => "replanned",
            Kind::Adopted => "adopted",
            Kind::Dropped => "dropped",
            Kind::Quarantined => "quarantined",
            Kind::Confirmed => "confirmed",
            Kind::Accepted => "accepted",
            Kind::Closing => "closing",
            Kind::ClosingCancelled => "closing cancelled",
            Kind::Busted => "busted",
            Kind::Corrected => "corrected",
            Kind::Reached => "reached",
            Kind::Tagged => "tagged",
        })
    }
}

/// A fill that was taken note of: two fingerprints, of its identity (instrument, order, trade id) and of its content,
/// and the venue's time. 128 bits of identity: two different fills of one instrument share one with a chance below
/// 1e-30 for the few that are remembered.
///
/// ```
/// let seen = posbook::Seen { identity: 1, content: 2, venue_time: None };
/// assert_eq!(seen, seen.clone());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Seen {
    /// Of (order, trade id) or (order, cumulative quantity).
    pub identity: u128,
    /// Of side, quantity, price and fees.
    pub content: u64,
    /// The venue's time of it.
    pub venue_time: Option<Timestamp>,
}

/// Everything that stands at one key: the position, the orders that claim it, the money that moved, and what is wrong.
/// An immutable value; it outlives the position (flat means no position, not no record).
///
/// ```
/// use posbook::{InstrumentId, KeyState, PositionKey};
///
/// let flat = KeyState::flat(PositionKey::net(InstrumentId(0)));
/// assert!(flat.position.is_none() && flat.orders.is_empty() && flat.blocked().is_none());
/// ```
#[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct KeyState {
    /// Which key.
    pub key: PositionKey,
    /// The change that made this value.
    pub revision: Sequence,
    /// `None`: flat.
    pub position: Option<Position>,
    /// Unresolved orders of ours.
    pub orders: SmallVec<[Arc<Order>; 1]>,
    /// The key is being closed, and stays so until it is flat (R7).
    pub closing: Option<Closing>,
    /// The money of all its lives.
    pub ledger: Ledger,
    /// What is wrong here. Each blocks new risk until it is resolved or accepted.
    pub troubles: SmallVec<[Arc<Trouble>; 1]>,
    /// The report it was last adopted or dropped by, and what late fills have not explained of that yet (R8).
    pub baseline: Option<Arc<Baseline>>,
}

impl Clone for KeyState {
    /// Every change begins with one of these.
    fn clone(&self) -> Self {
        Self {
            key: self.key,
            revision: self.revision,
            position: self.position.clone(),
            orders: few(&self.orders),
            closing: self.closing.clone(),
            ledger: self.ledger.clone(),
            troubles: few(&self.troubles),
            baseline: self.baseline.clone(),
        }
    }
}

impl KeyState {
    /// A key on which nothing ever happened.
    pub fn flat(key: PositionKey) -> Self {
        Self {
            key,
            revision: Sequence(0),
            position: None,
            orders: SmallVec::new(),
            closing: None,
            ledger: Ledger::default(),
            troubles: SmallVec::new(),
            baseline: None,
        }
    }

    /// The order of this name, if it is unresolved here.
    pub fn order(&self, id: ClientOrderId) -> Option<&Order> {
        self.orders.iter().find(|o| o.client_id == id).map(|o| &**o)
    }

    /// What is left of the position after every reduction in flight (I2).
    pub fn free(&self) -> Quantity {
        let in_flight = self.orders.iter().filter(|o| !o.intent.increases());
        let open = self.position.as_ref().map_or(Quantity::ZERO, |p| p.quantity);
        in_flight.fold(open, |free, order| free.less(order.remaining()))
    }

    /// The first order whose outcome is unknown.
    pub fn doubt(&self) -> Option<&Order> {
        self.orders.iter().find(|o| o.in_doubt()).map(|o| &**o)
    }

    /// The first thing that is wrong here.
    pub fn blocked(&self) -> Option<&Trouble> {
        self.troubles.first().map(|t| &**t)
    }
}

/// A close that has been asked for (R7).
///
/// ```
/// let closing = posbook::Closing { cause: "stop loss".into(), since: posbook::Sequence(4) };
/// assert_eq!(closing.cause, "stop loss");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Closing {
    /// Why.
    pub cause: String,
    /// Since which change.
    pub since: Sequence,
}

/// Something wrong with a key.
///
/// ```
/// use posbook::{Sequence, Trouble, TroubleKind};
///
/// let trouble = Trouble { kind: TroubleKind::Quarantined, since: Sequence(3), detail: "sizes differ".into(), order: None };
/// assert_eq!(trouble.to_string(), "quarantined: sizes differ");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Trouble {
    /// What kind.
    pub kind: TroubleKind,
    /// Since which change.
    pub since: Sequence,
    /// The value concerned.
    pub detail: String,
    /// The order whose final figure settles it, if there is one (R3).
    pub order: Option<ClientOrderId>,
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            TroubleKind::AfterFinal => "a fill came after its order was finished",
            TroubleKind::TooOldToTell => "a fill is too old to tell from one already booked",
            TroubleKind::FillConflict => "a fill came again with other content",
            TroubleKind::Unbooked => "a fill could not be booked",
            TroubleKind::Unprotected => "the position has no rule for its targets",
            TroubleKind::Quarantined => "quarantined",
        };
        write!(f, "{kind}: {}", self.detail)
    }
}

/// What kind of thing is wrong with a key.
///
/// ```
/// assert_ne!(posbook::TroubleKind::AfterFinal, posbook::TroubleKind::Unbooked);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TroubleKind {
    /// A fill was booked for an order that the venue had called final (R2).
    AfterFinal,
    /// A fill below the watermark that is not in the ring: neither booked nor dropped (R3).
    TooOldToTell,
    /// The same identity with other content (R3).
    FillConflict,
    /// A fill that could not be folded (R4).
    Unbooked,
    /// A position born without a rule for its targets, or without a mark to set them by (R5).
    Unprotected,
    /// Frozen by reconciliation or by hand (R10).
    Quarantined,
}

impl TroubleKind {
    /// Whether reports that agree with the book end it: what was doubtful is the quantity, and a venue that has the same
    /// answers that (R10). A position without protection has none, whatever the venue says.
    pub const fn ends_by_agreement(self) -> bool {
        !matches!(self, TroubleKind::Unprotected)
    }
}

/// What one compare-and-swap published: 1..k changes with consecutive sequences, never cut (R14). Cheap to clone.
///
/// ```
/// use posbook::{Book, Instrument};
///
/// let book = Book::builder().build()?;
/// let mut changes = book.changes();
/// book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// let unit = changes.try_next().ok_or("nothing")??;
/// assert_eq!((unit.first(), unit.last(), unit.len()), (posbook::Sequence(1), posbook::Sequence(1), 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Publication(Arc<[Change]>);

impl Publication {
    /// Stamps effects, each with the part of the cause it answers, with the sequences after `base` and with their cause.
    /// `None`: nothing happened.
    pub(crate) fn stamp(
        base: Sequence,
        cause: &Arc<Cause>,
        effects: impl ExactSizeIterator<Item = (u32, Effect)>,
    ) -> Option<Self> {
        let unit =
            Unit { first: base.after(1), count: u32::try_from(effects.len()).ok().filter(|n| *n > 0)? };
        let mut sequence = base;
        let mut stamped = effects.map(|(part, effect)| {
            sequence = sequence.after(1);
            Change { sequence, time: cause.observed.time, unit, cause: Arc::clone(cause), part, effect }
        });
        // Almost always one: then it is allocated in one piece.
        Some(Self(match (stamped.next(), stamped.next()) {
            (Some(only), None) => Arc::new([only]),
            (first, second) => first.into_iter().chain(second).chain(stamped).collect(),
        }))
    }

    /// Whether the two are one and the same, not only equal.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The sequence of its first change.
    pub fn first(&self) -> Sequence {
        self.0.first().map_or(Sequence(0), |c| c.sequence)
    }

    /// What its first change was.
    pub(crate) fn first_kind(&self) -> Option<Kind> {
        self.0.first().map(Change::kind)
    }

    /// The sequence of its last change, which the root published with it carries.
    pub fn last(&self) -> Sequence {
        self.0.last().map_or(Sequence(0), |c| c.sequence)
    }
}

impl Deref for Publication {
    type Target = [Change];

    fn deref(&self) -> &[Change] {
        &self.0
    }
}

impl Effect {
    /// What was remarkable about a fill.
    pub fn notes(&self) -> &[FillNote] {
        match self {
            Effect::Key { notes, .. } => notes,
            Effect::Instrument { .. } | Effect::Stray { .. } => &[],
        }
    }
}
