//! A position is closed and opened again while something of its first life is still on its way (D5, R5): what was
//! *decided* on the first life does not touch the second, what was *filled* is booked all the same.
//!
//! One thread books the fills sell 1 and buy 2. A scale-out of 0.5 that says which life it means, at any moment:
//!
//! | scale-out | how |
//! |---|---|
//! | 0.5 | the first life stood; in the end the order is one of another life, which the book says and `sent` refuses |
//! | another life | flat, or the second life |
//!
//! A late fill of 0.5 of a scale-in that had left before:
//!
//! | fill | position in the end | how |
//! |---|---|---|
//! | booked | 2.5 | on the first life |
//! | booked on another life | 2.5 | on a flat key, or on the second life: flagged |

use posbook::{Command, OrderSide};
use posbook_loom::{ANY, Act, Row, Said, Stage, contracts, fill, race, scale_in};

const REOPEN: Act = |stage| {
    stage.record(fill(stage.one, "closes", OrderSide::Sell, "1"));
    stage.record(fill(stage.one, "opens", OrderSide::Buy, "2"))
};

#[test]
pub fn a_late_scale_out() {
    let table: [Row; 2] = [
        (&["booked", "0.5"], ANY, "long 2 stop 95, scale out 0.5 of another life"),
        (&["booked", "another life"], ANY, "long 2 stop 95"),
    ];
    let acts: &[Act] = &[REOPEN, |stage| {
        // Its identity is the change that opened it.
        let first_life = posbook::PositionId { epoch: 1, sequence: stage.asked };
        stage.reserve(Command::scale_out(stage.one, contracts("0.5")).expect_position(first_life))
    }];
    race("reopen against a late scale-out", Stage::long, &table, acts);
}

#[test]
pub fn a_late_fill() {
    let table: [Row; 2] = [
        (&["booked", "booked"], ANY, "long 2.5 stop 95, scale in 0.5"),
        (&["booked", "booked on another life"], ANY, "long 2.5 stop 95, scale in 0.5 of another life"),
    ];
    let stage = || {
        let stage = Stage::long();
        // Sent, and its handle is given up without a doubt.
        let sent = stage.book.reserve(scale_in(stage.one, "1")).unwrap().sent().unwrap();
        Stage { asked: sent.detach().sequence, ..stage }
    };
    let acts: &[Act] = &[REOPEN, |stage| {
        let order = posbook::ClientOrderId { book: 1, epoch: 1, sequence: stage.asked };
        let said: Said = stage.record(fill(stage.one, "late", OrderSide::Buy, "0.5").order(order));
        said
    }];
    race("reopen against a late fill", stage, &table, acts);
}
