//! D5: closed and opened again while somebody still decides against the first position. The predecessor asked only
//! whether the symbol was there, so the late decision hit the new position; here it names the position it was made
//! against and is refused (I3, R5).
//!
//! The same symbol, side, quantity, price and stop on purpose: only the identity tells the two apart. Staged in one
//! thread: what matters is what happened between the decision and its arrival, not when.

use posbook::{
    Book, Command, Exit, ExitRule, Fill, Found, InstrumentId, OrderSide, PositionId, Reason, Rejection,
    TargetRule,
};

use crate::one_symbol;

fn trade(book: &Book, id: InstrumentId, name: &str, side: OrderSide) {
    let fill = Fill::trade(id, name.parse().unwrap(), side, "1".parse().unwrap(), "50000".parse().unwrap());
    book.record(fill).unwrap();
}

/// A book whose position was closed and opened again, and the two positions' names.
fn reopened() -> (Book, InstrumentId, PositionId, PositionId) {
    let rule = TargetRule::stop_fraction("0.05".parse().unwrap());
    let (book, id) = one_symbol(Book::builder().default_rule(rule));
    trade(&book, id, "open", OrderSide::Buy);
    let first = book.snapshot().get(id).unwrap().clone();
    trade(&book, id, "close", OrderSide::Sell);
    assert!(!book.snapshot().contains(id));
    trade(&book, id, "reopen", OrderSide::Buy);
    let second = book.snapshot().get(id).unwrap().clone();
    assert_eq!(
        (first.side, first.quantity, first.cost, first.targets),
        (second.side, second.quantity, second.cost, second.targets),
        "the two look the same"
    );
    (book, id, first.id, second.id)
}

/// The late decision is refused, names both positions, and changed nothing (I12).
fn refused<T>(
    book: &Book,
    first: PositionId,
    second: PositionId,
    ask: impl FnOnce() -> Result<T, Rejection>,
) {
    let before = book.snapshot().digest();
    let answer = ask().map(drop);
    let why = answer.expect_err("a decision against the closed position went through (D5)");
    match why.reason() {
        Reason::OtherPosition { expected, found, .. } => {
            assert_eq!((*expected, *found), (first, Found::Position(second)));
        }
        other => panic!("refused, but not for the identity: {other}"),
    }
    assert_eq!(book.snapshot().digest(), before, "a refused command changes nothing (I12)");
}

#[test]
fn d05_a_late_scale_out_does_not_reduce_the_new_position() {
    let (book, id, first, second) = reopened();
    refused(&book, first, second, || {
        book.reserve(Command::scale_out(id, "0.5".parse().unwrap()).expect_position(first))
    });
    // Against the position that stands there it is legal.
    book.reserve(Command::scale_out(id, "0.5".parse().unwrap()).expect_position(second)).unwrap().release();
}

#[test]
fn d05_a_late_scale_in_does_not_add_to_the_new_position() {
    let (book, id, first, second) = reopened();
    let wish =
        |of| Command::scale_in(id, "0.5".parse().unwrap()).at("50000".parse().unwrap()).expect_position(of);
    refused(&book, first, second, || book.reserve(wish(first)));
    book.reserve(wish(second)).unwrap().release();
}

#[test]
fn d05_a_late_stop_loss_does_not_close_the_new_position() {
    let (book, id, first, second) = reopened();
    // It fired on the first position, at the very stop that the second has too.
    let fired = |position| Exit {
        position,
        rule: ExitRule::StopLoss("47500".parse().unwrap()),
        mark: Some("47490".parse().unwrap()),
    };
    refused(&book, first, second, || book.reserve(Command::close(id).exit(fired(first))));
    assert!(book.snapshot().key(id).unwrap().closing.is_none());
    book.reserve(Command::close(id).exit(fired(second))).unwrap().release();
}

#[test]
fn d05_a_late_trailing_stop_does_not_move_the_new_position_s() {
    let (book, id, first, second) = reopened();
    let wish = |of| Command::retarget(id).stop("48000".parse().unwrap()).expect_position(of);
    refused(&book, first, second, || book.apply(wish(first)));
    book.apply(wish(second)).unwrap();
    assert_eq!(book.snapshot().get(id).unwrap().stop_loss(), Some("48000".parse().unwrap()));
}

#[test]
fn d05_a_decision_against_an_older_revision_is_refused() {
    let (book, id) = one_symbol(Book::builder());
    trade(&book, id, "open", OrderSide::Buy);
    let seen = book.snapshot().key(id).unwrap().revision;
    trade(&book, id, "more", OrderSide::Buy);
    let answer = book.reserve(Command::scale_out(id, "1".parse().unwrap()).expect_revision(seen));
    let why = answer.map(drop).expect_err("a decision against an older revision went through (D5)");
    assert!(matches!(why.reason(), Reason::OtherRevision { expected, .. } if *expected == seen), "{why}");
}
