//! The oracle: what the venue's fills come to, in exact fractions, written from the rules (docs/rules.md) and not from
//! the crate. It knows no sequences, no ring, no states of orders beyond "lives" and "is over".

use std::collections::{BTreeMap, BTreeSet};

use num_bigint::{BigInt, Sign};
use num_rational::BigRational;

/// An exact number.
pub type Q = BigRational;

/// Where something stands: instrument, leg (`n`, `l`, `s`), owner.
pub type At = (u32, char, u32);

/// Reads `-?digits[.digits]`.
pub fn q(text: &str) -> Q {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: BigInt = format!("{whole}{fraction}").parse().expect("a decimal");
    Q::new(digits, BigInt::from(10).pow(u32::try_from(fraction.len()).expect("short")))
}

pub fn zero() -> Q {
    Q::from_integer(BigInt::from(0))
}

pub fn sign(value: &Q) -> i32 {
    match value.numer().sign() {
        Sign::Minus => -1,
        Sign::NoSign => 0,
        Sign::Plus => 1,
    }
}

pub fn absolute(value: &Q) -> Q {
    if sign(value) < 0 { -value.clone() } else { value.clone() }
}

/// Half-even, at this many decimals.
pub fn round(value: &Q, decimals: u32) -> Q {
    let unit = Q::from_integer(BigInt::from(10).pow(decimals));
    let scaled = value * &unit;
    let floor = scaled.floor();
    let (rest, half) = (scaled - &floor, Q::new(1.into(), 2.into()));
    let odd = floor.to_integer() % BigInt::from(2) != BigInt::from(0);
    let up = rest > half || (rest == half && odd);
    (if up { floor + Q::from_integer(1.into()) } else { floor }) / unit
}

/// What an instrument is worth knowing here.
#[derive(Debug, Clone)]
pub struct Terms {
    pub size: Q,
    pub scale: u32,
    pub positive: bool,
    pub hedge: bool,
}

impl Terms {
    /// Money for so much at such a price; `None` if something becomes nothing (R17).
    fn money(&self, quantity: &Q, price: &Q) -> Option<Q> {
        let exact = quantity * &self.size * price;
        let rounded = round(&exact, self.scale);
        (sign(&exact) == 0 || sign(&rounded) != 0).then_some(rounded)
    }
}

/// `part / whole` of `cost`; `None` if one side of the division is left with nothing (R17).
fn share(cost: &Q, part: &Q, whole: &Q, scale: u32) -> Option<Q> {
    let share = round(&(cost * part / whole), scale);
    let vanished = sign(cost) != 0 && part < whole && (sign(&share) == 0 || &share == cost);
    (!vanished).then_some(share)
}

/// The report that a key was last adopted or dropped by, and what late fills have made of it (R8).
#[derive(Debug, Clone)]
pub struct Dated {
    /// Which adoption, drop or reservation this was, counted over everything.
    pub number: u64,
    pub time: Option<i64>,
    pub adopted: Option<Adopted>,
    /// What waits for its other half: signed contracts and their cost.
    pub gap: (Q, Q),
}

#[derive(Debug, Clone)]
pub struct Adopted {
    pub life: u64,
    pub long: bool,
    pub left: Q,
    pub entry: Q,
    /// Contracts that fills have explained, and what they cost.
    pub explained: (Q, Q),
}

/// One key's money.
#[derive(Debug, Clone)]
pub struct Key {
    /// Positive long, negative short.
    pub signed: Q,
    pub cost: Q,
    pub cash: Q,
    pub realised: Q,
    pub unexplained: Q,
    pub fees: BTreeMap<String, Q>,
    pub fills: u64,
    pub dated: Option<Dated>,
    life: u64,
    /// Something was taken off since the adoption: how a later correction splits between cost and realised profit is
    /// not laid down by the rules, only that it is conserved.
    pub reduced: bool,
}

impl Key {
    fn flat() -> Self {
        Self {
            signed: zero(),
            cost: zero(),
            cash: zero(),
            realised: zero(),
            unexplained: zero(),
            fees: BTreeMap::new(),
            fills: 0,
            dated: None,
            life: 0,
            reduced: false,
        }
    }

    /// I9: cash = realised - s x C + unexplained.
    pub fn conserved(&self) -> bool {
        let open = if sign(&self.signed) < 0 { -self.cost.clone() } else { self.cost.clone() };
        self.cash == &self.realised - open + &self.unexplained
    }

    fn take(&mut self, buy: bool, value: &Q) {
        if buy { self.cash -= value } else { self.cash += value }
    }

