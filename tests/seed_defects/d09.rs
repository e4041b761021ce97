//! D9: a stop set by hand was overwritten by a trailing value from older state, and readers saw a new entry beside the old
//! amount. Here the stop is worked out where the command lands, and what is read is one value.

use std::sync::Arc;

use posbook::{Decimal, ExitPlan, Field, Fill, OrderSide, Price, Side, Timestamp, exits};

use crate::help_race::both_sides;
use crate::stage::*;

fn trailing() -> ExitPlan {
    ExitPlan::default().trailing(f("0"), f("0.02"))
}

#[test]
fn d09_a_tighter_stop_set_by_hand_survives_a_trailing_decided_before_it() {
    for (side, mark, trails_to, by_hand, hit) in
        [(Side::Long, "52000", "50960", "51500", "51400"), (Side::Short, "48000", "48960", "48500", "48600")]
    {
        let world = world();
        world.open_planned(BTC, side, "1", trailing());
        world.price(BTC, mark);
        // A pass has looked, and decided; alone it would have put the stop there.
        let older = world.book().snapshot();
        let (position, instrument) =
            (older.get(world.id(BTC)).unwrap(), older.instrument(world.id(BTC)).unwrap());
        let to = position.trailed(instrument, p(mark)).unwrap().stop;
        assert_eq!(to, Some(p(trails_to)));
        let wish = exits::trail(position, instrument, p(mark)).unwrap();

        world.manager.modify_position_targets(BTC, Field::Set(p(by_hand)), Field::Keep).unwrap();
        world.book().apply(wish).unwrap();
        assert_eq!(world.stop(BTC), by_hand, "D9: the trailing loosened a stop that was set by hand");
        world.quiet_pass();
        assert_eq!(world.stop(BTC), by_hand);

        // The price gets there, and the tighter stop is what sells.
        world.price(BTC, hit);
        assert_eq!(world.quiet_pass().closed.len(), 1);
        both_sides(&world, BTC, "flat", "0");
    }
}

#[test]
fn d09_readers_see_an_entry_with_its_own_amount_and_a_stop_that_only_tightens() {
    const FILLS: usize = 100;
    let world = world();
    world.open_planned(BTC, Side::Long, "1", trailing());
    // What the n-th amount has cost: each fill is one contract, dearer than the one before.
    let price = |n: usize| Price::new(Decimal::from(50_000 + n)).unwrap();
    let costs: Vec<Decimal> = (0..=FILLS)
        .scan(Decimal::ZERO, |sum, n| {
            *sum += price(n).get();
            Some(*sum)
        })
        .collect();
    let (world, price, costs) = (&world, &price, &costs);
    std::thread::scope(|scope| {
        let by_hand = scope.spawn(move || {
            for n in 0..FILLS {
                let tighter = Field::Set(Price::new(Decimal::from(49_000 + 5 * n)).unwrap());
                // Refused where the trailing is tighter already; the last ones are beyond it.
                let _ = world.manager.modify_position_targets(BTC, tighter, Field::Keep);
            }
        });
        let writer = Arc::new(scope.spawn(move || {
            let mut by_hand = Some(by_hand);
            for n in 1..=FILLS {
                let trade = format!("t{n}").parse().unwrap();
                let time = Timestamp::from_millis(2_000 + i64::try_from(n).unwrap());
                let fill = Fill::trade(world.id(BTC), trade, OrderSide::Buy, q("1"), price(n)).at(time);
                world.book().record(fill).unwrap();
                world.book().mark(world.id(BTC), price(n)).unwrap();
                pollster::block_on(world.manager.update_positions());
                // The second half of the marks comes after the last stop that was set by hand.
                if let Some(by_hand) = by_hand.take_if(|_| n == FILLS / 2) {
                    by_hand.join().unwrap();
                }
            }
        }));
        for _ in 0..2 {
            let writer = Arc::clone(&writer);
            scope.spawn(move || {
                let (mut stop, mut last) = (p("47500"), false);
                // Once more after the last write.
                while !last {
                    last = writer.is_finished();
                    let seen = world.manager.get_position(BTC).unwrap();
                    let n = usize::try_from(seen.quantity.get().mantissa()).unwrap()
                        / 10_usize.pow(seen.quantity.get().scale());
                    assert_eq!(seen.cost, costs[n - 1], "D9: an entry beside another amount");
                    assert!(seen.stop_loss().unwrap() >= stop, "D9: a stop was loosened");
                    stop = seen.stop_loss().unwrap();
                }
            });
        }
    });
    assert_eq!(world.stands(BTC), "long 101");
    assert_eq!(world.stop(BTC), "49495", "D9: a stop set by hand was overwritten");
}
