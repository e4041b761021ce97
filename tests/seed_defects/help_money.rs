//! What the tests of several defects ask: the money on both sides, the history of a key, and trades that the book does
//! not hear of.

use std::time::Duration;

use posbook::venue::{FillPage, PaperAccount};
use posbook::{Change, Decimal, Instrument, Kind, Leg, OrderSide, Sequence};

use crate::stage::*;

/// A plain number, to compare money with.
pub fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// The venue's own account of a one-way symbol.
pub fn account(world: &World, symbol: &str) -> PaperAccount {
    let mut ledger = world.venue.paper().ledger().into_iter();
    ledger.find(|account| account.symbol.as_str() == symbol && account.leg == Leg::Net).unwrap()
}

/// Quantity, cash and fees of a one-way symbol are the same in the book and at the venue; returns the quantity.
pub fn agreed(world: &World, symbol: &str) -> String {
    let (view, venue) = (world.book().snapshot(), account(world, symbol));
    let key = view.key(world.id(symbol)).unwrap();
    let held = key.position.as_ref().map_or(Decimal::ZERO, |open| match open.side {
        posbook::Side::Long => open.quantity.get(),
        posbook::Side::Short => -open.quantity.get(),
    });
    let fees = key.ledger.fees.of(&venue.fee_currency);
    assert_eq!((held, key.ledger.cash, fees), (venue.quantity, venue.cash, venue.fees), "{symbol}");
    held.to_string()
}

/// Every change of a symbol's net key, oldest first.
pub fn history(world: &World, symbol: &str) -> Vec<Change> {
    let key = world.id(symbol).into();
    let mut changes = world.book().changes_after(Sequence(0));
    let units = std::iter::from_fn(|| changes.try_next());
    units.flat_map(|unit| unit.unwrap().to_vec()).filter(|change| change.key() == Some(key)).collect()
}

/// The last change of this kind.
pub fn last(world: &World, symbol: &str, kind: Kind) -> Change {
    history(world, symbol).into_iter().rfind(|change| change.kind() == kind).unwrap()
}

/// A trade of somebody else's order: by hand, by another program, by the venue's risk engine.
pub fn foreign(world: &World, symbol: &str, leg: Leg, side: OrderSide, quantity: &str) {
    world.venue.paper().place_foreign(&symbol.parse().unwrap(), leg, side, q(quantity)).unwrap();
}

/// The next question for fills hears of none.
pub fn hide_fills(world: &World) {
    world.venue.on_fills(|cursor| Ok(FillPage { fills: Vec::new(), next: cursor }));
}

/// Waits until the venue is called; says so if that never happens, rather than to hang.
pub async fn called<Q, A>(held: &mut Held<Q, A>) -> Q {
    let called = tokio::time::timeout(Duration::from_secs(10), held.called());
    called.await.expect("the venue was not called: nothing was sent")
}

/// One more instrument, at the venue and in the book.
pub fn list(world: &World, instrument: Instrument) {
    world.venue.paper().list(instrument.clone()).unwrap();
    world.book().register(instrument).unwrap();
}
