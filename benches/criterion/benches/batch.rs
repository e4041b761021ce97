//! Moving the stop of 10 to 1,000 positions, as one batch and one by one.
//!
//! What a regression would mean: a batch decides each command on what the ones before leave and publishes once, so a command in
//! it should cost no more than one alone, however many there are. If the cost of a command grows with the batch, deciding one
//! looks at all the others.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "criterion's macros make public functions; a benchmark stops at bad input"
)]

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use posbook::{Command, Decimal, Price};
use posbook_bench::market;

fn batch(c: &mut Criterion) {
    let mut group = c.benchmark_group("stops");
    for positions in [10, 100, 1_000] {
        let market = market(positions);
        // Stops only rise: each is one of the smallest steps above the one before.
        let mut stops = 0_i64;
        let mut next = || {
            stops += 1;
            Price::new(Decimal::new(10_000 + stops, 1)).unwrap()
        };
        group.throughput(Throughput::Elements(positions as u64));
        group.bench_function(BenchmarkId::new("batch", positions), |b| {
            b.iter(|| {
                let stop = next();
                market
                    .book
                    .submit(market.ids.iter().map(|id| Command::retarget(*id).stop(stop).into()))
                    .unwrap()
            });
        });
        group.bench_function(BenchmarkId::new("one by one", positions), |b| {
            b.iter(|| {
                let stop = next();
                for id in &market.ids {
                    market.book.apply(Command::retarget(*id).stop(stop)).unwrap();
                }
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(1));
    targets = batch
}
criterion_main!(benches);
