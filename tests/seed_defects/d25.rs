//! D25: P/L in money was multiplied by the leverage, and the contract size was left out: 100x off on a real record. Here
//! leverage touches margin only, and the contract size belongs to the instrument (R17, R18).

use pollster::block_on;
use posbook::{Instrument, InstrumentSpec, Side};

use crate::help_money::*;
use crate::stage::*;

/// A hundredth of a coin a contract.
const XBT: &str = "XBT/USDT:USDT";

#[test]
fn d25_leverage_is_not_in_the_result_and_the_contract_size_is() {
    for leverage in [1, 10, 125] {
        for (side, result) in [(Side::Long, "100"), (Side::Short, "-100")] {
            let world = world();
            let spec = InstrumentSpec::linear(XBT, "0.1", "1").unwrap().with_contract_size(q("0.01"));
            list(&world, Instrument::new(spec).unwrap());
            world.price(XBT, "50000");
            block_on(world.manager.open_position(XBT, side, q("10"), leverage, f("0.05"))).unwrap();

            // 10 contracts are 0.1 coins, and 1,000 a coin are 100.
            world.price(XBT, "51000");
            let position = world.manager.get_position(XBT).unwrap();
            assert_eq!(
                (position.entry_price(), position.unrealised(p("51000"))),
                (d("50000"), Ok(d(result)))
            );
            let closed = block_on(world.manager.close_position(XBT, "out")).unwrap();
            assert_eq!(closed.realised, Some(d(result)), "{side} at {leverage}x");
            assert_eq!((world.key(XBT).ledger.realised, agreed(&world, XBT).as_str()), (d(result), "0"));
            assert_eq!(account(&world, XBT).cash, d(result), "what the venue really paid");
        }
    }
}
