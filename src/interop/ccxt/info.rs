//! The exchange's own row: what its fields say, by their names. A field of the row itself wins over one of an inner object,
//! and only objects that can be the position itself are looked into.

use rust_decimal::Decimal;
use serde_json::value::RawValue;

use super::Faulty;
use super::json::{self, Fields, Token, token, value_number};
use super::names::{
    self, AMOUNTS, CLOSED, CLOSED_AT, DIRECTIONS, IDS, MARGIN_MODES, MODES, STATES, Sign, Unit, YES_IS_LONG,
};
use super::number::Number;
use super::words::{self, Direction, folded};
use crate::model::Side;
use crate::venue::MarginMode;

/// How deep inner objects are looked into.
const DEEPEST: usize = 3;

/// How much is open, by the exchange's own row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Amount {
    pub name: String,
    pub number: Number,
    pub sign: Sign,
    pub unit: Unit,
    /// Of how much it is what is left, where the row says how much of that was closed.
    pub left_of: Option<Decimal>,
    /// It was written as a fixed-point integer, with a sign.
    pub scaled: bool,
}

/// The fields of an exchange's own row, outermost first.
pub(super) struct Info<'a> {
    levels: Vec<Vec<(String, String, &'a RawValue)>>,
    /// All of it, as it is written.
    text: &'a str,
}

impl Amount {
    /// Whether its name may as well be that of an order's or a closing's quantity.
    pub fn is_vague(&self) -> bool {
        let name = self.name.rsplit('.').next().map(folded);
        name.is_some_and(|name| ["qty", "quantity", "volume", "amount"].contains(&name.as_str()))
    }

    /// An integer of 18 decimals as what it means: base units, with a sign.
    fn unscaled(self) -> Self {
        let value = self.number.value;
        let scaled =
            value.checked_mul(Decimal::new(1, 18)).filter(|_| value.scale() == 0 && self.number.exact);
        // 28 decimals hold a product of that many digits, or it was rounded.
        match scaled.filter(|scaled| scaled.checked_mul(Decimal::from(10_u64.pow(18))) == Some(value)) {
            Some(scaled) => Self {
                number: Number { value: scaled.normalize(), exact: true },
                sign: Sign::Side,
                unit: Unit::Base,
                scaled: true,
                ..self
            },
            None => self,
        }
    }

    /// Some exchanges write fixed-point integers of 18 decimals: so great a number is no amount as it stands.
    pub fn is_fixed_point(&self) -> bool {
        self.number.value.abs() >= Decimal::from(1_000_000_000_000_000_u64)
    }
}

impl<'a> Info<'a> {
    /// Looks into an object. An array (bitfinex has rows without names) and everything else says nothing.
    pub fn of(value: &'a RawValue) -> Result<Self, Faulty> {
        let mut info = Self { levels: Vec::new(), text: value.get() };
        if token(value) == Token::Object {
            info.level(value, "", 0)?;
        }
        Ok(info)
    }

    fn level(&mut self, value: &'a RawValue, path: &str, depth: usize) -> Result<(), Faulty> {
        let fields = Fields::of(value).map_err(|(field, fault)| (format!("{path}{field}"), fault))?;
        let level: Vec<_> =
            fields.iter().map(|(name, value)| (folded(name), format!("{path}{name}"), value)).collect();
        let inner: Vec<_> = level
            .iter()
            .filter_map(|(name, path, value)| match token(value) {
                Token::Object if may_be_the_position(name) => Some((format!("{path}."), *value)),
                // Of several nobody says which one the row is.
                Token::Array if name == "positions" => only(value).map(|one| (format!("{path}."), one)),
                _ => None,
            })
            .collect();
        self.levels.push(level);
        for (path, value) in inner {
            if depth < DEEPEST {
                self.level(value, &path, depth + 1)?;
            }
        }
        Ok(())
    }

    /// The first of these names that stands there with a value, and where; an outer level wins.
    fn find(&self, names: &[&str]) -> Option<(&str, &'a RawValue)> {
        self.levels.iter().find_map(|level| {
            names.iter().find_map(|wanted| {
                let found = level.iter().find(|(name, _, value)| name == wanted && is_said(value));
                found.map(|(_, path, value)| (path.as_str(), *value))
            })
        })
    }

    /// A number under one of these names, if it is legible.
    pub fn number(&self, names: &[&str]) -> Option<Number> {
        let (_, value) = self.find(names)?;
        value_number(value).ok().flatten()
    }

    /// All legible numbers under these names, of every level.
    pub fn numbers(&self, names: &[&str]) -> Vec<Decimal> {
        let named = self.levels.iter().flatten().filter(|(name, _, _)| names.contains(&name.as_str()));
        named.filter_map(|(_, _, value)| value_number(value).ok().flatten()).map(|n| n.value).collect()
    }

