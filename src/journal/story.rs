//! A key, a fill and an ended life in the words that people read in the database: JSON, numbers as text so that no tool
//! rounds them. Restore never reads these.

use rust_decimal::Decimal;
use serde::Serialize;
use serde::ser::SerializeMap;

use crate::model::{
    Change, Command, Excursion, Fill, KeyState, Kind, OrderRef, Position, PositionId, Shape, Side, Sums,
    Tags, Timestamp,
};

/// Something as text.
#[derive(Clone, Copy)]
struct Text<T>(T);

/// A number as text, without zeros at its end: the same for the same value, however it came about.
fn number(value: Decimal) -> Text<Decimal> {
    Text(value.normalize())
}

impl<T: std::fmt::Display> Serialize for Text<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Sums by currency.
struct ByCurrency<'a>(&'a Sums);

impl Serialize for ByCurrency<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (currency, sum) in self.0.iter() {
            map.serialize_entry(currency, &number(sum))?;
        }
        map.end()
    }
}

/// What stands at a key.
#[derive(Serialize)]
struct Stands<'a> {
    #[serde(flatten)]
    open: Option<Open>,
    orders: usize,
    in_doubt: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    closing: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    troubles: Vec<String>,
    cash: Text<Decimal>,
    realised: Text<Decimal>,
    unexplained: Text<Decimal>,
    fees: ByCurrency<'a>,
    funding: ByCurrency<'a>,
    fills: u64,
}

#[derive(Serialize)]
struct Open {
    position: Text<PositionId>,
    side: Side,
    quantity: Text<Decimal>,
    entry: Text<Decimal>,
    cost: Text<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leverage: Option<Text<Decimal>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<Text<Decimal>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    take: Option<Text<Decimal>>,
    opened_at: Timestamp,
    life_realised: Text<Decimal>,
    #[serde(flatten)]
    extremes: Option<Extremes>,
    #[serde(skip_serializing_if = "Tags::is_empty")]
    tags: Tags,
}

/// The best and the worst unrealised profit.
#[derive(Serialize)]
struct Extremes {
    favourable: Text<Decimal>,
    adverse: Text<Decimal>,
}

impl Extremes {
    fn of(excursion: Excursion) -> Self {
        Self { favourable: number(excursion.favourable()), adverse: number(excursion.adverse()) }
    }
}

impl Open {
    fn of(position: &Position) -> Self {
        Self {
            position: Text(position.id),
            side: position.side,
            quantity: number(position.quantity.get()),
            entry: number(position.entry_price()),
            cost: number(position.cost),
            leverage: position.leverage.map(|l| number(l.get())),
            stop: position.targets.stop.map(|price| number(price.get())),
            take: position.targets.take.map(|price| number(price.get())),
            opened_at: position.opened_at,
            life_realised: number(position.realised),
            extremes: position.excursion.map(Extremes::of),
            tags: position.tags.clone(),
        }
    }
}

/// What stands at a key after a change.
pub(super) fn stands(key: &KeyState) -> String {
    let stands = Stands {
        open: key.position.as_ref().map(Open::of),
        orders: key.orders.len(),
        in_doubt: key.orders.iter().filter(|o| o.in_doubt()).count(),
        closing: key.closing.as_ref().map(|closing| closing.cause.as_str()),
        troubles: key.troubles.iter().map(ToString::to_string).collect(),
        cash: number(key.ledger.cash),
        realised: number(key.ledger.realised),
        unexplained: number(key.ledger.unexplained),
        fees: ByCurrency(&key.ledger.fees),
        funding: ByCurrency(&key.ledger.funding),
        fills: key.ledger.fills,
    };
    text(&stands)
}

/// A position in one line.
pub(super) fn short(key: &KeyState) -> String {
    let Some(open) = &key.position else { return "flat".to_owned() };
    let (quantity, entry) = (number(open.quantity.get()).0, number(open.entry_price()).0);
    let mut text = format!("{} {quantity} @ {entry}", open.side);
    for (name, price) in [(" stop ", open.targets.stop), (" take ", open.targets.take)] {
        if let Some(price) = price {
            text += name;
            text += &number(price.get()).0.to_string();
        }
    }
    if !open.tags.is_empty() {
        text += &format!(" [{}]", open.tags);
    }
    text
}

/// A fill as the venue sent it.
#[derive(Serialize)]
struct Sent<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<String>,
    /// Why the venue has traded by force.
    #[serde(skip_serializing_if = "Option::is_none")]
    forced: Option<&'static str>,
    side: crate::model::OrderSide,
    quantity: Text<Decimal>,
    price: Text<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cumulative: Option<bool>,
    fees: ByCurrency<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    venue_time: Option<Timestamp>,
}

/// The fill that a change answers, once: a flip is two changes of one fill.
pub(super) fn fill(change: &Change) -> Option<String> {
    let Command::Record(fill) = change.command() else { return None };
    (change.sequence == change.unit.first).then(|| text(&sent(fill)))
}

fn sent(fill: &Fill) -> Sent<'_> {
    let (id, cumulative) = match &fill.shape {
        Shape::Trade { id } => (Some(id.as_str()), None),
        Shape::Cumulative => (None, Some(true)),
    };
    let order = match &fill.order {
        OrderRef::Ours(id) => Some(id.to_string()),
        OrderRef::Foreign(name) => Some(name.to_string()),
        OrderRef::Forced { order, .. } => order.as_ref().map(ToString::to_string),
        OrderRef::Unstated => None,
    };
    let forced = match &fill.order {
        OrderRef::Forced { by, .. } => Some(by.name()),
        _ => None,
    };
    Sent {
        id,
        order,
        forced,
        side: fill.side,
        quantity: number(fill.quantity.get()),
        price: number(fill.price.get()),
        cumulative,
        fees: ByCurrency(&fill.fees),
        venue_time: fill.venue_time,
    }
}

/// A life that is over.
#[derive(Serialize)]
struct Ended {
    position: Text<PositionId>,
    side: Side,
    entry: Text<Decimal>,
    opened_at: Timestamp,
    realised: Text<Decimal>,
    #[serde(flatten)]
    extremes: Option<Extremes>,
    #[serde(skip_serializing_if = "Tags::is_empty")]
    tags: Tags,
}

/// The life that ended with a change, with all that it realised.
pub(super) fn ended(change: &Change) -> Option<String> {
    if !matches!(change.kind(), Kind::Closed | Kind::Dropped) {
        return None;
    }
    let (Some(gone), _) = change.positions() else { return None };
    let (before, after) = change.ledgers()?;
    let last = after.realised.checked_sub(before.realised)?;
    let realised = gone.realised.checked_add(last)?;
    let extremes = gone.excursion.map(|noted| noted.at_the_end(change.kind(), last));
    Some(text(&Ended {
        position: Text(gone.id),
        side: gone.side,
        entry: number(gone.entry_price()),
        opened_at: gone.opened_at,
        realised: number(realised),
        extremes: extremes.map(Extremes::of),
        tags: gone.tags.clone(),
    }))
}

/// Values of ours have string keys and no floats: nothing here can fail to be written.
pub(super) fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
