//! Histories broken by hand, each in one way: the witness names the rule, and where its words reach, the search finds no
//! order either. Each is broken from a sound one, which passes.

use std::sync::Arc;

use posbook::{
    Answer, Change, Command, Decimal, Effect, Fill, FillOutcome, KeyState, Kind, OrderSide, Side, Sums,
};
use posbook_proof::conservation::conserved;
use posbook_proof::history::{Asked, Came, Event, History, Recording};
use posbook_proof::naive::State;
use posbook_proof::program::Stage;
use posbook_proof::search::explain;
use posbook_proof::shrink::shrink;
use posbook_proof::translate::calls;
use posbook_proof::violation::Violation;
use posbook_proof::witness::check;

const KEYS: usize = 3;

/// Two threads by turns, with every kind of answer: 0 opens a key and fills it, 1 looks, is refused, reserves a pair.
///
/// Event by event: 0 open, 1 send, 2 fill, 3 look (thread 1), 4 complete, 5 refused open (thread 1), 6 look (thread 1),
/// 7 pair (thread 1), 8 look (thread 0), 9 look (thread 1), 10 the fill again, 11 feed, 12 look through a reader.
fn sound() -> History {
    traded().1
}

/// As above, with the book.
fn traded() -> (Stage, History) {
    let stage = Stage::new(KEYS, 1_024).unwrap();
    let (book, ids) = (&stage.book, &stage.ids);
    let recording = Recording::begin(book).unwrap();
    let mut a = recording.recorder(0).keep_views();
    let mut b = recording.recorder(1).keep_views();
    let mut reader = book.reader();
    let mut feed = book.changes();
    let one = || "1".parse().unwrap();
    let open = |id| Command::open(id, Side::Long, "1".parse().unwrap()).stop("0.05").unwrap();
    let claim = a.reserve(book, open(ids[0])).unwrap();
    let sent = a.sent(claim).unwrap();
    let fill = Fill::trade(ids[0], "t".parse().unwrap(), OrderSide::Buy, one(), "100".parse().unwrap())
        .order(sent.client_id())
        .fee("0.01", "USDT")
        .unwrap();
    a.record(book, fill.clone()).unwrap();
    b.snapshot(book);
    a.complete(sent, one()).unwrap();
    b.reserve(book, open(ids[0])).unwrap_err();
    b.snapshot(book);
    let pair = b.submit(book, vec![open(ids[1]).into(), open(ids[2]).into()]).unwrap();
    let held: Vec<_> = pair.reservations.into_iter().collect();
    a.snapshot(book);
    b.snapshot(book);
    a.record(book, fill).unwrap();
    a.next(&mut feed).unwrap().unwrap();
    b.view(&mut reader);
    let history = recording.end(book, [a, b]).unwrap();
    drop(held);
    (stage, history)
}

fn found(history: &History) -> Violation {
    let violation = *check(history).expect_err("the witness passes a broken history");
    let shrunk = shrink(history).expect("it fails");
    assert!(shrunk.events <= history.events.len());
    println!("{violation}\n{}\n", shrunk.lines.join("\n"));
    violation
}

fn explained(history: &History) -> bool {
    // The feed is not one of the search's words; the reader's look is.
    explain(&calls(history).unwrap(), State::flat(KEYS)).is_ok()
}

/// Makes two events overlap, so that real time says nothing about them.
fn picture(event: &mut Event) -> (&mut posbook::Sequence, &mut Option<u128>) {
    match &mut event.came {
        Came::Picture { sequence, digest, .. } => (sequence, digest),
        other => panic!("{other:?} is no look"),
    }
}

#[test]
fn the_sound_history_passes_both() {
    let history = sound();
    let checked = check(&history).unwrap();
    assert_eq!((checked.events, checked.refusals, checked.nothings), (13, 1, 1), "{checked:?}");
    assert_eq!((checked.pictures, checked.contents, checked.publications), (5, 5, 5));
    assert!(explained(&history));
    assert!(shrink(&history).is_none());
}

