//! R14: changes that belong together are never cut. Without it: the process is killed between the two legs of a hedged
//! pair, one leg is restored, and the bot starts with a naked position that never existed. The journal and its cuts come
//! later; here the unit is one compare-and-swap, and the feed hands it out whole.

use std::sync::Barrier;

use posbook::{
    Batch, Book, Change, Command, Decimal, Instrument, InstrumentId, Kind, Limits, OrderSide, OrderStep,
    PositionKey, Reason, Rejection, Sequence, Side,
};

use crate::help::{Alone, alone, alone_with, both, desk, kinds, since, trade};
use crate::stage::{BTC, ETH, p, q};

fn open(id: InstrumentId, side: Side, quantity: &str) -> Command {
    Command::open(id, side, q(quantity)).at(p("1000")).into()
}

fn after(sequence: Sequence, count: u64) -> Sequence {
    Sequence(sequence.0 + count)
}

fn refused(alone: &Alone, commands: Vec<Command>) -> Rejection {
    let (before, digest) = (alone.book.snapshot().sequence(), alone.book.snapshot().digest());
    let refused = alone.book.submit(commands).unwrap_err();
    assert_eq!((alone.book.snapshot().sequence(), alone.book.snapshot().digest()), (before, digest));
    assert_eq!(since(&alone.book, before), []);
    refused
}

#[tokio::test]
async fn of_a_hedged_pair_both_legs_leave_or_none() {
    let desk = desk();
    let (btc, eth) = (desk.id(BTC), desk.id(ETH));
    let pair = || {
        [
            Command::expect_absent(btc),
            Command::expect_absent(eth),
            Command::open(btc, Side::Long, q("1")).into(),
            Command::open(eth, Side::Short, q("16")).into(),
        ]
    };
    // The second leg is blocked: the first does not leave alone.
    desk.book()
        .apply(Command::Quarantine { key: eth.into(), why: "looked at".into(), asked: Some(Sequence(99)) })
        .unwrap();
    let stopped = desk.book().submit(pair()).unwrap_err();
    assert!(matches!(stopped.reason(), Reason::Blocked { .. }), "{stopped}");
    assert_eq!((desk.unresolved(), desk.venue.sent().len()), (0, 0));
    desk.book().apply(Command::Accept { key: eth.into(), reason: "looked at".into() }).unwrap();
    let Batch { reservations, .. } = desk.book().submit(pair()).unwrap();
    for (_, report) in desk.manager.send_all(reservations).await {
        report.unwrap();
    }
    desk.arrive();
    assert_eq!((desk.both(BTC), desk.both(ETH)), (both("long 1", "1"), both("short 16", "-16")));
    // And now that both stand, the same decision is refused whole.
    assert!(matches!(desk.book().submit(pair()).unwrap_err().reason(), Reason::AlreadyOpen { .. }));
    assert_eq!(desk.venue.sent().len(), 2);
}

#[test]
fn a_batch_is_one_unit_with_the_next_sequences_and_the_root_carries_the_last() {
    let alone = alone();
    let before = alone.book.snapshot().sequence();
    let batch =
        alone.book.submit([open(alone.btc, Side::Long, "1"), open(alone.eth, Side::Short, "2")]).unwrap();
    let publication = batch.publication.unwrap();
    let sequences: Vec<u64> = publication.iter().map(|change| change.sequence.0).collect();
    assert_eq!(sequences, [before.0 + 1, before.0 + 2]);
    assert!(publication.iter().all(|c| (c.unit.first, c.unit.count) == (after(before, 1), 2)));
    assert_eq!(alone.book.snapshot().sequence(), publication.last());
    // Each change names the command that made it, and the reservations stand in the order of their commands.
    let commands: Vec<_> = publication.iter().map(Change::command).cloned().collect();
    assert_eq!(commands, [open(alone.btc, Side::Long, "1"), open(alone.eth, Side::Short, "2")]);
    let keys: Vec<_> = batch.reservations.iter().map(|r| r.order().key).collect();
    assert_eq!(keys, [PositionKey::net(alone.btc), PositionKey::net(alone.eth)]);
    assert_ne!(batch.reservations[0].client_id(), batch.reservations[1].client_id());
    alone.folds();
}

