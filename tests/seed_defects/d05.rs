//! D5: closed and reopened while a scale-in was at the venue: its fill landed on a dead object, and a late delete removed
//! the newer position. Here a fill goes to the key as it stands, and a decision names the position it was made against.

use posbook::venue::{Scope, Venue};
use posbook::{Command, Found, PositionId, Reason, Side, TroubleKind};

use crate::help_race::{beside, both_sides, called, refused};
use crate::stage::*;

/// Closed and opened again, at the same side, size, price and stop: only the name tells the two apart.
async fn reopened(world: &World) -> PositionId {
    world.manager.close_position(BTC, "out").await.unwrap();
    world.open(BTC, Side::Long, "1").position.unwrap().id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d05_the_late_fill_of_a_scale_in_is_on_the_position_that_stands_there() {
    let world = world();
    let first = world.open(BTC, Side::Long, "1").position.unwrap().id;
    let mut at_venue = world.venue.hold_submit();
    let adding = beside(&world, |m| async move { m.scale_in_position(BTC, q("0.5")).await });
    let order = called(&mut at_venue).await;
    world.manager.close_position(BTC, "out").await.unwrap();
    // Nothing is reopened while the scale-in may still come.
    let early = world.manager.open_position(BTC, Side::Long, q("1"), 10, f("0.05")).await;
    let reason = refused(early, "D5: reopened while an older increase was on its way");
    assert!(matches!(reason, Reason::Closing { .. }), "{reason}");

    // The venue says that it is cancelled, and executes it all the same, after the position was opened again.
    at_venue.answer(says(cancelled("0")));
    adding.await.unwrap().unwrap();
    world.price(BTC, "51000");
    let second = world.open(BTC, Side::Long, "1").position.unwrap().id;
    world.venue.paper().submit(order).await.unwrap();
    world.manager.pull_fills().await.unwrap();

    // The money moved, so it is in the book, on what is open now; its stop is that of its own order.
    both_sides(&world, BTC, "long 1.5", "1.5");
    let stands = world.manager.get_position(BTC).unwrap();
    assert_eq!((stands.id == second, stands.id == first, world.stop(BTC).as_str()), (true, false, "48450"));
    assert!(world.key(BTC).troubles.iter().any(|t| t.kind == TroubleKind::AfterFinal));
}

/// A bot that looks at its position, asks the venue something, and acts on what it had seen; meanwhile another thread has
/// closed and reopened the symbol.
async fn acts_late<T: std::fmt::Debug>(
    defect: &str,
    act: impl FnOnce(&World, PositionId) -> Result<T, posbook::Error>,
) {
    let world = world();
    let seen = world.open(BTC, Side::Long, "1").position.unwrap().id;
    let mut question = world.venue.hold_report();
    let asking = beside(&world, |m| async move { m.venue().positions(Scope::All).await });
    called(&mut question).await;
    let stands = reopened(&world).await;
    question.go();
    assert_eq!(
        asking.await.unwrap().rows.len(),
        1,
        "what the bot was told is still true, of another position"
    );
    let (before, sent) = (world.book().snapshot().digest(), world.sent(BTC));
    let reason = refused(act(&world, seen), defect);
    let named = matches!(reason, Reason::OtherPosition { expected, found: Found::Position(found), .. }
        if (expected, found) == (seen, stands));
    assert!(named, "{reason}");
    assert_eq!((world.book().snapshot().digest(), world.sent(BTC)), (before, sent));
    both_sides(&world, BTC, "long 1", "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d05_a_late_scale_in_does_not_add_to_the_newer_position() {
    acts_late("D5: a scale-in decided on the dead position left", |world, seen| {
        let wish = Command::scale_in(world.id(BTC), q("0.5")).expect_position(seen);
        pollster::block_on(world.manager.order(wish))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d05_a_late_close_does_not_remove_the_newer_position() {
    acts_late("D5: a close decided on the dead position left", |world, seen| {
        let wish = Command::close(world.id(BTC)).expect_position(seen);
        pollster::block_on(world.manager.order(wish))
    })
    .await;
}
