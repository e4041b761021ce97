//! As it was at any moment, cut at the ends of publications; checkpoints and pruning change nothing about it.

use std::collections::BTreeMap;

use posbook::journal::{At, History, Journal, JournalError, JournalOptions};
use posbook::{Command, OrderSide, Sequence, Side, Timestamp};
use rusqlite::Connection;

use crate::help::{Folder, btc, builder, eth, open, p, q, trade};

/// A book that trades, a checkpoint each ten changes, and the digest of every root.
fn traded(folder: &Folder) -> (Journal, BTreeMap<u64, u128>) {
    let options = JournalOptions::default().checkpoint_every(10);
    let journal = Journal::open(folder.path(), options, builder()).unwrap();
    let book = journal.book();
    let mut digests = BTreeMap::new();
    let mut note = |journal: &Journal| {
        let view = journal.book().snapshot();
        // Slowly, so that many checkpoints are written.
        journal.book().wait_durable(view.sequence()).unwrap();
        digests.insert(view.sequence().0, view.digest());
    };
    let (btc, eth) = (btc(book), eth(book));
    note(&journal);
    open(book, btc, "1", "50000");
    for n in 100..160 {
        let side = if n % 3 == 0 { OrderSide::Sell } else { OrderSide::Buy };
        book.record(trade(btc, n, side, "0.7", "50000")).unwrap();
        note(&journal);
        // A flip: two changes, one publication.
        let size = if n == 100 { "2" } else { "4" };
        let side = if n % 2 == 0 { OrderSide::Sell } else { OrderSide::Buy };
        book.record(trade(eth, n, side, size, "3000")).unwrap();
        note(&journal);
    }
    (journal, digests)
}

fn checkpoints(folder: &Folder) -> usize {
    let database = Connection::open(folder.path().join("journal.sqlite")).unwrap();
    database.query_row("SELECT count(*) FROM checkpoints", [], |row| row.get(0)).unwrap()
}

#[test]
fn r14_every_moment_is_there_whole_publications_only() {
    let folder = Folder::new();
    let (journal, digests) = traded(&folder);
    let last = *digests.keys().next_back().unwrap();
    let history = journal.history().unwrap();
    for (sequence, digest) in &digests {
        let view = history.state_at(Sequence(*sequence)).unwrap();
        assert_eq!((view.sequence().0, view.digest()), (*sequence, *digest));
    }
    // Inside a publication of two: the last whole one before it.
    let mut inside = 0;
    history
        .lines(Sequence(0), None, |line| {
            if line.sequence == line.unit_first && line.unit_count == 2 {
                let view = history.state_at(Sequence(line.sequence)).unwrap();
                assert_eq!(view.sequence().0, line.sequence - 1);
                inside += 1;
            }
            true
        })
        .unwrap();
    assert!(inside > 10, "{inside} flips");
    assert!(matches!(history.state_at(Sequence(last + 1)), Err(JournalError::NotThere { .. })));
    assert_eq!(history.state_at(Sequence(0)).unwrap().sequence(), Sequence(0));
}

#[test]
fn rayforce_420_a_checkpoint_and_what_came_after_are_never_applied_twice() {
    let folder = Folder::new();
    let (journal, digests) = traded(&folder);
    journal.close().unwrap();
    assert!(checkpoints(&folder) > 3);
    let verified = History::open(folder.path()).unwrap().verify(|_, _| {}).unwrap();
    assert_eq!(verified.first_difference, None);
    assert_eq!(verified.checkpoints as usize, checkpoints(&folder));
    // Each checkpoint in turn is the newest there is, as if the program had been killed at once after it.
    let database = Connection::open(folder.path().join("journal.sqlite")).unwrap();
    while checkpoints(&folder) > 0 {
        for (sequence, digest) in digests.iter().rev().step_by(7) {
            let view = History::open(folder.path()).unwrap().state_at(Sequence(*sequence)).unwrap();
            assert_eq!(view.digest(), *digest);
        }
        database
            .execute("DELETE FROM checkpoints WHERE sequence = (SELECT max(sequence) FROM checkpoints)", [])
            .unwrap();
    }
}

