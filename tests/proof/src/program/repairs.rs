//! What else happens to an account: trades that nobody ordered and that the venue takes back, positions that appear,
//! disappear and are not what was thought, keys that are frozen, closed and taken back by hand.

use posbook::{
    Adoption, Book, Bust, Command, Corrected, Correction, DropPosition, Leverage, OrderSide, Position,
    Sequence, Side, Snapshot, TroubleKind,
};

use super::Trader;
use super::stage::{MARK, Parcel, price, quantity};
use crate::recorder::Recorder;

/// So many trades a trader may see taken back.
const REMEMBERED: usize = 8;

impl Trader {
    /// A look, and something that follows from it.
    pub(super) fn repair(&mut self, book: &Book, rec: &mut Recorder) {
        let Some(key) = self.key() else { return };
        let view = if self.dice.percent(80) { rec.snapshot(book) } else { self.look(book, rec) };
        let asked = view.sequence();
        let troubled = view.key(key).is_some_and(|key| key.blocked().is_some());
        let closing = view.key(key).is_some_and(|key| key.closing.is_some());
        let key = key.into();
        if troubled && self.dice.percent(80) {
            let command = match self.dice.percent(40) {
                true => Command::Confirm { key, why: "reports agree".into(), asked },
                false => Command::Accept { key, reason: "looked at".into() },
            };
            let _ = rec.apply(book, command);
            return;
        }
        if closing && self.dice.percent(30) {
            let _ = rec.apply(book, Command::CancelClosing { key, reason: "changed its mind".into() });
            return;
        }
        let rate = self.trouble.of(25, 100);
        match self.dice.below(13) {
            _ if !self.dice.percent(rate) => {}
            0..2 => self.nobody_s_trade(book, rec, &view),
            2..6 => self.take_over(book, rec, &view),
            6 => {
                let asked = self.dice.percent(50).then_some(asked);
                let why = format!("the {}th reason", self.dice.below(4));
                let _ = rec.apply(book, Command::Quarantine { key, why, asked });
            }
            7 => {
                let position = view.get(key).map(|position| position.id);
                let cause = "an exit fired".to_owned();
                let _ = rec.apply(book, Command::StartClosing { key, position, cause });
            }
            8 => {
                // Somebody gives up an order that somebody else still holds.
                let id = self.anyone_s_order(&view);
                if let Some(sent) = id.and_then(|id| book.reattach(id).ok()) {
                    rec.lose(sent);
                }
            }
            9 => {
                let id = self.anyone_s_order(&view);
                if let Some(sent) = id.and_then(|id| book.reattach(id).ok()) {
                    let booked = sent.order().booked;
                    let _ = rec.working(&sent, booked);
                    sent.detach();
                }
            }
            10 => self.take_back(book, rec),
            _ => {
                let _ = rec.apply(book, Command::Accept { key, reason: "nothing was wrong".into() });
            }
        }
    }

    /// The venue cancels a trade that nobody ordered, sometimes one that was not heard of yet, sometimes twice. One of an order's
    /// it would have to take out of the order's figure too.
    fn take_back(&mut self, book: &Book, rec: &mut Recorder) {
        let Some(fill) = self.dice.one_of(&self.told).cloned() else { return };
        let _ =
            rec.apply(book, Command::Bust(Bust::new(fill, "it was a mistake").at(self.desk.venue_time())));
    }

    /// A manual trade, a liquidation, another program.
    fn nobody_s_trade(&mut self, book: &Book, rec: &mut Recorder, view: &Snapshot) {
        let Some(key) = self.key() else { return };
        let side = match view.get(key).map(|position| position.side) {
            // Mostly against what is open, or positions would only grow.
            Some(Side::Long) if self.dice.percent(70) => OrderSide::Sell,
            Some(Side::Short) => OrderSide::Buy,
            _ => *self.dice.one_of(&[OrderSide::Buy, OrderSide::Sell]).unwrap_or(&OrderSide::Buy),
        };
        let (Ok(quantity), Ok(price)) = (quantity(self.dice.between(1, 8)), price(MARK * 10)) else { return };
        let Ok(fill) = self.trade(key, side, quantity, price) else { return };
        let fill = fill.at(self.desk.venue_time());
        if self.told.len() >= REMEMBERED {
            self.told.remove(0);
        }
        self.told.push(fill.clone());
        // The venue tells of it now, or long after.
        match self.dice.percent(50) {
            true => self.desk.leave(Parcel::Fill(fill)),
            false => drop(rec.record(book, fill)),
        }
    }

    /// A report shows a position that the book does not have, or lacks one that it has.
    fn take_over(&mut self, book: &Book, rec: &mut Recorder, view: &Snapshot) {
        // With an order unresolved nobody can say what the report has in it.
        let idle = |id: &posbook::InstrumentId| view.key(*id).is_none_or(|key| key.orders.is_empty());
        let idle: Vec<_> = self.ids.iter().copied().filter(idle).collect();
        let Some(instrument) = self.dice.one_of(&idle).copied() else { return };
        let (key, asked) = (instrument.into(), view.sequence());
        let report_time = Some(self.desk.venue_time());
        let command = match view.get(key) {
            Some(position) if self.dice.percent(50) => match self.correction(position, asked) {
                Some(right) => Command::Correct(right),
                None => return,
            },
            Some(position) => Command::Drop(DropPosition {
                key,
                position: position.id,
                asked,
                report_time,
                reason: "not on the venue".into(),
            }),
            None => {
                let (Ok(quantity), Ok(entry)) = (quantity(self.dice.between(1, 8)), price(MARK * 10)) else {
                    return;
                };
                let side = if self.dice.percent(50) { Side::Long } else { Side::Short };
                let (leverage, rule) = (None, None);
                Command::Adopt(Adoption { key, side, quantity, entry, leverage, rule, asked, report_time })
            }
        };
        if view.key(key).is_some_and(|key| key.troubles.iter().any(|t| t.kind == TroubleKind::Quarantined)) {
            return;
        }
        let _ = rec.apply(book, command);
    }

    /// A report shows more or less of a position than the book has, or another leverage.
    fn correction(&mut self, position: &Position, asked: Sequence) -> Option<Correction> {
        let to = match self.dice.percent(80) {
            true => Corrected::Quantity {
                quantity: quantity(self.dice.between(1, 8)).ok()?,
                entry: price(MARK * 10).ok()?,
            },
            false => Corrected::Leverage(Leverage::of(self.dice.between(1, 20).try_into().ok()?)),
        };
        Some(Correction {
            key: position.key,
            position: position.id,
            to,
            asked,
            report_time: Some(self.desk.venue_time()),
            reason: "the venue has another one".into(),
        })
    }
}
