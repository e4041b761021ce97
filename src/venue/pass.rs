//! One pass over everything open: [`PositionManager::update_positions`]. Every decision is made from one snapshot; all
//! exits are reserved first and then submitted without waiting for one another; one bad instrument never stops the
//! others.

use super::api::Venue;
use super::manager::{PositionManager, panicked};
use super::report::OrderReport;
use super::together::{Panicked, all, both};
use crate::error::{Error, Reason, Rejection};
use crate::exits;
use crate::model::{Command, ExitRule, PositionKey, Reduction};
use crate::sync::fault;

/// What a pass did.
///
/// ```
/// let pass = posbook::venue::Pass::default();
/// assert!(pass.closed.is_empty() && pass.faults.is_empty());
/// ```
#[derive(Debug, Default)]
pub struct Pass {
    /// Orders that were sent: by an exit that fired, or to finish a closing that had begun.
    pub closed: Vec<(PositionKey, Result<OrderReport, Error>)>,
    /// Keys whose stop followed the mark (R16).
    pub trailed: Vec<PositionKey>,
    /// Keys whose best or worst unrealised profit was noted, without a stop that moved at the same mark.
    pub reached: Vec<PositionKey>,
    /// What was not legal any more where it landed: somebody else was faster.
    pub refused: Vec<Rejection>,
    /// Open positions whose mark is stale or missing: no price exit was asked there, no stop moved, nothing was noted (R11).
    pub stale: Vec<PositionKey>,
    /// Keys that went in doubt because an order was overdue.
    pub expired: usize,
    /// The venue could not be asked for fills or orders.
    pub faults: Vec<Error>,
}

