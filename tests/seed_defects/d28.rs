//! D28: an unknown side meant short, and an unknown signal meant sell. Here sides are types: a word that is not one of
//! theirs is refused where it is read, or is a row that could not be read (R10), and nothing is sold.

use pollster::block_on;
use posbook::reconcile::{Consent, Policy};
use posbook::venue::{Completeness, VenuePosition};
use posbook::{Command, InstrumentId, Leg, OrderSide, Side};

use crate::help_money::*;
use crate::stage::*;

const UNKNOWN: [&str; 12] =
    ["", "hold", "HOLD", "none", "both", "Short", "SHORT", "SELL", "short ", "s", "-1", "close"];

fn read<T: serde::de::DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_str(&format!("{word:?}")).ok()
}

#[test]
fn d28_a_word_that_is_no_side_is_refused_and_never_short() {
    for word in UNKNOWN {
        let read = (read::<Side>(word), read::<OrderSide>(word), read::<Leg>(word));
        assert_eq!(read, (None, None, None), "{word:?}");
    }
    assert_eq!((read("long"), read("short")), (Some(Side::Long), Some(Side::Short)));
    assert_eq!((read("buy"), read("sell")), (Some(OrderSide::Buy), Some(OrderSide::Sell)));
    // A side is no order's side, and the other way round.
    assert_eq!((read::<Side>("sell"), read::<OrderSide>("short")), (None, None));

    // A signal as a stored command: the whole of it is refused.
    let open: Command = Command::open(InstrumentId(0), Side::Long, q("1")).into();
    let text = serde_json::to_string(&open).unwrap();
    assert_eq!(serde_json::from_str::<Command>(&text).unwrap(), open);
    for word in UNKNOWN {
        let wrong = text.replace("\"side\":\"long\"", &format!("\"side\":{word:?}"));
        assert_ne!(wrong, text);
        assert!(serde_json::from_str::<Command>(&wrong).is_err(), "{word:?}");
    }
}

#[test]
fn d28_a_row_with_an_unknown_side_turns_nothing_and_drops_nothing() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.open(ETH, Side::Long, "1");
    world.price(BTC, "50000");
    let before = world.book().snapshot().digest();
    // What a venue's adapter does: it reads the rows, and what it cannot read makes the report partial.
    let text = |symbol, side: &str| {
        let row = serde_json::to_string(&row(symbol, Side::Long, "1", "50000")).unwrap();
        row.replace("\"side\":\"long\"", &format!("\"side\":{side:?}"))
    };
    let rows = [text(BTC, "BOTH"), text(ETH, "long")];
    let read: Vec<VenuePosition> = rows.iter().filter_map(|row| serde_json::from_str(row).ok()).collect();
    assert_eq!(read.len(), 1, "no row was read as a short");
    let mut report = world.report_at(Some(world.clock.now()), read);
    report.completeness = Completeness::Partial("1 row could not be read".into());
    world.venue.on_report(report);
    let policy = Policy { consent: Consent::EmptyMeansFlat, ..Policy::default() };
    let found = block_on(world.manager.reconcile_with(policy)).unwrap();
    assert_eq!((found.resolved(), found.unresolved(), found.partial.is_some()), (0, 0, true));
    assert_eq!(world.book().snapshot().digest(), before);
    assert_eq!((agreed(&world, BTC).as_str(), world.sent(BTC)), ("1", 1), "nothing was sold");
}
