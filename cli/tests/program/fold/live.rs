//! Two recorded accounts at Binance, event by event: after every trade the book has the position, the entry and the profit that
//! the exchange published, within its own rounding (entries at 5 decimals, profits cut at 8). Both recordings end in a flip.

use std::collections::HashMap;

use posbook::{Book, Decimal, Fill, FillOutcome, Instrument, OrderSide, Side, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::golden::recorded;

#[derive(Deserialize)]
struct Line {
    event: Event,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    transaction_id: Option<i64>,
    transaction_time: Option<i64>,
    update_data: Option<Update>,
    order: Option<Order>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    updated_positions: Vec<Published>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Published {
    position_amount: Box<RawValue>,
    entry_price: Box<RawValue>,
    accumulated_realised_pre_fee: Box<RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    execution_type: String,
    order_side: String,
    order_id: Box<RawValue>,
    trade_id: Box<RawValue>,
    last_filled_quantity: Box<RawValue>,
    last_filled_price: Box<RawValue>,
    /// `null` where the recording lost it.
    commission_amount: Option<Box<RawValue>>,
    realised_profit: Box<RawValue>,
}

fn number(raw: &RawValue) -> Decimal {
    Decimal::from_str_exact(raw.get()).unwrap()
}

/// Within what the exchange rounds or cuts off.
fn near(ours: Decimal, theirs: Decimal, decimals: u32) -> bool {
    (ours - theirs).abs() <= Decimal::new(1, decimals)
}

/// How many trades were compared, and how many of them went through zero.
fn replayed(recording: &str) -> Option<(usize, usize)> {
    let text = std::fs::read_to_string(recorded("fills")?.join(recording)).unwrap();
    let book = Book::builder().build().unwrap();
    let id = book.register(Instrument::linear("BNB/USDT:USDT", "0.01", "0.01").unwrap()).unwrap();
    let (mut published, mut compared, mut flips) = (HashMap::new(), 0, 0);
    let (mut before, mut realised_before) = (None::<Decimal>, Decimal::ZERO);
    for line in text.lines() {
        let Line { event } = serde_json::from_str(line).unwrap();
        // The exchange tells the account before the trade that moved it, with the same time.
        if let (Some(time), Some(position)) =
            (event.transaction_id, event.update_data.and_then(|mut update| update.updated_positions.pop()))
        {
            published.insert(time, position);
        }
        let Some(order) = event.order.filter(|order| order.execution_type == "TRADE") else { continue };
        let time = event.transaction_time.unwrap();
        let side = if order.order_side == "BUY" { OrderSide::Buy } else { OrderSide::Sell };
        let [trade, quantity, price] =
            [&order.trade_id, &order.last_filled_quantity, &order.last_filled_price].map(|raw| raw.get());
        let mut fill =
            Fill::trade(id, trade.parse().unwrap(), side, quantity.parse().unwrap(), price.parse().unwrap())
                .foreign_order(order.order_id.get().parse().unwrap())
                .at(Timestamp::from_millis(time));
        if let Some(fee) = &order.commission_amount {
            fill = fill.fee(fee.get(), "USDT").unwrap();
        }
        let was = book.snapshot().get(id).map(|open| open.side);
        let outcome = book.record(fill.clone()).unwrap().outcome;
        assert!(matches!(outcome, FillOutcome::Booked { .. }), "{trade}: {outcome:?}");
        assert_eq!(book.record(fill).unwrap().outcome, FillOutcome::Duplicate);

        let view = book.snapshot();
        let theirs = published.remove(&time).expect("the account was told before its trade");
        let (signed, entry) = view.get(id).map_or((Decimal::ZERO, Decimal::ZERO), |open| match open.side {
            Side::Long => (open.quantity.get(), open.entry_price()),
            Side::Short => (-open.quantity.get(), open.entry_price()),
        });
        assert_eq!(signed, number(&theirs.position_amount), "{trade}: position");
        assert!(near(entry, number(&theirs.entry_price), 5), "{trade}: entry {entry}");
        let realised = view.key(id).unwrap().ledger.realised;
        let profit = realised - realised_before;
        assert!(near(profit, number(&order.realised_profit), 8), "{trade}: profit {profit}");
        // What was realised before the recording began is in the exchange's sum and not in ours.
        let sum = number(&theirs.accumulated_realised_pre_fee);
        if let Some(before) = before {
            assert!(near(profit, sum - before, 8), "{trade}: profit {profit}, by the sum {}", sum - before);
        }
        (before, realised_before) = (Some(sum), realised);
        flips += usize::from(was.is_some() && view.get(id).is_some_and(|open| Some(open.side) != was));
        compared += 1;
    }
    Some((compared, flips))
}

#[test]
fn two_recorded_accounts_agree_with_their_exchange_at_every_trade_r17() {
    let recordings = ["binance-usdm-live-A-2022-03-01.jsonl", "binance-usdm-live-B-2022-03-04.jsonl"];
    let Some(replayed) = recordings.map(replayed).into_iter().collect::<Option<Vec<_>>>() else { return };
    println!("trades compared and flips: {replayed:?}");
    assert_eq!(replayed, [(15, 1), (6, 1)]);
}
