//! What the book needs of an exchange (R1): the trait that a bot implements once.
//!
//! Two things are kept apart on purpose. An answer is what the venue said of an *order*; a [`VenueError`] means that
//! nothing is known, never that nothing happened. And a position report is a picture with a scope, a completeness and
//! a time of its own; it never says what became of an order.

use std::future::Future;

use serde::{Deserialize, Serialize};

use crate::model::{
    ClientOrderId, Fill, Instrument, InstrumentId, Intent, Leg, Leverage, OrderSide, PositionKey, Price,
    Quantity, Side, Symbol, Timestamp,
};

/// An exchange, as the book sees it. Methods return futures and need no particular runtime; a blocking bot wraps them
/// in any `block_on`.
///
/// Every method may fail or never answer. `submit` must pass the client order id on, so that the venue itself refuses a
/// second order of that name.
///
/// ```
/// use posbook::venue::{PaperVenue, Venue};
///
/// fn name_of(venue: &impl Venue) -> &str {
///     venue.name()
/// }
/// assert_eq!(name_of(&PaperVenue::builder().build()), "paper");
/// ```
pub trait Venue: Send + Sync + 'static {
    /// The venue's name, for messages.
    fn name(&self) -> &str;

    /// What can be traded there.
    fn instruments(&self) -> impl Future<Output = Result<Vec<Instrument>, VenueError>> + Send;

    /// Sends an order. `Ok` is what the venue said of it, a refusal included; `Err` means that nobody knows.
    fn submit(&self, order: OrderRequest) -> impl Future<Output = Result<Answer, VenueError>> + Send;

    /// Cancels what is left of an order. `Ok` is the order's status afterwards.
    fn cancel(&self, order: ClientOrderId) -> impl Future<Output = Result<OrderStatus, VenueError>> + Send;

    /// What became of an order.
    fn order(&self, order: ClientOrderId) -> impl Future<Output = Result<OrderStatus, VenueError>> + Send;

    /// The account's fills after a cursor, oldest first, the same fill under the same identity every time.
    fn fills_since(&self, cursor: FillCursor) -> impl Future<Output = Result<FillPage, VenueError>> + Send;

    /// What is open, of everything in `scope`. A failed question is a report too ([`Completeness::Failed`]), so that
    /// nobody can take it for an empty one.
    fn positions(&self, scope: Scope) -> impl Future<Output = VenueReport> + Send;
}

/// Nothing is known: the question may have been lost, or its answer.
///
/// ```
/// let lost = posbook::venue::VenueError::new("timed out after 5 s");
/// assert_eq!(lost.to_string(), "timed out after 5 s");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct VenueError {
    why: String,
}

impl VenueError {
    /// In the words of whoever noticed.
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into() }
    }
}

/// An order on its way to the venue: everything the venue needs, fixed before the call.
///
/// ```
/// use posbook::{ClientOrderId, InstrumentId, Intent, OrderSide, PositionKey, Sequence};
/// use posbook::venue::OrderRequest;
///
/// let order = OrderRequest {
///     client_id: ClientOrderId { book: 1, epoch: 1, sequence: Sequence(3) },
///     key: PositionKey::net(InstrumentId(0)), symbol: "BTC/USDT:USDT".parse()?, intent: Intent::Close,
///     side: OrderSide::Sell, quantity: "1".parse()?, reduce_only: true, leverage: None,
///     valid_until: posbook::Timestamp::from_millis(15_000),
/// };
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRequest {
    /// The name it carries, and by which its fills and its fate are found.
    pub client_id: ClientOrderId,
    /// The key it is meant for.
    pub key: PositionKey,
    /// The venue's name of the instrument.
    pub symbol: Symbol,
    /// What it is for.
    pub intent: Intent,
    /// Buy or sell.
    pub side: OrderSide,
    /// Contracts.
    pub quantity: Quantity,
    /// It must never increase an exposure; true for every reduction (R7).
    pub reduce_only: bool,
    /// For venues that take it with the order.
    pub leverage: Option<Leverage>,
    /// The venue must not take the order on later than this: its receive window, or time in force. What the venue has
    /// not heard of by then it never will, and its "unknown order" counts (R1). By the book's clock; half of the
    /// order's patience is left after it, for clocks that differ and replicas that lag.
    pub valid_until: Timestamp,
}

/// What became of an order (R1).
///
/// ```
/// use posbook::venue::OrderStatus;
///
/// assert_ne!(OrderStatus::Unknown, OrderStatus::Working { filled: posbook::Quantity::ZERO });
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// The venue has never heard of it, or has forgotten it.
    Unknown,
    /// It is alive.
    Working {
        /// Cumulative.
        filled: Quantity,
    },
    /// It is over.
    Final {
        /// Cumulative and final.
        filled: Quantity,
        /// How it ended.
        outcome: Outcome,
    },
}

/// How an order ended.
///
/// ```
/// assert_ne!(posbook::venue::Outcome::Filled, posbook::venue::Outcome::Cancelled);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything that was asked.
    Filled,
    /// Ended before everything was filled: cancelled, expired, nothing left to reduce.
    Cancelled,
    /// Never accepted.
    Rejected(String),
}

/// The venue's answer to `submit`.
///
/// ```
/// use posbook::venue::{Answer, OrderStatus};
///
/// let accepted = Answer { status: OrderStatus::Working { filled: posbook::Quantity::ZERO }, fills: vec![] };
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What became of the order so far.
    pub status: OrderStatus,
    /// Fills that came with the answer; they may come again by `fills_since`.
    pub fills: Vec<VenueFill>,
}

