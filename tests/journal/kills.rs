//! Killed in the middle of what is done to a journal beside writing changes: opening it, bringing it up from an older version,
//! a checkpoint, pruning. Whatever the instant, it opens afterwards and everything that was in it is there.
//!
//! The child is this program again, with `POSBOOK_CHILD` saying what to do; it says when it begins. A few kills of each by
//! default; POSBOOK_CRASHES says how many.
#![cfg(unix)]

use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command as Program, Stdio};
use std::time::{Duration, Instant};

use posbook::journal::{Durability, History, Journal, JournalOptions};
use posbook::{OrderSide, Sequence};
use rusqlite::Connection;

use crate::help::{Folder, btc, builder, eth, trade};

const WORK: [&str; 5] = ["open", "first", "bring up", "checkpoint", "prune"];

/// What the child does, between saying so and saying that it is done.
#[test]
fn child() {
    let (Ok(work), Ok(folder)) = (std::env::var("POSBOOK_CHILD"), std::env::var("POSBOOK_FOLDER")) else {
        return;
    };
    let say = |what: &str| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "\n{what}").and_then(|()| out.flush()).unwrap();
    };
    let options = JournalOptions::default().durability(Durability::Buffered);
    say("begins");
    match work.as_str() {
        "checkpoint" => drop(History::checkpoint(&folder).unwrap()),
        "prune" => drop(History::prune(&folder, Sequence(u64::MAX)).unwrap()),
        _ => std::mem::forget(Journal::open(&folder, options, builder()).unwrap()),
    }
    say("done");
}

/// A journal with some thousand changes, a checkpoint in the middle, and a log that is not written back yet.
fn written(folder: &Path) -> (Sequence, u128) {
    let options = JournalOptions::default().durability(Durability::Buffered).checkpoint_every(2_000);
    let journal = Journal::open(folder, options, builder()).unwrap();
    let book = journal.book();
    let (btc, eth) = (btc(book), eth(book));
    for n in 1..3_000 {
        let side = if n % 3 == 0 { OrderSide::Sell } else { OrderSide::Buy };
        book.record(trade(if n % 2 == 0 { btc } else { eth }, n, side, "0.5", "3000")).unwrap();
        if n % 500 == 0 {
            book.wait_durable(book.snapshot().sequence()).unwrap();
        }
    }
    let view = book.snapshot();
    journal.close().unwrap();
    (view.sequence(), view.digest())
}

/// What a piece of work begins with: nothing, an older journal, or one of this version.
fn prepare(work: &str, from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    if work == "bring up" {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journal/fixture/journal-1.sqlite");
        fs::copy(fixture, to.join("journal.sqlite")).unwrap();
    } else if work != "first" {
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// Lets the child do it and kills it after a while, or when it is done. How long it took, if it was done.
fn run(work: &str, folder: &Path, kill_after: Option<Duration>) -> Option<Duration> {
    let mut child = Program::new(std::env::current_exe().unwrap())
        .args(["--exact", "kills::child", "--nocapture", "--test-threads=1"])
        .env("POSBOOK_CHILD", work)
        .env("POSBOOK_FOLDER", folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "begins"), "{work}: the child did not begin");
    let began = Instant::now();
    let took = match kill_after {
        Some(moment) => {
            std::thread::sleep(moment);
            None
        }
        None => lines.any(|line| line == "done").then(|| began.elapsed()),
    };
    child.kill().unwrap(); // SIGKILL
    child.wait().unwrap();
    // Done before it was killed, after all.
    took.or_else(|| lines.any(|line| line == "done").then(|| began.elapsed()))
}

#[test]
fn killed_while_a_journal_is_opened_brought_up_checkpointed_or_pruned_it_is_whole() {
    let kills: u32 = std::env::var("POSBOOK_CRASHES").ok().map_or(4, |n| n.parse().unwrap());
    let source = Folder::new();
    let (last, digest) = written(&source.path());
    for work in WORK {
        let folder = Folder::new();
        prepare(work, &source.path(), &folder.path());
        let longest = run(work, &folder.path(), None).unwrap_or_else(|| panic!("{work}: the child failed"));
        let mut inside = 0;
        for n in 0..kills {
            let folder = Folder::new();
            prepare(work, &source.path(), &folder.path());
            // Spread over the whole of it.
            let done = run(work, &folder.path(), Some(longest * n / kills));
            inside += u32::from(done.is_none());
            match work {
                "first" => {}
                "bring up" => assert!(History::open(folder.path()).is_ok(), "{work}, kill {n}"),
                _ => {
                    let view = History::open(folder.path()).unwrap().state_at(last).unwrap();
                    assert_eq!((view.sequence(), view.digest()), (last, digest), "{work}, kill {n}");
                }
            }
            let journal = folder.open();
            let found = journal.restored().sequence;
            match work {
                "first" => assert_eq!(found, Sequence(0), "{work}, kill {n}"),
                "bring up" => assert_eq!(journal.book().snapshot().len(), 2, "{work}, kill {n}"),
                _ => assert_eq!(found, last, "{work}, kill {n}"),
            }
            btc(journal.book());
            journal.close().unwrap();
            let verified = History::open(folder.path()).unwrap().verify(|_, _| {}).unwrap();
            assert_eq!(verified.first_difference, None, "{work}, kill {n}");
        }
        println!("{work}: {kills} kills within {longest:?}, {inside} before it was done");
    }
}

/// SQLite makes the file of a new journal under a rollback file of its own. Killed there, both are left.
#[test]
fn a_first_opening_that_was_killed_while_the_file_was_made_is_rolled_back() {
    let (folder, made) = (Folder::new(), Folder::new());
    fs::create_dir_all(folder.path()).unwrap();
    fs::create_dir_all(made.path()).unwrap();
    let database = Connection::open(made.path().join("journal.sqlite")).unwrap();
    // So little memory that the rollback file is on the disk before the commit: as it is while the pages are written.
    database
        .execute_batch("PRAGMA cache_size = 1; BEGIN; CREATE TABLE changes (x); CREATE TABLE keys (x);")
        .unwrap();
    for _ in 0..200 {
        database.execute("INSERT INTO changes VALUES (randomblob(4000))", []).unwrap();
    }
    let copy = |name: &str| fs::copy(made.path().join(name), folder.path().join(name)).unwrap();
    copy("journal.sqlite-journal");
    database.execute_batch("COMMIT").unwrap();
    copy("journal.sqlite");
    assert!(
        fs::metadata(folder.path().join("journal.sqlite")).unwrap().len() > 8_192,
        "nothing is half made"
    );
    let journal = folder.open();
    assert_eq!((journal.restored().epoch, journal.restored().sequence), (1, Sequence(0)));
    btc(journal.book());
    journal.close().unwrap();
    assert_eq!(folder.open().restored().sequence, Sequence(1));
}
