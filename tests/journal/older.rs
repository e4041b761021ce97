//! A journal of an earlier version: it can be read as it is, it is brought up whole or not at all, and afterwards it is what
//! this version would have written.

use std::fs;
use std::path::{Path, PathBuf};

use posbook::journal::{History, Journal, JournalError, JournalOptions};
use posbook::{Command, OrderSide, Owner, PositionKey, Sequence, Side, Tags};
use rusqlite::Connection;

use crate::help::{Folder, btc, builder, eth, open, p, q, trade};

/// The newest version of the schema, and those of which there is a journal.
const NEWEST: u32 = 3;
const VERSIONS: [u32; 3] = [1, 2, 3];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journal/fixture")
}

/// A copy of the journal of a version, its last change, and the digest of its book there.
fn older(version: u32) -> (Folder, Sequence, String) {
    let folder = Folder::new();
    fs::create_dir_all(folder.path()).unwrap();
    let from = fixtures();
    fs::copy(from.join(format!("journal-{version}.sqlite")), database(&folder)).unwrap();
    let told = fs::read_to_string(from.join(format!("journal-{version}.digest"))).unwrap();
    let (sequence, digest) = told.trim().split_once(' ').unwrap();
    (folder, Sequence(sequence.parse().unwrap()), digest.to_owned())
}

fn database(folder: &Folder) -> PathBuf {
    folder.path().join("journal.sqlite")
}

