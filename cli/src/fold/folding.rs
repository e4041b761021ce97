//! Fills through a book, one after another, and what they come to. A fill that comes twice (same symbol, order and id) is booked
//! once.

use std::collections::{BTreeMap, BTreeSet};

use posbook::{
    Book, ContractKind, FillOutcome, Instrument, InstrumentId, InstrumentSpec, Leg, PositionMode, Quantity,
    Snapshot, Sums,
};
use serde::Serialize;

use super::read::Told;

pub struct Folding {
    pub book: Book,
    pub ids: BTreeMap<String, InstrumentId>,
    pub fills: u64,
    pub duplicates: u64,
    pub refused: Vec<String>,
}

impl Folding {
    /// A book for these fills, whose symbols say what is traded.
    pub fn begin(fills: &[Told], sizes: &[(String, Quantity)]) -> Result<Self, String> {
        let symbols: BTreeSet<_> = fills.iter().map(|told| told.symbol.as_str()).collect();
        let book = Book::builder().instruments(symbols.len().max(1)).build().map_err(|w| w.to_string())?;
        let legs = fills.iter().filter(|told| told.fill.leg.is_some_and(|leg| leg != Leg::Net));
        let hedged: BTreeSet<_> = legs.map(|told| told.symbol.as_str()).collect();
        let mut ids = BTreeMap::new();
        for Told { place, symbol, .. } in fills {
            if ids.contains_key(symbol) {
                continue;
            }
            let size = sizes.iter().rev().find(|(of, _)| of == symbol).map(|(_, size)| *size);
            let id = instrument(symbol, size, hedged.contains(symbol.as_str()))
                .and_then(|instrument| book.register(instrument))
                .map_err(|wrong| format!("{place}: {wrong}"))?;
            ids.insert(symbol.clone(), id);
        }
        Ok(Self { book, ids, fills: 0, duplicates: 0, refused: Vec::new() })
    }

    /// Books one.
    pub fn book(&mut self, Told { place, symbol, mut fill }: Told) -> Result<(), String> {
        let Some(id) = self.ids.get(&symbol) else { return Err(format!("{place}: its symbol is not known")) };
        fill.instrument = *id;
        match self.book.record(fill).map_err(|wrong| format!("{place}: {wrong}"))?.outcome {
            FillOutcome::Booked { .. } => self.fills += 1,
            FillOutcome::Duplicate => self.duplicates += 1,
            other => self.refused.push(format!("{place}: {other:?}")),
        }
        Ok(())
    }

    /// What they came to.
    pub fn end(self) -> Folded {
        let view = self.book.snapshot();
        let totals = view.totals().currencies().map(|(currency, money)| {
            let [realised, fees, cash] = [money.realised, money.fees, money.cash].map(text);
            (currency.to_string(), Sum { realised, fees, cash })
        });
        Folded {
            fills: self.fills,
            duplicates: self.duplicates,
            refused: self.refused,
            positions: view.keys().map(|key| stands(&view, key)).collect(),
            totals: totals.collect(),
        }
    }
}

fn stands(view: &Snapshot, key: &posbook::KeyState) -> Stands {
    let open = key.position.as_ref();
    let instrument = view.instrument(key.key.instrument);
    Stands {
        symbol: instrument.map(|i| i.symbol().to_string()).unwrap_or_default(),
        contract_size: instrument.map(|i| text(i.contract_size().get())).unwrap_or_default(),
        leg: key.key.leg.to_string(),
        side: open.map(|open| open.side.to_string()),
        quantity: open.map_or_else(|| "0".to_owned(), |open| open.quantity.to_string()),
        entry_price: open.map(|open| text(open.entry_price())),
        cost: open.map(|open| text(open.cost)),
        realised: text(key.ledger.realised),
        fees: sums(&key.ledger.fees),
        fills: key.ledger.fills,
    }
}

/// BASE/QUOTE is spot; BASE/QUOTE:SETTLE is inverse if it settles in its base, linear if in its quote, and quanto else.
fn instrument(symbol: &str, size: Option<Quantity>, hedged: bool) -> Result<Instrument, posbook::Rejection> {
    let spec = InstrumentSpec::linear(symbol, "0.00000001", "0.00000001")?;
    let kind = match () {
        () if !symbol.contains(':') => ContractKind::Spot,
        () if spec.settle == spec.base => ContractKind::Inverse,
        () if spec.settle == spec.quote => ContractKind::Linear,
        () => ContractKind::Quanto,
    };
    let mut spec = spec.of_kind(kind);
    if let Some(size) = size {
        spec = spec.with_contract_size(size);
    }
    spec.mode = if hedged { PositionMode::Hedge } else { PositionMode::OneWay };
    Instrument::new(spec)
}

/// What all of it comes to.
#[derive(Debug, Serialize)]
pub struct Folded {
    pub fills: u64,
    pub duplicates: u64,
    pub refused: Vec<String>,
    pub positions: Vec<Stands>,
    pub totals: BTreeMap<String, Sum>,
}

/// A key on which something was booked; flat ones have no side.
#[derive(Debug, Serialize)]
pub struct Stands {
    pub symbol: String,
    pub leg: String,
    /// Base units in a contract; of an inverse one, quote units.
    pub contract_size: String,
    pub side: Option<String>,
    pub quantity: String,
    pub entry_price: Option<String>,
    pub cost: Option<String>,
    pub realised: String,
    pub fees: BTreeMap<String, String>,
    pub fills: u64,
}

#[derive(Debug, Serialize)]
pub struct Sum {
    pub realised: String,
    pub fees: String,
    pub cash: String,
}

fn sums(of: &Sums) -> BTreeMap<String, String> {
    of.iter().map(|(currency, sum)| (currency.to_string(), text(sum))).collect()
}

/// A number as it is printed: without zeros at its end.
pub fn text(number: posbook::Decimal) -> String {
    number.normalize().to_string()
}