#[test]
fn a_batch_of_nothing_does_nothing_and_a_batch_of_one_is_that_command() {
    let alone = alone();
    let before = alone.book.snapshot().sequence();
    let nothing = alone.book.submit([]).unwrap();
    assert!(nothing.publication.is_none() && nothing.reservations.is_empty());
    let expected = alone.book.submit([Command::expect_absent(alone.btc)]).unwrap();
    assert!(expected.publication.is_none());
    assert_eq!(alone.book.snapshot().sequence(), before);
    let one = alone.book.submit([open(alone.btc, Side::Long, "1")]).unwrap();
    assert_eq!((kinds(&one.publication.unwrap()), one.reservations.len()), (vec![Kind::Reserved], 1));
    alone.folds();
}

#[test]
fn the_second_command_is_decided_on_what_the_first_leaves_behind() {
    let alone = alone();
    alone.long(alone.btc, "1");
    let out = |quantity| Command::from(Command::scale_out(alone.btc, q(quantity)));
    let refusal = refused(&alone, vec![out("0.6"), out("0.6")]);
    assert!(matches!(refusal.reason(), Reason::ReduceBeyond { free, .. } if *free == q("0.4")), "{refusal}");
    assert_eq!(refusal.command(), Some(&out("0.6")));
    let fits = alone.book.submit([out("0.6"), out("0.4")]).unwrap();
    assert_eq!((fits.reservations.len(), alone.key(alone.btc).free()), (2, q("0")));
    alone.folds();
}

#[test]
fn the_same_key_twice_is_as_legal_as_one_command_after_the_other() {
    let alone = alone();
    // Two opens; an open and its close: the fill is not there yet.
    let twice = refused(&alone, vec![open(alone.btc, Side::Long, "1"), open(alone.btc, Side::Short, "1")]);
    assert!(matches!(twice.reason(), Reason::AlreadyReserved { .. }), "{twice}");
    let close = || Command::from(Command::close(alone.btc));
    let early = refused(&alone, vec![open(alone.btc, Side::Long, "1"), close()]);
    assert!(matches!(early.reason(), Reason::NoPosition { .. }), "{early}");
    alone.long(alone.btc, "1");
    let two = refused(&alone, vec![close(), close()]);
    assert!(matches!(two.reason(), Reason::AlreadyReserved { .. }), "{two}");
    let more = Command::from(Command::scale_in(alone.btc, q("1")));
    let closing = refused(&alone, vec![close(), more.clone()]);
    assert!(matches!(closing.reason(), Reason::Closing { .. }), "{closing}");
    // An increase that is to be closed as soon as it fills is odd, and legal (R7).
    let odd = alone.book.submit([more, close()]).unwrap();
    assert_eq!(odd.reservations.len(), 2);
    assert!(alone.key(alone.btc).closing.is_some());
    alone.folds();
}

#[test]
fn preconditions_are_commands_and_stop_everything() {
    let alone = alone();
    alone.long(alone.btc, "1");
    let revision = alone.key(alone.btc).revision;
    let hedge = || open(alone.eth, Side::Short, "16");
    let stale = Command::expect(alone.btc, Sequence(revision.0 - 1));
    let refusal = refused(&alone, vec![hedge(), stale]);
    assert!(matches!(refusal.reason(), Reason::OtherRevision { .. }), "{refusal}");
    let there = refused(&alone, vec![hedge(), Command::expect_absent(alone.btc)]);
    assert!(matches!(there.reason(), Reason::AlreadyOpen { .. }), "{there}");
    // A precondition behind a change of the same key sees that change.
    let own = refused(
        &alone,
        vec![Command::scale_out(alone.btc, q("0.1")).into(), Command::expect(alone.btc, revision)],
    );
    assert!(matches!(own.reason(), Reason::OtherRevision { .. }), "{own}");
    let absent = Command::expect_absent(alone.eth);
    assert!(alone.book.submit([Command::expect(alone.btc, revision), absent.clone(), hedge()]).is_ok());
    // Dropped: released, so it is absent again; reserved, it is not.
    let held = alone.book.submit([hedge()]).unwrap();
    assert!(matches!(refused(&alone, vec![absent.clone()]).reason(), Reason::AlreadyReserved { .. }));
    drop(held);
    assert!(alone.book.submit([absent]).is_ok());
    alone.folds();
}

