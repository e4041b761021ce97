//! D29: the bot and the venue spelt one market differently, and the spellings were compared as text: one position was
//! tracked twice, or not at all. Here a symbol is registered and has one id; another spelling is refused with the names
//! that come near, and a row in it makes the report partial (R10, R18).

use pollster::block_on;
use posbook::reconcile::{Consent, Policy};
use posbook::{Error, Field, Reason, Side};

use crate::help_money::*;
use crate::stage::*;

const SPELLINGS: [&str; 6] =
    ["BTCUSDT", "BTC/USDT", "BTC-USDT", "btc/usdt:usdt", "BTC/USDT:USDT ", "XBTUSDTM"];

#[test]
fn d29_another_spelling_is_refused_with_near_names_and_opens_no_second_position() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let before = world.book().snapshot().digest();
    for spelling in SPELLINGS {
        let refused = |result: Result<_, Error>| {
            let Err(Error::Rejected(refused)) = result else { panic!("{spelling:?} was taken") };
            let Reason::UnknownInstrument { near, .. } = refused.reason() else { panic!("{refused}") };
            assert_eq!(near.contains(&BTC.to_owned()), spelling != "XBTUSDTM", "{refused}");
        };
        refused(block_on(world.manager.open_position(spelling, Side::Long, q("1"), 10, f("0.05"))));
        refused(block_on(world.manager.scale_in_position(spelling, q("1"))));
        refused(block_on(world.manager.close_position(spelling, "out")));
        assert!(
            world.manager.modify_position_targets(spelling, Field::Set(p("49000")), Field::Keep).is_err()
        );
        assert!(!world.manager.has_position(spelling));
    }
    assert_eq!((world.book().snapshot().digest(), world.venue.sent().len()), (before, 1));
    assert_eq!((world.stands(BTC).as_str(), agreed(&world, BTC).as_str()), ("long 1", "1"));
}

#[test]
fn d29_a_row_in_another_spelling_neither_adopts_nor_drops() {
    for spelling in SPELLINGS.into_iter().filter(|spelling| !spelling.ends_with(' ')) {
        let world = world();
        world.open(BTC, Side::Long, "1");
        world.price(BTC, "50000");
        let before = world.book().snapshot().digest();
        // To the predecessor this was an orphan to delete and a new position to take over.
        world.report(vec![row(spelling, Side::Long, "1", "50000")]);
        let policy = Policy { consent: Consent::EmptyMeansFlat, ..Policy::default() };
        let found = block_on(world.manager.reconcile_with(policy)).unwrap();
        assert_eq!((found.resolved(), found.unresolved()), (0, 1), "{found}");
        assert!(found.partial.is_some_and(|why| why.contains(spelling)));
        assert_eq!((world.book().snapshot().digest(), world.venue_has(BTC).as_str()), (before, "1"));
        assert_eq!(world.manager.get_open_positions_count(), 1);
    }
}
