//! Where in a row the things we read stand, and the one reader of rows.
//!
//! [`super::ticks`] and [`super::binance`] look at the first line of a file and describe it as a [`Layout`]. From then
//! on all files are alike: split the line, take the time, the symbol and the numbers from their columns, check
//! them. Columns that nobody needs (the exchange's time, trade ids, who was the aggressor) are not even looked at.
//!
//! Three outcomes of a row: a tick; nothing, when the price or one side of a quote is empty, which means "not sent";
//! or a fault that names the column.

use rust_decimal::Decimal;

use super::TickKind;
use super::decimal::{self, Exponents};
use super::fault::{Fault, shown};
use super::{binance, ticks};

/// More columns than any file we know has; a header with more is not one of ours.
pub(super) const MAX_COLUMNS: usize = 32;

/// What the first line of a file says about all others.
#[derive(Debug)]
pub(super) struct Layout {
    /// The names of the columns; those of a file without a header are ours.
    pub columns: Vec<String>,
    /// Where the time stands, and on which clock.
    pub time: (usize, Clock),
    /// Where the symbol comes from.
    pub symbol: SymbolFrom,
    /// What a row says.
    pub values: Values,
    /// Whether the first line was itself a row.
    pub headless: bool,
}

/// How a file writes time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    /// Nanoseconds since 1970.
    Nanoseconds,
    /// Milliseconds or microseconds since 1970, told apart by their size.
    Binance,
}

/// Where the symbol of a row comes from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SymbolFrom {
    /// A column.
    Column(usize),
    /// The name of the file: all rows have this one.
    Name(String),
}

/// Which columns make up a tick.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// A trade.
    Trade { price: usize, quantity: usize },
    /// The top of the book. The quantities only tell how fine quantities are here.
    Quote { bid: usize, ask: usize, bid_quantity: Option<usize>, ask_quantity: Option<usize> },
    /// A mark price.
    Mark { price: usize },
}

/// A row that became a tick.
#[derive(Debug)]
pub(super) struct Row<'a> {
    /// When, in nanoseconds.
    pub time: i64,
    /// Whose.
    pub symbol: &'a str,
    /// What.
    pub kind: TickKind,
    /// The finest decimals of its quantities.
    pub quantity_scale: u32,
}

/// What is wrong with a row, and in which column.
#[derive(Debug)]
pub(super) struct RowFault {
    /// The index of the column.
    pub column: usize,
    /// What is wrong.
    pub fault: Fault,
}

/// A first line, split: the names of the columns, or the first row of a file without names.
pub(super) struct Header<'a>(pub Vec<&'a str>);

impl Header<'_> {
    /// Where the column of this name stands.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|column| *column == name)
    }

    /// The names as a layout keeps them.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(|&name| name.to_owned()).collect()
    }
}

impl Layout {
    /// Recognises a file by its first line. `names` are the names it goes by: its own and that inside a zip.
    ///
    /// # Errors
    /// The column that is wrong, if it is one, and what is wrong.
    pub fn recognise(first: &str, names: &[&str]) -> Result<Layout, (Option<String>, Fault)> {
        let header = Header(first.split(',').map(unquoted).collect());
        let known = match ticks::recognise(&header) {
            Some(layout) => Some(layout),
            None => binance::recognise(&header, names).map_err(|fault| (None, fault))?,
        };
        let layout = known
            .filter(|layout| layout.columns.len() <= MAX_COLUMNS)
            .ok_or_else(|| (None, Fault::Columns(shown(first))))?;
        let mut seen: Vec<&str> = Vec::new();
        for name in &layout.columns {
            if !name.is_empty() && seen.contains(&name.as_str()) {
                return Err((Some(name.clone()), Fault::ColumnTwice));
            }
            seen.push(name);
        }
        Ok(layout)
    }

    /// The name of a column.
    pub fn column(&self, index: usize) -> &str {
        self.columns.get(index).map_or("", String::as_str)
    }

    /// Which column to name when a symbol is wrong.
    pub fn symbol_column(&self) -> usize {
        match self.symbol {
            SymbolFrom::Column(column) => column,
            SymbolFrom::Name(_) => 0,
        }
    }

    /// The column in which the byte at `offset` of a line stands.
    pub fn column_at(&self, line: &[u8], offset: usize) -> usize {
        let commas = line.iter().take(offset).filter(|&&byte| byte == b',').count();
        commas.min(self.columns.len().saturating_sub(1))
    }

