//! The verdict at rest: the book against the venue's own ledger, key by key.
//!
//! Known limits (docs/rules.md, "Not in this release") are respected by name, each as narrow as it is stated, and counted.

use posbook::venue::PaperAccount;
use posbook::{Book, KeyState, Owner, PositionKey, Snapshot, TroubleKind};
use rust_decimal::Decimal;

use super::reports::History;
use super::{Oracle, Wrong, signed};

/// Late fills from before two adoptions or drops explain the later one (R8).
const OVER_ANOTHER: &str = "R8: an adoption or a drop over another one that was not explained";
/// A fill of which a report without a time may have known was not booked; reports agree all the same (R8).
const UNDATED: &str = "R8: a fill that came after a repair by reports without a time";
/// By a person's word (consent) what an owner holds was dropped; what has taken it off is nobody's fill (R12).
const CONSENTED: &str = "R12: an owner's position dropped by consent";
/// Cash of an adoption that late fills explain in several parts (R17).
const LAST_DIGIT: &str = "R17: the last digit of an adoption's cash";

/// A crash has forgotten whose a reduction was that had left: its fills are booked on nobody, or on the only position of the leg
/// that is left by then (R15).
const FORGOTTEN: &str = "R15: a reduction whose claim a crash has forgotten";

impl Oracle {
    /// Whether a reduction of this leg was forgotten of which the book cannot tell whose it was.
    pub(super) fn lost_a_claim(&self, key: PositionKey) -> bool {
        let here = |of: &PositionKey| (of.instrument, of.leg) == (key.instrument, key.leg);
        // What was nobody's is told apart as long as nobody else trades there.
        let others = || self.histories.keys().any(|of| here(of) && of.owner != Owner::UNOWNED);
        self.forgotten.values().any(|of| here(of) && (of.owner != Owner::UNOWNED || others()))
    }

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
            let known =
                accounts.iter().any(|account| is_of(account, key, &view)) || self.lost_a_claim(key.key);
            if !known && (key.ledger.fills > 0 || key.position.is_some() || !key.ledger.unexplained.is_zero())
            {
                return Err(format!("{}: at rest the book has something, the venue no account", key.key));
            }
            let doubt = key.troubles.iter().find(|t| t.kind != TroubleKind::Unprotected);
            let doubt = doubt.filter(|_| self.excused(key.key).is_none());
            if let Some(trouble) = doubt {
                return Err(format!("{}: at rest it is still blocked: {trouble}", key.key));
            }
        }
        self.folds(book)
    }

    fn compare(&mut self, account: &PaperAccount, key: &KeyState, view: &Snapshot) -> Result<(), Wrong> {
        let history = self.histories.get(&key.key).cloned().unwrap_or_default();
        let quantity = signed(key);
        // Where a known limit was met the leg is right all the same, or it is blocked and says so.
        if let Some(name) = self.excused(key.key) {
            let of_leg =
                |other: PositionKey| (other.instrument, other.leg) == (key.key.instrument, key.key.leg);
            let mut here = view.keys().filter(|other| of_leg(other.key));
            let blocked = here.any(|other| other.troubles.iter().any(|t| t.kind.ends_by_agreement()));
            let right = quantity == account.quantity
                || ([CONSENTED, FORGOTTEN].contains(&name) && self.leg_is_right(key.key, account, view));
            return match right || blocked {
                true => {
                    *self.exempt.entry(name).or_default() += 1;
                    Ok(())
                }
                false => {
                    Err(format!("{}: at rest it differs from {account:?}, and nothing says so", key.key))
                }
            };
        }
        if quantity != account.quantity {
            return Err(format!(
                "{}: at rest the book has {quantity}, the venue {}",
                key.key, account.quantity
            ));
        }
        let cash = key.ledger.cash - account.cash;
        // An inverse contract settles in its base currency: then there is one kind of fees.
        let in_kind =
            if account.base_currency == account.fee_currency { account.fees } else { account.base_fees };
        let figures = [
            ("cash differs by", cash),
            ("fees differ by", key.ledger.fees.of(&account.fee_currency) - account.fees),
            ("fees in kind differ by", key.ledger.fees.of(&account.base_currency) - in_kind),
            ("fills differ by", Decimal::from(key.ledger.fills) - Decimal::from(account.fills)),
            ("unexplained is", key.ledger.unexplained),
        ];
        for (what, difference) in figures.into_iter().filter(|(_, difference)| !difference.is_zero()) {
            let of_cash = what.starts_with("cash") || what.starts_with("unexplained");
            let digit = Decimal::new(4, 8);
            let exempt = match () {
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

    /// The known limit that was met on the leg of a key. Owners of one leg are compared together, and freeze together.
    fn excused(&self, key: PositionKey) -> Option<&'static str> {
        let met = |what: fn(&History) -> bool| {
            self.histories
                .iter()
                .any(|(of, history)| what(history) && (of.instrument, of.leg) == (key.instrument, key.leg))
        };
        if met(|history| history.consented) {
            return Some(CONSENTED);
        }
        if met(|history| history.undated_fill) {
            return Some(UNDATED);
        }
        self.lost_a_claim(key).then_some(FORGOTTEN)
    }

    /// All owners of a leg together.
    fn leg_is_right(&self, key: PositionKey, account: &PaperAccount, view: &Snapshot) -> bool {
        let here = |other: PositionKey| (other.instrument, other.leg) == (key.instrument, key.leg);
        let book: Decimal = view.keys().filter(|key| here(key.key)).map(signed).sum();
        let accounts = self.wire.paper.ledger();
        let of_leg = accounts.iter().filter(|a| a.symbol == account.symbol && a.leg == key.leg);
        book == of_leg.map(|a| a.quantity).sum()
    }
}

fn is_of(account: &PaperAccount, key: &KeyState, view: &Snapshot) -> bool {
    let symbol = view.instrument(key.key.instrument).map(posbook::Instrument::symbol);
    symbol == Some(&account.symbol) && key.key.leg == account.leg && key.key.owner == account.owner
}
