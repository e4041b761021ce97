//! Two threads run their exit pass at the same moment and find the same stop due: it is reserved once (D2, R16).
//!
//! Legal outcomes, all reached:
//!
//! | first | second | how |
//! |---|---|---|
//! | granted | refused | the first published first |
//! | refused | granted | the other way round |

use posbook::{Book, Command, Exit, ExitRule, InstrumentId, OrderSide, Reason};
use posbook_loom::{explore, fill, instrument, small, thread};

/// What a pass does with one key: decides from a snapshot, and reserves.
fn pass(book: &Book, id: InstrumentId) -> &'static str {
    let view = book.snapshot();
    let position = view.get(id).unwrap();
    let rule = ExitRule::StopLoss(position.stop_loss().unwrap());
    let exit = Exit { position: position.id, rule, mark: Some("90".parse().unwrap()) };
    match book.reserve(Command::exit(id, exit)) {
        // Sent: it lives on when its handle is gone.
        Ok(granted) => {
            granted.sent().unwrap().detach();
            "granted"
        }
        Err(refused) => {
            assert!(matches!(refused.reason(), Reason::AlreadyReserved { .. }), "{refused}");
            "refused"
        }
    }
}

#[test]
pub fn one_stop_one_order() {
    let table = [("granted", "refused"), ("refused", "granted")];
    explore("two passes, one stop", &table, || {
        let book = small(1).build().unwrap();
        let id = instrument(&book, 0);
        book.record(fill(id, "t", OrderSide::Buy, "1")).unwrap();
        book.apply(Command::retarget(id).stop("95".parse().unwrap())).unwrap();
        let other = {
            let book = book.clone();
            thread::spawn(move || pass(&book, id))
        };
        let first = pass(&book, id);
        let second = other.join().unwrap();
        assert_eq!(book.reservations().len(), 1);
        (first, second)
    });
}
