//! What became of an order, as far as it is booked.

use rust_decimal::Decimal;

use super::api::Venue;
use super::manager::PositionManager;
use crate::model::{
    Change, ClientOrderId, Command, Order, OrderRef, OrderState, Position, PositionKey, Quantity, Shape,
};

/// What became of an order. "Nothing happened" and "something happened that nobody knows" are different words (D15).
///
/// ```
/// use posbook::venue::OrderEnd;
///
/// assert_ne!(OrderEnd::Done, OrderEnd::InDoubt("timed out".into()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderEnd {
    /// The venue is done with it and every fill is booked. How much it filled stands beside.
    Done,
    /// The venue refused or cancelled it, in its words; what it filled until then is booked.
    Refused(String),
    /// The venue works on it; [`PositionManager::update_positions`] follows it from here.
    Working,
    /// The venue is done with it, fills are missing; they are booked when they come.
    AwaitingFills,
    /// Nobody knows; the key is blocked for new risk until the venue says what became of the order (R1).
    InDoubt(String),
}

/// An order's result, as far as it is booked.
///
/// ```
/// # use posbook::{Book, Instrument, Side};
/// # use posbook::venue::{OrderEnd, PaperVenue, PositionManager};
/// # let venue = PaperVenue::builder().build();
/// # venue.list(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, venue.clone()))?;
/// # let btc = manager.instrument("BTC/USDT:USDT")?;
/// # venue.tick(&"BTC/USDT:USDT".parse()?, "50000".parse()?, manager.book().now())?;
/// # manager.book().mark(btc, "50000".parse()?)?;
/// let order = manager.open_position(btc, Side::Long, "1".parse()?, 10, "0.05".parse()?);
/// let report = pollster::block_on(order)?;
/// assert_eq!(report.end, OrderEnd::Done);
/// assert_eq!(report.average.map(|a| a.to_string()), Some("50000".into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct OrderReport {
    /// The name it carried to the venue.
    pub client_id: ClientOrderId,
    /// The key it was for.
    pub key: PositionKey,
    /// What became of it.
    pub end: OrderEnd,
    /// Booked, in contracts. `None`: the order took so long that the feed's window has lost some of its fills
    /// ([`Builder::window`](crate::Builder::window)); the position is right all the same.
    pub filled: Option<Quantity>,
    /// Average price of what is booked. `None`: nothing is, or as above.
    pub average: Option<Decimal>,
    /// Profit that its fills realised, in the settle currency, before fees. `None`: as above.
    pub realised: Option<Decimal>,
    /// What stands on the key now. `None`: flat.
    pub position: Option<Position>,
    /// It left without a record that survives a crash: a reduction, while the journal writes nothing any more (R15).
    pub not_durable: bool,
}

impl<V: Venue> PositionManager<V> {
    /// What became of an order, as far as it is booked.
    pub(super) fn report(&self, order: &Order, end: OrderEnd) -> OrderReport {
        let view = self.book().snapshot();
        let stands = view.key(order.key);
        let mut booked = Some(Booked::default());
        for published in self.book().changes_after(order.client_id.sequence).published_until(view.sequence())
        {
            match published {
                Ok(publication) => publication.iter().for_each(|change| {
                    if let Some(booked) = &mut booked {
                        booked.add(change, order.client_id);
                    }
                }),
                // The window has lost some of its fills: half a sum is none.
                Err(_) => booked = None,
            }
        }
        let instrument = view.instrument(order.key.instrument);
        let end = match stands.and_then(|k| k.order(order.client_id)).map(|o| &o.state) {
            Some(OrderState::Settling(_)) => OrderEnd::AwaitingFills,
            Some(OrderState::InDoubt(why)) => OrderEnd::InDoubt(why.clone()),
            _ => end,
        };
        OrderReport {
            client_id: order.client_id,
            key: order.key,
            end,
            filled: booked.as_ref().map(|b| b.filled),
            average: booked.as_ref().and_then(|b| instrument?.average(b.value, b.filled)),
            realised: booked.map(|b| b.realised),
            position: stands.and_then(|k| k.position.clone()),
            not_durable: false,
        }
    }
}

/// What of an order is booked.
#[derive(Default)]
struct Booked {
    filled: Quantity,
    value: Decimal,
    realised: Decimal,
}

impl Booked {
    /// Adds a change, if it is a fill of this order.
    fn add(&mut self, change: &Change, order: ClientOrderId) {
        let Command::Record(fill) = change.command() else { return };
        let Some((before, after)) = change.ledgers().filter(|_| fill.order == OrderRef::Ours(order)) else {
            return;
        };
        self.realised += after.realised - before.realised;
        self.value += (after.cash - before.cash).abs();
        self.filled = match fill.shape {
            Shape::Cumulative => self.filled.max(fill.quantity),
            // A flip is two changes of one fill.
            Shape::Trade { .. } if change.sequence > change.unit.first => self.filled,
            Shape::Trade { .. } => self.filled.plus(fill.quantity).unwrap_or(self.filled),
        };
    }
}