/// A fill as the venue names it: by symbol. The manager puts the instrument's id in before it is booked.
///
/// ```
/// use posbook::{Fill, InstrumentId, OrderSide};
/// use posbook::venue::VenueFill;
///
/// let fill = Fill::trade(InstrumentId(0), "1".parse()?, OrderSide::Buy, "1".parse()?, "50000".parse()?);
/// let named = VenueFill { symbol: "BTC/USDT:USDT".parse()?, fill };
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VenueFill {
    /// What was traded, in the venue's words.
    pub symbol: Symbol,
    /// The fill; its `instrument` is put in by the manager.
    pub fill: Fill,
}

/// How far the account's fills have been read. The default is the beginning.
///
/// ```
/// assert_eq!(posbook::venue::FillCursor::default().0, 0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FillCursor(pub u64);

/// Some fills, and where to go on.
///
/// ```
/// let page = posbook::venue::FillPage::default();
/// assert!(page.fills.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FillPage {
    /// Oldest first.
    pub fills: Vec<VenueFill>,
    /// Pass this next time.
    pub next: FillCursor,
}

/// What a report is asked to cover. What it does not cover, it says nothing about.
///
/// ```
/// use posbook::venue::Scope;
///
/// let one = Scope::Only(vec!["BTC/USDT:USDT".parse()?]);
/// assert!(Scope::All.covers(&"ETH/USDT:USDT".parse()?) && !one.covers(&"ETH/USDT:USDT".parse()?));
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everything on the account.
    All,
    /// These symbols.
    Only(Vec<Symbol>),
}

impl Scope {
    /// Whether a symbol is covered.
    pub fn covers(&self, symbol: &Symbol) -> bool {
        match self {
            Scope::All => true,
            Scope::Only(symbols) => symbols.contains(symbol),
        }
    }
}

/// Whether a report can be taken for the whole truth of its scope.
///
/// ```
/// use posbook::venue::Completeness;
///
/// assert_ne!(Completeness::Complete, Completeness::Failed("timed out".into()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Completeness {
    /// Every open position in scope is a row.
    Complete,
    /// Some rows are missing or could not be read; absence proves nothing.
    Partial(String),
    /// The question failed; there are no rows. Never the same as an empty account.
    Failed(String),
}

/// What the venue says is open.
///
/// ```
/// use posbook::venue::{Completeness, Scope, VenueReport};
///
/// let failed = VenueReport::failed(Scope::All, "503");
/// assert_eq!(failed.completeness, Completeness::Failed("503".into()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueReport {
    /// What was asked about.
    pub scope: Scope,
    /// Whether absence means flat.
    pub completeness: Completeness,
    /// The venue's own time of the picture. `None`: it states none (R8).
    pub venue_time: Option<Timestamp>,
    /// What is open.
    pub rows: Vec<VenuePosition>,
}

impl VenueReport {
    /// The question failed.
    pub fn failed(scope: Scope, why: impl Into<String>) -> Self {
        Self { scope, completeness: Completeness::Failed(why.into()), venue_time: None, rows: Vec::new() }
    }
}

/// One open position in the venue's words.
///
/// ```
/// use posbook::{Leg, Side};
/// use posbook::venue::VenuePosition;
///
/// let row = VenuePosition {
///     symbol: "BTC/USDT:USDT".parse()?, leg: Leg::Net, side: Side::Long, quantity: "1".parse()?,
///     entry: "50000".parse()?, leverage: None, margin_mode: None, liquidation_price: None,
///     contract_size: None,
/// };
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct VenuePosition {
    /// What is open.
    pub symbol: Symbol,
    /// Which leg.
    pub leg: Leg,
    /// Long or short.
    pub side: Side,
    /// Contracts, above zero; a row of zero is flat and is no row.
    pub quantity: Quantity,
    /// Average entry.
    pub entry: Price,
    /// `None`: the venue does not say.
    pub leverage: Option<Leverage>,
    /// `None`: the venue does not say.
    #[serde(default)]
    pub margin_mode: Option<MarginMode>,
    /// The price at which the venue takes the position over. `None`: the venue does not say, or there is none.
    #[serde(default)]
    pub liquidation_price: Option<Price>,
    /// What one contract is where this row comes from. `None`: it does not say. One that the instrument does not have makes the
    /// row unreadable: so many contracts of another size are another position (R18).
    #[serde(default)]
    pub contract_size: Option<Quantity>,
}

impl VenuePosition {
    /// The leverage, if the venue says one: nothing, and what venues write for a position that shares the account's margin (0), is
    /// none.
    pub(crate) fn stated_leverage(&self) -> Option<Leverage> {
        self.leverage.filter(|leverage| !leverage.get().is_zero() && leverage.get().is_sign_positive())
    }
}

/// What stands for a position's losses.
///
/// ```
/// use posbook::venue::MarginMode;
///
/// assert_eq!(MarginMode::Isolated.to_string(), "isolated");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MarginMode {
    /// The whole account.
    Cross,
    /// What was set aside for it.
    Isolated,
}

impl std::fmt::Display for MarginMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            MarginMode::Cross => "cross",
            MarginMode::Isolated => "isolated",
        })
    }
}

/// Placeholder instrument id of a fill whose symbol has not been looked up yet.
pub(crate) const UNRESOLVED: InstrumentId = InstrumentId(u32::MAX);
