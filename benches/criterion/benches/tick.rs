//! Noting the latest price of an instrument, at 10 and 1,000 of them, against the same under a mutex.
//!
//! What a regression would mean: a tick is two atomic stores into a table, whatever the book holds. If it grows, the price's
//! conversion into one word or the check of the instrument got slower; if it grows with the number of instruments, marks are
//! no longer a table; if it allocates, `tests/allocations.rs` fails too.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "criterion's macros make public functions; a benchmark stops at bad input"
)]
#![allow(clippy::disallowed_types, reason = "the baseline is a mutex")]

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Mutex;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use posbook::{InstrumentId, Price, Timestamp};
use posbook_bench::{market, prices};
use rustc_hash::FxBuildHasher;

fn tick(c: &mut Criterion) {
    let mut group = c.benchmark_group("tick");
    let prices = prices(1);
    for instruments in [10_u32, 1_000] {
        let market = market(instruments as usize);
        let next = |n: &mut u32| {
            *n = n.wrapping_add(7);
            (
                InstrumentId(*n % instruments),
                prices[*n as usize % prices.len()],
                Timestamp(1_000_000 + i64::from(*n)),
            )
        };
        group.bench_function(BenchmarkId::new("book", instruments), |b| {
            let mut n = 0;
            b.iter(|| {
                let (id, price, time) = black_box(next(&mut n));
                market.book.mark_at(id, price, time).unwrap();
            });
        });
        let start: HashMap<InstrumentId, (Price, Timestamp), FxBuildHasher> =
            market.ids.iter().map(|id| (*id, (prices[0], Timestamp(0)))).collect();
        let map = Mutex::new(start);
        group.bench_function(BenchmarkId::new("mutex", instruments), |b| {
            let mut n = 0;
            b.iter(|| {
                let (id, price, time) = black_box(next(&mut n));
                *map.lock().unwrap().get_mut(&id).unwrap() = (price, time);
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(1));
    targets = tick
}
criterion_main!(benches);
