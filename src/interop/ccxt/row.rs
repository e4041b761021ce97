//! One row of unified positions: what ccxt says of it first, the exchange's own row second, the figures' proof third.

use rust_decimal::Decimal;
use serde_json::value::RawValue;

use super::figures::{Figures, Verdict};
use super::info::{Amount, Info, near};
use super::json::{self, Fields, Token, token};
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

    /// `None`: nothing is open. `sizes`: what a contract may be.
    fn open(&self, sizes: [Option<Decimal>; 2], figures: &Figures) -> Result<Option<Open>, Faulty> {
        let contracts = self.fields.number("contracts")?;
        let raw = self.info.amount().map_err(|(field, fault)| (self.path(&field), fault));
        if let Some(contracts) = contracts {
            self.whole("contracts", contracts)?;
            // An illegible amount of the exchange's matters only where it is needed.
            let raw = raw.ok().flatten();
            let amount = raw.as_ref().map(|raw| raw.number.value);
            if contracts.value.is_zero() {
                let was = self.info.is_over()
                    || raw.as_ref().is_none_or(|raw| raw.is_vague() && self.info.closed());
                // Nothing of it can be closed, because closing orders rest on all of it.
                let stands = |raw: &Amount| !raw.is_vague() && !raw.number.value.is_zero();
                if !was && raw.as_ref().is_some_and(stands) && self.info.is_available(Decimal::ZERO) {
                    return Ok(Some(Open { contracts: None, raw }));
                }
                if amount.is_some_and(|amount| !amount.is_zero()) && !was {
                    return Err(self.contradicted(contracts, raw.as_ref()));
                }
                // Nothing earns nothing.
                return match (self.fields.extra("entryPrice"), self.open_profit()) {
                    (Some(entry), Some((name, profit))) if !entry.value.is_zero() && !self.info.is_over() => {
                        let what = format!("says 0, but {name} says {profit}");
                        Err(("contracts".to_owned(), Fault::Contradiction { what }))
                    }
                    _ => Ok(None),
                };
            }
            let none_left =
                raw.as_ref().is_some_and(|raw| raw.left_of.is_some() && raw.number.value.is_zero());
            if none_left || self.was_closed("contracts", contracts.value, raw.as_ref())? {
                return Ok(None);
            }
            if amount.is_some_and(|a| a.is_zero()) && raw.as_ref().is_some_and(|raw| raw.sign == Sign::Side) {
                return Err(self.contradicted(contracts, raw.as_ref()));
            }
            return self.weighed(contracts, raw, sizes).map(Some);
        }
        let Some(raw) = raw? else {
            let over =
                self.info.closed() || self.info.is_over() || self.info.says_flat() || self.realised_only();
            return if over { Ok(None) } else { Err(("contracts".to_owned(), Fault::NoAmount)) };
        };
        if raw.number.value.is_zero() {
            return Ok(None);
        }
        if self.was_closed(&self.path(&raw.name), raw.number.value, Some(&raw))? {
            return Ok(None);
        }
        let raw = self.agreed(raw, sizes, figures)?;
        self.whole(&self.path(&raw.name), raw.number)?;
        Ok(Some(Open { contracts: None, raw: Some(raw) }))
    }

    /// Spot on margin: an amount whose own currency is the quote is what was got for what was sold, and what is open is what is
    /// owed of the base currency.
    fn borrowed(&self, symbol: &Symbol) -> Result<Option<Open>, Faulty> {
        let Some((base, quote)) = symbol.as_str().split_once('/').filter(|(_, quote)| !quote.contains(':'))
        else {
            return Ok(None);
        };
        if self.info.word("posccy").as_deref() != Some(quote) {
            return Ok(None);
        }
        let owed = self.info.number(&["liab"]).filter(|owed| owed.exact && !owed.value.is_zero());
        match owed {
            Some(owed) if self.info.word("liabccy").as_deref() == Some(base) => {
                Ok(Some(Open { contracts: Some(-owed.value.abs()), raw: None }))
            }
            _ => Err(("info.posCcy".to_owned(), Fault::UnknownUnit { text: quote.to_owned() })),
        }
    }

    /// Contracts beside the exchange's own amount: both are one figure, if one is the other times the contract size. Where they
    /// are not, the exchange's counts if its name or where ccxt has its figure from explains it; else neither does.
    fn weighed(
        &self,
        contracts: Number,
        raw: Option<Amount>,
        sizes: [Option<Decimal>; 2],
    ) -> Result<Open, Faulty> {
        let said = Open { contracts: Some(contracts.value), raw: None };
        let Some(raw) = raw else { return Ok(said) };
        let whole = contracts.value.abs();
        let amount = raw.number.value.abs();
        if raw.left_of == Some(whole) {
            self.whole(&self.path(&raw.name), raw.number)?;
            return Ok(Open { contracts: Some(raw.number.value), raw: None });
        }
        let unknown = sizes.iter().all(Option::is_none);
        let others = self.info.others(&raw);
        if let Some(same) = others.into_iter().find(|other| near(whole, other.number.value.abs()))
            && raw.sign == Sign::Unsaid
            && raw.unit == Unit::Unsaid
        {
            return Ok(Open { raw: Some(same), ..said });
        }
        if self.own_row || raw.is_vague() || raw.is_fixed_point() || unknown || related(whole, amount, sizes)
        {
            return Ok(Open { raw: Some(raw), ..said });
        }
        let own = raw.unit == Unit::Contracts
            || raw.sign == Sign::Side && words::folded(&raw.name) == "newposition"
            || self.info.is_available(whole)
            || raw.sign == Sign::Side && self.info.states(whole);
        if own {
            self.whole(&self.path(&raw.name), raw.number)?;
            return Ok(Open { contracts: None, raw: Some(raw) });
        }
        Err(self.contradicted(contracts, Some(&raw)))
    }

    /// The amount of the exchange's own row, where others stand beside it under names as good: the figures decide.
    fn agreed(&self, raw: Amount, sizes: [Option<Decimal>; 2], figures: &Figures) -> Result<Amount, Faulty> {
        if raw.sign == Sign::Side || raw.unit != Unit::Unsaid || raw.left_of.is_some() {
            return Ok(raw);
        }
        let value = raw.number.value.abs();
        let others = self.info.others(&raw);
        let mut differing = others.iter().filter(|other| !related(value, other.number.value.abs(), sizes));
        let Some(other) = differing.next() else { return Ok(raw) };
        let what = format!("says {}, but {}", raw.number.value, self.says(Some(other)));
        let mut fit = std::iter::once(&raw)
            .chain(&others)
            .filter(|amount| figures.fits(amount.number.value.abs(), sizes));
        match (fit.next(), fit.next()) {
            (Some(fits), None) => Ok(fits.clone()),
            _ => Err((self.path(&raw.name), Fault::Contradiction { what })),
        }
    }

    /// Whether the row is one of history: what it says was open once, and all of it was closed. A row that was closed, but
    /// does not say how much of it, or shows a profit that is still open, is a problem.
    fn was_closed(&self, field: &str, amount: Decimal, raw: Option<&Amount>) -> Result<bool, Faulty> {
        let vague = raw.is_none_or(Amount::is_vague);
        let history = || Err((field.to_owned(), Fault::History));
        if self.info.is_over() {
            return if self.unrealised().is_some() { history() } else { Ok(true) };
        }
        // The amount of an order that closed so much says nothing of what is left.
        let of_order = raw.is_some_and(Amount::is_vague);
        let all =
            self.info.was_closed(amount) || raw.is_some_and(|raw| self.info.was_closed(raw.number.value));
        if all && !of_order && !self.says_open(raw) {
            return Ok(true);
        }
        if vague && self.info.closed() || self.was_exited() {
            return history();
        }
        Ok(false)
    }

    /// The profit since the entry by ccxt's own names, if it is not zero.
    fn open_profit(&self) -> Option<(&'static str, Decimal)> {
        let mut named = ["unrealizedPnl", "unrealizedProfit"]
            .into_iter()
            .filter_map(|name| Some((name, self.fields.extra(name)?.value)));
        named.find(|(_, profit)| !profit.is_zero())
    }

    /// The profit since the entry, if it is not zero.
    fn unrealised(&self) -> Option<Decimal> {
        let said = ["unrealizedPnl", "unrealizedProfit"].iter().find_map(|name| self.fields.extra(name));
        said.or_else(|| self.info.number(&names::PROFITS)).map(|n| n.value).filter(|n| !n.is_zero())
    }

    /// Whether something in the row is there only of what is open. A margin that ccxt computed is no sign of it.
    fn says_open(&self, raw: Option<&Amount>) -> bool {
        let filled = |names: &[&str]| self.info.numbers(names).iter().any(|n| !n.is_zero());
        let name = raw.and_then(|raw| raw.name.rsplit('.').next()).map(words::folded).unwrap_or_default();
        let current = ["hold", "curr", "net", "open"].iter().any(|word| name.starts_with(word));
        current
            || self.unrealised().is_some()
            || self.price("markPrice").is_some()
            || [&names::MARGINS[..], &names::LIQUIDATIONS, &["markprice", "markpx", "margin", "im", "oim"]]
                .iter()
                .any(|names| filled(names))
    }

    /// A unified row alone that realised something, has a price of the exit and none of now: of a closing, and it does not
    /// say of how much.
    fn was_exited(&self) -> bool {
        let figure = |name| self.fields.extra(name).filter(|n| !n.value.is_zero()).is_some();
        self.own_row
            && figure("realizedPnl")
            && (figure("exitPrice") || figure("lastPrice"))
            && !figure("markPrice")
            && self.unrealised().is_none()
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

/// Whether one figure is the other, or the other in the other unit.
fn related(contracts: Decimal, amount: Decimal, sizes: [Option<Decimal>; 2]) -> bool {
    let times = |a: Decimal, size: Decimal, b| a.checked_mul(size).is_some_and(|product| near(product, b));
    near(contracts, amount)
        || sizes
            .into_iter()
            .flatten()
            .any(|size| times(contracts, size, amount) || times(amount, size, contracts))
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
