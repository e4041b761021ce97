//! Fills: each once (I11), and only they, adoptions and drops move quantity (R2).

use posbook::{Command, Fill, Kind, OrderRef, OrderSide, Shape};
use rust_decimal::Decimal;

use super::{Oracle, Step, Wrong, signed};

/// Whether a fill that left a change of this kind was booked.
pub(super) fn moves_money(kind: Kind) -> bool {
    matches!(kind, Kind::Opened | Kind::ScaledIn | Kind::ScaledOut | Kind::Closed | Kind::Replaced)
}

fn identity(fill: &Fill) -> String {
    match &fill.shape {
        Shape::Trade { id } => format!("{} {:?} {id}", fill.instrument, fill.order),
        Shape::Cumulative => format!("{} {:?} up to {}", fill.instrument, fill.order, fill.quantity),
    }
}

impl Oracle {
    /// A fill is kept as it came.
    pub(super) fn keeps(&mut self, fill: &Fill) {
        self.kept.insert(identity(fill));
    }

    /// A fill that nobody can book was handed to the book: it is kept, and its key says so.
    pub(in crate::world) fn handed(&self, fill: &Fill) -> Result<(), Wrong> {
        let identity = identity(fill);
        if self.kept.contains(&identity) {
            return Ok(());
        }
        Err(format!("the fill {identity} cannot be booked, and is kept nowhere (R4)"))
    }

    pub(super) fn fill(&mut self, step: &Step<'_>) -> Result<(), Wrong> {
        let moved = signed(step.after) - signed(step.before);
        let Command::Record(fill) = step.change.command() else {
            let other_word = matches!(step.kind, Kind::Adopted | Kind::Dropped);
            return match moved.is_zero() || other_word {
                true => Ok(()),
                false => Err(format!("{moved} moved, and it was no fill (R2)")),
            };
        };
        if !moves_money(step.kind) {
            if !step.after.troubles.iter().any(|trouble| trouble.since == step.change.sequence) {
                return Err("a fill is not booked, and nothing says so (R4)".to_owned());
            }
            self.keeps(fill);
            return if moved.is_zero() {
                Ok(())
            } else {
                Err(format!("{moved} moved by a fill that was not booked"))
            };
        }
        if let OrderRef::Ours(id) = fill.order
            && let Some((order, _)) = self
                .sent
                .get(&id)
                .filter(|(order, _)| order.key != step.after.key && !self.forgotten.contains_key(&id))
        {
            return Err(format!("a fill of order {id} of {} was booked here (R12)", order.key));
        }
        let first = step.change.sequence == step.change.unit.first;
        if first {
            let identity = identity(fill);
            if !self.booked.insert(identity.clone()) {
                return Err(format!("the fill {identity} was booked twice (I11)"));
            }
            let so_far = match (&fill.shape, &fill.order) {
                (Shape::Cumulative, OrderRef::Ours(id)) => {
                    step.before.order(*id).map_or(Decimal::ZERO, |order| order.booked.get())
                }
                _ => Decimal::ZERO,
            };
            let taken =
                self.listed.get(&fill.instrument).map_or(Decimal::ZERO, |listed| listed.taken(&fill.fees));
            let quantity = fill.quantity.get() - so_far;
            self.unit = if fill.side == OrderSide::Buy { quantity - taken } else { -quantity - taken };
            if step.kind == Kind::Replaced {
                self.unit = Decimal::ZERO;
            }
        }
        self.unit -= moved;
        let last = step.change.sequence == step.change.unit.last();
        if last && !self.unit.is_zero() {
            return Err(format!("{} of a fill of {} moved nothing (R2)", self.unit, fill.quantity));
        }
        Ok(())
    }
}