#[test]
fn a_gap_is_found() {
    let mut history = sound();
    history.publications.remove(1);
    assert!(matches!(found(&history), Violation::Gap { .. }));
}

#[test]
fn a_publication_of_nothing_is_found_and_does_not_end_the_trial() {
    for at in 0..=sound().publications.len() {
        let mut history = sound();
        history.publications.insert(at, serde_json::from_str("[]").unwrap());
        assert!(matches!(found(&history), Violation::NobodyAsked { .. } | Violation::Lost { .. }), "{at}");
    }
}

#[test]
fn a_history_that_lost_its_end_or_all_of_one_side_is_found_and_one_of_nothing_says_so() {
    for keep in 0..sound().publications.len() {
        let mut history = sound();
        history.publications.truncate(keep);
        assert!(matches!(found(&history), Violation::Lost { .. } | Violation::NeverThere { .. }), "{keep}");
    }
    // Looks and refusals aside, each call that is missing left something that then nobody asked for.
    let mut history = sound();
    history.events.clear();
    assert!(matches!(found(&history), Violation::NobodyAsked { .. }));

    // Nothing on both sides breaks nothing: what was looked at is in the answer, and the money was never handed in.
    let (stage, mut history) = traded();
    (history.events, history.publications) = (Vec::new(), Vec::new());
    assert_eq!(check(&history).unwrap(), posbook_proof::witness::Checked::default());
    let wrong = conserved(&history, &stage.book.snapshot()).unwrap_err();
    assert!(wrong.contains("0 was handed in, 1 is open"), "{wrong}");
}

#[test]
fn a_look_at_what_was_never_there_is_found() {
    let mut history = sound();
    picture(&mut history.events[12]).0.0 += 1;
    assert!(matches!(found(&history), Violation::NeverThere { .. }));
}

#[test]
fn a_place_that_two_calls_were_told_is_found() {
    let mut history = sound();
    let mut again = history.events[2].clone();
    (again.invoked, again.returned) = (1_000, 1_001);
    history.events.push(again);
    assert!(matches!(found(&history), Violation::TakenTwice { .. }));
}

#[test]
fn a_lost_update_is_found_by_both() {
    // The fill is acknowledged with a place that the claim of the pair has: two writers decided on one state.
    let mut history = sound();
    let last = history.publications[2].last();
    if let Came::Published { last: told, .. } = &mut history.events[7].came {
        *told = last;
    }
    assert!(matches!(found(&history), Violation::TakenTwice { .. } | Violation::Lost { .. }));

    // What follows does not contain it, and no order explains that it was acknowledged.
    let mut history = sound();
    let before = history.events[3].came.clone();
    for n in [6, 8, 9, 12] {
        history.events[n].came = before.clone();
    }
    assert!(matches!(found(&history), Violation::BackInTime { .. }));
    assert!(!explained(&history));
}

#[test]
fn an_acknowledged_write_that_was_never_published_is_found_by_both() {
    let mut history = sound();
    let mut again = history.events[4].clone();
    (again.invoked, again.returned) = (1_000, 1_001);
    // The order is finished: completing it once more cannot have been accepted.
    history.events.push(again);
    assert!(matches!(found(&history), Violation::Lost { .. }));
    assert!(!explained(&history));
}

#[test]
fn a_publication_that_nobody_asked_for_is_found_by_both() {
    let mut history = sound();
    // The completion is struck from the record; what it did is there.
    history.events.remove(4);
    assert!(matches!(found(&history), Violation::NobodyAsked { .. }));
    assert!(!explained(&history));
}

