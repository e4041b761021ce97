//! A report that the venue was asked for *before*, compared and applied while something happens on the key: it repairs
//! only what has not changed since (R8, D6, D7, D8).
//!
//! The reconciling thread takes a snapshot, compares, and applies what comes of it. Legal outcomes, all reached:
//!
//! | the report | against | reconcile | other | turns lost | how |
//! |---|---|---|---|---|---|
//! | long 1, the book is flat | open 1 | adopted | already open | 0 or 1 | the adoption came first |
//! | | | stale report | 1 | 0 or 1 | compared before the open, applied after it |
//! | | | nothing to do | 1 | 0 | compared after: what is on its way explains it (R9) |
//! | empty, by consent; the book is long 1 | close | dropped | no position | 0 or 1 | the drop came first |
//! | | | stale report | 1 | 0 or 1 | compared before the close, applied after it |
//! | | | nothing to do | 1 | 0 | compared after: the close explains it |
//! | long 1, and so the book, which is quarantined | close | released | 1 | 0 or 1 | the agreement came first |
//! | | | stale report | 1 | 0 or 1 | the close came between; the key stays blocked |
//! | | | nothing to do | 1 | 0 | a key with an order on its way agrees with nothing |
//! | long 1, and so the book | fill: sell 1 | nothing to do | booked | 0 | compared before the fill: in agreement |
//! | | | waits | booked | 0 | after: what is gone does not come back (D7) |

use posbook::reconcile::{Consent, Policy, Repair, compare};
use posbook::venue::{Completeness, Confirmations, Scope, VenuePosition, VenueReport};
use posbook::{Command, Leg, OrderSide, Side, Timestamp};
use posbook_loom::{Act, Row, Said, Stage, contracts, fill, open, price, race};

/// Compares a report of venue time 5 s with the newest snapshot, and applies the plan.
pub fn reconcile(stage: &Stage, long: Option<&str>) -> Said {
    let row = |quantity: &str| VenuePosition {
        symbol: "C0/USDT:USDT".parse().unwrap(),
        leg: Leg::Net,
        side: Side::Long,
        quantity: contracts(quantity),
        entry: price("100"),
        leverage: None,
        margin_mode: None,
        liquidation_price: None,
        contract_size: None,
    };
    let report = VenueReport {
        scope: Scope::All,
        completeness: Completeness::Complete,
        venue_time: Some(Timestamp::from_millis(5_000)),
        rows: long.map(row).into_iter().collect(),
    };
    let policy = Policy { consent: Consent::EmptyMeansFlat, ..Policy::default() };
    let view = stage.book.snapshot();
    let plan = compare(&view, &report, stage.asked, &policy.into(), &[], &mut Confirmations::default());
    let Some(item) = plan.items.into_iter().next() else { return Said::word("nothing to do") };
    let (done, command) = match item.repair {
        Repair::Adopt(adoption) => ("adopted", Command::Adopt(adoption)),
        Repair::Drop(drop) => ("dropped", Command::Drop(drop)),
        Repair::Release { key, why, asked } => ("released", Command::Confirm { key, why, asked }),
        Repair::Wait(_) => return Said::word("waits"),
        other => panic!("{other}"),
    };
    let said = stage.apply(command);
    if said.word == "done" { Said::word(done) } else { said }
}

#[test]
pub fn adopt_vs_open() {
    let table: [Row; 3] = [
        (&["adopted", "already open"], 0..=1, "long 1, blocked"),
        (&["stale report", "1"], 0..=1, "flat, open 1"),
        (&["nothing to do", "1"], 0..=0, "flat, open 1"),
    ];
    let acts: &[Act] = &[|stage| reconcile(stage, Some("1")), |stage| stage.reserve(open(stage.one, "1"))];
    race("adopt against open", Stage::flat, &table, acts);
}

#[test]
pub fn drop_vs_close() {
    let closing = "long 1 stop 95, close 1, closing";
    let table: [Row; 3] = [
        (&["dropped", "no position"], 0..=1, "flat"),
        (&["stale report", "1"], 0..=1, closing),
        (&["nothing to do", "1"], 0..=0, closing),
    ];
    let acts: &[Act] = &[|stage| reconcile(stage, None), |stage| stage.reserve(Command::close(stage.one))];
    race("drop against close", Stage::long, &table, acts);
}

#[test]
pub fn confirm_vs_close() {
    let blocked = "long 1 stop 95, close 1, closing, blocked";
    let table: [Row; 3] = [
        (&["released", "1"], 0..=1, "long 1 stop 95, close 1, closing"),
        (&["stale report", "1"], 0..=1, blocked),
        (&["nothing to do", "1"], 0..=0, blocked),
    ];
    let stage = || {
        let stage = Stage::long();
        let why = "two figures".to_owned();
        stage.apply(Command::Quarantine { key: stage.one.into(), why, asked: None });
        Stage { asked: stage.book.snapshot().sequence(), ..stage }
    };
    let acts: &[Act] =
        &[|stage| reconcile(stage, Some("1")), |stage| stage.reserve(Command::close(stage.one))];
    race("confirm against close", stage, &table, acts);
}

#[test]
pub fn adopt_vs_fill() {
    let table: [Row; 2] =
        [(&["nothing to do", "booked"], 0..=0, "flat"), (&["waits", "booked"], 0..=0, "flat")];
    let acts: &[Act] = &[
        |stage| reconcile(stage, Some("1")),
        |stage| {
            let closes = fill(stage.one, "closes", OrderSide::Sell, "1");
            stage.record(closes.at(Timestamp::from_millis(2_000)))
        },
    ];
    race("adopt against a fill", Stage::long, &table, acts);
}
