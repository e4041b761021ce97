//! One row of unified positions: what ccxt says of it first, the exchange's own row second, the figures' proof third.

use rust_decimal::Decimal;
use serde_json::value::RawValue;

use super::figures::Figures;
use super::info::{Amount, Info};
use super::json::{Fields, Token, token};
use super::names::{self, Sign, Unit};
use super::number::Number;
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

pub(super) fn read(value: &RawValue, source: &Source) -> Result<Draft, Problem> {
    source.row(value, |fields| {
        let own = fields.get("info").filter(|info| matches!(token(info), Token::Object | Token::Array));
        let info = Info::of(own.unwrap_or(value))
            .map_err(|(field, fault)| (if own.is_some() { format!("info.{field}") } else { field }, fault))?;
        Row { fields, info, own_row: own.is_none(), source }.read()
    })
}

struct Row<'a> {
    fields: &'a Fields<'a>,
    /// The exchange's row; the row itself if there is none beside it.
    info: Info<'a>,
    own_row: bool,
    source: &'a Source,
}

/// How much is open, before its unit and side are known.
struct Open {
    /// What ccxt says, in contracts. `None`: only the exchange's own row says how much.
    contracts: Option<Decimal>,
    raw: Option<Amount>,
}

impl Open {
    /// The figure that counts, with its sign.
    fn signed(&self) -> Decimal {
        self.contracts.or(self.raw.as_ref().map(|raw| raw.number.value)).unwrap_or_default()
    }
}

impl Row<'_> {
    fn read(&self) -> Result<Draft, Faulty> {
        let symbol = self.symbol()?;
        let market = self.source.markets.of(symbol.as_str());
        let word = self.side_word();
        let said_size =
            self.fields.number("contractSize")?.map(|n| n.value).filter(|size| *size > Decimal::ZERO);
        let Some(open) = self.open()? else {
            let contract_size = market.map(|m| m.contract_size).or(said_size);
            let leg = self.leg(word.as_ref().ok().copied().flatten()).ok().flatten();
            return Ok(Draft::Flat(Flat { symbol, leg: leg.unwrap_or(Leg::Net), contract_size }));
        };
        let entry_price = self.entry()?;
        let inverse = self.inverse(&symbol, market);
        let figures = Figures::of(self.fields, &self.info, self.own_row, entry_price, inverse);
        let side = self.side(word?, &open, &figures)?;
        let (contracts, contract_size) = self.contracts(&open, side, market, said_size, &figures)?;
        let Some(side) = side.or_else(|| figures.side(contracts, contract_size)) else {
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

    /// `None`: nothing is open.
    fn open(&self) -> Result<Option<Open>, Faulty> {
        let contracts = self.fields.number("contracts")?;
        let raw = self.info.amount().map_err(|(field, fault)| (self.path(&field), fault));
        if let Some(contracts) = contracts {
            self.whole("contracts", contracts)?;
            // An illegible amount of the exchange's matters only where it is needed.
            let raw = raw.ok().flatten();
            let amount = raw.as_ref().map(|raw| raw.number.value);
            if contracts.value.is_zero() {
                let was = raw.as_ref().is_none_or(|raw| raw.is_vague() && self.info.closed().is_some());
                return match amount {
                    Some(amount) if !amount.is_zero() && !was => {
                        Err(self.contradicted(contracts, raw.as_ref()))
                    }
                    _ => Ok(None),
                };
            }
            if amount.is_some_and(|a| a.is_zero()) && raw.as_ref().is_some_and(|raw| raw.sign == Sign::Side) {
                return Err(self.contradicted(contracts, raw.as_ref()));
            }
            if raw.as_ref().is_none_or(Amount::is_vague) && self.info.closed().is_some() {
                if self.info.is_over() {
                    return Ok(None);
                }
                return Err(("contracts".to_owned(), Fault::History));
            }
            return Ok(Some(Open { contracts: Some(contracts.value), raw }));
        }
        let Some(raw) = raw? else {
            let over = self.info.closed().is_some() || self.info.says_flat() || self.realised_only();
            return if over { Ok(None) } else { Err(("contracts".to_owned(), Fault::NoAmount)) };
        };
        if raw.number.value.is_zero() {
            return Ok(None);
        }
        if raw.is_vague() && self.info.closed().is_some() {
            return Err((self.path(&raw.name), Fault::History));
        }
        self.whole(&self.path(&raw.name), raw.number)?;
        Ok(Some(Open { contracts: None, raw: Some(raw) }))
    }

    fn contradicted(&self, contracts: Number, raw: Option<&Amount>) -> Faulty {
        let what = format!("says {}, but {}", contracts.value, self.says(raw));
        ("contracts".to_owned(), Fault::Contradiction { what })
    }

    /// The exchange's own amount, for a message.
    fn says(&self, raw: Option<&Amount>) -> String {
        raw.map(|raw| format!("{} says {}", self.path(&raw.name), raw.number.value)).unwrap_or_default()
    }

    fn whole(&self, field: &str, number: Number) -> Result<(), Faulty> {
        if number.exact {
            return Ok(());
        }
        Err((field.to_owned(), Fault::TooManyDigits { text: number.value.to_string() }))
    }

    /// A unified row of a closed position: it realised something, and shows no exposure.
    fn realised_only(&self) -> bool {
        let figure = |name| self.fields.extra(name).filter(|n| !n.value.is_zero());
        let exposure = [
            "notional",
            "unrealizedPnl",
            "unrealizedProfit",
            "initialMargin",
            "collateral",
            "maintenanceMargin",
        ];
        self.own_row && figure("realizedPnl").is_some() && exposure.iter().all(|name| figure(name).is_none())
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
    fn side(&self, word: Option<Side>, open: &Open, figures: &Figures) -> Result<Option<Side>, Faulty> {
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
        if positive {
            return Ok(Some(Side::Long));
        }
        Ok(figures.negative_value().then_some(Side::Short))
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
            _ => return Ok((amount, known.or_else(|| figures.contract_size(amount, side, said)))),
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
            (Some(_), Some(size)) => {
                // What a quantity can hold has come out even: a quotient that was rounded has 28 digits.
                let even = |c: &Decimal| Quantity::new(*c).is_ok() && c.checked_mul(size) == Some(amount);
                let contracts = amount.checked_div(size).filter(even);
                let text = format!("{amount} / {size}");
                let contracts = contracts.ok_or((self.path(&raw.name), Fault::TooManyDigits { text }))?;
                Ok((contracts.normalize(), Some(size)))
            }
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
