//! The venue's own truth about money: what every owner traded, and what is open on every leg.
//!
//! It is the oracle that a book is compared with, so it shares no arithmetic with it: quantities are signed, an
//! average entry is carried along (the book carries the cost instead), and nothing is rounded except that average,
//! a trade's fee, and its cash, once (R17). A trade that cannot be accounted for so is not made at all.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use super::exact::{product, quotient, rounded, sum};
use crate::model::{ContractKind, Currency, Instrument, Leg, Leverage, OrderSide, Owner, Symbol, Timestamp};

/// How many milliseconds ago a picture of the account may be of.
pub(super) const MEMORY_MS: u64 = 3_000;

/// Decimals that a fee is charged to.
const FEE_DECIMALS: u32 = 8;

/// What the paper venue holds of one owner on one leg of one symbol, since the venue was built. Trades of nobody's
/// order stand under [`Owner::UNOWNED`].
///
/// ```
/// use posbook::{Instrument, Leg, OrderSide, Owner, Timestamp};
/// use posbook::venue::PaperVenue;
///
/// let venue = PaperVenue::builder().instruments(vec![Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?]).build();
/// let btc = "BTC/USDT:USDT".parse()?;
/// venue.tick(&btc, "50000".parse()?, Timestamp::from_millis(1))?;
/// venue.place_foreign(&btc, Leg::Net, OrderSide::Sell, "2".parse()?)?;
/// let account = &venue.ledger()[0];
/// assert_eq!((account.leg, account.owner, account.fills), (Leg::Net, Owner::UNOWNED, 1));
/// assert_eq!((account.quantity.to_string(), account.cash.to_string()), ("-2".into(), "100000".into()));
/// assert_eq!((account.fees.to_string(), account.fee_currency.as_str()), ("40".into(), "USDT"));
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PaperAccount {
    /// What was traded.
    pub symbol: Symbol,
    /// On which leg.
    pub leg: Leg,
    /// By whose orders.
    pub owner: Owner,
    /// Contracts, signed: bought less sold, and on a spot market less the fees that were taken from what was bought.
    #[serde(serialize_with = "text")]
    pub quantity: Decimal,
    /// What sells brought less what buys cost, in the settle currency; fees apart. Per trade it is -(signed quantity) x
    /// contract size x price, of an inverse contract signed quantity x contract size / price, rounded to the instrument's money
    /// scale. Of a spot buy it is that of what was traded, less that of the fee, which was taken from it.
    #[serde(serialize_with = "text")]
    pub cash: Decimal,
    /// Fees paid (positive) and rebates received (negative), in `fee_currency`.
    #[serde(serialize_with = "text")]
    pub fees: Decimal,
    /// The instrument's settle currency.
    pub fee_currency: Currency,
    /// Fees that were taken from what was bought on a spot market, in `base_currency`; zero of contracts.
    #[serde(serialize_with = "text")]
    pub base_fees: Decimal,
    /// The instrument's base currency.
    pub base_currency: Currency,
    /// Trades.
    pub fills: u64,
}

fn text<S: Serializer>(value: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// One trade, before it is made.
pub(super) struct Trade<'a> {
    pub(super) instrument: &'a Instrument,
    pub(super) leg: Leg,
    pub(super) owner: Owner,
    pub(super) side: OrderSide,
    pub(super) quantity: Decimal,
    pub(super) price: Decimal,
    pub(super) fee_rate: Decimal,
    pub(super) leverage: Option<Leverage>,
    pub(super) time: Timestamp,
}

/// What is open on one leg, of all owners together: what a venue shows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Exposure {
    /// Contracts, signed.
    pub(super) quantity: Decimal,
    /// Average entry; zero when flat.
    pub(super) entry: Decimal,
    /// As last asked for on this leg.
    pub(super) leverage: Option<Leverage>,
}

/// What so many contracts are worth at a price, rounded to the instrument's money scale: what a buy costs. Of an inverse contract
/// it is below zero, because a buy is paid for with the contract's currency, not with the one it settles in (R17). `None`: it needs
/// more digits than there are, or is something that rounds to nothing.
pub(super) fn value(instrument: &Instrument, quantity: Decimal, price: Decimal) -> Option<Decimal> {
    let (size, scale) = (instrument.contract_size().get(), instrument.money_scale());
    let value = match instrument.kind() {
        ContractKind::Inverse => -quotient(quantity, size, price, scale)?,
        ContractKind::Linear | ContractKind::Quanto | ContractKind::Spot => {
            rounded(product(product(quantity, size)?, price)?, scale)
        }
    };
    let nothing = quantity.is_zero() || price.is_zero();
    (nothing || !value.is_zero()).then_some(value)
}

