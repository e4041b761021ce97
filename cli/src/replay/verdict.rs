//! The verdict: three independent accounts of the same money. The book, the venue's own ledger (which shares no code
//! with the book), and the fold of every change.

use std::time::Duration;

use posbook::reconcile::Policy;
use posbook::venue::PaperAccount;
use posbook::{KeyState, PositionKey, Side, Snapshot, Timestamp, TroubleKind};
use rust_decimal::Decimal;
use serde::Serialize;

use super::agents::Ended;
use super::setup::Setup;
use crate::Failure;

/// What was found, question by question.
#[derive(Debug, Clone, Serialize)]
pub struct Findings {
    /// Quantity, cash and fees of every key, and no open orders on either side.
    pub book_equals_venue: bool,
    /// Replaying every change gives the same book.
    pub book_equals_fold: bool,
    /// Every change came once, in order.
    pub gapless: bool,
    pub duplicate_orders: u64,
    /// What fills do not account for: "0", or sums by currency.
    pub unexplained: String,
    pub in_doubt_left: u64,
    /// A last position report against the book.
    pub report_agrees: bool,
    /// Every change is as durable as was asked for; true of a run without a journal.
    pub durable: bool,
    /// Every difference in words; empty if all is well.
    pub differences: Vec<String>,
}

impl Findings {
    pub fn all_yes(&self) -> bool {
        self.book_equals_venue
            && self.book_equals_fold
            && self.gapless
            && self.report_agrees
            && self.durable
            && self.duplicate_orders == 0
            && self.unexplained == "0"
            && self.in_doubt_left == 0
    }
}

pub fn judge(setup: &Setup, ended: &Ended) -> Result<Findings, Failure> {
    let view = setup.book.snapshot();
    let mut differences = Vec::new();
    let accounts = setup.venue.ledger();
    compare_accounts(&view, &accounts, &mut differences);
    for order in setup.venue.open_orders() {
        differences.push(format!("order {order} is still open at the venue"));
    }
    for order in view.orders() {
        differences.push(format!("order {} is still unresolved in the book", order.client_id));
    }
    let book_equals_venue = differences.is_empty();

    let witness = &ended.witness;
    let book_equals_fold = witness.digest == view.digest() && witness.refused.is_none();
    if let Some(refused) = &witness.refused {
        differences.push(format!("replaying the changes: {refused}"));
    } else if !book_equals_fold {
        differences.push("replaying every change gives another book".to_owned());
    }
    let gapless = witness.gapless && witness.changes == view.sequence().0 - setup.begins.sequence().0;

    // Venue time must be later than the last fill for a report to prove anything (R8).
    setup.venue.advance(setup.venue.now().plus(Duration::from_millis(1)).max(Timestamp(0)));
    let plan = pollster::block_on(setup.manager.plan_reconciliation(Policy::default()))
        .map_err(|wrong| Failure::Environment(wrong.to_string()))?;
    // A key that is only released is no difference.
    let differing = || plan.items.iter().filter(|item| item.discrepancy.is_difference());
    differences.extend(plan.unasked.iter().map(|why| format!("an order could not be asked about: {why}")));
    differences.extend(differing().map(|item| item.discrepancy.to_string()));
    for key in view.keys() {
        for trouble in &key.troubles {
            differences.push(format!("{}: {trouble}", name(&view, key.key)));
        }
    }
    // What is promised of a journal is promised of all of it at the end.
    let failed = setup.journal.as_ref().and_then(|_| setup.book.wait_durable(view.sequence()).err());
    differences.extend(failed.iter().map(|wrong| format!("the journal: {wrong}")));
    Ok(Findings {
        book_equals_venue,
        book_equals_fold,
        gapless,
        duplicate_orders: setup.venue.stats().duplicate_orders,
        unexplained: unexplained(&view),
        in_doubt_left: view.totals().in_doubt as u64 + doubtful(&view),
        durable: failed.is_none(),
        report_agrees: plan.unasked.is_none() && differing().next().is_none(),
        differences,
    })
}

/// Keys with a doubt about what happened on them. A position whose price is too coarse for any stop is not one: it is
/// listed, and blocked for new risk.
fn doubtful(view: &Snapshot) -> u64 {
    let doubt = |kind: TroubleKind| kind != TroubleKind::Unprotected;
    view.keys().filter(|key| key.troubles.iter().any(|trouble| doubt(trouble.kind))).count() as u64
}

/// Every account of the venue against its key, and every key against an account.
fn compare_accounts(view: &Snapshot, accounts: &[PaperAccount], differences: &mut Vec<String>) {
    let account_of = |key: PositionKey| {
        let symbol = view.instrument(key.instrument)?.symbol();
        accounts.iter().find(|a| a.symbol == *symbol && a.leg == key.leg && a.owner == key.owner)
    };
    for account in accounts {
        let known = view.id(account.symbol.as_str()).and_then(|instrument| {
            view.key(PositionKey { instrument, leg: account.leg, owner: account.owner })
        });
        if known.is_none() && account.fills > 0 {
            differences
                .push(format!("{}: the venue has an account, the book knows nothing of it", account.symbol));
        }
    }
    for key in view.keys() {
        let name = name(view, key.key);
        let Some(account) = account_of(key.key) else {
            if key.ledger.fills > 0 {
                differences.push(format!("{name}: the book has fills, the venue no account"));
            }
            continue;
        };
        let fees = key.ledger.fees.of(&account.fee_currency);
        // An inverse contract settles in its base currency: then there is one kind of fees.
        let in_kind =
            if account.base_currency == account.fee_currency { account.fees } else { account.base_fees };
        let pairs = [
            ("quantity", signed(key), account.quantity),
            ("cash", key.ledger.cash, account.cash),
            ("fees", fees, account.fees),
            ("fees in kind", key.ledger.fees.of(&account.base_currency), in_kind),
            ("fills", key.ledger.fills.into(), account.fills.into()),
        ];
        for (what, book, venue) in pairs {
            if book != venue {
                differences.push(format!("{name}: {what} is {book} in the book and {venue} at the venue"));
            }
        }
    }
}

fn signed(key: &KeyState) -> Decimal {
    key.position.as_ref().map_or(Decimal::ZERO, |p| match p.side {
        Side::Long => p.quantity.get(),
        Side::Short => -p.quantity.get(),
    })
}

fn name(view: &Snapshot, key: PositionKey) -> String {
    view.instrument(key.instrument).map_or_else(|| key.to_string(), |i| i.symbol().to_string())
}

/// "0", or what is unexplained by currency; fills of unknown instruments count.
fn unexplained(view: &Snapshot) -> String {
    let mut parts: Vec<String> = Vec::new();
    // Key by key: gaps of opposite signs do not cancel out.
    for key in view.keys().filter(|key| !key.ledger.unexplained.is_zero()) {
        parts.push(format!("{} on {}", key.ledger.unexplained, name(view, key.key)));
    }
    if view.totals().strays > 0 {
        parts.push(format!("{} fills of unknown instruments", view.totals().strays));
    }
    if parts.is_empty() { "0".to_owned() } else { parts.join(", ") }
}
