//! The figures once more, from the list of all changes, as slowly and as plainly as they are defined: with rational numbers, and
//! no code of the crate beyond the values that a change carries.

use std::collections::{BTreeMap, BTreeSet};

use num_bigint::BigInt;
use num_rational::BigRational;
use posbook::analytics::{Account, Figure, Group, Performance, Period, Row};
use posbook::{
    Change, Command, ContractKind, Currency, Decimal, Effect, Instrument, Kind, Ledger, Position,
    PositionKey, Shape, Side,
};

pub type Exact = BigRational;

pub fn exact(number: Decimal) -> Exact {
    Exact::new(number.mantissa().into(), BigInt::from(10).pow(number.scale()))
}

fn zero() -> Exact {
    Exact::from_integer(0.into())
}

/// One thing that a key did, in one currency.
struct Moved {
    time: i64,
    key: PositionKey,
    side: Option<Side>,
    tags: BTreeSet<String>,
    currency: Currency,
    booked: Exact,
}

struct Ended {
    time: i64,
    key: PositionKey,
    side: Side,
    tags: BTreeSet<String>,
    settle: Currency,
    result: Exact,
    /// The best and the worst that was seen of it. `None`: nobody noted any.
    extremes: Option<[Exact; 2]>,
}

/// Everything that happened.
pub struct Again {
    instruments: BTreeMap<u32, Instrument>,
    moved: Vec<Moved>,
    ended: Vec<Ended>,
    /// What the whole book was worth after each change, by currency.
    equity: BTreeMap<Currency, Vec<Exact>>,
}

impl Again {
    pub fn of(changes: &[Change]) -> Self {
        let mut again =
            Self { instruments: BTreeMap::new(), moved: vec![], ended: vec![], equity: BTreeMap::new() };
        let mut lives: BTreeMap<PositionKey, Exact> = BTreeMap::new();
        let mut open: BTreeMap<PositionKey, Position> = BTreeMap::new();
        let mut seen: BTreeMap<PositionKey, [Exact; 2]> = BTreeMap::new();
        let mut prices: BTreeMap<u32, Exact> = BTreeMap::new();
        let mut sums: BTreeMap<Currency, Exact> = BTreeMap::new();
        let mut latest = i64::MIN;
        for change in changes {
            latest = latest.max(change.time.0);
            let Effect::Key { before, after, kind, .. } = &change.effect else {
                if let Effect::Instrument { id, instrument } = &change.effect {
                    again.instruments.insert(id.0, (**instrument).clone());
                }
                continue;
            };
            let instrument = again.instruments[&after.key.instrument.0].clone();
            let settle = instrument.settle().clone();
            let (was, is) = change.positions();
            let before = before.as_ref().map(|before| before.ledger.clone()).unwrap_or_default();
            let trades = matches!(kind, Kind::Opened | Kind::ScaledIn | Kind::ScaledOut | Kind::Closed)
                && matches!(change.command(), Command::Record(_));
            let mut all = booked(&settle, &before, &after.ledger);
            if trades {
                // A period in which something was traded counts, even if nothing was booked in that currency.
                all.entry(settle.clone()).or_insert_with(zero);
            }
            for (currency, booked) in all {
                *sums.entry(currency.clone()).or_insert_with(zero) += &booked;
                if currency == settle && (was.is_some() || is.is_some()) {
                    *lives.entry(after.key).or_insert_with(zero) += &booked;
                }
                let side = was.or(is).map(|position| position.side);
                let tags = was.or(is).map(named).unwrap_or_default();
                again.moved.push(Moved { time: latest, key: after.key, side, tags, currency, booked });
            }
            if let (Some(was), Some(mark)) = (was, change.cause.observed.mark(after.key.instrument)) {
                let profit = unrealised(was, &exact(mark.get()));
                match (kind, seen.get_mut(&after.key)) {
                    (Kind::Reached, None) => {
                        drop(seen.insert(after.key, reached(&[zero(), zero()], &profit)))
                    }
                    (Kind::Reached, Some(so_far)) => *so_far = reached(so_far, &profit),
                    // A stop that follows takes it along, from a ten-thousandth of the cost on.
                    (Kind::Trailed, Some(so_far)) => {
                        let cost = exact(was.cost.abs()) / Exact::from_integer(10_000.into());
                        let further = (&profit - &so_far[0]).max(&so_far[1] - &profit);
                        if further > zero() && further >= cost {
                            *so_far = reached(so_far, &profit);
                        }
                    }
                    _ => {}
                }
            }
            match (was, is) {
                (Some(gone), None) => {
                    open.remove(&after.key);
                    let result = lives.remove(&after.key).unwrap_or_else(zero);
                    let extremes = seen.remove(&after.key);
                    // The price of the end was reached, too.
                    let last = exact(after.ledger.realised) - exact(before.realised);
                    let extremes = extremes.map(|so_far| match kind {
                        Kind::Closed => reached(&so_far, &last),
                        _ => so_far,
                    });
                    let (time, key, side, tags) = (latest, after.key, gone.side, named(gone));
                    again.ended.push(Ended { time, key, side, tags, settle, result, extremes });
                }
                (_, Some(stands)) => drop(open.insert(after.key, stands.clone())),
                (None, None) => {}
            }
            for mark in &change.cause.observed.marks {
                prices.insert(mark.instrument.0, exact(mark.price.get()));
            }
            if let (Command::Record(fill), true) = (change.command(), trades)
                && let Shape::Trade { .. } = fill.shape
            {
                prices.insert(fill.instrument.0, exact(fill.price.get()));
            }
            let mut worth = sums.clone();
            for (key, position) in &open {
                let settle = again.instruments[&key.instrument.0].settle().clone();
                let profit = prices.get(&key.instrument.0).map_or_else(zero, |at| unrealised(position, at));
                *worth.entry(settle).or_insert_with(zero) += profit;
            }
            for (currency, worth) in worth {
                again.equity.entry(currency).or_default().push(worth);
            }
        }
        again
    }

