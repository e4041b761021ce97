//! The verdict at rest: the book against the venue's own ledger, key by key.
//!
//! Known limits (docs/rules.md, "Not in this release") are respected by name, each as narrow as it is stated, and counted.

use posbook::venue::PaperAccount;
use posbook::{Book, KeyState, PositionKey, Snapshot, Symbol, TroubleKind};
use rust_decimal::Decimal;

use super::{Oracle, Wrong, signed};

/// Late fills from before two adoptions or drops explain the later one (R8).
const OVER_ANOTHER: &str = "R8: an adoption or a drop over another one that was not explained";
/// A fill of which a report without a time may have known was not booked; reports agree all the same (R8).
const UNDATED: &str = "R8: a fill that came after a repair by reports without a time";
/// By a person's word (consent) what an owner holds was dropped; what has taken it off is nobody's fill (R12).
const CONSENTED: &str = "R12: an owner's position dropped by consent";
/// Cash of an adoption that late fills explain in several parts (R17).
const LAST_DIGIT: &str = "R17: the last digit of an adoption's cash";

impl Oracle {
    pub(in crate::world) fn skew_ns(&self) -> i64 {
        self.skew.saturating_mul(1_000_000)
    }

    /// No order is open on either side, nothing is in doubt, and both have the same of everything.
    pub(in crate::world) fn verdict(&mut self, book: &Book) -> Result<(), Wrong> {
        let view = book.snapshot();
        if let Some(order) = self.wire.paper.open_orders().first() {
            return Err(format!("at rest order {order} is open at the venue"));
        }
        if let Some(order) = view.orders().next() {
            return Err(format!("at rest order {} is unresolved: {:?}", order.client_id, order.state));
        }
        let duplicates = self.wire.paper.stats().duplicate_orders;
        if duplicates > 0 {
            return Err(format!("the venue took {duplicates} duplicate orders (D1, D23)"));
        }
        let accounts = self.wire.paper.ledger();
        for account in &accounts {
            let key = view.keys().find(|key| is_of(account, key, &view));
            match key {
                Some(key) => self.compare(account, key, &view)?,
                None if account.fills > 0 => {
                    return Err(format!("at rest the venue has {account:?}, the book nothing of it"));
                }
                None => {}
            }
        }
        for key in view.keys() {
            let known = accounts.iter().any(|account| is_of(account, key, &view));
            if !known && (key.ledger.fills > 0 || key.position.is_some() || !key.ledger.unexplained.is_zero())
            {
                return Err(format!("{}: at rest the book has something, the venue no account", key.key));
            }
            // Owners of one leg are compared together, and freeze together.
            let undated = self.histories.iter().any(|(of, history)| {
                history.undated_fill && (of.instrument, of.leg) == (key.key.instrument, key.key.leg)
            });
            let doubt = key.troubles.iter().find(|t| t.kind != TroubleKind::Unprotected);
            let doubt = doubt.filter(|_| !undated);
            if let Some(trouble) = doubt {
                return Err(format!("{}: at rest it is still blocked: {trouble}", key.key));
            }
        }
        self.folds(book)
    }

    fn compare(&mut self, account: &PaperAccount, key: &KeyState, view: &Snapshot) -> Result<(), Wrong> {
        let history = self.histories.get(&key.key).cloned().unwrap_or_default();
        let quantity = signed(key);
        // Per leg it must be right all the same.
        let consented = self.histories.iter().any(|(of, history)| {
            history.consented && (of.instrument, of.leg) == (key.key.instrument, key.key.leg)
        });
        if consented {
            *self.exempt.entry(CONSENTED).or_default() += 1;
            return self.per_leg(key.key, &account.symbol, view);
        }
        // The next reports decide about it: they agree, or they differ, and then the key is blocked and says so.
        if history.undated_fill && key.troubles.iter().any(|t| t.kind.ends_by_agreement()) {
            *self.exempt.entry(UNDATED).or_default() += 1;
            return Ok(());
        }
        if quantity != account.quantity {
            return Err(format!(
                "{}: at rest the book has {quantity}, the venue {}",
                key.key, account.quantity
            ));
        }
        let cash = key.ledger.cash - account.cash;
        let figures = [
            ("cash differs by", cash),
            ("fees differ by", key.ledger.fees.of(&account.fee_currency) - account.fees),
            ("fills differ by", Decimal::from(key.ledger.fills) - Decimal::from(account.fills)),
            ("unexplained is", key.ledger.unexplained),
        ];
        for (what, difference) in figures.into_iter().filter(|(_, difference)| !difference.is_zero()) {
            let of_cash = what.starts_with("cash") || what.starts_with("unexplained");
            let digit = Decimal::new(4, 8);
            let exempt = match () {
                () if history.undated_fill => Some(UNDATED),
                () if history.over_another && of_cash => Some(OVER_ANOTHER),
                () if history.repairs > 0 && of_cash && difference.abs() <= digit => Some(LAST_DIGIT),
                () => None,
            };
            match exempt {
                Some(name) => *self.exempt.entry(name).or_default() += 1,
                None => return Err(format!("{}: at rest {what} {difference}", key.key)),
            }
        }
        Ok(())
    }

    /// All owners of a leg together.
    fn per_leg(&self, key: PositionKey, symbol: &Symbol, view: &Snapshot) -> Result<(), Wrong> {
        let here = |other: PositionKey| (other.instrument, other.leg) == (key.instrument, key.leg);
        let book: Decimal = view.keys().filter(|key| here(key.key)).map(signed).sum();
        let accounts = self.wire.paper.ledger();
        let venue: Decimal =
            accounts.iter().filter(|a| a.symbol == *symbol && a.leg == key.leg).map(|a| a.quantity).sum();
        if book == venue {
            Ok(())
        } else {
            Err(format!("{key}: at rest the book has {book} on the leg, the venue {venue}"))
        }
    }
}

fn is_of(account: &PaperAccount, key: &KeyState, view: &Snapshot) -> bool {
    let symbol = view.instrument(key.key.instrument).map(posbook::Instrument::symbol);
    symbol == Some(&account.symbol) && key.key.leg == account.leg && key.key.owner == account.owner
}
