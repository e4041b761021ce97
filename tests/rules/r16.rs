//! R16: stops ratchet, and an exit names what it fires. Without it: a pass moves a hand-set tighter stop back down, or
//! the first slow venue call of a pass delays the stops of all other symbols.

use std::time::Duration;

use posbook::venue::OrderEnd;
use posbook::{
    Book, Command, ExitPlan, ExitRule, Field, InstrumentSpec, Intent, OrderSide, Reason, Sequence, Side,
    TargetOrigin, TargetRule, Targets,
};

use crate::help::{Desk, alone, alone_with, both, desk_of, trade};
use crate::stage::{BTC, f, p, q, world};

fn name(n: usize) -> String {
    format!("C{n:04}/USDT:USDT")
}

/// A thousand longs of 1 at 100, every tenth of which has its stop reached.
fn thousand() -> Desk {
    let listed = (0..1_000).map(|n| InstrumentSpec::linear(&name(n), "0.01", "0.001").unwrap()).collect();
    let desk = desk_of(listed, Duration::ZERO, Book::builder().window(16_384));
    for n in 0..1_000 {
        desk.price(&name(n), "100");
    }
    let ids: Vec<_> = (0..1_000).map(|n| desk.id(&name(n))).collect();
    let wishes = ids
        .iter()
        .map(|id| Command::open(*id, Side::Long, q("1")).rule(TargetRule::stop_fraction(f("0.05"))).into());
    let batch = desk.book().submit(wishes).unwrap();
    let sent = pollster::block_on(desk.manager.send_all(batch.reservations));
    assert!(sent.iter().all(|(_, report)| report.is_ok()));
    pollster::block_on(desk.manager.pull_fills()).unwrap();
    assert_eq!((desk.manager.get_open_positions_count(), desk.unresolved()), (1_000, 0));
    for n in (0..1_000).step_by(10) {
        desk.price(&name(n), "95");
    }
    desk
}

/// What both sides have, after everything: the due ones flat, the others as they were, each exit sent once.
fn only_the_due_are_closed(desk: &Desk) {
    let mut exits = vec![0; 1_000];
    for order in desk.venue.sent().iter().filter(|order| order.intent == Intent::Close) {
        assert!(order.reduce_only);
        exits[order.key.instrument.0 as usize] += 1;
    }
    for n in 0..1_000 {
        let due = n % 10 == 0;
        let id = desk.id(&name(n));
        assert_eq!(exits[id.0 as usize], i32::from(due), "{n}");
        let expected = if due { ("flat", "0") } else { ("long 1", "1") };
        if n % 10 < 2 {
            assert_eq!(desk.both(&name(n)), both(expected.0, expected.1));
        }
    }
    assert_eq!((desk.manager.get_open_positions_count(), desk.unresolved()), (900, 0));
    let open: posbook::Decimal = desk.venue.paper().ledger().iter().map(|account| account.quantity).sum();
    assert_eq!(open, 900.into());
}

#[test]
fn four_threads_pass_over_a_thousand_positions_and_each_of_a_hundred_exits_is_sent_once() {
    let desk = thousand();
    let start = std::sync::Barrier::new(4);
    let closed: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    let pass = pollster::block_on(desk.manager.update_positions());
                    assert!(pass.faults.is_empty());
                    pass.closed.len()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(closed, 100);
    pollster::block_on(desk.manager.update_positions());
    only_the_due_are_closed(&desk);
}

#[tokio::test]
async fn one_submit_that_hangs_delays_none_of_the_other_99_exits() {
    let desk = thousand();
    let (came, let_go) = desk.venue.hold(&name(500));
    let manager = desk.manager.clone();
    let pass = tokio::spawn(async move { manager.update_positions().await });
    came.await.unwrap();
    // The pass is one future on this one thread: whenever it waits, everything that could be done has been.
    assert_eq!(desk.both(&name(500)), both("long 1", "1"));
    // Fills are read while that one call is still held, by the pass itself.
    for _ in 0..1_000 {
        if desk.manager.get_open_positions_count() == 901 {
            break;
        }
        desk.manager.update_positions().await;
    }
    assert_eq!((desk.manager.get_open_positions_count(), desk.unresolved()), (901, 1));
    for n in (0..1_000).step_by(10).filter(|n| *n != 500) {
        assert_eq!(desk.both(&name(n)), both("flat", "0"), "{n}");
    }
    let_go.send(()).unwrap();
    assert_eq!(pass.await.unwrap().closed.len(), 100);
    desk.manager.update_positions().await;
    only_the_due_are_closed(&desk);
}

