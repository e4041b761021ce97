//! What a fill is recognised by when it comes again (R3): a fingerprint of its identity and one of its content.

use crate::model::{Fill, OrderRef, Seen, Shape, Side};

/// Identity: (instrument, order, trade id), or (instrument, order, cumulative quantity). Content: what it says.
///
/// Every part is preceded by what tells it from another in its place, and by its length where that varies. Numbers carry no
/// trailing zeros, so equal ones have equal bytes.
pub(super) fn fingerprint(fill: &Fill) -> Seen {
    let mut identity = Bytes::new();
    identity.put(fill.instrument.0.to_le_bytes());
    match &fill.order {
        OrderRef::Ours(id) => {
            identity.put([0]);
            identity.put(id.book.to_le_bytes());
            identity.put(id.epoch.to_le_bytes());
            identity.put(id.sequence.0.to_le_bytes());
        }
        // Why a venue trades is no part of it: one of its feeds may say so and another not.
        OrderRef::Foreign(name) | OrderRef::Forced { order: Some(name), .. } => {
            identity.put_text(1, name.as_str());
        }
        OrderRef::Unstated | OrderRef::Forced { order: None, .. } => identity.put([2]),
    }
    match &fill.shape {
        Shape::Trade { id } => identity.put_text(0, id.as_str()),
        Shape::Cumulative => {
            identity.put([1]);
            identity.put(fill.quantity.get().serialize());
        }
    }
    let mut content = Bytes::new();
    content.put([u8::from(fill.side == Side::Long.entry())]);
    content.put(fill.quantity.get().serialize());
    content.put(fill.price.get().serialize());
    for (currency, fee) in fill.fees.iter() {
        content.put_text(0, currency.as_str());
        content.put(fee.serialize());
    }
    Seen {
        identity: xxhash_rust::xxh3::xxh3_128(identity.all()),
        content: xxhash_rust::xxh3::xxh3_64(content.all()),
        venue_time: fill.venue_time,
    }
}

/// What says that a fill was taken back that said this: another identity than that of any fill.
pub(super) fn withdrawn(seen: Seen) -> Seen {
    let mut identity = Bytes::new();
    identity.put(*b"taken back");
    identity.put(seen.identity.to_le_bytes());
    identity.put(seen.content.to_le_bytes());
    Seen { identity: xxhash_rust::xxh3::xxh3_128(identity.all()), ..seen }
}

/// What is hashed, in one piece: for so little that is much cheaper than a streaming hasher. What does not fit is folded
/// into a fingerprint of what is there already.
struct Bytes {
    bytes: [u8; 192],
    length: usize,
}

impl Bytes {
    fn new() -> Self {
        Self { bytes: [0; 192], length: 0 }
    }

    fn all(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// What is there becomes its own fingerprint if another so many bytes would not fit.
    fn make_room(&mut self, length: usize) {
        if self.length + length > self.bytes.len() {
            let so_far = xxhash_rust::xxh3::xxh3_128(self.all()).to_le_bytes();
            self.length = 0;
            self.put(so_far);
        }
    }

    /// A part of fixed length: a store, and no call.
    fn put<const N: usize>(&mut self, part: [u8; N]) {
        self.make_room(N);
        if let Some(place) = self.bytes.get_mut(self.length..).and_then(<[u8]>::first_chunk_mut) {
            *place = part;
            self.length += N;
        }
    }

    /// A name has at most 64 bytes.
    fn put_text(&mut self, tag: u8, text: &str) {
        self.put([tag, u8::try_from(text.len()).unwrap_or(u8::MAX)]);
        self.make_room(text.len());
        if let Some(place) = self.bytes.get_mut(self.length..self.length + text.len()) {
            place.copy_from_slice(text.as_bytes());
            self.length += text.len();
        }
    }
}
