//! How fast it is: by hand, in release, with POSBOOK_SCALE=hand; figures and commands stand in `docs/journal.md`.

use std::time::{Duration, Instant};

use posbook::journal::{Durability, History, Journal, JournalOptions};
use posbook::{Book, Fill, Instrument, InstrumentId, OrderSide, Sequence, Timestamp};

use crate::help::{Folder, p, q};

fn fills(ids: &[InstrumentId], n: u64) -> Fill {
    let id = ids[n as usize % ids.len()];
    let side = if (n / ids.len() as u64).is_multiple_of(2) { OrderSide::Buy } else { OrderSide::Sell };
    Fill::trade(id, format!("{n}").parse().unwrap(), side, q("0.25"), p("50000.5"))
        .at(Timestamp::from_millis(i64::try_from(n).unwrap()))
}

fn instruments(book: &Book) -> Vec<InstrumentId> {
    (0..10)
        .map(|n| {
            book.register(Instrument::linear(&format!("C{n}/USDT:USDT"), "0.1", "0.001").unwrap()).unwrap()
        })
        .collect()
}

fn scale() -> u64 {
    match std::env::var("POSBOOK_SCALE").as_deref() {
        Ok("hand") => 1_000_000,
        _ => 20_000,
    }
}

/// Microseconds of processor time that this thread has used; 0 where the system does not say.
fn own_time() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or_default() / 1_000
}

/// What writing took: all of it, this thread's share of a processor in microseconds, and the median of one fill.
struct Took {
    all: Duration,
    used: u64,
    median: Duration,
}

/// `pause` between two fills, spent awake: a thread that was asleep is slow for reasons of its own.
fn write(book: &Book, changes: std::ops::Range<u64>, pause: Duration) -> Took {
    let ids = instruments(book);
    let (began, used) = (Instant::now(), own_time());
    let mut each: Vec<Duration> = changes
        .map(|n| {
            let fill = fills(&ids, n);
            let began = Instant::now();
            book.record(fill).unwrap();
            let took = began.elapsed();
            while began.elapsed() < pause {
                std::hint::spin_loop();
            }
            took
        })
        .collect();
    let (all, used) = (began.elapsed(), own_time() - used);
    each.sort_unstable();
    Took { all, used, median: each.get(each.len() / 2).copied().unwrap_or_default() }
}

/// As fast as it goes.
const BURST: Duration = Duration::ZERO;
/// Fifty thousand fills a second: more than a bot books, and the journal keeps up.
const PACED: Duration = Duration::from_micros(20);

/// What a fill takes where the journal keeps up: medians, each beside the same without a journal just before.
#[test]
fn writing_at_a_pace() {
    let changes = scale() / 10;
    for durability in [Durability::None, Durability::Buffered, Durability::Synced] {
        let plain = write(&Book::builder().instruments(64).build().unwrap(), 0..changes, PACED).median;
        let folder = Folder::new();
        let options = JournalOptions::default().durability(durability);
        let journal = Journal::open(folder.path(), options, Book::builder().instruments(64)).unwrap();
        let with = write(journal.book(), 0..changes, PACED).median;
        println!(
            "{}: the median fill {with:?}, {:.2} of {plain:?} without",
            durability.name(),
            with.as_secs_f64() / plain.as_secs_f64()
        );
    }
}

#[test]
fn writing_restoring_and_verifying() {
    let changes = scale();
    let plain = write(&Book::builder().instruments(64).build().unwrap(), 0..changes, BURST);
    println!(
        "without a journal: {changes} fills in {:?}, {} us of the writing thread, the median {:?}",
        plain.all, plain.used, plain.median
    );
    for durability in [Durability::None, Durability::Buffered, Durability::Synced] {
        let folder = Folder::new();
        let options = JournalOptions::default().durability(durability).checkpoint_every(100_000);
        let journal = Journal::open(folder.path(), options, Book::builder().instruments(64)).unwrap();
        let began = Instant::now();
        let took = write(journal.book(), 0..changes, BURST);
        let last = journal.book().snapshot();
        journal.book().wait_durable(last.sequence()).unwrap();
        let all = began.elapsed();
        let copied = journal.book().health().bodies_copied;
        println!(
            "{}: written in {:?} ({:.2} of without; {:.2} of the thread's time; the median {:?}, {:.2}; {copied} bodies copied), \
             durable in {all:?}: {:.0} changes/s",
            durability.name(),
            took.all,
            took.all.as_secs_f64() / plain.all.as_secs_f64(),
            took.used as f64 / plain.used.max(1) as f64,
            took.median,
            took.median.as_secs_f64() / plain.median.as_secs_f64(),
            last.sequence().0 as f64 / all.as_secs_f64()
        );
        // So that a restart has a long tail to fold.
        write(journal.book(), changes..changes + changes * 9 / 100, BURST);
        let last = journal.book().snapshot();
        journal.close().unwrap();
        let size: u64 =
            std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum();
        println!("  {} bytes a change", size / last.sequence().0);
        let began = Instant::now();
        let again =
            Journal::open(folder.path(), JournalOptions::default(), Book::builder().instruments(64)).unwrap();
        println!("  opened again in {:?}, from checkpoint {}", began.elapsed(), again.restored().checkpoint);
        assert_eq!(again.restored().sequence, last.sequence());
        let history = History::open(folder.path()).unwrap();
        assert_eq!(history.state_at(last.sequence()).unwrap().digest(), last.digest());
        let began = Instant::now();
        let verified = history.verify(|_, _| {}).unwrap();
        println!(
            "  verified {} changes and {} checkpoints in {:?}",
            verified.changes,
            verified.checkpoints,
            began.elapsed()
        );
        assert_eq!((verified.first_difference, verified.to), (None, last.sequence().0));
        assert!(history.state_at(Sequence(changes / 2)).unwrap().sequence() == Sequence(changes / 2));
    }
}
