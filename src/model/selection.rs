//! Groups by rule: which keys belong together. Only the rule; what a group comes to at one moment is asked of a book, and what
//! it may come to stands in its limits.

use serde::{Deserialize, Deserializer, Serialize};

use super::change::KeyState;
use super::instrument::Instrument;
use super::key::{Owner, PositionKey, Side};
use super::order::Order;
use super::tags::Tags;
use super::text::{Currency, Tag};

/// A group of keys by rule: every condition that is named has to hold. Without any it is the whole book.
///
/// ```
/// use posbook::{Book, Fill, Instrument, OrderSide, Selection, Side};
///
/// let book = Book::builder().build()?;
/// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// let eth = book.register(Instrument::linear("ETH/USDT:USDT", "0.01", "0.001")?)?;
/// book.record(Fill::trade(btc, "1".parse()?, OrderSide::Buy, "1".parse()?, "50000".parse()?))?;
/// book.record(Fill::trade(eth, "1".parse()?, OrderSide::Sell, "10".parse()?, "3000".parse()?))?;
/// book.mark(btc, "50500".parse()?)?;
/// book.mark(eth, "2900".parse()?)?;
///
/// let view = book.snapshot();
/// let all = book.exposure(&view, &Selection::everything())?;
/// let usdt = &all[&"USDT".parse()?];
/// assert_eq!((usdt.gross.to_string(), usdt.net.to_string()), ("79500".into(), "21500".into()));
/// assert_eq!(usdt.unrealised.to_string(), "1500");
///
/// let longs = Selection::everything().side(Side::Long);
/// assert_eq!(longs.positions(&view).count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Selection {
    side: Option<Side>,
    owner: Option<Owner>,
    base: Option<Currency>,
    settle: Option<Currency>,
    /// Sorted.
    #[serde(deserialize_with = "sorted")]
    keys: Option<Vec<PositionKey>>,
    tag: Option<Tag>,
}

/// Whatever order another program wrote.
fn sorted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<PositionKey>>, D::Error> {
    let mut keys = Option::<Vec<PositionKey>>::deserialize(deserializer)?;
    if let Some(keys) = &mut keys {
        keys.sort_unstable();
    }
    Ok(keys)
}

impl Selection {
    /// The whole book.
    pub fn everything() -> Self {
        Self::default()
    }

    /// Only what is long, or only what is short. A flat key is on the side of the order that opens it.
    #[must_use]
    pub fn side(mut self, side: Side) -> Self {
        self.side = Some(side);
        self
    }

    /// Only what this strategy has.
    #[must_use]
    pub fn owner(mut self, owner: Owner) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Only instruments with this base asset.
    #[must_use]
    pub fn base(mut self, base: Currency) -> Self {
        self.base = Some(base);
        self
    }

    /// Only instruments that settle in this currency.
    #[must_use]
    pub fn settle(mut self, settle: Currency) -> Self {
        self.settle = Some(settle);
        self
    }

    /// Only these keys.
    #[must_use]
    pub fn keys(mut self, keys: impl IntoIterator<Item = PositionKey>) -> Self {
        let mut keys: Vec<_> = keys.into_iter().collect();
        keys.sort_unstable();
        self.keys = Some(keys);
        self
    }

    /// Only what has this tag: an open position that has it, or a flat key whose opening order carries it.
    ///
    /// ```
    /// use posbook::{Book, Command, Instrument, Selection, Side};
    ///
    /// let book = Book::builder().build()?;
    /// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// let wish = Command::open(btc, Side::Long, "1".parse()?).tag("grid")?.at("50000".parse()?);
    /// let claim = book.reserve(wish)?;
    /// let (view, grid) = (book.snapshot(), Selection::everything().tag("grid".parse()?));
    /// assert_eq!(view.keys().filter(|key| grid.has(&view, key)).count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn tag(mut self, tag: Tag) -> Self {
        self.tag = Some(tag);
        self
    }

    /// Whether a position like this belongs to it.
    pub(crate) fn takes(
        &self,
        key: PositionKey,
        instrument: &Instrument,
        side: Option<Side>,
        tags: &Tags,
    ) -> bool {
        self.owner.is_none_or(|owner| owner == key.owner)
            && self.side.is_none_or(|wanted| side == Some(wanted))
            && self.base.as_ref().is_none_or(|base| instrument.base() == base)
            && self.settle.as_ref().is_none_or(|settle| instrument.settle() == settle)
            && self.keys.as_ref().is_none_or(|keys| keys.binary_search(&key).is_ok())
            && self.tag.as_ref().is_none_or(|tag| tags.has(tag))
    }

    /// Whether what this order opens, or adds to, is of it by what the order itself says.
    pub(crate) fn takes_order(&self, order: &Order, instrument: &Instrument) -> bool {
        self.takes(order.key, instrument, Some(order.side.opens()), &order.tags)
    }

    /// Whether what stands at a key belongs to it: the position, or on a flat key the order that opens it.
    pub(crate) fn takes_key(&self, key: &KeyState, instrument: &Instrument) -> bool {
        match (&key.position, key.orders.iter().find(|order| order.intent.increases())) {
            (Some(open), _) => self.takes(key.key, instrument, Some(open.side), &open.tags),
            (None, Some(order)) => self.takes_order(order, instrument),
            (None, None) => self.takes(key.key, instrument, None, &Tags::none()),
        }
    }
}
