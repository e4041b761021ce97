//! How to choose repairs: data, per field and key. A policy chooses only among what R1, R8, R9, R10 and R12 permit: nothing in
//! it makes an old report newer, an empty one a word on its own, or a busy key agree.
//!
//! | field | venue wins | book wins | report | quarantine |
//! |---|---|---|---|---|
//! | only the venue has it | adopted, with targets by rule (R5) * | named, with the order that would close it there | named | its key frozen |
//! | only the book has it | dropped, its cost unexplained until its fills come * | named, with the order that would open it there | named | its key frozen |
//! | side | dropped and adopted: another position | as above | named | frozen * |
//! | quantity | corrected by a synthetic fill that late fills explain | as above | named | frozen * |
//! | leverage | the venue's is taken | named | named | frozen |
//! | entry, margin mode, liquidation price | - | - | named | frozen |
//!
//! `*`: the default; what has none is not compared. "Named" changes nothing, here or there: no order leaves by a
//! reconciliation. A difference in presence, side or quantity that is only named is one that no run decides, and blocks its
//! key for new risk after [`Policy::skips`] of them (R9). Whatever the policy says, what is missing on a leg of several
//! owners, or of one that is not the book's only strategy, freezes all of them (R12), an empty report without consent freezes
//! what it covers (R10), and a correction that nobody could undo later (several owners, an adoption not yet explained by its
//! fills) freezes too.
//!
//! An entry is never taken over: it follows from fills, and venues round theirs for display.

use serde::{Deserialize, Serialize};

use crate::model::{Fraction, Leg, Owner, PositionKey, Symbol, TargetRule};
use crate::venue::MarginMode;

/// What is done about a difference that can be repaired.
///
/// ```
/// use posbook::reconcile::{Way, Ways};
///
/// let ways: Ways = serde_json::from_str(r#"{"quantity": "venue_wins"}"#)?;
/// assert_eq!((ways.quantity, ways.side), (Way::VenueWins, Way::Quarantine));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// The venue's word is taken.
    VenueWins,
    /// The book's figure stands. The difference is named, with what it would take at the venue.
    BookWins,
    /// The difference is named.
    Report,
    /// The key takes no new risk until the reports agree or a person accepts it.
    Quarantine,
}

/// What is done about a difference that no reconciliation can repair.
///
/// ```
/// use posbook::reconcile::{Notice, Ways};
///
/// let ways: Ways = serde_json::from_str(r#"{"entry": "report"}"#)?;
/// assert_eq!((ways.entry, ways.margin_mode), (Some(Notice::Report), None));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// It is named.
    Report,
    /// The key takes no new risk while it lasts.
    Quarantine,
}

/// What is done about each field; `docs/reconcile.md` has the table.
///
/// ```
/// use posbook::reconcile::{Way, Ways};
///
/// let ways = Ways { quantity: Way::VenueWins, ..Ways::thorough() };
/// assert_eq!(ways.venue_only, Way::VenueWins);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ways {
    /// Only the venue has a position.
    pub venue_only: Way,
    /// Only the book has one.
    pub book_only: Way,
    /// Long here, short there.
    pub side: Way,
    /// Of one side, and not of one size.
    pub quantity: Way,
    /// `None`: not compared. A venue that states none is not compared either.
    pub leverage: Option<Way>,
    /// The average entry. `None`: not compared.
    pub entry: Option<Notice>,
    /// The margin mode, with [`Policy::margin_mode`]. `None`: not compared.
    pub margin_mode: Option<Notice>,
    /// The venue's liquidation price, with the stop loss: a stop behind it never fires. `None`: not compared.
    pub liquidation_price: Option<Notice>,
}

impl Default for Ways {
    fn default() -> Self {
        Self {
            venue_only: Way::VenueWins,
            book_only: Way::VenueWins,
            side: Way::Quarantine,
            quantity: Way::Quarantine,
            leverage: None,
            entry: None,
            margin_mode: None,
            liquidation_price: None,
        }
    }
}

impl Ways {
    /// The default, and everything else that can be compared is named.
    pub fn thorough() -> Self {
        Self {
            leverage: Some(Way::Report),
            entry: Some(Notice::Report),
            margin_mode: Some(Notice::Report),
            liquidation_price: Some(Notice::Report),
            ..Self::default()
        }
    }
}

