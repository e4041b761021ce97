//! What an order costs beside its fill: reserve, sent, complete; against a fill that nobody reserved.
//!
//! What a regression would mean: an order is four publications, its claim, its leaving, its fill and its end, so it should cost
//! about four fills. If it grows and `fill` does not, the checks of a claim (limits, closings, orders of the key) got slower,
//! or orders that are finished are not forgotten.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "criterion's macros make public functions; a benchmark stops at bad input"
)]

use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use posbook::{Book, Command, InstrumentId, Quantity};
use posbook_bench::{Fills, market, price, quantity};

/// A whole order of one contract more, or one less: positions stay what they are.
fn order(book: &Book, id: InstrumentId, more: bool, one: Quantity, fills: &mut Fills) {
    let at = price("50000");
    let claim = if more {
        book.reserve(Command::scale_in(id, one).at(at))
    } else {
        book.reserve(Command::scale_out(id, one))
    };
    let sent = claim.unwrap().sent().unwrap();
    let mut fill = fills.next(id).order(sent.client_id());
    fill.side = if more { posbook::OrderSide::Buy } else { posbook::OrderSide::Sell };
    book.record(fill).unwrap();
    sent.complete(one).unwrap();
}

fn orders(c: &mut Criterion) {
    let mut group = c.benchmark_group("order");
    let one = quantity("1");
    for positions in [10, 1_000] {
        let mut market = market(positions);
        let (book, mut turn) = (market.book.clone(), market.ids.clone().into_iter().cycle());
        // A position that came from nowhere is blocked for increases until somebody says where its stop is.
        for id in &market.ids {
            book.apply(Command::retarget(*id).stop(price("1000"))).unwrap();
        }
        let fills = &mut market.fills;
        let mut n = 0_usize;
        group.bench_function(BenchmarkId::new("reserve, sent, fill, complete", positions), |b| {
            b.iter(|| {
                n += 1;
                order(&book, turn.next().unwrap(), (n / positions).is_multiple_of(2), one, fills);
            });
        });
        group.bench_function(BenchmarkId::new("reserve, release", positions), |b| {
            b.iter(|| {
                let wish = Command::scale_in(turn.next().unwrap(), one).at(price("50000"));
                book.reserve(wish).unwrap().release();
            });
        });
        group.bench_function(BenchmarkId::new("fill alone", positions), |b| {
            b.iter_batched(
                || fills.next(turn.next().unwrap()),
                |fill| book.record(fill).unwrap(),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(1));
    targets = orders
}
criterion_main!(benches);
