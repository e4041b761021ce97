//! `decide`: what a command would do to a state, or why it may not. One question, asked again on every turn of the one
//! loop, and again later by whoever verifies.

use smallvec::SmallVec;

use super::{Slot, State, batch, correct, fills, funding, groups, orders, repair, reserve, targets, trail};
use crate::error::{Found, Reason, Rejection};
use crate::model::{
    Amount, Cause, ClientOrderId, Command, Effect, FillNote, Instrument, InstrumentId, KeyState, Kind,
    Position, PositionKey, Precondition, Publication, Sequence, Timestamp,
};
use crate::sync::{Arc, fault};

/// What became of a command that was accepted.
///
/// ```
/// use posbook::{Answer, Book, Command};
///
/// let book = Book::builder().build()?;
/// assert_eq!(book.apply(Command::Expire)?.answer, Answer::Done);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// It was done, or there was nothing to do.
    Done,
    /// An order now claims its key under this name.
    Reserved(ClientOrderId),
    /// The instrument has this id.
    Registered(InstrumentId),
    /// What became of a fill.
    Fill(FillOutcome),
    /// What became of each command of a batch, in order.
    Batch(Vec<Answer>),
}

/// What became of a fill. Whatever it says, nothing was lost.
///
/// ```
/// use posbook::{Book, Fill, FillOutcome, Instrument, OrderSide};
///
/// let book = Book::builder().build()?;
/// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// let fill = Fill::trade(btc, "1".parse()?, OrderSide::Buy, "1".parse()?, "50000".parse()?);
/// assert!(matches!(book.record(fill.clone())?.outcome, FillOutcome::Booked { .. }));
/// assert_eq!(book.record(fill)?.outcome, FillOutcome::Duplicate); // the same fill twice changes nothing
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FillOutcome {
    /// It moved the position.
    Booked {
        /// What was remarkable about it.
        notes: SmallVec<[FillNote; 2]>,
    },
    /// It had been booked before; nothing changed (I11).
    Duplicate,
    /// It is older than what is remembered: neither booked nor dropped; the key is blocked for new risk (R3).
    TooOldToTell,
    /// It had been booked before with other content; the key is blocked for new risk (R3).
    Conflict,
    /// It could not be folded; it is kept as it came, and the key is blocked for new risk (R4).
    Unbooked {
        /// Why not.
        why: String,
    },
}

/// What was decided: effects in order, all published at once or none.
pub(crate) struct Decision {
    pub(crate) effects: SmallVec<[Effect; 2]>,
    pub(crate) answer: Answer,
}

impl Decision {
    pub(crate) fn nothing(answer: Answer) -> Self {
        Self { effects: SmallVec::new(), answer }
    }

    pub(crate) fn one(effect: Effect, answer: Answer) -> Self {
        Self { effects: smallvec::smallvec![effect], answer }
    }
}

/// Decides a command against a state. The publication has the sequences that follow the state's; `None` if there is
/// nothing to do. A rejection carries the command and what stands on its key.
pub(crate) fn decide(state: &State, cause: &Arc<Cause>) -> Result<(Option<Publication>, Answer), Rejection> {
    let base = state.sequence();
    if !cause.then.is_empty() {
        return batch::advance(&mut state.clone(), cause).map_err(|refused| refused.rejection);
    }
    let Decision { effects, answer } = one(&Ask { state, cause, next: base.after(1) }, &cause.command)?;
    Ok((Publication::stamp(base, cause, effects.into_iter().map(|effect| (0, effect))), answer))
}

/// Decides one command. A rejection carries the command and what stands on its key.
pub(super) fn one(ask: &Ask<'_>, command: &Command) -> Result<Decision, Rejection> {
    let (state, observed) = (ask.state, &ask.cause.observed);
    decided(ask, command, observed.time).map_err(|refused| {
        let at = command.key().and_then(|key| Some((state.slot(key.instrument)?, key)));
        let standing = at.and_then(|(slot, key)| slot.key(key)?.position.as_ref());
        let place = at.map(|(slot, key)| (slot.instrument.symbol(), key));
        refused.of(command).with_standing(standing).at(place)
    })
}

