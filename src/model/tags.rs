//! Tags: short words on an order and the position that it opens, by which a caller groups what stands in one book.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::command::Command;
use super::ids::{PositionId, Sequence};
use super::key::PositionKey;
use super::text::Tag;
use super::wish::{Precondition, conditions};
use crate::error::{Reason, Rejection};

/// Up to eight tags, each once, by name. Cheap to clone; without any it is nothing but an empty word.
///
/// They are given with an [`Opening`](crate::Opening), carried by its order, and given to the position that the order opens,
/// whichever way its fill comes. [`Command::tag`] replaces them. A position that no order of ours opened has none.
///
/// ```
/// use posbook::Tags;
///
/// let tags = Tags::new(["trend".parse()?, "grid".parse()?, "grid".parse()?])?;
/// assert_eq!(tags.to_string(), "grid, trend");
/// assert!(tags.has(&"grid".parse()?) && !tags.has(&"carry".parse()?));
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tags(Option<Arc<[Tag]>>);

impl Tags {
    /// So many at most: more tells of something that is counted by tags, and every position would carry it.
    pub const MOST: usize = 8;

    /// No tag.
    pub const fn none() -> Self {
        Self(None)
    }

    /// These, each once.
    ///
    /// # Errors
    /// They are more than eight.
    pub fn new(tags: impl IntoIterator<Item = Tag>) -> Result<Self, Rejection> {
        let mut all = std::collections::BTreeSet::new();
        for tag in tags {
            all.insert(tag);
            if all.len() > Self::MOST {
                let (what, rule) = ("number of tags", "must be at most 8");
                return Err(Reason::OutOfRange { what, value: all.len().into(), rule }.into());
            }
        }
        Ok(Self((!all.is_empty()).then(|| all.into_iter().collect())))
    }

    /// These and one more.
    ///
    /// # Errors
    /// It would be the ninth.
    ///
    /// ```
    /// use posbook::Tags;
    ///
    /// let tags = Tags::none().and("grid".parse()?)?;
    /// assert_eq!(tags.len(), 1);
    /// # Ok::<(), posbook::Rejection>(())
    /// ```
    pub fn and(&self, tag: Tag) -> Result<Self, Rejection> {
        Self::new(self.iter().cloned().chain([tag]))
    }

    /// Whether this tag is one of them.
    pub fn has(&self, tag: &Tag) -> bool {
        self.iter().any(|one| one == tag)
    }

    /// All of them, by name.
    pub fn iter(&self) -> std::slice::Iter<'_, Tag> {
        self.0.as_deref().unwrap_or_default().iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.iter().len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl<'a> IntoIterator for &'a Tags {
    type Item = &'a Tag;
    type IntoIter = std::slice::Iter<'a, Tag>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, tag) in self.iter().enumerate() {
            if place > 0 {
                f.write_str(", ")?;
            }
            fmt::Display::fmt(tag.as_str(), f)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Serialize for Tags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Tags {
    /// Whatever order another program wrote.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::<Tag>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Put other tags on an open position, or take them away. Made by [`Command::tag`].
///
/// ```
/// use posbook::{Command, InstrumentId, Tags};
///
/// let wish = Command::tag(InstrumentId(0), Tags::none().and("hedge".parse()?)?).because("taken over");
/// assert_eq!(Command::from(wish).name(), "tag");
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Retag {
    /// Which key.
    pub key: PositionKey,
    /// What must stand there.
    pub expect: Precondition,
    /// The tags from now on; none takes them away.
    pub tags: Tags,
    /// Why, for the audit trail.
    pub reason: String,
}

impl Retag {
    /// Why, for the audit trail.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    fn into_command(self) -> Command {
        Command::Tag(self)
    }
}

conditions!(Retag);
