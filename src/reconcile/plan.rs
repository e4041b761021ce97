//! From a report to a plan: a pure function of a snapshot, a report, and what earlier reports said.

use std::fmt;

use rust_decimal::Decimal;

use crate::book::Snapshot;
use crate::model::{
    Adoption, Command, DropPosition, InstrumentId, Leg, Leverage, Owner, PositionId, PositionKey, Price,
    Quantity, Sequence, Side, Symbol, TargetRule,
};
use crate::venue::{Completeness, Confirmations, VenuePosition, VenueReport};

/// One difference between the book and the venue.
///
/// ```
/// use posbook::reconcile::Discrepancy;
///
/// let found = Discrepancy::Unreadable { symbol: "BTC/USDT:USDT".parse()?, why: "two rows for one leg".into() };
/// assert!(found.to_string().contains("two rows"));
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Discrepancy {
    /// Only the venue has it.
    VenueOnly {
        /// What.
        symbol: Symbol,
        /// Where it belongs.
        key: PositionKey,
        /// Long or short.
        side: Side,
        /// Contracts.
        quantity: Quantity,
        /// Its average entry there.
        entry: Price,
        /// `None`: the venue does not say.
        leverage: Option<Leverage>,
    },
    /// Only the book has it.
    BookOnly {
        /// What.
        symbol: Symbol,
        /// Where.
        key: PositionKey,
        /// Which life.
        position: PositionId,
        /// Long or short.
        side: Side,
        /// Contracts.
        quantity: Quantity,
    },
    /// Both have it, with another side or size; signed, a short negative.
    Differs {
        /// What.
        symbol: Symbol,
        /// Where.
        key: PositionKey,
        /// In the book.
        book: Decimal,
        /// At the venue.
        venue: Decimal,
    },
    /// A row that cannot be taken for a position of this account.
    Unreadable {
        /// What.
        symbol: Symbol,
        /// Why not.
        why: String,
    },
}

impl Discrepancy {
    /// The symbol concerned.
    pub fn symbol(&self) -> &Symbol {
        match self {
            Discrepancy::VenueOnly { symbol, .. }
            | Discrepancy::BookOnly { symbol, .. }
            | Discrepancy::Differs { symbol, .. }
            | Discrepancy::Unreadable { symbol, .. } => symbol,
        }
    }
}

impl fmt::Display for Discrepancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Discrepancy::VenueOnly { symbol, side, quantity, entry, .. } => {
                write!(f, "{symbol}: only the venue has {side} {quantity} @ {entry}")
            }
            Discrepancy::BookOnly { symbol, side, quantity, .. } => {
                write!(f, "{symbol}: only the book has {side} {quantity}")
            }
            Discrepancy::Differs { symbol, book, venue, .. } => {
                write!(f, "{symbol}: the book has {book}, the venue {venue}")
            }
            Discrepancy::Unreadable { symbol, why } => write!(f, "{symbol}: {why}"),
        }
    }
}

/// What a plan does about a discrepancy.
///
/// ```
/// use posbook::reconcile::Repair;
///
/// assert_eq!(Repair::Wait("asked again next time".into()).to_string(), "wait: asked again next time");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Repair {
    /// Take the position over.
    Adopt(Adoption),
    /// Remove it from the book.
    Drop(DropPosition),
    /// Freeze its key for new risk until the reports agree or a person accepts it.
    Quarantine {
        /// Which key.
        key: PositionKey,
        /// Why.
        why: String,
    },
    /// Nothing yet.
    Wait(String),
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Repair::Adopt(_) => f.write_str("adopt"),
            Repair::Drop(_) => f.write_str("drop"),
            Repair::Quarantine { why, .. } => write!(f, "quarantine: {why}"),
            Repair::Wait(why) => write!(f, "wait: {why}"),
        }
    }
}

/// A discrepancy and what to do about it.
///
/// ```
/// use posbook::reconcile::{Discrepancy, Item, Repair};
///
/// let discrepancy = Discrepancy::Unreadable { symbol: "BTC/USDT:USDT".parse()?, why: "no side".into() };
/// let item = Item { discrepancy, repair: Repair::Wait("a row that cannot be read changes nothing".into()) };
/// # Ok::<(), posbook::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What differs.
    pub discrepancy: Discrepancy,
    /// What to do.
    pub repair: Repair,
}