#[test]
fn money_that_appears_or_vanishes_is_found_by_the_count() {
    let (stage, history) = traded();
    let at_rest = stage.book.snapshot();
    assert_eq!(conserved(&history, &at_rest), Ok(1));
    let fill = history.publications.iter().position(|unit| unit[0].kind() == Kind::Opened).unwrap();
    type Damage = fn(&mut KeyState);
    let breaks: [(Damage, &str); 4] = [
        (|key| key.ledger.cash += Decimal::ONE, "has cash"),
        (|key| key.ledger.realised -= Decimal::ONE, "has cash"),
        // These two hide each other in the equation: only what was traded gives them away.
        (
            |key| (key.ledger.cash, key.ledger.realised) = (Decimal::ZERO, Decimal::ONE_HUNDRED),
            "moved cash 0",
        ),
        (|key| key.ledger.fees = Sums::default(), "fees 0 (I9)"),
    ];
    for (damage, says) in breaks {
        let mut broken = history.clone();
        let unit: Vec<Change> = broken.publications[fill]
            .iter()
            .cloned()
            .map(|mut change| {
                let Effect::Key { after, .. } = &mut change.effect else { panic!("a fill of a key") };
                damage(Arc::make_mut(after));
                change
            })
            .collect();
        // A publication is read back from what is stored of it, whatever that is.
        broken.publications[fill] = serde_json::from_str(&serde_json::to_string(&unit).unwrap()).unwrap();
        let wrong = conserved(&broken, &at_rest).unwrap_err();
        assert!(wrong.contains(says), "{wrong}");
    }
}

#[test]
fn a_torn_snapshot_is_found_by_both() {
    // Half of the pair: the sequence between the two, and the content of one key from before.
    let mut history = sound();
    let pair = history.publications.last().unwrap().first();
    *picture(&mut history.events[8]).0 = pair;
    assert!(matches!(found(&history), Violation::Torn { .. }), "R14");

    // For the search: a picture in which one key is from before the pair and one from after it.
    let history = sound();
    let mut halves = calls(&history).unwrap();
    let (before, after) = (pictures(&halves[6]), pictures(&halves[8]));
    assert_ne!((&before[1], &before[2]), (&after[1], &after[2]));
    let torn = vec![after[0].clone(), after[1].clone(), before[2].clone()];
    use posbook_proof::{naive::Outcome, search};
    halves[8].came = Some(search::Came::Is(Outcome::Picture(torn)));
    assert!(explain(&halves, State::flat(KEYS)).is_err());
}

fn pictures(call: &posbook_proof::search::Call) -> Vec<posbook_proof::naive::KeyPicture> {
    use posbook_proof::{naive::Outcome, search};
    match &call.came {
        Some(search::Came::Is(Outcome::Picture(keys))) => keys.clone(),
        other => panic!("{other:?} is no look"),
    }
}

#[test]
fn another_content_under_a_sequence_is_found() {
    let mut history = sound();
    let other = *picture(&mut history.events[3]).1;
    *picture(&mut history.events[6]).1 = other;
    assert!(matches!(found(&history), Violation::OtherContent { .. }));
}

