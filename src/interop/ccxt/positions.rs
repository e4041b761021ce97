//! An array of unified positions: each row a position, a flat row or a problem; keyed by symbol and leg; one report.

use std::collections::{HashMap, HashSet};

use rust_decimal::Decimal;

use super::Source;
use super::json;
use super::problem::{Fault, Problem, Unreadable};
use super::row::{self, Draft};
use crate::model::{Leg, Leverage, Price, Quantity, Side, Symbol, Timestamp};
use crate::venue::{Completeness, MarginMode, Scope, VenuePosition, VenueReport};

/// An open position, as far as the row says. Prices and sizes keep all digits that were written, up to 28.
///
/// ```
/// use posbook::interop::ccxt::{self, Row, Source};
///
/// let text = r#"[{"symbol": "ETH/USD:ETH", "side": "sell", "contracts": -2, "contractSize": 10, "entryPrice": "2422.400000007"}]"#;
/// let read = ccxt::positions(text, &Source::default())?;
/// let [Row::Position(eth)] = read.rows() else { return Err("not one position".into()) };
/// assert_eq!((eth.side, eth.contracts.to_string()), (posbook::Side::Short, "2".to_owned()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// ccxt's symbol, or the exchange's own id where ccxt knows no market.
    pub symbol: Symbol,
    /// `Net` unless the row, its exchange or another row of the symbol shows hedge mode.
    pub leg: Leg,
    /// Long or short.
    pub side: Side,
    /// Contracts, above zero.
    pub contracts: Decimal,
    /// Base units (inverse: quote units) in one contract. `None`: neither the markets nor the row say.
    pub contract_size: Option<Decimal>,
    /// Average entry. `None`: the row has none, or zero.
    pub entry_price: Option<Decimal>,
    /// `None`: the row has none, or zero.
    pub mark_price: Option<Decimal>,
    /// `None`: the row has none, or zero, which exchanges write for "none".
    pub liquidation_price: Option<Decimal>,
    /// Profit since the entry, in the settle currency, as the exchange has it.
    pub unrealised: Option<Decimal>,
    /// `None`: the row has none, or zero, which means cross margin. It may be the effective one, which moves with the market.
    pub leverage: Option<Decimal>,
    /// `None`: neither the row nor its exchange says.
    pub margin_mode: Option<MarginMode>,
}

impl Position {
    /// The same in the words of a [`VenueReport`]. An entry of more than 16 digits, an average after all, is rounded; a size
    /// is not.
    ///
    /// # Errors
    /// The row has no entry price, or a figure has more digits than the book's numbers hold.
    pub fn to_venue(&self, source: &Source) -> Result<VenuePosition, Problem> {
        let problem = |field, fault| source.problem(Some(self.symbol.as_str()), field, fault);
        let refused = |field| {
            move |refused: crate::Rejection| problem(field, Fault::Refused { rule: refused.to_string() })
        };
        let entry = self.entry_price.ok_or_else(|| problem("entryPrice", Fault::Missing))?;
        Ok(VenuePosition {
            symbol: self.symbol.clone(),
            leg: self.leg,
            side: self.side,
            quantity: Quantity::new(self.contracts).map_err(refused("contracts"))?,
            entry: Price::nearest(entry).map_err(refused("entryPrice"))?,
            // An effective leverage has endless digits; four are plenty.
            leverage: self.leverage.and_then(|leverage| Leverage::new(leverage.round_dp(4)).ok()),
            margin_mode: self.margin_mode,
            // For a look at how near it is: one that no price can hold says nothing.
            liquidation_price: self.liquidation_price.and_then(|price| Price::nearest(price).ok()),
            contract_size: match self.contract_size {
                Some(size) => Some(Quantity::new(size).map_err(refused("contractSize"))?),
                None => None,
            },
        })
    }
}

/// A row of something that is not open: never opened, closed, or the empty leg of hedge mode.
///
/// ```
/// use posbook::interop::ccxt::{self, Row, Source};
///
/// let read = ccxt::positions(r#"[{"symbol": "BTC/USDT:USDT", "side": "long", "contracts": 0}]"#, &Source::default())?;
/// assert!(matches!(read.rows(), [Row::Flat(_)]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flat {
    /// What is not open.
    pub symbol: Symbol,
    /// Which leg is not.
    pub leg: Leg,
    /// As the markets or the row have it.
    pub contract_size: Option<Decimal>,
}

/// What a row is.
///
/// ```
/// use posbook::interop::ccxt::{self, Row, Source};
///
/// let read = ccxt::positions("[17]", &Source::default())?;
/// assert!(matches!(read.rows(), [Row::Problem(_)]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "almost every row is a position")]
pub enum Row {
    /// Open.
    Position(Position),
    /// Not open.
    Flat(Flat),
    /// Nobody knows.
    Problem(Problem),
}

