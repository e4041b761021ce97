//! Conservation, counted naively, with no arithmetic of the crate's. Quantity, without any order of events: the distinct
//! fills that were handed in, less those that were taken back, the positions that were adopted, and those that were dropped,
//! add up to what is open, key by key. Money, change by change: a fill moves as much cash and as many fees as were traded, and cash is always what was
//! realised, less the open cost, plus what is unexplained.

use std::collections::{BTreeMap, HashMap};

use posbook::{
    Answer, Command, Decimal, Effect, Fill, FillNote, FillOutcome, InstrumentId, KeyState, Kind, OrderRef,
    OrderSide, Publication, Sequence, Shape, Side, Snapshot, TroubleKind,
};

use crate::history::{Came, Event, History};
use crate::witness::Caused;

/// So many fills an instrument remembers at least (R3).
const REMEMBERED: usize = 128;

/// Compares a book at rest with everything that its history handed in; returns how many distinct fills there were.
///
/// # Errors
/// In words: the key, and what is there instead.
pub fn conserved(history: &History, at_rest: &Snapshot) -> Result<u64, String> {
    let mut open: BTreeMap<InstrumentId, Decimal> = BTreeMap::new();
    let mut add = |instrument, side, quantity: Decimal| {
        *open.entry(instrument).or_default() += if side == Side::Long { quantity } else { -quantity };
    };
    let fills = distinct(history);
    for handed in fills.values() {
        let fill = handed.fill;
        match handed.booked.as_slice() {
            [] if handed.called_duplicate
                && !handed.noted
                && !excused(history, fill)
                && !greater(&fills, fill) =>
            {
                return Err(format!("{}: it was never booked, and called a duplicate (I11)", words(fill)));
            }
            [] => {}
            // Its quantity was in a report.
            [notes] if notes.contains(&FillNote::Replaced) => {}
            [_] if handed.taken_back == 1 => {}
            _ if handed.taken_back > 1 => {
                return Err(format!("{}: taken back {} times (I11)", words(fill), handed.taken_back));
            }
            [_] if matches!(fill.shape, Shape::Trade { .. }) => {
                add(fill.instrument, fill.side.opens(), fill.quantity.get());
            }
            [_] => {}
            _ => return Err(format!("{}: booked {} times (I11)", words(fill), handed.booked.len())),
        }
    }
    // Of cumulative figures the greatest that was booked is what an order came to.
    let mut figures: HashMap<&OrderRef, &Fill> = HashMap::new();
    for handed in fills.values().filter(|h| h.fill.shape == Shape::Cumulative && !h.booked.is_empty()) {
        let figure = figures.entry(&handed.fill.order).or_insert(handed.fill);
        if figure.quantity < handed.fill.quantity {
            *figure = handed.fill;
        }
    }
    for fill in figures.values() {
        add(fill.instrument, fill.side.opens(), fill.quantity.get());
    }
    for publication in &history.publications {
        for change in publication.iter() {
            match (change.command(), change.positions()) {
                (Command::Adopt(found), _) => add(found.key.instrument, found.side, found.quantity.get()),
                (Command::Drop(gone), (Some(before), None)) => {
                    add(gone.key.instrument, before.side, -before.quantity.get());
                }
                (Command::Correct(right), (Some(before), Some(after))) => {
                    add(right.key.instrument, after.side, after.quantity.get() - before.quantity.get());
                }
                _ => {}
            }
        }
    }
    for (id, _) in at_rest.instruments() {
        let keys = at_rest.keys().filter(|key| key.key.instrument == id);
        let stands: Decimal = keys
            .filter_map(|key| key.position.as_ref())
            .map(|p| if p.side == Side::Long { p.quantity.get() } else { -p.quantity.get() })
            .sum();
        let handed_in = open.get(&id).copied().unwrap_or_default();
        if stands != handed_in {
            return Err(format!("instrument {id}: {handed_in} was handed in, {stands} is open"));
        }
    }
    let mut worths = HashMap::new();
    for publication in &history.publications {
        money(publication, at_rest, &mut worths)?;
    }
    Ok(fills.len() as u64)
}