    fn is_in(&self, group: &Group, key: PositionKey, side: Option<Side>, tags: &BTreeSet<String>) -> bool {
        match group {
            Group::Book => true,
            Group::Side(of) => side == Some(*of),
            Group::Owner(of) => key.owner == *of,
            Group::Instrument(of) => key.instrument == *of,
            Group::Base(of) => self.instruments[&key.instrument.0].base() == of,
            Group::Tag(of) => tags.contains(of.as_str()),
        }
    }

    /// Compares every figure of every account; how many there were.
    pub fn compare(&self, performance: &Performance) -> usize {
        let mut accounts = 0;
        for (currency, group, account) in performance.accounts() {
            let place = format!("{group} in {currency}");
            self.compare_account(&place, currency, group, account);
            accounts += 1;
        }
        let named: BTreeSet<_> = self.moved.iter().map(|moved| &moved.currency).collect();
        for currency in named {
            assert!(performance.account(&Group::Book, currency).is_some(), "{currency} is missing");
        }
        assert_eq!(performance.lives().count(), self.ended.len() as u64);
        for (life, ended) in performance.lives().ended().rev().zip(self.ended.iter().rev()) {
            let extremes = life.favourable.known().zip(life.adverse.known());
            let extremes = extremes.map(|(best, worst)| [exact(best), exact(worst)]);
            assert_eq!((life.key, extremes), (ended.key, ended.extremes.clone()), "{life:?}");
        }
        accounts
    }

