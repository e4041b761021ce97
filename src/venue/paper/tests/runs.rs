//! Whole runs: the ledger against the fills, the seed against the outcome, threads and a runtime.

use std::collections::{BTreeMap, HashMap};

use super::*;

/// One owner's truth rebuilt from the fills alone: quantity, cash, fees, number.
type Rebuilt = BTreeMap<(Symbol, Leg, Owner), (Decimal, Decimal, Decimal, u64)>;

fn rebuild(venue: &PaperVenue, sent: &[OrderRequest]) -> Rebuilt {
    let by_id: BTreeMap<_, _> = sent.iter().map(|o| (o.client_id, o)).collect();
    let mut rebuilt = Rebuilt::new();
    for VenueFill { symbol, fill } in all_fills(venue) {
        let owner = match fill.order {
            OrderRef::Ours(id) => by_id[&id].key.owner,
            _ => Owner::UNOWNED,
        };
        let size = if symbol.as_str() == ETH { d("0.01") } else { Decimal::ONE };
        let signed = if fill.side == OrderSide::Buy { fill.quantity.get() } else { -fill.quantity.get() };
        let line = rebuilt.entry((symbol, fill.leg.unwrap(), owner)).or_default();
        line.0 += signed;
        line.1 -= signed * size * fill.price.get();
        line.2 += fill.fees.of(&"USDT".parse().unwrap());
        line.3 += 1;
    }
    rebuilt
}

/// A random run on one thread; everything about it follows from `seed`.
fn random_run(seed: u64) -> (PaperVenue, Vec<OrderRequest>) {
    let venue = builder().seed(seed).latency(ms(20)..ms(250)).partial(40).reject(5).build();
    let (mut state, mut sent) = (seed, Vec::new());
    let mut random = move |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    for n in 0..600_u64 {
        let time = i64::try_from(n * 13).unwrap();
        tick(&venue, BTC, &format!("{}.{}", 50_000 + random(200), random(10)), time);
        tick(&venue, ETH, &format!("{}.{:02}", 2_000 + random(50), random(100)), time + 5);
        let side = if random(2) == 0 { OrderSide::Buy } else { OrderSide::Sell };
        let mut request = order(n + 1, side, &format!("0.{:03}", 1 + random(400)));
        if random(2) == 0 {
            request.quantity = Quantity::new(Decimal::from(1 + random(50))).unwrap();
            request = on_leg(if random(2) == 0 { Leg::Long } else { Leg::Short }, request);
        }
        request.reduce_only = random(3) == 0;
        request.key.owner = Owner(u32::try_from(random(3)).unwrap());
        sent.push(request.clone());
        drop(venue.submit(request));
        if random(20) == 0 {
            venue.place_foreign(&sym(BTC), Leg::Net, side, qty("0.05")).unwrap();
        }
        if random(15) == 0 {
            block_on(venue.cancel(id(1 + random(n + 1)))).unwrap();
        }
    }
    venue.finish();
    (venue, sent)
}

#[test]
fn the_ledger_is_the_sum_of_the_fills() {
    for seed in 0..10 {
        let (venue, sent) = random_run(seed);
        let accounts: Rebuilt = venue
            .ledger()
            .into_iter()
            .map(|a| ((a.symbol, a.leg, a.owner), (a.quantity, a.cash, a.fees, a.fills)))
            .collect();
        assert_eq!(accounts, rebuild(&venue, &sent));

        // The report is the sum over owners, and each order's figure is the sum of its fills.
        let mut legs: BTreeMap<_, Decimal> = BTreeMap::new();
        for ((symbol, leg, _), line) in &accounts {
            *legs.entry((symbol.clone(), *leg)).or_default() += line.0;
        }
        legs.retain(|_, quantity| !quantity.is_zero());
        let signed =
            |r: &VenuePosition| if r.side == Side::Long { r.quantity.get() } else { -r.quantity.get() };
        let rows: BTreeMap<_, _> =
            report(&venue).iter().map(|r| ((r.symbol.clone(), r.leg), signed(r))).collect();
        assert_eq!(rows, legs);
        assert!(
            rows.iter()
                .all(|((_, leg), q)| leg.only_side().is_none_or(|s| (s == Side::Long) == (*q > d("0"))))
        );
        let mut by_order: HashMap<_, Decimal> = HashMap::new();
        let mut times = Vec::new();
        for VenueFill { fill, .. } in all_fills(&venue) {
            times.push(fill.venue_time.unwrap());
            *by_order.entry(fill.order).or_default() += fill.quantity.get();
        }
        assert!(times.is_sorted());
        for request in &sent {
            let OrderStatus::Final { filled, .. } = status(&venue, request.client_id.sequence.0) else {
                panic!("an order is open after the end")
            };
            let sum = by_order.get(&OrderRef::Ours(request.client_id)).copied().unwrap_or_default();
            assert_eq!(filled.get(), sum);
            assert!(filled <= request.quantity);
        }
        let stats = venue.stats();
        assert!(stats.partial_orders > 0 && stats.rejected > 0 && stats.cancelled > 0 && stats.foreign > 0);
        assert!(accounts.len() > 6 && all_fills(&venue).len() > 500, "more than one page");
    }
}

#[test]
fn the_seed_fixes_a_run() {
    let ((a, _), (b, _), (c, _)) = (random_run(7), random_run(7), random_run(8));
    assert_eq!((all_fills(&a), a.ledger(), a.stats()), (all_fills(&b), b.ledger(), b.stats()));
    assert_ne!(all_fills(&a), all_fills(&c));
}

#[test]
fn threads_await_their_orders_while_the_market_ticks() {
    // Whatever the interleaving, the same orders are refused and the same parts fill.
    let run = || {
        let venue = builder().seed(5).latency(ms(20)..ms(250)).partial(50).reject(10).build();
        tick(&venue, BTC, "50000", 0);
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let bots: Vec<_> = (0..4_u64)
                .map(|bot| {
                    let venue = venue.clone();
                    scope.spawn(move || {
                        let send = |n: u64| {
                            block_on(venue.submit(order(n * 4 + bot, OrderSide::Buy, "0.1"))).unwrap()
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
        let parts = |a: Answer| {
            (a.status, a.fills.into_iter().map(|f| (f.fill.shape, f.fill.quantity)).collect::<Vec<_>>())
        };
        outcomes.into_iter().map(parts).collect::<Vec<_>>()
    };
    let first = run();
    assert_eq!(first.len(), 200);
    assert_eq!(first, run());
}

#[test]
fn futures_resolve_under_tokio() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let venue = builder().latency(ms(20)..ms(250)).build();
    tick(&venue, BTC, "50000", 0);
    let orders: Vec<_> = (0..50)
        .map(|n| {
            let venue = venue.clone();
            runtime.spawn(async move { venue.submit(order(n, OrderSide::Buy, "0.1")).await })
        })
        .collect();
    let mut time = 0;
    while orders.iter().any(|order| !order.is_finished()) {
        time += 10;
        tick(&venue, BTC, "50000", time);
    }
    for order in orders {
        assert_eq!(runtime.block_on(order).unwrap().unwrap().status, is("0.1", Outcome::Filled));
    }
}
