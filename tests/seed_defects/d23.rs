//! D23: an order whose answer was lost was sent again without a name of its own, and executed twice. Here the client
//! order id is fixed before the call: the venue knows it again, and nothing new goes out while the first is in doubt
//! (R1, R6, R15).

use std::time::Duration;

use pollster::block_on;
use posbook::venue::{Answer, OrderEnd, OrderReport, Venue, VenueError};
use posbook::{Error, Reason, Side};

use crate::help_money::*;
use crate::stage::*;

async fn open(world: &World) -> Result<OrderReport, Error> {
    world.manager.open_position(BTC, Side::Long, q("1"), 10, f("0.05")).await
}

/// Opens, and the connection is lost with this said to the venue.
async fn loses(world: &World, what: Say<Result<Answer, VenueError>>) {
    let mut held = world.venue.hold_submit();
    let copy = world.clone();
    let opening = tokio::spawn(async move { open(&copy).await });
    called(&mut held).await;
    held.say(what);
    let report = opening.await.unwrap().unwrap();
    assert!(matches!(report.end, OrderEnd::InDoubt(_)), "{:?}", report.end);
    // The bot tries again, as the predecessor did.
    let refused = open(world).await.unwrap_err();
    let Error::Rejected(refused) = &refused else { panic!("{refused}") };
    assert!(matches!(refused.reason(), Reason::InDoubt { .. }), "{refused}");
    assert_eq!((world.sent(BTC), world.in_doubt()), (1, 1));
}

#[tokio::test]
async fn d23_the_answer_is_lost_and_a_retry_is_executed_once() {
    let world = world();
    loses(&world, Say::GoBut(Err(lost()))).await;
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "1"));

    // The very order again, by a library that retries: its name tells it.
    let paper = world.venue.paper();
    paper.submit(world.venue.sent()[0].clone()).await.unwrap();
    assert_eq!((paper.stats().duplicate_ids, world.venue_has(BTC).as_str()), (1, "1"));

    world.quiet_pass();
    assert_eq!((world.in_doubt(), world.unresolved()), (0, 0));
    assert_eq!((world.stands(BTC).as_str(), agreed(&world, BTC).as_str()), ("long 1", "1"));
    assert_eq!(world.stop(BTC), "47500");
}

#[tokio::test]
async fn d23_an_order_that_never_arrived_is_given_up_before_a_new_one_goes_out() {
    let world = world();
    loses(&world, Say::Answer(Err(lost()))).await;
    assert_eq!(world.venue_has(BTC), "0");
    // "I know no such order" counts only after the order's own expiry, and twice.
    for doubts in [1, 1, 0] {
        world.quiet_pass();
        assert_eq!(world.in_doubt(), doubts);
        world.pass(Duration::from_secs(31));
    }
    world.price(BTC, "50000");
    assert_eq!(open(&world).await.unwrap().end, OrderEnd::Done);
    let sent = world.venue.sent();
    assert_ne!(sent[0].client_id, sent[1].client_id, "a name is never used again");
    // Even if the first turned up now, it is past its time.
    let late = block_on(world.venue.paper().submit(sent[0].clone())).unwrap();
    assert!(matches!(late.status, posbook::venue::OrderStatus::Final { filled, .. } if filled.is_zero()));
    assert_eq!((world.stands(BTC).as_str(), agreed(&world, BTC).as_str()), ("long 1", "1"));
}

#[tokio::test]
async fn d23_a_scale_in_whose_answer_was_lost_is_not_made_twice() {
    let world = world();
    open(&world).await.unwrap();
    let mut held = world.venue.hold_submit();
    let copy = world.clone();
    let adding = tokio::spawn(async move { copy.manager.scale_in_position(BTC, q("0.5")).await });
    called(&mut held).await;
    held.say(Say::GoBut(Err(lost())));
    assert!(matches!(adding.await.unwrap().unwrap().end, OrderEnd::InDoubt(_)));

    let again = world.manager.scale_in_position(BTC, q("0.5")).await.unwrap_err();
    assert!(again.to_string().contains("in doubt about order"), "{again}");
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("long 1", "1.5"));
    world.quiet_pass();
    assert_eq!((world.stands(BTC).as_str(), agreed(&world, BTC).as_str()), ("long 1.5", "1.5"));
    assert_eq!((world.sent(BTC), world.in_doubt()), (2, 0));
}
