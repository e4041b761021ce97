//! WHEN to get out: pure functions of a position, a mark and the time. They decide nothing for good: what they say is a
//! value that names what fired, and the book checks it again where it lands (R16).

mod due;
mod reach;
mod trail;

pub use due::due;
pub use reach::reach;
pub use trail::trail;

use crate::model::{Instrument, Position};
use crate::sync::fault;

/// A rest below the instrument's minimum: it fires no exit, because no venue takes an order for it (R18).
fn dust(position: &Position, instrument: &Instrument) -> bool {
    position.quantity < instrument.minimum() && !fault("dust_fires")
}