/// What a trade costs, in which of the account's two currencies.
pub(super) struct Fee {
    pub(super) amount: Decimal,
    pub(super) currency: Currency,
    /// On a spot market a buyer pays with what he has bought.
    in_kind: bool,
}

impl Fee {
    fn of(trade: &Trade<'_>, value: Decimal) -> Option<Self> {
        let in_kind = trade.instrument.kind() == ContractKind::Spot && trade.side == OrderSide::Buy;
        let (of, currency) = match in_kind {
            true => (trade.quantity, trade.instrument.base()),
            // The worth of a trade below zero is charged as one above.
            false => match trade.instrument.kind() {
                ContractKind::Inverse => (-value, trade.instrument.settle()),
                _ => (value, trade.instrument.settle()),
            },
        };
        let amount = rounded(product(of, trade.fee_rate)?, FEE_DECIMALS);
        Some(Self { amount, currency: currency.clone(), in_kind })
    }
}

impl Exposure {
    /// After a trade. A trade that adds moves the average by its weight, one that reduces leaves it, one that opens
    /// or turns the exposure round sets it. Of an inverse contract the average is the harmonic one.
    fn after(self, signed: Decimal, price: Decimal, inverse: bool) -> Option<Self> {
        let quantity = sum(self.quantity, signed)?;
        let long = |q: Decimal| q > Decimal::ZERO;
        let entry = if quantity.is_zero() {
            Decimal::ZERO
        } else if self.quantity.is_zero() || long(self.quantity) != long(quantity) {
            price
        } else if long(self.quantity) == long(signed) {
            let weight = signed.checked_div(quantity)?;
            if inverse {
                let stood = (Decimal::ONE - weight).checked_div(self.entry)?;
                Decimal::ONE.checked_div(stood.checked_add(weight.checked_div(price)?)?)?
            } else {
                self.entry.checked_add(price.checked_sub(self.entry)?.checked_mul(weight)?)?
            }
        } else {
            self.entry
        };
        Some(Self { quantity, entry, ..self })
    }
}

/// All accounts, and all exposures made of them.
#[derive(Debug, Default)]
pub(super) struct Books {
    accounts: BTreeMap<(Symbol, Leg, Owner), PaperAccount>,
    /// Since when each was so, the latest last. What was over before [`MEMORY_MS`] is forgotten.
    exposures: BTreeMap<(Symbol, Leg), VecDeque<(Timestamp, Exposure)>>,
}

impl Books {
    /// Makes a trade and says its fee. `None`: it cannot be accounted for exactly; nothing was changed.
    pub(super) fn make(&mut self, trade: &Trade<'_>) -> Option<Fee> {
        let Trade { instrument, leg, owner, quantity, price, .. } = *trade;
        let symbol = instrument.symbol();
        let traded = value(instrument, quantity, price)?;
        let fee = Fee::of(trade, traded)?;
        // A fee in kind is taken from what was bought: so much was never held, and is the fee's worth.
        let (moved, worth) = match fee.in_kind {
            true => (sum(quantity, -fee.amount)?, sum(traded, -value(instrument, fee.amount, price)?)?),
            false => (quantity, traded),
        };
        if moved <= Decimal::ZERO {
            return None;
        }
        let (signed, cash) = match trade.side {
            OrderSide::Buy => (moved, -worth),
            OrderSide::Sell => (-moved, worth),
        };

        let place = (symbol.clone(), leg, owner);
        let mut account = self.accounts.get(&place).cloned().unwrap_or_else(|| PaperAccount {
            symbol: symbol.clone(),
            leg,
            owner,
            quantity: Decimal::ZERO,
            cash: Decimal::ZERO,
            fees: Decimal::ZERO,
            fee_currency: instrument.settle().clone(),
            base_fees: Decimal::ZERO,
            base_currency: instrument.base().clone(),
            fills: 0,
        });
        account.quantity = sum(account.quantity, signed)?;
        account.cash = sum(account.cash, cash)?;
        let fees = if fee.in_kind { &mut account.base_fees } else { &mut account.fees };
        *fees = sum(*fees, fee.amount)?;
        account.fills = account.fills.saturating_add(1);
        let inverse = instrument.kind() == ContractKind::Inverse;
        let mut exposure = self.exposure(symbol, leg).after(signed, price, inverse)?;
        exposure.leverage = trade.leverage.or(exposure.leverage);

        self.accounts.insert(place, account);
        let past = self.exposures.entry((symbol.clone(), leg)).or_default();
        past.push_back((trade.time, exposure));
        while past.get(1).is_some_and(|(since, _)| since.plus(Duration::from_millis(MEMORY_MS)) < trade.time)
        {
            past.pop_front();
        }
        Some(fee)
    }