#[test]
fn two_readers_that_disagree_on_the_order_of_two_writes_are_found_by_both() {
    // 0 and 1 write at the same time, to two keys; one reader saw only the one, another only the other. Each key alone
    // is in order.
    let stage = Stage::new(KEYS, 1_024).unwrap();
    let (book, ids) = (&stage.book, &stage.ids);
    let recording = Recording::begin(book).unwrap();
    let mut writers = [recording.recorder(0).keep_views(), recording.recorder(1).keep_views()];
    let mut readers = [recording.recorder(2).keep_views(), recording.recorder(3).keep_views()];
    let open = |id| Command::open(id, Side::Long, "1".parse().unwrap()).stop("0.05").unwrap();
    let first = writers[0].reserve(book, open(ids[0])).unwrap();
    readers[0].snapshot(book);
    let second = writers[1].reserve(book, open(ids[1])).unwrap();
    readers[1].snapshot(book);
    let history = recording.end(book, writers.into_iter().chain(readers)).unwrap();
    drop((first, second));
    let mut overlapping = history.clone();
    // All four at once.
    for event in &mut overlapping.events {
        (event.invoked, event.returned) = (event.invoked % 4, 100 + event.returned % 4);
    }
    check(&overlapping).unwrap();
    assert!(explained(&overlapping));

    // The second reader is said to have seen the second write and not the first.
    let stage = Stage::new(KEYS, 1_024).unwrap();
    let other = Recording::begin(&stage.book).unwrap();
    let mut alone = other.recorder(3).keep_views();
    let held = stage.book.reserve(open(stage.ids[1])).unwrap();
    alone.snapshot(&stage.book);
    let mut came = alone.events()[0].came.clone();
    drop(held);
    if let Came::Picture { sequence, .. } = &mut came {
        // Under the sequence that it would have had.
        *sequence = history.publications[0].last();
    }
    let mut disagreeing = overlapping.clone();
    let place = disagreeing.events.iter().position(|e| e.thread == 3).unwrap();
    disagreeing.events[place].came = came;
    assert!(matches!(found(&disagreeing), Violation::OtherContent { .. }));
    // The reservation of the second picture has another name: by what is open on each key no order explains it.
    assert!(!explained(&disagreeing));
}

#[test]
fn a_look_that_is_stale_in_real_time_is_found_by_both_across_threads() {
    // Thread 1 saw the fill; thread 0, which looked after that, is shown what was before it.
    let mut history = sound();
    history.events.truncate(4);
    let before = {
        let stage = Stage::new(KEYS, 1_024).unwrap();
        let recording = Recording::begin(&stage.book).unwrap();
        let mut alone = recording.recorder(0).keep_views();
        alone.snapshot(&stage.book);
        alone.events()[0].came.clone()
    };
    history.publications.truncate(3);
    history.events.push(Event {
        thread: 0,
        invoked: 500,
        returned: 501,
        asked: Asked::Snapshot,
        came: before,
    });
    assert!(matches!(found(&history), Violation::BackInTime { .. }));
    assert!(!explained(&history));

    // Had it begun before the first write, it would be in order.
    let last = history.events.last_mut().unwrap();
    last.invoked = 0;
    let stale = history.events.pop().unwrap();
    for event in &mut history.events {
        event.invoked += 1;
        event.returned += 1;
    }
    history.events.insert(0, stale);
    check(&history).unwrap();
    assert!(explained(&history));
}

#[test]
fn a_refusal_that_no_state_justifies_is_found_by_both() {
    // "A position already exists", said before any was opened.
    let mut history = sound();
    let mut refused = history.events.remove(5);
    (refused.invoked, refused.returned) = (0, 0);
    for event in &mut history.events {
        event.invoked += 1;
        event.returned += 1;
    }
    history.events.insert(0, refused);
    assert!(matches!(found(&history), Violation::Unjustified { .. }));
    assert!(!explained(&history));

    // And "nothing to do" of a fill that had not come before.
    let mut history = sound();
    let mut again = history.events.remove(10);
    (again.invoked, again.returned) = (0, 0);
    for event in &mut history.events {
        event.invoked += 1;
        event.returned += 1;
    }
    history.events.insert(0, again);
    assert!(matches!(found(&history), Violation::Unjustified { .. }));
    assert!(!explained(&history));
}

#[test]
fn a_refusal_may_be_justified_by_a_state_that_stood_in_its_midst() {
    // It began before the open and was over after the fill: some state in between says so.
    let mut history = sound();
    let mut refused = history.events.remove(5);
    (refused.invoked, refused.returned) = (0, 2_000);
    for event in &mut history.events {
        event.invoked += 1;
        event.returned += 1;
    }
    history.events.insert(0, refused);
    check(&history).unwrap();
    assert!(explained(&history));
}

