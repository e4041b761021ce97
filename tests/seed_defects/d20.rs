//! D20: a close asked a ticker for the price, only to work out P/L, so there was no way out just when the data feed had
//! failed. Here an explicit close needs no mark (R11), and P/L comes from the fills.

use std::time::Duration;

use pollster::block_on;
use posbook::venue::OrderEnd;
use posbook::{Command, Instrument, Side};

use crate::help_money::*;
use crate::stage::*;

const XRP: &str = "XRP/USDT:USDT";

#[test]
fn d20_a_book_that_never_had_a_mark_closes_at_the_venue_s_price() {
    let world = world();
    list(&world, Instrument::linear(XRP, "0.0001", "0.1").unwrap());
    let tick = |price| world.venue.paper().tick(&XRP.parse().unwrap(), p(price), world.clock.now()).unwrap();
    tick("0.5");
    let wish = Command::open(world.id(XRP), Side::Long, q("100")).at(p("0.5")).stop("0.05").unwrap();
    block_on(world.manager.order(wish)).unwrap();

    tick("0.61");
    assert!(world.book().latest(world.id(XRP)).is_none(), "no ticker ever came");
    let closed = block_on(world.manager.close_position(XRP, "the feed is down")).unwrap();
    assert_eq!((closed.end, closed.realised), (OrderEnd::Done, Some(d("11"))));
    assert_eq!((world.stands(XRP).as_str(), agreed(&world, XRP).as_str()), ("flat", "0"));
}

#[test]
fn d20_the_feed_stops_and_a_close_goes_out_all_the_same() {
    let world = world();
    world.open(ETH, Side::Short, "2");
    world.pass(Duration::from_secs(3_600));
    assert!(world.book().fresh_mark(world.id(ETH)).is_none());
    world.venue.paper().tick(&ETH.parse().unwrap(), p("3100"), world.clock.now()).unwrap();
    // No exit by an old price: a pass says so and leaves the position alone.
    let pass = world.quiet_pass();
    assert_eq!((pass.closed.len(), pass.stale.len()), (0, 1));

    let closed = block_on(world.manager.close_position(ETH, "out")).unwrap();
    // By the fill at 3,100, not by the last mark of 3,000.
    assert_eq!((closed.realised, world.key(ETH).ledger.realised), (Some(d("-200")), d("-200")));
    assert_eq!((world.stands(ETH).as_str(), agreed(&world, ETH).as_str()), ("flat", "0"));
}
