//! What can go wrong, in two words that never mix: an [`Error`] is a fault (a venue that cannot be reached), a
//! [`Rejection`] is an answer (this command is not legal now, and here is the value and the rule).
//!
//! Every rejection leaves the book exactly as it was (I12). It hands the command back, so that a caller can
//! correct it and try again, and it shows the position that stood in the way, if one did.

use std::fmt;

use rust_decimal::Decimal;

use crate::model::{
    ClientOrderId, Command, GroupName, Instrument, Position, PositionId, PositionKey, Price, Quantity,
    Sequence, Side, Symbol,
};

/// A typed refusal: which value broke which rule, what was asked, and what stands there now.
///
/// ```
/// use posbook::{Quantity, Reason};
///
/// let refused = "1e3".parse::<Quantity>().unwrap_err();
/// assert!(matches!(refused.reason(), Reason::Malformed { .. }));
/// assert!(refused.to_string().contains("1e3"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Rejection(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    reason: Reason,
    /// Where: the symbol, and the leg and owner if they say more.
    place: Option<String>,
    command: Option<Command>,
    standing: Option<Box<Position>>,
}

impl Rejection {
    /// The value and the rule.
    pub fn reason(&self) -> &Reason {
        &self.0.reason
    }

    /// The command that was refused, handed back. `None`: no command had been formed yet (a number did not parse).
    pub fn command(&self) -> Option<&Command> {
        self.0.command.as_ref()
    }

    /// The position that stood on the key when the command was refused. `None`: the key was flat.
    pub fn standing(&self) -> Option<&Position> {
        self.0.standing.as_deref()
    }

    pub(crate) fn of(mut self, command: &Command) -> Self {
        self.0.command = Some(command.clone());
        self
    }

    pub(crate) fn at(mut self, place: Option<(&Symbol, PositionKey)>) -> Self {
        self.0.place = place.map(|(symbol, key)| format!("{symbol}{}", key.detail()));
        self
    }

    pub(crate) fn with_standing(mut self, standing: Option<&Position>) -> Self {
        self.0.standing = standing.cloned().map(Box::new);
        self
    }
}

impl From<Reason> for Rejection {
    fn from(reason: Reason) -> Self {
        Self(Box::new(Inner { reason, place: None, command: None, standing: None }))
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.0.place {
            write!(f, "{place}: ")?;
        }
        self.0.reason.fmt(f)
    }
}

impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rejection").field(&self.0.reason).finish()
    }
}

impl std::error::Error for Rejection {}

