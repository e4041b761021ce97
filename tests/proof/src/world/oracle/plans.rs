//! Plans: what a report and the book differ in is worked out again, leg by leg, and a plan must name exactly that.

use std::collections::BTreeSet;

use posbook::reconcile::{Discrepancy, Item, Plan, Repair};
use posbook::venue::{Completeness, VenueReport};
use posbook::{Instrument, Leg, OrderSide, PositionKey, PositionMode, Side, Snapshot, Symbol};
use rust_decimal::Decimal;

use super::{Oracle, Wrong, outstanding, signed};
use crate::world::agents::SKIPS;
use crate::world::executor::TaskId;

/// What a leg may be while its orders are under way, over all of its owners.
struct Band {
    booked: Decimal,
    least: Decimal,
    most: Decimal,
}

impl Oracle {
    /// A busy leg is compared too, against its band (R9), and all of its owners together (R12). `view`: the book as the
    /// plan was made.
    pub(in crate::world) fn planned(
        &mut self,
        task: TaskId,
        view: &Snapshot,
        plan: &Plan,
    ) -> Result<(), Wrong> {
        let wire = self.wire.clone();
        let notes = wire.notes();
        let report = notes.reported.iter().rev().find(|(whose, _)| *whose == task);
        let (_, report) = report.ok_or("a plan without a report")?;
        for (id, instrument) in view.instruments() {
            let legs: &[Leg] = match instrument.mode() {
                PositionMode::Hedge => &[Leg::Long, Leg::Short],
                _ => &[Leg::Net],
            };
            for leg in legs {
                let here = |key: PositionKey| key.instrument == id && key.leg == *leg;
                let Band { booked, least, most } = band(view, here);
                let Some(venue) = shown(report, plan, instrument.symbol(), *leg) else { continue };
                let agrees = least <= venue && venue <= most;
                let named = plan.items.iter().any(|item| {
                    let differs =
                        item.discrepancy.is_difference() && item.discrepancy.symbol() == instrument.symbol();
                    differs && key_of(&item.discrepancy).is_some_and(here)
                });
                let what = format!(
                    "{} {leg:?}: the book has {booked}, from {least} to {most} by what is in flight, the venue {venue}",
                    instrument.symbol()
                );
                match (agrees, named) {
                    (false, false) => return Err(format!("{what}, and no plan says that they differ (R9)")),
                    (true, true) => return Err(format!("{what}, and a plan says that they differ (R12)")),
                    _ => {}
                }
            }
        }
        self.count(view, report, plan)
    }

    /// A difference that is met and not decided so many times running blocks its key for new risk (R9). One agent
    /// reconciles, so no two runs overlap.
    fn count(&mut self, view: &Snapshot, report: &VenueReport, plan: &Plan) -> Result<(), Wrong> {
        let undecided = |item: &Item| {
            let waits = matches!(item.repair, Repair::Wait(_) | Repair::Quarantine { asked: None, .. });
            key_of(&item.discrepancy).filter(|_| waits && item.discrepancy.is_difference())
        };
        let waiting: BTreeSet<PositionKey> = plan.items.iter().filter_map(undecided).collect();
        self.skipped.retain(|key, _| {
            let symbol = view.instrument(key.instrument).map(Instrument::symbol);
            let spoken_of = symbol.is_some_and(|symbol| shown(report, plan, symbol, key.leg).is_some());
            waiting.contains(key) || !spoken_of
        });
        for item in &plan.items {
            let Some(key) = undecided(item) else { continue };
            let runs = self.skipped.entry(key).or_default();
            *runs += 1;
            if *runs >= SKIPS && matches!(item.repair, Repair::Wait(_)) {
                return Err(format!(
                    "{key}: a difference is met {runs} times running, and blocks nothing (R9)"
                ));
            }
        }
        Ok(())
    }
}

/// What a report says of a leg. `None`: nothing that counts.
fn shown(report: &VenueReport, plan: &Plan, symbol: &Symbol, leg: Leg) -> Option<Decimal> {
    let mut rows = report.rows.iter().filter(|row| row.symbol == *symbol && row.leg == leg);
    let row = rows.next().map(|row| match row.side {
        Side::Long => row.quantity.get(),
        Side::Short => -row.quantity.get(),
    });
    let complete = report.completeness == Completeness::Complete && plan.partial.is_none();
    match row.filter(|quantity| !quantity.is_zero()) {
        // Two rows of one leg say nothing.
        Some(_) if rows.next().is_some() => None,
        Some(quantity) => Some(quantity),
        None => complete.then_some(Decimal::ZERO),
    }
}

fn key_of(what: &Discrepancy) -> Option<PositionKey> {
    match what {
        Discrepancy::VenueOnly { key, .. }
        | Discrepancy::BookOnly { key, .. }
        | Discrepancy::Differs { key, .. }
        | Discrepancy::Agrees { key, .. } => Some(*key),
        _ => None,
    }
}

/// Everything that adds may come, and everything that takes off; but what takes off ends at flat.
fn band(view: &Snapshot, here: impl Fn(PositionKey) -> bool) -> Band {
    let zero = Decimal::ZERO;
    let keys: Vec<_> = view.keys().filter(|key| here(key.key)).collect();
    let booked: Decimal = keys.iter().map(|key| signed(key)).sum();
    let orders = || keys.iter().flat_map(|key| key.orders.iter());
    let sum = |increases: bool, side: OrderSide| -> Decimal {
        let of = orders().filter(|order| order.intent.increases() == increases && order.side == side);
        of.map(|order| outstanding(order)).sum()
    };
    let sold = sum(false, OrderSide::Sell).min(booked.max(zero));
    let bought = sum(false, OrderSide::Buy).min((-booked).max(zero));
    Band {
        booked,
        least: booked - sold - sum(true, OrderSide::Sell),
        most: booked + bought + sum(true, OrderSide::Buy),
    }
}