fn number(folder: &Folder, sql: &str) -> i64 {
    Connection::open(database(folder)).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Every column of every table, and every view.
fn schema(folder: &Folder) -> Vec<String> {
    let database = Connection::open(database(folder)).unwrap();
    let sql = "SELECT m.type || ' ' || m.name || ' ' || c.name || ' ' || c.type || ' ' || c.\"notnull\" FROM sqlite_schema m \
               JOIN pragma_table_info(m.name) c ORDER BY m.name, c.cid";
    let mut query = database.prepare(sql).unwrap();
    query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_journal_of_each_version_is_opened_and_brought_up() {
    if std::env::var("POSBOOK_FIXTURE").is_ok_and(|what| what == "write") {
        write_fixture();
    }
    let new = Folder::new();
    new.open().close().unwrap();
    for version in VERSIONS {
        let (folder, last, digest) = older(version);
        assert_eq!(number(&folder, "PRAGMA user_version"), i64::from(version));
        // As it is: nothing of it is changed by reading.
        let history = History::open(folder.path()).unwrap();
        assert_eq!(format!("{:032x}", history.state_at(last).unwrap().digest()), digest, "version {version}");
        assert_eq!(history.verify(|_, _| {}).unwrap().first_difference, None, "version {version}");
        let checkpoints = number(&folder, "SELECT count(*) FROM checkpoints");
        assert_eq!(number(&folder, "PRAGMA user_version"), i64::from(version));
        drop(history);
        // Brought up: the same book, and nothing tells it from a new one.
        let journal = folder.open();
        assert_eq!((journal.restored().sequence, journal.restored().cut), (last, 0), "version {version}");
        assert_eq!((journal.restored().in_doubt.len(), journal.book().snapshot().len()), (1, 2));
        journal.close().unwrap();
        assert_eq!(number(&folder, "PRAGMA user_version"), i64::from(NEWEST), "version {version}");
        assert_eq!(schema(&folder), schema(&new), "version {version}");
        assert_eq!(number(&folder, "SELECT count(*) FROM checkpoints"), checkpoints, "version {version}");
        assert_eq!(number(&folder, "SELECT count(*) FROM checkpoints WHERE sum = 0"), 0);
        let history = History::open(folder.path()).unwrap();
        let verified = history.verify(|_, _| {}).unwrap();
        assert_eq!((verified.first_difference, verified.from), (None, 0), "version {version}");
        assert_eq!(format!("{:032x}", history.state_at(last).unwrap().digest()), digest, "version {version}");
        assert_eq!(number(&folder, "SELECT count(*) FROM positions_current"), 2);
        // What an earlier version did not know is not made up.
        let extremes = "SELECT count(*) FROM positions_current WHERE favourable >= '0' AND adverse <= '0'";
        assert_eq!(number(&folder, extremes), if version < 3 { 0 } else { 2 }, "version {version}");
        let tags = "SELECT count(*) FROM positions_current WHERE tags = '[\"grid\",\"night\"]'";
        assert_eq!(number(&folder, tags), i64::from(version >= 3), "version {version}");
    }
}

#[test]
fn a_pruned_journal_is_brought_up_from_its_checkpoint() {
    let (folder, last, digest) = older(1);
    let pruned = History::prune(folder.path(), Sequence(u64::MAX)).unwrap();
    assert!(pruned.changes > 0 && pruned.from < last);
    folder.open().close().unwrap();
    let history = History::open(folder.path()).unwrap();
    let verified = history.verify(|_, _| {}).unwrap();
    assert_eq!((verified.first_difference, verified.from), (None, pruned.from.0));
    assert_eq!(format!("{:032x}", history.state_at(last).unwrap().digest()), digest);
}

#[test]
fn half_a_publication_at_the_end_of_an_older_journal_is_cut_off() {
    let (folder, last, _) = older(1);
    let flip = "SELECT max(unit_first) FROM changes WHERE unit_count = 2";
    let first = number(&folder, flip);
    let database = Connection::open(database(&folder)).unwrap();
    database.execute("DELETE FROM changes WHERE sequence > ?", [first]).unwrap();
    database.execute("DELETE FROM checkpoints WHERE sequence > ?", [first]).unwrap();
    drop(database);
    let journal = folder.open();
    let before = Sequence(u64::try_from(first).unwrap() - 1);
    assert!(before < last);
    assert_eq!((journal.restored().sequence, journal.restored().cut), (before, 1));
    let id = btc(journal.book());
    journal.book().record(trade(id, 900, OrderSide::Buy, "1", "50000")).unwrap();
    journal.close().unwrap();
    assert_eq!(History::open(folder.path()).unwrap().verify(|_, _| {}).unwrap().first_difference, None);
}

#[test]
fn a_damaged_older_journal_is_refused_as_it_is() {
    let (good, _, _) = older(1);
    let bytes = fs::read(database(&good)).unwrap();
    let (mut refused, mut harmless) = (0, 0);
    for place in (100..bytes.len()).step_by(997) {
        let (folder, last, digest) = older(1);
        let mut bad = bytes.clone();
        bad[place] ^= 1 << (place % 8);
        fs::write(database(&folder), &bad).unwrap();
        match Journal::open(folder.path(), JournalOptions::default(), builder()).map(Journal::close) {
            Err(_) => {
                assert!(fs::read(database(&folder)).unwrap() == bad, "byte {place}: refused, and changed");
                refused += 1;
            }
            Ok(closed) => {
                closed.unwrap();
                let history = History::open(folder.path()).unwrap();
                let same = format!("{:032x}", history.state_at(last).unwrap().digest()) == digest;
                assert!(same, "byte {place}: a silent difference");
                assert_eq!(history.verify(|_, _| {}).unwrap().first_difference, None, "byte {place}");
                harmless += 1;
            }
        }
    }
    println!("{refused} flips refused, {harmless} in what is not carried over");
    assert!(refused > 20);
}

#[test]
fn nothing_of_this_version_is_added_to_an_older_journal() {
    let (folder, _, _) = older(1);
    let before = fs::read(database(&folder)).unwrap();
    let refused = History::checkpoint(folder.path()).unwrap_err();
    assert!(matches!(refused, JournalError::Older { .. }), "{refused}");
    assert!(fs::read(database(&folder)).unwrap() == before);
    folder.open().close().unwrap();
    History::checkpoint(folder.path()).unwrap();
}

/// A small journal of this version with some of everything: for the versions after it.
fn write_fixture() {
    let folder = Folder::new();
    let options = JournalOptions::default().checkpoint_every(30);
    let journal = Journal::open(folder.path(), options, builder().identity(7, 1)).unwrap();
    let book = journal.book();
    let (btc, eth) = (btc(book), eth(book));
    open(book, btc, "1", "50000");
    open(book, eth, "2", "3000");
    for n in 100..140 {
        let side = if n % 3 == 0 { OrderSide::Sell } else { OrderSide::Buy };
        book.record(trade(btc, n, side, "0.5", "50000")).unwrap();
        book.wait_durable(book.snapshot().sequence()).unwrap();
    }
    book.record(trade(eth, 150, OrderSide::Sell, "3", "3100")).unwrap();
    for (id, mark) in [(eth, "3050"), (eth, "3200"), (btc, "51000")] {
        book.mark(id, mark.parse().unwrap()).unwrap();
        let position = book.snapshot().get(id).unwrap().id;
        book.apply(Command::Reach { key: id.into(), position }).unwrap();
    }
    let tags = Tags::new(["night", "grid"].map(|tag| tag.parse().unwrap())).unwrap();
    book.apply(Command::tag(btc, tags)).unwrap();
    // An order that carries one, and never leaves.
    let third = PositionKey { owner: Owner(3), ..PositionKey::net(btc) };
    let wish = Command::open(third, Side::Long, q("1")).at(p("50000")).tag("carry").unwrap();
    book.reserve(wish).unwrap().release();
    let order = book.reserve(Command::scale_out(btc, q("0.1")).because("some off")).unwrap();
    order.sent().unwrap().detach();
    let view = book.snapshot();
    journal.close().unwrap();
    let to = fixtures();
    fs::create_dir_all(&to).unwrap();
    fs::copy(database(&folder), to.join(format!("journal-{NEWEST}.sqlite"))).unwrap();
    let digest = format!("{} {:032x}\n", view.sequence(), view.digest());
    fs::write(to.join(format!("journal-{NEWEST}.digest")), digest).unwrap();
}
