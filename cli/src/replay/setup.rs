//! What a replay starts from: the instruments, the venue, the book and the manager.

use std::collections::BTreeMap;
use std::time::Duration;

use posbook::journal::{Journal, JournalOptions};
use posbook::venue::{PaperVenue, PositionManager};
use posbook::{
    Book, Clock, ContractKind, Currency, Instrument, InstrumentId, InstrumentSpec, PositionMode, Price,
    PriceSign, Quantity, Snapshot, Symbol, TargetRule, Timestamp,
};

use crate::Failure;
use crate::market::instruments::{self, Declared, Kind};
use crate::market::{Tape, TickKind};

use super::Options;
use super::agents::mark_of;
use super::truth::TruthVenue;

/// One market of the tape as the book knows it.
pub struct Traded {
    pub id: InstrumentId,
    pub symbol: Symbol,
    pub instrument: Instrument,
    /// Nobody declared it: kind, size and steps are taken from the ticks.
    pub assumed: bool,
}

/// Everything that the threads share.
pub struct Setup {
    pub clock: Clock,
    pub book: Book,
    pub venue: TruthVenue,
    pub manager: PositionManager<TruthVenue>,
    /// In the order of [`Tape::markets`].
    pub traded: Vec<Traded>,
    /// The book as this run begins with it: empty, or as it was restored.
    pub begins: Snapshot,
    /// Of a run that keeps one.
    pub journal: Option<Journal>,
}

/// Changes that the feed keeps: the fold must see every one of them, however the threads are scheduled.
const WINDOW: usize = 1 << 16;

/// How long the book waits for the venue when things go wrong there: an order that gets lost is over within the run.
const PATIENCE: Duration = Duration::from_secs(8);

impl Setup {
    pub fn new(options: &Options, tape: &Tape) -> Result<Self, Failure> {
        let mut declared: BTreeMap<String, Declared> = BTreeMap::new();
        if let Some(file) = &options.instruments {
            let read = instruments::read(file).map_err(|wrong| Failure::Input(wrong.to_string()))?;
            declared.extend(read.into_iter().map(|d| (d.symbol.clone(), d)));
        }
        let mut known = Vec::new();
        for market in &tape.markets {
            let given = declared.remove(&market.symbol);
            let assumed = given.is_none();
            let declaration = given.unwrap_or_else(|| instruments::assumed(market));
            let file =
                options.instruments.as_deref().map_or_else(String::new, |f| format!("{}: ", f.display()));
            let instrument = instrument(&declaration)
                .map_err(|wrong| Failure::Input(format!("{file}{}: {wrong}", market.symbol)))?;
            known.push((instrument, assumed));
        }
        if let (Some(symbol), Some(file)) = (declared.keys().next(), &options.instruments) {
            let traded: Vec<_> = tape.markets.iter().take(5).map(|m| m.symbol.as_str()).collect();
            let traded = traded.join(", ");
            let file = file.display();
            return Err(Failure::Input(format!(
                "{file}: {symbol} is declared, but the ticks have only {traded}"
            )));
        }
        check_prices(tape)?;

        let faults = options.faults.faults();
        let hostile = faults.any();
        let venue = PaperVenue::builder()
            .faults(faults)
            .seed(options.seed)
            .latency(Duration::from_millis(20)..Duration::from_millis(250))
            .partial(20)
            .reject(3)
            .instruments(known.iter().map(|(instrument, _)| instrument.clone()).collect())
            .build();
        let venue = match options.folder() {
            None => TruthVenue::forgetful(venue),
            Some(folder) => TruthVenue::remembering(venue, folder, |venue, n| {
                let tick = tape.ticks.get(n);
                let known = tick.and_then(|tick| Some((tick, known.get(tick.market as usize)?)));
                if let Some((tick, (instrument, _))) = known
                    && let Some(price) = mark_of(tick, instrument)
                {
                    let _ = venue.tick(instrument.symbol(), price, Timestamp(tick.time));
                }
            })?,
        };
        let begins = Timestamp(tape.ticks.first().map_or(0, |tick| tick.time));
        let clock = Clock::manual(begins.max(venue.now()));
        // One identity for every run: the venue's dice are thrown by the names of orders.
        let mut book = Book::builder().clock(clock.clone()).identity(1, 1).window(WINDOW);
        if hostile {
            book = book.patience(PATIENCE);
        }
        let rule =
            "0.01".parse().map(TargetRule::stop_fraction).map_err(|e| Failure::Input(format!("{e}")))?;
        let book = book.default_rule(rule).instruments(known.len().max(1));
        let (book, journal) = match options.folder() {
            None => (book.build().map_err(|wrong| Failure::Input(wrong.to_string()))?, None),
            Some(folder) => {
                let promise = JournalOptions::default()
                    .durability(options.remember.durability)
                    .accept_loss(options.remember.accept_loss);
                let journal = Journal::open(folder, promise, book)?;
                (journal.book().clone(), Some(journal))
            }
        };
        let begins = book.snapshot();
        let manager = pollster::block_on(PositionManager::connect(book.clone(), venue.clone()))
            .map_err(|wrong| Failure::Environment(wrong.to_string()))?;
        if let Some(refused) = manager.skipped().first() {
            return Err(Failure::Input(refused.to_string()));
        }
        let mut traded = Vec::new();
        for (instrument, assumed) in known {
            let symbol = instrument.symbol().clone();
            let id = book.instrument(symbol.as_str()).map_err(|wrong| Failure::Input(wrong.to_string()))?;
            traded.push(Traded { id, symbol, instrument, assumed });
        }
        let setup = Self { clock, book, venue, manager, traded, begins, journal };
        setup.mark_as_seen(tape);
        Ok(setup)
    }