#[test]
fn what_may_not_be_refused_on_account_of_another_command_is_no_part_of_a_batch() {
    let alone = alone();
    let id = alone.sent_open(alone.btc, "1").detach();
    let fill = trade(alone.btc, "1", OrderSide::Buy, "1", "50000").order(id);
    let outside = [
        Command::Record(fill),
        Command::Expire,
        Command::Register(Instrument::linear("SOL/USDT:USDT", "0.1", "0.1").unwrap()),
        Command::Step { key: alone.btc.into(), order: id, step: OrderStep::Complete { filled: q("1") } },
    ];
    for command in outside {
        let fine = Command::expect_absent(alone.eth);
        for batch in [vec![command.clone()], vec![fine.clone(), command.clone()], vec![command.clone(), fine]]
        {
            let refusal = refused(&alone, batch);
            assert!(matches!(refusal.reason(), Reason::NotInABatch { .. }), "{refusal}");
            assert_eq!(refusal.command(), Some(&command));
        }
    }
}

#[test]
fn dropped_reservations_of_a_batch_are_released_one_by_one_and_sent_ones_stay() {
    let alone = alone();
    let mut batch =
        alone.book.submit([open(alone.btc, Side::Long, "1"), open(alone.eth, Side::Short, "2")]).unwrap();
    let eth = batch.reservations.pop().unwrap();
    let btc = batch.reservations.pop().unwrap().sent().unwrap();
    // The second fails to be sent: released, not in doubt.
    drop(eth);
    let totals = alone.book.snapshot().totals().clone();
    assert_eq!((totals.orders, totals.in_doubt), (1, 0));
    assert!(alone.book.check(open(alone.eth, Side::Long, "1")).is_ok());
    btc.refused(q("0"), "no").unwrap();
    alone.folds();
}

#[test]
fn a_batch_beyond_a_limit_is_refused_whole() {
    let limits = Limits { positions: 1, ..Limits::default() };
    let alone = alone_with(Book::builder().limits(limits));
    let beyond = refused(&alone, vec![open(alone.btc, Side::Long, "1"), open(alone.eth, Side::Long, "1")]);
    assert!(matches!(beyond.reason(), Reason::Limit { which: "positions", .. }), "{beyond}");
    let limits = Limits { book_notional: Decimal::from(1_999), ..Limits::default() };
    let alone = alone_with(Book::builder().limits(limits));
    let beyond = refused(&alone, vec![open(alone.btc, Side::Long, "1"), open(alone.eth, Side::Long, "1")]);
    assert!(matches!(beyond.reason(), Reason::Limit { which: "notional of the book", .. }), "{beyond}");
}

/// A book with so many instruments.
fn wide(instruments: usize, window: usize) -> (Book, Vec<InstrumentId>) {
    let book = Book::builder().window(window).build().unwrap();
    let listed = (0..instruments).map(|n| {
        book.register(Instrument::linear(&format!("C{n:03}/USDT:USDT"), "0.1", "0.001").unwrap()).unwrap()
    });
    let ids = listed.collect();
    (book, ids)
}

