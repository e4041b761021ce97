//! The deadline passes while the holder of an order goes on: an order ends once, with the venue's word, and one that was
//! given up by the clock does not leave any more (R6, I7).
//!
//! An overdue order that was sent; its holder states the final figure. Legal outcomes, all reached, with 0 or 1 turns
//! lost:
//!
//! | expire | complete | how |
//! |---|---|---|
//! | 1 | settled | in doubt first, then the venue's word |
//! | 0 | settled | the word came first |
//!
//! An overdue claim that was never sent; its holder calls `sent`:
//!
//! | expire | sent | turns lost | how |
//! |---|---|---|---|
//! | 1 | too late | 0 or 1 | released first: it does not leave |
//! | 0 | sent | 0 or 1 | it left first, and has time anew |

use posbook::{Book, Clock, Settlement, Timestamp};
use posbook_loom::{Outcome, Row, Said, Stage, explore, open, table, thread, why};

/// A stage whose clock can be set.
fn staged() -> (Stage, Clock) {
    let clock = Clock::manual(Timestamp::from_millis(1_000));
    (Stage::with(|builder| builder.clock(clock.clone())), clock)
}

fn expire(book: &Book) -> Said {
    Said::word(book.expire().to_string())
}

#[test]
pub fn the_venue_s_word_ends_it() {
    let rows: [Row; 2] = [(&["1", "settled"], 0..=1, "flat"), (&["0", "settled"], 0..=1, "flat")];
    let legal: Vec<Outcome> = table(&rows);
    explore("expire against complete", &legal, || {
        let (stage, clock) = staged();
        let sent = stage.book.reserve(open(stage.one, "1")).unwrap().sent().unwrap();
        clock.set(Timestamp::from_millis(100_000));
        let holder = thread::spawn(move || {
            assert_eq!(sent.refused("0".parse().unwrap(), "no margin").unwrap(), Settlement::Settled);
            Said::word("settled")
        });
        let expired = expire(&stage.book);
        let said = [expired, holder.join().unwrap()];
        stage.outcome(&said, true)
    });
}

#[test]
pub fn what_expired_does_not_leave() {
    let rows: [Row; 2] = [(&["1", "too late"], 0..=1, "flat"), (&["0", "sent"], 0..=1, "flat, open 1")];
    let legal: Vec<Outcome> = table(&rows);
    explore("expire against sent", &legal, || {
        let (stage, clock) = staged();
        let claim = stage.book.reserve(open(stage.one, "1")).unwrap();
        clock.set(Timestamp::from_millis(100_000));
        let holder = thread::spawn(move || match claim.sent() {
            Ok(sent) => {
                sent.detach();
                Said::word("sent")
            }
            Err(refused) => Said::word(why(&refused)),
        });
        let expired = expire(&stage.book);
        let said = [expired, holder.join().unwrap()];
        stage.outcome(&said, true)
    });
}
