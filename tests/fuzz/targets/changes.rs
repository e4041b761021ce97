//! Changes that no book made, into a replica: one that is not the next is refused and changes nothing, and so does any
//! other refusal; nothing panics, then or later.
#![no_main]

use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use posbook::{Change, Effect, KeyState, Position, Sequence};
use posbook_fuzz::hostile;
use posbook_fuzz::ledger::Watched;

fuzz_target!(|data: &[u8]| {
    let _ = run(&mut Unstructured::new(data));
});

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let mut watched = Watched::new(u)?;
    for _ in 0..u.int_in_range(0..=24)? {
        watched.step(u)?;
    }
    let known: Vec<Change> = watched.published.iter().flat_map(|unit| unit.iter().cloned()).collect();
    let mut replica = watched.replica;
    while !u.is_empty() {
        let mut change = u.choose(&known)?.clone();
        let next = Sequence(replica.sequence().0.saturating_add(1));
        if u.ratio(7, 8)? {
            change.sequence = if u.ratio(7, 8)? { next } else { Sequence(u.arbitrary()?) };
        }
        damage(&mut change.effect, u)?;
        let (before, sequence) = (replica.digest(), replica.sequence());
        match replica.apply(&change) {
            Ok(()) => {
                assert_eq!((change.sequence, replica.sequence()), (next, next), "I4: only the next one")
            }
            Err(_) => {
                assert_eq!(
                    (replica.digest(), replica.sequence()),
                    (before, sequence),
                    "a refusal changed something"
                );
            }
        }
        // Whatever stands there now, it can be asked.
        let _ = replica.ask(&change.cause);
    }
    Ok(())
}

fn damage(effect: &mut Effect, u: &mut Unstructured<'_>) -> Result<()> {
    match effect {
        Effect::Instrument { id, instrument } => {
            *id = hostile::instrument_id(u)?;
            *instrument = Arc::new(hostile::instrument(u)?);
        }
        Effect::Key { before, after, seen, .. } => {
            let after: &mut KeyState = Arc::make_mut(after);
            match u.int_in_range(0..=9)? {
                0 => *before = None,
                1 => *before = Some(Arc::new(after.clone())),
                2 => after.key = hostile::key(u)?,
                3 => after.position = None,
                4 => after.orders.clear(),
                5 => *seen = None,
                6 => after.revision = Sequence(u.arbitrary()?),
                7 | 8 => {
                    if let Some(open) = &mut after.position {
                        let open: &mut Position = open;
                        open.quantity = hostile::quantity(u)?;
                        open.cost = hostile::decimal(u)?;
                        open.side = hostile::side(u)?;
                    }
                }
                _ => {
                    after.ledger.realised = hostile::decimal(u)?;
                    after.ledger.fills = u.arbitrary()?;
                }
            }
        }
        _ => {}
    }
    Ok(())
}
