//! From a report to a plan: a pure function of a snapshot, a report, and what earlier reports said.

use std::collections::{BTreeSet, HashMap};

use rust_decimal::Decimal;

use super::band::{Band, signed};
use super::discrepancy::{Discrepancy, turned};
use super::plan::{Item, Plan, Repair};
use super::policy::{Consent, Policies, Policy, Way};
use crate::book::Snapshot;
use crate::model::{
    Adoption, Corrected, Correction, DropPosition, Instrument, InstrumentId, KeyState, Leg, OrderSide, Owner,
    PositionKey, Sequence, Symbol,
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
    policies: &Policies,
    outside: &[Symbol],
    earlier: &mut Confirmations,
) -> Plan {
    compare_some(view, report, asked, policies, outside, earlier, Which::All).0
}

/// Which instruments are compared.
#[derive(Clone, Copy)]
pub(super) enum Which<'a> {
    All,
    /// These: the others are as they were when an equal report agreed with them.
    Only(&'a BTreeSet<InstrumentId>),
}

/// As [`compare`], of some instruments; with the plan, those about which the next report may say something else even if it says
/// the same.
pub(super) fn compare_some(
    view: &Snapshot,
    report: &VenueReport,
    asked: Sequence,
    policies: &Policies,
    outside: &[Symbol],
    earlier: &mut Confirmations,
    which: Which<'_>,
) -> (Plan, BTreeSet<InstrumentId>) {
    let partial = match &report.completeness {
        Completeness::Complete => None,
        Completeness::Partial(why) | Completeness::Failed(why) => Some(why.clone()),
    };
    // A report dated before another one may be a cache: its time proves nothing, whatever was booked (R8).
    let newest = earlier.dated(report.venue_time);
    let mut round = Round {
        view,
        report,
        asked,
        policies,
        earlier,
        newest,
        which,
        rows: HashMap::new(),
        items: Vec::new(),
        seen: Vec::new(),
        waiting: Vec::new(),
        open: BTreeSet::new(),
        compared: 0,
    };
    let (readable, unread) = round.rows(outside);
    // Any row that could not be read makes the report partial (R10).
    let partial = partial.or(unread);
    for (id, row) in &readable {
        round.row(*id, row);
    }
    if partial.is_none() {
        round.absent();
        round.agreeing();
    }
    let Round { items, seen, waiting, earlier, rows, mut open, compared, .. } = round;
    // What did not show up again has to be confirmed anew.
    earlier.keep_only(&seen);
    // A key is decided that the report spoke of and that waits for nothing (R9).
    let covered = |key: PositionKey| {
        let symbol = view.instrument(key.instrument).map(Instrument::symbol);
        partial.is_none() && symbol.is_some_and(|symbol| report.scope.covers(symbol))
    };
    let spoken_of = |key: PositionKey| rows.contains_key(&(key.instrument, key.leg));
    earlier.decided(|key| !waiting.contains(&key) && (covered(key) || spoken_of(key)));
    open.extend(items.iter().filter_map(|item| item.discrepancy.key()).map(|key| key.instrument));
    (Plan { asked, items, partial, unasked: None, compared }, open)
}

pub(super) struct Round<'a> {
    pub(super) view: &'a Snapshot,
    report: &'a VenueReport,
    pub(super) asked: Sequence,
    policies: &'a Policies,
    earlier: &'a mut Confirmations,
    /// Whether no earlier report was dated later.
    newest: bool,
    which: Which<'a>,
    /// The rows that can be read, by leg.
    rows: HashMap<(InstrumentId, Leg), &'a VenuePosition>,
    items: Vec<Item>,
    /// What this report said, of which state of the instrument.
    seen: Vec<(Sequence, Discrepancy)>,
    /// The keys whose difference is not decided.
    waiting: Vec<PositionKey>,
    /// Instruments that have to be compared next time too.
    open: BTreeSet<InstrumentId>,
    compared: usize,
}

