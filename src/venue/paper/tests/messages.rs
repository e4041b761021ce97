//! Faults of the messages of fills: late, twice, in another order, without trade ids.

use rust_decimal::RoundingStrategy;

use super::*;
use crate::model::Shape;

/// The trade ids that were delivered, in this order.
fn delivered(venue: &PaperVenue) -> Vec<String> {
    let name = |f: &VenueFill| match &f.fill.shape {
        Shape::Trade { id } => id.to_string(),
        Shape::Cumulative => f.fill.quantity.to_string(),
    };
    all_fills(venue).iter().map(name).collect()
}

fn trade(sequence: u64) -> String {
    format!("{}.1", id(sequence))
}

#[test]
fn a_doubled_fill_comes_twice_in_half_a_minute() {
    let venue = certain(Fault::DoubledFill);
    let mut waited = Vec::new();
    for n in 1..=20_u64 {
        // It opens and closes by turns: most come again after their position was closed.
        let side = if n % 2 == 0 { OrderSide::Sell } else { OrderSide::Buy };
        assert_eq!(block_on(venue.submit(order(n, side, "1"))).unwrap().fills.len(), 1);
        let sent = venue.now();
        let before = all_fills(&venue).len();
        while all_fills(&venue).len() == before {
            venue.advance(venue.now().plus(ms(100)));
        }
        waited.push((venue.now().0 - sent.0) / 1_000_000);
        let of_this = delivered(&venue).into_iter().filter(|trade_id| *trade_id == trade(n)).count();
        assert_eq!(of_this, 2);
    }
    assert!(waited.iter().all(|waited| *waited <= 30_100) && waited.iter().any(|waited| *waited > 10_000));
    assert_eq!((venue.stats().fills, venue.stats().faults[&Fault::DoubledFill]), (20, 20));
    send(&venue, order(21, OrderSide::Buy, "1"));
    venue.finish();
    assert_eq!(all_fills(&venue).len(), 42, "finish delivers what was still to come");
}

#[test]
fn reordered_fills_change_places_or_wait_a_second() {
    let venue = certain(Fault::ReorderedFill);
    for n in 1..=4 {
        send(&venue, order(n, OrderSide::Buy, "1"));
    }
    assert_eq!(delivered(&venue), [2, 1, 4, 3].map(trade));
    // Nobody comes after this one.
    let answer = block_on(venue.submit(order(5, OrderSide::Buy, "1"))).unwrap();
    assert_eq!((answer.status, answer.fills), (is("1", Outcome::Filled), vec![]));
    venue.advance(Timestamp::from_millis(1_000));
    assert_eq!(delivered(&venue).len(), 4);
    venue.advance(Timestamp::from_millis(1_001));
    assert_eq!(delivered(&venue), [2, 1, 4, 3, 5].map(trade));
    send(&venue, order(6, OrderSide::Buy, "1"));
    venue.finish();
    assert_eq!(delivered(&venue), [2, 1, 4, 3, 5, 6].map(trade));
    assert_eq!(venue.stats().faults, [(Fault::ReorderedFill, 2)].into_iter().collect());
}

#[test]
fn a_delayed_fill_is_seen_later_than_what_it_did() {
    let venue = certain(Fault::DelayedFill);
    let answer = block_on(venue.submit(order(1, OrderSide::Buy, "1"))).unwrap();
    assert_eq!((answer.status, answer.fills), (is("1", Outcome::Filled), vec![]));
    assert_eq!((status(&venue, 1), report(&venue)[0].quantity), (is("1", Outcome::Filled), qty("1")));
    let executed = venue.now();
    while all_fills(&venue).is_empty() {
        venue.advance(venue.now().plus(ms(10)));
    }
    let late = venue.now().0 - executed.0;
    assert!((100_000_000..=2_010_000_000).contains(&late), "{late}");
    assert_eq!(all_fills(&venue)[0].fill.venue_time, Some(executed), "the time of the execution");
    let again = block_on(venue.submit(order(1, OrderSide::Buy, "1"))).unwrap();
    assert_eq!(again.fills, all_fills(&venue), "now the answer has it too");

    venue.place_foreign(&sym(BTC), Leg::Net, OrderSide::Buy, qty("2")).unwrap();
    assert_eq!(all_fills(&venue).len(), 1);
    venue.finish();
    assert_eq!((all_fills(&venue).len(), venue.stats().faults[&Fault::DelayedFill]), (2, 2));
}

/// What a book makes of cumulative figures: rounded to money, and differences taken.
fn differences(fills: &[VenueFill], size: Decimal, scale: u32) -> Vec<(Decimal, Decimal)> {
    let mut before = (Decimal::ZERO, Decimal::ZERO);
    let difference = |f: &VenueFill| {
        let quantity = f.fill.quantity.get();
        let value = (quantity * size * f.fill.price.get())
            .round_dp_with_strategy(scale, RoundingStrategy::MidpointNearestEven);
        let now = (quantity, value);
        let new = (now.0 - before.0, now.1 - before.1);
        before = now;
        new
    };
    fills.iter().map(difference).collect()
}

