//! A recorded history in the words of the naive model: nothing of it is computed, only renamed.

use std::collections::HashMap;

use posbook::{
    Amount, Answer, ClientOrderId, Command, Decimal, Effect, Field, FillOutcome, InstrumentId, OrderRef,
    OrderSide, OrderState, OrderStep, Quantity, Ratchet, Reason, Settlement, Shape, Side, Snapshot,
};

use crate::history::{self, Event, History};
use crate::naive::{KeyPicture, No, Outcome, Purpose, Stage, Word};
use crate::search::{Call, Came};

/// The history has a word that the naive model does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown(pub String);

/// Renames a history; calls about the feed and the clock are left out.
///
/// # Errors
/// It has a word that the naive model does not know.
pub fn calls(history: &History) -> Result<Vec<Call>, Unknown> {
    let mut names = Names::default();
    // Handles are given out before anything else names them.
    for event in &history.events {
        for id in reserved(event) {
            names.order(id);
        }
    }
    let renamed = history.events.iter().filter_map(|event| names.call(event).transpose());
    renamed.collect()
}

/// The orders that a call reserved.
fn reserved(event: &Event) -> Vec<ClientOrderId> {
    match &event.came {
        history::Came::Published { answer: Some(Answer::Reserved(id)), .. } => vec![*id],
        history::Came::Published { publication: Some(publication), .. } if event.commands().len() > 1 => {
            let newest = publication.iter().filter_map(|change| match &change.effect {
                Effect::Key { after, .. } => after.orders.last().map(|order| order.client_id),
                _ => None,
            });
            newest.collect()
        }
        _ => Vec::new(),
    }
}

#[derive(Default)]
struct Names {
    orders: HashMap<ClientOrderId, usize>,
    trades: HashMap<(OrderRef, Shape), usize>,
}

impl Names {
    fn order(&mut self, id: ClientOrderId) -> usize {
        let next = self.orders.len();
        *self.orders.entry(id).or_insert(next)
    }

    fn call(&mut self, event: &Event) -> Result<Option<Call>, Unknown> {
        let word = match &event.asked {
            history::Asked::Snapshot | history::Asked::Reader => Word::Look,
            history::Asked::Feed { .. } | history::Asked::Clock => return Ok(None),
            history::Asked::Commands(commands) => {
                let mut handles = reserved(event).into_iter();
                let words: Result<Vec<Word>, Unknown> =
                    commands.iter().map(|command| self.word(command, handles.next())).collect();
                let mut words = words?;
                if words.len() == 1 { words.remove(0) } else { Word::Batch(words) }
            }
        };
        let came = self.came(event)?;
        Ok(Some(Call { invoked: event.invoked, returned: event.returned, word, came }))
    }

    fn word(&mut self, command: &Command, reserved: Option<ClientOrderId>) -> Result<Word, Unknown> {
        let unknown = || Unknown(format!("{command:?}"));
        // Refused, no handle was given out: any will do.
        let handle = reserved.map_or(usize::MAX, |id| self.order(id));
        Ok(match command {
            Command::Open(wish) => {
                let sign = if wish.side == Side::Long { 1 } else { -1 };
                let (key, purpose) = (place(wish.key.instrument), Purpose::Open);
                Word::Reserve { key, purpose, quantity: Some(sign * tenths(wish.quantity.get())), handle }
            }
            Command::ScaleIn(wish) => {
                let (key, purpose) = (place(wish.key.instrument), Purpose::Add);
                Word::Reserve { key, purpose, quantity: Some(tenths(wish.quantity.get())), handle }
            }
            Command::ScaleOut(wish) | Command::Close(wish) => {
                let key = place(wish.key.instrument);
                let (purpose, quantity) = match wish.amount {
                    Amount::Exactly(quantity) => (Purpose::Reduce, Some(tenths(quantity.get()))),
                    Amount::All => (Purpose::Close, None),
                    Amount::Share(_) => return Err(unknown()),
                };
                Word::Reserve { key, purpose, quantity, handle }
            }
            Command::Step { key, order, step } => {
                let (key, handle) = (place(key.instrument), self.order(*order));
                match step {
                    OrderStep::Sent => Word::Send { key, handle },
                    OrderStep::Release => Word::Release { key, handle },
                    OrderStep::Doubt { .. } => Word::Doubt { key, handle },
                    OrderStep::Unknown { .. } => Word::NotKnown { key, handle },
                    OrderStep::Complete { filled } | OrderStep::Refused { filled, .. } => {
                        Word::Final { key, handle, figure: tenths(filled.get()) }
                    }
                    _ => return Err(unknown()),
                }
            }
            Command::Record(fill) => {
                let OrderRef::Ours(order) = fill.order else { return Err(unknown()) };
                let next = self.trades.len();
                let trade = *self.trades.entry((fill.order.clone(), fill.shape.clone())).or_insert(next);
                let sign = if fill.side == OrderSide::Buy { 1 } else { -1 };
                let (key, handle) = (place(fill.instrument), self.order(order));
                Word::Fill { key, handle, trade, quantity: sign * tenths(fill.quantity.get()) }
            }
            Command::Retarget(wish) if wish.ratchet == Ratchet::Tighten && wish.take == Field::Keep => {
                let Field::Set(at) = wish.stop else { return Err(unknown()) };
                Word::Stop { key: place(wish.key.instrument), at: tenths(at.get()) }
            }
            _ => return Err(unknown()),
        })
    }

