//! What a selection comes to at one moment, and which positions are in it.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{Book, Snapshot};
use crate::error::Rejection;
use crate::model::{Currency, KeyState, PositionKey, Selection, Side, exact_add};

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
    /// Whether a key of a view belongs to it.
    pub fn has(&self, view: &Snapshot, key: &KeyState) -> bool {
        view.instrument(key.key.instrument).is_some_and(|instrument| self.takes_key(key, instrument))
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
