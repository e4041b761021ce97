//! One look at a journal: what stands there now, as values that are shown.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use posbook::analytics::{Figure, Group, Keep, Performance};
use posbook::journal::{History, Place};
use posbook::{
    Change, ContractKind, Decimal, KeyState, Leg, Owner, Position, Sequence, Side, Snapshot, Tags, Timestamp,
    TroubleKind,
};
use serde::{Serialize, Serializer};

use crate::Failure;
use crate::report::words;

/// So many of the last changes are read at first: for the prices that they carry, and to be listed.
const BACK: u64 = 2_000;
/// So many are listed.
const LISTED: usize = 6;

/// A journal that is looked at again and again.
pub struct Looking {
    folder: PathBuf,
    place: Place,
    performance: Performance,
    recent: VecDeque<Recent>,
}

/// What there is to see.
#[derive(Debug, Clone, Serialize)]
pub struct Look {
    pub folder: String,
    pub sequence: u64,
    /// When the last change happened, by the book's clock.
    pub time: i64,
    pub positions: Vec<Row>,
    pub sums: Vec<Sum>,
    pub orders: usize,
    pub in_doubt: usize,
    pub troubled: usize,
    pub unprotected: usize,
    pub strays: u64,
    /// Acknowledged and not there any more.
    pub lost: Option<u64>,
    pub recent: Vec<Recent>,
    #[serde(skip)]
    pub age: Duration,
}

/// One position.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    pub symbol: String,
    pub base: String,
    pub currency: String,
    pub leg: &'static str,
    pub owner: u32,
    pub side: Side,
    #[serde(serialize_with = "text")]
    pub quantity: Decimal,
    #[serde(serialize_with = "text")]
    pub entry: Decimal,
    /// The latest price that a change carried. `None`: none did lately.
    #[serde(serialize_with = "text_or_null")]
    pub mark: Option<Decimal>,
    #[serde(serialize_with = "text_or_null")]
    pub unrealised: Option<Decimal>,
    /// Of the cost.
    #[serde(serialize_with = "text_or_null")]
    pub percent: Option<Decimal>,
    #[serde(serialize_with = "text_or_null")]
    pub value: Option<Decimal>,
    #[serde(serialize_with = "text_or_null")]
    pub leverage: Option<Decimal>,
    /// Where an isolated position has lost its margin. `None`: nobody said what its leverage is, or no price takes all of it.
    #[serde(serialize_with = "text_or_null")]
    pub bankrupt: Option<Decimal>,
    #[serde(serialize_with = "text_or_null")]
    pub stop: Option<Decimal>,
    /// How far the mark may go until there, in percent of it; below zero it has passed it.
    #[serde(serialize_with = "text_or_null")]
    pub to_stop: Option<Decimal>,
    #[serde(serialize_with = "text_or_null")]
    pub take: Option<Decimal>,
    #[serde(serialize_with = "text_or_null")]
    pub to_take: Option<Decimal>,
    pub opened_at: i64,
    #[serde(skip)]
    pub age: Duration,
    /// D in doubt, Q quarantined, U unprotected, T other trouble, C closing, o orders on their way.
    pub flags: String,
    pub tags: Tags,
}

/// The money of one currency.
#[derive(Debug, Clone, Serialize)]
pub struct Sum {
    pub currency: String,
    pub realised: Figure,
    pub fees: Figure,
    pub unrealised: Figure,
    pub together: Figure,
    pub gross: Figure,
    pub net: Figure,
}

/// A number as a text, so that no reader rounds it.
fn text<S: Serializer>(number: &Decimal, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(number)
}

fn text_or_null<S: Serializer>(number: &Option<Decimal>, to: S) -> Result<S::Ok, S::Error> {
    match number {
        Some(number) => to.collect_str(number),
        None => to.serialize_none(),
    }
}

/// A change in a line.
#[derive(Debug, Clone, Serialize)]
pub struct Recent {
    pub sequence: u64,
    pub time: i64,
    pub what: String,
}

impl Looking {
    pub fn begin(folder: &Path) -> Result<Self, Failure> {
        let history = History::open(folder)?;
        let (first, last) = history.bounds()?;
        let back = last.0.saturating_sub(BACK).max(first.0.saturating_sub(1));
        let place = history.place_at(Sequence(back))?;
        let performance = Performance::begin(&place.view(), Keep { lives: 0, rows: 1 });
        Ok(Self { folder: folder.to_owned(), place, performance, recent: VecDeque::new() })
    }

