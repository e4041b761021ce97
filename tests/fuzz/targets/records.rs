//! Stored records, as JSON and in a format that does not describe itself: hostile bytes are an error or a record; a record
//! comes back as it was, and folding or asking it panics nowhere.
#![no_main]

use std::fmt::Debug;
use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use posbook::{
    Book, Cause, Change, Command, Effect, ExitPlan, Fill, Instrument, KeyState, Limits, Observed, Order,
    Position, Publication, Settings, Sums, Totals,
};
use posbook_fuzz::ledger::Watched;
use serde::Serialize;
use serde::de::DeserializeOwned;

fuzz_target!(|data: &[u8]| {
    let _ = run(data);
});

fn run(data: &[u8]) -> Result<()> {
    let mut bytes = Unstructured::new(data);
    let u = &mut bytes;
    let (which, json): (u8, bool) = (u.arbitrary()?, u.arbitrary()?);
    if u.arbitrary()? {
        let length = u.len();
        any(which, json, u.bytes(length)?);
        return Ok(());
    }
    // A record of a real stream, damaged in a few places.
    let mut watched = Watched::new(u)?;
    for _ in 0..u.int_in_range(0..=16)? {
        watched.step(u)?;
    }
    let unit = u.choose(&watched.published)?.clone();
    let mut text = stored(which, json, &unit);
    for _ in 0..u.int_in_range(0..=4)? {
        let place = u.choose_index(text.len().max(1))?;
        match (u.int_in_range(0..=2)?, text.get_mut(place)) {
            (0, Some(byte)) => *byte = u.arbitrary()?,
            (1, Some(_)) => drop(text.remove(place)),
            _ => text.insert(place.min(text.len()), u.arbitrary()?),
        }
    }
    any(which, json, &text);
    Ok(())
}

/// One record of a publication, of the kind that `any` reads as.
fn stored(which: u8, json: bool, unit: &Publication) -> Vec<u8> {
    fn write<T: Serialize>(json: bool, value: &T) -> Vec<u8> {
        if json {
            serde_json::to_vec(value).expect("JSON")
        } else {
            postcard::to_stdvec(value).expect("bytes")
        }
    }
    let change = &unit[0];
    match which % 12 {
        0 => write(json, &change.cause.command),
        1 => write(json, change),
        2 => write(json, unit),
        3 => write(json, &change.cause),
        4 => write(json, &change.effect),
        _ => match &change.effect {
            Effect::Key { after, .. } => write(json, &**after),
            effect => write(json, effect),
        },
    }
}

fn any(which: u8, json: bool, bytes: &[u8]) {
    let book = Book::builder().identity(7, 1).build().expect("a book");
    match which % 12 {
        0 => {
            if let Some(command) = record::<Command>(json, bytes) {
                let asked = Cause { command: command.clone(), then: vec![], observed: Observed::default() };
                let _ = book.replica().ask(&Arc::new(asked));
                let _ = (command.name(), command.reason(), command.key());
                let _ = book.submit([command]);
            }
        }
        1 => {
            if let Some(change) = record::<Change>(json, bytes) {
                let _ = (change.command(), change.kind(), change.positions(), change.effect.notes());
                let _ = book.replica().apply(&change);
            }
        }
        2 => {
            if let Some(unit) = record::<Publication>(json, bytes) {
                let _ = (unit.first(), unit.last());
                let mut replica = book.replica();
                let _ = unit.iter().try_for_each(|change| replica.apply(change));
            }
        }
        3 => drop(record::<Cause>(json, bytes).map(|cause| book.replica().ask(&Arc::new(cause)))),
        4 => drop(record::<Effect>(json, bytes)),
        5 => {
            if let Some(key) = record::<KeyState>(json, bytes) {
                let _ = (key.free(), key.doubt(), key.blocked());
            }
        }
        6 => drop(record::<Order>(json, bytes).map(|order| order.remaining())),
        7 => {
            if let Some(open) = record::<Position>(json, bytes) {
                let _ =
                    (open.entry_price(), open.unrealised("1".parse().expect("one")), open.tiers().count());
            }
        }
        8 => drop(record::<Fill>(json, bytes).map(|fill| book.record(fill))),
        9 => drop((record::<Settings>(json, bytes), record::<Limits>(json, bytes))),
        10 => drop((record::<Sums>(json, bytes), record::<Totals>(json, bytes))),
        _ => drop((record::<ExitPlan>(json, bytes), record::<Instrument>(json, bytes))),
    }
}

/// What the bytes say, if they say anything; and it comes back.
fn record<T: Serialize + DeserializeOwned + PartialEq + Debug>(json: bool, bytes: &[u8]) -> Option<T> {
    let read: T =
        if json { serde_json::from_slice(bytes).ok()? } else { postcard::from_bytes(bytes).ok()? };
    let text = serde_json::to_string(&read).expect("JSON");
    assert_eq!(serde_json::from_str::<T>(&text).expect("what was written"), read, "{text}");
    let stored = postcard::to_stdvec(&read).expect("bytes");
    assert_eq!(postcard::from_bytes::<T>(&stored).expect("what was written"), read, "{text}");
    Some(read)
}
