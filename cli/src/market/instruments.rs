//! What the instruments of a tape are: declared by the user in a TOML file, or assumed from the ticks.
//!
//! ```toml
//! [[instrument]]
//! symbol = "BTCUSDT"          # as in the tick file
//! kind = "linear"             # linear, inverse, quanto or spot
//! contract_size = "1"         # how much of the base one contract is
//! price_step = "0.1"
//! quantity_step = "0.001"
//! minimum = "0.001"           # optional: the smallest order
//! base = "BTC"                # optional, like quote and settle
//! quote = "USDT"
//! settle = "USDT"
//! ```
//!
//! Numbers are strings, because a TOML number is a float and a step of 0.1 is none. They must be above zero. A
//! misspelt key or a symbol declared twice is refused: a contract size that is silently not read costs a factor of
//! a hundred. Every error is one line that names the file, the line, the instrument, the field and the rule.
//!
//! What is not declared is [`assumed`]: a linear contract of size one, with steps as fine as the finest number seen.
//! That is right for the usual USDT perpetuals and wrong for inverse contracts, so declare those.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use rust_decimal::Decimal;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Market;
use super::decimal::{self, BadNumber, Exponents};
use super::fault::{one_line, shown};
use super::layout::is_symbol;

/// The longest file that is read: some thousand instruments.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// The keys of an instrument.
const KEYS: [&str; 9] =
    ["symbol", "kind", "contract_size", "price_step", "quantity_step", "minimum", "base", "quote", "settle"];

/// What kind of contract an instrument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Profit in the quote currency: quantity times the difference of prices.
    Linear,
    /// Quoted in one currency, settled in the other.
    Inverse,
    /// Settled in a third currency.
    Quanto,
    /// No contract at all: the thing itself.
    Spot,
}

/// An instrument as declared or assumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The symbol, as in the tick file.
    pub symbol: String,
    /// What kind of contract it is.
    pub kind: Kind,
    /// How much one contract is.
    pub contract_size: Decimal,
    /// The unit of prices.
    pub price_step: Decimal,
    /// The unit of quantities.
    pub quantity_step: Decimal,
    /// The smallest quantity of an order, if there is one.
    pub minimum: Option<Decimal>,
    /// What is traded.
    pub base: Option<String>,
    /// What prices are in.
    pub quote: Option<String>,
    /// What profits are paid in.
    pub settle: Option<String>,
}

/// An instruments file that cannot be used, where it is wrong, and why.
#[derive(Debug, thiserror::Error)]
#[error("{}{place}: {rule}", one_line(&.file.to_string_lossy()))]
pub struct InstrumentsError {
    /// The file, as it was named to us.
    file: PathBuf,
    /// Where in it.
    place: Box<Place>,
    /// What is wrong.
    rule: Rule,
}

/// The line, the instrument and the field of an error, as far as known.
#[derive(Debug, Default)]
struct Place {
    line: Option<usize>,
    /// Which one from 1, and its symbol in quotes.
    entry: Option<(usize, Option<String>)>,
    field: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(out, ":{line}")?;
        }
        match &self.entry {
            Some((number, Some(symbol))) => write!(out, ": instrument {number} {symbol}")?,
            Some((number, None)) => write!(out, ": instrument {number}")?,
            None => {}
        }
        match &self.field {
            Some(field) => write!(out, ": {field}"),
            None => Ok(()),
        }
    }
}

/// What is wrong, and what was expected instead.
#[derive(Debug, thiserror::Error)]
enum Rule {
    #[error("no such file; expected a TOML file with [[instrument]] entries")]
    Missing,
    #[error("cannot be read: {0}; expected a readable file")]
    Unreadable(String),
    #[error("is longer than {MAX_BYTES} bytes; expected a list of instruments")]
    TooLong,
    #[error("is not UTF-8 text; expected a TOML file")]
    NotText,
    #[error("is not TOML: {0}")]
    NotToml(String),
    #[error("declares no instrument; expected at least one [[instrument]]")]
    None,
    #[error("is no list; expected [[instrument]], with two brackets on each side")]
    NotList,
    #[error("is not a table; expected [[instrument]]")]
    NotTable,
    #[error("unknown key; expected only [[instrument]] entries")]
    UnknownEntry,
    #[error("unknown key; expected one of {}", KEYS.join(", "))]
    UnknownKey,
    #[error("is missing; expected {0}")]
    Absent(&'static str),
    #[error("is not a string but of type {0}; expected {1}")]
    NotString(&'static str, &'static str),
    #[error("{0} {1}")]
    Number(String, BadNumber),
    #[error("{0} is zero; expected more than zero")]
    Zero(String),
    #[error("{0} is no kind; expected linear, inverse, quanto or spot")]
    Kind(String),
    #[error("{0} is not a name; expected 1 to 64 printable characters without spaces")]
    Name(String),
    #[error("{0} is declared twice; first in line {1}")]
    Twice(String, usize),
}

/// What the fields should look like, for errors.
const A_NUMBER: &str = "a number in quotes, such as \"0.1\"";
const A_NAME: &str = "a name in quotes, such as \"BTCUSDT\"";
const A_KIND: &str = "\"linear\", \"inverse\", \"quanto\" or \"spot\"";

/// Reads a file of declarations.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn read(path: &Path) -> Result<Vec<Declared>, InstrumentsError> {
    let refused = |rule| InstrumentsError { file: path.to_path_buf(), place: Box::default(), rule };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(|error| {
        refused(match error.kind() {
            ErrorKind::NotFound => Rule::Missing,
            _ => Rule::Unreadable(one_line(&error.to_string())),
        })
    })?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(refused(Rule::TooLong));
    }
    parse(path, str::from_utf8(&bytes).map_err(|_| refused(Rule::NotText))?)
}

