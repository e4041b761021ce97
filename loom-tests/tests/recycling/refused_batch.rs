//! A batch that is refused half-way, beside a writer. Its first command stands on a body already when its second is refused; that
//! body is used again as one that lost, and nothing of it is ever seen.
//!
//! Without a bound 1,262,759 schedules had the same outcomes; here at most ten preemptions. All reached: turns lost and the sequence at the end, which is that of four changes whoever came first.
//!
//! | turns lost | sequence | how |
//! |---|---|---|
//! | 0 | 4 | one after the other |
//! | 1 | 4 | one lost its candidate, or found a body that was ahead |

use std::sync::Arc;

use posbook::{Command, Precondition, Sequence};
use posbook_loom::{Bound, explore_within, thread};

use super::pool::{Both, booked_two, write};

#[test]
pub fn leaves_nothing() {
    let both = Arc::new(Both::new());
    let seen = Arc::clone(&both);
    let (name, bound) = ("recycling: a refused batch beside a writer", Bound::Preemptions(10));
    explore_within(name, bound, &[(0, 4), (1, 4)], move || {
        let (book, [here, there]) = booked_two();
        let other = {
            let book = book.clone();
            thread::spawn(move || {
                let stands = Command::Quarantine { key: here.into(), why: "never".to_owned(), asked: None };
                let expect = Precondition::Revision(Sequence(9));
                let refused = Command::Expect { key: here.into(), expect };
                book.submit(vec![stands, refused]).unwrap_err();
                write(&book, here, "a");
            })
        };
        write(&book, there, "b");
        other.join().unwrap();
        let lost = book.health().lost_turns;
        both.account(&book, 4 + lost);
        (lost, book.snapshot().sequence().0)
    });
    seen.seen();
}
