//! The market of a world: a few instruments that differ in what matters (mode, contract size, minimum), and a price that
//! walks, jumps, and is sometimes not told to the bot.

use posbook::{Instrument, InstrumentId, InstrumentSpec, PositionMode, Price, Quantity, Symbol};
use rust_decimal::Decimal;

use super::dice::Dice;

/// One instrument and its price.
#[derive(Debug, Clone)]
pub(super) struct Traded {
    pub(super) id: InstrumentId,
    pub(super) symbol: Symbol,
    pub(super) instrument: Instrument,
    /// Now, in price steps.
    steps: i64,
}

/// Symbol, price step, quantity step, contract size, minimum, hedge mode, first price in steps.
const LISTED: [(&str, &str, &str, &str, &str, bool, i64); 4] = [
    ("BTC/USDT:USDT", "0.1", "0.001", "1", "0.001", false, 500_000),
    ("ETH/USDT:USDT", "0.01", "0.001", "1", "0.005", true, 300_000),
    ("SOL/USDT:USDT", "0.01", "0.1", "10", "0.3", false, 15_000),
    ("XRP/USDC:USDC", "0.0001", "1", "0.1", "1", true, 6_000),
];

impl Traded {
    /// The instrument of this number, counted round.
    pub(super) fn listed(number: u64) -> Option<Self> {
        let place = usize::try_from(number).ok()? % LISTED.len();
        let (symbol, price_step, step, size, minimum, hedge, steps) = *LISTED.get(place)?;
        let mut spec =
            InstrumentSpec::linear(symbol, price_step, step).ok()?.with_contract_size(size.parse().ok()?);
        spec.minimum = minimum.parse().ok()?;
        spec.mode = if hedge { PositionMode::Hedge } else { PositionMode::OneWay };
        let symbol = spec.symbol.clone();
        Some(Self { id: InstrumentId(0), symbol, instrument: Instrument::new(spec).ok()?, steps })
    }

    /// The price now.
    pub(super) fn price(&self) -> Option<Price> {
        Price::new(Decimal::from(self.steps) * self.instrument.price_step().get()).ok()
    }

    /// The price moves.
    pub(super) fn walk(&mut self, dice: &mut Dice) {
        // In millionths of itself: a little most of the time, a jump now and then.
        let widest = match dice.below(100) {
            0..=4 => 15_000,
            5..=24 => 2_000,
            _ => 400,
        };
        let way = i64::try_from(dice.below(2 * widest + 1)).unwrap_or(0) - i64::try_from(widest).unwrap_or(0);
        self.steps = (self.steps + self.steps * way / 1_000_000).max(100);
    }

    /// What is worth so much, on the instrument's step and no less than its minimum.
    pub(super) fn worth(&self, money: u64) -> Option<Quantity> {
        let contract = self.price()?.get() * self.instrument.contract_size().get();
        let quantity = self.on_step(Decimal::from(money).checked_div(contract)?)?;
        Some(quantity.max(self.instrument.minimum()))
    }

    /// The greatest quantity on the step that is not above this.
    pub(super) fn on_step(&self, quantity: Decimal) -> Option<Quantity> {
        let step = self.instrument.quantity_step().get();
        Quantity::new(quantity.checked_div(step)?.floor() * step).ok()
    }
}