    fn compare_account(&self, place: &str, currency: &Currency, group: &Group, account: &Account) {
        let moved: Vec<_> = self
            .moved
            .iter()
            .filter(|moved| {
                moved.currency == *currency && self.is_in(group, moved.key, moved.side, &moved.tags)
            })
            .collect();
        let ended: Vec<_> = self
            .ended
            .iter()
            .filter(|ended| {
                ended.settle == *currency && self.is_in(group, ended.key, Some(ended.side), &ended.tags)
            })
            .collect();
        let sum = |of: &mut dyn Iterator<Item = &Exact>| of.fold(zero(), |sum, one| sum + one);
        same(place, "booked", account.booked(), &sum(&mut moved.iter().map(|moved| &moved.booked)));
        let wins: Vec<_> =
            ended.iter().map(|ended| &ended.result).filter(|result| **result > zero()).collect();
        let losses: Vec<_> =
            ended.iter().map(|ended| &ended.result).filter(|result| **result < zero()).collect();
        let results = account.results();
        assert_eq!((results.wins(), results.losses()), (wins.len() as u64, losses.len() as u64), "{place}");
        assert_eq!((results.known(), results.unknown()), (ended.len() as u64, 0), "{place}");
        let (profit, loss) = (sum(&mut wins.iter().copied()), -sum(&mut losses.iter().copied()));
        same(place, "profit", results.profit(), &profit);
        same(place, "loss", results.loss(), &loss);
        let count = |n: usize| Exact::from_integer(n.into());
        ratio(place, "win rate", results.win_rate(), &count(wins.len()), &count(ended.len()));
        ratio(place, "expectancy", results.expectancy(), &(&profit - &loss), &count(ended.len()));
        ratio(place, "profit factor", results.profit_factor(), &profit, &loss);
        ratio(place, "average win", results.average_win(), &profit, &count(wins.len()));
        ratio(place, "average loss", results.average_loss(), &loss, &count(losses.len()));
        if let Some(largest) = wins.iter().max() {
            same(place, "largest win", results.largest_win(), largest);
        }
        if let Some(largest) = losses.iter().min() {
            same(place, "largest loss", results.largest_loss(), &-(*largest).clone());
        }
        for period in Period::ALL {
            // Independently of the crate for lengths that are fixed; a month is asked for.
            let number = |time: i64| match period {
                Period::Minute => time.div_euclid(60_000_000_000),
                Period::Hour => time.div_euclid(3_600_000_000_000),
                Period::Day => time.div_euclid(86_400_000_000_000),
                Period::Week => (time - 4 * 86_400_000_000_000).div_euclid(7 * 86_400_000_000_000),
                Period::Month => period.number(posbook::Timestamp(time)),
            };
            let mut rows: BTreeMap<i64, (Exact, u64)> = BTreeMap::new();
            for moved in &moved {
                rows.entry(number(moved.time)).or_insert_with(|| (zero(), 0)).0 += &moved.booked;
            }
            for ended in &ended {
                rows.entry(number(ended.time)).or_insert_with(|| (zero(), 0)).1 += 1;
            }
            let theirs: Vec<&Row> = account.rows(period).collect();
            for (row, (booked, lives)) in theirs.iter().zip(rows.values()) {
                same(place, period.name(), row.booked(), booked);
                assert_eq!(row.results().known(), *lives, "{place}: lives of a {}", period.name());
            }
            assert_eq!(theirs.len(), rows.len(), "{place}: rows by {}", period.name());
            sharpe(place, account.sharpe(period), &rows);
        }
        if let (Group::Book, Some(equity)) = (group, self.equity.get(currency)) {
            let (mut peak, mut worst, mut now) = (zero(), zero(), zero());
            for worth in equity {
                peak = peak.max(worth.clone());
                now = &peak - worth;
                worst = worst.max(now.clone());
            }
            same(place, "estimate", account.estimate(), equity.last().unwrap());
            same(place, "drawdown now", account.drawdown().now(), &now);
            same(place, "worst drawdown", account.drawdown().worst(), &worst);
        }
    }
}

/// What a position is called by.
fn named(position: &Position) -> BTreeSet<String> {
    position.tags.iter().map(ToString::to_string).collect()
}

