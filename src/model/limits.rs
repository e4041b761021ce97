//! What a book refuses to exceed, checked inside the same compare-and-swap as the reservation (R13, D11).

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::ledger::{money, money_if_any};
use super::number::Fraction;
use super::selection::Selection;
use super::text::GroupName;
use crate::error::{Reason, Rejection};

/// Limits of a book. N threads together cannot exceed them, because they are checked against the state that a
/// reservation really lands on.
///
/// In flight only increases count, at the greater of what is open and quantity x the command's reference price;
/// reductions free nothing before they fill; an order in doubt counts in full (R13).
///
/// ```
/// use posbook::{Book, Limits};
///
/// let limits = Limits { positions: 3, ..Limits::default() };
/// let book = Book::builder().limits(limits).build()?;
/// # Ok::<(), posbook::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Greatest leverage, inclusive; the least is 1. Default 125, as the predecessor had it.
    pub leverage: u16,
    /// Greatest stop fraction, exclusive; the least is 0, exclusive. Default 1.
    pub stop_fraction: Fraction,
    /// Positions open at once, those being opened included. Default 4,096.
    pub positions: usize,
    /// Notional of one key, in its settle currency. Default: as much as a decimal holds.
    #[serde(with = "money")]
    pub key_notional: Decimal,
    /// Notional of the whole book, for each settle currency on its own. Default: as much as a decimal holds.
    #[serde(with = "money")]
    pub book_notional: Decimal,
    /// What parts of the book are limited to besides; at most 64. Default: none.
    ///
    /// An increase of a key that belongs to none of them costs a look at their rules. One that does costs a walk over all keys,
    /// for each group that it belongs to. Fills never cost anything: they are not limited.
    pub groups: Vec<GroupLimit>,
}

/// What a group may come to. Which keys are in it is asked each time, so a group has no members to keep up.
///
/// ```
/// use posbook::{Book, Command, GroupLimit, Instrument, Limits, Selection, Side};
///
/// let grid = GroupLimit::new("grid".parse()?, Selection::everything().tag("grid".parse()?)).positions(1);
/// let book = Book::builder().limits(Limits { groups: vec![grid], ..Limits::default() }).build()?;
/// let id = |symbol| book.register(Instrument::linear(symbol, "0.1", "0.001")?);
/// let (btc, eth) = (id("BTC/USDT:USDT")?, id("ETH/USDT:USDT")?);
/// let open = |key| Ok::<_, posbook::Rejection>(Command::open(key, Side::Long, "1".parse()?).at("3000".parse()?));
///
/// let first = book.reserve(open(btc)?.tag("grid")?)?;
/// let refused = book.reserve(open(eth)?.tag("grid")?).unwrap_err();
/// assert_eq!(refused.to_string(), "ETH/USDT:USDT: limit positions of the group grid: 2 would exceed 1");
/// assert!(book.reserve(open(eth)?).is_ok()); // without the tag it is not of the group
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupLimit {
    /// What it is called in refusals. No two groups of a book have one name.
    pub name: GroupName,
    /// Which keys are in it: by their position, and by an order that opens one there.
    pub selection: Selection,
    /// Positions open at once, those being opened included. `None`: as many as the book allows.
    #[serde(default)]
    pub positions: Option<usize>,
    /// Notional, for each settle currency on its own. `None`: as much as the book allows.
    #[serde(default, with = "money_if_any")]
    pub notional: Option<Decimal>,
}

impl GroupLimit {
    /// A group that is not limited yet.
    pub const fn new(name: GroupName, selection: Selection) -> Self {
        Self { name, selection, positions: None, notional: None }
    }

    /// So many positions.
    #[must_use]
    pub const fn positions(mut self, positions: usize) -> Self {
        self.positions = Some(positions);
        self
    }

    /// So much notional in each settle currency.
    #[must_use]
    pub const fn notional(mut self, notional: Decimal) -> Self {
        self.notional = Some(notional);
        self
    }
}

impl Hash for Limits {
    /// As derived, but for what limits have gained since, at its default: as of a [`Position`](crate::Position).
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Self { leverage, stop_fraction, positions, key_notional, book_notional, groups } = self;
        (leverage, stop_fraction, positions, key_notional, book_notional).hash(hasher);
        if !groups.is_empty() {
            // No tag of what follows is so great: what is hashed with it can be nothing without it.
            (usize::MAX, groups).hash(hasher);
        }
    }
}

impl Limits {
    /// Refuses groups that make no sense, naming value and rule.
    pub(crate) fn check_groups(&self) -> Result<(), Rejection> {
        /// Each costs every increase a look.
        const MOST: usize = 64;
        if self.groups.len() > MOST {
            let (what, rule) = ("number of limited groups", "must be at most 64");
            return Err(Reason::OutOfRange { what, value: self.groups.len().into(), rule }.into());
        }
        let mut names = BTreeSet::new();
        for GroupLimit { name, positions, notional, .. } in &self.groups {
            let refuse = |rule| {
                let (what, text) = ("limit of a group", name.to_string());
                Err(Reason::Malformed { what, text, rule }.into())
            };
            if !names.insert(name) {
                return refuse("is the name of two groups");
            }
            if positions.is_none() && notional.is_none() {
                return refuse("limits nothing; give it positions, notional or both");
            }
            if let Some(value) = notional.filter(|notional| notional.is_sign_negative()) {
                let rule = "must not be below 0";
                return Err(Reason::OutOfRange { what: "notional of a group", value, rule }.into());
            }
        }
        Ok(())
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            leverage: 125,
            stop_fraction: Fraction::ONE,
            positions: 4_096,
            key_notional: Decimal::MAX,
            book_notional: Decimal::MAX,
            groups: Vec::new(),
        }
    }
}
