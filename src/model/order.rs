//! A reservation as state: the claim of one order on one key, from before it leaves until its last fill (R6).

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::exit::Exit;
use super::ids::{ClientOrderId, PositionId, Sequence, Timestamp};
use super::key::{OrderSide, PositionKey};
use super::ledger::money;
use super::number::{Leverage, Price, Quantity};
use super::plan::ExitPlan;
use super::position::TargetRule;
use super::tags::Tags;

/// What an order is for.
///
/// ```
/// use posbook::Intent;
///
/// assert!(Intent::ScaleIn.increases() && !Intent::Close.increases());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// Open a flat key.
    Open,
    /// Add to a position.
    ScaleIn,
    /// Reduce a position.
    ScaleOut,
    /// Reduce it to nothing.
    Close,
}

impl Intent {
    /// Whether a fill adds exposure.
    pub const fn increases(self) -> bool {
        matches!(self, Intent::Open | Intent::ScaleIn)
    }
}

/// Where an order stands (R6): `Reserved -> Sent -> (Working, fills)* -> settling -> gone`, and in doubt whenever the
/// venue's outcome is unknown.
///
/// ```
/// assert_ne!(posbook::OrderState::Reserved, posbook::OrderState::Sent);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Published; the venue has not been called.
    Reserved,
    /// The venue is being called.
    Sent,
    /// The venue has it and works on it.
    Working,
    /// The venue is done with it at this cumulative figure; its fills are not all booked yet.
    Settling(Quantity),
    /// Nobody knows what the venue did. Blocks new risk on the key until the venue says (R1).
    InDoubt(String),
}

impl OrderState {
    /// In one or two words.
    pub const fn name(&self) -> &'static str {
        match self {
            OrderState::Reserved => "reserved",
            OrderState::Sent => "sent",
            OrderState::Working => "working",
            OrderState::Settling(_) => "settling",
            OrderState::InDoubt(_) => "in doubt",
        }
    }
}

/// Whether the venue has ever said a word about an order (R1).
///
/// ```
/// assert_ne!(posbook::Heard::NotYet, posbook::Heard::Known);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heard {
    /// Nothing.
    NotYet,
    /// After the order's own expiry, that it knows no such order; noted in this change. Said once more by an answer
    /// that was asked for later, the order never arrived.
    UnknownSince(Sequence),
    /// It worked on it, filled of it, or stated a figure: an order that arrived is ended by its final figure alone.
    Known,
}

/// From which kind of message an order's fills are booked; never both (R2).
///
/// ```
/// assert_ne!(posbook::FillSource::Trades, posbook::FillSource::Cumulative);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FillSource {
    /// Nothing booked yet.
    Open,
    /// Single fills with trade ids.
    Trades,
    /// Cumulative figures of the order.
    Cumulative,
}

/// An unresolved order of ours: what it claims, what of it is booked, and how long it may take.
///
/// ```
/// use posbook::{Book, Command, Instrument, Side};
///
/// let book = Book::builder().build()?;
/// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// let reservation = book.reserve(Command::open(btc, Side::Long, "1".parse()?).at("50000".parse()?))?;
/// let orders: Vec<_> = book.snapshot().orders().map(|o| o.remaining().to_string()).collect();
/// assert_eq!(orders, ["1"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its name at the venue.
    pub client_id: ClientOrderId,
    /// The key it claims.
    pub key: PositionKey,
    /// What it is for.
    pub intent: Intent,
    /// Buy or sell.
    pub side: OrderSide,
    /// What was asked for, in contracts.
    pub quantity: Quantity,
    /// The price at which limits value it while it is in flight (R13). `None` for reductions, which need none.
    pub reference: Option<Price>,
    /// For a new position.
    pub leverage: Option<Leverage>,
    /// The targets of a new position.
    pub rule: Option<TargetRule>,
    /// The exit plan of a new position.
    pub exits: Option<Arc<ExitPlan>>,
    /// The exit that it carries out: a tier is given back if nothing of it fills (R16).
    pub exit: Option<Exit>,
    /// The life it was decided against. `None`: the key was flat.
    pub against: Option<PositionId>,
    /// Where it stands.
    pub state: OrderState,
    /// Sum of its booked fills.
    pub booked: Quantity,
    /// Sum of its fills that came and could not be booked (R4): heard of, so that the order ends; what they did is missing
    /// on its key, which is blocked until reports agree.
    pub unbooked: Quantity,
    /// Sum of quantity x contract size x price of its booked fills.
    #[serde(with = "money")]
    pub booked_value: Decimal,
    /// Which kind of message feeds it.
    pub source: FillSource,
    /// When it becomes overdue.
    pub deadline: Timestamp,
    /// How long the venue may take for it: what was asked for, or the book's default.
    pub patience_ns: u64,
    /// When the venue can no longer hear of it for the first time: sent, plus its patience (R1).
    pub expires: Timestamp,
    /// What the venue has said of it.
    pub heard: Heard,
    /// The tags of a new position.
    #[serde(default)]
    pub tags: Tags,
}

impl Hash for Order {
    /// As derived, but for what an order has gained since, at its default: as of a [`Position`](crate::Position).
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Self {
            client_id,
            key,
            intent,
            side,
            quantity,
            reference,
            leverage,
            rule,
            exits,
            exit,
            against,
            state,
            booked,
            unbooked,
            booked_value,
            source,
            deadline,
            patience_ns,
            expires,
            heard,
            tags,
        } = self;
        (client_id, key, intent, side, quantity, reference, leverage, rule, exits, exit).hash(hasher);
        (against, state, booked, unbooked, booked_value, source).hash(hasher);
        (deadline, patience_ns, expires, heard).hash(hasher);
        if !tags.is_empty() {
            // No list that follows is so long: what is hashed with it can be nothing without it.
            (usize::MAX, tags).hash(hasher);
        }
    }
}

impl Order {
    /// What may still fill. A settled order's figure is final, whatever was asked.
    pub fn remaining(&self) -> Quantity {
        match self.state {
            OrderState::Settling(told) => told.less(self.booked).less(self.unbooked),
            _ => self.quantity.less(self.booked).less(self.unbooked),
        }
    }

    /// How long the venue may take for it.
    pub const fn patience(&self) -> Duration {
        Duration::from_nanos(self.patience_ns)
    }

    /// Whether the venue's outcome is unknown.
    pub fn in_doubt(&self) -> bool {
        matches!(self.state, OrderState::InDoubt(_))
    }
}

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
    /// It was found unresolved when the book was opened again: it may have left, whatever the last record of it says (R6).
    Found,
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
            OrderStep::Found => "found",
            OrderStep::Unknown { .. } => "unknown",
        }
    }
}
