//! A close against a scale-out of 0.6 on a position of 1: together they never reduce more than is there (I2, D4).
//!
//! Legal outcomes, all reached: what each reserved.
//!
//! | close | scale-out | turns lost | how |
//! |---|---|---|---|
//! | 1 | refused | 0 or 1 | the close came first and took all; nothing was left |
//! | 0.4 | 0.6 | 0 or 1 | the scale-out came first; the close took the rest |

use posbook::{Command, OrderSide, Quantity, Reason, Rejection, Reservation};
use posbook_loom::{explore, fill, instrument, small, thread};

fn reserved(answer: &Result<Reservation, Rejection>) -> String {
    match answer {
        Ok(reservation) => reservation.order().quantity.to_string(),
        Err(refused) => {
            assert!(matches!(refused.reason(), Reason::ReduceBeyond { .. }), "{refused}");
            "refused".to_owned()
        }
    }
}

#[test]
pub fn never_more_than_is_there() {
    let row = |close: &str, scale: &str, lost| (close.to_owned(), scale.to_owned(), lost);
    let table = [row("1", "refused", 0), row("1", "refused", 1), row("0.4", "0.6", 0), row("0.4", "0.6", 1)];
    explore("close against scale-out", &table, || {
        let book = small(1).build().unwrap();
        let id = instrument(&book, 0);
        book.record(fill(id, "t1", OrderSide::Buy, "1")).unwrap();
        let other = {
            let book = book.clone();
            thread::spawn(move || book.reserve(Command::scale_out(id, "0.6".parse().unwrap())))
        };
        let close = book.reserve(Command::close(id));
        let scale_out = other.join().unwrap();
        let view = book.snapshot();
        let sum = view.orders().fold(Quantity::ZERO, |sum, order| sum.plus(order.remaining()).unwrap());
        assert!(sum <= view.get(id).unwrap().quantity, "{sum} is in flight to reduce 1 (I2)");
        (reserved(&close), reserved(&scale_out), book.health().lost_turns)
    });
}