/// Why a command or a value was refused. `Display` names the value and the rule in one line.
///
/// ```
/// use posbook::{InstrumentId, PositionKey, Reason};
///
/// let reason = Reason::NoPosition { key: PositionKey::net(InstrumentId(0)) };
/// assert_eq!(reason.to_string(), "no position");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // The fields are what the message prints.
pub enum Reason {
    // ---- numbers and names
    #[error("Invalid {what}: {text:?} {rule}")]
    Malformed { what: &'static str, text: String, rule: &'static str },
    #[error("Invalid {what}: {value} {rule}")]
    OutOfRange { what: &'static str, value: Decimal, rule: &'static str },
    #[error("Invalid {what}: {value} is not a multiple of the step {step}")]
    NotOnStep { what: &'static str, value: Decimal, step: Decimal },
    #[error("Invalid amount: {value} is below the instrument's minimum {minimum}")]
    BelowMinimum { value: Quantity, minimum: Quantity },
    #[error("Invalid symbol: {symbol:?} {rule}")]
    BadSymbol { symbol: String, rule: &'static str },
    #[error("{what} needs more digits than a decimal holds (28), or rounds to nothing; nothing was changed")]
    NumericRange { what: &'static str },

    #[error("{key}: funding of period {period} was booked as {booked} and is told as {told}")]
    FundingConflict { key: PositionKey, period: u64, booked: String, told: String },

    // ---- instruments
    #[error("unknown instrument {asked:?}; registered names that come near: {near:?}")]
    UnknownInstrument { asked: String, near: Vec<String> },
    #[error(
        "{symbol} is registered already and its {field} can never change under one id (contract size, kind and currencies are fixed)"
    )]
    InstrumentFixed { symbol: String, field: &'static str },
    #[error("the book is built for {capacity} instruments; raise Book::builder().instruments(..)")]
    TooManyInstruments { capacity: usize },
    #[error("{found} is not a leg of this instrument's position mode")]
    WrongLeg { key: PositionKey, found: &'static str },
    #[error("{symbol}: the position mode changes only when every key is flat and unreserved")]
    ModeInUse { symbol: String },

    // ---- positions and reservations
    #[error("a position already exists: {side} {quantity}")]
    AlreadyOpen { key: PositionKey, side: Side, quantity: Quantity },
    #[error("no position")]
    NoPosition { key: PositionKey },
    #[error("reserved by order {by}, which is unresolved; wait for it or resolve it")]
    AlreadyReserved { key: PositionKey, by: ClientOrderId },
    #[error("closing; increases are refused until it is flat or the closing is cancelled")]
    Closing { key: PositionKey },
    #[error(
        "orders on their way hold everything that is open; it is closing, and what becomes free is closed by update_positions"
    )]
    ClosesLater { key: PositionKey },
    #[error("in doubt about order {order}; new risk is refused until the venue says what became of it")]
    InDoubt { key: PositionKey, order: ClientOrderId },
    #[error("blocked for new risk: {why}")]
    Blocked { key: PositionKey, why: String },
    #[error("Invalid amount: {asked} was asked, {free} is left to reduce after what is in flight")]
    ReduceBeyond { key: PositionKey, asked: Quantity, free: Quantity },
    #[error("decided against position {expected}, but {found} stands there now")]
    OtherPosition { key: PositionKey, expected: PositionId, found: Found },
    #[error("decided against revision {expected}, the key is at {found} now")]
    OtherRevision { key: PositionKey, expected: Sequence, found: Sequence },
    #[error("cannot be corrected: {why}")]
    NotCorrectable { key: PositionKey, why: &'static str },
    #[error("the report on {symbol} was asked at sequence {asked}; the instrument changed at {changed}")]
    StaleReport { symbol: String, asked: Sequence, changed: Sequence },
    #[error("no order {order} is known here")]
    UnknownOrder { order: ClientOrderId },
    #[error("order {order} is {state}; it cannot be {wanted}")]
    OrderState { order: ClientOrderId, state: &'static str, wanted: &'static str },
    #[error(
        "order {order}: the venue's final figure {told} is below the {booked} whose fills are booked already"
    )]
    FinalBelowBooked { order: ClientOrderId, told: Quantity, booked: Quantity },
    #[error(
        "order {order}: the venue's final figure was {before}, and is said to be {told} now; Sent::corrected takes it back"
    )]
    FinalTakenBack { order: ClientOrderId, told: Quantity, before: Quantity },
    #[error("order {order} is fed by {found}; the two sources are never mixed for one order")]
    MixedSources { order: ClientOrderId, found: &'static str },
    #[error("{command} makes no reservation; use Book::apply")]
    NotAReservation { command: &'static str },
    #[error("{command} cannot be a part of a batch: it may not be refused on account of another command")]
    NotInABatch { command: &'static str },
    #[error("{command} makes a reservation; use Book::reserve, which hands out its handle")]
    NeedsReserve { command: &'static str },

    // ---- targets, marks, exits
    #[error("Invalid {which}: {value} must be {must} {reference} for a {side} position")]
    WrongSideTarget { which: &'static str, value: Price, must: &'static str, reference: Decimal, side: Side },
    #[error("Invalid stop loss: {to} would loosen the stop at {from}; ask for it with Retarget::loosen_stop")]
    StopLoosened { from: Price, to: String },
    #[error("{what}: the mark is stale or missing")]
    NoMark { what: String },
    #[error("the {what} that fired no longer stands")]
    ExitGone { key: PositionKey, what: &'static str },

    // ---- limits
    #[error("limit {which}: {value} would exceed {limit}")]
    Limit { which: &'static str, value: Decimal, limit: Decimal },
    #[error("limit {which} of the group {group}: {value} would exceed {limit}")]
    GroupLimit { group: GroupName, which: &'static str, value: Decimal, limit: Decimal },

    // ---- the journal
    #[error(
        "{lag} changes are not on the disk yet, more than {limit}; new risk is refused until the journal has caught up"
    )]
    JournalBehind { lag: u64, limit: u64 },
    #[error("the journal writes nothing any more: {why}; new risk is refused, restart the program to go on")]
    JournalFailed { why: String },
    #[error("not ready after a restart: {missing}; new risk is refused until then")]
    NotReady { missing: String },
}

/// What stands on a key where another position was expected.
///
/// ```
/// assert_eq!(posbook::Found::Flat.to_string(), "nothing");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing: the key is flat.
    Flat,
    /// Another life of the key.
    Position(PositionId),
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Found::Flat => f.write_str("nothing"),
            Found::Position(id) => write!(f, "position {id}"),
        }
    }
}

/// A fault, as opposed to an answer: something outside the rules of the book went wrong.
///
/// ```
/// let fault = posbook::Error::Venue { venue: "paper".into(), why: "timed out".into() };
/// assert_eq!(fault.to_string(), "the venue paper could not be asked: timed out");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The command is not legal now; nothing was changed.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Loads of the root cell returned another book's object eight times running (I13). Nothing was read or changed.
    #[error(
        "the root cell handed out another book's object {times} times running; see ARCHITECTURE.md, the root cell"
    )]
    ForeignRoot {
        /// How many loads in a row were foreign.
        times: u32,
    },
    /// Changes are not on the disk, and nothing says that they will be. They stand in the book all the same.
    #[error("changes up to {sequence} are not durable: {why}")]
    NotDurable {
        /// Up to which change was asked.
        sequence: Sequence,
        /// Why not.
        why: String,
    },
    /// The venue could not be asked, so nothing is known and nothing was changed.
    #[error("the venue {venue} could not be asked: {why}")]
    Venue {
        /// The venue's name.
        venue: String,
        /// What it or the network said.
        why: String,
    },
    /// The venue's position report failed or covers only a part: absence in it proves nothing (R10).
    #[error(
        "the position report of {venue} is {completeness}: {why}; a missing row in it was not taken for flat"
    )]
    Report {
        /// The venue's name.
        venue: String,
        /// `failed` or `partial`.
        completeness: &'static str,
        /// What the venue said.
        why: String,
    },
}

impl Reason {
    pub(crate) fn unknown_instrument<'a>(asked: &str, known: impl Iterator<Item = &'a Instrument>) -> Self {
        let wanted = skeleton(asked);
        let mut near: Vec<String> = known
            .map(|i| i.symbol().as_str())
            .filter(|name| {
                let name = skeleton(name);
                !wanted.is_empty()
                    && (name.contains(&wanted) || wanted.contains(&name) || shares_base(&name, &wanted))
            })
            .map(str::to_owned)
            .collect();
        near.sort();
        near.truncate(5);
        Self::UnknownInstrument { asked: shorten(asked), near }
    }
}

/// Letters and digits only, upper case: `BTC/USDT:USDT` and `btc-usdt` come near each other.
fn skeleton(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).take(64).map(|c| c.to_ascii_uppercase()).collect()
}

fn shares_base(a: &str, b: &str) -> bool {
    a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count() >= 3
}

/// At most 40 characters of what was given, so that a 10 MB string does not end up in a log line.
pub(crate) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
