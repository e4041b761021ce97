//! D16: a value was changed, then logging failed, then failure was returned: the caller did it again, or gave it up. Here a
//! log that panics changes no result: what was published is reported as published.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use posbook::venue::{OrderEnd, Venue};
use posbook::{Field, OrderSide, Side};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::help_race::{both_sides, filled_in_full, refused};
use crate::stage::*;

/// A log whose disk is full.
struct Panics(Arc<AtomicUsize>);

impl<S: tracing::Subscriber> Layer<S> for Panics {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "posbook::audit" {
            self.0.fetch_add(1, Ordering::SeqCst);
            panic!("the log disk is full");
        }
    }
}

/// Runs it while every line of the audit trail panics; returns how many did.
fn while_the_log_panics(run: impl FnOnce()) -> usize {
    // Two that stay alive: with a single subscriber tracing would remember the answer of a test that has none.
    static ALIVE: OnceLock<[tracing::Dispatch; 2]> = OnceLock::new();
    ALIVE.get_or_init(|| [(); 2].map(|()| tracing::Dispatch::new(tracing_subscriber::registry())));
    let lines = Arc::new(AtomicUsize::new(0));
    let log = tracing_subscriber::registry().with(Panics(Arc::clone(&lines)));
    tracing::subscriber::with_default(log, run);
    lines.load(Ordering::SeqCst)
}

#[test]
fn d16_a_target_that_was_changed_is_reported_as_changed() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let lines = while_the_log_panics(|| {
        let changed =
            world.manager.modify_position_targets(BTC, Field::Set(p("48000")), Field::Set(p("56000")));
        let targets = changed.expect("D16: a change that was made is reported as a failure");
        assert_eq!((targets.stop, targets.take), (Some(p("48000")), Some(p("56000"))));
    });
    assert_eq!((lines, world.stop(BTC).as_str()), (1, "48000"));
}

#[test]
fn d16_orders_are_booked_and_reported_though_every_line_panics() {
    let world = world();
    let lines = while_the_log_panics(|| {
        assert_eq!(world.open(BTC, Side::Long, "1").end, OrderEnd::Done);
        filled_in_full(pollster::block_on(world.manager.scale_in_position(BTC, q("0.5"))), "0.5");
        filled_in_full(pollster::block_on(world.manager.scale_out_position(BTC, q("0.3"), "part")), "0.3");
        // A refusal is a line too, and stays a refusal.
        let twice = world.manager.open_position(BTC, Side::Long, q("1"), 10, f("0.05"));
        refused(pollster::block_on(twice), "D16: opened twice");
    });
    assert!(lines >= 7, "each of them was logged, and panicked: {lines}");
    both_sides(&world, BTC, "long 1.2", "1.2");
    assert_eq!(world.sent(BTC), 3);
}

#[test]
fn d16_a_stop_and_a_repair_go_through() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "47500");
    let lines = while_the_log_panics(|| {
        assert_eq!(world.quiet_pass().closed.len(), 1);
        world.pass(std::time::Duration::from_millis(1));
        world.report(vec![row(ETH, Side::Long, "1", "3000")]);
        let report = pollster::block_on(world.manager.reconcile_positions()).unwrap();
        assert_eq!(report.resolved(), 1, "D16: {report}");
    });
    assert!(lines >= 4, "{lines}");
    both_sides(&world, BTC, "flat", "0");
    assert_eq!(world.stands(ETH), "long 1");
}

#[test]
fn d16_a_fill_of_an_unknown_symbol_hides_no_other_when_its_line_panics() {
    let world = world();
    let copy = world.clone();
    world.venue.on_submit(move |order| {
        let mut answer = pollster::block_on(copy.venue.paper().submit(order)).unwrap();
        answer.fills.insert(0, copy.foreign("NEW/USDT:USDT", "a", OrderSide::Buy, "1", "5"));
        Ok(answer)
    });
    while_the_log_panics(|| {
        world.open(BTC, Side::Long, "1");
    });
    both_sides(&world, BTC, "long 1", "1");
    assert_eq!(world.book().snapshot().totals().strays, 1);
}
