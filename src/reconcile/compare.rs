//! From a report to a plan: a pure function of a snapshot, a report, and what earlier reports said.

use rust_decimal::Decimal;

use super::plan::{Consent, Discrepancy, Item, Plan, Policy, Repair};
use crate::book::Snapshot;
use crate::model::{
    Adoption, DropPosition, Instrument, InstrumentId, Leg, Owner, PositionKey, Quantity, Sequence, Side,
    Symbol,
};
use crate::sync::fault;
use crate::venue::{Completeness, Confirmations, VenuePosition, VenueReport};

/// Compares a report with a snapshot: per instrument and leg, the sum over owners (R12).
///
/// `asked` is the book's sequence before the venue was asked. `earlier` is what earlier reports said, and is brought up
/// to date. `outside` names what the venue trades and the book does not account for; a row of any other unknown symbol
/// may be one of ours spelled differently, and makes the report partial (D29).
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
    // A report dated before another one may be a cache: its time proves nothing, whatever was booked (R8).
    let newest = earlier.dated(report.venue_time);
    let (items, seen, waiting) = (Vec::new(), Vec::new(), Vec::new());
    let mut round = Round { view, report, asked, policy, earlier, newest, items, seen, waiting };
    let (readable, unread) = round.rows(outside);
    // Any row that could not be read makes the report partial (R10).
    let partial = partial.or(unread);
    for (id, row) in &readable {
        round.row(*id, row);
    }
    if partial.is_none() {
        round.absent(&readable);
        round.agreeing(&readable);
    }
    let Round { items, seen, waiting, earlier, .. } = round;
    // What did not show up again has to be confirmed anew.
    earlier.keep_only(&seen);
    // A key is decided that the report spoke of and that waits for nothing (R9).
    let covered = |key: PositionKey| {
        let symbol = view.instrument(key.instrument).map(Instrument::symbol);
        partial.is_none() && symbol.is_some_and(|symbol| report.scope.covers(symbol))
    };
    earlier.decided(|key| !waiting.contains(&key) && (covered(key) || row_of(&readable, key).is_some()));
    Plan { asked, items, partial, unasked: None }
}

