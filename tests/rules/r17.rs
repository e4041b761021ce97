//! R17: all sums are exact. Without it: each partial close rounds the average entry, the rounding is lost, and after a
//! year of small fills realised profit differs from the account by an amount that nobody can explain.
//! Other contracts than linear ones stand in `contracts`.

use posbook::{Decimal, InstrumentSpec, Leg, OrderSide, Side};

use crate::help::{Alone, alone, desk, ms, trade};
use crate::stage::{BTC, p, q};

/// cash = realised - s x C + unexplained.
fn conserved(alone: &Alone) {
    let key = alone.key(alone.btc);
    let open = key.position.as_ref().map_or(Decimal::ZERO, |open| match open.side {
        Side::Long => open.cost,
        Side::Short => -open.cost,
    });
    let sum = key.ledger.realised - open + key.ledger.unexplained;
    assert_eq!(key.ledger.cash, sum, "R17: cash is not accounted for");
}

#[test]
fn a_year_of_small_fills_differs_from_the_account_by_nothing() {
    let desk = desk();
    // Prices whose averages never end: thirds, sevenths, elevenths of the step.
    let symbol = BTC.parse().unwrap();
    for n in 0..2_000_u32 {
        desk.price(BTC, &format!("{}.{}", 49_000 + (n * 37) % 2_003, n % 10));
        let side = if (n * n) % 7 < 3 { OrderSide::Buy } else { OrderSide::Sell };
        let quantity = format!("0.{:03}", 1 + (n * 13) % 997);
        desk.venue.paper().place_foreign(&symbol, Leg::Net, side, q(&quantity)).unwrap();
        if n % 100 == 99 {
            pollster::block_on(desk.manager.pull_fills()).unwrap();
            // The venue's ledger shares no arithmetic with the book.
            let account = &desk.venue.paper().ledger()[0];
            let ledger = desk.key(BTC).ledger;
            assert_eq!((ledger.cash, ledger.fills), (account.cash, account.fills));
            assert_eq!(ledger.fees.of(&account.fee_currency), account.fees);
        }
    }
    // Flat again: what was realised is the cash, to the last digit.
    let open = desk.manager.get_position(BTC).unwrap();
    desk.venue.paper().place_foreign(&symbol, Leg::Net, open.side.exit(), open.quantity).unwrap();
    pollster::block_on(desk.manager.pull_fills()).unwrap();
    let account = &desk.venue.paper().ledger()[0];
    assert_eq!(desk.key(BTC).ledger.realised, account.cash);
    assert_eq!(account.quantity, Decimal::ZERO);
}

#[test]
fn conservation_holds_after_every_fill_and_partial_closes_move_shares_not_averages() {
    let alone = alone();
    // An entry that has no end: (1 x 50,000 + 2 x 50,000.1) / 3.
    alone.record(trade(alone.btc, "a", OrderSide::Buy, "1", "50000"));
    alone.record(trade(alone.btc, "b", OrderSide::Buy, "2", "50000.1"));
    conserved(&alone);
    for n in 0..300 {
        alone.record(trade(alone.btc, &format!("out-{n}"), OrderSide::Sell, "0.007", "50000.1").at(ms(n)));
        conserved(&alone);
        if n == 0 {
            // 150,000.2 less its share of 0.007 of 3, which is 350.000466666...
            let cost = alone.key(alone.btc).position.unwrap().cost;
            assert_eq!(cost, "149650.19953333".parse().unwrap(), "R17: a share is rounded to money once");
        }
    }
    alone.record(trade(alone.btc, "rest", OrderSide::Sell, "0.9", "50000.1").at(ms(300)));
    let key = alone.key(alone.btc);
    assert!(key.position.is_none());
    // 3 x 50,000.1 less what was paid.
    assert_eq!(key.ledger.realised, "0.1".parse().unwrap());
    // And a flip splits cash and fee without losing a digit.
    let flip = trade(alone.btc, "c", OrderSide::Buy, "1", "50000").fee("0.1", "USDT").unwrap();
    alone.record(flip.at(ms(301)));
    let flip = trade(alone.btc, "d", OrderSide::Sell, "3", "50000.7").fee("0.1", "BNB").unwrap();
    alone.record(flip.at(ms(302)));
    conserved(&alone);
    let fees = alone.key(alone.btc).ledger.fees;
    assert_eq!(fees.of(&"USDT".parse().unwrap()), "0.1".parse().unwrap());
    assert_eq!(fees.of(&"BNB".parse().unwrap()), "0.1".parse().unwrap());
    alone.folds();
}

#[test]
fn the_entry_is_the_quotient_of_sums_that_stay_exact() {
    let alone = alone();
    for (n, price) in ["50000", "50000.1", "50000.1"].into_iter().enumerate() {
        alone.record(trade(alone.btc, &n.to_string(), OrderSide::Buy, "1", price));
    }
    let open = alone.key(alone.btc).position.unwrap();
    assert_eq!(open.cost, "150000.2".parse().unwrap());
    // 18 significant digits.
    assert_eq!(open.entry_price().to_string(), "50000.0666666666667");
    assert_eq!(open.unrealised(p("50000")).unwrap(), "-0.2".parse().unwrap());
}

#[test]
fn the_money_scale_keeps_a_fill_on_the_steps_exact_between_8_and_18_decimals() {
    let linear = |price, quantity| InstrumentSpec::linear(BTC, price, quantity).unwrap();
    let sized = |price, quantity, size| linear(price, quantity).with_contract_size(q(size)).money_scale;
    // Decimals of the price's step, of the quantity's, and of the contract size, added up.
    assert_eq!(linear("0.000001", "0.00001").money_scale, 11);
    assert_eq!(sized("0.000001", "0.00001", "0.001"), 14);
    assert_eq!(sized("0.000001", "0.00001", "10"), 11);
    assert_eq!((linear("0.1", "0.001").money_scale, sized("0.1", "0.001", "0.01")), (8, 8), "at least 8");
    assert_eq!(linear("0.0000000001", "0.0000000001").money_scale, 18, "at most 18");
    assert_eq!(sized("0.000001", "0.000001", "0.0000000001"), 18, "at most 18");
}
