//! Orders of [`PositionManager`]: reserved, sent under their own name, booked by what came with the answer, and resolved
//! with the venue's word. An order that left is a result, whatever became of it.

use super::api::{Answer, OrderRequest, OrderStatus, Outcome, Venue};
use super::manager::PositionManager;
use super::place::Place;
use super::report::{OrderEnd, OrderReport};
use crate::book::{Sent, Settlement};
use crate::error::{Error, Reason, Rejection};
use crate::model::{ClientOrderId, Command, Fraction, Order, Quantity, Side, Symbol, TargetRule, Timestamp};
use crate::sync::fault;

impl<V: Venue> PositionManager<V> {
    /// Opens a position at the market: stop loss at this fraction of the fill, take profit twice as far.
    ///
    /// # Errors
    /// A rejection if it is not legal now (then nothing left), or a fault. An order whose outcome nobody knows is `Ok`
    /// with [`OrderEnd::InDoubt`].
    ///
    /// Dropping the future after the order left (a timeout, `select!`) leaves the key in doubt, on purpose.
    ///
    /// ```
    /// # use posbook::{Book, Instrument, Side, venue::{OrderEnd, PaperVenue, PositionManager}};
    /// # let venue = PaperVenue::builder().build();
    /// # venue.list(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, venue.clone()))?;
    /// # let btc = manager.instrument("BTC/USDT:USDT")?;
    /// # venue.tick(&"BTC/USDT:USDT".parse()?, "50000".parse()?, manager.book().now())?;
    /// # manager.book().mark(btc, "50000".parse()?)?;
    /// let order = manager.open_position("BTC/USDT:USDT", Side::Short, "1".parse()?, 10, "0.05".parse()?);
    /// assert_eq!(pollster::block_on(order)?.end, OrderEnd::Done);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn open_position<'a>(
        &self,
        place: impl Into<Place<'a>>,
        side: Side,
        amount: Quantity,
        leverage: u16,
        stop_loss_fraction: Fraction,
    ) -> Result<OrderReport, Error> {
        let key = self.key(place.into(), side)?;
        let rule = TargetRule::stop_fraction(stop_loss_fraction);
        self.order(Command::open(key, side, amount).leverage(leverage).rule(rule)).await
    }

    /// Adds to what is open; targets stay.
    ///
    /// # Errors
    /// As [`PositionManager::open_position`].
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
    /// let added = pollster::block_on(manager.scale_in_position("BTC/USDT:USDT", "0.5".parse()?))?;
    /// assert_eq!(added.position.map(|p| p.quantity), Some("1.5".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn scale_in_position<'a>(
        &self,
        place: impl Into<Place<'a>>,
        amount: Quantity,
    ) -> Result<OrderReport, Error> {
        let key = self.standing(place.into())?;
        self.order(Command::scale_in(key, amount)).await
    }

    /// Takes off so much, reduce-only; entry stays. As much as is open, or more, is a close.
    ///
    /// # Errors
    /// As [`PositionManager::open_position`].
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
    /// let reduced = pollster::block_on(manager.scale_out_position("BTC/USDT:USDT", "0.4".parse()?, "half off"))?;
    /// assert_eq!(reduced.position.map(|p| p.quantity), Some("0.6".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn scale_out_position<'a>(
        &self,
        place: impl Into<Place<'a>>,
        amount: Quantity,
        reason: impl Into<String>,
    ) -> Result<OrderReport, Error> {
        let key = self.standing(place.into())?;
        let open = self.book().snapshot().get(key).map(|p| p.quantity);
        if open.is_some_and(|open| amount >= open) {
            return self.close_position(key, reason).await;
        }
        self.order(Command::scale_out(key, amount).because(reason)).await
    }

    /// Any order: reserves, sends, books what came with the answer, and resolves it with the venue's word.
    ///
    /// # Errors
    /// As [`PositionManager::open_position`].
    ///
    /// ```
    /// # use posbook::{Book, Command, Instrument, Side, venue::{PaperVenue, PositionManager}};
    /// # let venue = PaperVenue::builder().build();
    /// # venue.list(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, venue.clone()))?;
    /// # let btc = manager.instrument("BTC/USDT:USDT")?;
    /// # venue.tick(&"BTC/USDT:USDT".parse()?, "50000".parse()?, manager.book().now())?;
    /// # manager.book().mark(btc, "50000".parse()?)?;
    /// // Refused if anything happened on the key since the snapshot it was decided from:
    /// let revision = manager.book().snapshot().key(btc).map_or(posbook::Sequence(0), |k| k.revision);
    /// let wish = Command::open(btc, Side::Long, "1".parse()?).expect_revision(revision);
    /// pollster::block_on(manager.order(wish))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn order(&self, wish: impl Into<Command>) -> Result<OrderReport, Error> {
        let reservation = self.book().reserve(wish)?;
        self.send(reservation).await
    }

    /// Sends the order of a reservation that was made on the book itself, books what came with the answer, and resolves
    /// it with the venue's word.
    ///
    /// # Errors
    /// As [`PositionManager::open_position`].
    ///
    /// ```
    /// # use posbook::{Book, Command, Instrument, Side, venue::{OrderEnd, PaperVenue, PositionManager}};
    /// # let venue = PaperVenue::builder().build();
    /// # venue.list(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, venue.clone()))?;
    /// # let btc = manager.instrument("BTC/USDT:USDT")?;
    /// # venue.tick(&"BTC/USDT:USDT".parse()?, "50000".parse()?, manager.book().now())?;
    /// # manager.book().mark(btc, "50000".parse()?)?;
    /// let reservation = manager.book().reserve(Command::open(btc, Side::Long, "1".parse()?))?;
    /// assert_eq!(pollster::block_on(manager.send(reservation))?.end, OrderEnd::Done);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn send(&self, reservation: crate::book::Reservation) -> Result<OrderReport, Error> {
        let symbol = self.symbol(reservation.order())?;
        // An increase of a book with a journal leaves only when its claim is durable (R15).
        reservation.durable().await?;
        // From here on a drop of this future, or a panic in the venue, leaves the key in doubt (R6).
        let sent = reservation.sent()?;
        let request = request(sent.order(), symbol);
        let (order, not_durable) = (sent.order().clone(), sent.not_durable());
        // A broken twin tries again under a name that the venue does not know (D23); here it is always none.
        let again = fault("new_id_retry").then(|| request.clone());
        let mut answer = self.venue().submit(request).await;
        if let Some(again) = again.filter(|_| answer.is_err()) {
            let client_id = ClientOrderId { epoch: order.client_id.epoch + 1, ..order.client_id };
            answer = self.venue().submit(OrderRequest { client_id, ..again }).await;
        }
        let end = match answer {
            Ok(Answer { status, fills }) => {
                self.book_fills(fills);
                self.resolve(sent, status).await
            }
            Err(lost) => doubt(sent, lost.to_string()),
        };
        // The order has left: whatever became of it is a result, not an error (D15).
        Ok(OrderReport { not_durable, ..self.report(&order, end) })
    }

    /// The venue's word on an order, put into the book.
    pub(super) async fn resolve(&self, sent: Sent, status: OrderStatus) -> OrderEnd {
        let (settlement, end) = match status {
            // The venue took the order and does not know it: nothing follows from that (R1).
            OrderStatus::Unknown => return doubt(sent, "the venue does not know the order".to_owned()),
            OrderStatus::Working { filled } => {
                // Refused only if another thread has resolved it meanwhile.
                let _ = sent.working(filled);
                sent.detach();
                return OrderEnd::Working;
            }
            OrderStatus::Final { filled, outcome: Outcome::Rejected(why) } => {
                (sent.refused(filled, why.clone()), OrderEnd::Refused(why))
            }
            OrderStatus::Final { filled, outcome: Outcome::Cancelled } => {
                (sent.refused(filled, "cancelled"), OrderEnd::Refused("cancelled".to_owned()))
            }
            OrderStatus::Final { filled, outcome: Outcome::Filled } => {
                (sent.complete(filled), OrderEnd::Done)
            }
        };
        match settlement {
            Ok(Settlement::Settled) => end,
            Ok(Settlement::AwaitingFills) => {
                // The figure is final, its fills are on their way: ask once. What does not come now comes with the next
                // pass, and a venue that cannot be asked changes nothing about the order.
                let _ = self.pull_fills().await;
                end
            }
            // Another thread had the venue's word first.
            Err(refused)
                if matches!(refused.reason(), Reason::OrderState { .. } | Reason::UnknownOrder { .. }) =>
            {
                end
            }
            // The venue contradicts itself; the dropped handle has left the key in doubt.
            Err(refused) => OrderEnd::InDoubt(refused.to_string()),
        }
    }

    fn symbol(&self, order: &Order) -> Result<Symbol, Rejection> {
        let view = self.book().snapshot();
        let instrument = view.instrument(order.key.instrument);
        instrument.map(|i| i.symbol().clone()).ok_or_else(|| crate::state::unknown(order.key.instrument))
    }
}

/// What goes to the venue.
fn request(order: &Order, symbol: Symbol) -> OrderRequest {
    OrderRequest {
        client_id: order.client_id,
        key: order.key,
        symbol,
        intent: order.intent,
        side: order.side,
        quantity: order.quantity,
        reduce_only: !order.intent.increases(),
        leverage: order.leverage,
        // Half of its patience is left, for clocks that differ and replicas that lag (R1).
        // What never expires is valid as long.
        valid_until: match order.expires {
            Timestamp(i64::MAX) => order.expires,
            expires => expires.plus_ns(-i64::try_from(order.patience_ns / 2).unwrap_or(i64::MAX)),
        },
    }
}

/// Leaves an order in doubt, and says so.
fn doubt(sent: Sent, why: String) -> OrderEnd {
    match sent.in_doubt(why.clone()) {
        Ok(()) => OrderEnd::InDoubt(why),
        // Refused only if another thread has resolved it meanwhile: then nothing is unknown any more.
        Err(_) => OrderEnd::Done,
    }
}
