//! Whole runs with every fault at once: whatever was said, the ledger is what was done, and all of it is said in the end.

use std::collections::{BTreeMap, HashSet};

use rust_decimal::RoundingStrategy;

use super::*;
use crate::model::Shape;

/// A random run on one thread; everything about it follows from `seed`.
fn run(seed: u64, faults: Faults) -> (PaperVenue, Vec<OrderRequest>) {
    let venue = builder().seed(seed).latency(ms(20)..ms(250)).partial(40).reject(5).faults(faults).build();
    let (mut state, mut sent) = (seed, Vec::new());
    let mut random = move |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let mut pending = Vec::new();
    for n in 0..600_u64 {
        let time = i64::try_from(n * 130).unwrap();
        tick(&venue, BTC, &format!("{}.{}", 50_000 + random(200), random(10)), time);
        tick(&venue, ETH, &format!("{}.{:02}", 2_000 + random(50), random(100)), time + 50);
        let side = if random(2) == 0 { OrderSide::Buy } else { OrderSide::Sell };
        let mut request = order(n + 1, side, &format!("0.{:03}", 1 + random(400)));
        if random(2) == 0 {
            request.quantity = Quantity::new(Decimal::from(1 + random(50))).unwrap();
            request = on_leg(if random(2) == 0 { Leg::Long } else { Leg::Short }, request);
        }
        request.reduce_only = random(3) == 0;
        request.valid_until = venue.now().plus(ms(100 + random(4_000)));
        sent.push(request.clone());
        pending.push(venue.submit(request));
        if random(20) == 0 {
            venue.place_foreign(&sym(BTC), Leg::Net, side, qty("0.05")).unwrap();
        }
        if random(8) == 0 {
            let _ = block_on(venue.cancel(id(1 + random(n + 1))));
        }
        let _ = (block_on(venue.order(id(1 + random(n + 1)))), block_on(venue.positions(Scope::All)));
        let _ = block_on(venue.fills_since(FillCursor(0)));
    }
    venue.finish();
    for future in pending {
        let _ = block_on(future);
    }
    (venue, sent)
}

/// What was executed, rebuilt from what was delivered: each message once, by its identity.
fn distinct(venue: &PaperVenue) -> Vec<VenueFill> {
    let mut seen = HashSet::new();
    let mut fills = all_fills(venue);
    fills.retain(|f| seen.insert((f.fill.order.clone(), f.fill.shape.clone(), identity(f))));
    fills
}

/// A cumulative figure is named by its quantity, a trade by its id.
fn identity(f: &VenueFill) -> Quantity {
    if f.fill.shape == Shape::Cumulative { f.fill.quantity } else { Quantity::ZERO }
}

