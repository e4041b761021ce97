//! The trace: what happened, one line an event, in market time since the beginning.

use posbook::{Change, Command, OrderRef, Timestamp};

use super::run::BEGIN;

pub(super) fn seconds(time: Timestamp) -> String {
    let since = time.since(BEGIN);
    format!("{:>9.6}", since.as_secs_f64())
}

/// A change in one line.
pub(super) fn line(now: Timestamp, change: &Change) -> String {
    let Some(key) = change.key() else {
        return format!("{}   #{} {}", seconds(now), change.sequence, change.kind());
    };
    let (_, after) = change.positions();
    let stands = after.map_or_else(
        || "flat".to_owned(),
        |p| format!("{} {} stop {:?}", p.side, p.quantity, p.targets.stop.map(|s| s.get())),
    );
    let detail = match change.command() {
        Command::Record(fill) => {
            let whose = match &fill.order {
                OrderRef::Ours(id) => id.to_string(),
                OrderRef::Foreign(name) => name.to_string(),
                OrderRef::Forced { by, .. } => by.to_string(),
                OrderRef::Unstated => "nobody's".to_owned(),
            };
            let at = fill.venue_time.map(seconds).unwrap_or_default();
            format!(" {} {} @ {} of {whose} at {at}", fill.side, fill.quantity, fill.price)
        }
        Command::Step { order, step, .. } => format!(" {order} {step:?}"),
        Command::Adopt(a) => format!(
            " {} {} @ {} by a report of {:?}, asked at {}",
            a.side,
            a.quantity,
            a.entry,
            a.report_time.map(seconds),
            a.asked
        ),
        Command::Drop(d) => {
            format!(" by a report of {:?}, asked at {}", d.report_time.map(seconds), d.asked)
        }
        other => format!(" {}", other.reason()),
    };
    format!("{}   #{} {key}: {}{detail} -> {stands}", seconds(now), change.sequence, change.kind())
}
