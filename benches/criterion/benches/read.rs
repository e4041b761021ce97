//! Reading one field of one position: through a `Reader`, through a snapshot, and under a mutex.
//!
//! What a regression would mean: `reader` is what a hot loop does on every tick, a comparison and two look-ups; if it grows,
//! the cached view is reloading although nothing changed, or the map's path got longer. `snapshot_get` adds one load of
//! the root and one reference count; if it grows and `reader` does not, the root cell got slower. The mutex is there for
//! the ratio: at most 0.75 (reader) and 1.6 (snapshot) of it is wanted.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "criterion's macros make public functions; a benchmark stops at bad input"
)]
#![allow(clippy::disallowed_types, reason = "the baseline is a mutex")]

use std::hint::black_box;
use std::sync::Mutex;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use posbook::PositionKey;
use posbook_bench::market;

fn read(c: &mut Criterion) {
    let mut group = c.benchmark_group("read one field");
    for positions in [100_u32, 1_000] {
        let market = market(positions as usize);
        let map = Mutex::new(market.map());
        let mut reader = market.book.reader();
        let key = |n: &mut u32| {
            *n = (*n + 7) % positions;
            PositionKey::net(posbook::InstrumentId(*n))
        };
        group.bench_function(BenchmarkId::new("reader", positions), |b| {
            let mut n = 0;
            b.iter(|| reader.view().get(black_box(key(&mut n))).map(|p| p.quantity));
        });
        group.bench_function(BenchmarkId::new("snapshot_get", positions), |b| {
            let mut n = 0;
            b.iter(|| market.book.snapshot().get(black_box(key(&mut n))).map(|p| p.quantity));
        });
        group.bench_function(BenchmarkId::new("mutex", positions), |b| {
            let mut n = 0;
            b.iter(|| map.lock().unwrap().get(&black_box(key(&mut n))).map(|p| p.quantity));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(1));
    targets = read
}
criterion_main!(benches);