    /// Whether the exchange itself wrote this figure somewhere: then ccxt did not compute it.
    pub fn states(&self, figure: Decimal) -> bool {
        let figure = figure.abs();
        let mut all =
            self.levels.iter().flatten().filter_map(|(_, _, value)| value_number(value).ok().flatten());
        all.any(|n| near(n.value.abs(), figure))
    }

    /// How much is open. Where a name in the row says that it has 18 decimals, the amount beside it has them too.
    pub fn amount(&self) -> Result<Option<Amount>, Faulty> {
        let fixed = self.text.to_ascii_lowercase().contains("x18\"");
        let amount = self.written()?;
        Ok(amount.map(|amount| if fixed { amount.unscaled() } else { amount }))
    }

    fn written(&self) -> Result<Option<Amount>, Faulty> {
        for level in &self.levels {
            if let Some(left) = left_of(level) {
                return Ok(Some(left));
            }
            for (wanted, sign, unit) in AMOUNTS {
                let found = level.iter().find(|(name, _, value)| name == wanted && is_said(value));
                let Some((_, path, value)) = found else { continue };
                if matches!(token(value), Token::Object | Token::Array) {
                    continue;
                }
                let number = value_number(value).map_err(|fault| (path.clone(), fault))?;
                if let Some(number) = number {
                    return Ok(Some(Amount {
                        name: path.clone(),
                        number,
                        sign,
                        unit,
                        left_of: None,
                        scaled: false,
                    }));
                }
            }
        }
        Ok(None)
    }

    /// The other amounts of the same object that are not zero.
    pub fn others(&self, amount: &Amount) -> Vec<Amount> {
        let holds =
            |level: &&Vec<(String, String, &RawValue)>| level.iter().any(|(_, path, _)| *path == amount.name);
        let Some(level) = self.levels.iter().find(holds) else { return Vec::new() };
        let named = AMOUNTS.iter().filter_map(|(wanted, sign, unit)| {
            let (_, path, value) = level.iter().find(|(name, _, _)| name == wanted)?;
            let number = value_number(value).ok().flatten().filter(|n| !n.value.is_zero())?;
            (*path != amount.name).then(|| Amount {
                name: path.clone(),
                number,
                sign: *sign,
                unit: *unit,
                left_of: None,
                scaled: false,
            })
        });
        named.collect()
    }

    /// The first word that tells a direction; where none does, whether the amount's sign tells it.
    pub fn direction(&self) -> Direction {
        let mut signed = false;
        for level in &self.levels {
            for wanted in DIRECTIONS {
                for (_, _, value) in level.iter().filter(|(name, _, _)| name == wanted) {
                    let Token::Text(word) = token(value) else { continue };
                    match words::direction(&word) {
                        Direction::Of(side) => return Direction::Of(side),
                        Direction::Signed => signed = true,
                        Direction::Silent | Direction::Unknown => {}
                    }
                }
            }
            // A type of a position is long or short; what is bought or sold there is the order's.
            for (_, _, value) in level.iter().filter(|(name, _, _)| name.ends_with("type")) {
                let Token::Text(word) = token(value) else { continue };
                match folded(&word).as_str() {
                    "long" => return Direction::Of(Side::Long),
                    "short" => return Direction::Of(Side::Short),
                    _ => {}
                }
            }
            for (_, _, value) in level.iter().filter(|(name, _, _)| YES_IS_LONG.contains(&name.as_str())) {
                match truth(value) {
                    Some(true) => return Direction::Of(Side::Long),
                    Some(false) => return Direction::Of(Side::Short),
                    None => {}
                }
            }
            if let Some(sign) = level.iter().find(|(name, _, _)| name == "sign") {
                match value_number(sign.2).ok().flatten().map(|n| n.value) {
                    Some(one) if one == Decimal::ONE => return Direction::Of(Side::Long),
                    Some(one) if one == Decimal::NEGATIVE_ONE => return Direction::Of(Side::Short),
                    _ => {}
                }
            }
        }
        if signed { Direction::Signed } else { Direction::Silent }
    }

    /// Whether anything in the row, at any depth, may tell a direction: a name or a word that speaks of one, or a type in
    /// numbers.
    pub fn may_tell_direction(&self) -> bool {
        let text = self.text.to_ascii_lowercase();
        let words = ["side", "dir", "long", "short", "sign", "buy", "sell", "bid\"", "ask\""];
        let typed = |(name, _, value): &(String, String, &RawValue)| {
            name.ends_with("type") && value_number(value).ok().flatten().is_some()
        };
        words.iter().any(|word| text.contains(word)) || self.levels.iter().flatten().any(typed)
    }

