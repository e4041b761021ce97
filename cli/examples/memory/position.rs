//! What a position costs in memory, in posbook and in the other contenders of `posbook bench`: everything that they hold, over
//! the positions in it.

use std::fmt;

use posbook::{Fill, InstrumentId, OrderSide, Timestamp};
use posbook_bench::contend::{
    Contender, DashMap, PapayaMap, PlainCas, Posbook, PosbookCopying, Start, StdMutex, StdMutexRecorded,
    Typical, Worker,
};
use posbook_bench::{prices, quantity};
use serde_json::{Value, json};

use super::live;

/// Bytes a position; none where it was not measured.
pub struct Position {
    rows: Vec<(&'static str, [f64; 3])>,
}

/// Positions, and fills that each has seen since it was opened.
const CASES: [(usize, usize); 3] = [(1_000, 0), (10_000, 0), (1_000, 400)];
/// Target 12.
const WANT: f64 = 0.8;

/// Everybody's.
pub fn all() -> Position {
    Position {
        rows: vec![
            of::<Posbook>(),
            of::<PosbookCopying>(),
            of::<StdMutex>(),
            of::<StdMutexRecorded>(),
            of::<Typical>(),
            of::<DashMap>(),
            of::<PapayaMap>(),
            of::<PlainCas>(),
        ],
    }
}

fn of<C: Contender>() -> (&'static str, [f64; 3]) {
    (C::NAME, CASES.map(|(positions, fills)| bytes::<C>(positions, fills)))
}

fn bytes<C: Contender>(positions: usize, fills: usize) -> f64 {
    let (start, prices) = (Start::new(positions), prices(1));
    let before = live();
    let contender = C::new(&start);
    {
        let mut worker = contender.worker();
        for n in 0..positions * fills {
            let key = n % positions;
            // A buy and a sell in turn.
            let side = if (n / positions).is_multiple_of(2) { OrderSide::Buy } else { OrderSide::Sell };
            let id = InstrumentId(u32::try_from(key).unwrap());
            let (trade, price) = ((n + 1).to_string().parse().unwrap(), prices[n % prices.len()]);
            let fill = Fill::trade(id, trade, side, quantity("1"), price).at(Timestamp(1_000 + n as i64));
            assert!(worker.fill(key, fill), "a fill was not booked");
        }
    }
    let all = live() - before;
    drop(contender);
    all as f64 / positions as f64
}

impl Position {
    /// What posbook takes over what the mutex takes, by case.
    fn ratios(&self) -> [f64; 3] {
        let of =
            |who| self.rows.iter().find(|(name, _)| *name == who).map_or([f64::NAN; 3], |(_, bytes)| *bytes);
        let (mine, theirs) = (of(Posbook::NAME), of(StdMutex::NAME));
        [0, 1, 2].map(|n| mine[n] / theirs[n])
    }

    /// As one object.
    pub fn as_json(&self) -> Value {
        let case = |(n, (positions, fills)): (usize, &(usize, usize))| {
            let bytes: serde_json::Map<_, _> =
                self.rows.iter().map(|(who, bytes)| ((*who).to_owned(), json!(bytes[n]))).collect();
            let ratio = self.ratios()[n];
            json!({
                "target": 12, "positions": positions, "fills_each": fills, "bytes": bytes,
                "want": format!("<= {WANT}"), "got": ratio, "met": ratio <= WANT,
            })
        };
        CASES.iter().enumerate().map(case).collect()
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = CASES.map(|(positions, fills)| match fills {
            0 => format!("{positions} positions"),
            fills => format!("{positions}, {fills} fills each"),
        });
        writeln!(f, "{:<20} {:>22} {:>22} {:>22}", "bytes a position", names[0], names[1], names[2])?;
        for (who, bytes) in &self.rows {
            writeln!(f, "{who:<20} {:>22.0} {:>22.0} {:>22.0}", bytes[0], bytes[1], bytes[2])?;
        }
        for (name, ratio) in names.iter().zip(self.ratios()) {
            let met = if ratio <= WANT { "met" } else { "MISSED" };
            writeln!(
                f,
                "target 12: posbook over the bare mutex, {name}: {ratio:.2}, wanted <= {WANT}: {met}"
            )?;
        }
        Ok(())
    }
}
