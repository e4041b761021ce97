//! How a paper venue is set up: what is listed, what it charges, and what chance does to orders.

use std::ops::Range;
use std::time::Duration;

use rust_decimal::Decimal;

use super::PaperVenue;
use super::dice::Odds;
use super::exchange::Exchange;
use super::faults::Faults;
use crate::model::Instrument;
use crate::sync::{Arc, Mutex};

/// Settings of a [`PaperVenue`]. By default nothing is listed, the seed is 0, orders arrive at once, fill in one part,
/// none is refused by chance, nothing goes wrong, and a trade costs 0.04 % of its value.
///
/// ```
/// use std::time::Duration;
/// use posbook::Instrument;
/// use posbook::venue::PaperVenue;
///
/// let venue = PaperVenue::builder()
///     .seed(7)
///     .latency(Duration::from_millis(20)..Duration::from_millis(250))
///     .partial(30)
///     .reject(2)
///     .instruments(vec![Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?])
///     .build();
/// assert!(venue.ledger().is_empty());
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it builds"]
pub struct PaperBuilder {
    odds: Odds,
    fee_rate: Decimal,
    instruments: Vec<Instrument>,
}

impl Default for PaperBuilder {
    fn default() -> Self {
        Self {
            odds: Odds {
                seed: 0,
                latency: Duration::ZERO..Duration::ZERO,
                partial: 0,
                reject: 0,
                faults: Faults::off(),
            },
            fee_rate: Decimal::new(4, 4),
            instruments: Vec::new(),
        }
    }
}

impl PaperBuilder {
    /// What all chance follows from: same seed and same client order id, same latency, refusal and parts.
    pub fn seed(mut self, seed: u64) -> Self {
        self.odds.seed = seed;
        self
    }

    /// How long an order is on its way, in market time, uniform in the range. An empty range is its start.
    pub fn latency(mut self, latency: Range<Duration>) -> Self {
        self.odds.latency = latency;
        self
    }

    /// Percent of the orders that fill in two to five parts, one a tick of their symbol; 100 and more is all. An order
    /// of a single quantity step always fills in one.
    pub fn partial(mut self, percent: u8) -> Self {
        self.odds.partial = percent;
        self
    }

    /// Percent of the orders that are refused for no reason of their own; 100 and more is all.
    pub fn reject(mut self, percent: u8) -> Self {
        self.odds.reject = percent;
        self
    }

    /// What goes wrong, and how often. All of it follows from the seed too.
    pub fn faults(mut self, faults: Faults) -> Self {
        self.odds.faults = faults;
        self
    }

    /// What a trade costs, as a share of its worth, in the settle currency and rounded half-even to 8 decimals. On a spot
    /// market a buyer pays this share of what was bought, in the base currency. Below zero it is a rebate.
    pub fn fee_rate(mut self, rate: Decimal) -> Self {
        self.fee_rate = rate;
        self
    }

    /// What is listed, in addition to what was named before. Of two under one symbol the later stands.
    pub fn instruments(mut self, instruments: Vec<Instrument>) -> Self {
        self.instruments.extend(instruments);
        self
    }

    /// The venue, at market time 0 and without any mark.
    pub fn build(self) -> PaperVenue {
        let exchange = Exchange::new(self.odds, self.fee_rate, self.instruments);
        PaperVenue { exchange: Arc::new(Mutex::new(exchange)) }
    }
}
