//! Groups by rule: which positions belong together, what they come to at one moment, and how to leave them all at once.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{Book, Snapshot};
use crate::error::Rejection;
use crate::model::{Currency, Instrument, KeyState, Owner, PositionKey, Side, exact_add};

/// A group of keys by rule: every condition that is named has to hold. Without any it is the whole book.
///
/// ```
/// use posbook::{Book, Fill, Instrument, OrderSide, Selection, Side};
///
/// let book = Book::builder().build()?;
/// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// let eth = book.register(Instrument::linear("ETH/USDT:USDT", "0.01", "0.001")?)?;
/// book.record(Fill::trade(btc, "1".parse()?, OrderSide::Buy, "1".parse()?, "50000".parse()?))?;
/// book.record(Fill::trade(eth, "1".parse()?, OrderSide::Sell, "10".parse()?, "3000".parse()?))?;
/// book.mark(btc, "50500".parse()?)?;
/// book.mark(eth, "2900".parse()?)?;
///
/// let view = book.snapshot();
/// let all = book.exposure(&view, &Selection::everything())?;
/// let usdt = &all[&"USDT".parse()?];
/// assert_eq!((usdt.gross.to_string(), usdt.net.to_string()), ("79500".into(), "21500".into()));
/// assert_eq!(usdt.unrealised.to_string(), "1500");
///
/// let longs = Selection::everything().side(Side::Long);
/// assert_eq!(longs.positions(&view).count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    side: Option<Side>,
    owner: Option<Owner>,
    base: Option<Currency>,
    settle: Option<Currency>,
    keys: Option<Vec<PositionKey>>,
}

/// What a selection comes to in one settle currency, at the fresh marks.
///
/// ```
/// let nothing = posbook::Exposure::default();
/// assert!(nothing.gross.is_zero() && nothing.stale.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exposure {
    /// Positions.
    pub positions: usize,
    /// Their values without signs.
    pub gross: Decimal,
    /// What is long less what is short.
    pub net: Decimal,
    /// Unrealised profit.
    pub unrealised: Decimal,
    /// Realised profit of everything that ever happened on the keys, before fees.
    pub realised: Decimal,
    /// Positions whose mark is stale or missing: they are counted, and in no sum of values.
    pub stale: Vec<PositionKey>,
}

impl Selection {
    /// The whole book.
    pub fn everything() -> Self {
        Self::default()
    }

    /// Only what is long, or only what is short. A flat key is on the side of the order that opens it.
    #[must_use]
    pub fn side(mut self, side: Side) -> Self {
        self.side = Some(side);
        self
    }

    /// Only what this strategy has.
    #[must_use]
    pub fn owner(mut self, owner: Owner) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Only instruments with this base asset.
    #[must_use]
    pub fn base(mut self, base: Currency) -> Self {
        self.base = Some(base);
        self
    }

    /// Only instruments that settle in this currency.
    #[must_use]
    pub fn settle(mut self, settle: Currency) -> Self {
        self.settle = Some(settle);
        self
    }

    /// Only these keys: a tag of the caller's own.
    #[must_use]
    pub fn keys(mut self, keys: impl IntoIterator<Item = PositionKey>) -> Self {
        let mut keys: Vec<_> = keys.into_iter().collect();
        keys.sort_unstable();
        self.keys = Some(keys);
        self
    }

    /// Whether a key of a view belongs to it.
    pub fn has(&self, view: &Snapshot, key: &KeyState) -> bool {
        let side = || {
            let opening = || key.orders.iter().find(|order| order.intent.increases());
            let of_order = || opening().map(|order| order.side.opens());
            key.position.as_ref().map(|position| position.side).or_else(of_order)
        };
        let instrument =
            |holds: &dyn Fn(&Instrument) -> bool| view.instrument(key.key.instrument).is_some_and(holds);
        self.owner.is_none_or(|owner| owner == key.key.owner)
            && self.side.is_none_or(|wanted| side() == Some(wanted))
            && self.base.as_ref().is_none_or(|base| instrument(&|of| of.base() == base))
            && self.settle.as_ref().is_none_or(|settle| instrument(&|of| of.settle() == settle))
            && self.keys.as_ref().is_none_or(|keys| keys.binary_search(&key.key).is_ok())
    }

    /// Its open positions in a view.
    pub fn positions<'a>(&'a self, view: &'a Snapshot) -> impl Iterator<Item = &'a crate::model::Position> {
        view.keys().filter(|key| self.has(view, key)).filter_map(|key| key.position.as_ref())
    }
}

impl Book {
    /// What a selection of a view comes to, by settle currency: counts and realised profit of that one moment, values at the
    /// fresh marks (the latest of each instrument, not one cut).
    ///
    /// # Errors
    /// `NumericRange`: a sum needs more digits than a decimal holds.
    pub fn exposure(
        &self,
        view: &Snapshot,
        selection: &Selection,
    ) -> Result<BTreeMap<Currency, Exposure>, Rejection> {
        let mut all: BTreeMap<Currency, Exposure> = BTreeMap::new();
        for key in view.keys().filter(|key| selection.has(view, key)) {
            let Some(instrument) = view.instrument(key.key.instrument) else { continue };
            let of = all.entry(instrument.settle().clone()).or_default();
            of.realised = exact_add("realised profit of a group", of.realised, key.ledger.realised)?;
            let Some(position) = &key.position else { continue };
            of.positions += 1;
            let Some(mark) = self.fresh_mark(key.key.instrument) else {
                of.stale.push(key.key);
                continue;
            };
            let value = position.value_at(mark.price)?.abs();
            let signed = if position.side == Side::Long { value } else { -value };
            of.gross = exact_add("the exposure of a group", of.gross, value)?;
            of.net = exact_add("the exposure of a group", of.net, signed)?;
            of.unrealised =
                exact_add("unrealised profit of a group", of.unrealised, position.unrealised(mark.price)?)?;
        }
        Ok(all)
    }
}
