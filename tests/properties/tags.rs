//! Tags and the groups that they make, checked on every change of random streams by counting it all again.

use std::collections::BTreeMap;
use std::sync::Arc;

use posbook::{
    Change, Command, Effect, GroupLimit, Intent, KeyState, Kind, OrderRef, PositionKey, Selection, Snapshot,
    Tags,
};

use crate::naive::{Q, absolute, q, zero};

/// What a limited group of the streams may come to: one position, and so much.
pub const PLACES: usize = 1;
pub const NOTIONAL: &str = "500";

/// What stands at each key.
pub type Keys = BTreeMap<PositionKey, Arc<KeyState>>;

/// None, or up to two.
pub fn some(n: u8) -> Tags {
    let names: &[&str] = match n % 8 {
        0..=4 => &[],
        5 | 6 => &["grid"],
        _ => &["night", "grid"],
    };
    Tags::new(names.iter().map(|name| name.parse().unwrap())).unwrap()
}

/// What streams are limited to besides.
pub fn group() -> GroupLimit {
    GroupLimit::new("grid".parse().unwrap(), Selection::everything().tag("grid".parse().unwrap()))
        .positions(PLACES)
        .notional(NOTIONAL.parse().unwrap())
}

fn is_grid(tags: &Tags) -> bool {
    tags.iter().any(|tag| tag.as_str() == "grid")
}

/// Whether a key counts there: by its position, or by an order that opens one.
fn counts(key: &KeyState) -> bool {
    key.position.as_ref().is_some_and(|open| is_grid(&open.tags))
        || key.orders.iter().any(|order| order.intent == Intent::Open && is_grid(&order.tags))
}

/// R5: tags come with the order that opens a life, and change by a command alone. R13: no increase and no tag puts more into a
/// group than it has room for. `keys`: what stood before this change; of `view` only what the instruments are.
pub fn are_what_was_asked(keys: &Keys, view: &Snapshot, change: &Change) {
    let Effect::Key { kind, before, after, .. } = &change.effect else { return };
    let flat = KeyState::flat(after.key);
    let before = before.as_deref().unwrap_or(&flat);
    for order in after.orders.iter().filter(|order| before.order(order.client_id).is_none()) {
        let asked = match change.command() {
            Command::Open(wish) => wish.tags.clone(),
            _ => Tags::none(),
        };
        assert_eq!(order.tags, asked, "{order:?}");
    }
    let opener = match change.command() {
        Command::Record(fill) => match fill.order {
            OrderRef::Ours(id) => {
                before.order(id).filter(|order| order.intent == Intent::Open && order.side == fill.side)
            }
            _ => None,
        },
        _ => None,
    };
    let expected = match (&before.position, &after.position, change.command()) {
        (_, None, _) => None,
        (Some(_), Some(_), Command::Tag(wish)) => {
            assert_eq!(*kind, Kind::Tagged);
            Some(wish.tags.clone())
        }
        // An open that took dust over brought its own, as if the key had been flat (R18).
        (Some(was), Some(is), _) if was.id == is.id && is.targets_from == was.targets_from => {
            Some(was.tags.clone())
        }
        (Some(was), Some(is), _) if was.id == is.id => {
            let dust = was.quantity < view.instrument(after.key.instrument).unwrap().minimum();
            Some(
                opener
                    .filter(|_| dust && *kind == Kind::ScaledIn)
                    .map_or(&was.tags, |order| &order.tags)
                    .clone(),
            )
        }
        _ => Some(opener.map_or_else(Tags::none, |order| order.tags.clone())),
    };
    let is = after.position.as_ref().map(|open| open.tags.clone());
    // A flip is two changes of one fill: the first one closes.
    assert_eq!(is, expected, "{:?} of {before:?}", change.command());
    let enters = match change.command() {
        Command::Open(_) | Command::ScaleIn(_) => true,
        Command::Tag(_) => !counts(before),
        _ => false,
    };
    if enters && counts(after) {
        has_room(keys, view, before, after, change);
    }
}

/// All of it counted again.
fn has_room(keys: &Keys, view: &Snapshot, before: &KeyState, after: &KeyState, change: &Change) {
    let instrument = |key: &KeyState| view.instrument(key.key.instrument).unwrap();
    let takes = |key: &KeyState| key.position.is_some() || key.orders.iter().any(|o| o.intent.increases());
    let worth = |key: &KeyState| {
        let size = q(&instrument(key).contract_size().to_string());
        let open = key.position.as_ref().map_or_else(zero, |open| absolute(&q(&open.cost.to_string())));
        key.orders.iter().filter(|o| o.intent.increases()).fold(open, |sum, order| {
            let reference = absolute(&q(&order.reference.unwrap().to_string()));
            sum + q(&order.remaining().to_string()) * &size * reference
        })
    };
    let others: Vec<_> =
        keys.values().filter(|key| key.key != after.key && takes(key) && counts(key)).collect();
    if !(takes(before) && counts(before)) {
        assert!(others.len() < PLACES, "R13: {} beside {after:?}", others.len());
    }
    let settle = instrument(after).settle();
    let there: Q = others
        .iter()
        .filter(|key| instrument(key).settle() == settle)
        .fold(zero(), |sum, key| sum + worth(key));
    // Of a key with a position the greater of cost and value counts: at least its cost.
    let sum = there + worth(after);
    // Money is rounded to two decimals at most.
    assert!(sum <= q(NOTIONAL) + q("0.05"), "R13: {sum} by {:?}", change.command());
}
