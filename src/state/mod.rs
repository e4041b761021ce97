//! WHICH changes are legal: [`State`], [`decide`] and [`State::apply`]. Pure; the only place with the persistent map.
//!
//! `state(n) = apply(... apply(empty, change 1) ..., change n)` (I5). `decide` says what a command would do to a state,
//! or why not; `apply` puts what was decided in place and does no arithmetic of its own beyond the totals. The live
//! book, a replica and a restore call these two and nothing else.
#![allow(clippy::disallowed_types, reason = "the one module with the persistent map")]

mod baseline;
mod batch;
mod correct;
mod decide;
mod fills;
mod funding;
mod groups;
#[cfg(feature = "journal")]
mod image;
mod orders;
mod repair;
mod reserve;
mod ring;
mod slot;
mod targets;
mod totals;
mod trail;

use std::hash::{BuildHasherDefault, Hash, Hasher};

use serde::{Deserialize, Serialize};

pub(crate) use batch::{Refused, advance};
pub(crate) use decide::decide;
pub use decide::{Answer, FillOutcome};
#[cfg(feature = "journal")]
pub(crate) use image::Under;
pub(crate) use ring::Ring;
pub(crate) use slot::Slot;
pub use totals::{Money, Totals};

use crate::error::{Reason, Rejection};
use crate::model::{
    Change, ClientOrderId, Command, Effect, Epoch, ExitPlan, Instrument, InstrumentId, KeyState, Limits,
    PositionKey, Seen, Sequence, Symbol, TargetRule,
};
use crate::sync::Arc;

/// How many fills a slot remembers at least, to recognise one that comes again (R3).
pub(crate) const FILLS_REMEMBERED: usize = 128;
/// How many funding payments a slot remembers at least, to recognise one that comes again.
pub(crate) const FUNDINGS_REMEMBERED: usize = 64;
/// How many finished orders a slot remembers at least, to find the key of a late fill (R2).
pub(crate) const ORDERS_REMEMBERED: usize = 64;

/// What a book is told when it is built, and never changes: every replica must have the same.
///
/// ```
/// use posbook::{Limits, Settings};
///
/// let (limits, default_rule, default_exits) = (Limits::default(), None, None);
/// let settings =
///     Settings { book: 1, epoch: 1, limits, default_rule, default_exits, instruments: 16, patience_ns: 1 };
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Settings {
    /// The book's name in client order ids.
    pub book: u32,
    /// Which opening of it this is (R15).
    pub epoch: Epoch,
    /// What it refuses to exceed.
    pub limits: Limits,
    /// Targets of positions that are born without an order of ours. `None`: such a position is unprotected (R5).
    pub default_rule: Option<TargetRule>,
    /// The exit plan of positions and orders that bring none. `None`: they have none.
    pub default_exits: Option<Arc<ExitPlan>>,
    /// How many instruments can be registered.
    pub instruments: usize,
    /// How long an order may take before it is overdue, in nanoseconds.
    pub patience_ns: u64,
}

/// Dense ids are their own hash: the low bits already differ, and a fixed hash lists every replica in the same order.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 << 8) | u64::from(*byte);
        }
    }

    fn write_u32(&mut self, id: u32) {
        self.0 = u64::from(id);
    }
}

type Slots = im::GenericHashMap<InstrumentId, Arc<Slot>, BuildHasherDefault<IdHasher>, im::shared_ptr::ArcK>;

/// Everything a book knows at one sequence: an immutable value in use, cheap to copy because it shares its structure.
#[derive(Debug, Clone)]
pub(crate) struct State {
    settings: Arc<Settings>,
    /// The openings of the journal, by epoch, and the last change before each; nothing of a book that no journal keeps. What one of
    /// them named later than the next began, a crash has forgotten. Not in the digest: it follows from the openings.
    began: Arc<[(Epoch, Sequence)]>,
    sequence: Sequence,
    slots: Slots,
    names: im::OrdMap<Symbol, InstrumentId>,
    totals: Totals,
    /// Fills of unknown instruments that were taken note of.
    strays: Ring<Seen>,
}

