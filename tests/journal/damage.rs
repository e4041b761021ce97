//! What is not what was written is refused by name, with what to do, and left as it was. Never a silent difference.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Program;

use posbook::journal::{History, Journal, JournalError, JournalOptions};
use posbook::{Command, OrderSide, Sequence};

use crate::help::{Folder, btc, builder, eth, open, q, trade};

/// A journal with some of everything, closed: all of it is in the database file.
fn written(folder: &Folder) -> (Sequence, u128) {
    let options = JournalOptions::default().checkpoint_every(40);
    let journal = Journal::open(folder.path(), options, builder()).unwrap();
    let book = journal.book();
    let (btc, eth) = (btc(book), eth(book));
    open(book, btc, "1", "50000");
    for n in 100..200 {
        let side = if n % 3 == 0 { OrderSide::Sell } else { OrderSide::Buy };
        book.record(trade(eth, n, side, "0.5", "3000")).unwrap();
        if n % 30 == 0 {
            book.wait_durable(book.snapshot().sequence()).unwrap();
        }
    }
    let view = book.snapshot();
    journal.close().unwrap();
    (view.sequence(), view.digest())
}

fn database(folder: &Path) -> PathBuf {
    folder.join("journal.sqlite")
}

fn opened(folder: &Path) -> Result<Journal, JournalError> {
    Journal::open(folder, JournalOptions::default(), builder())
}

/// The bytes of the database and its log. A reader may leave an empty log behind.
fn bytes(folder: &Path) -> Vec<Option<Vec<u8>>> {
    ["journal.sqlite", "journal.sqlite-wal"]
        .iter()
        .map(|name| fs::read(folder.join(name)).ok().filter(|bytes| !bytes.is_empty()))
        .collect()
}

/// A copy of a folder, as it is.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Everything that can be read of it, or what is wrong.
fn whole(folder: &Path) -> Result<(u128, Vec<posbook::journal::Line>), String> {
    let history = History::open(folder).map_err(|wrong| wrong.to_string())?;
    let (_, last) = history.bounds().map_err(|wrong| wrong.to_string())?;
    let verified = history.verify(|_, _| {}).map_err(|wrong| wrong.to_string())?;
    if let Some(difference) = verified.first_difference {
        return Err(difference);
    }
    let digest = history.state_at(last).map_err(|wrong| wrong.to_string())?.digest();
    let mut lines = Vec::new();
    history
        .lines(Sequence(0), None, |line| {
            lines.push(line);
            true
        })
        .map_err(|wrong| wrong.to_string())?;
    Ok((digest, lines))
}

#[test]
fn a_bit_that_flips_anywhere_is_noticed_or_changes_nothing() {
    let folder = Folder::new();
    let (last, digest) = written(&folder);
    let good = fs::read(database(&folder.path())).unwrap();
    let truth = whole(&folder.path()).unwrap();
    assert_eq!(truth.0, digest);
    let page = 8_192;
    // At and inside every page border, and all over.
    let borders = (0..good.len() / page)
        .flat_map(|n| [0, 1, 3, 5, 8, 9, 100, page / 2, page - 60, page - 1].map(|at| n * page + at));
    let step = if std::env::var("POSBOOK_SCALE").is_ok_and(|scale| scale == "hand") { 37 } else { 1_511 };
    let (mut noticed, mut harmless) = (0, 0);
    for (n, place) in borders.chain((0..good.len()).step_by(step)).enumerate() {
        let mut bad = good.clone();
        bad[place] ^= 1 << (n % 8);
        fs::write(database(&folder.path()), &bad).unwrap();
        match whole(&folder.path()) {
            Err(_) => noticed += 1,
            Ok(read) => {
                assert!(read == truth, "byte {place}: a silent difference");
                harmless += 1;
            }
        }
        // A restart refuses it too, or has the same book; refused, it is as it was.
        let before = bytes(&folder.path());
        match opened(&folder.path()) {
            Err(_) => assert!(bytes(&folder.path()) == before, "byte {place}: refused, and changed"),
            Ok(journal) => {
                assert_eq!(journal.restored().sequence, last, "byte {place}");
                let seen = journal.book().snapshot();
                assert_eq!((seen.len(), seen.totals().fills), (2, 101), "byte {place}");
            }
        }
    }
    println!("{noticed} flips noticed, {harmless} in room that nothing uses");
    assert!(noticed > 20);
}