/// Reads declarations out of a text. `path` is only named in errors.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse(path: &Path, text: &str) -> Result<Vec<Declared>, InstrumentsError> {
    declarations(text).map_err(|(place, rule)| InstrumentsError {
        file: path.to_path_buf(),
        place: Box::new(place),
        rule,
    })
}

/// Where and why something is refused.
type Refusal = (Place, Rule);

fn declarations(text: &str) -> Result<Vec<Declared>, Refusal> {
    let line = |span: Range<usize>| line_of(text, span.start);
    let at = |span: Range<usize>| Place { line: Some(line(span)), ..Place::default() };
    let document = DeTable::parse(text).map_err(|error| {
        let place = Place { line: error.span().map(line), ..Place::default() };
        (place, Rule::NotToml(one_line(&error.message().replace('\n', "; "))))
    })?;
    let mut list = None;
    for (key, value) in document.get_ref().iter() {
        if key.get_ref() != "instrument" {
            let field = Some(shown(key.get_ref()));
            return Err((Place { field, ..at(key.span()) }, Rule::UnknownEntry));
        }
        let DeValue::Array(entries) = value.get_ref() else {
            return Err((Place { field: Some("instrument".to_owned()), ..at(key.span()) }, Rule::NotList));
        };
        list = Some(entries);
    }

    let mut declared = Vec::new();
    let mut seen: Vec<(String, usize)> = Vec::new();
    for (index, value) in list.into_iter().flat_map(|entries| entries.iter()).enumerate() {
        let DeValue::Table(table) = value.get_ref() else {
            let entry = Some((index + 1, None));
            return Err((Place { entry, ..at(value.span()) }, Rule::NotTable));
        };
        let entry = Entry { text, number: index + 1, start: value.span().start, table };
        let one = entry.read()?;
        let here = entry.line("symbol");
        if let Some((symbol, first)) = seen.iter().find(|(symbol, _)| *symbol == one.symbol) {
            return Err(entry.refuse("symbol", Rule::Twice(shown(symbol), *first)));
        }
        seen.push((one.symbol.clone(), here));
        declared.push(one);
    }
    if declared.is_empty() { Err((Place::default(), Rule::None)) } else { Ok(declared) }
}

/// The line, from 1, of the byte at `offset`.
fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
}

/// One `[[instrument]]`.
struct Entry<'a> {
    text: &'a str,
    /// Which one it is, from 1.
    number: usize,
    /// Where it begins.
    start: usize,
    table: &'a DeTable<'a>,
}