    /// All names, in their order.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.levels.iter().flatten().map(|(_, path, _)| path.as_str()).collect();
        names.join(" ")
    }

    /// Whether the row looks whole: it names what it is, and says more of it than an excerpt does.
    pub fn is_whole(&self) -> bool {
        self.name().is_some() && self.levels.iter().map(Vec::len).sum::<usize>() >= 5
    }

    /// A word of the position's own side: in hedge mode, the leg.
    pub fn own_side(&self) -> Direction {
        let found = self.find(&["positionside", "posside", "ps"]);
        match found.map(|(_, value)| token(value)) {
            Some(Token::Text(word)) => words::direction(&word),
            _ => Direction::Unknown,
        }
    }

    /// The same, where it is a word or a number that is not understood.
    pub fn unknown_side(&self) -> Option<String> {
        let said = match token(self.find(&["positionside", "posside", "ps"])?.1) {
            Token::Text(word) => word,
            Token::Number(number) => number.to_owned(),
            _ => return None,
        };
        (words::direction(&said) == Direction::Unknown).then_some(said)
    }

    /// Whether the row says that the account is in hedge mode.
    pub fn hedged(&self) -> Option<bool> {
        if let Some((_, value)) = self.find(&["onlyoneposition"])
            && let Some(only) = truth(value)
        {
            return Some(!only);
        }
        let modes = self.levels.iter().flatten().filter(|(name, _, _)| MODES.contains(&name.as_str()));
        for (name, _, value) in modes {
            let said = match token(value) {
                Token::Text(word) => words::hedged(&word),
                Token::Bool(yes) if name == "hedgemode" => Some(yes),
                _ => None,
            };
            if said.is_some() {
                return said;
            }
        }
        None
    }

    /// The margin mode, by word or by yes and no. A number says nothing: 1 is cross at one exchange and isolated at another.
    pub fn margin_mode(&self) -> Option<MarginMode> {
        if let Some((_, value)) = self.find(&MARGIN_MODES)
            && let Token::Text(word) = token(value)
            && let Some(mode) = words::margin_mode(&word)
        {
            return Some(mode);
        }
        let of = |yes, then: MarginMode, other| if yes { then } else { other };
        let said = |names: &[&str]| self.find(names).and_then(|(_, value)| truth(value));
        let (isolated, cross) = (MarginMode::Isolated, MarginMode::Cross);
        let by_isolated = said(&["isolated"]).map(|yes| of(yes, isolated, cross));
        by_isolated.or_else(|| said(&["crossmode", "crossmargin"]).map(|yes| of(yes, cross, isolated)))
    }

    /// bybit's and its relatives' number of the leg: 0 is one-way, 1 long, 2 short.
    pub fn position_index(&self) -> Option<u32> {
        let index = self.number(&["positionidx", "positionindex"])?;
        [0, 1, 2].into_iter().find(|n| Decimal::from(*n) == index.value)
    }

    /// The exchange's own name of what is open; a number only where there is no text.
    pub fn name(&self) -> Option<String> {
        let named = || {
            self.levels.iter().flat_map(|level| {
                IDS.iter().filter_map(|wanted| level.iter().find(|(name, _, _)| name == wanted))
            })
        };
        let text = named().find_map(|(_, _, value)| match token(value) {
            Token::Text(name) if !name.is_empty() => Some(name),
            _ => None,
        });
        text.or_else(|| {
            named().find_map(|(_, _, value)| match token(value) {
                Token::Number(name) => Some(name.to_owned()),
                _ => None,
            })
        })
    }

    /// A text under this name.
    pub fn word(&self, name: &str) -> Option<String> {
        match self.find(&[name]).map(|(_, value)| token(value)) {
            Some(Token::Text(word)) => Some(word),
            _ => None,
        }
    }

    /// Whether the row says that profit is paid in the base currency.
    pub fn inverse(&self) -> Option<bool> {
        self.find(&["isinverse"]).and_then(|(_, value)| truth(value))
    }

    /// Whether a field is filled that only a closed position's row fills.
    pub fn closed(&self) -> bool {
        let is = |name: &str| {
            CLOSED.contains(&name) || names::is_closing_price(name) || names::is_closed_quantity(name)
        };
        self.levels.iter().flatten().any(|(name, _, value)| is(name) && is_filled(value))
    }

    /// Whether all of it was closed: the time of closing stands there, a word says so, or opened and closed quantity do and are
    /// equal.
    pub fn is_over(&self) -> bool {
        let filled = |names: &[&str], is: fn(&RawValue) -> bool| {
            self.levels.iter().flatten().any(|(name, _, value)| names.contains(&name.as_str()) && is(value))
        };
        if filled(&CLOSED_AT, is_filled) || filled(&STATES, is_closed_word) {
            return true;
        }
        let pairs = [
            ("opentotalpos", "closetotalpos"),
            ("openmaxpos", "closetotalpos"),
            ("maxpositions", "closepositions"),
            ("openpositionvolume", "closepositionvolume"),
            ("cumopensize", "cumclosesize"),
        ];
        let number = |name: &str| self.number(&[name]).map(|n| n.value).filter(|n| !n.is_zero());
        let equal = |a: &str, b: &str| number(a).is_some_and(|a| number(b) == Some(a));
        // Bought at one price and sold at another, as much as there ever was of it.
        let traded = number("longprice").is_some() && number("shortprice").is_some();
        pairs.iter().any(|(opened, closed)| equal(opened, closed)) || traded && equal("maxsize", "accumsize")
    }

    /// Whether this much was closed.
    pub fn was_closed(&self, amount: Decimal) -> bool {
        self.says(amount, names::is_closed_quantity)
    }

    /// Whether this much can still be closed.
    pub fn is_available(&self, amount: Decimal) -> bool {
        self.says(amount, names::is_available)
    }

    /// Whether a field whose name is one of these says this figure, whatever its sign.
    fn says(&self, figure: Decimal, is: fn(&str) -> bool) -> bool {
        let named = self.levels.iter().flatten().filter(|(name, _, _)| is(name));
        let mut numbers = named.filter_map(|(_, _, value)| value_number(value).ok().flatten());
        numbers.any(|n| near(n.value.abs(), figure.abs()))
    }

    /// Whether the row is there only for resting orders, or says of itself that nothing is open.
    pub fn says_flat(&self) -> bool {
        let open = self.find(&["isopen"]).and_then(|(_, value)| truth(value));
        let orders = self.numbers(&["openorderbuyqty", "openordersellqty"]);
        open == Some(false) || open == Some(true) && orders.iter().any(|quantity| !quantity.is_zero())
    }
}

