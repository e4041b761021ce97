//! Stops: what protects a position neither vanishes nor loosens unless a command said so (I3, R16).

use posbook::{Command, Intent, OrderRef, Price, Ratchet, Side, TargetOrigin, TroubleKind};

use super::{Listed, Oracle, Step, Wrong};

impl Oracle {
    pub(super) fn stop(&self, Step { change, kind, before, after }: &Step<'_>) -> Result<(), Wrong> {
        let Some(now) = &after.position else { return Ok(()) };
        let before_it = before.position.as_ref().filter(|open| open.id == now.id);
        let Some(then) = before_it else {
            // Every order of these worlds has a rule, and the book a default one.
            let said_so = after.troubles.iter().any(|t| t.kind == TroubleKind::Unprotected);
            return match now.targets.stop.is_some() || said_so {
                true => Ok(()),
                false => Err(format!("a position was born without a stop, and nothing says so ({kind}, R5)")),
            };
        };
        let Some(stood) = then.targets.stop else { return Ok(()) };
        let looser = |to: Price| if now.side == Side::Long { to < stood } else { to > stood };
        if now.targets.stop.is_some_and(|to| !looser(to)) {
            return Ok(());
        }
        let Listed { minimum, .. } = self.listed.get(&after.key.instrument).cloned().unwrap_or_default();
        let said_so = match change.command() {
            Command::Retarget(wish) => wish.ratchet == Ratchet::Loosen,
            // Rest below the minimum is dust; the order that takes it over brings its own protection (R18).
            Command::Record(fill) if then.quantity.get() < minimum => before
                .orders
                .iter()
                .any(|o| o.intent == Intent::Open && fill.order == OrderRef::Ours(o.client_id)),
            _ => false,
        };
        // Worked out again from the average of the order that opened it, when that order is finished (R16).
        let finished = matches!(then.targets_from, TargetOrigin::Order(id)
            if before.order(id).is_some() && after.order(id).is_none() && now.targets.stop.is_some());
        if said_so || finished {
            return Ok(());
        }
        Err(format!("the stop at {stood} became {:?}, and nobody said so (I3)", now.targets.stop))
    }
}