#[test]
fn a_file_that_is_cut_off_is_refused_as_it_is() {
    let folder = Folder::new();
    let (last, _) = written(&folder);
    let truth = whole(&folder.path()).unwrap();
    let good = fs::read(database(&folder.path())).unwrap();
    for length in
        [0, 1, 50, 99, 100, 4_096, 8_191, 8_192, 20_000, good.len() / 2, good.len() - 8_192, good.len() - 1]
    {
        fs::write(database(&folder.path()), &good[..length]).unwrap();
        let before = bytes(&folder.path());
        let read = whole(&folder.path());
        assert!(read.is_err() || read.as_ref() == Ok(&truth), "{length}: a silent difference");
        match opened(&folder.path()).map(|journal| journal.restored().sequence) {
            // What is missing is older than the checkpoint that a restart begins with; `verify` finds it.
            Ok(sequence) => assert_eq!(sequence, last, "{length}"),
            Err(refused) => {
                use JournalError::{Damaged, Lost, NotAJournal};
                let known = matches!(refused, Damaged { .. } | Lost { .. } | NotAJournal { .. });
                assert!(known, "{length}: {refused}");
                assert!(bytes(&folder.path()) == before, "{length}: refused, and changed");
            }
        }
    }
}

#[test]
fn a_log_that_is_gone_or_damaged_is_a_loss_that_is_named() {
    let folder = Folder::new();
    let journal = folder.open();
    let id = btc(journal.book());
    for n in 1..50 {
        journal.book().record(trade(id, n, OrderSide::Buy, "1", "100")).unwrap();
    }
    let last = journal.book().snapshot().sequence();
    journal.book().wait_durable(last).unwrap();
    // As a kill leaves it.
    let crash = Folder::new();
    let wal = |to: &Path| to.join("journal.sqlite-wal");
    copy(&folder.path(), &crash.path());
    assert!(wal(&crash.path()).exists());
    assert_eq!(opened(&crash.path()).unwrap().restored().sequence, last);
    let log = fs::read(wal(&folder.path())).unwrap();
    type Damage = fn(&Path, &[u8]);
    let damages: [(&str, Damage); 3] = [
        ("gone", |path, _| fs::remove_file(path).unwrap()),
        ("cut off", |path, log| fs::write(path, &log[..log.len() / 2]).unwrap()),
        ("flipped", |path, log| {
            let mut log = log.to_vec();
            let middle = log.len() / 2;
            log[middle] ^= 4;
            fs::write(path, log).unwrap();
        }),
    ];
    for (what, damage) in damages {
        let crash = Folder::new();
        copy(&folder.path(), &crash.path());
        let _ = fs::remove_file(crash.path().join("journal.sqlite-shm"));
        damage(&wal(&crash.path()), &log);
        // Nor is anything written beside a log that is missing: put back, it would fit no more.
        let stands = bytes(&crash.path());
        let refused = History::checkpoint(crash.path()).unwrap_err();
        assert!(
            matches!(refused, JournalError::Lost { .. } | JournalError::Absent { .. }),
            "{what}: {refused}"
        );
        let refused = History::prune(crash.path(), last).unwrap_err();
        assert!(
            matches!(refused, JournalError::Lost { .. } | JournalError::Absent { .. }),
            "{what}: {refused}"
        );
        assert_eq!(bytes(&crash.path()), stands, "{what}");
        match opened(&crash.path()).map(drop).unwrap_err() {
            JournalError::Lost { acknowledged, found, .. } => {
                assert!(acknowledged == last && found < last, "{what}");
                let verified = History::open(crash.path()).map(|history| history.verify(|_, _| {}).unwrap());
                assert!(verified.is_err() || verified.unwrap().first_difference.is_some(), "{what}");
                let options = JournalOptions::default().accept_loss(true);
                let journal = Journal::open(crash.path(), options, builder()).unwrap();
                assert_eq!(
                    (journal.restored().sequence, journal.restored().lost),
                    (found, Some(last)),
                    "{what}"
                );
            }
            wrong => panic!("{what}: {wrong}"),
        }
    }
}

