//! Real threads on the real cell, public API only. Every test ends in a fact that holds for any schedule; nothing
//! sleeps, nothing depends on who comes first.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use posbook::{
    Book, Change, ChangeStream, Changes, Command, Decimal, Error, Fill, FillOutcome, Instrument,
    InstrumentId, Limits, OrderSide, Publication, Reader, Reason, Rejection, Reservation, Sent, Side,
    Snapshot,
};

use crate::scale::times;

const THREADS: usize = 8;

fn book() -> (Book, InstrumentId) {
    let book = Book::builder().build().unwrap();
    let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001").unwrap()).unwrap();
    (book, btc)
}

fn trade(id: InstrumentId, name: String, side: OrderSide, quantity: &str, price: &str) -> Fill {
    Fill::trade(id, name.parse().unwrap(), side, quantity.parse().unwrap(), price.parse().unwrap())
}

/// Runs `act` on so many threads, all released at once, and collects what each returned.
fn race<R: Send>(threads: usize, act: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let (start, act) = (Barrier::new(threads), &act);
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|n| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    act(n)
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn every_handle_goes_to_any_thread_and_readers_share() {
    fn owned<T: Send + 'static>() {}
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Book>();
    shared::<Snapshot>();
    shared::<Reservation>();
    shared::<Sent>();
    shared::<Changes>();
    shared::<Publication>();
    shared::<Change>();
    shared::<Rejection>();
    shared::<Error>();
    owned::<ChangeStream>();
    owned::<Reader>();
}

#[test]
fn of_eight_opens_of_one_key_exactly_one_is_reserved_d1_i1() {
    for _ in 0..times(50) {
        let (book, btc) = book();
        let won = race(THREADS, |n| {
            let side = if n % 2 == 0 { Side::Long } else { Side::Short };
            book.reserve(Command::open(btc, side, "1".parse().unwrap()).at("100".parse().unwrap()))
        });
        let (won, lost): (Vec<_>, Vec<_>) = won.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1);
        assert_eq!(book.reservations().len(), 1);
        for refused in lost.into_iter().map(Result::unwrap_err) {
            assert!(matches!(refused.reason(), Reason::AlreadyReserved { .. }), "{refused}");
        }
    }
}

#[test]
fn of_eight_closes_of_one_position_exactly_one_is_reserved_d2() {
    for _ in 0..times(50) {
        let (book, btc) = book();
        book.record(trade(btc, "1".into(), OrderSide::Buy, "1", "100")).unwrap();
        let closes = race(THREADS, |_| book.reserve(Command::close(btc)));
        assert_eq!(closes.iter().filter(|close| close.is_ok()).count(), 1);
    }
}

#[test]
fn scale_outs_of_0_6_on_1_0_never_reduce_more_than_is_there_d4_i2() {
    for round in 0..times(50) {
        let (book, btc) = book();
        book.record(trade(btc, "1".into(), OrderSide::Buy, "1", "100")).unwrap();
        let done = race(THREADS, |n| {
            let order = book.reserve(Command::scale_out(btc, "0.6".parse().unwrap())).ok()?.sent().unwrap();
            let fill =
                trade(btc, format!("r{round}-{n}"), OrderSide::Sell, "0.6", "110").order(order.client_id());
            book.record(fill).unwrap();
            order.complete("0.6".parse().unwrap()).unwrap();
            Some(())
        });
        // The rest of 0.4 lets nobody else in.
        assert_eq!(done.iter().flatten().count(), 1);
        let view = book.snapshot();
        assert_eq!(view.get(btc).unwrap().quantity.to_string(), "0.4");
        assert_eq!(view.totals().orders, 0);
    }
}

#[test]
fn the_same_fill_from_eight_threads_is_booked_once_i11() {
    for _ in 0..times(50) {
        let (book, btc) = book();
        let outcomes = race(THREADS, |_| {
            book.record(trade(btc, "77".into(), OrderSide::Buy, "1", "100")).unwrap().outcome
        });
        let booked = outcomes.iter().filter(|outcome| matches!(outcome, FillOutcome::Booked { .. })).count();
        let known = outcomes.iter().filter(|outcome| **outcome == FillOutcome::Duplicate).count();
        assert_eq!((booked, known), (1, THREADS - 1));
        assert_eq!(book.snapshot().get(btc).unwrap().quantity.to_string(), "1");
    }
}

