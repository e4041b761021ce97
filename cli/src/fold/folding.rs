//! Fills through a book, one after another in the order of their times, and what they come to. A fill that comes twice (same
//! symbol, order and id) is booked once, however far apart.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use posbook::{
    Book, ContractKind, Fill, FillNote, FillOutcome, Instrument, InstrumentId, InstrumentSpec, Leg, OrderRef,
    PositionMode, Quantity, Shape, Snapshot, Sums, Timestamp,
};
use serde::Serialize;

use super::read::Told;

/// Fills in the order in which they are folded.
pub struct InOrder {
    pub fills: Vec<Told>,
    /// How many stand at another place than in the file.
    pub moved: u64,
    /// Why the order may be wrong.
    pub problems: Vec<String>,
}

/// By time, if every fill has one; else as they stand.
pub fn in_order(fills: Vec<Told>) -> InOrder {
    if !fills.iter().all(|told| told.fill.venue_time.is_some()) {
        let problems = backwards(&fills);
        return InOrder { fills, moved: 0, problems };
    }
    let mut placed: Vec<_> = (0_usize..).zip(fills).collect();
    let times = |at: &[(usize, Told)], rises: bool| {
        at.windows(2).any(|two| match two {
            [(_, one), (_, next)] if rises => one.fill.venue_time < next.fill.venue_time,
            [(_, one), (_, next)] => one.fill.venue_time > next.fill.venue_time,
            _ => false,
        })
    };
    // A list that is newest first has the fills of one time newest first too.
    if times(&placed, false) && !times(&placed, true) {
        placed.reverse();
    }
    // Stable: those of one time stay as they stand.
    placed.sort_by_key(|(_, told)| told.fill.venue_time);
    let moved = placed.iter().enumerate().filter(|(now, (was, _))| now != was).count();
    InOrder {
        fills: placed.into_iter().map(|(_, told)| told).collect(),
        moved: u64::try_from(moved).unwrap_or(u64::MAX),
        problems: Vec::new(),
    }
}

/// Of each symbol the first fill that is older than one before it, where not every fill has a time to sort by.
fn backwards(fills: &[Told]) -> Vec<String> {
    let mut latest: BTreeMap<&str, (Timestamp, &str)> = BTreeMap::new();
    let mut said = BTreeSet::new();
    let mut problems = Vec::new();
    for Told { place, symbol, fill } in fills {
        let Some(time) = fill.venue_time else { continue };
        match latest.entry(symbol) {
            Entry::Vacant(none) => {
                none.insert((time, place));
            }
            Entry::Occupied(mut last) if last.get().0 <= time => {
                last.insert((time, place));
            }
            Entry::Occupied(last) => {
                if said.insert(symbol.as_str()) {
                    problems.push(format!(
                        "{place}: is older than {}, and not every fill has a time to sort by, so they were folded as they \
                         stand: give every fill a time, or put the oldest first",
                        last.get().1
                    ));
                }
            }
        }
    }
    problems
}

/// What a fill is known by: its symbol, its order and its id.
type Identity = (InstrumentId, OrderRef, Shape);