/// What to do about a report. Data: print it for a dry run, apply it with
/// [`PositionManager::apply_plan`](crate::venue::PositionManager::apply_plan).
///
/// ```
/// use posbook::{Book, Sequence, reconcile};
/// use posbook::venue::{Completeness, Confirmations, Scope, VenueReport};
///
/// let book = Book::builder().build()?;
/// let report =
///     VenueReport { scope: Scope::All, completeness: Completeness::Complete, venue_time: None, rows: vec![] };
/// let plan = reconcile::compare(
///     &book.snapshot(), &report, Sequence(0), &reconcile::Policy::default(), &[], &mut Confirmations::default(),
/// );
/// assert!(plan.items.is_empty());
/// # Ok::<(), posbook::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The book's sequence before the venue was asked: a repair is refused where the book changed since (R8).
    pub asked: Sequence,
    /// What differs, and what to do.
    pub items: Vec<Item>,
    /// The report did not cover everything: nothing that is missing in it was taken for flat. `None`: it was complete.
    pub partial: Option<String>,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(why) = &self.partial {
            writeln!(f, "partial report ({why}): absence proves nothing")?;
        }
        if self.items.is_empty() {
            return f.write_str("in agreement");
        }
        for (n, item) in self.items.iter().enumerate() {
            let gap = if n == 0 { "" } else { "\n" };
            write!(f, "{gap}{} -> {}", item.discrepancy, item.repair)?;
        }
        Ok(())
    }
}

/// Whether an empty report may close a book that is not (R10).
///
/// ```
/// assert_eq!(posbook::reconcile::Consent::default(), posbook::reconcile::Consent::Missing);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Consent {
    /// Nobody said so: what it covers is quarantined.
    #[default]
    Missing,
    /// A person says that the account is flat.
    EmptyMeansFlat,
}

/// How to choose repairs.
///
/// ```
/// let policy = posbook::reconcile::Policy::default();
/// assert_eq!(policy.confirmations, 2);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Targets of adopted positions, from the current price. `None`: the book's default rule. Default: stop 5 %, take
    /// 10 %, as the predecessor did.
    pub adopt_rule: Option<TargetRule>,
    /// How many equal reports it takes where the venue's time proves nothing (R8, R10). Default 2.
    pub confirmations: u32,
    /// Whether an empty report may close a book that is not.
    pub consent: Consent,
    /// Whether positions that only the book has are dropped. [`sync_existing_positions`] only adopts.
    ///
    /// [`sync_existing_positions`]: crate::venue::PositionManager::sync_existing_positions
    pub drops: bool,
}

impl Default for Policy {
    fn default() -> Self {
        let adopt_rule = "0.05".parse().ok().map(TargetRule::stop_fraction);
        Self { adopt_rule, confirmations: 2, consent: Consent::Missing, drops: true }
    }
}

/// Compares a report with a snapshot: per instrument and leg, the sum over owners (R12).
///
/// `asked` is the book's sequence before the venue was asked. `earlier` counts what equal complete reports said before
/// and is brought up to date. `outside` names what the venue trades and the book does not account for; a row of any
/// other unknown symbol may be one of ours spelled differently, and makes the report partial (D29).
pub fn compare(
    view: &Snapshot,
    report: &VenueReport,
    asked: Sequence,
    policy: &Policy,
    outside: &[Symbol],
    earlier: &mut Confirmations,
) -> Plan {
    let partial = match &report.completeness {
        Completeness::Complete => None,
        Completeness::Partial(why) | Completeness::Failed(why) => Some(why.clone()),
    };
    let mut round = Round { view, report, asked, policy, earlier, items: Vec::new(), seen: Vec::new() };
    let (readable, unread) = round.rows(outside);
    // Any row that could not be read makes the report partial (R10).
    let partial = partial.or(unread);
    for (id, row) in &readable {
        round.row(*id, row);
    }
    if partial.is_none() {
        round.absent(&readable);
    }
    let Round { items, seen, earlier, .. } = round;
    // What did not show up again has to be confirmed anew.
    earlier.keep_only(&seen);
    Plan { asked, items, partial }
}

struct Round<'a> {
    view: &'a Snapshot,
    report: &'a VenueReport,
    asked: Sequence,
    policy: &'a Policy,
    earlier: &'a mut Confirmations,
    items: Vec<Item>,
    seen: Vec<(Sequence, Discrepancy)>,
}

