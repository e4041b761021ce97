//! A handle is dropped (a panic, a cancelled future) while a report is compared: a claim that never left is given back, an
//! order that had left is in doubt, and no report that was asked for before takes either for an answer (R1, R6, R8).
//!
//! The venue reports a long that the flat book does not have. Legal outcomes, all reached:
//!
//! | dropped | report | handle | reconcile | how |
//! |---|---|---|---|---|
//! | a reservation of 1 | long 1 | released | nothing to do | compared before: the order on its way explains it (R9) |
//! | | | released | waits | compared after: the instrument changed since the venue was asked |
//! | an order of 1 that was sent | long 2 | in doubt | waits | before and after: what is in doubt may still fill, 2 is more than that |

use posbook_loom::{Outcome, Row, Said, Stage, counts_turns, explore, open, table, thread};

use super::reserve_vs_reconcile::reconcile;

/// Somebody holds a claim of 1 and drops it, `sent` or not, while the report says that there are so many.
fn dropped(name: &str, rows: &[Row], sent: bool, word: &'static str, long: &'static str) {
    let (legal, counted): (Vec<Outcome>, _) = (table(rows), counts_turns(rows));
    explore(name, &legal, move || {
        let stage = Stage::flat();
        let claim = stage.book.reserve(open(stage.one, "1")).unwrap();
        let stage = Stage { asked: stage.book.snapshot().sequence(), ..stage };
        let (claim, left) = if sent { (None, Some(claim.sent().unwrap())) } else { (Some(claim), None) };
        let stage = Stage { asked: stage.book.snapshot().sequence(), ..stage };
        let other = thread::spawn(move || {
            drop((claim, left));
            Said::word(word)
        });
        let reconciled = reconcile(&stage, Some(long));
        let said = [other.join().unwrap(), reconciled];
        stage.outcome(&said, counted)
    });
}

#[test]
pub fn a_reservation() {
    let table: [Row; 2] =
        [(&["released", "nothing to do"], 0..=0, "flat"), (&["released", "waits"], 0..=0, "flat")];
    dropped("a reservation is dropped while a report is compared", &table, false, "released", "1");
}

#[test]
pub fn an_order_that_was_sent() {
    let table: [Row; 1] = [(&["in doubt", "waits"], 0..=0, "flat, open 1 in doubt")];
    dropped("an order is dropped while a report is compared", &table, true, "in doubt", "2");
}
