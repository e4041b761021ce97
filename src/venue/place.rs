//! Names of positions: the symbol that people say, or the key.

use crate::book::Snapshot;
use crate::error::{Reason, Rejection};
use crate::model::{InstrumentId, PositionKey, PositionMode, Side};

/// Names a position: a symbol (its net position), or a key (hedge mode, owners).
///
/// ```
/// use posbook::{InstrumentId, PositionKey};
/// use posbook::venue::Place;
///
/// let by_name: Place = "BTC/USDT:USDT".into();
/// let by_key: Place = PositionKey::net(InstrumentId(0)).into();
/// assert_ne!(by_name, by_key);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// The venue's symbol; one-way mode only, where it names one position.
    Symbol(&'a str),
    /// The key itself.
    Key(PositionKey),
}

impl<'a> From<&'a str> for Place<'a> {
    fn from(symbol: &'a str) -> Self {
        Self::Symbol(symbol)
    }
}

impl<'a> From<&'a String> for Place<'a> {
    fn from(symbol: &'a String) -> Self {
        Self::Symbol(symbol)
    }
}

impl From<PositionKey> for Place<'_> {
    fn from(key: PositionKey) -> Self {
        Self::Key(key)
    }
}

impl From<InstrumentId> for Place<'_> {
    fn from(id: InstrumentId) -> Self {
        Self::Key(PositionKey::net(id))
    }
}

/// Why a place names no key.
pub(super) enum Missing<'a> {
    Unknown(&'a str),
    Ambiguous(Box<Rejection>),
}

/// The key that a place names. In hedge mode a symbol names the one leg that is open.
pub(super) fn find<'a>(view: &Snapshot, place: Place<'a>) -> Result<PositionKey, Missing<'a>> {
    let symbol = match place {
        Place::Key(key) => return Ok(key),
        Place::Symbol(symbol) => symbol,
    };
    let instrument = view.id(symbol).ok_or(Missing::Unknown(symbol))?;
    let net = PositionKey::net(instrument);
    if view.instrument(instrument).is_none_or(|i| i.mode() == PositionMode::OneWay) {
        return Ok(net);
    }
    let mut open = [Side::Long, Side::Short]
        .map(|side| PositionKey { leg: PositionMode::Hedge.leg(side), ..net })
        .into_iter()
        .filter(|key| view.contains(*key));
    match (open.next(), open.next()) {
        (Some(only), None) => Ok(only),
        _ => {
            let found = "a symbol in hedge mode, where it names one position only while one leg is open; a PositionKey";
            Err(Missing::Ambiguous(Box::new(Reason::WrongLeg { key: net, found }.into())))
        }
    }
}