#[test]
fn threads_cannot_exceed_the_number_of_positions_together_d11_r13() {
    for _ in 0..times(30) {
        let book = Book::builder().limits(Limits { positions: 3, ..Limits::default() }).build().unwrap();
        let ids: Vec<_> = (0..THREADS)
            .map(|n| {
                book.register(Instrument::linear(&format!("C{n}/USDT"), "0.1", "0.001").unwrap()).unwrap()
            })
            .collect();
        let opened = race(THREADS, |n| {
            let wish = Command::open(ids[n], Side::Long, "1".parse().unwrap()).at("100".parse().unwrap());
            let order = book.reserve(wish)?.sent()?;
            book.record(trade(ids[n], format!("t{n}"), OrderSide::Buy, "1", "100").order(order.client_id()))?;
            order.complete("1".parse().unwrap())
        });
        assert_eq!(opened.iter().filter(|open| open.is_ok()).count(), 3);
        assert_eq!(book.snapshot().len(), 3);
        for refused in opened.into_iter().filter_map(Result::err) {
            assert!(matches!(refused.reason(), Reason::Limit { which: "positions", .. }), "{refused}");
        }
    }
}

/// Totals are the sums over the keys, and money is conserved, in one picture (I9).
fn consistent(view: &Snapshot) {
    let usdt = "USDT".parse().unwrap();
    let mut parts = [Decimal::ZERO; 5];
    let (mut positions, mut orders, mut fills) = (0, 0, 0);
    for key in view.keys() {
        let cost = key.position.as_ref().map_or(Decimal::ZERO, |p| p.cost);
        let open = match key.position.as_ref().map(|p| p.side) {
            Some(Side::Short) => -cost,
            _ => cost,
        };
        let ledger = &key.ledger;
        assert_eq!(ledger.cash, ledger.realised - open + ledger.unexplained, "I9: {key:?}");
        let fees = ledger.fees.of(&usdt);
        for (sum, part) in
            parts.iter_mut().zip([cost, ledger.cash, ledger.realised, ledger.unexplained, fees])
        {
            *sum += part;
        }
        positions += usize::from(key.position.is_some());
        orders += key.orders.len();
        fills += ledger.fills;
    }
    let money = view.totals().money(&usdt);
    assert_eq!(parts, [money.cost, money.cash, money.realised, money.unexplained, money.fees]);
    assert_eq!(
        (positions, orders, fills),
        (view.totals().positions, view.totals().orders, view.totals().fills)
    );
    assert_eq!(view.len(), view.iter().count());
}

/// Opens, adds, reduces and closes on one of four instruments until `rounds` are done.
fn trader(book: &Book, ids: &[InstrumentId], thread: usize, rounds: usize) {
    for round in 0..rounds {
        let id = ids[(thread + round) % ids.len()];
        let price = format!("{}", 100 + round % 7);
        let wish: Command = match (book.snapshot().get(id).is_some(), round % 3) {
            (false, _) => {
                Command::open(id, Side::Long, "1".parse().unwrap()).at(price.parse().unwrap()).into()
            }
            (true, 0) => Command::scale_in(id, "0.5".parse().unwrap()).at(price.parse().unwrap()).into(),
            (true, 1) => Command::scale_out(id, "0.3".parse().unwrap()).into(),
            (true, _) => Command::close(id).into(),
        };
        let Ok(reservation) = book.reserve(wish) else { continue };
        let Ok(sent) = reservation.sent() else { continue };
        let (side, quantity) = (sent.order().side, sent.order().quantity);
        let fill = Fill::trade(
            id,
            format!("{thread}-{round}").parse().unwrap(),
            side,
            quantity,
            price.parse().unwrap(),
        );
        let fill = fill.order(sent.client_id()).fee("0.01", "USDT").unwrap();
        assert!(matches!(book.record(fill).unwrap().outcome, FillOutcome::Booked { .. }));
        sent.complete(quantity).unwrap();
    }
}