#[tokio::test]
async fn a_panic_in_one_submit_of_a_pass_leaves_that_key_in_doubt_and_closes_all_others() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.open(crate::stage::ETH, Side::Long, "1");
    world.price(BTC, "47000");
    world.price(crate::stage::ETH, "2800");
    world.venue.on_submit(|_| panic!("a bug in the venue's code"));
    let pass = world.manager.update_positions().await;
    assert_eq!(pass.closed.len(), 2);
    assert!(pass.closed[0].1.is_err() && pass.closed[1].1.is_ok(), "{:?}", pass.closed);
    assert_eq!(
        (world.stands(crate::stage::ETH).as_str(), world.venue_has(crate::stage::ETH).as_str()),
        ("flat", "0")
    );
    assert_eq!(
        (world.in_doubt(), world.stands(BTC).as_str(), world.venue_has(BTC).as_str()),
        (1, "long 1", "1")
    );
    // A doubt like any other: the venue never heard of it, so the close goes out again.
    for _ in 0..3 {
        world.pass(Duration::from_secs(31));
        world.manager.update_positions().await;
    }
    assert_eq!(
        (world.stands(BTC).as_str(), world.venue_has(BTC).as_str(), world.in_doubt()),
        ("flat", "0", 0)
    );
}

#[tokio::test]
async fn a_panic_while_fills_are_read_drops_no_exit_that_is_on_its_way() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "47000");
    let mut held = world.venue.hold_submit();
    world.venue.on_fills(|_| panic!("a bug in the venue's code"));
    let manager = world.manager.clone();
    let pass = tokio::spawn(async move { manager.update_positions().await });
    held.called().await;
    assert_eq!((world.unresolved(), world.in_doubt()), (1, 0));
    held.go();
    let pass = pass.await.unwrap();
    assert_eq!((pass.faults.len(), pass.closed.len()), (1, 1));
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
}

#[tokio::test]
async fn a_panic_in_one_question_of_a_pass_still_asks_the_others() {
    let world = world();
    for symbol in [BTC, crate::stage::ETH] {
        world.venue.on_submit(|_| Err(crate::stage::lost()));
        world.manager.open_position(symbol, Side::Long, q("1"), 10, f("0.05")).await.unwrap();
    }
    world.venue.on_order(|_| panic!("a bug in the venue's code"));
    world.venue.on_order(|_| Ok(crate::stage::rejected()));
    let pass = world.manager.update_positions().await;
    assert_eq!((pass.faults.len(), world.in_doubt()), (1, 1));
    world.venue.on_order(|_| Ok(crate::stage::rejected()));
    assert!(world.manager.update_positions().await.faults.is_empty());
    assert_eq!((world.in_doubt(), world.unresolved()), (0, 0));
}

#[tokio::test]
async fn a_hand_set_tighter_stop_is_not_moved_back_by_a_decision_from_older_state() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let decided_at = world.key(BTC).revision;
    world.manager.modify_position_targets(BTC, Field::Set(p("49500")), Field::Keep).unwrap();
    // What was computed before: looser, and from another revision.
    let back = |wish: posbook::Retarget| {
        world.book().apply(wish).expect_err("R16: a stop went back").reason().clone()
    };
    let looser = Command::retarget(world.id(BTC)).stop(p("48000"));
    assert!(matches!(back(looser.clone()), Reason::StopLoosened { .. }));
    assert!(matches!(back(looser.expect_revision(decided_at)), Reason::OtherRevision { .. }));
    // The tighter stop is what fires, on both sides.
    world.price(BTC, "49500");
    let pass = world.manager.update_positions().await;
    assert_eq!(pass.closed[0].1.as_ref().unwrap().end, OrderEnd::Done);
    assert_eq!((world.stands(BTC).as_str(), world.venue_has(BTC).as_str()), ("flat", "0"));
}

#[test]
fn fields_are_kept_set_or_removed_and_loosening_is_a_command_of_its_own() {
    let alone = alone();
    alone.long(alone.btc, "1");
    let targets = || alone.key(alone.btc).position.unwrap().targets;
    alone.book.apply(Command::retarget(alone.btc).stop(p("48000")).take(p("55000"))).unwrap();
    // A take profit moves freely on its legal side, and may go.
    alone.book.apply(Command::retarget(alone.btc).take(p("60000"))).unwrap();
    alone.book.apply(Command::retarget(alone.btc).take(p("51000"))).unwrap();
    assert_eq!(targets(), Targets { stop: Some(p("48000")), take: Some(p("51000")) });
    alone.book.apply(Command::retarget(alone.btc).remove_take()).unwrap();
    assert_eq!(targets(), Targets { stop: Some(p("48000")), take: None });
    // A stop goes by its own command only, looser or altogether.
    let removed = posbook::Retarget { stop: Field::Remove, ..Command::retarget(alone.btc) };
    assert!(matches!(alone.book.apply(removed).unwrap_err().reason(), Reason::StopLoosened { .. }));
    alone.book.apply(Command::retarget(alone.btc).loosen_stop(Field::Set(p("47000")))).unwrap();
    assert_eq!(targets().stop, Some(p("47000")));
    alone.book.apply(Command::retarget(alone.btc).loosen_stop(Field::Remove)).unwrap();
    assert_eq!(targets(), Targets::default());
    // The same again changes nothing.
    let again = alone.book.apply(Command::retarget(alone.btc).loosen_stop(Field::Remove)).unwrap();
    assert!(again.publication.is_none());
    alone.folds();
}