#[test]
fn pruning_leaves_what_follows_and_says_what_is_gone() {
    let folder = Folder::new();
    let (journal, digests) = traded(&folder);
    // While it is written.
    let written = History::checkpoint(folder.path()).unwrap();
    let pruned = History::prune(folder.path(), Sequence(100)).unwrap();
    assert!(pruned.changes > 0 && pruned.from <= Sequence(100));
    let (first, _) = journal.history().unwrap().bounds().unwrap();
    assert_eq!(first.0, pruned.from.0 + 1);
    journal.book().record(trade(posbook::InstrumentId(0), 9_999, OrderSide::Buy, "1", "50000")).unwrap();
    let last = journal.book().snapshot();
    journal.close().unwrap();
    let history = History::open(folder.path()).unwrap();
    for (sequence, digest) in digests {
        match history.state_at(Sequence(sequence)) {
            Ok(view) => assert_eq!(view.digest(), digest),
            Err(JournalError::NotThere { .. }) => assert!(sequence < pruned.from.0),
            Err(wrong) => panic!("{sequence}: {wrong}"),
        }
    }
    let verified = history.verify(|_, _| {}).unwrap();
    assert_eq!((verified.first_difference, verified.from), (None, pruned.from.0));
    // All of it: only the checkpoint is left.
    drop(history);
    assert!(matches!(History::prune(folder.path(), Sequence(3)), Err(JournalError::NotThere { .. })));
    let all = History::checkpoint(folder.path()).unwrap();
    assert!(all > written);
    History::prune(folder.path(), all).unwrap();
    let again = folder.open();
    assert_eq!(again.restored().sequence, last.sequence());
    assert_eq!(again.book().snapshot().key(posbook::InstrumentId(0)), last.key(posbook::InstrumentId(0)));
    again.book().reported(again.book().snapshot().sequence());
    let sol = posbook::Instrument::linear("SOL/USDT:USDT", "0.01", "0.1").unwrap();
    open(again.book(), again.book().register(sol).unwrap(), "1", "150");
}

#[test]
fn a_time_is_the_newest_change_that_is_not_later() {
    let folder = Folder::new();
    let clock = posbook::Clock::manual(Timestamp::from_millis(1_000));
    let journal =
        Journal::open(folder.path(), JournalOptions::default(), builder().clock(clock.clone())).unwrap();
    let book = journal.book();
    let id = btc(book);
    for (n, time) in [(1, 2_000), (2, 3_000), (3, 2_500), (4, 4_000)] {
        clock.set(Timestamp::from_millis(time));
        book.record(trade(id, n, OrderSide::Buy, "1", "100")).unwrap();
    }
    book.wait_durable(book.snapshot().sequence()).unwrap();
    for (time, sequence) in [(999, 0), (1_000, 1), (2_100, 2), (2_600, 4), (9_000, 5)] {
        let view = journal.state_at(At::Time(Timestamp::from_millis(time))).unwrap();
        assert_eq!(view.sequence().0, sequence, "at {time}");
    }
    let differences = journal.diff(Sequence(2), Sequence(4)).unwrap();
    assert_eq!(differences.len(), 1);
    let told = [&differences[0].before, &differences[0].after];
    assert!(told[0].starts_with("long 1 @ 100") && told[1].starts_with("long 3 @ 100"), "{told:?}");
    assert!(journal.diff(Sequence(3), Sequence(3)).unwrap().is_empty());
}