/// Realised, less fees, plus funding, of what moved between two records.
fn booked(settle: &Currency, before: &Ledger, after: &Ledger) -> BTreeMap<Currency, Exact> {
    let mut booked: BTreeMap<Currency, Exact> = BTreeMap::new();
    let mut add =
        |currency: &Currency, amount: Exact| *booked.entry(currency.clone()).or_insert_with(zero) += amount;
    add(settle, exact(after.realised) - exact(before.realised));
    for (ledger, sign) in [(after, 1), (before, -1)] {
        let sign = Exact::from_integer(sign.into());
        ledger.fees.iter().for_each(|(currency, fee)| add(currency, -&sign * exact(fee)));
        ledger.funding.iter().for_each(|(currency, paid)| add(currency, &sign * exact(paid)));
    }
    booked.retain(|_, amount| *amount != zero());
    booked
}

/// The extremes if this was seen, too.
fn reached([best, worst]: &[Exact; 2], profit: &Exact) -> [Exact; 2] {
    [best.max(profit).clone(), worst.min(profit).clone()]
}

fn unrealised(position: &Position, at: &Exact) -> Exact {
    let contracts = exact(position.quantity.get()) * exact(position.contract_size.get());
    let value = match position.contract {
        ContractKind::Inverse => -(contracts / at),
        _ => contracts * at,
    };
    let profit = value - exact(position.cost);
    if position.side == Side::Long { profit } else { -profit }
}

fn same(place: &str, what: &str, ours: Figure, theirs: &Exact) {
    let known = ours.known().unwrap_or_else(|| panic!("{place}: {what} is {ours}"));
    assert_eq!(exact(known), *theirs, "{place}: {what}");
}

/// A quotient to the last of its 18 digits.
fn ratio(place: &str, what: &str, ours: Figure, above: &Exact, below: &Exact) {
    let Some(ours) = ours.known() else {
        assert_eq!(*below, zero(), "{place}: {what} is {ours}");
        return;
    };
    let (true_one, ours) = (above / below, exact(ours));
    let off = if true_one > ours { &true_one - &ours } else { &ours - &true_one };
    // Half a unit of the 18th significant digit.
    let mut unit = Exact::new(1.into(), BigInt::from(10).pow(17));
    let size = if true_one < zero() { -true_one } else { true_one };
    let ten = Exact::from_integer(10.into());
    while &unit * BigInt::from(10).pow(18) <= size {
        unit *= &ten;
    }
    while size != zero() && &unit * BigInt::from(10).pow(17) > size {
        unit /= &ten;
    }
    assert!(off * BigInt::from(2) <= unit, "{place}: {what}");
}

/// The ratio is the greatest number of 18 decimals whose square is not above mean^2 / variance.
fn sharpe(place: &str, ours: Figure, rows: &BTreeMap<i64, (Exact, u64)>) {
    let (Some(first), Some(last)) = (rows.keys().next(), rows.keys().next_back()) else { return };
    let count = last - first + 1;
    if count < 2 {
        assert!(ours.known().is_none(), "{place}: one period has no deviation");
        return;
    }
    let n = Exact::from_integer(count.into());
    let mean = rows.values().fold(zero(), |sum, (booked, _)| sum + booked) / &n;
    let apart = |booked: &Exact| (booked - &mean) * (booked - &mean);
    let empty = Exact::from_integer((count - rows.len() as i64).into());
    let squares = rows.values().fold(zero(), |sum, (booked, _)| sum + apart(booked)) + apart(&zero()) * empty;
    let variance = squares / (n - Exact::from_integer(1.into()));
    let Some(ours) = ours.known() else {
        assert_eq!(variance, zero(), "{place}: {ours}");
        return;
    };
    let square = &mean * &mean / variance;
    let (size, unit) = (exact(ours.abs()), Exact::new(1.into(), BigInt::from(10).pow(18)));
    assert!(&size * &size <= square && (&size + &unit) * (&size + &unit) > square, "{place}: {ours}");
    assert_eq!(ours.is_sign_negative() && !ours.is_zero(), mean < zero() && size != zero(), "{place}");
}
