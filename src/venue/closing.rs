//! Getting out: what rests on a closing key is cancelled (R7), and everything can be closed at once.
//!
//! A close lasts until its key is flat. What other orders hold of the position cannot be closed yet, so they are
//! cancelled; what they bring or free until then is closed by the passes that follow.

use super::api::Venue;
use super::manager::{PositionManager, not_asked, panicked};
use super::pass::Pass;
use super::place::Place;
use super::report::OrderReport;
use super::together::{Panicked, all, both};
use crate::book::Reservation;
use crate::error::{Error, Reason, Rejection};
use crate::model::{ClientOrderId, Command, Intent, KeyState, OrderState, PositionKey, Selection};

/// How often a batch is made again because the book changed under it.
const TRIES: usize = 16;

impl<V: Venue> PositionManager<V> {
    /// Closes what is open, reduce-only. The key is closing from here until it is flat (R7): what rests on it is
    /// cancelled, and what becomes free later is closed by [`PositionManager::update_positions`].
    ///
    /// # Errors
    /// As [`PositionManager::open_position`]. [`Reason::ClosesLater`]: orders that could not be cancelled hold
    /// everything; the key is closing all the same.
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
    /// let closed = pollster::block_on(manager.close_position("BTC/USDT:USDT", "end of day"))?;
    /// assert!(closed.position.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn close_position<'a>(
        &self,
        place: impl Into<Place<'a>>,
        reason: impl Into<String>,
    ) -> Result<OrderReport, Error> {
        let (key, reason) = (self.standing(place.into())?, reason.into());
        match self.book().reserve(Command::close(key).because(reason.as_str())) {
            Ok(reservation) => {
                let (report, _) = both(self.send(reservation), self.cancel_resting_on(Some(key))).await;
                report
            }
            Err(refused) if all_in_flight(&refused) || self.beside_an_older_close(key, &refused) => {
                let position = refused.standing().map(|p| p.id);
                self.book().apply(Command::StartClosing { key, position, cause: reason.clone() })?;
                self.cancel_resting_on(Some(key)).await;
                match self.book().reserve(Command::close(key).because(reason)) {
                    Ok(reservation) => self.send(reservation).await,
                    Err(refused)
                        if all_in_flight(&refused)
                            || matches!(refused.reason(), Reason::AlreadyReserved { .. }) =>
                    {
                        Err(Rejection::from(Reason::ClosesLater { key }).into())
                    }
                    Err(refused) => Err(refused.into()),
                }
            }
            Err(refused) => Err(refused.into()),
        }
    }

    /// Whether a close was refused because of one that does not close what stands there now: the key is not closing.
    fn beside_an_older_close(&self, key: PositionKey, refused: &Rejection) -> bool {
        let closing = self.book().snapshot().key(key).is_some_and(|key| key.closing.is_some());
        !closing && refused.standing().is_some() && matches!(refused.reason(), Reason::AlreadyReserved { .. })
    }

    /// Closes everything: every position is made closing by one batch, and what is free of each goes out at once;
    /// orders on their way are cancelled, and what they bring all the same is closed by
    /// [`PositionManager::update_positions`]. [`Pass::closed`] says what was sent.
    ///
    /// # Errors
    /// The batch was refused sixteen times running because other threads kept changing the book: nothing was sent.
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
    /// let pass = pollster::block_on(manager.flatten("shutting down"))?;
    /// assert_eq!((pass.closed.len(), manager.get_open_positions_count()), (1, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn flatten(&self, reason: &str) -> Result<Pass, Error> {
        self.flatten_selection(&Selection::everything(), reason).await
    }

    /// The same with a part of the book: one batch, so that no strategy is left half closed.
    ///
    /// # Errors
    /// As [`PositionManager::flatten`].
    ///
    /// ```
    /// # use posbook::{Book, Instrument, Selection, Side, venue::{PaperVenue, PositionManager}};
    /// # let venue = PaperVenue::builder().build();
    /// # for symbol in ["BTC/USDT:USDT", "ETH/USDT:USDT"] {
    /// #     venue.list(Instrument::linear(symbol, "0.1", "0.001")?)?;
    /// # }
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, venue.clone()))?;
    /// # for (symbol, side) in [("BTC/USDT:USDT", Side::Long), ("ETH/USDT:USDT", Side::Short)] {
    /// #     let id = manager.instrument(symbol)?;
    /// #     venue.tick(&symbol.parse()?, "5000".parse()?, manager.book().now())?;
    /// #     manager.book().mark(id, "5000".parse()?)?;
    /// #     pollster::block_on(manager.open_position(id, side, "1".parse()?, 10, "0.05".parse()?))?;
    /// # }
    /// let longs = Selection::everything().side(Side::Long);
    /// let pass = pollster::block_on(manager.flatten_selection(&longs, "the market turned"))?;
    /// assert_eq!((pass.closed.len(), manager.get_open_positions_count()), (1, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn flatten_selection(&self, selection: &Selection, reason: &str) -> Result<Pass, Error> {
        let mut tries = 0;
        loop {
            let view = self.book().snapshot();
            let keys = view.keys().filter(|key| selection.has(&view, key));
            match self.book().submit(keys.filter_map(|key| way_out(key, reason))) {
                Ok(batch) => {
                    let (closed, faults) =
                        both(self.send_all(batch.reservations), self.cancel_resting_on(None)).await;
                    return Ok(Pass { closed, faults, ..Pass::default() });
                }
                Err(refused) if tries >= TRIES => return Err(refused.into()),
                Err(_) => tries += 1,
            }
        }
    }

    /// Sends the orders of several reservations without waiting for one another.
    ///
    /// ```
    /// # use posbook::{Book, Command, Instrument, Side, venue::{PaperVenue, PositionManager}};
    /// # let venue = PaperVenue::builder().build();
    /// # venue.list(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, venue.clone()))?;
    /// # let btc = manager.instrument("BTC/USDT:USDT")?;
    /// # venue.tick(&"BTC/USDT:USDT".parse()?, "50000".parse()?, manager.book().now())?;
    /// # manager.book().mark(btc, "50000".parse()?)?;
    /// let batch = manager.book().submit([Command::open(btc, Side::Long, "1".parse()?).into()])?;
    /// let sent = pollster::block_on(manager.send_all(batch.reservations));
    /// assert!(sent.iter().all(|(_, report)| report.is_ok()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn send_all(
        &self,
        reservations: Vec<Reservation>,
    ) -> Vec<(PositionKey, Result<OrderReport, Error>)> {
        let keys: Vec<PositionKey> = reservations.iter().map(|r| r.order().key).collect();
        let sent = all(reservations.into_iter().map(|r| self.send(r)).collect()).await;
        let sent = sent.into_iter().map(|sent| sent.unwrap_or_else(|Panicked| Err(panicked(self.venue()))));
        keys.into_iter().zip(sent).collect()
    }

    /// Cancels what rests on closing keys (R7): everything but their closes. `None`: on all of them. Returns what could
    /// not be asked.
    pub(crate) async fn cancel_resting_on(&self, only: Option<PositionKey>) -> Vec<Error> {
        let view = self.book().snapshot();
        let keys = view.keys().filter(|key| key.closing.is_some() && only.is_none_or(|only| only == key.key));
        let resting: Vec<ClientOrderId> = keys.flat_map(resting).collect();
        let asked = resting.into_iter().map(|id| async move {
            let since = self.asking();
            match self.venue().cancel(id).await {
                Ok(status) => {
                    self.heard(id, since, status).await;
                    None
                }
                Err(lost) => Some(not_asked(self.venue(), &lost)),
            }
        });
        let asked = all(asked.collect()).await.into_iter();
        asked.filter_map(|asked| asked.unwrap_or_else(|Panicked| Some(panicked(self.venue())))).collect()
    }
}