#[test]
fn a_unit_of_500_keys_is_delivered_whole_by_a_window_of_one_and_from_its_middle() {
    let (book, ids) = wide(500, 1);
    // The window is short: what was registered first is gone from it.
    assert!(book.changes_after(Sequence(0)).try_next().unwrap().is_err());
    let mut changes = book.changes();
    let batch = book.submit(ids.iter().map(|id| open(*id, Side::Long, "1"))).unwrap();
    let publication = batch.publication.clone().unwrap();
    assert_eq!((publication.len(), batch.reservations.len()), (500, 500));
    let delivered = changes.try_next().unwrap().unwrap();
    assert_eq!((delivered.len(), changes.try_next().is_none()), (500, true));
    assert_eq!(changes.position(), publication.last());
    // Whoever stands in the middle of a unit gets all of it: half of it is nobody's state.
    let middle = after(publication.first(), 250);
    let unit = book.changes_after(middle).try_next().unwrap().unwrap();
    assert_eq!((unit.first(), unit.last()), (publication.first(), publication.last()));
}

#[test]
fn a_replica_of_500_keys_equals_the_book() {
    let (book, ids) = wide(500, 1_024);
    let (mut changes, mut replica) = (book.changes_after(Sequence(0)), book.replica());
    let batch = book.submit(ids.iter().map(|id| open(*id, Side::Long, "1"))).unwrap();
    let mut sent = batch.reservations.into_iter();
    sent.next().unwrap().sent().unwrap().detach();
    drop(sent);
    while let Some(unit) = changes.try_next() {
        for change in unit.unwrap().iter() {
            replica.apply(change).unwrap();
        }
    }
    assert_eq!((replica.digest(), book.reservations().len()), (book.snapshot().digest(), 1));
}

#[test]
fn who_lags_is_sent_to_the_end_of_a_unit() {
    let (book, ids) = wide(10, 1);
    let mut changes = book.changes();
    let start = book.snapshot().sequence();
    for _ in 0..40 {
        // Each batch of ten reservations, then ten releases.
        drop(book.submit(ids.iter().map(|id| open(*id, Side::Long, "1"))).unwrap());
    }
    let last = book.submit(ids.iter().map(|id| open(*id, Side::Long, "1"))).unwrap();
    let missed = changes.try_next().unwrap().unwrap_err().missed;
    let first = changes.try_next().unwrap().unwrap();
    // What comes next begins a unit, and nothing is missing between.
    assert_eq!(first.first(), after(start, missed + 1));
    assert_eq!(first.first(), first[0].unit.first);
    assert_eq!(first.last(), first[0].unit.last());
    let mut next = after(first.last(), 1);
    while let Some(unit) = changes.try_next() {
        let unit = unit.unwrap();
        assert_eq!(unit.first(), next);
        next = after(unit.last(), 1);
    }
    assert_eq!(next, after(book.snapshot().sequence(), 1));
    drop(last);
}

#[test]
fn no_snapshot_sees_half_a_pair_while_threads_open_and_release_pairs() {
    let (book, ids) = wide(8, 1_024);
    let start = Barrier::new(5);
    std::thread::scope(|scope| {
        for pair in ids.chunks(2).take(3) {
            let (book, start) = (&book, &start);
            scope.spawn(move || {
                start.wait();
                for _ in 0..300 {
                    let pair = book.submit(pair.iter().map(|id| open(*id, Side::Long, "1"))).unwrap();
                    // Sent and refused by the venue one after the other, in doubt of none.
                    for claim in pair.reservations {
                        claim.sent().unwrap().refused(q("0"), "no").unwrap();
                    }
                }
            });
        }
        for _ in 0..2 {
            let (book, start) = (&book, &start);
            scope.spawn(move || {
                let mut changes = book.changes();
                start.wait();
                for _ in 0..2_000 {
                    // Every reservation comes in a unit of two, whatever was published between.
                    match changes.try_next() {
                        Some(Ok(unit)) if kinds(&unit)[0] == Kind::Reserved => assert_eq!(unit.len(), 2),
                        Some(Ok(unit)) => assert_eq!(unit.len(), 1),
                        Some(Err(_)) | None => {}
                    }
                }
            });
        }
    });
    assert!(book.reservations().is_empty());
}