    /// What stands there now. Each look is a moment of its own.
    pub fn look(&mut self) -> Result<Look, Failure> {
        let history = History::open(&self.folder)?;
        let (performance, recent) = (&mut self.performance, &mut self.recent);
        let mut refused = None;
        history.go_on(&mut self.place, |publication| {
            refused = performance.follow_all(publication).err().or(refused.take());
            for change in publication {
                if recent.len() >= LISTED {
                    recent.pop_front();
                }
                recent.push_back(told(performance, change));
            }
        })?;
        if let Some(wrong) = refused {
            return Err(Failure::Input(wrong.to_string()));
        }
        let lost = history.lost()?.map(|sequence| sequence.0);
        Ok(self.seen(&self.place.view(), lost))
    }

    fn seen(&self, view: &Snapshot, lost: Option<u64>) -> Look {
        let time = self.performance.between().map_or(Timestamp(0), |(_, now)| now);
        let open = view.keys().filter_map(|key| Some((key, key.position.as_ref()?)));
        let positions = open.map(|(key, position)| self.row(view, key, position, time)).collect();
        let totals = view.totals();
        let now = i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX);
        Look {
            folder: self.folder.display().to_string(),
            sequence: view.sequence().0,
            time: time.0,
            positions,
            sums: self.sums(),
            orders: totals.orders,
            in_doubt: totals.in_doubt,
            troubled: totals.troubled,
            unprotected: view.keys().filter(|key| has(key, TroubleKind::Unprotected)).count(),
            strays: totals.strays,
            lost,
            recent: self.recent.iter().cloned().collect(),
            age: Timestamp(now).since(time),
        }
    }

    fn sums(&self) -> Vec<Sum> {
        let book = self.performance.accounts().filter(|(_, group, _)| **group == Group::Book);
        book.map(|(currency, _, account)| Sum {
            currency: currency.to_string(),
            realised: account.realised(),
            fees: account.fees(),
            unrealised: account.unrealised(),
            together: account.equity(),
            gross: account.gross(),
            net: account.net(),
        })
        .collect()
    }

    fn row(&self, view: &Snapshot, key: &KeyState, position: &Position, now: Timestamp) -> Row {
        let instrument = view.instrument(position.key.instrument);
        let price = self.performance.price(position.key.instrument);
        let mark = price.map(posbook::Price::get);
        let unrealised = price.and_then(|price| position.unrealised(price).ok());
        let percent = |part: Option<Decimal>, of: Option<Decimal>| {
            part?.checked_div(of?.abs())?.checked_mul(Decimal::ONE_HUNDRED)
        };
        let [stop, take] =
            [position.stop_loss(), position.take_profit()].map(|at| at.map(posbook::Price::get));
        // Below zero: the price has passed it, and it has not fired yet.
        let ahead = |at: Option<Decimal>, above: bool| {
            let (at, mark) = at.zip(mark)?;
            if above { at.checked_sub(mark) } else { mark.checked_sub(at) }
        };
        let long = position.side == Side::Long;
        Row {
            symbol: instrument.map_or_else(|| position.key.to_string(), |i| i.symbol().to_string()),
            base: instrument.map_or_else(String::new, |i| i.base().to_string()),
            currency: instrument.map_or_else(String::new, |i| i.settle().to_string()),
            leg: match position.key.leg {
                Leg::Net => "net",
                Leg::Long => "long",
                Leg::Short => "short",
            },
            owner: position.key.owner.0,
            side: position.side,
            quantity: position.quantity.get(),
            entry: position.entry_price(),
            mark,
            unrealised: unrealised.map(|by| by.normalize()),
            percent: percent(unrealised, Some(position.cost)).map(two),
            value: price.and_then(|price| position.value_at(price).ok()).map(|value| value.abs()),
            leverage: position.leverage.map(posbook::Leverage::get),
            bankrupt: instrument.and_then(|instrument| bankrupt(position, instrument.kind())),
            stop,
            to_stop: percent(ahead(stop, !long), mark).map(two),
            take,
            to_take: percent(ahead(take, long), mark).map(two),
            opened_at: position.opened_at.0,
            age: now.since(position.opened_at),
            flags: flags(key),
            tags: position.tags.clone(),
        }
    }
}