#[test]
fn prices_round_to_the_step_and_a_stop_towards_the_market() {
    let alone = alone();
    alone.long(alone.btc, "1");
    alone.book.apply(Command::retarget(alone.btc).stop(p("48000.01")).take(p("55000.09"))).unwrap();
    let targets = alone.key(alone.btc).position.unwrap().targets;
    // Neither is reached later than it was asked for.
    assert_eq!(targets, Targets { stop: Some(p("48000.1")), take: Some(p("55000")) });
}

#[test]
fn targets_come_with_the_first_fill_and_follow_the_average_at_completion_unless_moved() {
    for moved in [false, true] {
        let alone = alone();
        let wish = Command::open(alone.btc, Side::Long, q("1")).stop("0.1").unwrap();
        let order = alone.book.reserve(wish).unwrap().sent().unwrap();
        let fill = |name: &str, price: &str| {
            alone.record(trade(alone.btc, name, OrderSide::Buy, "0.5", price).order(order.client_id()));
        };
        let stop = || alone.key(alone.btc).position.unwrap().stop_loss();
        fill("1", "50000");
        // Protected from the first fill on, not only when the order is done.
        assert_eq!(stop(), Some(p("45000")));
        if moved {
            alone.book.apply(Command::retarget(alone.btc).stop(p("49000"))).unwrap();
        }
        fill("2", "51000");
        let id = order.client_id();
        order.complete(q("1")).unwrap();
        assert_eq!(stop(), Some(p(if moved { "49000" } else { "45450" })));
        let from = alone.key(alone.btc).position.unwrap().targets_from;
        assert_eq!(from, if moved { TargetOrigin::Moved } else { TargetOrigin::Order(id) });
        alone.folds();
    }
}

#[test]
fn an_exit_is_refused_when_its_position_or_its_value_is_another_now() {
    let rule = TargetRule::stop_fraction(f("0.05"));
    let alone = alone_with(Book::builder().default_rule(rule));
    alone.long(alone.btc, "1");
    let (open, view) = (alone.key(alone.btc).position.unwrap(), alone.book.snapshot());
    let instrument = view.instrument(alone.btc).unwrap();
    let exit = posbook::exits::due(&open, instrument, Some(p("47000")), alone.book.now()).unwrap();
    assert_eq!((exit.rule, exit.mark), (ExitRule::StopLoss(p("47500")), Some(p("47000"))));
    // A scale-in keeps position and target: the exit still stands.
    alone.record(trade(alone.btc, "more", OrderSide::Buy, "1", "50000"));
    drop(alone.book.reserve(Command::exit(alone.btc, exit)).unwrap());
    // Turned round in between: another position, whatever its target.
    alone.record(trade(alone.btc, "flip", OrderSide::Sell, "3", "50000"));
    let before = alone.book.snapshot().sequence();
    let gone = alone.book.reserve(Command::exit(alone.btc, exit)).unwrap_err();
    assert!(matches!(gone.reason(), Reason::OtherPosition { .. }), "{gone}");
    assert_eq!(alone.book.snapshot().sequence(), before);
    assert_ne!(before, Sequence(0));
}

#[test]
fn a_tier_fires_once_in_a_life_whatever_the_plan() {
    let alone = alone();
    alone.long(alone.btc, "1");
    let plan = || ExitPlan::default().tier(f("0.01"), f("0.5"));
    let due = || {
        let (open, view) = (alone.key(alone.btc).position.unwrap(), alone.book.snapshot());
        posbook::exits::due(&open, view.instrument(alone.btc).unwrap(), Some(p("50500")), alone.book.now())
    };
    alone.book.apply(Command::plan(alone.btc, plan())).unwrap();
    let exit = due().expect("the tier is reached");
    let order = alone.book.reserve(Command::exit(alone.btc, exit)).unwrap().sent().unwrap();
    assert!(due().is_none(), "R16: a tier fires again while its order is out");
    let fill = trade(alone.btc, "half", OrderSide::Sell, "0.5", "50500").order(order.client_id());
    alone.record(fill);
    order.complete(q("0.5")).unwrap();
    // Another plan with the same tier, and without it in between.
    for plan in [ExitPlan::default(), plan()] {
        alone.book.apply(Command::plan(alone.btc, plan)).unwrap();
        assert!(due().is_none(), "R16: a tier fires again");
    }
    let gone = alone.book.reserve(Command::exit(alone.btc, exit)).unwrap_err();
    assert!(matches!(gone.reason(), Reason::ExitGone { .. }), "{gone}");
    alone.folds();
}