#[test]
fn of_threads_that_want_the_same_pair_one_gets_both_and_the_others_none() {
    for _ in 0..50 {
        let (book, ids) = wide(3, 1_024);
        let start = Barrier::new(4);
        let won: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|n| {
                    let (book, ids, start) = (&book, &ids, &start);
                    scope.spawn(move || {
                        // Overlapping pairs, in different orders.
                        let mut pair = [ids[n % 3], ids[(n + 1) % 3]];
                        if n % 2 == 0 {
                            pair.reverse();
                        }
                        start.wait();
                        let batch = book.submit(pair.map(|id| open(id, Side::Long, "1")));
                        let claims = batch.map_or(Vec::new(), |batch| batch.reservations);
                        let sent: Vec<_> = claims.into_iter().map(|r| r.sent().unwrap().detach()).collect();
                        sent.len()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        // Any two of these pairs share a key.
        assert_eq!((won, book.reservations().len()), (2, 2));
    }
}

#[test]
fn a_flip_is_two_changes_of_one_unit() {
    let alone = alone();
    alone.long(alone.btc, "1");
    let before = alone.book.snapshot().sequence();
    alone.record(trade(alone.btc, "flip", OrderSide::Sell, "3", "51000"));
    let unit = alone.book.changes_after(before).try_next().unwrap().unwrap();
    assert_eq!(kinds(&unit), [Kind::Closed, Kind::Opened]);
    assert_eq!(unit[0].unit, unit[1].unit);
    let (closed, opened) = (unit[0].positions(), unit[1].positions());
    assert!(closed.1.is_none() && opened.0.is_none());
    assert_eq!(opened.1.unwrap().quantity, q("2"));
    alone.folds();
}

#[test]
fn a_batch_of_repairs_is_folded_like_any_other() {
    let alone = alone();
    alone.long(alone.btc, "1");
    alone.record(trade(alone.eth, "x", OrderSide::Buy, "1", "3000"));
    let (btc, eth) = (PositionKey::net(alone.btc), PositionKey::net(alone.eth));
    let asked = alone.book.snapshot().sequence();
    alone
        .book
        .submit([
            Command::retarget(btc).stop(p("45000")).into(),
            Command::Quarantine { key: btc, why: "looked at".into(), asked: Some(asked) },
            Command::Accept { key: eth, reason: "a hedge".into() },
            Command::close(eth).because("out").into(),
        ])
        .map(drop)
        .unwrap_err();
    // A quarantine is refused if its instrument changed since it was asked, in the batch too; without it all goes.
    let batch = alone
        .book
        .submit([
            Command::retarget(btc).stop(p("45000")).into(),
            Command::Accept { key: eth, reason: "a hedge".into() },
            Command::close(eth).because("out").into(),
        ])
        .unwrap();
    assert_eq!(kinds(&batch.publication.unwrap()), [Kind::Retargeted, Kind::Accepted, Kind::Reserved]);
    assert_eq!(alone.key(alone.btc).position.unwrap().stop_loss(), Some(p("45000")));
    drop(batch.reservations);
    alone.folds();
}

#[test]
fn a_unit_comes_back_from_its_record_with_every_change_and_its_command() {
    let alone = alone();
    alone.long(alone.btc, "1");
    let commands = [
        Command::expect_absent(alone.eth),
        Command::retarget(alone.btc).stop(p("45000")).into(),
        Command::scale_out(alone.btc, q("0.4")).because("a leg").into(),
        open(alone.eth, Side::Short, "16"),
    ];
    let publication = alone.book.submit(commands.clone()).unwrap().publication.unwrap();
    let text = serde_json::to_string(&publication).unwrap();
    let back: posbook::Publication = serde_json::from_str(&text).unwrap();
    assert_eq!(back, publication);
    // The precondition made no change; the others each name their own command.
    let own: Vec<_> = back.iter().map(Change::command).cloned().collect();
    assert_eq!(own, commands[1..]);
    assert!(back.iter().all(|change| change.cause.commands().eq(&commands)));
}
