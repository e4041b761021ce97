//! What both sides have in the same size, field by field: entry, leverage, margin mode, and the liquidation price with the stop.
//! Nothing of it is a matter of quantity, so none of it is repaired but the leverage.

use rust_decimal::Decimal;

use super::band::Band;
use super::compare::Round;
use super::discrepancy::Discrepancy;
use super::plan::Repair;
use super::policy::{Notice, Policy, Way};
use crate::model::{Corrected, Correction, Instrument, Leverage, Position, Price, Side};
use crate::venue::VenuePosition;

/// A liquidation price so many times away from the entry is what venues write for none: 99999999, 0.00001.
const FAR: Decimal = Decimal::TEN;

impl Round<'_> {
    /// Compares the fields of a row with the positions of its leg. With an order in flight they are between two states.
    pub(super) fn fields(&mut self, row: &VenuePosition, leg: &Band) {
        if leg.busy {
            return;
        }
        let view = self.view;
        let alone = leg.owners.len() == 1;
        for position in leg.owners.iter().filter_map(|key| view.get(*key)) {
            let Some(instrument) = view.instrument(position.key.instrument) else { continue };
            let policy = self.policy(&row.symbol, position.key);
            // An average over several owners is nobody's own.
            if alone {
                self.entry(policy, instrument, position, row);
            }
            self.leverage(policy, position, row);
            self.margin_mode(policy, position, row);
            self.liquidation(policy, instrument, position, row);
        }
    }

    fn entry(&mut self, policy: &Policy, instrument: &Instrument, position: &Position, row: &VenuePosition) {
        let Some(notice) = policy.ways.entry else { return };
        let (book, venue) = (position.entry_price(), row.entry);
        let apart = book.checked_sub(venue.get()).map(|apart| apart.abs());
        let most = steps(instrument, policy.tolerance.entry_steps);
        if apart.zip(most).is_some_and(|(apart, most)| apart <= most) {
            return;
        }
        let (symbol, key) = (row.symbol.clone(), position.key);
        let why = format!("the book's entry is {book}, the venue's {venue}");
        let found = Discrepancy::EntryDiffers { symbol, key, book, venue };
        self.noticed(position, notice, found, &why);
    }

    fn leverage(&mut self, policy: &Policy, position: &Position, row: &VenuePosition) {
        let (Some(way), Some(venue)) = (policy.ways.leverage, row.stated_leverage()) else { return };
        let book = position.leverage;
        let near = |book: Leverage| {
            let most = policy
                .tolerance
                .leverage
                .map_or(Some(Decimal::ZERO), |share| share.get().checked_mul(venue.get()));
            let apart = book.get().checked_sub(venue.get()).map(|apart| apart.abs());
            apart.zip(most).is_some_and(|(apart, most)| apart <= most)
        };
        if book.is_some_and(near) {
            return;
        }
        let (symbol, key) = (row.symbol.clone(), position.key);
        let found = Discrepancy::LeverageDiffers { symbol, key, book, venue };
        let why = format!("its leverage is {venue} at the venue");
        match way {
            Way::VenueWins => {
                let right = Correction {
                    key,
                    position: position.id,
                    to: Corrected::Leverage(venue),
                    asked: self.asked,
                    report_time: self.report_time(),
                    reason: why,
                };
                self.note(key, found, Repair::Correct(right));
            }
            Way::BookWins | Way::Report => self.noticed(position, Notice::Report, found, &why),
            Way::Quarantine => self.noticed(position, Notice::Quarantine, found, &why),
        }
    }

    fn margin_mode(&mut self, policy: &Policy, position: &Position, row: &VenuePosition) {
        let Some(((notice, meant), venue)) =
            policy.ways.margin_mode.zip(policy.margin_mode).zip(row.margin_mode)
        else {
            return;
        };
        if meant == venue {
            return;
        }
        let (symbol, key) = (row.symbol.clone(), position.key);
        let found = Discrepancy::MarginModeDiffers { symbol, key, meant, venue };
        self.noticed(position, notice, found, &format!("meant to be {meant}, the venue has it {venue}"));
    }

    /// A stop behind the liquidation never fires.
    fn liquidation(
        &mut self,
        policy: &Policy,
        instrument: &Instrument,
        position: &Position,
        row: &VenuePosition,
    ) {
        let found = policy.ways.liquidation_price.zip(row.liquidation_price).zip(position.targets.stop);
        let Some(((notice, venue), stop)) = found else { return };
        let Some(apart) = steps(instrument, policy.tolerance.liquidation_steps) else { return };
        // What several owners hold against one another is liquidated as one.
        if position.side != row.side || is_far(venue, row.entry) {
            return;
        }
        let first = match position.side {
            Side::Long => venue.get().checked_add(apart).is_none_or(|venue| venue >= stop.get()),
            Side::Short => venue.get().checked_sub(apart).is_none_or(|venue| venue <= stop.get()),
        };
        if first {
            let (symbol, key) = (row.symbol.clone(), position.key);
            let found = Discrepancy::LiquidatedFirst { symbol, key, stop, venue };
            // Without the figure, which moves with the account: the same trouble is one trouble.
            self.noticed(position, notice, found, "the venue liquidates it before its stop fires");
        }
    }

    fn noticed(&mut self, position: &Position, notice: Notice, found: Discrepancy, why: &str) {
        let repair = match notice {
            Notice::Report => Repair::Report,
            Notice::Quarantine => self.quarantine(position.key, why),
        };
        self.note(position.key, found, repair);
    }
}

/// So many price steps.
fn steps(instrument: &Instrument, count: u32) -> Option<Decimal> {
    instrument.price_step().get().checked_mul(count.into())
}

fn is_far(price: Price, entry: Price) -> bool {
    let (price, entry) = (price.get().abs(), entry.get().abs());
    let times = |a: Decimal, b: Decimal| b.checked_mul(FAR).is_some_and(|b| a > b);
    times(price, entry) || times(entry, price)
}
