//! How much of a row is open, or that nothing is: what ccxt says against the exchange's own amount, and history against what is
//! live.

use rust_decimal::Decimal;

use super::Row;
use crate::interop::ccxt::Faulty;
use crate::interop::ccxt::figures::Figures;
use crate::interop::ccxt::info::{Amount, near};
use crate::interop::ccxt::names::{self, Sign, Unit};
use crate::interop::ccxt::number::Number;
use crate::interop::ccxt::problem::Fault;
use crate::interop::ccxt::words;
use crate::model::Symbol;

/// How much is open, before its unit and side are known.
pub(super) struct Open {
    /// What ccxt says, in contracts. `None`: only the exchange's own row says how much.
    pub contracts: Option<Decimal>,
    pub raw: Option<Amount>,
}

impl Open {
    /// The figure that counts, with its sign.
    pub fn signed(&self) -> Decimal {
        self.contracts.or(self.raw.as_ref().map(|raw| raw.number.value)).unwrap_or_default()
    }
}

impl Row<'_> {
    /// `None`: nothing is open. `sizes`: what a contract may be.
    pub(super) fn open(
        &self,
        sizes: [Option<Decimal>; 2],
        figures: &Figures,
    ) -> Result<Option<Open>, Faulty> {
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
                // What changed, and nothing since.
                if raw.as_ref().is_some_and(is_new_position) {
                    return Ok(None);
                }
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
    pub(super) fn borrowed(&self, symbol: &Symbol) -> Result<Option<Open>, Faulty> {
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
            || is_new_position(&raw)
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
    pub(super) fn unrealised(&self) -> Option<Decimal> {
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

    pub(super) fn contradicted(&self, contracts: Number, raw: Option<&Amount>) -> Faulty {
        let what = format!("says {}, but {}", contracts.value, self.says(raw));
        ("contracts".to_owned(), Fault::Contradiction { what })
    }

    /// The exchange's own amount, for a message.
    pub(super) fn says(&self, raw: Option<&Amount>) -> String {
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

/// Where a row tells of a change, what is open since.
fn is_new_position(raw: &Amount) -> bool {
    words::folded(&raw.name) == "newposition"
}