#[test]
fn r14_a_tail_that_ends_inside_a_publication_is_cut_there_and_reported() {
    let folder = Folder::new();
    let journal = folder.open();
    let book = journal.book().clone();
    let (btc, eth) = (btc(&book), eth(&book));
    for id in [btc, eth] {
        book.mark(id, p("100")).unwrap();
    }
    let before = book.snapshot();
    let pair = book
        .submit([
            Command::open(btc, Side::Long, q("1")).into(),
            Command::open(eth, Side::Short, q("1")).into(),
        ])
        .unwrap();
    assert_eq!(pair.publication.as_ref().unwrap().len(), 2);
    let (first, last) = (before.sequence().0 + 1, before.sequence().0 + 2);
    let names: Vec<_> = pair.reservations.into_iter().map(|r| r.sent().unwrap().detach()).collect();
    journal.close().unwrap();
    // As no crash of ours leaves it: a commit ends where a publication ends.
    let database = Connection::open(folder.path().join("journal.sqlite")).unwrap();
    assert!(database.execute("DELETE FROM changes WHERE sequence >= ?", [last]).unwrap() > 0);
    std::fs::remove_file(folder.path().join("journal.mark")).unwrap();
    drop(database);
    let verified = History::open(folder.path()).unwrap().verify(|_, _| {}).unwrap();
    assert!(verified.first_difference.unwrap().contains("a part of a publication"));
    let journal = folder.open();
    assert_eq!((journal.restored().cut, journal.restored().sequence.0), (1, first - 1));
    assert_eq!(journal.book().snapshot().totals().orders, 0);
    // The venue may know of them: by its own word, not by half of ours.
    assert!(names.iter().all(|name| journal.book().reattach(*name).is_err()));
    let last = journal.book().snapshot().sequence();
    journal.close().unwrap();
    assert_eq!(History::open(folder.path()).unwrap().bounds().unwrap().1, last);
}

#[test]
fn a_journal_that_is_being_written_has_lost_nothing() {
    let folder = Folder::new();
    let journal = folder.open();
    let book = journal.book().clone();
    let id = btc(&book);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for n in 0..400 {
                let side = if n % 2 == 0 { OrderSide::Buy } else { OrderSide::Sell };
                let done = book.record(trade(id, 1_000 + n, side, "1", "50000")).unwrap();
                book.wait_durable(done.sequence.unwrap()).unwrap();
            }
        });
        let mut last = Sequence(0);
        for _ in 0..200 {
            let history = History::open(folder.path()).unwrap();
            // What is acknowledged from here on is not in it, and not lost.
            std::thread::yield_now();
            assert_eq!(history.lost().unwrap(), None);
            last = last.max(history.bounds().unwrap().1);
        }
        assert!(last.0 > 0);
    });
}

#[test]
fn reading_on_from_a_place_gives_every_publication_once() {
    let folder = Folder::new();
    let (journal, digests) = traded(&folder);
    let history = journal.history().unwrap();
    let mut place = history.beginning().unwrap();
    assert_eq!(place.sequence(), Sequence(0));
    let mut next = 1;
    let see = |publication: &[posbook::Change], next: &mut u64| {
        for change in publication {
            assert_eq!(change.sequence.0, *next);
            *next += 1;
        }
    };
    history.go_on(&mut place, |publication| see(publication, &mut next)).unwrap();
    let last = *digests.keys().next_back().unwrap();
    assert_eq!((place.sequence().0, next), (last, last + 1));
    assert_eq!(place.view().digest(), digests[&last]);
    // Nothing new: nothing is shown. Then a change, in another look at the file.
    history.go_on(&mut place, |_| panic!("nothing has happened")).unwrap();
    let book = journal.book();
    let done = book.record(trade(btc(book), 5_000, OrderSide::Buy, "1", "50000")).unwrap();
    book.wait_durable(done.sequence.unwrap()).unwrap();
    journal.history().unwrap().go_on(&mut place, |publication| see(publication, &mut next)).unwrap();
    assert_eq!(place.view().digest(), book.snapshot().digest());
    // From the middle, over a checkpoint.
    let middle = digests.keys().copied().find(|sequence| *sequence > last / 2).unwrap();
    let mut place = journal.history().unwrap().place_at(Sequence(middle)).unwrap();
    let mut next = middle + 1;
    journal.history().unwrap().go_on(&mut place, |publication| see(publication, &mut next)).unwrap();
    assert_eq!(place.view().digest(), book.snapshot().digest());
}
