//! Recording a fill, one writer, at 10 to 1,000 positions, against the same arithmetic under a mutex.
//!
//! What a regression would mean: a fill is decided, put into a copy of the path to its slot, and published with its change
//! record. If the book grows and the mutex does not, `decide`, the path copy or the feed's window got more expensive; if it
//! grows with the number of positions, more than a path is copied. This is where a mutex wins: a lone writer with nobody
//! reading pays several times its price for the record, the checks and the snapshots.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "criterion's macros make public functions; a benchmark stops at bad input"
)]
#![allow(clippy::disallowed_types, reason = "the baseline is a mutex")]

use std::sync::Mutex;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use posbook::PositionKey;
use posbook_bench::{fold, market};

fn fill(c: &mut Criterion) {
    let mut group = c.benchmark_group("record a fill");
    for positions in [10, 100, 1_000] {
        let mut market = market(positions);
        let map = Mutex::new(market.map());
        let mut turn = market.ids.clone().into_iter().cycle();
        let (book, fills) = (market.book.clone(), &mut market.fills);
        group.bench_function(BenchmarkId::new("book", positions), |b| {
            b.iter_batched(
                || fills.next(turn.next().unwrap()),
                |fill| book.record(fill).unwrap(),
                BatchSize::SmallInput,
            );
        });
        group.bench_function(BenchmarkId::new("mutex", positions), |b| {
            b.iter_batched(
                || fills.next(turn.next().unwrap()),
                |fill| fold(map.lock().unwrap().get_mut(&PositionKey::net(fill.instrument)).unwrap(), &fill),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(1));
    targets = fill
}
criterion_main!(benches);
