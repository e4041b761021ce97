//! D26: the entry came from a ticker and the fees were a constant, so stops stood around a price that nobody had paid.
//! Here entry, targets and P/L follow from the fills, and each fill carries its own fee (R2, R17).

use pollster::block_on;
use posbook::Side;
use posbook::venue::{Answer, VenueFill};

use crate::help_money::*;
use crate::stage::*;

#[test]
fn d26_entry_stop_and_result_come_from_what_was_paid_not_from_the_mark() {
    for (side, stop, take, result) in
        [(Side::Long, "47737.5", "55275", "-350"), (Side::Short, "52762.5", "45225", "350")]
    {
        let world = world();
        // The ticker says 50,000; the order is executed at 50,250.
        let slips =
            |price| world.venue.paper().tick(&BTC.parse().unwrap(), p(price), world.clock.now()).unwrap();
        slips("50250");
        world.open(BTC, side, "1");
        let position = world.manager.get_position(BTC).unwrap();
        assert_eq!(position.entry_price(), d("50250"));
        assert_eq!((position.stop_loss(), position.take_profit()), (Some(p(stop)), Some(p(take))));

        slips("49900");
        let closed = block_on(world.manager.close_position(BTC, "out")).unwrap();
        assert_eq!((closed.average, closed.realised), (Some(d("49900")), Some(d(result))));
        // Cash and fees are the venue's, to the last digit: 0.04 % of 50,250 and of 49,900.
        assert_eq!(agreed(&world, BTC), "0");
        assert_eq!((account(&world, BTC).cash, account(&world, BTC).fees), (d(result), d("40.06")));
    }
}

#[test]
fn d26_each_part_of_an_order_has_its_price_and_its_fee() {
    let world = world();
    let copy = world.clone();
    world.venue.on_submit(move |order| {
        let part = |trade, quantity, price, fee, currency| {
            let VenueFill { symbol, fill } = copy.fill(&order, trade, quantity, price);
            VenueFill { symbol, fill: fill.fee(fee, currency).unwrap() }
        };
        let fills = vec![
            part("t1", "0.4", "50200", "8.032", "USDT"), // taken
            part("t2", "0.5", "50300", "0.01", "BNB"),   // paid in the venue's coin
            part("t3", "0.1", "50300", "-0.5", "USDT"),  // made: a rebate
        ];
        Ok(Answer { status: filled("1"), fills })
    });
    world.open(BTC, Side::Long, "1");
    assert_eq!(world.manager.get_position(BTC).unwrap().entry_price(), d("50260"));
    assert_eq!(world.stop(BTC), "47747", "5 % below the average");
    let ledger = world.key(BTC).ledger;
    let fee = |currency: &str| ledger.fees.of(&currency.parse().unwrap());
    assert_eq!((ledger.cash, fee("USDT"), fee("BNB")), (d("-50260"), d("7.532"), d("0.01")));
}
