//! One row of unified positions: what ccxt says of it first, the exchange's own row second, the figures' proof third.

mod open;

use rust_decimal::Decimal;
use serde_json::value::RawValue;

use self::open::Open;
use super::figures::{Figures, Verdict};
use super::info::Info;
use super::json::{self, Fields, Token, token};
use super::names::{self, Sign, Unit};
use super::positions::{Flat, Position};
use super::problem::{Fault, Problem};
use super::words::{self, Direction};
use super::{Faulty, Market, Source};
use crate::error::shorten;
use crate::model::{Leg, Quantity, Side, Symbol};
use crate::venue::MarginMode;

/// A row that was read by itself; its leg may depend on the other rows.
pub(super) enum Draft {
    /// Open. `false`: neither the row nor its exchange says whether the account is in hedge mode, and the leg is `Net` only
    /// until another row is open on the other side.
    Open(Position, bool),
    Flat(Flat),
}

/// `signed`: another row of this shape has a negative amount.
pub(super) fn read(value: &RawValue, source: &Source, signed: bool) -> Result<Draft, Problem> {
    source.row(value, |fields| {
        let unpacked = fields.get("info").and_then(unpacked);
        let said = unpacked.as_deref().or_else(|| fields.get("info"));
        let own = said.filter(|info| matches!(token(info), Token::Object | Token::Array));
        let info = Info::of(own.unwrap_or(value))
            .map_err(|(field, fault)| (if own.is_some() { format!("info.{field}") } else { field }, fault))?;
        Row { fields, info, own_row: own.is_none(), signed, source }.read()
    })
}

struct Row<'a> {
    fields: &'a Fields<'a>,
    /// The exchange's row; the row itself if there is none beside it.
    info: Info<'a>,
    own_row: bool,
    /// Another row of this shape has a negative amount.
    signed: bool,
    source: &'a Source,
}

/// The names in the exchange's own row, and which of them is the amount. `None`: it has no amount.
pub(super) fn shape(value: &RawValue) -> Option<String> {
    shaped(value).map(|(shape, _)| shape)
}

/// The same of a row whose amount is negative.
pub(super) fn negative_shape(value: &RawValue) -> Option<String> {
    shaped(value).filter(|(_, amount)| *amount < Decimal::ZERO).map(|(shape, _)| shape)
}

fn shaped(value: &RawValue) -> Option<(String, Decimal)> {
    let fields = Fields::of(value).ok()?;
    let own = fields.get("info").filter(|info| token(info) == Token::Object);
    let info = Info::of(own?).ok()?;
    let amount = info.amount().ok()??;
    Some((format!("{} {}", amount.name, info.names()), amount.number.value))
}

