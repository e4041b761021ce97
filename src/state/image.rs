//! A whole state as a checkpoint keeps it. What can be derived (the names) is not kept, what is the same for all states
//! of one opening (the settings) is kept once, beside it.

use serde::de::DeserializeSeed;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Ring, Settings, Slot, Slots, State, Totals};
use crate::model::{Epoch, Seen, Sequence};
use crate::sync::Arc;

/// What stands in a checkpoint, in this order.
#[derive(Deserialize)]
struct Image {
    sequence: Sequence,
    slots: Vec<Slot>,
    totals: Totals,
    strays: Ring<Seen>,
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let slots: Vec<&Slot> = self.slots().map(|slot| &**slot).collect();
        (self.sequence, slots, &self.totals, &self.strays).serialize(serializer)
    }
}

/// Reads the state that was kept under the settings of an opening; and where each opening began. Whether it is the one it should
/// be, its digest says.
pub(crate) struct Under(pub(crate) Arc<Settings>, pub(crate) Arc<[(Epoch, Sequence)]>);

impl<'de> DeserializeSeed<'de> for Under {
    type Value = State;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<State, D::Error> {
        let Image { sequence, slots, totals, strays } = Image::deserialize(deserializer)?;
        let names = slots.iter().map(|slot| (slot.instrument.symbol().clone(), slot.id)).collect();
        let mut map = Slots::default();
        map.extend(slots.into_iter().map(|slot| (slot.id, Arc::new(slot))));
        Ok(State { settings: self.0, began: self.1, sequence, slots: map, names, totals, strays })
    }
}