#[test]
fn whatever_was_said_the_ledger_is_the_sum_of_what_was_delivered() {
    let mut injected: BTreeMap<Fault, u64> = BTreeMap::new();
    for seed in 0..30 {
        let (venue, sent) = run(seed, Faults::hostile());
        let usdt = "USDT".parse().unwrap();
        let fills = distinct(&venue);
        assert_eq!(fills.len() as u64, venue.stats().fills, "every execution is delivered, none twice");
        let mut figures: BTreeMap<ClientOrderId, (Decimal, Decimal)> = BTreeMap::new();
        let mut sources: BTreeMap<ClientOrderId, bool> = BTreeMap::new();
        let mut rebuilt: BTreeMap<(Symbol, Leg), (Decimal, Decimal, Decimal, u64)> = BTreeMap::new();
        let mut last_exact = BTreeMap::new();
        for VenueFill { symbol, fill } in &fills {
            let size = if symbol.as_str() == ETH { d("0.01") } else { Decimal::ONE };
            let (mut quantity, mut value) =
                (fill.quantity.get(), fill.quantity.get() * size * fill.price.get());
            if let OrderRef::Ours(order) = fill.order {
                let cumulative = fill.shape == Shape::Cumulative;
                assert_eq!(*sources.entry(order).or_insert(cumulative), cumulative, "one source an order");
                let so_far = figures.entry(order).or_default();
                if cumulative {
                    value = value.round_dp_with_strategy(8, RoundingStrategy::MidpointNearestEven);
                    (quantity, value) = (quantity - so_far.0, value - so_far.1);
                    assert!(quantity > Decimal::ZERO, "no figure overtakes a smaller one");
                    last_exact.insert(order, fill.price);
                }
                *so_far = (so_far.0 + quantity, so_far.1 + value);
            }
            let sign = if fill.side == OrderSide::Buy { Decimal::ONE } else { -Decimal::ONE };
            let line = rebuilt.entry((symbol.clone(), fill.leg.unwrap())).or_default();
            line.0 += sign * quantity;
            line.1 -= sign * value;
            line.2 += fill.fees.of(&usdt);
            line.3 += 1;
        }
        let ledger =
            venue.ledger().into_iter().map(|a| ((a.symbol, a.leg), (a.quantity, a.cash, a.fees, a.fills)));
        assert_eq!(ledger.collect::<BTreeMap<_, _>>(), rebuilt, "seed {seed}");

        assert!(venue.open_orders().is_empty());
        for request in &sent {
            let sum = figures.get(&request.client_id).map_or(Decimal::ZERO, |(quantity, _)| *quantity);
            match status(&venue, request.client_id.sequence.0) {
                OrderStatus::Final { filled, .. } => assert_eq!(filled.get(), sum),
                OrderStatus::Unknown => assert_eq!(sum, Decimal::ZERO, "what never arrived did nothing"),
                OrderStatus::Working { .. } => panic!("an order is open after the end"),
            }
        }
        let net =
            |leg: Leg, symbol: &str| rebuilt.get(&(sym(symbol), leg)).map_or(Decimal::ZERO, |line| line.0);
        for row in report(&venue) {
            let signed = if row.side == Side::Long { row.quantity.get() } else { -row.quantity.get() };
            assert_eq!(signed, net(row.leg, row.symbol.as_str()));
        }
        assert!(!last_exact.is_empty());
        for (fault, count) in venue.stats().faults {
            *injected.entry(fault).or_default() += count;
        }
    }
    assert!(Fault::ALL.iter().all(|fault| injected.contains_key(fault)), "{injected:?}");
}

#[test]
fn one_seed_gives_the_same_fates() {
    let [a, b, c] = [7, 7, 8].map(|seed| run(seed, Faults::hostile()).0);
    assert_eq!((all_fills(&a), a.ledger(), a.stats()), (all_fills(&b), b.ledger(), b.stats()));
    assert_ne!(all_fills(&a), all_fills(&c));
}

#[test]
fn threads_and_lost_answers_leave_nobody_waiting() {
    // Without bursts, which are about moments and not about orders: how much time passes between two orders of a thread
    // is the scheduler's.
    let faults = Faults::hostile().set("rate-limit", "0".parse().unwrap()).unwrap();
    let run = || -> Vec<(u64, bool)> {
        let venue = builder().seed(5).latency(ms(20)..ms(250)).partial(50).faults(faults.clone()).build();
        tick(&venue, BTC, "50000", 0);
        let fates = std::thread::scope(|scope| {
            let bots: Vec<_> = (0..4_u64)
                .map(|bot| {
                    let venue = venue.clone();
                    scope.spawn(move || {
                        let send = |n: u64| {
                            let n = n * 4 + bot;
                            let answer = block_on(venue.submit(order(n, OrderSide::Buy, "0.1")));
                            (n, answer.is_err())
                        };
                        (0..50).map(send).collect::<Vec<_>>()
                    })
                })
                .collect();
            let mut time = 0;
            while bots.iter().any(|bot| !bot.is_finished()) {
                time += 7;
                tick(&venue, BTC, "50000", time);
            }
            bots.into_iter().flat_map(|bot| bot.join().unwrap()).collect()
        });
        venue.finish();
        assert!(venue.open_orders().is_empty());
        fates
    };
    let first = run();
    assert_eq!(first, run(), "each order has the fate of its name");
    let lost = first.iter().filter(|(_, lost)| *lost).count();
    assert!((15..60).contains(&lost), "{lost} of 200");
}
