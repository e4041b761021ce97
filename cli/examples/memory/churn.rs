//! Endless churn: all keys are closed and opened, over and over, beside a subscriber that works out what was earned, keeping so many
//! lives and periods, and one that does not read.

use posbook::analytics::{Keep, Performance};
use posbook::{Changes, Fill, OrderSide};
use posbook_bench::{Market, market, quantity};

use super::{Check, live};

/// What memory may differ by between any two moments at which the same is open: trade ids get longer by a digit now and then.
const FLAT: i64 = 65_536;

/// So many openings and closings.
pub fn flat(count: usize) -> Check {
    let mut market = market(25);
    let (mut reading, mut sleeping) = (market.book.changes(), market.book.changes());
    let mut performance = Performance::begin(&market.book.snapshot(), Keep { lives: 1_024, rows: 1 });
    // Until every ring, the window and what is kept of the past are full.
    for _ in 0..400 {
        rounds(&mut market, 1);
        follow(&mut performance, &mut reading);
    }
    // Ten looks, each with everything open.
    let each = count / 10 / (2 * market.ids.len());
    let before = live();
    let (mut read, mut moved) = (0, 0);
    for _ in 0..10 {
        for _ in 0..each {
            rounds(&mut market, 1);
            read += follow(&mut performance, &mut reading);
        }
        moved = moved.max((live() - before).abs());
    }
    let done = each * 10 * 2 * market.ids.len();
    let lagged = matches!(sleeping.try_next(), Some(Err(_)));
    Check {
        what: format!(
            "{done} openings and closings, one subscriber working out what was earned and one not reading, leave memory where it was"
        ),
        got: format!(
            "at most {moved} bytes from where it was; {read} changes read, the other lagged: {lagged}"
        ),
        figure: moved,
        ok: moved <= FLAT && read == done && lagged,
    }
}

/// Takes in what has come; how many changes that was. A publication that was missed would be an error here.
fn follow(performance: &mut Performance, reading: &mut Changes) -> usize {
    let units = std::iter::from_fn(|| reading.try_next());
    units
        .map(|unit| {
            let unit = unit.unwrap();
            performance.follow_all(&unit).unwrap();
            unit.len()
        })
        .sum()
}

/// Closes every position and opens it again, so many times.
fn rounds(market: &mut Market, times: usize) {
    let whole = quantity("10000");
    for _ in 0..times {
        for side in [OrderSide::Sell, OrderSide::Buy] {
            for id in &market.ids {
                let fill = Fill { side, quantity: whole, ..market.fills.next(*id) };
                market.book.record(fill).unwrap();
            }
        }
    }
}