pub struct Folding {
    pub book: Book,
    pub ids: BTreeMap<String, InstrumentId>,
    /// Every fill that came so far, and where: the book remembers the last few only (R3).
    came: HashMap<Identity, (String, Fill)>,
    /// How many were handed to the book.
    handed: i64,
    pub fills: u64,
    pub duplicates: u64,
    /// How many were folded at another place than they have in the file.
    pub sorted: u64,
    /// Names of columns that say nothing here.
    pub not_read: Vec<String>,
    /// What was not booked, and why.
    pub refused: Vec<String>,
    /// What was booked and is doubtful.
    pub problems: Vec<String>,
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
        Ok(Self {
            book,
            ids,
            came: HashMap::new(),
            handed: 0,
            fills: 0,
            duplicates: 0,
            sorted: 0,
            not_read: Vec::new(),
            refused: Vec::new(),
            problems: Vec::new(),
        })
    }

    /// Books one.
    pub fn book(&mut self, Told { place, symbol, mut fill }: Told) -> Result<(), String> {
        let Some(id) = self.ids.get(&symbol) else { return Err(format!("{place}: its symbol is not known")) };
        fill.instrument = *id;
        let identity = (*id, fill.order.clone(), fill.shape.clone());
        if let Some((first, known)) = self.came.get(&identity) {
            match apart(known, &fill) {
                None => self.duplicates += 1,
                Some(what) => self.refused.push(format!(
                    "{place}: has the symbol, order and id of {first} and another {what}, and the first counts: take out the \
                     one that is wrong, or give it an id of its own"
                )),
            }
            return Ok(());
        }
        self.came.insert(identity, (place.clone(), fill.clone()));
        // They are in order and none comes twice. So the book is told the place as the time: by the venue's it would refuse what
        // is older than all that it remembers, and it would keep all fills of one time (R3).
        self.handed = self.handed.saturating_add(1);
        fill.venue_time = Some(Timestamp(self.handed));
        let leg = fill.leg;
        match self.book.record(fill).map_err(|wrong| format!("{place}: {wrong}"))?.outcome {
            FillOutcome::Booked { notes } => {
                self.fills += 1;
                self.problems.extend(
                    notes.iter().filter_map(|note| Some(format!("{place}: {}", trouble(*note, leg)?))),
                );
            }
            FillOutcome::Duplicate => self.duplicates += 1,
            FillOutcome::Unbooked { why } => {
                self.refused.push(format!("{place}: {why}: correct it, and fold the file again"));
            }
            FillOutcome::Conflict => {
                self.refused.push(format!("{place}: came before with other content: take out one of the two"));
            }
            _ => self.refused.push(format!(
                "{place}: cannot be told from a fill before it: give it an id of its own, and fold the file again"
            )),
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
            sorted: self.sorted,
            not_read: self.not_read,
            refused: self.refused,
            problems: self.problems,
            positions: view.keys().map(|key| stands(&view, key)).collect(),
            totals: totals.collect(),
        }
    }
}

/// What one fill says otherwise than another of its identity. The time is no content (R3).
fn apart(one: &Fill, other: &Fill) -> Option<&'static str> {
    match () {
        () if one.side != other.side => Some("side"),
        () if one.quantity != other.quantity => Some("quantity"),
        () if one.price != other.price => Some("price"),
        () if one.fees != other.fees => Some("fee"),
        () if one.leg.is_some() && other.leg.is_some() && one.leg != other.leg => Some("leg"),
        () => None,
    }
}

/// What a note of a booked fill has to say to somebody who reads the figures. That no order of ours was filled, and that nobody
/// set targets, is true of every file.
fn trouble(note: FillNote, leg: Option<Leg>) -> Option<String> {
    match (note, leg) {
        (FillNote::Unordered | FillNote::Unprotected, _) => None,
        (FillNote::Liquidation | FillNote::AutoDeleveraging, _) => None,
        (FillNote::ForeignLeg, None) => Some(
            "names no leg where other fills of its symbol do, so it was booked on the leg that its side opens: add its leg"
                .to_owned(),
        ),
        (FillNote::ForeignLeg, Some(leg)) => Some(format!(
            "turns the {leg} leg round, which no venue does: its leg is wrong, or fills before it are missing"
        )),
        (note, _) => Some(format!("was booked, {note}: compare the position with the venue's")),
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

/// What a symbol says of what is traded: BASE/QUOTE is spot; BASE/QUOTE:SETTLE is inverse if it settles in its base, linear if in
/// its quote, and quanto else; an option, BASE/QUOTE:SETTLE-DATE-STRIKE-C or -P, is linear.
pub fn specified(symbol: &str) -> Result<InstrumentSpec, posbook::Rejection> {
    let spec = InstrumentSpec::linear(symbol, "0.00000001", "0.00000001")?;
    let kind = match () {
        () if !symbol.contains(':') => ContractKind::Spot,
        // The price of an option is in what it settles in.
        () if symbol.ends_with("-C") || symbol.ends_with("-P") => ContractKind::Linear,
        () if spec.settle == spec.base => ContractKind::Inverse,
        () if spec.settle == spec.quote => ContractKind::Linear,
        () => ContractKind::Quanto,
    };
    Ok(spec.of_kind(kind))
}

fn instrument(symbol: &str, size: Option<Quantity>, hedged: bool) -> Result<Instrument, posbook::Rejection> {
    let mut spec = specified(symbol)?;
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
    /// Rows that were folded at another place than they have in the file, in the order of time.
    pub sorted: u64,
    /// Columns or keys that the file has and nobody reads.
    pub not_read: Vec<String>,
    /// Not booked.
    pub refused: Vec<String>,
    /// Booked, and yet the figures may be wrong.
    pub problems: Vec<String>,
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