/// Orders of a closing key that are to be cancelled. An order that is being sent is not known to the venue yet.
fn resting(key: &KeyState) -> impl Iterator<Item = ClientOrderId> {
    let open = |state: &OrderState| matches!(state, OrderState::Working | OrderState::InDoubt(_));
    key.orders.iter().filter(move |o| o.intent != Intent::Close && open(&o.state)).map(|o| o.client_id)
}

/// What gets a key out, as far as it can be said now.
fn way_out(key: &KeyState, reason: &str) -> Option<Command> {
    let (position, key_id) = (key.position.as_ref(), key.key);
    let closes = key.orders.iter().any(|o| o.intent == Intent::Close);
    let opens = key.orders.iter().any(|o| o.intent.increases());
    // A close that has not left may never leave.
    let unsent = key.orders.iter().any(|o| o.intent == Intent::Close && o.state == OrderState::Reserved);
    match position {
        Some(_) if !closes && !key.free().is_zero() => Some(Command::close(key_id).because(reason).into()),
        None if !opens => None,
        _ if key.closing.is_some() && !unsent => None,
        _ => Some(Command::StartClosing {
            key: key_id,
            position: position.map(|p| p.id),
            cause: reason.to_owned(),
        }),
    }
}

/// Whether a close was refused only because orders on their way hold everything.
pub(super) fn all_in_flight(refused: &Rejection) -> bool {
    matches!(refused.reason(), Reason::ReduceBeyond { .. })
}