impl<'a> Round<'a> {
    /// The rows that can be read and are compared; the unreadable become discrepancies that change nothing.
    fn rows(&mut self, outside: &[Symbol]) -> (Vec<(InstrumentId, &'a VenuePosition)>, Option<String>) {
        let report = self.report;
        let mut unread = None;
        let mut readable: Vec<(InstrumentId, &VenuePosition)> = Vec::new();
        let mut of_leg: HashMap<(&Symbol, Leg), u32> = HashMap::new();
        for row in &report.rows {
            *of_leg.entry((&row.symbol, row.leg)).or_default() += 1;
        }
        // A row of nothing says what a missing row says.
        for row in report.rows.iter().filter(|row| !row.quantity.is_zero()) {
            let twice = of_leg.get(&(&row.symbol, row.leg)).is_some_and(|rows| *rows > 1);
            let id = self.view.id(row.symbol.as_str());
            let instrument = id.and_then(|id| self.view.instrument(id));
            let mode = instrument.map(Instrument::mode);
            let size = instrument.map(Instrument::contract_size);
            let wrong = match (id, mode) {
                _ if twice => Some("more than one row for one leg"),
                (None, _) | (_, None) => Some("the symbol is not registered"),
                (_, Some(mode)) if !mode.has(row.leg) => Some("a leg that the position mode does not have"),
                _ if row.leg.only_side().is_some_and(|side| side != row.side) => {
                    Some("a side that the leg cannot have")
                }
                _ if row.contract_size.is_some_and(|said| size.is_some_and(|has| has != said)) => {
                    Some("a contract size that the instrument does not have")
                }
                // Found out when it is adopted it would be too late: what stood there before is gone by then.
                _ if instrument.is_some_and(|of| of.check_price("entry", row.entry).is_err()) => {
                    Some("an entry price that the instrument cannot have")
                }
                _ if instrument.is_some_and(|of| !has_a_cost(of, row)) => {
                    Some("a size and an entry price whose product is nothing, or no number that can be kept")
                }
                _ => None,
            };
            match (wrong, id) {
                (None, Some(id)) => {
                    self.rows.insert((id, row.leg), row);
                    if self.compares(id) {
                        readable.push((id, row));
                    }
                }
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
                    if fault("bad_row_aborts") {
                        break;
                    }
                }
            }
        }
        (readable, unread)
    }

    fn compares(&self, id: InstrumentId) -> bool {
        match self.which {
            Which::All => true,
            Which::Only(these) => these.contains(&id),
        }
    }