    /// Moves the position by one fill. `None`: it cannot be booked, and nothing was.
    fn moved(&self, buy: bool, quantity: &Q, value: &Q, scale: u32) -> Option<Key> {
        let mut next = self.clone();
        let (direction, open) = (if buy { 1 } else { -1 }, absolute(&self.signed));
        let signed = if buy { quantity.clone() } else { -quantity.clone() };
        if sign(&self.signed) == 0 || sign(&self.signed) == direction {
            if sign(&self.signed) == 0 {
                next.life += 1;
            }
            next.take(buy, value);
            next.cost += value;
        } else if *quantity <= open {
            let part = if *quantity == open {
                self.cost.clone()
            } else {
                share(&self.cost, quantity, &open, scale)?
            };
            next.take(buy, value);
            // A long that sells earns the value less the cost; a short that buys, the other way round.
            next.realised += if buy { &part - value } else { value - &part };
            next.cost -= part;
            next.reduced = true;
        } else {
            let first = share(value, &open, quantity, scale)?;
            let rest = (quantity - &open, value - &first);
            return self.moved(buy, &open, &first, scale)?.moved(buy, &rest.0, &rest.1, scale);
        }
        next.signed += signed;
        Some(next)
    }
}

/// One report of an execution, in plain words.
#[derive(Debug, Clone)]
pub struct Execution {
    pub instrument: u32,
    /// `ours <id>`, `theirs <id>`, or nothing.
    pub order: Option<String>,
    /// `None`: cumulative figures.
    pub trade: Option<String>,
    pub buy: bool,
    pub quantity: Q,
    pub price: Q,
    pub time: Option<i64>,
    pub leg: Option<char>,
    pub fees: BTreeMap<String, Q>,
}

#[derive(Debug, Clone)]
pub struct Order {
    pub at: At,
    pub booked: Q,
    pub value: Q,
    pub cumulative: Option<bool>,
    pub told: Option<Q>,
    pub number: u64,
    pub lives: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Booked,
    Replaced,
    Duplicate,
    Conflict,
    Unbooked,
    TooOld,
    Refused,
}

type Identity = (u32, Option<String>, Option<String>, Option<Q>);
type Content = (bool, Q, Q, BTreeMap<String, Q>);

/// Everything.
#[derive(Debug, Default)]
pub struct Naive {
    pub terms: BTreeMap<u32, Terms>,
    pub keys: BTreeMap<At, Key>,
    pub orders: BTreeMap<String, Order>,
    pub strays: u64,
    count: u64,
    seen: BTreeMap<Identity, Content>,
    stray: BTreeSet<(Identity, Content)>,
    /// Quantity booked by fills and adoptions less what was dropped, summed without looking at positions (I11).
    pub sums: BTreeMap<At, Q>,
}

impl Naive {
    pub fn key(&self, at: At) -> Key {
        self.keys.get(&at).cloned().unwrap_or_else(Key::flat)
    }

    pub fn reserve(&mut self, id: String, at: At) {
        self.count += 1;
        let number = self.count;
        let order =
            Order { at, booked: zero(), value: zero(), cumulative: None, told: None, number, lives: true };
        assert!(self.orders.insert(id, order).is_none(), "R15: an order id was used twice");
    }

    /// The venue's final figure (R2).
    pub fn finish(&mut self, id: &str, told: Q) {
        let order = self.orders.get_mut(id).expect("reserved before");
        order.lives = told > order.booked;
        order.told = Some(told);
    }

    pub fn gone(&mut self, id: &str) {
        self.orders.get_mut(id).expect("reserved before").lives = false;
    }

