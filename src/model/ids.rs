//! Numbers that name things: sequences, times, positions and orders. Nothing is ever named twice (R15).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Reason, Rejection, shorten};

/// The place of a change in the one order of everything that happened to a book. The first change has 1; an empty
/// book stands at 0.
///
/// ```
/// use posbook::Sequence;
///
/// assert!(Sequence(2) > Sequence(1));
/// assert_eq!(Sequence(2).to_string(), "2");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub u64);

impl Sequence {
    /// The sequence `count` places later. Saturates: at a thousand million changes a second that is in 584 years.
    pub(crate) fn after(self, count: u64) -> Self {
        Self(self.0.saturating_add(count))
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Nanoseconds since 1970-01-01 UTC. Times are data: order is the sequence, and a clock that goes backwards breaks
/// nothing.
///
/// ```
/// use posbook::Timestamp;
///
/// let earlier = Timestamp::from_millis(1_000);
/// let later = Timestamp::from_millis(1_500);
/// assert_eq!(later.since(earlier).as_millis(), 500);
/// assert_eq!(earlier.since(later).as_millis(), 0); // never a negative age
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// From milliseconds since 1970, as most venues state times.
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms.saturating_mul(1_000_000))
    }

    /// How long ago `earlier` was, seen from here; zero if it lies in the future.
    pub fn since(self, earlier: Self) -> std::time::Duration {
        std::time::Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This time moved by so many nanoseconds, either way.
    pub(crate) fn plus_ns(self, nanoseconds: i64) -> Self {
        Self(self.0.saturating_add(nanoseconds))
    }

    /// This time and `span` later.
    pub fn plus(self, span: std::time::Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)))
    }
}

/// One opening of a book: with a journal the number of the opening, without one the second it was built. Part of every
/// id, so that a restart names nothing twice (R15).
pub type Epoch = u32;

/// Identity of one life of a key: the epoch and the sequence of the change that opened it. A symbol that was closed
/// and opened again is another position (I3, R5).
///
/// ```
/// use posbook::{PositionId, Sequence};
///
/// let id = PositionId { epoch: 1, sequence: Sequence(42) };
/// assert_eq!(id.to_string(), "1-42");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PositionId {
    /// Which opening of the book.
    pub epoch: Epoch,
    /// The change that opened the position.
    pub sequence: Sequence,
}

impl fmt::Display for PositionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.sequence)
    }
}

/// The name that an order carries to the venue, fixed before the venue is called: `p`, the book (8 hex digits), the
/// epoch (8) and the sequence of its reservation. At most 32 letters and digits, which every venue accepts.
///
/// ```
/// use posbook::{ClientOrderId, Sequence};
///
/// let id = ClientOrderId { book: 7, epoch: 1, sequence: Sequence(255) };
/// assert_eq!(id.to_string(), "p0000000700000001ff");
/// assert_eq!("p0000000700000001ff".parse::<ClientOrderId>()?, id);
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientOrderId {
    /// Which book.
    pub book: u32,
    /// Which opening of it.
    pub epoch: Epoch,
    /// The change that reserved it.
    pub sequence: Sequence,
}

impl fmt::Display for ClientOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{:08x}{:08x}{:x}", self.book, self.epoch, self.sequence.0)
    }
}

impl FromStr for ClientOrderId {
    type Err = Rejection;

    fn from_str(text: &str) -> Result<Self, Rejection> {
        let read = || {
            let hex = text.strip_prefix('p')?;
            // Ours are lower case, without signs: what we did not print is not one of ours.
            if !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
                return None;
            }
            let number = |part: Option<&str>| u64::from_str_radix(part?, 16).ok();
            let id = Self {
                book: u32::try_from(number(hex.get(..8))?).ok()?,
                epoch: u32::try_from(number(hex.get(8..16))?).ok()?,
                sequence: Sequence(number(hex.get(16..))?),
            };
            (id.to_string() == text).then_some(id)
        };
        read().ok_or_else(|| {
            Reason::Malformed {
                what: "client order id",
                text: shorten(text),
                rule: "is not one that a book made",
            }
            .into()
        })
    }
}

impl Serialize for ClientOrderId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ClientOrderId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