impl<'a> Round<'a> {
    /// The rows that can be read; the others become discrepancies that change nothing.
    fn rows(&mut self, outside: &[Symbol]) -> (Vec<(InstrumentId, &'a VenuePosition)>, Option<String>) {
        let report = self.report;
        let mut unread = None;
        let mut readable: Vec<(InstrumentId, &VenuePosition)> = Vec::new();
        // A row of nothing says what a missing row says.
        for row in report.rows.iter().filter(|row| !row.quantity.is_zero()) {
            let twice = report.rows.iter().filter(|r| r.symbol == row.symbol && r.leg == row.leg).count() > 1;
            let id = self.view.id(row.symbol.as_str());
            let mode = id.and_then(|id| self.view.instrument(id)).map(crate::model::Instrument::mode);
            let wrong = match (id, mode) {
                _ if twice => Some("more than one row for one leg"),
                (None, _) | (_, None) => Some("the symbol is not registered"),
                (_, Some(mode)) if !mode.has(row.leg) => Some("a leg that the position mode does not have"),
                _ if row.leg.only_side().is_some_and(|side| side != row.side) => {
                    Some("a side that the leg cannot have")
                }
                _ => None,
            };
            match (wrong, id) {
                (None, Some(id)) => readable.push((id, row)),
                (wrong, _) => {
                    let why = wrong.unwrap_or("the symbol is not registered").to_owned();
                    // An instrument outside the book says nothing about those in it; a name nobody knows may be one of
                    // them in another spelling.
                    if id.is_some() || !outside.contains(&row.symbol) {
                        unread = Some(format!("{}: {why}", row.symbol));
                    }
                    let discrepancy = Discrepancy::Unreadable { symbol: row.symbol.clone(), why };
                    let repair = Repair::Wait("a row that cannot be read changes nothing".to_owned());
                    self.items.push(Item { discrepancy, repair });
                }
            }
        }
        (readable, unread)
    }

    /// One row against what the book has on its leg.
    fn row(&mut self, id: InstrumentId, row: &VenuePosition) {
        let key = PositionKey { instrument: id, leg: row.leg, owner: Owner::UNOWNED };
        let venue = signed(row.side, row.quantity);
        let leg = self.leg(id, row.leg);
        if leg.low <= venue && venue <= leg.high {
            return;
        }
        let symbol = row.symbol.clone();
        if leg.owners.is_empty() && !leg.busy {
            let (side, quantity, entry, leverage) = (row.side, row.quantity, row.entry, row.leverage);
            let discrepancy = Discrepancy::VenueOnly { symbol, key, side, quantity, entry, leverage };
            let adoption = Adoption {
                key,
                side,
                quantity,
                entry,
                leverage,
                rule: self.policy.adopt_rule,
                asked: self.asked,
                report_time: self.report.venue_time,
            };
            return self.confirmed(id, discrepancy, Repair::Adopt(adoption));
        }
        // Per instrument and leg, never per owner: whose part is wrong nobody can say, so all of them freeze (R12).
        for key in leg.owners {
            let why = format!("the book has {}, the venue {venue}", leg.booked);
            let discrepancy = Discrepancy::Differs { symbol: symbol.clone(), key, book: leg.booked, venue };
            let repair = if leg.busy { busy() } else { Repair::Quarantine { key, why } };
            self.confirmed(id, discrepancy, repair);
        }
    }

    /// What the book has and a complete report does not (R10).
    fn absent(&mut self, readable: &[(InstrumentId, &VenuePosition)]) {
        let unreadable: Vec<Symbol> =
            self.items.iter().map(|item| item.discrepancy.symbol().clone()).collect();
        let empty = self.report.rows.iter().all(|row| row.quantity.is_zero());
        for position in self.view.iter() {
            let key = position.key;
            let Some(instrument) = self.view.instrument(key.instrument) else { continue };
            let symbol = instrument.symbol().clone();
            let reported = readable.iter().any(|(id, row)| *id == key.instrument && row.leg == key.leg);
            if reported || !self.report.scope.covers(&symbol) || unreadable.contains(&symbol) {
                continue;
            }
            let leg = self.leg(key.instrument, key.leg);
            if leg.low <= Decimal::ZERO && Decimal::ZERO <= leg.high {
                continue;
            }
            let (side, quantity) = (position.side, position.quantity);
            let discrepancy = Discrepancy::BookOnly { symbol, key, position: position.id, side, quantity };
            let repair = if leg.busy {
                busy()
            } else if !self.policy.drops {
                Repair::Wait("this run only adopts".to_owned())
            } else if leg.owners.len() > 1 {
                // Whose part is gone nobody can say.
                Repair::Quarantine {
                    key,
                    why: "the venue does not have what several owners share here".to_owned(),
                }
            } else if empty && self.policy.consent == Consent::Missing {
                Repair::Quarantine {
                    key,
                    why: "an empty report against an open position, without consent".to_owned(),
                }
            } else {
                let reason = "the venue does not have it".to_owned();
                let (asked, report_time) = (self.asked, self.report.venue_time);
                Repair::Drop(DropPosition { key, position: position.id, asked, report_time, reason })
            };
            self.confirmed(key.instrument, discrepancy, repair);
        }
    }

    /// A repair needs a report that is proved newer than everything booked, or enough equal ones (R8, R10).
    fn confirmed(&mut self, id: InstrumentId, discrepancy: Discrepancy, repair: Repair) {
        let (last_fill, untimed, changed) = self.view.freshness(id).unwrap_or_default();
        let older = matches!((self.report.venue_time, last_fill), (Some(time), Some(fill)) if time <= fill);
        // A fill without a venue time may be younger than any report: then time proves nothing.
        let newer = self.report.venue_time.is_some() && !older && !untimed;
        let complete = self.report.completeness == Completeness::Complete;
        // What was told before the instrument changed is about another state of it.
        let said = (changed, discrepancy);
        let told = if complete { self.earlier.count(&said) } else { 0 };
        let discrepancy = said.1.clone();
        self.seen.push(said);
        let repair = if changed > self.asked {
            Repair::Wait("the instrument changed since the venue was asked".to_owned())
        } else if older {
            Repair::Wait("the report is not newer than the last fill booked here".to_owned())
        } else if newer || told >= self.policy.confirmations || matches!(repair, Repair::Wait(_)) {
            repair
        } else {
            Repair::Wait(format!(
                "told {told} of {} times by reports without a venue time",
                self.policy.confirmations
            ))
        };
        self.items.push(Item { discrepancy, repair });
    }

    /// What the book has on a leg, over all owners, and the band that orders in flight allow (R9).
    fn leg(&self, id: InstrumentId, leg: Leg) -> Band {
        let zero = Decimal::ZERO;
        let mut band = Band { booked: zero, low: zero, high: zero, busy: false, owners: Vec::new() };
        for key in self.view.keys().filter(|k| k.key.instrument == id && k.key.leg == leg) {
            band.booked += key.position.as_ref().map_or(Decimal::ZERO, |p| signed(p.side, p.quantity));
            if key.position.is_some() || !key.orders.is_empty() {
                band.owners.push(key.key);
            }
            for order in &key.orders {
                band.busy = true;
                match order.side.opens() {
                    Side::Long => band.high += order.remaining().get(),
                    Side::Short => band.low -= order.remaining().get(),
                }
            }
        }
        band.low += band.booked;
        band.high += band.booked;
        band
    }
}

struct Band {
    booked: Decimal,
    low: Decimal,
    high: Decimal,
    busy: bool,
    /// The keys on which something stands.
    owners: Vec<PositionKey>,
}

fn busy() -> Repair {
    Repair::Wait("orders are unresolved here; compared again when they are".to_owned())
}

fn signed(side: Side, quantity: Quantity) -> Decimal {
    match side {
        Side::Long => quantity.get(),
        Side::Short => -quantity.get(),
    }
}

impl Repair {
    /// The command that does it. `None`: there is nothing to do.
    pub(crate) fn command(&self, asked: Sequence) -> Option<Command> {
        match self {
            Repair::Adopt(adoption) => Some(Command::Adopt(adoption.clone())),
            Repair::Drop(drop) => Some(Command::Drop(drop.clone())),
            Repair::Quarantine { key, why } => {
                Some(Command::Quarantine { key: *key, why: why.clone(), asked })
            }
            Repair::Wait(_) => None,
        }
    }
}