    /// Reads a row; `None` if it says that something was not sent.
    ///
    /// # Errors
    /// The first column that cannot be read.
    pub fn read<'a>(&'a self, line: &'a str) -> Result<Option<Row<'a>>, RowFault> {
        let mut fields = [""; MAX_COLUMNS];
        let mut found = 0;
        for field in line.split(',') {
            if let Some(slot) = fields.get_mut(found) {
                *slot = unquoted(field);
            }
            found += 1;
        }
        let expected = self.columns.len();
        if found != expected {
            // The first column that is missing, or the last that is known.
            let column = found.min(expected.saturating_sub(1));
            return Err(RowFault { column, fault: Fault::Fields { found, expected } });
        }

        let fields = Fields(&fields);
        let time = fields.time(self.time.0, self.time.1)?;
        let symbol = match &self.symbol {
            SymbolFrom::Column(column) => fields.symbol(*column)?,
            SymbolFrom::Name(name) => name,
        };
        let mut quantity_scale = 0;
        let kind = match self.values {
            Values::Trade { price, quantity } => {
                let (price, quantity) = (fields.above_zero(price)?, fields.above_zero(quantity)?);
                quantity_scale = quantity.scale();
                TickKind::Trade { price, quantity }
            }
            Values::Mark { price } => match fields.sent(price)? {
                Some(price) => TickKind::Mark { price },
                None => return Ok(None),
            },
            Values::Quote { bid, ask, bid_quantity, ask_quantity } => {
                let sides = (fields.sent(bid)?, fields.sent(ask)?);
                for column in [bid_quantity, ask_quantity].into_iter().flatten() {
                    if !fields.get(column).is_empty() {
                        quantity_scale = quantity_scale.max(fields.number(column)?.scale());
                    }
                }
                match sides {
                    (Some(best_bid), Some(best_ask)) if best_bid > best_ask => {
                        let (column, bid, ask) = (bid, shown(fields.get(bid)), shown(fields.get(ask)));
                        return Err(RowFault { column, fault: Fault::Crossed { bid, ask } });
                    }
                    (Some(bid), Some(ask)) => TickKind::Quote { bid, ask },
                    _ => return Ok(None),
                }
            }
        };
        Ok(Some(Row { time, symbol, kind, quantity_scale }))
    }
}

/// The fields of one row.
struct Fields<'f, 'a>(&'f [&'a str]);

impl<'a> Fields<'_, 'a> {
    fn get(&self, column: usize) -> &'a str {
        self.0.get(column).copied().unwrap_or_default()
    }

    /// A number of zero or more.
    fn number(&self, column: usize) -> Result<Decimal, RowFault> {
        let text = self.get(column);
        decimal::parse(text, Exponents::Allowed)
            .map_err(|error| RowFault { column, fault: Fault::Number(shown(text), error) })
    }

    /// A number above zero.
    fn above_zero(&self, column: usize) -> Result<Decimal, RowFault> {
        let number = self.number(column)?;
        if number.is_zero() {
            return Err(RowFault { column, fault: Fault::Zero(shown(self.get(column))) });
        }
        Ok(number)
    }

    /// A number above zero, unless it was not sent.
    fn sent(&self, column: usize) -> Result<Option<Decimal>, RowFault> {
        if self.get(column).is_empty() { Ok(None) } else { self.above_zero(column).map(Some) }
    }

    /// A symbol: something a person can read and type.
    fn symbol(&self, column: usize) -> Result<&'a str, RowFault> {
        let text = self.get(column);
        if is_symbol(text) { Ok(text) } else { Err(RowFault { column, fault: Fault::Symbol(shown(text)) }) }
    }

    /// A time in nanoseconds.
    fn time(&self, column: usize, clock: Clock) -> Result<i64, RowFault> {
        let text = self.get(column);
        let number = if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None };
        let (time, expected) = match clock {
            Clock::Nanoseconds => (number, "nanoseconds since 1970, in digits"),
            Clock::Binance => (
                number.and_then(binance::nanoseconds),
                "milliseconds (13 digits) or microseconds (16 digits) since 1970",
            ),
        };
        time.ok_or_else(|| RowFault { column, fault: Fault::Time(shown(text), expected) })
    }
}

/// Whether a text can name an instrument.
pub(super) fn is_symbol(text: &str) -> bool {
    let odd = |character: char| character.is_whitespace() || character.is_control();
    !text.is_empty() && text.chars().count() <= 64 && !text.contains(odd)
}

/// A field without the quotes that a spreadsheet puts around it. No field of ours has a comma inside.
fn unquoted(field: &str) -> &str {
    field.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(field)
}
