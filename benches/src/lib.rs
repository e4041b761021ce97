//! What `posbook bench`, the criterion files, `cargo memory` and `cargo foreign-root` share: a market with positions in it, an
//! endless stream of fills, the mutex that everything is compared with, and the arguments of the command line.
//!
//! The mutex baseline is a strong one on purpose: the same key type, the same position value, a fast hasher. The "typical
//! bot" (`Mutex<HashMap<String, _>>`) is slower.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a benchmark with bad input stops, and it measures time and holds locks: that is its work"
)]

pub mod compare;
pub mod contend;
pub mod curves;
mod draw;
pub mod environment;
pub mod measure;
pub mod mix;
pub mod page;
pub mod report;
pub mod sheet;
pub mod suite;
pub mod targets;
mod thread;
pub mod workload;

use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use posbook::{
    Book, Builder, Clock, Fill, Instrument, InstrumentId, OrderSide, Position, PositionKey, Price, Quantity,
    Timestamp,
};
use rustc_hash::FxBuildHasher;

/// Positions under the same keys as the book's, in std's map with a fast hasher.
pub type Map = HashMap<PositionKey, Position, FxBuildHasher>;

/// A book with an open position in each of its instruments.
pub struct Market {
    /// The book.
    pub book: Book,
    /// Its instruments.
    pub ids: Vec<InstrumentId>,
    /// Where its fills go on.
    pub fills: Fills,
}

/// Opens so many positions of 10,000 contracts.
///
/// # Panics
/// The book refused one.
pub fn market(positions: usize) -> Market {
    market_with(positions, true)
}

/// As [`market`], with or without what [`posbook::Builder::reuse`] is about.
///
/// # Panics
/// As [`market`].
pub fn market_with(positions: usize, reuse: bool) -> Market {
    market_of(positions, builder(positions).reuse(reuse).build().expect("it is buildable"))
}

/// A builder of a book with room for so many positions, whose clock stands.
pub fn builder(positions: usize) -> Builder {
    let limits = posbook::Limits { positions: positions.max(1), ..posbook::Limits::default() };
    Book::builder().instruments(positions).limits(limits).clock(Clock::manual(Timestamp::from_millis(1)))
}

/// As [`market`], in this book, which is empty.
///
/// # Panics
/// The book refuses what it is to begin with.
pub fn market_of(positions: usize, book: Book) -> Market {
    let ids: Vec<_> = (0..positions)
        .map(|n| {
            let symbol = format!("C{n}/USDT:USDT");
            book.register(Instrument::linear(&symbol, "0.1", "0.001").expect("it is well formed"))
                .expect("there is room")
        })
        .collect();
    let mut fills = Fills::new(1);
    let start = quantity("10000");
    for &id in &ids {
        let fill = Fill { quantity: start, side: OrderSide::Buy, ..fills.next(id) };
        book.record(fill).expect("it is a fill");
    }
    Market { book, ids, fills }
}

impl Market {
    /// The same positions for a mutex to guard.
    pub fn map(&self) -> Map {
        self.book.snapshot().iter().map(|position| (position.key, position.clone())).collect()
    }
}

/// An endless stream of fills of one contract, each with a trade id of its own and a later venue time. Buys and sells
/// take turns, so that positions stay open and numbers stay short. A clone goes on where its original was, for another
/// thread with instruments of its own.
#[derive(Clone)]
pub struct Fills {
    made: u64,
    one: Quantity,
    prices: Vec<Price>,
}

impl Fills {
    /// A stream whose prices come from this seed.
    pub fn new(seed: u64) -> Self {
        Self { made: 0, one: quantity("1"), prices: prices(seed) }
    }

    /// The next fill, of this instrument.
    pub fn next(&mut self, id: InstrumentId) -> Fill {
        self.made += 1;
        // Taking instruments in turn, each gets both, up to 10,000 of them.
        let turn = self.made / 1_000 + self.made / 10_000;
        let side = if turn.is_multiple_of(2) { OrderSide::Buy } else { OrderSide::Sell };
        let trade = self.made.to_string().parse().expect("digits are a reference");
        let price = self.price();
        Fill::trade(id, trade, side, self.one, price).at(Timestamp::from_millis(self.made.cast_signed()))
    }

