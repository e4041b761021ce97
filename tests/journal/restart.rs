//! A restart: everything is there again, and nothing is named twice.

use posbook::journal::{History, Journal, JournalOptions};
use posbook::venue::{PaperVenue, PositionManager};
use posbook::{
    Command, ExitPlan, Fill, FillOutcome, GroupLimit, Instrument, Limits, OrderSide, Owner, PositionKey,
    Selection, Sequence, Side, Tags, Timestamp,
};

use crate::help::{Folder, btc, builder, eth, open, p, q, trade};

#[test]
fn i5_what_was_written_is_the_book_that_wrote_it() {
    let folder = Folder::new();
    let journal = folder.open();
    let book = journal.book().clone();
    let (btc, eth) = (btc(&book), eth(&book));
    open(&book, btc, "1", "50000");
    open(&book, eth, "2", "3000");
    book.record(trade(btc, 900, OrderSide::Sell, "3", "51000")).unwrap(); // a flip: two changes, one publication
    let last = book.snapshot();
    book.wait_durable(last.sequence()).unwrap();
    let seen = journal.state_at(last.sequence()).unwrap();
    assert_eq!((seen.sequence(), seen.digest()), (last.sequence(), last.digest()));
    journal.close().unwrap();
    let history = posbook::journal::History::open(folder.path()).unwrap();
    let verified = history.verify(|_, _| {}).unwrap();
    assert_eq!(verified.first_difference, None);
    assert_eq!(verified.digest, format!("{:032x}", last.digest()));
    let again = folder.open();
    assert_eq!(again.restored().sequence, last.sequence());
    let view = again.book().snapshot();
    assert_eq!(view.get(btc), last.get(btc));
    assert_eq!(view.key(eth), last.key(eth));
}

#[test]
fn nautilus_3046_replaying_the_same_fills_twice_changes_nothing() {
    let folder = Folder::new();
    let journal = folder.open();
    let id = btc(journal.book());
    let fills: Vec<_> = (1..60).map(|n| trade(id, n, OrderSide::Buy, "0.1", "50000")).collect();
    for fill in &fills {
        journal.book().record(fill.clone()).unwrap();
    }
    let before = journal.book().snapshot().key(id).cloned();
    journal.close().unwrap();
    let journal = folder.open();
    for fill in fills {
        assert_eq!(journal.book().record(fill).unwrap().outcome, FillOutcome::Duplicate);
    }
    assert_eq!(journal.book().snapshot().key(id).cloned(), before);
}

#[test]
fn r15_nothing_is_named_twice_and_unresolved_orders_come_back_in_doubt() {
    let folder = Folder::new();
    let journal = folder.open();
    let id = btc(journal.book());
    journal.book().mark(id, p("50000")).unwrap();
    let sent = journal.book().reserve(Command::open(id, Side::Long, q("1"))).unwrap().sent().unwrap();
    let name = sent.detach();
    journal.book().wait_durable(journal.book().snapshot().sequence()).unwrap();
    journal.close().unwrap();
    let journal = folder.open();
    let book = journal.book();
    assert_eq!(journal.restored().in_doubt, [name]);
    assert_eq!(journal.restored().epoch, 2);
    assert!(book.health().journal.unwrap().not_ready.is_some());
    // The venue's word ends it.
    book.record(trade(id, 5, OrderSide::Buy, "1", "50000").order(name)).unwrap();
    book.reattach(name).unwrap().complete(q("1")).unwrap();
    book.mark(id, p("50000")).unwrap();
    let refused = book.reserve(Command::scale_in(id, q("1"))).unwrap_err();
    assert!(refused.to_string().contains("not ready after a restart"), "{refused}");
    assert!(book.reserve(Command::scale_out(id, q("0.1"))).is_ok());
    book.reported(book.snapshot().sequence());
    let next = book.reserve(Command::scale_in(id, q("1"))).unwrap();
    assert_eq!((next.client_id().book, next.client_id().epoch), (name.book, 2));
    assert!(next.client_id().sequence > Sequence(1));
}

#[test]
fn d31_targets_water_marks_and_plans_come_back_as_they_were() {
    let folder = Folder::new();
    let journal = folder.open();
    let book = journal.book().clone();
    let id = btc(&book);
    book.mark(id, p("100")).unwrap();
    let plan = ExitPlan::default().trailing("0.01".parse().unwrap(), "0.02".parse().unwrap());
    let wish = Command::open(id, Side::Short, q("2")).stop("0.1").unwrap().exits(plan);
    let order = book.reserve(wish).unwrap().sent().unwrap();
    book.record(trade(id, 1, OrderSide::Sell, "2", "100").order(order.client_id())).unwrap();
    order.complete(q("2")).unwrap();
    // The stop follows the market down.
    book.mark(id, p("90")).unwrap();
    let position = book.snapshot().get(id).unwrap().id;
    book.apply(Command::Trail { key: id.into(), position }).unwrap();
    let stood = book.snapshot().key(id).cloned().unwrap();
    assert_eq!(stood.position.as_ref().unwrap().best, Some(p("90")));
    journal.close().unwrap();
    let again = folder.open();
    assert_eq!(again.book().snapshot().key(id), Some(&stood));
    // And it goes on from there.
    again.book().mark(id, p("80")).unwrap();
    again.book().apply(Command::Trail { key: id.into(), position }).unwrap();
    assert!(again.book().snapshot().get(id).unwrap().stop_loss() < stood.position.unwrap().stop_loss());
}