    fn came(&mut self, event: &Event) -> Result<Option<Came>, Unknown> {
        let fill = |outcome: &FillOutcome| match outcome {
            FillOutcome::Booked { .. } => Ok(Outcome::Booked),
            FillOutcome::Duplicate => Ok(Outcome::Duplicate),
            other => Err(Unknown(format!("{other:?}"))),
        };
        Ok(match &event.came {
            history::Came::Untold => None,
            history::Came::Published { answer: Some(Answer::Fill(outcome)), .. }
            | history::Came::Nothing { answer: Some(Answer::Fill(outcome)) } => {
                Some(Came::Is(fill(outcome)?))
            }
            history::Came::Published { .. } => Some(Came::Is(Outcome::Done)),
            history::Came::Nothing { .. } => Some(Came::Is(Outcome::Nothing)),
            history::Came::Accepted { settled: Some(settled), .. } => {
                Some(Came::Is(Outcome::Ended(*settled == Settlement::Settled)))
            }
            history::Came::Accepted { .. } => Some(Came::Well),
            history::Came::Refused(reason) => Some(Came::Is(Outcome::No(refusal(reason)))),
            history::Came::Picture { view: Some(view), .. } => {
                Some(Came::Is(Outcome::Picture(self.picture(view))))
            }
            history::Came::Picture { view: None, .. } => {
                return Err(Unknown("a picture that was not kept (Recorder::keep_views)".to_owned()));
            }
            other => return Err(Unknown(format!("{other:?}"))),
        })
    }

    fn picture(&mut self, view: &Snapshot) -> Vec<KeyPicture> {
        let of = |(id, _): (InstrumentId, _)| {
            let Some(key) = view.key(id) else { return KeyPicture::default() };
            let open = key.position.as_ref().map(|position| {
                let sign = if position.side == Side::Long { 1 } else { -1 };
                let stop = position.stop_loss().map_or(0, |stop| tenths(stop.get()));
                (sign * tenths(position.quantity.get()), stop)
            });
            let orders = key.orders.iter().map(|order| {
                let stage = match &order.state {
                    OrderState::Reserved => Stage::Reserved,
                    OrderState::Sent => Stage::Sent,
                    OrderState::Working => Stage::Working,
                    OrderState::Settling(told) => Stage::Settling(tenths(told.get())),
                    OrderState::InDoubt(_) => Stage::Doubt,
                };
                (self.order(order.client_id), stage, tenths(Quantity::get(order.booked)))
            });
            KeyPicture { open, orders: orders.collect(), closing: key.closing.is_some() }
        };
        view.instruments().map(of).collect()
    }
}

fn place(id: InstrumentId) -> usize {
    usize::try_from(id.0).unwrap_or(usize::MAX)
}

fn tenths(exact: Decimal) -> i64 {
    i64::try_from(exact * Decimal::TEN).unwrap_or(i64::MAX)
}

fn refusal(reason: &Reason) -> No {
    match reason {
        Reason::AlreadyOpen { .. } => No::AlreadyOpen,
        Reason::NoPosition { .. } => No::NoPosition,
        Reason::AlreadyReserved { .. } => No::Reserved,
        Reason::Closing { .. } => No::Closing,
        Reason::InDoubt { .. } => No::Doubt,
        Reason::ReduceBeyond { .. } => No::Beyond,
        Reason::WrongSideTarget { .. } => No::WrongSide,
        Reason::StopLoosened { .. } => No::Looser,
        Reason::OrderState { state: "finished", .. } | Reason::UnknownOrder { .. } => No::Gone,
        Reason::OrderState { .. } => No::Stage,
        Reason::FinalBelowBooked { .. } => No::BelowBooked,
        Reason::FinalTakenBack { .. } => No::TakenBack,
        Reason::OtherPosition { .. } => No::OtherPosition,
        _ => No::Other,
    }
}