/// The price at which the loss is the initial margin of an isolated position: the venue liquidates before that, by its maintenance
/// margin, of which the book is not told. Entry x (1 - 1 / leverage) of a long, (1 + 1 / leverage) of a short; of an inverse contract
/// entry x leverage / (leverage + 1) and / (leverage - 1) (Bybit help centre, "Bankruptcy Price").
fn bankrupt(position: &Position, kind: ContractKind) -> Option<Decimal> {
    let (entry, leverage) = (position.entry_price(), position.leverage?.get());
    let against = match position.side {
        Side::Long => Decimal::ONE,
        Side::Short => Decimal::NEGATIVE_ONE,
    };
    let price = match kind {
        ContractKind::Spot => return None,
        ContractKind::Linear | ContractKind::Quanto => {
            entry.checked_sub(entry.checked_mul(against)?.checked_div(leverage)?)?
        }
        ContractKind::Inverse => entry.checked_mul(leverage)?.checked_div(leverage.checked_add(against)?)?,
    };
    (price > Decimal::ZERO).then(|| price.round_sf(12).unwrap_or(price).normalize())
}

fn two(value: Decimal) -> Decimal {
    value.round_dp(2).normalize()
}

fn has(key: &KeyState, kind: TroubleKind) -> bool {
    key.troubles.iter().any(|trouble| trouble.kind == kind)
}

fn flags(key: &KeyState) -> String {
    let other = |kind: TroubleKind| !matches!(kind, TroubleKind::Quarantined | TroubleKind::Unprotected);
    [
        ('D', key.doubt().is_some()),
        ('Q', has(key, TroubleKind::Quarantined)),
        ('U', has(key, TroubleKind::Unprotected)),
        ('T', key.troubles.iter().any(|trouble| other(trouble.kind))),
        ('C', key.closing.is_some()),
        ('o', !key.orders.is_empty()),
    ]
    .into_iter()
    .filter_map(|(flag, set)| set.then_some(flag))
    .collect()
}

/// A change in one line.
fn told(performance: &Performance, change: &Change) -> Recent {
    let mut what = String::new();
    if let Some(key) = change.key() {
        what = performance
            .instrument(key.instrument)
            .map_or_else(|| key.to_string(), |instrument| instrument.symbol().to_string());
        if key.owner != Owner::UNOWNED {
            what += &format!(" ({})", key.owner.0);
        }
        what += " ";
    }
    what += &change.kind().to_string();
    let reason = change.command().reason();
    if !reason.is_empty() {
        what += &format!(" ({reason})");
    }
    if let (_, Some(position)) = change.positions() {
        let (quantity, entry) = (position.quantity, words::price(position.entry_price()));
        what += &format!(": {} {quantity} @ {entry}", position.side);
    }
    Recent { sequence: change.sequence.0, time: change.time.0, what }
}

#[cfg(test)]
mod tests {
    use posbook::{Book, Fill, Instrument, InstrumentSpec, Leverage, OrderSide};

    use super::*;

    #[test]
    fn bankrupt_is_where_the_loss_is_the_margin() {
        for side in [OrderSide::Buy, OrderSide::Sell] {
            for kind in [ContractKind::Linear, ContractKind::Inverse] {
                let spec = InstrumentSpec::linear("BTC/USDT:USDT", "0.1", "0.001").unwrap();
                let instrument = Instrument::new(spec.of_kind(kind)).unwrap();
                let book = Book::builder().build().unwrap();
                let id = book.register(instrument).unwrap();
                let fill = Fill::trade(
                    id,
                    "1".parse().unwrap(),
                    side,
                    "5".parse().unwrap(),
                    "50000".parse().unwrap(),
                );
                book.record(fill).unwrap();
                let view = book.snapshot();
                let of = |times: u16| Position {
                    leverage: Some(Leverage::of(times)),
                    ..view.get(id).unwrap().clone()
                };
                let position = of(10);
                let at = bankrupt(&position, kind).unwrap();
                let lost = position.unrealised(at.to_string().parse().unwrap()).unwrap();
                let margin = position.margin_used().unwrap().unwrap();
                let off = (lost + margin).abs() / margin;
                assert!(off < Decimal::new(1, 9), "{kind:?} {side:?}: {lost} at {at}, margin {margin}");
                // At its own worth: a linear long loses it at 0, an inverse short never.
                let never = bankrupt(&of(1), kind).is_none();
                let expected = matches!(
                    (kind, side),
                    (ContractKind::Linear, OrderSide::Buy) | (ContractKind::Inverse, OrderSide::Sell)
                );
                assert_eq!(never, expected, "{kind:?} {side:?}");
            }
        }
    }
}