    fn price(&self) -> Price {
        let at = usize::try_from(self.made).unwrap_or_default() % self.prices.len();
        self.prices.get(at).copied().expect("the remainder is in range")
    }
}

/// 1,024 prices around 50,000, on a step of 0.1.
///
/// # Panics
/// Never: they are prices.
pub fn prices(seed: u64) -> Vec<Price> {
    let mut random = Random(seed);
    (0..1_024).map(|_| price(&format!("{}.{}", 49_500 + random.below(1_000), random.below(10)))).collect()
}

/// A price from digits.
///
/// # Panics
/// They are none.
pub fn price(text: &str) -> Price {
    text.parse().expect("it is a price")
}

/// A quantity from digits.
///
/// # Panics
/// They are none.
pub fn quantity(text: &str) -> Quantity {
    text.parse().expect("it is a quantity")
}

/// What a fill does to a position in the mutex's map: the same arithmetic on cost and quantity, no fees, no checks of
/// what is legal, no record of the change.
///
/// # Panics
/// The numbers grew out of range.
pub fn fold(position: &mut Position, fill: &Fill) {
    if fill.side == position.side.entry() {
        position.cost += fill.quantity.get() * position.contract_size.get() * fill.price.get();
        position.quantity = position.quantity.plus(fill.quantity).expect("it is in range");
    } else {
        // A share of the cost goes with it.
        position.cost -= position.cost * fill.quantity.get() / position.quantity.get();
        position.cost = position.cost.round_dp(8);
        position.quantity = position.quantity.less(fill.quantity);
    }
}

/// Numbers from a seed (splitmix64): every run of one seed does the same.
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The next number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.draw() % end.max(1)
    }
}

/// Nanoseconds an operation takes, over `times` of them.
pub fn nanoseconds<R>(times: u32, mut operation: impl FnMut(u32) -> R) -> f64 {
    let started = Instant::now();
    for n in 0..times {
        black_box(operation(black_box(n)));
    }
    per(started.elapsed(), times)
}

fn per(took: Duration, times: u32) -> f64 {
    took.as_secs_f64() * 1e9 / f64::from(times.max(1))
}

/// What asking the clock twice costs, in nanoseconds: the least that a timed operation can show.
pub fn clock_cost() -> f64 {
    nanoseconds(100_000, |_| Instant::now().elapsed())
}

/// Three digits and a unit that people read, of nanoseconds.
pub fn time(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.1} ns"),
        ns if ns < 1e6 => format!("{:.2} µs", ns / 1e3),
        ns if ns < 1e9 => format!("{:.2} ms", ns / 1e6),
        ns => format!("{:.2} s", ns / 1e9),
    }
}

/// The middle one.
pub fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The command line, as `--name value` pairs.
pub struct Arguments(Vec<(String, String)>);

impl Arguments {
    /// Of this process. Only these names are known; anything else ends the program with code 2.
    pub fn read(names: &[&str]) -> Self {
        let mut pairs = Vec::new();
        // The aliases end with the `--` that cargo wants; one more does no harm.
        let mut words = std::env::args().skip(1).filter(|word| word != "--");
        while let Some(name) = words.next() {
            let known = names.contains(&name.as_str());
            match words.next().filter(|_| known) {
                Some(value) => pairs.push((name, value)),
                None => {
                    let list = names.iter().map(|n| format!("{n} <value>")).collect::<Vec<_>>().join(", ");
                    eprintln!("{name}: not understood; known are {list}");
                    std::process::exit(2);
                }
            }
        }
        Self(pairs)
    }

    /// The last value given, or this one; what does not parse ends the program with code 2.
    pub fn get<T: std::str::FromStr>(&self, name: &str, default: T) -> T {
        let Some((_, value)) = self.0.iter().rev().find(|(given, _)| given == name) else { return default };
        value.parse().unwrap_or_else(|_| {
            eprintln!("{name} {value}: not understood");
            std::process::exit(2);
        })
    }

    /// Whether `--format json` was given; the other format is `text`.
    pub fn json(&self) -> bool {
        self.get("--format", "text".to_owned()) == "json"
    }
}