    /// R2-R5, R8, R17.
    pub fn record(&mut self, fill: &Execution) -> Outcome {
        if sign(&fill.quantity) == 0 {
            return Outcome::Refused;
        }
        let cumulative = fill.trade.is_none();
        let total = cumulative.then(|| fill.quantity.clone());
        let identity = (fill.instrument, fill.order.clone(), fill.trade.clone(), total);
        let content = (fill.buy, fill.quantity.clone(), fill.price.clone(), fill.fees.clone());
        let Some(terms) = self.terms.get(&fill.instrument).cloned() else {
            let new = self.stray.insert((identity, content));
            self.strays += u64::from(new);
            return if new { Outcome::Unbooked } else { Outcome::Duplicate };
        };
        match self.seen.get(&identity) {
            Some(known) if *known == content => return Outcome::Duplicate,
            Some(_) => return Outcome::Conflict,
            None => {}
        }
        let ours = fill.order.as_deref().and_then(|name| name.strip_prefix("ours "));
        let order = ours.and_then(|id| self.orders.get(id)).cloned();
        let side = if fill.buy { 'l' } else { 's' };
        let guess = if terms.hedge { side } else { 'n' };
        let at = order.as_ref().map_or((fill.instrument, fill.leg.unwrap_or(guess), 0), |order| order.at);
        let (order, over) = (order.clone().filter(|o| o.lives), order.filter(|o| !o.lives));
        // Whether a report without a time had this fill in its picture nobody can say.
        if let Some(dated) = &self.key(at).dated {
            let younger = ours.and_then(|id| self.orders.get(id)).is_some_and(|o| o.number > dated.number);
            let undated = fill.time.is_none() || dated.time.is_none();
            if undated && order.is_none() && !younger {
                return Outcome::TooOld;
            }
        }
        let mut value = match terms.money(&fill.quantity, &fill.price) {
            Some(value) if sign(&fill.price) > 0 || !terms.positive => value,
            _ => {
                self.seen.insert(identity, content);
                return Outcome::Unbooked;
            }
        };
        let mut quantity = fill.quantity.clone();
        match &order {
            Some(order) if order.cumulative.is_some_and(|source| source != cumulative) => {
                return Outcome::Refused;
            }
            Some(order) if cumulative && quantity <= order.booked => return Outcome::Duplicate,
            Some(order) if cumulative => {
                quantity -= &order.booked;
                value -= &order.value;
            }
            // An earlier figure of an order that is over is in the figure that finished it.
            None if cumulative && over.as_ref().is_some_and(|o| quantity <= o.booked) => {
                return Outcome::Duplicate;
            }
            // So is a trade of an order that was fed by figures; nobody can tell, so it is kept and not booked.
            None if cumulative || over.as_ref().is_some_and(|o| o.cumulative == Some(true)) => {
                self.seen.insert(identity, content);
                return Outcome::Unbooked;
            }
            _ => {}
        }
        self.seen.insert(identity, content);

        let key = self.key(at);
        // An order of ours that is younger than the adoption cannot be what was adopted, whatever the venue's clock says.
        let younger =
            |dated: &Dated| ours.and_then(|id| self.orders.get(id)).is_some_and(|o| o.number > dated.number);
        let explained = match (&key.dated, fill.time) {
            (Some(dated), Some(time)) => dated.time.is_some_and(|report| time <= report) && !younger(dated),
            _ => false,
        };
        let moved = if explained {
            late(&key, &terms, fill.buy, &quantity, &value)
        } else {
            key.moved(fill.buy, &quantity, &value, terms.scale)
        };
        let Some(mut next) = moved else { return Outcome::Unbooked };
        for (currency, fee) in &fill.fees {
            *next.fees.entry(currency.clone()).or_insert_with(zero) += fee;
        }
        next.fills += 1;
        self.keys.insert(at, next);
        if explained {
            return Outcome::Replaced;
        }
        let signed = if fill.buy { quantity.clone() } else { -quantity.clone() };
        *self.sums.entry(at).or_insert_with(zero) += signed;
        if let Some(order) = ours.filter(|_| order.is_some()).and_then(|id| self.orders.get_mut(id)) {
            order.booked += quantity;
            order.value += value;
            order.cumulative = Some(cumulative);
            order.lives = order.told.as_ref().is_none_or(|told| order.booked < *told);
        }
        Outcome::Booked
    }

    /// Takes over what the venue shows (R8).
    pub fn adopt(&mut self, at: At, long: bool, quantity: Q, entry: Q, time: Option<i64>) {
        let cost = self.terms[&at.0].money(&quantity, &entry).expect("worth something");
        self.count += 1;
        let mut key = self.key(at);
        key.life += 1;
        key.signed = if long { quantity.clone() } else { -quantity.clone() };
        key.take(long, &cost);
        key.cost = cost;
        key.reduced = false;
        *self.sums.entry(at).or_insert_with(zero) += &key.signed;
        let before = key.dated.take();
        let explained = (zero(), zero());
        key.dated = Some(Dated {
            number: self.count,
            time: dated(time, before.as_ref()),
            adopted: Some(Adopted { life: key.life, long, left: quantity, entry, explained }),
            gap: before.map_or_else(|| (zero(), zero()), |d| d.gap),
        });
        self.keys.insert(at, key);
    }

