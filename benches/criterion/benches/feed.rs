//! Reading the feed: one publication that is new, nothing that is new, and a thousand at once.
//!
//! What a regression would mean: a subscriber is a number, and what is newer is found in the window of the newest root by
//! chunk. If `one new` grows, a publication is copied and not shared; if `a thousand` grows by more than that for each,
//! every step searches the window from its beginning; `nothing new` is what a loop that polls pays.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "criterion's macros make public functions; a benchmark stops at bad input"
)]

use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use posbook::Sequence;
use posbook_bench::market;

fn feed(c: &mut Criterion) {
    let mut group = c.benchmark_group("feed");
    let mut market = market(100);
    let mut turn = market.ids.clone().into_iter().cycle();
    let (book, fills) = (market.book.clone(), &mut market.fills);
    for _ in 0..2_000 {
        book.record(fills.next(turn.next().unwrap())).unwrap();
    }
    let last = book.snapshot().sequence();
    let mut feed = book.changes_after(last);
    group.bench_function("nothing new", |b| b.iter(|| feed.try_next().is_none()));
    group.bench_function("one new", |b| {
        b.iter(|| {
            feed.seek(Sequence(last.0 - 1));
            feed.try_next().unwrap().unwrap()
        });
    });
    group.bench_function("a thousand", |b| {
        b.iter_batched(
            || book.changes_after(Sequence(last.0 - 1_000)),
            |feed| {
                let mut feed = feed;
                std::iter::from_fn(|| feed.try_next()).map(|unit| unit.unwrap().len()).sum::<usize>()
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(1));
    targets = feed
}
criterion_main!(benches);