fn decided(ask: &Ask<'_>, command: &Command, now: Timestamp) -> Result<Decision, Rejection> {
    match command {
        Command::Register(instrument) => register(ask, instrument),
        Command::Open(wish) => reserve::open(ask, wish),
        Command::ScaleIn(wish) => reserve::scale_in(ask, wish),
        Command::ScaleOut(wish) => reserve::scale_out(ask, wish),
        // A close of a part is a scale-out, whatever it was wrapped in.
        Command::Close(wish) if wish.amount == Amount::All => reserve::close(ask, wish),
        Command::Close(wish) => reserve::scale_out(ask, wish),
        Command::Step { key, order, step } => orders::step(ask, *key, *order, step),
        Command::Expire => Ok(orders::expire(ask, now)),
        Command::Record(fill) => fills::record(ask, fill),
        Command::Bust(bust) => fills::bust(ask, bust),
        Command::Fund(paid) => funding::fund(ask, paid),
        Command::Retarget(wish) => targets::retarget(ask, wish),
        Command::Trail { key, position } => trail::trail(ask, *key, *position),
        Command::Reach { key, position } => trail::reach(ask, *key, *position),
        Command::Plan(wish) => trail::replan(ask, wish),
        Command::Tag(wish) => groups::retag(ask, wish),
        Command::Adopt(found) => repair::adopt(ask, found),
        Command::Drop(gone) => repair::drop_position(ask, gone),
        Command::Correct(right) => correct::correct(ask, right),
        Command::Quarantine { key, why, asked } => repair::quarantine(ask, *key, why, *asked),
        Command::Confirm { key, asked, .. } => repair::confirm(ask, *key, *asked),
        Command::Accept { key, .. } => repair::accept(ask, *key),
        Command::StartClosing { key, position, cause } => repair::start_closing(ask, *key, *position, cause),
        Command::CancelClosing { key, .. } => repair::cancel_closing(ask, *key),
        Command::Expect { key, expect: expected } => {
            expect(&ask.key(ask.slot(*key)?, *key), *expected).map(|()| Decision::nothing(Answer::Done))
        }
    }
}

/// A command being decided: everything that the parts of `decide` look at.
pub(crate) struct Ask<'a> {
    pub(crate) state: &'a State,
    pub(crate) cause: &'a Cause,
    /// The sequence of the first change that would be published.
    pub(crate) next: Sequence,
}

impl<'a> Ask<'a> {
    /// The slot of a key, whose leg must be one that the instrument has.
    pub(crate) fn slot(&self, key: PositionKey) -> Result<&'a Slot, Rejection> {
        let slot = self.state.slot(key.instrument).ok_or_else(|| super::unknown(key.instrument))?;
        if slot.instrument.mode().has(key.leg) || slot.key(key).is_some() {
            return Ok(slot);
        }
        Err(wrong_leg(key))
    }

    /// As [`Ask::slot`], for what would put a position there: a leg that the mode lacks is only ever left (R12).
    pub(crate) fn slot_to_open(&self, key: PositionKey) -> Result<&'a Slot, Rejection> {
        let slot = self.slot(key)?;
        if slot.instrument.mode().has(key.leg) { Ok(slot) } else { Err(wrong_leg(key)) }
    }

    /// What stands at a key, as a value to change.
    pub(crate) fn key(&self, slot: &Slot, key: PositionKey) -> KeyState {
        slot.key(key).map_or_else(|| KeyState::flat(key), |stands| (**stands).clone())
    }

    /// One change of a key that concerns no fill.
    pub(crate) fn change(&self, slot: &Slot, kind: Kind, after: KeyState) -> Effect {
        sealed(self.next, slot, slot.key(after.key), kind, after)
    }
}

fn wrong_leg(key: PositionKey) -> Rejection {
    let found = match key.leg {
        crate::model::Leg::Net => "the net leg",
        crate::model::Leg::Long => "the long leg",
        crate::model::Leg::Short => "the short leg",
    };
    Reason::WrongLeg { key, found }.into()
}