#[test]
fn without_trade_ids_the_figures_are_cumulative_and_give_every_sum_back() {
    let mut parts = 0;
    for seed in 0..50 {
        let venue = builder().seed(seed).partial(100).faults(only(Fault::NoTradeId)).build();
        tick(&venue, ETH, "2000.07", 1);
        drop(venue.submit(on_leg(Leg::Long, order(1, OrderSide::Buy, "977"))));
        let mut prices = vec![d("2000.07")];
        for time in 2..=5 {
            let price = d("1999.31") + Decimal::from(time * time) / d("100");
            prices.push(price);
            tick(&venue, ETH, &price.to_string(), time);
        }
        assert_eq!(status(&venue, 1), is("977", Outcome::Filled));
        let fills = all_fills(&venue);
        parts += fills.len();
        assert!(fills.len() > 1);
        let mut fees = Decimal::ZERO;
        for (n, (fill, (quantity, value))) in fills.iter().zip(differences(&fills, d("0.01"), 8)).enumerate()
        {
            assert_eq!(fill.fill.shape, Shape::Cumulative);
            assert_eq!((fill.fill.order.clone(), fill.fill.leg), (OrderRef::Ours(id(1)), Some(Leg::Long)));
            assert_eq!(fill.fill.venue_time, Some(Timestamp::from_millis(n as i64 + 1)));
            assert_eq!(value, quantity * d("0.01") * prices[n], "exactly what this part cost");
            let fee = fill.fill.fees.of(&"USDT".parse().unwrap());
            assert_eq!(fee, (value * d("0.0004")).round_dp(8).normalize(), "of the last execution");
            fees += fee;
        }
        assert!(fills.windows(2).all(|pair| pair[0].fill.quantity < pair[1].fill.quantity));
        let account = &venue.ledger()[0];
        assert_eq!((account.fees, account.quantity), (fees, d("977")));
    }
    assert!(parts > 150, "{parts}");
}

#[test]
fn without_trade_ids_an_order_too_large_for_an_average_fills_in_one_part() {
    let venue = builder().seed(3).partial(100).faults(only(Fault::NoTradeId)).build();
    tick(&venue, BTC, "50000", 1);
    assert_eq!(send(&venue, order(1, OrderSide::Buy, "500000")), is("500000", Outcome::Filled));
    let fills = all_fills(&venue);
    assert_eq!((fills.len(), fills[0].fill.shape.clone()), (1, Shape::Cumulative));
    assert_eq!(venue.stats().partial_orders, 0);

    // The market leaves the range in which an average was sure to fit: what is left is cancelled, what filled stands.
    drop(venue.submit(order(2, OrderSide::Buy, "70")));
    let OrderStatus::Working { filled } = status(&venue, 2) else { panic!("not resting") };
    tick(&venue, BTC, "54321098765.1", 2);
    assert_eq!(status(&venue, 2), OrderStatus::Final { filled, outcome: Outcome::Cancelled });
    assert_eq!(venue.ledger()[0].quantity, d("500000") + filled.get());
}

#[test]
fn messages_without_trade_ids_never_overtake_one_another() {
    // Delays, swaps and repeats of everything: the first of each figure still comes after the smaller ones.
    let mut faults = only(Fault::NoTradeId);
    for fault in [Fault::DelayedFill, Fault::ReorderedFill, Fault::DoubledFill] {
        faults = faults.set(fault.name(), "0.5".parse().unwrap()).unwrap();
    }
    for seed in 0..100 {
        let venue = builder().seed(seed).partial(100).faults(faults.clone()).build();
        tick(&venue, BTC, "50000", 1);
        drop(venue.submit(order(1, OrderSide::Buy, "1")));
        for n in 1..=5 {
            tick(&venue, BTC, "50000", n * 300);
            assert_eq!(
                block_on(venue.submit(order(1, OrderSide::Buy, "1"))).unwrap().fills.len(),
                figures(&venue).len(),
                "an answer says what was delivered"
            );
        }
        if seed % 2 == 0 {
            venue.advance(Timestamp::from_millis(40_000));
        } else {
            venue.finish();
        }
        let figures = figures(&venue);
        assert!(figures.is_sorted() && figures.last() == Some(&qty("1")), "seed {seed}: {figures:?}");
        assert_eq!(figures.len() as u64, venue.stats().fills, "none is left out");
    }
}

/// Figures in the order in which each was first delivered.
fn figures(venue: &PaperVenue) -> Vec<Quantity> {
    let mut figures: Vec<Quantity> = Vec::new();
    for VenueFill { fill, .. } in all_fills(venue) {
        if !figures.contains(&fill.quantity) {
            figures.push(fill.quantity);
        }
    }
    figures
}