#[test]
fn what_is_no_journal_is_refused_and_left_alone() {
    type Make = fn(&Path);
    let cases: [(&str, Make); 5] = [
        ("a file", |path| fs::write(path, "my shopping list").unwrap()),
        ("a folder for the database", |path| fs::create_dir_all(database(path)).unwrap()),
        ("another file", |path| {
            fs::create_dir_all(path).unwrap();
            fs::write(database(path), "my shopping list ".repeat(20)).unwrap();
        }),
        ("another program's database", |path| {
            fs::create_dir_all(path).unwrap();
            let other = rusqlite::Connection::open(database(path)).unwrap();
            other.execute_batch("CREATE TABLE changes (sequence INTEGER PRIMARY KEY)").unwrap();
        }),
        ("another program's database with a name", |path| {
            fs::create_dir_all(path).unwrap();
            let other = rusqlite::Connection::open(database(path)).unwrap();
            other.execute_batch("PRAGMA application_id = 7; CREATE TABLE changes (x)").unwrap();
        }),
    ];
    for (what, make) in cases {
        let folder = Folder::new();
        make(&folder.path());
        let before = bytes(&folder.path());
        for refused in [
            opened(&folder.path()).map(drop).unwrap_err(),
            History::open(folder.path()).map(drop).unwrap_err(),
        ] {
            let known = matches!(refused, JournalError::NotAJournal { .. } | JournalError::Absent { .. });
            assert!(known, "{what}: {refused}");
        }
        assert!(bytes(&folder.path()) == before, "{what}");
    }
    let nothing = History::open(Folder::new().path()).map(drop).unwrap_err();
    assert!(matches!(nothing, JournalError::Absent { .. }), "{nothing}");
}

#[test]
fn a_later_schema_is_refused() {
    let folder = Folder::new();
    written(&folder);
    let database = rusqlite::Connection::open(database(&folder.path())).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    let before = bytes(&folder.path());
    let refused = opened(&folder.path()).map(drop).unwrap_err();
    assert!(matches!(refused, JournalError::Newer { found: 99, known: 3, .. }), "{refused}");
    assert!(bytes(&folder.path()) == before);
}

#[test]
fn a_second_writer_is_refused_at_once_and_told_who_the_first_is() {
    let folder = Folder::new();
    let first = folder.open();
    let refused = opened(&folder.path()).map(drop).unwrap_err();
    let JournalError::Held { holder, .. } = &refused else { panic!("{refused}") };
    assert!(holder.contains(&format!("process {}", std::process::id())), "{holder}");
    // Reading is always possible, and so is writing once the first has gone.
    assert!(History::open(folder.path()).is_ok());
    drop(first);
    assert_eq!(opened(&folder.path()).unwrap().restored().epoch, 2);
}

/// A file system of a megabyte, if this is a machine where one can be had.
struct Tiny(tempfile::TempDir);

impl Tiny {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let done = mount(&["-t", "tmpfs", "-o", "size=1m", "none"], folder.path());
        if !done {
            println!("skipped: no small file system can be mounted here (not root)");
        }
        done.then_some(Self(folder))
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        let _ = Program::new("umount").arg(self.0.path()).status();
    }
}

fn mount(arguments: &[&str], folder: &Path) -> bool {
    let quiet = std::process::Stdio::null;
    let mut mount = Program::new("mount");
    mount.args(arguments).arg(folder).stdout(quiet()).stderr(quiet());
    mount.status().is_ok_and(|status| status.success())
}

#[test]
fn a_full_disk_stops_the_journal_loudly_and_nothing_acknowledged_is_lost() {
    let Some(tiny) = Tiny::mount() else { return };
    let folder = tiny.0.path().join("journal");
    let journal = opened(&folder).unwrap();
    let book = journal.book().clone();
    let id = btc(&book);
    open(&book, id, "1", "50000");
    let (mut acknowledged, mut n) = (book.snapshot(), 100);
    let failed = loop {
        book.record(trade(id, n, OrderSide::Buy, "0.1", "50000")).unwrap();
        n += 1;
        let view = book.snapshot();
        match book.wait_durable(view.sequence()) {
            Ok(()) => acknowledged = view,
            Err(failed) => break failed,
        }
        assert!(n < 100_000, "the disk is not full");
    };
    println!("full after {} changes: {failed}", acknowledged.sequence());
    let health = book.health().journal.unwrap();
    assert!(health.failed.is_some() && health.lag > 0);
    let refused = book.reserve(Command::scale_in(id, q("1"))).unwrap_err();
    assert!(refused.to_string().contains("writes nothing any more"), "{refused}");
    let out = book.reserve(Command::scale_out(id, q("1"))).unwrap().sent().unwrap();
    assert!(out.not_durable());
    drop(out);
    assert!(journal.close().is_err());
    // Room again: everything that was acknowledged is there.
    assert!(mount(&["-o", "remount,size=16m"], tiny.0.path()));
    assert_eq!(
        History::open(&folder).unwrap().state_at(acknowledged.sequence()).unwrap().digest(),
        acknowledged.digest()
    );
    let journal = opened(&folder).unwrap();
    assert!(journal.restored().sequence >= acknowledged.sequence());
    journal.close().unwrap();
    // And a disk that cannot be written to.
    assert!(mount(&["-o", "remount,ro"], tiny.0.path()));
    let refused = opened(&folder).map(drop).unwrap_err();
    assert!(matches!(refused, JournalError::System { .. }), "{refused}");
}
