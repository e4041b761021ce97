//! Taking a snapshot of everything, at 10 to 10,000 positions, against cloning the map under a read lock.
//!
//! What a regression would mean: a snapshot is one load and one reference count whatever the size of the book. If it grows
//! with the number of positions, something is copied; if it grows at every size, the root cell or the check of whose
//! shell it is got slower. At 1,000 positions the clone should cost at least 700 times as much.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "criterion's macros make public functions; a benchmark stops at bad input"
)]
#![allow(clippy::disallowed_types, reason = "the baseline is a lock")]

use std::sync::RwLock;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use posbook_bench::market;

fn snapshot(c: &mut Criterion) {
    let mut group = c.benchmark_group("snapshot");
    for positions in [10, 100, 1_000, 10_000] {
        let market = market(positions);
        let map = RwLock::new(market.map());
        group.bench_function(BenchmarkId::new("book", positions), |b| b.iter(|| market.book.snapshot()));
        group.bench_function(BenchmarkId::new("rwlock_clone", positions), |b| {
            b.iter(|| map.read().unwrap().clone())
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(1));
    targets = snapshot
}
criterion_main!(benches);