impl Row<'_> {
    fn read(&self) -> Result<Draft, Faulty> {
        let symbol = self.symbol()?;
        let market = self.source.markets.of(symbol.as_str());
        let word = self.side_word();
        let said_size =
            self.fields.number("contractSize")?.map(|n| n.value).filter(|size| *size > Decimal::ZERO);
        let inverse = self.inverse(&symbol, market);
        let of_entry = |entry| Figures::of(self.fields, &self.info, self.own_row, entry, inverse);
        let known = [market.map(|m| m.contract_size), said_size];
        // What is not settled in a currency of its own is spot, and has no contracts.
        let spot = symbol.as_str().split_once('/').is_some_and(|(_, quote)| !quote.contains(':'));
        let said_size = said_size.or(spot.then_some(Decimal::ONE));
        let open = self.open(known, &of_entry(self.entry().ok().flatten()))?;
        let borrowed = match open {
            Some(_) => self.borrowed(&symbol)?,
            None => None,
        };
        let said_size = borrowed.as_ref().map_or(said_size, |_| Some(Decimal::ONE));
        let Some(open) = borrowed.or(open) else {
            let contract_size = market.map(|m| m.contract_size).or(said_size);
            let leg = self.leg(word.as_ref().ok().copied().flatten()).ok().flatten();
            return Ok(Draft::Flat(Flat { symbol, leg: leg.unwrap_or(Leg::Net), contract_size }));
        };
        let entry_price = self.entry()?;
        let figures = of_entry(entry_price);
        // Some versions of ccxt write the amount there.
        let is_amount = |size: &Decimal| *size != Decimal::ONE && *size == open.signed().abs();
        let said_size = said_size.filter(|size| open.contracts.is_some() || !is_amount(size));
        let side = self.side(word?, &open)?;
        let (contracts, contract_size) = self.contracts(&open, side, market, said_size, &figures)?;
        let by_figures = || match figures.negative_value(contracts, contract_size) {
            true => Some(Side::Short),
            false => figures.side(contracts, contract_size),
        };
        let by_sign = || self.sign_is_side(&open).then_some(Side::Long);
        let Some(side) = side.or_else(by_figures).or_else(by_sign) else {
            return Err(("side".to_owned(), Fault::NoSide));
        };
        let leg = self.leg(Some(side))?;
        let position = Position {
            symbol,
            leg: leg.unwrap_or(Leg::Net),
            side,
            contracts,
            contract_size,
            entry_price,
            mark_price: self.price("markPrice"),
            liquidation_price: self
                .price("liquidationPrice")
                .or_else(|| self.own_price(&names::LIQUIDATIONS)),
            unrealised: ["unrealizedPnl", "unrealizedProfit"]
                .iter()
                .find_map(|f| self.fields.extra(f))
                .map(|n| n.value),
            leverage: self.price("leverage").or_else(|| self.own_price(&names::LEVERAGES_SAID)),
            margin_mode: self.margin_mode(),
        };
        Ok(Draft::Open(position, leg.is_some()))
    }

    /// The name in a path of the exchange's own row.
    fn path(&self, name: &str) -> String {
        if self.own_row { name.to_owned() } else { format!("info.{name}") }
    }

    /// ccxt's symbol, else the exchange's own id, as ccxt itself keeps it for a market that it does not know. The markets
    /// translate an id.
    fn symbol(&self) -> Result<Symbol, Faulty> {
        let said = self.fields.text("symbol")?.or_else(|| self.info.name());
        let said = said.ok_or(("symbol".to_owned(), Fault::Missing))?;
        let symbol = self.source.markets.symbol_of(&said).unwrap_or(&said);
        symbol.parse().map_err(|refused| ("symbol".to_owned(), Fault::refused(&refused)))
    }

    /// What `side` says. An unknown word is a fault only where something is open.
    fn side_word(&self) -> Result<Option<Side>, Faulty> {
        let Some(word) = self.fields.text("side")? else { return Ok(None) };
        match words::direction(&word) {
            Direction::Of(side) => Ok(Some(side)),
            Direction::Signed | Direction::Silent => Ok(None),
            Direction::Unknown => Err(("side".to_owned(), Fault::UnknownWord { text: shorten(&word) })),
        }
    }

    /// Long or short by word or sign. A negative amount is never long.
    fn side(&self, word: Option<Side>, open: &Open) -> Result<Option<Side>, Faulty> {
        let raw = open.raw.as_ref();
        let negative =
            open.signed() < Decimal::ZERO || raw.is_some_and(|raw| raw.number.value < Decimal::ZERO);
        let told = match self.info.direction() {
            _ if word.is_some() => word,
            Direction::Of(side) => Some(side),
            _ => None,
        };
        if negative {
            if told == Some(Side::Long) {
                let but = match open.contracts {
                    Some(contracts) if contracts < Decimal::ZERO => format!("contracts says {contracts}"),
                    _ => self.says(raw),
                };
                let what = format!("says long, but {but}");
                return Err(("side".to_owned(), Fault::Contradiction { what }));
            }
            return Ok(Some(Side::Short));
        }
        // ccxt has such a side from an integer that it took for the amount.
        if told == Some(Side::Short) && raw.is_some_and(|raw| raw.scaled) {
            let what = format!("says short, but {}", self.says(raw));
            return Err(("side".to_owned(), Fault::Contradiction { what }));
        }
        if told.is_some() {
            return Ok(told);
        }
        // Whether a bare positive amount is long: only where its name or the mode says that the sign is the side.
        let signed =
            self.info.direction() == Direction::Signed || self.hedged_word() == Some(Direction::Signed);
        let positive = match raw {
            Some(raw) => raw.sign == Sign::Side || signed,
            None => signed,
        };
        Ok(positive.then_some(Side::Long))
    }

    /// Whether a positive amount is long because nothing else in the exchange's row could carry a direction: then its sign does.
    /// An excerpt leaves things out, and an asset has none: the row must name what it is and show that something is open.
    fn sign_is_side(&self, open: &Open) -> bool {
        let Some(raw) = &open.raw else { return false };
        if self.signed && raw.number.value > Decimal::ZERO {
            return true;
        }
        let live = ["unrealizedPnl", "unrealizedProfit"].iter().any(|name| self.fields.extra(name).is_some())
            || ["markPrice", "liquidationPrice", "collateral", "initialMargin"]
                .iter()
                .any(|name| self.price(name).is_some());
        raw.number.value > Decimal::ZERO && live && self.info.is_whole() && !self.info.may_tell_direction()
    }

    /// Contracts above zero, and the contract size as far as it is known.
    fn contracts(
        &self,
        open: &Open,
        side: Option<Side>,
        market: Option<Market>,
        said: Option<Decimal>,
        figures: &Figures,
    ) -> Result<(Decimal, Option<Decimal>), Faulty> {
        let known = market.map(|m| m.contract_size);
        let amount = open.signed().abs();
        let raw = match (open.contracts, &open.raw) {
            (None, Some(raw)) if raw.unit != Unit::Contracts => raw,
            _ => {
                let Some(known) = known else {
                    return Ok((amount, figures.contract_size(amount, side, said)));
                };
                return match figures.verdict(amount, side, known) {
                    Verdict::Kept => Ok((amount, Some(known))),
                    Verdict::Base => Ok((divided("contracts".to_owned(), amount, known)?, Some(known))),
                    Verdict::Disproved => {
                        let what =
                            format!("says {amount}, and its figures are not those of contracts of {known}");
                        Err(("contracts".to_owned(), Fault::Contradiction { what }))
                    }
                };
            }
        };
        let size = known.or(said);
        let unknown = || (self.path(&raw.name), Fault::UnknownUnit { text: raw.number.value.to_string() });
        if raw.is_fixed_point() {
            return Err(unknown());
        }
        if size == Some(Decimal::ONE) {
            // Contracts are base units, unless the figures show another contract than the row says.
            return match figures.unit(amount, side, None) {
                Some(unit) if unit != Decimal::ONE && known.is_some() => Err(unknown()),
                unit => Ok((amount, unit.or(size))),
            };
        }
        let unit = figures.unit(amount, side, size).or((raw.unit == Unit::Base).then_some(Decimal::ONE));
        match (unit, size) {
            (None, _) => Err(unknown()),
            (Some(unit), None) => Ok((amount, Some(unit))),
            (Some(unit), Some(size)) if unit == size => Ok((amount, Some(size))),
            (Some(_), Some(size)) => Ok((divided(self.path(&raw.name), amount, size)?, Some(size))),
        }
    }

    /// Zero is what exchanges write when they know no entry.
    fn entry(&self) -> Result<Option<Decimal>, Faulty> {
        let said = self.fields.number("entryPrice")?.filter(|n| !n.value.is_zero());
        let entry = said.or_else(|| self.info.number(&names::ENTRIES)).map(|n| n.value);
        Ok(entry.filter(|price| !price.is_zero()))
    }

    /// A figure for which zero means none, and which matters only if it is legible.
    fn price(&self, name: &str) -> Option<Decimal> {
        self.fields.extra(name).map(|n| n.value).filter(|price| *price > Decimal::ZERO)
    }

    /// The same figure where only the exchange's own row has it.
    fn own_price(&self, names: &[&str]) -> Option<Decimal> {
        self.info.number(names).map(|n| n.value).filter(|price| *price > Decimal::ZERO)
    }

    fn margin_mode(&self) -> Option<MarginMode> {
        let said = self.fields.text("marginMode").ok().flatten();
        said.as_deref().and_then(words::margin_mode).or_else(|| self.info.margin_mode())
    }

    /// BASE/QUOTE:SETTLE says how profit is paid. `None`: neither the symbol nor anybody else does.
    fn inverse(&self, symbol: &Symbol, market: Option<Market>) -> Option<bool> {
        if let Some(market) = market {
            return Some(market.inverse);
        }
        let Some((base, rest)) = symbol.as_str().split_once('/') else { return self.info.inverse() };
        let settle = rest.split_once(':').map_or(rest, |(_, settle)| settle);
        Some(settle.split('-').next() == Some(base))
    }

    fn hedged_word(&self) -> Option<Direction> {
        match self.fields.get("hedged").map(token) {
            Some(Token::Text(word)) => Some(words::direction(&word)),
            _ => None,
        }
    }

    /// The leg. `None`: nothing says whether the account is in hedge mode.
    fn leg(&self, side: Option<Side>) -> Result<Option<Leg>, Faulty> {
        let of = |side: Side| if side == Side::Long { Leg::Long } else { Leg::Short };
        let hedged = match self.fields.get("hedged").map(token) {
            Some(Token::Bool(hedged)) => Some(hedged),
            Some(Token::Text(word)) => match words::direction(&word) {
                Direction::Signed => Some(false),
                _ => words::hedged(&word),
            },
            _ => None,
        };
        let index = self.info.position_index().map(|index| match index {
            1 => Some(Side::Long),
            2 => Some(Side::Short),
            _ => None,
        });
        let own = match self.info.own_side() {
            Direction::Of(side) => Some(Some(side)),
            Direction::Signed => Some(None),
            _ => None,
        };
        let mode = hedged
            .or(index.map(|leg| leg.is_some()))
            .or_else(|| self.info.hedged())
            .or(own.map(|leg| leg.is_some()));
        match mode {
            None => Ok(None),
            Some(false) => Ok(Some(Leg::Net)),
            Some(true) => {
                let leg = index.flatten().or(own.flatten());
                if let (Some(leg), Some(side)) = (leg, side)
                    && leg != side
                {
                    let what = format!("says {side}, but the leg says {leg}");
                    return Err(("side".to_owned(), Fault::Contradiction { what }));
                }
                Ok(side.or(leg).map(of))
            }
        }
    }
}

/// Base units as contracts.
fn divided(field: String, amount: Decimal, size: Decimal) -> Result<Decimal, Faulty> {
    // What a quantity can hold has come out even: a quotient that was rounded has 28 digits.
    let even = |c: &Decimal| Quantity::new(*c).is_ok() && c.checked_mul(size) == Some(amount);
    let contracts = amount.checked_div(size).filter(even);
    let text = format!("{amount} / {size}");
    Ok(contracts.ok_or((field, Fault::TooManyDigits { text }))?.normalize())
}

/// The object in a list of one, or in a text that is JSON itself. `None`: it is neither.
fn unpacked(info: &RawValue) -> Option<Box<RawValue>> {
    let object = |value: Box<RawValue>| (token(&value) == Token::Object).then_some(value);
    match info.get().as_bytes().first()? {
        b'[' => match json::rows(info.get()).ok()?.as_slice() {
            [one] => object((*one).to_owned()),
            _ => None,
        },
        b'"' => {
            let text: String = serde_json::from_str(info.get()).ok()?;
            object(serde_json::from_str(&text).ok()?)
        }
        _ => None,
    }
}