impl State {
    /// Nothing has happened.
    pub(crate) fn empty(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            began: Arc::from([]),
            sequence: Sequence(0),
            slots: Slots::default(),
            names: im::OrdMap::new(),
            totals: Totals::default(),
            strays: Ring::new(FILLS_REMEMBERED),
        }
    }

    /// Puts one change in place (I5).
    ///
    /// # Errors
    /// The change is not the next one, or does not start from what stands here: the changes come from another book or
    /// some are missing. Nothing is changed then.
    pub(crate) fn apply(&mut self, change: &Change) -> Result<(), Rejection> {
        // I4, on the way in: a gap here would be a gap in every replica.
        if change.sequence != self.sequence.after(1) {
            let rule = "is not the sequence that comes next; changes are missing or out of order";
            return Err(Reason::OutOfRange { what: "change", value: change.sequence.0.into(), rule }.into());
        }
        self.put(change.sequence, change.command(), &change.effect)
    }

    /// Puts what was decided in place, as the next change.
    fn put(&mut self, sequence: Sequence, command: &Command, effect: &Effect) -> Result<(), Rejection> {
        match effect {
            Effect::Instrument { id, instrument } => self.put_instrument(*id, instrument),
            Effect::Stray { seen, .. } => {
                self.totals.strays += 1;
                self.strays.push(*seen);
            }
            Effect::Key { kind, before, after, seen, .. } => {
                // What is only noted is nothing that a report is about (R8).
                let dated = (!kind.only_notes()).then_some(sequence);
                self.put_key(dated, command, before.as_ref(), after, seen.as_ref())?;
            }
        }
        self.sequence = sequence;
        Ok(())
    }

    fn put_instrument(&mut self, id: InstrumentId, instrument: &Arc<Instrument>) {
        self.names.insert(instrument.symbol().clone(), id);
        match self.slots.get_mut(&id) {
            Some(slot) => Arc::make_mut(slot).instrument = Arc::clone(instrument),
            None => {
                self.slots.insert(id, Arc::new(Slot::new(id, Arc::clone(instrument))));
            }
        }
    }

    fn put_key(
        &mut self,
        dated: Option<Sequence>,
        command: &Command,
        before: Option<&Arc<KeyState>>,
        after: &Arc<KeyState>,
        seen: Option<&Seen>,
    ) -> Result<(), Rejection> {
        let key = after.key;
        let slot = self.slots.get_mut(&key.instrument).ok_or_else(|| unknown(key.instrument))?;
        let stands = slot.key(key);
        let revision = |of: Option<&Arc<KeyState>>| of.map(|k| k.revision);
        if revision(stands) != revision(before) {
            let [expected, found] = [before, stands].map(|of| revision(of).unwrap_or_default());
            return Err(Reason::OtherRevision { key, expected, found }.into());
        }
        self.totals.replace(stands, after, &slot.instrument)?;
        // The fill that finishes an order may be the only one it ever had: what fed it is the fill's kind then.
        let fed = match command {
            Command::Record(fill) => Some(fill.shape.source()),
            _ => None,
        };
        let slot = Arc::make_mut(slot);
        slot.put(after, seen, fed);
        slot.revision = dated.unwrap_or(slot.revision);
        if let Command::Fund(paid) = command {
            slot.fund(paid);
        }
        // A report without a venue time that changed something: no time says any more what is newer than that (R8).
        slot.untimed |= match command {
            Command::Adopt(found) => found.report_time.is_none(),
            Command::Drop(gone) => gone.report_time.is_none(),
            Command::Correct(right) => right.moves_quantity() && right.report_time.is_none(),
            _ => false,
        };
        Ok(())
    }

    /// Takes one slot over from another state of the same book: into its own memory if nobody else holds that, so that it
    /// can be changed in place.
    pub(crate) fn follow_slot(&mut self, other: &Self, id: InstrumentId) {
        match (self.slots.get_mut(&id), other.slots.get(&id)) {
            (Some(mine), Some(theirs)) => match Arc::get_mut(mine) {
                Some(mine) => mine.clone_from(theirs),
                None => *mine = Arc::clone(theirs),
            },
            (None, Some(theirs)) => {
                self.slots.insert(id, Arc::clone(theirs));
            }
            // Registered by a candidate that lost.
            (Some(_), None) => {
                self.slots.remove(&id);
            }
            (None, None) => {}
        }
    }

    /// Whether what a change of `other`'s history did to its slot, and all that came after it there, is in here already. `false`
    /// where nobody knows.
    pub(crate) fn has(&self, other: &Self, change: &Change) -> bool {
        // Only what happens to a key can be told by its keys.
        let Some(id) = change.key().map(|key| key.instrument) else { return change.instrument().is_none() };
        match (self.slots.get(&id), other.slots.get(&id)) {
            (Some(mine), Some(theirs)) => mine.newest() == theirs.newest(),
            _ => false,
        }
    }

    /// Takes every slot over.
    pub(crate) fn follow_slots(&mut self, other: &Self) {
        // Ids are dense.
        let most = u32::try_from(self.slots.len().max(other.slots.len())).unwrap_or(u32::MAX);
        (0..most).for_each(|id| self.follow_slot(other, InstrumentId(id)));
    }

    /// How many instruments are known.
    pub(crate) fn slot_count(&self) -> usize {
        self.slots.len()
    }

    /// Takes everything over that is no slot.
    pub(crate) fn follow_sums(&mut self, other: &Self) {
        self.sequence = other.sequence;
        self.totals.clone_from(&other.totals);
        self.strays.clone_from(&other.strays);
        if !self.names.ptr_eq(&other.names) {
            self.names = other.names.clone();
        }
    }

    /// The sequence of the last change.
    pub(crate) fn sequence(&self) -> Sequence {
        self.sequence
    }

    #[cfg(feature = "journal")]
    /// Goes on under the settings of another opening of the same book; and where each of its openings began (R15).
    pub(crate) fn reopen(&mut self, settings: Arc<Settings>, began: Arc<[(Epoch, Sequence)]>) {
        self.settings = settings;
        self.began = began;
    }

    /// Whether an order of ours is one that nothing is known of because a crash has forgotten its claim. A claim that is on the
    /// disk has a sequence up to where the opening after its own began, whatever became of its order since.
    pub(crate) fn has_forgotten(&self, order: ClientOrderId) -> bool {
        let later = self.began.partition_point(|(epoch, _)| *epoch <= order.epoch);
        let next = self.began.get(later).filter(|(epoch, _)| *epoch <= self.settings.epoch);
        order.book == self.settings.book && next.is_some_and(|(_, began)| order.sequence > *began)
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn totals(&self) -> &Totals {
        &self.totals
    }

    pub(crate) fn slot(&self, id: InstrumentId) -> Option<&Arc<Slot>> {
        self.slots.get(&id)
    }

    pub(crate) fn key(&self, key: PositionKey) -> Option<&Arc<KeyState>> {
        self.slots.get(&key.instrument)?.key(key)
    }

    /// Every slot, in the order of the instruments' ids.
    pub(crate) fn slots(&self) -> impl Iterator<Item = &Arc<Slot>> {
        (0..u32::try_from(self.slots.len()).unwrap_or(u32::MAX))
            .filter_map(|id| self.slots.get(&InstrumentId(id)))
    }

    pub(crate) fn instruments(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn id_of(&self, symbol: &str) -> Option<InstrumentId> {
        let symbol: Symbol = symbol.parse().ok()?;
        self.names.get(&symbol).copied()
    }

    /// A fingerprint of everything: equal for two states if their content is equal, wherever and however they were
    /// made (I5). Costs a pass over the whole book.
    pub(crate) fn digest(&self) -> u128 {
        let mut hasher = Fingerprint::default();
        self.settings.hash(&mut hasher);
        self.sequence.hash(&mut hasher);
        self.totals.hash(&mut hasher);
        self.strays.hash(&mut hasher);
        for slot in self.slots() {
            slot.hash(&mut hasher);
        }
        hasher.0.digest128()
    }
}

pub(crate) fn unknown(id: InstrumentId) -> Rejection {
    Reason::UnknownInstrument { asked: format!("instrument {id}"), near: Vec::new() }.into()
}

/// XXH3 as a `Hasher`: the same on every machine and in every run.
#[derive(Default)]
pub(crate) struct Fingerprint(pub(crate) xxhash_rust::xxh3::Xxh3);

impl Hasher for Fingerprint {
    fn finish(&self) -> u64 {
        self.0.digest()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}