/// What one publication did to the money (I9, R17). The instruments of these histories are such that no amount is rounded.
/// `worths`: what the orders with cumulative figures came to so far.
fn money<'a>(
    publication: &'a Publication,
    at_rest: &Snapshot,
    worths: &mut HashMap<&'a OrderRef, Decimal>,
) -> Result<(), String> {
    let flat = KeyState::flat(InstrumentId(0).into());
    let (mut cash, mut fees, mut booked) = (Decimal::ZERO, Decimal::ZERO, false);
    let (fill, back) = match publication.first_cause().map(|cause| &cause.command) {
        Some(Command::Record(fill)) => (Some(fill), false),
        Some(Command::Bust(bust)) => (Some(&bust.fill), true),
        _ => (None, false),
    };
    for change in publication.iter() {
        let Effect::Key { kind, before, after, .. } = &change.effect else { continue };
        let before = before.as_deref().unwrap_or(&flat);
        let open = after.position.as_ref();
        let cost = open.map_or(Decimal::ZERO, |p| if p.side == Side::Long { p.cost } else { -p.cost });
        let (now, then) = (&after.ledger, &before.ledger);
        if now.cash != now.realised - cost + now.unexplained {
            return Err(format!(
                "{}: change {} ({kind}) has cash {}, realised {}, open cost {cost}, unexplained {} (I9)",
                after.key, change.sequence, now.cash, now.realised, now.unexplained
            ));
        }
        // One from before a report has its money weighed against what the report said of it (R8).
        booked |= matches!(kind, Kind::Opened | Kind::ScaledIn | Kind::ScaledOut | Kind::Closed);
        // One that could not be booked had moved nothing (R4).
        booked |= *kind == Kind::Busted && before.troubles.iter().all(|t| t.kind != TroubleKind::Unbooked);
        cash += now.cash - then.cash;
        fees += sum(now) - sum(then);
    }
    let Some(fill) = fill.filter(|_| booked) else { return Ok(()) };
    let size = at_rest.instrument(fill.instrument).map_or(Decimal::ONE, |i| i.contract_size().get());
    let mut worth = fill.quantity.get() * size * fill.price.get();
    if fill.shape == Shape::Cumulative {
        worth -= worths.insert(&fill.order, worth).unwrap_or_default();
    }
    let sign = if back { -Decimal::ONE } else { Decimal::ONE };
    let traded = if fill.side == OrderSide::Buy { -worth } else { worth } * sign;
    let paid = fill.fees.iter().map(|(_, amount)| amount).sum::<Decimal>() * sign;
    if (cash, fees) != (traded, paid) {
        return Err(format!("{} moved cash {cash} and fees {fees} (I9)", words(fill)));
    }
    Ok(())
}

/// All fees of a key together: here they are in one currency.
fn sum(ledger: &posbook::Ledger) -> Decimal {
    ledger.fees.iter().map(|(_, amount)| amount).sum()
}

/// One fill, however often it was handed in.
struct HandedIn<'a> {
    fill: &'a Fill,
    /// The notes of each time it was booked.
    booked: Vec<&'a [FillNote]>,
    called_duplicate: bool,
    /// How often the book answered that it is taken back.
    taken_back: usize,
    /// It was taken note of as one that is not booked (R3, R4): when it comes again it is known.
    noted: bool,
}

type Identity<'a> = (InstrumentId, &'a OrderRef, &'a Shape, Option<Decimal>);

fn distinct(history: &History) -> HashMap<Identity<'_>, HandedIn<'_>> {
    let mut fills: HashMap<Identity<'_>, HandedIn<'_>> = HashMap::new();
    for event in &history.events {
        let (fill, back) = match event.commands() {
            [Command::Record(fill)] => (fill, false),
            [Command::Bust(bust)] => (&bust.fill, true),
            _ => continue,
        };
        let cumulative = (fill.shape == Shape::Cumulative).then(|| fill.quantity.get());
        let identity = (fill.instrument, &fill.order, &fill.shape, cumulative);
        let new = HandedIn { fill, booked: Vec::new(), called_duplicate: false, taken_back: 0, noted: false };
        let handed = fills.entry(identity).or_insert(new);
        match outcome(event) {
            Some(FillOutcome::Booked { .. }) if back => handed.taken_back += 1,
            _ if back => {}
            Some(FillOutcome::Booked { notes }) => handed.booked.push(notes),
            Some(FillOutcome::Duplicate) => handed.called_duplicate = true,
            Some(_) => handed.noted = true,
            None => {}
        }
    }
    fills
}

fn outcome(event: &Event) -> Option<&FillOutcome> {
    match &event.came {
        Came::Published { answer: Some(Answer::Fill(outcome)), .. }
        | Came::Nothing { answer: Some(Answer::Fill(outcome)) } => Some(outcome),
        _ => None,
    }
}

/// A figure below one that was booked says nothing new.
fn greater(fills: &HashMap<Identity<'_>, HandedIn<'_>>, fill: &Fill) -> bool {
    let of_order = |other: &HandedIn<'_>| {
        other.fill.shape == Shape::Cumulative
            && (other.fill.instrument, &other.fill.order) == (fill.instrument, &fill.order)
    };
    fill.shape == Shape::Cumulative
        && fills
            .values()
            .any(|other| of_order(other) && !other.booked.is_empty() && other.fill.quantity >= fill.quantity)
}

/// A fill that comes after so many others of its instrument may be taken for one that was booked: its order's figure says
/// so (R3).
fn excused(history: &History, fill: &Fill) -> bool {
    let OrderRef::Ours(order) = fill.order else { return false };
    let since = |publication: &&Publication| publication.first() > Sequence(order.sequence.0);
    let fills = history.publications.iter().filter(since).filter(|publication| {
        publication.first_cause().is_some_and(
            |cause| matches!(&cause.command, Command::Record(other) if other.instrument == fill.instrument),
        )
    });
    fills.count() >= REMEMBERED
}

fn words(fill: &Fill) -> String {
    let side = if fill.side == OrderSide::Buy { "buy" } else { "sell" };
    format!("instrument {}: fill {:?} {side} {} @ {}", fill.instrument, fill.shape, fill.quantity, fill.price)
}