impl<V: Venue> PositionManager<V> {
    /// Keeps the open positions: books new fills, follows unresolved orders, puts the overdue in doubt, lets the stops
    /// follow fresh marks, notes new extremes of the unrealised profits, and sends what is due: stop, take profit and tiers at fresh marks only, the maximum age always.
    /// Call it as often as you like, from any number of threads:
    /// an exit is reserved before it is sent, so it is sent once.
    ///
    /// It returns when the venue has answered everything. A call that hangs or panics delays no other exit of the pass, but
    /// it does delay its end: put a timeout around it. Dropped, what was sent is in doubt, and the next pass asks about it.
    ///
    /// ```
    /// # use posbook::{Book, Instrument, Side, venue::{PaperVenue, PositionManager}};
    /// # let venue = PaperVenue::builder().build();
    /// # venue.list(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, venue.clone()))?;
    /// # let btc = manager.instrument("BTC/USDT:USDT")?;
    /// # venue.tick(&"BTC/USDT:USDT".parse()?, "50000".parse()?, manager.book().now())?;
    /// # manager.book().mark(btc, "50000".parse()?)?;
    /// # pollster::block_on(manager.open_position(btc, Side::Long, "1".parse()?, 10, "0.05".parse()?))?;
    /// manager.book().mark(btc, "47500".parse()?)?; // the stop
    /// let pass = pollster::block_on(manager.update_positions());
    /// assert_eq!(pass.closed.len(), 1);
    /// assert_eq!(manager.get_open_positions_count(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn update_positions(&self) -> Pass {
        let mut pass = Pass { expired: self.book().expire(), ..Pass::default() };
        // Before the exits, so that a stop fires where this mark has brought it.
        self.look_at_marks(&mut pass);
        let mut reserved = Vec::new();
        for wish in self.due_closes(&mut pass) {
            match self.book().reserve(wish) {
                Ok(reservation) => reserved.push(reservation),
                Err(refused) => {
                    // Other orders hold everything, or another close is on its way: the exit is not forgotten, what
                    // becomes free is closed (R7). A part that cannot go out now is no reason to close the whole.
                    if let (
                        Some(Command::Close(_)),
                        Reason::ReduceBeyond { key, .. } | Reason::AlreadyReserved { key, .. },
                        Some(open),
                    ) = (refused.command(), refused.reason(), refused.standing())
                    {
                        let cause = refused.command().map(|c| c.reason().to_owned()).unwrap_or_default();
                        let _ = self.book().apply(Command::StartClosing {
                            key: *key,
                            position: Some(open.id),
                            cause,
                        });
                    }
                    pass.refused.push(refused);
                }
            }
        }
        // Beside one another: a question to the venue that hangs delays no exit.
        let fills = all(vec![self.pull_fills()]);
        let upkeep = both(fills, both(self.resolve_orders(), self.cancel_resting_on(None)));
        let (closed, (fills, (orders, resting))) = both(self.send_all(reserved), upkeep).await;
        pass.closed = closed;
        // A panic there ends that question alone: the exits beside it are on their way.
        let fills =
            fills.into_iter().map(|asked| asked.unwrap_or_else(|Panicked| Err(panicked(self.venue()))));
        pass.faults.extend(fills.filter_map(Result::err).chain(orders.err()).chain(resting));
        pass
    }

    /// Lets the stops follow the fresh marks and notes new extremes; what a snapshot says is asked again of what stands then.
    fn look_at_marks(&self, pass: &mut Pass) {
        let view = self.book().snapshot();
        for key in view.keys() {
            let id = key.key.instrument;
            let (Some(open), Some(instrument)) = (&key.position, view.instrument(id)) else { continue };
            let Some(mark) = self.book().fresh_mark(id).map(|mark| mark.price) else { continue };
            let follows = exits::trail(open, instrument, mark).filter(|_| key.closing.is_none());
            let trailed = follows.is_some_and(|wish| self.moved(wish, pass));
            if trailed {
                pass.trailed.push(key.key);
            }
            // A stop that moves notes the extreme with it, once there is one.
            let noted = trailed && open.excursion.is_some();
            let reaches = exits::reach(open, instrument, mark).filter(|_| self.excursions && !noted);
            if reaches.is_some_and(|wish| self.moved(wish, pass)) {
                pass.reached.push(key.key);
            }
        }
    }

    /// Whether what a mark asks for changed anything.
    fn moved(&self, wish: Command, pass: &mut Pass) -> bool {
        match self.book().apply(wish) {
            Ok(published) => published.publication.is_some(),
            Err(refused) => {
                pass.refused.push(refused);
                false
            }
        }
    }

    /// The orders that one snapshot asks for.
    fn due_closes(&self, pass: &mut Pass) -> Vec<Command> {
        let (view, now) = (self.book().snapshot(), self.book().now());
        let mut wishes: Vec<Reduction> = Vec::new();
        for key in view.keys() {
            let Some(position) = &key.position else { continue };
            if let Some(closing) = &key.closing {
                // A close lasts until the key is flat (R7): what became free goes out, whatever the price does.
                let unresolved = key.orders.iter().any(|o| o.intent == crate::model::Intent::Close);
                if !unresolved && !key.free().is_zero() {
                    let reason = closing.cause.clone();
                    wishes.push(Command::close(key.key).expect_position(position.id).because(reason));
                }
                continue;
            }
            let Some(instrument) = view.instrument(key.key.instrument) else { continue };
            let fresh = self.book().fresh_mark(key.key.instrument);
            let mark = if fault("stale_exit") { self.book().latest(key.key.instrument) } else { fresh };
            let mark = mark.map(|mark| mark.price);
            if mark.is_none() {
                pass.stale.push(key.key);
            }
            let Some(exit) = exits::due(position, instrument, mark, now) else { continue };
            // A tier waits while other orders reduce what it would take its share of.
            if !matches!(exit.rule, ExitRule::Tier { .. }) || key.free() >= instrument.minimum() {
                wishes.push(Command::exit(key.key, exit));
            }
        }
        wishes.into_iter().map(Command::from).collect()
    }
}