#[test]
fn d31_tags_come_back_and_other_limits_of_groups_hold_from_then_on() {
    let grid = |places| {
        let grid = Selection::everything().tag("grid".parse().unwrap());
        vec![GroupLimit::new("grid".parse().unwrap(), grid).positions(places)]
    };
    let limited = |places| builder().limits(Limits { groups: grid(places), ..Limits::default() });
    let folder = Folder::new();
    let open = |builder| Journal::open(folder.path(), JournalOptions::default(), builder).unwrap();
    let journal = open(limited(2));
    let book = journal.book().clone();
    let (btc, eth) = (btc(&book), eth(&book));
    let wish = |id| Command::open(id, Side::Long, q("1")).at(p("100")).tag("grid").unwrap();
    let order = book.reserve(wish(btc)).unwrap().sent().unwrap();
    book.record(trade(btc, 1, OrderSide::Buy, "1", "100").order(order.client_id())).unwrap();
    order.complete(q("1")).unwrap();
    let both = Tags::new(["night", "grid"].map(|tag| tag.parse().unwrap())).unwrap();
    book.apply(Command::tag(btc, both.clone()).because("late shift")).unwrap();
    // One is on its way when the program stops: it carries its tag through the restart, to its position.
    let late = book.reserve(wish(eth)).unwrap().sent().unwrap().detach();
    let stood = book.snapshot();
    journal.close().unwrap();
    let verified = History::open(folder.path()).unwrap().verify(|_, _| {}).unwrap();
    assert_eq!((verified.first_difference, verified.digest), (None, format!("{:032x}", stood.digest())));

    let again = open(limited(1));
    let book = again.book().clone();
    assert_eq!(book.snapshot().key(btc), stood.key(btc));
    assert_eq!(book.snapshot().get(btc).unwrap().tags, both);
    book.record(trade(eth, 2, OrderSide::Buy, "1", "100").order(late)).unwrap();
    book.reattach(late).unwrap().complete(q("1")).unwrap();
    assert_eq!(book.snapshot().get(eth).unwrap().tags.to_string(), "grid");
    // What stands is beyond the new limit, and stays; nothing comes in beside it.
    book.reported(book.snapshot().sequence());
    let third = PositionKey { owner: Owner(3), ..PositionKey::net(btc) };
    let refused = book.reserve(wish(third.instrument)).unwrap_err();
    assert!(refused.to_string().contains("already exists"), "{refused}");
    let refused = book.reserve(Command::open(third, Side::Long, q("1")).at(p("100")).tag("grid").unwrap());
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("limit positions of the group grid: 3 would exceed 1"), "{refused}");
    again.close().unwrap();
    // And without any group the same journal is what it was.
    assert_eq!(open(builder()).book().snapshot().get(btc).unwrap().tags, both);
}

#[test]
fn a_checkpoint_of_the_last_change_before_a_restart_is_what_the_changes_lead_to() {
    let folder = Folder::new();
    let journal = folder.open();
    let id = btc(journal.book());
    open(journal.book(), id, "1", "50000");
    journal.close().unwrap();
    let at = History::checkpoint(folder.path()).unwrap();
    // Another opening, under other settings, goes on with the next change.
    let limits = Limits { positions: 7, ..Limits::default() };
    let journal = Journal::open(folder.path(), JournalOptions::default(), builder().limits(limits)).unwrap();
    assert_eq!(journal.restored().checkpoint, at);
    journal.book().record(trade(id, 900, OrderSide::Buy, "1", "50000")).unwrap();
    journal.close().unwrap();
    let verified = History::open(folder.path()).unwrap().verify(|_, _| {}).unwrap();
    assert_eq!((verified.first_difference, verified.checkpoints), (None, 1));
}

