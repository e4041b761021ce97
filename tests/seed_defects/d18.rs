//! D18: moving the stop to break-even moved it back from where trailing had brought it, and gave locked profit away.
//! Here the tighter of the two stands, in whatever order they come (R16).

use posbook::{Command, ExitPlan, Field, Reason, Side};

use crate::help_money::*;
use crate::stage::*;

#[test]
fn d18_break_even_never_moves_a_trailing_stop_back() {
    for (symbol, side, entry, prices, stop, profit) in [
        (BTC, Side::Long, "50000", ["53000", "52500", "53000.1"], "51940", "1940"),
        (ETH, Side::Short, "3000", ["2800", "2830", "2799.9"], "2856", "144"),
    ] {
        let world = world();
        let [best, back, beyond] = prices;
        world.open_planned(symbol, side, "1", ExitPlan::default().trailing(f("0"), f("0.02")));
        world.price(symbol, best);
        world.quiet_pass();
        assert_eq!(world.stop(symbol), stop, "2 % behind the best price");

        // The bot now says "stop to break-even", as a plan ...
        let plan = ExitPlan::default().break_even(f("0.02"), f("0"));
        world.book().apply(Command::plan(world.id(symbol), plan)).unwrap();
        for price in [back, beyond, back] {
            world.price(symbol, price);
            assert!(world.quiet_pass().closed.is_empty());
            assert_eq!(world.stop(symbol), stop, "{symbol} at {price}");
        }
        // ... and by hand, as the predecessor did.
        let refused = world.manager.modify_position_targets(symbol, Field::Set(p(entry)), Field::Keep);
        assert!(matches!(refused.unwrap_err().reason(), Reason::StopLoosened { .. }));

        world.price(symbol, stop);
        world.quiet_pass();
        assert_eq!((world.stands(symbol).as_str(), agreed(&world, symbol).as_str()), ("flat", "0"));
        assert_eq!((world.key(symbol).ledger.realised, account(&world, symbol).cash), (d(profit), d(profit)));
    }
}

#[test]
fn d18_break_even_moves_a_stop_that_is_looser() {
    let world = world();
    let plan = ExitPlan::default().trailing(f("0"), f("0.04")).break_even(f("0.02"), f("0.001"));
    world.open_planned(BTC, Side::Long, "1", plan);
    // Trailing alone would stand at 48,960, then at 49,920, then at 50,880.
    for (price, stop) in [("51000", "50050"), ("52000", "50050"), ("53000", "50880")] {
        world.price(BTC, price);
        world.quiet_pass();
        assert_eq!(world.stop(BTC), stop, "at {price}");
    }
}
