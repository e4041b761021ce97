//! What the races have in common: a thread beside the test, a venue that is being called, a refusal that has a name.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use posbook::reconcile::ReconcileReport;
use posbook::venue::{OrderEnd, OrderReport, PositionManager, Scope, Venue, VenueReport};
use posbook::{Error, OrderSide, Reason};
use tokio::task::JoinHandle;

use crate::stage::{Held, Staged, World, lost, q};

/// Runs one of the manager's methods on another thread.
pub fn beside<T, F>(world: &World, method: impl FnOnce(PositionManager<Staged>) -> F) -> JoinHandle<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    tokio::spawn(method(world.manager.clone()))
}

/// The venue is being called with this, and the call is held. Ten seconds are no figure that is asserted: they turn a
/// test that hangs into one that says why.
pub async fn called<Q: Clone, A>(held: &mut Held<Q, A>) -> Q {
    let called = tokio::time::timeout(Duration::from_secs(10), held.called());
    called.await.expect("the venue was not called within 10 s")
}

/// The next order is executed, and its answer is lost.
pub fn executed_but_lost(world: &World) {
    let paper = world.venue.paper().clone();
    world.venue.on_submit(move |order| pollster::block_on(paper.submit(order)).and(Err(lost())));
}

/// Why it was refused. `defect` is what happened if it was not.
pub fn refused<T: Debug>(result: Result<T, Error>, defect: &str) -> Reason {
    match result.expect_err(defect) {
        Error::Rejected(refused) => refused.reason().clone(),
        fault => panic!("a fault where a refusal was due: {fault}"),
    }
}

/// The venue is done with it, and this much is booked.
pub fn filled_in_full(result: Result<OrderReport, Error>, quantity: &str) {
    let report = result.unwrap();
    assert_eq!((report.end, report.filled), (OrderEnd::Done, Some(q(quantity))));
}

/// Both have this, and nothing is on its way that could change it.
pub fn both_sides(world: &World, symbol: &str, book: &str, venue: &str) {
    assert_eq!(
        (world.stands(symbol).as_str(), world.venue_has(symbol).as_str()),
        (book, venue),
        "the book and the venue, {symbol}"
    );
    assert_eq!(world.unresolved(), 0, "orders that nobody knows the end of");
}

/// What all orders on one side of a symbol asked the venue for, together.
pub fn asked_for(world: &World, symbol: &str, side: OrderSide) -> String {
    let orders = world.venue.sent().into_iter().filter(|o| o.symbol.as_str() == symbol && o.side == side);
    orders.map(|order| order.quantity.get()).sum::<posbook::Decimal>().normalize().to_string()
}

/// When a venue says that its list was read.
#[derive(Debug, Clone, Copy)]
pub enum Stamp {
    /// At the moment it was.
    Read,
    /// At the moment of the answer: only our own sequence shows then that the list is old.
    Answered,
}

/// Reconciles with a list that was read when it was asked for and is answered only after `meanwhile`.
pub async fn reconcile_with_an_old_list(
    world: &World,
    stamp: Stamp,
    meanwhile: impl FnOnce(&World),
) -> ReconcileReport {
    let mut held = world.venue.hold_report();
    let reconciling = beside(world, |m| async move { m.reconcile_positions().await });
    called(&mut held).await;
    let list = world.venue.paper().positions(Scope::All).await;
    meanwhile(world);
    world.pass(Duration::from_millis(1));
    match stamp {
        Stamp::Read => held.go(),
        Stamp::Answered => held.answer(VenueReport { venue_time: Some(world.clock.now()), ..list }),
    }
    reconciling.await.unwrap().unwrap()
}

/// A report of this moment finds nothing to do.
pub async fn in_agreement(world: &World) {
    world.pass(Duration::from_millis(1));
    assert_eq!(world.manager.reconcile_positions().await.unwrap().to_string(), "in agreement");
}