/// How far two figures may lie apart without differing. Steps are the instrument's.
///
/// ```
/// use posbook::reconcile::Tolerance;
///
/// assert_eq!((Tolerance::default().quantity_steps, Tolerance::default().entry_steps), (0, 1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tolerance {
    /// Quantity steps. Default 0. A difference within them is named and freezes nothing; it is no agreement either: what ends a
    /// quarantine is the very same quantity (R10).
    pub quantity_steps: u32,
    /// Price steps. Default 1: venues round an average for display.
    pub entry_steps: u32,
    /// A share of the venue's leverage. Default: none, they must be equal. An effective leverage moves with the market.
    pub leverage: Option<Fraction>,
    /// By how many price steps the liquidation must lie behind the stop. Default 0.
    pub liquidation_steps: u32,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { quantity_steps: 0, entry_steps: 1, leverage: None, liquidation_steps: 0 }
    }
}

/// Whether an empty report may close a book that is not (R10).
///
/// ```
/// assert_eq!(posbook::reconcile::Consent::default(), posbook::reconcile::Consent::Missing);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// Nobody said so: what it covers is quarantined.
    #[default]
    Missing,
    /// A person says that the account is flat.
    EmptyMeansFlat,
}

/// How to choose repairs.
///
/// ```
/// let policy = posbook::reconcile::Policy::default();
/// assert_eq!(policy.confirmations, 2);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Targets of adopted positions, from the current price. `None`: the book's default rule. Default: stop 5 %, take
    /// 10 %, as the predecessor did.
    pub adopt_rule: Option<TargetRule>,
    /// How many equal reports it takes where the venue's time proves nothing (R8, R10). Default 2, and the least: fewer are taken
    /// for 2, one report alone proves nothing.
    pub confirmations: u32,
    /// After how many runs in a row that decided nothing about a difference its key is blocked for new risk: orders were
    /// in flight, the instrument changed while the venue was asked, or the report was not newer (R9). Default 10: an
    /// order is in flight for seconds and a lagging report catches up in a run or two, so ten runs are no accident, and
    /// at one run a minute a bot adds no risk to an unexplained difference for longer than ten minutes. At least 1.
    pub skips: u32,
    /// Whether an empty report may close a book that is not.
    pub consent: Consent,
    /// Whether positions that only the book has are dropped, and others made smaller. [`sync_existing_positions`] only adopts.
    ///
    /// [`sync_existing_positions`]: crate::venue::PositionManager::sync_existing_positions
    pub drops: bool,
    /// What is done about each field.
    pub ways: Ways,
    /// How far figures may lie apart.
    pub tolerance: Tolerance,
    /// The margin mode that positions are meant to have: the book itself has none. `None`: any will do.
    pub margin_mode: Option<MarginMode>,
}

impl Default for Policy {
    fn default() -> Self {
        let adopt_rule = "0.05".parse().ok().map(TargetRule::stop_fraction);
        Self {
            adopt_rule,
            confirmations: 2,
            skips: 10,
            consent: Consent::Missing,
            drops: true,
            ways: Ways::default(),
            tolerance: Tolerance::default(),
            margin_mode: None,
        }
    }
}

/// A policy for everything, and those of single keys.
///
/// ```
/// use posbook::reconcile::{Policies, Policy, Way};
///
/// let all: Policies = Policy::default().into();
/// assert!(all.keys.is_empty());
/// let some: Policies = serde_json::from_str(
///     r#"{"keys": [{"symbol": "BTC/USDT:USDT", "policy": {"ways": {"book_only": "quarantine"}}}]}"#,
/// )?;
/// assert_eq!(some.keys[0].policy.ways.book_only, Way::Quarantine);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policies {
    /// For every key that none of the others is for.
    pub general: Policy,
    /// For single keys; the first that fits a key is its policy.
    pub keys: Vec<KeyPolicy>,
}

/// The policy of some keys. It stands for itself: what it leaves out is the default's, not the general policy's.
///
/// ```
/// use posbook::reconcile::{KeyPolicy, Policy};
///
/// let own = KeyPolicy { symbol: "BTC/USDT:USDT".parse()?, leg: None, owner: None, policy: Policy::default() };
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyPolicy {
    /// Whose instrument.
    pub symbol: Symbol,
    /// `None`: every leg.
    #[serde(default)]
    pub leg: Option<Leg>,
    /// `None`: every owner.
    #[serde(default)]
    pub owner: Option<Owner>,
    /// What holds there.
    pub policy: Policy,
}

impl Policies {
    /// The policy of a key.
    pub fn of(&self, symbol: &Symbol, key: PositionKey) -> &Policy {
        let fits = |own: &&KeyPolicy| {
            own.symbol == *symbol
                && own.leg.is_none_or(|leg| leg == key.leg)
                && own.owner.is_none_or(|owner| owner == key.owner)
        };
        self.keys.iter().find(fits).map_or(&self.general, |own| &own.policy)
    }
}

impl From<Policy> for Policies {
    fn from(general: Policy) -> Self {
        Self { general, keys: Vec::new() }
    }
}
