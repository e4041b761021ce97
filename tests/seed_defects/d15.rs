//! D15: `None` or `False` meant both "nothing happened" and "money moved but was not recorded". Here an order that never
//! left is an error, one that the venue refused says so, and one whose answer was lost is in doubt, never nothing.

use posbook::venue::{OrderEnd, OrderReport};
use posbook::{Error, Side};

use crate::help_race::{both_sides, executed_but_lost, refused};
use crate::stage::*;

/// The predecessor's methods that send an order.
#[derive(Debug, Clone, Copy)]
enum Method {
    Open,
    ScaleIn,
    ScaleOut,
    Close,
}

impl Method {
    const ALL: [Method; 4] = [Method::Open, Method::ScaleIn, Method::ScaleOut, Method::Close];

    fn call(self, world: &World, amount: &str) -> Result<OrderReport, Error> {
        let m = &world.manager;
        pollster::block_on(async {
            match self {
                Method::Open => m.open_position(BTC, Side::Long, q(amount), 10, f("0.05")).await,
                Method::ScaleIn => m.scale_in_position(BTC, q(amount)).await,
                Method::ScaleOut => m.scale_out_position(BTC, q(amount), "part").await,
                Method::Close => m.close_position(BTC, "out").await,
            }
        })
    }

    /// What it starts from, and where it ends if it was executed, at the venue.
    fn world(self) -> (World, &'static str, &'static str) {
        let world = world();
        match self {
            Method::Open => return (world, "0", "0.4"),
            _ => world.open(BTC, Side::Long, "1"),
        };
        let after = match self {
            Method::ScaleIn => "1.4",
            Method::ScaleOut => "0.6",
            Method::Open | Method::Close => "0",
        };
        (world, "1", after)
    }
}

fn in_words(venue: &str) -> String {
    if venue == "0" { "flat".into() } else { format!("long {venue}") }
}

#[test]
fn d15_a_lost_answer_of_an_executed_order_is_in_doubt() {
    for method in Method::ALL {
        let (world, before, after) = method.world();
        executed_but_lost(&world);
        let report = method.call(&world, "0.4");
        let report = report.unwrap_or_else(|e| panic!("D15: {method:?} failed although money moved: {e}"));
        assert_eq!(report.end, OrderEnd::InDoubt("connection reset".into()), "D15: {method:?}");
        assert_eq!((report.filled, world.stands(BTC)), (Some(q("0")), in_words(before)));
        assert_eq!((world.venue_has(BTC).as_str(), world.in_doubt()), (after, 1));
        // Nothing is added before it is known, and the same call does not do it twice.
        assert!(!world.refused_increase(BTC).is_empty());
        world.quiet_pass();
        both_sides(&world, BTC, &in_words(after), after);
    }
}

#[test]
fn d15_what_the_venue_refused_says_so_and_moved_nothing() {
    for method in Method::ALL {
        let (world, before, _) = method.world();
        world.venue.on_submit(|_| says(rejected()));
        let report = method.call(&world, "0.4").unwrap();
        assert_eq!(report.end, OrderEnd::Refused("insufficient margin".into()), "D15: {method:?}");
        both_sides(&world, BTC, &in_words(before), before);
    }
}

#[test]
fn d15_what_never_left_is_an_error() {
    for method in Method::ALL {
        let world = world();
        let digest = world.book().snapshot().digest();
        refused(method.call(&world, "0"), "D15: an order of nothing left");
        assert_eq!((world.venue.sent().len(), world.book().snapshot().digest()), (0, digest), "{method:?}");
        both_sides(&world, BTC, "flat", "0");
    }
}
