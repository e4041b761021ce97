//! The venue's own truth about money: what every owner traded, and what is open on every leg.
//!
//! It is the oracle that a book is compared with, so it shares no arithmetic with it: quantities are signed, an
//! average entry is carried along (the book carries the cost instead), and nothing is rounded except that average
//! and a trade's fee. A trade that cannot be accounted for exactly is not made at all.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Serialize, Serializer};

use super::exact::{product, sum};
use crate::model::{Currency, Instrument, Leg, Leverage, OrderSide, Owner, Symbol, Timestamp};

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
    /// Contracts, signed: bought less sold.
    #[serde(serialize_with = "text")]
    pub quantity: Decimal,
    /// What sells brought less what buys cost, in the settle currency, exact; fees apart. Per trade it is
    /// -(signed quantity) x contract size x price.
    #[serde(serialize_with = "text")]
    pub cash: Decimal,
    /// Fees paid (positive) and rebates received (negative), in `fee_currency`.
    #[serde(serialize_with = "text")]
    pub fees: Decimal,
    /// The instrument's settle currency.
    pub fee_currency: Currency,
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

impl Exposure {
    /// After a trade. A trade that adds moves the average by its weight, one that reduces leaves it, one that opens
    /// or turns the exposure round sets it.
    fn after(self, signed: Decimal, price: Decimal) -> Option<Self> {
        let quantity = sum(self.quantity, signed)?;
        let long = |q: Decimal| q > Decimal::ZERO;
        let entry = if quantity.is_zero() {
            Decimal::ZERO
        } else if self.quantity.is_zero() || long(self.quantity) != long(quantity) {
            price
        } else if long(self.quantity) == long(signed) {
            let weight = signed.checked_div(quantity)?;
            self.entry.checked_add(price.checked_sub(self.entry)?.checked_mul(weight)?)?
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
    pub(super) fn make(&mut self, trade: &Trade<'_>) -> Option<Decimal> {
        let Trade { instrument, leg, owner, quantity, price, .. } = *trade;
        let symbol = instrument.symbol();
        let value = product(product(quantity, instrument.contract_size().get())?, price)?;
        let (signed, cash) = match trade.side {
            OrderSide::Buy => (quantity, -value),
            OrderSide::Sell => (-quantity, value),
        };
        let fee = product(value, trade.fee_rate)?
            .round_dp_with_strategy(FEE_DECIMALS, RoundingStrategy::MidpointNearestEven)
            .normalize();

        let place = (symbol.clone(), leg, owner);
        let mut account = self.accounts.get(&place).cloned().unwrap_or_else(|| PaperAccount {
            symbol: symbol.clone(),
            leg,
            owner,
            quantity: Decimal::ZERO,
            cash: Decimal::ZERO,
            fees: Decimal::ZERO,
            fee_currency: instrument.settle().clone(),
            fills: 0,
        });
        account.quantity = sum(account.quantity, signed)?;
        account.cash = sum(account.cash, cash)?;
        account.fees = sum(account.fees, fee)?;
        account.fills = account.fills.saturating_add(1);
        let mut exposure = self.exposure(symbol, leg).after(signed, price)?;
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

    fn d(text: &str) -> Decimal {
        Decimal::from_str_exact(text).unwrap()
    }

    /// Quantity, entry, cash, fees after some trades `side quantity @ price` at contract size 1 and a rate of 0.0004.
    fn after(trades: &[(OrderSide, &str, &str)]) -> [Decimal; 4] {
        let instrument = Instrument::linear("BTC/USDT:USDT", "0.1", "0.001").unwrap();
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
        [exposure.quantity, exposure.entry, account.cash, account.fees]
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
