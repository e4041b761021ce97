//! The market of a world: a few instruments that differ in what matters (kind, mode, contract size, minimum), and a price that
//! walks, jumps, and is sometimes not told to the bot.

use posbook::{
    ContractKind, Instrument, InstrumentId, InstrumentSpec, PositionMode, Price, Quantity, Side, Symbol,
};
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

/// What is listed.
struct Listing {
    symbol: &'static str,
    kind: ContractKind,
    price_step: &'static str,
    step: &'static str,
    size: &'static str,
    minimum: &'static str,
    hedge: bool,
    /// The first price, in steps.
    steps: i64,
}

const fn listing(
    symbol: &'static str,
    kind: ContractKind,
    [price_step, step, size, minimum]: [&'static str; 4],
    hedge: bool,
    steps: i64,
) -> Listing {
    Listing { symbol, kind, price_step, step, size, minimum, hedge, steps }
}

/// Symbol, kind, [price step, quantity step, contract size, minimum], hedge mode, first price in steps. The first four are linear;
/// worlds that are told nothing else begin among those.
const LISTED: [Listing; 8] = [
    listing("BTC/USDT:USDT", ContractKind::Linear, ["0.1", "0.001", "1", "0.001"], false, 500_000),
    listing("ETH/USDT:USDT", ContractKind::Linear, ["0.01", "0.001", "1", "0.005"], true, 300_000),
    listing("SOL/USDT:USDT", ContractKind::Linear, ["0.01", "0.1", "10", "0.3"], false, 15_000),
    listing("XRP/USDC:USDC", ContractKind::Linear, ["0.0001", "1", "0.1", "1"], true, 6_000),
    listing("BTC/USD:BTC", ContractKind::Inverse, ["0.1", "1", "100", "1"], false, 500_000),
    listing("ETH/USD:ETH", ContractKind::Inverse, ["0.01", "1", "10", "2"], true, 300_000),
    listing("ETH/USD:BTC", ContractKind::Quanto, ["0.05", "1", "0.000001", "1"], false, 60_000),
    listing("BTC/USDT", ContractKind::Spot, ["0.01", "0.00001", "1", "0.0001"], false, 5_000_000),
];

/// How many there are.
pub(super) const LISTINGS: u64 = LISTED.len() as u64;

impl Traded {
    /// The instrument of this number, counted round.
    pub(super) fn listed(number: u64) -> Option<Self> {
        let place = usize::try_from(number).ok()? % LISTED.len();
        let listing = LISTED.get(place)?;
        let spec = InstrumentSpec::linear(listing.symbol, listing.price_step, listing.step).ok()?;
        let mut spec = spec.of_kind(listing.kind).with_contract_size(listing.size.parse().ok()?);
        spec.minimum = listing.minimum.parse().ok()?;
        spec.mode = if listing.hedge { PositionMode::Hedge } else { PositionMode::OneWay };
        if listing.kind == ContractKind::Spot {
            // A fee in kind has eight decimals, and its worth two more: exact, so that book and venue agree to the last digit.
            spec.money_scale = 10;
        }
        let symbol = spec.symbol.clone();
        Some(Self {
            id: InstrumentId(0),
            symbol,
            instrument: Instrument::new(spec).ok()?,
            steps: listing.steps,
        })
    }

    /// The side that a strategy takes which would take this one: on a spot market nobody sells what is not held.
    pub(super) fn side(&self, wanted: Side) -> Side {
        if self.instrument.kind() == ContractKind::Spot { Side::Long } else { wanted }
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

    /// What is worth so many dollars, on the instrument's step and no less than its minimum.
    pub(super) fn worth(&self, money: u64) -> Option<Quantity> {
        /// Of what a quanto contract settles in.
        const DOLLARS: i64 = 50_000;
        let (price, size) = (self.price()?.get(), self.instrument.contract_size().get());
        let contract = match self.instrument.kind() {
            ContractKind::Linear | ContractKind::Spot => price * size,
            ContractKind::Inverse => size,
            ContractKind::Quanto => price * size * Decimal::from(DOLLARS),
        };
        let quantity = self.on_step(Decimal::from(money).checked_div(contract)?)?;
        Some(quantity.max(self.instrument.minimum()))
    }

    /// The greatest quantity on the step that is not above this.
    pub(super) fn on_step(&self, quantity: Decimal) -> Option<Quantity> {
        let step = self.instrument.quantity_step().get();
        Quantity::new(quantity.checked_div(step)?.floor() * step).ok()
    }
}