    /// The keys that are compared.
    fn keys(&self) -> Vec<&'a KeyState> {
        let view = self.view;
        match self.which {
            Which::All => view.keys().collect(),
            Which::Only(these) => these.iter().flat_map(|id| view.keys_of(*id)).collect(),
        }
    }

    pub(super) fn policy(&self, symbol: &Symbol, key: PositionKey) -> &'a Policy {
        self.policies.of(symbol, key)
    }

    /// One row against what the book has on its leg.
    fn row(&mut self, id: InstrumentId, row: &VenuePosition) {
        self.compared += 1;
        let leg = if fault("one_leg") { Leg::Long } else { row.leg };
        let key = PositionKey { instrument: id, leg, owner: Owner::UNOWNED };
        let venue = signed(row.side, row.quantity);
        let leg = Band::of(self.view, id, leg);
        if leg.low <= venue && venue <= leg.high {
            return self.fields(row, &leg);
        }
        let symbol = row.symbol.clone();
        if leg.owners.is_empty() && !leg.busy {
            return self.venue_only(key, row);
        }
        if fault("presence_only") {
            return;
        }
        // Per instrument and leg, never per owner: whose part is wrong nobody can say, so what freezes one freezes all of
        // them (R12).
        for key in leg.owners.clone() {
            let discrepancy = Discrepancy::Differs { symbol: symbol.clone(), key, book: leg.booked, venue };
            let policy = self.policy(&symbol, key);
            if leg.busy {
                self.decide(key, discrepancy, busy());
            } else if self.is_tolerated(policy, id, (leg.booked - venue).abs()) {
                self.items.push(Item { discrepancy, repair: Repair::Report });
            } else {
                let way = if turned(leg.booked, venue) { policy.ways.side } else { policy.ways.quantity };
                self.differs(policy, way, (key, discrepancy), row, &leg);
            }
        }
    }

    fn venue_only(&mut self, key: PositionKey, row: &VenuePosition) {
        let policy = self.policy(&row.symbol, key);
        let Item { discrepancy, repair } = self.adoption(policy, key, row);
        let (side, quantity) = (row.side, row.quantity);
        let repair = match policy.ways.venue_only {
            Way::VenueWins => repair,
            Way::BookWins => stands(-signed(side, quantity)),
            Way::Report => named(),
            Way::Quarantine => self.quarantine(key, &format!("only the venue has {side} {quantity} here")),
        };
        self.decide(key, discrepancy, repair);
    }

    fn adoption(&self, policy: &Policy, key: PositionKey, row: &VenuePosition) -> Item {
        let (side, quantity, entry, leverage) = (row.side, row.quantity, row.entry, row.stated_leverage());
        let adoption = Adoption {
            key,
            side,
            quantity,
            entry,
            leverage,
            rule: policy.adopt_rule,
            asked: self.asked,
            report_time: self.report.venue_time,
        };
        let symbol = row.symbol.clone();
        let discrepancy = Discrepancy::VenueOnly { symbol, key, side, quantity, entry, leverage };
        Item { discrepancy, repair: Repair::Adopt(adoption) }
    }

    /// What is done about another side or size.
    fn differs(
        &mut self,
        policy: &Policy,
        way: Way,
        (key, discrepancy): (PositionKey, Discrepancy),
        row: &VenuePosition,
        leg: &Band,
    ) {
        let venue = signed(row.side, row.quantity);
        let less = turned(leg.booked, venue) || venue.abs() < leg.booked.abs();
        let why = format!("the book has {}, the venue {venue}", leg.booked);
        // Somebody has taken off what owners hold here: whose part is gone nobody can say (R12).
        let shared = leg.owners.len() > 1 || key.owner != Owner::UNOWNED;
        let position = self.view.get(key);
        let repair = match (way, position) {
            (Way::Report | Way::BookWins, _) if shared && less => self.quarantine(key, &why),
            (Way::Report, _) => named(),
            (Way::BookWins, _) => stands(leg.booked - venue),
            (Way::VenueWins, _) if less && !policy.drops => only_adopts(),
            (Way::VenueWins, Some(open)) if !shared && turned(leg.booked, venue) => {
                // Another position: this one goes, and that one comes by the same proof.
                let (asked, report_time) = (self.asked, self.report.venue_time);
                let gone = DropPosition { key, position: open.id, asked, report_time, reason: why };
                self.decide(key, discrepancy, Repair::Drop(gone));
                if self.items.last().is_some_and(|item| matches!(item.repair, Repair::Drop(_))) {
                    let comes = self.adoption(policy, key, row);
                    self.items.push(comes);
                }
                return;
            }
            (Way::VenueWins, Some(open)) if !shared && (less || !self.is_assumed(key)) => {
                Repair::Correct(Correction {
                    key,
                    position: open.id,
                    to: Corrected::Quantity { quantity: row.quantity, entry: row.entry },
                    asked: self.asked,
                    report_time: self.report.venue_time,
                    reason: why,
                })
            }
            (Way::VenueWins | Way::Quarantine, _) => self.quarantine(key, &why),
        };
        self.decide(key, discrepancy, repair);
    }

    /// Whether fills have yet to explain what of a key was adopted: a second assumption on top could not be told from it.
    fn is_assumed(&self, key: PositionKey) -> bool {
        let baseline = self.view.key(key).and_then(|stands| stands.baseline.as_ref());
        baseline.and_then(|b| b.adopted.as_ref()).is_some_and(|adopted| !adopted.quantity.is_zero())
    }

    /// Whether a difference in size lies within what the policy tolerates.
    fn is_tolerated(&self, policy: &Policy, id: InstrumentId, difference: Decimal) -> bool {
        let step = self.view.instrument(id).map(|instrument| instrument.quantity_step().get());
        let most = step.and_then(|step| step.checked_mul(policy.tolerance.quantity_steps.into()));
        most.is_some_and(|most| difference <= most)
    }

    /// What the book has and a complete report does not (R10).
    fn absent(&mut self) {
        for position in self.keys().into_iter().filter_map(|key| key.position.as_ref()) {
            let key = position.key;
            let Some(symbol) = self.covered(key) else { continue };
            if self.rows.contains_key(&(key.instrument, key.leg)) {
                continue;
            }
            self.compared += 1;
            let leg = Band::of(self.view, key.instrument, key.leg);
            if leg.low <= Decimal::ZERO && Decimal::ZERO <= leg.high {
                continue;
            }
            let (side, quantity) = (position.side, position.quantity);
            let policy = self.policy(&symbol, key);
            let discrepancy = Discrepancy::BookOnly { symbol, key, position: position.id, side, quantity };
            let repair = if leg.busy {
                busy()
            } else if !policy.drops {
                only_adopts()
            } else if leg.owners.len() > 1 {
                // Whose part is gone nobody can say.
                self.quarantine(key, "the venue does not have what several owners share here")
            } else if key.owner != Owner::UNOWNED && !self.is_consented(policy) {
                // Everything its owner ordered is booked, so somebody else has taken it off, and the fill that says so
                // will be nobody's: dropped here, it would be missing there (R12).
                self.quarantine(key, "the venue does not have it, and its owner has not closed it")
            } else if self.is_empty() && policy.consent == Consent::Missing {
                self.quarantine(key, "an empty report against an open position, without consent")
            } else {
                let reason = "the venue does not have it".to_owned();
                let (asked, report_time) = (self.asked, self.report.venue_time);
                match policy.ways.book_only {
                    Way::VenueWins => {
                        Repair::Drop(DropPosition { key, position: position.id, asked, report_time, reason })
                    }
                    Way::BookWins => stands(signed(side, quantity)),
                    Way::Report => named(),
                    Way::Quarantine => self.quarantine(key, &reason),
                }
            };
            self.decide(key, discrepancy, repair);
        }
    }

    /// Blocked keys on which the venue has exactly what the book has, while nothing is in flight there (R10).
    fn agreeing(&mut self) {
        let blocked = |key: &&KeyState| key.troubles.iter().any(|t| t.kind.ends_by_agreement());
        let blocked: Vec<&KeyState> = self.keys().into_iter().filter(blocked).collect();
        if blocked.is_empty() {
            return;
        }
        for key in blocked {
            let key = key.key;
            // What keeps it blocked may stand elsewhere.
            self.open.insert(key.instrument);
            let Some(symbol) = self.covered(key) else { continue };
            let row = self.rows.get(&(key.instrument, key.leg)).copied();
            self.compared += 1;
            let leg = Band::of(self.view, key.instrument, key.leg);
            let quantity = row.map_or(Decimal::ZERO, |row| signed(row.side, row.quantity));
            let doubted = row.is_none() && self.is_doubted(self.policy(&symbol, key));
            if leg.busy || quantity != leg.booked || doubted || self.freezes(key) {
                continue;
            }
            let discrepancy = Discrepancy::Agrees { symbol, key, quantity };
            let repair = match self.unproved(key, &discrepancy) {
                Some(why) => Repair::Wait(why),
                None => {
                    let why = format!("the book and the venue have {quantity}");
                    Repair::Release { key, why, asked: self.asked }
                }
            };
            self.items.push(Item { discrepancy, repair });
        }
    }

    /// The very report that freezes what is open is no word about what is flat. What several owners hold against one another
    /// comes to nothing on the account: there an empty report contradicts nothing (R12).
    fn is_doubted(&self, policy: &Policy) -> bool {
        self.is_empty()
            && policy.consent == Consent::Missing
            && self.view.iter().any(|position| {
                let PositionKey { instrument, leg, .. } = position.key;
                self.covered(position.key).is_some() && !Band::of(self.view, instrument, leg).booked.is_zero()
            })
    }

    /// Whether this report freezes a key for another field than its quantity, or would if it were proved.
    fn freezes(&self, key: PositionKey) -> bool {
        let stands = |repair: &Repair| matches!(repair, Repair::Quarantine { .. } | Repair::Wait(_));
        self.items.iter().any(|item| item.discrepancy.key() == Some(key) && stands(&item.repair))
    }

    /// A repair needs proof; a difference that waits for it too often blocks its key for new risk (R9).
    fn decide(&mut self, key: PositionKey, discrepancy: Discrepancy, repair: Repair) {
        let skips = self.policy(discrepancy.symbol(), key).skips.max(1);
        let unproved = self.unproved(key, &discrepancy);
        let mut repair = match (repair, unproved) {
            (Repair::Wait(why), _) | (_, Some(why)) => Repair::Wait(why),
            (repair, None) => repair,
        };
        if matches!(repair, Repair::Wait(_)) {
            self.waiting.push(key);
            if self.earlier.undecided(key) >= skips && !fault("skips_forgiven") {
                let why = format!("no report decided a difference in {} runs", skips);
                repair = Repair::Quarantine { key, why, asked: None };
            }
        }
        self.items.push(Item { discrepancy, repair });
    }

    /// Why this report does not prove what it says: it must be newer than everything booked, or one of enough equal ones
    /// in a row (R8, R10). `None`: it does.
    pub(super) fn unproved(&mut self, key: PositionKey, said: &Discrepancy) -> Option<String> {
        let (last_fill, untimed, changed) = self.view.freshness(key.instrument).unwrap_or_default();
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
        self.seen.push(said.clone());
        // A fill without a venue time may be younger than any report: then time proves nothing.
        let newer = time.is_some() && !untimed && self.newest;
        // One alone is no confirmation, whatever a policy says (R10).
        let enough = self.policy(said.1.symbol(), key).confirmations.max(2);
        (!newer && told < enough)
            .then(|| format!("told {told} of {enough} times by reports whose time proves nothing"))
    }

    /// A difference that a reconciliation cannot repair, or that is no matter of quantity: it waits for proof without being
    /// counted (R9).
    pub(super) fn note(&mut self, key: PositionKey, discrepancy: Discrepancy, repair: Repair) {
        let repair = match (repair, self.unproved(key, &discrepancy)) {
            (Repair::Report, _) => Repair::Report,
            (_, Some(why)) => Repair::Wait(why),
            (repair, None) => repair,
        };
        self.items.push(Item { discrepancy, repair });
    }

    /// What a report's own time is.
    pub(super) fn report_time(&self) -> Option<crate::model::Timestamp> {
        self.report.venue_time
    }

    pub(super) fn quarantine(&self, key: PositionKey, why: &str) -> Repair {
        Repair::Quarantine { key, why: why.to_owned(), asked: Some(self.asked) }
    }

    /// The symbol of a key, if the report is about it.
    fn covered(&self, key: PositionKey) -> Option<Symbol> {
        let symbol = self.view.instrument(key.instrument)?.symbol();
        self.report.scope.covers(symbol).then(|| symbol.clone())
    }

    /// Whether the report is empty and a person says that this means flat.
    fn is_consented(&self, policy: &Policy) -> bool {
        self.is_empty() && policy.consent == Consent::EmptyMeansFlat
    }

    /// Whether the report has nothing at all: no rows, or rows of nothing.
    fn is_empty(&self) -> bool {
        // What the book does not account for says nothing about what it does.
        let known = |row: &VenuePosition| self.view.id(row.symbol.as_str()).is_some();
        self.report.rows.iter().all(|row| row.quantity.is_zero() || !known(row))
    }
}

/// Whether a row can be adopted: its size times its entry is an amount of money.
fn has_a_cost(instrument: &Instrument, row: &VenuePosition) -> bool {
    instrument.value("a position's cost", row.quantity, row.entry).is_ok_and(|cost| !cost.is_zero())
}

fn busy() -> Repair {
    Repair::Wait("orders are unresolved here; compared again when they are".to_owned())
}

fn only_adopts() -> Repair {
    Repair::Wait("this run only adopts".to_owned())
}

fn named() -> Repair {
    Repair::Wait("only named, as the policy says".to_owned())
}

/// The book's figure stands; what it would take at the venue is said, and not sent.
fn stands(missing: Decimal) -> Repair {
    let side = if missing > Decimal::ZERO { OrderSide::Buy } else { OrderSide::Sell };
    Repair::Wait(format!(
        "the book's figure stands; at the venue it takes: {side} {}",
        missing.abs().normalize()
    ))
}
