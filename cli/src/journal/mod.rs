//! `posbook VERB DIR`: looking into a journal, whether a bot is writing it or not.

pub mod diff;
pub mod inspect;
pub mod lines;
pub mod upkeep;
pub mod verify;

use jiff::Timestamp as Time;
use posbook::journal::{At, History, JournalError};
use posbook::{Leg, Owner, PositionKey, Sequence, Timestamp};

use crate::Failure;

impl From<JournalError> for Failure {
    fn from(wrong: JournalError) -> Self {
        match wrong {
            // Who holds it may let go of it: no fault of what was asked.
            JournalError::System { .. } | JournalError::Held { .. } => {
                Failure::Environment(wrong.to_string())
            }
            _ => Failure::Input(wrong.to_string()),
        }
    }
}

/// A moment: the number of a change, or a time such as `2026-11-27T06:00:00Z`.
fn moment(text: &str) -> Result<At, String> {
    if let Ok(sequence) = text.parse() {
        return Ok(At::Sequence(Sequence(sequence)));
    }
    let time: Time = text.parse().map_err(|_| {
        format!("{text:?} is neither the number of a change nor a time such as 2026-11-27T06:00:00Z")
    })?;
    i64::try_from(time.as_nanosecond())
        .map(|time| At::Time(Timestamp(time)))
        .map_err(|_| format!("{text:?} is no time that a journal can have"))
}

/// A time of the book's clock for people; one that is none stays a number.
fn time(nanoseconds: i64) -> String {
    Time::from_nanosecond(nanoseconds.into())
        .map_or_else(|_| nanoseconds.to_string(), |time| time.to_string())
}

/// A key by the symbol of its instrument.
fn key(history: &History, symbol: &str, leg: Leg, owner: u32) -> Result<PositionKey, Failure> {
    let (_, last) = history.bounds()?;
    let view = history.state_at(last)?;
    let instrument = view.id(symbol).ok_or_else(|| {
        let known: Vec<_> = view.instruments().take(8).map(|(_, i)| i.symbol().to_string()).collect();
        Failure::Input(format!("{symbol:?} is not in this journal; it has {}", known.join(", ")))
    })?;
    Ok(PositionKey { instrument, leg, owner: Owner(owner) })
}

fn leg(text: &str) -> Result<Leg, String> {
    match text {
        "net" => Ok(Leg::Net),
        "long" => Ok(Leg::Long),
        "short" => Ok(Leg::Short),
        _ => Err(format!("{text:?} is none of net, long, short")),
    }
}
