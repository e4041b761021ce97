//! Writers, the thread that carries what they publish to the disk, and those who wait for the disk before an order leaves
//! (R15). A wake-up that is lost is a deadlock, and the checker reports it.
//!
//! Legal outcomes, all reached. An order that left has its reservation on the disk, in every schedule; whole publications
//! stand there in the order of the book, each once (I10).
//!
//! | scene | what one commit after another ends with | how |
//! |---|---|---|
//! | one change is waited for | 1 | the waiter looks first, or sleeps first |
//! | one order waits | 1 2 3; 2 3 | the disk is as fast as the writer, or takes two at once; 3 comes only after 2 is there |
//! | a disk that fails | not reserved; does not leave | it had failed before, or while the order waited; nobody waits for ever |
//! | two writers, one of them waits | its order left | the other change before, between or after |
//!
//! An order has dozens of steps, so without a bound there is no end of schedules: at most 3 preemptions, with two writers 2,
//! by hand 3.
//!
//! Change 1 makes the instrument known, 2 is the reservation, 3 that the order leaves.

use std::sync::{Arc, Mutex};

use posbook::{Book, Clock, Command, Instrument, InstrumentId, Publication, Sequence, Side, Timestamp};
use posbook_loom::{Bound, by_hand, explore, explore_within, thread};

/// What stands on the disk: the last sequence of each publication, and of each commit.
#[derive(Default)]
struct Disk {
    publications: Vec<u64>,
    commits: Vec<u64>,
}

type Shared = Arc<Mutex<Disk>>;

fn book() -> (Book, InstrumentId) {
    let clock = Clock::manual(Timestamp::from_millis(1));
    let book = Book::builder().clock(clock).identity(1, 1).instruments(1).window(1).build_carried().unwrap();
    let id = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "1").unwrap()).unwrap();
    (book, id)
}

/// Writes it down, or fails.
fn commit(disk: &Shared, publications: &[&Publication]) -> Result<(), String> {
    let mut disk = disk.lock().unwrap();
    for publication in publications {
        let next = disk.publications.last().map_or(1, |last| last + 1);
        assert_eq!(publication.first().0, next, "the disk has a gap (I10)");
        disk.publications.push(publication.last().0);
    }
    let last = disk.publications.last().copied().unwrap_or_default();
    disk.commits.push(last);
    Ok(())
}

/// Reserves an order and lets it leave.
fn order(book: &Book, id: InstrumentId, disk: &Shared) -> &'static str {
    let wish = Command::open(id, Side::Long, "1".parse().unwrap()).at("1".parse().unwrap());
    let Ok(reserved) = book.reserve(wish) else { return "not reserved" };
    let name = reserved.client_id();
    match reserved.sent() {
        Ok(sent) => {
            sent.detach();
            let on_disk = disk.lock().unwrap().publications.contains(&name.sequence.0);
            if on_disk { "left" } else { "left too early" }
        }
        Err(_) => "does not leave",
    }
}

#[test]
pub fn one_order_waits() {
    // 2 is waited for before 3 is published, so it is never carried together with it.
    let table = [vec![1, 2, 3], vec![2, 3]];
    explore_within("an order that waits for the disk", Bound::Preemptions(3), &table, || {
        let (disk, (book, id)) = (Shared::default(), book());
        let carrier = {
            let (book, disk) = (book.clone(), Arc::clone(&disk));
            thread::spawn(move || book.carry(|publications| commit(&disk, publications)))
        };
        let word = order(&book, id, &disk);
        book.stop_carrying();
        carrier.join().unwrap();
        let commits = disk.lock().unwrap().commits.clone();
        if word == "left" { commits } else { Vec::new() }
    });
}

#[test]
pub fn one_waits() {
    explore("a change that is waited for", &["durable"], || {
        let (disk, (book, _)) = (Shared::default(), book());
        let carrier = {
            let (book, disk) = (book.clone(), Arc::clone(&disk));
            thread::spawn(move || book.carry(|publications| commit(&disk, publications)))
        };
        book.wait_durable(Sequence(1)).unwrap();
        assert_eq!(disk.lock().unwrap().publications, [1], "acknowledged, and not on the disk (R15)");
        book.stop_carrying();
        carrier.join().unwrap();
        "durable"
    });
}

#[test]
pub fn a_disk_that_fails() {
    explore_within(
        "an order that waits for a disk that fails",
        Bound::Preemptions(3),
        &["does not leave", "not reserved"],
        || {
            let (disk, (book, id)) = (Shared::default(), book());
            let carrier = {
                let book = book.clone();
                thread::spawn(move || book.carry(|_| Err("no space left".to_owned())))
            };
            let word = order(&book, id, &disk);
            carrier.join().unwrap();
            word
        },
    );
}

#[test]
pub fn two_writers() {
    let bound = Bound::Preemptions(if by_hand() { 3 } else { 2 });
    explore_within("an order that waits, beside another writer", bound, &["left"], || {
        let (disk, (book, id)) = (Shared::default(), book());
        let carrier = {
            let (book, disk) = (book.clone(), Arc::clone(&disk));
            thread::spawn(move || book.carry(|publications| commit(&disk, publications)))
        };
        let other = {
            let book = book.clone();
            thread::spawn(move || {
                // A change of another kind: nothing that the order depends on.
                let step = Instrument::linear("BTC/USDT:USDT", "0.01", "1").unwrap();
                book.register(step).map(drop).unwrap();
            })
        };
        let word = order(&book, id, &disk);
        other.join().unwrap();
        book.stop_carrying();
        carrier.join().unwrap();
        assert_eq!(disk.lock().unwrap().publications, [1, 2, 3, 4], "every change is on the disk (I10)");
        word
    });
}