#[test]
fn every_snapshot_is_consistent_and_a_subscriber_misses_nothing_while_threads_write_i5_i8_i10() {
    // Without a rule every position would be meant so; the window holds everything that one run publishes.
    let book = Book::builder().window(100_000).build().unwrap();
    let mut changes = book.changes();
    let mut replica = book.replica();
    let ids: Vec<_> = (0..4)
        .map(|n| book.register(Instrument::linear(&format!("C{n}/USDT"), "0.1", "0.001").unwrap()).unwrap())
        .collect();
    let rounds = usize::try_from(times(300)).unwrap();
    let (done, looked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let digest = thread::scope(|scope| {
        let subscriber = scope.spawn(move || {
            // Ends by itself when the last handle is gone.
            for item in &mut changes {
                for change in item.expect("the window is large enough").iter() {
                    assert_eq!(change.sequence.0, replica.sequence().0 + 1, "I10: a gap");
                    replica.apply(change).unwrap();
                }
            }
            replica.digest()
        });
        let readers: Vec<_> = (0..2)
            .map(|n| {
                // A reader keeps no handle that could write.
                let (mut reader, done, looked) = (book.reader(), &done, &looked);
                scope.spawn(move || {
                    let mut last = 0;
                    while !done.load(SeqCst) {
                        let view = reader.view().clone();
                        assert!(view.sequence().0 >= last, "I13: an older picture than before");
                        last = view.sequence().0;
                        consistent(&view);
                        looked.fetch_add(1, SeqCst);
                        if n == 1 {
                            reader.release();
                        }
                    }
                })
            })
            .collect();
        let writers: Vec<_> = (0..4)
            .map(|thread| {
                let (book, ids) = (book.clone(), &ids);
                scope.spawn(move || trader(&book, ids, thread, rounds))
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        done.store(true, SeqCst);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        let view = book.snapshot();
        consistent(&view);
        assert!(view.totals().fills > 0 && looked.load(SeqCst) > 0);
        assert_eq!(book.health().foreign_loads, 0);
        drop(book);
        assert_eq!(subscriber.join().unwrap(), view.digest(), "I5: the fold of the feed is the book");
        view.digest()
    });
    assert_ne!(digest, 0);
}

#[test]
fn sequences_are_handed_out_once_and_without_gap_i4() {
    let (book, btc) = book();
    let per_thread = usize::try_from(times(200)).unwrap();
    let total = (THREADS * per_thread) as u64;
    // One order with room for all of it: it vouches for every fill, however late a thread comes (R3).
    let quantity = Decimal::new(total.try_into().unwrap(), 3).normalize();
    let wish =
        Command::open(btc, Side::Long, posbook::Quantity::new(quantity).unwrap()).at("100".parse().unwrap());
    let order = book.reserve(wish).unwrap().sent().unwrap();
    let first = book.snapshot().sequence().0 + 1;
    let mut taken: Vec<u64> = race(THREADS, |thread| {
        (0..per_thread)
            .map(|n| {
                let fill = trade(btc, format!("{thread}-{n}"), OrderSide::Buy, "0.001", "100")
                    .order(order.client_id());
                book.record(fill).unwrap().sequence.unwrap().0
            })
            .collect::<Vec<_>>()
    })
    .concat();
    taken.sort_unstable();
    assert!(taken.into_iter().eq(first..first + total), "each write took the next sequence");
    assert_eq!(book.snapshot().get(btc).unwrap().quantity.get(), quantity, "I11");
    order.complete(posbook::Quantity::new(quantity).unwrap()).unwrap();
}

#[test]
fn an_order_resolves_once_whoever_resolves_it_i7() {
    for _ in 0..times(30) {
        let (book, btc) = book();
        let id = book
            .reserve(Command::open(btc, Side::Long, "1".parse().unwrap()).at("100".parse().unwrap()))
            .and_then(Reservation::sent)
            .unwrap()
            .detach();
        let ended = race(THREADS, |_| book.reattach(id)?.refused("0".parse().unwrap(), "no margin"));
        assert_eq!(ended.iter().filter(|end| end.is_ok()).count(), 1, "{ended:?}");
        assert!(book.reservations().is_empty());
    }
}

#[test]
fn a_future_that_is_dropped_by_a_timeout_after_sending_leaves_its_key_in_doubt_r6() {
    let (book, btc) = book();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let (sending, id) = (book.clone(), std::sync::Arc::new(std::sync::OnceLock::new()));
    let seen = std::sync::Arc::clone(&id);
    runtime.block_on(async move {
        // Spawned: the future that holds a `Sent` is `Send + 'static`.
        let bot = tokio::spawn(async move {
            let order = async {
                let wish = Command::open(btc, Side::Long, "1".parse().unwrap()).at("100".parse().unwrap());
                let order = sending.reserve(wish).unwrap().sent().unwrap();
                seen.set(order.client_id()).unwrap();
                std::future::pending::<()>().await; // a venue that never answers
                order.complete("1".parse().unwrap())
            };
            tokio::time::timeout(Duration::from_millis(5), order).await.is_err()
        });
        assert!(bot.await.unwrap(), "it timed out");
    });
    let id = *id.get().unwrap();
    assert_eq!(book.snapshot().totals().in_doubt, 1);
    assert_eq!(book.reservations()[0].client_id, id);
    let wish = Command::open(btc, Side::Long, "1".parse().unwrap()).at("100".parse().unwrap());
    assert!(
        matches!(book.reserve(wish.clone()).unwrap_err().reason(), Reason::InDoubt { order, .. } if *order == id)
    );
    // The venue's word on the order, and nothing else, ends it (R1).
    book.reattach(id).unwrap().refused("0".parse().unwrap(), "never arrived").unwrap();
    assert!(book.reserve(wish).is_ok());
}

#[test]
fn a_subscriber_that_sleeps_is_woken_by_a_write_of_another_thread_and_by_the_end() {
    let (book, btc) = book();
    let mut changes = book.changes();
    let sleeper = thread::spawn(move || {
        let first = changes.next().unwrap().unwrap();
        (first.len(), changes.next().is_none())
    });
    book.record(trade(btc, "1".into(), OrderSide::Buy, "1", "100")).unwrap();
    drop(book);
    assert_eq!(sleeper.join().unwrap(), (1, true));
}

#[test]
fn a_stream_delivers_what_another_thread_publishes_and_ends() {
    use futures_core::Stream;
    let (book, btc) = book();
    let mut stream = Box::pin(book.change_stream());
    let writer = thread::spawn(move || {
        for n in 0..50 {
            book.record(trade(btc, n.to_string(), OrderSide::Buy, "0.001", "100")).unwrap();
        }
    });
    let next = std::future::poll_fn(move |context| stream.as_mut().poll_next(context));
    let mut next = next;
    let mut count = 0;
    while let Some(item) = pollster::block_on(&mut next) {
        count += item.unwrap().len();
    }
    writer.join().unwrap();
    assert_eq!(count, 50);
}

/// Bodies that two writers hold up come back while they are near: nearly no write copies, though turns are lost.
#[test]
fn writers_that_lose_turns_seldom_copy() {
    const EACH: usize = 10_000;
    let (book, btc) = book();
    race(2, |thread| {
        for n in 0..EACH {
            let fill = trade(btc, format!("{thread}-{n}"), OrderSide::Buy, "0.001", "50000");
            book.record(fill).unwrap();
        }
    });
    let health = book.health();
    assert!(health.bodies_copied * 20 < 2 * EACH as u64, "{health:?}");
}

/// More readers than the pool has places, each holding another root: a shell each and no more, however much is written and
/// however often they move on; and what they let go is used by the next ones.
#[test]
fn a_crowd_of_readers_costs_a_shell_each_and_no_more() {
    const READERS: u64 = 700;
    let (book, btc) = book();
    let mut written = 0;
    let mut write = || {
        written += 1;
        book.record(trade(btc, written.to_string(), OrderSide::Buy, "1", "50000")).unwrap();
    };
    let made = || book.health().shells_made;
    for _ in 0..2 {
        let mut crowd: Vec<Reader> = (0..READERS).map(|_| book.reader()).collect();
        for reader in &mut crowd {
            reader.view();
            write();
        }
        let full = made();
        assert!((READERS..READERS * 3 / 2).contains(&full), "{full} shells");
        (0..2_000).for_each(|_| write());
        assert!(made() <= full + 2, "{} shells: nobody took any since there were {full}", made());
        for _ in 0..3 {
            for reader in &mut crowd {
                reader.view();
                write();
            }
        }
        assert!(made() < READERS * 3, "{} shells for {READERS} readers that move on", made());
    }
}
