//! D22: a limit order was filled in part, the full amount was ordered again at market, and what was asked for was stored.
//! Here only fills move quantity, and no order follows by itself: what did not fill is asked for again, or not at all
//! (R2).

use pollster::block_on;
use posbook::venue::{Answer, OrderEnd, OrderRequest, OrderStatus, Venue, VenueError};
use posbook::{Reason, Side};

use crate::help_money::*;
use crate::stage::*;

/// What the venue really fills of the next order, and what it says of it.
fn fills_only(world: &World, part: &'static str, says: OrderStatus) {
    let paper = world.venue.paper().clone();
    world.venue.on_submit(move |order: OrderRequest| -> Result<Answer, VenueError> {
        let filled = block_on(paper.submit(OrderRequest { quantity: q(part), ..order }))?;
        Ok(Answer { status: says, fills: filled.fills })
    });
}

#[test]
fn d22_partly_filled_then_cancelled_is_what_filled_and_nothing_is_sent_again() {
    let world = world();
    fills_only(&world, "0.4", cancelled("0.4"));
    let report = block_on(world.manager.open_position(BTC, Side::Long, q("1"), 10, f("0.05"))).unwrap();
    assert_eq!((report.end, report.filled), (OrderEnd::Refused("cancelled".into()), Some(q("0.4"))));
    for _ in 0..3 {
        world.price(BTC, "50000");
        world.quiet_pass();
        assert_eq!((world.stands(BTC).as_str(), agreed(&world, BTC).as_str()), ("long 0.4", "0.4"));
    }
    assert_eq!((world.sent(BTC), world.unresolved()), (1, 0));

    // The rest is a wish of its own, which may fill in part again; the stop takes off what is there.
    fills_only(&world, "0.2", cancelled("0.2"));
    block_on(world.manager.scale_in_position(BTC, q("0.6"))).unwrap();
    assert_eq!((world.stands(BTC).as_str(), agreed(&world, BTC).as_str()), ("long 0.6", "0.6"));
    world.price(BTC, "47500");
    world.quiet_pass();
    assert_eq!((world.stands(BTC).as_str(), agreed(&world, BTC).as_str()), ("flat", "0"));
    assert_eq!((world.venue.sent()[2].quantity, world.sent(BTC)), (q("0.6"), 3));
}

#[test]
fn d22_while_the_rest_of_a_limit_works_no_market_order_goes_out_beside_it() {
    let world = world();
    fills_only(&world, "0.4", OrderStatus::Working { filled: q("0.4") });
    let report = block_on(world.manager.open_position(BTC, Side::Long, q("1"), 10, f("0.05"))).unwrap();
    assert_eq!((report.end, world.stands(BTC).as_str()), (OrderEnd::Working, "long 0.4"));

    let again = block_on(world.manager.open_position(BTC, Side::Long, q("1"), 10, f("0.05"))).unwrap_err();
    let posbook::Error::Rejected(refused) = &again else { panic!("{again}") };
    assert!(matches!(refused.reason(), Reason::AlreadyOpen { .. }), "{refused}");

    // It ends at the venue's figure, not at what was asked.
    world.venue.on_order(|_| Ok(cancelled("0.4")));
    world.quiet_pass();
    assert_eq!((world.unresolved(), world.sent(BTC)), (0, 1));
    assert_eq!((world.stands(BTC).as_str(), agreed(&world, BTC).as_str()), ("long 0.4", "0.4"));
}