/// The object in a list of exactly one.
fn only(list: &RawValue) -> Option<&RawValue> {
    match json::rows(list.get()).ok()?.as_slice() {
        [one] if token(one) == Token::Object => Some(*one),
        _ => None,
    }
}

/// Whether an inner object of this name can be the position itself, and not an order or a leg of something else.
fn may_be_the_position(name: &str) -> bool {
    ["position", "balance", "data", "info", "detail", "details", "state"].contains(&name)
        || name.ends_with("position")
}

/// What is left of an amount beside which stands how much of it was closed: `vol` less `vol_closed`.
fn left_of(level: &[(String, String, &RawValue)]) -> Option<Amount> {
    let number = |value: &RawValue| value_number(value).ok().flatten();
    level.iter().find_map(|(name, _, closed)| {
        let is_amount = |name: &&str| *name == "vol" || AMOUNTS.iter().any(|(known, _, _)| known == name);
        let whole = name.strip_suffix("closed").filter(is_amount)?;
        let (_, path, value) = level.iter().find(|(name, _, _)| name == whole)?;
        let (whole, closed) = (number(value)?, number(closed)?);
        let left =
            Number { value: whole.value.checked_sub(closed.value)?, exact: whole.exact && closed.exact };
        Some(Amount {
            name: path.clone(),
            number: left,
            sign: Sign::Unsaid,
            unit: Unit::Unsaid,
            left_of: Some(whole.value.abs()),
            scaled: false,
        })
    })
}

/// Neither nothing nor zero.
fn is_filled(value: &RawValue) -> bool {
    let not_zero = |text: &str| super::number::number(text).is_none_or(|n| !n.value.is_zero());
    match token(value) {
        Token::Text(text) => !text.is_empty() && not_zero(&text),
        Token::Number(text) => not_zero(text),
        _ => false,
    }
}

/// A state that is over.
fn is_closed_word(value: &RawValue) -> bool {
    match token(value) {
        Token::Text(word) => ["closed", "liquidated"].contains(&folded(&word).as_str()),
        _ => false,
    }
}

/// Null and empty text say nothing.
fn is_said(value: &RawValue) -> bool {
    !matches!(value.get(), "null" | "\"\"")
}

fn truth(value: &RawValue) -> Option<bool> {
    match token(value) {
        Token::Bool(yes) => Some(yes),
        Token::Text(word) => match folded(&word).as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// Equal up to what a float on the way loses.
pub(super) fn near(a: Decimal, b: Decimal) -> bool {
    if a.is_zero() || b.is_zero() {
        return a == b;
    }
    a.checked_div(b).is_some_and(|ratio| (ratio - Decimal::ONE).abs() < Decimal::new(1, 12))
}