#[test]
fn half_a_batch_is_found_by_both() {
    // The pair is said to have been one open; the order of everything has both.
    let mut history = sound();
    if let Asked::Commands(commands) = &mut history.events[7].asked {
        commands.truncate(1);
    }
    assert!(matches!(found(&history), Violation::Lost { .. }));
    // One of the pair is missing from every later picture.
    let mut halves = calls(&sound()).unwrap();
    use posbook_proof::{naive::KeyPicture, naive::Outcome, search};
    for n in [8, 9, 11] {
        let mut keys = pictures(&halves[n]);
        keys[2] = KeyPicture::default();
        halves[n].came = Some(search::Came::Is(Outcome::Picture(keys)));
    }
    assert!(explain(&halves, State::flat(KEYS)).is_err());
}

#[test]
fn a_feed_that_skips_is_found() {
    let mut history = sound();
    let third = history.publications[2].clone();
    history.events[11].came = Came::Item(third);
    assert!(matches!(found(&history), Violation::OtherItem { .. }));
}

#[test]
fn a_feed_that_says_it_lagged_or_goes_on_elsewhere_is_found() {
    // The window holds everything since the recording began.
    let mut history = sound();
    history.events[11].came = Came::Lagged(3);
    assert!(matches!(found(&history), Violation::NotLagged { .. }));

    // A second item, of what comes after the one that is left out.
    let mut history = sound();
    let mut next = history.events[11].clone();
    let units = &history.publications;
    next.asked = Asked::Feed { after: units[1].last() };
    next.came = Came::Item(units[2].clone());
    (next.invoked, next.returned) = (1_000, 1_001);
    history.events.push(next);
    assert!(matches!(found(&history), Violation::FeedMoved { .. }));
}

#[test]
fn a_cumulative_figure_that_was_swallowed_is_found_by_the_count() {
    let stage = Stage::new(KEYS, 1_024).unwrap();
    let recording = Recording::begin(&stage.book).unwrap();
    let mut rec = recording.recorder(0);
    let claim =
        rec.reserve(&stage.book, Command::open(stage.ids[0], Side::Long, "2".parse().unwrap())).unwrap();
    let sent = rec.sent(claim).unwrap();
    let figure = |quantity: &str| {
        let (quantity, price) = (quantity.parse().unwrap(), "100".parse().unwrap());
        Fill::cumulative(stage.ids[0], sent.client_id(), OrderSide::Buy, quantity, price)
    };
    for quantity in ["1", "2", "1"] {
        rec.record(&stage.book, figure(quantity)).unwrap();
    }
    sent.detach();
    let history = recording.end(&stage.book, [rec]).unwrap();
    let at_rest = stage.book.snapshot();
    assert_eq!(conserved(&history, &at_rest), Ok(2));
    // The greater figure is called a duplicate, and what is open is what the smaller one says.
    let mut broken = history;
    broken.events[3].came = Came::Nothing { answer: Some(Answer::Fill(FillOutcome::Duplicate)) };
    let wrong = conserved(&broken, &at_rest).unwrap_err();
    assert!(wrong.contains("never booked, and called a duplicate (I11)"), "{wrong}");
}

#[test]
fn a_feed_that_says_nothing_yet_when_there_is_something_is_found() {
    let mut history = sound();
    history.events[11].came = Came::NoItem;
    assert!(matches!(found(&history), Violation::BackInTime { .. }));
}

#[test]
fn an_answer_that_the_state_does_not_give_is_found() {
    let mut history = sound();
    if let Came::Published { answer, .. } = &mut history.events[2].came {
        *answer = Some(posbook::Answer::Fill(posbook::FillOutcome::TooOldToTell));
    }
    assert!(matches!(found(&history), Violation::OtherAnswer { .. }));
}

#[test]
fn another_mark_than_there_was_is_found() {
    let mut history = sound();
    for mark in history.given.marks.values_mut() {
        mark.price = "101".parse().unwrap();
    }
    assert!(matches!(found(&history), Violation::OtherCircumstances { .. }));
}