/// A key's new value as an effect: it carries the sequence of its change, and so does the position if it is another.
pub(crate) fn sealed(
    sequence: Sequence,
    slot: &Slot,
    before: Option<&Arc<KeyState>>,
    kind: Kind,
    mut after: KeyState,
) -> Effect {
    after.revision = sequence;
    let old = before.and_then(|b| b.position.as_ref());
    if let Some(open) = &mut after.position
        && old != Some(&*open)
    {
        open.revision = sequence;
    }
    // A close lasts until the key is flat and no increase is unresolved (R7); then it is over. What no venue takes an order for ends
    // it too, once nothing is on its way: it would be sent and refused for ever (R18).
    let over = match &after.position {
        None => !after.orders.iter().any(|o| o.intent.increases()),
        Some(open) => after.orders.is_empty() && open.quantity < slot.instrument.minimum(),
    };
    if over {
        after.closing = None;
    }
    Effect::Key { kind, before: before.cloned(), after: Arc::new(after), seen: None, notes: SmallVec::new() }
}

/// The position of a key, or the refusal.
pub(crate) fn position(key: &KeyState) -> Result<&Position, Rejection> {
    key.position.as_ref().ok_or_else(|| Reason::NoPosition { key: key.key }.into())
}

/// Whether what a command expects still stands (decision 6).
pub(crate) fn expect(key: &KeyState, expected: Precondition) -> Result<(), Rejection> {
    match expected {
        Precondition::Nothing => Ok(()),
        Precondition::Absent => match (&key.position, key.orders.first()) {
            (Some(open), _) => {
                let (side, quantity) = (open.side, open.quantity);
                Err(Reason::AlreadyOpen { key: key.key, side, quantity }.into())
            }
            (None, Some(order)) => Err(Reason::AlreadyReserved { key: key.key, by: order.client_id }.into()),
            (None, None) => Ok(()),
        },
        Precondition::Position(id) => match &key.position {
            Some(position) if position.id == id || fault("no_identity") => Ok(()),
            Some(other) => {
                Err(Reason::OtherPosition { key: key.key, expected: id, found: Found::Position(other.id) }
                    .into())
            }
            None => Err(Reason::OtherPosition { key: key.key, expected: id, found: Found::Flat }.into()),
        },
        Precondition::Revision(revision) if revision == key.revision || fault("no_identity") => Ok(()),
        Precondition::Revision(expected) => {
            Err(Reason::OtherRevision { key: key.key, expected, found: key.revision }.into())
        }
    }
}

/// Makes an instrument known, or revises what may change under its id (R18).
fn register(ask: &Ask<'_>, wanted: &Instrument) -> Result<Decision, Rejection> {
    let symbol = wanted.symbol();
    let refused = |field| Err(Reason::InstrumentFixed { symbol: symbol.to_string(), field }.into());
    let Some(id) = ask.state.id_of(symbol.as_str()) else {
        let capacity = ask.state.settings().instruments;
        let id = u32::try_from(ask.state.instruments()).ok().filter(|id| (*id as usize) < capacity);
        let id = InstrumentId(id.ok_or(Reason::TooManyInstruments { capacity })?);
        let effect = Effect::Instrument { id, instrument: Arc::new(wanted.clone()) };
        return Ok(Decision::one(effect, Answer::Registered(id)));
    };
    let slot = ask.state.slot(id).ok_or_else(|| super::unknown(id))?;
    let (known, wish) = (slot.instrument.spec(), wanted.spec());
    if known == wish {
        return Ok(Decision::nothing(Answer::Registered(id)));
    }
    if known.kind != wish.kind {
        return refused("contract kind");
    }
    if known.contract_size != wish.contract_size {
        return refused("contract size");
    }
    if (&known.base, &known.quote, &known.settle) != (&wish.base, &wish.quote, &wish.settle) {
        return refused("currency");
    }
    if known.money_scale != wish.money_scale && (!slot.idle() || slot.keys().any(|k| k.ledger.fills > 0)) {
        return refused("money scale");
    }
    if known.mode != wish.mode && !slot.idle() {
        return Err(Reason::ModeInUse { symbol: symbol.to_string() }.into());
    }
    let effect = Effect::Instrument { id, instrument: Arc::new(wanted.clone()) };
    Ok(Decision::one(effect, Answer::Registered(id)))
}
