//! Told change by change, every figure is what a recomputation over all of them gives, to the last digit.

use std::time::Duration;

use posbook::analytics::{Keep, Performance};
use posbook::{
    Book, Clock, Command, Fill, Funding, Instrument, InstrumentId, Leg, OrderSide, Owner, PositionKey,
    Quantity, Side, Tags,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::START;
use super::again::Again;

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    Order { instrument: u32, owner: u32, long: bool, quantity: u32, fee: i32 },
    Foreign { instrument: u32, buys: bool, quantity: u32, fee: i32 },
    Fund { instrument: u32, amount: i32 },
    Mark { instrument: u32, by: i32 },
    Wait { milliseconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let quantity = || 1..50_u32;
    prop_oneof![
        4 => (0..3_u32, 1..4_u32, any::<bool>(), quantity(), -40..200_i32)
            .prop_map(|(instrument, owner, long, quantity, fee)| Step::Order { instrument, owner, long, quantity, fee }),
        4 => (0..3_u32, any::<bool>(), quantity(), -40..200_i32)
            .prop_map(|(instrument, buys, quantity, fee)| Step::Foreign { instrument, buys, quantity, fee }),
        1 => (0..3_u32, -100..100_i32).prop_map(|(instrument, amount)| Step::Fund { instrument, amount }),
        3 => (0..3_u32, -60..60_i32).prop_map(|(instrument, by)| Step::Mark { instrument, by }),
        2 => prop_oneof![1..5_000_u64, 10_000..500_000_u64, 3_000_000..90_000_000_u64]
            .prop_map(|milliseconds| Step::Wait { milliseconds }),
    ]
}

struct World {
    book: Book,
    clock: Clock,
    prices: [i64; 3],
    count: u64,
}

impl World {
    fn new() -> Self {
        let clock = Clock::manual(START);
        let book = Book::builder().clock(clock.clone()).build().unwrap();
        for instrument in [
            Instrument::linear("BTC/USDT:USDT", "0.1", "0.001").unwrap(),
            Instrument::linear("SOL/USDT:USDT", "0.1", "0.001").unwrap(),
            Instrument::linear("ETH/USDC:USDC", "0.1", "0.001").unwrap(),
        ] {
            book.register(instrument).unwrap();
        }
        Self { book, clock, prices: [1_000_000, 3_000, 20_000], count: 0 }
    }

    fn price(&self, instrument: u32) -> posbook::Price {
        let tenths = self.prices[instrument as usize];
        format!("{}.{}", tenths / 10, tenths % 10).parse().unwrap()
    }

    fn fill(&mut self, instrument: u32, buys: bool, quantity: Quantity, fee: i32) -> Fill {
        self.count += 1;
        let side = if buys { OrderSide::Buy } else { OrderSide::Sell };
        let id = format!("t-{}", self.count).parse().unwrap();
        let fill = Fill::trade(InstrumentId(instrument), id, side, quantity, self.price(instrument));
        // Fees are in two currencies, and some are rebates.
        let currency = if fee % 3 == 0 { "BNB" } else { ["USDT", "USDT", "USDC"][instrument as usize] };
        let sign = if fee < 0 { "-" } else { "" };
        fill.fee(&format!("{sign}0.0{:03}", fee.abs()), currency).unwrap()
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Wait { milliseconds } => {
                self.clock.set(self.clock.now().plus(Duration::from_millis(milliseconds)))
            }
            Step::Mark { instrument, by } => {
                let price = &mut self.prices[instrument as usize];
                *price = (*price + i64::from(by) * *price / 2_000).max(100);
                self.book.mark(InstrumentId(instrument), self.price(instrument)).unwrap();
                // Some marks are noted of every owner, and others of nobody.
                for position in self
                    .book
                    .snapshot()
                    .iter()
                    .filter(|open| open.key.instrument.0 == instrument && by % 3 != 0)
                {
                    let (key, position) = (position.key, position.id);
                    self.book.apply(Command::Reach { key, position }).unwrap();
                    // Now and then it goes by another name from here on.
                    if by % 7 == 0 {
                        let tags =
                            Tags::new([["grid", "trend"][usize::from(by > 0)].parse().unwrap()]).unwrap();
                        self.book.apply(Command::tag(key, tags)).unwrap();
                    }
                }
            }
            Step::Fund { instrument, amount } => {
                self.count += 1;
                let sign = if amount < 0 { "-" } else { "" };
                let amount = format!("{sign}0.{:02}", amount.abs());
                let paid = Funding::new(InstrumentId(instrument), self.count, &amount, "USDT").unwrap();
                self.book.fund(paid).unwrap();
            }
            Step::Foreign { instrument, buys, quantity, fee } => {
                let fill = self.fill(instrument, buys, thousandths(quantity), fee);
                self.book.record(fill).unwrap();
            }
            Step::Order { instrument, owner, long, quantity, fee } => {
                self.order(instrument, owner, long, quantity, fee)
            }
        }
    }

    /// An order of one of the owners: opens, adds, takes some off or closes, whatever stands there.
    fn order(&mut self, instrument: u32, owner: u32, long: bool, quantity: u32, fee: i32) {
        let key = PositionKey { instrument: InstrumentId(instrument), leg: Leg::Net, owner: Owner(owner) };
        let side = self.book.snapshot().get(key).map(|open| open.side);
        let (wish, buys): (Command, bool) = match side {
            None => {
                let wanted = if long { Side::Long } else { Side::Short };
                let mut wish = Command::open(key, wanted, thousandths(quantity)).at(self.price(instrument));
                // None, one or two.
                for tag in ["grid", "night"].iter().take(quantity as usize % 3) {
                    wish = wish.tag(tag).unwrap();
                }
                (wish.into(), long)
            }
            Some(open) if (open == Side::Long) == long => {
                (Command::scale_in(key, thousandths(quantity)).at(self.price(instrument)).into(), long)
            }
            Some(_) if quantity.is_multiple_of(2) => (Command::close(key).into(), long),
            Some(_) => (Command::scale_out(key, thousandths(quantity)).into(), long),
        };
        let Ok(claim) = self.book.reserve(wish) else { return };
        let sent = claim.sent().unwrap();
        let fill = self.fill(instrument, buys, sent.order().quantity, fee).order(sent.client_id());
        let filled = fill.quantity;
        self.book.record(fill).unwrap();
        sent.complete(filled).unwrap();
    }
}