/// All rows of an array, in its order.
///
/// ```
/// use posbook::interop::ccxt::{self, Source};
/// use posbook::venue::{Completeness, Scope};
///
/// let text = r#"[{"symbol": "BTC/USDT:USDT", "side": "long", "contracts": 1, "entryPrice": 50000}, null]"#;
/// let read = ccxt::positions(text, &Source::new("okx"))?;
/// let report = read.report(Scope::All, None);
/// assert_eq!(report.rows.len(), 1);
/// assert!(matches!(report.completeness, Completeness::Partial(_))); // a row that could not be read: absence proves nothing
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Positions {
    rows: Vec<Row>,
    source: Source,
}

impl Positions {
    /// One for each element of the array.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The rows that could not be read.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.rows.iter().filter_map(|row| match row {
            Row::Problem(problem) => Some(problem),
            _ => None,
        })
    }

    /// What the exchange says is open, for the book. It is partial if any row is a problem, or cannot be said in the book's
    /// numbers (R10). `venue_time` is when the exchange made the picture, if it says so: a row's `timestamp` is not that, it
    /// is when the position was opened or last touched, by the version of ccxt.
    pub fn report(&self, scope: Scope, venue_time: Option<Timestamp>) -> VenueReport {
        let (mut rows, mut wrong) = (Vec::new(), Vec::new());
        for row in &self.rows {
            match row {
                Row::Position(position) => match position.to_venue(&self.source) {
                    Ok(position) => rows.push(position),
                    Err(problem) => wrong.push(problem),
                },
                Row::Flat(_) => {}
                Row::Problem(problem) => wrong.push(problem.clone()),
            }
        }
        let completeness = match wrong.first() {
            None => Completeness::Complete,
            Some(first) => Completeness::Partial(format!(
                "{} of {} rows could not be read; {first}",
                wrong.len(),
                self.rows.len()
            )),
        };
        VenueReport { scope, completeness, venue_time, rows }
    }
}

/// Reads an array of ccxt's unified positions (`fetchPositions`), as JSON text.
///
/// # Errors
/// The text is no JSON, no array, or has more than 100,000 rows. What is wrong with one row is that row's [`Problem`].
pub fn positions(text: &str, source: &Source) -> Result<Positions, Unreadable> {
    let values = json::rows(text)?;
    let mut read: Vec<_> = values.iter().map(|value| row::read(value, source, false)).collect();
    let sideless =
        |read: &Result<Draft, Problem>| matches!(read, Err(problem) if problem.fault == Fault::NoSide);
    if read.iter().any(sideless) {
        // A negative amount in one row says that the amounts of all rows of its shape have signs.
        let signed: HashSet<String> = values.iter().filter_map(|value| row::negative_shape(value)).collect();
        for (value, read) in values.iter().zip(&mut read).filter(|(_, read)| sideless(read)) {
            if row::shape(value).is_some_and(|shape| signed.contains(&shape)) {
                *read = row::read(value, source, true);
            }
        }
    }
    let mut sides: HashMap<Symbol, Sides> = HashMap::new();
    for draft in read.iter().flatten() {
        if let Draft::Open(position, told) = draft {
            sides.entry(position.symbol.clone()).or_default().add(position, *told);
        }
    }
    let mut rows: Vec<Row> = read
        .into_iter()
        .map(|draft| match draft {
            Ok(Draft::Open(mut position, told)) => {
                if !told && sides.get(&position.symbol).is_some_and(Sides::hedged) {
                    position.leg = if position.side == Side::Long { Leg::Long } else { Leg::Short };
                }
                Row::Position(position)
            }
            Ok(Draft::Flat(flat)) => Row::Flat(flat),
            Err(problem) => Row::Problem(problem),
        })
        .collect();
    refuse_duplicates(&mut rows, source);
    Ok(Positions { rows, source: source.clone() })
}

/// What the open rows of one symbol show together.
#[derive(Default)]
struct Sides {
    legs: bool,
    long: bool,
    short: bool,
}

impl Sides {
    fn add(&mut self, position: &Position, told: bool) {
        self.legs |= told && position.leg != Leg::Net;
        if !told {
            self.long |= position.side == Side::Long;
            self.short |= position.side == Side::Short;
        }
    }

    /// Both sides at once, or a row that says so, is hedge mode.
    fn hedged(&self) -> bool {
        self.legs || self.long && self.short
    }
}

/// Two open rows of one key: neither is the truth. A flat row beside an open one is none of them (the empty leg of hedge
/// mode, or of a symbol that was never opened).
fn refuse_duplicates(rows: &mut [Row], source: &Source) {
    let mut open: HashMap<(Symbol, Leg), u32> = HashMap::new();
    for row in rows.iter() {
        if let Row::Position(position) = row {
            *open.entry((position.symbol.clone(), position.leg)).or_default() += 1;
        }
    }
    for row in rows {
        if let Row::Position(position) = row
            && open.get(&(position.symbol.clone(), position.leg)).is_some_and(|count| *count > 1)
        {
            *row = Row::Problem(source.problem(Some(position.symbol.as_str()), "symbol", Fault::Duplicate));
        }
    }
}
