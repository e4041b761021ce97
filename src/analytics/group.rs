//! What figures are kept of: the whole book, or a part of it.

use std::fmt;

use serde::Serialize;

use crate::model::{Currency, InstrumentId, Owner, Side, Tag};

/// A part of a book that has figures of its own.
///
/// ```
/// use posbook::Owner;
/// use posbook::analytics::Group;
///
/// assert_eq!(Group::Owner(Owner(3)).to_string(), "owner 3");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// All of it.
    Book,
    /// Every position that is long, or every one that is short. What moves while a key is flat (funding of a period before, late
    /// fills) is on neither side.
    Side(Side),
    /// What one strategy does.
    Owner(Owner),
    /// One instrument.
    Instrument(InstrumentId),
    /// Every instrument with this base asset.
    Base(Currency),
    /// Every position with this tag. One with several is in the group of each, so these come to more than the book; one without
    /// is in none. As with a side, what moves while a key is flat is nobody's.
    Tag(Tag),
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Group::Book => f.write_str("book"),
            Group::Side(side) => fmt::Display::fmt(side, f),
            Group::Owner(Owner::UNOWNED) => f.write_str("unowned"),
            Group::Owner(owner) => write!(f, "owner {}", owner.0),
            Group::Instrument(id) => write!(f, "instrument {}", id.0),
            Group::Base(base) => write!(f, "base {base}"),
            Group::Tag(tag) => write!(f, "tag {tag}"),
        }
    }
}
