//! Endless churn: all keys are closed and opened, over and over, beside a subscriber that reads and one that does not.

use posbook::{Fill, OrderSide};
use posbook_bench::{Market, market, quantity};

use super::{Check, live};

/// What memory may differ by between any two moments at which the same is open: trade ids get longer by a digit now and then.
const FLAT: i64 = 65_536;

/// So many openings and closings.
pub fn flat(count: usize) -> Check {
    let mut market = market(25);
    // Until every ring and the window are full.
    rounds(&mut market, 400);
    let (mut reading, mut sleeping) = (market.book.changes(), market.book.changes());
    // Ten looks, each with everything open.
    let each = count / 10 / (2 * market.ids.len());
    let before = live();
    let (mut read, mut moved) = (0, 0);
    for _ in 0..10 {
        for _ in 0..each {
            rounds(&mut market, 1);
            // A publication that was missed would be an error here.
            read += std::iter::from_fn(|| reading.try_next()).map(|unit| unit.unwrap().len()).sum::<usize>();
        }
        moved = moved.max((live() - before).abs());
    }
    let done = each * 10 * 2 * market.ids.len();
    let lagged = matches!(sleeping.try_next(), Some(Err(_)));
    Check {
        what: format!(
            "{done} openings and closings, one subscriber reading and one not, leave memory where it was"
        ),
        got: format!(
            "at most {moved} bytes from where it was; {read} changes read, the other lagged: {lagged}"
        ),
        figure: moved,
        ok: moved <= FLAT && read == done && lagged,
    }
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