impl Entry<'_> {
    fn read(&self) -> Result<Declared, Refusal> {
        for key in self.table.keys() {
            if !KEYS.contains(&key.get_ref().as_ref()) {
                let (mut place, rule) = self.refuse("", Rule::UnknownKey);
                place.line = Some(line_of(self.text, key.span().start));
                place.field = Some(shown(key.get_ref()));
                return Err((place, rule));
            }
        }
        Ok(Declared {
            symbol: self.required("symbol", A_NAME, self.name("symbol")?)?,
            kind: self.required("kind", A_KIND, self.kind()?)?,
            contract_size: self.required("contract_size", A_NUMBER, self.number("contract_size")?)?,
            price_step: self.required("price_step", A_NUMBER, self.number("price_step")?)?,
            quantity_step: self.required("quantity_step", A_NUMBER, self.number("quantity_step")?)?,
            minimum: self.number("minimum")?,
            base: self.name("base")?,
            quote: self.name("quote")?,
            settle: self.name("settle")?,
        })
    }

    fn value(&self, field: &str) -> Option<&Spanned<DeValue<'_>>> {
        self.table.get(field)
    }

    /// The line of a field, or of the entry if the field is not there.
    fn line(&self, field: &str) -> usize {
        line_of(self.text, self.value(field).map_or(self.start, |value| value.span().start))
    }

    /// An error at a field of this entry, which is named by its symbol if it has one.
    fn refuse(&self, field: &str, rule: Rule) -> Refusal {
        let symbol = self.value("symbol").and_then(|value| value.get_ref().as_str()).map(shown);
        let place = Place {
            line: Some(self.line(field)),
            entry: Some((self.number, symbol)),
            field: Some(field.to_owned()),
        };
        (place, rule)
    }

    fn required<T>(&self, field: &str, expected: &'static str, value: Option<T>) -> Result<T, Refusal> {
        value.ok_or_else(|| self.refuse(field, Rule::Absent(expected)))
    }

    fn string(&self, field: &str, expected: &'static str) -> Result<Option<&str>, Refusal> {
        let Some(value) = self.value(field) else { return Ok(None) };
        match value.get_ref().as_str() {
            Some(text) => Ok(Some(text)),
            None => Err(self.refuse(field, Rule::NotString(value.get_ref().type_str(), expected))),
        }
    }

    fn name(&self, field: &str) -> Result<Option<String>, Refusal> {
        match self.string(field, A_NAME)? {
            Some(text) if is_symbol(text) => Ok(Some(text.to_owned())),
            Some(text) => Err(self.refuse(field, Rule::Name(shown(text)))),
            None => Ok(None),
        }
    }

    fn kind(&self) -> Result<Option<Kind>, Refusal> {
        match self.string("kind", A_KIND)? {
            Some("linear") => Ok(Some(Kind::Linear)),
            Some("inverse") => Ok(Some(Kind::Inverse)),
            Some("quanto") => Ok(Some(Kind::Quanto)),
            Some("spot") => Ok(Some(Kind::Spot)),
            Some(other) => Err(self.refuse("kind", Rule::Kind(shown(other)))),
            None => Ok(None),
        }
    }

    fn number(&self, field: &str) -> Result<Option<Decimal>, Refusal> {
        let Some(text) = self.string(field, A_NUMBER)? else { return Ok(None) };
        match decimal::parse(text, Exponents::Refused) {
            Ok(number) if number.is_zero() => Err(self.refuse(field, Rule::Zero(shown(text)))),
            Ok(number) => Ok(Some(number)),
            Err(error) => Err(self.refuse(field, Rule::Number(shown(text), error))),
        }
    }
}

/// What is taken for granted about a market that nobody declared: linear, contracts of size one, steps as fine as the
/// finest number seen, and currencies guessed from the symbol.
#[must_use]
pub fn assumed(market: &Market) -> Declared {
    let (base, quote, settle) = currencies(&market.symbol);
    Declared {
        symbol: market.symbol.clone(),
        kind: Kind::Linear,
        contract_size: Decimal::ONE,
        price_step: step(market.price_scale),
        quantity_step: step(market.quantity_scale),
        minimum: None,
        base: Some(base.to_owned()),
        quote: Some(quote.to_owned()),
        settle: Some(settle.to_owned()),
    }
}

/// One unit of the last of so many decimals.
fn step(scale: u32) -> Decimal {
    Decimal::try_new(1, scale.min(Decimal::MAX_SCALE)).unwrap_or(Decimal::ONE)
}

/// The currencies that things are priced in. `FDUSD` and `BUSD` stand before `USD`, which they end in.
const QUOTES: [&str; 8] = ["USDT", "USDC", "FDUSD", "BUSD", "USD", "EUR", "BTC", "ETH"];

/// Splits a symbol into base, quote and settlement currency, as far as its form allows:
///
/// * `BTC/USDT:USDT`, `BTC/USD:BTC-240628`: as ccxt writes them;
/// * `BTC-USD-SWAP`, `BTC-USDT`, `BTC_USDT`: the first two parts, if the second is a currency;
/// * `BTCUSD_PERP`, `BTCUSDT`: what stands before a known currency at the end of the first part.
///
/// Anything else is its own base, priced and settled in USD.
fn currencies(symbol: &str) -> (&str, &str, &str) {
    if let Some((base, rest)) = symbol.split_once('/') {
        let (quote, settle) = rest.split_once(':').unwrap_or((rest, rest));
        let settle = settle.split_once('-').map_or(settle, |(settle, _)| settle);
        if ![base, quote, settle].contains(&"") {
            return (base, quote, settle);
        }
    }
    let mut parts = symbol.splitn(3, ['-', '_']);
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    let quote = second.filter(|second| QUOTES.contains(second) && !first.is_empty());
    if let Some(quote) = quote {
        return (first, quote, quote);
    }
    for quote in QUOTES {
        if let Some(base) = first.strip_suffix(quote).filter(|base| !base.is_empty()) {
            return (base, quote, quote);
        }
    }
    (symbol, "USD", "USD")
}