    /// Removes what the venue does not have; its cost stays visible until what closed it comes (R10).
    pub fn drop(&mut self, at: At, time: Option<i64>) {
        self.count += 1;
        let mut key = self.key(at);
        let cost = if sign(&key.signed) > 0 { key.cost.clone() } else { -key.cost.clone() };
        key.unexplained -= cost;
        *self.sums.entry(at).or_insert_with(zero) -= &key.signed;
        let before = key.dated.take();
        let time = dated(time, before.as_ref());
        let mut gap = (key.signed.clone(), key.cost.clone());
        let (mut adopted, waiting) = before.map_or((None, None), |d| (d.adopted, Some(d.gap)));
        // A gap of the other side is never closed any more.
        if let Some(waiting) = waiting.filter(|w| sign(&w.0) == sign(&gap.0)) {
            gap = (gap.0 + waiting.0, gap.1 + waiting.1);
        }
        if let Some(adopted) = &mut adopted {
            // The position is gone, whatever id it had.
            (adopted.life, adopted.explained) = (u64::MAX, (zero(), zero()));
        }
        key.dated = Some(Dated { number: self.count, time, adopted, gap });
        (key.signed, key.cost) = (zero(), zero());
        self.keys.insert(at, key);
    }
}

/// R8: the time of a repair is never before an earlier one's, and a repair without a time has none, whatever came before it.
fn dated(time: Option<i64>, before: Option<&Dated>) -> Option<i64> {
    time.map(|time| before.and_then(|before| before.time).map_or(time, |earlier| time.max(earlier)))
}

/// R8: a fill from before the report moves money and no quantity. What it explains of an adoption takes the assumed
/// price's place; what it takes back of that (an older life's exit) gives the place back; the rest is folded beside it.
fn late(key: &Key, terms: &Terms, buy: bool, quantity: &Q, value: &Q) -> Option<Key> {
    let mut next = key.clone();
    let mut dated = next.dated.take()?;
    let mut left = (quantity.clone(), value.clone());
    if let Some(adopted) = &mut dated.adopted {
        let same_life = adopted.life == next.life && sign(&next.signed) != 0;
        if adopted.long == buy {
            let (part, real) = part_of(&mut left, &adopted.left, terms.scale)?;
            if sign(&part) > 0 {
                let more = &real - terms.money(&part, &adopted.entry)?;
                adopted.left -= &part;
                adopted.explained = (&adopted.explained.0 + part, &adopted.explained.1 + real);
                correct(&mut next, same_life, adopted.long, more);
            }
        } else {
            if sign(&dated.gap.0) == if buy { -1 } else { 1 } {
                let (part, value) = part_of(&mut left, &absolute(&dated.gap.0), terms.scale)?;
                beside(&mut next, &mut dated.gap, buy, &part, &value, terms.scale)?;
            }
            let (part, value) = part_of(&mut left, &adopted.explained.0, terms.scale)?;
            if sign(&part) > 0 {
                let (had, cost) = adopted.explained.clone();
                let gone = if part == had { cost.clone() } else { share(&cost, &part, &had, terms.scale)? };
                let profit = if adopted.long { &value - &gone } else { &gone - &value };
                let more = terms.money(&part, &adopted.entry)? - &gone;
                adopted.left += &part;
                adopted.explained = (had - part, cost - gone);
                next.cash += &profit;
                next.realised += profit;
                correct(&mut next, same_life, adopted.long, more);
            }
        }
    }
    let (part, value) = left;
    beside(&mut next, &mut dated.gap, buy, &part, &value, terms.scale)?;
    next.dated = Some(dated);
    Some(next)
}

/// Takes at most so much out, with its share of the value.
fn part_of(left: &mut (Q, Q), most: &Q, scale: u32) -> Option<(Q, Q)> {
    let part = left.0.clone().min(most.clone());
    let value = match sign(&part) {
        0 => zero(),
        _ if part == left.0 => left.1.clone(),
        _ => share(&left.1, &part, &left.0, scale)?,
    };
    *left = (&left.0 - &part, &left.1 - &value);
    Some((part, value))
}

fn correct(key: &mut Key, same_life: bool, long: bool, more: Q) {
    let signed = if long { more.clone() } else { -more.clone() };
    key.cash -= &signed;
    if same_life { key.cost += more } else { key.realised -= signed }
}

/// Folds into the gap as a fill into a position; what the gap costs is unexplained.
fn beside(key: &mut Key, gap: &mut (Q, Q), buy: bool, part: &Q, value: &Q, scale: u32) -> Option<()> {
    if sign(part) == 0 {
        return Some(());
    }
    let open = |gap: &(Q, Q)| if sign(&gap.0) < 0 { -gap.1.clone() } else { gap.1.clone() };
    let alone = Key { signed: gap.0.clone(), cost: gap.1.clone(), ..Key::flat() };
    let moved = alone.moved(buy, part, value, scale)?;
    key.cash += &moved.cash;
    key.realised += &moved.realised;
    key.unexplained += open(gap);
    *gap = (moved.signed, moved.cost);
    key.unexplained -= open(gap);
    Some(())
}