#[test]
fn nautilus_4736_a_warm_restart_changes_nothing() {
    let venue = PaperVenue::builder().seed(1).build();
    venue.list(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001").unwrap()).unwrap();
    let symbol = "BTC/USDT:USDT".parse().unwrap();
    let folder = Folder::new();
    let now = posbook::Timestamp::from_millis(1_000);
    venue.tick(&symbol, p("50000"), now).unwrap();
    let journal = folder.open();
    let manager =
        pollster::block_on(PositionManager::connect(journal.book().clone(), venue.clone())).unwrap();
    let id = manager.instrument("BTC/USDT:USDT").unwrap();
    journal.book().mark(id, p("50000")).unwrap();
    pollster::block_on(manager.open_position(id, Side::Long, q("2"), 5, "0.05".parse().unwrap())).unwrap();
    pollster::block_on(manager.scale_out_position(id, q("0.5"), "some off")).unwrap();
    pollster::block_on(manager.pull_fills()).unwrap();
    let stood = journal.book().snapshot().key(id).cloned();
    drop(manager);
    journal.close().unwrap();

    let journal = folder.open();
    let manager =
        pollster::block_on(PositionManager::connect(journal.book().clone(), venue.clone())).unwrap();
    journal.book().mark(id, p("50000")).unwrap();
    // New risk waits for a complete report; until then only out.
    let early = pollster::block_on(manager.scale_in_position(id, q("1"))).unwrap_err();
    assert!(early.to_string().contains("not ready"), "{early}");
    let from_the_beginning =
        pollster::block_on(posbook::venue::Venue::fills_since(&venue, Default::default())).unwrap();
    assert_eq!(from_the_beginning.fills.len(), 2);
    for mut again in from_the_beginning.fills {
        again.fill.instrument = id;
        assert_eq!(journal.book().record(again.fill).unwrap().outcome, FillOutcome::Duplicate);
    }
    venue.advance(posbook::Timestamp::from_millis(2_000));
    let found = pollster::block_on(manager.reconcile_positions()).unwrap();
    assert_eq!((found.to_string().as_str(), found.resolved()), ("in agreement", 0));
    assert_eq!(journal.book().snapshot().key(id).cloned(), stood);
    pollster::block_on(manager.scale_in_position(id, q("1"))).unwrap();
}

#[test]
fn a_plain_sqlite3_reads_the_positions_while_the_bot_runs() {
    let folder = Folder::new();
    let journal = folder.open();
    let (btc, eth) = (btc(journal.book()), eth(journal.book()));
    open(journal.book(), btc, "1.50", "50000.0");
    open(journal.book(), eth, "2", "3000");
    journal.book().record(trade(eth, 900, OrderSide::Sell, "2", "3100")).unwrap();
    journal.book().wait_durable(journal.book().snapshot().sequence()).unwrap();
    let ask = |sql: &str| {
        let database = folder.path().join("journal.sqlite");
        let output = std::process::Command::new("sqlite3").arg("-readonly").arg(database).arg(sql).output();
        match output {
            Ok(output) => {
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                Some(String::from_utf8(output.stdout).unwrap())
            }
            Err(_) => {
                println!("skipped: there is no sqlite3 here (apt-get install sqlite3)");
                None
            }
        }
    };
    let Some(positions) = ask("SELECT symbol, side, quantity, entry, stop FROM positions_current") else {
        return;
    };
    assert_eq!(positions, "BTC/USDT:USDT|long|1.5|50000|47500\n");
    assert_eq!(ask("SELECT symbol, side, quantity, price FROM fills").unwrap().lines().count(), 3);
    let closed = ask("SELECT symbol, side, entry, realised FROM closed_positions").unwrap();
    assert_eq!(closed, "ETH/USDT:USDT|long|3000|200\n");
    // Still writing.
    open(journal.book(), eth, "1", "3000");
    journal.book().wait_durable(journal.book().snapshot().sequence()).unwrap();
    assert_eq!(ask("SELECT count(*) FROM positions_current").unwrap(), "2\n");
}

/// A reduction does not wait for the disk. From a venue without trade ids its figures can be told from one another only by
/// what is known of the order, so it is taken up again by the first of them.
#[test]
fn r15_a_reduction_whose_claim_was_forgotten_is_booked_by_its_figures_once() {
    let folder = Folder::new();
    let by_hand = || JournalOptions::default().by_hand(true).durable_reservations(false);
    let journal = Journal::open(folder.path(), by_hand(), builder()).unwrap();
    let book = journal.book().clone();
    let id = btc(&book);
    open(&book, id, "2", "100");
    journal.write().unwrap();
    let kept = book.snapshot().sequence();
    let name = book.reserve(Command::scale_out(id, q("0.5"))).unwrap().sent().unwrap().detach();
    drop(journal); // killed: the claim is on no disk

    let journal = Journal::open(folder.path(), by_hand(), builder()).unwrap();
    let book = journal.book().clone();
    assert_eq!(journal.restored().sequence, kept);
    assert!(book.reattach(name).is_err(), "nothing is known of it");
    let figure = |so_far: &str, at: i64| {
        let fill = Fill::cumulative(id, name, OrderSide::Sell, q(so_far), p("110"));
        book.record(fill.at(Timestamp::from_millis(at))).unwrap().outcome
    };
    let stands = || book.snapshot().get(id).unwrap().quantity;
    assert!(matches!(figure("0.2", 2_000), FillOutcome::Booked { .. }));
    assert_eq!(stands(), q("1.8"));
    assert_eq!(figure("0.2", 2_000), FillOutcome::Duplicate);
    assert!(matches!(figure("0.5", 2_001), FillOutcome::Booked { .. }), "only what is new of it");
    assert_eq!(stands(), q("1.5"));
    // It is in doubt until the venue states its end, and survives the next restart like any other.
    journal.write().unwrap();
    drop(book);
    drop(journal);
    let journal = folder.open();
    let book = journal.book();
    assert_eq!(journal.restored().in_doubt, [name]);
    book.reattach(name).unwrap().complete(q("0.5")).unwrap();
    let view = book.snapshot();
    let key = view.key(id).unwrap();
    assert!(key.orders.is_empty() && key.troubles.is_empty());
    assert_eq!(key.ledger.realised, "5".parse().unwrap());
    // An older figure of it, late, is in what is booked.
    let late =
        Fill::cumulative(id, name, OrderSide::Sell, q("0.3"), p("110")).at(Timestamp::from_millis(2_002));
    assert_eq!(book.record(late).unwrap().outcome, FillOutcome::Duplicate);
    assert_eq!(book.snapshot().get(id).unwrap().quantity, q("1.5"));
}

/// Openings that came and went between do not make it known: what counts is where the one after its own began.
#[test]
fn r15_a_claim_is_forgotten_for_every_later_opening() {
    let folder = Folder::new();
    let by_hand = || JournalOptions::default().by_hand(true).durable_reservations(false);
    let journal = Journal::open(folder.path(), by_hand(), builder()).unwrap();
    let id = btc(journal.book());
    open(journal.book(), id, "2", "100");
    journal.write().unwrap();
    let book = journal.book().clone();
    let name = book.reserve(Command::scale_out(id, q("0.5"))).unwrap().sent().unwrap().detach();
    drop((book, journal)); // killed: the claim is on no disk

    // The next one goes on and writes more than the claim's number.
    let journal = Journal::open(folder.path(), by_hand(), builder()).unwrap();
    for n in 0..20 {
        journal.book().record(trade(id, 500 + n, OrderSide::Buy, "0.1", "100")).unwrap();
    }
    assert!(journal.book().snapshot().sequence() > name.sequence);
    journal.write().unwrap();
    drop(journal);
    let journal = Journal::open(folder.path(), by_hand(), builder()).unwrap();
    let book = journal.book();
    assert_eq!(book.snapshot().get(id).unwrap().quantity, q("4"));
    let figure = Fill::cumulative(id, name, OrderSide::Sell, q("0.5"), p("110"));
    let outcome = book.record(figure.at(Timestamp::from_millis(9_000))).unwrap().outcome;
    assert!(matches!(outcome, FillOutcome::Booked { .. }), "{outcome:?}");
    assert_eq!(book.snapshot().get(id).unwrap().quantity, q("3.5"));
}

/// What an earlier opening named and the disk has is finished or unresolved, never forgotten: its figures are not booked twice.
#[test]
fn r15_a_figure_of_an_order_that_is_on_the_disk_is_not_taken_for_a_forgotten_one() {
    let folder = Folder::new();
    let journal = folder.open();
    let id = btc(journal.book());
    let book = journal.book().clone();
    book.mark(id, p("100")).unwrap();
    let mut names = Vec::new();
    // More orders than a slot remembers once they are finished.
    for n in 0..80 {
        let order = match n {
            0 => book.reserve(Command::open(id, Side::Long, q("1"))).unwrap().sent().unwrap(),
            _ => book.reserve(Command::scale_in(id, q("1"))).unwrap().sent().unwrap(),
        };
        let name = order.client_id();
        let fill = Fill::cumulative(id, name, OrderSide::Buy, q("1"), p("100"));
        book.record(fill.at(Timestamp::from_millis(1_000 + n))).unwrap();
        order.complete(q("1")).unwrap();
        names.push(name);
    }
    drop(book);
    journal.close().unwrap();
    let journal = folder.open();
    for name in names {
        let again =
            Fill::cumulative(id, name, OrderSide::Buy, q("2"), p("100")).at(Timestamp::from_millis(9_000));
        let outcome = journal.book().record(again).unwrap().outcome;
        assert!(!matches!(outcome, FillOutcome::Booked { .. }), "{name}: {outcome:?}");
    }
    assert_eq!(journal.book().snapshot().get(id).unwrap().quantity, q("80"));
}
