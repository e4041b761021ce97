//! Whether a fill is news, and what of it: one that the ring has forgotten is told by its order's figures (R3), and a
//! cumulative figure is news as far as it goes beyond what is booked (R2).

use rust_decimal::Decimal;

use super::addressee::{Addressee, of_this_run};
use crate::error::{Reason, Rejection};
use crate::model::{Fill, FillSource, Order, OrderRef, OrderState, Quantity, Seen, Shape, exact_sub};
use crate::state::Slot;
use crate::state::decide::Ask;
use crate::sync::fault;

/// Whether a fill that the ring does not hold can have been booked before.
pub(super) enum Age {
    /// It cannot.
    News,
    /// It was: the figure that finished its order was reached by what was booked, and it was reached before this fill
    /// came.
    Booked,
    /// Nobody can say.
    TooOldToTell,
}

/// R3: at or below the watermark a fill may be one that the ring has forgotten. There the cumulative figure of its order
/// decides: it vouches for what it misses, and against everything once it has been reached.
pub(super) fn age(ask: &Ask<'_>, slot: &Slot, to: &Addressee<'_>, seen: Seen, fill: &Fill) -> Age {
    let old = match (seen.venue_time, slot.watermark) {
        (Some(time), Some(watermark)) => time <= watermark,
        (Some(_), None) => false,
        (None, _) => slot.forgetful,
    };
    if !old {
        return Age::News;
    }
    match (&to.finished, &fill.order) {
        (Some(finished), _) if !finished.booked.is_zero() => return Age::Booked,
        // An order of this run that is neither unresolved nor remembered is finished long ago: what it came to was booked.
        (None, OrderRef::Ours(id)) if to.order.is_none() && of_this_run(ask, *id) => return Age::Booked,
        _ => {}
    }
    let vouched = to.order.is_some_and(|order| match (&fill.shape, &order.state) {
        // Cumulative figures carry their own memory: the order's.
        (Shape::Cumulative, _) => true,
        // Exactly what is missing: were it another fill come again, the quantity would still be right.
        (_, OrderState::Settling(_)) => fill.quantity == order.remaining(),
        // Without a venue time there is nothing else to go by.
        _ => seen.venue_time.is_none() && fill.quantity <= order.remaining(),
    });
    if vouched { Age::News } else { Age::TooOldToTell }
}

/// What a report adds to what is booked.
pub(super) enum News {
    Nothing,
    /// So many contracts, worth so much (quantity x contract size x price, rounded to money).
    Fill {
        quantity: Quantity,
        value: Decimal,
    },
    Unfoldable(String),
}

pub(super) fn news(slot: &Slot, to: &Addressee<'_>, fill: &Fill) -> Result<News, Rejection> {
    if let Err(wrong) = slot.instrument.check_price("fill price", fill.price) {
        return Ok(News::Unfoldable(wrong.to_string()));
    }
    let value = match slot.instrument.value("a fill's cash", fill.quantity, fill.price) {
        Ok(value) => value,
        Err(wrong) => return Ok(News::Unfoldable(wrong.to_string())),
    };
    let mixed = |order: &Order, found| Reason::MixedSources { order: order.client_id, found };
    match (&fill.shape, to.order) {
        (Shape::Trade { .. }, Some(order)) if order.source == FillSource::Cumulative => {
            Err(mixed(order, "cumulative figures").into())
        }
        (Shape::Trade { .. }, None) if to.finished.is_some_and(|f| f.source == FillSource::Cumulative) => {
            // What this trade did is in the figure that finished the order.
            let order = to.finished.map_or_else(|| "".into(), |f| f.order.to_string());
            Ok(News::Unfoldable(format!("a trade of order {order}, which was fed by cumulative figures")))
        }
        (Shape::Trade { .. }, _) => Ok(News::Fill { quantity: fill.quantity, value }),
        // An earlier figure of a finished order, come late: it is in the figure that finished it.
        (Shape::Cumulative, None) if to.finished.is_some_and(|f| fill.quantity <= f.booked) => {
            Ok(News::Nothing)
        }
        (Shape::Cumulative, None) => {
            Ok(News::Unfoldable("a cumulative figure of an order that is not known here".into()))
        }
        (Shape::Cumulative, Some(order)) if order.source == FillSource::Trades => {
            Err(mixed(order, "trades").into())
        }
        (Shape::Cumulative, Some(order)) if fill.quantity <= order.booked || fault("figures_lost") => {
            Ok(News::Nothing)
        }
        (Shape::Cumulative, Some(order)) => {
            let value = exact_sub("a fill's cash", value, order.booked_value);
            match value.and_then(|value| Ok((fill.quantity.minus(order.booked)?, value))) {
                Ok((quantity, value)) => Ok(News::Fill { quantity, value }),
                Err(wrong) => Ok(News::Unfoldable(wrong.to_string())),
            }
        }
    }
}