    /// What is open on a leg.
    pub(super) fn exposure(&self, symbol: &Symbol, leg: Leg) -> Exposure {
        let past = self.exposures.get(&(symbol.clone(), leg));
        past.and_then(VecDeque::back).map(|(_, exposure)| *exposure).unwrap_or_default()
    }

    /// How many contracts an order of this side can take off a leg.
    pub(super) fn reducible(&self, symbol: &Symbol, leg: Leg, side: OrderSide) -> Decimal {
        let open = self.exposure(symbol, leg).quantity;
        let against = match side {
            OrderSide::Buy => -open,
            OrderSide::Sell => open,
        };
        against.max(Decimal::ZERO)
    }

    /// Every leg that was not flat at a time, with what was traded in that instant; by symbol and leg. No longer ago
    /// than [`MEMORY_MS`].
    pub(super) fn open_at(&self, time: Timestamp) -> impl Iterator<Item = (&Symbol, Leg, Exposure)> {
        let all = self.exposures.iter().filter_map(move |((symbol, leg), past)| {
            let (_, exposure) = past.iter().rfind(|(since, _)| *since <= time)?;
            Some((symbol, *leg, *exposure))
        });
        all.filter(|(_, _, exposure)| !exposure.quantity.is_zero())
    }

    /// Every account, by symbol, leg and owner.
    pub(super) fn accounts(&self) -> Vec<PaperAccount> {
        self.accounts.values().cloned().collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::InstrumentSpec;

    fn d(text: &str) -> Decimal {
        Decimal::from_str_exact(text).unwrap()
    }

    /// Quantity, entry, cash, fees after some trades `side quantity @ price` at contract size 1 and a rate of 0.0004.
    fn after(trades: &[(OrderSide, &str, &str)]) -> [Decimal; 4] {
        let spec = InstrumentSpec::linear("BTC/USDT:USDT", "0.1", "0.001").unwrap();
        let account = of(&spec, trades);
        [account.0.quantity, account.1, account.0.cash, account.0.fees]
    }

    /// The account and its entry after some trades of an instrument.
    fn of(spec: &InstrumentSpec, trades: &[(OrderSide, &str, &str)]) -> (PaperAccount, Decimal) {
        let instrument = Instrument::new(spec.clone()).unwrap();
        let mut books = Books::default();
        for (side, quantity, price) in trades {
            let trade = Trade {
                instrument: &instrument,
                leg: Leg::Net,
                owner: Owner::UNOWNED,
                side: *side,
                quantity: d(quantity),
                price: d(price),
                fee_rate: d("0.0004"),
                leverage: None,
                time: Timestamp::default(),
            };
            books.make(&trade).unwrap();
        }
        let exposure = books.exposure(instrument.symbol(), Leg::Net);
        let account = books.accounts().remove(0);
        assert_eq!(account.quantity, exposure.quantity);
        (account, exposure.entry)
    }

    fn spec(symbol: &str, steps: [&str; 2], kind: ContractKind, size: &str) -> InstrumentSpec {
        let spec = InstrumentSpec::linear(symbol, steps[0], steps[1]).unwrap();
        spec.of_kind(kind).with_contract_size(size.parse().unwrap())
    }

    #[test]
    fn an_inverse_contract_worked_out_by_hand() {
        use OrderSide::{Buy, Sell};
        let btc = spec("BTC/USD:BTC", ["0.1", "1"], ContractKind::Inverse, "100");
        // 3 x 100 / 30000 = 0.01 BTC, then 100 / 40000 = 0.0025: the harmonic mean of four is 400 / 0.0125 = 32000.
        let (account, entry) = of(&btc, &[(Buy, "3", "30000"), (Buy, "1", "40000")]);
        assert_eq!((account.quantity, entry, account.cash), (d("4"), d("32000"), d("0.0125")));
        assert_eq!((account.fees, account.fee_currency.as_str()), (d("0.000005"), "BTC"));
        // All of it sold at 50000: 400 / 50000 = 0.008 back, so 0.0045 is earned.
        let (account, _) = of(&btc, &[(Buy, "3", "30000"), (Buy, "1", "40000"), (Sell, "4", "50000")]);
        assert_eq!((account.quantity, account.cash), (d("0"), d("0.0045")));
        // What does not end is cut at the money scale, to the even digit.
        assert_eq!(of(&btc, &[(Sell, "1", "30000")]).0.cash, d("-0.003333333333333333"));
    }

    #[test]
    fn a_quanto_contract_settles_in_its_own_currency() {
        use OrderSide::{Buy, Sell};
        let eth = spec("ETH/USD:BTC", ["0.05", "1"], ContractKind::Quanto, "0.000001");
        let (account, entry) = of(&eth, &[(Buy, "100", "3000"), (Sell, "40", "3100")]);
        // 100 x 0.000001 x 3000 = 0.3 paid, 40 x 0.000001 x 3100 = 0.124 back.
        assert_eq!((account.quantity, entry, account.cash), (d("60"), d("3000"), d("-0.176")));
        assert_eq!((account.fees, account.fee_currency.as_str()), (d("0.0001696"), "BTC"));
    }

    #[test]
    fn a_spot_buyer_pays_with_what_was_bought_and_a_seller_with_what_was_paid() {
        use OrderSide::{Buy, Sell};
        let btc = spec("BTC/USDT", ["0.1", "0.001"], ContractKind::Spot, "1");
        let (account, entry) = of(&btc, &[(Buy, "1", "50000")]);
        // 0.0004 of 1 is the fee: 0.9996 are held, at 50000.
        assert_eq!((account.quantity, entry, account.cash), (d("0.9996"), d("50000"), d("-49980")));
        assert_eq!(
            (account.base_fees, account.base_currency.as_str(), account.fees),
            (d("0.0004"), "BTC", d("0"))
        );
        let (account, _) = of(&btc, &[(Buy, "1", "50000"), (Sell, "0.9996", "51000")]);
        assert_eq!((account.quantity, account.cash), (d("0"), d("999.6")));
        assert_eq!((account.base_fees, account.fees), (d("0.0004"), d("20.39184")));
    }

    #[test]
    fn averages_cash_and_fees_worked_out_by_hand() {
        use OrderSide::{Buy, Sell};
        assert_eq!(
            after(&[(Buy, "1", "50000"), (Buy, "1", "51000")]),
            [d("2"), d("50500"), d("-101000"), d("40.4")]
        );
        let reduced = after(&[(Buy, "1", "50000"), (Buy, "1", "51000"), (Sell, "0.5", "52000")]);
        assert_eq!(reduced, [d("1.5"), d("50500"), d("-75000"), d("50.8")]);
        let turned = after(&[(Buy, "1", "50000"), (Sell, "3", "49000")]);
        assert_eq!(turned, [d("-2"), d("49000"), d("97000"), d("78.8")]);
        let flat = after(&[(Sell, "1", "100"), (Buy, "1", "90")]);
        assert_eq!(flat, [d("0"), d("0"), d("10"), d("0.076")]);
    }

    #[test]
    fn a_fee_is_rounded_half_even_to_eight_decimals() {
        // 0.001 x 0.0125 x 0.0004 = 0.000000005, midway between 0 and 0.00000001: to the even one.
        assert_eq!(after(&[(OrderSide::Buy, "0.001", "0.0125")])[3], d("0"));
        assert_eq!(after(&[(OrderSide::Buy, "0.001", "0.0375")])[3], d("0.00000002"));
        assert_eq!(after(&[(OrderSide::Buy, "0.001", "0.0126")])[3], d("0.00000001"));
    }
}