struct Round<'a> {
    view: &'a Snapshot,
    report: &'a VenueReport,
    asked: Sequence,
    policy: &'a Policy,
    earlier: &'a mut Confirmations,
    /// Whether no earlier report was dated later.
    newest: bool,
    items: Vec<Item>,
    /// What this report said, of which state of the instrument.
    seen: Vec<(Sequence, Discrepancy)>,
    /// The keys whose difference is not decided.
    waiting: Vec<PositionKey>,
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
            let mode = id.and_then(|id| self.view.instrument(id)).map(Instrument::mode);
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
            return self.decide(key, discrepancy, Repair::Adopt(adoption));
        }
        // Per instrument and leg, never per owner: whose part is wrong nobody can say, so all of them freeze (R12).
        for key in leg.owners {
            let why = format!("the book has {}, the venue {venue}", leg.booked);
            let discrepancy = Discrepancy::Differs { symbol: symbol.clone(), key, book: leg.booked, venue };
            let repair = if leg.busy { busy() } else { self.quarantine(key, &why) };
            self.decide(key, discrepancy, repair);
        }
    }

    /// What the book has and a complete report does not (R10).
    fn absent(&mut self, readable: &[(InstrumentId, &VenuePosition)]) {
        for position in self.view.iter() {
            let key = position.key;
            let Some(symbol) = self.covered(key) else { continue };
            if row_of(readable, key).is_some() {
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
                self.quarantine(key, "the venue does not have what several owners share here")
            } else if key.owner != Owner::UNOWNED && !self.is_consented() {
                // Everything its owner ordered is booked, so somebody else has taken it off, and the fill that says so
                // will be nobody's: dropped here, it would be missing there (R12).
                self.quarantine(key, "the venue does not have it, and its owner has not closed it")
            } else if self.is_empty() && self.policy.consent == Consent::Missing {
                self.quarantine(key, "an empty report against an open position, without consent")
            } else {
                let reason = "the venue does not have it".to_owned();
                let (asked, report_time) = (self.asked, self.report.venue_time);
                Repair::Drop(DropPosition { key, position: position.id, asked, report_time, reason })
            };
            self.decide(key, discrepancy, repair);
        }
    }

    /// Blocked keys on which the venue has exactly what the book has, while nothing is in flight there (R10).
    fn agreeing(&mut self, readable: &[(InstrumentId, &VenuePosition)]) {
        // The very report that freezes what is open is no word about what is flat. What several owners hold against one
        // another comes to nothing on the account: there an empty report contradicts nothing (R12).
        let doubted = self.is_empty()
            && self.policy.consent == Consent::Missing
            && self.view.iter().any(|position| {
                let PositionKey { instrument, leg, .. } = position.key;
                self.covered(position.key).is_some() && !self.leg(instrument, leg).booked.is_zero()
            });
        for blocked in self.view.keys().filter(|k| k.troubles.iter().any(|t| t.kind.ends_by_agreement())) {
            let key = blocked.key;
            let Some(symbol) = self.covered(key) else { continue };
            let row = row_of(readable, key);
            let leg = self.leg(key.instrument, key.leg);
            let quantity = row.map_or(Decimal::ZERO, |row| signed(row.side, row.quantity));
            if leg.busy || quantity != leg.booked || (row.is_none() && doubted) {
                continue;
            }
            let discrepancy = Discrepancy::Agrees { symbol, key, quantity };
            let repair = match self.unproved(key.instrument, &discrepancy) {
                Some(why) => Repair::Wait(why),
                None => {
                    let why = format!("the book and the venue have {quantity}");
                    Repair::Release { key, why, asked: self.asked }
                }
            };
            self.items.push(Item { discrepancy, repair });
        }
    }

    /// A repair needs proof; a difference that waits for it too often blocks its key for new risk (R9).
    fn decide(&mut self, key: PositionKey, discrepancy: Discrepancy, repair: Repair) {
        let unproved = self.unproved(key.instrument, &discrepancy);
        let mut repair = match (repair, unproved) {
            (Repair::Wait(why), _) | (_, Some(why)) => Repair::Wait(why),
            (repair, None) => repair,
        };
        if matches!(repair, Repair::Wait(_)) {
            self.waiting.push(key);
            if self.earlier.undecided(key) >= self.policy.skips.max(1) && !fault("skips_forgiven") {
                let why = format!("no report decided a difference in {} runs", self.policy.skips.max(1));
                repair = Repair::Quarantine { key, why, asked: None };
            }
        }
        self.items.push(Item { discrepancy, repair });
    }

    /// Why this report does not prove what it says: it must be newer than everything booked, or one of enough equal ones
    /// in a row (R8, R10). `None`: it does.
    fn unproved(&mut self, id: InstrumentId, said: &Discrepancy) -> Option<String> {
        let (last_fill, untimed, changed) = self.view.freshness(id).unwrap_or_default();
        if changed > self.asked && !fault("stale_report") {
            return Some("the instrument changed since the venue was asked".to_owned());
        }
        let time = self.report.venue_time;
        let older = matches!((time, last_fill), (Some(time), Some(fill)) if time <= fill);
        if older && !fault("older_report") {
            return Some("the report is not newer than the last fill booked here".to_owned());
        }
        // What was told before the instrument changed is about another state of it.
        let said = (changed, said.clone());
        let complete = self.report.completeness == Completeness::Complete;
        let told = if complete { self.earlier.count(&said) } else { 0 };
        self.seen.push(said);
        // A fill without a venue time may be younger than any report: then time proves nothing.
        let newer = time.is_some() && !untimed && self.newest;
        let enough = self.policy.confirmations;
        (!newer && told < enough)
            .then(|| format!("told {told} of {enough} times by reports whose time proves nothing"))
    }

    fn quarantine(&self, key: PositionKey, why: &str) -> Repair {
        Repair::Quarantine { key, why: why.to_owned(), asked: Some(self.asked) }
    }

    /// The symbol of a key, if the report is about it.
    fn covered(&self, key: PositionKey) -> Option<Symbol> {
        let symbol = self.view.instrument(key.instrument)?.symbol();
        self.report.scope.covers(symbol).then(|| symbol.clone())
    }

    /// Whether the report is empty and a person says that this means flat.
    fn is_consented(&self) -> bool {
        self.is_empty() && self.policy.consent == Consent::EmptyMeansFlat
    }

    /// Whether the report has nothing at all: no rows, or rows of nothing.
    fn is_empty(&self) -> bool {
        self.report.rows.iter().all(|row| row.quantity.is_zero())
    }

    /// What the book has on a leg, over all owners, and the band that orders in flight allow (R9). What is in doubt may
    /// still fill in full, what settles lacks what the venue's final figure says.
    fn leg(&self, id: InstrumentId, leg: Leg) -> Band {
        let zero = Decimal::ZERO;
        let mut band = Band { booked: zero, low: zero, high: zero, busy: false, owners: Vec::new() };
        let (mut bought, mut sold, mut covers, mut takes_off) = (zero, zero, zero, zero);
        let counts = |key: PositionKey| key.owner == Owner::UNOWNED || !fault("owners_apart");
        let here = |key: PositionKey| key.instrument == id && key.leg == leg && counts(key);
        for key in self.view.keys().filter(|k| here(k.key)) {
            band.booked += key.position.as_ref().map_or(Decimal::ZERO, |p| signed(p.side, p.quantity));
            if key.position.is_some() || !key.orders.is_empty() {
                band.owners.push(key.key);
            }
            for order in &key.orders {
                band.busy = true;
                let way = match (order.intent.increases(), order.side.opens()) {
                    (true, Side::Long) => &mut bought,
                    (true, Side::Short) => &mut sold,
                    (false, Side::Long) => &mut covers,
                    (false, Side::Short) => &mut takes_off,
                };
                *way += order.remaining().get();
            }
        }
        // Reductions go out reduce-only: they end at flat, whatever they still ask for.
        band.low = (band.booked - takes_off).max(band.booked.min(zero)) - sold;
        band.high = (band.booked + covers).min(band.booked.max(zero)) + bought;
        if band.busy && fault("busy_skipped") {
            (band.low, band.high) = (Decimal::MIN, Decimal::MAX);
        }
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

fn row_of<'a>(rows: &[(InstrumentId, &'a VenuePosition)], key: PositionKey) -> Option<&'a VenuePosition> {
    rows.iter().find(|(id, row)| *id == key.instrument && row.leg == key.leg).map(|(_, row)| *row)
}

fn signed(side: Side, quantity: Quantity) -> Decimal {
    match side {
        Side::Long => quantity.get(),
        Side::Short => -quantity.get(),
    }
}