fn thousandths(quantity: u32) -> Quantity {
    format!("0.{quantity:03}").parse().unwrap()
}

/// Plays the steps, followed as they come; how many changes that were.
fn play(steps: &[Step]) -> usize {
    let mut world = World::new();
    let mut feed = world.book.changes_after(posbook::Sequence(0));
    let mut performance = Performance::keeping(Keep { lives: 16, rows: usize::MAX });
    let mut all = Vec::new();
    for step in steps {
        world.take(step);
        while let Some(publication) = feed.try_next() {
            let publication = publication.unwrap();
            performance.follow_all(&publication).unwrap();
            all.extend(publication.iter().cloned());
        }
    }
    let accounts = Again::of(&all).compare(&performance);
    assert!(accounts > 0 || all.len() < 4);
    all.len()
}

fn by_hand() -> bool {
    std::env::var("POSBOOK_SCALE").is_ok_and(|scale| scale == "hand")
}

/// 10^6 changes by hand: `POSBOOK_SCALE=hand cargo test --release --features analytics --test analytics streaming`.
#[test]
fn streaming_is_a_batch_over_all_changes_to_the_last_digit() {
    let (cases, steps, least) = if by_hand() { (700, 1_000, 1_000_000) } else { (20, 150, 4_000) };
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 50, ..Config::default() };
    let mut runner = if by_hand() {
        TestRunner::new(config)
    } else {
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
    };
    let changes = std::cell::Cell::new(0);
    runner
        .run(&proptest::collection::vec(step(), steps..=steps), |steps| {
            changes.set(changes.get() + play(&steps));
            Ok(())
        })
        .unwrap();
    println!("{} changes", changes.get());
    assert!(changes.get() >= least, "{} changes are too few", changes.get());
}
