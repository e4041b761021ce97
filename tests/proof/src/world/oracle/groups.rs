//! Tags and the groups that they make: a tag comes with the order that opens a life and goes by a command alone (R5), and a
//! group has no more in it than its limit says, counted key by key again (R13).

use std::collections::BTreeSet;

use posbook::{Command, Intent, KeyState, Kind, OrderRef, OrderSide, Position, Side};
use rust_decimal::Decimal;

use super::{Oracle, Step, Wrong, outstanding};

/// The tag of the one group that a world may have.
pub(in crate::world) const GRID: &str = "grid";
/// What one place of it is worth, in each settle currency.
pub(in crate::world) const PLACE: i64 = 5_000;

fn names(tags: &posbook::Tags) -> BTreeSet<String> {
    tags.iter().map(ToString::to_string).collect()
}

fn is_grid(tags: &posbook::Tags) -> bool {
    tags.iter().any(|tag| tag.as_str() == GRID)
}

/// Whether a key takes a place: open, or on its way to be.
fn takes_place(key: &KeyState) -> bool {
    key.position.is_some() || key.orders.iter().any(|o| o.intent.increases())
}

/// Whether it is of the group: what is open has the tag, or an order that opens carries it.
fn of_the_grid(key: &KeyState) -> bool {
    let opens = key.orders.iter().any(|o| o.intent == Intent::Open && is_grid(&o.tags));
    takes_place(key) && (opens || key.position.as_ref().is_some_and(|open| is_grid(&open.tags)))
}

impl Oracle {
    /// What a change does to tags, whatever it is.
    pub(super) fn tags(&self, step: &Step<'_>) -> Result<(), Wrong> {
        let Step { change, kind, before, after } = *step;
        for order in after.orders.iter().filter(|order| before.order(order.client_id).is_none()) {
            let asked = match change.command() {
                Command::Open(wish) => names(&wish.tags),
                _ => BTreeSet::new(),
            };
            if names(&order.tags) != asked {
                return Err(format!(
                    "order {} carries {:?}, asked was {asked:?}",
                    order.client_id, order.tags
                ));
            }
        }
        if let Command::Tag(wish) = change.command() {
            return self.tagged(step, &names(&wish.tags));
        }
        let Some(now) = &after.position else { return Ok(()) };
        let opens = |side: OrderSide| if side == OrderSide::Buy { Side::Long } else { Side::Short };
        let opener = match change.command() {
            Command::Record(fill) => match fill.order {
                OrderRef::Ours(id) => before.order(id).filter(|o| o.intent == Intent::Open),
                _ => None,
            },
            _ => None,
        };
        let carried =
            opener.filter(|o| opens(o.side) == now.side).map(|o| names(&o.tags)).unwrap_or_default();
        // A correction gives the life another name.
        let same = |then: &&Position| then.id == now.id || kind == Kind::Corrected;
        let is = names(&now.tags);
        match before.position.as_ref().filter(same) {
            Some(then) if is == names(&then.tags) => Ok(()),
            // An open that takes dust over brings its own (R18).
            Some(then) if self.is_dust(then) && opener.is_some() && is == carried => Ok(()),
            None if is == carried => Ok(()),
            Some(then) => Err(format!("{:?} became {is:?}, and no command did that", then.tags)),
            None => Err(format!("a life is born with {is:?}, and what opened it carried {carried:?} (R5)")),
        }
    }

    fn is_dust(&self, open: &Position) -> bool {
        self.listed.get(&open.key.instrument).is_some_and(|listed| open.quantity.get() < listed.minimum)
    }

    /// Other tags are all that becomes another, and they go into no group that is full.
    fn tagged(&self, step: &Step<'_>, asked: &BTreeSet<String>) -> Result<(), Wrong> {
        let Step { change, kind, before, after } = *step;
        let (Some(then), Some(now)) = (&before.position, &after.position) else {
            return Err("tags of nothing".to_owned());
        };
        let mut expected = before.clone();
        expected.revision = change.sequence;
        let position = Position { tags: now.tags.clone(), revision: change.sequence, ..then.clone() };
        expected.position = Some(position);
        if kind != Kind::Tagged || names(&now.tags) != *asked || expected != *after {
            return Err(format!("more than the tags {asked:?} became another: {before:?} became {after:?}"));
        }
        if of_the_grid(before) { Ok(()) } else { self.group(step, Decimal::ZERO) }
    }

    /// The group has room for what stands after this change, with a price at which what is open there counts at least.
    pub(super) fn group(&self, Step { before, after, .. }: &Step<'_>, newest: Decimal) -> Result<(), Wrong> {
        let places = self.grid;
        if places == 0 || !of_the_grid(after) {
            return Ok(());
        }
        let others = || self.keys.values().filter(|key| key.key != after.key && of_the_grid(key));
        let (count, had) = (others().count() as u64, of_the_grid(before));
        if !had && count + 1 > places {
            return Err(format!(
                "{} of the group {GRID} are open or on their way, {places} are allowed (R13)",
                count + 1
            ));
        }
        let worth = |key: &KeyState, price: Decimal| -> Decimal {
            let listed = self.listed.get(&key.key.instrument).cloned().unwrap_or_default();
            let open = key.position.as_ref();
            let open =
                open.map_or(Decimal::ZERO, |p| p.cost.abs().max(listed.worth(p.quantity.get(), price)));
            let coming = key.orders.iter().filter(|o| o.intent.increases());
            coming.fold(open, |sum, o| {
                sum + listed.worth(outstanding(o), o.reference.map_or(Decimal::ZERO, |p| p.get()))
            })
        };
        let settle = |key: &KeyState| self.listed.get(&key.key.instrument).and_then(|l| l.settle.clone());
        let same = others().filter(|key| settle(key) == settle(after));
        // At a price of nothing what is open is worth its cost.
        let sum = same.fold(worth(after, newest), |sum, key| sum + worth(key, Decimal::ZERO));
        let limit = Decimal::from(PLACE) * Decimal::from(places);
        if sum > limit {
            return Err(format!("the group {GRID} comes to {sum}, {limit} are allowed (R13)"));
        }
        Ok(())
    }
}