    /// Marks what the venue has seen already: each market's last price.
    fn mark_as_seen(&self, tape: &Tape) {
        for (number, market) in self.traded.iter().enumerate() {
            let seen = tape.ticks.iter().take(self.venue.ticks());
            let mut own = seen.filter(|tick| tick.market as usize == number);
            if let Some((price, time)) = own
                .next_back()
                .and_then(|tick| Some((mark_of(tick, &market.instrument)?, Timestamp(tick.time))))
            {
                // Refused only for a price that no instrument can have; the tape was checked for those.
                let _ = self.book.mark_at(market.id, price, time);
            }
        }
    }
}

/// A tape's price must be one that a book can hold; asked before anything is traded.
fn check_prices(tape: &Tape) -> Result<(), Failure> {
    for tick in &tape.ticks {
        let (a, b) = match tick.kind {
            TickKind::Trade { price, .. } | TickKind::Mark { price } => (price, price),
            TickKind::Quote { bid, ask } => (bid, ask),
        };
        for price in [a, b] {
            Price::new(price).map_err(|wrong| {
                let symbol = tape.markets.get(tick.market as usize).map_or("", |m| m.symbol.as_str());
                Failure::Input(format!("{symbol} at {}: {wrong}", tick.time))
            })?;
        }
    }
    Ok(())
}

/// A declaration as an instrument of the book.
fn instrument(declared: &Declared) -> Result<Instrument, String> {
    let kind = match declared.kind {
        Kind::Linear => ContractKind::Linear,
        Kind::Inverse => ContractKind::Inverse,
        Kind::Quanto => ContractKind::Quanto,
        Kind::Spot => ContractKind::Spot,
    };
    let text = |wrong: posbook::Rejection| wrong.to_string();
    let quantity = |value| Quantity::new(value).map_err(text);
    let currency =
        |given: &Option<String>, else_: &str| given.as_deref().unwrap_or(else_).parse().map_err(text);
    let quote = declared.quote.clone().unwrap_or_else(|| "USD".to_owned());
    let digits =
        declared.price_step.scale() + declared.quantity_step.scale() + declared.contract_size.scale();
    if digits > 18 {
        let steps = "the decimals of contract size, price step and quantity step together";
        return Err(format!("{steps} are {digits}; at most 18 can be accounted for exactly"));
    }
    // What a base was guessed from may be longer than a currency is.
    let base: Currency = currency(&declared.base, "BASE").or_else(|_| "BASE".parse().map_err(text))?;
    // An inverse contract settles in what it is of.
    let settle = match &declared.settle {
        None if kind == ContractKind::Inverse => base.clone(),
        settle => currency(settle, &quote)?,
    };
    // A fill on the steps is exact, so book and venue can be compared to the last digit: quotients as far as there are digits, and a
    // fee in kind, of eight decimals, with its worth.
    let money_scale = match kind {
        ContractKind::Inverse => 18,
        ContractKind::Spot => (digits.max(8) + declared.price_step.scale()).clamp(8, 18),
        ContractKind::Linear | ContractKind::Quanto => digits.clamp(8, 18),
    };
    let spec = InstrumentSpec {
        symbol: declared.symbol.parse().map_err(text)?,
        kind,
        contract_size: quantity(declared.contract_size)?,
        price_step: Price::new(declared.price_step).map_err(text)?,
        quantity_step: quantity(declared.quantity_step)?,
        minimum: quantity(declared.minimum.unwrap_or(declared.quantity_step))?,
        base,
        quote: currency(&declared.quote, "USD")?,
        settle,
        prices: PriceSign::Positive,
        mode: PositionMode::OneWay,
        money_scale,
    };
    Instrument::new(spec).map_err(text)
}
